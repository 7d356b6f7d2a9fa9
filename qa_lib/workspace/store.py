"""The shared tables: Delta Lake under `tables/`, many readers and writers, one version a commit."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlparse

from qa_lib.errors import NothingBuilt, WorkspaceUnusable
from qa_lib.tables import SQL_TYPES, Table
from qa_lib.workspace.files import sync
from qa_lib.workspace.sql import file_literal, quoted, text_literal

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa
    from deltalake import DeltaTable


#: The entry of a commit that names the origin of the rows it replaced, and the one that builds read.
_ORIGIN, _OBSERVED = "qa_origin", "observed"
_BATCH = 250_000


class Upserted(NamedTuple):
    """What an upsert did: the table's version, and how many rows were new, took another's place, were left."""

    version: int
    new_count: int
    replaced_count: int
    left_count: int


class Store:
    """Delta tables in one folder, each declared in `qa_lib.tables`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        try:
            return DeltaTable((self.folder / name).as_uri(), version=version)
        except TableNotFoundError:
            raise NothingBuilt(
                f"Table '{name}' has not been landed in {self.folder.parent}. Land its feed with `qa land`."
            ) from None

    def exists(self, name: str) -> bool:
        """Whether the table was ever written."""
        return (self.folder / name / "_delta_log").is_dir()

    def version(self, name: str) -> int:
        """The newest version of a table."""
        return int(self._open(name).version())

    def build_version(self, name: str) -> int | None:
        """The newest version that changed rows a build reads; None when no version has any.

        Rehearsals and replays write rows of their own origin, which no snapshot holds: their commits say so.
        """
        for commit in self._open(name).history():
            if commit.get(_ORIGIN, _OBSERVED) == _OBSERVED:
                return int(commit["version"])
        return None

    def files(self, name: str, version: int | None = None) -> list[str]:
        """The Parquet files of one version."""
        return self._files(name, self._open(name, version))

    def _files(self, name: str, table: DeltaTable) -> list[str]:
        features = table.protocol().reader_features or []
        if "deletionVectors" in features:
            raise WorkspaceUnusable(
                f"Table '{name}' in {self.folder} was written with deletion vectors, which readers of its "
                "files would ignore. Rewrite it without them."
            )
        return [_local(uri) for uri in table.file_uris()]

    def scan_sql(self, table: Table, version: int | None = None) -> str:
        """SQL that selects every row of one version."""
        files = self.files(table.name, version)
        if not files:
            columns = ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {c.name}" for c in table.columns)
            return f"SELECT {columns} WHERE false"
        listed = ", ".join(file_literal(f) for f in files)
        return f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)"

    def replace(
        self,
        table: Table,
        batches: Iterable[pa.RecordBatch],
        where: Mapping[str, str] | None = None,
    ) -> int:
        """Replace all rows, or only those with these texts in these columns, in one commit.

        Returns the new version. New rows that are not themselves among those named are refused.
        """
        with self._writing(table):
            return self._write(table, batches, "overwrite", None, where=where)

    @contextlib.contextmanager
    def _writing(self, table: Table) -> Iterator[None]:
        """One writer of a table at a time on this machine; the lock goes with the process that holds it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / f".{table.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def append(self, table: Table, batches: Iterable[pa.RecordBatch], *, once: str) -> int:
        """Add rows in one commit; a second append under the same `once` changes nothing."""
        from deltalake.exceptions import CommitFailedError

        with self._writing(table):
            seen = self._open(table.name) if self.exists(table.name) else None
            if seen is not None and seen.transaction_version(once) is not None:
                return int(seen.version())
            try:
                return self._write(table, batches, "append", {once: 1}, seen)
            except CommitFailedError:  # a writer on another machine, which the lock does not hold back
                if self._open(table.name).transaction_version(once) is None:
                    raise
                return self.version(table.name)

    def advance(
        self, table: Table, batches: Iterable[pa.RecordBatch], steps: Mapping[str, tuple[int, int]]
    ) -> bool:
        """Add rows that bring each of some sources from one offset to another, in one commit.

        The commit carries the new offsets as its transactions. False, and nothing written, where the table
        does not stand at one of the offsets any more.
        """
        from deltalake.exceptions import CommitFailedError

        with self._writing(table):
            seen = self._open(table.name) if self.exists(table.name) else None
            if seen is not None and self._standing(seen, steps) != {
                p: first for p, (first, _) in steps.items()
            }:
                return False
            try:
                self._write(table, batches, "append", {p: past for p, (_, past) in steps.items()}, seen)
            except CommitFailedError:  # a writer on another machine, which the lock does not hold back
                if self._standing(self._open(table.name), steps) == {
                    p: first for p, (first, _) in steps.items()
                }:
                    raise
                return False
            return True

    def reached(self, table: Table, sources: Iterable[str], version: int | None = None) -> dict[str, int]:
        """By source, the offset that `advance` brought a version of the table to; 0 where it never did."""
        names = list(sources)
        if not self.exists(table.name):
            return dict.fromkeys(names, 0)
        return self._standing(self._open(table.name, version), names)

    @staticmethod
    def _standing(opened: DeltaTable, sources: Iterable[str]) -> dict[str, int]:
        return {name: opened.transaction_version(name) or 0 for name in sources}

    def compact(self, table: Table, *, target_bytes: int | None = None) -> None:
        """Make larger files of many small ones; the rows and what was advanced stay as they are.

        Parameters
        ----------
        target_bytes
            About how large the files become; files that are as large are left alone. Delta's default when not given.
        """
        from deltalake import CommitProperties

        with self._writing(table):
            properties = CommitProperties(custom_metadata={_ORIGIN: "compacted"})
            before = set(self.files(table.name))
            self._open(table.name).optimize.compact(
                target_size=target_bytes, max_concurrent_tasks=1, commit_properties=properties
            )
            self._sync(table.name, before)

    def upsert(
        self, table: Table, con: duckdb.DuckDBPyConnection, sql: str, key: Sequence[str], *, replaces: bool
    ) -> Upserted:
        """Add the rows of a query that are not there by their key, in one commit.

        Parameters
        ----------
        con, sql
            A connection and a query on it with the table's columns, in which each key stands once.
        key
            Columns that tell rows apart; empty values are equal to each other.
        replaces
            Whether a row that is there under the same key with other values is replaced; else it stays.
        """
        with self._writing(table):
            con.execute(f"CREATE OR REPLACE TEMP TABLE qa_fresh AS {sql}")
            # of columns that are never empty, DuckDB keeps the bounds and reads no further rows of the table
            nullable = {c.name for c in table.columns if c.nullable}
            same_key = " AND ".join(
                f"k.{quoted(c)} {'IS NOT DISTINCT FROM' if c in nullable else '='} f.{quoted(c)}" for c in key
            )
            others = [c for c in table.column_names if c not in key]
            differs = " OR ".join(f"k.{quoted(c)} IS DISTINCT FROM f.{quoted(c)}" for c in others) or "false"
            known = self.scan_sql(table) if self.exists(table.name) else None
            state = f"CASE WHEN k.qa_known IS NULL THEN 'new' WHEN {differs} THEN 'other' ELSE 'same' END"
            if known:
                # the few fresh rows are hashed and the many known ones only pass by
                con.execute(
                    "CREATE OR REPLACE TEMP TABLE qa_met AS SELECT k.*, true AS qa_known "
                    f"FROM ({known}) k SEMI JOIN qa_fresh f ON {same_key}"
                )
                con.execute(
                    f"CREATE OR REPLACE TEMP TABLE qa_states AS SELECT f.*, {state} AS qa_state "
                    f"FROM qa_fresh f LEFT JOIN qa_met k ON {same_key}"
                )
            else:
                con.execute(
                    "CREATE OR REPLACE TEMP TABLE qa_states AS SELECT *, 'new' AS qa_state FROM qa_fresh"
                )
            counted = dict(con.execute("SELECT qa_state, count(*) FROM qa_states GROUP BY 1").fetchall())
            new, other = counted.get("new", 0), counted.get("other", 0) if replaces else 0
            left = counted.get("same", 0) + counted.get("other", 0) - other
            columns = ", ".join(map(quoted, table.column_names))
            wanted = "qa_state <> 'same'" if other else "qa_state = 'new'"
            rows = f"SELECT {columns} FROM qa_states WHERE {wanted}"
            if other:
                version = self._merge(table, con.execute(rows).to_arrow_reader(_BATCH), key)
            elif new or known is None:
                version = self._write(table, con.execute(rows).to_arrow_reader(_BATCH), "append", None)
            else:
                version = self.version(table.name)
            for made in ("qa_fresh", "qa_met", "qa_states"):
                con.execute(f"DROP TABLE IF EXISTS {made}")
        return Upserted(version, new, other, left)

    def _merge(self, table: Table, rows: Iterable[pa.RecordBatch], key: Sequence[str]) -> int:
        """Commit rows in the place of those with the same key, and the others beside them."""
        import pyarrow as pa

        schema = table.arrow_schema()
        opened = self._open(table.name)
        before = set(self.files(table.name))
        same = " AND ".join(f"(k.{quoted(c)} IS NOT DISTINCT FROM f.{quoted(c)})" for c in key)
        (
            opened.merge(
                pa.RecordBatchReader.from_batches(schema, _cast(rows, schema)),
                predicate=same,
                source_alias="f",
                target_alias="k",
            )
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute()
        )
        return self._sync(table.name, before)

    def _write(
        self,
        table: Table,
        batches: Iterable[pa.RecordBatch],
        mode: str,
        marks: Mapping[str, int] | None,
        seen: DeltaTable | None = None,
        where: Mapping[str, str] | None = None,
    ) -> int:
        """Commit the rows; a commit of one of the same marks after the version `seen` makes this one fail."""
        import pyarrow as pa
        from deltalake import CommitProperties, Transaction, write_deltalake

        schema = table.arrow_schema()
        reader = pa.RecordBatchReader.from_batches(schema, _cast(batches, schema))
        transactions = [Transaction(name, number) for name, number in marks.items()] if marks else None
        # the log is read once: with many commits that costs more than a small write
        opened = seen if seen is not None or not self.exists(table.name) else self._open(table.name)
        before = set(self._files(table.name, opened)) if opened is not None else set()
        # a table of an older release, with fewer columns, held the rows of one feed: it is written anew
        is_older = opened is not None and not _has_all_columns(opened, table)
        target = opened if opened is not None else (self.folder / table.name).as_uri()
        properties = CommitProperties(app_transactions=transactions)
        if mode == "append":
            write_deltalake(target, reader, mode="append", commit_properties=properties)
        else:
            origin = (where or {}).get("origin", _OBSERVED)
            properties = CommitProperties(app_transactions=transactions, custom_metadata={_ORIGIN: origin})
            conditions = [f"{table.column(n).name} = {text_literal(v)}" for n, v in (where or {}).items()]
            write_deltalake(
                target,
                reader,
                mode="overwrite",
                commit_properties=properties,
                predicate=" AND ".join(conditions) if conditions and opened and not is_older else None,
                schema_mode="overwrite" if is_older else None,
            )
        return self._sync(table.name, before, opened)

    def _sync(self, name: str, before: set[str], opened: DeltaTable | None = None) -> int:
        """Push the version that was just written to the disk; returns it."""
        opened = opened or self._open(name)
        # delta-rs does not sync; a version is only named once its files would survive a power cut
        for path in set(self._files(name, opened)) - before:
            sync(Path(path))
        log = self.folder / name / "_delta_log"
        sync(log / f"{opened.version():020d}.json")
        sync(log)
        return int(opened.version())


def _has_all_columns(opened: DeltaTable, table: Table) -> bool:
    return {field.name for field in opened.schema().fields} >= set(table.column_names)


def _cast(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select(schema.names).cast(schema)


def _local(uri: str) -> str:
    return unquote(urlparse(uri).path if uri.startswith("file:") else uri)
