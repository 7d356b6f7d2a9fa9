"""`spark`: tags and identity on servers that speak Spark Connect, beside the same here: processor time and memory.

Sail always; Spark itself where it is installed (`.ci/setup long`, or `QA_SPARK_HOME`).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from bench_identity import drawn
from measured import FOLDER, Figure, WrongAnswer, company
from pyarrow import parquet
from tag_peers import bench_tags

from qa_lib.identity.components import Components
from qa_lib.identity.spark_components import Workbench, components_on
from qa_lib.profiles import catalogue
from qa_lib.profiles.kernels import by_event, compute, event_rows
from qa_lib.profiles.spark_families import build_tags_on
from qa_lib.rules.spark import spark_session
from qa_lib.workspace import Snapshot, export_tables

sys.path.insert(0, str(Path(__file__).parents[1]))
from spark_server import Address, running_server, running_spark, spark_home

#: The kinds of events whose tags are built; `QA_SPARK_EVENTS=purchase,browse` names others.
EVENTS = tuple(
    os.environ.get("QA_SPARK_EVENTS", "browse,cart,favourite,share,purchase,search,login").split(",")
)
LINKS = {"S": 100_000, "M": 1_000_000, "L": 10_000_000}
SERVERS = ("Sail", "Spark")
#: So many tags of each kind of event are compared value by value.
_COMPARED = 12


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Seconds of wall clock, processor seconds of the server and of this process, and the server's peak."""
    snapshot = company(tier, people)
    links = people or LINKS[tier]
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="spark-", dir=FOLDER))
    figures = [Figure("people", float(snapshot.people_count), "people")]
    try:
        tags = _tags(snapshot)
        started = time.process_time()
        files = export_tables(
            snapshot, folder / "tables", only=("people", *(f"event_{e}" for e in by_event(tags)))
        )
        figures.append(Figure("export of people and events, CPU", time.process_time() - started, "CPU s"))
        size = sum(file.stat().st_size for file in files)
        figures.append(Figure("people and events as Parquet", size / snapshot.people_count, "bytes a person"))
        sampled, used = _ours(snapshot, tags)
        figures.append(Figure("tags here, CPU", used, "CPU s"))
        say(f"{len(tags):,} tags here: {used:.2f} CPU s; tables {size / 1e6:,.0f} MB")
        size, left, right = drawn(links)
        started = time.process_time()
        found = Components(size, left, right).all()
        figures.append(Figure(f"{links:,} links here, CPU", time.process_time() - started, "CPU s"))
        parquet.write_table(pa.table({"a": left, "b": right}), folder / "links.parquet")
        for name, server in _servers(folder):
            with server as address:
                figures += _tags_there(name, address, folder, tags, sampled, say)
                figures += _links_there(name, address, folder, found, links, say)
                figures.append(Figure(f"{name}, peak memory", address.peak_mb, "MB"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return figures


def _servers(folder: Path) -> list[tuple[str, AbstractContextManager[Address]]]:
    found: list[tuple[str, AbstractContextManager[Address]]] = []
    if "Sail" in SERVERS:
        found.append(("Sail", running_server(folder / "sail.txt")))
    if "Spark" in SERVERS and (spark_home() / "bin").exists():
        (folder / "spark").mkdir()
        found.append(("Spark", running_spark(folder / "spark", partitions=8, brief=False)))
    return found


def _tags(snapshot: Snapshot) -> tuple[Any, ...]:
    common = {
        (event, prop): [v for v, _ in pairs]
        for name, pairs in snapshot.meta["values"].items()
        for event, _, prop in [name.partition(".")]
    }
    tags = bench_tags({e.name: e for e in catalogue(snapshot).events}, common)
    return tuple(tag for tag in tags if tag.event in EVENTS)


def _ours(snapshot: Snapshot, tags: tuple[Any, ...]) -> tuple[dict[str, np.ndarray], float]:
    """Some tags in full, and the processor seconds of all."""
    kept: dict[str, np.ndarray] = {}
    started = time.process_time()
    for event, of_event in by_event(tags).items():
        rows = event_rows(event, snapshot.columns.array)
        every = max(1, len(of_event) // _COMPARED)
        chosen = {tag.name for tag in of_event[::every]}
        for tag, cells in compute(rows, of_event, snapshot.people_count, snapshot.as_of, snapshot.zone):
            if tag.name in chosen:
                values = np.full(snapshot.people_count, 0.0 if tag.spec.zero else np.nan)
                values[cells.people] = cells.values / 10**cells.scale
                kept[tag.name] = values
    return kept, time.process_time() - started


def _tags_there(
    name: str, address: Address, folder: Path, tags: tuple[Any, ...], ours: dict[str, np.ndarray], say: Any
) -> list[Figure]:
    session = spark_session(address)
    out = folder / f"tags_{name}"
    used, at = address.cpu_seconds, time.perf_counter()
    build_tags_on(session, str(folder / "tables"), str(out), tags)
    took, used = time.perf_counter() - at, address.cpu_seconds - used
    say(f"{name}: {len(tags):,} tags in {took:.1f} s, {used:.1f} CPU s, peak {address.peak_mb:,.0f} MB")
    for event, of_event in by_event(tags).items():
        chosen = [tag.name for tag in of_event if tag.name in ours]
        table = parquet.read_table(out / f"tags_{event}.parquet", columns=["person_no", *chosen])
        order = np.argsort(table["person_no"].to_numpy())
        for column in chosen:
            theirs = table[column].cast(pa.float64()).to_numpy(zero_copy_only=False)[order]
            if not np.allclose(theirs, ours[column], rtol=1e-9, equal_nan=True):
                raise WrongAnswer(f"{column}: {name} and the workbench disagree")
    size = sum(file.stat().st_size for file in out.rglob("*.parquet"))
    session.stop()
    people = len(next(iter(ours.values())))
    return [
        Figure(f"tags, {name}", took, "s", name),
        Figure(f"tags, {name}, CPU", used, "CPU s", name),
        Figure(f"tags as Parquet, {name}", size / people, "bytes a person", name),
    ]


def _links_there(
    name: str, address: Address, folder: Path, ours: np.ndarray, links: int, say: Any
) -> list[Figure]:
    session = spark_session(address)
    bench = Workbench(session, str(folder / f"work_{name}"))
    used, at = address.cpu_seconds, time.perf_counter()
    view, rounds = components_on(
        bench, bench.show("given", session.read.parquet(str(folder / "links.parquet")))
    )
    took, used = time.perf_counter() - at, address.cpu_seconds - used
    say(f"{name}: {links:,} links in {took:.1f} s, {used:.1f} CPU s, {rounds} rounds")
    stars = session.sql(f"SELECT a, b FROM {view}").toArrow()
    theirs = np.arange(len(ours))
    theirs[stars["a"].to_numpy()] = stars["b"].to_numpy()
    smallest = np.full(ours.max() + 1, len(ours))
    np.minimum.at(smallest, ours, np.arange(len(ours)))
    if not np.array_equal(theirs, smallest[ours]):
        raise WrongAnswer(f"identity: {name} and the workbench disagree who is one person")
    session.stop()
    return [
        Figure(f"links, {name}", took, "s", name),
        Figure(f"links, {name}, CPU", used, "CPU s", name),
        Figure(f"links, {name}, rounds", float(rounds), "rounds", name),
    ]
