"""Behaviour tags from the columns of events: one pass over each event and split, no SQL.

Events lie in order of time, so a window is a slice. The people who did anything of a value are numbered
once; every tag of that value is then a count, sum, search or comparison over these few, and is handed on
as cells: who has something, and what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from qa_lib.errors import SpecError
from qa_lib.profiles.behaviour import CALENDAR, EDGES, BehaviourTag
from qa_lib.profiles.local_time import DAY_US, local_days, local_microseconds, microseconds
from qa_lib.rules.windows import Ever, Last
from qa_lib.workspace import Column

Values = npt.NDArray[Any]
Places = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Cells:
    """The people that have something and what; everybody else has 0 or no value, as the tag says.

    Parameters
    ----------
    people : shape (m,)
        Their numbers, ascending.
    values : shape (m,)
        Whole numbers × 10**`scale`, doubles, flags, days, or places among the tag's texts.
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

    def since(self, place: int) -> EventRows:
        """The events from a place in time on."""

        def taken(name: str) -> Column:
            whole = self.column(name)
            known = None if whole.known is None else whole.known[place:]
            return Column(whole.kind, whole.values[place:], known, whole.scale, whole._texts)

        return EventRows(self.event, self.person[place:], self.at[place:], taken)

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

    # an event that never happened has columns of no type
    at = column("occurred_at").values.astype(np.int64, copy=False)
    return EventRows(event, column("person_no").values, at, column)


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
            case "days_since_last" | "days_since_first":
                times = self._edge_times(tag.measure.kind.removeprefix("days_since_"), window)
                return self._where(self._count(window) > 0, (self._cutoff.now - times) // DAY_US)
            case "last_on" | "first_on":
                keep = self._count(window) > 0
                times = self._edge_times(tag.measure.kind.removesuffix("_on"), window)[keep]
                return Cells(self.people[keep], local_days(times, self._cutoff.zone))
            case "last" | "first":
                return self._edge_text(tag.measure.kind, prop or "", window)
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

    def _edge_times(self, kind: str, window: Last | Ever, prop: str | None = None) -> Values:
        """The moment of each person's first or last event, of those that carry the property."""
        key = (kind, window, prop)
        if key not in self._kept:
            who, at = self._slice(self._who, window), self._slice(self._at, window)
            known = self._known(prop, window)
            if known is not None:
                who, at = who[known], at[known]
            bound = np.iinfo(np.int64)
            times = np.full(len(self.people), bound.max if kind == "first" else bound.min)
            (np.minimum if kind == "first" else np.maximum).at(times, who, at)
            self._kept[key] = times
        return self._kept[key]

    def _edge_text(self, kind: str, prop: str, window: Last | Ever) -> Cells:
        who, at = self._slice(self._who, window), self._slice(self._at, window)
        values, known, _ = self._property(prop)
        edge = at == self._edge_times(kind, window, prop)[who]
        if known is not None:
            edge &= self._slice(known, window)
        code = np.full(len(self.people), np.iinfo(np.int64).max)
        np.minimum.at(code, who[edge], self._slice(values, window)[edge].astype(np.int64))
        return self._where(self._count(window, prop) > 0, code)

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
            return ((local // DAY_US + 3) % 7).astype(np.uint8), texts  # 1970-01-01 was a Thursday
        return (local % DAY_US // (DAY_US // 4)).astype(np.uint8), texts
    column = rows.column(by)
    codes = column.values
    if column.known is not None:
        codes = np.where(column.known, codes, len(column.texts))
    return codes.astype(np.min_scalar_type(len(column.texts))), column.texts


def texts_of(tag: BehaviourTag, rows: EventRows) -> Sequence[str]:
    """The texts among which a text tag's values are places; none for other tags."""
    if tag.measure.kind in EDGES:
        return rows.column(tag.measure.property or "").texts
    return tag.values


def by_event(tags: Iterable[BehaviourTag]) -> dict[str, list[BehaviourTag]]:
    """The tags of each kind of event, in their order."""
    found: dict[str, list[BehaviourTag]] = {}
    for tag in tags:
        found.setdefault(tag.event, []).append(tag)
    return found
