"""The interval of a share, against a published table and at its edges."""

from __future__ import annotations

import numpy as np
import pytest

from qa_lib.errors import SpecError
from qa_lib.intervals import wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_equals_table_1_of_newcombe_1998_method_3(
    successes: int, trials: int, low: float, high: float
) -> None:
    found = wilson_interval(successes, trials, level=0.95)
    assert (round(float(found.low), 4), round(float(found.high), 4)) == (low, high)


def test_nobody_and_everybody_stay_within_0_and_1() -> None:
    low, high = wilson_interval([0, 5, 1], [5, 5, 1])
    assert low[0] == 0
    assert high[1] == 1
    assert ((low >= 0) & (high <= 1) & (low < high)).all()


def test_a_group_without_people_has_no_interval() -> None:
    low, high = wilson_interval([0, 0], [0, np.nan])
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_more_people_or_a_lower_level_narrow_it() -> None:
    few, many = (wilson_interval(n // 10, n) for n in (20, 2000))
    assert float(many.high - many.low) < float(few.high - few.low)
    lower = wilson_interval(2, 20, level=0.5)
    assert float(lower.high - lower.low) < float(few.high - few.low)


@pytest.mark.parametrize("level", [0, 1, 90])
def test_a_level_outside_0_and_1_is_refused(level: float) -> None:
    with pytest.raises(SpecError, match="strictly between 0 and 1"):
        wilson_interval(1, 2, level=level)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(SpecError, match="between 0 and the number of trials"):
        wilson_interval([1, 3], [2, 2])
