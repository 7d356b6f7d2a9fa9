"""A snapshot's tables as Parquet files, for an engine beside or beyond this machine.

`people`, `profile` (boolean tags among its columns) and one table per kind of event, and `snapshot`, one row
that says of what they are: `version`, `as_of`, `zone` and `people_count`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from qa_lib.errors import WorkspaceUnusable
from qa_lib.workspace.files import sync
from qa_lib.workspace.sql import quoted

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from qa_lib.tables import Table
    from qa_lib.workspace.snapshot import Snapshot
    from qa_lib.workspace.workspace import Workspace

#: The table of one row that says which snapshot the files are.
STAMP = "snapshot"
#: What other engines read with fewer digits, or not at all.
_PLAINER = {
    "HUGEINT": "DECIMAL(38, 0)",
    "UHUGEINT": "DECIMAL(38, 0)",
    "UBIGINT": "DECIMAL(20, 0)",
    "UINTEGER": "BIGINT",
    "USMALLINT": "INTEGER",
    "UTINYINT": "SMALLINT",
}
#: Rows that are held in memory at once, and written as one group.
_ROWS = 131_072


def export_tables(
    snapshot: Snapshot, folder: Path | str, *, only: Collection[str] | None = None
) -> list[Path]:
    """Write the tables that rules read as `NAME.parquet`; the folder appears whole or not at all.

    Parameters
    ----------
    only
        These of them: families of tags need `people` and their events, and `profile` is by far the widest.

    Raises
    ------
    WorkspaceUnusable
        When the folder is there already, or cannot be written.
    """
    target = Path(folder)
    if target.exists():
        raise WorkspaceUnusable(
            f"'{target}' is there already. Name a folder that is not: it is written whole."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".export_", dir=target.parent))
    except OSError as error:
        raise WorkspaceUnusable(f"'{target}' cannot be written: {error.strerror}.") from error
    try:
        cursor = snapshot.cursor(packed=snapshot.columns.packed_only)
        for name in (n for n in _tables(cursor) if only is None or n in only):
            rows = cursor.execute(f"SELECT {_columns(cursor, name)} FROM {quoted(name)}")
            _write(rows.to_arrow_reader(_ROWS), draft / f"{name}.parquet")
        _write(_stamp(snapshot), draft / f"{STAMP}.parquet")
        sync(draft)
        draft.chmod(0o755)
        draft.rename(target)
        sync(target.parent)
    except OSError as error:
        raise WorkspaceUnusable(f"'{target}' cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return sorted(target.iterdir())


def export_rows(workspace: Workspace, table: Table, folder: Path | str) -> Path:
    """Write one shared table, as it stands, as `NAME.parquet` into a folder; it appears whole or not at all.

    Raises
    ------
    WorkspaceUnusable
        When the table was never written, is in the folder already, or the folder cannot be written.
    """
    import duckdb

    target = Path(folder) / f"{table.name}.parquet"
    if not workspace.store.exists(table.name):
        raise WorkspaceUnusable(f"Table '{table.name}' in {workspace.root} was never written.")
    if target.exists():
        raise WorkspaceUnusable(f"'{target}' is there already. Name another folder.")
    draft = target.with_name(f".{target.name}.writing")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            _write(connection.execute(workspace.store.scan_sql(table)).to_arrow_reader(_ROWS), draft)
        draft.rename(target)
        sync(target.parent)
    except OSError as error:
        raise WorkspaceUnusable(f"'{target}' cannot be written: {error.strerror or error}.") from error
    finally:
        draft.unlink(missing_ok=True)
    return target


def _tables(cursor: duckdb.DuckDBPyConnection) -> list[str]:
    """What rules read: people, their fields, and every kind of event."""
    found = cursor.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
    names = {name for (name,) in found}
    return ["people", "profile", *sorted(name for name in names if name.startswith("event_"))]


def _columns(cursor: duckdb.DuckDBPyConnection, table: str) -> str:
    """The columns, each in a type that other engines have too."""
    said = []
    for name, type, *_ in cursor.execute(f"DESCRIBE {quoted(table)}").fetchall():
        plainer = "VARCHAR" if type.startswith("ENUM") else _PLAINER.get(type)
        column = quoted(name)
        said.append(f"CAST({column} AS {plainer}) AS {column}" if plainer else column)
    return ", ".join(said)


def _stamp(snapshot: Snapshot) -> pa.RecordBatchReader:
    import pyarrow as pa

    row = {
        "version": snapshot.version,
        "as_of": snapshot.as_of,
        "zone": str(snapshot.zone),
        "people_count": snapshot.people_count,
    }
    return pa.Table.from_pylist([row]).to_reader()


def _write(rows: pa.RecordBatchReader, file: Path) -> None:
    from pyarrow import parquet

    with parquet.ParquetWriter(file, rows.schema) as writer:
        for batch in rows:
            writer.write_batch(batch)
    sync(file)
