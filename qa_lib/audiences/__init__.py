"""Audiences: a named rule, its members, its preview against the base; values to choose from, learnt rules."""

from qa_lib.audiences.audience import Audience, engine_of, members
from qa_lib.audiences.events import event_rows
from qa_lib.audiences.learnt import LearntRule, Share, learn_rule
from qa_lib.audiences.preview import BREAKDOWN_BY, Preview, breakdown, masked, preview, sample, stamp
from qa_lib.audiences.suggest import suggest_values
from qa_lib.rules import Event

__all__ = [
    "BREAKDOWN_BY",
    "Audience",
    "Event",
    "LearntRule",
    "Preview",
    "Share",
    "breakdown",
    "engine_of",
    "event_rows",
    "learn_rule",
    "masked",
    "members",
    "preview",
    "sample",
    "stamp",
    "suggest_values",
]
