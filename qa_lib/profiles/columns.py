"""The columns beside a snapshot's tables: a bitset per boolean tag, an array per field and event property.

They are made from the tables of the draft, so they say what the tables say; a column whose type or values
cannot be held exactly is left out, and conditions on it run as SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qa_lib.rules import EventType
from qa_lib.workspace import Draft, quoted
from qa_lib.workspace.columns import Words

#: More different texts than this are no dictionary: the property is an id.
MOST_TEXTS = 100_000
_ROWS = 1_000_000
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_NARROWING = (np.int8, np.int16, np.int32, np.int64)


def write_bitsets(draft: Draft, names: Iterable[str], *, packed: Sequence[str] = ()) -> dict[str, Words]:
    """Keep the boolean columns of `profile` as bitsets too.

    Parameters
    ----------
    packed
        Further bitsets that `profile` has no column for.

    Returns
    -------
    dict
        The rows of these, all 0, to be filled.
    """
    names = list(names)
    people = _one(draft, "SELECT count(*) FROM people")[0]
    columns = ", ".join(quoted(n) for n in names)
    if not names:
        return dict(zip(packed, draft.columns.bitsets(people, packed), strict=True))
    partial = {n for n, count in zip(names, _counts(draft, "profile", names), strict=True) if count < people}
    rows = [*names, *(f"{n}?" for n in names if n in partial)]
    words = draft.columns.bitsets(people, [*rows, *packed], in_profile=rows)
    table = draft.connection.execute(f"SELECT {columns} FROM profile ORDER BY person_no").to_arrow_table()
    for i, name in enumerate(rows):
        column = table.column(name.removesuffix("?"))
        flags = column.is_valid() if name.endswith("?") else column.fill_null(False)
        packed_bits = np.packbits(flags.to_numpy(), bitorder="little")
        words.view(np.uint8)[i, : len(packed_bits)] = packed_bits
    return dict(zip(packed, words[len(rows) :], strict=True))


def write_fields(draft: Draft, names: Iterable[str]) -> None:
    """Keep these columns of `profile` as arrays, a value per person in the order of person numbers."""
    _write(draft, "profile", list(names), "", "ORDER BY person_no")


def write_events(draft: Draft, events: Iterable[EventType]) -> None:
    """Keep the person, the moment and the properties of events as arrays, in order of time."""
    for event in events:
        table = event.table
        disorder = _one(
            draft,
            f"SELECT count(*) FROM (SELECT occurred_at < lag(occurred_at) OVER () AS back FROM {quoted(table)}) "
            "WHERE back",
        )[0]
        if disorder == 0:
            names = ["person_no", "occurred_at", *(p.name for p in event.properties)]
            _write(draft, table, names, f"{table}.", "")


def write_ids(draft: Draft) -> None:
    """Keep the ids of people in the order of their numbers, as bytes and where each ends."""
    ids = draft.connection.execute("SELECT person_id FROM people ORDER BY person_no").to_arrow_table()
    column = ids.column(0).combine_chunks().cast(pa.large_string())
    _, ends, data = column.buffers()
    offsets = np.frombuffer(ends, dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    given = b"" if data is None else data
    text = (
        np.frombuffer(given, dtype=np.uint8)[offsets[0] : offsets[-1]]
        if len(column)
        else np.zeros(0, np.uint8)
    )
    draft.columns.array("people.id", "number", [text])
    draft.columns.array("people.id_end", "number", [offsets[1:] - offsets[0]])


def _write(draft: Draft, table: str, names: list[str], prefix: str, order: str) -> None:
    types = dict(
        draft.connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $table", {"table": table}
        ).fetchall()
    )
    rows = _one(draft, f"SELECT count(*) FROM {quoted(table)}")[0]
    for name, count in zip(names, _counts(draft, table, names), strict=True):
        source = f"FROM {quoted(table)} {order}"
        given: dict[str, Any] = {}
        if count < rows:
            given["known"] = _numpy(draft, f"SELECT {quoted(name)} IS NOT NULL {source}", False)
        _column(draft, f"{prefix}{name}", name, types[name], table, source, given)


def _column(
    draft: Draft, key: str, name: str, type: str, table: str, source: str, given: dict[str, Any]
) -> None:
    column, writer = quoted(name), draft.columns
    if type in _INTEGERS or ((decimal := _DECIMAL.fullmatch(type)) and int(decimal[1]) <= 18):
        scale = 0 if type in _INTEGERS else int(decimal[2])  # type: ignore[index]
        whole = (
            column if scale == 0 else f"CAST(CAST({column} AS DECIMAL(38, {scale})) * {10**scale} AS BIGINT)"
        )
        low, high = _one(draft, f"SELECT min({whole}), max({whole}) FROM {quoted(table)}")
        wide = next(t for t in _NARROWING if np.iinfo(t).min <= (low or 0) and (high or 0) <= np.iinfo(t).max)
        narrow = (part.astype(wide) for part in _numpy(draft, f"SELECT {whole} {source}", 0))
        writer.array(key, "number", narrow, scale=scale, **given)
    elif type in ("DOUBLE", "DATE") and not _all_finite(draft, table, column):
        return  # SQL orders NaN and the infinities in its own way
    elif type == "DOUBLE":
        writer.array(key, "number", _numpy(draft, f"SELECT {column} {source}", 0.0), **given)
    elif type == "BOOLEAN":
        writer.array(key, "boolean", _numpy(draft, f"SELECT {column} {source}", False), **given)
    elif type == "DATE":
        days = f"SELECT CAST({column} - DATE '1970-01-01' AS INTEGER) {source}"
        writer.array(key, "date", _numpy(draft, days, 0), **given)
    elif type == "TIMESTAMP WITH TIME ZONE":
        writer.array(key, "moment", _numpy(draft, f"SELECT epoch_us({column}) {source}", 0), **given)
    elif type == "VARCHAR":
        found = draft.connection.execute(
            f"SELECT DISTINCT {column} FROM {quoted(table)} WHERE {column} IS NOT NULL LIMIT {MOST_TEXTS + 1}"
        ).fetchall()
        if len(found) <= MOST_TEXTS:
            texts = sorted(text for (text,) in found)
            writer.array(key, "text", _codes(draft, f"SELECT {column} {source}", texts), texts=texts, **given)


def _codes(draft: Draft, sql: str, texts: list[str]) -> Iterator[npt.NDArray[Any]]:
    values = pa.array(texts, type=pa.string())
    dtype = np.min_scalar_type(len(texts))
    for batch in draft.connection.execute(sql).to_arrow_reader(_ROWS):
        codes = pc.index_in(batch.column(0), value_set=values)
        yield codes.fill_null(len(texts)).to_numpy().astype(dtype)


def _numpy(draft: Draft, sql: str, missing: bool | int | float) -> Iterator[npt.NDArray[Any]]:
    for batch in draft.connection.execute(sql).to_arrow_reader(_ROWS):
        column = batch.column(0)
        yield (column.fill_null(missing) if column.null_count else column).to_numpy(zero_copy_only=False)


def _all_finite(draft: Draft, table: str, column: str) -> bool:
    return bool(_one(draft, f"SELECT count(*) FROM {quoted(table)} WHERE NOT isfinite({column})")[0] == 0)


def _counts(draft: Draft, table: str, names: list[str]) -> tuple[int, ...]:
    counts = ", ".join(f"count({quoted(n)})" for n in names)
    return _one(draft, f"SELECT {counts} FROM {quoted(table)}") if names else ()


def _one(draft: Draft, sql: str) -> tuple[Any, ...]:
    return draft.connection.execute(sql).fetchall()[0]
