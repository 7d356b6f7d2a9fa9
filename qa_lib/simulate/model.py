"""The probability that somebody who receives a campaign redeems at least one coupon of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from qa_lib.errors import ContractBroken, DataError, did_you_mean
from qa_lib.simulate.campaign_effect import CampaignEffect
from qa_lib.simulate.features import FEATURES

#: The penalty's inverse strength: fixed beforehand, as in the recipe that docs/semantics.md section 10 names.
PENALTY_C = 0.1
_LIMIT = 12.0  # logits beyond this are 0 or 1 for every purpose


class RedemptionModel(ClassifierMixin, BaseEstimator):
    """Logistic regression on what was known before the start, pulled to the average of the campaign's type.

    1. The *type's average* is the redemption rate of the past campaigns of that type, pulled towards the rate
       of all of them by `m / (m + shrinkage)`, with `m` past campaigns of the type; a type without history has
       the rate of all.
    2. A logistic regression with an L2 penalty reads the columns of `FEATURES` (logarithms of counts and
       amounts, standardised) and the type.
    3. *Calibration*: each past campaign is predicted by a model that was fitted without it. Of these
       predictions a slope is learnt, how far to trust the distance from the type's average, between 0 and
       1 and pulled towards 0 by `n / (n + shrinkage)` with `n` past campaigns; and a shift, so that together
       they add up to the redeemers that were seen.
    4. What then remains of each past campaign teaches `campaign_effect_`.

    Parameters
    ----------
    C
        Inverse strength of the penalty, as in scikit-learn.
    shrinkage
        Weight of the averages, in campaigns.
    random_state
        Of the solver; Newton's method draws no numbers, so every value gives the same fit.

    Attributes
    ----------
    classes_ : array of [False, True]
    campaign_count_, type_rates_, overall_rate_
        How many campaigns were learnt from, each type's pulled rate, the rate of all.
    regression_ : sklearn.linear_model.LogisticRegression or None
        None where nobody, or everybody, redeemed.
    slope_, shift_
        The calibration, on the logit.
    campaign_effect_ : CampaignEffect
    out_of_campaign_ : pandas.DataFrame
        Per past campaign: `targeted`, `observed`, `expected` (predicted without it), `variance`.

    Notes
    -----
    It assumes that people redeem independently of each other given what is known of them and of the
    campaign's effect. It says who redeems among those who receive a campaign. It is *no* effect model: what
    a person would do without the campaign is not in these data.
    """

    def __init__(self, C: float = PENALTY_C, shrinkage: float = 1.0, random_state: int | None = None) -> None:
        self.C = C
        self.shrinkage = shrinkage
        self.random_state = random_state

    def fit(self, X: pd.DataFrame, y: ArrayLike) -> RedemptionModel:
        """Learn from past campaigns.

        Parameters
        ----------
        X
            From `campaign_features`: one row per campaign and person. Give only campaigns that had ended
            before the planned one starts: the model cannot know which those are.
        y : shape (n_rows,)
            Whether the person redeemed at least once.

        Raises
        ------
        ContractBroken
            When a column is missing.
        DataError
            When there are no rows, or `y` has another length or other values than yes and no.
        """
        frame = _checked(X)
        outcome = np.asarray(y, dtype=float)
        if len(frame) == 0 or outcome.shape != (len(frame),) or not np.isin(outcome, (0, 1)).all():
            raise DataError(
                f"The model needs one yes or no for each row; got {outcome.shape} outcomes for {len(frame)} rows."
            )
        self.classes_ = np.array([False, True])
        self.n_features_in_ = len(FEATURES)
        self.feature_names_in_ = np.array([f.name for f in FEATURES], dtype=object)
        campaign, kind = frame["campaign_id"].to_numpy(), frame["campaign_type"].to_numpy()
        raw = _raw(frame)
        campaigns = list(dict.fromkeys(campaign))
        self.campaign_count_ = len(campaigns)
        without = np.empty(len(frame))  # the logit from the others' regression
        base = np.empty(len(frame))  # the logit of the others' type average
        with threadpool_limits(limits=1, user_api="blas"):  # on so little, threads only wait for each other
            for one in campaigns if len(campaigns) > 1 else ():
                out = campaign == one
                without[out] = self._regression(raw[~out], kind[~out], outcome[~out]).logits(
                    raw[out], kind[out]
                )
                base[out] = self._averages(campaign[~out], kind[~out], outcome[~out]).logits(kind[out])
            self._regressed = self._regression(raw, kind, outcome)
        self._average = self._averages(campaign, kind, outcome)
        self.regression_ = self._regressed.regression
        self.type_rates_, self.overall_rate_ = dict(self._average.rates), self._average.overall
        if len(campaigns) == 1:  # nothing to calibrate on: half way to the average
            base[:] = self._average.logits(kind)
            without[:] = self._regressed.logits(raw, kind)
            self.slope_ = 1 / (1 + self.shrinkage)
        else:
            trust = len(campaigns) / (len(campaigns) + self.shrinkage)
            self.slope_ = trust * float(np.clip(_slope(without - base, base, outcome), 0, 1))
        middle = base + self.slope_ * (without - base)
        self.shift_ = _shift(middle, outcome.sum())
        p = _expit(middle + self.shift_)
        each = pd.DataFrame(
            {"campaign_id": campaign, "observed": outcome, "expected": p, "variance": p * (1 - p)}
        )
        past = each.groupby("campaign_id", sort=False)
        self.out_of_campaign_ = past[["observed", "expected", "variance"]].sum().reset_index()
        self.out_of_campaign_.insert(1, "targeted", past.size().to_numpy())
        known = self.out_of_campaign_ if len(campaigns) > 1 else self.out_of_campaign_.iloc[:0]
        self.campaign_effect_ = CampaignEffect.learnt(known["observed"], known["expected"], known["variance"])
        return self

    def predict_proba(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Probabilities of no and yes, shape (n_rows, 2)."""
        check_is_fitted(self, "campaign_count_")
        frame = _checked(X)
        if len(frame) == 0:
            return np.empty((0, 2))
        kind = frame["campaign_type"].to_numpy()
        base = self._average.logits(kind)
        logit = self._regressed.logits(_raw(frame), kind)
        yes = _expit(base + self.slope_ * (logit - base) + self.shift_)
        return np.column_stack([1 - yes, yes])

    def predict(self, X: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether redeeming is more likely than not; few campaigns have anybody so likely."""
        return np.asarray(self.predict_proba(X)[:, 1] > 0.5)

    def predict_type_average(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """The baseline: everybody has the plain past rate of the campaign's type, without pulling."""
        check_is_fitted(self, "campaign_count_")
        plain = self._average.plain
        return np.array([plain.get(kind, self.overall_rate_) for kind in X["campaign_type"]], dtype=float)

    def _averages(self, campaign: NDArray[Any], kind: NDArray[Any], outcome: NDArray[Any]) -> _Averages:
        return _Averages(campaign, kind, outcome, self.shrinkage)

    def _regression(
        self, raw: NDArray[np.float64], kind: NDArray[Any], outcome: NDArray[np.float64]
    ) -> _Regressed:
        made = LogisticRegression(
            C=self.C, solver="newton-cholesky", max_iter=200, random_state=self.random_state
        )
        return _Regressed(made, raw, kind, outcome)


class _Regressed:
    """A fitted regression with the scale of its columns; a constant where nobody, or everybody, redeemed."""

    def __init__(
        self,
        regression: LogisticRegression,
        raw: NDArray[np.float64],
        kind: NDArray[Any],
        outcome: NDArray[np.float64],
    ) -> None:
        self.types = sorted(set(kind))
        self.middle, spread = raw.mean(axis=0), raw.std(axis=0)
        # a column that does not vary here may have a spread of 1e-16 by rounding, and says nothing
        varies = spread > 1e-9 * np.maximum(1.0, np.abs(self.middle))
        self.spread = np.where(varies, spread, np.inf)
        self.constant = _logit((outcome.sum() + 0.5) / (len(outcome) + 1))
        self.regression: LogisticRegression | None = None
        if outcome.min() < outcome.max():
            self.regression = regression.fit(self._matrix(raw, kind), outcome)

    def logits(self, raw: NDArray[np.float64], kind: NDArray[Any]) -> NDArray[np.float64]:
        if self.regression is None:
            return np.full(len(raw), self.constant)
        return np.asarray(self.regression.decision_function(self._matrix(raw, kind)))

    def _matrix(self, raw: NDArray[np.float64], kind: NDArray[Any]) -> NDArray[np.float64]:
        columns = [(kind == t).astype(float) for t in self.types]
        return np.column_stack([(raw - self.middle) / self.spread, *columns])


class _Averages:
    """Rates of campaign types, pulled to the rate of all by their number of campaigns."""

    def __init__(
        self, campaign: NDArray[Any], kind: NDArray[Any], outcome: NDArray[Any], shrinkage: float
    ) -> None:
        # half a redeemer among one person more: a rate is never exactly 0 or 1
        self.overall = float((outcome.sum() + 0.5) / (len(outcome) + 1))
        self.plain: dict[str, float] = {}
        self.rates: dict[str, float] = {}
        for t in sorted(set(kind)):
            of = kind == t
            self.plain[t] = float((outcome[of].sum() + 0.5) / (of.sum() + 1))
            count = len(set(campaign[of]))
            weight = count / (count + shrinkage)
            self.rates[t] = weight * self.plain[t] + (1 - weight) * self.overall

    def logits(self, kind: NDArray[Any]) -> NDArray[np.float64]:
        return _logit(np.array([self.rates.get(t, self.overall) for t in kind], dtype=float))


def _checked(X: pd.DataFrame) -> pd.DataFrame:
    for name in ("campaign_id", "campaign_type", *(f.name for f in FEATURES)):
        if name not in X:
            near = did_you_mean(name, [str(c) for c in X])
            raise ContractBroken(f"The model needs the column '{name}'.{near} See campaign_features().")
    return X


def _raw(frame: pd.DataFrame) -> NDArray[np.float64]:
    values = frame[[f.name for f in FEATURES]].to_numpy(dtype=float)
    logged = np.array([f.is_log for f in FEATURES])
    return np.where(logged, np.log1p(np.maximum(values, 0)), values)


def _logit(p: Any) -> Any:
    return np.log(p) - np.log1p(-p)


def _expit(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -_LIMIT, _LIMIT))))


def _slope(x: NDArray[np.float64], offset: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The slope of a logistic regression with a free level and a given offset, by Newton's method."""
    level, slope = 0.0, 1.0
    for _ in range(30):
        p = _expit(offset + level + slope * x)
        w, rest = p * (1 - p), y - p
        curve = np.array([[w.sum(), (w * x).sum()], [(w * x).sum(), (w * x * x).sum()]]) + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, [rest.sum(), (rest * x).sum()])
        level, slope = level + float(np.clip(step[0], -1, 1)), slope + float(np.clip(step[1], -1, 1))
        if np.abs(step).max() < 1e-8:
            break
    return slope


def _shift(logits: NDArray[np.float64], total: float) -> float:
    """The shift with which the probabilities add up to the total, by bisection; none where nobody redeemed."""
    if not 0 < total < len(logits):
        return 0.0
    low, high = -_LIMIT, _LIMIT
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _expit(logits + middle).sum() < total else (low, middle)
    return (low + high) / 2
