"""The redemption model recovers known chances, falls back to averages, and keeps scikit-learn's contract."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from worlds import make_campaigns

from qa_lib.errors import ContractBroken, DataError, SpecError
from qa_lib.simulate import CampaignEffect, RedemptionModel, campaign_features, campaign_redeemers
from qa_lib.sources.company import REDEMPTION_RATES
from qa_lib.workspace import Snapshot


def test_known_chances_are_recovered_on_campaigns_it_never_saw() -> None:
    past, new = make_campaigns(12, 500, sd=0.2, seed=1), make_campaigns(4, 500, sd=0.2, seed=2)
    p = RedemptionModel().fit(past, past["is_redeemer"]).predict_proba(new)[:, 1]
    assert np.corrcoef(p, new["truth"])[0, 1] > 0.95
    assert abs(p.mean() / new["truth"].mean() - 1) < 0.15
    assert roc_auc_score(new["is_redeemer"], p) > roc_auc_score(new["is_redeemer"], new["truth"]) - 0.02


def test_shuffled_outcomes_teach_nothing() -> None:
    past, new = make_campaigns(8, 400, sd=0.0, seed=3), make_campaigns(4, 400, sd=0.0, seed=4)
    rng = np.random.default_rng(0)
    shuffled = past.groupby("campaign_id", sort=False)["is_redeemer"].transform(
        lambda y: rng.permutation(y.to_numpy())
    )
    model = RedemptionModel().fit(past, shuffled)
    assert model.slope_ < 0.5
    one = new[new["campaign_id"] == "0"]
    assert abs(roc_auc_score(one["is_redeemer"], model.predict_proba(one)[:, 1]) - 0.5) < 0.12


def test_on_the_made_up_company_it_falls_back_to_the_true_rates_of_the_types(snapshot: Snapshot) -> None:
    """Nothing but the type matters there; with two campaigns of a type the pull to all of them still shows."""
    frame = campaign_features(snapshot)
    frame = frame[frame["campaign_id"] != "6"]  # its window reaches past the data
    yes = campaign_redeemers(snapshot).assign(is_redeemer=True)
    frame = frame.merge(yes, how="left", on=["campaign_id", "person_id"])
    model = RedemptionModel().fit(frame, frame["is_redeemer"].eq(True))
    found = pd.Series(model.predict_proba(frame)[:, 1]).groupby(frame["campaign_type"]).mean()
    for kind, rate in REDEMPTION_RATES.items():
        assert abs(model.predict_type_average(frame[frame["campaign_type"] == kind])[0] - rate) < 0.05
        assert abs(found[kind] - rate) < 0.07
    assert found["Type A"] > found["Type C"] > found["Type B"]
    assert roc_auc_score(frame["is_redeemer"].eq(True), model.predict_proba(frame)[:, 1]) < 0.75


def test_few_campaigns_pull_to_the_average_and_a_new_type_has_the_rate_of_all() -> None:
    frame = make_campaigns(8, 300, sd=0.0, seed=5)
    few = frame[frame["campaign_id"].isin(["0", "1"])]
    small = RedemptionModel().fit(few, few["is_redeemer"])
    large = RedemptionModel().fit(frame, frame["is_redeemer"])
    assert small.slope_ <= 2 / 3 < large.slope_ <= 8 / 9
    overall = large.overall_rate_
    for kind, rate in large.type_rates_.items():
        plain = large.predict_type_average(frame[frame["campaign_type"] == kind])[0]
        assert rate == pytest.approx(0.8 * plain + 0.2 * overall)  # four campaigns: 4 / (4 + 1)
    stranger = frame.assign(campaign_type="Type Z")
    assert (large.predict_type_average(stranger) == overall).all()
    assert np.isfinite(large.predict_proba(stranger)).all()


@pytest.mark.parametrize("answer", [0, 1])
def test_nobody_or_everybody_redeeming_is_no_fault(answer: int) -> None:
    frame = make_campaigns(3, 50, sd=0.0, seed=6)
    p = RedemptionModel().fit(frame, np.full(len(frame), answer)).predict_proba(frame)[:, 1]
    assert (np.abs(p - answer) < 0.05).all()


def test_one_campaign_is_enough_to_fit_and_its_total_is_kept() -> None:
    frame = make_campaigns(1, 400, sd=0.0, seed=7)
    model = RedemptionModel().fit(frame, frame["is_redeemer"])
    assert model.predict_proba(frame)[:, 1].sum() == pytest.approx(frame["is_redeemer"].sum(), rel=1e-6)
    assert model.campaign_effect_.campaign_count == 0  # the prior alone


def test_scikit_learns_contract() -> None:
    frame = make_campaigns(4, 100, sd=0.1, seed=8)
    model = RedemptionModel(C=0.2, shrinkage=2.0, random_state=5)
    assert model.get_params() == {"C": 0.2, "shrinkage": 2.0, "random_state": 5}
    with pytest.raises(NotFittedError):
        model.predict_proba(frame)
    assert model.fit(frame, frame["is_redeemer"]) is model
    again = clone(model).fit(frame, frame["is_redeemer"])
    p = model.predict_proba(frame)
    np.testing.assert_array_equal(p, again.predict_proba(frame))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (model.predict(frame) == (p[:, 1] > 0.5)).all()
    assert model.predict_proba(frame.iloc[:0]).shape == (0, 2)


def test_what_cannot_be_learnt_from_says_so() -> None:
    frame = make_campaigns(2, 20, sd=0.0, seed=9)
    with pytest.raises(ContractBroken, match="needs the column 'spend_amount'"):
        RedemptionModel().fit(frame.drop(columns="spend_amount"), frame["is_redeemer"])
    with pytest.raises(DataError, match="one yes or no for each row"):
        RedemptionModel().fit(frame, frame["is_redeemer"].iloc[1:])
    with pytest.raises(DataError, match="one yes or no for each row"):
        RedemptionModel().fit(frame.iloc[:0], [])


@pytest.mark.parametrize("sd", [0.0, 0.4, 0.8])
def test_the_campaign_effects_sd_is_recovered_from_many_campaigns(sd: float) -> None:
    rng = np.random.default_rng(11)
    u = sd * rng.standard_normal(300)
    p = 1 / (1 + np.exp(-(-1.5 + u)))
    base = 1 / (1 + np.exp(1.5))
    observed = rng.binomial(400, p)
    effect = CampaignEffect.learnt(observed, np.full(300, 400 * base), np.full(300, 400 * base * (1 - base)))
    assert effect.sd == pytest.approx(sd, abs=0.12)
    assert effect.weights.sum() == pytest.approx(1)


def test_without_campaigns_the_prior_speaks() -> None:
    prior = CampaignEffect.learnt([], [], [])
    assert prior.sd == pytest.approx(0.5 * np.sqrt(2 / np.pi), abs=0.01)  # the mean of a half-normal
    assert prior.campaign_count == 0
    with pytest.raises(SpecError, match="cannot be negative"):
        CampaignEffect.known(-1)
