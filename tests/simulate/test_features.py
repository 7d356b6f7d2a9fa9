"""Features are what was known before the start: later rows change none, and plain pandas agrees."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from company_changes import cut_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qa_lib.errors import SpecError, UnknownName
from qa_lib.profiles import build
from qa_lib.simulate import (
    FEATURES,
    PlannedCampaign,
    campaign_features,
    campaign_redeemers,
    planned_features,
)
from qa_lib.sources import FEEDS, land_all
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.workspace import Snapshot, Workspace

NAMES = [f.name for f in FEATURES]


@pytest.fixture(scope="module")
def frame(snapshot: Snapshot) -> pd.DataFrame:
    return campaign_features(snapshot)


@pytest.mark.parametrize("campaign", ["2", "4", "5"])
def test_cutting_the_data_at_the_start_changes_nothing(
    frame: pd.DataFrame, company_files: Mapping[str, Path], tmp_path: Path, campaign: str
) -> None:
    whole = frame[frame["campaign_id"] == campaign].reset_index(drop=True)
    files = cut_files(company_files, whole["starts_on"].iloc[0], tmp_path)
    made = Workspace.create(tmp_path / "workspace", zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in files.items()]):
        pass
    build(made)
    cut = campaign_features(made.snapshot(), campaigns=[campaign]).reset_index(drop=True)
    pd.testing.assert_frame_equal(cut, whole, check_dtype=False, rtol=1e-12)
    made.state.engine.dispose()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_plan_gets_the_features_that_the_recorded_campaign_got(
    snapshot: Snapshot, frame: pd.DataFrame, data: st.DataObject
) -> None:
    """For any campaign and any of its people; only the size of the list follows the list."""
    name = data.draw(st.sampled_from(sorted(frame["campaign_id"].unique())))
    rows = frame[frame["campaign_id"] == name]
    people = data.draw(st.lists(st.sampled_from(list(rows["person_id"])), min_size=1, unique=True))
    offer = snapshot.frame(
        "SELECT DISTINCT item_id, coupon_id FROM coupon_items WHERE campaign_id = $id", {"id": name}
    )
    first = rows.iloc[0]
    plan = PlannedCampaign(
        first["campaign_type"],
        first["starts_on"].date(),
        first["ends_on"].date(),
        tuple(people),
        tuple(offer["item_id"].unique()),
        offer["coupon_id"].nunique(),
    )
    planned = planned_features(snapshot, plan).set_index("person_id")[NAMES].sort_index()
    known = rows[rows["person_id"].isin(people)].set_index("person_id")[NAMES].sort_index()
    assert (planned.pop("targeted_count") == len(people)).all()
    pd.testing.assert_frame_equal(planned, known.drop(columns="targeted_count"), rtol=1e-12)


def test_spend_orders_and_affinity_agree_with_plain_pandas(
    frame: pd.DataFrame, company_files: Mapping[str, Path]
) -> None:
    lines = pd.read_parquet(company_files["journey.transactions"])
    offers = pd.read_parquet(company_files["journey.coupons"]).query("campaign_id == '4'")["product_id"]
    rows = frame[frame["campaign_id"] == "4"].set_index("person_id")
    start = rows["starts_on"].iloc[0]
    local = lines["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert(ZONE).dt.tz_localize(None)
    part = lines[(local >= start - timedelta(days=84)) & (local < start)]
    by = part.groupby("household_id")
    on_offer = part[part["product_id"].isin(offers)].groupby("household_id")
    for column, wanted in (
        ("spend_amount", by["sales_value"].sum()),
        ("order_count", by["basket_id"].nunique()),
        ("coupon_line_count", (part["coupon_disc"] > 0).groupby(part["household_id"]).sum()),
        ("offer_spend_amount", on_offer["sales_value"].sum()),
        ("offer_order_count", on_offer["basket_id"].nunique()),
        ("offer_item_count", on_offer["product_id"].nunique()),
    ):
        np.testing.assert_allclose(
            rows[column], wanted.reindex(rows.index).fillna(0), rtol=1e-9, err_msg=column
        )


def test_earlier_campaigns_count_once_they_have_ended(
    frame: pd.DataFrame, company_files: Mapping[str, Path]
) -> None:
    """Campaign 2 starts on the day after campaign 1 ended; campaign 5 is the last and sees only campaign 4."""
    sends = pd.read_parquet(company_files["journey.campaigns"])
    redeemed = pd.read_parquet(company_files["journey.coupon_redemptions"])
    for later, earlier in (("2", "1"), ("5", "4")):
        rows = frame[frame["campaign_id"] == later]
        got = sends.loc[sends["campaign_id"] == earlier, "household_id"]
        used = redeemed.loc[redeemed["campaign_id"] == earlier, "household_id"]
        assert (rows["received_count"] == rows["person_id"].isin(got)).all()
        assert (rows["redeemed_count"] == rows["person_id"].isin(used)).all()


def test_every_feature_is_declared_once_with_both_labels_and_is_never_missing(frame: pd.DataFrame) -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(f.label.zh and f.label.en and f.unit for f in FEATURES)
    assert not frame[NAMES].isna().any().any()
    assert (frame[NAMES] >= 0).all().all()
    assert frame[["offer_share", "department_affinity"]].max().max() <= 1 + 1e-9


def test_redeemers_are_the_files_redeemers(snapshot: Snapshot, company_files: Mapping[str, Path]) -> None:
    rows = pd.read_parquet(company_files["journey.coupon_redemptions"])
    wanted = set(zip(rows["campaign_id"], rows["household_id"], strict=True))
    found = campaign_redeemers(snapshot)
    assert set(zip(found["campaign_id"], found["person_id"], strict=True)) == wanted


def test_what_cannot_be_asked_says_so(snapshot: Snapshot) -> None:
    with pytest.raises(UnknownName, match="Unknown campaign '99'"):
        campaign_features(snapshot, campaigns=["99"])
    with pytest.raises(SpecError, match="at least one day"):
        campaign_features(snapshot, window_days=0)
    day = pd.Timestamp("2017-06-01").date()
    with pytest.raises(SpecError, match="before it starts"):
        PlannedCampaign("Type A", day, day - timedelta(days=1), ("1",), ())
    with pytest.raises(SpecError, match="each of them once"):
        PlannedCampaign("Type A", day, day, ("1", "1"), ())


def test_a_person_nobody_knows_has_bought_nothing(snapshot: Snapshot) -> None:
    day = pd.Timestamp("2017-06-01").date()
    one = planned_features(snapshot, PlannedCampaign("Type A", day, day, ("stranger",), ("A",))).iloc[0]
    assert one["spend_amount"] == one["order_count"] == one["offer_share"] == 0
    assert one["recency_days"] == 84
