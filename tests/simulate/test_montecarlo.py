"""The Monte Carlo against closed forms, its bands on campaigns with a known effect, and its seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from worlds import make_campaigns

from qa_lib.errors import ContractBroken, DataError, SpecError
from qa_lib.simulate import CampaignEffect, RedemptionModel, simulate_campaign
from qa_lib.simulate import draws as drawing

NONE = CampaignEffect.known(0)


def people(count: int = 3_000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "person_id": [str(i) for i in range(count)],
            "probability": rng.beta(2, 9, count),
            "basket_amount": rng.gamma(3, 12, count),
            "cost_amount": rng.uniform(0.5, 2, count),
        }
    )


def test_without_a_campaign_effect_it_is_the_sum_of_independent_people() -> None:
    """Poisson-binomial mean and variance of redeemers; compound mean and variance of revenue and cost."""
    frame, n = people(), 6_000
    found = simulate_campaign(frame, NONE, draw_count=n, delivery_rate=0.9, basket_cv=0.6, message_cost=0.05)
    p = 0.9 * frame["probability"]
    v, c = frame["basket_amount"], frame["cost_amount"]
    wanted = {
        "reached": (0.9 * len(frame), 0.9 * 0.1 * len(frame)),
        "redeemers": (p.sum(), (p * (1 - p)).sum()),
        "redeemer_basket_amount": ((p * v).sum(), (p * (1 - p) * v**2 + 0.6**2 * p * v**2).sum()),
        "cost_amount": ((p * c).sum() + 0.05 * len(frame), (p * (1 - p) * c**2).sum()),
    }
    for figure, (mean, variance) in wanted.items():
        draws = found.draws[figure]
        assert draws.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / n)), figure
        assert draws.var() == pytest.approx(variance, rel=0.08), figure
        low, high = mean - 1.645 * np.sqrt(variance), mean + 1.645 * np.sqrt(variance)
        assert found.band(figure)[1:] == pytest.approx((low, high), rel=0.02), figure


def test_figures_of_one_draw_belong_together() -> None:
    draws = simulate_campaign(
        people(), CampaignEffect.known(0.4), delivery_rate=0.8, fixed_cost=500, margin_rate=0.3
    ).draws
    gain = 0.3 * draws["redeemer_basket_amount"]
    np.testing.assert_allclose(draws["roi"], (gain - draws["cost_amount"]) / draws["cost_amount"])
    assert (draws["redeemers"] <= draws["reached"]).all()
    assert draws["redeemers"].corr(draws["redeemer_basket_amount"]) > 0.98


def test_a_campaign_effect_widens_the_band_by_its_variance() -> None:
    """To first order the variance is V + sd² V²."""
    frame = people()
    p = frame["probability"]
    v = (p * (1 - p)).sum()
    draws = simulate_campaign(frame, CampaignEffect.known(0.15), draw_count=6_000).draws["redeemers"]
    assert draws.var() == pytest.approx(v + 0.15**2 * v**2, rel=0.1)


def test_bands_cover_campaigns_with_a_known_effect_and_bands_of_people_alone_do_not() -> None:
    frame, sd = people(600, seed=1), 0.5
    truth = np.random.default_rng(5)
    odds = frame["probability"] / (1 - frame["probability"])
    seen = []
    for _ in range(300):
        shifted = odds * np.exp(sd * truth.standard_normal())
        seen.append((truth.random(len(frame)) < shifted / (1 + shifted)).sum())
    for effect, least, most in ((CampaignEffect.known(sd), 0.85, 0.95), (NONE, 0.2, 0.65)):
        _, low, high = simulate_campaign(frame, effect, draw_count=4_000).band("redeemers")
        assert least <= np.mean([low <= s <= high for s in seen]) <= most


def test_learnt_bands_cover_new_campaigns_of_a_world_with_a_campaign_effect() -> None:
    """Model, effect and Monte Carlo together: 40 worlds, each with ten past campaigns and two new ones."""
    covered = []
    for seed in range(40):
        world = make_campaigns(12, 150, sd=0.5, seed=100 + seed)
        is_new = world["campaign_id"].isin(["10", "11"])
        past = world[~is_new]
        model = RedemptionModel().fit(past, past["is_redeemer"])
        for _, new in world[is_new].groupby("campaign_id"):
            listed = new[["person_id"]].assign(probability=model.predict_proba(new)[:, 1])
            _, low, high = simulate_campaign(listed, model.campaign_effect_).band("redeemers")
            covered.append(low <= new["is_redeemer"].sum() <= high)
    assert 0.80 <= np.mean(covered) <= 0.98


def test_the_same_seed_gives_the_same_bytes_and_memory_changes_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    frame, effect = people(500), CampaignEffect.known(0.3)
    one = simulate_campaign(frame, effect, delivery_rate=0.9, random_state=4)
    again = simulate_campaign(frame, effect, delivery_rate=0.9, random_state=4)
    pd.testing.assert_frame_equal(one.draws, again.draws, check_exact=True)
    other = simulate_campaign(frame, effect, delivery_rate=0.9, random_state=5)
    assert not one.draws.equals(other.draws)
    monkeypatch.setattr(drawing, "_CELLS", 7_000)
    small = simulate_campaign(frame, effect, delivery_rate=0.9, random_state=4)
    assert (small.draws["redeemers"] == one.draws["redeemers"]).all()
    np.testing.assert_allclose(small.draws, one.draws, rtol=1e-4)


def test_many_people_go_through_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_BLOCK", 400)
    frame = people(1_500)
    found = simulate_campaign(frame, NONE, draw_count=2_000)
    p = frame["probability"]
    assert found.band("redeemers")[0] == pytest.approx(p.sum(), rel=0.01)
    assert found.draws["redeemers"].var() == pytest.approx((p * (1 - p)).sum(), rel=0.15)


def test_what_was_not_recorded_is_no_figure_and_says_so() -> None:
    bare = simulate_campaign(people()[["person_id", "probability"]], NONE)
    frame = bare.frame.set_index("figure")
    for figure in ("reached", "reach_rate", "redeemer_basket_amount", "cost_amount", "roi"):
        assert frame.loc[figure, ["mean", "low", "high"]].isna().all()
        assert frame.loc[figure, "note_zh"].startswith("未记录")
        assert frame.loc[figure, "note_en"].startswith("Not recorded")
    assert frame.loc["redeemers", "note_en"] == ""
    assert "No holdout" in bare.evidence.en
    assert "没有对照组" in bare.evidence.zh
    free = simulate_campaign(people().assign(cost_amount=0), NONE).frame.set_index("figure")
    assert np.isnan(free.loc["roi", "mean"])
    assert "zero" in free.loc["roi", "note_en"]
    sold = simulate_campaign(people(), NONE, fixed_cost=10).frame.set_index("figure")
    assert "gain is the revenue" in sold.loc["roi", "note_en"]


def test_what_cannot_be_simulated_says_so() -> None:
    frame = people(10)
    for wrong, error, match in (
        (frame.drop(columns="probability"), ContractBroken, "needs the column 'probability'"),
        (frame.iloc[:0], DataError, "empty"),
        (pd.concat([frame, frame]), DataError, "'0' more than once"),
        (frame.assign(probability=1.5), DataError, "'probability' holds values"),
        (frame.assign(basket_amount=np.nan), DataError, "'basket_amount' holds values"),
    ):
        with pytest.raises(error, match=match):
            simulate_campaign(wrong, NONE)
    for given in ({"draw_count": 0}, {"level": 1.0}, {"delivery_rate": 1.2}, {"message_cost": -1.0}):
        with pytest.raises(SpecError):
            simulate_campaign(frame, NONE, **given)
    with pytest.raises(SpecError, match="Unknown figure 'redeemer'"):
        simulate_campaign(frame, NONE).band("redeemer")


def test_certain_people_are_certain() -> None:
    frame = pd.DataFrame({"person_id": ["a", "b", "c"], "probability": [0.0, 1.0, 1.0]})
    draws = simulate_campaign(frame, CampaignEffect.known(1.0)).draws["redeemers"]
    assert (draws == 2).all()
