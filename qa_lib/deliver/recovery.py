"""Messages that a worker left in the middle of its hand-off: what the channel can do decides.

| the provider | a message whose lease ran out |
|---|---|
| takes a key once | is handed over again under its key, while the provider remembers keys |
| can be asked | is `accepted` if it was taken, else `planned` again |
| neither | is `unknown`: held, reported, never sent again without a decision |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from qa_lib.deliver.adapters import Adapter
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.messages import MayContact, Message
from qa_lib.deliver.rows import intent, locked, message_of, move, rows_of
from qa_lib.deliver.schema import deliveries, to_moment, to_text
from qa_lib.errors import ChannelUnavailable, SpecError

_HELD = {"state": "unknown", "lease_until": None, "due_at": None}


class Recovered(NamedTuple):
    """How many messages were looked at, and those of them to hand over again under their keys."""

    handled: int
    again: list[Message]


def recover(
    ledger: Ledger,
    adapter: Adapter,
    worker: str,
    at: datetime,
    *,
    lease: timedelta,
    campaign_version: str | None = None,
    may_contact: MayContact | None = None,
) -> Recovered:
    """Take over messages whose lease ran out, one batch."""
    able = adapter.capabilities
    with ledger.writing() as con:
        column = deliveries.c.lease_until
        rows = locked(con, column <= to_text(at), column, able.channel, campaign_version, able.batch_size)
        if able.recovery == "none":
            reason = "the worker stopped during the hand-off"
            held = [(r, _HELD | {"reason": r["reason"] or reason}) for r in rows]
            move(con, held, at, worker)
            return Recovered(len(rows), [])
        verdicts = ledger.verdicts(con, rows, at, may_contact) if able.recovery == "idempotency_key" else {}
        moves: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
        taken = []
        for row in rows:
            first = to_moment(row["first_tried_at"])
            if able.key_window is not None and first is not None and at - first >= able.key_window:
                moves.append((row, _HELD | {"reason": "the provider no longer remembers the key"}))
            elif row["delivery_id"] in verdicts:
                verdict = verdicts[row["delivery_id"]]
                moves.append(
                    (row, _HELD | {"reason": f"not sent again: {getattr(verdict, 'reason', verdict)}"})
                )
            else:
                change = intent(row, worker, at, lease)
                if able.recovery == "lookup":  # nothing leaves, so it is still unknown, but ours to ask about
                    change |= {"state": "unknown", "reason": row["reason"]}
                moves.append((row, change))
                taken.append(message_of(row, attempt=row["attempt"] + 1))
        move(con, moves, at, worker)
    if able.recovery == "lookup" and taken:
        _ask(ledger, adapter, taken, worker, at)
        return Recovered(len(rows), [])
    return Recovered(len(rows), taken)


def _ask(ledger: Ledger, adapter: Adapter, taken: Sequence[Message], worker: str, at: datetime) -> None:
    try:
        answers = adapter.lookup(taken)
    except ChannelUnavailable as error:
        with ledger.writing(gate=False) as con:
            later = to_text(at + ledger.back_off)
            move(
                con,
                [(r, {"lease_until": later, "reason": str(error)}) for r in _ours(ledger, con, taken)],
                at,
                worker,
            )
        raise
    with ledger.writing(gate=False) as con:
        moves = []
        for row in _ours(ledger, con, taken):
            if row["delivery_id"] in answers:
                found = {"state": "accepted", "lease_until": None, "reason": "the provider has it"}
                found |= {
                    "provider_id": answers[row["delivery_id"]],
                    "sent_at": row["sent_at"] or to_text(at),
                }
                moves.append((row, found))
            else:
                again = {"state": "planned", "lease_until": None, "due_at": to_text(at)}
                moves.append((row, again | {"reason": "the provider did not take it"}))
        move(con, moves, at, worker)


def _ours(ledger: Ledger, con: Any, taken: Sequence[Message]) -> list[Any]:
    """The rows that are still unknown and under our attempt: a receipt may have come in between."""
    attempts = {m.key: m.attempt for m in taken}
    rows = rows_of(con, sorted(attempts), lock=True)
    return [r for r in rows if r["state"] == "unknown" and r["attempt"] == attempts[r["delivery_id"]]]


def resolve(ledger: Ledger, keys: Sequence[str], at: datetime, *, arrived: bool, by: str) -> int:
    """A person's decision about held unknowns: they arrived, or they are to be sent (once more).

    Raises
    ------
    SpecError
        When one of them is not a held unknown; nothing is changed then.
    """
    with ledger.writing() as con:
        rows = rows_of(con, sorted(keys), lock=True)
        held = {r["delivery_id"] for r in rows if r["state"] == "unknown" and r["lease_until"] is None}
        if wrong := sorted(set(keys) - held):
            raise SpecError(f"{wrong[0]!r} is not a held unknown. See qa_lib.deliver.unknowns(ledger).")
        change: dict[str, Any] = (
            {"state": "accepted"} if arrived else {"state": "planned", "due_at": to_text(at)}
        )
        move(con, [(r, change | {"reason": f"decided by {by}"}) for r in rows], at, by)
    return len(rows)
