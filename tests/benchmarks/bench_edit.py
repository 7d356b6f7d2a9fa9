"""`edit`: thirty edits of a rule of twenty conditions, each a new condition, with the count of every node."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
from measured import Figure, at_least, at_most, company, equal, take_turns, undisturbed
from peers import native_duckdb, tables
from random_company_rules import POOL_TAGS, condition, twenty

from qa_lib.profiles import catalogue
from qa_lib.rules import Engine

BARS = {"S": 10.0, "M": 50.0, "L": 100.0}
MEDIAN_BAR = 2.0
EDITS = 30
#: The peers are asked after every so many edits: at L they take seconds each time.
_PEERS_EVERY = {"S": 1, "M": 1, "L": 3}
_PEER_ROUNDS = {"S": 3, "M": 3, "L": 1}


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Every edit replaces one condition by one that was never seen; DuckDB runs the whole rule again.

    The other peer has every condition as a boolean column of a native table already, which takes it
    a scan a condition beforehand that is not counted here.
    """
    snapshot = company(tier, people)
    engine = Engine(snapshot, catalogue(snapshot))
    database = native_duckdb(tables(snapshot, POOL_TAGS))
    rng = np.random.default_rng(11)
    conditions = [condition(rng, events=True) for _ in range(20)]
    engine.evaluate(twenty(conditions).rule)
    ours, lost, rerun, cached, cpu, rerun_cpu = [], [], [], [], [], []
    for edit in range(EDITS):
        seen = {c.rule.hash for c in conditions}
        fresh = next(c for c in iter(lambda: condition(rng, events=True), None) if c.rule.hash not in seen)
        conditions[int(rng.integers(20))] = fresh
        rule = twenty(conditions)
        # the first time is what an edit costs
        once = take_turns({"ours": lambda rule=rule: engine.evaluate(rule.rule).counts}, 1)["ours"]
        ours.append(once.best)
        lost.append(once.waited_ms[0])
        cpu.append(once.cpu)
        if edit % _PEERS_EVERY[tier]:
            continue
        columns = ", ".join(f"({c.sql}) AS c{i}" for i, c in enumerate(conditions))
        database.execute(f"CREATE OR REPLACE TABLE cached AS SELECT {columns} FROM person")
        parts = {c.sql: f"c{i}" for i, c in enumerate(conditions)}
        over_cached = rule.query.replace("FROM person", "FROM cached", 1)
        for sql in sorted(parts, key=len, reverse=True):
            over_cached = over_cached.replace(sql, parts[sql])

        def by_sql(query: str) -> Callable[[], int]:
            return lambda: database.execute(query).fetchall()[0][0]

        equal(
            f"edit {edit}",
            {
                "ours": engine.evaluate(rule.rule).count,
                "DuckDB": by_sql(rule.query)(),
                "cached": by_sql(over_cached)(),
            },
        )
        peers = take_turns({"rerun": by_sql(rule.query), "cached": by_sql(over_cached)}, _PEER_ROUNDS[tier])
        rerun.append(peers["rerun"].median)
        rerun_cpu.append(peers["rerun"].cpu)
        cached.append(peers["cached"].median)
    say(f"ours ms, each edit: {', '.join(f'{ms:.2f}' for ms in ours)}")
    say(f"DuckDB ms, each edit: {', '.join(f'{ms:.1f}' for ms in rerun)}")
    mine, theirs = undisturbed(ours, lost), statistics.median(rerun)
    return [
        Figure("edit best", min(ours), "ms"),
        at_most("edit median", mine, "ms", "", MEDIAN_BAR)
        if tier == "L"
        else Figure("edit median", mine, "ms"),
        Figure("edit worst", max(ours), "ms"),
        Figure("edit CPU", statistics.median(cpu), "ms"),
        Figure("DuckDB, the whole rule again", theirs, "ms", "DuckDB"),
        Figure("DuckDB CPU", statistics.median(rerun_cpu), "ms", "DuckDB"),
        Figure("DuckDB over cached booleans", statistics.median(cached), "ms", "DuckDB"),
        at_least("DuckDB : ours", theirs / mine, "x", "DuckDB", BARS[tier]),
        Figure("cached booleans : ours", statistics.median(cached) / mine, "x", "DuckDB"),
    ]
