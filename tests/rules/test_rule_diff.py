"""The difference of two rules: what a marketer would say changed, and steps that lead from one to the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any as AnyValue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.rules import World
from random_rules import rules

from qa_lib.rules import (
    Ago,
    All,
    Any,
    Attribute,
    Catalogue,
    Duration,
    Engine,
    Event,
    InAudience,
    Last,
    Lifecycle,
    Not,
    RandomSplit,
    Rule,
    Sequence,
    Step,
    Sum,
    Tag,
    diff_rules,
    read_rule,
)

VALUE = Tag("average_order_value", ">", 500)
VISIT = Event("visit", window=Last(30, "day"))
SPEND = Event("purchase", measure=Sum("amount"), operator=">", value=100)
OLD = Attribute("age_band", "=", "65+")


def kinds(old: Rule, new: Rule) -> list[str]:
    return [change.kind for change in diff_rules(old, new).changes]


def test_a_window_and_a_value_are_named_with_both_values_in_both_languages(
    people_catalogue: Catalogue,
) -> None:
    diff = diff_rules(
        All(VALUE, VISIT),
        All(Tag("average_order_value", ">", 300), Event("visit", window=Last(60, "day"))),
        people_catalogue,
    )
    assert [(c.kind, [p.name for p in c.parts]) for c in diff.changes] == [
        ("changed", ["value"]),
        ("changed", ["window"]),
    ]
    assert "value 500 USD → 300 USD" in diff.text("en")
    assert "window the last 30 days → the last 60 days" in diff.text("en")
    assert "时间窗口 最近 30 天 → 最近 60 天" in diff.text("zh")
    assert diff.changes[0].parts[0].old == 500
    assert [c["new_path"] for c in diff.to_dict()["changes"]] == [[0], [1]]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (All(VALUE), All(VALUE, VISIT), ["added"]),
        (All(VALUE, VISIT), All(VALUE), ["removed"]),
        (All(VALUE, VISIT), All(VISIT, VALUE), []),
        (VALUE, All(VALUE), []),
        (VALUE, Not(VALUE), ["negated"]),
        (Not(All(VALUE, VISIT)), All(VALUE, VISIT), ["negated"]),
        (All(VALUE, Not(VISIT)), All(VALUE, VISIT), ["negated"]),
        (All(VALUE, VISIT), Any(VALUE, VISIT), ["joined"]),
        (All(VALUE, VISIT), Any(All(VALUE, VISIT), OLD), ["added"]),
        (Any(All(VALUE, VISIT), OLD), All(VALUE, VISIT), ["removed"]),
        (All(VALUE, Any(VISIT, OLD)), All(VALUE, OLD, Any(VISIT, SPEND)), ["moved", "added"]),
        (All(VALUE, VISIT), All(OLD, Not(Any(VISIT, SPEND)), VALUE), ["added", "negated", "added"]),
        (VALUE, OLD, ["added", "removed"]),
        (All(), VALUE, ["added"]),
        (VALUE, All(), ["removed"]),
        (All(VALUE, VALUE), All(VALUE), ["removed"]),
    ],
)
def test_what_came_went_moved_and_was_negated(old: Rule, new: Rule, told: list[str]) -> None:
    assert kinds(old, new) == told


@pytest.mark.parametrize(
    ("old", "new", "part", "said"),
    [
        (InAudience("vip", 1), InAudience("vip", 2), "version", "version 1 → 2"),
        (InAudience("vip"), InAudience("vip", member=False), "member", "member yes → no"),
        (RandomSplit("spring", 0, 0.5), RandomSplit("spring", 0, 0.4), "high", "to 0.5 → 0.4"),
        (
            Lifecycle("visit", "stopped", Last(30)),
            Lifecycle("visit", "stopped", Last(30), before=Last(60)),
            "before",
            "time before none → the last 60 days",
        ),
        (
            Sequence((Step("visit"), Step("purchase")), within=Duration(7)),
            Sequence((Step("visit"), Step("purchase")), within=Duration(1)),
            "within",
            "whole time 7 days → 1 day",
        ),
        (VISIT, Event("visit", window=Ago(7, 30)), "window", "→ the time between 30 and 7 days ago"),
        (
            SPEND,
            Event("purchase", operator=">", value=100),
            "measure",
            "measure total of (amount) → how many",
        ),
        (VALUE, Tag("average_order_value", "<", 500), "operator", "comparison is more than → is less than"),
        (
            VISIT,
            Event("visit", window=Last(30, "day"), where=All(Attribute("store_id", "=", "7"))),
            "where",
            "event filter none → ",
        ),
    ],
)
def test_every_part_of_a_condition_has_words(
    people_catalogue: Catalogue, old: Rule, new: Rule, part: str, said: str
) -> None:
    diff = diff_rules(old, new, people_catalogue)
    assert [p.name for c in diff.changes for p in c.parts] == [part]
    assert said in diff.text("en"), diff.text("en")


def test_a_name_that_is_gone_is_shown_as_it_was_written(people_catalogue: Catalogue) -> None:
    diff = diff_rules(All(Tag("gone", ">", 1), VALUE), VALUE, people_catalogue)
    assert '"field": "gone"' in diff.text("zh")


def canonical(rule: Rule | None) -> AnyValue:
    """The rule as nested values in which the order of a group and a group of one say nothing."""
    if rule is None:
        return ("all", False, ())
    if not isinstance(rule, All | Any):
        return rule.to_json()
    children = sorted((canonical(child) for child in rule.of), key=repr)
    if len(children) == 1 and not rule.negated:
        return children[0]
    return (rule.kind if len(children) > 1 else "all", rule.negated, tuple(children))


LEAVES = [
    *(Tag("a", ">", n) for n in range(3)),
    *(Tag("b", ">", n) for n in range(2)),
    *(Event("visit", window=Last(n)) for n in (7, 30)),
    InAudience("vip"),
]


def small_rules() -> st.SearchStrategy[Rule]:
    def group(children: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
        make: Callable[..., Rule] = lambda kind, of, negated: kind(of=tuple(of), negated=negated)  # noqa: E731
        return st.builds(
            make, st.sampled_from([All, Any]), st.lists(children, min_size=1, max_size=4), st.booleans()
        )

    return st.recursive(st.sampled_from(LEAVES), group, max_leaves=10)


@given(old=small_rules(), new=small_rules())
@settings(max_examples=400, deadline=None)
def test_the_steps_lead_from_the_old_rule_to_the_new_one(old: Rule, new: Rule) -> None:
    diff = diff_rules(old, new)
    assert canonical(diff.merged.rule(0)) == canonical(old)
    assert canonical(diff.merged.rule(len(diff.changes))) == canonical(new)
    for k in range(len(diff.changes)):
        assert diff.merged.rule(k) != diff.merged.rule(k + 1), "every change changes something"


@given(rule=small_rules())
@settings(max_examples=200, deadline=None)
def test_a_rule_does_not_differ_from_itself_nor_from_itself_in_another_order(rule: Rule) -> None:
    assert diff_rules(rule, rule).is_empty
    assert diff_rules(rule, reordered(rule)).is_empty


def reordered(rule: Rule) -> Rule:
    if not isinstance(rule, All | Any):
        return rule
    return rule.model_copy(update={"of": tuple(reordered(child) for child in reversed(rule.of))})


def test_steps_select_whom_the_rules_at_both_ends_select(
    engine: Engine, people_catalogue: Catalogue, company_world: World
) -> None:
    @given(old=rules(people_catalogue, company_world), new=rules(people_catalogue, company_world))
    @settings(max_examples=40, deadline=None)
    def holds(old: AnyValue, new: AnyValue) -> None:
        before, after = read_rule(old), read_rule(new)
        diff = diff_rules(before, after, people_catalogue)
        first, last = diff.merged.rule(0) or All(), diff.merged.rule(len(diff.changes)) or All()
        assert (engine.evaluate(first).members[()] == engine.evaluate(before).members[()]).all()
        assert (engine.evaluate(last).members[()] == engine.evaluate(after).members[()]).all()
        assert diff.text("zh")

    holds()
