"""Customer lifetime value: the published parameters of CDNOW, simulated people, and a period held back."""

from __future__ import annotations

import importlib.util
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qa_lib.errors import DataError, SpecError
from qa_lib.profiles.lifetime import BetaGeometric, GammaGamma, lifetime_values, purchase_history
from qa_lib.workspace import Snapshot


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """2,357 customers of CDNOW in 1997, as the package lifetimes (MIT) ships them; it is not imported."""
    found = importlib.util.find_spec("lifetimes")
    assert found is not None
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "datasets"
    return pd.read_csv(folder / "cdnow_customers_summary_with_transactions.csv")


def test_the_parameters_of_cdnow_are_those_of_fader_hardie_and_lee_2005(cdnow: pd.DataFrame) -> None:
    model = BetaGeometric().fit(cdnow["x"], cdnow["t_x"], cdnow["T"])
    found = [model.r_, model.alpha_, model.a_, model.b_]
    assert [round(v, 3) for v in found] == pytest.approx([0.243, 4.414, 0.793, 2.426], abs=0.0011)
    assert round(model.log_likelihood_, 1) == -9582.4
    # the paper's worked customer: 1.226 purchases in the next 39 weeks
    assert model.expected(39, [2], [30.43], [38.86])[0] == pytest.approx(1.226, abs=5e-4)


def test_the_value_model_of_cdnow_is_the_published_one(cdnow: pd.DataFrame) -> None:
    model = GammaGamma().fit(cdnow["x"], cdnow["zbar"])
    assert [model.p_, model.q_, model.v_] == pytest.approx([6.25, 3.74, 15.44], abs=0.011)
    assert abs(model.correlation_) < 0.12


def test_expectations_equal_people_simulated_from_the_model() -> None:
    model = BetaGeometric()
    model.r_, model.alpha_, model.a_, model.b_ = 1.2, 3.0, 1.5, 4.0
    rng = np.random.default_rng(5)
    n, age, horizon = 150_000, 20.0, 15.0
    rate, leaves = rng.gamma(1.2, 1 / 3.0, n), rng.beta(1.5, 4.0, n)
    now = np.zeros(n)
    alive, count, last, later = np.ones(n, bool), np.zeros(n), np.zeros(n), np.zeros(n)
    while alive.any():
        now = now + rng.exponential(1 / rate)
        alive &= now < age + horizon
        seen = alive & (now < age)
        count[seen] += 1
        last[seen] = now[seen]
        later[alive & ~seen] += 1
        alive &= rng.random(n) >= leaves
    expected = model.expected(horizon, count, last, np.full(n, age))
    for times in range(4):
        group = count == times
        spread = later[group].std() / np.sqrt(group.sum())
        assert abs(expected[group].mean() - later[group].mean()) < 4 * spread, times
    few = slice(0, 5_000)
    fitted = BetaGeometric().fit(count[few], last[few], np.full(n, age)[few])
    assert [fitted.r_, fitted.alpha_] == pytest.approx([1.2, 3.0], rel=0.15)


def test_a_period_that_was_held_back_is_foretold(snapshot: Snapshot) -> None:
    cut = snapshot.as_of - timedelta(days=84)
    before = purchase_history(snapshot, cut)
    weeks = [
        before[c] / u for c, u in (("btyd_repeat_count", 1), ("btyd_recency_days", 7), ("btyd_age_days", 7))
    ]
    model = BetaGeometric().fit(*weeks)
    foretold = model.expected(12, *weeks).sum()
    whole = purchase_history(snapshot).set_index("person_no")["btyd_repeat_count"]
    bought = (whole.reindex(before["person_no"]).to_numpy() - before["btyd_repeat_count"].to_numpy()).sum()
    assert 0.75 < foretold / bought < 1.25
    # what came later changed nothing that was known then
    again = purchase_history(snapshot, cut)
    pd.testing.assert_frame_equal(before, again)
    assert (before["btyd_age_days"] >= before["btyd_recency_days"]).all()


def test_everybody_who_bought_has_a_value_that_grows_with_the_horizon(snapshot: Snapshot) -> None:
    year, month = lifetime_values(snapshot), lifetime_values(snapshot, horizon_days=28)
    assert year["person_no"].is_unique
    assert (year["lifetime_value_amount"] >= month["lifetime_value_amount"]).all()
    assert year["alive_rate"].between(0, 1).all()
    plain = lifetime_values(snapshot, discount_rate=0.0, margin_rate=0.5)
    product = plain["expected_purchase_count"] * plain["expected_value"] * 0.5
    np.testing.assert_allclose(plain["lifetime_value_amount"], product)


def test_what_is_no_history_is_refused_in_words() -> None:
    with pytest.raises(DataError, match="recency=9, age=5 is no history"):
        BetaGeometric().fit([1], [9], [5])
    with pytest.raises(DataError, match="None of 2 people bought a second time"):
        BetaGeometric().fit([0, 0], [0, 0], [5, 6])
    with pytest.raises(DataError, match="at least two are needed"):
        GammaGamma().fit([1, 0], [20, 10])
    model = BetaGeometric().fit([1, 0, 3], [2, 0, 4], [5, 6, 9])
    with pytest.raises(SpecError, match="lies in the past"):
        model.expected(-1, [1], [2], [5])
