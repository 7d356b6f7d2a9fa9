"""The kinds of conditions are checked as they are made, are counted, and survive JSON."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qa_lib.errors import RuleTooLarge, SpecError
from qa_lib.rules import (
    All,
    Any,
    Attribute,
    Duration,
    InAudience,
    Last,
    Lifecycle,
    RandomSplit,
    Rule,
    Sequence,
    Step,
    read_rule,
)

CART, BOUGHT = Step("cart"), Step("purchase")
FINE: dict[str, Rule] = {
    "two steps": Sequence([CART, BOUGHT]),
    "a step with all": Sequence(
        [CART, Step("purchase", where=Any(Attribute("item_id", "=", "A")), within=Duration(3, "hour"), immediately=True)],
        window=Last(30),
        within=Duration(1, "week"),
        same=["item_id"],
    ),
    "an absence": Sequence([CART, Step("purchase", absent=True, within=Duration(30, "minute"))]),
    "first time": Lifecycle("visit", "first_time", Last(30)),
    "stopped": Lifecycle("visit", "stopped", Last(30), before=Last(90)),
    "stopped, ever before": Lifecycle("visit", "stopped", Last(30)),
    "restarted": Lifecycle("visit", "restarted", Last(7), before=Last(2, "month")),
    "regularly": Lifecycle("visit", "regularly", k=3, m=4, unit="week", calendar=True),
    "an audience": InAudience("VIP"),
    "outside an audience at a version": InAudience("VIP", 3, member=False),
    "a part": RandomSplit("spring", 0, 0.5),
}  # fmt: skip


@pytest.mark.parametrize("case", FINE)
def test_a_condition_survives_json_alone_and_in_a_group(case: str) -> None:
    rule = FINE[case]
    for one in (rule, All(rule, Any(rule, negated=True))):
        again = read_rule(one.to_json())
        assert again == one
        assert again.hash == one.hash
        assert hash(again) == hash(one)


def test_every_condition_has_a_hash_of_its_own() -> None:
    assert len({rule.hash for rule in FINE.values()}) == len(FINE)


def test_a_length_of_time_is_exact() -> None:
    assert [Duration(1, unit).microseconds for unit in ("minute", "hour", "day", "week")] == [
        60_000_000, 3_600_000_000, 86_400_000_000, 604_800_000_000,
    ]  # fmt: skip


#: What is made, and the words that the refusal holds.
REFUSED: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "one step": (lambda: Sequence([CART]), ("steps", "at least 2")),
    "eleven steps": (lambda: Sequence([CART] * 11), ("steps", "at most 10")),
    "an absence first": (lambda: Sequence([Step("cart", absent=True), BOUGHT]), ("first step must happen",)),
    "a first step within": (
        lambda: Sequence([Step("cart", within=Duration(1)), BOUGHT]),
        ("first step follows nothing", "'within'"),
    ),
    "a first step immediately": (
        lambda: Sequence([Step("cart", immediately=True), BOUGHT]),
        ("first step follows nothing", "'immediately'"),
    ),
    "an absence immediately": (
        lambda: Step("cart", absent=True, immediately=True),
        ("does not happen", "immediately"),
    ),
    "the same twice": (lambda: Sequence([CART, BOUGHT], same=["a", "a"]), ("'same'", "twice")),
    "six the same": (lambda: Sequence([CART, BOUGHT], same=list("abcdef")), ("same", "at most 5")),
    "no length of time": (lambda: Duration(0, "hour"), ("n", "got 0")),
    "a month of no fixed length": (lambda: Duration(1, "month"), ("unit", "'week'", "got 'month'")),
    "no such pattern": (lambda: Lifecycle("visit", "paused"), ("pattern", "'restarted'", "got 'paused'")),
    "a first time before": (
        lambda: Lifecycle("visit", "first_time", before=Last(3)),
        ("'first_time'", "'before'"),
    ),
    "stopped at no time": (lambda: Lifecycle("visit", "stopped"), ("'stopped'", "window with a start")),
    "restarted after nothing": (lambda: Lifecycle("visit", "restarted", Last(3)), ("'before'", "Last(90, 'day')")),
    "stopped so many times": (lambda: Lifecycle("visit", "stopped", Last(3), k=2), ("'stopped'", "'regularly'")),
    "regularly by calendar hours": (
        lambda: Lifecycle("visit", "regularly", k=1, m=2, unit="hour", calendar=True),
        ("calendar", "hour"),
    ),
    "regularly without periods": (lambda: Lifecycle("visit", "regularly", k=2), ("k, m and unit",)),
    "more than all periods": (lambda: Lifecycle("visit", "regularly", k=3, m=2, unit="day"), ("k (3)", "m (2)")),
    "regularly in a window": (
        lambda: Lifecycle("visit", "regularly", Last(3), k=1, m=2, unit="day"),
        ("'regularly'", "no 'window'"),
    ),
    "an audience without a name": (lambda: InAudience(""), ("audience", "at least 1")),
    "version 0": (lambda: InAudience("VIP", 0), ("version", "got 0")),
    "an empty part": (lambda: RandomSplit("s", 0.5, 0.5), ("'low' (0.5)", "'high' (0.5)")),
    "a part beyond all": (lambda: RandomSplit("s", 0, 1.1), ("high", "got 1.1")),
    "a part without a salt": (lambda: RandomSplit("", 0, 1), ("salt", "at least 1")),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_condition_that_says_nothing_sensible_is_refused_in_words(case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises(SpecError) as told:
        make()
    assert [w for w in words if w not in str(told.value)] == [], str(told.value)


def sequence_json(steps: int, where: object = None) -> dict[str, object]:
    step = {"event": "cart"} | ({"where": where} if where else {})
    return {"kind": "sequence", "steps": [step] * steps}


def test_steps_and_their_filters_count_as_conditions() -> None:
    read_rule({"kind": "all", "of": [sequence_json(9)] * 100})
    with pytest.raises(RuleTooLarge, match="1,000 conditions"):
        read_rule({"kind": "all", "of": [sequence_json(10)] * 100})
    with pytest.raises(RuleTooLarge, match="1,000 conditions"):
        read_rule(sequence_json(1_000_000))
    filters = {"kind": "all", "of": [{"kind": "attribute", "field": "a", "operator": "is set"}] * 600}
    with pytest.raises(RuleTooLarge, match="1,000 conditions"):
        read_rule(sequence_json(2, filters))
    with pytest.raises(RuleTooLarge, match="1,000 conditions"):
        read_rule(All(*[Sequence([CART] * 10)] * 91))


def test_groups_inside_the_filter_of_a_step_count_for_the_depth() -> None:
    def deep(groups: int) -> object:
        where: dict[str, object] = {"kind": "all", "of": []}
        for _ in range(groups - 1):
            where = {"kind": "any", "of": [where]}
        return where

    read_rule(sequence_json(2, deep(40)))
    for kind in ("sequence", "lifecycle", "event"):
        with pytest.raises(RuleTooLarge, match="deeper than 40"):
            read_rule(
                sequence_json(2, deep(41))
                if kind == "sequence"
                else {"kind": kind, "event": "cart", "where": deep(41)}
            )
