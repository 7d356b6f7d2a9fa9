"""Audiences: a named rule, its members, and its preview against the base."""

from qa_lib.audiences.audience import Audience, engine_of, members
from qa_lib.audiences.preview import BREAKDOWN_BY, Preview, breakdown, masked, preview, sample, stamp

__all__ = [
    "BREAKDOWN_BY",
    "Audience",
    "Preview",
    "breakdown",
    "engine_of",
    "masked",
    "members",
    "preview",
    "sample",
    "stamp",
]
