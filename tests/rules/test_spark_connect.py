"""Conditions printed for Spark and run by a server that speaks Spark Connect select the workbench's people.

The server is Sail: Spark's protocol and SQL without a JVM. Conditions of every kind are drawn over small worlds
(ties, edges of windows, changes of clocks, missing values) and over the made-up company; the oracle is the
batch engine, which others hold against brute force.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.rules import World
from random_rules import PATTERNS, comparisons, courses, events, rules, seen_values, splits
from small_worlds import (
    CATALOGUE,
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
from spark_server import spark_server
from test_sql_injection import TEXTS

from qa_lib.rules import Engine, Rule, read_rule, to_numbers
from qa_lib.rules.measures import MEASURES
from qa_lib.rules.model import walk
from qa_lib.rules.operators import MEASURE_OPERATORS, OPERATORS, Operator
from qa_lib.rules.spark import SparkEngine, connect
from qa_lib.workspace import export_tables

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

Json = dict[str, Any]
#: Small worlds in the default suite, and in the long one.
WORLDS, MANY_WORLDS = 8, 120


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """A session with a real server."""
    with spark_server(tmp_path_factory.mktemp("sail") / "log.txt") as address:
        session = connect(address)
        yield session
        session.stop()


@pytest.fixture(scope="module")
def on_spark(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Engine], SparkEngine]:
    """The engine on the other side that sees what an engine sees."""

    def other(engine: Engine) -> SparkEngine:
        folder = tmp_path_factory.mktemp("tables") / "export"
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


def hold_a_small_world(seed: int, compared: Compared, on_spark: Callable[[Engine], SparkEngine]) -> None:
    draw = Random(seed)
    far = bool(seed % 2)
    moment = MOMENTS[seed % len(MOMENTS)]
    engine, _ = small_engine(moment, happenings(draw, moment[0], far=far), profiles(draw))
    specs = [*draw.sample(every_operator(draw), 12), *draw.sample(every_measure(draw, far=far), 16)]
    specs += [sequence(draw, far=far) for _ in range(12)] + [lifecycle(draw) for _ in range(6)]
    specs += [split(draw) for _ in range(2)] + [tree(draw) for _ in range(3)]
    compared.hold(engine, on_spark(engine), specs)
    engine.snapshot.con.close()  # type: ignore[attr-defined]


def test_x(on_spark) -> None:
    c = Compared()
    for seed in range(WORLDS):
        hold_a_small_world(seed, c, on_spark)
    print(c.counts, len(c.kinds), len(c.telling))
