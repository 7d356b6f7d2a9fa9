"""Audiences: a named rule, its members, and its preview against the base."""

from qa_lib.audiences.audience import Audience, engine_of, members
from qa_lib.audiences.events import event_rows
from qa_lib.audiences.preview import BREAKDOWN_BY, Preview, breakdown, masked, preview, sample, stamp
from qa_lib.rules import Event

__all__ = [
    "BREAKDOWN_BY",
    "Audience",
    "Event",
    "Preview",
    "breakdown",
    "engine_of",
    "event_rows",
    "masked",
    "members",
    "preview",
    "sample",
    "stamp",
]
