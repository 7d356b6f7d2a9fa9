"""Receipts of providers: applied once, in whatever order they come; those of unknown ids are kept apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.rows import move
from qa_lib.deliver.schema import deliveries, receipts, to_moment, to_text
from qa_lib.deliver.stops import add_stop, stopping
from qa_lib.guards import GuardState
from qa_lib.workspace import Workspace

#: `bounced` is for good: the address is given up; `soft_bounced` was a full mailbox or the like.
Kind = Literal["delivered", "bounced", "soft_bounced", "complained", "unsubscribed"]
#: A receipt moves a message only forward in this order: a bounce may follow a delivery, never the reverse.
_RANK = {"delivered": 1, "bounced": 2, "soft_bounced": 2, "complained": 3}
_BATCH = 500


@dataclass(frozen=True)
class Receipt:
    """What a provider says about a message later.

    Parameters
    ----------
    message_id
        The provider's id of the message, or the message's key.
    receipt_id
        The provider's id of this receipt; made from its content when not given.
    """

    kind: Kind
    message_id: str
    at: datetime
    reason: str | None = None
    receipt_id: str | None = None

    @property
    def identity(self) -> str:
        """By what a second copy of the receipt is known."""
        content = "\x1f".join((self.kind, self.message_id, to_text(self.at)))
        return self.receipt_id or hashlib.sha256(content.encode()).hexdigest()


class Applied(NamedTuple):
    """What became of receipts: new ones that found their message, copies, and those kept apart."""

    matched: int
    repeated: int
    kept_apart: int


def apply_receipts(where: Workspace | Ledger, given: Iterable[Receipt], at: datetime) -> Applied:
    """Apply receipts, each once, and try again those that were kept apart.

    `delivered`, bounces and `complained` move a message forward, also one that is `unknown`, and one that
    was about to be tried again: the receipt proves that it was taken. `unsubscribed` and `complained` stop
    the person and the address on that channel. Where the ledger is a workspace's, `unsubscribed` withdraws
    the person's consent to the channel, and `bounced` and `complained` suppress the person on it, in the
    same transaction. A receipt whose id is unknown, or whose message never left, changes nothing.
    """
    ledger = where if isinstance(where, Ledger) else Ledger(where)
    new = {r.identity: r for r in given}
    repeated = 0
    keys = sorted(new)
    for first in range(0, len(keys), _BATCH):
        batch = keys[first : first + _BATCH]
        with stopping(ledger) as con:
            there = set(con.scalars(sa.select(receipts.c.receipt_id).where(receipts.c.receipt_id.in_(batch))))
            repeated += len(there)
            rows = [_row(new[key]) for key in batch if key not in there]
            if rows:
                con.execute(receipts.insert(), rows)
    matched = match_receipts(ledger, at)
    with ledger.engine.connect() as con:
        apart = con.scalar(sa.select(sa.func.count()).where(receipts.c.delivery_id.is_(None)))
    return Applied(matched, repeated, int(apart or 0))


def match_receipts(ledger: Ledger, at: datetime) -> int:
    """Apply the receipts kept apart whose message is known by now; returns how many."""
    r, d = receipts.c, deliveries.c
    for_message = sa.or_(d.delivery_id == r.message_id, d.provider_id == r.message_id)
    query = (
        sa.select(*r, d.delivery_id.label("found"))
        .join(deliveries, for_message)
        .where(r.delivery_id.is_(None), d.attempt > 0)
        .order_by(r.at, r.receipt_id)
        .limit(_BATCH)
    )
    total = 0
    while True:
        with stopping(ledger) as con:
            found = [dict(r) for r in con.execute(query).mappings()]
            for receipt in found:
                _apply(con, receipt, at, ledger.consent)
        total += len(found)
        if len(found) < _BATCH:
            return total


def _apply(con: sa.Connection, receipt: Mapping[str, Any], at: datetime, consent: GuardState | None) -> None:
    which = deliveries.c.delivery_id == receipt["found"]
    row = dict(con.execute(sa.select(deliveries).where(which).with_for_update()).mappings().one())
    mark = receipts.update().where(receipts.c.receipt_id == receipt["receipt_id"])
    con.execute(mark.values(delivery_id=receipt["found"]))
    kind = receipt["kind"]
    if kind in _RANK:
        change: dict[str, Any] = {"due_at": None, "lease_until": None}
        change["sent_at"] = row["sent_at"] or min(receipt["at"], to_text(at))
        if kind == "delivered":
            change["delivered_at"] = min(row["delivered_at"] or receipt["at"], receipt["at"])
        if _RANK[kind] > _RANK.get(row["state"], 0):
            change |= {"state": kind.removeprefix("soft_"), "reason": receipt["reason"]}
        move(con, [(row, change)], at, "receipt")
    if kind in ("unsubscribed", "complained"):
        moment = to_moment(receipt["at"]) or at
        for who, subject in (("person", row["person_id"]), ("address", row["address"].strip().casefold())):
            add_stop(con, who, subject, moment, channel=row["channel"], reason=kind)
    if consent is not None and kind in ("unsubscribed", "bounced", "complained"):
        record = consent.opt_out if kind == "unsubscribed" else consent.suppress
        record(row["person_id"], channel=row["channel"], source=f"receipt: {kind}", connection=con)


def _row(receipt: Receipt) -> dict[str, Any]:
    return {
        "receipt_id": receipt.identity,
        "kind": receipt.kind,
        "message_id": receipt.message_id,
        "delivery_id": None,
        "at": to_text(receipt.at),
        "reason": receipt.reason,
    }
