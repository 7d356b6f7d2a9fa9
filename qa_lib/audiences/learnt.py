"""A rule learnt from labelled people: a small decision tree over the profile, written as All and Any."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any as AnyValue

import numpy as np
import numpy.typing as npt
import pandas as pd

from qa_lib.audiences.audience import Audience
from qa_lib.audiences.columns import Column, columns_of
from qa_lib.audiences.evaluate import engine_of, evaluate
from qa_lib.audiences.tree_rule import tree_decisions, tree_rule
from qa_lib.errors import DataError, SpecError, UnknownName
from qa_lib.intervals import wilson_interval
from qa_lib.rules import Rule, sentence, to_numbers
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeClassifier

#: A field that alone orders the labelled people before the others this well most likely *is* the label.
LEAK_AUC = 0.99
#: People on either side of the label, below which there is nothing to learn or to hold out.
MIN_LABELLED = 20
HELD_OUT_RATE = 0.3
MAX_LEARNT_DEPTH = 8
#: Coverage of the intervals.
LEARNT_LEVEL = 0.95
Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Share:
    """A share among held-out people with its Wilson interval; all NaN where nobody could have it."""

    rate: float
    low: float
    high: float
    count: int
    of_count: int

    @classmethod
    def of(cls, count: int, of_count: int) -> Share:
        low, high = wilson_interval(count, of_count, level=LEARNT_LEVEL)
        rate = count / of_count if of_count else float("nan")
        return cls(rate, float(low), float(high), count, of_count)


@dataclass(frozen=True)
class LearntRule:
    """A proposal with its evidence.

    `precision` (labelled among the selected), `recall` (selected among the labelled) and `coverage`
    (selected among all) are of held-out people, as is `base_rate` (labelled among all). `leaks` has `field`
    and `auc`, strongest first. `decisions` is the tree's answer for everybody, shape (n_people,).
    """

    rule: Rule
    sentence: Label
    precision: Share
    recall: Share
    coverage: Share
    base_rate: Share
    trained_count: int
    leaks: pd.DataFrame
    decisions: Booleans
    tree: DecisionTreeClassifier
    stamp: dict[str, AnyValue]


def learn_rule(
    snapshot: Snapshot,
    labelled: Audience | Rule | Iterable[str],
    *,
    max_depth: int = 3,
    random_state: int = 0,
    fields: Sequence[str] | None = None,
) -> LearntRule:
    """A readable rule that tells the labelled people from everybody else.

    Parameters
    ----------
    labelled
        Person ids, or an audience or rule whose members they are.
    max_depth
        Conditions from the root of the tree to a leaf, 1 to 8.
    random_state
        Seeds which people are held out and how the tree breaks ties.
    fields
        Tags and attributes to learn from; all of the snapshot when None.

    Returns
    -------
    LearntRule
        The rule selects exactly the people whom the tree chooses. Labelled and other people weigh the same in
        training, so a leaf is chosen where the label is more frequent than in the base.

    Warns
    -----
    UserWarning
        For a field that alone gives the label away (AUC above 0.99 on the people trained on).

    Raises
    ------
    UnknownName
        For a person or a field that is not there.
    SpecError
        When nobody or everybody is labelled, or too few people on either side, or `max_depth` is out of range.
    DataError
        When no field tells the labelled people apart.

    Notes
    -----
    Only what the snapshot says at its moment is seen: label what happened *after* it to learn a prediction.

    References
    ----------
    Breiman, Friedman, Olshen, Stone (1984), "Classification and Regression Trees".
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    from sklearn.model_selection import train_test_split
    from sklearn.tree import DecisionTreeClassifier

    if not 1 <= max_depth <= MAX_LEARNT_DEPTH:
        raise SpecError(f"A rule is learnt to a depth of 1 to {MAX_LEARNT_DEPTH}, not {max_depth!r}.")
    known = engine_of(snapshot).catalogue
    label = _label(snapshot, labelled)
    columns = columns_of(snapshot, [known.field(n) for n in fields] if fields else list(known.fields))
    if not columns:
        raise DataError("None of the fields has two different values in this snapshot; choose others.")
    train, held_out = train_test_split(
        np.arange(len(label)), test_size=HELD_OUT_RATE, random_state=random_state, stratify=label
    )
    inputs = np.column_stack([c.values for c in columns])
    tree = DecisionTreeClassifier(
        max_depth=max_depth,
        min_samples_leaf=max(5, len(train) // 200),
        class_weight="balanced",
        random_state=random_state,
    ).fit(inputs[train], label[train])
    rule = tree_rule(tree, columns)
    if rule is None:
        raise DataError(
            "No field of the profile tells the labelled people apart. Give other fields, more people, or a "
            "larger max_depth."
        )
    leaks = _leaks(columns, label, train)
    for field, auc in leaks.itertuples(index=False):
        warnings.warn(
            f"The field {field!r} alone gives the label away (AUC {auc:.3f}). If it is recorded with or after "
            f"what you label, learn without it: pass `fields` without {field!r}.",
            UserWarning,
            stacklevel=2,
        )
    decisions = tree_decisions(tree, inputs)
    chosen, true = decisions[held_out], label[held_out]
    hits = int((chosen & true).sum())
    return LearntRule(
        rule=rule,
        sentence=sentence(rule, known),
        precision=Share.of(hits, int(chosen.sum())),
        recall=Share.of(hits, int(true.sum())),
        coverage=Share.of(int(chosen.sum()), len(chosen)),
        base_rate=Share.of(int(true.sum()), len(true)),
        trained_count=len(train),
        leaks=leaks,
        decisions=decisions,
        tree=tree,
        stamp={"rule_hash": rule.hash, "random_state": random_state, **snapshot.stamp()},
    )


def _label(snapshot: Snapshot, labelled: Audience | Rule | Iterable[str]) -> Booleans:
    """Who is labelled, by person number."""
    label = np.zeros(snapshot.people_count, dtype=bool)
    if isinstance(labelled, Audience | Rule):
        label[to_numbers(evaluate(snapshot, labelled).members[()])] = True
    else:
        ids = {str(one) for one in labelled}
        people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
        if unknown := sorted(ids - set(people)):
            shown = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3:,} more" if len(unknown) > 3 else "")
            raise UnknownName(f"Nobody has the id {shown} as of {snapshot.as_of.isoformat()}.")
        label[:] = people.isin(ids).to_numpy()
    count, all_people = int(label.sum()), len(label)
    if count in (0, all_people):
        who = "Nobody" if count == 0 else "Everybody"
        raise SpecError(f"{who} of {all_people:,} people is labelled: there is nothing to tell apart.")
    if min(count, all_people - count) < MIN_LABELLED:
        raise SpecError(
            f"{count:,} of {all_people:,} people are labelled; at least {MIN_LABELLED} on either side are "
            "needed, some to learn from and some held out."
        )
    return label


def _leaks(columns: list[Column], label: Booleans, train: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Fields that alone order the labelled people before the others, or after them."""
    own_label = label[train]
    strongest: dict[str, float] = {}
    by_field: dict[str, list[Column]] = {}
    for column in columns:
        by_field.setdefault(column.field.name, []).append(column)
    for name, own in by_field.items():
        scores = []
        for column in own:
            values = column.values[train]
            scores.append(np.where(np.isnan(values), -1.0, values))  # ranks and yes-or-no are never below 0
            if np.isnan(values).any():
                scores.append(np.where(np.isnan(values), np.inf, values))
        if own[0].field.type == "text":  # how often each value is labelled: the best order of a text's values
            groups = np.column_stack([c.values[train] for c in own]) @ np.arange(1, len(own) + 1)
            scores.append(pd.Series(own_label).groupby(groups).transform("mean").to_numpy())
        for score in scores:
            auc = _auc(own_label, score)
            strongest[name] = max(strongest.get(name, 0.0), auc, 1 - auc)
    found = [(name, auc) for name, auc in strongest.items() if auc > LEAK_AUC]
    found.sort(key=lambda pair: (-pair[1], pair[0]))
    return pd.DataFrame(found, columns=["field", "auc"])


def _auc(label: Booleans, score: npt.NDArray[np.float64]) -> float:
    """How often a labelled person scores above another one, ties counting half (Mann and Whitney)."""
    _, which, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which]
    count = int(label.sum())
    above = ranks[label].sum() - count * (count + 1) / 2
    return float(above / (count * (len(label) - count)))
