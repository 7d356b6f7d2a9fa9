"""One meaning, many engines: bits over columns, bits over SQL, one statement, both matchers, and plain Python.

Each world is a few people with missing values, duplicates, ties and events on window edges, around changes of
clocks; each rule draws on every kind of condition. Worlds and rules come from a seed, which a failure names.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any as AnyValue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.rules import World, select
from small_conditions import any_rule, event_condition, field_condition
from small_worlds import FIELDS, MOMENTS, PEOPLE, Happened, happenings, profiles, small_engine

from qa_lib.profiles.columns import write_bitsets, write_events, write_fields
from qa_lib.rules import Engine, Rule, SavedMembers, check, compile_rule, read_rule, to_numbers
from qa_lib.rules import bits as bit_sets
from qa_lib.rules.matcher import ActiveRule, Matcher, read_people
from qa_lib.rules.native import Native
from qa_lib.workspace import Columns
from qa_lib.workspace.columns import ColumnsWriter
from qa_lib.workspace.draft import Draft

#: Who is in the saved audience `few`, by version.
FEW = {1: {"p0", "p3"}, 2: {"p1", "p2", "p3", "p6"}}
_RULES = 10
US = timedelta(microseconds=1)
few = settings(max_examples=6, deadline=None, derandomize=True, database=None)
many = settings(max_examples=600, deadline=None, database=None)
seeds = st.integers(0, 2**63)


def few_members(audience: str, version: int | None) -> SavedMembers:
    assert audience == "few"
    assert version is not None
    inside = [n for n, person in enumerate(PEOPLE) if person in FEW[version]]
    return SavedMembers(version, bit_sets.from_numbers(inside, len(PEOPLE)))


def drawn_world(draw: Random, *, far: bool) -> tuple[Engine, World]:
    moment = draw.choice(MOMENTS)
    events = sorted(happenings(draw, moment[0], far=far), key=lambda e: e.at)  # as a build lays them down
    engine, world = small_engine(moment, events, profiles(draw))
    engine.audiences = few_members
    world.audiences["few"] = FEW
    con = engine.snapshot.con  # type: ignore[attr-defined]
    con.execute(
        "CREATE TABLE audience_members (audience VARCHAR, version INT, is_active BOOL, person_no INT)"
    )
    rows = [("few", v, v == 2, PEOPLE.index(p)) for v, inside in FEW.items() for p in inside]
    con.executemany("INSERT INTO audience_members VALUES (?, ?, ?, ?)", rows)
    return engine, world


def over_columns(engine: Engine, folder: Path) -> Native:
    """The kernels over the columns that a build would keep of this world."""
    snapshot = engine.snapshot
    draft = Draft(snapshot.con, snapshot.as_of, snapshot.zone, {}, columns=ColumnsWriter(folder))  # type: ignore[attr-defined]
    write_bitsets(draft, [f.name for f in FIELDS if f.type == "boolean"])
    write_fields(draft, [f.name for f in FIELDS if f.type not in ("boolean", "list")])
    write_events(draft, engine.catalogue.events)
    draft.columns.close()
    return Native(engine.catalogue, Columns(folder), snapshot.as_of, snapshot.zone, engine.size)


def people_of(numbers: AnyValue) -> set[str]:
    return {PEOPLE[n] for n in numbers}


def by_statement(engine: Engine, rule: Rule) -> set[str]:
    whole = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
    rows = engine.snapshot.cursor().execute(whole.sql(), whole.params).fetchall()
    return people_of(n for (n,) in rows)


def hold_all_engines_together(seed: int, *, far: bool) -> list[set[str]]:
    """Draw a world and rules, and hold all engines together."""
    draw = Random(seed)
    engine, world = drawn_world(draw, far=far)
    specs = [field_condition(draw), event_condition(draw, far=far)]
    specs += [any_rule(draw, far=far) for _ in range(_RULES - len(specs))]
    return hold_together(engine, world, specs, seed)


def hold_together(
    engine: Engine, world: World, specs: list[dict[str, AnyValue]], seed: int = 0
) -> list[set[str]]:
    """Everybody that each rule selects, the same in every engine."""
    rules = [read_rule(spec) for spec in specs]
    as_of = engine.snapshot.as_of
    matcher = Matcher(
        [ActiveRule(f"{n}", rule) for n, rule in enumerate(rules)],
        engine.catalogue,
        engine.snapshot.zone,
        audiences=lambda audience, version: FEW[version or 2],
    )
    people = read_people(engine.snapshot)
    alone = [matcher.match(person, as_of).names for person in people]
    assert [names for _, names in matcher.match_many(people, as_of)] == alone
    with TemporaryDirectory() as folder:
        native = over_columns(engine, Path(folder))
        answers = []
        for number, (spec, rule) in enumerate(zip(specs, rules, strict=True)):
            assert check(rule, engine.catalogue) == [], spec
            expected = select(spec, world)
            told = seed, spec
            engine._native = Native(
                native.catalogue, Columns(Path("nowhere")), as_of, native.zone, native.size
            )
            engine.forget()
            assert people_of(to_numbers(engine.evaluate(rule).members[()])) == expected, told
            engine._native = native
            engine.forget()
            assert people_of(to_numbers(engine.evaluate(rule).members[()])) == expected, told
            assert by_statement(engine, rule) == expected, told
            matched = {p.person_id for p, names in zip(people, alone, strict=True) if f"{number}" in names}
            assert matched == expected, told
            answers.append(expected)
    engine.snapshot.con.close()  # type: ignore[attr-defined]
    return answers


@pytest.mark.parametrize("far", [False, True], ids=["minutes", "months"])
@given(seed=seeds)
@few
def test_random_rules_of_every_kind_select_the_same_people_in_every_engine(far: bool, seed: int) -> None:
    hold_all_engines_together(seed, far=far)


@pytest.mark.long
@pytest.mark.parametrize("far", [False, True], ids=["minutes", "months"])
@given(seed=seeds)
@many
def test_thousands_of_random_rules_select_the_same_people_in_every_engine(far: bool, seed: int) -> None:
    hold_all_engines_together(seed, far=far)


def test_the_rules_drawn_tell_people_apart() -> None:
    """No oracle: rules that all select nobody would prove nothing."""
    answers = [found for seed in range(4) for found in hold_all_engines_together(seed, far=seed % 2 == 0)]
    assert sum(0 < len(found) < len(PEOPLE) for found in answers) >= 0.3 * len(answers)


TEN = {"n": 10, "unit": "minute"}
TWENTY = {"n": 20, "unit": "minute"}
#: Where a limit of ten or twenty minutes lies exactly, and a microsecond to either side.
ON_THE_EDGE: list[dict[str, AnyValue]] = [
    {"steps": [{"event": "look"}, {"event": "buy", "within": TEN}]},
    {"steps": [{"event": "look"}, {"event": "buy"}], "within": TEN},
    {"steps": [{"event": "look"}, {"event": "cart", "absent": True, "within": TEN}, {"event": "buy"}]},
    {
        "steps": [{"event": "look"}, {"event": "cart", "absent": True, "within": TEN}, {"event": "buy"}],
        "within": TWENTY,
    },
    {"steps": [{"event": "look"}, {"event": "cart", "absent": True, "within": TEN}]},
    {"steps": [{"event": "look"}, {"event": "cart", "absent": True}]},
    {"steps": [{"event": "look"}, {"event": "buy", "immediately": True}]},
    {"steps": [{"event": "look"}, {"event": "buy"}], "window": {"kind": "last", **TWENTY}},
]
STOPPED = [
    {
        "kind": "lifecycle",
        "event": "look",
        "pattern": pattern,
        "window": {"kind": "last", **TEN},
        "before": {"kind": "last", **TEN},
    }
    for pattern in ("stopped", "restarted")
]


@pytest.mark.parametrize(
    "ago", [timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=30)], ids=str
)
def test_an_event_on_an_edge_or_a_microsecond_beside_it_counts_alike_in_every_engine(ago: timedelta) -> None:
    """Each person differs in one event only: a look, ten minutes later a cart, twenty minutes later a purchase."""
    as_of = MOMENTS[0][0]
    beside = (-US, 0 * US, US)
    answers = []
    for moved in range(3):
        events = []
        for person, by in enumerate(beside):
            later = (timedelta(0), timedelta(minutes=10), timedelta(minutes=moved * 10))
            for n, (kind, at) in enumerate(zip(("look", "cart", "buy"), later, strict=True)):
                moment = as_of - ago + at + (by if n == moved else timedelta(0))
                events.append(Happened(person, kind, moment, "A", 1, None, None))
        engine, world = small_engine(MOMENTS[0], sorted(events, key=lambda e: e.at))
        specs = [{"kind": "sequence", "window": {"kind": "ever"}, **one} for one in ON_THE_EDGE]
        answers += hold_together(engine, world, [*specs, *STOPPED])
    assert any(0 < len(found & {"p0", "p1", "p2"}) < 3 for found in answers)
