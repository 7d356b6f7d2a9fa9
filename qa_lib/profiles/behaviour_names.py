"""What a family's tags are called: a name from what a tag measures, and never one name for two tags."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qa_lib.rules.windows import Ever, Last

if TYPE_CHECKING:
    from qa_lib.profiles.behaviour import BehaviourTag, FamilyMeasure

_MOST_NAME = 63
_UNIT_LETTERS = {"minute": "min", "hour": "h", "day": "d", "week": "w", "month": "mo"}


def tag_name(
    event: str,
    by: str | None,
    value: str | None,
    measure: FamilyMeasure,
    window: Last | Ever,
    *,
    is_apart: bool = False,
) -> str:
    """The name of a tag.

    Parameters
    ----------
    by, value
        The property that events are split by, and its value; None where all are measured together.
    is_apart
        Tell the value by its hash, as where another value is spelt alike but for what a name cannot carry.
    """
    parts = [event] if by is None else [event, by]
    if value is not None:
        parts.append(_hashed(value) if is_apart else slug(value))
    parts += [measure.property] if measure.property else []
    name = "_".join([*parts, measure.kind, _letters(window)])
    return name if len(name) <= _MOST_NAME else f"{name[: _MOST_NAME - 9]}_{_short(name)}"


def slug(value: str) -> str:
    """A value as part of a name; what a name cannot carry is told apart by a hash of the value.

    Values that differ in case only, or in blanks and hyphens, give the same: `told_apart` sees to those.
    """
    plain = _plain(value)
    if plain and len(plain) <= 20 and plain == value.lower().replace(" ", "_").replace("-", "_"):
        return plain
    return _hashed(value)


def told_apart(tags: Sequence[BehaviourTag], spelt: Mapping[str, str]) -> list[BehaviourTag]:
    """The tags, no two values under one name.

    A value keeps the name that it had. Of new values that would share a name the first in text order gets it, if
    it was nobody's; the others are told by their hash.

    Parameters
    ----------
    spelt
        By name, the value that it has stood for so far.
    """
    told = {tag.key: tag.apart() for tag in tags if tag.value is not None}

    def kept(tag: BehaviourTag) -> str | None:
        """The name that the value had."""
        names = (told[tag.key].name, tag.name)
        return next((name for name in names if spelt.get(name) == tag.value), None)

    first: dict[str, str] = {}
    for tag in sorted((t for t in tags if t.value is not None), key=lambda t: str(t.value)):
        if kept(tag) is None and tag.name not in spelt:
            first.setdefault(tag.name, tag.key)
    return [
        tag
        if tag.value is None or (kept(tag) or first.get(tag.name)) in (tag.name, tag.key)
        else told[tag.key]
        for tag in tags
    ]


def _plain(value: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")


def _hashed(value: str) -> str:
    plain = _plain(value)
    return f"{plain[:12]}_{_short(value)}".lstrip("_") if plain else f"v{_short(value)}"


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _letters(window: Last | Ever) -> str:
    if isinstance(window, Ever):
        return "ever"
    return f"{window.n}{_UNIT_LETTERS[window.unit]}{'c' if window.calendar else ''}"
