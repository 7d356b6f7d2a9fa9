"""Windows in microseconds, and when time alone moves an event into or out of them.

An edge of a window is a function of `as_of`. Edges of fixed lengths move with it, and an event passes them
one microsecond after it is as old as the edge. Calendar days step at local midnights. Months move with the
local clock and may jump at midnight or where the clocks change, even backwards (28 February is a month
before 28 and before 31 March), so between two such jumps they are followed exactly and at a jump looked
at anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from qa_lib.rules.matcher.person import microseconds, moment_of
from qa_lib.rules.windows import Ago, Dates, Ever, Last, midnight, step_back

DAY_US = 86_400_000_000
QUARTER_US = 900_000_000
#: Later than any moment.
NEVER = 9_000_000_000_000_000_000
LENGTHS_US = {"minute": 60_000_000, "hour": 3_600_000_000, "day": DAY_US, "week": 7 * DAY_US}


class Edge(NamedTuple):
    """One edge of a window: where it lies at a moment, and when a moment before or after passes it.

    Parameters
    ----------
    at
        Where the edge lies as of a moment.
    passes
        `passes(t, as_of)`: the first moment after `as_of` at which the edge may have passed `t`, which it
        has not as of `as_of`; `NEVER` where it does not move.
    jumps
        The first moment after `as_of` at which the edge may move backwards.
    """

    at: Callable[[int], int]
    passes: Callable[[int, int], int]
    jumps: Callable[[int], int]


def _never(_: int) -> int:
    return NEVER


def shifted(length: int) -> Edge:
    """The edge a fixed length before `as_of`."""
    return Edge(lambda as_of: as_of - length, lambda t, as_of: t + length + 1, _never)


def fixed(moment: int) -> Edge:
    """An edge that does not move."""
    return Edge(lambda as_of: moment, lambda t, as_of: NEVER, _never)


def calendar_edge(days: int, zone: ZoneInfo) -> Edge:
    """The local midnight so many days before `as_of`'s own day."""

    @lru_cache(maxsize=64)
    def at_day(day: date) -> int:
        return microseconds(midnight(day - timedelta(days=days), zone))

    def passes(t: int, as_of: int) -> int:
        return midnight_us(local_day(t, zone) + timedelta(days=days + 1), zone)

    return Edge(lambda as_of: at_day(local_day(as_of, zone)), passes, _never)


def month_edge(months: int, zone: ZoneInfo) -> Edge:
    """The same local time so many calendar months before `as_of`."""

    @lru_cache(maxsize=64)
    def at(as_of: int) -> int:
        return microseconds(step_back(moment_of(as_of), months, "month", zone))

    return Edge(
        at, lambda t, as_of: as_of + (t - at(as_of)) + 1, lambda as_of: _smooth_until(as_of, at, zone)
    )


def _smooth_until(as_of: int, at: Callable[[int], int], zone: ZoneInfo) -> int:
    """Until when an edge that follows the local clock moves as time does."""
    end = midnight_us(local_day(as_of, zone) + timedelta(days=1), zone)
    before = end - 1
    same_clock = offset(as_of, zone) == offset(end, zone)
    if same_clock and at(before) - at(as_of) == before - as_of:
        there = offset(at(as_of), zone), offset(at(before) + 1, zone)
        if there[0] == there[1]:
            return end
    return (as_of // QUARTER_US + 1) * QUARTER_US  # clocks change at whole quarters of an hour


def offset(us: int, zone: ZoneInfo) -> timedelta | None:
    """How far the zone's clock is ahead of UTC."""
    return moment_of(us).astimezone(zone).utcoffset()


def local_day(us: int, zone: ZoneInfo) -> date:
    """The day on the zone's clock."""
    return datetime.fromtimestamp(us // 1_000_000, zone).date()


def next_midnight(as_of: int, zone: ZoneInfo) -> int:
    """The first local midnight after a moment."""
    return midnight_us(local_day(as_of, zone) + timedelta(days=1), zone)


@lru_cache(maxsize=4_096)
def midnight_us(day: date, zone: ZoneInfo) -> int:
    return microseconds(midnight(day, zone))


def edge_back(n: int, unit: str, zone: ZoneInfo, *, calendar: bool = False) -> Edge:
    """The edge `n` units before `as_of`."""
    if unit == "month":
        return month_edge(n, zone)
    if calendar:
        return calendar_edge(n * (7 if unit == "week" else 1), zone)
    return shifted(n * LENGTHS_US[unit])


class Span:
    """A window: `[start, end)` as of any moment, in microseconds; a start of None is the beginning of time."""

    def __init__(self, window: Last | Ago | Dates | Ever, zone: ZoneInfo) -> None:
        self.start: Edge | None = None
        self.end = shifted(0)
        #: Whether everything before the moment is inside.
        self.is_ever = isinstance(window, Ever)
        self._latest: int | None = None
        #: Its length where it ends at the moment itself and always has the same one.
        self.length: int | None = None
        match window:
            case Last():
                if window.unit != "month" and not window.calendar:
                    self.length = window.n * LENGTHS_US[window.unit]
                self.start = edge_back(window.n, window.unit, zone, calendar=window.calendar)
            case Ago():
                self.start = edge_back(window.far, window.unit, zone)
                if window.near:
                    self.end = edge_back(window.near, window.unit, zone)
            case Dates():
                self.start = fixed(midnight_us(window.first, zone))
                self._latest = midnight_us(window.last + timedelta(days=1), zone)
            case Ever():
                pass

    def bounds(self, as_of: int) -> tuple[int | None, int]:
        """Start (inside) and end (outside)."""
        end = self.end.at(as_of)
        if self._latest is not None:
            end = min(end, self._latest)
        return (None if self.start is None else self.start.at(as_of)), end

    def changes(self, as_of: int, leaving: int | None, entering: int | None) -> int:
        """The first moment after `as_of` at which the events inside may be others.

        Parameters
        ----------
        leaving
            The earliest event not before the start, which the start passes first.
        entering
            The earliest event not before the end.
        """
        found = NEVER
        if self.start is not None:
            found = self.start.jumps(as_of)
            if leaving is not None:
                found = min(found, self.start.passes(leaving, as_of))
        if entering is not None and (self._latest is None or entering < self._latest):
            found = min(found, self.end.passes(entering, as_of))
        return min(found, self.end.jumps(as_of))


def first_passing(edge: Edge, times: Iterable[int], as_of: int) -> int:
    """The first moment after `as_of` at which the edge may pass, or move back before, one of the times."""
    at = edge.at(as_of)
    return min((edge.passes(t, as_of) for t in times if t >= at), default=NEVER)
