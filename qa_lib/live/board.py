"""What a page shows of a running stream, cheap enough to ask twice a second however much has streamed."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from dataclasses import dataclass, field

import pandas as pd

from qa_lib.errors import NothingBuilt
from qa_lib.sources.stream import Log, SqliteLog, StreamState
from qa_lib.sources.stream.match_rows import last_change, moves, people_in
from qa_lib.sources.stream.sqlite_log import FILE as LOG_FILE
from qa_lib.sources.stream.state import FILE
from qa_lib.workspace import Workspace

#: Seconds of the past that the rate is drawn for, and over which it is told.
SHOWN_S = 120.0
_RATE_S = 5.0
#: People are counted anew once the last count is so many times as old as it took.
_DUTY = 10.0


@dataclass(frozen=True)
class BoardNow:
    """The stream at one moment.

    Attributes
    ----------
    measured_at
        Seconds since 1970 by the clock of this machine.
    event_count, duplicate_count
        Of all events that are acknowledged.
    rate
        Events a second over the last five seconds; None for the first reading.
    lag
        Events in the log that are not acknowledged; None where the log cannot be asked.
    newest_age_s
        Seconds since the newest event of the live view arrived; None without one.
    audiences
        By rule, those whom the stream brought in and who are still in; columns `audience, people, entered, left`,
        where the last two count since the page was opened.
    rates
        Columns `at` (seconds before now, negative) and `rate`.
    dead_letters
        The newest five: partition, offset, reason.
    """

    measured_at: float
    snapshot: str
    event_count: int
    duplicate_count: int
    rate: float | None
    lag: int | None
    newest_age_s: float | None
    members: int
    audiences: pd.DataFrame
    rates: pd.DataFrame
    dead_letter_count: int
    dead_letters: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def is_consumed(self) -> bool:
        """Whether anybody holds a partition."""
        return self.members > 0


class Board:
    """Reads a stream again and again; it writes nothing and may stand beside consumers.

    Parameters
    ----------
    log
        Whose ends tell the lag; the embedded one where it is there.

    Raises
    ------
    NothingBuilt
        When no consumer ran yet.
    """

    def __init__(self, workspace: Workspace, log: Log | None = None) -> None:
        if not (workspace.root / FILE).exists():
            raise NothingBuilt(f"No stream was consumed in {workspace.root} yet. Start `qa stream run`.")
        if log is None and (workspace.root / LOG_FILE).exists():
            log = SqliteLog(workspace.root)
        self._state, self._log = StreamState(workspace.root), log
        self._totals: deque[tuple[float, int]] = deque()
        self._people: dict[str, int] = {}
        self._moves: dict[str, list[int]] = {}
        self._last_change = -1
        self._counted_at = self._counting_s = 0.0

    def read(self) -> BoardNow:
        """The stream now."""
        now = time.time()
        with self._state.reading() as con:
            events, duplicates = con.execute(
                "SELECT coalesce(sum(event_count), 0), coalesce(sum(duplicate_count), 0) FROM counters"
            ).fetchone()
            positions = dict(con.execute("SELECT partition, next_offset FROM positions"))
            (members,) = con.execute(
                "SELECT count(DISTINCT owner) FROM positions WHERE owner IS NOT NULL AND lease_until >= ?",
                (now,),
            ).fetchone()
            newest = [
                row[0]
                for partition in positions
                for row in con.execute(
                    'SELECT arrived_us FROM events WHERE partition = ? ORDER BY "offset" DESC LIMIT 1',
                    (partition,),
                )
            ]
            (letters,) = con.execute("SELECT count(*) FROM dead_letters").fetchone()
            told = con.execute(
                'SELECT partition, "offset", reason FROM dead_letters ORDER BY arrived_us DESC, "offset" DESC LIMIT 5'
            ).fetchall()
            seam = self._state.seam(con)
            self._count_people(con, now)
        self._totals.append((now, events))
        while self._totals and self._totals[0][0] < now - SHOWN_S:
            self._totals.popleft()
        return BoardNow(
            measured_at=now,
            snapshot=seam.snapshot,
            event_count=events,
            duplicate_count=duplicates,
            rate=self._rate(now),
            lag=self._lag(positions),
            newest_age_s=max(0.0, now - max(newest) / 1e6) if newest else None,
            members=members,
            audiences=self._audiences(),
            rates=self._rates(now),
            dead_letter_count=letters,
            dead_letters=told,
        )

    def _count_people(self, con: sqlite3.Connection, now: float) -> None:
        """How many are in each rule, and who entered and left since the last reading."""
        last = last_change(con)
        if self._last_change < 0:
            self._last_change = last
        for rule, change, count in moves(con, self._last_change):
            self._moves.setdefault(rule, [0, 0])[change == "leave"] += count
        self._last_change = last
        if now - self._counted_at >= _DUTY * self._counting_s:
            began = time.perf_counter()
            self._people = people_in(con)
            self._counted_at, self._counting_s = now, time.perf_counter() - began

    def _audiences(self) -> pd.DataFrame:
        rows = [
            (rule, people, *self._moves.get(rule, (0, 0)))
            for rule, people in sorted(self._people.items(), key=lambda row: (-row[1], row[0]))
        ]
        return pd.DataFrame(rows, columns=["audience", "people", "entered", "left"])

    def _rate(self, now: float) -> float | None:
        before = [row for row in self._totals if row[0] <= now - _RATE_S]
        at, events = before[-1] if before else self._totals[0]
        return None if at == now else (self._totals[-1][1] - events) / (now - at)

    def _rates(self, now: float) -> pd.DataFrame:
        """Events a second between readings, one point a second or so."""
        points, last = [], None
        for at, events in self._totals:
            if last is None or at - last[0] >= 0.95:
                if last is not None:
                    points.append((at - now, (events - last[1]) / (at - last[0])))
                last = at, events
        return pd.DataFrame(points, columns=["at", "rate"])

    def _lag(self, positions: dict[str, int]) -> int | None:
        if self._log is None:
            return None
        return sum(max(0, end - positions.get(p, 0)) for p, end in self._log.ends().items())

    def close(self) -> None:
        self._state.close()
        if self._log is not None:
            self._log.close()
