"""`preview`: the twelve rules with nothing cached, against hand-written DuckDB, chDB, Polars and pandas."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any
from unittest.mock import patch

from measured import Figure, Timing, at_most, company, equal, take_turns
from peers import PandasPeer, PolarsPeer, native_duckdb, tables
from twelve_rules import RULES, SQL, USED_TAGS, over_frames

from qa_lib.profiles import catalogue
from qa_lib.rules import Engine
from qa_lib.workspace import Snapshot
from qa_lib.workspace.leaves import LeafCache

#: A rule may take so much longer than hand-written DuckDB, at tiers S and M.
BAR = 1.3
_ROUNDS = {"S": 15, "M": 7, "L": 3}


def contenders(
    snapshot: Snapshot, folder: Path, *, frames: bool
) -> tuple[Callable[[str], int], dict[str, dict[str, Callable[[], int]]]]:
    """Ours, which forgets before every rule what it knows, and each peer's answers by rule.

    `frames` asks for the peers that keep everything in memory once more.
    """
    engine = Engine(snapshot, catalogue(snapshot))

    def ours(name: str) -> int:
        engine.forget()
        return engine.evaluate(RULES[name]).count

    found = tables(snapshot, USED_TAGS)
    database = native_duckdb(found)
    peers: dict[str, dict[str, Callable[[], int]]] = {
        "DuckDB": {n: lambda s=sql: database.execute(s).fetchall()[0][0] for n, sql in SQL.items()}
    }
    if importlib.util.find_spec("chdb"):
        from chdb_peer import ChdbPeer

        chdb = ChdbPeer(found, folder)
        peers["chDB"] = {n: lambda n=n: chdb.count(n) for n in SQL}  # type: ignore[misc]
    made: list[tuple[str, Any]] = [("pandas", PandasPeer(found))] if frames else []
    if frames and importlib.util.find_spec("polars"):
        made.append(("Polars", PolarsPeer(found)))
    for title, peer in made:
        peers[title] = {
            n: lambda p=peer, r=rule: p.selected(r())  # type: ignore[misc]
            for n, rule in over_frames(peer).items()
        }
    return ours, peers


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Equal answers first, then each rule in turns; nothing is read from the folder that processes share."""
    snapshot = company(tier, people)
    figures: list[Figure] = []
    ratios: dict[str, list[float]] = {}
    with (
        patch.object(snapshot, "leaves", LeafCache(Path("nowhere"), read_only=True)),
        tempfile.TemporaryDirectory(dir=snapshot.root) as folder,
    ):
        ours, peers = contenders(snapshot, Path(folder), frames=tier != "L")
        for name in RULES:
            runs = {"ours": lambda n=name: ours(n)} | {  # type: ignore[misc]
                title: by_rule[name] for title, by_rule in peers.items() if name in by_rule
            }
            equal(name, {title: one() for title, one in runs.items()})
            slow = {"pandas"} & set(runs)
            took = take_turns({t: r for t, r in runs.items() if t not in slow}, _ROUNDS[tier])
            took |= take_turns({t: runs[t] for t in slow}, 2)
            figures += _of_rule(name, took, bars=tier in ("S", "M"))
            for title in runs:
                ratios.setdefault(title, []).append(took[title].median / took["ours"].median)
            say(
                f"{name}: "
                + ", ".join(f"{t} {one.best:.2f}/{one.median:.2f}/{one.cpu:.2f}" for t, one in took.items())
            )
    figures += [
        Figure(f"geometric mean {title} : ours", exp(fmean(map(log, found))), "x", title)
        for title, found in ratios.items()
        if title != "ours"
    ]
    return figures


def _of_rule(name: str, took: dict[str, Timing], *, bars: bool) -> list[Figure]:
    mine = took["ours"]
    found = [Figure(f"{name} median", mine.median, "ms"), Figure(f"{name} CPU", mine.cpu, "ms")]
    found += [Figure(f"{name} {t} median", one.median, "ms", t) for t, one in took.items() if t != "ours"]
    ratio = mine.median / took["DuckDB"].median
    found.append(
        at_most(f"{name} ours : DuckDB", ratio, "x", "DuckDB", BAR)
        if bars
        else Figure(f"{name} ours : DuckDB", ratio, "x", "DuckDB")
    )
    return found
