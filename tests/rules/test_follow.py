"""A person followed from event to event matches what the matcher says of the whole person at every moment."""

from __future__ import annotations

import random
from typing import Any as AnyValue

import pytest
from oracles.rules import World
from random_rules import drawn_rules

from qa_lib.rules import All, Any, Attribute, Catalogue, Engine, Event, Ever, Last, Not, Rule, Sum, Tag
from qa_lib.rules.matcher import ActiveRule, ColdStart, Follower, Matcher, Person, Records, read_people
from qa_lib.rules.matcher.person import microseconds, moment_of


@pytest.fixture(scope="module", params=["any rules", "counts and sums"])
def matcher(
    request: pytest.FixtureRequest, engine: Engine, people_catalogue: Catalogue, company_world: World
) -> Matcher:
    made = drawn_rules(people_catalogue, company_world, 200)
    if request.param != "any rules":
        made = counting_rules()
    return Matcher(made, people_catalogue, engine.snapshot.zone)


def counting_rules() -> list[ActiveRule]:
    """Rules for which no log has to be kept."""
    draw = random.Random(3)

    def condition() -> Rule:
        window = Last(draw.choice([7, 30, 90]), "day") if draw.random() < 0.8 else Ever()
        match draw.randrange(5):
            case 0:
                return Event(draw.choice(["browse", "cart"]), window=window, value=draw.randint(1, 4))
            case 1:
                item = All(Attribute("item_id", "=", draw.choice("ABC")))
                return Event("browse", where=item, window=window, operator="=", value=draw.randint(0, 1))
            case 2:
                item = All(Attribute("item_id", "=", draw.choice("ABC")))
                paid, most = Sum("paid_amount"), draw.choice([0, 20, 60])
                return Event("purchase", where=item, window=window, measure=paid, operator=">", value=most)
            case 3:
                paid = Sum("paid_amount")
                spent = draw.randint(5, 300)
                return Event("purchase", window=window, measure=paid, operator=">", value=spent)
            case _:
                return Tag("order_count_30d", ">=", draw.randint(0, 5))

    def rule() -> Rule:
        parts: list[Rule] = [condition() for _ in range(draw.randint(1, 3))]
        if draw.random() < 0.3:
            parts.append(Not(Any(condition(), condition())))
        return Any(All(*parts), condition()) if draw.random() < 0.3 else All(*parts)

    # a rule of many terms stays a graph
    many = All(*(Any(condition(), condition(), condition()) for _ in range(4)))
    return [*(ActiveRule(f"rule {n}", rule()) for n in range(150)), ActiveRule("many terms", many)]


def test_a_cold_start_says_what_looking_at_each_says(
    engine: Engine, people_catalogue: Catalogue, company_world: World
) -> None:
    snapshot = engine.snapshot
    matcher = Matcher(counting_rules(), people_catalogue, snapshot.zone)
    follower = Follower(matcher, is_exact=lambda event, name: True)
    records = Records(snapshot, matcher, events=matcher.predicates.plans)
    cold = ColdStart(matcher, records, follower)
    assert cold.is_possible
    moment = microseconds(snapshot.as_of)
    ids = ["nobody", *(p.person_id for p in read_people(snapshot))]
    for later in (0, 1, 20 * 86_400_000_000):
        for person, one in zip(records.people(ids), cold.people(ids, moment + later), strict=True):
            first = follower.first(person, moment + later)
            for name in ("truths", "values", "held", "terms", "over", "until", "person"):
                assert getattr(one, name) == getattr(first, name), (person.person_id, name)
    any_rules = Matcher(drawn_rules(people_catalogue, company_world, 60), people_catalogue, snapshot.zone)
    needs_logs = Follower(any_rules)
    assert not ColdStart(any_rules, records, needs_logs).is_possible


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
    # amounts are decimals in this company, so their sums run
    follower = Follower(matcher, is_exact=lambda event, name: True)
    assert follower.needs_person == bool(follower.kept)
    changes = anew = 0
    for start in draw.sample(people, 25):
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
            before = person
            person = person.with_events(more) if more else person
            if follower.needs_person and draw.random() < 0.2:
                person = person.with_fields(order_count_30d=draw.randint(0, 9))
            if moment >= followed.over:  # time has moved what is not kept: looked at anew
                followed = follower.first(Person(before.person_id, before.fields, before.events), moment)
                anew += 1
            held = follower.names(followed)
            told = {
                kind: None if draw.random() < 0.2 and kind in follower.kept else new
                for kind, new in more.items()
            }
            follower.after([(followed, told, person)], moment)
            fresh = Person(person.person_id, person.fields, person.events)
            assert follower.names(followed) == matcher.match(fresh, moment_of(moment)).names
            changes += held != follower.names(followed)
    assert changes > 50
    assert (anew > 0) == (not follower.kept)
