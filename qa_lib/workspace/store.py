"""The shared tables: Delta Lake under `tables/`, many readers and writers, one version a commit."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from qa_lib.errors import NothingBuilt, WorkspaceUnusable
from qa_lib.tables import SQL_TYPES, Table
from qa_lib.workspace.files import sync
from qa_lib.workspace.sql import file_literal

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable


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

    def files(self, name: str, version: int | None = None) -> list[str]:
        """The Parquet files of one version."""
        table = self._open(name, version)
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

    def replace(self, table: Table, batches: Iterable[pa.RecordBatch]) -> int:
        """Replace all rows in one commit; returns the new version."""
        with self._writing(table):
            return self._write(table, batches, "overwrite", None)

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
                return self._write(table, batches, "append", once, seen)
            except CommitFailedError:  # a writer on another machine, which the lock does not hold back
                if self._open(table.name).transaction_version(once) is None:
                    raise
                return self.version(table.name)

    def _write(
        self,
        table: Table,
        batches: Iterable[pa.RecordBatch],
        mode: str,
        once: str | None,
        seen: DeltaTable | None = None,
    ) -> int:
        """Commit the rows; a commit of the same `once` after the version `seen` makes this one fail."""
        import pyarrow as pa
        from deltalake import CommitProperties, Transaction, write_deltalake

        schema = table.arrow_schema()
        reader = pa.RecordBatchReader.from_batches(schema, _cast(batches, schema))
        transactions = [Transaction(once, 1)] if once else None
        before = set(self.files(table.name)) if self.exists(table.name) else set()
        write_deltalake(
            seen if seen is not None else (self.folder / table.name).as_uri(),
            reader,
            mode="overwrite" if mode == "overwrite" else "append",
            commit_properties=CommitProperties(app_transactions=transactions),
        )
        opened = self._open(table.name)
        # delta-rs does not sync; a version is only named once its files would survive a power cut
        for path in set(self.files(table.name, opened.version())) - before:
            sync(Path(path))
        log = self.folder / table.name / "_delta_log"
        sync(log / f"{opened.version():020d}.json")
        sync(log)
        return int(opened.version())


def _cast(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select(schema.names).cast(schema)


def _local(uri: str) -> str:
    return unquote(urlparse(uri).path if uri.startswith("file:") else uri)
