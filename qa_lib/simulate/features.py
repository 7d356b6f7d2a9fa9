"""What was known of a person, and of the offer, strictly before a campaign's first local midnight.

Every feature is one row of `FEATURES`; one query computes all of them over the snapshot's events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import pandas as pd

from qa_lib.errors import NothingBuilt, SpecError, UnknownName, did_you_mean
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot

#: Days of behaviour before the start that are looked at.
WINDOW_DAYS = 84


@dataclass(frozen=True)
class Feature:
    """One number the model reads: its column, its name, its unit, and whether its logarithm is read."""

    name: str
    label: Label
    unit: str
    of: Literal["person", "offer", "campaign"]
    is_log: bool = True


FEATURES: tuple[Feature, ...] = (
    Feature("spend_amount", Label("消费额", "Spend"), "currency", "person"),
    Feature("order_count", Label("订单数", "Orders"), "orders", "person"),
    Feature("recency_days", Label("距最近下单", "Since the last order"), "days", "person"),
    Feature("coupon_line_count", Label("用券的订单行", "Order lines with a coupon"), "lines", "person"),
    Feature("redemption_count", Label("核销次数", "Coupons redeemed"), "coupons", "person"),
    Feature("received_count", Label("已结束活动：收到", "Ended campaigns received"), "campaigns", "person"),
    Feature("redeemed_count", Label("已结束活动：核销", "Ended campaigns redeemed"), "campaigns", "person"),
    Feature("has_demographics", Label("有人口属性", "Demographics known"), "0 or 1", "person", False),
    Feature(
        "offer_spend_amount", Label("在券商品上的消费", "Spend on the coupon's items"), "currency", "offer"
    ),
    Feature(
        "offer_order_count", Label("含券商品的订单", "Orders with the coupon's items"), "orders", "offer"
    ),
    Feature("offer_item_count", Label("买过的券商品种数", "The coupon's items bought"), "items", "offer"),
    Feature("offer_share", Label("券商品占消费", "The coupon's items in spend"), "0 to 1", "offer", False),
    Feature("department_affinity", Label("部门契合度", "Department affinity"), "0 to 1", "offer", False),
    Feature("duration_days", Label("活动天数", "Duration"), "days", "campaign"),
    Feature("offered_item_count", Label("券适用商品数", "Items on offer"), "items", "campaign"),
    Feature("coupon_count", Label("券数", "Coupons"), "coupons", "campaign"),
    Feature("targeted_count", Label("目标人数", "Targeted people"), "people", "campaign"),
)


@dataclass(frozen=True)
class PlannedCampaign:
    """A campaign that has not run: its kind, its days in the workspace's zone, who gets it and what is on offer."""

    campaign_type: str
    starts_on: date
    ends_on: date
    person_ids: tuple[str, ...]
    item_ids: tuple[str, ...]
    coupon_count: int = 1
    campaign_id: str = "planned"

    def __post_init__(self) -> None:
        if self.ends_on < self.starts_on:
            raise SpecError(f"Campaign '{self.campaign_id}' ends on {self.ends_on}, before it starts.")
        if not self.person_ids or len(set(self.person_ids)) != len(self.person_ids):
            raise SpecError(f"Campaign '{self.campaign_id}' needs people, each of them once.")


_RECORDED = [
    (
        "chosen",
        """
        SELECT campaign_id, campaign_type, starts_on, ends_on
        FROM campaigns
        WHERE origin = 'observed' AND campaign_id IN (SELECT campaign_id FROM coupon_items)
          AND CAST(starts_on AS TIMESTAMP) AT TIME ZONE $zone <= $as_of
          AND ($campaigns IS NULL OR list_contains(CAST($campaigns AS VARCHAR[]), campaign_id))
        """,
    ),
    (
        "targets",
        """
        SELECT DISTINCT s.campaign_id, s.person_id, p.person_no
        FROM sends s JOIN chosen USING (campaign_id) LEFT JOIN people p USING (person_id)
        WHERE s.origin = 'observed' AND s.status = 'sent'
        """,
    ),
    (
        "offers",
        "SELECT DISTINCT campaign_id, item_id FROM coupon_items JOIN chosen USING (campaign_id)",
    ),
    (
        "coupons",
        """
        SELECT campaign_id, count(DISTINCT coupon_id) AS coupon_count
        FROM coupon_items JOIN chosen USING (campaign_id) GROUP BY ALL
        """,
    ),
]
_PLANNED = [
    (
        "chosen",
        """
        SELECT CAST($campaign_id AS VARCHAR) AS campaign_id, CAST($campaign_type AS VARCHAR) AS campaign_type,
               CAST($starts_on AS DATE) AS starts_on, CAST($ends_on AS DATE) AS ends_on
        """,
    ),
    ("listed", "SELECT unnest(CAST($person_ids AS VARCHAR[])) AS person_id"),
    (
        "targets",
        """
        SELECT CAST($campaign_id AS VARCHAR) AS campaign_id, person_id, p.person_no
        FROM listed LEFT JOIN people p USING (person_id)
        """,
    ),
    (
        "offers",
        """
        SELECT DISTINCT CAST($campaign_id AS VARCHAR) AS campaign_id,
               unnest(CAST($item_ids AS VARCHAR[])) AS item_id
        """,
    ),
    (
        "coupons",
        "SELECT CAST($campaign_id AS VARCHAR) AS campaign_id, CAST($coupons AS BIGINT) AS coupon_count",
    ),
]
# Money is added as decimals and shares in a stated order, so that the same snapshot gives the same bytes.
# A window that reaches back before the data is scaled to its full length: counts of an early and of a late
# campaign then mean the same.
_STEPS = [
    ("data", "SELECT min(occurred_at) AS begins_at FROM event_visit"),
    (
        "dated",
        """
        SELECT c.*, CAST(starts_on AS TIMESTAMP) AT TIME ZONE $zone AS start_at,
               CAST(starts_on - $window AS TIMESTAMP) AT TIME ZONE $zone AS since_at,
               epoch(start_at - begins_at) / 86400 AS history_days
        FROM chosen c, data
        """,
    ),
    (
        "plans",
        """
        SELECT *, CASE WHEN history_days < 1 THEN 1
                       ELSE $window / least($window, history_days) END AS scale
        FROM dated
        """,
    ),
    (
        "visited",
        """
        SELECT campaign_id, person_no, CAST(sum(paid_amount) AS DOUBLE) AS spend, count(*) AS orders,
               epoch(any_value(start_at) - max(occurred_at)) / 86400 AS recency
        FROM targets JOIN plans USING (campaign_id) JOIN event_visit USING (person_no)
        WHERE occurred_at >= since_at AND occurred_at < start_at
        GROUP BY ALL
        """,
    ),
    (
        "bought",
        """
        SELECT t.campaign_id, t.person_no, e.item_id, e.department, e.order_id,
               e.paid_amount AS paid, e.coupon_amount > 0 AS has_coupon,
               o.item_id IS NOT NULL AS on_offer
        FROM targets t JOIN plans p USING (campaign_id) JOIN event_purchase e USING (person_no)
        LEFT JOIN offers o ON o.campaign_id = t.campaign_id AND o.item_id = e.item_id
        WHERE e.occurred_at >= p.since_at AND e.occurred_at < p.start_at
        """,
    ),
    (
        "lines",
        """
        SELECT campaign_id, person_no, count(*) FILTER (has_coupon) AS coupon_lines,
               CAST(coalesce(sum(paid) FILTER (on_offer), 0) AS DOUBLE) AS offer_spend,
               count(DISTINCT order_id) FILTER (on_offer) AS offer_orders,
               count(DISTINCT item_id) FILTER (on_offer) AS offer_items
        FROM bought GROUP BY ALL
        """,
    ),
    (
        "offered",
        """
        SELECT campaign_id, department,
               count(*) / sum(count(*)) OVER (PARTITION BY campaign_id) AS weight
        FROM offers JOIN items USING (item_id) GROUP BY campaign_id, department
        """,
    ),
    (
        "departments",
        """
        SELECT campaign_id, person_no, department,
               CAST(sum(paid) AS DOUBLE)
                   / nullif(CAST(sum(sum(paid)) OVER (PARTITION BY campaign_id, person_no) AS DOUBLE), 0) AS share
        FROM bought GROUP BY campaign_id, person_no, department
        """,
    ),
    (
        "affinity",
        """
        SELECT campaign_id, person_no, sum(share * weight ORDER BY department) AS affinity
        FROM departments JOIN offered USING (campaign_id, department) GROUP BY ALL
        """,
    ),
    (
        "redemptions",
        """
        SELECT t.campaign_id, t.person_no, count(*) AS redemptions
        FROM targets t JOIN plans p USING (campaign_id) JOIN event_redeem e USING (person_no)
        WHERE e.occurred_at >= p.since_at AND e.occurred_at < p.start_at
        GROUP BY ALL
        """,
    ),
    (
        "ended",
        """
        SELECT p.campaign_id, p.start_at, c.campaign_id AS earlier_id
        FROM plans p JOIN campaigns c ON c.ends_on < p.starts_on AND c.ends_on >= p.starts_on - $window
        WHERE c.origin = 'observed'
        """,
    ),
    (
        "received",
        """
        SELECT t.campaign_id, t.person_no, count(DISTINCT d.earlier_id) AS received
        FROM targets t JOIN ended d USING (campaign_id)
        JOIN event_receive e ON e.person_no = t.person_no AND e.campaign_id = d.earlier_id
        WHERE e.occurred_at < d.start_at
        GROUP BY ALL
        """,
    ),
    (
        "redeemed",
        """
        SELECT t.campaign_id, t.person_no, count(DISTINCT d.earlier_id) AS redeemed
        FROM targets t JOIN ended d USING (campaign_id)
        JOIN event_redeem e ON e.person_no = t.person_no AND e.campaign_id = d.earlier_id
        WHERE e.occurred_at < d.start_at
        GROUP BY ALL
        """,
    ),
    ("sizes", "SELECT campaign_id, count(*) AS targeted_count FROM targets GROUP BY ALL"),
    ("widths", "SELECT campaign_id, count(*) AS offered_item_count FROM offers GROUP BY ALL"),
]
_SELECT = """
SELECT t.campaign_id, p.campaign_type, p.starts_on, p.ends_on, p.history_days, t.person_id,
       coalesce(v.spend, 0) * p.scale AS spend_amount,
       coalesce(v.orders, 0) * p.scale AS order_count,
       coalesce(v.recency, $window) AS recency_days,
       coalesce(l.coupon_lines, 0) * p.scale AS coupon_line_count,
       coalesce(r.redemptions, 0) * p.scale AS redemption_count,
       coalesce(g.received, 0) AS received_count,
       coalesce(h.redeemed, 0) AS redeemed_count,
       CAST(t.person_id IN (SELECT person_id FROM demographics) AS INTEGER) AS has_demographics,
       greatest(coalesce(l.offer_spend, 0), 0) * p.scale AS offer_spend_amount,
       coalesce(l.offer_orders, 0) * p.scale AS offer_order_count,
       coalesce(l.offer_items, 0) * p.scale AS offer_item_count,
       CASE WHEN v.spend > 0 THEN least(greatest(l.offer_spend / v.spend, 0), 1) ELSE 0 END AS offer_share,
       coalesce(a.affinity, 0) AS department_affinity,
       p.ends_on - p.starts_on + 1 AS duration_days,
       coalesce(w.offered_item_count, 0) AS offered_item_count,
       coalesce(c.coupon_count, 0) AS coupon_count,
       s.targeted_count
FROM targets t JOIN plans p USING (campaign_id) JOIN sizes s USING (campaign_id)
LEFT JOIN widths w USING (campaign_id) LEFT JOIN coupons c USING (campaign_id)
LEFT JOIN visited v USING (campaign_id, person_no) LEFT JOIN lines l USING (campaign_id, person_no)
LEFT JOIN affinity a USING (campaign_id, person_no) LEFT JOIN redemptions r USING (campaign_id, person_no)
LEFT JOIN received g USING (campaign_id, person_no) LEFT JOIN redeemed h USING (campaign_id, person_no)
ORDER BY p.starts_on, length(t.campaign_id), t.campaign_id, t.person_id
"""
_NEEDED = ("order_lines", "items", "demographics", "campaigns", "sends", "outcomes", "coupon_items")


def campaign_features(
    snapshot: Snapshot,
    *,
    campaigns: Sequence[str] | None = None,
    window_days: int = WINDOW_DAYS,
) -> pd.DataFrame:
    """What was known before each campaign of everybody it was sent to.

    Parameters
    ----------
    campaigns
        Only these; all that have begun at the snapshot's moment when None.
    window_days
        How far back behaviour is read. Where the data begin later than that, counts and amounts are
        scaled to the full window.

    Returns
    -------
    pandas.DataFrame
        One row per campaign and person, in order of the campaigns' start: `campaign_id`, `campaign_type`,
        `starts_on`, `ends_on`, `history_days` (from the first order to the start; negative when the campaign
        began before the data), `person_id`, and one float column per row of `FEATURES`.

    Raises
    ------
    NothingBuilt
        When a table that is read has not been landed.
    UnknownName
        For a campaign that has not begun or is not there.
    """
    _check(snapshot, window_days)
    frame = _frame(snapshot, _RECORDED, window_days, {"campaigns": campaigns and [str(c) for c in campaigns]})
    known = set(frame["campaign_id"])
    for name in campaigns or ():
        if name not in known:
            raise UnknownName(
                f"Unknown campaign {name!r} as of {snapshot.as_of.isoformat()}, or it was sent to nobody."
                f"{did_you_mean(name, campaign_features(snapshot)['campaign_id'].unique())}"
            )
    return frame


def planned_features(
    snapshot: Snapshot, plan: PlannedCampaign, *, window_days: int = WINDOW_DAYS
) -> pd.DataFrame:
    """The same columns for a campaign that has not run; a person nobody knows has bought nothing.

    When it starts after the snapshot's moment, what happens between the two is not known and counts as nothing.
    """
    _check(snapshot, window_days)
    given = {
        "campaign_id": plan.campaign_id,
        "campaign_type": plan.campaign_type,
        "starts_on": plan.starts_on,
        "ends_on": plan.ends_on,
        "person_ids": list(plan.person_ids),
        "item_ids": list(plan.item_ids),
        "coupons": plan.coupon_count,
    }
    return _frame(snapshot, _PLANNED, window_days, given)


def campaign_redeemers(snapshot: Snapshot) -> pd.DataFrame:
    """Who redeemed at least one coupon of which campaign by the snapshot's moment: `campaign_id`, `person_id`."""
    return snapshot.frame(
        "SELECT DISTINCT campaign_id, person_id FROM event_redeem JOIN people USING (person_no) ORDER BY ALL"
    )


def _frame(
    snapshot: Snapshot, first: Sequence[tuple[str, str]], window: int, given: dict[str, Any]
) -> pd.DataFrame:
    text = ",\n".join(f"{name} AS ({sql})" for name, sql in [*first, *_STEPS])
    sql = f"WITH {text}\n{_SELECT}"
    params = {**given, "window": window, "zone": str(snapshot.zone), "as_of": snapshot.as_of}
    frame = snapshot.frame(sql, {name: value for name, value in params.items() if f"${name}" in sql})
    names = [f.name for f in FEATURES]
    frame[names] = frame[names].astype("float64")
    return frame


def _check(snapshot: Snapshot, window_days: int) -> None:
    if window_days < 1:
        raise SpecError(f"The window is {window_days!r} days; it must be at least one day.")
    for name in _NEEDED:
        if name not in snapshot.table_versions:
            raise NothingBuilt(
                f"The redemption model reads the table '{name}', which snapshot {snapshot.version} does not "
                "have. Land its feed with `qa land` and build again."
            )
