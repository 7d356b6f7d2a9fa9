"""A published snapshot: one moment of the workspace that every reader sees whole.

It is one native DuckDB file with the columns that bit algebra reads beside it, opened read-only and never
changed after it was published, and the versions of the shared tables that it was built from.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb

from qa_lib.errors import NothingBuilt
from qa_lib.tables import TABLES
from qa_lib.workspace.cancelling import cancellable
from qa_lib.workspace.columns import Columns, as_arrow
from qa_lib.workspace.leaves import FOLDER as LEAVES
from qa_lib.workspace.leaves import LeafCache
from qa_lib.workspace.people import view_sql
from qa_lib.workspace.sql import open_file, quoted, to_frame
from qa_lib.workspace.state import Published
from qa_lib.workspace.store import Store
from qa_lib.workspace.streamed import with_stream

if TYPE_CHECKING:
    import pandas as pd

FILE = "snapshot.duckdb"
META = "meta.json"
#: The entry of the meta data that says how many ids `person_keys` maps.
KEY_COUNT = "person_key_count"


class Snapshot:
    """Read access to one published version; safe to use from several threads.

    `root` is the folder of its workspace.
    """

    def __init__(
        self, root: Path, store: Store, published: Published, zone: ZoneInfo, *, read_only: bool = False
    ) -> None:
        self.published = published
        self.zone = zone
        self.root = root
        self._store = store
        self._folder = root / "cache" / published.version
        self._local = threading.local()
        if not (self._folder / FILE).is_file():
            raise NothingBuilt(
                f"Snapshot {published.version} is published but its cache is gone from {self._folder.parent}. "
                f"Build it again with `qa build --as-of {published.as_of.isoformat()}`."
            )
        self._database = open_file(self._folder / FILE, root)
        self.columns = Columns(self._folder)
        self.leaves = LeafCache(self._folder / LEAVES, read_only=read_only)
        _ = self.meta  # read now: later publications may remove the folder of an open snapshot

    @property
    def version(self) -> str:
        """The snapshot's name: its moment and a hash of what it was built from."""
        return self.published.version

    @property
    def as_of(self) -> datetime:
        """The moment, in UTC, at which all windows end."""
        return self.published.as_of

    @property
    def table_versions(self) -> Mapping[str, int]:
        """The versions of the shared tables that were read."""
        return self.published.table_versions

    @cached_property
    def meta(self) -> dict[str, Any]:
        """What the builder left beside the data, as JSON values."""
        with open(self._folder / META, encoding="utf-8") as file:
            return json.load(file)

    @cached_property
    def people_count(self) -> int:
        """The size of the universe: all people known at `as_of`."""
        row = self.cursor().execute("SELECT count(*) FROM people").fetchall()
        return int(row[0][0])

    def person_of(self, any_id: str) -> str:
        """The resolved person of a source's id or of an id that was merged away; any other stands for itself."""
        if not self._is_mapped:
            return any_id
        asked = "SELECT person_id FROM person_keys WHERE source_id = $id"
        found = self.cursor().execute(asked, {"id": any_id}).fetchall()
        return str(found[0][0]) if found else any_id

    @property
    def _is_mapped(self) -> bool:
        return int(self.meta.get(KEY_COUNT, 0)) > 0

    def cursor(self, *, packed: Iterable[str] = ()) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the locked-down, read-only file.

        Parameters
        ----------
        packed
            Fields that are to be columns of `profile`; those that only have a bitset are made so.
        """
        cursor = cancellable(self._database.cursor())
        self._unpack(cursor, packed)
        return cursor

    def _unpack(self, cursor: duckdb.DuckDBPyConnection, names: Iterable[str]) -> bool:
        """Put a `profile` in front of the file's own that has these bitsets as columns too."""
        wanted = sorted(set(names) & self.columns.packed_only)
        if wanted:
            cursor.register("packed_tags", as_arrow(self.columns, wanted, self.people_count))
            cursor.execute(
                "CREATE OR REPLACE TEMP VIEW profile AS SELECT p.*, t.* EXCLUDE (person_no) "
                f"FROM {quoted(Path(FILE).stem)}.main.profile p JOIN packed_tags t USING (person_no)"
            )
        return bool(wanted)

    def frame(
        self,
        sql: str,
        params: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        packed: Iterable[str] = (),
    ) -> pd.DataFrame:
        """The answer to the library's own SQL, as a frame; `packed` as in `cursor`.

        It sees the snapshot's tables (`people`, `profile`, `event_…`) and, as views at the versions
        this snapshot was built from, the shared tables of `qa_lib.tables`, in which `person_id` is the
        resolved person.
        """
        if not hasattr(self._local, "cursor"):
            cursor = self.cursor()
            landed = {n: self._store.scan_sql(TABLES[n], at) for n, at in self.table_versions.items()}
            for name, scan in with_stream(landed).items():
                view = view_sql(TABLES[name], scan, is_mapped=self._is_mapped)
                cursor.execute(f"CREATE TEMP VIEW {quoted(name)} AS {view}")
            self._local.cursor = cursor
        cursor = cancellable(self._local.cursor)
        if not self._unpack(cursor, packed):
            return to_frame(cursor.execute(sql, params))
        try:
            return to_frame(cursor.execute(sql, params))
        finally:
            cursor.execute("DROP VIEW temp.main.profile")
            cursor.unregister("packed_tags")

    def with_tables(self, versions: Mapping[str, int]) -> Snapshot:
        """The same people, tags and events beside other versions of some shared tables.

        So a receipt that came after the build can be seen without another build. Who is who stays as it
        was when the snapshot was built.
        """
        other = copy.copy(self)
        other.published = replace(self.published, table_versions={**self.table_versions, **versions})
        other._local = threading.local()
        return other

    def stamp(self) -> dict[str, Any]:
        """What every figure carries: where it comes from, as JSON values."""
        return {
            "snapshot": self.version,
            "as_of": self.as_of.isoformat().replace("+00:00", "Z"),
            "table_versions": dict(self.table_versions),
            "library_version": self.published.library_version,
        }

    def __repr__(self) -> str:
        return f"Snapshot({self.version}, {self.people_count:,} people as of {self.as_of.isoformat()})"
