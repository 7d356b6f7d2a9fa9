"""Audiences evaluated the slow way: a Python set of person numbers, and every negation against the universe."""

from __future__ import annotations

from qa_lib.audiences import engine_of
from qa_lib.rules import All, Any, Rule, to_numbers
from qa_lib.workspace import Snapshot


def naive(snapshot: Snapshot, rule: Rule, universe: set[int] | None = None) -> set[int]:
    """Who a rule without saved audiences selects among the universe, node by node."""
    universe = set(range(snapshot.people_count)) if universe is None else universe
    if isinstance(rule, All | Any):
        found = set(universe) if isinstance(rule, All) or not rule.of else set()
        for child in rule.of:
            part = naive(snapshot, child, universe)
            found = found & part if isinstance(rule, All) else found | part
        return universe - found if rule.negated else found
    return set(to_numbers(engine_of(snapshot).evaluate(rule).members[()]).tolist()) & universe
