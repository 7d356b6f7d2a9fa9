"""The conditions that decide or turn an answer, held against a search over every set of conditions."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any as AnyValue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.audiences.deciding import EXACT_CONDITIONS, conditions, deciding
from qa_lib.rules import All, Any, Path, Rule, Tag, read_rule


def truth(rule: Rule, values: dict[str, bool]) -> bool:
    """The rule by Python's own `all` and `any`."""
    if not isinstance(rule, All | Any):
        return values[rule.field]  # type: ignore[union-attr]
    parts = [truth(child, values) for child in rule.of]
    return (all(parts) if isinstance(rule, All) or not parts else any(parts)) != rule.negated


def by_brute_force(rule: Rule, values: dict[str, bool]) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """Every minimal reason and every minimal change."""
    names = sorted({leaf.field for _, leaf in conditions(rule)})  # type: ignore[union-attr]
    subsets = [
        frozenset(s) for s in chain.from_iterable(combinations(names, k) for k in range(len(names) + 1))
    ]
    now = truth(rule, values)

    def answer(flipped: frozenset[str]) -> bool:
        return truth(rule, {n: v != (n in flipped) for n, v in values.items()})

    turns = {s for s in subsets if answer(s) != now}
    holds = {s for s in subsets if not any(not (t & s) for t in turns)}
    return minimal(holds), minimal(turns)


def minimal(sets: set[frozenset[str]]) -> set[frozenset[str]]:
    return {s for s in sets if not any(other < s for other in sets)}


def named(rule: Rule, sets: tuple[tuple[Path, ...], ...]) -> list[frozenset[str]]:
    leaves = dict(conditions(rule))
    return [frozenset(leaves[p].field for p in one) for one in sets]  # type: ignore[union-attr]


def leaf(name: str) -> dict[str, AnyValue]:
    return {"kind": "tag", "field": name, "operator": "is set"}


def trees(names: str) -> st.SearchStrategy[dict[str, AnyValue]]:
    return st.recursive(
        st.sampled_from(names).map(leaf),
        lambda children: st.builds(
            lambda kind, of, negated: {"kind": kind, "of": of, "negated": negated},
            st.sampled_from(["all", "any"]),
            st.lists(children, min_size=1, max_size=4),
            st.booleans(),
        ),
        max_leaves=9,
    )


def renamed(spec: dict[str, AnyValue], names: list[str]) -> dict[str, AnyValue]:
    """The same tree with a name of its own at every condition."""
    if "of" in spec:
        return spec | {"of": [renamed(child, names) for child in spec["of"]]}
    return spec | {"field": names.pop()}


@given(trees("abcdefg"), st.booleans(), st.lists(st.booleans(), min_size=26, max_size=26))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_all_minimal_sets_are_those_of_a_search_over_every_set(
    spec: dict[str, AnyValue], once: bool, values: list[bool]
) -> None:
    rule = read_rule(renamed(spec, [f"n{i}" for i in range(20)]) if once else spec)
    now = dict(zip([*"abcdefg", *(f"n{i}" for i in range(19, 0, -1))], values, strict=True))
    truths = {path: now[one.field] for path, one in conditions(rule)}  # type: ignore[union-attr]
    reasons, changes = by_brute_force(rule, now)
    found = deciding(rule, truths, limit=10_000)
    assert found.is_exact
    assert set(named(rule, found.reasons)) == reasons
    assert set(named(rule, found.changes)) == changes
    few = deciding(rule, truths, limit=3)
    for some, every in ((few.reasons, reasons), (few.changes, changes)):
        assert [len(s) for s in some] == sorted(len(s) for s in every)[:3]
        assert set(named(rule, some)) <= every


def test_a_person_who_fails_two_of_three_needs_both_and_either_keeps_out() -> None:
    rule = All(Tag("a", "is set"), Tag("b", "is set"), Tag("c", "is set"))
    found = deciding(rule, {(0,): False, (1,): True, (2,): False})
    assert found.changes == (((0,), (2,)),)
    assert found.reasons == (((0,),), ((2,),))


def test_nobody_at_all_has_an_empty_reason_and_no_way_in() -> None:
    found = deciding(All(negated=True), {})
    assert (found.reasons, found.changes) == (((),), ())


@pytest.mark.parametrize("twice", [False, True])
def test_a_long_rule_is_answered_and_says_whether_it_is_exact(twice: bool) -> None:
    pairs = [
        Any(Tag(f"x{i}", "is set"), All(Tag(f"y{i}", "is set"), Tag(f"z{i}", "is set"))) for i in range(30)
    ]
    rule = All(of=(*pairs, pairs[0]) if twice else tuple(pairs))
    assert len(pairs) * 3 > EXACT_CONDITIONS
    found = deciding(rule, {path: False for path, _ in conditions(rule)})
    assert found.is_exact is not twice
    assert all(path[-1] == 0 for path in found.changes[0])
    assert len(found.changes[0]) == 30
    leaves = {p: one.field for p, one in conditions(rule)}  # type: ignore[union-attr]
    for change in found.changes:
        assert truth(rule, {n: n in {leaves[p] for p in change} for n in leaves.values()})
