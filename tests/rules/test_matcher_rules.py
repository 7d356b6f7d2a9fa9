"""Who wins, what is admitted, why somebody matches: weights, groups, ties, the Bloom filter, explanations."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import All, Any, Attribute, Catalogue, Event, EventType, Field, Last, Not, Rule, Tag
from qa_lib.rules.matcher import ActiveRule, Admission, Matcher, Person, explain
from qa_lib.tables import Label

UTC_ZONE = ZoneInfo("UTC")
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
ONE = Label("一", "one")
PROPERTIES = (Field("item_id", "attribute", "text", ONE), Field("category", "attribute", "text", ONE))
SMALL = Catalogue(
    (Field("city", "attribute", "text", ONE), Field("points", "tag", "number", ONE)),
    tuple(EventType(name, ONE, ONE, PROPERTIES) for name in ("browse", "cart", "login", "click")),
)


def test_weights_order_then_the_declared_key_then_the_name() -> None:
    rules = [
        ActiveRule("b", All(), weight=1, group="banner", tie_key="2"),
        ActiveRule("a", All(), weight=1, group="banner", tie_key="2"),
        ActiveRule("z", All(), weight=1, group="banner", tie_key="1"),
        ActiveRule("light", All(), weight=0.5, group="banner"),
        ActiveRule("heaviest, not matched", Not(All()), weight=9, group="banner"),
        ActiveRule("free", All(), weight=5),
        ActiveRule("c1", All(), group="coupons"),
        ActiveRule("c2", All(), weight=2, group="coupons"),
    ]
    for seed in range(5):
        random.Random(seed).shuffle(rules)
        found = Matcher(rules, SMALL, UTC_ZONE, inclusive=["coupons"]).match(Person("p", {}), AS_OF)
        assert found.names == ("free", "c2", "z", "a", "b", "light", "c1")
        assert found.winners == {"banner": ("z",), "coupons": ("c2", "c1")}


def test_an_inclusive_group_without_a_rule_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"'coupon' holds no rule\. Did you mean 'coupons'"):
        Matcher([ActiveRule("c", All(), group="coupons")], SMALL, UTC_ZONE, inclusive=["coupon"])


def test_weights_and_groups_never_change_who_matches() -> None:
    rule = Tag("points", ">", 5)
    for weight in (-1.0, 0.0, 3.0):
        matcher = Matcher([ActiveRule("r", rule, weight=weight, group="g")], SMALL, UTC_ZONE)
        assert matcher.match(Person("p", {"points": 6}), AS_OF).names == ("r",)
        assert matcher.match(Person("p", {"points": 5}), AS_OF).names == ()


def test_an_active_rule_survives_json() -> None:
    rule = ActiveRule("r", All(Tag("points", ">", 5)), weight=2, group="g", tie_key="k")
    assert ActiveRule.from_json(rule.to_json()) == rule
    with pytest.raises(SpecError, match="ActiveRule is not valid"):
        ActiveRule("", All())


def item(name: str) -> All:
    return All(Attribute("item_id", "=", name))


RULES: list[Rule] = [
    Event("browse", where=item("A"), window=Last(30)),
    All(Not(Event("browse", where=item("B"), window=Last(30))), Tag("points", ">", 1)),
    Event("cart", where=All(Attribute("item_id", "in", ["A", "C"]), Attribute("category", "!=", "x"))),
    Any(Event("cart", where=All(Attribute("category", "=", "toys"))), Attribute("city", "=", "上海")),
    Event("login", window=Last(1), operator="=", value=0),
]


def matcher() -> Matcher:
    return Matcher([ActiveRule(f"rule {n}", rule) for n, rule in enumerate(RULES)], SMALL, UTC_ZONE)


def test_an_event_that_changes_what_anybody_matches_is_always_admitted() -> None:
    made, draw = matcher(), random.Random(1)
    admission = made.admission()
    changed = 0
    for _ in range(3_000):
        event = draw.choice(["browse", "cart", "login", "click"])
        properties = {"item_id": draw.choice("ABCDEFGH"), "category": draw.choice(["toys", "x", "y", None])}
        person = Person("p", {"points": draw.randint(0, 3), "city": None})
        before = made.match(person, AS_OF).names
        after = made.match(person.with_event(event, AS_OF - timedelta(hours=1), properties), AS_OF).names
        if before != after:
            changed += 1
            assert admission.admit(event, properties)
    assert changed > 500


def test_admission_drops_kinds_and_items_that_no_rule_names_and_counts_them() -> None:
    admission = matcher().admission()
    dropped = sum(not admission.admit("browse", {"item_id": f"other {n}"}) for n in range(5_000))
    assert dropped / 5_000 > 0.95  # one in a hundred may pass
    assert not admission.admit("click", {"item_id": "A"})
    assert not admission.admit("telemetry", {})
    assert admission.admit("login", {})
    assert admission.counts.asked == 5_003
    assert admission.counts.dropped == dropped + 2
    assert matcher().admission(always=["click"]).admit("click", {})


def test_every_known_identifier_is_admitted_and_hardly_any_other() -> None:
    known = [f"phone:{n}" for n in range(20_000)]
    admission = matcher().admission(identifiers=known)
    assert all(admission.admit("login", {}, [one]) for one in known)
    passed = sum(admission.admit("login", {}, [f"cookie:{n}"]) for n in range(20_000))
    assert passed / 20_000 < 0.03
    assert admission.admit("login", {}, ["cookie:1", "phone:1"])
    assert admission.admit("login", {})


def test_an_explanation_shows_the_steps_and_every_condition() -> None:
    person = Person("p", {"points": 3}, {"browse": [(AS_OF - timedelta(days=2), {"item_id": "B"})]})
    found = explain(matcher(), person, AS_OF, ["rule 1"])
    assert [(v.path, v.holds) for v in found.verdicts] == [
        ((), False),
        ((0,), False),
        ((0, 0), True),
        ((1,), True),
    ]
    assert found.frame()["path"].tolist() == ["", "0", "0.0", "1"]
    steps = found.steps().set_index("step")
    assert steps.loc["share", "before_count"] == 7
    assert steps.loc["exact", "after_count"] == len(found.matches.names)
    assert {v.rule for v in explain(matcher(), person, AS_OF).verdicts} == set(found.matches.names)
    with pytest.raises(UnknownName, match="No active rule is called 'rule 11'"):
        explain(matcher(), person, AS_OF, ["rule 11"])


def test_predicates_that_rules_share_are_one() -> None:
    rules = [
        ActiveRule(f"{n}", All(Tag("points", ">", 5), Event("login", window=Last(n % 3 + 1))))
        for n in range(30)
    ]
    made = Matcher(rules, SMALL, UTC_ZONE)
    assert made.condition_count == 60
    assert made.predicates.size - 1 == 4


def test_a_pattern_means_what_the_batch_engine_means() -> None:
    made = Matcher([ActiveRule("r", Attribute("city", "matches", r"^\pL+$"))], SMALL, UTC_ZONE)
    assert made.match(Person("p", {"city": "上海"}), AS_OF).names == ("r",)  # \pL is RE2's, not Python's
    assert made.match(Person("p", {"city": "上海 1"}), AS_OF).names == ()


def test_candidates_are_rules_however_many_of_their_terms_are_open() -> None:
    rules = [
        ActiveRule(
            "either", Any(Tag("points", ">", 1), Tag("points", ">", 2), Attribute("city", "=", "上海"))
        ),
        ActiveRule("neither", All(Tag("points", ">", 90), Attribute("city", "=", "上海"))),
    ]
    made, person = Matcher(rules, SMALL, UTC_ZONE), Person("p", {"points": 5, "city": "上海"})
    for rule in rules:  # one rule: no more candidates than rules, no fewer than matches
        steps = Matcher([rule], SMALL, UTC_ZONE).match(person, AS_OF).steps
        assert steps.matched <= steps.candidates <= steps.rules == 1
    said = explain(made, person, AS_OF).steps().set_index("step")
    narrowed = said.loc[["candidates", "exact"]]
    assert (narrowed["after_count"] <= narrowed["before_count"]).all()
    assert said.loc["exact", "after_count"] == 1


BAD_PEOPLE: dict[str, tuple[Person, str]] = {
    "a text for a number": (Person("p7", {"points": "many"}), "Field 'points' of person 'p7' is 'many'.*a number"),
    "a number for a text": (
        Person("p7", {}, {"browse": [(AS_OF - timedelta(days=1), {"category": 3})]}),
        "Property 'category' of event 'browse' of person 'p7' is 3.*a text",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_PEOPLE)
def test_a_value_that_cannot_be_compared_is_named(case: str) -> None:
    person, words = BAD_PEOPLE[case]
    rules = [
        ActiveRule("rich", Tag("points", ">", 5)),
        ActiveRule("toys", Event("browse", where=All(Attribute("category", "contains", "toy")))),
    ]
    made = Matcher(rules, SMALL, UTC_ZONE)
    with pytest.raises(SpecError, match=words):
        made.match(person, AS_OF)
    with pytest.raises(SpecError, match=words):
        made.match_many([person], AS_OF)


def test_a_moment_without_a_zone_is_told_in_words() -> None:
    for moment in (datetime(2026, 6, 1), "2026-06-01"):  # noqa: DTZ001 that is the fault
        with pytest.raises(SpecError, match="not a moment with a zone"):
            matcher().match(Person("p", {}), moment)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="not a moment with a zone"):
        Person("p", {}, {"browse": [(datetime(2026, 6, 1), {})]})  # noqa: DTZ001


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_false_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(SpecError, match="'false_rate' is a share"):
        Admission(matcher().predicates, false_rate=rate)
