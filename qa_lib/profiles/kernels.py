"""Behaviour tags from the columns of events: one pass over each event and split, no SQL.

Events lie in order of time, so a window is a slice. The people who did anything of a value are numbered
once; every tag of that value is then a count, sum, search or comparison over these few, and is handed on
as cells: who has something, and what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from qa_lib.errors import SpecError
from qa_lib.profiles.behaviour import CALENDAR, BehaviourTag
from qa_lib.rules.windows import Ever, Last
from qa_lib.workspace import Column

Values = npt.NDArray[Any]
Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

_DAY_US = 86_400_000_000
_QUARTER_US = _DAY_US // 96
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cells:
    """The people that have something and what; everybody else has 0 or no value, as the tag says.

    Parameters
    ----------
    people : shape (m,)
        Their numbers, ascending.
    values : shape (m,)
        Whole numbers × 10**`scale`, doubles, flags, or places among the tag's values.
    """

    people: Places
    values: Values
    scale: int = 0


@dataclass(frozen=True)
class EventRows:
    """The columns of one kind of event, in order of time; `column` gives a property by its name."""

    event: str
    person: Values
    at: Values
    column: Callable[[str], Column]

    def only(self, people: Flags) -> EventRows:
        """The events of these people alone."""
        rows = np.flatnonzero(people[self.person])

        def taken(name: str) -> Column:
            whole = self.column(name)
            known = None if whole.known is None else whole.known[rows]
            return Column(whole.kind, whole.values[rows], known, whole.scale, whole._texts)

        return EventRows(self.event, self.person[rows], self.at[rows], taken)


def event_rows(event: str, array: Callable[[str], Column | None]) -> EventRows:
    """The rows of an event from a snapshot's columns.

    Raises
    ------
    SpecError
        When the columns hold no such event, or a property is asked for that is not held exactly.
    """

    def column(name: str) -> Column:
        found = array(f"event_{event}.{name}")
        if found is None or (found.kind == "number" and found.values.dtype.kind == "f"):
            raise SpecError(
                f"Property {name!r} of event {event!r} cannot make a family of tags: it has too many different "
                "texts, or numbers that are not exact. Declare a single tag over it in tags/ instead."
            )
        return found

    return EventRows(event, column("person_no").values, column("occurred_at").values, column)


def compute(
    rows: EventRows, tags: Sequence[BehaviourTag], people: int, as_of: datetime, zone: ZoneInfo
) -> Iterator[tuple[BehaviourTag, Cells]]:
    """The cells of every tag over one kind of event.

    Parameters
    ----------
    people
        How many there are.
    """
    cutoff = _Cutoff(as_of, zone)
    splits = dict.fromkeys(t.by for t in tags)
    for by in splits:
        of_split = [t for t in tags if t.by == by]
        if by is None:
            group = _Group(rows, None, people, cutoff)
            for tag in of_split:
                yield tag, group.cells(tag)
            continue
        codes, texts = _codes(rows, by, zone)
        order = np.argsort(codes, kind="stable")  # by value, in order of time within it
        ends = np.searchsorted(codes[order], np.arange(len(texts) + 1))
        places = {text: order[ends[i] : ends[i + 1]] for i, text in enumerate(texts)}
        nothing = order[:0]
        whole: _Group | None = None
        if any(t.measure.kind in ("share", "top") for t in of_split):
            whole = _Group(rows, None, people, cutoff)
        for value in dict.fromkeys(t.value for t in of_split):
            of_value = [t for t in of_split if t.value == value]
            if value is None:
                assert whole is not None
                for tag in of_value:
                    yield tag, whole.favourite(tag, places)
                continue
            group = _Group(rows, places.get(value, nothing), people, cutoff)
            for tag in of_value:
                yield (
                    tag,
                    whole.share(tag, places.get(value, nothing))
                    if tag.measure.kind == "share" and whole
                    else group.cells(tag),
                )


class _Cutoff:
    """Where windows start, in microseconds since 1970."""

    def __init__(self, as_of: datetime, zone: ZoneInfo) -> None:
        self.as_of, self.zone = as_of, zone
        self.now = microseconds(as_of)

    def start(self, window: Last | Ever) -> int | None:
        start, _ = window.bounds(self.as_of, self.zone)
        return None if start is None else microseconds(start)


class _Group:
    """The events of one value, and the people who did them, numbered from 0."""

    def __init__(self, rows: EventRows, places: Places | None, people: int, cutoff: _Cutoff) -> None:
        self._rows, self._places, self._cutoff = rows, places, cutoff
        person = rows.person if places is None else rows.person[places]
        self._at = rows.at if places is None else rows.at[places]
        there = np.zeros(people, dtype=bool)
        there[person] = True
        self.people = np.flatnonzero(there)
        self._number = np.zeros(people, dtype=np.int32)
        self._number[self.people] = np.arange(len(self.people), dtype=np.int32)
        self._who = self._number[person]
        self._kept: dict[tuple[Any, ...], Any] = {}

    def cells(self, tag: BehaviourTag) -> Cells:
        window, prop = tag.window, tag.measure.property
        match tag.measure.kind:
            case "count":
                return self._where(self._count(window) > 0, self._count(window))
            case "did":
                return self._where(self._count(window) > 0, np.ones(len(self.people), dtype=bool))
            case "sum":
                total, scale = self._sum(prop or "", window)
                return self._where(total != 0, total, scale)
            case "avg":
                total, scale = self._sum(prop or "", window)
                n = self._count(window, prop)
                average = total / np.maximum(n, 1) / 10**scale
                return self._where(n > 0, average)
            case "min" | "max":
                return self._extreme(tag.measure.kind, prop or "", window)
            case "distinct":
                last = self._last_of_each("distinct", prop or "")
                return self._different(last, window)
            case "active_days":
                return self._different(self._last_of_each("day", ""), window)
            case "days_since_last":
                times = np.full(len(self.people), np.iinfo(np.int64).min)
                np.maximum.at(times, self._slice(self._who, window), self._slice(self._at, window))
                return self._days(times, window)
            case "days_since_first":
                times = np.full(len(self.people), np.iinfo(np.int64).max)
                np.minimum.at(times, self._slice(self._who, window), self._slice(self._at, window))
                return self._days(times, window)
            case _:
                raise AssertionError(f"{tag.measure.kind} compares values")

    def share(self, tag: BehaviourTag, places: Places) -> Cells:
        """Of everybody with any event in the window, which part of their events is of this value."""
        whole = self._count(tag.window)
        part = self._counted(self._rows.person[places], self._rows.at[places], tag.window)
        return self._where(whole > 0, part / np.maximum(whole, 1))

    def favourite(self, tag: BehaviourTag, places: Mapping[str, Places]) -> Cells:
        """The value with the most events in the window; of equals the first in text order."""
        best = np.zeros(len(self.people), dtype=np.int64)
        chosen = np.zeros(len(self.people), dtype=np.min_scalar_type(len(tag.values)))
        for code, value in enumerate(tag.values):
            if value not in places:
                continue
            rows = places[value]
            n = self._counted(self._rows.person[rows], self._rows.at[rows], tag.window)
            better = n > best
            best[better], chosen[better] = n[better], code
        return self._where(best > 0, chosen)

    # -- parts ---------------------------------------------------------------------------------

    def _from(self, at: Values, window: Last | Ever) -> int:
        start = self._cutoff.start(window)
        return 0 if start is None else int(np.searchsorted(at, start))

    def _slice(self, values: Values, window: Last | Ever) -> Values:
        return values[self._from(self._at, window) :]

    def _where(self, keep: Flags, values: Values, scale: int = 0) -> Cells:
        return Cells(self.people[keep], values[keep], scale)

    def _counted(self, person: Values, at: Values, window: Last | Ever) -> Values:
        first = self._from(at, window)
        return np.bincount(self._number[person[first:]], minlength=len(self.people))

    def _count(self, window: Last | Ever, prop: str | None = None) -> Values:
        key = ("count", window, prop)
        if key not in self._kept:
            who, known = self._slice(self._who, window), self._known(prop, window)
            self._kept[key] = np.bincount(who if known is None else who[known], minlength=len(self.people))
        return self._kept[key]

    def _known(self, prop: str | None, window: Last | Ever) -> Flags | None:
        known = None if prop is None else self._property(prop)[1]
        return None if known is None else self._slice(known, window)

    def _property(self, name: str) -> tuple[Values, Flags | None, int]:
        key = ("property", name)
        if key not in self._kept:
            column = self._rows.column(name)
            take = slice(None) if self._places is None else self._places
            known = None if column.known is None else column.known[take]
            self._kept[key] = column.values[take], known, column.scale
        return self._kept[key]

    def _sum(self, prop: str, window: Last | Ever) -> tuple[Values, int]:
        key = ("sum", window, prop)
        if key not in self._kept:
            values, known, scale = self._property(prop)
            amounts = self._slice(values, window).astype(np.int64)
            if known is not None:
                amounts = np.where(self._slice(known, window), amounts, 0)
            total = np.zeros(len(self.people), dtype=np.int64)
            np.add.at(total, self._slice(self._who, window), amounts)
            self._kept[key] = total, scale
        return self._kept[key]

    def _extreme(self, kind: str, prop: str, window: Last | Ever) -> Cells:
        values, _, scale = self._property(prop)
        known, who = self._known(prop, window), self._slice(self._who, window)
        given = self._slice(values, window).astype(np.int64)
        if known is not None:
            who, given = who[known], given[known]
        bound = np.iinfo(np.int64)
        found = np.full(len(self.people), bound.max if kind == "min" else bound.min)
        (np.minimum if kind == "min" else np.maximum).at(found, who, given)
        return self._where(self._count(window, prop) > 0, found, scale)

    def _days(self, times: Values, window: Last | Ever) -> Cells:
        return self._where(self._count(window) > 0, (self._cutoff.now - times) // _DAY_US)

    def _last_of_each(self, kind: str, prop: str) -> tuple[Values, Places]:
        """Every different (person, value): the person's number and the place of its last event."""
        key = (kind, prop)
        if key not in self._kept:
            rows = np.arange(len(self._who))
            if kind == "day":
                value = local_days(self._at, self._cutoff.zone)
                value = value - (value.min() if len(value) else 0)
            else:
                value, known, _ = self._property(prop)
                if known is not None:
                    rows = np.flatnonzero(known)
                value = value.astype(np.int64)
                value = value - (value.min() if len(value) else 0)
            self._kept[key] = _last_places(self._who.astype(np.int64), value, rows)
        return self._kept[key]

    def _different(self, last: tuple[Values, Places], window: Last | Ever) -> Cells:
        who, place = last
        inside = who[place >= self._from(self._at, window)]
        n = np.bincount(inside, minlength=len(self.people))
        return self._where(n > 0, n)


def _last_places(who: Values, value: Values, rows: Places) -> tuple[Values, Places]:
    """By one sort of whole numbers that hold person, value and place; by a sort of three keys where too large."""
    if not len(rows):
        return who[:0], rows
    bits = len(who).bit_length()
    width = int(value.max()) + 1
    pair = who[rows] * width + value[rows]
    if (int(who.max()) + 1) * width < 2 ** (62 - bits):
        packed = np.sort((pair << bits) | rows)
        pair, place = packed >> bits, packed & ((1 << bits) - 1)
    else:
        order = np.lexsort((rows, pair))
        pair, place = pair[order], rows[order]
    is_last = np.empty(len(pair), dtype=bool)
    is_last[-1] = True
    np.not_equal(pair[1:], pair[:-1], out=is_last[:-1])
    place = place[is_last]
    return who[place], place


def _codes(rows: EventRows, by: str, zone: ZoneInfo) -> tuple[Values, Sequence[str]]:
    """The value of each event as its place among the texts; events without a value come after the last."""
    if by in CALENDAR:
        texts = CALENDAR[by][1]
        local = local_microseconds(rows.at, zone)
        if by == "weekday":
            return ((local // _DAY_US + 3) % 7).astype(np.uint8), texts  # 1970-01-01 was a Thursday
        return (local % _DAY_US // (_DAY_US // 4)).astype(np.uint8), texts
    column = rows.column(by)
    codes = column.values
    if column.known is not None:
        codes = np.where(column.known, codes, len(column.texts))
    return codes.astype(np.min_scalar_type(len(column.texts))), column.texts


def local_microseconds(at: Values, zone: ZoneInfo) -> Values:
    """The wall clock's time in a zone, in microseconds since 1970-01-01 on that clock.

    A day at whose ends the offset is the same has it all day; on the others it changes at a whole quarter
    of an hour.
    """
    if not len(at):
        return at
    first, last = int(at.min()) // _DAY_US, int(at.max()) // _DAY_US
    table = np.array([_offsets(day, zone) for day in range(first, last + 1)]).ravel()
    return at + table[at // _QUARTER_US - first * 96]


@lru_cache(maxsize=8192)
def _offsets(day: int, zone: ZoneInfo) -> tuple[int, ...]:
    """The zone's offset in microseconds in each of the 96 quarters of an hour of a UTC day."""

    def offset(us: int) -> int:
        found = (_EPOCH + timedelta(microseconds=us)).astimezone(zone).utcoffset()
        return 0 if found is None else found // timedelta(microseconds=1)

    start = day * _DAY_US
    head = offset(start)
    if head == offset(start + _DAY_US):
        return (head,) * 96
    return tuple(offset(start + n * _QUARTER_US) for n in range(96))


def local_days(at: Values, zone: ZoneInfo) -> Values:
    """The day of each moment in a zone, as days since 1970-01-01."""
    return local_microseconds(at, zone) // _DAY_US


def microseconds(moment: datetime) -> int:
    """A moment as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def by_event(tags: Iterable[BehaviourTag]) -> dict[str, list[BehaviourTag]]:
    """The tags of each kind of event, in their order."""
    found: dict[str, list[BehaviourTag]] = {}
    for tag in tags:
        found.setdefault(tag.event, []).append(tag)
    return found
