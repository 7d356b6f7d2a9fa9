"""A made-up company of 500 people, in the files of The Complete Journey: small, seeded, truth known.

Tests and notebooks run on it in seconds. Everybody who receives a campaign redeems with the probability
of the campaign's type (`REDEMPTION_RATES`), independently of everything else.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from qa_lib.sources.journey import ZONE

#: The true chance that somebody who received a campaign of this type redeems a coupon of it.
REDEMPTION_RATES = {"Type A": 0.30, "Type B": 0.10, "Type C": 0.18}

_DEPARTMENTS = {
    "GROCERY": 14,
    "DRUG GM": 6,
    "PRODUCE": 6,
    "MEAT": 5,
    "MEAT-PCKGD": 3,
    "DELI": 3,
    "PASTRY": 2,
    "FUEL": 1,
}
_CAMPAIGNS = (
    ("1", "Type A", "2017-02-06", "2017-03-12"),
    ("2", "Type B", "2017-03-13", "2017-04-16"),
    ("3", "Type C", "2017-05-01", "2017-06-25"),
    ("4", "Type B", "2017-08-07", "2017-09-10"),
    ("5", "Type A", "2017-10-02", "2017-11-19"),
    ("6", "Type C", "2017-11-27", "2018-01-21"),
)


def write_company(folder: str | Path, *, people: int = 500, random_state: int = 7) -> dict[str, Path]:
    """Write the eight files and return the path of each feed's file.

    Parameters
    ----------
    people
        How many households.
    random_state
        Seed: the same number gives the same rows.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(random_state)
    households = [f"{i + 1}" for i in range(people)]
    items = _items(rng)
    lines = _transactions(rng, households, items)
    sends = _sends(rng, households)
    coupons = _coupons(rng, items)
    frames = {
        "transactions": lines,
        "products": items,
        "demographics": _demographics(rng, households),
        "campaign_descriptions": _campaigns(),
        "campaigns": sends,
        "coupons": coupons,
        "coupon_redemptions": _redemptions(rng, sends, coupons),
        "promotions": _promotions(rng, items),
    }
    paths = {}
    for name, frame in frames.items():
        path = folder / f"{name}.parquet"
        frame.to_parquet(path, index=False)
        paths[f"journey.{name}"] = path
    return paths


def _items(rng: np.random.Generator) -> pd.DataFrame:
    rows: list[dict[str, object]] = []
    for department, count in _DEPARTMENTS.items():
        for _ in range(count):
            n = len(rows)
            rows.append(
                {
                    "product_id": chr(ord("A") + n) if n < 26 else f"I{n:03d}",
                    "manufacturer_id": int(rng.integers(1, 9)),
                    "department": department,
                    "brand": "Private" if rng.random() < 0.3 else "National",
                    "product_category": f"{department} {n % 3}",
                    "product_type": f"{department} {n % 5}",
                    "package_size": "10 OZ" if n % 4 else None,
                }
            )
    return pd.DataFrame(rows)


def _transactions(rng: np.random.Generator, households: list[str], items: pd.DataFrame) -> pd.DataFrame:
    zone = ZoneInfo(ZONE)
    start, days = datetime(2017, 1, 1, tzinfo=zone), 365
    popularity = 1 / np.arange(1, len(items) + 1)
    popularity /= popularity.sum()
    price = rng.uniform(1, 12, len(items)).round(2)
    rows = []
    basket = 1000
    for i, household in enumerate(households):
        if i % 50 == 49:  # every fiftieth never buys: known from demographics alone
            continue
        first = int(rng.integers(0, 200)) if i % 3 == 0 else int(rng.integers(0, 20))
        last = days if rng.random() < 0.75 else int(rng.integers(first + 30, days))
        for _ in range(1 + rng.poisson(rng.gamma(1.5, 10))):
            local = start + timedelta(
                days=int(rng.integers(first, last)), seconds=int(rng.integers(7 * 3600, 22 * 3600))
            )
            at = local.astimezone(UTC).replace(tzinfo=None)
            basket += 1
            chosen = rng.choice(len(items), size=1 + rng.poisson(3), replace=True, p=popularity)
            for k in np.unique(chosen):
                quantity = int((chosen == k).sum())
                off = float(np.round(price[k] * 0.1, 2)) if rng.random() < 0.2 else 0.0
                coupon = 0.5 if rng.random() < 0.03 else 0.0
                rows.append(
                    {
                        "household_id": household,
                        "store_id": 300 + i % 7,
                        "basket_id": basket,
                        "product_id": items["product_id"].iloc[k],
                        "quantity": quantity,
                        "sales_value": float(np.round(max(quantity * price[k] - off - coupon, 0), 2)),
                        "retail_disc": off,
                        "coupon_disc": coupon,
                        "coupon_match_disc": 0.0,
                        "week": (local.date() - start.date()).days // 7 + 1,
                        "transaction_timestamp": at,
                    }
                )
    return pd.DataFrame(rows).sort_values(["transaction_timestamp", "basket_id", "product_id"])


def _demographics(rng: np.random.Generator, households: list[str]) -> pd.DataFrame:
    some = [h for i, h in enumerate(households) if i % 3 == 0 or i % 50 == 49]
    n = len(some)

    def pick(values: list[str | None], p: list[float]) -> list[str | None]:
        return [values[k] for k in rng.choice(len(values), size=n, p=p)]

    return pd.DataFrame(
        {
            "household_id": some,
            "age": pick(
                ["19-24", "25-34", "35-44", "45-54", "55-64", "65+"], [0.1, 0.2, 0.25, 0.25, 0.1, 0.1]
            ),
            "income": pick(
                ["Under 15K", "25-34K", "35-49K", "50-74K", "100-124K"], [0.1, 0.2, 0.3, 0.3, 0.1]
            ),
            "home_ownership": pick(["Homeowner", "Renter", None], [0.6, 0.1, 0.3]),
            "marital_status": pick(["Married", "Unmarried", None], [0.45, 0.35, 0.2]),
            "household_size": pick(["1", "2", "3", "4", "5+"], [0.3, 0.4, 0.1, 0.1, 0.1]),
            "household_comp": pick(["1 Adult No Kids", "2 Adults No Kids", "2 Adults Kids"], [0.3, 0.4, 0.3]),
            "kids_count": pick(["0", "1", "2", "3+"], [0.7, 0.15, 0.1, 0.05]),
        }
    )


def _campaigns() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "campaign_id": c,
                "campaign_type": kind,
                "start_date": datetime.fromisoformat(first),
                "end_date": datetime.fromisoformat(last),
            }
            for c, kind, first, last in _CAMPAIGNS
        ]
    )


def _sends(rng: np.random.Generator, households: list[str]) -> pd.DataFrame:
    rows = [
        {"campaign_id": campaign, "household_id": h}
        for campaign, *_ in _CAMPAIGNS
        for h in households
        if rng.random() < 0.4
    ]
    return pd.DataFrame(rows)


def _coupons(rng: np.random.Generator, items: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for campaign, *_ in _CAMPAIGNS:
        for k in range(3):
            for item in rng.choice(items["product_id"], size=4, replace=False):
                rows.append({"coupon_upc": f"{campaign}{k:03d}", "product_id": item, "campaign_id": campaign})
    return pd.DataFrame(rows)


def _redemptions(rng: np.random.Generator, sends: pd.DataFrame, coupons: pd.DataFrame) -> pd.DataFrame:
    end_of_data = datetime(2017, 12, 31, tzinfo=UTC).date()
    runs = {c: (kind, first, last) for c, kind, first, last in _CAMPAIGNS}
    rows = []
    for campaign, household in sends.itertuples(index=False):
        kind, first, last = runs[campaign]
        if rng.random() >= REDEMPTION_RATES[kind]:
            continue
        begins, ends = datetime.fromisoformat(first).date(), datetime.fromisoformat(last).date()
        on = begins + timedelta(days=int(rng.integers(0, (ends - begins).days + 1)))
        if on <= end_of_data:
            of_campaign = coupons.loc[coupons["campaign_id"] == campaign, "coupon_upc"].unique()
            rows.append(
                {
                    "household_id": household,
                    "coupon_upc": of_campaign[int(rng.integers(0, len(of_campaign)))],
                    "campaign_id": campaign,
                    "redemption_date": datetime(on.year, on.month, on.day),  # noqa: DTZ001 a plain day
                }
            )
    return pd.DataFrame(rows)


def _promotions(rng: np.random.Generator, items: pd.DataFrame) -> pd.DataFrame:
    n = 300
    return pd.DataFrame(
        {
            "product_id": rng.choice(items["product_id"], size=n),
            "store_id": rng.integers(300, 307, size=n),
            "display_location": rng.choice(["0", "1", "9"], size=n),
            "mailer_location": rng.choice(["0", "A"], size=n),
            "week": rng.integers(1, 54, size=n),
        }
    )
