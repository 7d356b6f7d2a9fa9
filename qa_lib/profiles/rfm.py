"""RFM by a policy: scores against thresholds, the mean or quantiles, and the cube of eight they make."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field as Bounded
from pydantic import model_validator

from qa_lib.errors import NothingBuilt
from qa_lib.profiles.moment import Moment
from qa_lib.rules.spec import Spec

#: The eight cells: recency, frequency, amount, each high or low; high recency is recent.
CUBE: dict[str, str] = {
    "HHH": "重要价值 champions",
    "LHH": "重要保持 to be kept",
    "HLH": "重要发展 to be developed",
    "LLH": "重要挽留 to be won back",
    "HHL": "一般价值 regulars",
    "LHL": "一般保持 regulars to be kept",
    "HLL": "一般发展 newcomers",
    "LLL": "一般挽留 nearly lost",
}
_MEASURES = ("recency_days", "frequency", "monetary_amount")

_SQL = """
SELECT person_no,
       (epoch_us($as_of) - epoch_us(max(occurred_at))) // 86400000000 AS recency_days,
       count(*) AS frequency,
       CAST(sum(paid_amount) AS DOUBLE) AS monetary_amount
FROM event_visit
WHERE occurred_at >= $as_of - to_days($days) AND occurred_at < $as_of
GROUP BY person_no
ORDER BY person_no
"""


class RfmPolicy(Spec):
    """How the three quantities are scored.

    Parameters
    ----------
    method
        `threshold`: a score counts how many of the given bounds are reached. `mean`: 2 when better than the
        mean, else 1. `quantile`: equal parts by rank from 1 (worst) to `parts`, equal values alike.
    recency_days, frequency, monetary_amount
        The bounds of `threshold`, from the worst on: days fall, the others rise.
    high
        The score from which a measure is high; above the middle of the scores when not given.
    """

    method: Literal["threshold", "mean", "quantile"] = "quantile"
    window_days: int = Bounded(default=365, ge=1, le=36_500)
    parts: int = Bounded(default=5, ge=2, le=100)
    recency_days: tuple[float, ...] = ()
    frequency: tuple[float, ...] = ()
    monetary_amount: tuple[float, ...] = ()
    high: int | None = None

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        bounds = self.recency_days, self.frequency, self.monetary_amount
        if self.method != "threshold":
            if any(bounds):
                raise ValueError(f"bounds belong to method 'threshold', not {self.method!r}")
            return self
        if not all(bounds) or len({len(b) for b in bounds}) > 1:
            raise ValueError("method 'threshold' takes as many bounds of each of the three quantities")
        falling, rising = list(self.recency_days), [list(b) for b in bounds[1:]]
        if falling != sorted(set(falling), reverse=True) or any(b != sorted(set(b)) for b in rising):
            raise ValueError(
                "bounds go from the worst on: recency_days fall, frequency and monetary_amount rise"
            )
        return self

    @property
    def highest(self) -> int:
        """The best score."""
        return {"threshold": len(self.recency_days) + 1, "mean": 2, "quantile": self.parts}[self.method]

    @property
    def high_from(self) -> int:
        return self.highest // 2 + 1 if self.high is None else self.high


def rfm(snapshot: Moment, policy: RfmPolicy | None = None) -> pd.DataFrame:
    """Scores and cell of everybody who ordered within the policy's window.

    Returns
    -------
    pandas.DataFrame
        `person_no`, `recency_days`, `frequency`, `monetary_amount`, their `_score`s and `cell` (HHH … LLL)
        and `segment` (the cell in words).

    Raises
    ------
    NothingBuilt
        When nobody ordered in the window.
    """
    policy = policy or RfmPolicy()
    found = snapshot.frame(_SQL, {"as_of": snapshot.as_of, "days": policy.window_days})
    if found.empty:
        raise NothingBuilt(
            f"Nobody ordered in the {policy.window_days} days before {snapshot.as_of.isoformat()}: there is "
            "nothing to score. Choose a longer window."
        )
    return scored(found, policy)


def scored(values: pd.DataFrame, policy: RfmPolicy) -> pd.DataFrame:
    """The same rows with scores, cell and segment; a function of three numbers a person."""
    found = values.copy()
    letters = []
    for name in _MEASURES:
        numbers = found[name].to_numpy(dtype=np.float64)
        score = _score(-numbers if name == "recency_days" else numbers, name, policy)
        found[f"{name.removesuffix('_days').removesuffix('_amount')}_score"] = score
        letters.append(np.where(score >= policy.high_from, "H", "L"))
    cells = pd.Series([*map("".join, zip(*letters, strict=True))], index=found.index, dtype=object)
    found["cell"], found["segment"] = cells, cells.map(CUBE)
    return found


def _score(better: npt.NDArray[np.float64], name: str, policy: RfmPolicy) -> npt.NDArray[np.int64]:
    """From 1; the larger the number the better."""
    match policy.method:
        case "mean":
            return 1 + (better > better.mean()).astype(np.int64)
        case "threshold":
            bounds = np.array(getattr(policy, name), dtype=np.float64)
            ordered = -bounds if name == "recency_days" else bounds
            return 1 + np.searchsorted(ordered, better, side="right").astype(np.int64)
        case _:
            rank = pd.Series(better).rank(method="min").to_numpy() - 1
            return np.asarray(1 + (policy.parts * rank) // len(better), dtype=np.int64)
