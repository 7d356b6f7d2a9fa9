"""What the ledger says: counts, unknowns, one message's history, and the shared table `sends`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from qa_lib.deliver import schema
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.schema import deliveries, history, to_moment, to_text
from qa_lib.tables import SENDS

if TYPE_CHECKING:
    import pandas as pd

#: Columns of `sends_frame`: those of the shared table, then what only the ledger knows.
SENDS_COLUMNS = (*SENDS.column_names, "campaign_version", "state")
#: What the ledger's rows carry in the column `source`.
SOURCE = "ledger"


def counts(ledger: Ledger, campaign_version: str | None = None) -> dict[str, int]:
    """How many messages are in each state; states without any are left out."""
    query = sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state)
    if campaign_version is not None:
        query = query.where(deliveries.c.campaign_version == campaign_version)
    with ledger.engine.connect() as con:
        found = {str(state): int(n) for state, n in con.execute(query)}
    return {state: found[state] for state in schema.STATES if state in found}


def contacted_count(ledger: Ledger, person_id: str, since: datetime, channel: str | None = None) -> int:
    """Messages that left for a person, or may have, since a moment: what a cap counts."""
    c = deliveries.c
    query = sa.select(sa.func.count()).where(
        c.person_id == person_id, c.state.in_(schema.CONTACTED), c.first_tried_at >= to_text(since)
    )
    with ledger.engine.connect() as con:
        return int(con.scalar(query if channel is None else query.where(c.channel == channel)) or 0)


def next_moment(ledger: Ledger, channel: str, campaign_version: str | None = None) -> datetime | None:
    """When the next message is due or its lease runs out; None when nothing is left to do."""
    c = deliveries.c
    with ledger.engine.connect() as con:
        found = []
        for column in (c.due_at, c.lease_until):
            query = sa.select(sa.func.min(column)).where(c.channel == channel)
            if campaign_version is not None:
                query = query.where(c.campaign_version == campaign_version)
            found.append(con.scalar(query))
    return to_moment(min((f for f in found if f), default=None))


def history_of(ledger: Ledger, key: str) -> list[dict[str, Any]]:
    """Every transition of one message, oldest first."""
    query = sa.select(history).where(history.c.delivery_id == key).order_by(history.c.history_id)
    with ledger.engine.connect() as con:
        return [dict(r) for r in con.execute(query).mappings()]


def unknowns(ledger: Ledger, campaign_version: str | None = None) -> pd.DataFrame:
    """Messages that may or may not have arrived: held, never sent again without a decision.

    Columns: key, person_id, channel, address, attempt, first_tried_at, reason.
    """
    c = deliveries.c
    query = sa.select(
        *(
            c.delivery_id.label("key"),
            c.person_id,
            c.channel,
            c.address,
            c.attempt,
            c.first_tried_at,
            c.reason,
        )
    ).where(c.state == "unknown", c.lease_until.is_(None))
    if campaign_version is not None:
        query = query.where(c.campaign_version == campaign_version)
    return _frame(ledger, query.order_by(c.first_tried_at, c.delivery_id), ("first_tried_at",))


def sends_frame(
    ledger: Ledger,
    campaign_version: str | None = None,
    *,
    campaign_id: str | None = None,
    origin: str = "observed",
) -> pd.DataFrame:
    """The ledger as rows of the shared table `sends`, with the given origin.

    One row for each message, by campaign, person and step. `status` is `queued` (planned, deferred,
    dispatching), `sent` (accepted and what follows), `failed` (refused, dead), `unknown`, or `not_sent`
    (suppressed, at no cost). `sent_at` is when the provider took it, `delivered_at` when its receipt says
    it arrived; both, and `cost_amount`, are empty where they were not recorded.
    """
    import pandas as pd

    c = deliveries.c
    plain = [c[n] for n in SENDS_COLUMNS if n not in ("origin", "status", "world", "source")]
    query = sa.select(*plain)
    if campaign_version is not None:
        query = query.where(c.campaign_version == campaign_version)
    if campaign_id is not None:
        query = query.where(c.campaign_id == campaign_id)
    frame = _frame(ledger, query.order_by(c.campaign_id, c.person_id, c.step), ("sent_at", "delivered_at"))
    frame["origin"], frame["world"], frame["source"] = origin, 0, SOURCE
    frame["status"] = frame["state"].map(schema.SEND_STATUS)
    frame["cost_amount"] = pd.Series(
        [
            Decimal("0.00") if status == "not_sent" else None if cost is None else Decimal(cost)
            for status, cost in zip(frame["status"], frame["cost_amount"], strict=True)
        ],
        dtype=object,
    )
    return frame[list(SENDS_COLUMNS)]


def _frame(ledger: Ledger, query: sa.Select[Any], moments: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    with ledger.engine.connect() as con:
        found = con.execute(query)
        frame = pd.DataFrame(found.all(), columns=list(found.keys()), dtype=object)
    for name in moments:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    return frame
