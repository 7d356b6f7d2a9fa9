"""What left for people, or may have, as contact caps read it: from the ledger, and from before it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from qa_lib.campaigns import past_sends
from qa_lib.deliver.schema import CONTACTED, deliveries, history, to_moment
from qa_lib.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


class Contact(NamedTuple):
    """One message that left or may have; `at` is the latest moment at which it can have left."""

    person_id: str
    campaign_id: str
    campaign_version: str
    step: str
    channel: str
    at: datetime
    delivered_at: datetime | None


def contacts(
    con: sa.Connection,
    person_ids: Collection[str],
    *,
    apart_from: Collection[str] = (),
    receipts: bool = True,
) -> list[Contact]:
    """The messages of the ledger that left for some people, or may have.

    A message that is being handed over may leave until its lease ends; one that is unknown left in its
    last attempt, if ever. Both count as delivered when they left: nobody can say that they were not. So
    does every message of a plan of which no receipt was recorded.

    Parameters
    ----------
    apart_from
        Keys of messages that are left out.
    receipts
        Whether `delivered_at` is wanted; without it, every message has its `at` there.
    """
    c = deliveries.c
    last_try = (
        sa.select(sa.func.max(history.c.at))
        .where(history.c.delivery_id == c.delivery_id, history.c.to_state == "dispatching")
        .scalar_subquery()
    )
    left_at = sa.case(
        (c.state == "dispatching", c.lease_until), else_=sa.func.coalesce(c.sent_at, last_try)
    ).label("left_at")
    query = sa.select(
        c.delivery_id,
        c.person_id,
        c.campaign_id,
        c.campaign_version,
        c.step,
        c.channel,
        c.state,
        c.delivered_at,
        left_at,
    ).where(c.person_id.in_(sorted(person_ids)), c.state.in_(CONTACTED))
    rows = [r for r in con.execute(query) if r.delivery_id not in apart_from]
    told = _with_receipts(con, {r.campaign_version for r in rows} if receipts else ())
    found = []
    for row in rows:
        at = to_moment(row.left_at)
        assert at is not None  # every state here was reached through an intent
        is_open = row.state in ("dispatching", "unknown") or row.campaign_version not in told
        delivered_at = to_moment(row.delivered_at) or (at if is_open else None)
        found.append(
            Contact(
                row.person_id,
                row.campaign_id,
                row.campaign_version,
                row.step,
                row.channel,
                at,
                delivered_at,
            )
        )
    return found


def _with_receipts(con: sa.Connection, versions: Collection[str]) -> set[str]:
    """The plans of which any delivery was confirmed."""
    if not versions:
        return set()
    c = deliveries.c
    query = sa.select(c.campaign_version).where(
        c.campaign_version.in_(sorted(versions)), c.delivered_at.is_not(None)
    )
    return set(con.scalars(query.distinct()))


class Before:
    """What went out before the ledger, by person; it never counts a campaign that the ledger has.

    Parameters
    ----------
    frame
        Columns `qa_lib.guards.PAST_COLUMNS`; with `campaign_id` too, rows of the ledger's campaigns are
        left out.
    person_ids
        Whose rows are kept.
    """

    def __init__(
        self, frame: pd.DataFrame, person_ids: Collection[str], in_ledger: Collection[str] = ()
    ) -> None:
        kept = frame[frame["person_id"].isin(list(person_ids)) & frame["sent_at"].notna()]
        if "campaign_id" in kept:
            kept = kept[~kept["campaign_id"].isin(list(in_ledger))]
        self._rows: dict[str, list[dict[str, Any]]] = {}
        for raw in kept.to_dict("records"):
            row = {str(name): value for name, value in raw.items()}
            self._rows.setdefault(str(row["person_id"]), []).append(row)

    def rows(self, person_ids: Iterable[str], at: datetime) -> list[Mapping[str, Any]]:
        """The rows of some people up to a moment; what was delivered later counts as not yet delivered."""
        found: list[Mapping[str, Any]] = []
        for person in person_ids:
            for row in self._rows.get(person, ()):
                if row["sent_at"] < at:
                    delivered_at = row["delivered_at"]
                    is_told = delivered_at is not None and delivered_at < at  # NaT compares as false
                    found.append({**row, "delivered_at": delivered_at if is_told else None})
        return found


def past_of(workspace: Workspace, con: sa.Connection, before: datetime) -> pd.DataFrame:
    """The newest observed sends of the shared table, without the campaigns of the ledger."""
    newest = {n: workspace.store.version(n) for n in ("sends", "campaigns") if workspace.store.exists(n)}
    snapshot = workspace.snapshot().with_tables(newest)
    # a campaign is in the ledger before it is in the table: so whatever the versions above hold, it is found
    return past_sends(snapshot, before=before, without=ledger_campaigns(con))


def ledger_campaigns(con: sa.Connection) -> set[str]:
    """The campaigns of which the ledger has messages."""
    return set(con.scalars(sa.select(deliveries.c.campaign_id).distinct()))
