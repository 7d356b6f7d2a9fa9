"""The contract at work: `raw` becomes `typed`, good rows and bad ones, and bad rows become rejects."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb

from qa_lib.errors import ContractBroken, FileUnreadable, did_you_mean
from qa_lib.sources.feeds import TEXT, Feed, From, sql_type
from qa_lib.sources.readers import Raw
from qa_lib.workspace import quoted

#: So many values of a column and none that fits: the source has changed, and no row of it is believed.
_MANY = 20


class Counted(NamedTuple):
    """Rows of a file: read, skipped because they have nothing to say to the table, and bad."""

    read: int
    skipped: int
    bad: int


def check_columns(feed: Feed, path: Path, raw: Raw) -> None:
    """Hold the file's columns and types against the feed.

    Raises
    ------
    ContractBroken
        When a column is missing or has a type that the feed does not accept.
    """
    for target, origin in feed.sources.items():
        kind = raw.types.get(origin.source)
        if kind is None:
            raise ContractBroken(
                f"Feed '{feed.name}': {path.name} has no column {origin.source!r} (it becomes "
                f"'{feed.table_name}.{target}').{did_you_mean(origin.source, set(raw.types))}"
            )
        if not raw.is_text and kind.split("(")[0] not in origin.accepts:
            raise ContractBroken(
                f"Feed '{feed.name}': column {origin.source!r} of {path.name} has the type {kind}; expected one "
                f"of {', '.join(origin.accepts)}. Nothing was landed: change the feed, or have the source "
                "changed back."
            )


def check_rows(con: duckdb.DuckDBPyConnection, feed: Feed, path: Path, raw: Raw) -> Counted:
    """Make `typed`: the raw columns, each column of the table under `qa_` and its name, and `qa_bad`.

    Of rows with the same key the first is good, or where the feed merges the last.

    Raises
    ------
    FileUnreadable
        When the rows cannot be read.
    ContractBroken
        When many rows have a value in a column and none fits.
    """
    values, faults = [], []
    for column in feed.table.columns:
        origin, name = feed.columns[column.name], quoted("qa_" + column.name)
        if not isinstance(origin, From):
            values.append(f"CAST({literal(origin.value)} AS {sql_type(column)}) AS {name}")
            continue
        given = quoted(origin.source)
        values.append(f"CAST({_expression(origin, raw)} AS {sql_type(column)}) AS {name}")
        empty = f"({given} IS NULL)" if not column.nullable else "false"
        faults.append(f"({empty} OR ({given} IS NOT NULL AND {name} IS NULL))")
    columns = sorted({*(f.source for f in feed.sources.values())})
    kept = ", ".join([*map(quoted, columns), *(("qa_broken", "qa_line") if raw.has_broken else ())])
    unfit = " OR ".join(faults) or "false"
    broken = "qa_broken OR " if raw.has_broken else ""
    there = " AND ".join(f"nullif(CAST({quoted(c)} AS VARCHAR), '') IS NOT NULL" for c in feed.only_with)
    chosen = f"WHERE {broken}{there}" if there else ""
    checked = (
        f"SELECT *, {broken}{unfit} AS qa_fault FROM (SELECT {kept + ', ' if kept else ''}qa_row, "
        f"{', '.join(values)} FROM raw {chosen})"
    )
    key = ", ".join(quoted("qa_" + k) for k in feed.row_key)
    try:
        again = "false"
        # text is costly to read as numbers: once is enough
        con.execute(f"CREATE TEMP {'TABLE' if raw.is_text else 'VIEW'} checked AS {checked}")
        if key:
            repeated = con.execute(
                f"SELECT count(*) - count(DISTINCT ({key})) FROM checked WHERE NOT qa_fault"
            ).fetchall()
            if repeated[0][0]:
                order = "qa_row DESC" if feed.merges else "qa_row"
                again = f"row_number() OVER (PARTITION BY qa_fault, {key} ORDER BY {order}) > 1"
        con.execute(
            f"CREATE TEMP VIEW typed AS WITH r AS (SELECT *, {again} AS qa_again FROM checked) "
            "SELECT *, qa_fault OR qa_again AS qa_bad FROM r"
        )
        ((total, bad),) = con.execute("SELECT count(*), count(*) FILTER (qa_bad) FROM typed").fetchall()
        ((read,),) = con.execute("SELECT count(*) FROM raw").fetchall()
    except duckdb.Error as error:
        raise FileUnreadable(
            f"Feed '{feed.name}': the rows cannot be read: {first_line(error)} The file may be truncated; "
            "fetch it again."
        ) from None
    if bad >= _MANY:
        _refuse_changed(con, feed, path)
    return Counted(int(read), int(read - total), int(bad))


def _refuse_changed(con: duckdb.DuckDBPyConnection, feed: Feed, path: Path) -> None:
    """A column in which no value fits was not mistyped row by row: the source has changed."""
    for name, origin in feed.sources.items():
        if origin.accepts == TEXT and origin.sql == "{0}":
            continue
        given = quoted(origin.source)
        ((filled, fits, one),) = con.execute(
            f"SELECT count({given}), count({quoted('qa_' + name)}), min(CAST({given} AS VARCHAR)) FROM checked"
        ).fetchall()
        if filled >= _MANY and not fits:
            raise ContractBroken(
                f"Feed '{feed.name}': none of the {filled:,} values in column {origin.source!r} of {path.name} is "
                f"{origin.reason or 'of its type'}, such as {one!r}. Nothing was landed: change the feed, or have "
                "the source changed back."
            )


def rejects_sql(feed: Feed, raw: Raw, file_name: str, digest: str) -> str:
    """SQL for every fault of every bad row, in the columns of the table `rejects`."""
    parts = []
    whole = "NOT qa_broken AND " if raw.has_broken else ""
    if raw.has_broken:
        parts.append(_reject("(line)", "qa_line", "not a JSON object in valid Unicode", "qa_broken"))
    for column in feed.table.columns:
        origin = feed.columns[column.name]
        if not isinstance(origin, From):
            continue
        given, value = quoted(origin.source), quoted("qa_" + column.name)
        if not column.nullable:
            parts.append(
                _reject(origin.source, given, "empty; a value is expected", f"{whole}{given} IS NULL")
            )
        parts.append(
            _reject(
                origin.source,
                given,
                f"not {origin.reason}",
                f"{whole}{given} IS NOT NULL AND {value} IS NULL",
            )
        )
    of_key = [c for c in map(feed.columns.__getitem__, feed.row_key) if isinstance(c, From)]
    if of_key:
        where = "a later" if feed.merges else "an earlier"
        reason = f"the key {' + '.join(feed.row_key)} stands in {where} row already"
        if feed.merges:
            reason = reason.removesuffix(" already")
        given = quoted(of_key[0].source)
        parts.append(_reject(of_key[0].source, given, reason, "qa_again AND NOT qa_fault"))
    constants = ", ".join(
        f"{literal(v)} AS {quoted(n)}"
        for n, v in (("feed", feed.name), ("file_name", file_name), ("content_hash", digest))
    )
    return f"SELECT {constants}, * FROM ({' UNION ALL '.join(parts)}) ORDER BY row_number"


def _expression(origin: From, raw: Raw) -> str:
    """The value of a column; a text that should be a number is read as one first."""
    column = quoted(origin.source)
    if raw.is_text and "VARCHAR" not in origin.accepts:
        # exact to twelve digits before the point; 5e-17 goes by way of a double, which DuckDB reads better
        number = f"CASE WHEN {column} ILIKE '%e%' THEN TRY_CAST({column} AS DOUBLE) END"
        column = f"coalesce(TRY_CAST({number} AS DECIMAL(18,6)), TRY_CAST({column} AS DECIMAL(18,6)))"
    return origin.sql.format(column)


def _reject(source: str, given: str, reason: str, condition: str) -> str:
    return (
        f"SELECT qa_row AS row_number, {literal(source)} AS column_name, CAST({given} AS VARCHAR) AS value, "
        f"{literal(reason)} AS reason FROM typed WHERE {condition}"
    )


def literal(value: str | None) -> str:
    """A text, or nothing, as a SQL literal."""
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def first_line(error: Exception) -> str:
    """The first line of an error, as a sentence."""
    return str(error).splitlines()[0].rstrip(".") + "."
