"""A message to one person, its idempotency key, and what became of handing it over."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import sqlalchemy as sa

#: What a provider's answer is in the ledger's words.
#: `retry`: it answered that it cannot now; `not_sent`: nothing left this machine, so no try is counted;
#: `unknown`: the message may have left and no answer came.
Status = Literal["accepted", "refused", "retry", "not_sent", "unknown"]


@dataclass(frozen=True)
class Message:
    """One message, rendered: nothing about it is decided after it was planned.

    Parameters
    ----------
    campaign_version
        The frozen plan's version; with `step`, `person_id` and `channel` it is the idempotency key.
    content
        JSON fields such as `subject` and `text`; the adapter's capabilities name those it carries.
    due_at
        The earliest moment of hand-off; at once when not given.
    cost_amount
        What the message costs in the account currency; not recorded when not given.
    attempt
        Number of the intent under which it is being handed over; set by the ledger.
    """

    campaign_id: str
    campaign_version: str
    step: str
    person_id: str
    channel: str
    address: str
    content: Mapping[str, Any]
    due_at: datetime | None = None
    cost_amount: Decimal | None = None
    attempt: int = 0

    @cached_property
    def key(self) -> str:
        """The idempotency key: 32 hex digits, the same for every attempt and after a changed address."""
        named = [self.campaign_version, self.step, self.person_id, self.channel]
        return hashlib.sha256(json.dumps(named, ensure_ascii=False).encode()).hexdigest()[:32]

    @property
    def address_claim(self) -> str:
        """The address as it is compared with others: one address gets one message."""
        return self.address.strip().casefold()


@dataclass(frozen=True)
class Outcome:
    """What became of one message, by its key; `retry_after` is the provider's own word on when."""

    key: str
    status: Status
    provider_id: str | None = None
    reason: str | None = None
    retry_after: timedelta | None = None


@dataclass(frozen=True)
class Defer:
    """A guard's answer that is not no: not before `until`."""

    until: datetime
    reason: str


#: Asked at hand-off: a reason not to contact, a deferral, or None. It may read the state database through
#: any connection and must not write to it. One that is a `BatchGuard` too is asked for a batch at once.
MayContact = Callable[[str, str, datetime], "str | Defer | None"]


@runtime_checkable
class BatchGuard(Protocol):
    """A guard that is asked for many messages at once, inside the transaction that commits their intents."""

    def prepare(self, at: datetime, limit: int) -> None:
        """Before the transaction: find out what takes long about the messages that come next."""

    def verdicts(
        self, con: sa.Connection, rows: Sequence[Mapping[str, Any]], at: datetime
    ) -> Mapping[str, str | Defer]:
        """By key the reason, or the deferral, of each message that may not go now.

        Parameters
        ----------
        con
            The transaction; it may be read through and must not be written through.
        rows
            Rows of the ledger.
        """


class Batch(Iterator[Message]):
    """Messages whose intent is committed: each is given out once, and none after the lease ran out.

    So a worker that was paused and wakes up late hands over nothing that another has taken over, and what
    was never given out is known not to have left.
    """

    def __init__(self, messages: Sequence[Message], is_ours: Callable[[], bool]) -> None:
        self._waiting = deque(messages)
        self._is_ours = is_ours

    def __next__(self) -> Message:
        if not self._waiting or not self._is_ours():
            raise StopIteration
        return self._waiting.popleft()

    @property
    def left(self) -> list[Message]:
        """Those that were not given out."""
        return list(self._waiting)


class Planned(NamedTuple):
    """What planning did: rows added, rows that were there, addresses that somebody else has already."""

    added: int
    there: int
    duplicate_address: int
