"""Which conditions decide a rule's answer for one person, and which would turn it round.

A rule is a function of its conditions' truths. A *reason* is a smallest set of conditions that keeps the
answer as it is whatever the others say; a *change* is a smallest set that turns the answer when all of
it changes and nothing else does. Conditions count as independent of each other: two that no value can
make true together may stand in one set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from qa_lib.rules import All, Any, Path, Rule

#: A rule in which some condition stands twice is searched exactly up to this many different conditions.
EXACT_CONDITIONS = 20
#: How many sets are given, smallest first.
SETS_SHOWN = 5

_Set = frozenset[int]
_Table = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Deciding:
    """Sets of conditions, smallest first, each condition by the path at which it first stands.

    `reasons` keep the answer, `changes` turn it; none of them contains another. `is_exact` is false only
    for a rule of more than `EXACT_CONDITIONS` different conditions in which one stands twice: then every
    set given works, yet a smaller one may be missing.
    """

    reasons: tuple[tuple[Path, ...], ...]
    changes: tuple[tuple[Path, ...], ...]
    is_exact: bool


def deciding(rule: Rule, truths: Mapping[Path, bool], *, limit: int = SETS_SHOWN) -> Deciding:
    """The smallest sets of conditions that decide, and that would turn, a rule's answer.

    Parameters
    ----------
    truths
        The truth of every condition by its path; groups may be in it and are not read.
    limit
        How many sets of each kind are given.

    References
    ----------
    Shih, Choi and Darwiche (2018), "A symbolic approach to explaining Bayesian network classifiers",
    section 3: a reason here is their prime-implicant explanation.
    """
    rule_tree = _Tree(rule, truths)
    if rule_tree.is_read_once:
        reasons, changes, exact = rule_tree.sets("hold", limit), rule_tree.sets("turn", limit), True
    elif len(rule_tree.first_paths) <= EXACT_CONDITIONS:
        turns = rule_tree.turns()
        reasons, changes = _smallest(~_any_subset(turns)[::-1], limit), _smallest(turns, limit)
        exact = True
    else:
        reasons, changes = rule_tree.checked("hold", limit), rule_tree.checked("turn", limit)
        exact = False

    def paths(found: list[_Set]) -> tuple[tuple[Path, ...], ...]:
        return tuple(tuple(rule_tree.first_paths[i] for i in sorted(one)) for one in found)

    return Deciding(paths(reasons), paths(changes), exact)


class _Tree:
    """A rule over numbered conditions: equal conditions share a number, in the order they are read."""

    def __init__(self, rule: Rule, truths: Mapping[Path, bool]) -> None:
        self.rule = rule
        self.number: dict[Path, int] = {}
        self.first_paths: list[Path] = []
        known: dict[str, int] = {}
        for path, leaf in conditions(rule):
            if leaf.hash not in known:
                known[leaf.hash] = len(known)
                self.first_paths.append(path)
            self.number[path] = known[leaf.hash]
        self.is_read_once = len(known) == len(self.number)
        self.now = [bool(truths[path]) for path in self.first_paths]

    def value(self, node: Rule, path: Path, flipped: frozenset[int] = frozenset()) -> bool:
        """The truth of a node when some conditions are not as they are."""
        if not isinstance(node, All | Any):
            i = self.number[path]
            return self.now[i] != (i in flipped)
        return self._base(node, path, flipped) != node.negated

    def _base(self, node: All | Any, path: Path, flipped: frozenset[int] = frozenset()) -> bool:
        values = (self.value(child, (*path, i), flipped) for i, child in enumerate(node.of))
        return not node.of or (all(values) if isinstance(node, All) else any(values))

    # -- a condition stands once: from the sets of the children, exactly ------------------------

    def sets(self, what: Literal["hold", "turn"], limit: int) -> list[_Set]:
        """The smallest sets that hold, or turn, the whole rule."""
        return self._sets(self.rule, (), what, limit)

    def _sets(self, node: Rule, path: Path, what: Literal["hold", "turn"], limit: int) -> list[_Set]:
        if not isinstance(node, All | Any):
            return [frozenset({self.number[path]})]
        if not node.of:
            return [frozenset()] if what == "hold" else []
        base = self._base(node, path)
        children = [
            self._sets(child, (*path, i), what, limit)
            for i, child in enumerate(node.of)
            if self.value(child, (*path, i)) == base
        ]
        # all of "and" is true, or all of "or" false: every child holds it, and any one turns it
        unanimous = isinstance(node, All) == base
        if unanimous == (what == "hold"):
            found: list[_Set] = [frozenset()]
            for family in children:
                found = _first({one | other for one in found for other in family}, limit)
            return found
        return _first({one for family in children for one in family}, limit)

    # -- a condition stands twice --------------------------------------------------------------

    def turns(self) -> _Table:
        """For every set of conditions, as a bit mask, whether changing all of it turns the answer."""
        masks = np.arange(2 ** len(self.first_paths))
        columns = [((masks >> i) & 1).astype(bool) ^ now for i, now in enumerate(self.now)]

        def table(node: Rule, path: Path) -> _Table:
            if not isinstance(node, All | Any):
                return columns[self.number[path]]
            joined = np.ones(len(masks), dtype=bool)
            if node.of:
                join = np.logical_and if isinstance(node, All) else np.logical_or
                joined = join.reduce([table(child, (*path, i)) for i, child in enumerate(node.of)])
            return joined ^ node.negated

        found = table(self.rule, ())
        return found != found[0]

    def checked(self, what: Literal["hold", "turn"], limit: int) -> list[_Set]:
        """Sets as if no condition stood twice, kept where they do what they say."""
        candidates = self.sets(what, limit)
        now = self.value(self.rule, ())
        if what == "hold":
            return candidates  # each child is held by conditions as they are, however often they stand
        return [one for one in candidates if self.value(self.rule, (), one) != now]


def conditions(rule: Rule, path: Path = ()) -> Iterator[tuple[Path, Rule]]:
    """Every condition with its path, in the order it is read."""
    if isinstance(rule, All | Any):
        for i, child in enumerate(rule.of):
            yield from conditions(child, (*path, i))
    else:
        yield path, rule


def _first(found: set[_Set], limit: int) -> list[_Set]:
    """Without those that contain another; smallest first, then in the order of the rule."""
    kept: list[_Set] = []
    for one in sorted(found, key=lambda s: (len(s), sorted(s))):
        if not any(smaller <= one for smaller in kept):
            kept.append(one)
        if len(kept) == limit:
            break
    return kept


def _any_subset(table: _Table) -> _Table:
    """For every mask, whether the table is true for it or for any part of it."""
    found = table.copy()
    for i in range(len(table).bit_length() - 1):
        halves = found.reshape(-1, 2, 2**i)
        halves[:, 1] |= halves[:, 0]
    return found


def _smallest(table: _Table, limit: int) -> list[_Set]:
    """The masks for which the table is true and of which no part is; smallest first."""
    smaller = np.zeros(len(table), dtype=bool)
    closed = _any_subset(table)
    for i in range(len(table).bit_length() - 1):
        smaller.reshape(-1, 2, 2**i)[:, 1] |= closed.reshape(-1, 2, 2**i)[:, 0]
    masks = np.flatnonzero(table & ~smaller)
    sizes = np.bitwise_count(masks)
    masks = masks[np.argsort(sizes, kind="stable")]
    if len(masks) > limit:  # all of the last size that is shown, so that the order of the rule decides
        masks = masks[np.bitwise_count(masks) <= np.bitwise_count(masks[limit - 1])]
    sets = [frozenset(i for i in range(int(m).bit_length()) if m >> i & 1) for m in masks.tolist()]
    return sorted(sets, key=lambda s: (len(s), sorted(s)))[:limit]
