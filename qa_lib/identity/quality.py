"""How good a resolution is against a kept truth: pairs, whole people, and what kind of error costs what."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from qa_lib.errors import ContractBroken, DataError

_COLUMNS = ["kind", "value", "person_id"]
Numbers = npt.NDArray[np.int64]


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


@dataclass(frozen=True)
class PeopleQuality(PairQuality):
    """Whole people, each the set of its identifiers: right where the very same set is in both.

    Attributes
    ----------
    right_count, wrong_count, missed_count
        Sets in both; only resolved; only in the truth.
    """


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
    true, found = _compared(resolved, truth)
    in_truth, in_resolved = _pairs(np.bincount(true)), _pairs(np.bincount(found))
    right = _pairs(np.unique(_both(true, found), return_counts=True)[1])
    return PairQuality(right, in_resolved - right, in_truth - right)


def people_quality(resolved: pd.DataFrame, truth: pd.DataFrame) -> PeopleQuality:
    """Compare whole people, over the identifiers that the truth knows; arguments as of `pair_quality`.

    Stricter than pairs, and it counts people alike: one identifier too many makes a person wrong. One that
    was set aside is a person of its own here as well.
    """
    true, found = _compared(resolved, truth)
    _, first, size = np.unique(_both(true, found), return_index=True, return_counts=True)
    of_true, of_found = np.bincount(true), np.bincount(found)
    right = int(((of_true[true[first]] == size) & (of_found[found[first]] == size)).sum())
    return PeopleQuality(right, len(of_found) - right, len(of_true) - right)


def quality_by_error(resolved: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """How often an identifier is with its person, by what went wrong with it.

    An identifier is with its person where most of those it was resolved with, itself left out, are of the
    person it truly belongs to; one that stands alone while the person has others is not.

    Parameters
    ----------
    truth
        As of `pair_quality`, with `error`: empty where nothing went wrong.

    Returns
    -------
    pandas.DataFrame
        `error, kind, identifier_count, right_count, right_rate`, the most frequent first.
    """
    true, found = _compared(resolved, truth)
    _, row, both = np.unique(_both(true, found), return_inverse=True, return_counts=True)
    with_own, all_with = both[row] - 1, np.bincount(found)[found] - 1
    is_right = np.where(np.bincount(true)[true] == 1, all_with == 0, 2 * with_own > all_with)
    counted = pd.DataFrame({"error": truth["error"], "kind": truth["kind"]}).reset_index(drop=True)
    grouped = counted.assign(is_right=is_right).groupby(["error", "kind"], observed=True)["is_right"]
    frame = grouped.agg(identifier_count="size", right_count="sum").reset_index()
    frame["right_rate"] = frame["right_count"] / frame["identifier_count"]
    return frame.sort_values(["identifier_count", "error", "kind"], ascending=False, ignore_index=True)


def _compared(resolved: pd.DataFrame, truth: pd.DataFrame) -> tuple[Numbers, Numbers]:
    """For each identifier of the truth, who it is and who it was resolved to, as numbers from 0."""
    for name, frame in (("resolved", resolved), ("truth", truth)):
        if missing := [c for c in _COLUMNS if c not in frame]:
            raise ContractBroken(
                f"The frame {name!r} has no column {missing[0]!r}; expected kind, value, person_id."
            )
        twice = frame.duplicated(["kind", "value"])
        if twice.any():
            row = frame[twice].iloc[0]
            raise DataError(
                f"The identifier ({row['kind']}, {row['value']}) stands twice in {name!r}; expected once. "
                "Take one moment of the table identities, such as Resolution.current."
            )
    both = truth[_COLUMNS].merge(resolved[_COLUMNS], on=["kind", "value"], how="left", suffixes=("_true", ""))
    true, found = (pd.factorize(both[c])[0].astype(np.int64) for c in ("person_id_true", "person_id"))
    alone = found < 0
    found[alone] = (found.max() if len(found) else -1) + 1 + np.arange(int(alone.sum()))
    return true, found


def _both(true: Numbers, found: Numbers) -> Numbers:
    return true * (int(found.max()) + 1 if len(found) else 1) + found


def _pairs(sizes: Numbers) -> int:
    counts = sizes.astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


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
