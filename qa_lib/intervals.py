"""Intervals for a share and for an area under a curve; they take arrays and know nothing of the database."""

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


def ratio_interval(
    successes: ArrayLike,
    trials: ArrayLike,
    other_successes: ArrayLike,
    other_trials: ArrayLike,
    *,
    level: float = LEVEL,
) -> Interval:
    """The score interval for the ratio of two groups' shares, which stays sane for small and empty counts.

    Parameters
    ----------
    successes, trials : shape (n_ratios,) or scalar
        People of the first group who did it, and all of them.
    other_successes, other_trials : shape (n_ratios,) or scalar
        Likewise of the second group; nobody is in both.
    level
        Coverage of the interval, strictly between 0 and 1.

    Returns
    -------
    Interval
        Bounds of (first share) / (second share), from 0 to infinity; both NaN where a group is empty or
        nobody did it at all. It holds 1 exactly where Pearson's chi-square of the four counts, without a
        correction for continuity, is below the level's quantile.

    Raises
    ------
    SpecError
        When the level is not between 0 and 1, or there are more successes than trials.

    References
    ----------
    Koopman (1984), "Confidence intervals for the ratio of two binomial proportions", Biometrics 40,
    513-517. The score is Miettinen and Nurminen's (1985) without their factor for small samples.
    """
    if not 0 < level < 1:
        raise SpecError(f"The level of an interval is {level!r}; it must lie strictly between 0 and 1.")
    x, n, y, m = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (successes, trials, other_successes, other_trials))
    )
    if np.any(x < 0) or np.any(x > n) or np.any(y < 0) or np.any(y > m):
        raise SpecError("Successes must lie between 0 and the number of trials.")
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    known = (n > 0) & (m > 0) & (x + y > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.clip(np.log((x / n) / (y / m)), -_FARTHEST, _FARTHEST)
        bounds = []
        for end in (-_FARTHEST, _FARTHEST):
            outside, inside = np.full(x.shape, end), middle
            for _ in range(_HALVINGS):
                half = (outside + inside) / 2
                is_outside = _ratio_score(np.exp(half), x, n, y, m) > z2
                outside, inside = np.where(is_outside, half, outside), np.where(is_outside, inside, half)
            bounds.append(np.where(known, np.exp(inside), np.nan))
    low = np.where(known & (x == 0), 0.0, bounds[0])
    high = np.where(known & (y == 0), np.inf, bounds[1])
    return Interval(low, high)


#: Ratios are looked for between e^-40 and e^40, and halved until doubles end.
_FARTHEST, _HALVINGS = 40.0, 64


def _ratio_score(
    ratio: NDArray[np.float64],
    x: NDArray[np.float64],
    n: NDArray[np.float64],
    y: NDArray[np.float64],
    m: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The squared score of a ratio, with the second share at its likeliest given that ratio."""
    b = ratio * (n + y) + x + m
    root = np.sqrt(np.maximum(b**2 - 4 * ratio * (n + m) * (x + y), 0))
    second = 2 * (x + y) / (b + root)  # the smaller root, written so that nothing cancels
    first = ratio * second
    variance = first * (1 - first) / n + ratio**2 * second * (1 - second) / m
    return np.asarray((x / n - ratio * y / m) ** 2 / variance)


def auc_interval(outcome: ArrayLike, score: ArrayLike, *, level: float = LEVEL) -> tuple[float, float, float]:
    """The area under the ROC curve with its interval.

    Parameters
    ----------
    outcome : shape (n_people,)
        Whether it came true.
    score : shape (n_people,)
        The higher, the likelier it was held to be; equal scores count half.

    Returns
    -------
    tuple of float
        The area, and the bounds, which are worked out on the logit and so lie between 0 and 1; where
        nobody of one kind scores between those of the other, they are the area itself.

    Raises
    ------
    SpecError
        When there are fewer than two people of a kind, or the level is not between 0 and 1.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two or more correlated receiver
    operating characteristic curves", Biometrics 44, by the midranks of Sun and Xu (2014).
    """
    if not 0 < level < 1:
        raise SpecError(f"The level of an interval is {level!r}; it must lie strictly between 0 and 1.")
    came_true, given = np.asarray(outcome, dtype=bool), np.asarray(score, dtype=float)
    yes, no = given[came_true], given[~came_true]
    if min(len(yes), len(no)) < 2:
        raise SpecError(
            f"{len(yes)} people of whom it came true and {len(no)} others: at least two of each are needed "
            "for the interval of an area under the curve."
        )
    whole = _midranks(np.concatenate([yes, no]))
    above = (whole[: len(yes)] - _midranks(yes)) / len(no)  # for each yes, the share of no's below it
    below = 1 - (whole[len(yes) :] - _midranks(no)) / len(yes)
    area = float(above.mean())
    error = float(np.sqrt(above.var(ddof=1) / len(yes) + below.var(ddof=1) / len(no)))
    if error == 0 or not 0 < area < 1:
        return area, area, area
    middle, reach = np.log(area / (1 - area)), error / (area * (1 - area))
    z = NormalDist().inv_cdf((1 + level) / 2)
    low, high = (1 / (1 + np.exp(-(middle + side * z * reach))) for side in (-1, 1))
    return area, float(low), float(high)


def _midranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rank of each, from 1; equal values share the mean of theirs."""
    ordered = np.sort(values)
    first, last = np.searchsorted(ordered, values), np.searchsorted(ordered, values, side="right")
    return np.asarray((first + last + 1) / 2, dtype=np.float64)
