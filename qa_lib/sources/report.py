"""The quality report: what each load brought, how new it is, why rows were rejected, which columns have moved."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import duckdb
import pandas as pd

from qa_lib.errors import NothingBuilt
from qa_lib.sources.loads import Load, loads
from qa_lib.tables import REJECTS
from qa_lib.workspace import Workspace, cancellable

#: The counts of a load, in the order in which a picture stacks them.
COUNTS = ("new_count", "replaced_count", "left_count", "skipped_count", "reject_count")
#: Above it a column's shape has changed so much that somebody should look (Siddiqi 2006).
DRIFT = 0.25
#: A column that is recorded in so much less of the rows than before should be looked at.
LOST_COVERAGE = 0.05
_COLUMNS = (
    *("feed", "table", "file", "read_count", *COUNTS, "late_count", "new_columns", "newest_at"),
    *("age_hours", "fresh_hours", "is_fresh", "loaded_at", "seconds"),
)


def load_report(
    workspace: Workspace, *, feed: str | None = None, as_of: datetime | None = None
) -> pd.DataFrame:
    """Every feed's newest load, or all loads of one feed.

    Parameters
    ----------
    feed
        Its name: all its loads, oldest first.
    as_of
        The moment for `age_hours`; each load's own when not given, so that an old report reads the same.

    Returns
    -------
    pandas.DataFrame
        `feed`, `table`, `file`, `read_count` and the counts it is the sum of (`new_count`, `replaced_count`,
        `left_count`, `skipped_count`, `reject_count`), `late_count`, `new_columns` (text), `newest_at` (UTC),
        `age_hours` of the newest row, `fresh_hours` as agreed, `is_fresh` (none where nothing was agreed),
        `loaded_at`, `seconds`.
    """
    found = loads(workspace, feed)
    if feed is None:
        found = list({load.feed: load for load in found}.values())
    rows = [_row(load, as_of or load.loaded_at) for load in found]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    return frame.astype({"is_fresh": "object"})  # true, false or nothing agreed


def _row(load: Load, at: datetime) -> dict[str, object]:
    age = (at.astimezone(UTC) - load.newest_at).total_seconds() / 3600 if load.newest_at else None
    return {
        "feed": load.feed,
        "table": load.table_name,
        "file": load.file_name,
        "read_count": load.read_count,
        **{name: getattr(load, name) for name in COUNTS},
        "late_count": load.late_count,
        "new_columns": ", ".join(load.new_columns),
        "newest_at": load.newest_at,
        "age_hours": age,
        "fresh_hours": load.fresh_hours,
        "is_fresh": None if age is None or load.fresh_hours is None else age <= load.fresh_hours,
        "loaded_at": load.loaded_at,
        "seconds": load.seconds,
    }


def reject_reasons(
    workspace: Workspace, *, newest_only: bool = True, load: Load | None = None
) -> pd.DataFrame:
    """Why rows were rejected.

    Parameters
    ----------
    newest_only
        Of the newest load of each feed; else of all that was ever landed.
    load
        Of this load only.

    Returns
    -------
    pandas.DataFrame
        `feed`, `column`, `reason`, `reject_count` (faults: a row may have several), `example`, the commonest
        first.
    """
    columns = ["feed", "column", "reason", "reject_count", "example"]
    if not workspace.store.exists(REJECTS.name):
        return pd.DataFrame(columns=columns)
    chosen = loads(workspace) if load is None else [load]
    newest = {one.feed: one.content_hash for one in chosen}
    with contextlib.closing(duckdb.connect()) as con:
        cancellable(con).execute("CREATE TABLE newest (feed VARCHAR, content_hash VARCHAR)")
        if newest:
            con.executemany("INSERT INTO newest VALUES (?, ?)", list(newest.items()))
        only = "SEMI JOIN newest USING (feed, content_hash)" if newest_only or load else ""
        rows = con.execute(
            f"SELECT feed, column_name, reason, count(*), min(value) FROM ({workspace.store.scan_sql(REJECTS)}) "
            f"{only} GROUP BY ALL ORDER BY 4 DESC, 1, 2, 3"
        ).fetchall()
    return pd.DataFrame(rows, columns=columns)


def rejected_rows(workspace: Workspace, load: Load, limit: int = 20) -> pd.DataFrame:
    """The first rows that a load rejected, as they stood in the file.

    Returns
    -------
    pandas.DataFrame
        `row_number`, `column`, `value`, `reason`, a row per fault, in the order of the file.
    """
    columns = ["row_number", "column", "value", "reason"]
    if not workspace.store.exists(REJECTS.name):
        return pd.DataFrame(columns=columns)
    with contextlib.closing(duckdb.connect()) as con:
        rows = (
            cancellable(con)
            .execute(
                f"SELECT row_number, column_name, value, reason FROM ({workspace.store.scan_sql(REJECTS)}) "
                "WHERE feed = $feed AND content_hash = $hash ORDER BY row_number, column_name LIMIT $limit",
                {"feed": load.feed, "hash": load.content_hash, "limit": limit},
            )
            .fetchall()
        )
    return pd.DataFrame(rows, columns=columns)


def column_report(workspace: Workspace, feed: str, number: int | None = None) -> pd.DataFrame:
    """A feed's columns in one of its loads beside the load before.

    Parameters
    ----------
    number
        Which of its loads, the first is 1; the newest when not given.

    Returns
    -------
    pandas.DataFrame
        `column`, `row_count`, `recorded_rate`, `recorded_rate_before` and `drift` (population stability index;
        both none in a first load), `distinct_count` (approximate), `low`, `high` (text), `needs_look`.

    Raises
    ------
    NothingBuilt
        When the feed was never loaded, or not so often.
    """
    found = loads(workspace, feed)[:number]
    if number is not None and not 1 <= number == len(found):
        raise NothingBuilt(f"The feed {feed!r} has no load {number}; it has {len(loads(workspace, feed))}.")
    if not found:
        known = ", ".join(dict.fromkeys(load.feed for load in loads(workspace))) or "nothing"
        raise NothingBuilt(f"The feed {feed!r} was never loaded in {workspace.root}; loaded were: {known}.")
    before = found[-2].columns if len(found) > 1 else {}
    rows = []
    for name, now in found[-1].columns.items():
        rate, was = _rate(now), _rate(before.get(name))
        drift = now.get("drift")
        lost = rate is not None and was is not None and was - rate > LOST_COVERAGE
        rows.append(
            {
                "column": name,
                "row_count": now["row_count"],
                "recorded_rate": rate,
                "recorded_rate_before": was,
                "drift": drift,
                "distinct_count": now["distinct_count"],
                "low": now["low"],
                "high": now["high"],
                "needs_look": lost or (drift is not None and drift > DRIFT),
            }
        )
    frame = pd.DataFrame(rows)
    for name in ("recorded_rate", "recorded_rate_before", "drift"):
        frame[name] = frame[name].astype("float64")
    return frame


def _rate(profile: object) -> float | None:
    if not isinstance(profile, dict) or not profile["row_count"]:
        return None
    return float(profile["recorded_count"] / profile["row_count"])


def shape(workspace: Workspace, feed: str, column: str) -> pd.DataFrame:
    """How a column's values are spread in the newest load and the one before.

    Returns
    -------
    pandas.DataFrame
        `load` (before, now), `value` (a value, or the range of a bin), `share` of the recorded rows.
    """
    found = loads(workspace, feed)[-2:]
    rows = []
    for load, when in zip(found, ("before", "now")[-len(found) :], strict=True):
        one = load.columns.get(column, {})
        counts, edges = one.get("counts", {}), one.get("edges")
        whole = sum(counts.values())
        for name, count in counts.items():
            value = _range(int(name), edges) if edges is not None else (name or "其他 others")
            rows.append({"load": when, "value": value, "share": count / whole})
    return pd.DataFrame(rows, columns=["load", "value", "share"])


def _range(bin: int, edges: list[float]) -> str:
    if bin == 0:
        return f"≤ {edges[0]:g}"
    return f"> {edges[-1]:g}" if bin == len(edges) else f"{edges[bin - 1]:g} – {edges[bin]:g}"
