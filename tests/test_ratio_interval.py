"""The score interval of a ratio of shares: Koopman's published example, a search over likelihoods, its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2, chi2_contingency

from qa_lib.errors import SpecError
from qa_lib.intervals import ratio_interval


def score(ratio: float, x: int, n: int, y: int, m: int) -> float:
    """The squared score, with the second share found by a search for the greatest likelihood."""

    def unlikely(share: float) -> float:
        logs = [(x, ratio * share), (n - x, 1 - ratio * share), (y, share), (m - y, 1 - share)]
        return -sum(k * np.log(p) for k, p in logs if k)

    top = min(1.0, 1 / ratio) - 1e-12
    second = minimize_scalar(unlikely, bounds=(1e-12, top), method="bounded", options={"xatol": 1e-13}).x
    first = ratio * second
    variance = first * (1 - first) / n + ratio**2 * second * (1 - second) / m
    return float((x / n - ratio * y / m) ** 2 / variance)


def test_koopman_1984_example_of_36_of_40_against_16_of_80() -> None:
    low, high = ratio_interval(36, 40, 16, 80, level=0.95)
    assert (round(float(low), 2), round(float(high), 2)) == (2.94, 7.15)


@pytest.mark.parametrize("counts", [(3, 40, 10, 90), (15, 20, 4, 31), (1, 7, 2, 900), (200, 3000, 150, 2100)])
def test_the_bounds_are_where_a_search_finds_the_score_at_its_quantile(
    counts: tuple[int, int, int, int],
) -> None:
    x, n, y, m = counts
    found = ratio_interval(x, n, y, m, level=0.9)
    ratio, z2 = x / n / (y / m), chi2.ppf(0.9, 1)
    low = brentq(lambda r: score(r, *counts) - z2, ratio / 1000, ratio * 0.999)
    high = brentq(lambda r: score(r, *counts) - z2, ratio * 1.001, ratio * 1000)
    assert (float(found.low), float(found.high)) == pytest.approx((low, high), rel=1e-4)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_it_holds_one_exactly_where_pearsons_chi_square_says_so(n: int, m: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    low, high = ratio_interval(x, n, y, m, level=0.95)
    if x + y == 0:
        assert np.isnan(low)
        assert np.isnan(high)
        return
    assert 0 <= low <= high
    assert (low == 0) == (x == 0)
    assert (high == np.inf) == (y == 0)
    if 0 < x + y < n + m:
        p = chi2_contingency([[x, n - x], [y, m - y]], correction=False).pvalue
        assert (low <= 1 <= high) == (p >= 0.05)


def test_impossible_counts_are_refused_and_an_empty_group_has_no_ratio() -> None:
    with pytest.raises(SpecError, match="between 0 and the number of trials"):
        ratio_interval(5, 4, 1, 2)
    with pytest.raises(SpecError, match="strictly between 0 and 1"):
        ratio_interval(1, 4, 1, 2, level=1)
    assert np.isnan(ratio_interval([0, 1], [0, 4], [1, 0], [2, 0]).low).all()
