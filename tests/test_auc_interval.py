"""The interval of an area under the ROC curve: DeLong's components by counting pairs, and a bootstrap's spread."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from qa_lib.errors import SpecError
from qa_lib.intervals import auc_interval


def by_pairs(outcome: np.ndarray, score: np.ndarray, level: float) -> tuple[float, float, float]:
    """DeLong, DeLong and Clarke-Pearson (1988), pair by pair."""
    yes, no = score[outcome], score[~outcome]
    wins = (yes[:, None] > no[None, :]) + 0.5 * (yes[:, None] == no[None, :])
    area = wins.mean()
    error = np.sqrt(wins.mean(axis=1).var(ddof=1) / len(yes) + wins.mean(axis=0).var(ddof=1) / len(no))
    z, reach = norm.ppf((1 + level) / 2), error / (area * (1 - area))
    middle = np.log(area / (1 - area))
    return area, *(1 / (1 + np.exp(-(middle + s * z * reach))) for s in (-1, 1))


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_it_equals_delongs_components_counted_pair_by_pair(level: float) -> None:
    rng = np.random.default_rng(3)
    for n in (12, 40, 300):
        outcome = rng.random(n) < 0.3
        outcome[:3], outcome[3:6] = True, False
        score = np.round(rng.normal(outcome * 0.8), 1)  # with ties
        found = auc_interval(outcome, score, level=level)
        np.testing.assert_allclose(found, by_pairs(outcome, score, level), rtol=1e-12)
        assert found[0] == pytest.approx(roc_auc_score(outcome, score))


def test_it_is_as_wide_as_a_bootstrap_says() -> None:
    rng = np.random.default_rng(4)
    outcome = rng.random(400) < 0.4
    score = rng.normal(outcome * 1.0)
    areas = []
    for _ in range(400):
        take = rng.integers(0, 400, 400)
        areas.append(auc_interval(outcome[take], score[take])[0])
    _, low, high = auc_interval(outcome, score)
    assert (high - low) == pytest.approx(float(np.diff(np.quantile(areas, [0.05, 0.95]))[0]), rel=0.15)


def test_what_cannot_be_said_is_refused() -> None:
    assert auc_interval([0, 0, 1, 1], [1, 2, 3, 4]) == (1.0, 1.0, 1.0)
    with pytest.raises(SpecError, match="at least two of each"):
        auc_interval([0, 0, 1], [1, 2, 3])
    with pytest.raises(SpecError, match="strictly between 0 and 1"):
        auc_interval([0, 0, 1, 1], [1, 2, 3, 4], level=1)
