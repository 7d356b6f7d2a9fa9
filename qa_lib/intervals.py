"""Intervals for a share; they take arrays and know nothing of the database."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qa_lib.errors import SpecError

#: Coverage of the intervals that dashboards show.
LEVEL = 0.90


class Interval(NamedTuple):
    """Lower and upper bounds, each of the shape of the counts, between 0 and 1."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


def wilson_interval(successes: ArrayLike, trials: ArrayLike, *, level: float = LEVEL) -> Interval:
    """The score interval for a share, which stays sane for small groups and for 0 or all of them.

    Parameters
    ----------
    successes, trials : shape (n_groups,) or scalar
        People who did it, and people who could; `0 <= successes <= trials`.
    level
        Coverage of the interval, strictly between 0 and 1.

    Returns
    -------
    Interval
        `low` and `high`; both NaN where `trials` is 0 or missing.

    Raises
    ------
    SpecError
        When the level is not between 0 and 1, or there are more successes than trials.

    Notes
    -----
    People are taken as independent of each other, each with the same chance within the group.

    References
    ----------
    Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    Journal of the American Statistical Association 22, 209-212.
    """
    if not 0 < level < 1:
        raise SpecError(f"The level of an interval is {level!r}; it must lie strictly between 0 and 1.")
    x = np.asarray(successes, dtype=float)
    n = np.asarray(trials, dtype=float)
    if np.any(x < 0) or np.any(x > n):
        raise SpecError("Successes must lie between 0 and the number of trials.")
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        n = np.where(n > 0, n, np.nan)
        share = x / n
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    # rounding may leave 1e-17 at the ends, where the interval is exact
    low = np.where(x == 0, np.where(np.isnan(n), np.nan, 0.0), middle - half)
    high = np.where(x == n, 1.0, middle + half)
    return Interval(np.clip(low, 0, 1), np.clip(high, 0, 1))
