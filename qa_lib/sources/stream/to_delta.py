"""From the state to the shared table `stream_events`: which offsets a version holds is in its own transactions.

An acknowledged event is durable in the state first, and follows in Delta. The writer asks the table itself up to
where it holds each partition, and writes from there to the acknowledged position, in one commit that says so.
So it may be killed anywhere, started anywhere and run twice: an event is in the table once. An event leaves the
state only when a published snapshot holds it, and a snapshot holds what the table held.
"""

from __future__ import annotations

from collections.abc import Mapping

from qa_lib.sources.stream.state import StreamState
from qa_lib.tables import STREAM_EVENTS
from qa_lib.workspace import Workspace

#: After so many commits their small files are made larger, up to so many bytes: little at a time, since the consumer
#: beside it waits for the same disk and processors.
_COMPACT_AFTER = 16
_FILE_BYTES = 8 * 2**20
_MOST_ROWS = 200_000


class DeltaWriter:
    """Carries acknowledged events into the workspace's table; any process may, also several."""

    def __init__(self, workspace: Workspace, state: StreamState) -> None:
        self._workspace, self._state = workspace, state
        self._commits = 0

    def write(self) -> int:
        """Write what is acknowledged and not yet in the table; returns how many events.

        Raises
        ------
        WorkspaceUnusable
            When the table cannot be written; the events stay in the state and are written by the next call.
        """
        import pyarrow as pa

        there = self.reached()
        past = {p: offset for p, offset in self._state.positions().items() if offset > there.get(p, 0)}
        if not past:
            return 0
        rows: list[tuple[object, ...]] = []
        steps: dict[str, tuple[int, int]] = {}
        for partition, end in past.items():
            found = self._state.rows(
                'SELECT event_id, event, person_id, occurred_us, properties, partition, "offset", arrived_us '
                'FROM events WHERE partition = ? AND "offset" >= ? AND "offset" < ? ORDER BY "offset" LIMIT ?',
                (partition, there.get(partition, 0), end, _MOST_ROWS),
            )
            rows += found
            whole = len(found) < _MOST_ROWS
            steps[partition] = (there.get(partition, 0), end if whole else found[-1][6] + 1)
        columns = list(zip(*rows, strict=True)) or [()] * len(STREAM_EVENTS.columns)
        schema = STREAM_EVENTS.arrow_schema()
        batch = pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)
        if not self._workspace.advance(STREAM_EVENTS, [batch] if rows else [], steps):
            return 0  # another writer was faster
        self._commits += 1
        if self._commits % _COMPACT_AFTER == 0:
            self._workspace.compact(STREAM_EVENTS, target_bytes=_FILE_BYTES)
        return len(rows)

    def reached(self) -> dict[str, int]:
        """By partition, the offset below which the table holds every acknowledged event."""
        return self._workspace.reached(STREAM_EVENTS, list(self._state.positions()))

    def waiting(self) -> int:
        """How many acknowledged events the table does not hold yet, at most."""
        there: Mapping[str, int] = self.reached()
        return sum(max(0, end - there.get(p, 0)) for p, end in self._state.positions().items())
