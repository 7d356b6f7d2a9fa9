"""People read from the columns of a snapshot match what people read by SQL match."""

from __future__ import annotations

from datetime import timedelta

import pytest
from oracles.rules import World
from random_rules import drawn_rules

from qa_lib.rules import Catalogue, Engine
from qa_lib.rules.matcher import EventLog, Matcher, Person, Records, read_people
from qa_lib.rules.matcher.person import microseconds


@pytest.fixture(scope="module")
def people(engine: Engine) -> list[Person]:
    return read_people(engine.snapshot)


@pytest.fixture(scope="module")
def matcher(engine: Engine, people_catalogue: Catalogue, company_world: World) -> Matcher:
    made = drawn_rules(people_catalogue, company_world, 120)
    return Matcher(made, people_catalogue, engine.snapshot.zone)


def test_everybody_matches_as_if_read_by_sql(
    engine: Engine, people_catalogue: Catalogue, matcher: Matcher, people: list[Person]
) -> None:
    as_of = engine.snapshot.as_of
    names = [event.name for event in people_catalogue.events]
    records = Records(engine.snapshot, matcher, events=names)
    quick = records.people([p.person_id for p in reversed(people)])
    matched = 0
    for slow, fast in zip(reversed(people), quick, strict=True):
        assert fast.person_id == slow.person_id
        assert {k: log.times for k, log in fast.events.items()} == {
            k: log.times for k, log in slow.events.items()
        }
        for moment in (as_of, as_of + timedelta(days=9)):
            found = matcher.match(fast, moment).names
            assert found == matcher.match(slow, moment).names
            matched += len(found)
    assert matched > len(people)


def test_somebody_unknown_is_a_person_without_anything(engine: Engine, matcher: Matcher) -> None:
    records = Records(engine.snapshot, matcher, events=["browse"])
    as_of = engine.snapshot.as_of
    (person,) = records.people(["nobody at all"])
    assert records.numbers(["nobody at all"]).tolist() == [-1]
    assert matcher.match(person, as_of).names == matcher.match(Person("nobody at all", {}), as_of).names


def test_asked_fields_have_the_values_of_the_tables(
    engine: Engine, people_catalogue: Catalogue, matcher: Matcher, people: list[Person]
) -> None:
    names = [field.name for field in people_catalogue.fields]
    records = Records(engine.snapshot, matcher, events=(), fields=names)
    for slow, fast in zip(people, records.people([p.person_id for p in people]), strict=True):
        assert fast.fields == slow.fields


def test_one_person_has_every_field_of_the_tables(
    engine: Engine, people_catalogue: Catalogue, matcher: Matcher, people: list[Person]
) -> None:
    records = Records(engine.snapshot, matcher, events=())
    for number, slow in enumerate(people[:80]):
        found = records.fields_of(number)
        assert list(found) == [field.name for field in people_catalogue.fields]
        assert Person(slow.person_id, found).fields == slow.fields


def test_events_that_come_late_lie_in_order_of_time() -> None:
    log = EventLog((10, 30), {"item_id": ["A", "C"]})
    more = log.and_more([(40, {"item_id": "D"}), (20, {"item_id": "B", "channel": "app"})])
    assert more.times == (10, 20, 30, 40)
    assert more.columns == {"item_id": ["A", "B", "C", "D"], "channel": [None, "app", None, None]}


def test_one_more_event_is_what_a_new_log_would_say(engine: Engine, people: list[Person]) -> None:
    as_of = engine.snapshot.as_of
    for person in people[:50]:
        later = person.with_event("browse", as_of - timedelta(days=1), {"item_id": "A"})
        log = person.events.get("browse")
        times = sorted([*(log.times if log else ()), microseconds(as_of - timedelta(days=1))])
        assert list(later.events["browse"].times) == times
