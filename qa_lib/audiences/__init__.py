"""Audiences: a named rule, its members and preview, why; saved versions, what changed, sets; suggestions."""

from qa_lib.audiences.audience import Audience, Base, Priority, audience_sentence
from qa_lib.audiences.comparing import Tgi, q_values, share_p_values, tgi
from qa_lib.audiences.cuts import explain_count
from qa_lib.audiences.deciding import Deciding, deciding
from qa_lib.audiences.differing import top_differing
from qa_lib.audiences.evaluate import (
    AudienceEvaluation,
    engine_of,
    evaluate,
    evaluate_on,
    members,
    person_ids,
    spark_engine,
)
from qa_lib.audiences.events import event_rows
from qa_lib.audiences.kept_members import Members, from_roaring, to_roaring
from qa_lib.audiences.learnt import LearntRule, Share, learn_rule
from qa_lib.audiences.library import AudienceLibrary
from qa_lib.audiences.matching import ActiveAudiences, AudienceMatcher
from qa_lib.audiences.over_time import membership_over_time
from qa_lib.audiences.people_diff import AudienceDiff, PeopleDiff, audience_diff, diff_people
from qa_lib.audiences.preview import (
    BREAKDOWN_BY,
    Preview,
    breakdown,
    masked,
    preview,
    sample,
    sample_fields,
    sampled,
    stamp,
)
from qa_lib.audiences.resolver import SavedAudiences
from qa_lib.audiences.seen import SeenEvent
from qa_lib.audiences.service import AudienceService
from qa_lib.audiences.sets import difference, intersection, overlap_counts, union, upset_counts
from qa_lib.audiences.suggest import suggest_values
from qa_lib.audiences.versions import ACTIVE, Version
from qa_lib.audiences.why import Explanation, NodeTruth, explain_person, why, why_not
from qa_lib.rules import Event

__all__ = [
    "ACTIVE",
    "BREAKDOWN_BY",
    "ActiveAudiences",
    "Audience",
    "AudienceDiff",
    "AudienceEvaluation",
    "AudienceLibrary",
    "AudienceMatcher",
    "AudienceService",
    "Base",
    "Deciding",
    "Event",
    "Explanation",
    "LearntRule",
    "Members",
    "NodeTruth",
    "PeopleDiff",
    "Preview",
    "Priority",
    "SavedAudiences",
    "SeenEvent",
    "Share",
    "Tgi",
    "Version",
    "audience_diff",
    "audience_sentence",
    "breakdown",
    "deciding",
    "diff_people",
    "difference",
    "engine_of",
    "evaluate",
    "evaluate_on",
    "event_rows",
    "explain_count",
    "explain_person",
    "from_roaring",
    "intersection",
    "learn_rule",
    "masked",
    "members",
    "membership_over_time",
    "overlap_counts",
    "person_ids",
    "preview",
    "q_values",
    "sample",
    "sample_fields",
    "sampled",
    "share_p_values",
    "spark_engine",
    "stamp",
    "suggest_values",
    "tgi",
    "to_roaring",
    "top_differing",
    "union",
    "upset_counts",
    "why",
    "why_not",
]
