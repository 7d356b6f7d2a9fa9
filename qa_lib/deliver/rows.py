"""Rows of the ledger: read under a lock, changed together with their history, read as messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from qa_lib.deliver.messages import Message
from qa_lib.deliver.schema import deliveries, history, to_moment, to_text

_MUTABLE = (
    *("state", "reason", "attempt", "failures", "worker", "due_at", "lease_until", "first_tried_at"),
    *("sent_at", "delivered_at", "provider_id"),
)


def rows_of(con: sa.Connection, keys: Sequence[str], *, lock: bool = False) -> list[dict[str, Any]]:
    """The rows of some keys, in the order of keys; locked in that order where asked."""
    query = sa.select(deliveries).where(deliveries.c.delivery_id.in_(keys)).order_by(deliveries.c.delivery_id)
    return [dict(r) for r in con.execute(query.with_for_update() if lock else query).mappings()]


def locked(
    con: sa.Connection,
    which: sa.ColumnElement[bool],
    order: sa.Column[Any],
    channel: str,
    campaign_version: str | None,
    limit: int,
) -> list[dict[str, Any]]:
    """The first rows of a channel that a condition names, passing over those that another worker holds."""
    query = sa.select(deliveries).where(deliveries.c.channel == channel, which)
    if campaign_version is not None:
        query = query.where(deliveries.c.campaign_version == campaign_version)
    query = query.order_by(order, deliveries.c.delivery_id).limit(limit)
    return [dict(r) for r in con.execute(query.with_for_update(skip_locked=True)).mappings()]


def move(
    con: sa.Connection,
    moves: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    at: datetime,
    worker: str | None,
) -> None:
    """Write changes of rows and note each in the history."""
    if not moves:
        return
    after = [{**row, **change} for row, change in moves]
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in _MUTABLE}
    con.execute(
        deliveries.update().where(deliveries.c.delivery_id == sa.bindparam("which")).values(values),
        [{"which": r["delivery_id"], **{f"new_{n}": r[n] for n in _MUTABLE}} for r in after],
    )
    notes = [
        note(new, old["state"], new["state"], at, worker) for (old, _), new in zip(moves, after, strict=True)
    ]
    con.execute(history.insert(), notes)


def message_of(row: Mapping[str, Any], attempt: int | None = None) -> Message:
    """The message that a row holds."""
    return Message(
        campaign_id=row["campaign_id"],
        campaign_version=row["campaign_version"],
        step=row["step"],
        person_id=row["person_id"],
        channel=row["channel"],
        address=row["address"],
        content=row["content"],
        due_at=to_moment(row["due_at"]),
        cost_amount=None if row["cost_amount"] is None else Decimal(row["cost_amount"]),
        attempt=row["attempt"] if attempt is None else attempt,
    )


def intent(row: Mapping[str, Any], worker: str, at: datetime, lease: timedelta) -> dict[str, Any]:
    """The change that commits an intent: the next attempt, whose it is, and until when."""
    return {
        "state": "dispatching",
        "reason": None,
        "attempt": row["attempt"] + 1,
        "worker": worker,
        "due_at": None,
        "lease_until": to_text(at + lease),
        "first_tried_at": row["first_tried_at"] or to_text(at),
    }


def new_row(message: Message, at: datetime, *, taken: bool) -> dict[str, Any]:
    """The row of a message that is planned, or suppressed because another row has its address."""
    empty = dict.fromkeys(_MUTABLE)
    return empty | {
        "delivery_id": message.key,
        "campaign_id": message.campaign_id,
        "campaign_version": message.campaign_version,
        "step": message.step,
        "person_id": message.person_id,
        "channel": message.channel,
        "address": message.address,
        "address_claim": None if taken else message.address_claim,
        "content": dict(message.content),
        "cost_amount": None if message.cost_amount is None else str(message.cost_amount),
        "state": "suppressed" if taken else "planned",
        "reason": "duplicate address" if taken else None,
        "attempt": 0,
        "failures": 0,
        "due_at": None if taken else to_text(message.due_at or at),
        "planned_at": to_text(at),
    }


def note(
    row: Mapping[str, Any],
    before: str | None,
    after: str,
    at: datetime,
    worker: str | None,
    reason: str | None = None,
) -> dict[str, Any]:
    """The line of history for one transition."""
    return {
        "delivery_id": row["delivery_id"],
        "attempt": row["attempt"],
        "from_state": before,
        "to_state": after,
        "reason": reason or row["reason"],
        "worker": worker,
        "at": to_text(at),
    }
