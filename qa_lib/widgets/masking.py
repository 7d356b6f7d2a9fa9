"""Identifiers and values as a screen may show them: enough to tell them apart, not enough to use them."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from qa_lib.audiences import masked

_OWN = re.compile(r"p\d{9}")
_LONGEST = 14


def masked_text(text: str) -> str:
    """A text of which a few characters stay readable; a long one, such as a hash, is shortened too."""
    if len(text) <= _LONGEST:
        return masked(text)
    return f"{text[:3]}••••{text[-3:]}"


def masked_value(value: Any) -> str:
    """A value of which its shape can be read; a dash where there is none."""
    return "—" if value is None or pd.isna(value) or value == "" else masked_text(str(value))


def shown_id(person: str | None) -> str:
    """A person's id: the workbench's own number whole, a source's id masked."""
    if person is None or pd.isna(person):
        return "—"
    return person if _OWN.fullmatch(person) else masked_text(person)
