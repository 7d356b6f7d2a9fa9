"""`refresh`: a thousand audiences over all people, cold and warm, against a DuckDB query per rule."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from measured import Figure, at_least, company, equal, take_turns
from peers import native_duckdb, tables
from random_company_rules import POOL_TAGS, audience, condition

from qa_lib.profiles import catalogue
from qa_lib.rules import Engine

BAR = 20.0
AUDIENCES = 1_000
CONDITIONS = 400
#: How many queries DuckDB runs at each tier; its time is scaled to all.
_SAMPLE = {"S": 200, "M": 60, "L": 20}


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """CPU seconds: DuckDB uses every core, we one."""
    snapshot = company(tier, people)
    engine = Engine(snapshot, catalogue(snapshot))
    database = native_duckdb(tables(snapshot, POOL_TAGS))
    rng = np.random.default_rng(17)
    pool = list({c.rule.hash: c for c in (condition(rng, events=True) for _ in range(CONDITIONS))}.values())
    audiences = [audience(rng, pool) for _ in range(AUDIENCES)]
    sample = audiences[: _SAMPLE[tier]]

    def ours() -> list[int]:
        return [engine.evaluate(a.rule).count for a in audiences]

    def theirs() -> list[int]:
        return [database.execute(a.query).fetchall()[0][0] for a in sample]

    cold = take_turns({"cold": lambda: (engine.forget(), ours())}, 1)["cold"]
    equal("audiences", {"ours": ours()[: len(sample)], "DuckDB": theirs()})
    took = take_turns({"warm": ours, "DuckDB": theirs}, 3)
    scaled = took["DuckDB"].cpu / 1000 * AUDIENCES / len(sample)
    warm = took["warm"].cpu / 1000
    say(f"{len(pool)} conditions; DuckDB over {len(sample)} of {AUDIENCES} audiences")
    say(
        f"warm wall ms: {[round(ms) for ms in took['warm'].wall_ms]}, CPU ms: {[round(ms) for ms in took['warm'].cpu_ms]}"
    )
    return [
        Figure("cold", cold.cpu / 1000, "CPU s"),
        Figure("warm", warm, "CPU s"),
        Figure("DuckDB, a query per audience", scaled, "CPU s", "DuckDB"),
        Figure("DuckDB : cold", scaled / (cold.cpu / 1000), "x", "DuckDB"),
        at_least("DuckDB : warm", scaled / warm, "x", "DuckDB", BAR),
    ]
