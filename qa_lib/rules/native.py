"""Conditions of a few closed shapes straight from a snapshot's columns, without SQL.

A boolean tag is its bitset. A comparison of one field is one pass over its array. A count or a sum of
events, or the days since the last, is a slice of the events (they are in order of time), a mask and one pass.
Two steps of a sequence are a search. What is not exactly what the SQL says is left to it: `selected` answers None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from qa_lib.rules import bits
from qa_lib.rules.bits import Bits
from qa_lib.rules.catalogue import Catalogue, EventType, Field
from qa_lib.rules.compile import days_inside
from qa_lib.rules.followed import followed
from qa_lib.rules.journeys import Sequence, Step
from qa_lib.rules.measures import measure_type
from qa_lib.rules.model import All, Any, Attribute, Condition, Event, Rule, Tag
from qa_lib.rules.operators import operator
from qa_lib.rules.windows import Last, Window
from qa_lib.workspace import Column, Columns

Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[AnyValue]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = date(1970, 1, 1).toordinal()
_DAY_US = 86_400_000_000
#: Doubles hold every integer up to here; beyond it a sum or a decimal would be rounded.
_EXACT = 2**53
#: How many people's values are compared at a time, whole words of bits; fewer, and two threads wait for each other.
_COMPARED = 2**21

_ORDERED: dict[str, Callable[[Values, int | float], Flags]] = {
    "=": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "before": np.less,
    "after": np.greater,
}


class _LeftToSql(Exception):
    """A shape, type or value that these kernels do not answer."""


@dataclass(frozen=True)
class Native:
    """The kernels over one snapshot's columns.

    Parameters
    ----------
    size
        How many people there are.
    """

    catalogue: Catalogue
    columns: Columns
    as_of: datetime
    zone: ZoneInfo
    size: int

    def selected(self, leaf: Condition) -> Bits | None:
        """The people of a condition that was checked; None when its SQL has to say."""
        try:
            match leaf:
                case Attribute() | Tag():
                    return self._field(leaf, self.catalogue.field(leaf.field))
                case Event():
                    return self._event(leaf, self.catalogue.event(leaf.event))
                case Sequence():
                    return self._sequence(leaf)
                case _:
                    return None
        except _LeftToSql:
            return None

    @cached_property
    def _everybody(self) -> Bits:
        return bits.everybody(self.size)

    # -- fields --------------------------------------------------------------------------------

    def _field(self, leaf: Attribute | Tag, field: Field) -> Bits:
        if field.type == "boolean" and self.columns.has_bitset(field.name):
            return self._boolean(leaf)
        column = self._column(field.name)
        if self.size <= _COMPARED:
            return bits.from_flags(self._compared(leaf, column, slice(None)))
        found = np.empty(-(-self.size // 64), dtype=np.uint64)

        def work(start: int, stop: int) -> None:
            for begin in range(start, stop, _COMPARED // 64):
                end = min(begin + _COMPARED // 64, stop)
                found[begin:end] = bits.from_flags(self._compared(leaf, column, slice(64 * begin, 64 * end)))

        bits.in_halves(work, len(found))
        return found

    def _column(self, name: str) -> Column:
        column = self.columns.array(name)
        if column is None:
            raise _LeftToSql
        return column

    def _boolean(self, leaf: Attribute | Tag) -> Bits:
        true, known = self.columns.bitset(leaf.field), self.columns.known(leaf.field)
        match leaf.operator:
            case "is set":
                return self._everybody if known is None else known
            case "is not set":
                return bits.complement(self._everybody if known is None else known, self._everybody)
            case "=" | "!=":
                wanted = leaf.value if leaf.operator == "=" else not leaf.value
                found = true
                if not wanted:
                    found = bits.complement(true, self._everybody if known is None else known)
                if known is not None and _includes_missing(leaf):
                    found = bits.union([found, bits.complement(known, self._everybody)])
                return found
            case _:
                raise _LeftToSql

    def _compared(self, leaf: Attribute | Tag, column: Column, rows: slice) -> Flags:
        """Which of these rows compare as stated, with the declared answer where there is no value."""
        values = column.values[rows]
        known = None if column.known is None else column.known[rows]
        if leaf.operator == "is set":
            return np.ones(len(values), dtype=bool) if known is None else known
        if leaf.operator == "is not set":
            return np.zeros(len(values), dtype=bool) if known is None else ~known
        match column.kind:
            case "number":
                found = _numbers(values, column.scale, leaf.operator, leaf.value)
            case "text":
                found = _texts(values, column, leaf)
            case "date":
                found = self._dates(values, leaf)
            case "boolean" if leaf.operator in ("=", "!="):
                found = _ORDERED[leaf.operator](values, bool(leaf.value))
            case _:
                raise _LeftToSql
        if known is not None:
            if _includes_missing(leaf):
                return np.logical_or(found, ~known, out=found)
            return np.logical_and(found, known, out=found)
        return found

    def _dates(self, values: Values, leaf: Attribute | Tag) -> Flags:
        if leaf.operator == "in last":
            assert isinstance(leaf.value, Last)
            first, end = (d.toordinal() - _DAY for d in days_inside(leaf.value, self.as_of, self.zone))
            return (values >= first) & (values < end)
        given = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        if not all(isinstance(day, str) for day in given):
            raise _LeftToSql
        days = [date.fromisoformat(str(day)).toordinal() - _DAY for day in given]
        return _integers(values, leaf.operator, [Decimal(day) for day in days])

    # -- events --------------------------------------------------------------------------------

    def _event(self, leaf: Event, event: EventType) -> Bits:
        measure, op = measure_type(leaf.measure.kind), operator(leaf.operator)
        if measure.key not in ("count", "sum", "days_since_last", "days_since_first"):
            raise _LeftToSql
        rows, mask = self._rows(event, leaf.window, leaf.where)
        people = self._column(f"{event.table}.person_no").values[rows]
        if mask is not None:
            people = people[mask]
        if measure.key == "count" and leaf.missing is None and leaf.value in (0, 1):
            at_least_one = (op.key, leaf.value) in ((">=", 1), (">", 0), ("!=", 0))
            if at_least_one or (op.key, leaf.value) in (("=", 0), ("<=", 0), ("<", 1)):
                done = np.zeros(self.size, dtype=bool)
                done[people] = True
                return bits.from_flags(done if at_least_one else ~done)
        if measure.key.startswith("days_since"):
            moments = self._column(f"{event.table}.occurred_at").values[rows]
            us = moments if mask is None else moments[mask]
            return self._days_since(leaf, people, us, last=measure.key == "days_since_last")
        if measure.key == "count":
            measured, scale = np.bincount(people, minlength=self.size), 0
        else:
            measured, scale = self._sums(
                self._column(f"{event.table}.{leaf.measure.property}"), rows, mask, people
            )
        found = _numbers(measured, scale, op.key, leaf.value)
        if leaf.missing is not None:
            done = np.zeros(self.size, dtype=bool)
            done[people] = True
            found = found | ~done if leaf.missing == "include" else found & done
        return bits.from_flags(found)

    def _rows(self, event: EventType, window: Window, where: Rule | None) -> tuple[slice, Flags | None]:
        """The events of a window, and which of them pass the filters; None when all do."""
        moments = self._column(f"{event.table}.occurred_at").values
        start, end = window.bounds(self.as_of, self.zone)
        first = 0 if start is None else int(np.searchsorted(moments, np.int64(_us(start))))
        rows = slice(first, max(first, int(np.searchsorted(moments, np.int64(_us(end))))))
        return rows, self._mask(where, event, rows)

    def _sequence(self, leaf: Sequence) -> Bits:
        """Two steps that both happen; longer ones and absences are left to SQL."""
        first, then = leaf.steps[0], leaf.steps[1]
        if len(leaf.steps) > 2 or leaf.same or then.absent or then.immediately or first.within:
            raise _LeftToSql
        bounds = [d.microseconds for d in (then.within, leaf.within) if d is not None]
        one, other = (self._moments(step, leaf.window) for step in (first, then))
        return bits.from_flags(followed(one, other, self.size, min(bounds, default=None)))

    def _moments(self, step: Step, window: Window) -> tuple[Values, Values]:
        """Whose events of a step, and when; shapes (n,) and (n,)."""
        event = self.catalogue.event(step.event)
        rows, mask = self._rows(event, window, step.where)
        people, moments = (
            self._column(f"{event.table}.{name}").values[rows] for name in ("person_no", "occurred_at")
        )
        return (people, moments) if mask is None else (people[mask], moments[mask])

    def _sums(self, column: Column, rows: slice, mask: Flags | None, people: Values) -> tuple[Values, int]:
        """The exact sum per person, in units of 10**−scale; shape (size,)."""
        if column.kind != "number" or column.values.dtype.kind != "i":
            raise _LeftToSql  # a sum of doubles depends on their order
        amounts, known = column.values[rows], column.known
        if mask is not None:
            amounts = amounts[mask]
        if known is not None:
            there = known[rows] if mask is None else known[rows][mask]
            amounts, people = amounts[there], people[there]
        if len(amounts) and max(-int(amounts.min()), int(amounts.max())) * len(amounts) >= _EXACT:
            raise _LeftToSql
        return np.bincount(people, weights=amounts, minlength=self.size), column.scale

    def _days_since(self, leaf: Event, people: Values, us: Values, *, last: bool) -> Bits:
        """Of several assignments to one person the one that comes last stays: the latest, or the earliest."""
        step = 1 if last else -1
        seen = np.full(self.size, -1, dtype=np.int64)
        done = np.zeros(self.size, dtype=bool)
        seen[people[::step]] = us[::step]
        done[people] = True
        found = _numbers((_us(self.as_of) - seen) // _DAY_US, 0, leaf.operator, leaf.value)
        return bits.from_flags(found | ~done if _includes_missing(leaf) else found & done)

    def _mask(self, where: Rule | None, event: EventType, rows: slice) -> Flags | None:
        """Which of these events pass the filters; None when all do."""
        if where is None:
            return None
        if isinstance(where, All | Any) and not where.of:
            return np.zeros(rows.stop - rows.start, dtype=bool) if where.negated else None
        return self._filtered(where, event, rows)

    def _filtered(self, rule: Rule, event: EventType, rows: slice) -> Flags:
        if isinstance(rule, Attribute):
            return self._compared(rule, self._column(f"{event.table}.{rule.field}"), rows)
        if not isinstance(rule, All | Any) or not rule.of:
            raise _LeftToSql
        parts = [self._filtered(child, event, rows) for child in rule.of]
        join = np.logical_and if isinstance(rule, All) else np.logical_or
        found: Flags = parts[0] if len(parts) == 1 else join.reduce(parts)
        return ~found if rule.negated else found


def _includes_missing(leaf: Attribute | Tag | Event) -> bool:
    return operator(leaf.operator).when_missing if leaf.missing is None else leaf.missing == "include"


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _numbers(values: Values, scale: int, key: str, value: AnyValue) -> Flags:
    """Compare values × 10**scale exactly with the number given, or doubles as the SQL does."""
    given = value if isinstance(value, tuple) else (value,)
    exact = [_exact(v) for v in given]
    if scale or values.dtype.kind == "i":
        return _integers(values, key, [v.scaleb(scale) for v in exact])
    if values.dtype.kind != "f" or key in ("in", "not in"):
        raise _LeftToSql
    if any(v != v.to_integral_value() for v in exact) and any(abs(v.scaleb(6)) >= _EXACT for v in exact):
        raise _LeftToSql
    doubles = [float(v) for v in exact]
    if key == "between":
        return (values >= doubles[0]) & (values <= doubles[1])
    if key not in _ORDERED:
        raise _LeftToSql
    return _ORDERED[key](values, doubles[0])


def _exact(value: AnyValue) -> Decimal:
    """The number that the SQL compares with: a decimal of six places; others it compares as doubles."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, float) and abs(value) < 1e12 and round(value, 6) == value:
        return Decimal(repr(value))
    raise _LeftToSql


def _integers(values: Values, key: str, given: list[Decimal]) -> Flags:
    """Compare integers (or whole doubles) with numbers that need not be whole."""
    whole = [int(v) for v in given if v == v.to_integral_value()]
    match key:
        case "=" | "in" | "!=" | "not in":
            found = _one_of(values, whole)
            return found if key in ("=", "in") else ~found
        case "between":
            return (values >= math.ceil(given[0])) & (values <= math.floor(given[1]))
        case ">" | "after" | "<=":
            return _ORDERED[key](values, math.floor(given[0]))
        case ">=" | "<" | "before":
            return _ORDERED[key](values, math.ceil(given[0]))
        case _:
            raise _LeftToSql


def _one_of(values: Values, whole: list[int]) -> Flags:
    if len(whole) > 8:
        return np.isin(values, np.array(whole, dtype=np.int64))
    if not whole:
        return np.zeros(len(values), dtype=bool)
    found: Flags = values == whole[0]
    for number in whole[1:]:
        found |= values == number
    return found


def _texts(values: Values, column: Column, leaf: Attribute | Tag) -> Flags:
    if leaf.operator not in ("=", "!=", "in", "not in"):
        raise _LeftToSql
    given = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    codes = [column.codes[str(text)] for text in given if text in column.codes]
    if len(codes) > 2:
        wanted = np.zeros(len(column.texts) + 1, dtype=bool)
        wanted[codes] = True
        found = wanted[values]
    else:
        found = _one_of(values, codes)
    return found if leaf.operator in ("=", "in") else ~found
