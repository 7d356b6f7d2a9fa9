"""A person followed from event to event matches what the matcher says of the whole person at every moment."""

from __future__ import annotations

import random
from typing import Any as AnyValue

import pytest
from oracles.rules import World
from random_rules import drawn_rules

from qa_lib.rules import Catalogue, Engine
from qa_lib.rules.matcher import Follower, Matcher, Person, read_people
from qa_lib.rules.matcher.person import microseconds, moment_of


@pytest.fixture(scope="module")
def matcher(engine: Engine, people_catalogue: Catalogue, company_world: World) -> Matcher:
    made = drawn_rules(people_catalogue, company_world, 200)
    return Matcher(made, people_catalogue, engine.snapshot.zone)


def test_following_says_what_matching_anew_says(engine: Engine, matcher: Matcher) -> None:
    draw = random.Random(5)
    people = read_people(engine.snapshot)
    logs = {
        name: [
            {column: values[i] for column, values in log.columns.items()}
            for p in people[:60]
            if (log := p.events.get(name)) is not None
            for i in range(min(3, len(log.times)))
        ]
        for name in ("browse", "cart", "purchase")
    }
    follower = Follower(matcher)
    changes = 0
    for start in draw.sample(people, 40):
        moment = microseconds(engine.snapshot.as_of)
        person = start
        followed = follower.first(person, moment)
        for _ in range(12):
            moment += draw.choice([1, 60_000_000, 3_600_000_000, 86_400_000_000, 10 * 86_400_000_000])
            more: dict[str, list[tuple[int, AnyValue]]] = {}
            for _ in range(draw.randint(0, 2)):
                kind = draw.choice(sorted(logs))
                # late ones, and ones that lie ahead of the moment
                at = moment + draw.choice([-1, 0, 1]) * draw.randrange(40 * 86_400_000_000)
                more.setdefault(kind, []).append((at, draw.choice(logs[kind])))
            person = person.with_events(more) if more else person
            if draw.random() < 0.2:
                person = person.with_fields(order_count_30d=draw.randint(0, 9))
            before = followed.numbers
            told = {kind: None if draw.random() < 0.2 else new for kind, new in more.items()}
            followed = follower.after(followed, person, moment, told)
            fresh = Person(person.person_id, person.fields, person.events)
            assert follower.names(followed) == matcher.match(fresh, moment_of(moment)).names
            changes += before != followed.numbers
    assert changes > 100
