"""A fitted decision tree as a rule that gives the same answer for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qa_lib.audiences.columns import Column, Condition
from qa_lib.rules import All, Any, Rule

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeClassifier


def tree_decisions(tree: DecisionTreeClassifier, inputs: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Who ends in a leaf where most of the weight is labelled; shape (n_people,)."""
    share = tree.tree_.value[:, 0, :]
    chosen: npt.NDArray[np.bool_] = (share[:, 1] > share[:, 0])[tree.apply(inputs)]
    return chosen


def tree_rule(tree: DecisionTreeClassifier, columns: list[Column]) -> Rule | None:
    """The rule of the leaves where most of the weight is labelled; None where no leaf or every leaf is such.

    The two sides of a split are complements of each other, people without a value included, so a side that
    is wholly chosen needs no repetition of the other side's condition.
    """
    grown = tree.tree_

    def walk(node: int) -> Rule | bool:
        left, right = grown.children_left[node], grown.children_right[node]
        if left == right:
            none, some = grown.value[node, 0]
            return bool(some > none)
        column = columns[grown.feature[node]]
        threshold, to_left = float(grown.threshold[node]), bool(grown.missing_go_to_left[node])
        below, above = walk(left), walk(right)
        if isinstance(below, bool) and below is above:
            return below
        low = column.condition(threshold, above=False, missing=to_left and _has_missing(column))
        high = column.condition(threshold, above=True, missing=not to_left and _has_missing(column))
        return _either(_side(low, below), _side(high, above))

    rule = walk(0)
    return None if isinstance(rule, bool) else tidy(rule)


def _has_missing(column: Column) -> bool:
    return bool(np.isnan(column.values).any())


def _side(condition: Condition, inside: Rule | bool) -> tuple[Condition, Rule | bool]:
    return condition, inside


def _either(low: tuple[Condition, Rule | bool], high: tuple[Condition, Rule | bool]) -> Rule:
    """(low and its rest) or (high and its rest), where low and high are complements."""
    for (condition, inside), (other, rest) in ((low, high), (high, low)):
        if inside is True:
            return condition if isinstance(rest, bool) else Any(of=(condition, rest))
        if inside is False:
            return other if isinstance(rest, bool) else All(of=(other, rest))
    parts = [All(of=(c, inside)) for c, inside in (low, high) if not isinstance(inside, bool)]
    return Any(of=tuple(parts))


def tidy(rule: Rule) -> Rule:
    """The same people with fewer words: groups of one kind flattened, weaker thresholds of a field dropped."""
    if not isinstance(rule, All | Any):
        return rule
    children: list[Rule] = []
    for child in map(tidy, rule.of):
        flat = type(child) is type(rule) and isinstance(child, All | Any) and not child.negated
        children += child.of if flat and isinstance(child, All | Any) else [child]
    kept: list[Rule] = []
    for child in children:
        twin = next((i for i, one in enumerate(kept) if _same_question(one, child)), None)
        if twin is None:
            kept.append(child)
        else:
            kept[twin] = _together(kept[twin], child, every=isinstance(rule, All))
    return kept[0] if len(kept) == 1 and not rule.negated else rule.model_copy(update={"of": tuple(kept)})


_ORDERED = (">", "<=", "before", "on or after")


def _same_question(one: Rule, other: Rule) -> bool:
    """Whether both bound the same field on the same side, with the same answer for a missing value."""
    if not isinstance(one, Condition) or not isinstance(other, Condition):
        return False
    alike = (one.field, one.operator, one.missing) == (other.field, other.operator, other.missing)
    return alike and one.operator in _ORDERED


def _together(one: Rule, other: Rule, *, every: bool) -> Rule:
    """The tighter bound where every one must hold, else the wider."""
    assert isinstance(one, Condition)
    assert isinstance(other, Condition)
    largest = (one.operator in (">", "on or after")) == every
    pick = max if largest else min
    return pick((one, other), key=lambda leaf: leaf.value)  # type: ignore[arg-type,return-value]
