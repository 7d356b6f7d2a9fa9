"""An audience against the people outside it: shares, their ratio to everybody, and which differences stand.

All figures take the audience as if it had been drawn at random from the base: how far chance alone would
carry its shares. They take arrays and know nothing of the database.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qa_lib.intervals import ratio_interval

#: Coverage of the interval of a TGI.
TGI_LEVEL = 0.95
#: Of the differences that are said to stand, the part that may be chance, on average.
FALSE_DISCOVERY_RATE = 0.05
#: Below this many expected people in a cell, chi-square is no guide (Cochran 1954).
_LEAST_EXPECTED = 5

Numbers = NDArray[np.float64]


class Tgi(NamedTuple):
    """Share in the audience over share in the base × 100, with its interval; each of shape (n_values,)."""

    tgi: Numbers
    low: Numbers
    high: Numbers


def tgi(counts: ArrayLike, size: int, base_counts: ArrayLike, base_size: int) -> Tgi:
    """The TGI of values with its 95 % interval.

    Parameters
    ----------
    counts, base_counts : shape (n_values,)
        People with the value in the audience, and in the base that the audience is part of.
    size, base_size
        Everybody in the audience, and in the base.

    Returns
    -------
    Tgi
        All NaN for an empty audience; bounds NaN too where the audience is the whole base.

    Notes
    -----
    The audience is part of the base, so the two are not independent; the audience and the people outside it
    are. With `r` the ratio of their shares and `f` the audience's part of the base, the TGI is
    `100 r / (f r + 1 − f)`, which grows with `r`: the bounds of the score interval of `r` carry over
    exactly.

    References
    ----------
    Koopman (1984), "Confidence intervals for the ratio of two binomial proportions", Biometrics 40.
    """

    x, base = np.asarray(counts, dtype=float), np.asarray(base_counts, dtype=float)
    if not size:
        nothing = np.full(x.shape, np.nan)
        return Tgi(nothing, nothing, nothing)
    part = size / base_size
    low, high = ratio_interval(x, size, base - x, base_size - size, level=TGI_LEVEL)
    with np.errstate(invalid="ignore", divide="ignore"):
        point = x / size / (base / base_size) * 100
        # by the inverse of the ratio, so that an infinite one gives the greatest TGI there can be
        low, high = (100 / (part + (1 - part) / r) for r in (low, high))
    return Tgi(point, low, high)


def share_p_values(counts: ArrayLike, size: int, base_counts: ArrayLike, base_size: int) -> Numbers:
    """How often chance alone would part the audience from the people outside it at least so far.

    Pearson's chi-square, without a correction for continuity, so that it agrees with the interval of the
    TGI; Fisher's exact test where an expected count is below 5. NaN where one of the sides is empty.

    References
    ----------
    Cochran (1954), "Some methods for strengthening the common chi-square tests", Biometrics 10.
    """
    from scipy.stats import chi2, fisher_exact  # loading it takes longer than a first count

    x, base = np.asarray(counts, dtype=float), np.asarray(base_counts, dtype=float)
    rest = base_size - size
    if not size or not rest:
        return np.full(x.shape, np.nan)
    expected = np.stack([base, base_size - base]).min(axis=0) * min(size, rest) / base_size
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = (x * base_size - base * size) ** 2 * base_size
        statistic = squared / (base * (base_size - base) * size * rest)
    found = np.asarray(chi2.sf(statistic, 1), dtype=float)
    for i in np.flatnonzero(expected < _LEAST_EXPECTED):
        table = [[x[i], size - x[i]], [base[i] - x[i], rest - base[i] + x[i]]]
        found[i] = fisher_exact(np.array(table, dtype=int)).pvalue
    return found


def q_values(p_values: ArrayLike) -> Numbers:
    """The smallest false discovery rate at which each difference still stands; shape as given.

    NaN stays NaN and counts as no comparison.

    References
    ----------
    Benjamini and Hochberg (1995), "Controlling the false discovery rate", Journal of the Royal Statistical
    Society B 57, 289-300.
    """
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, dtype=float)
    found = np.full(p.shape, np.nan)
    made = ~np.isnan(p)
    if made.any():
        found[made] = false_discovery_control(p[made], method="bh")
    return found
