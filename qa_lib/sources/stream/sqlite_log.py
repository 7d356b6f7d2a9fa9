"""The embedded log: one SQLite file, no server. What `append` returned from survives a power cut.

A row holds the events that one `append` added to one partition, so that a commit costs the same for one event
and for a thousand.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
import uuid
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from qa_lib.errors import SpecError, StreamBehind, WorkspaceUnusable
from qa_lib.sources.stream.log import Batch, Keyed, Positions, partition_of

FILE = "stream_log.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS partitions (number INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL,
    first_offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS log (name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chunks (number INTEGER, first_offset INTEGER, past_offset INTEGER NOT NULL,
    lengths BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (number, first_offset)) WITHOUT ROWID;
"""
_PAUSE_S = 0.004


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn what SQLite says of a file into words."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        raise WorkspaceUnusable(
            f"The stream's file {path} cannot be written or read: {error}. Nothing that was acknowledged is lost. "
            "Check the space left and the folder's permissions, then start again: it goes on where it stood."
        ) from error


def connect(path: Path, *, cache_mib: int = 16) -> sqlite3.Connection:
    """A connection whose commits are on the disk when they return, and that keeps so many MiB of pages in memory."""
    con = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "busy_timeout = 30000",
        f"cache_size = -{cache_mib * 1024}",
    ):
        con.execute(f"PRAGMA {pragma}").fetchall()
    return con


class SqliteLog:
    """A log in one file that several processes share.

    Each file has a name of its own, so that what is known of the offsets of a file that was deleted is never taken
    for the new one's.

    Parameters
    ----------
    partitions
        How many; decided when the file is made.
    most_waiting
        `append` refuses when a partition would hold more events than this that were not trimmed.

    Raises
    ------
    SpecError
        When the file is there with another number of partitions.
    """

    def __init__(self, folder: Path, *, partitions: int | None = None, most_waiting: int = 5_000_000) -> None:
        self.path = folder / FILE
        self._lock = threading.Lock()
        self._most_waiting = most_waiting
        with told(self.path):
            self._con = connect(self.path)
            self._con.executescript(_SCHEMA)
            self._con.execute("BEGIN IMMEDIATE")
            found = self._con.execute("SELECT count(*) FROM partitions").fetchall()[0][0]
            if not found:
                rows = [(n, 0, 0) for n in range(partitions or 4)]
                self._con.executemany("INSERT INTO partitions VALUES (?, ?, ?)", rows)
                self._con.execute("INSERT INTO log VALUES (?)", (f"sqlite-{uuid.uuid4().hex[:8]}",))
            self._con.execute("COMMIT")
            named = self._con.execute("SELECT name FROM log").fetchone()
            #: Files of earlier versions have no name of their own.
            self.name: str = "sqlite" if named is None else named[0]
        self.partitions = int(found or partitions or 4)
        if partitions not in (None, self.partitions):
            self._con.close()
            raise SpecError(
                f"The log {self.path} has {self.partitions} partitions, asked for {partitions}. Leave the number "
                "out, or use another folder."
            )

    def append(self, values: Sequence[Keyed]) -> None:
        parts: dict[int, list[bytes]] = {}
        for key, value in values:
            parts.setdefault(partition_of(key, self.partitions), []).append(value)
        with self._lock, told(self.path), _transaction(self._con) as con:
            for number, own in parts.items():
                first, kept = con.execute(
                    "SELECT next_offset, first_offset FROM partitions WHERE number = ?", (number,)
                ).fetchone()
                past = first + len(own)
                if past - kept > self._most_waiting:
                    raise StreamBehind(
                        f"The log {self.path} holds {first - kept:,} events of partition {number} that nobody has "
                        f"consumed; at most {self._most_waiting:,} may wait. Start `qa stream run`, or send slower."
                    )
                lengths = array("I", map(len, own)).tobytes()
                con.execute(
                    "INSERT INTO chunks VALUES (?, ?, ?, ?, ?)", (number, first, past, lengths, b"".join(own))
                )
                con.execute("UPDATE partitions SET next_offset = ? WHERE number = ?", (past, number))

    def read(self, number: int, offset: int, most: int) -> Batch | None:
        """Events of a partition from an offset on, in whole chunks of at least one; None where there are none."""
        offsets: list[int] = []
        values: list[bytes] = []
        # the first chunk that reaches beyond `offset` begins at or below it
        at_most = "SELECT coalesce(max(first_offset), 0) FROM chunks WHERE number = ? AND first_offset <= ?"
        with self._lock, told(self.path):
            (first,) = self._con.execute(at_most, (number, offset)).fetchone()
            cursor = self._con.execute(
                "SELECT first_offset, past_offset, lengths, body FROM chunks WHERE number = ? AND first_offset >= ? "
                "AND past_offset > ? ORDER BY first_offset",
                (number, first, offset),
            )
            for start, _, lengths, body in cursor:
                at = 0
                for place, length in enumerate(array("I", lengths), start):
                    if place >= offset:
                        offsets.append(place)
                        values.append(body[at : at + length])
                    at += length
                if len(values) >= most:
                    break
            cursor.close()
        if not offsets:
            return None
        return Batch(self.partition_name(number), offsets, values, offsets[-1] + 1)

    def partition_name(self, number: int) -> str:
        return f"{self.name}/{number}"

    def ends(self) -> dict[str, int]:
        with self._lock, told(self.path):
            rows = self._con.execute("SELECT number, next_offset FROM partitions").fetchall()
        return {self.partition_name(n): past for n, past in rows}

    def trim(self, before: Mapping[str, int]) -> None:
        with self._lock, told(self.path), _transaction(self._con) as con:
            for number in range(self.partitions):
                offset = before.get(self.partition_name(number), 0)
                gone = con.execute(
                    "DELETE FROM chunks WHERE number = ? AND past_offset <= ?", (number, offset)
                )
                if gone.rowcount:
                    con.execute(
                        "UPDATE partitions SET first_offset = coalesce((SELECT min(first_offset) FROM chunks c "
                        "WHERE c.number = partitions.number), next_offset) WHERE number = ?",
                        (number,),
                    )

    def reader(self, member: str, positions: Positions) -> SqliteReader:
        return SqliteReader(self, member, positions)

    def close(self) -> None:
        with self._lock:
            self._con.close()


class SqliteReader:
    """A member of the group over the embedded log: partitions are shared out by leases in the state."""

    def __init__(self, log: SqliteLog, member: str, positions: Positions) -> None:
        self._log, self._member, self._positions = log, member, positions
        self._names = [log.partition_name(n) for n in range(log.partitions)]
        self._next: dict[str, int] = {}
        self._shared_at = 0.0
        self.held: dict[str, int] = {}
        self.trouble: str | None = None

    def poll(self, most: int, timeout: float) -> list[Batch]:
        until = time.monotonic() + timeout
        while True:
            self._keep_share()
            found = self.ready(most)
            if found or time.monotonic() >= until:
                return found
            time.sleep(_PAUSE_S)

    def ready(self, most: int) -> list[Batch]:
        found: list[Batch] = []
        for name in self.held:
            number = int(name.rpartition("/")[2])
            batch = self._log.read(number, self._next[name], max(1, most // len(self.held)))
            if batch is not None:
                self._next[name] = batch.next_offset
                found.append(batch)
        return found

    def seek(self, partition: str, offset: int) -> None:
        self._next[partition] = offset

    def _keep_share(self) -> None:
        """Renew the leases twice a second; a partition whose epoch changed is read from where it stands."""
        now = time.monotonic()
        if now - self._shared_at < 0.5:
            return
        share = self._positions.share(self._names, self._member)
        for name, (epoch, offset) in share.items():
            if self.held.get(name) != epoch:
                self._next[name] = offset
        self.held = {name: epoch for name, (epoch, _) in share.items()}
        self._shared_at = now

    def close(self) -> None:
        self._positions.leave(self._member)
        self.held = {}


@contextlib.contextmanager
def _transaction(con: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    con.execute("BEGIN IMMEDIATE")
    try:
        yield con
        con.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.OperationalError):  # a failed commit may have rolled back already
            con.execute("ROLLBACK")
        raise
