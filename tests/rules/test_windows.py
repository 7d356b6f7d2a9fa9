"""Windows begin and end where an almanac and `zoneinfo` say, over changes of clocks and at the ends of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_lib.errors import SpecError
from qa_lib.rules import Ago, Attribute, Dates, Event, Ever, Last
from qa_lib.rules.windows import Unit

NEW_YORK, SHANGHAI, BEIRUT = (ZoneInfo(z) for z in ("America/New_York", "Asia/Shanghai", "Asia/Beirut"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


@pytest.mark.parametrize(
    ("window", "zone", "as_of", "start", "end"),
    [
        (Last(1), NEW_YORK, "2017-03-13T04:00", "2017-03-12T04:00", "2017-03-13T04:00"),
        # the calendar day of the change of clocks has 23 hours, and 25 in autumn
        (Last(1, calendar=True), NEW_YORK, "2017-03-13T04:00", "2017-03-12T05:00", "2017-03-13T04:00"),
        (Last(1, calendar=True), NEW_YORK, "2017-11-06T05:00", "2017-11-05T04:00", "2017-11-06T05:00"),
        # in the middle of a day: that day's part and one whole day
        (Last(1, calendar=True), NEW_YORK, "2017-06-02T16:00", "2017-06-01T04:00", "2017-06-02T16:00"),
        (Last(1, calendar=True), SHANGHAI, "2017-06-02T16:00", "2017-06-01T16:00", "2017-06-02T16:00"),
        (
            Last(2, "week", calendar=True),
            SHANGHAI,
            "2017-06-15T16:00",
            "2017-06-01T16:00",
            "2017-06-15T16:00",
        ),
        # a month back is the same local time; the 31st becomes the last day there is
        (Last(1, "month"), NEW_YORK, "2017-03-31T16:00", "2017-02-28T17:00", "2017-03-31T16:00"),
        (Last(1, "month"), NEW_YORK, "2016-03-31T16:00", "2016-02-29T17:00", "2016-03-31T16:00"),
        (Last(12, "month"), SHANGHAI, "2016-02-29T16:30", "2015-02-28T16:30", None),
        (Ago(1, 2, "month"), NEW_YORK, "2017-12-12T17:00", "2017-10-12T16:00", "2017-11-12T17:00"),
        # whole days ago: from midnight to midnight, over the day that clocks changed
        (Ago(1, 3, calendar=True), NEW_YORK, "2017-03-14T16:00", "2017-03-11T05:00", "2017-03-13T04:00"),
        (
            Ago(1, 2, "week", calendar=True),
            SHANGHAI,
            "2017-06-15T18:00",
            "2017-06-01T16:00",
            "2017-06-08T16:00",
        ),
        (Ago(0, 3, calendar=True), NEW_YORK, "2017-03-14T16:00", "2017-03-11T05:00", "2017-03-14T16:00"),
        (Ago(0, 36, "hour"), NEW_YORK, "2017-03-13T04:00", "2017-03-11T16:00", "2017-03-13T04:00"),
        (
            Dates("2017-03-12", "2017-03-12"),
            NEW_YORK,
            "2017-09-01T00:00",
            "2017-03-12T05:00",
            "2017-03-13T04:00",
        ),
        (
            Dates("2017-03-12", "2017-09-30"),
            NEW_YORK,
            "2017-09-01T00:00",
            "2017-03-12T05:00",
            "2017-09-01T00:00",
        ),
        # Beirut's day of 26 March 2017 began at 01:00: there was no midnight
        (
            Dates("2017-03-26", "2017-03-26"),
            BEIRUT,
            "2017-09-01T00:00",
            "2017-03-25T22:00",
            "2017-03-26T21:00",
        ),
        (Ever(), NEW_YORK, "2017-09-01T00:00", None, "2017-09-01T00:00"),
    ],
)
def test_a_window_is_where_the_almanac_says(
    window: Last | Ago | Dates | Ever, zone: ZoneInfo, as_of: str, start: str | None, end: str | None
) -> None:
    moment = utc(as_of)
    assert window.bounds(moment, zone) == (start and utc(start), utc(end) if end else moment)


@pytest.mark.parametrize(
    "window",
    [Last(1_000_000, "week"), Last(1_000_000, "month"), Ago(1, 1_000_000), Dates("0001-01-01", "2017-05-01")],
)
@pytest.mark.parametrize("zone", [NEW_YORK, SHANGHAI])
def test_a_window_from_before_the_calendar_begins_at_its_beginning(
    window: Last | Ago | Dates, zone: ZoneInfo
) -> None:
    start, end = window.bounds(utc("2017-06-01T00:00"), zone)
    assert start is not None
    assert start.year == 1
    assert start < end <= datetime(2017, 6, 1, tzinfo=UTC)


def test_values_given_as_a_set_make_one_rule_whatever_their_order() -> None:
    names = [f"name {i}" for i in range(50)]
    one, other = Attribute("a", "in", set(names)), Attribute("a", "in", frozenset(names))
    assert one == other
    assert one.hash == other.hash
    assert one.value == tuple(sorted(names))


def test_a_number_is_one_value_however_it_is_written() -> None:
    assert Event("visit", value=500.0).hash == Event("visit", value=500).hash
    assert Attribute("a", "=", -0.0).hash == Attribute("a", "=", 0).hash
    assert Attribute("a", "=", True).hash != Attribute("a", "=", 1).hash


def test_a_rolling_stretch_has_one_hash_however_it_is_written() -> None:
    assert Ago(7, 14).hash == Ago(7, 14, calendar=False).hash != Ago(7, 14, calendar=True).hash
    assert "calendar" not in Ago(7, 14).to_dict()  # rules that were saved before keep their hash
    with pytest.raises(SpecError, match="days, weeks or months, not hours"):
        Ago(7, 14, "hour", calendar=True)


@pytest.mark.parametrize("calendar", [False, True])
@pytest.mark.parametrize("unit", ["day", "week", "month"])
@pytest.mark.parametrize("zone", [NEW_YORK, SHANGHAI, BEIRUT])
@given(
    minute=st.integers(0, 3 * 365 * 1440),
    cuts=st.lists(st.integers(1, 60), min_size=3, max_size=3, unique=True),
)
def test_stretches_side_by_side_make_one(
    zone: ZoneInfo, unit: Unit, calendar: bool, minute: int, cuts: list[int]
) -> None:
    moment = utc("2016-01-01T00:00") + timedelta(minutes=minute)
    near, between, far = sorted(cuts)
    older, newer = Ago(between, far, unit, calendar=calendar), Ago(near, between, unit, calendar=calendar)
    whole = Ago(near, far, unit, calendar=calendar).bounds(moment, zone)
    assert older.bounds(moment, zone)[1] == newer.bounds(moment, zone)[0]
    assert (older.bounds(moment, zone)[0], newer.bounds(moment, zone)[1]) == whole
    assert Ago(0, far, unit, calendar=calendar).bounds(moment, zone) == Last(
        far, unit, calendar=calendar
    ).bounds(moment, zone)
