"""Redemptions, spend and coverage against plain pandas."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from campaign_oracle import Source

from qa_lib.errors import SpecError
from qa_lib.measure import (
    campaign_figures,
    redemptions_over_time,
    segment_columns,
    spend_over_time,
)
from qa_lib.workspace import Snapshot, Workspace


def test_redemptions_by_day_equal_plain_pandas(snapshot: Snapshot, company_source: Source) -> None:
    found = redemptions_over_time(snapshot, by="day", split=("campaign_id",))
    counted = company_source.redemptions.groupby(["day", "campaign_id"]).size()
    known = found[found["redemptions"] > 0].set_index(["starts_on", "campaign_id"])["redemptions"]
    assert known.to_dict() == counted.to_dict()
    assert found["starts_on"].nunique() == 365
    assert found["is_complete"].all()


def test_redemptions_by_week_begin_on_monday_and_add_up(snapshot: Snapshot) -> None:
    found = redemptions_over_time(snapshot, by="week")
    assert (found["starts_on"].dt.day_of_week == 0).all()
    assert found["redemptions"].sum() == campaign_figures(snapshot)["redemptions"]
    assert list(found.index[~found["is_complete"]]) == [0]  # 2017 began on a Sunday


def test_filters_hold_over_time_too(snapshot: Snapshot) -> None:
    chosen = {"campaigns": ["5"], "segment": {"age_band": None}}
    found = redemptions_over_time(snapshot, by="day", **chosen)  # type: ignore[arg-type]
    assert found["redemptions"].sum() == campaign_figures(snapshot, **chosen)["redemptions"]  # type: ignore[arg-type]


def test_spend_by_week_equals_plain_pandas(snapshot: Snapshot, company_source: Source) -> None:
    found = spend_over_time(snapshot).set_index("starts_on")
    baskets = company_source.baskets
    monday = baskets["day"] - pd.to_timedelta(baskets["day"].dt.day_of_week, unit="D")
    spend = baskets.groupby(monday)["cents"].sum()
    orders = baskets.groupby(monday).size()
    assert all(isinstance(amount, Decimal) for amount in found["spend_amount"])
    assert {k: v * 100 for k, v in found["spend_amount"].items() if v} == spend.to_dict()
    assert found.loc[found["order_count"] > 0, "order_count"].to_dict() == orders.to_dict()


def test_a_period_other_than_day_or_week_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(SpecError, match="'day' or 'week'"):
        redemptions_over_time(snapshot, by="month")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="'day' or 'week'"):
        spend_over_time(snapshot, by="month")  # type: ignore[arg-type]


@pytest.mark.demo
def test_no_redemption_of_the_real_year_is_lost_over_time(
    demo_workspace: Workspace, demo_source: Source
) -> None:
    found = redemptions_over_time(
        demo_workspace.snapshot("2018-01-01T05:00:00Z"), by="day", split=("campaign_id",)
    )
    counted = demo_source.redemptions.groupby(["day", "campaign_id"]).size()
    known = found[found["redemptions"] > 0].set_index(["starts_on", "campaign_id"])["redemptions"]
    assert known.to_dict() == counted.to_dict()


def test_segment_columns_have_few_values_and_labels(snapshot: Snapshot) -> None:
    found = {c.name: c for c in segment_columns(snapshot)}
    assert {"rfm_segment", "lifecycle_stage", "age_band", "is_churn_warning"} <= set(found)
    assert "departments_90d" not in found
    assert found["age_band"].label == ("年龄段", "Age band")
