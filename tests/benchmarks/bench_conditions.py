"""`conditions`: how a count and an edit grow with the number of conditions, against DuckDB."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import numpy as np
from measured import Figure, company, equal, take_turns, undisturbed
from peers import native_duckdb, tables
from random_company_rules import POOL_TAGS, condition, grouped

from qa_lib.profiles import catalogue
from qa_lib.rules import Engine

CONDITIONS = (1, 5, 20, 50, 100)
_ROUNDS = {"S": 7, "M": 5, "L": 2}
EDITS = 15


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Rules of groups of five, in turn all and any of their conditions, a fourth of these over events."""
    snapshot = company(tier, people)
    engine = Engine(snapshot, catalogue(snapshot))
    database = native_duckdb(tables(snapshot, POOL_TAGS))
    figures: list[Figure] = []
    for count in CONDITIONS:
        rng = np.random.default_rng(29)
        drawn = [condition(rng, events=True) for _ in range(count)]

        def rule(chosen=drawn):  # type: ignore[no-untyped-def]
            groups = [
                grouped(chosen[i : i + 5], any_of=i % 10 == 0, negated=i % 15 == 10)
                for i in range(0, len(chosen), 5)
            ]
            return grouped(groups, any_of=False)

        written = rule()

        def ours(written=written) -> int:  # type: ignore[no-untyped-def]
            engine.forget()
            return engine.evaluate(written.rule).counts[()]

        def theirs(written=written) -> int:  # type: ignore[no-untyped-def]
            return int(database.execute(written.query).fetchall()[0][0])

        equal(f"{count} conditions", {"ours": ours(), "DuckDB": theirs()})
        took = take_turns({"ours": ours, "DuckDB": theirs}, _ROUNDS[tier])
        edits, lost = [], []
        for _ in range(EDITS):
            drawn[int(rng.integers(count))] = condition(rng, events=False)
            edited = rule()
            once = take_turns({"edit": lambda e=edited: engine.evaluate(e.rule).counts}, 1)["edit"]
            edits.append(once.best)
            lost.append(once.waited_ms[0])
        say(f"{count} conditions: {took['ours'].undisturbed:.2f} ms, DuckDB {took['DuckDB'].median:.1f} ms")
        figures += [
            Figure(f"nothing known, {count} conditions", took["ours"].undisturbed, "ms"),
            Figure(f"nothing known, {count} conditions, DuckDB", took["DuckDB"].median, "ms", "DuckDB"),
            Figure(f"an edit, {count} conditions", undisturbed(edits, lost), "ms"),
            Figure(f"an edit, {count} conditions, worst", max(edits), "ms"),
            Figure(
                f"DuckDB : an edit, {count} conditions", took["DuckDB"].median / statistics.median(edits), "x"
            ),
        ]
    return figures
