"""What a stream says of itself: how far behind, how fast, what was refused."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from qa_lib.errors import NothingBuilt
from qa_lib.sources.stream import DeltaWriter, Log, StreamState
from qa_lib.sources.stream.match_rows import match_count
from qa_lib.sources.stream.state import FILE
from qa_lib.workspace import Workspace

_MINUTES = 5


@dataclass(frozen=True)
class Status:
    """The state of a stream at one moment.

    Attributes
    ----------
    lag
        By partition, events in the log that are not acknowledged.
    delta_lag
        Acknowledged offsets that the shared table does not hold yet.
    rate
        Events a second over the last full minutes, five at most.
    live_events
        Events of the live view, that is since the snapshot.
    members
        Consumers by the partitions that they hold.
    dead_letters
        The newest ten: partition, offset, reason.
    """

    snapshot: str
    lag: dict[str, int]
    delta_lag: int
    rate: float
    event_count: int
    duplicate_count: int
    live_events: int
    match_count: int
    members: dict[str, list[str]]
    dead_letter_count: int
    dead_letters: list[tuple[str, int, str]]
    newest_age_s: float | None

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def status(workspace: Workspace, log: Log | None = None) -> Status:
    """The stream's state now; without the log, lag is not told.

    Raises
    ------
    NothingBuilt
        When no consumer ran yet.
    """
    if not (workspace.root / FILE).exists():
        raise NothingBuilt(f"No stream was consumed in {workspace.root} yet. Start `qa stream run`.")
    state = StreamState(workspace.root)
    try:
        return _status(workspace, state, log)
    finally:
        state.close()


def _status(workspace: Workspace, state: StreamState, log: Log | None) -> Status:
    positions = state.positions()
    ends = log.ends() if log is not None else {}
    now = time.time()
    minute = int(now // 60)
    recent = state.rows(
        "SELECT coalesce(sum(event_count + duplicate_count), 0), count(DISTINCT minute) FROM counters "
        "WHERE minute >= ? AND minute < ?",
        (minute - _MINUTES, minute),
    )[0]
    totals = state.rows(
        "SELECT coalesce(sum(event_count), 0), coalesce(sum(duplicate_count), 0) FROM counters"
    )[0]
    members: dict[str, list[str]] = {}
    held = "SELECT owner, partition FROM positions WHERE owner IS NOT NULL AND lease_until >= ? ORDER BY 1, 2"
    for owner, partition in state.rows(held, (now,)):
        members.setdefault(owner, []).append(partition)
    newest = state.rows("SELECT max(arrived_us) FROM events")[0][0]
    with state.reading() as con:
        matches = match_count(con)
    return Status(
        snapshot=state.seam().snapshot,
        lag={p: max(0, end - positions.get(p, 0)) for p, end in ends.items()},
        delta_lag=DeltaWriter(workspace, state).waiting(),
        rate=recent[0] / (60 * max(1, recent[1])),
        event_count=totals[0],
        duplicate_count=totals[1],
        live_events=state.rows("SELECT count(*) FROM events")[0][0],
        match_count=matches,
        members=members,
        dead_letter_count=state.rows("SELECT count(*) FROM dead_letters")[0][0],
        dead_letters=state.rows(
            'SELECT partition, "offset", reason FROM dead_letters ORDER BY arrived_us DESC, "offset" DESC LIMIT 10'
        ),
        newest_age_s=None if newest is None else max(0.0, now - newest / 1e6),
    )
