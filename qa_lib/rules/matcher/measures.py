"""What event conditions measure for one person: filtered, in a window, each measure once for all rules."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

from qa_lib.rules.catalogue import EventType
from qa_lib.rules.matcher.compare import comparison, holds
from qa_lib.rules.matcher.days import DayCondition, day_condition
from qa_lib.rules.matcher.moments import DAY_US, NEVER, Span, local_day
from qa_lib.rules.matcher.person import EventLog, number, plain
from qa_lib.rules.model import All, Any, Attribute, Measure, Rule

#: Whether one event of a log passes, as of a moment.
Passes = Callable[[EventLog, int, int], bool]


class Filter:
    """The filters of an event: `None` lets everything pass.

    Where an event must have one of a few texts as a property, `required` names the property and the texts,
    so that filters can be found by dictionary; `rest` is what is left to look at, and `timed` its conditions
    whose answer for an event changes with time.
    """

    def __init__(self, where: All | Any | None, event: EventType, zone: ZoneInfo) -> None:
        self.required: tuple[str, tuple[str, ...]] | None = None
        self.rest: Passes | None = None
        self.nothing = where is not None and not where.of and where.negated
        self.timed: list[tuple[str, DayCondition]] = []
        self._event, self._zone = event, zone
        if where is None or not where.of:
            return
        parts = list(where.of) if isinstance(where, All) and not where.negated else [where]
        for i, part in enumerate(parts):
            if (found := self._required(part)) is not None:
                self.required = found
                del parts[i]
                break
        if parts:
            self.rest = self._all([self._passes(part) for part in parts])

    def _required(self, part: Rule) -> tuple[str, tuple[str, ...]] | None:
        if not isinstance(part, Attribute) or self._event.property(part.field).type != "text":
            return None
        if part.operator not in ("=", "in") or part.missing == "include":
            return None
        values = part.value if isinstance(part.value, tuple) else (part.value,)
        return part.field, tuple(dict.fromkeys(str(v) for v in values))

    def _passes(self, node: Rule) -> Passes:
        if isinstance(node, All | Any):
            parts = [self._passes(child) for child in node.of]
            joined = self._all(parts) if isinstance(node, All) else self._any(parts)
            return (lambda log, i, as_of: not joined(log, i, as_of)) if node.negated else joined
        assert isinstance(node, Attribute)
        name, type = node.field, self._event.property(node.field).type
        timed = day_condition(node, self._zone)
        if timed is not None:
            self.timed.append((name, timed))
            return lambda log, i, as_of: timed.holds(log.values(name)[i], as_of)
        compared = comparison(node.operator, node.value, node.missing, type)
        return lambda log, i, as_of: holds(plain(log.values(name)[i]), compared)

    @staticmethod
    def _all(parts: list[Passes]) -> Passes:
        return parts[0] if len(parts) == 1 else lambda log, i, as_of: all(p(log, i, as_of) for p in parts)

    @staticmethod
    def _any(parts: list[Passes]) -> Passes:
        return parts[0] if len(parts) == 1 else lambda log, i, as_of: any(p(log, i, as_of) for p in parts)

    def passing(self, log: EventLog, as_of: int) -> Sequence[int]:
        """The events of a log that pass, ascending."""
        if self.nothing:
            return ()
        events: Sequence[int] = range(len(log.times))
        if self.required is not None:
            column, texts = log.values(self.required[0]), self.required[1]
            events = [i for i in events if column[i] in texts]
        rest = self.rest
        return events if rest is None else [i for i in events if rest(log, i, as_of)]

    def changes(self, log: EventLog, as_of: int) -> int:
        """The first moment after `as_of` at which time alone may let other events pass."""
        found = NEVER
        for name, condition in self.timed:
            moments = (condition.changes(day, as_of) for day in set(log.values(name)))
            found = min([found, *(m for m in moments if m is not None)])
        return found


Values = Sequence[AnyValue]


def _sum(values: Values) -> AnyValue:
    return sum(v for v in values if v is not None)


def _mean(values: Values) -> AnyValue:
    """The quotient rounded once, as DuckDB divides whole cents."""
    known = [v for v in values if v is not None]
    if not known:
        return None
    total = sum(known)
    if isinstance(total, Decimal | int):
        top, bottom = total.as_integer_ratio()
        return top / (bottom * len(known))
    return total / len(known)


def _least(values: Values) -> AnyValue:
    return min((v for v in values if v is not None), default=None)


def _greatest(values: Values) -> AnyValue:
    return max((v for v in values if v is not None), default=None)


def _distinct(values: Values) -> AnyValue:
    return len({plain(v) for v in values if v is not None})


_OF_VALUES: dict[str, Callable[[Values], AnyValue]] = {
    "sum": _sum,
    "avg": _mean,
    "min": _least,
    "max": _greatest,
    "distinct": _distinct,
}


def measured(
    measure: Measure,
    log: EventLog,
    where: Sequence[int] | None,
    low: int,
    high: int,
    as_of: int,
    zone: ZoneInfo,
) -> AnyValue:
    """A measure over the events `where[low:high]` of a log, or over `[low:high)` where nothing filters.

    Returns
    -------
    A number, or None where the measure has no value.
    """
    if measure.kind == "count":
        return high - low
    if low == high:
        return 0 if measure.kind in ("sum", "distinct", "active_days") else None
    events = range(low, high) if where is None else where[low:high]
    match measure.kind:
        case "days_since_last":
            return (as_of - log.times[events[-1]]) // DAY_US
        case "days_since_first":
            return (as_of - log.times[events[0]]) // DAY_US
        case "active_days":
            return len({local_day(log.times[i], zone) for i in events})
    assert measure.property is not None
    column = log.values(measure.property)
    values = column[low:high] if where is None else [column[i] for i in events]
    found = _OF_VALUES[measure.kind](values)
    return None if found is None else number(found)


def between(times: Sequence[int], start: int | None, end: int) -> tuple[int, int]:
    """First event inside a window and first one after it, among times in ascending order."""
    high = bisect_left(times, end)
    low = 0 if start is None else bisect_left(times, start, 0, high) if high else 0
    return low, high


def may_change(measure: Measure, times: Sequence[int], span: Span, as_of: int) -> int:
    """The first moment after `as_of` at which the measure may have another value, by time alone."""
    start, end = span.bounds(as_of)
    first = 0 if start is None else bisect_left(times, start)
    high = bisect_left(times, end)
    leaving = times[first] if first < len(times) else None
    entering = times[high] if high < len(times) else None
    found = span.changes(as_of, leaving, entering)
    low = min(first, high)
    if measure.kind.startswith("days_since") and low < high:
        since = times[high - 1] if measure.kind == "days_since_last" else times[low]
        found = min(found, since + ((as_of - since) // DAY_US + 1) * DAY_US)
    return found
