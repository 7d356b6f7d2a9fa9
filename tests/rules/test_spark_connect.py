"""Conditions printed for Spark and run by a server that speaks Spark Connect select the workbench's people.

The server is Sail, Spark's protocol and SQL without a JVM; in the long suite also Spark itself. Conditions of every kind are drawn over small worlds
(ties, edges of windows, changes of clocks, missing values) and over the made-up company; the oracle is the
batch engine, which others hold against brute force.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracles.rules import World
from random_rules import PATTERNS, comparisons, courses, events, rules, seen_values, splits
from small_worlds import (
    FIELDS,
    KINDS,
    MOMENTS,
    PEOPLE,
    Happened,
    far_window,
    happenings,
    lifecycle,
    near_window,
    profiles,
    sequence,
    small_engine,
    split,
    tree,
    where,
)
from spark_server import free_port
from test_patterns import PATTERNS as SAID_OTHERWISE
from test_patterns import TEXTS as PATTERN_TEXTS
from test_sql_injection import TEXTS

from qa_lib.errors import CannotExchange, DataError, SpecError, UnknownName
from qa_lib.rules import Engine, Rule, SavedMembers, read_rule, to_numbers
from qa_lib.rules.measures import MEASURES
from qa_lib.rules.model import walk
from qa_lib.rules.operators import MEASURE_OPERATORS, OPERATORS, Operator
from qa_lib.rules.spark import SparkEngine, spark_session
from qa_lib.workspace import export_tables

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

Json = dict[str, Any]
#: Small worlds in the default suite, and in the long one.
WORLDS, MANY_WORLDS = 6, 10
#: And on Spark itself, which takes longer over each query.
REAL_WORLDS = 4
PATTERNS_OF_LIFE = ("first_time", "stopped", "restarted", "regularly")
few = settings(
    max_examples=8,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.fixture(scope="module")
def spark(spark_address: str) -> Iterator[SparkSession]:
    """A session with a real server."""
    session = spark_session(spark_address)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def on_spark(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Engine], SparkEngine]:
    """The engine on the other side that sees what an engine sees."""
    return exported(spark, tmp_path_factory)


@pytest.fixture(scope="module")
def on_real_spark(
    real_spark_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Engine], SparkEngine]]:
    """The same on Spark itself."""
    session = spark_session(real_spark_address)
    yield exported(session, tmp_path_factory)
    session.stop()


def exported(spark: SparkSession, folders: pytest.TempPathFactory) -> Callable[[Engine], SparkEngine]:
    def other(engine: Engine) -> SparkEngine:
        folder = folders.mktemp("tables") / "export"
        export_tables(engine.snapshot, folder)
        return SparkEngine(spark, str(folder), engine.snapshot, engine.catalogue)

    return other


@pytest.fixture(scope="module")
def company(engine: Engine, on_spark: Callable[[Engine], SparkEngine]) -> SparkEngine:
    return on_spark(engine)


class Compared:
    """How many different conditions were compared, by kind, and how many told people apart."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.telling: set[str] = set()

    def hold(self, engine: Engine, other: SparkEngine, specs: Iterable[Json]) -> None:
        """Both engines select the same people by each of these rules."""
        found = [read_rule(spec) for spec in specs]
        other.fetch(found)
        for rule in found:
            ours, theirs = (to_numbers(e.evaluate(rule).members[()]).tolist() for e in (engine, other))
            assert theirs == ours, rule.to_json()
            for _, node in walk(rule):
                if node.kind not in ("all", "any"):
                    self.kinds[node.hash] = kind_of(node)
                    if 0 < engine.evaluate(node).count < engine.size:
                        self.telling.add(node.hash)

    @property
    def telling_share(self) -> float:
        """Of conditions that select some people but not all."""
        return len(self.telling) / len(self.kinds)

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.kinds.values())


def kind_of(leaf: Rule) -> str:
    match leaf.kind:
        case "event":
            return f"event {leaf.measure.kind}"  # type: ignore[union-attr]
        case "lifecycle":
            return f"lifecycle {leaf.pattern}"  # type: ignore[union-attr]
        case "attribute" | "tag":
            return f"field {leaf.operator}"  # type: ignore[union-attr]
        case kind:
            return kind


# -- conditions over small worlds ------------------------------------------------------------------

VALUES: dict[str, list[Any]] = {
    "number": [-1, 0, 3, 2.5, 10, 1e-7, 12345678.9],
    "text": ["", "GROCERY", "果蔬", "a%b", "a'b", "\\", "%", "_", "x\0" + "12", "\n"],
    "boolean": [True, False],
    "date": ["1988-02-29", "1990-02-28", "1990-03-01", "2017-03-12"],
    "list": ["A", "B", "C", "a'b\\"],
}
FILTERED = [("item", "text"), ("size", "number"), ("gift", "boolean"), ("due_on", "date")]


def compared(draw: Random, name: str, kind: str, op: Operator, type: str) -> Json:
    """A condition on one field by one operator."""
    leaf: Json = {"kind": kind, "field": name, "operator": op.key}
    several = sorted({draw.choice(VALUES[type]) for _ in range(3)})
    one = draw.choice(PATTERNS) if op.key == "matches" else draw.choice(VALUES[type])
    values = {
        "none": None,
        "one": one,
        "two": [several[0], several[-1]],
        "many": several,
        "window": {"kind": "last", "n": draw.randint(1, 400), "unit": draw.choice(["day", "week", "month"])},
        "days": draw.randint(0, 364),
    }
    if op.arity != "none":
        leaf["value"] = values[op.arity]
        if draw.random() < 0.5:
            leaf["missing"] = draw.choice(["include", "exclude"])
    return leaf


def every_operator(draw: Random) -> list[Json]:
    """A condition for each type and operator."""
    return [
        compared(draw, f.name, f.kind, op, f.type) for f in FIELDS for op in OPERATORS if f.type in op.types
    ]


def every_measure(draw: Random, *, far: bool) -> list[Json]:
    """A condition for each measure and comparison, in windows of any kind."""
    made = []
    for measure in MEASURES:
        for op in MEASURE_OPERATORS:
            leaf: Json = {"kind": "event", "event": draw.choice(KINDS), "measure": {"kind": measure.key}}
            if measure.needs != "nothing":
                fitting = ["size"] if measure.needs == "number" else [name for name, _ in FILTERED]
                leaf["measure"]["property"] = draw.choice(fitting)
            numbers = sorted(draw.sample([0, 1, 1.5, 4 / 3, 2, 3, 5, 8], 2))
            leaf |= {"operator": op.key, "value": numbers if op.arity == "two" else numbers[0]}
            leaf["window"] = far_window(draw) if far else near_window(draw)
            if draw.random() < 0.5:
                leaf["where"] = filtered(draw) if draw.random() < 0.5 else where(draw)
            if draw.random() < 0.25:
                leaf["missing"] = draw.choice(["include", "exclude"])
            made.append(leaf)
    return made


def filtered(draw: Random) -> Json:
    """A filter by any operator on any property, in a group."""
    of = []
    for _ in range(draw.randint(1, 3)):
        name, type = draw.choice(FILTERED)
        of.append(
            compared(draw, name, "attribute", draw.choice([o for o in OPERATORS if type in o.types]), type)
        )
    return {"kind": draw.choice(["all", "any"]), "of": of, "negated": draw.random() < 0.3}


def hold_a_small_world(
    seed: int, compared: Compared, on_spark: Callable[[Engine], SparkEngine], courses_each: int
) -> None:
    draw = Random(seed)
    far = bool(seed % 2)
    moment = MOMENTS[seed % len(MOMENTS)]
    engine, _ = small_engine(moment, happenings(draw, moment[0], far=far), profiles(draw))
    specs = draw.sample(every_measure(draw, far=far), 20)
    specs += [sequence(draw, far=far) for _ in range(courses_each)]
    specs += [lifecycle(draw) for _ in range(courses_each)]
    specs += [split(draw), tree(draw), tree(draw, 3)]
    compared.hold(engine, on_spark(engine), specs)
    engine.snapshot.con.close()  # type: ignore[attr-defined]


def test_conditions_on_events_select_the_same_people(on_spark: Callable[[Engine], SparkEngine]) -> None:
    compared = Compared()
    for seed in range(WORLDS):
        hold_a_small_world(seed, compared, on_spark, 7)
    expected = {f"event {m.key}" for m in MEASURES} | {f"lifecycle {p}" for p in PATTERNS_OF_LIFE}
    assert expected | {"sequence", "split"} <= set(compared.counts)
    assert sum(compared.counts.values()) >= 150
    assert compared.telling_share >= 0.3


def test_every_operator_of_every_type_selects_the_same_people(
    on_spark: Callable[[Engine], SparkEngine],
) -> None:
    draw = Random(0)
    compared = Compared()
    for moment in (MOMENTS[0], MOMENTS[2]):
        engine, _ = small_engine(moment, [], profiles(draw))
        compared.hold(engine, on_spark(engine), [leaf for _ in range(2) for leaf in every_operator(draw)])
        engine.snapshot.con.close()  # type: ignore[attr-defined]
    assert {f"field {op.key}" for op in OPERATORS} == set(compared.counts)
    assert sum(compared.counts.values()) >= 120
    assert compared.telling_share >= 0.3


def test_conditions_over_the_company_select_the_same_people(
    engine: Engine, company: SparkEngine, company_world: World
) -> None:
    """Amounts are decimals here, rates doubles, and fields, events and properties as many as there are."""
    fields = [comparisons(f, seen_values(company_world, f)) for f in engine.catalogue.fields]
    kinds = [events(e, company_world) for e in engine.catalogue.events]
    one = st.one_of(
        st.sampled_from(fields).flatmap(lambda s: s),
        st.sampled_from(kinds).flatmap(lambda s: s),
        courses(engine.catalogue, company_world),
        splits(),
    )
    compared = Compared()

    @few
    @given(specs=st.lists(one, min_size=12, max_size=12))
    def hold(specs: list[Json]) -> None:
        compared.hold(engine, company, specs)

    hold()
    kinds_seen = {kind.split()[0] for kind in compared.counts}
    assert kinds_seen == {"field", "event", "sequence", "lifecycle", "split"}
    assert sum(compared.counts.values()) >= 60
    assert compared.telling_share >= 0.3


def test_random_rules_select_the_same_people(
    engine: Engine, company: SparkEngine, company_world: World
) -> None:
    seen: dict[str, int] = {}

    @few
    @given(specs=st.lists(rules(engine.catalogue, company_world), min_size=4, max_size=4))
    def hold(specs: list[Json]) -> None:
        for rule in map(read_rule, specs):
            ours, theirs = engine.evaluate(rule), company.evaluate(rule)
            assert theirs.counts == ours.counts, rule.to_json()
            assert to_numbers(theirs.members[()]).tolist() == to_numbers(ours.members[()]).tolist()
            seen[rule.hash] = theirs.count

    hold()
    assert len(seen) >= 20
    assert sum(0 < count < engine.size for count in seen.values()) >= 0.3 * len(seen)


@pytest.mark.long
@pytest.mark.parametrize("block", range(10))
def test_thousands_of_conditions_select_the_same_people(
    block: int, on_spark: Callable[[Engine], SparkEngine]
) -> None:
    compared = Compared()
    for seed in range(1_000 + block * MANY_WORLDS, 1_000 + (block + 1) * MANY_WORLDS):
        hold_a_small_world(seed, compared, on_spark, 10)
    assert sum(compared.counts.values()) >= 30 * MANY_WORLDS
    assert compared.telling_share >= 0.3


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2_000, 2_000 + REAL_WORLDS))
def test_spark_itself_selects_the_same_people(
    seed: int, on_real_spark: Callable[[Engine], SparkEngine]
) -> None:
    compared = Compared()
    hold_a_small_world(seed, compared, on_real_spark, 7)
    assert sum(compared.counts.values()) >= 25
    assert compared.telling_share >= 0.2


@pytest.mark.long
def test_every_operator_selects_the_same_people_on_spark_itself(
    on_real_spark: Callable[[Engine], SparkEngine],
) -> None:
    test_every_operator_of_every_type_selects_the_same_people(on_real_spark)


@pytest.mark.long
def test_any_text_and_pattern_finds_the_same_on_spark_itself(
    on_real_spark: Callable[[Engine], SparkEngine],
) -> None:
    test_any_text_as_a_value_matches_what_equals_it(on_real_spark)
    test_patterns_find_the_same_texts(on_real_spark)


# -- texts and patterns ----------------------------------------------------------------------------


def test_any_text_as_a_value_matches_what_equals_it(on_spark: Callable[[Engine], SparkEngine]) -> None:
    as_of = MOMENTS[0][0]
    ten = timedelta(minutes=10)
    bought = [Happened(i % len(PEOPLE), "buy", as_of - ten, t, None, None, None) for i, t in enumerate(TEXTS)]
    engine, _ = small_engine(MOMENTS[0], bought)
    operators = ["=", "contains", "=", "starts with", "=", "ends with"]
    leaves = [
        {"kind": "attribute", "field": "item", "operator": operators[i % 6], "value": text}
        for i, text in enumerate(TEXTS)
    ]
    specs = [
        {"kind": "event", "event": "buy", "where": {"kind": "all", "of": [leaf]}, "operator": "=", "value": 1}
        for leaf in leaves
    ]
    specs += [{"kind": "split", "salt": t, "low": 0, "high": 0.5} for t in TEXTS[::7] if 0 < len(t) <= 200]
    compared = Compared()
    compared.hold(engine, on_spark(engine), specs)
    assert compared.counts["event count"] >= len(TEXTS)
    assert compared.telling_share >= 0.9
    engine.snapshot.con.close()  # type: ignore[attr-defined]


def test_patterns_find_the_same_texts(on_spark: Callable[[Engine], SparkEngine]) -> None:
    as_of = MOMENTS[0][0]
    bought = []
    for i, text in enumerate(PATTERN_TEXTS):  # each text is at another number of minutes, and told by it
        at = as_of - timedelta(minutes=i + 1)
        bought.append(Happened(i % len(PEOPLE), "buy", at, text, None, None, None))
    engine, _ = small_engine(MOMENTS[0], bought)
    specs = []
    for pattern in SAID_OTHERWISE:
        found = {"kind": "attribute", "field": "item", "operator": "matches", "value": pattern}
        leaf: Json = {"kind": "event", "event": "buy", "where": {"kind": "all", "of": [found]}}
        for least in (1, 2, 4):
            specs.append(leaf | {"value": least})
    compared = Compared()
    compared.hold(engine, on_spark(engine), specs)
    assert compared.telling_share >= 0.3
    engine.snapshot.con.close()  # type: ignore[attr-defined]


# -- what cannot be ----------------------------------------------------------------------------------


def test_a_pattern_that_engines_read_differently_is_refused(company: SparkEngine) -> None:
    with pytest.raises(CannotExchange, match="run the rule in the workbench's own engine"):
        company.evaluate(read_rule(matching(r"\bGRO")))


def matching(pattern: str) -> Json:
    return {"kind": "attribute", "field": "age_band", "operator": "matches", "value": pattern}


def test_a_rule_that_does_not_fit_is_refused_before_anything_is_asked(company: SparkEngine) -> None:
    with pytest.raises(UnknownName, match="age_bend"):
        company.evaluate(read_rule(matching("x") | {"field": "age_bend"}))
    with pytest.raises(SpecError, match="saved audience"):
        company.evaluate(read_rule({"kind": "audience", "audience": "VIP"}))


def test_members_of_saved_audiences_come_from_the_workbench(engine: Engine, company: SparkEngine) -> None:
    members = engine.evaluate(read_rule({"kind": "split", "salt": "s", "low": 0, "high": 0.5})).members[()]
    other = SparkEngine(
        company.session,
        company.tables,
        engine.snapshot,
        engine.catalogue,
        lambda audience, version: SavedMembers(3, members),
    )
    found = other.evaluate(read_rule({"kind": "audience", "audience": "half", "member": False}))
    assert found.count == engine.size - int(np.bitwise_count(members).sum())
    assert found.audience_versions == {(): ("half", 3)}


def test_conditions_are_asked_once(engine: Engine, company: SparkEngine) -> None:
    spec = {"kind": "split", "salt": "asked once", "low": 0, "high": 0.5}
    rule = read_rule({"kind": "any", "of": [spec, spec, spec | {"high": 0.25}]})
    assert company.evaluate(rule).conditions_run == 2
    assert company.evaluate(rule).conditions_run == 0


def test_tables_of_another_snapshot_or_nowhere_are_refused(
    company: SparkEngine, on_spark: Callable[[Engine], SparkEngine], tmp_path: Path
) -> None:
    small, _ = small_engine(MOMENTS[0], [])
    with pytest.raises(DataError, match="are of the snapshot"):
        SparkEngine(company.session, company.tables, small.snapshot, small.catalogue)
    with pytest.raises(DataError, match="by a path that the server can read"):
        SparkEngine(company.session, str(tmp_path / "none"), small.snapshot, small.catalogue)
    small.snapshot.con.close()  # type: ignore[attr-defined]


def test_an_address_without_a_server_is_an_error_at_once() -> None:
    with pytest.raises(SpecError, match="sc://host"):
        spark_session("http://127.0.0.1:1")
    with pytest.raises(DataError, match="No Spark Connect server answers"):
        spark_session(f"sc://127.0.0.1:{free_port()}")
