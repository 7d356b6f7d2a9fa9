"""What people did after a campaign's message: conversions by its goal, as rows of the table `outcomes`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd

from qa_lib.audiences import event_rows
from qa_lib.campaigns.campaign import Campaign
from qa_lib.campaigns.money import ZERO, rounded
from qa_lib.campaigns.scope import offer_items
from qa_lib.errors import SpecError
from qa_lib.tables import OUTCOMES, SENDS
from qa_lib.workspace import Snapshot, Workspace

#: What the rows carry in the column `source`.
SOURCE = "goal"


def conversions(
    snapshot: Snapshot, campaign: Campaign, sends: pd.DataFrame, *, currency: str = "USD"
) -> pd.DataFrame:
    """The days on which people converted after their message, up to the snapshot's moment.

    A message counts from its delivery where the campaign has receipts at all, else from when it was sent;
    an event counts from that moment up to the campaign's end, or for the goal's `within_days`.

    Parameters
    ----------
    sends
        The campaign's rows of the table `sends`, of one origin.
    currency
        ISO 4217 code of the account currency.

    Returns
    -------
    pandas.DataFrame
        One row per person and local day, in order of both: `person_id`, `occurred_on`, `use_count` (events
        of the goal), `revenue_amount` (all the person paid that day, each basket once), `gain_amount`
        (revenue × the assumed margin rate; revenue where none is assumed), `cost_amount` (what the offer
        takes off that day's goods in its scope, for each use up to the limit per person).

    Raises
    ------
    SpecError
        When the campaign declares no goal, or one that does not fit the snapshot.
    """
    if campaign.goal is None:
        raise SpecError(
            f"The campaign {campaign.name!r} declares no goal, so it has no conversions. Give it "
            "goal=Goal(Event(…)) and plan it again."
        )
    events = event_rows(snapshot, campaign.goal.condition)[["person_id", "occurred_at"]]
    counted = events.merge(_windows(campaign, sends), on="person_id")
    inside = (counted["occurred_at"] >= counted["since_at"]) & (counted["occurred_at"] < counted["until_at"])
    counted = counted[inside]
    days = counted["occurred_at"].dt.tz_convert(str(snapshot.zone)).dt.date
    uses = Counter(zip(counted["person_id"].tolist(), days.tolist(), strict=True))
    paid = _paid(snapshot, offer_items(snapshot, campaign.offer) if campaign.offer else None)
    rows = []
    used: dict[str, int] = {}
    for (person, day), count in sorted(uses.items()):
        revenue, in_scope = paid.get((person, day), (ZERO, ZERO))
        limit = campaign.offer.per_person_limit if campaign.offer else 0
        billed = min(count, limit - used.get(person, 0))
        used[person] = used.get(person, 0) + billed
        rows.append(
            {
                "person_id": person,
                "occurred_on": day,
                "use_count": count,
                "revenue_amount": revenue,
                "gain_amount": gain_of(campaign, revenue, currency),
                "cost_amount": offer_cost(campaign, in_scope, billed, currency),
            }
        )
    columns = ["person_id", "occurred_on", "use_count", "revenue_amount", "gain_amount", "cost_amount"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def gain_of(campaign: Campaign, revenue: Decimal, currency: str = "USD") -> Decimal:
    """Margin at the campaign's assumed rate; revenue where none is assumed."""
    rate = campaign.assumptions.margin_rate
    return rounded(revenue * rate, currency) if rate else revenue


def offer_cost(campaign: Campaign, spent: Decimal, uses: int, currency: str = "USD") -> Decimal:
    """What so many uses of the campaign's offer take off goods of this amount; never more than is paid."""
    if campaign.offer is None or uses <= 0:
        return ZERO
    return min(campaign.offer.discount_on(spent, currency) * uses, max(spent, ZERO))


def record_conversions(
    workspace: Workspace, campaign: Campaign, *, origin: str, as_of: datetime | str | None = None
) -> pd.DataFrame:
    """Find the conversions of a campaign's sends and keep them in `outcomes`, in place of earlier ones.

    Parameters
    ----------
    origin
        `observed` or `replayed`: whose sends are looked at.
    as_of
        The snapshot's moment; the current snapshot when not given.

    Returns
    -------
    pandas.DataFrame
        As `conversions`.
    """
    snapshot = workspace.snapshot(as_of)
    # through the snapshot, so that people are those of its moment
    live = snapshot.with_tables({SENDS.name: workspace.store.version(SENDS.name)})
    mine = live.frame(
        "SELECT person_id, status, sent_at, delivered_at FROM sends WHERE campaign_id = $id AND origin = $origin",
        {"id": campaign.name, "origin": origin},
    )
    found = conversions(snapshot, campaign, mine, currency=workspace.currency)
    own = {"campaign_id": campaign.name, "origin": origin, "source": SOURCE}
    workspace.replace(OUTCOMES, _batches(found, own), own)
    return found


def _windows(campaign: Campaign, sends: pd.DataFrame) -> pd.DataFrame:
    """From when to when a person's events count: `person_id`, `since_at`, `until_at`."""
    has_receipts = bool(sends["delivered_at"].notna().any())
    told = sends.assign(since_at=sends["delivered_at" if has_receipts else "sent_at"])
    since = told.dropna(subset=["since_at"]).groupby("person_id")[["since_at"]].min().reset_index()
    assert campaign.goal is not None
    end = pd.Timestamp(campaign.schedule.ends_at)
    if campaign.goal.within_days is None:
        return since.assign(until_at=end)
    return since.assign(until_at=since["since_at"] + timedelta(days=campaign.goal.within_days))


def _paid(
    snapshot: Snapshot, items: frozenset[str] | None
) -> dict[tuple[str, date], tuple[Decimal, Decimal]]:
    """What each person paid on each local day, in all and for goods in scope.

    Whole baskets belong to the day of their first line.
    """
    frame = snapshot.frame(
        """
        WITH baskets AS (
            SELECT person_no, order_id, CAST(occurred_at AT TIME ZONE $zone AS DATE) AS day FROM event_visit
        ),
        scope AS (SELECT unnest(CAST($items AS VARCHAR[])) AS item_id, true AS is_in)
        SELECT p.person_id, b.day, CAST(sum(e.paid_amount) AS VARCHAR) AS paid,
               CAST(coalesce(sum(e.paid_amount) FILTER ($everything OR s.is_in), 0) AS VARCHAR) AS in_scope
        FROM event_purchase e JOIN baskets b USING (person_no, order_id) JOIN people p USING (person_no)
        LEFT JOIN scope s USING (item_id)
        GROUP BY ALL
        """,
        {"zone": str(snapshot.zone), "items": sorted(items or ()), "everything": items is None},
    )
    people, days = frame["person_id"].tolist(), frame["day"].dt.date.tolist()
    amounts = zip(map(Decimal, frame["paid"]), map(Decimal, frame["in_scope"]), strict=True)
    return dict(zip(zip(people, days, strict=True), amounts, strict=True))


def _batches(found: pd.DataFrame, own: dict[str, str]) -> Iterator[Any]:
    import pyarrow as pa

    fixed = {**own, "outcome": "convert", "coupon_id": None, "world": 0}
    rows = [
        fixed | {k: v for k, v in row.items() if k in OUTCOMES.column_names}
        for row in found.to_dict("records")
    ]
    yield pa.RecordBatch.from_pylist(rows, schema=OUTCOMES.arrow_schema())
