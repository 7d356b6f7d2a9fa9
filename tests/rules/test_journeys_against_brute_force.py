"""Sequences, lifecycles and random parts select whom a brute-force search over each person's events selects.

Worlds and rules are drawn from a seed; a failure names the seed and the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any as AnyValue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.rules import World, select
from small_worlds import (
    MOMENTS,
    PEOPLE,
    happenings,
    lifecycle,
    profiles,
    sequence,
    small_engine,
    split,
    tree,
)

from qa_lib.rules import All, Any, Engine, Not, Rule, check, compile_rule, read_rule, sentence, to_numbers

few = settings(max_examples=12, deadline=None, derandomize=True, database=None)
many = settings(max_examples=4_000, deadline=None, database=None)
seeds = st.integers(0, 2**63)
_RULES_PER_WORLD = 8
Draw = Callable[[Random], dict[str, AnyValue]]


def chosen(engine: Engine, rule: Rule) -> set[str]:
    return {PEOPLE[n] for n in to_numbers(engine.evaluate(rule).members[()])}


def chosen_by_sql(engine: Engine, rule: Rule, *, written_out: bool = False) -> set[str]:
    whole = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
    cursor = engine.snapshot.cursor()
    rows = cursor.execute(whole.text()) if written_out else cursor.execute(whole.sql(), whole.params)
    found = [n for (n,) in rows.fetchall()]
    assert len(found) == len(set(found))
    return {PEOPLE[n] for n in found}


def drawn_world(draw: Random, *, far: bool) -> tuple[Engine, World]:
    moment = draw.choice(MOMENTS)
    return small_engine(moment, happenings(draw, moment[0], far=far), profiles(draw))


def hold_against_the_oracle(seed: int, rule_of: Draw, *, far: bool) -> list[set[str]]:
    """Draw a world and rules; whom each rule selects, in bits, in SQL and by brute force."""
    draw = Random(seed)
    engine, world = drawn_world(draw, far=far)
    answers = []
    for number in range(_RULES_PER_WORLD):
        spec = rule_of(draw)
        rule = read_rule(spec)
        assert check(rule, engine.catalogue) == []
        words = sentence(rule, engine.catalogue)
        assert words.zh
        expected = select(spec, world)
        assert chosen(engine, rule) == expected, (seed, spec, words.en)
        assert chosen_by_sql(engine, rule, written_out=number == 0) == expected, (seed, spec, words.en)
        answers.append(expected)
    engine.snapshot.con.close()  # type: ignore[attr-defined]
    return answers


def far_sequence(draw: Random) -> dict[str, AnyValue]:
    return sequence(draw, far=True)


def timed_absence_in_a_span(draw: Random) -> dict[str, AnyValue]:
    """The shape for which the latest start and the furthest reach may be of different moments."""
    kinds = draw.sample(["look", "cart", "buy"], 3) + draw.choice([[], ["cart"]])
    steps: list[dict[str, AnyValue]] = [{"event": kind} for kind in kinds]
    short, long = draw.choice([(10, 20), (10, 30), (20, 40)])
    steps[1] |= {"absent": True, "within": {"n": short, "unit": "minute"}}
    span = {"n": long, "unit": "minute"}
    leaf: dict[str, AnyValue] = {
        "kind": "sequence",
        "steps": steps,
        "within": span,
        "window": {"kind": "ever"},
    }
    return leaf | {"same": draw.choice([[], ["item"]])}


@given(seed=seeds)
@few
def test_a_random_sequence_selects_whom_brute_force_selects(seed: int) -> None:
    hold_against_the_oracle(seed, sequence, far=False)


@given(seed=seeds)
@few
def test_a_random_sequence_over_weeks_selects_whom_brute_force_selects(seed: int) -> None:
    hold_against_the_oracle(seed, far_sequence, far=True)


@given(seed=seeds)
@few
def test_an_absence_with_a_time_of_its_own_in_a_span_selects_whom_brute_force_selects(seed: int) -> None:
    hold_against_the_oracle(seed, timed_absence_in_a_span, far=False)


@given(seed=seeds)
@few
def test_a_random_lifecycle_selects_whom_brute_force_selects(seed: int) -> None:
    hold_against_the_oracle(seed, lifecycle, far=True)


@given(seed=seeds)
@few
def test_a_random_part_selects_whom_the_hash_in_python_selects(seed: int) -> None:
    hold_against_the_oracle(seed, split, far=True)


@given(seed=seeds)
@few
def test_a_random_tree_of_every_kind_selects_whom_brute_force_selects(seed: int) -> None:
    hold_against_the_oracle(seed, tree, far=False)


DRAWS: dict[str, tuple[Draw, bool]] = {
    "near": (sequence, False),
    "far": (far_sequence, True),
    "absence": (timed_absence_in_a_span, False),
    "lifecycle": (lifecycle, True),
    "tree": (tree, False),
}


@pytest.mark.parametrize("kind", DRAWS)
def test_the_draws_tell_people_apart(kind: str) -> None:
    """No oracle: rules that all select nobody would prove nothing."""
    draw, far = DRAWS[kind]
    answers = [found for seed in range(8) for found in hold_against_the_oracle(seed, draw, far=far)]
    telling = [found for found in answers if 0 < len(found) < len(PEOPLE)]
    assert len(telling) >= 0.3 * len(answers), (len(telling), len(answers))


@pytest.mark.long
@pytest.mark.parametrize("kind", DRAWS)
@given(seed=seeds)
@many
def test_many_random_rules_select_whom_brute_force_selects(kind: str, seed: int) -> None:
    draw, far = DRAWS[kind]
    hold_against_the_oracle(seed, draw, far=far)


@given(seed=seeds)
@few
def test_the_algebra_of_sets_holds_for_rules_of_every_kind(seed: int) -> None:
    draw = Random(seed)
    engine, _ = drawn_world(draw, far=False)
    a, b, c = (read_rule(tree(draw)) for _ in range(3))
    everybody = set(PEOPLE)
    in_a, in_b, in_c = (chosen(engine, rule) for rule in (a, b, c))
    assert chosen(engine, Not(a)) == everybody - in_a
    assert chosen(engine, Not(Not(a))) == in_a
    assert chosen(engine, Not(All(a, b))) == chosen(engine, Any(Not(a), Not(b)))
    assert chosen(engine, Not(Any(a, b))) == chosen(engine, All(Not(a), Not(b)))
    assert (
        chosen(engine, All(a, Any(b, c))) == chosen(engine, Any(All(a, b), All(a, c))) == in_a & (in_b | in_c)
    )
    parts = [All(a, b), All(a, Not(b)), All(Not(a), b), All(Not(a), Not(b))]
    assert sum(engine.evaluate(part).count for part in parts) == engine.size  # a partition of everybody
    sizes = engine.evaluate(All(Any(a, b), All(a, b), a, b)).counts
    assert sizes[(0,)] + sizes[(1,)] == sizes[(2,)] + sizes[(3,)]  # |A ∪ B| + |A ∩ B| = |A| + |B|


@given(seed=seeds)
@few
def test_more_time_never_loses_a_person(seed: int) -> None:
    draw = Random(seed)
    engine, _ = drawn_world(draw, far=False)
    leaf = sequence(draw)
    for step in leaf["steps"]:
        step.pop("immediately", None)
        if step.pop("absent", None):
            step.pop("within", None)
    minutes = sorted(draw.sample(range(1, 180), 5))

    def within(n: int) -> dict[str, AnyValue]:
        return {"n": n, "unit": "minute"}

    for grow in (
        lambda n: leaf | {"window": {"kind": "last", **within(n)}},
        lambda n: leaf | {"within": within(n)},
        lambda n: (
            leaf | {"steps": [leaf["steps"][0], leaf["steps"][1] | {"within": within(n)}, *leaf["steps"][2:]]}
        ),
        lambda n: {"kind": "event", "event": "cart", "window": {"kind": "last", **within(n)}, "value": 2},
    ):
        found = [chosen(engine, read_rule(grow(n))) for n in minutes]
        assert all(fewer <= more for fewer, more in pairwise(found))
