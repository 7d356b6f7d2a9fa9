"""The backtest meets its bars on the real year, learns from the past only, and says what it left out."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qa_lib.errors import NothingBuilt, SpecError
from qa_lib.profiles import build
from qa_lib.simulate import Backtest, backtest, calibration_bins, most_training_campaigns
from qa_lib.simulate import backtest as backtest_function
from qa_lib.simulate.backtest import EVIDENCE
from qa_lib.sources.company import REDEMPTION_RATES
from qa_lib.workspace import Snapshot, Workspace

WITHOUT_SCORES = ["campaign_id", "predicted", "low", "high", "people_low", "people_high", "type_average"]


@pytest.fixture(scope="module")
def year(demo_workspace: Workspace) -> Backtest:
    return backtest(demo_workspace.snapshot("2018-01-01T05:00:00Z"))


@pytest.fixture(scope="module")
def company(snapshot: Snapshot) -> Backtest:
    return backtest(snapshot, least_training_campaigns=2)


@pytest.mark.demo
def test_the_bars_are_met_on_the_real_year(year: Backtest) -> None:
    bars = year.scores.dropna(subset=["is_met"])
    assert set(bars["score"]) == {"auc", "total_ratio", "error", "calibration_error", "placebo_auc"}
    assert bars["is_met"].all(), bars
    assert year.score("auc") >= 0.80
    assert 0.90 <= year.score("total_ratio") <= 1.10
    assert year.score("error") < year.score("baseline_error")
    assert year.score("calibration_error") <= 0.03
    assert year.score("coverage") >= 7 / 9
    assert abs(year.score("placebo_auc") - 0.5) <= 0.05


@pytest.mark.demo
def test_the_campaigns_of_the_real_year_are_the_fully_observed_ones(year: Backtest) -> None:
    assert list(year.campaigns["campaign_id"]) == ["10", "11", "12", "13", "14", "16", "17", "18", "19"]
    assert year.campaigns["redeemers"].sum() == 507
    why = year.left_out.set_index("campaign_id")["reason_en"]
    assert len(why) + len(year.campaigns) == 27
    assert set(why[why.str.startswith("cut off")].index) == {"15", "20", "21", "22", "23"}
    assert set(why[why == "began before the data"].index) == {"24", "25", "26"}
    assert why["9"] == "only 8 of the 9 campaigns to learn from had ended before it"
    assert year.campaigns["training_campaign_count"].min() == 9


@pytest.mark.demo
def test_the_readme_prints_the_backtests_numbers(year: Backtest) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    for one in year.campaigns.itertuples():
        row = (
            f"| {one.campaign_id} | {one.campaign_type[-1]} | {one.training_campaign_count} | {one.targeted:,} "
            f"| {one.redeemers} |"
        )
        line = next(text for text in readme.splitlines() if text.startswith(row))
        told = [float(n) for n in re.findall(r"[\d.]+", line[len(row) :])]
        wanted = [one.predicted, one.low, one.high, one.people_low, one.people_high, one.type_average]
        np.testing.assert_allclose(told, wanted, atol=0.06)
    for score in ("auc", "total_ratio", "error", "calibration_error", "placebo_auc"):
        assert f"| {year.score(score):.3f} |" in readme


@pytest.mark.demo
def test_a_snapshot_in_the_middle_of_the_real_year_predicts_the_same(
    year: Backtest, demo_workspace: Workspace
) -> None:
    """Everything after mid-October is unknown to it; what it predicts of earlier campaigns does not change."""
    build(demo_workspace, as_of="2017-10-16T04:00:00Z")
    early = backtest(demo_workspace.snapshot("2017-10-16T04:00:00Z"))
    assert list(early.campaigns["campaign_id"]) == ["10", "11", "12", "13"]
    whole = year.campaigns[year.campaigns["campaign_id"].isin(early.campaigns["campaign_id"])]
    pd.testing.assert_frame_equal(early.campaigns[WITHOUT_SCORES], whole[WITHOUT_SCORES], rtol=1e-9)


def test_a_campaigns_own_outcome_and_later_ones_change_no_prediction(
    snapshot: Snapshot, company: Backtest, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["qa_lib.simulate.teaching"]
    known = module.campaign_redeemers(snapshot)
    first = company.campaigns["campaign_id"].iloc[0]
    later = {str(n) for n in range(int(first), 7)}
    monkeypatch.setattr(
        module,
        "campaign_redeemers",
        lambda _: known[~known["campaign_id"].isin(later)].reset_index(drop=True),
    )
    blind = backtest_function(snapshot, least_training_campaigns=2)
    a = company.people[company.people["campaign_id"] == first]
    b = blind.people[blind.people["campaign_id"] == first]
    np.testing.assert_array_equal(a["probability"], b["probability"])
    assert a["is_redeemer"].any()
    assert not b["is_redeemer"].any()


def test_training_campaigns_had_ended_before_the_start(company: Backtest) -> None:
    every = pd.concat([company.campaigns, company.left_out])
    for one in company.campaigns.itertuples():
        ended = every[(every["ends_on"] < one.starts_on)]
        assert one.training_campaign_count == len(ended)


def test_on_the_company_bands_hold_the_truth_and_nobody_is_told_apart(company: Backtest) -> None:
    """People of one type all have the same chance there: the AUC within a campaign is a coin's."""
    truth = company.campaigns["campaign_type"].map(REDEMPTION_RATES) * company.campaigns["targeted"]
    assert truth.between(company.campaigns["low"], company.campaigns["high"]).all()
    assert (company.campaigns["auc"] - 0.5).abs().max() < 0.15
    assert len(company.people) == company.campaigns["targeted"].sum()
    assert company.campaigns["redeemers"].sum() == company.people["is_redeemer"].sum()


def test_the_wide_band_holds_the_narrow_one(company: Backtest) -> None:
    rows = company.campaigns
    assert (rows["low"] <= rows["people_low"]).all()
    assert (rows["high"] >= rows["people_high"]).all()


def test_the_same_seed_gives_the_same_backtest(snapshot: Snapshot, company: Backtest) -> None:
    again = backtest(snapshot, least_training_campaigns=2)
    pd.testing.assert_frame_equal(company.campaigns, again.campaigns, check_exact=True)
    pd.testing.assert_frame_equal(company.scores, again.scores, check_exact=True)


def test_every_reason_and_score_reads_in_both_languages(company: Backtest) -> None:
    assert (company.left_out["reason_zh"] != "").all()
    assert (company.left_out["reason_en"] != "").all()
    assert (company.scores[["label_zh", "label_en"]] != "").all().all()
    assert company.evidence is EVIDENCE
    assert "holdout" in EVIDENCE.en
    assert "对照组" in EVIDENCE.zh


def test_what_cannot_be_tested_says_why_and_the_way_on(snapshot: Snapshot, company: Backtest) -> None:
    with pytest.raises(NothingBuilt, match=r"of the 50 campaigns.*Lower least_training_campaigns"):
        backtest(snapshot, least_training_campaigns=50)
    with pytest.raises(SpecError, match="at least one is needed"):
        backtest(snapshot, least_training_campaigns=0)
    with pytest.raises(SpecError, match="Unknown score 'gini'"):
        company.score("gini")
    assert most_training_campaigns(snapshot) == 4


def test_bins_are_of_equal_count_and_hold_everybody() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(1_003)
    bins = calibration_bins(p, rng.random(1_003) < p)
    assert bins["people_count"].sum() == 1_003
    assert bins["people_count"].max() - bins["people_count"].min() == 1
    assert bins["predicted_rate"].is_monotonic_increasing
    assert (bins["predicted_rate"] - bins["observed_rate"]).abs().mean() < 0.06
    few = calibration_bins([0.2, 0.1, 0.3], [0, 1, 0])
    assert list(few["observed_rate"]) == [1.0, 0.0, 0.0]


def test_a_window_that_has_not_closed_is_left_out(snapshot: Snapshot, company: Backtest) -> None:
    last = company.left_out.set_index("campaign_id").loc["6"]
    assert last["ends_on"] >= pd.Timestamp((snapshot.as_of - timedelta(days=1)).date())
    assert last["reason_en"].startswith("cut off by the data's end")
