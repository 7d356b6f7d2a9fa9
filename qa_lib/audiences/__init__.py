"""Audiences: a named rule, its members and preview; saved versions, what changed, sets; suggestions."""

from qa_lib.audiences.audience import Audience, Base, audience_sentence
from qa_lib.audiences.evaluate import AudienceEvaluation, engine_of, evaluate, members, person_ids
from qa_lib.audiences.events import event_rows
from qa_lib.audiences.kept_members import Members, from_roaring, to_roaring
from qa_lib.audiences.learnt import LearntRule, Share, learn_rule
from qa_lib.audiences.library import AudienceLibrary
from qa_lib.audiences.people_diff import AudienceDiff, PeopleDiff, audience_diff, diff_people
from qa_lib.audiences.preview import BREAKDOWN_BY, Preview, breakdown, masked, preview, sample, stamp
from qa_lib.audiences.resolver import SavedAudiences
from qa_lib.audiences.sets import difference, intersection, overlap_counts, union, upset_counts
from qa_lib.audiences.suggest import suggest_values
from qa_lib.audiences.versions import ACTIVE, Version
from qa_lib.rules import Event

__all__ = [
    "ACTIVE",
    "BREAKDOWN_BY",
    "Audience",
    "AudienceDiff",
    "AudienceEvaluation",
    "AudienceLibrary",
    "Base",
    "Event",
    "LearntRule",
    "Members",
    "PeopleDiff",
    "Preview",
    "SavedAudiences",
    "Share",
    "Version",
    "audience_diff",
    "audience_sentence",
    "breakdown",
    "diff_people",
    "difference",
    "engine_of",
    "evaluate",
    "event_rows",
    "from_roaring",
    "intersection",
    "learn_rule",
    "masked",
    "members",
    "overlap_counts",
    "person_ids",
    "preview",
    "sample",
    "stamp",
    "suggest_values",
    "to_roaring",
    "union",
    "upset_counts",
]
