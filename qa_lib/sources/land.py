"""Landing: a file becomes rows of a shared table, or rejects with row, column and reason.

A file that cannot be read, lacks a column or carries another type lands nothing. The same file under
the same declaration lands once.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from qa_lib.errors import ContractBroken, FileUnreadable, did_you_mean
from qa_lib.sources.feeds import Feed, From, sql_type
from qa_lib.tables import REJECTS
from qa_lib.workspace import Landing, Workspace, file_literal, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 250_000
_READERS = {
    ".parquet": "SELECT *, file_row_number + 1 AS qa_row FROM read_parquet($path, file_row_number = true)",
    # every column as text: the contract says what it means, not a guess from the first rows
    ".csv": "SELECT *, row_number() OVER () AS qa_row FROM read_csv($path, header = true, all_varchar = true, "
    "delim = ',', quote = '\"', escape = '\"', auto_detect = false, null_padding = false, columns = $columns)",
}


def land(workspace: Workspace, feed: Feed, path: str | Path) -> Landing:
    """Land one file.

    Parameters
    ----------
    path
        A Parquet file, or a CSV file (UTF-8, a header, commas, quotes doubled), with the columns that the
        feed names.

    Returns
    -------
    Landing
        How many rows landed and how many were rejected; the earlier landing when the same file was
        landed last under the same declaration.

    Raises
    ------
    FileUnreadable
        When the file is not there, is truncated, or is of another kind.
    ContractBroken
        When a column is missing or has a type that the feed does not accept.
    """
    path = Path(path)
    digest = _digest(path, feed)
    before = [known for known in workspace.state.landings() if known.feed == feed.name]
    if before and (
        before[-1].content_hash == digest or (feed.adds and digest in {b.content_hash for b in before})
    ):
        return next(b for b in reversed(before) if b.content_hash == digest)
    with contextlib.closing(duckdb.connect()) as con:
        con.execute("SET TimeZone = 'UTC'")
        is_text = _read(con, feed, path)
        con.execute("SET preserve_insertion_order = false")
        total, bad = _check(con, feed, is_text=is_text)
        if bad:
            _keep_rejects(workspace, con, feed, path, digest, is_text=is_text)
        good = con.execute(f"SELECT {_select(feed)} FROM typed WHERE NOT qa_bad")
        reader = good.to_arrow_reader(_BATCH)
        if feed.adds:
            version = workspace.append(feed.table, _batches(reader), once=f"{feed.name}:{digest}")
        else:
            # other feeds, campaigns of the workbench and rehearsals have rows of their own in the table
            own = {"source": feed.name} if "source" in feed.table.column_names else None
            version = workspace.replace(feed.table, _batches(reader), own)
    landing = Landing(
        feed.name, feed.table_name, path.name, digest, total - bad, bad, version, datetime.now(UTC)
    )
    workspace.record_landing(landing)
    return landing


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    yield from reader


def _digest(path: Path, feed: Feed) -> str:
    try:
        with open(path, "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileUnreadable(
            f"Feed '{feed.name}': the file {path} cannot be read: {error.strerror}. Give the path of a "
            "Parquet or CSV file."
        ) from None
    return hashlib.sha256(f"{content}:{feed.hash}".encode()).hexdigest()


def _read(con: duckdb.DuckDBPyConnection, feed: Feed, path: Path) -> bool:
    """Make `raw`, with the row's number in `qa_row`, and hold it against the contract.

    Returns whether every value is text, as in a CSV file.
    """
    kind_of_file = path.suffix.lower()
    reader = _READERS.get(kind_of_file)
    if reader is None:
        raise FileUnreadable(
            f"Feed '{feed.name}': {path.name} ends in {path.suffix!r}; expected one of {sorted(_READERS)}."
        )
    is_text = kind_of_file == ".csv"
    try:
        # a CSV is read once, into a table, while its rows are still in order
        make = "TABLE" if is_text else "VIEW"
        if is_text:
            struct = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in _header(path))
            reader = reader.replace("$columns", f"{{{struct}}}")
        con.execute(f"CREATE TEMP {make} raw AS {reader.replace('$path', file_literal(path))}")
        described = con.execute("DESCRIBE raw").fetchall()
    except (duckdb.Error, UnicodeDecodeError, csv.Error) as error:
        raise FileUnreadable(
            f"Feed '{feed.name}': {path} is not readable as {path.suffix[1:]}: {_first_line(error)} "
            "It may be truncated; fetch it again."
        ) from None
    types = {name: kind for name, kind, *_ in described}
    for target, origin in feed.sources.items():
        kind = types.get(origin.source)
        if kind is None:
            raise ContractBroken(
                f"Feed '{feed.name}': {path.name} has no column {origin.source!r} (it becomes "
                f"'{feed.table_name}.{target}').{did_you_mean(origin.source, set(types) - {'qa_row'})}"
            )
        if not is_text and kind.split("(")[0] not in origin.accepts:
            raise ContractBroken(
                f"Feed '{feed.name}': column {origin.source!r} of {path.name} has the type {kind}; expected one "
                f"of {', '.join(origin.accepts)}."
            )
    return is_text


def _header(path: Path) -> list[str]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file), [])
    if len(set(names)) < len(names) or not all(names):
        raise csv.Error(f"the header {names} has an empty or repeated name")
    return names or ["(empty file)"]


def _expression(origin: From, *, is_text: bool) -> str:
    """The value of a column; a text that should be a number is read as one first."""
    column = quoted(origin.source)
    if is_text and "VARCHAR" not in origin.accepts:
        # exact to twelve digits before the point; 5e-17 goes by way of a double, which DuckDB reads better
        number = f"CASE WHEN {column} ILIKE '%e%' THEN TRY_CAST({column} AS DOUBLE) END"
        column = f"coalesce(TRY_CAST({number} AS DECIMAL(18,6)), TRY_CAST({column} AS DECIMAL(18,6)))"
    return origin.sql.format(column)


def _check(con: duckdb.DuckDBPyConnection, feed: Feed, *, is_text: bool) -> tuple[int, int]:
    """Make the view `typed` (target columns, `qa_bad`, raw values), and count all and bad rows."""
    columns, faults = [], []
    for column in feed.table.columns:
        origin = feed.columns[column.name]
        if isinstance(origin, From):
            raw = quoted(origin.source)
            expression = _expression(origin, is_text=is_text)
            value = f"CAST({expression} AS {sql_type(column)})"
            wrong = f"({raw} IS NULL)" if not column.nullable else "false"
            faults.append(f"({wrong} OR ({raw} IS NOT NULL AND {expression} IS NULL))")
        else:
            value = f"CAST({_literal(origin.value)} AS {sql_type(column)})"
        columns.append(f"{value} AS {quoted('qa_' + column.name)}")
    raw_columns = ", ".join(sorted({quoted(f.source) for f in feed.sources.values()}))
    fault = " OR ".join(faults)
    checked = f"SELECT {raw_columns}, qa_row, {', '.join(columns)}, ({fault}) AS qa_fault FROM raw"
    key = ", ".join(quoted("qa_" + k) for k in feed.table.key)
    try:
        again = "false"
        # text is costly to read as numbers: once is enough
        con.execute(f"CREATE TEMP {'TABLE' if is_text else 'VIEW'} checked AS {checked}")
        if key:
            repeated = con.execute(
                f"SELECT count(*) - count(DISTINCT ({key})) FROM checked WHERE NOT qa_fault"
            ).fetchall()
            if repeated[0][0]:
                again = f"row_number() OVER (PARTITION BY qa_fault, {key} ORDER BY qa_row) > 1"
        con.execute(
            f"CREATE TEMP VIEW typed AS WITH r AS (SELECT *, {again} AS qa_again FROM checked) "
            "SELECT *, qa_fault OR qa_again AS qa_bad FROM r"
        )
        total, bad = con.execute("SELECT count(*), count(*) FILTER (qa_bad) FROM typed").fetchall()[0]
    except duckdb.Error as error:
        raise FileUnreadable(
            f"Feed '{feed.name}': the rows cannot be read: {_first_line(error)} The file may be truncated; "
            "fetch it again."
        ) from None
    return int(total), int(bad)


def _keep_rejects(
    workspace: Workspace,
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    path: Path,
    digest: str,
    *,
    is_text: bool,
) -> None:
    """Append every fault of every bad row to `rejects`, once."""
    parts = []
    for column in feed.table.columns:
        origin = feed.columns[column.name]
        if not isinstance(origin, From):
            continue
        raw = quoted(origin.source)
        if not column.nullable:
            parts.append(_reject(origin.source, raw, "empty; a value is expected", f"{raw} IS NULL"))
        wrong = f"{raw} IS NOT NULL AND {_expression(origin, is_text=is_text)} IS NULL"
        parts.append(_reject(origin.source, raw, f"not {origin.reason}", wrong))
    for column_name in feed.table.key[:1]:
        origin = feed.columns[column_name]
        if isinstance(origin, From):
            key = " + ".join(feed.table.key)
            reason = f"the key {key} stands in an earlier row already"
            parts.append(_reject(origin.source, quoted(origin.source), reason, "qa_again AND NOT qa_fault"))
    constants = ", ".join(
        f"{_literal(v)} AS {quoted(n)}"
        for n, v in (("feed", feed.name), ("file_name", path.name), ("content_hash", digest))
    )
    sql = f"SELECT {constants}, * FROM ({' UNION ALL '.join(parts)}) ORDER BY row_number"
    workspace.append(REJECTS, _batches(con.execute(sql).to_arrow_reader(_BATCH)), once=f"rejects:{digest}")


def _reject(source: str, raw: str, reason: str, condition: str) -> str:
    return (
        f"SELECT qa_row AS row_number, {_literal(source)} AS column_name, CAST({raw} AS VARCHAR) AS value, "
        f"{_literal(reason)} AS reason FROM typed WHERE {condition}"
    )


def _select(feed: Feed) -> str:
    return ", ".join(f"{quoted('qa_' + n)} AS {quoted(n)}" for n in feed.table.column_names)


def _literal(value: str | None) -> str:
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") + "."


def land_all(workspace: Workspace, files: Sequence[tuple[Feed, Path]]) -> Iterator[Landing]:
    """Land several files one after another, yielding each landing as it is done."""
    for feed, path in files:
        yield land(workspace, feed, path)
