"""What a donor brings to a rehearsal, worked out from the company's files in plain pandas and Decimal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from company_changes import local_days

CENT = Decimal("0.01")
Day = tuple[date, Decimal, Decimal, Decimal]  # day, revenue, gain, offer cost


class Oracle:
    """Reads the files once; `donors` holds `(campaign_id, household_id)` by fifth of average basket."""

    def __init__(self, files: Mapping[str, Path], campaigns: Sequence[str]) -> None:
        lines = pd.read_parquet(files["journey.transactions"])
        lines["day"] = local_days(lines["transaction_timestamp"])
        self.lines = lines
        paid: dict[tuple[str, date], Decimal] = defaultdict(Decimal)
        for household, day, value in zip(
            lines["household_id"], lines["day"].dt.date, lines["sales_value"], strict=True
        ):
            paid[str(household), day] += Decimal(str(value)).quantize(CENT)
        self.paid = paid
        facts = pd.read_parquet(files["journey.campaign_descriptions"]).set_index("campaign_id")
        self.dates = {c: (facts.loc[c, "start_date"], facts.loc[c, "end_date"]) for c in campaigns}
        redeemed = pd.read_parquet(files["journey.coupon_redemptions"])
        redeemed = redeemed[redeemed["campaign_id"].isin(campaigns)]
        self.coupons = redeemed.groupby(["campaign_id", "household_id", "redemption_date"]).size()
        pairs = list(dict.fromkeys(zip(redeemed["campaign_id"], redeemed["household_id"], strict=True)))
        averages = {c: self.average_baskets(self.dates[c][0]) for c in campaigns}
        values = np.array([averages[c].get(h, 0.0) for c, h in pairs])
        self.cuts = np.quantile(values, [0.2, 0.4, 0.6, 0.8])
        self.donors: dict[int, list[tuple[str, str]]] = defaultdict(list)
        for pair, value in zip(pairs, values, strict=True):
            self.donors[self.fifth(value)].append(pair)

    def average_baskets(self, start: pd.Timestamp) -> dict[str, float]:
        """By household, over the 84 days before a local midnight."""
        days = self.lines["day"]
        part = self.lines[(days >= start - timedelta(days=84)) & (days < start)]
        by = part.groupby("household_id")
        return (by["sales_value"].sum() / by["basket_id"].nunique()).round(9).to_dict()

    def fifth(self, value: float) -> int:
        return int(sum(value >= cut for cut in self.cuts))

    def days_of(
        self, donor: tuple[str, str], first: date, last: date, limit: int, margin: Decimal
    ) -> tuple[Day, ...]:
        """The donor's days between two days: 5 off from 10, `limit` times a campaign."""
        campaign, household = donor
        starts, ends = self.dates[campaign]
        own, planned = (ends - starts).days + 1, (last - first).days + 1
        amounts: dict[date, Decimal] = defaultdict(Decimal)
        counts: dict[date, int] = defaultdict(int)
        for day, count in self.coupons.loc[campaign, household].items():
            middle = ((day - starts).days + Fraction(1, 2)) / own
            to = first + timedelta(days=int(middle * planned))
            amounts[to] += self.paid.get((household, day.date()), Decimal(0))
            counts[to] += int(count)
        rows, left = [], limit
        for day in sorted(amounts):
            uses = min(left, counts[day])
            left -= uses
            revenue = amounts[day].quantize(CENT)
            gain = (revenue * margin).quantize(CENT, rounding=ROUND_HALF_UP)
            off = min(Decimal(5) * uses, revenue) if revenue >= 10 else Decimal(0)  # never more than is paid
            rows.append((day, revenue, gain, off.quantize(CENT)))
        return tuple(rows)
