"""The columns of the profile that people can be grouped by, and the groups' order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qa_lib.errors import SpecError, UnknownName, did_you_mean
from qa_lib.tables import NOT_RECORDED_GROUP, Label
from qa_lib.workspace import Snapshot

#: More groups than a reader can take in.
GROUP_LIMIT = 400
_FEW = 12
#: Columns of campaigns and of sends that figures can be grouped by, besides those of `profile`.
CAMPAIGN_COLUMNS = ("campaign_id", "campaign_type")
SEND_COLUMNS = (*CAMPAIGN_COLUMNS, "channel")


@dataclass(frozen=True)
class SegmentColumn:
    """A tag or attribute that people can be grouped by, and how many of them have a value."""

    name: str
    label: Label
    type: str
    people_count: int


def segment_columns(snapshot: Snapshot) -> tuple[SegmentColumn, ...]:
    """The columns of `profile` with few enough values to compare side by side, in catalogue order.

    Text tags with at most thirty values but without codes of stores, and booleans.
    """
    found = []
    for entry in snapshot.meta["tags"]:
        spec = entry["spec"]
        values = snapshot.meta["values"].get(spec["name"], ())
        if spec["type"] == "boolean" or (spec["type"] == "text" and 0 < len(values) < 30):
            found.append(_column(snapshot, spec))
    return tuple(found)


def check_columns(snapshot: Snapshot, names: Sequence[str]) -> None:
    """Refuse names that people or campaigns cannot be grouped by.

    Raises
    ------
    UnknownName
        When the profile has no such column.
    SpecError
        When it holds lists, so that groups would overlap, or is named twice.
    """
    specs = {entry["spec"]["name"]: entry["spec"] for entry in snapshot.meta["tags"]}
    for name in names:
        if name not in specs and name not in SEND_COLUMNS:
            known = [*SEND_COLUMNS, *specs]
            raise UnknownName(
                f"Cannot group by {name!r}: it is no column of campaigns or sends and no tag of the snapshot."
                f"{did_you_mean(name, known)} See qa_lib.profiles.tags(snapshot)."
            )
        if name in specs and specs[name]["type"] == "list":
            raise SpecError(
                f"Cannot group by {name!r}: a person may have several values. Use a tag with one value."
            )
    if len(set(names)) != len(names):
        raise SpecError(f"A column is named twice in {tuple(names)!r}. Name each once.")


def segment_text(value: Any) -> str:
    """A segment's value as the text that stands in frames; None is the group of those without one."""
    if value is None:
        return NOT_RECORDED_GROUP
    return str(value).lower() if isinstance(value, bool) else str(value)


def in_order(values: Mapping[str, int]) -> list[str]:
    """Groups in reading order: bands by their number, words by size, those without a value last.

    Parameters
    ----------
    values
        People by group.
    """
    named = [v for v in values if v != NOT_RECORDED_GROUP]
    if named and all(re.search(r"\d", v) for v in named):
        named.sort(key=_by_number)
    else:
        named.sort(key=lambda v: (-values[v], v))
    return [*named, *(v for v in values if v == NOT_RECORDED_GROUP)]


def _by_number(value: str) -> tuple[float, bool, str]:
    number = re.search(r"\d+(\.\d+)?", value)
    # "Under 15K" comes before "15-24K"
    return (float(number[0]) if number else 0.0, value[:1].isdigit(), value)


def _column(snapshot: Snapshot, spec: Mapping[str, Any]) -> SegmentColumn:
    return SegmentColumn(
        spec["name"],
        Label(spec["label_zh"], spec["label_en"]),
        spec["type"],
        snapshot.meta["coverage"][spec["name"]],
    )
