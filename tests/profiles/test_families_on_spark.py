"""Families as SQL, on DuckDB and on a server that speaks Spark Connect, give the values of the workbench's kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from pyarrow import parquet
from random_families import EVENTS, KINDS, PEOPLE, FamilyWorld, drawn_world

from qa_lib.errors import DataError, SpecError
from qa_lib.profiles.behaviour import BehaviourTag
from qa_lib.profiles.families_sql import family_query
from qa_lib.profiles.kernels import by_event
from qa_lib.profiles.spark_families import build_tags_on
from qa_lib.rules.spark import spark_session

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

Found = dict[str, list[Any]]


@pytest.fixture(scope="module")
def spark(spark_address: str) -> Iterator[SparkSession]:
    session = spark_session(spark_address)
    yield session
    session.stop()


def by_duckdb(world: FamilyWorld) -> Found:
    """The queries over tables in memory."""
    from random_families import arrow

    found: Found = {}
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE people AS SELECT range AS person_no FROM range({PEOPLE})")
        for event, tags in by_event(world.tags).items():
            connection.register("given", arrow(world.frames[event]))
            connection.execute(f"CREATE TABLE event_{event} AS SELECT * FROM given")
            query = family_query(tags, world.as_of, world.zone, table=f"event_{event}").sql(dialect="duckdb")
            rows = connection.execute(f"SELECT * FROM ({query}) ORDER BY person_no").to_arrow_table()
            found |= {tag.name: rows.column(tag.name).to_pylist() for tag in tags}
    return found


def by_spark(session: SparkSession, world: FamilyWorld, folder: Path) -> Found:
    """What the server wrote."""
    world.write(folder / "tables")
    out = folder / "out"
    built = build_tags_on(session, str(folder / "tables"), str(out), world.tags, version=world.version)
    assert set(built.seconds) == set(EVENTS)
    found: Found = {}
    for event, tags in by_event(world.tags).items():
        rows = parquet.read_table(out / f"tags_{event}.parquet").sort_by("person_no")
        assert rows.column("person_no").to_pylist() == list(range(PEOPLE))
        found |= {tag.name: rows.column(tag.name).to_pylist() for tag in tags}
    told = parquet.read_table(out / "tag_catalogue.parquet").to_pylist()
    assert {(row["name"], row["key"]) for row in told} == {(tag.name, tag.key) for tag in world.tags}
    return found


def hold(world: FamilyWorld, found: Found, seen: Counter[str]) -> None:
    """Every value of every tag; how many tags differ between people is counted by measure."""
    for tag, values in world.expected():
        assert same(found[tag.name], values), said(tag, found[tag.name], values)
        if len(set(values)) > 1:
            seen[tag.measure.kind] += 1


def same(one: list[Any], other: list[Any]) -> bool:
    return all(
        (a is None) == (b is None)
        and (a is None or a == b or (isinstance(b, float) and float(a) == pytest.approx(b, rel=1e-12)))
        for a, b in zip(one, other, strict=True)
    )


def said(tag: BehaviourTag, one: list[Any], other: list[Any]) -> str:
    apart = [(n, a, b) for n, (a, b) in enumerate(zip(one, other, strict=True)) if not same([a], [b])]
    return f"{tag.name} {tag.window!r}: person, theirs, ours {apart[:5]}"


def held(worlds: Iterator[FamilyWorld], found: Callable[[FamilyWorld], Found]) -> Counter[str]:
    seen: Counter[str] = Counter()
    for world in worlds:
        hold(world, found(world), seen)
    return seen


def test_the_query_gives_the_kernels_values_on_duckdb() -> None:
    seen = held(map(drawn_world, range(5)), by_duckdb)
    assert set(seen) == set(KINDS)
    assert min(seen.values()) >= 3, seen


def test_a_spark_connect_server_writes_the_kernels_values(spark: SparkSession, tmp_path: Path) -> None:
    seen = held(map(drawn_world, range(3, 5)), lambda world: by_spark(spark, world, tmp_path / world.version))
    assert set(seen) == set(KINDS)
    assert min(seen.values()) >= 1, seen


@pytest.mark.long
def test_many_random_families_on_a_spark_connect_server(spark: SparkSession, tmp_path: Path) -> None:
    numbered = ((n, drawn_world(n)) for n in range(100, 120))
    seen = held(
        (world for _, world in numbered),
        lambda world: by_spark(spark, world, tmp_path / f"{len(list(tmp_path.iterdir()))}"),
    )
    assert set(seen) == set(KINDS)
    assert min(seen.values()) >= 20, seen


@pytest.mark.long
def test_spark_itself_writes_the_kernels_values(real_spark_address: str, tmp_path: Path) -> None:
    session = spark_session(real_spark_address)
    seen = held(map(drawn_world, range(5)), lambda world: by_spark(session, world, tmp_path / world.version))
    session.stop()
    assert set(seen) == set(KINDS)
    assert min(seen.values()) >= 1, seen


def test_what_cannot_be_built_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    world = drawn_world(0)
    world.write(tmp_path / "tables")
    tables, out = str(tmp_path / "tables"), str(tmp_path / "out")
    with pytest.raises(SpecError, match="No tag was given"):
        build_tags_on(spark, tables, out, [])
    with pytest.raises(DataError, match="are of the snapshot drawn-20170312"):
        build_tags_on(spark, tables, out, world.tags, version="another")
    with pytest.raises(DataError, match="by a path that the server can read"):
        build_tags_on(spark, str(tmp_path / "none"), out, world.tags)
    assert not (tmp_path / "out").exists()
    some = [tag for tag in world.tags if tag.event == "buy"][:2]
    build_tags_on(spark, tables, out, some)
    with pytest.raises(DataError, match="The tags over 'buy' could not be written to"):
        build_tags_on(spark, tables, out, some)
