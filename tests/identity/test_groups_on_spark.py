"""Components and groups by a server that speaks Spark Connect are those of this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from qa_lib.errors import DataError, UnknownName
from qa_lib.identity import Policy, group_links
from qa_lib.identity.components import Components
from qa_lib.identity.spark_components import Workbench, components_on
from qa_lib.identity.spark_groups import group_links_on
from qa_lib.rules.spark import spark_session
from qa_lib.tables import LINKS

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

Pairs = list[tuple[int, int]]


@pytest.fixture(scope="module")
def spark(spark_address: str) -> Iterator[SparkSession]:
    session = spark_session(spark_address)
    yield session
    session.stop()


# -- components ------------------------------------------------------------------------------------


def chain(n: int, draw: Random) -> Pairs:
    """Of n links, the names in any order."""
    names = draw.sample(range(n + 1), n + 1)
    return list(pairwise(names))


def star(n: int, centre: int) -> Pairs:
    return [(centre, other) for other in range(n + 1) if other != centre]


def sparse(n: int, links: int, draw: Random) -> Pairs:
    """Links between any two, loops and repeats among them."""
    return [(draw.randrange(n), draw.randrange(n)) for _ in range(links)]


def beside(*graphs: Pairs) -> Pairs:
    """Several graphs as one, none connected to another."""
    found: Pairs = []
    for graph in graphs:
        start = 1 + max((max(pair) for pair in found), default=-1)
        found += [(a + start, b + start) for a, b in graph]
    return found


def held(spark: SparkSession, pairs: Pairs, folder: Path) -> int:
    """The server's components are those of `Components`; how many rounds it took."""
    bench = Workbench(spark, str(folder))
    file = folder / "given.parquet"
    folder.mkdir(parents=True)
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    parquet.write_table(pa.table({"a": left, "b": right}), file)
    view, rounds = components_on(bench, bench.show("given", spark.read.parquet(str(file))))
    size = int(max(left.max(), right.max())) + 1
    ours = Components(size, left, right).all()
    theirs = np.arange(size)
    found = spark.sql(f"SELECT a, b FROM {view}").toArrow()
    theirs[found["a"].to_numpy()] = found["b"].to_numpy()
    smallest = np.full(ours.max() + 1, size)
    np.minimum.at(smallest, ours, np.arange(size))
    assert np.array_equal(theirs, smallest[ours])
    return rounds


def test_chains_stars_and_random_graphs(spark: SparkSession, tmp_path: Path) -> None:
    draw = Random(1)
    graph = beside(
        chain(600, draw), star(200, 0), star(200, 200), star(50, 25), sparse(300, 120, draw), sparse(200, 260, draw),
        [(0, 1), (1, 0), (0, 0)], [(n, n + 1) for n in range(64)],
    )  # fmt: skip
    draw.shuffle(graph)
    assert 2 <= held(spark, graph, tmp_path / "graph") <= 12


@pytest.mark.long
def test_long_chains_take_few_rounds(spark: SparkSession, tmp_path: Path) -> None:
    draw = Random(2)
    rounds = [held(spark, chain(n, draw), tmp_path / str(n)) for n in (10, 1_000, 100_000)]
    assert rounds[2] <= 20
    for seed in range(10):
        draw = Random(seed)
        n = draw.randint(2, 2_000)
        held(spark, sparse(n, draw.randint(1, 2 * n), draw), tmp_path / f"sparse{seed}")


# -- groups ----------------------------------------------------------------------------------------

VALUES = {
    "card": [f"c{n}" for n in range(40)],
    "member": [f"m{n}" for n in range(20)],
    "phone": [f"+86138001380{n:02d}" for n in range(50)],
    "email": [f"某{n}@example.com" for n in range(50)],
    "device": [f"d'{n}" for n in range(60)],
    "cookie": ["everybody's", *(f"k{n}" for n in range(60))],
}
VALUES["phone_sha256"] = [hashlib.sha256(v.encode()).hexdigest() for v in VALUES["phone"]]
VALUES["email_md5"] = [hashlib.md5(v.encode()).hexdigest() for v in VALUES["email"]]
NARROW = Policy(size_cap=9, degree_caps={"cookie": 4, "device": 3, "email": 3})
SEVERAL = Policy(size_cap=30, single_kinds={"card": False, "device": True})


def random_links(seed: int, n: int = 160) -> pd.DataFrame:
    """Links among few identifiers, some shared, some hashed, some seen alone, some at the same moment."""
    draw = Random(seed)

    def end() -> tuple[str, str]:
        name = draw.choice(list(VALUES))
        return name, draw.choice(VALUES[name])

    rows = []
    for _ in range(n):
        left, right = end(), end()
        if draw.random() < 0.1:
            right = left
        if draw.random() < 0.12:
            right = ("cookie", "everybody's")
        at = pd.Timestamp("2017-01-01", tz="UTC") + pd.Timedelta(minutes=draw.randrange(n // 2))
        rows.append((*left, *right, "drawn", at, "generated"))
    return pd.DataFrame(rows, columns=LINKS.column_names)


def write_links(links: pd.DataFrame, file: Path) -> str:
    table = pa.Table.from_pandas(links, preserve_index=False)
    at = table.schema.get_field_index("observed_at")
    table = table.set_column(at, "observed_at", table["observed_at"].cast(pa.timestamp("us", "UTC")))
    parquet.write_table(table, file)
    return str(file)


def parts(frame: pd.DataFrame) -> set[tuple[bool, bool, frozenset[tuple[str, str]]]]:
    """The groups as sets of identifiers, with whether they are shared ones, and held."""
    named = frame.assign(identifier=list(zip(frame["kind"].astype(str), frame["value"], strict=True)))
    return {
        (bool(group < 0), bool(rows["is_held"].any()), frozenset(rows["identifier"]))
        for group, rows in named.groupby("group")
    }


@pytest.mark.parametrize("policy", [Policy(), NARROW, SEVERAL], ids=["usual", "narrow", "several"])
def test_groups_are_those_of_this_machine(spark: SparkSession, policy: Policy, tmp_path: Path) -> None:
    links = random_links(5)
    hold_groups(spark, links, policy, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_many_random_links_group_the_same(spark: SparkSession, seed: int, tmp_path: Path) -> None:
    policy = (Policy(), NARROW, SEVERAL)[seed % 3]
    hold_groups(spark, random_links(seed, 120 + 40 * seed), policy, tmp_path)


@pytest.mark.long
def test_spark_itself_finds_the_same_components_and_groups(real_spark_address: str, tmp_path: Path) -> None:
    session = spark_session(real_spark_address)
    draw = Random(3)
    graph = beside(chain(2_000, draw), star(300, 7), sparse(500, 400, draw))
    assert held(session, graph, tmp_path / "graph") <= 14
    for number, policy in enumerate((Policy(), NARROW, SEVERAL)):
        (tmp_path / str(number)).mkdir()
        hold_groups(session, random_links(20 + number), policy, tmp_path / str(number))
    session.stop()


def hold_groups(spark: SparkSession, links: pd.DataFrame, policy: Policy, folder: Path) -> None:
    told = group_links_on(spark, write_links(links, folder / "links.parquet"), str(folder / "out"), policy)
    theirs = parquet.read_table(folder / "out" / "groups.parquet").to_pandas()
    ours = group_links(links, policy).nodes
    assert parts(theirs) == parts(ours)
    groups = ours[ours["group"] >= 0]["group"].nunique()
    counted = (told.identifiers, told.groups, told.shared, told.held)
    assert counted == (len(ours), groups, int((ours["group"] < 0).sum()), int(ours["is_held"].sum()))
    assert told.contested > 0
    assert told.shared > 0


def test_what_cannot_be_grouped_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    links = random_links(5)
    file = write_links(links, tmp_path / "links.parquet")
    with pytest.raises(DataError, match="say in the policy which kinds"):
        group_links_on(spark, file, str(tmp_path / "few"), most_contested_links=3)
    with pytest.raises(DataError, match="What was asked could not be written"):
        group_links_on(spark, file, str(tmp_path / "few"))
    with pytest.raises(DataError, match="could not be read"):
        group_links_on(spark, str(tmp_path / "none.parquet"), str(tmp_path / "out"))
    odd = write_links(links.assign(left_kind="telephone"), tmp_path / "odd.parquet")
    with pytest.raises(UnknownName, match="telephone"):
        group_links_on(spark, odd, str(tmp_path / "out"))
