"""The made-up company's files, changed: cut at a moment, or with people who redeem on several days; and landed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from qa_lib.guards import GuardState
from qa_lib.sources import FEEDS, land_all
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.workspace import Workspace


def local_days(moments: pd.Series) -> pd.Series:
    """The local midnight of each UTC moment of the files."""
    return moments.dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()


def cut_files(
    files: Mapping[str, Path], start: pd.Timestamp, folder: Path, *, with_campaigns: bool = False
) -> dict[str, Path]:
    """The same files without anything that happened on or after the local midnight `start`.

    `with_campaigns` leaves out the campaigns, sends and coupons of later starts as well.
    """
    moment = start.tz_localize(ZONE).tz_convert("UTC").tz_localize(None)
    changed = {}
    for name, column, end in (
        ("transactions", "transaction_timestamp", moment),
        ("coupon_redemptions", "redemption_date", start),
    ):
        rows = pd.read_parquet(files[f"journey.{name}"])
        changed[name] = rows[rows[column] < end]
    if with_campaigns:
        facts = pd.read_parquet(files["journey.campaign_descriptions"])
        begun = set(facts.loc[facts["start_date"] < start, "campaign_id"])
        for name in ("campaign_descriptions", "campaigns", "coupons"):
            rows = pd.read_parquet(files[f"journey.{name}"])
            changed[name] = rows[rows["campaign_id"].isin(begun)]
    return _written(files, changed, folder)


def with_more_redemptions(files: Mapping[str, Path], folder: Path, *, seed: int = 3) -> dict[str, Path]:
    """The same files where redeemers also redeem on days of baskets, several coupons on some of them."""
    rng = np.random.default_rng(seed)
    redeemed = pd.read_parquet(files["journey.coupon_redemptions"])
    facts = pd.read_parquet(files["journey.campaign_descriptions"]).set_index("campaign_id")
    coupons = pd.read_parquet(files["journey.coupons"]).groupby("campaign_id")["coupon_upc"].unique()
    lines = pd.read_parquet(files["journey.transactions"])
    days = local_days(lines["transaction_timestamp"]).groupby(lines["household_id"]).unique()
    more = []
    for household, campaign in redeemed[["household_id", "campaign_id"]].itertuples(index=False):
        first, last = facts.loc[campaign, "start_date"], facts.loc[campaign, "end_date"]
        bought = [d for d in days.get(household, []) if first <= d <= last]
        for day in rng.permutation(np.array(bought, dtype="datetime64[ns]"))[: rng.integers(0, 4)]:
            for coupon in rng.permutation(coupons[campaign])[: rng.integers(1, 4)]:
                more.append((household, coupon, campaign, pd.Timestamp(day)))
    added = pd.DataFrame(more, columns=["household_id", "coupon_upc", "campaign_id", "redemption_date"])
    rows = pd.concat([redeemed, added.astype(redeemed.dtypes.to_dict())]).drop_duplicates()
    return _written(files, {"coupon_redemptions": rows}, folder)


def landed(files: Mapping[str, Path], root: Path) -> Workspace:
    """A workspace with these files and consents, and nothing built."""
    made = Workspace.create(root, zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in files.items()]):
        pass
    state = GuardState(made)
    people = [str(i + 1) for i in range(500)]
    state.grant(people, source="generated")
    state.opt_out(people[::11], channel="sms")
    return made


def _written(files: Mapping[str, Path], changed: Mapping[str, pd.DataFrame], folder: Path) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    out = dict(files)
    for name, rows in changed.items():
        out[f"journey.{name}"] = folder / f"{name}.parquet"
        rows.to_parquet(out[f"journey.{name}"], index=False)
    return out
