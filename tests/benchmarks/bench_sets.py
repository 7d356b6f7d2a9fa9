"""`sets`: overlap of 24 audiences, a cap check, the counts of every node, and the export of an audience."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from measured import Figure, at_most, company, equal, take_turns
from peers import native_duckdb, tables
from random_company_rules import POOL_TAGS
from twelve_rules import RULES

from qa_lib.profiles import catalogue
from qa_lib.rules import Engine, overlaps, to_numbers
from qa_lib.rules import bits as bit_sets

AUDIENCES = 24
_ROUNDS = {"S": 9, "M": 5, "L": 3}


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Packed bits against DuckDB's filtered counts over boolean columns, and Roaring bitmaps."""
    snapshot = company(tier, people)
    names = POOL_TAGS[:AUDIENCES]
    sets = [np.array(snapshot.columns.bitset(name)) for name in names]
    database = native_duckdb({"person": tables(snapshot, names)["person"]})
    pairs = [(a, b) for a in range(AUDIENCES) for b in range(a, AUDIENCES)]
    filtered = ", ".join(f'count(*) FILTER ("{names[a]}" AND "{names[b]}")' for a, b in pairs)
    engine = Engine(snapshot, catalogue(snapshot))
    engine.evaluate(RULES["R3"])

    def one(sql: str) -> Callable[[], Any]:
        return lambda: database.execute(sql).fetchall()[0]

    works: dict[str, dict[str, Callable[[], Any]]] = {
        "overlap 24 x 24": {
            "ours": lambda: _upper(sets, pairs),
            "DuckDB": lambda: list(one(f"SELECT {filtered} FROM person")()),
        },
        "cap check": {
            "ours": lambda: bit_sets.count(sets[0] & ~sets[1]),
            "DuckDB": lambda: one(f'SELECT count(*) FROM person WHERE "{names[0]}" AND NOT "{names[1]}"')()[
                0
            ],
        },
        "export": {
            "ours": lambda: to_numbers(sets[5]),
            "DuckDB": lambda: database.execute(
                f'SELECT person_no FROM person WHERE "{names[5]}" ORDER BY person_no'
            ).fetchnumpy()["person_no"],
        },
        "counts of every node of R3": {"ours": lambda: len(engine.evaluate(RULES["R3"]).counts)},
    }
    if importlib.util.find_spec("pyroaring"):
        import pyroaring

        roaring = [pyroaring.BitMap(to_numbers(s).astype(np.uint32)) for s in sets]
        works["overlap 24 x 24"]["roaring"] = lambda: [
            roaring[a].intersection_cardinality(roaring[b]) for a, b in pairs
        ]
        works["cap check"]["roaring"] = lambda: roaring[0].difference_cardinality(roaring[1])
        works["export"]["roaring"] = lambda: np.array(roaring[5].to_array())
    figures = []
    for work, contenders in works.items():
        equal(work, {title: np.asarray(run()).astype(int).tolist() for title, run in contenders.items()})
        took = take_turns(contenders, _ROUNDS[tier])
        say(f"{work}: " + ", ".join(f"{t} {o.best:.3f}/{o.median:.3f}/{o.cpu:.3f}" for t, o in took.items()))
        for title, timing in took.items():
            if title == "ours" and work.startswith("overlap"):
                figures.append(at_most(work, timing.best, "ms", "", 50))
            else:
                figures.append(
                    Figure(f"{work}{'' if title == 'ours' else ' ' + title}", timing.median, "ms", title)
                )
    return figures


def _upper(sets: list[Any], pairs: list[tuple[int, int]]) -> list[int]:
    table = overlaps(sets)
    return [int(table[a, b]) for a, b in pairs]
