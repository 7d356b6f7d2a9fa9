"""The ledger's tables, its states, and how it writes moments down.

`due_at` stands only while a message waits, `lease_until` only while somebody answers for it or will
ask again; so both are indexes of work to do, and a finished message is in neither.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

#: Every state of a message, in the order of its life.
STATES = (
    "planned",
    "deferred",
    "dispatching",
    "accepted",
    "refused",
    "unknown",
    "delivered",
    "bounced",
    "complained",
    "suppressed",
    "dead",
)
#: What the shared table `sends` says of a state.
SEND_STATUS = {
    "planned": "queued",
    "deferred": "queued",
    "dispatching": "queued",
    "accepted": "sent",
    "delivered": "sent",
    "bounced": "sent",
    "complained": "sent",
    "unknown": "unknown",
    "refused": "failed",
    "dead": "failed",
    "suppressed": "not_sent",
}
#: States in which the provider has the message or may have it: they count against a cap.
CONTACTED = ("dispatching", "accepted", "unknown", "delivered", "bounced", "complained")

metadata = sa.MetaData()
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("delivery_id", sa.String(32), primary_key=True),
    sa.Column("campaign_id", sa.String, nullable=False),
    sa.Column("campaign_version", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("person_id", sa.String, nullable=False, index=True),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),
    # the address in its compared form; empty where another person's row has it, so that it may repeat
    sa.Column("address_claim", sa.String),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("cost_amount", sa.String),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.String),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("worker", sa.String),
    sa.Column("due_at", sa.String(32)),
    sa.Column("lease_until", sa.String(32)),
    sa.Column("first_tried_at", sa.String(32)),
    sa.Column("planned_at", sa.String(32), nullable=False),
    sa.Column("sent_at", sa.String(32)),
    sa.Column("delivered_at", sa.String(32)),
    sa.Column("provider_id", sa.String, index=True),
    sa.UniqueConstraint("campaign_version", "step", "person_id", "channel"),
    sa.UniqueConstraint("campaign_version", "step", "address_claim"),
    sa.Index("deliveries_due", "channel", "due_at", "delivery_id"),
    sa.Index("deliveries_leased", "channel", "lease_until"),
)
history = sa.Table(
    "delivery_history",
    metadata,
    sa.Column("history_id", sa.Integer, primary_key=True),
    sa.Column("delivery_id", sa.String(32), nullable=False, index=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("from_state", sa.String(16)),
    sa.Column("to_state", sa.String(16), nullable=False),
    sa.Column("reason", sa.String),
    sa.Column("worker", sa.String),
    sa.Column("at", sa.String(32), nullable=False),
)
stops = sa.Table(
    "delivery_stops",
    metadata,
    sa.Column("stop_id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("subject", sa.String, nullable=False, index=True),
    sa.Column("channel", sa.String),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
)
receipts = sa.Table(
    "delivery_receipts",
    metadata,
    sa.Column("receipt_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("message_id", sa.String, nullable=False),
    sa.Column("delivery_id", sa.String(32), index=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("reason", sa.String),
)

_SQLITE_KEPT = """
CREATE TRIGGER delivery_history_{when} BEFORE {when} ON delivery_history
BEGIN SELECT RAISE(ABORT, 'the history of sends is append-only'); END
"""
_POSTGRES_KEPT = """
CREATE FUNCTION delivery_history_kept() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the history of sends is append-only'; END $$;
CREATE TRIGGER delivery_history_kept BEFORE UPDATE OR DELETE ON delivery_history
FOR EACH ROW EXECUTE FUNCTION delivery_history_kept();
"""
for _when in ("UPDATE", "DELETE"):
    sa.event.listen(
        history, "after_create", sa.DDL(_SQLITE_KEPT.format(when=_when)).execute_if(dialect="sqlite")
    )
sa.event.listen(history, "after_create", sa.DDL(_POSTGRES_KEPT).execute_if(dialect="postgresql"))


def to_text(moment: datetime) -> str:
    """A moment as text of one width in UTC, so that texts compare as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def to_moment(text: str | None) -> datetime | None:
    """The moment that `to_text` wrote down."""
    return datetime.fromisoformat(text) if text else None
