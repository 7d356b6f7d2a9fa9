"""Members of saved audiences, kept as compressed bitmaps in files, with a row about each in the state database.

A file is named by what decides its content: `audiences/SNAPSHOT/KEY.roaring`, in the portable format of
Roaring bitmaps over that snapshot's person numbers.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from qa_lib.audiences.audience import named_versions
from qa_lib.audiences.references import Pinned
from qa_lib.audiences.versions import VersionTables, metadata
from qa_lib.errors import WorkspaceUnusable
from qa_lib.rules import Bits, to_numbers
from qa_lib.rules.bits import from_numbers
from qa_lib.workspace import Snapshot, library_version
from qa_lib.workspace.files import sync

FOLDER = "audiences"
_members = sa.Table(
    "audience_members",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("snapshot", sa.String, primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("facts", sa.String(64), nullable=False),
    sa.Column("spec_hash", sa.String(64), nullable=False),
    sa.Column("member_count", sa.BigInteger, nullable=False),
    sa.Column("universe_count", sa.BigInteger, nullable=False),
    sa.Column("audience_versions", sa.JSON, nullable=False),
    sa.Column("library_version", sa.String, nullable=False),
    sa.Column("kept_at", sa.String, nullable=False),
)


@dataclass(frozen=True)
class Members:
    """Who was in a version of an audience at a snapshot.

    `bits` are over the snapshot's person numbers; `audience_versions` says which versions of other
    audiences its conditions and its base were read at.
    """

    name: str
    number: int
    snapshot: Snapshot
    bits: Bits
    count: int
    universe: int
    spec_hash: str
    audience_versions: tuple[tuple[str, int], ...]
    library_version: str

    @cached_property
    def person_ids(self) -> pd.Series:
        """Ids of the members, in the order of person numbers."""
        people = self.snapshot.frame("SELECT person_id FROM people ORDER BY person_no")
        return people["person_id"].iloc[to_numbers(self.bits)].reset_index(drop=True)

    def stamp(self) -> dict[str, Any]:
        """What every figure about them carries, as JSON values."""
        return {
            "audience": self.name,
            "version": self.number,
            "spec_hash": self.spec_hash,
            "audience_versions": named_versions(self.audience_versions),
            **self.snapshot.stamp(),
        }


def to_roaring(members: Bits) -> bytes:
    """A set as a Roaring bitmap in the portable format, which Java, Go and C++ read as well."""
    from pyroaring import BitMap

    found = BitMap(to_numbers(members).astype(np.uint32))
    found.run_optimize()
    return bytes(found.serialize())


def from_roaring(content: bytes, size: int) -> Bits:
    """The set in a Roaring bitmap, over a universe of `size` people.

    Raises
    ------
    ValueError
        When it is no bitmap, or holds numbers beyond the universe.
    """
    from pyroaring import BitMap

    found = BitMap.deserialize(content)
    if found and found.max() >= size:
        raise ValueError(f"person number {found.max()} in a universe of {size}")
    return from_numbers(np.frombuffer(found.to_array(), dtype=np.uint32), size)


class MembersFiles:
    """The files and rows of one workspace."""

    def __init__(self, tables: VersionTables) -> None:
        self.tables = tables
        self.root = tables.workspace.root / FOLDER

    def read(self, key: str, snapshot: Snapshot) -> Bits | None:
        """The members under a key, or None where no whole file holds them."""
        return self._read(key, snapshot.version, snapshot.people_count)

    def _read(self, key: str, snapshot: str, size: int) -> Bits | None:
        try:
            return from_roaring(self._file(key, snapshot).read_bytes(), size)
        except (OSError, ValueError, RuntimeError):  # not there, or damaged: they are evaluated again
            return None

    def row(self, pinned: Pinned, snapshot: Snapshot) -> dict[str, Any] | None:
        """What is on record about members that are kept."""
        return self.on_record(snapshot, pinned.name).get((pinned.name, pinned.number, pinned.key))

    def on_record(
        self, snapshot: Snapshot, name: str | None = None
    ) -> dict[tuple[str, int, str], dict[str, Any]]:
        """What is on record about members at a snapshot, by name, version and key; of one audience or all."""
        asked = sa.select(_members).where(_members.c.snapshot == snapshot.version)
        if name is not None:
            asked = asked.where(_members.c.name == name)
        return {(row.name, row.number, row.key): dict(row._mapping) for row in self.tables.rows(asked)}

    def keep(self, pinned: Pinned, snapshot: Snapshot, bits: Bits, universe: int, facts: str) -> None:
        """Write the file, then the row about it; a second time changes nothing.

        Raises
        ------
        ReadOnly
            When the workspace is open read-only.
        WorkspaceUnusable
            When the folder cannot be written.
        """
        self.tables.writable(f"The members of audience {pinned.name!r} cannot be kept")
        target = self._file(pinned.key, snapshot.version)
        try:
            if not target.exists() or self.read(pinned.key, snapshot) is None:
                target.parent.mkdir(parents=True, exist_ok=True)
                beside = target.with_name(f".{target.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}")
                try:
                    beside.write_bytes(to_roaring(bits))
                    sync(beside)
                    beside.replace(target)
                    sync(target.parent)
                finally:
                    beside.unlink(missing_ok=True)
        except OSError as error:
            raise WorkspaceUnusable(
                f"The members of audience {pinned.name!r} cannot be written to {target}: {error}. "
                "Check the folder's permissions and the space left."
            ) from error
        row = {
            "name": pinned.name,
            "number": pinned.number,
            "snapshot": snapshot.version,
            "key": pinned.key,
            "facts": facts,
            "spec_hash": pinned.audience.hash,
            "member_count": int(np.bitwise_count(bits).sum()),
            "universe_count": universe,
            "audience_versions": named_versions(pinned.versions),
            "library_version": library_version(),
            "kept_at": datetime.now(UTC).isoformat(),
        }
        with (
            contextlib.suppress(sa.exc.IntegrityError),  # kept already
            self.tables.workspace.state.engine.begin() as con,
        ):
            con.execute(_members.insert().values(row))

    def taken_over(self, pinned: Pinned, facts: str, size: int) -> Bits | None:
        """The members of the same rule over the same facts at another snapshot, or None."""
        asked = sa.select(_members.c.snapshot).where(_members.c.key == pinned.key, _members.c.facts == facts)
        for row in reversed(self.tables.rows(asked.order_by(_members.c.kept_at))):
            if (found := self._read(pinned.key, row.snapshot, size)) is not None:
                return found
        return None

    def last_counts(self) -> dict[tuple[str, int], tuple[int, str]]:
        """The count that was kept last, and its snapshot, by audience and version."""
        asked = sa.select(
            _members.c.name, _members.c.number, _members.c.member_count, _members.c.snapshot
        ).order_by(_members.c.kept_at)
        return {(row.name, row.number): (row.member_count, row.snapshot) for row in self.tables.rows(asked)}

    def drop_old(self) -> None:
        """Remove the files of snapshots that are gone; their counts stay on record."""
        there = {"conditions", *(published.version for published in self.tables.workspace.snapshots())}
        for folder in self.root.glob("*"):
            if folder.is_dir() and folder.name not in there:
                shutil.rmtree(folder, ignore_errors=True)

    def _file(self, key: str, snapshot: str) -> Path:
        return self.root / snapshot / f"{key}.roaring"
