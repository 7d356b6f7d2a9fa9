"""Which people's tags a build computes anew, and how the others' are taken over from the snapshot before.

A person's tags over one kind of event are computed anew when, in any window of these tags, the events that
they have are not the ones they had: because some were added, corrected or taken away, because the window
moved on past one, or because another resolution gave them to somebody else. Nobody has to say what changed:
each person's events are compared by the sum of a 64-bit hash of each, salted by the windows it lies in, so
two different histories are taken for one with a probability of 2**-64. Tags of the moment itself (days
since) are computed for everybody when the moment differs. All else is copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from qa_lib.profiles.behaviour import CALENDAR, OF_THE_MOMENT, BehaviourTag
from qa_lib.profiles.kernels import Cells, EventRows, Flags, by_event, compute, event_rows, microseconds
from qa_lib.workspace import Column, Columns
from qa_lib.workspace.columns import ColumnsWriter, Words

Values = npt.NDArray[Any]

_BLOCK = 65_536
_MIX = tuple(np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_NARROWING = (np.int8, np.int16, np.int32, np.int64)


@dataclass(frozen=True)
class Base:
    """The behaviour tags of an earlier snapshot.

    Parameters
    ----------
    keys
        What each tag's values came from, by its name (`BehaviourTag.key`).
    number : shape (n_people,), or None
        The earlier number of each person, -1 for new ones; None when nobody's number changed.
    people
        How many there were.
    """

    columns: Columns
    events: Callable[[str], Column | None]
    as_of: datetime
    keys: Mapping[str, str]
    people: int
    number: npt.NDArray[np.int64] | None = None


@dataclass
class Refreshed:
    """What a build did: people with a value by tag, the most common texts, and who was computed anew."""

    coverage: dict[str, int] = field(default_factory=dict)
    values: dict[str, list[list[Any]]] = field(default_factory=dict)
    changed_people: dict[str, int] = field(default_factory=dict)
    whole_tags: int = 0
    patched_tags: int = 0


def write_behaviour(
    writer: ColumnsWriter,
    flags: Mapping[str, Words],
    tags: Sequence[BehaviourTag],
    array: Callable[[str], Column | None],
    people: int,
    as_of: datetime,
    zone: ZoneInfo,
    *,
    base: Base | None = None,
) -> Refreshed:
    """Compute the tags and write their columns; with a base, only what differs from it.

    Parameters
    ----------
    flags
        The bitset of each `did` tag, all 0, to be filled.
    array
        Gives the columns of events, by names such as `event_purchase.item_id`.
    people
        How many there are.
    """
    done = Refreshed()
    for event, of_event in by_event(tags).items():
        rows = event_rows(event, array)
        whole, patched = list(of_event), list[BehaviourTag]()
        if base is not None and base.events(f"event_{event}.occurred_at") is not None:
            patched = [t for t in of_event if _can_patch(t, base, as_of)]
            kept = {t.name for t in patched}
            whole = [t for t in of_event if t.name not in kept]
        for tag, cells in compute(rows, whole, people, as_of, zone):
            _write(writer, flags, tag, *_spread(tag, cells, people), cells.scale, done)
        done.whole_tags += len(whole)
        done.patched_tags += len(patched)
        if patched:
            assert base is not None
            changed = changed_people(rows, patched, people, as_of, zone, base)
            done.changed_people[event] = int(changed.sum())
            for tag, cells in compute(rows.only(changed), patched, people, as_of, zone):
                _write(writer, flags, tag, *_patch(tag, cells, changed, base), cells.scale, done)
    return done


def _can_patch(tag: BehaviourTag, base: Base, as_of: datetime) -> bool:
    same_moment = as_of == base.as_of or tag.measure.kind not in OF_THE_MOMENT
    return base.keys.get(tag.name) == tag.key and same_moment


def changed_people(
    rows: EventRows,
    tags: Sequence[BehaviourTag],
    people: int,
    as_of: datetime,
    zone: ZoneInfo,
    base: Base,
) -> Flags:
    """Who has other events in a window of these tags than at the base; shape (people,)."""
    names = sorted({n for t in tags for n in (t.by, t.measure.property) if n and n not in CALENDAR})
    windows = {t.window.hash: t.window for t in tags}.values()

    def starts(moment: datetime) -> Values:
        bounds = [w.bounds(moment, zone)[0] for w in windows]  # the same order then and now
        return np.array([np.iinfo(np.int64).min if b is None else microseconds(b) for b in bounds])

    now = fingerprints(rows, names, starts(as_of), people)
    then = fingerprints(event_rows(rows.event, base.events), names, starts(base.as_of), base.people)
    if base.number is None:
        return now != then
    known = base.number >= 0
    earlier = np.where(known, then[np.where(known, base.number, 0)], np.uint64(0))
    return (now != earlier) | ~known


def fingerprints(
    rows: EventRows, names: Iterable[str], starts: Values, people: int
) -> npt.NDArray[np.uint64]:
    """One number a person for the events that they have in these windows; shape (people,).

    Parameters
    ----------
    starts : shape (n_windows,)
        Where each window begins; all end now. An event's salt says in which of them it lies.
    """
    total = np.zeros(people, dtype=np.uint64)
    columns = [_hashed(rows.column(n)) for n in names]
    first = int(np.searchsorted(rows.at, starts.min())) if len(starts) else len(rows.at)
    edges = np.sort(starts)
    salt = np.array([_word(np.flatnonzero(starts <= e).tobytes()) for e in edges], dtype=np.uint64)
    for at in range(first, len(rows.at), _BLOCK):
        part = slice(at, at + _BLOCK)
        h = rows.at[part].astype(np.uint64) * _MIX[0]
        h += salt[np.searchsorted(edges, rows.at[part], side="right") - 1]
        for i, hashed in enumerate(columns):
            h ^= h >> np.uint64(29)
            h *= _MIX[1]
            h += hashed(part) * np.uint64(2 * i + 1)
        h ^= h >> np.uint64(30)
        h *= _MIX[1]
        h ^= h >> np.uint64(27)
        h *= _MIX[2]
        h ^= h >> np.uint64(31)
        np.add.at(total, rows.person[part], h)
    return total


def _word(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _hashed(column: Column) -> Callable[[slice], Values]:
    """The values of a slice as words that mean the same in every snapshot."""
    if column.kind == "text":
        words = np.array([*(_word(t.encode()) for t in column.texts), 0], dtype=np.uint64)
        last = len(column.texts)

        def hashed(part: slice) -> Values:
            return words[np.minimum(column.values[part], last)]
    else:

        def hashed(part: slice) -> Values:
            return column.values[part].astype(np.int64).view(np.uint64) + np.uint64(column.scale + 1)

    if column.known is None:
        return hashed
    known = column.known
    return lambda part: np.where(known[part], hashed(part), np.uint64(0))


def _spread(tag: BehaviourTag, cells: Cells, people: int) -> tuple[Values, Flags | None]:
    """The cells as one value per person, and who has one (None: everybody)."""
    values = np.full(people, _nothing(tag), dtype=_narrow(cells.values))
    values[cells.people] = cells.values
    if tag.spec.zero:
        return values, None
    known = np.zeros(people, dtype=bool)
    known[cells.people] = True
    return values, known


def _patch(tag: BehaviourTag, cells: Cells, changed: Flags, base: Base) -> tuple[Values, Flags | None]:
    """The base's values with those of changed people put in their place."""
    if tag.measure.kind == "did":
        bits = base.columns.bitset(tag.name).view(np.uint8)
        old, known = np.unpackbits(bits, bitorder="little")[: base.people].astype(bool), None
    else:
        column = base.columns.array(tag.name)
        assert column is not None
        old, known = column.values, column.known
        if not tag.spec.zero and known is None:
            known = np.ones(base.people, dtype=bool)
    if base.number is not None:
        old = np.where(base.number >= 0, old[np.maximum(base.number, 0)], _nothing(tag))
        known = None if known is None else known[np.maximum(base.number, 0)] & (base.number >= 0)
    dtype = np.result_type(old.dtype, _narrow(cells.values)) if len(cells.values) else old.dtype
    values = old.astype(dtype)  # a copy
    values[changed] = _nothing(tag)
    values[cells.people] = cells.values
    if known is not None:
        known = known & ~changed
        known[cells.people] = True
    return values, known


def _nothing(tag: BehaviourTag) -> int:
    return len(tag.values) if tag.measure.kind == "top" else 0


def _narrow(values: Values) -> np.dtype[Any]:
    """The narrowest type that holds these whole numbers and 0."""
    if values.dtype.kind != "i":
        return values.dtype
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    return np.dtype(next(t for t in _NARROWING if np.iinfo(t).min <= low and high <= np.iinfo(t).max))


def _write(
    writer: ColumnsWriter,
    flags: Mapping[str, Words],
    tag: BehaviourTag,
    values: Values,
    known: Flags | None,
    scale: int,
    done: Refreshed,
) -> None:
    if known is not None and known.all():
        known = None
    done.coverage[tag.name] = len(values) if known is None else int(known.sum())
    if tag.measure.kind == "did":
        packed = np.packbits(values, bitorder="little")
        flags[tag.name].view(np.uint8)[: len(packed)] = packed
        return
    known_parts = None if known is None else [known]
    if tag.measure.kind == "top":
        n = np.bincount(values, minlength=len(tag.values) + 1)
        common = sorted(zip(tag.values, n[:-1].tolist(), strict=True), key=lambda one: (-one[1], one[0]))
        done.values[tag.name] = [[text, count] for text, count in common if count]
        narrow = values.astype(np.min_scalar_type(len(tag.values)))
        writer.array(tag.name, "text", [narrow], texts=tag.values, in_profile=False, known=known_parts)
        return
    narrow = values.astype(_narrow(values), copy=False)
    writer.array(tag.name, "number", [narrow], scale=scale, in_profile=False, known=known_parts)
