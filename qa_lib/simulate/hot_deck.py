"""What somebody who redeems then does: the days, coupons and amounts of a past redeemer who is like them.

Hot-deck imputation: a simulated redeemer gets the whole record of a *donor* drawn at random from the same
class. Days, coupons and amounts of one person hang together, amounts are heavy-tailed and many are equal to
the cent; a donor keeps all of that without a distribution having to be assumed, and every simulated amount
is one that was paid. The class is the average basket before the campaign, which is known of both sides.

References
----------
Andridge & Little (2010), "A review of hot deck imputation for survey non-response", International
Statistical Review 78, 40-64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qa_lib.errors import NothingBuilt
from qa_lib.workspace import Snapshot

#: Classes of donors: fifths by average basket.
STRATA = 5
#: With fewer redeemers of the campaign's own type than this, those of all types are donors.
LEAST_DONORS = 30

_DAYS = """
WITH redeemed AS (
    SELECT person_no, campaign_id, CAST(timezone($zone, occurred_at) AS DATE) AS redeemed_on,
           count(*) AS coupon_count
    FROM event_redeem
    WHERE list_contains(CAST($campaigns AS VARCHAR[]), campaign_id)
    GROUP BY ALL
),
paid AS (
    SELECT person_no, CAST(timezone($zone, occurred_at) AS DATE) AS redeemed_on,
           CAST(sum(paid_amount) * 100 AS BIGINT) AS paid_minor
    FROM event_visit
    WHERE person_no IN (SELECT person_no FROM redeemed)
    GROUP BY ALL
)
SELECT campaign_id, person_id, redeemed_on, coupon_count, coalesce(paid_minor, 0) AS paid_minor
FROM redeemed JOIN people USING (person_no) LEFT JOIN paid USING (person_no, redeemed_on)
ORDER BY campaign_id, person_id, redeemed_on
"""


@dataclass(frozen=True, eq=False)
class HotDeck:
    """The donors, in classes by their average basket.

    Attributes
    ----------
    donors : pandas.DataFrame
        One row per redeemer of a campaign, by class: `campaign_id`, `campaign_type`, `person_id`,
        `basket_amount` (average before that campaign), `stratum`.
    days : pandas.DataFrame
        One row per donor and day on which they redeemed, in order of days: `donor` (row of `donors`),
        `position` (days since the campaign's first; within its days), `length` (its days), `coupon_count`,
        `paid_minor` (what all their baskets of that day came to, in hundredths).
    cuts : shape (4,)
        Average baskets between the classes.
    is_of_type
        Whether all donors are of the planned campaign's type.
    """

    donors: pd.DataFrame
    days: pd.DataFrame
    cuts: NDArray[np.float64]
    is_of_type: bool

    def strata(self, basket_amount: NDArray[np.float64]) -> NDArray[np.int64]:
        """The class of people with these average baskets."""
        return np.searchsorted(self.cuts, basket_amount, side="right").astype(np.int64)

    def pick(self, strata: NDArray[np.int64], chance: NDArray[np.float64]) -> NDArray[np.int64]:
        """The donor, as a row of `donors`, of people in these classes; `chance` is uniform in [0, 1).

        A class without donors, which equal baskets can leave, takes one from all of them.
        """
        sizes = np.bincount(self.donors["stratum"], minlength=STRATA)
        firsts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        firsts[sizes == 0], sizes[sizes == 0] = 0, len(self.donors)
        within = (chance * sizes[strata]).astype(np.int64)
        return np.asarray(firsts[strata] + np.minimum(within, sizes[strata] - 1))


def hot_deck(snapshot: Snapshot, past: pd.DataFrame, campaign_type: str) -> HotDeck:
    """The redeemers of past campaigns as donors.

    Parameters
    ----------
    past
        From `teaching_rows`: the campaigns that may teach, with `is_redeemer`.
    campaign_type
        Of the planned campaign: only its own past redeemers are donors where there are enough.

    Raises
    ------
    NothingBuilt
        When nobody redeemed in these campaigns.
    """
    found = past.loc[
        past["is_redeemer"], ["campaign_id", "campaign_type", "person_id", "starts_on", "ends_on"]
    ]
    found = found.assign(basket_amount=average_baskets(past)[past["is_redeemer"].to_numpy()])
    if found.empty:
        raise NothingBuilt(
            f"Nobody redeemed in the {past['campaign_id'].nunique()} campaigns to learn from, so nothing says "
            "what a redeemer buys. Land redemptions of past campaigns, or a longer history."
        )
    own = found[found["campaign_type"] == campaign_type]
    is_of_type = len(own) >= LEAST_DONORS
    donors = own if is_of_type else found
    cuts = np.quantile(donors["basket_amount"], np.arange(1, STRATA) / STRATA)
    donors = donors.assign(stratum=np.searchsorted(cuts, donors["basket_amount"], side="right"))
    donors = donors.sort_values("stratum", kind="stable").reset_index(drop=True)
    days = _redeemed_days(snapshot, donors["campaign_id"].unique().tolist())
    days = donors.reset_index(names="donor").merge(days, on=["campaign_id", "person_id"])
    days["length"] = (days["ends_on"] - days["starts_on"]).dt.days + 1
    days["position"] = (days["redeemed_on"] - days["starts_on"]).dt.days.clip(0, days["length"] - 1)
    names = ["donor", "position", "length", "coupon_count", "paid_minor"]
    days = days.groupby(["donor", "position", "length"], as_index=False)[["coupon_count", "paid_minor"]].sum()
    donors = donors.drop(columns=["starts_on", "ends_on"])
    return HotDeck(donors, days[names].astype("int64"), cuts, is_of_type)


def average_baskets(features: pd.DataFrame) -> NDArray[np.float64]:
    """The average basket in the features' window before the campaign; 0 without an order in it."""
    spent = features["spend_amount"].to_numpy(dtype=float)
    orders = features["order_count"].to_numpy(dtype=float)
    # to 9 decimals: the features are scaled to their window, which leaves noise in the last bits
    return np.round(np.divide(spent, orders, out=np.zeros(len(features)), where=orders > 0), 9)


def mapped_days(days: pd.DataFrame, day_count: int) -> pd.DataFrame:
    """The donors' days moved to the same relative place among so many days.

    The middle of a day goes to the day that holds the same share of the campaign. Days that fall on one
    are one day, with all that was redeemed and paid on them.

    Returns
    -------
    pandas.DataFrame
        `donor`, `offset` (days since the first), `coupon_count`, `paid_minor`, by donor and day.
    """
    offset = (2 * days["position"] + 1) * day_count // (2 * days["length"])
    moved = days.assign(offset=offset).groupby(["donor", "offset"], as_index=False)
    return moved[["coupon_count", "paid_minor"]].sum()


def _redeemed_days(snapshot: Snapshot, campaigns: Sequence[str]) -> pd.DataFrame:
    days = snapshot.frame(_DAYS, {"zone": snapshot.zone.key, "campaigns": list(campaigns)})
    days["redeemed_on"] = pd.to_datetime(days["redeemed_on"])
    return days
