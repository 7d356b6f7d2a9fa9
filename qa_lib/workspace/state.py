"""State that changes a row at a time: SQLite in WAL mode by default, Postgres by URL.

Today: what was landed, and which snapshots are published (the pointer that names the table versions
that belong together).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from qa_lib.errors import WorkspaceUnusable

SCHEMA_VERSION = 1

_metadata = sa.MetaData()
_schema = sa.Table("schema_version", _metadata, sa.Column("version", sa.Integer, primary_key=True))
_landings = sa.Table(
    "landings",
    _metadata,
    sa.Column("landing_id", sa.Integer, primary_key=True),
    sa.Column("feed", sa.String, nullable=False, index=True),
    sa.Column("table_name", sa.String, nullable=False),
    sa.Column("file_name", sa.String, nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("row_count", sa.BigInteger, nullable=False),
    sa.Column("reject_count", sa.BigInteger, nullable=False),
    sa.Column("table_version", sa.BigInteger, nullable=False),
    sa.Column("landed_at", sa.String, nullable=False),
)
_snapshots = sa.Table(
    "snapshots",
    _metadata,
    sa.Column("snapshot_id", sa.Integer, primary_key=True),
    sa.Column("version", sa.String, nullable=False, index=True),
    sa.Column("as_of", sa.String, nullable=False),
    sa.Column("table_versions", sa.JSON, nullable=False),
    sa.Column("library_version", sa.String, nullable=False),
    sa.Column("published_at", sa.String, nullable=False),
)


@dataclass(frozen=True)
class Landing:
    """One file that was landed."""

    feed: str
    table_name: str
    file_name: str
    content_hash: str
    row_count: int
    reject_count: int
    table_version: int
    landed_at: datetime


@dataclass(frozen=True)
class Published:
    """One published snapshot: which versions of which tables belong together, as of when."""

    version: str
    as_of: datetime
    table_versions: Mapping[str, int]
    library_version: str
    published_at: datetime


class State:
    """The state database of one workspace."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        sa.event.listen(self.engine, "handle_error", _no_room)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _sqlite_settings)

    def create(self) -> None:
        """Make the tables where they are not there yet; refuse a newer schema."""
        _metadata.create_all(self.engine, checkfirst=True)
        with self.engine.begin() as con:
            found = con.execute(sa.select(_schema.c.version)).scalar()
            if found is None:
                con.execute(_schema.insert().values(version=SCHEMA_VERSION))
            elif found > SCHEMA_VERSION:
                raise WorkspaceUnusable(
                    f"The workspace's state has schema {found}; this version of the library knows up to "
                    f"{SCHEMA_VERSION}. Upgrade the library."
                )

    def add_landing(self, landing: Landing) -> None:
        with self.engine.begin() as con:
            con.execute(_landings.insert().values(_row(landing)))

    def landings(self) -> list[Landing]:
        """Every landing, oldest first."""
        with self.engine.connect() as con:
            rows = con.execute(sa.select(_landings).order_by(_landings.c.landing_id)).mappings()
            return [Landing(**_fields(r, "landing_id", "landed_at")) for r in rows]

    def last_landing(self, feed: str, digest: str | None = None) -> Landing | None:
        """The newest landing of one feed, or its newest of one content."""
        query = sa.select(_landings).where(_landings.c.feed == feed)
        if digest is not None:
            query = query.where(_landings.c.content_hash == digest)
        with self.engine.connect() as con:
            row = con.execute(query.order_by(_landings.c.landing_id.desc()).limit(1)).mappings().first()
            return Landing(**_fields(row, "landing_id", "landed_at")) if row else None

    def add_snapshot(self, published: Published) -> None:
        with self.engine.begin() as con:
            con.execute(_snapshots.insert().values(_row(published)))

    def snapshots(self) -> list[Published]:
        """Every published snapshot, oldest publication first."""
        with self.engine.connect() as con:
            rows = con.execute(sa.select(_snapshots).order_by(_snapshots.c.snapshot_id)).mappings()
            return [Published(**_fields(r, "snapshot_id", "as_of", "published_at")) for r in rows]


#: What SQLite and Postgres say when a file cannot grow.
_FULL = ("disk I/O error", "database or disk is full", "No space left on device", "could not extend file")


def _no_room(context: Any) -> None:
    said = str(context.original_exception)
    if any(words in said for words in _FULL):
        where = context.engine.url.database if context.engine is not None else "its database"
        raise WorkspaceUnusable(
            f"The workspace's state cannot be written to {where}: {said.splitlines()[0]}. Check the space left, then "
            "do the same again."
        ) from context.original_exception


def _row(record: Any) -> dict[str, Any]:
    return {k: _plain(v) for k, v in vars(record).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return dict(value) if isinstance(value, Mapping) else value


def _fields(row: Mapping[Any, Any], drop: str, *moments: str) -> dict[str, Any]:
    return {k: datetime.fromisoformat(v) if k in moments else v for k, v in row.items() if k != drop}


def _sqlite_settings(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
