"""Quiet hours against a clock that is read minute by minute, across both changes of the clocks in two zones."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.errors import SpecError
from qa_lib.guards import QuietHours, is_quiet, next_allowed, place_send

CHANGES = {
    ("America/New_York", "forward"): datetime(2025, 3, 9, 7, tzinfo=UTC),
    ("America/New_York", "back"): datetime(2025, 11, 2, 6, tzinfo=UTC),
    ("Europe/Berlin", "forward"): datetime(2025, 3, 30, 1, tzinfo=UTC),
    ("Europe/Berlin", "back"): datetime(2025, 10, 26, 1, tzinfo=UTC),
    ("Australia/Lord_Howe", "half an hour back"): datetime(2025, 4, 5, 15, tzinfo=UTC),
    ("Asia/Shanghai", "never"): datetime(2025, 3, 9, 7, tzinfo=UTC),
}
clocks = st.integers(0, 24 * 12 - 1).map(lambda n: time(n // 12, n % 12 * 5))
days = st.sets(st.integers(1, 7), min_size=1).map(lambda s: tuple(sorted(s)))


def reads_quiet(quiet: QuietHours, moment: datetime, zone: str) -> bool:
    """Walk the wall clock: is the reading inside a quiet time that began today or yesterday?"""
    wall = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0)
    for back in (0, 1):
        day = (wall - timedelta(days=back)).date()
        if day.isoweekday() not in quiet.weekdays:
            continue
        start = datetime.combine(day, quiet.start)
        end = datetime.combine(day, quiet.end)
        if end <= start:
            end += timedelta(days=1)
        if start <= wall < end:
            return True
    return False


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(CHANGES)), clocks, clocks, days, st.integers(-20 * 60, 20 * 60))
def test_the_next_allowed_moment_is_the_one_a_walk_finds(
    change: tuple[str, str], start: time, end: time, weekdays: tuple[int, ...], minutes: int
) -> None:
    if start == end and len(weekdays) == 7:
        return
    quiet = QuietHours(start, end, weekdays=weekdays)
    zone, moment = change[0], CHANGES[change] + timedelta(minutes=minutes)
    assert is_quiet(quiet, moment, zone) == reads_quiet(quiet, moment, zone)
    found = next_allowed(quiet, moment, zone)
    walked = moment
    while reads_quiet(quiet, walked, zone):
        walked += timedelta(minutes=5) if walked.minute % 5 == 0 else timedelta(minutes=1)
    assert found == walked


def test_an_hour_that_is_skipped_is_not_waited_for() -> None:
    """New York, 9 March 2025: 02:30 does not exist, so quiet until 02:30 ends as the clock leaps to 03:00."""
    quiet = QuietHours("22:00", "02:30")
    found = next_allowed(quiet, datetime(2025, 3, 9, 6, 30, tzinfo=UTC), "America/New_York")
    assert found == datetime(2025, 3, 9, 7, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    """Berlin, 26 October 2025: 02:00 to 03:00 comes twice; quiet until 02:30 holds in both."""
    quiet = QuietHours("22:00", "02:30")
    readings = [
        is_quiet(quiet, datetime(2025, 10, 26, h, m, tzinfo=UTC), "Europe/Berlin")
        for h, m in ((0, 15), (0, 45), (1, 15), (1, 45))
    ]
    assert readings == [True, False, True, False]


def test_it_is_the_persons_clock() -> None:
    quiet = QuietHours("21:00", "08:00")
    noon = datetime(2025, 6, 2, 12, tzinfo=UTC)
    assert next_allowed(quiet, noon, "Europe/Berlin") == noon
    assert next_allowed(quiet, noon, "Asia/Shanghai") == noon
    assert next_allowed(quiet, noon, "Pacific/Auckland") == datetime(2025, 6, 2, 20, tzinfo=UTC)


def test_defer_before_the_campaigns_end_else_not_at_all() -> None:
    quiet = QuietHours("21:00", "08:00")
    night = datetime(2025, 6, 2, 22, tzinfo=UTC)
    morning = datetime(2025, 6, 3, 8, tzinfo=UTC)
    assert place_send(quiet, night, morning + timedelta(minutes=1), "UTC") == morning
    assert place_send(quiet, night, morning, "UTC") is None
    assert place_send(None, night, morning, "UTC") == night


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"start": "21:00", "end": "21:00"}, "no moment"),
        ({"start": "21:00:30", "end": "08:00"}, "hours and minutes"),
        ({"start": "21:00Z", "end": "08:00"}, "local time"),
        ({"start": "21:00", "end": "08:00", "weekdays": (0,)}, "Monday"),
        ({"start": "21:00", "end": "08:00", "weekdays": ()}, "Monday"),
    ],
)
def test_quiet_hours_that_cannot_be_say_why(how: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        QuietHours(**how)


def test_specs_go_to_json_and_back() -> None:
    quiet = QuietHours("21:00", "08:00", weekdays=(5, 6))
    assert QuietHours.from_json(quiet.to_json()) == quiet
    assert QuietHours.from_json(quiet.to_json()).hash == quiet.hash
