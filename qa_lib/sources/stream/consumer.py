"""The consumer: micro-batches of the log become events of the state, exactly once, and feed a handler.

What happens to a micro-batch is one transaction: the epoch is checked, events that were seen before are left
out, new ones are kept with their person, poison goes to the dead letters, the handler makes what it makes, and
the position moves. Only then are the events acknowledged. When anything fails nothing of the batch stays, and
it is read again.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from pydantic_core import to_json

from qa_lib.errors import Fenced
from qa_lib.sources.stream.contracts import Contracts, Poison, StreamEvent
from qa_lib.sources.stream.log import Batch, Log
from qa_lib.sources.stream.state import StreamState

_MINUTE_US = 60_000_000
_TRIM_S = 1.0
#: Looking for ids that are old enough to be forgotten walks over all of them, so it is rarely done.
_FORGET_S = 3_600.0


class Handler(Protocol):
    """What a micro-batch feeds, within its transaction."""

    def resolve(self, source_ids: Sequence[str]) -> Sequence[str]:
        """The person of each of some sources' ids."""
        ...

    def begin(self, con: Any, held: Mapping[str, int]) -> None:
        """Called first, with the epoch of each partition that is held: look whether the seam has moved."""
        ...

    def handle(self, con: Any, events: Sequence[StreamEvent], persons: Sequence[str]) -> None:
        """Make what is to be made of new events, which the state holds already."""
        ...

    def done(self, *, kept: bool) -> None:
        """Called last: whether the transaction was kept; else whatever was noted in memory is void."""
        ...


@dataclass(frozen=True)
class Step:
    """What one micro-batch was."""

    read: int = 0
    new: int = 0
    duplicates: int = 0
    poison: int = 0
    sent_at: Sequence[float] = ()
    visible_at: float = 0.0


@dataclass(frozen=True)
class Read:
    """What was read of the log at one moment: events and poison, and the epochs that it was read under."""

    batches: Sequence[Batch]
    epochs: Mapping[str, int]
    arrived_us: int
    events: Sequence[StreamEvent]
    poison: Sequence[tuple[str, int, str, bytes, int]]


@dataclass
class Total:
    """What a consumer has done since it was started."""

    batches: int = 0
    read: int = 0
    new: int = 0
    duplicates: int = 0
    poison: int = 0
    fenced: int = 0
    started_at: float = field(default_factory=time.monotonic)

    def add(self, step: Step) -> None:
        self.batches += 1
        self.read += step.read
        self.new += step.new
        self.duplicates += step.duplicates
        self.poison += step.poison

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.read / max(1e-9, time.monotonic() - self.started_at)


class Consumer:
    """One member of the group.

    Parameters
    ----------
    most
        Events in a micro-batch; with more waiting the next one follows at once, so memory stays bounded.
    member
        Its name in the group; made up when not given.
    """

    def __init__(
        self,
        log: Log,
        state: StreamState,
        contracts: Contracts,
        handler: Handler,
        *,
        most: int = 5_000,
        member: str | None = None,
        arrival: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.member = member or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self.total = Total()
        self._log, self._state, self._contracts, self._handler = log, state, contracts, handler
        self._most, self._arrival = most, arrival
        self._reader = log.reader(self.member, state)
        self._ahead: Read | None = None
        self._trouble: Exception | None = None
        self._trimmed_at = time.monotonic()
        self._forgot_at = float("-inf")

    @property
    def trouble(self) -> str | None:
        """What keeps it from reading, in words."""
        return self._reader.trouble

    @property
    def held(self) -> tuple[str, ...]:
        """The partitions that it holds."""
        return tuple(self._reader.held)

    def step(self, timeout: float = 0.2) -> Step:
        """Consume one micro-batch; waits at most `timeout` seconds for it.

        Raises
        ------
        WorkspaceUnusable
            When the state cannot be written, as on a full disk: nothing of the batch was acknowledged.
        LogBroken
            When the log no longer holds what was not consumed.
        """
        reads = self._next_reads(timeout)
        if not reads:
            return Step()
        kept = False
        try:
            step = self._keep(reads)
            kept = True
        except Fenced:
            self.total.fenced += 1
            step = Step()
        finally:
            self._handler.done(kept=kept)
            if not kept:
                self._unread(reads)
        self.total.add(step)
        self._trim()
        return step

    def _next_reads(self, timeout: float) -> list[Read]:
        """What was read ahead while the last micro-batch was committed, and what has come since."""
        ahead, trouble, self._ahead, self._trouble = self._ahead, self._trouble, None, None
        if trouble is not None:
            raise trouble
        if ahead is None:
            now = self._read(self._reader.poll(self._most, timeout))
            return [] if now is None else [now]
        now = self._read(self._reader.poll(max(1, self._most - len(ahead.events)), 0.0))
        reads = [ahead] if now is None else [ahead, now]
        held = self._reader.held
        if any(held.get(partition) != epoch for partition, epoch in ahead.epochs.items()):
            self._unread(reads)  # partitions changed hands: all is read again from where it stands
            return []
        return reads

    def _read(self, batches: Sequence[Batch]) -> Read | None:
        if not batches:
            return None
        arrived_us = int(self._arrival().timestamp() * 1_000_000)
        events: list[StreamEvent] = []
        poison: list[tuple[str, int, str, bytes, int]] = []
        for batch in batches:
            for offset, value in zip(batch.offsets, batch.values, strict=True):
                try:
                    events.append(self._contracts.read(value, batch.partition, offset, arrived_us))
                except Poison as reason:
                    poison.append((batch.partition, offset, str(reason), value, arrived_us))
        held = self._reader.held
        epochs = {batch.partition: held[batch.partition] for batch in batches if batch.partition in held}
        return Read(batches, epochs, arrived_us, events, poison)

    def _read_ahead(self) -> None:
        """Read on while the disk is waited for; what goes wrong is said by the next step."""
        try:
            self._ahead = self._read(self._reader.ready(self._most))
        except Exception as error:  # noqa: BLE001  a commit is under way: the next step raises it
            self._trouble = error

    def _unread(self, reads: Sequence[Read]) -> None:
        """Let the reader go back to where these begin, and forget what was read after them."""
        if self._ahead is not None:
            reads = [*reads, self._ahead]
            self._ahead = None
        held = self._reader.held
        for read in reversed(reads):
            for batch in reversed(read.batches):
                if held.get(batch.partition) == read.epochs.get(batch.partition):
                    self._reader.seek(batch.partition, batch.offsets[0])

    def _keep(self, reads: Sequence[Read]) -> Step:
        epochs = dict(self._reader.held)
        events = [event for read in reads for event in read.events]
        poison = [one for read in reads for one in read.poison]
        with self._state.writing(self._read_ahead) as con:
            for batch in (batch for read in reads for batch in read.batches):
                if batch.partition not in epochs:
                    raise Fenced(f"Partition {batch.partition} is no longer held by {self.member}.")
                self._state.advance(
                    con,
                    batch.partition,
                    epochs[batch.partition],
                    (batch.offsets[0], batch.next_offset),
                    self.member,
                )
            self._handler.begin(con, epochs)
            new = self._state.new_ones(con, events)
            persons = self._handler.resolve([e.person for e in new])
            texts = [to_json(e.properties).decode() for e in new]
            self._state.add(con, new, persons, texts)
            con.executemany("INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?)", poison)
            self._count(con, events, new, reads[-1].arrived_us)
            self._handler.handle(con, new, persons)
        return Step(
            read=len(events) + len(poison),
            new=len(new),
            duplicates=len(events) - len(new),
            poison=len(poison),
            sent_at=[e.sent_at for e in new if e.sent_at is not None],
            visible_at=time.time(),
        )

    @staticmethod
    def _count(con: Any, events: Sequence[StreamEvent], new: Sequence[StreamEvent], arrived_us: int) -> None:
        kept, read = Counter(e.event for e in new), Counter(e.event for e in events)
        minute = arrived_us // _MINUTE_US
        con.executemany(
            "INSERT INTO counters VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "event_count = event_count + excluded.event_count, "
            "duplicate_count = duplicate_count + excluded.duplicate_count",
            [(minute, name, kept[name], count - kept[name]) for name, count in read.items()],
        )

    def _trim(self) -> None:
        """Let the log forget now and then what is acknowledged."""
        if time.monotonic() - self._trimmed_at > _TRIM_S:
            self._log.trim(self._state.positions())
            self._trimmed_at = time.monotonic()
            if self._trimmed_at - self._forgot_at > _FORGET_S:
                self._state.forget(int(self._arrival().timestamp() * 1_000_000))
                self._forgot_at = self._trimmed_at

    def close(self) -> None:
        """Leave the group; another member takes over at once."""
        self._reader.close()


class NoHandler:
    """Keeps events under the source's own ids and makes nothing of them."""

    def resolve(self, source_ids: Sequence[str]) -> Sequence[str]:
        return source_ids

    def begin(self, con: Any, held: Mapping[str, int]) -> None:
        """Nothing to look at."""

    def handle(self, con: Any, events: Sequence[StreamEvent], persons: Sequence[str]) -> None:
        """Nothing to make."""

    def done(self, *, kept: bool) -> None:
        """Nothing in memory."""
