"""Churn warning and high potential as calibrated models that learn from earlier moments only.

Three moments, a horizon apart: a model learns from what was known two horizons ago and what then happened;
one horizon ago it is examined on people's next horizon, which it has not seen; a model of the same kind that
learnt up to there scores the people of today.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from qa_lib.errors import DataError
from qa_lib.intervals import auc_interval
from qa_lib.profiles.moment import Moment

Target = Literal["churn", "high_potential"]

#: Who is asked about: people with an order in so many days before the moment.
ACTIVE_DAYS = 90
#: High potential: below this share of active people by spend in the horizon before, above it in the next one.
TOP_SHARE = 0.8
_FEWEST = 20

_FEATURES = """
SELECT person_no,
       ln(1 + (epoch_us($at) - epoch_us(max(occurred_at))) / 86400e6) AS recency,
       ln(1 + (epoch_us($at) - epoch_us(min(occurred_at))) / 86400e6) AS tenure,
       ln(1 + count(*) FILTER (occurred_at >= $at - to_days(30))) AS orders_30d,
       ln(1 + count(*) FILTER (occurred_at >= $at - to_days(90))) AS orders_90d,
       ln(1 + count(*) FILTER (occurred_at >= $at - to_days(180))) AS orders_180d,
       ln(1 + coalesce(CAST(sum(paid_amount) FILTER (occurred_at >= $at - to_days(30)) AS DOUBLE), 0)) AS spend_30d,
       ln(1 + coalesce(CAST(sum(paid_amount) FILTER (occurred_at >= $at - to_days(90)) AS DOUBLE), 0)) AS spend_90d,
       ln(1 + (epoch_us(max(occurred_at)) - epoch_us(min(occurred_at))) / 86400e6 / count(*)) AS usual_gap,
       coalesce(CAST(sum(discount_amount) AS DOUBLE)
           / nullif(CAST(sum(paid_amount + discount_amount) AS DOUBLE), 0), 0) AS discount_rate
FROM event_visit
WHERE occurred_at < $at
GROUP BY person_no
HAVING max(occurred_at) >= $at - to_days($active)
ORDER BY person_no
"""
_SPEND = """
SELECT person_no, CAST(sum(paid_amount) AS DOUBLE) AS spend
FROM event_visit
WHERE occurred_at >= $start AND occurred_at < $until
GROUP BY person_no
"""


@dataclass(frozen=True)
class PropensityReport:
    """How well people's next horizon was foretold one horizon before the snapshot.

    Parameters
    ----------
    people, base_rate
        Who was examined, and the share of whom it came true.
    auc, auc_low, auc_high, brier, calibration_error
        Area under the curve and its 90 % interval; mean squared error; mean distance of foretold and true shares over tenths.
    lift_top_tenth
        How many times as often it came true among the tenth with the highest probabilities.
    bins : pandas.DataFrame
        `predicted`, `observed`, `people_count` by tenth.
    """

    target: Target
    learnt_at: datetime
    examined_at: datetime
    people: int
    base_rate: float
    auc: float
    auc_low: float
    auc_high: float
    brier: float
    calibration_error: float
    lift_top_tenth: float
    bins: pd.DataFrame


@dataclass(frozen=True)
class Propensity:
    """Probabilities of today's people and the report of the examination.

    Parameters
    ----------
    scores : pandas.DataFrame
        `person_no`, `probability_rate`, for people with an order in the last `ACTIVE_DAYS` days.
    """

    scores: pd.DataFrame
    report: PropensityReport


def propensity(
    snapshot: Moment, target: Target, *, horizon_days: int = 60, random_state: int = 0
) -> Propensity:
    """The probability that an active person leaves, or becomes one of the best.

    `churn`: no order in the next horizon. `high_potential`: of those whose spend in the last horizon is below
    the `TOP_SHARE` quantile of active people, to lie above that same amount in the next one.

    Raises
    ------
    DataError
        When an earlier moment has too few people of either kind to learn from.
    """
    horizon = timedelta(days=horizon_days)
    now = snapshot.as_of
    examined_at, learnt_at = now - horizon, now - 2 * horizon
    past, past_truth = _taught(snapshot, target, learnt_at, horizon)
    seen, truth = _taught(snapshot, target, examined_at, horizon)
    foretold = _probability(_fitted(past, past_truth, random_state), seen)
    report = _report(target, learnt_at, examined_at, truth, foretold)
    people = _asked(snapshot, target, now, horizon)
    scored = _probability(_fitted(seen, truth, random_state), people)
    return Propensity(
        pd.DataFrame({"person_no": people.index.to_numpy(), "probability_rate": scored}), report
    )


def _asked(snapshot: Moment, target: Target, at: datetime, horizon: timedelta) -> pd.DataFrame:
    """The features of people at a moment, from what lies before it; indexed by person."""
    given = {"at": at, "active": ACTIVE_DAYS}
    found = snapshot.frame(_FEATURES, given).set_index("person_no")
    if target == "high_potential":
        found = found[
            _spend(snapshot, found.index, at - horizon, at) < _bound(snapshot, found.index, at, horizon)
        ]
    return found


def _bound(snapshot: Moment, people: pd.Index, at: datetime, horizon: timedelta) -> float:
    spent = _spend(snapshot, people, at - horizon, at)
    return float(np.quantile(spent, TOP_SHARE)) if len(spent) else 0.0


def _taught(
    snapshot: Moment, target: Target, at: datetime, horizon: timedelta
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    found = _asked(snapshot, target, at, horizon)
    after = _spend(snapshot, found.index, at, at + horizon)
    if target == "churn":
        truth = _ordered_none(snapshot, found.index, at, at + horizon)
    else:
        active = snapshot.frame(_FEATURES, {"at": at, "active": ACTIVE_DAYS})["person_no"]
        truth = after >= _bound(snapshot, pd.Index(active), at, horizon)
    least = int(min(truth.sum(), (~truth).sum()))
    if least < _FEWEST:
        raise DataError(
            f"{target}: as of {at.isoformat()} {int(truth.sum())} of {len(truth)} people are examples; at least "
            f"{_FEWEST} of either kind are needed. Choose another horizon, or land more history."
        )
    return found, truth


def _spend(snapshot: Moment, people: pd.Index, start: datetime, until: datetime) -> npt.NDArray[np.float64]:
    found = snapshot.frame(_SPEND, {"start": start, "until": until}).set_index("person_no")["spend"]
    return np.asarray(found.reindex(people).fillna(0.0), dtype=np.float64)


def _ordered_none(
    snapshot: Moment, people: pd.Index, start: datetime, until: datetime
) -> npt.NDArray[np.bool_]:
    found = snapshot.frame(_SPEND, {"start": start, "until": until})["person_no"]
    return np.asarray(~people.isin(found), dtype=bool)


def _fitted(
    features: pd.DataFrame, truth: npt.NDArray[np.bool_], random_state: int
) -> CalibratedClassifierCV:
    """A penalised logistic regression whose probabilities are calibrated on folds that it did not see."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    folds = StratifiedKFold(5, shuffle=True, random_state=random_state)
    with threadpool_limits(1):
        return CalibratedClassifierCV(model, method="sigmoid", cv=folds).fit(features.to_numpy(), truth)


def _probability(model: CalibratedClassifierCV, features: pd.DataFrame) -> npt.NDArray[np.float64]:
    if features.empty:
        return np.zeros(0)
    return np.asarray(model.predict_proba(features.to_numpy())[:, 1], dtype=np.float64)


def _report(
    target: Target,
    learnt_at: datetime,
    examined_at: datetime,
    truth: npt.NDArray[np.bool_],
    foretold: npt.NDArray[np.float64],
) -> PropensityReport:
    rank = pd.Series(foretold).rank(method="first").to_numpy() - 1
    tenth = (10 * rank) // len(rank)
    rows = pd.DataFrame({"tenth": tenth, "p": foretold, "y": truth})
    bins = rows.groupby("tenth").agg(
        predicted=("p", "mean"), observed=("y", "mean"), people_count=("y", "size")
    )
    weight = bins["people_count"] / len(rows)
    base = float(truth.mean())
    auc, auc_low, auc_high = auc_interval(truth, foretold)
    return PropensityReport(
        target=target,
        learnt_at=learnt_at,
        examined_at=examined_at,
        people=len(truth),
        base_rate=base,
        auc=auc,
        auc_low=auc_low,
        auc_high=auc_high,
        brier=float(brier_score_loss(truth, foretold)),
        calibration_error=float(((bins["predicted"] - bins["observed"]).abs() * weight).sum()),
        lift_top_tenth=float(bins["observed"].iloc[-1] / base),
        bins=bins.reset_index(drop=True),
    )
