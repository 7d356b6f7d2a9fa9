"""Sequences and lifecycles by brute force over one person's events, every pair of moments held to the words.

Times are whole microseconds. Nothing is clever here: a start is fixed, and every later event is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

UNITS_US = {"minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000, "week": 604_800_000_000}
Times = set[int]
#: Moments of the events that fit a step, keyed by the values that must be the same.
Fitting = dict[tuple[Any, ...], Times]


def length_us(duration: dict[str, Any] | None) -> int | None:
    """The microseconds of `{"n": 30, "unit": "minute"}`."""
    return None if duration is None else duration["n"] * UNITS_US[duration.get("unit", "day")]


def took_the_steps(leaf: dict[str, Any], fitting: list[Fitting], named: Times, as_of: int) -> bool:
    """Whether one person did; `fitting` is per step (in the window where it happens), `named` is every event."""
    keys = set().union(*(step.keys() for step in fitting))
    return any(_with_these_values(leaf, [f.get(key, set()) for f in fitting], named, as_of) for key in keys)


def _with_these_values(leaf: dict[str, Any], times: list[Times], named: Times, as_of: int) -> bool:
    steps, span = leaf["steps"], length_us(leaf.get("within"))
    return any(
        _from_start(start, steps, times, named, as_of if span is None else min(as_of, start + span), as_of)
        for start in times[0]
    )


def _from_start(
    start: int, steps: list[dict[str, Any]], times: list[Times], named: Times, until: int, as_of: int
) -> bool:
    """Whether the steps can be taken from this first event on, the last one at `until` at the latest."""
    at = {start}
    absent: list[int] = []
    for i, step in enumerate(steps[1:], 1):
        if step.get("absent", False):
            absent.append(i)
            continue
        at = {
            later
            for later in times[i]
            if later <= until
            and any(
                _follows(earlier, later, step, named)
                and not any(_broken(j, steps, times, earlier, later) for j in absent)
                for earlier in at
            )
        }
        absent = []
    return any(all(_held(j, steps, times, last, as_of) for j in absent) for last in at)


def _follows(earlier: int, later: int, step: dict[str, Any], named: Times) -> bool:
    within = length_us(step.get("within"))
    if later <= earlier or (within is not None and later - earlier > within):
        return False
    return not (step.get("immediately", False) and any(earlier < x < later for x in named))


def _broken(j: int, steps: list[dict[str, Any]], times: list[Times], earlier: int, later: int) -> bool:
    """Whether an event that must not happen does, between two that do."""
    within = length_us(steps[j].get("within"))
    return any(earlier < x < later and (within is None or x - earlier <= within) for x in times[j])


def _held(j: int, steps: list[dict[str, Any]], times: list[Times], last: int, as_of: int) -> bool:
    """Whether nothing came after the last event, as far as that must be waited for."""
    within = length_us(steps[j].get("within"))
    if within is None:
        return not any(x > last for x in times[j])
    return last + within < as_of and not any(last < x <= last + within for x in times[j])


# -- lifecycles ------------------------------------------------------------------------------------


def follows_the_pattern(
    leaf: dict[str, Any],
    times: Times,
    as_of: datetime,
    zone: str,
    bounds: Callable[[dict[str, Any]], tuple[int | None, int]],
    back: Callable[[int, str], int],
) -> bool:
    """Whether one person's events of the kind, all before `as_of`, follow the pattern.

    `bounds` gives a window's edges, `back` the moment n units before `as_of`.
    """
    if leaf["pattern"] == "regularly":
        return _regularly(leaf, times, as_of, zone, back)
    start, end = bounds(leaf["window"])
    inside = {t for t in times if (start is None or t >= start) and t < end}
    if leaf["pattern"] == "first_time":
        return bool(inside) and min(times) in inside
    assert start is not None
    edge = before_edge(leaf["before"], start, zone) if "before" in leaf else -(10**18)
    gap = {t for t in times if edge <= t < start}
    earlier = {t for t in times if t < edge}
    if leaf["pattern"] == "stopped":
        return bool(gap) and not inside
    return bool(inside) and not gap and bool(earlier)


def before_edge(window: dict[str, Any], end: int, zone: str) -> int:
    """Where the window `last n units`, ending at a moment, begins."""
    moment = datetime.fromtimestamp(end // 1_000_000, UTC) + timedelta(microseconds=end % 1_000_000)
    local = moment.astimezone(ZoneInfo(zone))
    unit = window.get("unit", "day")
    if unit == "month":
        day = local.date()
        for _ in range(window["n"]):
            day = day.replace(day=1) - timedelta(days=1)
        day = day.replace(day=min(local.day, day.day))
        there = datetime.combine(day, local.time(), tzinfo=ZoneInfo(zone)).replace(fold=local.fold)
        return _us(there)
    if window.get("calendar", False):
        first = local.date() - timedelta(days=window["n"] * (7 if unit == "week" else 1))
        return _us(datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone)))
    return end - window["n"] * UNITS_US[unit]


def _regularly(
    leaf: dict[str, Any], times: Times, as_of: datetime, zone: str, back: Callable[[int, str], int]
) -> bool:
    m, k, unit = leaf["m"], leaf["k"], leaf["unit"]
    if not leaf.get("calendar", False):
        edges = [back(j, unit) for j in range(m + 1)]
        return sum(any(edges[j + 1] <= t < edges[j] for t in times) for j in range(m)) >= k
    today = as_of.astimezone(ZoneInfo(zone)).date()
    wanted: set[tuple[int, ...]] = set()
    day = today
    while len(wanted) < m:
        day -= timedelta(days=1)
        if _period(day, unit) != _period(today, unit):
            wanted.add(_period(day, unit))
    days = {datetime.fromtimestamp(t // 1_000_000, ZoneInfo(zone)).date() for t in times}
    return len({_period(d, unit) for d in days} & wanted) >= k


def _period(day: date, unit: str) -> tuple[int, ...]:
    """The day, its ISO week or its month."""
    if unit == "day":
        return (day.toordinal(),)
    return day.isocalendar()[:2] if unit == "week" else (day.year, day.month)


def _us(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
