"""TGI, its interval and the control of false discoveries: by hand, by simulation, at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.audiences.comparing import FALSE_DISCOVERY_RATE, q_values, share_p_values, tgi
from qa_lib.intervals import ratio_interval


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_q_values_are_benjamini_and_hochberg_1995_by_hand(p_values: list[float]) -> None:
    found = q_values(p_values)
    made = sorted(p for p in p_values if not np.isnan(p))
    for p, q in zip(p_values, found, strict=True):
        if np.isnan(p):
            assert np.isnan(q)
            continue
        # the least over this and all greater p of p × comparisons / rank
        ranks = [(i + 1, other) for i, other in enumerate(made) if other >= p]
        assert q == pytest.approx(min(1, min(other * len(made) / rank for rank, other in ranks)), abs=1e-15)


def test_benjamini_and_hochberg_1995_table_1_keeps_the_first_four_of_fifteen() -> None:
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert list(q_values(p) <= 0.05) == [True] * 4 + [False] * 11


def test_the_tgi_interval_is_that_of_the_two_apart_carried_over() -> None:
    found = tgi([30, 0, 12], 100, [60, 9, 12], 1000)
    assert list(found.tgi) == pytest.approx([500, 0, 1000])
    ratios = ratio_interval([30, 0, 12], 100, [30, 9, 0], 900, level=0.95)
    for got, ratio in ((found.low, ratios.low), (found.high, ratios.high)):
        for one, r in zip(got, ratio, strict=True):
            expected = 1000 if np.isinf(r) else 100 * r / (0.1 * r + 0.9)
            assert one == pytest.approx(expected)
    assert found.low[1] == 0
    assert found.high[2] == pytest.approx(1000)  # nobody outside has it: a TGI cannot be greater


def test_intervals_cover_and_few_false_differences_stand_where_chance_alone_drew_the_audience() -> None:
    random, base_size, size = np.random.default_rng(7), 4_000, 500
    shares = np.array([0.02, 0.1, 0.3, 0.5, 0.8] * 8)
    base = random.binomial(1, shares, (base_size, len(shares))).astype(bool)
    covered, any_stands = [], 0
    for _ in range(60):
        inside = random.permutation(base_size) < size
        counts, base_counts = base[inside].sum(axis=0), base.sum(axis=0)
        found = tgi(counts, size, base_counts, base_size)
        covered += list((found.low <= 100) & (found.high >= 100))
        p = share_p_values(counts, size, base_counts, base_size)
        any_stands += bool((q_values(p) <= FALSE_DISCOVERY_RATE).any())
    assert 0.92 <= np.mean(covered) <= 0.98
    assert any_stands <= 9  # 5 % of 60, and what chance adds


def test_an_empty_side_has_no_interval_and_no_test() -> None:
    for size in (0, 50):
        counts = [0, 0] if size == 0 else [20, 30]
        assert np.isnan(share_p_values(counts, size, [20, 30], 50)).all()
        assert np.isnan(tgi(counts, size, [20, 30], 50).low).all()
    assert list(tgi([20, 30], 50, [20, 30], 50).tgi) == [100, 100]
    assert np.isnan(q_values([])).size == 0
