"""Figures of campaigns against plain pandas, and what is said where there is no figure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from campaign_oracle import Source, assert_same

from qa_lib.errors import NothingBuilt, SpecError, UnknownName
from qa_lib.measure import (
    METRICS,
    Metric,
    NotRecorded,
    Undefined,
    campaign_figures,
    campaign_metrics,
    metric,
)
from qa_lib.measure.figures import RECORDS
from qa_lib.profiles import build
from qa_lib.sources import FEEDS, land_all
from qa_lib.sources.company import REDEMPTION_RATES
from qa_lib.tables import NOT_RECORDED_GROUP, SENDS, TABLES
from qa_lib.workspace import Snapshot, Workspace

AGES = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+", None)
NEEDED = (
    "transactions",
    "products",
    "demographics",
    "campaign_descriptions",
    "campaigns",
    "coupon_redemptions",
)


def land(workspace: Workspace, files: dict[str, Path]) -> Workspace:
    for _ in land_all(workspace, [(FEEDS[f"journey.{n}"], files[f"journey.{n}"]) for n in NEEDED]):
        pass
    return workspace


def group(age: str | None) -> str:
    return NOT_RECORDED_GROUP if age is None else age


def check_every_cut(snapshot: Snapshot, source: Source) -> None:
    """Total, campaigns, types, ages and filters: every metric equals the oracle's."""
    as_of = snapshot.as_of
    assert_same(campaign_figures(snapshot), source.figures(as_of), "total")
    for _, row in campaign_metrics(snapshot).iterrows():
        assert_same(row, source.figures(as_of, [row["campaign_id"]]), f"campaign {row['campaign_id']}")
    kinds = source.campaigns.groupby("campaign_type")["campaign_id"].agg(list)
    for _, row in campaign_metrics(snapshot, by=("campaign_type",)).iterrows():
        assert_same(row, source.figures(as_of, kinds[row["campaign_type"]]), row["campaign_type"])
    ages = campaign_metrics(snapshot, by=("age_band",)).set_index("age_band")
    for age in AGES:
        assert_same(ages.loc[group(age)], source.figures(as_of, None, age), f"age {age}")
    both = campaign_metrics(snapshot, by=("campaign_type", "age_band")).set_index(
        ["campaign_type", "age_band"]
    )
    for kind, age in (("Type A", "45-54"), ("Type B", None)):
        assert_same(both.loc[(kind, group(age))], source.figures(as_of, kinds[kind], age), f"{kind} {age}")
    one = next(iter(kinds["Type A"]))
    filtered = campaign_figures(snapshot, campaigns=[one], segment={"age_band": None})
    assert_same(filtered, source.figures(as_of, [one], None), "filtered")


def test_every_metric_equals_plain_pandas_on_the_company(snapshot: Snapshot, company_source: Source) -> None:
    check_every_cut(snapshot, company_source)


@pytest.mark.demo
def test_every_metric_equals_plain_pandas_on_the_real_year(
    demo_workspace: Workspace, demo_source: Source
) -> None:
    snapshot = demo_workspace.snapshot("2018-01-01T05:00:00Z")
    check_every_cut(snapshot, demo_source)
    assert len(campaign_metrics(snapshot)) == 27
    assert campaign_figures(snapshot)["targeted"] == 1559


def test_true_redemption_rates_lie_in_the_intervals_of_complete_campaigns(snapshot: Snapshot) -> None:
    found = campaign_metrics(snapshot)
    complete = found[found["is_complete"]]
    assert len(complete) == 5
    # Bonferroni: all five hold together with at least 99 %
    frame = campaign_metrics(snapshot, level=1 - 0.01 / len(complete)).merge(complete[["campaign_id"]])
    for row in frame.itertuples():
        truth = REDEMPTION_RATES[row.campaign_type]
        assert row.redemption_rate_low <= truth <= row.redemption_rate_high, row.campaign_id


def test_later_rows_never_change_earlier_figures(company_files: dict[str, Path], tmp_path: Path) -> None:
    moment = "2017-10-15T16:30:00Z"  # the middle of a local day, with two campaigns open or to come
    cut = pd.Timestamp(moment)
    day = cut.tz_convert("America/New_York").tz_localize(None).normalize()
    earlier = dict(company_files)
    for name, column, before in (
        ("transactions", "transaction_timestamp", cut.tz_localize(None)),
        ("coupon_redemptions", "redemption_date", day),
    ):
        frame = pd.read_parquet(company_files[f"journey.{name}"])
        earlier[f"journey.{name}"] = tmp_path / f"{name}.parquet"
        frame[frame[column] < before].to_parquet(earlier[f"journey.{name}"], index=False)
    frames = []
    for name, files in (("all", company_files), ("early", earlier)):
        made = land(Workspace.create(tmp_path / name, zone="America/New_York"), files)
        snapshot = build(made, moment)
        frames.append((campaign_metrics(snapshot), campaign_figures(snapshot)))
        check_every_cut(snapshot, Source.read(files))
        made.state.engine.dispose()
    pd.testing.assert_frame_equal(frames[0][0], frames[1][0])
    assert frames[0][1] == frames[1][1]
    found = frames[0][0].set_index("campaign_id")
    assert list(found.index) == ["1", "2", "3", "4", "5"]  # the sixth has not begun
    assert not found.loc["5", "is_complete"]


def test_people_in_several_groups_count_once_in_the_total(snapshot: Snapshot) -> None:
    each = campaign_metrics(snapshot)
    total = campaign_figures(snapshot)
    assert each["targeted"].sum() > total["targeted"]
    assert each["redemptions"].sum() == total["redemptions"]
    by_age = campaign_metrics(snapshot, by=("age_band",))
    assert by_age["targeted"].sum() == total["targeted"]  # nobody has two ages


def test_a_segment_filter_changes_targeted_and_redeemers_alike(snapshot: Snapshot) -> None:
    ages = campaign_metrics(snapshot, by=("campaign_id", "age_band"))
    filtered = campaign_metrics(snapshot, segment={"age_band": "45-54"})
    same = ages[ages["age_band"] == "45-54"].drop(columns="age_band").reset_index(drop=True)
    for key in (
        "campaign_id",
        "targeted",
        "redeemers",
        "redemption_rate_high",
        "revenue_of_redeemer_baskets",
    ):
        assert list(filtered[key]) == list(same[key])


def test_an_open_window_and_a_start_before_the_data_are_said(snapshot: Snapshot) -> None:
    last = campaign_metrics(snapshot).set_index("campaign_id").loc["6"]
    assert not last["is_complete"]
    assert "window still open (ends 2018-01-21)" in last["notes_en"]
    assert "窗口未结束" in last["notes_zh"]
    by_type = campaign_metrics(snapshot, by=("campaign_type",)).set_index("campaign_type")
    assert by_type.loc["Type A", "is_complete"]
    assert by_type.loc["Type C", "notes_en"] == "1 of 2 campaigns incomplete: 6"


@pytest.mark.demo
def test_campaigns_that_began_before_the_real_data_are_said(demo_workspace: Workspace) -> None:
    found = campaign_metrics(demo_workspace.snapshot("2018-01-01T05:00:00Z")).set_index("campaign_id")
    assert set(found.index[~found["is_complete"]]) == {"15", "20", "21", "22", "23", "24", "25", "26"}
    assert "before the data's first day 2017-01-01" in found.loc["26", "notes_en"]


# -- no figure ---------------------------------------------------------------------------------------


def test_what_was_not_recorded_is_neither_nought_nor_all(snapshot: Snapshot) -> None:
    found = campaign_figures(snapshot)
    for key in ("reach_rate", "open_rate", "click_rate", "cost", "roas", "roi", "incremental_redemptions"):
        value = found[key]
        assert isinstance(value, NotRecorded), key
        assert value.shown == ("未记录", "not recorded")
        assert value.reason.zh
        assert value.reason.en
    frame = campaign_metrics(snapshot, metrics=("targeted", "reach_rate", "cost", "roas"))
    assert frame[["reach_rate", "cost", "roas"]].isna().all(axis=None)


def test_a_ratio_over_nobody_is_undefined_and_counts_are_nought(snapshot: Snapshot) -> None:
    empty = campaign_figures(snapshot, campaigns=[], segment={"age_band": "65+"})
    assert (empty["targeted"], empty["redeemers"], empty["revenue_of_redeemer_baskets"]) == (0, 0, 0.0)
    assert isinstance(empty["redemption_rate"], Undefined)
    assert isinstance(empty["redemption_rate_low"], Undefined)
    assert isinstance(empty["basket_value"], Undefined)


def test_receipts_and_costs_count_once_they_are_recorded(
    company_files: dict[str, Path], fresh_workspace: Workspace
) -> None:
    made = land(fresh_workspace, company_files)
    sends = pd.read_parquet(company_files["journey.campaigns"]).astype(str)
    sends = sends[sends["campaign_id"] != "4"]  # of this one nobody wrote down who received it
    first = sends["campaign_id"] == "1"
    reached = first & (sends["household_id"].str.len() < 3)
    at = datetime(2017, 2, 6, 12, tzinfo=UTC)
    rows = [
        {
            "campaign_id": campaign,
            "person_id": person,
            "step": "1",
            "status": "sent",
            "delivered_at": at if is_reached else None,
            "cost_amount": Decimal("0.05") if is_first else None,
            "origin": "observed",
            "world": 0,
            "source": "test",
        }
        for campaign, person, is_first, is_reached in zip(
            sends["campaign_id"], sends["household_id"], first, reached, strict=True
        )
    ]
    made.replace(SENDS, pa.Table.from_pylist(rows, schema=SENDS.arrow_schema()).to_batches())
    snapshot = build(made)
    one = campaign_figures(snapshot, campaigns=["1"])
    assert one["reach_rate"] == int(reached.sum()) / int(first.sum())
    assert one["message_cost"] == Decimal("0.05") * int(first.sum())
    assert isinstance(one["cost"], NotRecorded)  # neither offers nor fixed cost were recorded
    assert one["cost"].reason.en.startswith("No goal was declared")
    both = campaign_figures(snapshot, campaigns=["1", "2"])
    assert isinstance(both["reach_rate"], NotRecorded)  # a part that is known is not the whole
    assert isinstance(both["message_cost"], NotRecorded)
    assert both["message_cost"].reason.en.endswith("(campaign 2)")
    lost = campaign_metrics(snapshot).set_index("campaign_id").loc["4"]
    assert pd.isna(lost["targeted"])
    assert pd.isna(lost["redemption_rate"])
    assert "who received it was not recorded" in lost["notes_en"]
    assert not lost["is_complete"]


# -- errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"by": ("age_bnd",)}, "Did you mean 'age_band'"),
        ({"campaigns": ["99"]}, "Unknown campaign '99'"),
        ({"segment": {"age_band": "45-55"}}, "Did you mean '45-54'"),
        ({"segment": {"age_band": "x' OR '1'='1"}}, "Nobody has age_band"),
        ({"segment": {'age_band" = "age_band" --': "x"}}, "no tag of the snapshot"),
        ({"metrics": ("redemtion_rate",)}, "Did you mean 'redemption_rate'"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_the_nearest(
    snapshot: Snapshot, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(UnknownName, match=words):
        campaign_metrics(snapshot, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (("departments_90d",), "several values"),
        (("age_band", "age_band"), "named twice"),
        (("campaign_id", "average_order_value"), "at most 400"),
    ],
)
def test_groups_that_cannot_be_shown_are_refused(snapshot: Snapshot, by: tuple[str, ...], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        campaign_metrics(snapshot, by=by)


def test_figures_need_their_tables(company_files: dict[str, Path], fresh_workspace: Workspace) -> None:
    for name in ("transactions", "products"):
        for _ in land_all(fresh_workspace, [(FEEDS[f"journey.{name}"], company_files[f"journey.{name}"])]):
            pass
    with pytest.raises(NothingBuilt, match="need the table 'campaigns'"):
        campaign_metrics(build(fresh_workspace))


# -- the table of metrics ----------------------------------------------------------------------------


@pytest.mark.parametrize("one", METRICS.values(), ids=list(METRICS))
def test_every_metric_says_what_it_is_in_both_languages(one: Metric) -> None:
    for label in (one.label, one.definition):
        assert label.zh
        assert label.en
    if one.kind == "ratio":
        assert {one.numerator, one.denominator} <= set(METRICS)
        assert {metric(one.numerator).kind, metric(one.denominator).kind} <= {"aggregate", "sum"}
    if one.kind in ("aggregate", "sum") and one.format == "amount":
        assert one.unit == "currency"
    assert set(one.records) <= set(RECORDS)
    if one.kind == "absent":
        assert one.absent
    for need in one.needs:
        table, column = need.split(".")
        assert column in TABLES[table].column_names
