"""What a sequence, a lifecycle and an anniversary say, case by case as the manual puts it, at the very edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any as AnyValue

import pytest
from oracles.rules import select
from small_worlds import FIELDS, NEW_YORK, PEOPLE, SHANGHAI, Happened, small_engine

from qa_lib.rules import (
    All,
    Attribute,
    Duration,
    Event,
    Last,
    Lifecycle,
    Not,
    Rule,
    Sequence,
    Step,
)

NOON = datetime(2017, 3, 12, 16, tzinfo=UTC)
KINDS = {"L": "look", "C": "cart", "B": "buy"}


def minutes(n: float) -> Duration:
    return Duration(n, "minute")


def happened(story: str) -> list[Happened]:
    """`L-60 CA-30 B-20.5`: a look an hour before noon, a cart of item A half an hour, a purchase 20.5 minutes."""
    events = []
    for word in story.split():
        kind, rest = KINDS[word[0]], word[1:]
        item = rest[0] if rest[0] in "AB" else None
        at = NOON + timedelta(minutes=float(rest.removeprefix(item or "")))
        events.append(Happened(0, kind, at, item, None, None, None))
    return events


def says(rule: Rule, story: str) -> bool:
    engine, world = small_engine((NOON, NEW_YORK), happened(story))
    count = engine.evaluate(rule).count
    assert select(rule.to_dict(), world) == ({PEOPLE[0]} if count else set())
    engine.snapshot.con.close()  # type: ignore[attr-defined]
    return count == 1


L, C, B = Step("look"), Step("cart"), Step("buy")
NO_C, NO_B = Step("cart", absent=True), Step("buy", absent=True)


def no_buy(n: int) -> Step:
    return Step("buy", absent=True, within=minutes(n))


def no_cart(n: int) -> Step:
    return Step("cart", absent=True, within=minutes(n))


CASES: dict[str, tuple[Rule, str, bool]] = {
    "in order": (Sequence([L, B]), "L-20 B-10", True),
    "in reverse": (Sequence([L, B]), "B-20 L-10", False),
    "at the same instant": (Sequence([L, B]), "L-10 B-10", False),
    "one event is not two": (Sequence([L, L]), "L-10", False),
    "two at one instant are not one after the other": (Sequence([L, L]), "L-10 L-10", False),
    "two of one kind": (Sequence([L, L]), "L-10 L-9", True),
    "what happens at as_of is not known": (Sequence([L, B]), "L-10 B0", False),
    "exactly at the most time": (Sequence([L, Step("buy", within=minutes(10))]), "L-20 B-10", True),
    "beyond the most time": (Sequence([L, Step("buy", within=minutes(9))]), "L-20 B-10", False),
    "a later first event is near enough": (
        Sequence([L, Step("buy", within=minutes(5))]),
        "L-20 L-12 B-10",
        True,
    ),
    "the whole exactly": (Sequence([L, C, B], within=minutes(20)), "L-30 C-20 B-10", True),
    "the whole too long": (Sequence([L, C, B], within=minutes(19)), "L-30 C-20 B-10", False),
    "the last first event counts": (Sequence([L, C, B], within=minutes(15)), "L-30 L-25 C-20 B-10", True),
    "all steps in the window": (Sequence([L, B], window=Last(20, "minute")), "L-20 B-10", True),
    "a step before the window": (Sequence([L, B], window=Last(20, "minute")), "L-20.01 B-10", False),
    "none in between": (Sequence([L, NO_C, B]), "L-30 B-10", True),
    "one in between": (Sequence([L, NO_C, B]), "L-30 C-20 B-10", False),
    "one at either end is not between": (Sequence([L, NO_C, B]), "L-30 C-30 C-10 B-10", True),
    "another first event comes after it": (Sequence([L, NO_C, B]), "L-30 C-20 L-15 B-10", True),
    "one in between, later than was said": (Sequence([L, no_cart(5), B]), "L-30 C-20 B-10", True),
    "one in between, as late as was said": (Sequence([L, no_cart(10), B]), "L-30 C-20 B-10", False),
    "neither of two": (Sequence([L, NO_C, NO_B, L]), "L-30 L-10", True),
    "one of neither": (Sequence([L, NO_C, NO_B, L]), "L-30 B-20 L-10", False),
    "the first reaches and is too long ago, the second is broken": (
        Sequence([L, no_cart(10), B], within=minutes(30)),
        "L-45 L-25 C-20 B-10",
        False,
    ),
    "the first reaches and is not too long ago": (
        Sequence([L, no_cart(10), B], within=minutes(35)),
        "L-45 L-25 C-20 B-10",
        True,
    ),
    "carted, then nothing": (Sequence([C, NO_B]), "B-20 C-10", True),
    "carted, then bought": (Sequence([C, NO_B]), "C-20 B-10", False),
    "carted, bought, carted again": (Sequence([C, NO_B]), "C-20 B-10 C-5", True),
    "half an hour went by without": (Sequence([C, no_buy(30)]), "C-40", True),
    "half an hour is not over": (Sequence([C, no_buy(30)]), "C-20", False),
    "half an hour ends at this instant": (Sequence([C, no_buy(30)]), "C-30", False),
    "bought within half an hour": (Sequence([C, no_buy(30)]), "C-40 B-10", False),
    "bought after half an hour": (Sequence([C, no_buy(30)]), "C-41 B-10", True),
    "bought at the same instant": (Sequence([C, no_buy(30)]), "C-41 B-41", True),
    "an absence is watched beyond the window": (
        Sequence([C, NO_B], window=Last(90, "minute")),
        "C-80 B-1",
        False,
    ),
    "immediately": (
        Sequence([L, Step("buy", immediately=True)]),
        "L-30 C-20 B-10",
        True,
    ),  # carts are not named
    "not immediately": (Sequence([L, Step("buy", immediately=True)]), "L-30 B-20 L-15 B-10", True),
    "another of the named between": (
        Sequence([L, Step("buy", where=All(Attribute("item", "=", "A")), immediately=True)]),
        "L-30 BB-20 BA-10",
        False,
    ),
    "the absent one is named": (
        Sequence([L, Step("buy", immediately=True), NO_C]),
        "L-30 C-20 B-10",
        False,
    ),
    "the same item": (Sequence([L, B], same=["item"]), "LA-30 BA-10", True),
    "another item": (Sequence([L, B], same=["item"]), "LA-30 BB-10", False),
    "no item at all": (Sequence([L, B], same=["item"]), "L-30 B-10", False),
    "then no purchase of the same": (Sequence([L, NO_B], same=["item"]), "LA-30 BA-10", False),
    "then a purchase of another": (Sequence([L, NO_B], same=["item"]), "LA-30 BB-10", True),
    "then a purchase of nothing known": (Sequence([L, NO_B], same=["item"]), "LA-30 B-10", True),
    "between, of another item, yet named": (
        Sequence([L, Step("buy", immediately=True)], same=["item"]),
        "LA-30 BB-20 BA-10",
        False,
    ),
    "first time": (Lifecycle("buy", "first_time", Last(30, "minute")), "B-30", True),
    "not the first": (Lifecycle("buy", "first_time", Last(30, "minute")), "B-31 B-10", False),
    "first of item A": (
        Lifecycle("buy", "first_time", Last(30, "minute"), where=All(Attribute("item", "=", "A"))),
        "BB-50 BA-10",
        True,
    ),
    "stopped": (Lifecycle("buy", "stopped", Last(30, "minute"), before=Last(30, "minute")), "B-60", True),
    "stopped long ago": (
        Lifecycle("buy", "stopped", Last(30, "minute"), before=Last(30, "minute")),
        "B-61",
        False,
    ),
    "stopped at any time": (Lifecycle("buy", "stopped", Last(30, "minute")), "B-61", True),
    "never began": (Lifecycle("buy", "stopped", Last(30, "minute")), "L-61", False),
    "goes on": (Lifecycle("buy", "stopped", Last(30, "minute")), "B-61 B-30", False),
    "restarted": (
        Lifecycle("buy", "restarted", Last(10, "minute"), before=Last(20, "minute")),
        "B-31 B-10",
        True,
    ),
    "never paused": (
        Lifecycle("buy", "restarted", Last(10, "minute"), before=Last(20, "minute")),
        "B-31 B-30 B-10",
        False,
    ),
    "began just now": (
        Lifecycle("buy", "restarted", Last(10, "minute"), before=Last(20, "minute")),
        "B-10",
        False,
    ),
    "two of three hours": (Lifecycle("buy", "regularly", k=2, m=3, unit="hour"), "B-180 B-1", True),
    "one of three hours": (Lifecycle("buy", "regularly", k=2, m=3, unit="hour"), "B-181 B-60 B-1", False),
    "on both sides of an hour's edge": (
        Lifecycle("buy", "regularly", k=2, m=3, unit="hour"),
        "B-61 B-60",
        True,
    ),
    "twice in one hour": (Lifecycle("buy", "regularly", k=2, m=3, unit="hour"), "B-5 B-1", False),
    "today is no whole day": (
        Lifecycle("buy", "regularly", k=1, m=1, unit="day", calendar=True),
        "B-5",
        False,
    ),
    "yesterday is, of 24 hours before the clocks changed": (
        Lifecycle("buy", "regularly", k=1, m=1, unit="day", calendar=True),
        "B-661",
        True,
    ),
    "eleven hours ago is today, the day being an hour short": (
        Lifecycle("buy", "regularly", k=1, m=1, unit="day", calendar=True),
        "B-660",
        False,
    ),
    "carted and not bought within the hour, the seed's own": (
        All(Event("cart"), Not(Sequence([C, Step("buy", within=minutes(60))], same=["item"]))),
        "CA-90 BB-80",
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_condition_on_the_course_of_events_means_what_it_says(case: str) -> None:
    rule, story, expected = CASES[case]
    assert says(rule, story) is expected


DAYS: list[dict[str, AnyValue]] = [
    {f.name: None for f in FIELDS} | {"born_on": day}
    for day in (
        date(1988, 2, 29), date(1990, 2, 28), date(1990, 3, 1), date(1990, 12, 31), date(1990, 1, 1),
        date(2030, 3, 12), None,
    )
]  # fmt: skip


@pytest.mark.parametrize(
    ("as_of", "zone", "days", "expected"),
    [
        ("2017-02-27T17:00", NEW_YORK, 0, ""),
        ("2017-02-28T17:00", NEW_YORK, 0, "01"),  # in a common year 29 February is kept on the 28th
        ("2016-02-28T17:00", NEW_YORK, 0, "1"),
        ("2016-02-29T17:00", NEW_YORK, 0, "0"),
        ("2017-02-26T17:00", NEW_YORK, 1, ""),
        ("2017-02-26T17:00", NEW_YORK, 2, "01"),
        ("2016-02-26T17:00", NEW_YORK, 2, "1"),
        ("2016-02-26T17:00", NEW_YORK, 3, "01"),
        ("2017-02-28T17:00", NEW_YORK, 1, "012"),
        ("2017-03-01T17:00", NEW_YORK, 11, "25"),  # a day yet to come has its day of the year too
        ("2017-12-30T17:00", NEW_YORK, 2, "34"),  # over the turn of the year
        ("2017-12-31T17:00", NEW_YORK, 59, "0134"),
        ("2017-12-31T16:30", SHANGHAI, 0, "4"),  # there it is New Year's Day already
        ("2017-06-01T17:00", NEW_YORK, 364, "012345"),
        ("2017-03-01T17:00", NEW_YORK, 364, "012345"),
        ("2016-02-29T17:00", NEW_YORK, 364, "02345"),  # the next 28 February is 365 days ahead
    ],
)
def test_an_anniversary_is_today_or_within_so_many_days(
    as_of: str, zone: str, days: int, expected: str
) -> None:
    moment = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    engine, world = small_engine((moment, zone), [], DAYS)
    rule = Attribute("born_on", "anniversary within", days)
    people = {PEOPLE[int(n)] for n in expected}
    assert select(rule.to_dict(), world) == people
    found = engine.evaluate(rule).members[()]
    assert {p for i, p in enumerate(PEOPLE) if int(found[0]) >> i & 1} == people
    assert engine.evaluate(Not(rule)).count == len(PEOPLE) - len(people)
    engine.snapshot.con.close()  # type: ignore[attr-defined]


def test_times_from_before_the_calendar_are_all_time() -> None:
    """The longest windows and lengths there are; nothing overflows."""
    long = Last(1_000_000, "week")
    for rule, expected in (
        (Lifecycle("buy", "first_time", long), True),
        (Lifecycle("buy", "stopped", long), False),
        (Lifecycle("buy", "restarted", long, before=Last(1_000_000, "month")), False),
        (Lifecycle("buy", "restarted", Last(10, "minute"), before=long), False),
        (Lifecycle("buy", "regularly", k=1, m=100, unit="month", calendar=True), False),
        (
            Sequence(
                [L, Step("buy", within=Duration(1_000_000, "week"))], within=Duration(1_000_000, "week")
            ),
            True,
        ),
        (Sequence([L, Step("cart", absent=True, within=Duration(1_000_000, "week"))]), False),
    ):
        engine, _ = small_engine((NOON, NEW_YORK), happened("L-20 B-10"))
        assert (engine.evaluate(rule).count == 1) is expected, rule
        engine.snapshot.con.close()  # type: ignore[attr-defined]
