"""Campaign figures by plain pandas, straight from the source files; it shares no code with `qa_lib.measure`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pandas as pd

ZONE = "America/New_York"
COUNTS = ("targeted", "redeemers", "redemptions", "redeemer_baskets")


@dataclass
class Source:
    """The source tables with ids as text and days in the stores' zone."""

    sends: pd.DataFrame
    campaigns: pd.DataFrame
    redemptions: pd.DataFrame
    baskets: pd.DataFrame
    people: pd.DataFrame

    @classmethod
    def read(cls, files: dict[str, Path]) -> Source:
        def read(name: str, *columns: str) -> pd.DataFrame:
            return pd.read_parquet(files[f"journey.{name}"], columns=list(columns) or None)

        sends = read("campaigns").astype(str)
        campaigns = read("campaign_descriptions").astype({"campaign_id": str, "campaign_type": str})
        redemptions = read("coupon_redemptions").astype(
            {"household_id": str, "campaign_id": str, "coupon_upc": str}
        )
        redemptions["day"] = pd.to_datetime(redemptions["redemption_date"]).dt.normalize()
        lines = read("transactions", "household_id", "basket_id", "sales_value", "transaction_timestamp")
        lines["cents"] = (lines["sales_value"] * 100).round().astype("int64")
        baskets = lines.groupby(["household_id", "basket_id"], as_index=False).agg(
            cents=("cents", "sum"), at=("transaction_timestamp", "min")
        )
        baskets["household_id"] = baskets["household_id"].astype(str)
        baskets["at"] = baskets["at"].dt.tz_localize("UTC")
        baskets["day"] = baskets["at"].dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()
        people = read("demographics", "household_id", "age").astype({"household_id": str})
        people["age"] = people["age"].astype(object).where(people["age"].notna(), None)
        return cls(sends, campaigns, redemptions, baskets, people)

    def figures(
        self, as_of: datetime, campaigns: list[str] | None = None, age: str | None = "any"
    ) -> dict[str, Any]:
        """The figures in total over these campaigns and people; `age=None` is those without an age."""
        moment = pd.Timestamp(as_of)
        starts = pd.to_datetime(self.campaigns["start_date"]).dt.tz_localize(ZONE)
        begun = set(self.campaigns.loc[starts < moment, "campaign_id"])
        chosen = begun if campaigns is None else begun & set(campaigns)
        sends = self.sends[self.sends["campaign_id"].isin(chosen)]
        if age != "any":
            known = self.people.dropna(subset=["age"])
            if age is None:
                sends = sends[~sends["household_id"].isin(known["household_id"])]
            else:
                sends = sends[sends["household_id"].isin(known.loc[known["age"] == age, "household_id"])]
        over = (self.redemptions["day"] + pd.Timedelta(days=1)).dt.tz_localize(ZONE) <= moment
        redeemed = self.redemptions[over].merge(sends, on=["campaign_id", "household_id"])
        days = redeemed[["household_id", "day"]].drop_duplicates()
        baskets = self.baskets[self.baskets["at"] < moment].merge(days, on=["household_id", "day"])
        revenue = Decimal(int(baskets["cents"].sum())).scaleb(-2)
        value = (revenue / len(baskets)).quantize(Decimal("0.01"), ROUND_HALF_EVEN) if len(baskets) else None
        targeted, redeemers = sends["household_id"].nunique(), redeemed["household_id"].nunique()
        return {
            "targeted": targeted,
            "redeemers": redeemers,
            "redemptions": len(redeemed),
            "redemption_rate": redeemers / targeted if targeted else None,
            "coupons_per_redeemer": len(redeemed) / redeemers if redeemers else None,
            "redeemer_baskets": len(baskets),
            "revenue_of_redeemer_baskets": revenue,
            "basket_value": value,
        }


def assert_same(row: Any, expected: dict[str, Any], what: str) -> None:
    """A row or a dictionary of figures equals the oracle's: counts and money exactly, the rest to a ten-millionth."""
    for key, value in expected.items():
        given = row[key]
        if value is None:
            assert not isinstance(given, int | float) or pd.isna(given), f"{what}: {key} is {given!r}"
        elif isinstance(value, Decimal):
            assert isinstance(given, Decimal), f"{what}: {key} is no exact amount but {given!r}"
            assert given == value, f"{what}: {key} is {given!r}, expected {value!r}"
        elif key in COUNTS:
            assert int(given) == value, f"{what}: {key} is {given!r}, expected {value!r}"
        else:
            assert abs(float(given) - value) <= 1e-7 * max(1, abs(value)), (
                f"{what}: {key} is {given!r} not {value!r}"
            )
