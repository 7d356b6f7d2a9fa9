"""What time alone does to matches: window edges, the moment until which an answer holds, and what is kept."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

import pytest

from qa_lib.rules import (
    Ago,
    All,
    Attribute,
    Catalogue,
    Dates,
    Event,
    EventType,
    Ever,
    Field,
    InAudience,
    Last,
    Measure,
    Not,
    Sum,
    Tag,
)
from qa_lib.rules.matcher import ActiveRule, MatchCache, Matcher, Person, read_people
from qa_lib.rules.matcher.person import microseconds, moment_of
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot

ONE = Label("一", "one")
US = timedelta(microseconds=1)
PROPERTIES = (Field("item_id", "attribute", "text", ONE), Field("paid_amount", "attribute", "number", ONE))
SMALL = Catalogue(
    (Field("joined_on", "attribute", "date", ONE), Field("points", "tag", "number", ONE)),
    (EventType("browse", ONE, ONE, PROPERTIES), EventType("purchase", ONE, ONE, PROPERTIES)),
)
#: Clocks change in New York on 12 March and 5 November 2017; Shanghai's never do.
ZONES = ["America/New_York", "Asia/Shanghai", "UTC"]
WINDOWS = [
    Last(30),
    Last(90, "minute"),
    Last(1, "month"),
    Last(2, "day", calendar=True),
    Last(1, "week", calendar=True),
    Ago(1, 3, "day"),
    Ago(1, 2, "month"),
    Ago(0, 5, "hour"),
    Dates(date(2017, 3, 1), date(2017, 3, 12)),
    Ever(),
]


def rules_over_time() -> list[ActiveRule]:
    made: list[AnyValue] = []
    item = All(Attribute("item_id", "=", "A"))
    for window in WINDOWS:
        made += [
            Event("browse", window=window),
            Not(Event("browse", window=window, where=item, operator=">=", value=2)),
            Event("purchase", window=window, measure=Sum("paid_amount"), operator=">", value=30.5),
            Event(
                "purchase",
                window=window,
                measure=Measure(kind="active_days"),
                operator="between",
                value=[2, 3],
            ),
            Event("purchase", window=window, measure=Measure(kind="days_since_last"), operator="<=", value=2),
            Event("browse", window=window, measure=Measure(kind="days_since_first"), operator=">", value=1),
        ]
    made += [Attribute("joined_on", "in last", Last(7)), Attribute("joined_on", "in last", Last(1, "month"))]
    return [ActiveRule(f"rule {n}", rule) for n, rule in enumerate(made)]


def somebody(draw: random.Random, around: datetime) -> Person:
    def moments() -> list[datetime]:
        days = [0, 1, 2, 3, 7, 14, 28, 29, 30, 31, 59]
        near = [around - timedelta(days=draw.choice(days)) for _ in range(draw.randint(0, 5))]
        apart = [US, timedelta(0), -US, timedelta(minutes=90), timedelta(hours=draw.randint(-20, 5))]
        return [at + draw.choice(apart) for at in near]

    def log() -> list[tuple[datetime, dict[str, AnyValue]]]:
        amount = Decimal(draw.randint(1, 4000)) / 100
        return [(at, {"item_id": draw.choice("AB"), "paid_amount": amount}) for at in moments()]

    joined = around.date() - timedelta(days=draw.randint(0, 32))
    return Person("somebody", {"joined_on": joined, "points": 3}, {"browse": log(), "purchase": log()})


AROUND = ["2017-03-12T06:30:00", "2017-03-31T12:00:00", "2017-11-05T05:30:00", "2017-03-01T00:00:00"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("around", AROUND)
def test_the_answer_holds_until_the_moment_that_is_named_and_no_longer_than_a_condition_does(
    around: str, zone: str
) -> None:
    matcher = Matcher(rules_over_time(), SMALL, ZoneInfo(zone))
    draw = random.Random(around + zone)
    capped = 0
    for _ in range(25):
        start = datetime.fromisoformat(around).replace(tzinfo=UTC)
        person, as_of = somebody(draw, start), start
        for _ in range(6):
            now = matcher.literals(person, microseconds(as_of))
            until = matcher.match(person, as_of).valid_until
            inside = [
                as_of + US,
                as_of + timedelta(hours=1),
                as_of + timedelta(days=1),
                as_of + timedelta(days=40),
            ]
            if until is not None:
                inside += [until - US, as_of + (until - as_of) * draw.random()]
            for moment in (m for m in inside if m > as_of and (until is None or m < until)):
                assert (matcher.literals(person, microseconds(moment)) == now).all(), (as_of, moment, until)
            if until is None:
                break
            capped += bool((matcher.literals(person, microseconds(until)) == now).all())
            as_of = until
    assert capped <= 40  # months and days since: they are followed for 64 changes


def test_without_months_something_changes_at_the_very_moment() -> None:
    made = [r for r in rules_over_time() if '"month"' not in r.to_json()]
    matcher = Matcher(made, SMALL, ZoneInfo("America/New_York"))
    draw = random.Random(5)
    for _ in range(40):
        start = datetime(2017, 3, 12, 6, 30, tzinfo=UTC)
        person = somebody(draw, start)
        until = matcher.match(person, start).valid_until
        if until is not None:
            before, at = (matcher.literals(person, microseconds(m)) for m in (until - US, until))
            assert (before != at).any()


def test_an_event_on_the_start_is_inside_and_one_at_the_moment_is_outside() -> None:
    matcher = Matcher([ActiveRule("browsed", Event("browse", window=Last(30)))], SMALL, ZoneInfo("UTC"))
    as_of = datetime(2017, 6, 1, tzinfo=UTC)
    start = as_of - timedelta(days=30)
    for at, inside in ((start - US, False), (start, True), (as_of - US, True), (as_of, False)):
        person = Person("p", {}, {"browse": [(at, {})]})
        assert bool(matcher.match(person, as_of).names) == inside
        assert bool(matcher.match_many([person], as_of).names(0)) == inside
    leaves = matcher.match(Person("p", {}, {"browse": [(start, {})]}), as_of).valid_until
    assert leaves == as_of + US


def test_a_batch_answers_at_every_moment_as_each_person() -> None:
    matcher = Matcher(rules_over_time(), SMALL, ZoneInfo("America/New_York"))
    draw = random.Random(9)
    start = datetime(2017, 3, 12, 6, 30, tzinfo=UTC)
    people = [somebody(draw, start) for _ in range(70)]
    laid_out = matcher.lay_out(people)
    for hours in (0, 1, 23, 24, 24 * 30):
        as_of = start + timedelta(hours=hours)
        batch = matcher.match_many(laid_out, as_of)
        assert [batch.names(n) for n in range(70)] == [matcher.match(p, as_of).names for p in people]


def test_what_is_kept_is_dropped_when_the_profile_a_rule_or_time_changes_it() -> None:
    rules = [
        ActiveRule("browsed", Event("browse", window=Last(7))),
        ActiveRule("rich", Tag("points", ">", 5)),
    ]
    matcher = Matcher(rules, SMALL, ZoneInfo("UTC"))
    cache = MatchCache(matcher)
    at = datetime(2017, 6, 1, tzinfo=UTC)
    person = Person("p", {"points": 3}, {"browse": [(at - timedelta(days=6), {"item_id": "A"})]})
    assert cache.match(person, at).names == ("browsed",)
    assert cache.match(person, at + timedelta(days=1)).names == ("browsed",)  # the very start of the window
    assert (cache.counts.answered, cache.counts.matched) == (1, 1)
    assert cache.match(person, at + timedelta(days=1) + US).names == ()  # time
    assert cache.match(person, at + timedelta(days=900)).names == ()  # nothing is left to change
    assert (cache.counts.answered, cache.counts.matched) == (2, 2)
    richer = person.with_fields(points=6)
    assert cache.match(richer, at + timedelta(days=2)).names == ("rich",)  # the profile
    assert cache.match(richer.with_event("browse", at, {"item_id": "B"}), at + US).names == (
        "browsed",
        "rich",
    )
    assert cache.match(richer, at).names == ("browsed", "rich")  # an earlier moment is another question
    assert cache.counts.answered == 2
    cache.use(Matcher(list(reversed(rules)), SMALL, ZoneInfo("UTC")))  # the same rules
    assert cache.match(richer, at).names == ("browsed", "rich")
    assert cache.counts.answered == 3
    cache.use(Matcher(rules[:1], SMALL, ZoneInfo("UTC")))  # a rule
    assert cache.match(richer, at).names == ("browsed",)


def test_what_is_kept_is_dropped_when_a_saved_audience_has_other_members() -> None:
    members = {"p"}

    def compiled() -> Matcher:
        rules = [ActiveRule("vip", InAudience("vip")), ActiveRule("not vip", InAudience("vip", member=False))]
        return Matcher(rules, SMALL, ZoneInfo("UTC"), audiences=lambda audience, version: members)

    cache = MatchCache(compiled())
    at, person = datetime(2017, 6, 1, tzinfo=UTC), Person("p", {})
    assert cache.match(person, at).names == ("vip",)
    cache.use(compiled())  # the same members
    assert cache.match(person, at).names == ("vip",)
    assert cache.counts.answered == 1
    members = {"q"}
    cache.use(compiled())
    assert cache.match(person, at).names == ("not vip",)


def test_kept_matches_of_real_people_are_those_of_the_matcher(
    snapshot: Snapshot, people_catalogue: Catalogue
) -> None:
    made = [
        ActiveRule(f"{days} {event}", Event(event, window=Last(days), operator=">=", value=2))
        for days in (1, 7, 30)
        for event in ("visit", "browse")
    ]
    matcher = Matcher(made, people_catalogue, snapshot.zone)
    cache = MatchCache(matcher)
    people = read_people(snapshot)[:60]
    for hours in range(0, 24 * 40, 31):
        as_of = snapshot.as_of - timedelta(days=30) + timedelta(hours=hours)
        for person in people:
            assert cache.match(person, as_of).names == matcher.match(person, as_of).names
    assert cache.counts.answered > cache.counts.matched


def test_moments_survive_the_way_there_and_back() -> None:
    moment = datetime(2017, 3, 12, 7, 0, 0, 1, tzinfo=UTC)
    assert moment_of(microseconds(moment)) == moment
