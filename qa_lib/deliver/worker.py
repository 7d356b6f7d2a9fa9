"""The worker: finishes a channel's queue, and may be killed and started again at any instant."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from qa_lib.deliver.adapters import Adapter
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.messages import Batch, BatchGuard, MayContact, Message, Outcome
from qa_lib.deliver.receipts import match_receipts
from qa_lib.deliver.recovery import recover
from qa_lib.deliver.sends import counts, next_moment
from qa_lib.errors import ChannelUnavailable, SpecError
from qa_lib.workspace import Workspace
from qa_lib.workspace.state import State

#: Outcomes committed together; fewer where a crash in between cannot be cleared up afterwards.
_GROUP, _GROUP_UNSURE = 100, 10


class Run(NamedTuple):
    """What a run did: messages handed over, the states afterwards, and when more is due (None: done)."""

    handed_over: int
    counts: dict[str, int]
    next_at: datetime | None


def run(
    where: Workspace | State | Ledger,
    adapter: Adapter,
    *,
    campaign_version: str | None = None,
    may_contact: MayContact | None = None,
    lease: timedelta = timedelta(minutes=2),
    patience: timedelta | None = None,
    progress: Callable[[dict[str, int]], None] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Run:
    """Hand over everything that is due on the adapter's channel.

    Several runs may work on one ledger at once. A run that was killed is simply started again: it first
    settles what the other left in the middle (see `qa_lib.deliver.recovery`).

    Parameters
    ----------
    may_contact
        `(person_id, channel, at)` → a reason, a `Defer`, or None; asked in the transaction that commits
        the intent. A `BatchGuard` is asked for the whole batch.
    lease
        How long a silent worker keeps its messages; longer than the adapter's time-out. It is renewed
        while a batch is being handed over.
    patience
        How far ahead something due is waited for; two leases when not given. What is due later is left
        for another run.
    progress
        Called after every batch with the number of messages in each state.

    Raises
    ------
    ChannelUnavailable
        When the provider cannot be reached: nothing left, and all stays planned.
    """
    if lease <= adapter.capabilities.timeout:
        raise SpecError(
            f"The lease of {lease} does not outlast the time-out of {adapter.capabilities.name}, "
            f"{adapter.capabilities.timeout}: a message could be taken after it was given up. Give a longer lease."
        )
    ledger = where if isinstance(where, Ledger) else Ledger(where)
    able = adapter.capabilities
    worker = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    patience = 2 * lease if patience is None else patience
    handed_over = 0
    while True:
        at = clock()
        left = recover(
            ledger,
            adapter,
            worker,
            at,
            lease=lease,
            campaign_version=campaign_version,
            may_contact=may_contact,
        )
        batch = left.again
        if not left.handled:
            if isinstance(may_contact, BatchGuard):
                may_contact.prepare(at, able.batch_size)
            batch = ledger.claim(
                able.channel,
                worker,
                at,
                lease=lease,
                limit=able.batch_size,
                campaign_version=campaign_version,
                may_contact=may_contact,
                check=adapter.check,
            )
        if batch:
            handed_over += len(batch)
            _hand_over(ledger, adapter, batch, worker, lease, clock)
            if progress is not None:
                progress(counts(ledger, campaign_version))
            continue
        if left.handled:
            continue
        next_at = next_moment(ledger, able.channel, campaign_version)
        now = clock()
        if next_at is None or next_at > now + patience:
            match_receipts(ledger, now)  # a receipt may have come before the provider's id was written down
            return Run(handed_over, counts(ledger, campaign_version), next_at)
        time.sleep(min(max((next_at - now).total_seconds(), 0.005), 1.0))


def _hand_over(
    ledger: Ledger,
    adapter: Adapter,
    batch: Sequence[Message],
    worker: str,
    lease: timedelta,
    clock: Callable[[], datetime],
) -> None:
    """Send one batch whose intent is committed, and commit its outcomes as they come."""
    able = adapter.capabilities
    silent = {m.key for m in batch}
    group: list[Outcome] = []
    group_size = _GROUP_UNSURE if able.recovery == "none" else _GROUP
    unreached = 0
    reason = "the adapter gave no outcome"

    def settle() -> None:
        ledger.settle(batch, group, worker, clock(), able.recovery, ask_after=able.timeout)
        group.clear()

    beat = _Heartbeat(ledger, batch, worker, lease, clock)
    giving = Batch(batch, beat.is_ours)
    try:
        for outcome in adapter.send(giving):
            silent.discard(outcome.key)
            unreached += outcome.status == "not_sent"
            reason = outcome.reason or reason
            group.append(outcome)
            if len(group) >= group_size:
                settle()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise
    finally:
        beat.stop()
        kept = {m.key for m in giving.left} & silent
        group.extend(Outcome(key, "not_sent", reason="not its turn") for key in sorted(kept))
        group.extend(Outcome(key, "unknown", reason=reason) for key in sorted(silent - kept))
        settle()
    if unreached == len(batch):
        raise ChannelUnavailable(
            f"{able.name} cannot be reached: {reason}. Nothing left; run it again later."
        )


class _Heartbeat:
    """Renews the lease of a batch while its worker lives."""

    def __init__(
        self,
        ledger: Ledger,
        batch: Sequence[Message],
        worker: str,
        lease: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._done = threading.Event()
        self._clock = clock
        self._until = clock() + lease

        def beat() -> None:
            while not self._done.wait(lease.total_seconds() / 3) and self.is_ours():
                until = clock() + lease
                ledger.renew(batch, worker, until)
                self._until = until

        self._thread = threading.Thread(target=beat, daemon=True)
        self._thread.start()

    def is_ours(self) -> bool:
        """Whether nobody else can have taken the batch over yet: a lease that ran out is never renewed."""
        return self._clock() < self._until

    def stop(self) -> None:
        self._done.set()
        self._thread.join()
