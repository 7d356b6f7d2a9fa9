"""Customer lifetime value: how often a person will still buy (BG/NBD) and what a purchase is worth (Gamma-Gamma).

Both models see a person through a few numbers only. Times are in one unit of the caller's choice; the
published parameters of CDNOW are in weeks.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1
from sklearn.base import BaseEstimator

from qa_lib.errors import DataError, SpecError
from qa_lib.profiles.moment import Moment

Numbers = npt.NDArray[np.float64]
_DAYS_A_WEEK = 7.0
_DAYS_A_YEAR = 365.0

#: One row per buyer; a day with any number of baskets is one purchase, as in the literature.
_HISTORY = """
WITH days AS (
    SELECT person_no, CAST(occurred_at AT TIME ZONE $zone AS DATE) AS day,
           sum(paid_amount) AS paid
    FROM event_visit
    WHERE occurred_at < $until
    GROUP BY ALL
),
first AS (SELECT person_no, min(day) AS first_on FROM days GROUP BY person_no)
SELECT person_no,
       count(*) - 1 AS btyd_repeat_count,
       max(day) - first_on AS btyd_recency_days,
       CAST($until AT TIME ZONE $zone AS DATE) - first_on AS btyd_age_days,
       -- of an exact sum: a mean of doubles depends on their order
       CAST(sum(paid) FILTER (day > first_on) AS DOUBLE)
           / nullif(count(*) FILTER (day > first_on), 0) AS repeat_value
FROM days JOIN first USING (person_no)
GROUP BY person_no, first_on
ORDER BY person_no
"""


class BetaGeometric(BaseEstimator):
    """BG/NBD: people buy at rates that differ by a gamma, and drop out after purchases by a beta.

    Attributes
    ----------
    r_, alpha_, a_, b_
        The parameters; log_likelihood_ at them.

    References
    ----------
    Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the Pareto/NBD
    Model, Marketing Science 24(2).
    """

    r_: float
    alpha_: float
    a_: float
    b_: float
    log_likelihood_: float

    def fit(self, frequency: Any, recency: Any, age: Any) -> Self:
        """Find the parameters of greatest likelihood.

        Parameters
        ----------
        frequency : shape (n,)
            Repeat purchases.
        recency, age : shape (n,)
            Time from the first purchase to the last one, and to the end of what was observed.

        Raises
        ------
        DataError
            When the numbers cannot be a history, nobody bought twice, or no maximum was found.
        """
        x, t, age = _checked(frequency, recency, age)
        if not (x > 0).any():
            raise DataError(
                f"None of {len(x)} people bought a second time: nothing tells how often they buy."
            )
        unit = max(age.max(), 1.0) / 10  # so that all four parameters are of the size of 1
        rows, people = np.unique(np.stack([x, t / unit, age / unit], axis=1), axis=0, return_counts=True)

        def cost(logs: Numbers) -> float:
            return -float(np.average(_likelihood(*rows.T, *np.exp(logs)), weights=people))

        found = _minimised(cost, 4, "BG/NBD")
        self.r_, alpha, self.a_, self.b_ = (float(v) for v in np.exp(found))
        self.alpha_ = float(alpha * unit)
        total = _likelihood(x, t, age, self.r_, self.alpha_, self.a_, self.b_).sum()
        self.log_likelihood_ = float(total)
        return self

    def alive(self, frequency: Any, recency: Any, age: Any) -> Numbers:
        """The probability that a person still buys; 1 for those who bought once, as the model has it."""
        x, t, age = _checked(frequency, recency, age)
        return 1 / (1 + self._gone(x, t, age))

    def expected(self, horizon: float, frequency: Any, recency: Any, age: Any) -> Numbers:
        """How many purchases a person will make within the horizon from now; shape (n,)."""
        x, t, age = _checked(frequency, recency, age)
        if horizon < 0:
            raise SpecError(f"horizon={horizon} lies in the past. Give the time from now on.")
        r, alpha, a, b = self.r_, self.alpha_, self.a_, self.b_
        a += 1e-9 if a == 1 else 0  # a limit that exists, though the formula divides by 0 there
        z = horizon / (alpha + age + horizon)
        # Gauss's function after Euler's transformation, which takes up the paper's power of r + x: nothing
        # overflows for people with hundreds of purchases
        left = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z)
        return np.asarray((a + b + x - 1) / (a - 1) * (1 - left) / (1 + self._gone(x, t, age)))

    def _gone(self, x: Numbers, t: Numbers, age: Numbers) -> Numbers:
        ratio = (self.alpha_ + age) / (self.alpha_ + t)
        odds = self.a_ / np.maximum(self.b_ + x - 1, 1e-12) * ratio ** (self.r_ + x)
        return np.where(x > 0, odds, 0.0)


class GammaGamma(BaseEstimator):
    """Gamma-Gamma: a person's purchases vary about a mean of their own, and these means about everybody's.

    It takes what people pay to be independent of how often they buy; `fit` keeps that correlation in
    `correlation_`, so that a reader can judge.

    Attributes
    ----------
    p_, q_, v_, correlation_, log_likelihood_

    References
    ----------
    Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value".
    """

    p_: float
    q_: float
    v_: float
    correlation_: float
    log_likelihood_: float

    def fit(self, frequency: Any, value: Any) -> Self:
        """Find the parameters from people with a repeat purchase.

        Parameters
        ----------
        frequency, value : shape (n,)
            Repeat purchases and their mean value; people with none or with a value of 0 are left out.

        Raises
        ------
        DataError
            When fewer than two people are left, or no maximum was found.
        """
        x, z = np.asarray(frequency, dtype=float), np.asarray(value, dtype=float)
        kept = (x > 0) & (z > 0)
        x, z = x[kept], z[kept]
        if len(x) < 2:
            raise DataError(f"{len(x)} people with a repeat purchase of some value: at least two are needed.")
        unit = float(z.mean())

        def cost(logs: Numbers) -> float:
            p, q, v = np.exp(logs)
            return -float(_value_likelihood(x, z / unit, p, q, v).mean())

        self.p_, self.q_, v = (float(n) for n in np.exp(_minimised(cost, 3, "Gamma-Gamma")))
        self.v_ = v * unit
        self.correlation_ = float(np.corrcoef(x, z)[0, 1]) if x.std() > 0 and z.std() > 0 else 0.0
        self.log_likelihood_ = float(_value_likelihood(x, z, self.p_, self.q_, self.v_).sum())
        return self

    def expected(self, frequency: Any, value: Any) -> Numbers:
        """What a purchase of a person is worth: between their own mean and everybody's; shape (n,)."""
        x = np.asarray(frequency, dtype=float)
        z = np.where(x > 0, np.nan_to_num(np.asarray(value, dtype=float)), 0.0)
        p, q, v = self.p_, self.q_, self.v_
        if q <= 1 and (x == 0).any():
            raise DataError(f"q={q:.3f} is at most 1: the mean over all people does not exist in this model.")
        return np.asarray(p * (v + x * z) / (p * x + q - 1))


def purchase_history(snapshot: Moment, until: Any = None) -> pd.DataFrame:
    """What the models see of each buyer, from visits before a moment.

    Returns
    -------
    pandas.DataFrame
        `person_no`, `btyd_repeat_count`, `btyd_recency_days`, `btyd_age_days`, `repeat_value` (mean paid on
        days with a repeat purchase; none for those who bought once).
    """
    moment = snapshot.as_of if until is None else until
    return snapshot.frame(_HISTORY, {"until": moment, "zone": str(snapshot.zone)})


def lifetime_values(
    snapshot: Moment, *, horizon_days: int = 365, discount_rate: float = 0.1, margin_rate: float = 1.0
) -> pd.DataFrame:
    """What each buyer is expected to be worth from the snapshot's moment on, learnt from before it only.

    Parameters
    ----------
    discount_rate
        A year's; what comes later is worth less, taken at the middle of each four weeks.
    margin_rate
        The part of the paid amount that is gain; 1 gives revenue.

    Returns
    -------
    pandas.DataFrame
        `person_no`, `alive_rate`, `expected_purchase_count`, `expected_value` (of one purchase),
        `lifetime_value_amount`.
    """
    history = purchase_history(snapshot)
    seen = [history[c] for c in ("btyd_repeat_count", "btyd_recency_days", "btyd_age_days")]
    x, t, age = seen[0], seen[1] / _DAYS_A_WEEK, seen[2] / _DAYS_A_WEEK
    buying = BetaGeometric().fit(x, t, age)
    worth = GammaGamma().fit(x, history["repeat_value"]).expected(x, history["repeat_value"])
    total, before = np.zeros(len(history)), np.zeros(len(history))
    ends = [*range(28, horizon_days, 28), horizon_days]
    for start, end in zip([0, *ends], ends, strict=False):
        by_then = buying.expected(end / _DAYS_A_WEEK, x, t, age)
        total += (by_then - before) * (1 + discount_rate) ** (-(start + end) / 2 / _DAYS_A_YEAR)
        before = by_then
    return pd.DataFrame(
        {
            "person_no": history["person_no"],
            "alive_rate": buying.alive(x, t, age),
            "expected_purchase_count": before,
            "expected_value": worth,
            "lifetime_value_amount": total * worth * margin_rate,
        }
    )


def _checked(frequency: Any, recency: Any, age: Any) -> tuple[Numbers, Numbers, Numbers]:
    x, t, age = (np.asarray(v, dtype=float) for v in (frequency, recency, age))
    wrong = ~((x >= 0) & (t >= 0) & (t <= age) & ((x > 0) | (t == 0)))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"Person {i}: frequency={x[i]:g}, recency={t[i]:g}, age={age[i]:g} is no history. Expected "
            "0 <= recency <= age, and recency 0 where frequency is 0."
        )
    return x, t, age


def _likelihood(x: Numbers, t: Numbers, age: Numbers, r: float, alpha: float, a: float, b: float) -> Numbers:
    head = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + betaln(a, b + x) - betaln(a, b)
    stays = -(r + x) * np.log(alpha + age)
    leaves = np.log(a) - np.log(np.maximum(b + x - 1, 1e-300)) - (r + x) * np.log(alpha + t)
    # B(a, b+x) (stays) and B(a+1, b+x-1) = B(a, b+x) a / (b+x-1) (left after the last purchase)
    return np.asarray(head + np.where(x > 0, np.logaddexp(stays, leaves), stays))


def _value_likelihood(x: Numbers, z: Numbers, p: float, q: float, v: float) -> Numbers:
    n = p * x
    return np.asarray(
        gammaln(n + q) - gammaln(n) - gammaln(q) + q * np.log(v)
        + (n - 1) * np.log(z) + n * np.log(x) - (n + q) * np.log(v + x * z)
    )  # fmt: skip


def _minimised(cost: Any, size: int, model: str) -> Numbers:
    """The best of two searches along the slope, made sharper by a simplex; parameters within e**±7."""
    bounds, best = [(-7.0, 7.0)] * size, None
    for start in (0.0, 0.7):
        found = minimize(cost, np.full(size, start), method="L-BFGS-B", bounds=bounds)
        if np.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is not None:
        best = minimize(
            cost, best.x, method="Nelder-Mead", bounds=bounds,
            options={"maxiter": 2000, "xatol": 1e-5, "fatol": 1e-10},
        )  # fmt: skip
    if best is None or not best.success:
        raise DataError(f"{model}: no greatest likelihood was found for these histories.")
    return np.asarray(best.x, dtype=np.float64)
