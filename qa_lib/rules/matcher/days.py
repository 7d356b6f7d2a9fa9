"""Conditions that hold a day against the moment: in the last days, and an anniversary ahead."""

from __future__ import annotations

from calendar import isleap
from datetime import date, timedelta
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

from qa_lib.rules.matcher.compare import comparison
from qa_lib.rules.matcher.moments import Span, local_day, midnight_us, next_midnight
from qa_lib.rules.model import Attribute, Tag
from qa_lib.rules.windows import Last

#: The operators whose answer for one value changes with time alone.
TIMED = ("in last", "anniversary within")


class DayCondition:
    """One such condition on a day or None."""

    def __init__(self, leaf: Attribute | Tag, zone: ZoneInfo) -> None:
        self._zone = zone
        self._span = Span(leaf.value, zone) if isinstance(leaf.value, Last) else None
        self._days = leaf.value if isinstance(leaf.value, int) else 0
        self._when_missing = comparison(leaf.operator, (), leaf.missing, "date").when_missing

    def holds(self, day: date | None, as_of: int) -> bool:
        """Whether it is true of the day as of a moment."""
        if day is None:
            return self._when_missing
        if self._span is None:
            return self._celebrates(day, as_of)
        start, end = self._span.bounds(as_of)
        assert start is not None
        return start <= midnight_us(day, self._zone) < end

    def changes(self, day: date | None, as_of: int) -> int | None:
        """The first moment after `as_of` at which its answer for the day may be another."""
        if day is None:
            return None
        if self._span is None:
            return next_midnight(as_of, self._zone)
        start, end = self._span.bounds(as_of)
        begins = midnight_us(day, self._zone)
        leaving = begins if start is not None and begins >= start else None
        return self._span.changes(as_of, leaving, begins if begins >= end else None)

    def _celebrates(self, day: date, as_of: int) -> bool:
        today = local_day(as_of, self._zone)
        for year in (today.year, today.year + 1):
            kept = date(year, 2, 28) if (day.month, day.day) == (2, 29) and not isleap(year) else None
            there = kept or date(year, day.month, day.day)
            if today <= there <= today + timedelta(days=self._days):
                return True
        return False


def day_condition(leaf: AnyValue, zone: ZoneInfo) -> DayCondition | None:
    """The condition where its operator is one of `TIMED`."""
    return DayCondition(leaf, zone) if leaf.operator in TIMED else None
