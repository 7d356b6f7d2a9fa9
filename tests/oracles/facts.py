"""The raw files as frames of what was known before a moment; money is whole cents, moments are microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

DAY_US = 86_400_000_000
_ITEM = ("item_id", "department", "category", "brand")
#: Kinds of events that the company of the tests has none of.
NEVER = {
    "search": ("keyword", "channel"),
    "favourite": (*_ITEM, "channel"),
    "login": ("channel",),
    "share": (*_ITEM, "channel"),
    "expose": ("creative_id",),
    "click": ("creative_id",),
}


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a moment with a zone."""
    since = moment - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def midnight_us(day: date, zone: str) -> int:
    """The moment at which a day begins in a zone."""
    return microseconds(datetime.combine(day, time(), tzinfo=ZoneInfo(zone)))


def cents(amounts: pd.Series) -> pd.Series:
    return np.rint(amounts.to_numpy("float64") * 100).astype("int64")


@dataclass
class Facts:
    """What was known before `as_of`; every frame carries `person_id` as text and `at`, a moment."""

    as_of: datetime
    zone: str
    people: list[str]
    events: dict[str, pd.DataFrame]
    demographics: pd.DataFrame

    @property
    def as_of_us(self) -> int:
        return microseconds(self.as_of)


def read_facts(files: Mapping[str, Path], interactions: pd.DataFrame, as_of: datetime, zone: str) -> Facts:
    """The frames of the eight files and of the table `interactions`, cut at `as_of`."""
    frame = {
        name.removeprefix("journey."): pd.read_parquet(p) for name, p in files.items() if "promo" not in name
    }
    end = microseconds(as_of)
    items = _items(frame["products"])
    purchase = _lines(frame["transactions"]).merge(items, on="item_id", how="left")
    acted = _interactions(interactions).merge(items, on="item_id", how="left")
    runs = _campaigns(frame["campaign_descriptions"], zone)
    receive = _texts(frame["campaigns"], household_id="person_id", campaign_id="campaign_id").merge(runs)
    receive["at"] = receive.pop("begins")
    redeem = _redemptions(frame["coupon_redemptions"], zone).merge(runs.drop(columns="begins"))
    events = {
        "purchase": purchase,
        "browse": acted[acted["event"] == "browse"].drop(columns="event"),
        "cart": acted[acted["event"] == "cart"].drop(columns="event"),
        "receive": receive,
        "redeem": redeem,
    }
    events = {name: rows[rows["at"] < end].reset_index(drop=True) for name, rows in events.items()}
    events["visit"] = _visits(events["purchase"])
    for name, properties in NEVER.items():
        columns = {"person_id": "object", **dict.fromkeys(properties, "object"), "at": "int64"}
        events[name] = pd.DataFrame({n: pd.Series(dtype=kind) for n, kind in columns.items()})
    demographics = _demographics(frame["demographics"])
    people = set(demographics["person_id"]).union(*(rows["person_id"] for rows in events.values()))
    return Facts(as_of, zone, sorted(people), events, demographics)


def _texts(frame: pd.DataFrame, **names: str) -> pd.DataFrame:
    return pd.DataFrame({new: frame[old].astype(str) for old, new in names.items()})


def _items(products: pd.DataFrame) -> pd.DataFrame:
    items = _texts(products, product_id="item_id")
    for old, new in (("department", "department"), ("product_category", "category"), ("brand", "brand")):
        items[new] = products[old].astype(object).where(products[old].notna(), None)
    return items


def _lines(transactions: pd.DataFrame) -> pd.DataFrame:
    lines = _texts(
        transactions,
        household_id="person_id",
        basket_id="order_id",
        product_id="item_id",
        store_id="store_id",
    )
    lines["at"] = _us(transactions["transaction_timestamp"].dt.tz_localize("UTC"))
    lines["quantity"] = transactions["quantity"].to_numpy("int64")
    lines["paid_amount"] = cents(transactions["sales_value"])
    coupon = cents(transactions["coupon_disc"]) + cents(transactions["coupon_match_disc"])
    lines["coupon_amount"] = coupon
    lines["discount_amount"] = coupon + cents(transactions["retail_disc"])
    return lines


def _visits(lines: pd.DataFrame) -> pd.DataFrame:
    return (
        lines.groupby(["person_id", "order_id"], sort=False)
        .agg(
            at=("at", "min"),
            store_id=("store_id", "min"),
            paid_amount=("paid_amount", "sum"),
            discount_amount=("discount_amount", "sum"),
            coupon_amount=("coupon_amount", "sum"),
            item_count=("item_id", "size"),
        )
        .reset_index()
    )


def _interactions(rows: pd.DataFrame) -> pd.DataFrame:
    acted = _texts(rows, person_id="person_id", item_id="item_id", event="event")
    acted["at"] = _us(rows["occurred_at"].dt.tz_convert("UTC"))
    return acted


def _campaigns(descriptions: pd.DataFrame, zone: str) -> pd.DataFrame:
    runs = _texts(descriptions, campaign_id="campaign_id", campaign_type="campaign_type")
    runs["begins"] = [midnight_us(d.date(), zone) for d in descriptions["start_date"]]
    return runs


def _redemptions(rows: pd.DataFrame, zone: str) -> pd.DataFrame:
    redeem = _texts(rows, household_id="person_id", campaign_id="campaign_id", coupon_upc="coupon_id")
    days = {d: midnight_us(d.date() + timedelta(days=1), zone) - 1 for d in rows["redemption_date"].unique()}
    redeem["at"] = rows["redemption_date"].map(days).astype("int64")
    return redeem.drop_duplicates()


def _demographics(rows: pd.DataFrame) -> pd.DataFrame:
    named = {
        "age_band": "age",
        "income_band": "income",
        "home_ownership": "home_ownership",
        "marital_status": "marital_status",
        "household_size": "household_size",
        "household_composition": "household_comp",
        "kids_count": "kids_count",
    }
    out = _texts(rows, household_id="person_id")
    for new, old in named.items():
        out[new] = rows[old].astype(object).where(rows[old].notna(), None)
    return out


def _us(moments: pd.Series) -> pd.Series:
    return moments.dt.as_unit("us").astype("int64")
