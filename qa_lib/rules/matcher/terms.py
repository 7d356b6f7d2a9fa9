"""Rules as terms: predicates that must all hold, the rarest first.

A rule is a union of terms (its disjunctive normal form, negations at the predicates). A literal is a
number: the slot of a predicate, or with `size` added its negation. A rule that would need too many terms
keeps its shape as a graph of shared nodes, behind one term of what it always requires.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any as AnyValue

import numpy as np
import numpy.typing as npt

from qa_lib.rules.model import All, Any, Rule

#: A rule of more terms stays a graph.
MAX_TERMS = 16
#: Literals of a term that are looked at side by side; a rule with a longer term stays a graph.
WIDTH = 8

#: A literal, or a group of nodes of which all (True) or at least one (False) must hold.
Node = int | tuple[bool, frozenset[AnyValue]]


def negated(literal: int, size: int) -> int:
    """The opposite literal."""
    return literal - size if literal >= size else literal + size


def node_of(rule: Rule, slot: Callable[[AnyValue], int], size: int, *, negate: bool = False) -> Node:
    """The rule with its negations moved down to the predicates; equal parts are equal nodes."""
    if not isinstance(rule, All | Any):
        return negated(slot(rule), size) if negate else slot(rule)
    negate = negate != rule.negated
    if not rule.of:  # a group of nothing is everybody
        return size if negate else 0
    parts = [node_of(child, slot, size, negate=negate) for child in rule.of]
    is_all = isinstance(rule, All) != negate
    flat: set[AnyValue] = set()
    for part in parts:
        flat |= part[1] if isinstance(part, tuple) and part[0] == is_all else {part}
    return flat.pop() if len(flat) == 1 else (is_all, frozenset(flat))


def terms_of(node: Node, size: int) -> list[frozenset[int]] | None:
    """The terms of a node without those that contradict themselves; None where there are too many."""
    if isinstance(node, int):
        return [frozenset((node,))]
    is_all, parts = node
    found: list[frozenset[int]] = [frozenset()] if is_all else []
    for part in sorted(parts, key=_order):
        terms = terms_of(part, size)
        if terms is None:
            return None
        if is_all:
            found = [one | other for one in found for other in terms]
            found = [t for t in found if not any(negated(x, size) in t for x in t)]
        else:
            found = found + terms
        if len(found) > MAX_TERMS:
            return None
    return list(dict.fromkeys(found))


def _order(node: Node) -> tuple[int, str]:
    return (0, f"{node:09d}") if isinstance(node, int) else (1, repr(sorted(map(repr, node[1]))))


@dataclass(frozen=True)
class Terms:
    """The terms of all rules.

    Parameters
    ----------
    literals
        Shape (n_terms, WIDTH): the rarest first, then in order of share, filled with the literal 0.
    by_column
        The same by column, shape (WIDTH, n_terms).
    rule_of
        Shape (n_terms,): the rule of each term.
    lengths
        Shape (n_terms,): how many literals each has.
    first_of
        Shape (n_rules,): a term of each rule; 0 for those in `without`, the rules that have none.
    later
        The other terms, as pairs of different rules and a term of each.
    graphs
        Rules that a term only admits, by number, with their shape.
    """

    literals: npt.NDArray[np.intp]
    by_column: npt.NDArray[np.intp]
    rule_of: npt.NDArray[np.intp]
    lengths: npt.NDArray[np.intp]
    first_of: npt.NDArray[np.intp]
    without: npt.NDArray[np.intp]
    later: Sequence[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]
    graphs: Mapping[int, Node]

    @classmethod
    def of(cls, nodes: Sequence[Node], shares: npt.NDArray[np.float64], size: int) -> Terms:
        """The terms of these rules.

        Parameters
        ----------
        shares
            Shape (2 * size,): of how many people each literal is expected to hold.
        """
        rows: list[tuple[int, list[int]]] = []
        graphs: dict[int, Node] = {}
        for rule, node in enumerate(nodes):
            terms = terms_of(node, size)
            if terms is None or any(len(term) > WIDTH for term in terms):
                graphs[rule] = node
                required = node[1] if isinstance(node, tuple) and node[0] else frozenset((node,))
                terms = [frozenset(x for x in required if isinstance(x, int))]
            for term in terms:
                by_share = sorted(term - {0}, key=lambda x: (shares[x], x))
                rows.append((rule, by_share[:WIDTH]))
        rows.sort(key=lambda row: -len(row[1]))
        literals = np.zeros((len(rows), WIDTH), dtype=np.intp)
        for i, (_, row) in enumerate(rows):
            literals[i, : len(row)] = row
        rule_of = np.array([rule for rule, _ in rows], dtype=np.intp)
        by_rule = rule_of.argsort(kind="stable")
        counts = np.bincount(rule_of, minlength=len(nodes))
        starts = counts.cumsum() - counts
        first_of = np.zeros(len(nodes), dtype=np.intp)
        first_of[counts > 0] = by_rule[starts[counts > 0]]
        more = [
            (rules := (counts > rank).nonzero()[0], by_rule[starts[rules] + rank])
            for rank in range(1, int(counts.max(initial=0)))
        ]
        return cls(
            literals,
            np.ascontiguousarray(literals.T),
            rule_of,
            np.array([len(row) for _, row in rows], dtype=np.intp),
            first_of,
            (counts == 0).nonzero()[0],
            more,
            graphs,
        )


def holds_for(node: Node, literals: npt.NDArray[np.uint8], known: dict[Node, bool]) -> bool:
    """Whether a node holds for one person; shared parts are looked at once, and no further than needed."""
    if isinstance(node, int):
        return bool(literals[node])
    found = known.get(node)
    if found is None:
        is_all, parts = node
        found = is_all
        for part in parts:
            if holds_for(part, literals, known) != is_all:
                found = not is_all
                break
        known[node] = found
    return found
