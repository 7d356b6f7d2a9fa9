"""The versions of saved audiences and their labels: rows in the state database that are only ever added."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from qa_lib.audiences.audience import Audience
from qa_lib.errors import ReadOnly, UnknownName, VersionConflict, did_you_mean
from qa_lib.workspace import Workspace

#: The label that campaigns and conditions follow.
ACTIVE = "active"

metadata = sa.MetaData()
_versions = sa.Table(
    "audience_versions",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("saved_at", sa.String, nullable=False),
    sa.Column("spec_hash", sa.String(64), nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("refers_to", sa.JSON, nullable=False),
    sa.Column("restores", sa.Integer),
)
_labels = sa.Table(
    "audience_labels",
    metadata,
    sa.Column("label_id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, index=True),
    sa.Column("label", sa.String(40), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("set_at", sa.String, nullable=False),
)
_shelf = sa.Table(
    "audience_shelf",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("folder", sa.String, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
)
_NEWEST = sa.func.max(_versions.c.number).label("number")


@dataclass(frozen=True)
class Version:
    """One saved version of an audience; it never changes.

    `hash` is the audience's content hash; `restores` the version whose content a rollback took.
    """

    name: str
    number: int
    audience: Audience
    author: str
    note: str
    saved_at: datetime
    hash: str
    restores: int | None = None


class Directory(NamedTuple):
    """The newest version of every audience and the version under each of its labels."""

    newest: Mapping[str, int]
    labels: Mapping[str, Mapping[str, int]]


class VersionTables:
    """Reads and adds rows; a workspace without them has no saved audience."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._engine = workspace.state.engine
        self._are_there = False

    # -- reading -------------------------------------------------------------------------------

    def newest(self) -> dict[str, int]:
        """The number of the newest version of every audience, by name."""
        rows = self.rows(sa.select(_versions.c.name, _NEWEST).group_by(_versions.c.name))
        return {row.name: row.number for row in sorted(rows, key=lambda row: str(row.name))}

    def numbers(self, name: str) -> list[int]:
        """The versions of one audience, ascending.

        Raises
        ------
        UnknownName
            When no audience of that name is saved.
        """
        found = self.rows(sa.select(_versions.c.number).where(_versions.c.name == name))
        if not found:
            raise UnknownName(
                f"No audience {name!r} is saved in {self.workspace.root}."
                f"{did_you_mean(name, self.newest())} `qa audience list` shows them."
            )
        return sorted(row.number for row in found)

    def labels(self, name: str | None = None) -> dict[str, dict[str, int]]:
        """The version under every label now, by audience and label."""
        asked = sa.select(_labels.c.name, _labels.c.label, _labels.c.number).order_by(_labels.c.label_id)
        if name is not None:
            asked = asked.where(_labels.c.name == name)
        found: dict[str, dict[str, int]] = {}
        for row in self.rows(asked):
            found.setdefault(row.name, {})[row.label] = row.number
        return found

    def label_history(self, name: str) -> list[Mapping[str, Any]]:
        """Who set which label of an audience to which version, oldest first."""
        asked = sa.select(_labels).where(_labels.c.name == name).order_by(_labels.c.label_id)
        return [dict(zip(_labels.c.keys(), row, strict=True)) for row in self.rows(asked)]

    def number(self, name: str, version: int | str | None) -> int:
        """The number of a version: given, under a label, or the newest where it is None.

        Raises
        ------
        UnknownName
            For an audience, a version or a label that is not there.
        """
        there = self.numbers(name)
        if version is None:
            return there[-1]
        if isinstance(version, str):
            labels = self.labels(name).get(name, {})
            if version not in labels:
                raise UnknownName(
                    f"Audience {name!r} has no version labelled {version!r}."
                    f"{did_you_mean(version, labels)} Set it with label({name!r}, {version!r}, number)."
                )
            return labels[version]
        if version not in there:
            shown = f"version {there[0]}" if len(there) == 1 else f"versions {there[0]} to {there[-1]}"
            raise UnknownName(f"Audience {name!r} has no version {version}; it has {shown}.")
        return version

    def directory(self) -> Directory:
        """Which audiences there are and what their labels mean, at this moment."""
        newest, labels = self.newest(), self.labels()
        for name, at in labels.items():  # what was saved between the two questions is there all the same
            newest[name] = max(newest.get(name, 0), *at.values())
        return Directory(newest, labels)

    def version(self, name: str, number: int) -> Version:
        """One version, whole."""
        asked = sa.select(_versions).where(_versions.c.name == name, _versions.c.number == number)
        return _version(self.rows(asked)[0]._mapping)

    def history(self, name: str) -> list[Version]:
        """Every version of an audience, oldest first."""
        self.numbers(name)
        asked = sa.select(_versions).where(_versions.c.name == name).order_by(_versions.c.number)
        return [_version(row._mapping) for row in self.rows(asked)]

    def references(self) -> list[tuple[str, int, list[tuple[str, int | None]]]]:
        """Which audiences every version names: name, number, and pairs of audience and version."""
        asked = sa.select(_versions.c.name, _versions.c.number, _versions.c.refers_to)
        rows = self.rows(asked.order_by(_versions.c.name, _versions.c.number))
        return [(row.name, row.number, [(a, v) for a, v in row.refers_to]) for row in rows]

    def heads(self) -> list[Mapping[str, Any]]:
        """The newest version of every audience without its content, by name."""
        columns = ("name", "number", "author", "note", "saved_at", "spec_hash")
        last = sa.select(_versions.c.name, _NEWEST).group_by(_versions.c.name)
        newest = last.subquery()
        asked = sa.select(*(_versions.c[c] for c in columns)).join(
            newest, sa.and_(_versions.c.name == newest.c.name, _versions.c.number == newest.c.number)
        )
        return [dict(zip(columns, row, strict=True)) for row in self.rows(asked.order_by(_versions.c.name))]

    def shelf(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Folder and tags by audience."""
        return {row.name: (row.folder, tuple(row.tags)) for row in self.rows(sa.select(_shelf))}

    def rows(self, asked: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        """The answer to a question about these tables; nothing while they are not there."""
        if not self._are_there:
            self._are_there = set(metadata.tables) <= set(sa.inspect(self._engine).get_table_names())
        if not self._are_there:
            return []
        with self._engine.connect() as con:
            return con.execute(asked).fetchall()

    # -- adding --------------------------------------------------------------------------------

    def add(
        self,
        audience: Audience,
        author: str,
        note: str,
        based_on: int | None,
        *,
        restores: int | None = None,
    ) -> Version:
        """Add the version after `based_on`; the first one where it is None.

        The first version, and one that restores another, are active at once.

        Raises
        ------
        VersionConflict
            When a newer version than `based_on` is there.
        UnknownName
            When `based_on` is not there.
        """
        name = audience.name
        self.writable(f"The audience {name!r} cannot be saved")
        newest = self.newest().get(name)
        if based_on is not None and (newest is None or based_on > newest):
            self.number(name, based_on)
        if newest == based_on:
            number = (newest or 0) + 1
            row = {
                "name": name,
                "number": number,
                "author": author,
                "note": note,
                "saved_at": datetime.now(UTC).isoformat(),
                "spec_hash": audience.hash,
                "audience": audience.to_json(),
                "refers_to": [list(pair) for pair in audience.refers_to()],
                "restores": restores,
            }
            # of two processes that add the same number the key lets one through
            with contextlib.suppress(sa.exc.IntegrityError), self._engine.begin() as con:
                con.execute(_versions.insert().values(row))
                if number == 1 or restores is not None:
                    con.execute(_labels.insert().values(_label(name, ACTIVE, number, author)))
                return self._added(con, name, number)
        found = self.version(name, self.number(name, None))
        since = "a new audience" if based_on is None else f"a change of version {based_on}"
        raise VersionConflict(
            f"Audience {name!r} is at version {found.number}, saved by {found.author!r} at "
            f"{found.saved_at.isoformat(timespec='seconds')} ({found.note or 'no note'}); this is {since}. "
            f"Look at what came in between (`qa audience diff {name}`), then save with based_on={found.number}."
        )

    def _added(self, con: sa.Connection, name: str, number: int) -> Version:
        asked = sa.select(_versions).where(_versions.c.name == name, _versions.c.number == number)
        return _version(con.execute(asked).one()._mapping)

    def add_label(self, name: str, label: str, number: int, author: str) -> None:
        """Put a label on a version; it leaves the one that had it."""
        self.writable(f"The label {label!r} of audience {name!r} cannot be set")
        with self._engine.begin() as con:
            con.execute(_labels.insert().values(_label(name, label, number, author)))

    def set_shelf(self, name: str, folder: str, tags: Sequence[str]) -> None:
        """Where an audience is filed."""
        self.writable(f"The audience {name!r} cannot be filed")
        with self._engine.begin() as con:
            con.execute(_shelf.delete().where(_shelf.c.name == name))
            con.execute(_shelf.insert().values(name=name, folder=folder, tags=list(tags)))

    def writable(self, what: str) -> None:
        """Refuse a reader's write, and make the tables for a writer's."""
        if self.workspace.read_only:
            raise ReadOnly(
                f"{what}: the workspace {self.workspace.root} is open read-only. "
                "Open it with Workspace.open(…, read_only=False)."
            )
        if not self._are_there:
            # of two processes that make the tables at once, one finds them there
            for _ in range(2):
                with contextlib.suppress(sa.exc.OperationalError, sa.exc.ProgrammingError):
                    metadata.create_all(self._engine, checkfirst=True)
            self._are_there = True


def _label(name: str, label: str, number: int, author: str) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"name": name, "label": label, "number": number, "author": author, "set_at": now}


def _version(row: Mapping[Any, Any]) -> Version:
    return Version(
        row["name"],
        row["number"],
        Audience.from_json(row["audience"]),
        row["author"],
        row["note"],
        datetime.fromisoformat(row["saved_at"]),
        row["spec_hash"],
        row["restores"],
    )
