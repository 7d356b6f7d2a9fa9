"""Measures that need no log: counts and exact sums over windows that only time empties, kept up event by event.

A section runs when a new event changes its value by what the event itself says. The truth of its comparisons
follows from the value; when an event leaves its window by time, the kind is measured anew.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any as AnyValue
from typing import NamedTuple

from qa_lib.rules.matcher.compare import OrderedIndex
from qa_lib.rules.matcher.moments import NEVER, Span
from qa_lib.rules.matcher.person import EventLog
from qa_lib.rules.matcher.sections import EventPlan, Filtered, MeasureSection

#: Whether a property of a kind of event is summed exactly whatever the order: whole numbers and decimals.
IsExact = Callable[[str, str], bool]


class Run(NamedTuple):
    """One running section: its slots, the length of its window (None: all time), and what it adds up.

    `known`, `answer` and `ordered` give the truth of its comparisons for a value; `added` is the property that is
    summed, None for a count. `flips` are the counts at which one event more changes an answer, with the answers then
    and the slots that flip; none for a sum.
    """

    first: int
    past: int
    length: int | None
    known: Callable[[AnyValue], bytes | None]
    answer: Callable[[AnyValue], bytes]
    added: str | None
    ordered: OrderedIndex
    flips: dict[int, tuple[bytes, list[int]]]

    def row(self, value: AnyValue) -> bytes:
        """The truth of its comparisons for a value."""
        return self.known(value) or self.answer(value)


class Kind:
    """How the events of one kind are followed.

    Attributes
    ----------
    every, required
        The running sections of filters that let everything pass, and by property and required text.
    slow
        The filters that need the person's log, by `id`.
    """

    def __init__(self, event: str, plan: EventPlan, spans: list[Span], is_exact: IsExact) -> None:
        self.event, self.plan = event, plan
        self.place = slice(plan.first, plan.past)
        self.every: list[Run] = []
        self.required: dict[str, dict[str, list[Run]]] = {}
        self.slow: set[int] = set()
        self.filters: list[Filtered] = [*plan.every, *plan.quick, *plan.slow]
        runs: dict[int, list[Run]] = {}
        for one in self.filters:
            own = [_run(section, spans, event, is_exact) for section in one.sections.values()]
            if one.filter.rest is not None or one.filter.timed or None in own:
                self.slow.add(id(one))
            else:
                runs[id(one)] = [run for run in own if run is not None]
        for one in plan.every:
            self.every += runs.get(id(one), [])
        for name, by_value in plan.required.items():
            told = {v: [r for one in many for r in runs.get(id(one), [])] for v, many in by_value.items()}
            self.required[name] = {value: many for value, many in told.items() if many}
        self.running = {run.first for many in runs.values() for run in many}
        sections = [section for one in self.filters for section in one.sections.values()]
        wanted = [spans[number] for number in dict.fromkeys(section.span for section in sections)]
        #: The lengths of windows that end at the moment and are of one length; the other windows follow.
        self.rolling = sorted(span.length for span in wanted if span.length is not None)
        self._spans = [span for span in wanted if span.length is None and not span.is_ever]
        self.always = any(one.filter.timed for one in self.filters) or any(
            section.measure.kind.startswith("days_since") for section in sections
        )

    def until(self, times: tuple[int, ...], as_of: int) -> int:
        """The first moment after `as_of` at which a window over these events may hold others; at the earliest."""
        if self.always:
            return as_of
        count = len(times)
        ahead = bisect_left(times, as_of)
        found = times[ahead] + 1 if ahead < count else NEVER
        for length in self.rolling:
            first = bisect_left(times, as_of - length, 0, ahead)
            if first < count and (leaves := times[first] + length + 1) < found:
                found = leaves
        for span in self._spans:
            start, end = span.bounds(as_of)
            first = 0 if start is None else bisect_left(times, start)
            high = bisect_left(times, end)
            leaving = times[first] if first < len(times) else None
            entering = times[high] if high < len(times) else None
            found = min(found, span.changes(as_of, leaving, entering))
        return found

    def until_of_one(self, at: int, as_of: int) -> int:
        """The same for one event."""
        if self._spans or self.always:
            return self.until((at,), as_of)
        if at >= as_of:
            return at + 1
        for length in self.rolling:  # ascending: the first window that still holds it is the first to lose it
            if at + length >= as_of:
                return at + length + 1
        return NEVER


def _run(section: MeasureSection, spans: list[Span], event: str, is_exact: IsExact) -> Run | None:
    span, measure = spans[section.span], section.measure
    if span.length is None and not span.is_ever:
        return None
    if measure.kind == "sum":
        if not is_exact(event, str(measure.property)):
            return None
    elif measure.kind != "count":
        return None
    place, index = section.place, section.index
    added = str(measure.property) if measure.kind == "sum" else None
    flips = {} if added else _flips(section)
    return Run(place.start, place.stop, span.length, index.known.get, index.truths, added, index, flips)


def _flips(section: MeasureSection) -> dict[int, tuple[bytes, list[int]]]:
    """The counts that are answered otherwise than the count before."""
    limits = {math.floor(given) for one in section.compared for given in one.given}
    found: dict[int, tuple[bytes, list[int]]] = {}
    for count in {1, *limits, *(limit + 1 for limit in limits)}:
        if count < 1:
            continue
        was = section.index.truths(count - 1) if count > 1 else section.index.missing
        now = section.index.truths(count)
        slots = [
            slot for slot, (a, b) in enumerate(zip(was, now, strict=True), section.place.start) if a != b
        ]
        if slots:
            found[count] = now, slots
    return found


def kinds_of(plans: Iterable[tuple[str, EventPlan]], spans: list[Span], is_exact: IsExact) -> dict[str, Kind]:
    """Each kind of event that predicates measure."""
    return {event: Kind(event, plan, spans, is_exact) for event, plan in plans}


def total(log: EventLog, name: str, events: Iterable[int]) -> AnyValue:
    """The exact sum of a property over some events of a log."""
    column = log.values(name)
    return sum(v for i in events if (v := column[i]) is not None)
