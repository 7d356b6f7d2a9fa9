"""How much whole campaigns differ from what their people predict: a random effect on the logit.

Two campaigns sent to the same people do not bring the same redemptions: the offer, the season and the
print differ in ways that no column holds. Bands that leave this out are too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qa_lib.errors import DataError, SpecError

#: Scale of the half-normal prior of the standard deviation, on the logit; stated before any result was seen.
PRIOR_SCALE = 0.5
_GRID = np.linspace(0.0, 2.0, 201)


@dataclass(frozen=True, eq=False)
class CampaignEffect:
    """What is believed of the standard deviation of campaigns on the logit: values and their probabilities.

    Attributes
    ----------
    sds, weights : shape (n_values,)
        Standard deviations and their probabilities, which add up to 1.
    campaign_count
        How many past campaigns it was learnt from; 0 for a given value and for the prior alone.
    """

    sds: NDArray[np.float64]
    weights: NDArray[np.float64]
    campaign_count: int = 0

    @classmethod
    def known(cls, sd: float) -> CampaignEffect:
        """One given standard deviation; 0 says that people are all that varies."""
        if not sd >= 0:
            raise SpecError(f"The campaign effect's standard deviation is {sd!r}; it cannot be negative.")
        return cls(np.array([float(sd)]), np.array([1.0]))

    @classmethod
    def learnt(
        cls, observed: ArrayLike, expected: ArrayLike, variance: ArrayLike, *, scale: float = PRIOR_SCALE
    ) -> CampaignEffect:
        """From past campaigns: redeemers seen, redeemers predicted without the campaign's own data.

        Parameters
        ----------
        observed, expected, variance : shape (n_campaigns,)
            Redeemers; the sum of their probabilities `p`; the sum of `p (1 − p)`.
        scale
            Of the half-normal prior, which decides where few campaigns speak.

        Notes
        -----
        To first order in the effect `u`, `observed − expected` is normal with mean 0 and variance
        `V + sd² V²`, `V` being the binomial variance. The posterior of the sd is taken on a grid from 0 to 2,
        so that not knowing the sd widens the bands as well.

        References
        ----------
        Gelman (2006), "Prior distributions for variance parameters in hierarchical models", Bayesian
        Analysis 1, 515-534: a half-normal or half-t prior on the sd when there are few groups.
        """
        y, e, v = (np.asarray(a, dtype=float) for a in (observed, expected, variance))
        if not y.shape == e.shape == v.shape or np.any(v < 0):
            raise DataError("Observed, expected and variance need one non-negative value per campaign.")
        kept = v > 0
        spread = v[kept] + np.outer(_GRID**2, v[kept] ** 2)
        log = -0.5 * (_GRID / scale) ** 2
        log = log - 0.5 * (np.log(spread) + (y[kept] - e[kept]) ** 2 / spread).sum(axis=1)
        weights = np.exp(log - log.max())
        return cls(_GRID, weights / weights.sum(), int(kept.sum()))

    @property
    def sd(self) -> float:
        """The expected standard deviation, on the logit."""
        return float(self.sds @ self.weights)

    def draw(self, draw_count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """One effect of a new campaign per draw, on the logit; its sd is drawn first."""
        sds = rng.choice(self.sds, size=draw_count, p=self.weights)
        return sds * rng.standard_normal(draw_count)
