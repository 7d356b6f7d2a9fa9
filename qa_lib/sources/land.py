"""Landing: a file becomes rows of a shared table, or rejects with row, column and reason.

A file that cannot be read, lacks a column or carries another type lands nothing. The same file under
the same declaration lands once. Every load leaves a `Load` behind: what came, what did not, and how it looks.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from qa_lib.errors import FileUnreadable
from qa_lib.sources.contract import Counted, check_columns, check_rows, literal, rejects_sql
from qa_lib.sources.feeds import Feed
from qa_lib.sources.loads import Load, add_load, first_and_last
from qa_lib.sources.profile import PROFILED, profile_columns
from qa_lib.sources.readers import Raw, read_raw
from qa_lib.tables import EXTRAS, REJECTS
from qa_lib.workspace import Landing, Upserted, Workspace, quoted

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 250_000


def land(
    workspace: Workspace,
    feed: Feed,
    path: str | Path,
    *,
    encoding: str = "utf-8",
    sheet: str | None = None,
    name: str | None = None,
    is_read_anew: bool = False,
) -> Landing:
    """Land one file.

    Parameters
    ----------
    path
        With the columns that the feed names: Parquet, CSV (a header, commas, quotes doubled), JSON lines
        (`.jsonl`), or Excel (`.xlsx`).
    encoding
        Of a CSV file or JSON lines, by Python's names.
    sheet
        Of an Excel file; the first when not given.
    name
        What the file is called in reports; its own name when not given.
    is_read_anew
        The file was read from a source just now: the same rows again are news, unless they were the last.

    Returns
    -------
    Landing
        How many rows landed and how many were rejected; the earlier landing when the same file was
        landed last under the same declaration, or ever where the feed adds or merges.

    Raises
    ------
    FileUnreadable
        When the file is not there, is truncated, is of another kind or in another encoding.
    ContractBroken
        When a column is missing or has a type that the feed does not accept.
    """
    started, path = time.monotonic(), Path(path)
    digest = _digest(path, feed)
    before, same = (workspace.state.last_landing(feed.name, only) for only in (None, digest))
    is_kept = (feed.adds or feed.merges) and not is_read_anew
    if before and same and (before.content_hash == digest or is_kept):
        return same
    earlier = first_and_last(workspace, feed.name)
    with contextlib.closing(duckdb.connect()) as con:
        con.execute("SET TimeZone = 'UTC'")
        read = [*(f.source for f in feed.sources.values()), *feed.only_with]
        raw = read_raw(con, feed.name, path, read, encoding=encoding, sheet=sheet)
        check_columns(feed, path, raw)
        con.execute("SET preserve_insertion_order = false")
        counted = check_rows(con, feed, path, raw)
        file_name = name or path.name
        if counted.bad:
            rows = con.execute(rejects_sql(feed, raw, file_name, digest)).to_arrow_reader(_BATCH)
            workspace.append(REJECTS, _batches(rows), once=f"rejects:{digest}")
        unmapped, new = _unmapped(feed, raw, earlier)
        if new:
            _keep_extras(workspace, con, feed, new, digest)
        seen = _seen(con, feed, raw, counted, file_name, digest, earlier)
        done = _write(workspace, con, feed, digest)
    landing = Landing(
        *(feed.name, feed.table_name, file_name, digest),
        *(done.new_count + done.replaced_count + (done.left_count if not feed.row_key else 0), counted.bad),
        *(done.version, datetime.now(UTC)),
    )
    workspace.record_landing(landing)
    add_load(
        workspace,
        Load(
            **seen,
            new_count=done.new_count,
            replaced_count=done.replaced_count,
            left_count=done.left_count,
            unmapped=unmapped,
            new_columns=new,
            seconds=time.monotonic() - started,
        ),
    )
    return landing


def _write(workspace: Workspace, con: duckdb.DuckDBPyConnection, feed: Feed, digest: str) -> Upserted:
    columns = ", ".join(f"{quoted('qa_' + n)} AS {quoted(n)}" for n in feed.table.column_names)
    sql = f"SELECT {columns} FROM typed WHERE NOT qa_bad"
    if feed.row_key and (feed.adds or feed.merges):
        return workspace.upsert(feed.table, con, sql, feed.row_key, replaces=feed.merges)
    ((good,),) = con.execute("SELECT count(*) FROM typed WHERE NOT qa_bad").fetchall()
    reader = con.execute(sql).to_arrow_reader(_BATCH)
    if feed.adds:
        version = workspace.append(feed.table, _batches(reader), once=f"{feed.name}:{digest}")
    else:
        # other feeds, campaigns of the workbench and rehearsals have rows of their own in the table
        own = {"source": feed.name} if "source" in feed.table.column_names else None
        version = workspace.replace(feed.table, _batches(reader), own)
    return Upserted(version, int(good), 0, 0)


def _seen(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    raw: Raw,
    counted: Counted,
    file_name: str,
    digest: str,
    earlier: Sequence[Load],
) -> dict[str, Any]:
    """What a load knows of itself before its rows are written."""
    # chosen by the row's number: the same rows for the same file, and only they are read by the contract
    some = counted.read // PROFILED + 1
    con.execute(
        f"CREATE TEMP TABLE good AS SELECT * FROM typed WHERE "
        f"CASE WHEN hash(qa_row) % {some} = 0 THEN NOT qa_bad ELSE false END"
    )
    before = earlier[-1] if earlier else None
    newest, late = before.newest_at if before else None, 0
    if feed.time:
        moment = f"CAST({quoted('qa_' + feed.time)} AS TIMESTAMPTZ)"
        older = f"epoch_us({moment}) < {_us(newest)}" if newest else "false"
        ((latest, late),) = con.execute(
            f"SELECT epoch_us(max({moment})), count(*) FILTER ({older}) FROM typed WHERE NOT qa_bad"
        ).fetchall()
        if latest is not None and (newest is None or latest > _us(newest)):
            newest = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=latest)
    return {
        "feed": feed.name,
        "table_name": feed.table_name,
        "file_name": file_name,
        "content_hash": digest,
        "read_count": counted.read,
        "skipped_count": counted.skipped,
        "reject_count": counted.bad,
        "late_count": int(late),
        "newest_at": newest,
        "fresh_hours": feed.fresh_hours,
        "columns": profile_columns(
            con, feed.table, list(feed.sources), "good", before.columns if before else {}
        ),
    }


def _unmapped(feed: Feed, raw: Raw, earlier: Sequence[Load]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns that the feed does not read, and those of them that came after its first load."""
    mapped = {*(f.source for f in feed.sources.values()), *feed.only_with, *feed.leaves}
    mapped |= {source.split(".")[0] for source in mapped}
    found = tuple(sorted(set(raw.types) - mapped))
    first = set(earlier[0].unmapped) if earlier else set(found)
    return found, tuple(n for n in found if n not in first)


def _keep_extras(
    workspace: Workspace, con: duckdb.DuckDBPyConnection, feed: Feed, names: Sequence[str], digest: str
) -> None:
    """Keep the values of columns that are new, each row under its key, until the feed is taught to read them."""
    key = ", ".join(f"{literal(k)}: CAST(t.{quoted('qa_' + k)} AS VARCHAR)" for k in feed.row_key)
    values = ", ".join(f"{literal(n)}: CAST(r.{quoted(n)} AS VARCHAR)" for n in names)
    filled = " OR ".join(f"r.{quoted(n)} IS NOT NULL" for n in names)
    rows = con.execute(
        f"SELECT {literal(feed.name)} AS feed, {literal(digest)} AS content_hash, t.qa_row AS row_number, "
        f"{f'CAST(to_json({{{key}}}) AS VARCHAR)' if key else 'NULL::VARCHAR'} AS row_key, "
        f"CAST(to_json({{{values}}}) AS VARCHAR) AS extra_values "
        f"FROM typed t JOIN raw r USING (qa_row) WHERE NOT t.qa_bad AND ({filled})"
    ).to_arrow_reader(_BATCH)
    workspace.append(EXTRAS, _batches(rows), once=f"extras:{digest}")


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    yield from reader


def _digest(path: Path, feed: Feed) -> str:
    try:
        with open(path, "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileUnreadable(
            f"Feed '{feed.name}': the file {path} cannot be read: {error.strerror}. Give the path of a "
            "Parquet, CSV, JSON lines or Excel file."
        ) from None
    return hashlib.sha256(f"{content}:{feed.hash}".encode()).hexdigest()


def _us(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)


def land_all(workspace: Workspace, files: Sequence[tuple[Feed, Path]]) -> Iterator[Landing]:
    """Land several files one after another, yielding each landing as it is done."""
    for feed, path in files:
        yield land(workspace, feed, path)
