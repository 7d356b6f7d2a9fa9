"""What is remembered of every load: how many rows, which columns, how new; and how far each source was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from qa_lib.workspace import Workspace

_metadata = sa.MetaData()
_loads = sa.Table(
    "loads",
    _metadata,
    sa.Column("load_id", sa.Integer, primary_key=True),
    sa.Column("feed", sa.String, nullable=False, index=True),
    sa.Column("table_name", sa.String, nullable=False),
    sa.Column("file_name", sa.String, nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    *(
        sa.Column(name, sa.BigInteger, nullable=False)
        for name in (
            *("read_count", "skipped_count", "reject_count", "new_count", "replaced_count"),
            *("left_count", "late_count"),
        )
    ),
    sa.Column("newest_at", sa.String),
    sa.Column("fresh_hours", sa.Float),
    sa.Column("columns", sa.JSON, nullable=False),
    sa.Column("unmapped", sa.JSON, nullable=False),
    sa.Column("new_columns", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
    sa.Column("loaded_at", sa.String, nullable=False),
)
_marks = sa.Table(
    "source_marks",
    _metadata,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("mark", sa.String, nullable=False),
    sa.Column("marked_at", sa.String, nullable=False),
)


@dataclass(frozen=True)
class Load:
    """One load of one feed.

    Every row that was read is in one count: skipped (nothing to say to this table), rejected, new, replaced
    (a known key with other values) or left (there already).

    Attributes
    ----------
    late_count
        Of the rows that were not rejected, those older than the newest of the loads before.
    newest_at
        The newest moment of the feed's time column, up to and with this load.
    fresh_hours
        How old the newest row may be, as the feed said at this load.
    columns
        By column of the table, what `qa_lib.sources.profile` found in the good rows.
    unmapped
        Columns of the file that the feed does not read.
    new_columns
        Of those, the ones that no load before had; they are kept in the table `extras`.
    """

    feed: str
    table_name: str
    file_name: str
    content_hash: str
    read_count: int
    skipped_count: int
    reject_count: int
    new_count: int
    replaced_count: int
    left_count: int
    late_count: int
    newest_at: datetime | None
    fresh_hours: float | None
    columns: Mapping[str, Mapping[str, Any]]
    unmapped: tuple[str, ...]
    new_columns: tuple[str, ...]
    seconds: float
    loaded_at: datetime = field(default_factory=lambda: datetime.now(UTC))


def add_load(workspace: Workspace, load: Load) -> None:
    """Remember a load."""
    row = asdict(load) | {
        "newest_at": load.newest_at.isoformat() if load.newest_at else None,
        "loaded_at": load.loaded_at.isoformat(),
        "unmapped": list(load.unmapped),
        "new_columns": list(load.new_columns),
    }
    with _ready(workspace).begin() as con:
        con.execute(_loads.insert().values(row))


def loads(workspace: Workspace, feed: str | None = None) -> list[Load]:
    """Every load, or those of one feed, oldest first."""
    query = sa.select(_loads).order_by(_loads.c.load_id)
    if feed is not None:
        query = query.where(_loads.c.feed == feed)
    with _ready(workspace).connect() as con:
        return [_load(row) for row in con.execute(query).mappings()]


def first_and_last(workspace: Workspace, feed: str) -> list[Load]:
    """A feed's first load and its newest; one where it is the same, none where it was never loaded."""
    of_feed = sa.select(_loads.c.load_id).where(_loads.c.feed == feed)
    ends = (
        of_feed.order_by(order).limit(1).scalar_subquery() for order in (_loads.c.load_id, -_loads.c.load_id)
    )
    query = sa.select(_loads).where(_loads.c.load_id.in_(ends)).order_by(_loads.c.load_id)
    with _ready(workspace).connect() as con:
        return [_load(row) for row in con.execute(query).mappings()]


def _load(row: Mapping[Any, Any]) -> Load:
    given = {f.name: row[f.name] for f in fields(Load)}
    for name in ("newest_at", "loaded_at"):
        given[name] = datetime.fromisoformat(given[name]) if given[name] else None
    for name in ("unmapped", "new_columns"):
        given[name] = tuple(given[name])
    return Load(**given)


def read_mark(workspace: Workspace, source: str) -> str | None:
    """How far a source was read: the largest value of its watermark that is landed, as text."""
    with _ready(workspace).connect() as con:
        found = con.execute(sa.select(_marks.c.mark).where(_marks.c.source == source)).scalar()
        return None if found is None else str(found)


def write_mark(workspace: Workspace, source: str, mark: str) -> None:
    """Say how far a source was read, once its rows are landed."""
    values = {"mark": mark, "marked_at": datetime.now(UTC).isoformat()}
    with _ready(workspace).begin() as con:
        done = con.execute(_marks.update().where(_marks.c.source == source).values(values))
        if not done.rowcount:
            con.execute(_marks.insert().values(source=source, **values))


def _ready(workspace: Workspace) -> sa.Engine:
    _metadata.create_all(workspace.state.engine, checkfirst=True)
    return workspace.state.engine
