"""The twelve hundred tags of the benchmark, and the same by hand in DuckDB SQL and in pandas.

The SQL is the quickest form we know: every event is read once, grouped by person, value and item or day,
so that no window needs a distinct count of its own, and joins put the values beside each other: an
aggregate with a filter per tag was slower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import duckdb
import numpy as np
import pandas as pd

from qa_lib.profiles.behaviour import BehaviourFamily, BehaviourTag, FamilyMeasure, expand
from qa_lib.rules import EventType
from qa_lib.rules.windows import Last

DAYS = (7, 30, 90, 180, 365)
#: Event, split, how many values, measures. Whole events are split by nothing.
FAMILIES: tuple[tuple[str, str, tuple[tuple[str, str | None], ...]], ...] = (
    *(
        (event, "department", (("count", None), ("distinct", "item_id"), ("days_since_last", None)))
        for event in ("browse", "cart", "favourite", "share")
    ),
    (
        "purchase",
        "department",
        (
            *(("count", None), ("sum", "paid_amount"), ("avg", "paid_amount")),
            *(("sum", "quantity"), ("distinct", "item_id"), ("active_days", None)),
        ),
    ),
    ("search", "keyword", (("count", None),)),
    ("login", "channel", (("count", None), ("active_days", None))),
)


def bench_tags(
    events: Mapping[str, EventType], common: Mapping[tuple[str, str], Sequence[str]]
) -> tuple[BehaviourTag, ...]:
    """The tags of the seven families: 1,200 where departments are ten, keywords thirty and channels five."""
    families = [
        BehaviourFamily(
            name=event, label_zh=event, label_en=event, event=event, by=by, top=1000,
            whole=by != "keyword", windows=tuple(Last(n, "day") for n in DAYS),
            measures=tuple(FamilyMeasure(kind, prop) for kind, prop in measures),
        )
        for event, by, measures in FAMILIES
    ]  # fmt: skip
    return expand(families, events, common)


def _starts(as_of: datetime) -> dict[int, str]:
    return {n: f"TIMESTAMPTZ '{(as_of - timedelta(days=n)).isoformat()}'" for n in DAYS}


def _cell(tag: BehaviourTag) -> str:
    """The tag's column in the table of a person and value."""
    assert isinstance(tag.window, Last)
    name = {"sum": f"sum_{tag.measure.property}", "avg": f"avg_{tag.measure.property}"}
    return f"{name.get(tag.measure.kind, tag.measure.kind)}_{tag.window.n}"


def hand_written(event: str, tags: Sequence[BehaviourTag], as_of: datetime, only: str = "") -> str:
    """The query of all tags over one kind of event: `person_no` and a column per tag."""
    by = next(t.by for t in tags if t.by)
    kinds = {(t.measure.kind, t.measure.property) for t in tags}
    starts = _starts(as_of)
    now = f"TIMESTAMPTZ '{as_of.isoformat()}'"
    has_item, has_day = ("distinct", "item_id") in kinds, ("active_days", None) in kinds
    fine = ["item_id"] if has_item else ["CAST(occurred_at AS DATE)"] if has_day else []
    inner = ["max(occurred_at) AS last_at"]
    for n, start in starts.items():
        inner.append(f"count(*) FILTER (occurred_at >= {start}) AS c{n}")
        for prop in sorted({p for k, p in kinds if k in ("sum", "avg") and p}):
            inner.append(f"sum({prop}) FILTER (occurred_at >= {start}) AS {prop}{n}")
    outer: dict[str, str] = {}
    for tag in tags:
        assert isinstance(tag.window, Last)
        n, prop = tag.window.n, tag.measure.property
        last = f"last_at >= {starts[n]}"
        outer[_cell(tag)] = {
            "count": f"sum(c{n})",
            "distinct": f"count(*) FILTER ({last})",
            "active_days": f"count(*) FILTER ({last})",
            "days_since_last": f"(epoch_us({now}) - epoch_us(max(last_at) FILTER ({last}))) // 86400000000",
            "sum": f"sum({prop}{n})",
            "avg": f"CAST(sum({prop}{n}) AS DOUBLE) / nullif(sum(c{n}), 0)",
        }[tag.measure.kind]
    days = {c: outer.pop(c) for c in [*outer] if c.startswith("active_days")} if has_item else {}

    def cells(split: str, extra: list[str], columns: Mapping[str, str], aggregates: list[str]) -> str:
        keys = ", ".join(["person_no", f"{split} AS v", *(f"{e} AS e" for e in extra)])
        groups = ", ".join(map(str, range(1, 3 + len(extra))))
        chosen = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
        return (
            f"SELECT person_no, v, {chosen} FROM (SELECT {keys}, {', '.join(aggregates)} "
            f"FROM event_{event} {only} GROUP BY {groups}) GROUP BY person_no, v"
        )

    splits = [by] + (["NULL"] if any(t.by is None for t in tags) else [])
    parts = " UNION ALL ".join(cells(s, fine, outer, inner) for s in splits)
    source = f"({parts})"
    if days:
        day = ["CAST(occurred_at AS DATE)"]
        more = " UNION ALL ".join(cells(s, day, days, ["max(occurred_at) AS last_at"]) for s in splits)
        source = (
            f"(SELECT a.*, b.* EXCLUDE (person_no, v) FROM ({parts}) a JOIN ({more}) b "
            "ON a.person_no = b.person_no AND a.v IS NOT DISTINCT FROM b.v)"
        )
    places = list(dict.fromkeys(t.value for t in tags))
    wide = ", ".join(f"c{places.index(t.value)}.{_cell(t)} AS {t.name}" for t in tags)
    joins = " ".join(
        f"LEFT JOIN (SELECT * FROM cells WHERE {_is(v)}) c{i} ON c{i}.person_no = p.person_no"
        for i, v in enumerate(places)
    )
    return (
        f"WITH cells AS MATERIALIZED (SELECT * FROM {source}), "
        f"p AS (SELECT DISTINCT person_no FROM cells) SELECT p.person_no, {wide} FROM p {joins}"
    )


def _is(value: str | None) -> str:
    return "v IS NULL" if value is None else f"v = '{value}'"


def build_by_hand(
    connection: duckdb.DuckDBPyConnection, tags: Mapping[str, Sequence[BehaviourTag]], as_of: datetime
) -> None:
    """One table per kind of event."""
    for event, of_event in tags.items():
        connection.execute(f"CREATE OR REPLACE TABLE tags_{event} AS {hand_written(event, of_event, as_of)}")


def refresh_by_hand(
    connection: duckdb.DuckDBPyConnection, tags: Mapping[str, Sequence[BehaviourTag]], as_of: datetime
) -> None:
    """The rows of the people in `changed` again."""
    only = "WHERE person_no IN (SELECT person_no FROM changed)"
    for event, of_event in tags.items():
        connection.execute(f"DELETE FROM tags_{event} WHERE person_no IN (SELECT person_no FROM changed)")
        connection.execute(f"INSERT INTO tags_{event} {hand_written(event, of_event, as_of, only)}")


def by_pandas(
    frame: pd.DataFrame, tags: Sequence[BehaviourTag], as_of: datetime, people: int
) -> dict[str, np.ndarray]:
    """A groupby per tag, as in a notebook; `frame` holds one kind of event, sorted by time."""
    found: dict[str, np.ndarray] = {}
    everybody = pd.RangeIndex(people)
    for tag in tags:
        assert isinstance(tag.window, Last)
        rows = frame[frame["occurred_at"] >= pd.Timestamp(as_of - timedelta(days=tag.window.n))]
        if tag.value is not None:
            rows = rows[rows[tag.by] == tag.value]
        grouped = rows.groupby("person_no")
        match tag.measure.kind:
            case "count":
                one = grouped.size()
            case "sum":
                one = grouped[tag.measure.property].sum()
            case "avg":
                one = grouped[tag.measure.property].mean()
            case "distinct":
                one = grouped[tag.measure.property].nunique()
            case "active_days":
                one = rows.assign(day=rows["occurred_at"].dt.floor("D")).groupby("person_no")["day"].nunique()
            case _:
                one = (pd.Timestamp(as_of) - grouped["occurred_at"].max()).dt.days
        one = one.reindex(everybody)
        found[tag.name] = (one.fillna(0) if tag.spec.zero else one).to_numpy(dtype=np.float64)
    return found
