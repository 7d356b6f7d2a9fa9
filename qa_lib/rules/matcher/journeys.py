"""Sequences and lifecycles for one person: what followed what, and how a habit began, paused or ended."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.journeys import Lifecycle, Step
from qa_lib.rules.journeys import Sequence as Journey
from qa_lib.rules.matcher.measures import Filter
from qa_lib.rules.matcher.moments import NEVER, QUARTER_US, Span, next_midnight
from qa_lib.rules.matcher.person import Person, microseconds, moment_of, plain
from qa_lib.rules.windows import Ever, periods

_FIXED = ("minute", "hour", "day", "week")


class SequenceLeaf:
    """A sequence, step by step over the moments of one person.

    A moment that completes a step *reaches* up to the last time at which the next one may happen: its
    `within`, the first event that breaks an absence, or the next named event of all. Of several ways to
    a moment only the latest start is kept: later starts leave more time, and nothing else depends on it.
    """

    def __init__(self, condition: Journey, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self._leaf, self._span = condition, Span(condition.window, zone)
        self._filters = [Filter(s.where, catalogue.event(s.event), zone) for s in condition.steps]
        self.event_names = tuple(dict.fromkeys(s.event for s in condition.steps))

    def holds(self, person: Person, as_of: int) -> bool:
        if self._leaf.steps[0].event not in person.events:
            return False
        fitting = [self._fitting(i, person, as_of) for i in range(len(self._filters))]
        named = sorted({t for name in self.event_names for t in _times(person, name) if t < as_of})
        return any(
            self._taken([step.get(key, []) for step in fitting], named, as_of)
            for key in sorted(fitting[0], key=repr)
        )

    def _fitting(self, number: int, person: Person, as_of: int) -> dict[tuple[AnyValue, ...], list[int]]:
        """The moments of the events that fit a step, ascending, by the values that must be the same."""
        step = self._leaf.steps[number]
        log = person.events.get(step.event)
        found: dict[tuple[AnyValue, ...], list[int]] = {}
        if log is None:
            return found
        start, end = self._span.bounds(as_of)
        if step.absent:
            end = as_of
        columns = [log.values(name) for name in self._leaf.same]
        for i in self._filters[number].passing(log, as_of):
            t = log.times[i]
            key = tuple(plain(column[i]) for column in columns)
            if (start is None or t >= start) and t < end and None not in key:
                found.setdefault(key, []).append(t)
        return found

    def _taken(self, times: list[list[int]], named: list[int], as_of: int) -> bool:
        steps, whole = self._leaf.steps, self._leaf.within
        at = {t: t for t in times[0]}  # each moment that completes the steps so far, with its latest start
        absent: list[int] = []
        for i, step in enumerate(steps[1:], 1):
            if step.absent:
                absent.append(i)
                continue
            reached: dict[int, int] = {}
            for t, start in at.items():
                until = self._reach(t, step, absent, times, named)
                if whole is not None:
                    until = min(until, start + whole.microseconds)
                for later in times[i][bisect_right(times[i], t) : bisect_right(times[i], until)]:
                    reached[later] = max(start, reached.get(later, start))
            at, absent = reached, []
        return any(all(_held(steps[j], times[j], t, as_of) for j in absent) for t in at)

    def _reach(self, t: int, step: Step, absent: list[int], times: list[list[int]], named: list[int]) -> int:
        until = NEVER if step.within is None else t + step.within.microseconds
        for j in absent:
            broken, within = _after(times[j], t), self._leaf.steps[j].within
            if within is None or broken <= t + within.microseconds:
                until = min(until, broken)
        return min(until, _after(named, t)) if step.immediately else until

    def changes(self, person: Person, as_of: int) -> int:
        times = sorted(t for name in self.event_names for t in _times(person, name))
        start, end = self._span.bounds(as_of)
        leaving = _from(times, start) if start is not None else None
        found = min(self._span.changes(as_of, leaving, _from(times, end)), _after(times, as_of - 1) + 1)
        for step in self._leaf.steps:
            if step.absent and step.within is not None:
                waited = step.within.microseconds
                found = min(found, _after(times, as_of - waited - 1) + waited + 1)
        for step, one in zip(self._leaf.steps, self._filters, strict=True):
            if one.timed and (log := person.events.get(step.event)) is not None:
                found = min(found, one.changes(log, as_of))
        return found


class LifecycleLeaf:
    """A lifecycle over the moments of one person."""

    def __init__(self, condition: Lifecycle, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self._leaf, self._zone = condition, zone
        self._span = Span(condition.window, zone)
        self._filter = Filter(condition.where, catalogue.event(condition.event), zone)
        self.event_names: tuple[str, ...] = (condition.event,)
        windows = [w for w in (condition.window, condition.before) if w is not None]
        units = [condition.unit] if condition.unit is not None and not condition.calendar else []
        #: Whether all edges move as time does; else they may jump, at a whole quarter of an hour.
        self._is_smooth = not condition.calendar and all(
            isinstance(w, Ever)
            or (getattr(w, "unit", "month") in _FIXED and not getattr(w, "calendar", False))
            for w in windows
        )
        self._is_smooth = self._is_smooth and all(unit in _FIXED for unit in units)

    def _moments(self, person: Person, as_of: int) -> list[int]:
        log = person.events.get(self._leaf.event)
        return [] if log is None else [log.times[i] for i in self._filter.passing(log, as_of)]

    def _edges(self, as_of: int) -> list[int]:
        """All moments that events are held against, ascending; the beginning of time is left out."""
        leaf = self._leaf
        if leaf.pattern == "regularly":
            assert leaf.m is not None
            assert leaf.unit is not None
            found = periods(moment_of(as_of), self._zone, leaf.m, leaf.unit, calendar=leaf.calendar)
            return [microseconds(edge) for edge in found]
        start, end = self._span.bounds(as_of)
        if start is None:
            return [end]
        if leaf.before is None:
            return [start, end]
        earlier, _ = leaf.before.bounds(moment_of(start), self._zone)
        assert earlier is not None
        return [microseconds(earlier), start, end]

    def holds(self, person: Person, as_of: int) -> bool:
        times = self._moments(person, as_of)
        if not times:
            return False
        leaf, edges = self._leaf, self._edges(as_of)
        if leaf.pattern == "regularly":
            assert leaf.k is not None
            return sum(_any(times, a, b) for a, b in itertools.pairwise(edges)) >= leaf.k
        end = edges[-1]
        start = edges[-2] if len(edges) > 1 else None
        earlier = edges[0] if leaf.before is not None else None
        match leaf.pattern:
            case "first_time":
                return _any(times, start, end) and (start is None or times[0] >= start)
            case "stopped":
                return _any(times, earlier, start) and not _any(times, start, end)
            case _:
                return (
                    _any(times, start, end) and not _any(times, earlier, start) and _any(times, None, earlier)
                )

    def changes(self, person: Person, as_of: int) -> int:
        log = person.events.get(self._leaf.event)
        if log is None:
            return NEVER
        found = self._filter.changes(log, as_of)
        for edge in self._edges(as_of):
            t = _from(log.times, edge)
            if t is not None:  # no edge moves faster than time
                found = min(found, as_of + (t - edge) + 1)
        if not self._is_smooth and log.times:
            jump = (as_of // QUARTER_US + 1) * QUARTER_US
            found = min(found, next_midnight(as_of, self._zone) if self._leaf.calendar else jump)
        return found


def _times(person: Person, event: str) -> Sequence[int]:
    log = person.events.get(event)
    return () if log is None else log.times


def _after(times: Sequence[int], t: int) -> int:
    """The first of the times after `t`, or `NEVER`."""
    i = bisect_right(times, t)
    return times[i] if i < len(times) else NEVER


def _from(times: Sequence[int], t: int) -> int | None:
    """The first of the times that is not before `t`."""
    i = bisect_left(times, t)
    return times[i] if i < len(times) else None


def _any(times: Sequence[int], start: int | None, end: int | None) -> bool:
    """Whether any of the times lies in `[start, end)`."""
    low = 0 if start is None else bisect_left(times, start)
    return low < (len(times) if end is None else bisect_left(times, end))


def _held(step: Step, breaks: Sequence[int], t: int, as_of: int) -> bool:
    """Whether nothing came after the last moment, as far as that must be waited for."""
    broken = _after(breaks, t)
    if step.within is None:
        return broken == NEVER
    until = t + step.within.microseconds
    return broken > until and until < as_of
