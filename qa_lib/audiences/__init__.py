"""Audiences: a named rule, its members, its preview against the base, and why someone is in it or not."""

from qa_lib.audiences.audience import Audience, engine_of, members
from qa_lib.audiences.comparing import Tgi, q_values, share_p_values, tgi
from qa_lib.audiences.cuts import explain_count
from qa_lib.audiences.deciding import Deciding, deciding
from qa_lib.audiences.differing import top_differing
from qa_lib.audiences.events import event_rows
from qa_lib.audiences.over_time import membership_over_time
from qa_lib.audiences.preview import (
    BREAKDOWN_BY,
    Preview,
    breakdown,
    masked,
    preview,
    sample,
    sample_fields,
    stamp,
)
from qa_lib.audiences.seen import SeenEvent
from qa_lib.audiences.why import Explanation, NodeTruth, explain_person, why, why_not
from qa_lib.rules import Event

__all__ = [
    "BREAKDOWN_BY",
    "Audience",
    "Deciding",
    "Event",
    "Explanation",
    "NodeTruth",
    "Preview",
    "SeenEvent",
    "Tgi",
    "breakdown",
    "deciding",
    "engine_of",
    "event_rows",
    "explain_count",
    "explain_person",
    "masked",
    "members",
    "membership_over_time",
    "preview",
    "q_values",
    "sample",
    "sample_fields",
    "share_p_values",
    "stamp",
    "tgi",
    "top_differing",
    "why",
    "why_not",
]
