"""What event conditions measure for a whole batch: counts and exact sums at once, the rest person by person."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qa_lib.rules.matcher.people import Events, Ints, People
from qa_lib.rules.matcher.predicates import Predicates
from qa_lib.rules.matcher.sections import EventPlan, Filtered, MeasureSection

if TYPE_CHECKING:
    Bounds = list[tuple[int | None, int]]
    Write = Callable[[int, npt.NDArray[np.uint8]], None]


def write_events(predicates: Predicates, people: People, as_of: int, write: Write) -> None:
    """Hand the truth of every event predicate to `write`, as rows of shape (n_predicates, n_people)."""
    bounds = predicates.bounds(as_of)
    for section in predicates.unplanned:
        write(section.first, _for_nobody(section.index.missing, len(people)))
    for event, plan in predicates.plans.items():
        events = people.events[event]
        slow: list[MeasureSection] = []
        ranges: dict[int, tuple[Ints, Ints]] = {}
        earlier: dict[int, Ints] = {}  # all windows of a moment end together
        for section in (s for one in plan.every for s in one.sections.values()):
            if section.span not in ranges:
                ranges[section.span] = _ranges(events, *bounds[section.span], earlier)
            if not _write_whole(section, events, *ranges[section.span], write):
                slow.append(section)
        if plan.quick:
            _write_quick(plan, events, bounds, len(people), write)
        slow += [s for one in plan.slow for s in one.sections.values()]
        if slow:
            _write_by_person(predicates, people, event, plan, slow, as_of, write)


def _for_nobody(truths: bytes, n_people: int) -> npt.NDArray[np.uint8]:
    return np.repeat(np.frombuffer(truths, dtype=np.uint8)[:, None], n_people, axis=1)


def _ranges(events: Events, start: int | None, end: int, earlier: dict[int, Ints]) -> tuple[Ints, Ints]:
    """For each person the first event inside a window and the first one after it; shape (n_people,) each."""
    for moment in (end,) if start is None else (start, end):
        if moment not in earlier:
            earlier[moment] = events.first[:-1] + _earlier(events, moment)
    high = earlier[end]
    return (events.first[:-1] if start is None else np.minimum(earlier[start], high)), high


def _earlier(events: Events, moment: int) -> Ints:
    """How many events each person has before a moment; shape (n_people,)."""
    counted = np.zeros(len(events.times) + 1, dtype=np.int64)
    np.cumsum(events.times < moment, out=counted[1:])
    return np.diff(counted[events.first])


def _write_whole(section: MeasureSection, events: Events, low: Ints, high: Ints, write: Write) -> bool:
    """A count or an exact sum over all events inside a window; False for other measures."""
    values = (high - low).astype(np.float64)
    if section.measure.kind == "sum":
        summed = events.running.get(str(section.measure.property))
        if summed is None:
            return False
        values = (summed[high] - summed[low]) / 100
    elif section.measure.kind != "count":
        return False
    at = section.index.places(values, high > low)
    write(section.first, section.index.by_comparison.take(at, axis=1))
    return True


def _write_quick(plan: EventPlan, events: Events, bounds: Bounds, n_people: int, write: Write) -> None:
    """Counts over filters that only require a text, for all filters of a window at once."""
    first = plan.quick_first
    truths = _for_nobody(plan.quick_template, n_people)
    times, keys = events.required_times, events.required_keys
    for span, table in plan.quick_tables.items():
        start, end = bounds[span]
        inside = times < end if start is None else (times < end) & (times >= start)
        own = keys[inside]  # ascending: equal keys are next to each other
        starts = np.flatnonzero(np.diff(own, prepend=-1))
        counted = np.diff(starts, append=len(own))
        filters, who = np.divmod(own[starts], n_people)
        width = table.width[filters]
        known = width > 0
        filters, who, width = filters[known], who[known], width[known]
        counts = np.minimum(counted[known], table.cap)
        # every comparison of the section on its own: `each` numbers them from 0 within their section
        each = np.arange(width.sum()) - np.repeat(width.cumsum() - width, width)
        answer = np.repeat(table.offset[filters] + counts * width, width) + each
        slot = np.repeat(table.first[filters] - first, width) + each
        truths[slot, np.repeat(who, width)] = table.answers[answer]
    write(first, truths)


def _write_by_person(
    predicates: Predicates,
    people: People,
    event: str,
    plan: EventPlan,
    slow: list[MeasureSection],
    as_of: int,
    write: Write,
) -> None:
    """Other measures and filters, by the same steps as for one person."""
    sections = {id(section) for section in slow}
    concerned: list[Filtered] = [*plan.every, *plan.slow]
    only = {id(one) for one in concerned if any(id(s) in sections for s in one.sections.values())}
    rows = bytearray()
    for person in people.people:
        row = bytearray(predicates.template)
        if event in person.events:
            predicates.write_events(person, as_of, row, only)
        rows += row
    truths = np.frombuffer(rows, dtype=np.uint8).reshape(len(people), predicates.size)
    for section in slow:
        write(section.first, np.ascontiguousarray(truths[:, section.place].T))
