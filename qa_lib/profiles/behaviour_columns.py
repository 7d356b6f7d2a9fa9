"""The values of behaviour tags as columns of a snapshot: spread from cells, or patched over an earlier snapshot's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from qa_lib.profiles.behaviour import EDGE_DAYS, EDGES, BehaviourTag
from qa_lib.profiles.kernels import Cells, Flags, Places
from qa_lib.workspace import Column, Columns
from qa_lib.workspace.columns import ColumnsWriter, Words

Values = npt.NDArray[Any]

#: The most frequent texts of a tag that are suggested to who writes a rule.
SUGGESTED = 100
_NARROWING = (np.int8, np.int16, np.int32, np.int64)


@dataclass
class Refreshed:
    """What a build did: people with a value by tag, the most common texts, and who was computed anew."""

    coverage: dict[str, int] = field(default_factory=dict)
    values: dict[str, list[list[Any]]] = field(default_factory=dict)
    changed_people: dict[str, int] = field(default_factory=dict)
    whole_tags: int = 0
    patched_tags: int = 0


def spread(tag: BehaviourTag, cells: Cells, people: int, texts: Sequence[str]) -> tuple[Values, Flags | None]:
    """The cells as one value per person, and who has one (None: everybody)."""
    values = np.full(people, _nothing(tag, texts), dtype=_narrow(cells.values))
    values[cells.people] = cells.values
    if tag.spec.zero:
        return values, None
    known = np.zeros(people, dtype=bool)
    known[cells.people] = True
    return values, known


def patch(
    tag: BehaviourTag,
    cells: Cells,
    changed: Places,
    columns: Columns,
    number: npt.NDArray[np.int64] | None,
    texts: Sequence[str],
    *,
    later_days: int = 0,
) -> tuple[Values, Flags | None]:
    """The values of an earlier snapshot with those of changed people put in their place.

    Parameters
    ----------
    changed : shape (m,)
        Their numbers.
    columns, number
        The earlier snapshot's, and the earlier number of each person, -1 for new ones (None: unchanged).
    later_days
        What is added to the others' values: tags of the moment grow older by themselves.
    """
    nothing = _nothing(tag, texts)
    if tag.measure.kind == "did":
        bits = columns.bitset(tag.name).view(np.uint8)
        old, known = np.unpackbits(bits, bitorder="little", count=columns.people).view(bool), None
    else:
        column = columns.array(tag.name)
        assert column is not None
        old, known = column.values, column.known
        if column.kind == "text":
            old = _recoded(column, texts)
        if not tag.spec.zero:
            known = np.ones(len(old), dtype=bool) if known is None else known.copy()
        if later_days:
            old = old.astype(np.int32)
            np.add(old, later_days, out=old, where=True if known is None else known)
    if number is not None:
        there = np.maximum(number, 0)
        old = np.where(number >= 0, old[there], nothing) if len(old) else np.full(len(number), nothing)
        if known is not None:
            known = (known[there] if len(known) else np.zeros(len(there), dtype=bool)) & (number >= 0)
    dtype = np.result_type(old.dtype, _narrow(cells.values)) if len(cells.values) else old.dtype
    values = old.astype(dtype)  # a copy
    values[changed] = nothing
    values[cells.people] = cells.values
    if known is not None:
        known[changed] = False
        known[cells.people] = True
    return values, known


def write(
    writer: ColumnsWriter,
    flags: Mapping[str, Words],
    tag: BehaviourTag,
    values: Values,
    known: Flags | None,
    scale: int,
    texts: Sequence[str],
    done: Refreshed,
) -> None:
    """Put a tag's values into the snapshot that is being built, and note who has one."""
    covered = len(values) if known is None else int(np.count_nonzero(known))
    if covered == len(values):
        known = None
    done.coverage[tag.name] = covered
    if tag.measure.kind == "did":
        packed = np.packbits(values, bitorder="little")
        flags[tag.name].view(np.uint8)[: len(packed)] = packed
        return
    known_parts = None if known is None else [known]
    if tag.spec.type == "text":
        n = np.bincount(values, minlength=len(texts) + 1)[: len(texts)]
        some = np.flatnonzero(n).tolist()
        common = sorted(((texts[i], int(n[i])) for i in some), key=lambda one: (-one[1], one[0]))
        done.values[tag.name] = [[text, count] for text, count in common[:SUGGESTED]]
        narrow = values.astype(np.min_scalar_type(len(texts)))
        writer.array(tag.name, "text", [narrow], texts=texts, in_profile=False, known=known_parts)
    elif tag.measure.kind in EDGE_DAYS:
        writer.array(tag.name, "date", [values.astype(np.int32)], in_profile=False, known=known_parts)
    else:
        narrow = values.astype(_narrow(values), copy=False)
        writer.array(tag.name, "number", [narrow], scale=scale, in_profile=False, known=known_parts)


def _recoded(column: Column, texts: Sequence[str]) -> Values:
    """An earlier snapshot's places among its texts as places among these; those that are gone are none."""
    if column.texts == tuple(texts):
        return column.values
    place = {text: i for i, text in enumerate(texts)}
    told = (place.get(t, len(texts)) for t in column.texts)
    return np.append(np.fromiter(told, np.int64, len(column.texts)), len(texts))[column.values]


def _nothing(tag: BehaviourTag, texts: Sequence[str]) -> int:
    return len(texts) if tag.measure.kind in EDGES or tag.measure.kind == "top" else 0


def _narrow(values: Values) -> np.dtype[Any]:
    """The narrowest type that holds these whole numbers and 0."""
    if values.dtype.kind != "i":
        return values.dtype
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    return np.dtype(next(t for t in _NARROWING if np.iinfo(t).min <= low and high <= np.iinfo(t).max))
