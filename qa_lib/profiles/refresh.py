"""Which people's tags a build computes anew, and how the others' are taken over from the snapshot before.

A person's tags of one window are computed anew when the events that they have in it are not the ones they
had: because the window moved on past one, because some were added, corrected or taken away, or because
another resolution gave them to somebody else. Nobody has to say what changed. What entered or left a window
is read off the events between its old and its new bounds; the rest is compared row by row, and where rows
differ each person's are compared by the sum of a 64-bit hash of each, so that two different histories are
taken for one with a probability of 2**-64. *Days since* grow by whole days with the moment, or are computed
for everybody. All else is copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from qa_lib.profiles.behaviour import CALENDAR, OF_THE_MOMENT, BehaviourTag
from qa_lib.profiles.behaviour_columns import Refreshed, patch, spread, write
from qa_lib.profiles.kernels import Cells, EventRows, Flags, Places, by_event, compute, event_rows, texts_of
from qa_lib.profiles.local_time import DAY_US, microseconds
from qa_lib.rules.windows import Ever, Last
from qa_lib.workspace import Column, Columns
from qa_lib.workspace.columns import ColumnsWriter, Words

Values = npt.NDArray[Any]

_BLOCK = 65_536
_MIX = tuple(np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_ALWAYS = np.iinfo(np.int64).min


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
            texts = texts_of(tag, rows)
            write(writer, flags, tag, *spread(tag, cells, people, texts), cells.scale, texts, done)
        done.whole_tags += len(whole)
        done.patched_tags += len(patched)
        if patched:
            assert base is not None
            later = (microseconds(as_of) - microseconds(base.as_of)) // DAY_US
            anyone = np.zeros(people, dtype=bool)
            of_window: dict[Last | Ever, list[BehaviourTag]] = {}
            for tag in patched:
                of_window.setdefault(tag.window, []).append(tag)
            for window, changed in changed_people(rows, patched, people, as_of, zone, base):
                anyone |= changed
                who = np.flatnonzero(changed)
                for tag, cells in _of_changed(rows, of_window[window], changed, who, as_of, zone):
                    texts = texts_of(tag, rows)
                    older = later if tag.measure.kind in OF_THE_MOMENT else 0
                    found = patch(tag, cells, who, base.columns, base.number, texts, later_days=older)
                    write(writer, flags, tag, *found, cells.scale, texts, done)
            done.changed_people[event] = int(anyone.sum())
    return done


def _can_patch(tag: BehaviourTag, base: Base, as_of: datetime) -> bool:
    whole_days = (microseconds(as_of) - microseconds(base.as_of)) % DAY_US == 0
    return base.keys.get(tag.name) == tag.key and (whole_days or tag.measure.kind not in OF_THE_MOMENT)


def _of_changed(
    rows: EventRows,
    tags: Sequence[BehaviourTag],
    changed: Flags,
    who: Places,
    as_of: datetime,
    zone: ZoneInfo,
) -> Iterator[tuple[BehaviourTag, Cells]]:
    """The tags of one window, of these people alone."""
    start = tags[0].window.bounds(as_of, zone)[0]
    inside = rows.since(0 if start is None else int(np.searchsorted(rows.at, microseconds(start))))
    few = inside.only(changed)
    few = replace(few, person=np.searchsorted(who, few.person))
    for tag, cells in compute(few, tags, len(who), as_of, zone):
        yield tag, replace(cells, people=who[cells.people])


def changed_people(
    rows: EventRows,
    tags: Sequence[BehaviourTag],
    people: int,
    as_of: datetime,
    zone: ZoneInfo,
    base: Base,
) -> Iterator[tuple[Last | Ever, Flags]]:
    """By window of these tags, who has other events in it than at the base; each of shape (people,)."""
    names = sorted({n for t in tags for n in (t.by, t.measure.property) if n and n not in CALENDAR})
    then = event_rows(rows.event, base.events)
    numbers = _numbers_now(base, people)
    ends = microseconds(base.as_of), microseconds(as_of)

    def start(window: Last | Ever, moment: datetime) -> int:
        bound = window.bounds(moment, zone)[0]
        return _ALWAYS if bound is None else microseconds(bound)

    windows = {t.window: (start(t.window, base.as_of), start(t.window, as_of)) for t in tags}
    both = min(max(starts) for starts in windows.values()), min(ends)
    corrected = _with_other_rows(then, rows, names, both, people, base, numbers)
    for window, starts in windows.items():
        changed = corrected.copy()
        for side, (of, at, end) in enumerate(zip((then, rows), starts, ends, strict=True)):
            # what only one of the two moments has in the window: at its start, and at its end
            for low, high in ((at, min(max(starts), end)), (max(min(ends), at), end)):
                person = of.person[slice(*np.searchsorted(of.at, (low, high)))]
                if side == 0 and numbers is not None:
                    person = numbers[person]
                    person = person[person >= 0]
                changed[person] = True
        yield window, changed


def _numbers_now(base: Base, people: int) -> npt.NDArray[np.int64] | None:
    """The number now of each person of the base, -1 for those who are gone; None when all are the same."""
    if base.number is None:
        return None
    found = np.full(base.people, -1, dtype=np.int64)
    there = base.number >= 0
    found[base.number[there]] = np.flatnonzero(there)
    return found


def _with_other_rows(
    then: EventRows,
    now: EventRows,
    names: Sequence[str],
    between: tuple[int, int],
    people: int,
    base: Base,
    numbers: npt.NDArray[np.int64] | None,
) -> Flags:
    """Who has other events between two moments than at the base, or is new; shape (people,)."""
    new = np.zeros(people, dtype=bool) if base.number is None else base.number < 0
    one, two = (slice(*np.searchsorted(rows.at, between)) for rows in (then, now))
    if _same_rows(then, now, names, one, two, numbers):
        return new
    before, after = fingerprints(then, names, one, base.people), fingerprints(now, names, two, people)
    if base.number is None:
        return before != after
    earlier = np.where(new, np.uint64(0), before[np.where(new, 0, base.number)])
    return new | (after != earlier)


def _same_rows(
    then: EventRows,
    now: EventRows,
    names: Sequence[str],
    one: slice,
    two: slice,
    numbers: npt.NDArray[np.int64] | None,
) -> bool:
    """Whether the rows are the same in the same order; people and texts may be numbered anew."""
    if one.stop - one.start != two.stop - two.start or not np.array_equal(then.at[one], now.at[two]):
        return False
    person = then.person[one] if numbers is None else numbers[then.person[one]]
    if not np.array_equal(person, now.person[two]):
        return False
    for name in names:
        old, new = then.column(name), now.column(name)
        if (old.known is None) != (new.known is None) or (old.kind, old.scale) != (new.kind, new.scale):
            return False
        if (
            old.known is not None
            and new.known is not None
            and not np.array_equal(old.known[one], new.known[two])
        ):
            return False
        values = old.values[one]
        if old.kind == "text" and old.texts != new.texts:
            last = len(new.texts)
            told = (new.codes.get(t, last + 1) for t in old.texts)
            values = np.append(np.fromiter(told, np.int64, len(old.texts)), last)[values]
        if not np.array_equal(values, new.values[two]):
            return False
    return True


def fingerprints(rows: EventRows, names: Iterable[str], part: slice, people: int) -> npt.NDArray[np.uint64]:
    """One number a person for the events that they have among these rows; shape (people,)."""
    total = np.zeros(people, dtype=np.uint64)
    columns = [_hashed(rows.column(n)) for n in names]
    for at in range(part.start, part.stop, _BLOCK):
        some = slice(at, min(at + _BLOCK, part.stop))
        h = rows.at[some].astype(np.uint64) * _MIX[0]
        for i, hashed in enumerate(columns):
            h ^= h >> np.uint64(29)
            h *= _MIX[1]
            h += hashed(some) * np.uint64(2 * i + 1)
        h ^= h >> np.uint64(30)
        h *= _MIX[1]
        h ^= h >> np.uint64(27)
        h *= _MIX[2]
        h ^= h >> np.uint64(31)
        np.add.at(total, rows.person[some], h)
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
