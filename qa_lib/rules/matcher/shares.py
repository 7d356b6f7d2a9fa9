"""Of how many people each condition holds, counted by the batch engine: what makes a predicate rare."""

from __future__ import annotations

from collections.abc import Iterable

from qa_lib.rules.engine import Engine
from qa_lib.rules.matcher.active import ActiveRule
from qa_lib.rules.model import All, Any, walk


def measured_shares(engine: Engine, rules: Iterable[ActiveRule]) -> dict[str, float]:
    """The share of people, between 0 and 1, of every condition of some rules, by the condition's hash."""
    found: dict[str, float] = {}
    for active in rules:
        for _, node in walk(active.rule):
            if not isinstance(node, All | Any) and node.hash not in found:
                found[node.hash] = engine.evaluate(node).share
    return found
