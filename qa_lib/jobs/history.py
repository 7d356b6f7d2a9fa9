"""A campaign of the past that a plan can be replayed against: what was known of it before it began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from qa_lib.errors import NothingBuilt, UnknownName, did_you_mean
from qa_lib.rules.windows import midnight
from qa_lib.workspace import Snapshot

_DAY = timedelta(days=1)
# Observed campaigns with coupons that were over at the snapshot's moment, and the ended one of the same
# type before each.
_ENDED = """
WITH ended AS (
    SELECT c.campaign_id, c.campaign_type, c.starts_on, c.ends_on, count(DISTINCT s.person_id) AS people
    FROM campaigns c JOIN sends s USING (campaign_id, origin)
    WHERE origin = 'observed' AND s.status = 'sent'
      AND campaign_id IN (SELECT campaign_id FROM coupon_items)
      AND CAST(c.ends_on + INTERVAL 1 DAY AS TIMESTAMP) AT TIME ZONE $zone <= $as_of
    GROUP BY ALL
),
paired AS (
    SELECT e.*, arg_max(b.campaign_id, b.starts_on) AS earlier_id
    FROM ended e JOIN ended b ON b.campaign_type = e.campaign_type AND b.ends_on < e.starts_on
    GROUP BY ALL
)
"""


@dataclass(frozen=True)
class PastCampaign:
    """A campaign that ran, and what could be known before its start.

    Attributes
    ----------
    earlier_id
        The campaign of the same type that had ended last before it.
    coupon_ids
        The coupons that were printed for it.
    delivery_rate
        How many of those who received an earlier campaign of the type received the next one as well, over
        all such pairs that had ended before; None where there is none.
    face_amount
        What a redeemed coupon of the earlier campaign took off, on average, to the minor unit.
    coupons_per_person
        The most coupons that one person redeemed of the earlier campaign.
    use_rate, basket_amount
        Of the earlier campaign: redeemers per recipient, and what a redeemer paid on a day of redeeming.
    """

    campaign_id: str
    campaign_type: str
    starts_on: date
    ends_on: date
    starts_at: datetime
    ends_at: datetime
    earlier_id: str
    coupon_ids: tuple[str, ...]
    delivery_rate: Decimal | None
    face_amount: Decimal
    coupons_per_person: int
    use_rate: Decimal
    basket_amount: Decimal


def past_campaign(snapshot: Snapshot, campaign_id: str | None = None) -> PastCampaign:
    """A campaign that was over at the snapshot's moment; the one with most recipients when none is named.

    Raises
    ------
    UnknownName
        For a campaign that is not there, was not over, or has none of its type before it.
    NothingBuilt
        When no campaign can be replayed.
    """
    given = {"zone": str(snapshot.zone), "as_of": snapshot.as_of}
    found = snapshot.frame(
        _ENDED + "SELECT * FROM paired ORDER BY people DESC, starts_on DESC, campaign_id", given
    )
    if found.empty:
        raise NothingBuilt(
            f"No campaign of snapshot {snapshot.version} can be replayed: it takes one that was over, with coupons, "
            "after an ended one of the same type. Land the feeds of campaigns, sends and coupons."
        )
    if campaign_id is None:
        campaign_id = str(found["campaign_id"].iloc[0])
    if campaign_id not in set(found["campaign_id"]):
        raise UnknownName(
            f"Campaign {campaign_id!r} cannot be replayed as of {snapshot.as_of.isoformat()}: it is not there, was "
            f"not over, or none of its type ended before it.{did_you_mean(campaign_id, found['campaign_id'])}"
        )
    row = found[found["campaign_id"] == campaign_id].iloc[0]
    starts_on, ends_on = row["starts_on"].date(), row["ends_on"].date()
    earlier = str(row["earlier_id"])
    redeemed = _redeemed(snapshot, earlier)
    coupon_count = max(int(redeemed["coupons"]), 1)
    coupons = snapshot.frame(
        "SELECT DISTINCT coupon_id FROM coupon_items WHERE campaign_id = $id ORDER BY ALL",
        {"id": campaign_id},
    )
    return PastCampaign(
        campaign_id,
        str(row["campaign_type"]),
        starts_on,
        ends_on,
        midnight(starts_on, snapshot.zone),
        midnight(ends_on + _DAY, snapshot.zone),
        earlier,
        tuple(coupons["coupon_id"]),
        _delivery_rate(snapshot, row["campaign_type"], starts_on),
        max(_to_cents(Decimal(redeemed["off_amount"]) / coupon_count), Decimal("0.01")),
        max(int(redeemed["most"]), 1),
        (Decimal(int(redeemed["people"])) / len(recipients(snapshot, earlier))).quantize(Decimal("0.0001")),
        _to_cents(Decimal(redeemed["paid"]) / max(int(redeemed["days"]), 1)),
    )


def recipients(snapshot: Snapshot, campaign_id: str) -> frozenset[str]:
    """Who received a campaign, as far as it was observed."""
    frame = snapshot.frame(
        "SELECT DISTINCT person_id FROM sends WHERE campaign_id = $id AND origin = 'observed' AND status = 'sent'",
        {"id": campaign_id},
    )
    return frozenset(frame["person_id"])


def _delivery_rate(snapshot: Snapshot, campaign_type: str, starts_on: date) -> Decimal | None:
    frame = snapshot.frame(
        """
        WITH typed AS (
            SELECT campaign_id, starts_on,
                   lag(campaign_id) OVER (ORDER BY starts_on, campaign_id) AS earlier_id
            FROM campaigns
            WHERE origin = 'observed' AND campaign_type = $type AND ends_on < $starts_on
        ),
        sent AS (
            SELECT DISTINCT campaign_id, person_id FROM sends WHERE origin = 'observed' AND status = 'sent'
        )
        SELECT count(*) AS before, count(n.person_id) AS again
        FROM typed t JOIN sent b ON b.campaign_id = t.earlier_id
        LEFT JOIN sent n ON n.campaign_id = t.campaign_id AND n.person_id = b.person_id
        """,
        {"type": campaign_type, "starts_on": starts_on},
    ).iloc[0]
    if not frame["before"]:
        return None
    return (Decimal(int(frame["again"])) / Decimal(int(frame["before"]))).quantize(Decimal("0.0001"))


def _redeemed(snapshot: Snapshot, campaign_id: str) -> Any:
    """One row of sums over a campaign's redemptions: people, days, coupons, most of one person, amounts as text."""
    return snapshot.frame(
        """
        WITH redeemed AS (
            SELECT person_id, occurred_on, count(*) AS coupons
            FROM outcomes WHERE campaign_id = $id AND outcome = 'redeem' AND origin = 'observed' GROUP BY ALL
        ),
        items AS (SELECT DISTINCT item_id, true AS is_in FROM coupon_items WHERE campaign_id = $id),
        bought AS (
            SELECT person_id, CAST(occurred_at AT TIME ZONE $zone AS DATE) AS occurred_on,
                   sum(paid_amount) AS paid,
                   sum(coupon_discount_amount + coupon_match_amount) FILTER (is_in) AS off_amount
            FROM order_lines LEFT JOIN items USING (item_id) GROUP BY ALL
        )
        SELECT CAST(coalesce(sum(off_amount), 0) AS VARCHAR) AS off_amount,
               CAST(coalesce(sum(paid), 0) AS VARCHAR) AS paid,
               coalesce(sum(coupons), 0) AS coupons, count(*) AS days, count(DISTINCT person_id) AS people,
               (SELECT coalesce(max(n), 1) FROM
                   (SELECT sum(coupons) AS n FROM redeemed GROUP BY person_id)) AS most
        FROM redeemed LEFT JOIN bought USING (person_id, occurred_on)
        """,
        {"id": campaign_id, "zone": str(snapshot.zone)},
    ).iloc[0]


def _to_cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"))
