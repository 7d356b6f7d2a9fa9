"""The workspace: a folder that several kernels, a Voila server and nightly jobs use at once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from qa_lib.errors import (
    AsOfOutside,
    NothingBuilt,
    ReadOnly,
    SpecError,
    WorkbenchError,
    WorkspaceUnusable,
)
from qa_lib.tables import CAMPAIGNS, OUTCOMES, SENDS, SNAPSHOT_TABLES, TABLES, Table
from qa_lib.workspace import people
from qa_lib.workspace.cancelling import cancellable
from qa_lib.workspace.columns import ColumnsWriter
from qa_lib.workspace.draft import Draft
from qa_lib.workspace.files import sync
from qa_lib.workspace.reads import note_read
from qa_lib.workspace.settings import FORMAT, SETTINGS, nearest, read_settings, zone_of
from qa_lib.workspace.snapshot import FILE, KEY_COUNT, META, Snapshot
from qa_lib.workspace.sql import open_builder, quoted, to_frame
from qa_lib.workspace.state import Landing, Published, State
from qa_lib.workspace.store import Store, Upserted
from qa_lib.workspace.streamed import with_stream

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_KEPT_SNAPSHOTS = 5


@cache
def library_version() -> str:
    """The installed version of this library."""
    try:
        return version("quick-audience-workbench")
    except PackageNotFoundError:
        return "0+source"


class Workspace:
    """The few verbs through which every stage reads and writes: read, append, replace, publish."""

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self.root = root
        self.read_only = read_only
        settings = read_settings(root)
        self.zone = zone_of(settings["zone"])
        self.currency: str = settings["currency"]
        self.store = Store(root / "tables")
        self.state = State(settings.get("state_url") or f"sqlite:///{root / 'state.db'}")
        with _usable(root):
            self.state.create()
        self._open_snapshots: dict[str, Snapshot] = {}

    @classmethod
    def create(
        cls, path: str | Path, *, zone: str = "UTC", currency: str = "USD", state_url: str | None = None
    ) -> Workspace:
        """Make a workspace, or open the one that is there with the same settings.

        Parameters
        ----------
        zone
            IANA name of the zone in which days begin.
        state_url
            SQLAlchemy URL of the state database; SQLite inside the folder when not given.

        Raises
        ------
        SpecError
            For a zone that does not exist, or settings other than those of the workspace that is there.
        WorkspaceUnusable
            When the folder cannot be written.
        """
        root = Path(path).absolute()
        if odd := sorted(set("[]?#%") & set(str(root))):
            raise WorkspaceUnusable(
                f"The workspace's path {root} holds {' '.join(odd)}, which its engines read as patterns. "
                "Choose a folder without []?#%."
            )
        zone_of(zone)
        wanted = {"format": FORMAT, "zone": zone, "currency": currency}
        if state_url:
            wanted["state_url"] = state_url
        with _usable(root):
            for folder in ("tables", "cache"):
                (root / folder).mkdir(parents=True, exist_ok=True)
            if not (root / SETTINGS).exists():
                beside = root / f".{SETTINGS}.{uuid.uuid4().hex}"
                beside.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
                beside.replace(root / SETTINGS)
        found = read_settings(root)
        if found != wanted:
            raise SpecError(
                f"The workspace {root} exists with other settings: {found}, asked for {wanted}. "
                "Open it with Workspace.open, or choose another folder."
            )
        return cls(root)

    @classmethod
    def open(cls, path: str | Path | None = None, *, read_only: bool | None = None) -> Workspace:
        """Open a workspace.

        Parameters
        ----------
        path
            Its folder; when not given, `$QA_WORKSPACE`, else `data/workspace` in the current folder or
            the nearest folder above that has one.
        read_only
            Refuse every write; when not given, whether `$QA_READ_ONLY` is set, as under Voila.

        Raises
        ------
        NothingBuilt
            When there is no workspace.
        """
        root = Path(path or os.environ.get("QA_WORKSPACE") or nearest()).absolute()
        if read_only is None:
            read_only = bool(os.environ.get("QA_READ_ONLY"))
        return cls(root, read_only=read_only)

    # -- shared tables -------------------------------------------------------------------------

    def replace(
        self,
        table: Table,
        batches: Iterable[pa.RecordBatch],
        where: Mapping[str, str] | None = None,
    ) -> int:
        """Replace a table's rows, or those with these texts in these columns, in one commit.

        Returns the table's new version.
        """
        self._writable()
        with _usable(self.root):
            return self.store.replace(table, batches, where)

    def append(self, table: Table, batches: Iterable[pa.RecordBatch], *, once: str) -> int:
        """Add rows in one commit; a second append under the same `once` changes nothing."""
        self._writable()
        with _usable(self.root):
            return self.store.append(table, batches, once=once)

    def advance(
        self, table: Table, batches: Iterable[pa.RecordBatch], steps: Mapping[str, tuple[int, int]]
    ) -> bool:
        """Add rows that bring each of some sources from one offset to another; False where one stands elsewhere."""
        self._writable()
        with _usable(self.root):
            return self.store.advance(table, batches, steps)

    def reached(self, table: Table, sources: Iterable[str], version: int | None = None) -> dict[str, int]:
        """By source, the offset that `advance` brought a version of the table to; 0 where it never did."""
        return self.store.reached(table, sources, version)

    def compact(self, table: Table, *, target_bytes: int | None = None) -> None:
        """Make larger files of many small ones; `Store.compact` says how."""
        self._writable()
        with _usable(self.root):
            self.store.compact(table, target_bytes=target_bytes)

    def upsert(
        self, table: Table, con: duckdb.DuckDBPyConnection, sql: str, key: Sequence[str], *, replaces: bool
    ) -> Upserted:
        """Add the rows of a query that are not there by their key; `Store.upsert` says how."""
        self._writable()
        with _usable(self.root):
            return self.store.upsert(table, con, sql, key, replaces=replaces)

    def record_landing(self, landing: Landing) -> None:
        """Note that a file was landed."""
        self._writable()
        self.state.add_landing(landing)

    def read(self, table: Table, version: int | None = None) -> pd.DataFrame:
        """All rows of one version of a table (the newest when not given)."""
        with contextlib.closing(duckdb.connect()) as con:
            cancellable(con).execute("SET TimeZone = 'UTC'")
            return to_frame(con.execute(self.store.scan_sql(table, version)))

    # -- snapshots -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def publish(self, as_of: datetime, recipe: str) -> Iterator[Draft | None]:
        """Build a snapshot beside the published ones and publish it in one step.

        Yields a `Draft` to fill, or None when a snapshot of the same tables, moment and recipe is
        published already. If the body raises, nothing is published
        and nothing is left behind.

        Parameters
        ----------
        as_of
            The moment at which all windows end.
        recipe
            Hash of everything else that decides the content (tag definitions).
        """
        self._writable()
        as_of = as_of.astimezone(UTC)
        versions = self.build_versions()
        parts = [versions, as_of.isoformat(), recipe, people.RULES, library_version(), FORMAT]
        key = json.dumps(parts, sort_keys=True)
        name = f"{as_of:%Y%m%dT%H%M%SZ}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        published = Published(name, as_of, versions, library_version(), datetime.now(UTC))
        target = self.root / "cache" / name
        if (target / FILE).exists():
            yield None
        else:
            with _usable(self.root):
                self._sweep()
                beside = self.root / "cache" / f".building-{os.getpid()}-{uuid.uuid4().hex[:8]}"
                beside.mkdir(parents=True)
            writer = ColumnsWriter(beside)
            try:
                with _usable(self.root), contextlib.closing(open_builder(beside / FILE)) as connection:
                    scans = with_stream({t: self.store.scan_sql(TABLES[t], at) for t, at in versions.items()})
                    key_count = people.write_keys(connection, scans, as_of)
                    for table, scan in scans.items():
                        sql = people.view_sql(TABLES[table], scan, is_mapped=key_count > 0)
                        connection.execute(f"CREATE TEMP VIEW {quoted(table)} AS {sql}")
                    meta = {KEY_COUNT: key_count} if key_count else {}
                    draft = Draft(connection, as_of, self.zone, versions, meta, columns=writer)
                    yield draft
                    connection.execute("CHECKPOINT")
                columns = draft.columns.close()
                (beside / META).write_text(json.dumps(draft.meta, ensure_ascii=False), encoding="utf-8")
                for path in (beside / FILE, beside / META, *columns, beside):
                    sync(path)
                if not (
                    target / FILE
                ).exists():  # a reader may have kept a condition where all else was dropped
                    shutil.rmtree(target, ignore_errors=True)
                with contextlib.suppress(OSError):  # another build of the same content was faster
                    beside.rename(target)
            finally:
                writer.release()
                shutil.rmtree(beside, ignore_errors=True)
        current = self.snapshots()
        if not current or current[-1].version != name:
            self.state.add_snapshot(published)
        self._prune()

    def build_versions(self) -> dict[str, int]:
        """The versions of the shared tables that a build would read now."""
        there = {n: self.store.build_version(n) for n in SNAPSHOT_TABLES if self.store.exists(n)}
        return {name: version for name, version in there.items() if version is not None}

    def snapshots(self) -> list[Published]:
        """Every snapshot whose data is there, oldest publication first."""
        return [p for p in self.state.snapshots() if (self.root / "cache" / p.version / FILE).exists()]

    def current(self) -> Published | None:
        """What `snapshot()` would open, without opening it; None when nothing is published."""
        there = self.snapshots()
        return _current(there) if there else None

    def snapshot(self, as_of: datetime | str | None = None) -> Snapshot:
        """The current snapshot, or the newest one as of a given moment.

        Current is the one with the latest moment, the newest publication among equals: a plan or a replay
        that builds an earlier moment changes nobody's dashboard.

        Raises
        ------
        NothingBuilt
            When nothing was published.
        AsOfOutside
            When no snapshot was built as of that moment.
        """
        there = self.snapshots()
        if not there:
            raise NothingBuilt(
                f"No snapshot is published in {self.root}. Land data and run `qa build`, or run `qa demo`."
            )
        if as_of is not None:
            moment = read_moment(as_of)
            fitting = [p for p in there if p.as_of == moment]
            if not fitting:
                built = ", ".join(sorted({p.as_of.isoformat() for p in there}))
                raise AsOfOutside(
                    f"No snapshot as of {moment.isoformat()}; built are: {built}. "
                    f"Build it with `qa build --as-of {moment.isoformat()}`."
                )
            there = fitting
        chosen = _current(there)
        note_read(chosen)
        if chosen.version not in self._open_snapshots:
            self._open_snapshots[chosen.version] = Snapshot(
                self.root, self.store, chosen, self.zone, read_only=self.read_only
            )
        return self._open_snapshots[chosen.version]

    def live_snapshot(self, as_of: datetime | str | None = None) -> Snapshot:
        """A snapshot beside the newest campaigns, sends and outcomes.

        So a receipt, a rehearsal or a conversion that came in after the build is seen without another one;
        people, tags and events stay those of the snapshot.
        """
        there = [t.name for t in (CAMPAIGNS, SENDS, OUTCOMES) if self.store.exists(t.name)]
        return self.snapshot(as_of).with_tables({name: self.store.version(name) for name in there})

    def _prune(self) -> None:
        """Drop the caches of all but the newest snapshots; open readers keep theirs until they close."""
        there = self.snapshots()
        kept: list[str] = [_current(there).version] if there else []
        for p in reversed(there):
            if p.version not in kept:
                kept.append(p.version)
        for old in kept[_KEPT_SNAPSHOTS:]:
            shutil.rmtree(self.root / "cache" / old, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove what builds left behind whose process is gone."""
        for left in (self.root / "cache").glob(".building-*"):
            with contextlib.suppress(ValueError, ProcessLookupError):
                with contextlib.suppress(PermissionError):  # somebody else's process, and alive
                    os.kill(int(left.name.split("-")[1]), 0)
                continue
            shutil.rmtree(left, ignore_errors=True)

    def _writable(self) -> None:
        if self.read_only:
            raise ReadOnly(
                f"The workspace {self.root} is open read-only, as dashboards open it. "
                "Do this in JupyterLab or on the command line."
            )

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r}{', read_only=True' if self.read_only else ''})"


def read_moment(value: datetime | str) -> datetime:
    """A moment in UTC from an ISO text or a datetime with a zone.

    Raises
    ------
    SpecError
        For a text that is no moment, or one without a zone.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise SpecError(
                f"{value!r} is not a moment. Use ISO 8601 with a zone, such as 2018-01-01T05:00:00Z."
            ) from None
    if value.tzinfo is None:
        raise SpecError(f"The moment {value.isoformat()} has no zone. Add one, such as Z for UTC.")
    return value.astimezone(UTC)


def _current(published: Sequence[Published]) -> Published:
    """The snapshot with the latest moment, the newest publication among equals."""
    return max(enumerate(published), key=lambda at: (at[1].as_of, at[0]))[1]


@contextlib.contextmanager
def _usable(root: Path) -> Iterator[None]:
    """Turn what the system says of a folder into words."""
    import sqlalchemy.exc
    from deltalake.exceptions import DeltaError

    try:
        yield
    except WorkbenchError:
        raise
    except (
        OSError,
        sqlalchemy.exc.OperationalError,
        duckdb.IOException,
        duckdb.TransactionException,  # a commit that could not be written
        duckdb.FatalException,
        DeltaError,
    ) as error:
        raise WorkspaceUnusable(
            f"The workspace {root} cannot be written: {error}. Check the folder's owner, its permissions and "
            "the space left, or choose another with --workspace."
        ) from error
