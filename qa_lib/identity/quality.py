"""How good a resolution is: precision, recall and F1 over pairs against a kept truth, and group sizes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pandas as pd

from qa_lib.errors import ContractBroken, DataError


@dataclass(frozen=True)
class PairQuality:
    """Pairs of identifiers that are one person, in the truth and as resolved.

    Attributes
    ----------
    right_count, wrong_count, missed_count
        Pairs in both; only resolved (false merges); only in the truth (missed).
    precision_rate, recall_rate, f1_rate
        right / (right + wrong), right / (right + missed), their harmonic mean; 1.0 of no pairs.
    """

    right_count: int
    wrong_count: int
    missed_count: int

    @property
    def precision_rate(self) -> float:
        return _share(self.right_count, self.wrong_count)

    @property
    def recall_rate(self) -> float:
        return _share(self.right_count, self.missed_count)

    @property
    def f1_rate(self) -> float:
        return _share(2 * self.right_count, self.wrong_count + self.missed_count)

    def frame(self) -> pd.DataFrame:
        """One row with all six figures."""
        rates = {n: getattr(self, n) for n in ("precision_rate", "recall_rate", "f1_rate")}
        return pd.DataFrame([{**dataclasses.asdict(self), **rates}])


def _share(right: int, other: int) -> float:
    return right / (right + other) if right + other else 1.0


def pair_quality(resolved: pd.DataFrame, truth: pd.DataFrame) -> PairQuality:
    """Compare pairs of identifiers, over the identifiers that the truth knows.

    Parameters
    ----------
    resolved
        `kind, value, person_id`, each identifier once, such as `Resolution.current`. One that is not in
        it is a person of its own: what was set aside costs recall, not precision.
    truth
        `kind, value, person_id`, each identifier once.

    Raises
    ------
    ContractBroken
        When a column is missing.
    DataError
        When an identifier stands twice in either.
    """
    for name, frame in (("resolved", resolved), ("truth", truth)):
        if missing := [c for c in ("kind", "value", "person_id") if c not in frame]:
            raise ContractBroken(
                f"The frame {name!r} has no column {missing[0]!r}; expected kind, value, person_id."
            )
        if (twice := frame[frame.duplicated(["kind", "value"])]).size:
            row = twice.iloc[0]
            raise DataError(
                f"The identifier ({row['kind']}, {row['value']}) stands twice in {name!r}; expected once. "
                "Take one moment of the table identities, such as Resolution.current."
            )
    columns = ["kind", "value", "person_id"]
    both = truth[columns].merge(resolved[columns], on=["kind", "value"], how="left", suffixes=("_true", ""))
    in_truth = _pairs(both.groupby("person_id_true").size())
    in_resolved = _pairs(both.groupby("person_id").size())
    right = _pairs(both.groupby(["person_id_true", "person_id"]).size())
    return PairQuality(right, in_resolved - right, in_truth - right)


def _pairs(sizes: pd.Series) -> int:
    return sum(int(n) * (int(n) - 1) // 2 for n in sizes)


def group_sizes(resolved: pd.DataFrame) -> pd.DataFrame:
    """How many people have how many identifiers.

    Returns
    -------
    pandas.DataFrame
        `identifier_count, people_count, people_rate`, by the first.
    """
    sizes = resolved.groupby("person_id").size().value_counts().sort_index()
    frame = pd.DataFrame(
        {"identifier_count": sizes.index.astype(int), "people_count": sizes.to_numpy(dtype=int)}
    )
    frame["people_rate"] = frame["people_count"] / max(int(frame["people_count"].sum()), 1)
    return frame
