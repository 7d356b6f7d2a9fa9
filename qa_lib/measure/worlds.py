"""The mean of a rehearsal's worlds, and the band in which the middle share of them lies."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa_lib.errors import SpecError


class Band(NamedTuple):
    """Mean and both ends of the band, each of the shape of the values without their worlds."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def band(values: NDArray[np.float64], *, level: float) -> Band:
    """The mean over the worlds and the central band of them, by linear quantiles.

    Parameters
    ----------
    values : shape (..., n_worlds)
        One figure in every world; NaN where it has none there, which leaves that world out.
    level
        Share of the worlds in the band, strictly between 0 and 1.

    Returns
    -------
    Band
        NaN where no world has a figure.

    Raises
    ------
    SpecError
        When the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise SpecError(f"The level of a band is {level!r}; it must lie strictly between 0 and 1.")
    shape = values.shape[:-1]
    found = np.full((3, *shape), np.nan)
    ends = [(1 - level) / 2, (1 + level) / 2]
    known = ~np.isnan(values)
    whole = known.all(axis=-1) & (values.shape[-1] > 0)
    if whole.any():
        found[0][whole] = values[whole].mean(axis=-1)
        found[1:, whole] = np.quantile(values[whole], ends, axis=-1)
    for place in zip(*np.nonzero(known.any(axis=-1) & ~whole), strict=True):
        row = values[place][known[place]]
        found[(0, *place)] = row.mean()
        found[(slice(1, 3), *place)] = np.quantile(row, ends)
    return Band(*found)
