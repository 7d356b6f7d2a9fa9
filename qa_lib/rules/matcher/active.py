"""An active rule with its weight and group, and who wins where several match."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from qa_lib.rules.model import Node
from qa_lib.rules.spec import Spec


class ActiveRule(Spec):
    """A rule that is matched in real time.

    Parameters
    ----------
    weight
        Orders rules that match together, the highest first; it never changes who matches.
    group
        Rules of one group compete: an exclusive group has one winner, an inclusive one keeps all in order.
    tie_key
        Orders equal weights, the smallest text first; equal keys are ordered by name.
    """

    _positional: ClassVar[tuple[str, ...]] = ("name", "rule")
    name: str = Field(min_length=1, max_length=200)
    rule: Node
    weight: float = 0.0
    group: str | None = Field(default=None, min_length=1, max_length=200)
    tie_key: str = Field(default="", max_length=200)


def by_priority(rules: Iterable[ActiveRule]) -> list[ActiveRule]:
    """The rules in the order in which they win: weight, declared key, name."""
    return sorted(rules, key=lambda rule: (-rule.weight, rule.tie_key, rule.name))


def winners(
    matched: Sequence[int], groups: Sequence[str | None], names: Sequence[str], inclusive: Collection[str]
) -> Mapping[str, tuple[str, ...]]:
    """For each group the names that win, best first.

    Parameters
    ----------
    matched
        Numbers of the matched rules in order of priority.
    """
    found: dict[str, list[str]] = {}
    for number in matched:
        group = groups[number]
        if group is not None and (group in inclusive or group not in found):
            found.setdefault(group, []).append(names[number])
    return {group: tuple(won) for group, won in found.items()}
