"""What landed and how good it is, as frames to read and to draw."""

from __future__ import annotations

import contextlib

import duckdb
import pandas as pd

from qa_lib.tables import REJECTS, TABLES, Table
from qa_lib.workspace import Workspace, quoted


def landed(workspace: Workspace) -> pd.DataFrame:
    """The newest landing of every feed.

    Returns
    -------
    pandas.DataFrame
        `feed`, `table`, `file`, `row_count`, `reject_count`, `landed_at` (UTC), in order of landing.
    """
    newest = {landing.feed: landing for landing in workspace.state.landings()}
    return pd.DataFrame(
        [
            {
                "feed": x.feed,
                "table": x.table_name,
                "file": x.file_name,
                "row_count": x.row_count,
                "reject_count": x.reject_count,
                "landed_at": x.landed_at,
            }
            for x in newest.values()
        ],
        columns=["feed", "table", "file", "row_count", "reject_count", "landed_at"],
    )


def rejects(workspace: Workspace) -> pd.DataFrame:
    """Every rejected row's faults; the columns of the table `rejects`, empty when nothing was rejected."""
    if not workspace.store.exists(REJECTS.name):
        return pd.DataFrame(columns=list(REJECTS.column_names))
    return workspace.read(REJECTS)


def recorded(workspace: Workspace, tables: tuple[str, ...] = ()) -> pd.DataFrame:
    """How much of each column is recorded.

    Parameters
    ----------
    tables
        Names of tables; all that were landed when not given.

    Returns
    -------
    pandas.DataFrame
        `table`, `column`, `row_count`, `recorded_count`, `recorded_rate` (between 0 and 1), in the order
        of the declarations.
    """
    chosen = [TABLES[n] for n in tables] if tables else [t for t in TABLES.values() if t is not REJECTS]
    parts = [_recorded(workspace, table) for table in chosen if workspace.store.exists(table.name)]
    columns = ["table", "column", "row_count", "recorded_count", "recorded_rate"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _recorded(workspace: Workspace, table: Table) -> pd.DataFrame:
    counts = ", ".join(f"count({quoted(name)})" for name in table.column_names)
    with contextlib.closing(duckdb.connect()) as con:
        con.execute("SET TimeZone = 'UTC'")
        row = con.execute(f"SELECT count(*), {counts} FROM ({workspace.store.scan_sql(table)})").fetchall()[0]
    total, *each = row
    frame = pd.DataFrame({"column": table.column_names, "row_count": total, "recorded_count": each})
    frame.insert(0, "table", table.name)
    frame["recorded_rate"] = frame["recorded_count"] / total if total else 0.0
    return frame
