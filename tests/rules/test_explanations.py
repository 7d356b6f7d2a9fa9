"""Explanations of single people against pandas and brute force: truths, values, the very events, the steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any as AnyValue

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.journeys import _broken, _follows, _held, follows_the_pattern, length_us, took_the_steps
from oracles.rules import World, _filtered, back, bounds, is_missing, measured, select
from random_rules import rules
from small_worlds import (
    MOMENTS,
    PEOPLE,
    happenings,
    lifecycle,
    sequence,
    small_engine,
)

from qa_lib.audiences.seen import microseconds
from qa_lib.audiences.why import explained
from qa_lib.rules import All, Any, Engine, read_rule
from qa_lib.rules.model import walk

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
few = settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)


Draw = Callable[[Random], dict[str, AnyValue]]


@pytest.fixture(scope="module")
def any_rule(engine: Engine, company_world: World) -> st.SearchStrategy[dict[str, AnyValue]]:
    return rules(engine.catalogue, company_world)


@given(data=st.data())
@few
def test_truths_values_and_events_are_those_of_pandas(
    data: st.DataObject,
    engine: Engine,
    company_world: World,
    any_rule: st.SearchStrategy[dict[str, AnyValue]],
) -> None:
    spec = data.draw(any_rule)
    rule = read_rule(spec)
    number = data.draw(st.integers(0, engine.size - 1))
    person = _person_id(engine, number)
    found = explained(engine, rule, number, person, stamp={})
    assert found.is_in == (person in select(spec, company_world))
    for path, node in walk(rule):
        said = found.node(path)
        if isinstance(node, All | Any):
            assert said.value == sum(found.node((*path, i)).is_true for i in range(len(node.of)))
            continue
        leaf = node.to_dict()
        assert said.is_true == (person in select(leaf, company_world)), leaf
        if node.kind == "event":
            same_number(said.value, leaf, company_world, person)
            same_events(said, leaf, company_world, person)
        elif node.kind in ("attribute", "tag"):
            value = company_world.fields.loc[person, leaf["field"]]
            same_value(said.value, value, money=leaf["field"] in company_world.in_cents)
    json.dumps(found.to_dict(), ensure_ascii=False)
    assert len(found.frame()) == len(found.nodes)
    assert found.text("zh")
    assert found.text("en")
    assert len(found.events()) == sum(len(n.events) for n in found.nodes)


def _person_id(engine: Engine, number: int) -> str:
    sql = "SELECT person_id FROM people WHERE person_no = ?"
    return str(engine.snapshot.cursor().execute(sql, [number]).fetchall()[0][0])


def same_value(said: AnyValue, value: AnyValue, *, money: bool) -> None:
    if is_missing(value):
        assert said is None
    elif isinstance(value, tuple | list):
        assert sorted(said) == sorted(value)
    elif money:
        assert float(said) == pytest.approx(int(value) / 100)
    elif isinstance(value, float) and not isinstance(said, str):
        assert float(said) == pytest.approx(value)
    else:
        assert said == value


def same_number(said: AnyValue, leaf: dict[str, AnyValue], world: World, person: str) -> None:
    expected = measured(leaf, world).get(person)
    if expected is None:
        assert said in (None, 0)
    else:
        assert float(said) == pytest.approx(float(expected))


def same_events(said: AnyValue, leaf: dict[str, AnyValue], world: World, person: str) -> None:
    """The counted events are the newest that pandas counts; those near by are all others."""
    rows = world.facts.events[leaf["event"]]
    start, end = bounds(leaf.get("window", {"kind": "ever"}), world.facts)
    own = rows[rows["person_id"] == person]
    passing = _filtered(own, leaf.get("where"), world)
    inside = passing[(passing["at"] < end) & ((passing["at"] >= start) if start is not None else True)]
    assert said.counted == len(inside)
    counted = [microseconds(e.occurred_at) for e in said.events if e.is_counted]
    assert counted == sorted(inside["at"].tolist())[-20:]
    near = [e for e in said.events if not e.is_counted]
    others = sorted(set(own["at"].tolist()))
    for e in near:
        assert microseconds(e.occurred_at) in others
        assert e.reason.zh
        assert e.reason.en
    assert bool(near) == (len(own) > len(inside))
    missed = passing.drop(inside.index)["at"].tolist()
    late = [m for m in missed if m >= end]
    early = [m for m in missed if start is not None and m < start]
    if missed:  # the very nearest outside the window is among them
        distance = {m: m - end + 1 for m in late} | {m: start - m for m in early}
        assert min(distance, key=lambda m: distance[m]) in [microseconds(e.occurred_at) for e in near]


# -- sequences ---------------------------------------------------------------------------------


def fitting_of(leaf: dict[str, AnyValue], world: World, person: str) -> tuple[list[AnyValue], set[int]]:
    """The moments that fit each step, by the values that must be the same; and every named event's."""
    start, end = bounds(leaf["window"], world.facts)
    fitting: list[dict[tuple[AnyValue, ...], set[int]]] = []
    named: set[int] = set()
    for step in leaf["steps"]:
        rows = world.facts.events[step["event"]]
        rows = rows[rows["person_id"] == person]
        named |= {t for t in rows["at"] if start is None or t >= start}
        found: dict[tuple[AnyValue, ...], set[int]] = {}
        for _, row in _filtered(rows, step.get("where"), world).iterrows():
            values = tuple(row[name] for name in leaf.get("same", []))
            in_window = (start is None or row["at"] >= start) and row["at"] < end
            if not any(is_missing(v) for v in values) and (step.get("absent") or in_window):
                found.setdefault(values, set()).add(row["at"])
        fitting.append(found)
    return fitting, named


def small_world(draw: Random, *, far: bool) -> tuple[Engine, World]:
    moment = draw.choice(MOMENTS)
    return small_engine(moment, happenings(draw, moment[0], far=far))


def near_sequence(draw: Random) -> dict[str, AnyValue]:
    return sequence(draw, far=False)


def far_sequence(draw: Random) -> dict[str, AnyValue]:
    return sequence(draw, far=True)


def timed_absence_in_a_span(draw: Random) -> dict[str, AnyValue]:
    """The shape for which the latest start and the furthest reach may be of different moments."""
    kinds = ["look", "cart", "buy", *draw.choice([[], ["cart"]])]
    steps: list[dict[str, AnyValue]] = [{"event": kind} for kind in kinds]
    steps[1] |= {"absent": True, "within": {"n": draw.choice([10, 20]), "unit": "minute"}}
    span = {"n": draw.choice([20, 30, 40]), "unit": "minute"}
    return {"kind": "sequence", "steps": steps, "within": span, "window": {"kind": "ever"}, "same": []}


@pytest.mark.parametrize("draw_rule", [near_sequence, far_sequence, timed_absence_in_a_span])
@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(i, marks=pytest.mark.long) for i in range(5, 200))]
)
def test_the_steps_shown_are_steps_and_as_many_as_brute_force_takes(seed: int, draw_rule: Draw) -> None:
    draw = Random(seed)
    engine, world = small_world(draw, far=draw_rule is far_sequence)
    for _ in range(5):
        spec = draw_rule(draw)
        rule = read_rule(spec)
        members = select(spec, world)
        for number, person in enumerate(PEOPLE):
            said = explained(engine, rule, number, person, stamp={}).node(())
            assert said.is_true == (person in members)
            fitting, named = fitting_of(spec, world, person)
            happen = [i for i, step in enumerate(spec["steps"]) if not step.get("absent")]
            as_of = world.facts.as_of_us
            reached = 0
            for k, last in enumerate(happen, 1):
                prefix = spec | {"steps": spec["steps"][: last + 1]}
                if took_the_steps(prefix, fitting[: last + 1], named, as_of):
                    reached = k
            assert said.value == reached, (spec, person)
            counted = [e for e in said.events if e.is_counted]
            assert [e.step for e in counted] == [i + 1 for i in happen[:reached]]
            if counted:
                assert_the_steps(spec, counted, fitting, named, as_of, whole=said.is_true)
            if not said.is_true:
                assert ";" in said.words.en
    engine.snapshot.con.close()  # type: ignore[attr-defined]


def assert_the_steps(
    spec: dict[str, AnyValue],
    counted: list[AnyValue],
    fitting: list[AnyValue],
    named: set[int],
    as_of: int,
    *,
    whole: bool,
) -> None:
    """The events that are shown do take the steps, by the words of the rule."""
    steps, same = spec["steps"], spec.get("same", [])
    keys = {tuple(e.properties[name] for name in same) for e in counted}
    assert len(keys) == 1
    times = [f.get(next(iter(keys)), set()) for f in fitting]
    at = {e.step - 1: microseconds(e.occurred_at) for e in counted}
    assert all(t in times[i] for i, t in at.items())
    taken = sorted(at)
    for before, after in pairwise(taken):
        assert _follows(at[before], at[after], steps[after], named)
        assert not any(_broken(j, steps, times, at[before], at[after]) for j in range(before + 1, after))
    span = length_us(spec.get("within"))
    assert span is None or at[taken[-1]] - at[taken[0]] <= span
    if whole:
        assert all(_held(j, steps, times, at[taken[-1]], as_of) for j in range(taken[-1] + 1, len(steps)))


@pytest.mark.parametrize("seed", range(5))
def test_lifecycles_agree_and_regular_periods_are_counted(seed: int) -> None:
    draw = Random(seed)
    engine, world = small_world(draw, far=True)
    facts = world.facts
    for _ in range(6):
        spec = lifecycle(draw)
        rule, members = read_rule(spec), select(spec, world)
        for number, person in enumerate(PEOPLE):
            found = explained(engine, rule, number, person, stamp={})
            said = found.node(())
            assert said.is_true == (person in members)
            assert found.text("en")
            if not said.is_true and spec["pattern"] != "regularly":
                continue
            if spec["pattern"] != "regularly":
                assert any(e.is_counted for e in said.events)
                continue
            rows = facts.events[spec["event"]]
            times = set(_filtered(rows[rows["person_id"] == person], spec.get("where"), world)["at"])
            most = max(
                k
                for k in range(spec["m"] + 1)
                if k == 0
                or follows_the_pattern(
                    spec | {"k": k},
                    times,
                    facts.as_of,
                    facts.zone,
                    lambda window: bounds(window, facts),
                    lambda n, unit: back(facts.as_of, n, unit, facts.zone),
                )
            )
            assert said.value == most == said.counted
    engine.snapshot.con.close()  # type: ignore[attr-defined]
