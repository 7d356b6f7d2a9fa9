"""The matcher answers as the batch engine and as the naive evaluator, for every rule and person."""

from __future__ import annotations

from typing import Any as AnyValue

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from oracles.rules import World, select
from random_rules import rules

from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import All, Any, Attribute, Catalogue, Engine, Event, Last, Not, Tag, read_rule, to_numbers
from qa_lib.rules.matcher import ActiveRule, Matcher, Person, measured_shares, read_people, read_person

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@pytest.fixture(scope="module")
def people(engine: Engine) -> list[Person]:
    return read_people(engine.snapshot)


@pytest.fixture(scope="module")
def drawn(people_catalogue: Catalogue, company_world: World) -> list[AnyValue]:
    """Many random rules, always the same, that are matched together."""
    found: list[AnyValue] = []

    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=SLOW,
        phases=[Phase.generate],
    )
    @given(spec=rules(people_catalogue, company_world))
    def draw(spec: AnyValue) -> None:
        found.append(spec)

    draw()
    return found


def active(specs: list[AnyValue]) -> list[ActiveRule]:
    return [ActiveRule(f"rule {i}", read_rule(spec)) for i, spec in enumerate(specs)]


def by_engine(engine: Engine, made: list[ActiveRule], people: list[Person]) -> dict[str, set[str]]:
    ids = [person.person_id for person in people]
    return {
        rule.name: {ids[n] for n in to_numbers(engine.evaluate(rule.rule).members[()]).tolist()}
        for rule in made
    }


def by_matcher(matcher: Matcher, engine: Engine, people: list[Person]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in matcher.names}
    for person in people:
        for name in matcher.match(person, engine.snapshot.as_of).names:
            found[name].add(person.person_id)
    return found


def test_random_rules_match_whom_the_engine_and_the_naive_evaluator_select(
    drawn: list[AnyValue],
    people_catalogue: Catalogue,
    company_world: World,
    engine: Engine,
    people: list[Person],
) -> None:
    made = active(drawn)
    matcher = Matcher(made, people_catalogue, engine.snapshot.zone)
    wanted = by_engine(engine, made, people)
    found = by_matcher(matcher, engine, people)
    assert {
        name: (found[name], drawn[int(name.split()[1])]) for name in found if found[name] != wanted[name]
    } == {}
    for rule, spec in list(zip(made, drawn, strict=True))[::5]:
        assert wanted[rule.name] == select(spec, company_world)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 500])
def test_a_batch_matches_as_each_of_its_people_and_never_somebody_who_is_not_there(
    size: int, drawn: list[AnyValue], people_catalogue: Catalogue, engine: Engine, people: list[Person]
) -> None:
    matcher = Matcher(active(drawn), people_catalogue, engine.snapshot.zone)
    batch = matcher.match_many(people[:size], engine.snapshot.as_of)
    alone = [matcher.match(person, engine.snapshot.as_of).names for person in people[:size]]
    for number, (_, names) in enumerate(batch):
        assert set(names) ^ set(alone[number]) == set(), number
        assert names == alone[number]
    assert sum(batch.counts.values()) == sum(map(len, alone))


def test_a_batch_leaves_earlier_ones_as_they_were(
    drawn: list[AnyValue], people_catalogue: Catalogue, engine: Engine, people: list[Person]
) -> None:
    """Batches of one thread share working memory, of which no answer may be a part."""
    matcher = Matcher(active(drawn), people_catalogue, engine.snapshot.zone)
    large = matcher.match_many(people, engine.snapshot.as_of)
    before = large.bits.copy()
    small = matcher.match_many(people[-3:], engine.snapshot.as_of)
    assert (large.bits == before).all()
    assert [names for _, names in small] == [large.names(n) for n in range(len(people) - 3, len(people))]


def test_rules_too_wide_for_terms_keep_their_shape(
    people_catalogue: Catalogue, engine: Engine, people: list[Person]
) -> None:
    pairs = [
        Any(
            Tag("order_count_365d", ">", n),
            Tag("recency_days", "<", 5 * n),
            Not(Tag("order_count_90d", "=", n)),
        )
        for n in range(1, 12)
    ]
    long = All(*(Tag("order_count_365d", "!=", n) for n in range(12)), Attribute("age_band", "=", "35-44"))
    made = [
        ActiveRule("wide", All(*pairs, Tag("is_fuel_buyer", "=", True))),
        ActiveRule("long", long),
        ActiveRule("not wide", Not(All(*pairs))),
        ActiveRule("everybody", All()),
        ActiveRule("any of nothing is everybody", Any()),
        ActiveRule("nobody", Not(All())),
        ActiveRule(
            "against itself", All(Tag("is_fuel_buyer", "=", True), Not(Tag("is_fuel_buyer", "=", True)))
        ),
    ]
    matcher = Matcher(made, people_catalogue, engine.snapshot.zone)
    assert set(matcher.terms.graphs) == {matcher.names.index(n) for n in ("wide", "long")}
    wanted = by_engine(engine, made, people)
    assert by_matcher(matcher, engine, people) == wanted
    counts = matcher.match_many(people, engine.snapshot.as_of).counts
    assert counts == {name: len(ids) for name, ids in wanted.items()}
    assert counts["everybody"] == len(people)
    assert counts["against itself"] == counts["nobody"] == 0


def test_counted_shares_change_the_candidates_and_no_answer(
    people_catalogue: Catalogue, engine: Engine, people: list[Person]
) -> None:
    rare, common = Tag("order_count_365d", ">", 60), Tag("order_count_365d", ">", 0)
    made = [ActiveRule(f"{n}", All(common, rare, Tag("recency_days", "<", 200 + n))) for n in range(20)]
    zone, as_of = engine.snapshot.zone, engine.snapshot.as_of
    guessed = Matcher(made, people_catalogue, zone, shares={rare.hash: 0.9, common.hash: 0.01})
    counted = Matcher(made, people_catalogue, zone, shares=measured_shares(engine, made))
    found = [(guessed.match(p, as_of), counted.match(p, as_of)) for p in people]
    assert [one.names for one, _ in found] == [other.names for _, other in found]
    candidates = [sum(pair[i].steps.candidates for pair in found) for i in (0, 1)]
    assert candidates[1] < candidates[0]


def test_one_person_is_read_by_any_of_their_ids(engine: Engine, people: list[Person]) -> None:
    assert read_person(engine.snapshot, people[3].person_id) == people[3]
    with pytest.raises(UnknownName, match="Nobody has the id 'nobody'"):
        read_person(engine.snapshot, "nobody")


def test_a_rule_that_does_not_fit_is_named(people_catalogue: Catalogue, engine: Engine) -> None:
    zone = engine.snapshot.zone
    with pytest.raises(UnknownName, match="Rule 'spenders': Unknown tag or attribute 'spend'"):
        Matcher([ActiveRule("spenders", Tag("spend", ">", 1))], people_catalogue, zone)
    with pytest.raises(SpecError, match="Two active rules are called 'a'"):
        Matcher([ActiveRule("a", All()), ActiveRule("a", Any())], people_catalogue, zone)


def test_fields_and_events_that_a_person_lacks_are_missing(
    people_catalogue: Catalogue, engine: Engine
) -> None:
    made = [
        ActiveRule("no browse", Event("browse", window=Last(30), operator="=", value=0)),
        ActiveRule("not a renter", Attribute("home_ownership", "!=", "Renter")),
        ActiveRule("fuel", Tag("is_fuel_buyer", "=", True)),
        ActiveRule("no fuel", Tag("is_fuel_buyer", "!=", True)),
    ]
    matcher = Matcher(made, people_catalogue, engine.snapshot.zone)
    stranger = Person("stranger", {}, {})
    assert set(matcher.match(stranger, engine.snapshot.as_of).names) == {
        "no browse",
        "not a renter",
        "no fuel",
    }
    assert matcher.match(stranger.with_fields(is_fuel_buyer=True), engine.snapshot.as_of).names[:1] == (
        "fuel",
    )
