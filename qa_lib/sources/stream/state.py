"""What consuming makes: events, positions, counters and dead letters in one SQLite file, changed together.

A micro-batch is one transaction: its events, what a handler makes of them, and the position after them. A
position belongs to an *epoch*, which goes up whenever a partition changes hands, so that a consumer that was
taken for dead can commit nothing.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa_lib.errors import Fenced, StreamError, WorkspaceUnusable
from qa_lib.sources.stream import match_rows
from qa_lib.sources.stream.contracts import StreamEvent
from qa_lib.sources.stream.sqlite_log import connect, told

FILE = "stream.db"
SCHEMA_VERSION = 3
#: How long a member of the group may be silent before its partitions are given to others.
LEASE_S = 3.0
#: Pages of the write-ahead log after which a commit copies them itself.
_MOST_PAGES = 65_536
#: Pages of the file that a connection keeps in memory.
CACHE_MIB = 64
_DAY_US = 86_400_000_000
#: For how long an event that comes twice is recognised by its id.
REMEMBERED_DAYS = 7

_SCHEMA = """
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS positions (partition TEXT PRIMARY KEY, next_offset INTEGER NOT NULL,
    epoch INTEGER NOT NULL, owner TEXT, lease_until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (member TEXT PRIMARY KEY, log TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (partition TEXT, "offset" INTEGER, event_id TEXT NOT NULL, event TEXT NOT NULL,
    source_id TEXT NOT NULL, person_id TEXT NOT NULL, occurred_us INTEGER NOT NULL, properties TEXT NOT NULL,
    arrived_us INTEGER NOT NULL, PRIMARY KEY (partition, "offset")) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS live_people (person_id TEXT, partition TEXT, "offset" INTEGER, rules TEXT,
    PRIMARY KEY (person_id, partition, "offset")) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS event_came AFTER INSERT ON events BEGIN
    INSERT INTO live_people VALUES (new.person_id, new.partition, new."offset", NULL); END;
CREATE TRIGGER IF NOT EXISTS event_left AFTER DELETE ON events BEGIN
    DELETE FROM live_people WHERE person_id = old.person_id AND partition = old.partition AND "offset" = old."offset";
    END;
CREATE TRIGGER IF NOT EXISTS event_moved AFTER UPDATE OF person_id ON events BEGIN
    UPDATE live_people SET person_id = new.person_id
        WHERE person_id = old.person_id AND partition = old.partition AND "offset" = old."offset"; END;
CREATE TABLE IF NOT EXISTS seen (event_id TEXT PRIMARY KEY, arrived_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letters (partition TEXT, "offset" INTEGER, reason TEXT NOT NULL, value BLOB NOT NULL,
    arrived_us INTEGER NOT NULL, PRIMARY KEY (partition, "offset")) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (minute INTEGER, event TEXT, event_count INTEGER NOT NULL,
    duplicate_count INTEGER NOT NULL, PRIMARY KEY (minute, event)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seam (one INTEGER PRIMARY KEY CHECK (one = 1), snapshot TEXT NOT NULL,
    as_of_us INTEGER NOT NULL, cuts TEXT NOT NULL, number INTEGER NOT NULL, clock_us INTEGER NOT NULL);
INSERT OR IGNORE INTO seam VALUES (1, '', -9223372036854775808, '{}', 0, 0);
CREATE TABLE IF NOT EXISTS relayed (topic TEXT PRIMARY KEY, change_no INTEGER NOT NULL) WITHOUT ROWID;
"""
_COUNTERS = (
    "CREATE VIEW IF NOT EXISTS live_counters AS SELECT one.person_id, event, count(*) AS event_count, "
    'max(occurred_us) AS last_us FROM live_people AS one JOIN events USING (partition, "offset") '
    "GROUP BY one.person_id, event"
)
#: The person of each of some sources' ids.
Resolve = Callable[[Sequence[str]], Sequence[str]]
_CLAIM = "UPDATE positions SET epoch = epoch + 1, owner = ?, lease_until = ? WHERE partition = ?"
_INSERT = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE = (
    'UPDATE events SET person_id = ? WHERE (partition, "offset") IN '
    '(SELECT partition, "offset" FROM live_people WHERE person_id = ?) AND source_id = ?'
)


@dataclass(frozen=True)
class Seam:
    """Where the batch view ends and the live view begins.

    An event is in the batch view when its offset lies below its partition's cut **and** it occurred before
    `as_of_us`; every other event is in the live view. `number` goes up with every change.
    """

    snapshot: str
    as_of_us: int
    cuts: Mapping[str, int]
    number: int

    def is_live(self, partition: str, offset: int, occurred_us: int) -> bool:
        return offset >= self.cuts.get(partition, 0) or occurred_us >= self.as_of_us


class StreamState:
    """The state of the stream of one workspace; safe for several threads and processes.

    Parameters
    ----------
    folder
        The workspace's.
    lease_s
        Seconds after which a silent consumer's partitions go to others.
    cache_mib
        Pages of the file that are kept in memory, at most. People come in no order, so every micro-batch of a
        consumer reads and writes pages all over the file: one that keeps many of them goes on at the same speed.
    """

    def __init__(self, folder: Path, *, lease_s: float = LEASE_S, cache_mib: int = CACHE_MIB) -> None:
        self.path = folder / FILE
        self._lease_s = lease_s
        self._lock = threading.RLock()
        self._committer = ThreadPoolExecutor(1, "stream commit")  # starts a thread when it is needed
        with told(self.path):
            self._con = connect(self.path, cache_mib=cache_mib)
            # copying pages into the file is `checkpoint`'s, beside the consumer; this is what it may fall behind
            self._con.execute(f"PRAGMA wal_autocheckpoint = {_MOST_PAGES}").fetchall()
            found = self._make()
        if found is not None and found > SCHEMA_VERSION:
            raise WorkspaceUnusable(
                f"The stream's state {self.path} has schema {found}; this version of the library knows up to "
                f"{SCHEMA_VERSION}. Upgrade the library."
            )

    def _make(self) -> int | None:
        """Make what is missing, or bring it to this schema; returns the schema that was there."""
        self._con.executescript(_SCHEMA)
        sql = "SELECT max(version) FROM schema_version"
        found: int | None = self._con.execute(sql).fetchone()[0]
        if found is not None and found >= SCHEMA_VERSION:
            return found
        with self.writing() as con:
            found = con.execute(sql).fetchone()[0]
            if found == SCHEMA_VERSION:  # another process was first
                return found
            if found is not None:
                (match_rows.from_rows if found == 1 else match_rows.from_table)(con)
                con.execute("DROP VIEW live_counters")
                con.execute("DROP INDEX events_of_person")
                con.execute('INSERT INTO live_people SELECT person_id, partition, "offset", NULL FROM events')
            con.execute(_COUNTERS)
            match_rows.make(con)
            con.execute("INSERT OR IGNORE INTO schema_version VALUES (?)", (SCHEMA_VERSION,))
        return found

    @contextlib.contextmanager
    def writing(self, meanwhile: Callable[[], None] | None = None) -> Iterator[sqlite3.Connection]:
        """One transaction; nothing of it stays when the body raises.

        Parameters
        ----------
        meanwhile
            Called while the commit waits for the disk, by the caller's thread; it raises nothing and leaves the
            state alone.
        """
        with self._lock, told(self.path):
            self._con.execute("BEGIN IMMEDIATE")
            try:
                yield self._con
                if meanwhile is None:
                    self._con.execute("COMMIT")
                else:
                    committing = self._committer.submit(self._con.execute, "COMMIT")
                    meanwhile()
                    committing.result()
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._con.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several questions about one moment of the state."""
        with self._lock, told(self.path):
            self._con.execute("BEGIN")
            try:
                yield self._con
            finally:
                self._con.execute("ROLLBACK")

    def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """The answer to the library's own SQL over the state."""
        with self._lock, told(self.path):
            return self._con.execute(sql, values).fetchall()

    def checkpoint(self) -> None:
        """Copy what is committed into the file, beside whoever writes by another connection; waits for nobody."""
        with self._lock, told(self.path):
            self._con.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    # -- positions -----------------------------------------------------------------------------

    def take(self, partition: str, member: str) -> tuple[int, int]:
        with self.writing() as con:
            return self._take(con, partition, member)

    def _take(self, con: sqlite3.Connection, partition: str, member: str) -> tuple[int, int]:
        con.execute("INSERT OR IGNORE INTO positions VALUES (?, 0, 0, NULL, 0)", (partition,))
        con.execute(_CLAIM, (member, time.time() + self._lease_s, partition))
        row = con.execute("SELECT epoch, next_offset FROM positions WHERE partition = ?", (partition,))
        epoch, offset = row.fetchone()
        return epoch, offset

    def share(self, partitions: Sequence[str], member: str) -> dict[str, tuple[int, int]]:
        """Renew what the member holds, up to its fair share, and take what nobody holds."""
        now = time.time()
        until = now + self._lease_s
        log = partitions[0].partition("/")[0]
        with self.writing() as con:
            con.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?)", (member, log, until))
            con.execute("DELETE FROM members WHERE until < ?", (now,))
            con.executemany(
                "INSERT OR IGNORE INTO positions VALUES (?, 0, 0, NULL, 0)", [(p,) for p in partitions]
            )
            members = con.execute("SELECT count(*) FROM members WHERE log = ?", (log,)).fetchone()[0]
            fair = -(-len(partitions) // members)
            rows = con.execute(
                "SELECT partition, epoch, next_offset, owner, lease_until FROM positions WHERE partition IN "
                f"({', '.join('?' * len(partitions))}) ORDER BY partition",
                partitions,
            ).fetchall()
            own = [row for row in rows if row[3] == member]  # also late, as long as nobody took it
            for partition, *_ in own[fair:]:  # a new member gets them
                con.execute(
                    "UPDATE positions SET owner = NULL, lease_until = 0 WHERE partition = ?", (partition,)
                )
            held = {row[0]: (row[1], row[2]) for row in own[:fair]}
            for partition, _, _, owner, lease in rows:
                if len(held) < fair and owner != member and (owner is None or lease < now):
                    held[partition] = self._take(con, partition, member)
            con.executemany(
                "UPDATE positions SET lease_until = ? WHERE partition = ?", [(until, p) for p in held]
            )
        return held

    def leave(self, member: str) -> None:
        with self.writing() as con:
            con.execute("DELETE FROM members WHERE member = ?", (member,))
            con.execute("UPDATE positions SET owner = NULL, lease_until = 0 WHERE owner = ?", (member,))

    def positions(self) -> dict[str, int]:
        """By partition, the offset up to which everything is acknowledged."""
        return dict(self.rows("SELECT partition, next_offset FROM positions"))

    def advance(
        self, con: sqlite3.Connection, partition: str, epoch: int, offsets: tuple[int, int], member: str
    ) -> None:
        """Move a position within the transaction that holds what was made of the events.

        Raises
        ------
        Fenced
            When another member took the partition, or it does not stand where these events begin.
        """
        first, past = offsets
        moved = con.execute(
            "UPDATE positions SET next_offset = ?, lease_until = max(lease_until, ?) WHERE partition = ? AND epoch = ? "
            "AND owner = ? AND next_offset <= ?",
            (past, time.time() + self._lease_s, partition, epoch, member, first),
        )
        if moved.rowcount != 1:
            raise Fenced(
                f"Partition {partition} is held by another consumer than {member}, or was moved meanwhile; nothing "
                "of this batch was kept here. The one that holds it consumes these events."
            )

    # -- events --------------------------------------------------------------------------------

    def add(
        self,
        con: sqlite3.Connection,
        events: Sequence[StreamEvent],
        persons: Sequence[str],
        texts: Sequence[str],
    ) -> None:
        """Keep events that are new, with the person of each and the properties as JSON."""
        con.executemany(
            _INSERT,
            [
                (e.partition, e.offset, e.event_id, e.event, e.person, p, e.occurred_us, t, e.arrived_us)
                for e, p, t in zip(events, persons, texts, strict=True)
            ],
        )

    def new_ones(self, con: sqlite3.Connection, events: Sequence[StreamEvent]) -> list[StreamEvent]:
        """Those that were never seen, and remember them."""
        remember = "INSERT OR IGNORE INTO seen VALUES (?, ?)"
        before = con.total_changes
        con.execute("SAVEPOINT before_these")
        con.executemany(remember, [(e.event_id, e.arrived_us) for e in events])
        if con.total_changes - before == len(events):
            con.execute("RELEASE before_these")
            return list(events)
        con.execute("ROLLBACK TO before_these")
        con.execute("RELEASE before_these")
        return [e for e in events if con.execute(remember, (e.event_id, e.arrived_us)).rowcount]

    def forget(self, now_us: int) -> None:
        """Forget the ids of events that arrived too long ago to come twice."""
        with self.writing() as con:
            con.execute("DELETE FROM seen WHERE arrived_us < ?", (now_us - REMEMBERED_DAYS * _DAY_US,))

    # -- the seam ------------------------------------------------------------------------------

    def seam(self, con: sqlite3.Connection | None = None) -> Seam:
        sql = "SELECT snapshot, as_of_us, cuts, number FROM seam"
        row = self.rows(sql)[0] if con is None else con.execute(sql).fetchone()
        return Seam(row[0], row[1], json.loads(row[2]), row[3])

    def move_seam(self, snapshot: str, as_of_us: int, cuts: Mapping[str, int], resolve: Resolve) -> Seam:
        """Let a newer snapshot be the batch view: what it holds leaves the live view, in one transaction.

        Parameters
        ----------
        cuts
            By partition, the offset below which the snapshot's tables hold every event.
        resolve
            Gives the person of each of some sources' ids, as the snapshot knows them.

        Raises
        ------
        StreamError
            When the snapshot holds less than the one before, whose events left the live view already.
        """
        with self.writing() as con:
            old = self.seam(con)
            if as_of_us < old.as_of_us or any(cuts.get(p, 0) < cut for p, cut in old.cuts.items()):
                raise StreamError(
                    f"Snapshot {snapshot} holds less of the stream than {old.snapshot}, the batch view of today. "
                    "Build a snapshot of a later moment with `qa build`."
                )
            number = old.number + 1
            con.execute(
                "UPDATE seam SET snapshot = ?, as_of_us = ?, cuts = ?, number = ?",
                (snapshot, as_of_us, json.dumps(dict(cuts)), number),
            )
            for partition, cut in cuts.items():
                con.execute(
                    'DELETE FROM events WHERE partition = ? AND "offset" < ? AND occurred_us < ?',
                    (partition, cut, as_of_us),
                )
            known = con.execute("SELECT DISTINCT source_id, person_id FROM events").fetchall()
            people = resolve([source for source, _ in known])
            con.executemany(
                _MOVE, [(new, old, s) for (s, old), new in zip(known, people, strict=True) if new != old]
            )
            match_rows.rename_people(con, resolve)
            return Seam(snapshot, as_of_us, dict(cuts), number)

    def close(self) -> None:
        self._committer.shutdown()
        with self._lock:
            self._con.close()
