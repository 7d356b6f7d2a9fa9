"""What each part of a rule does to its audience's size, held against plain sets of people."""

from __future__ import annotations

from typing import Any as AnyValue

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.audiences import engine_of, explain_count
from qa_lib.audiences.cuts import path_text
from qa_lib.errors import UnknownName
from qa_lib.rules import All, Any, Event, Last, Not, Path, Rule, Tag, read_rule, to_numbers
from qa_lib.rules.model import walk
from qa_lib.workspace import Snapshot

LEAVES: list[dict[str, AnyValue]] = [
    {"kind": "tag", "field": "order_count_365d", "operator": ">", "value": 20},
    {"kind": "tag", "field": "average_order_value", "operator": ">", "value": 40},
    {"kind": "tag", "field": "is_fuel_buyer", "operator": "=", "value": True},
    {"kind": "event", "event": "visit", "window": {"kind": "last", "n": 30, "unit": "day"}},
    {"kind": "attribute", "field": "age_band", "operator": "is set"},
    {"kind": "tag", "field": "recency_days", "operator": "<", "value": 20},
]
RULES = st.recursive(
    st.sampled_from(LEAVES),
    lambda children: st.builds(
        lambda kind, of, negated: {"kind": kind, "of": of, "negated": negated},
        st.sampled_from(["all", "any"]),
        st.lists(children, min_size=1, max_size=4),
        st.booleans(),
    ),
    max_leaves=8,
).map(read_rule)


def people(snapshot: Snapshot, rule: Rule) -> dict[Path, set[int]]:
    found = engine_of(snapshot).evaluate(rule).members
    return {path: set(to_numbers(bits).tolist()) for path, bits in found.items()}


def truth(node: Rule, path: Path, sets: dict[Path, set[int]], person: int, turned: Path) -> bool:
    """One person's answer when one node says the opposite."""
    if isinstance(node, All | Any):
        parts = [truth(c, (*path, i), sets, person, turned) for i, c in enumerate(node.of)]
        answer = (all(parts) if isinstance(node, All) else any(parts)) != node.negated
    else:
        answer = person in sets[path]
    return answer != (path == turned)


@given(RULES)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_each_node_alone_keeps_out_and_lets_in_whom_turning_it_would_move(
    snapshot: Snapshot, rule: Rule
) -> None:
    sets, everybody = people(snapshot, rule), range(snapshot.people_count)
    frame = explain_count(snapshot, rule)
    rows = {row["path"]: row for _, row in frame[frame["kind"] != "start"].iterrows()}
    for path, _ in walk(rule):
        if path_text(path) not in rows:  # a group whose own parts are steps of the whole
            continue
        row = rows[path_text(path)]
        moved = {p for p in everybody if truth(rule, (), sets, p, path) != (p in sets[()])}
        assert row["only_out_count"] == len(moved - sets[()])
        assert row["only_in_count"] == len(moved & sets[()])
        own = len(sets[path])
        assert row["count"] == (len(everybody) - own if row["is_negated"] else own)


@given(RULES)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_steps_take_the_part_of_most_effect_and_end_at_the_audience(snapshot: Snapshot, rule: Rule) -> None:
    sets, everybody = people(snapshot, rule), set(range(snapshot.people_count))
    steps = explain_count(snapshot, rule).dropna(subset=["step"])
    paths = {path_text(path): members for path, members in sets.items()}
    left = [
        everybody - paths[row["path"]] if row["is_negated"] else paths[row["path"]]
        for _, row in steps.iloc[1:].iterrows()
    ]
    is_all = steps["joined"].iloc[0] == "all"
    now = everybody if is_all else set()
    assert steps["remaining_count"].iloc[0] == len(now)
    for i, (_, row) in enumerate(steps.iloc[1:].iterrows()):
        sizes = [len(now & one) if is_all else len(now | one) for one in left[i:]]
        assert row["remaining_count"] == sizes[0] == (min(sizes) if is_all else max(sizes))
        assert row["change_count"] == sizes[0] - len(now)
        now = now & left[i] if is_all else now | left[i]
    assert now == sets[()]


def test_a_rule_of_three_conditions_reads_as_a_table(snapshot: Snapshot) -> None:
    rule = All(
        Tag("order_count_365d", ">", 10),
        Not(Any(Tag("is_fuel_buyer", "=", True), Event("cart", window=Last(30, "day")))),
    )
    frame = explain_count(snapshot, rule)
    assert list(frame["step"].dropna()) == [0, 1, 2, 3]
    assert list(frame.loc[frame["step"].isna(), "path"]) == ["", "1"]
    assert set(frame.loc[frame["is_negated"], "path"]) == {"1.0", "1.1"}
    first = frame[frame["path"] == "1.0"].iloc[0]
    assert first["sentence_en"].startswith("not (")
    assert frame["remaining_count"].dropna().is_monotonic_decreasing
    assert pd.api.types.is_integer_dtype(frame["count"].dtype)


def test_everybody_is_one_part_and_an_unknown_tag_is_named(snapshot: Snapshot) -> None:
    frame = explain_count(snapshot, All())
    assert list(frame["remaining_count"]) == [snapshot.people_count] * 2
    with pytest.raises(UnknownName, match="Did you mean 'recency_days'"):
        explain_count(snapshot, Tag("recency_day", ">", 1))
