"""A profile of a load's columns, and how far it has moved from the load before.

Small numbers per column: how much is recorded, how many distinct values, the range, and the shape, as counts in
bins (numbers) or of the commonest values (text). Shapes are compared by the population stability index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from qa_lib.tables import Table
from qa_lib.workspace import quoted

#: About so many rows of a load are looked at; all of them where it has fewer.
PROFILED = 200_000
#: Values of a text whose share is kept; the others are one.
TOP = 20
#: Bins of a number: tenths of the first load that had it.
BINS = 10
#: Below it a share counts as this much, so that a value that is new or gone has a finite weight.
_LEAST_SHARE = 1e-4
_NUMBERS = ("integer", "amount", "number")

Profile = Mapping[str, Mapping[str, Any]]


def profile_columns(
    con: duckdb.DuckDBPyConnection, table: Table, names: Sequence[str], relation: str, before: Profile
) -> dict[str, dict[str, Any]]:
    """What stands in some columns of a table's rows.

    Parameters
    ----------
    relation
        Name of a relation on the connection with these columns under `qa_` and their name.
    before
        The profile of the load before: numbers are counted in its bins, so that the two can be compared.

    Returns
    -------
    dict
        By column: `row_count` (rows that were looked at), `recorded_count`, `distinct_count` (approximate), `low`, `high` (text), `edges` (of
        the bins, numbers only), `counts` (by bin, or by value with the others under an empty name), `drift` (the
        stability index against the load before; none where there is nothing to compare).
    """
    if not names:
        return {}
    parts = [
        f"count({c}), approx_count_distinct({c}), CAST(min({c}) AS VARCHAR), CAST(max({c}) AS VARCHAR)"
        for c in (quoted("qa_" + n) for n in names)
    ]
    row = con.execute(f"SELECT count(*), {', '.join(parts)} FROM {relation}").fetchall()[0]
    found: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(names):
        recorded, distinct, low, high = row[1 + 4 * i : 5 + 4 * i]
        one: dict[str, Any] = {
            "row_count": row[0],
            "recorded_count": recorded,
            "distinct_count": min(distinct, recorded),
            "low": None if low is None else low[:80],
            "high": None if high is None else high[:80],
        }
        kind = table.column(name).type
        known = before.get(name, {})
        if recorded and kind in _NUMBERS:
            one |= _bins(con, name, relation, known.get("edges"))
        elif recorded and kind in ("text", "boolean") and distinct <= max(TOP, recorded // 20):
            one |= _values(con, name, relation)
            if "" not in one["counts"]:  # all of them were counted
                one["distinct_count"] = len(one["counts"])
        if known.get("counts") and one.get("counts") and known.get("edges") == one.get("edges"):
            one["drift"] = stability_index(known["counts"], one["counts"])
        found[name] = one
    return found


def stability_index(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """Population stability index of two shapes: the sum over bins of (q − p) ln(q / p).

    Parameters
    ----------
    before, now
        Counts by bin or value; each with at least one row.

    Notes
    -----
    Below 0.1 is taken as no change, above 0.25 as a change that wants a look (Siddiqi 2006, *Credit Risk
    Scorecards*). It is the symmetric Kullback-Leibler divergence of the two.
    """
    total_before, total_now = sum(before.values()), sum(now.values())
    index = 0.0
    for name in {*before, *now}:
        p = max(before.get(name, 0) / total_before, _LEAST_SHARE)
        q = max(now.get(name, 0) / total_now, _LEAST_SHARE)
        index += (q - p) * math.log(q / p)
    return index


def _bins(
    con: duckdb.DuckDBPyConnection, name: str, relation: str, edges: Sequence[float] | None
) -> dict[str, Any]:
    value = f"CAST({quoted('qa_' + name)} AS DOUBLE)"
    if edges is None:
        tenths = ", ".join(str(i / BINS) for i in range(1, BINS))
        cuts = con.execute(f"SELECT approx_quantile({value}, [{tenths}]) FROM {relation}").fetchall()[0][0]
        edges = sorted(set(cuts))
    place = " + ".join(f"CAST({value} > {edge!r} AS INTEGER)" for edge in edges)
    counted = con.execute(
        f"SELECT {place} AS bin, count(*) FROM {relation} WHERE {value} IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return {"edges": list(edges), "counts": {str(b): n for b, n in counted}}


def _values(con: duckdb.DuckDBPyConnection, name: str, relation: str) -> dict[str, Any]:
    column = quoted("qa_" + name)
    counted = con.execute(
        f"SELECT CAST({column} AS VARCHAR), count(*) FROM {relation} WHERE {column} IS NOT NULL "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP}"
    ).fetchall()
    whole = con.execute(f"SELECT count({column}) FROM {relation}").fetchall()[0][0]
    counts = {value[:80]: n for value, n in counted}
    rest = whole - sum(counts.values())
    return {"counts": counts | ({"": rest} if rest else {})}
