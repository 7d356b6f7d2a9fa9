"""Seeded rules over the synthetic company: conditions from a pool, each with its SQL over native tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from twelve_rules import CITIES, did, in_events, never, total

from qa_lib.rules import All, Any, Attribute, Rule, Tag
from qa_lib.sources.synthetic_words import TAGS


@dataclass(frozen=True)
class Written:
    """A rule, and the same as SQL over `person`."""

    rule: Rule
    sql: str

    @property
    def query(self) -> str:
        return f"SELECT count(*) FROM person WHERE {self.sql}"


#: Every ninth tag: enough to differ, few enough for a native table.
POOL_TAGS = tuple(name for name, _ in TAGS[::9])


def condition(rng: np.random.Generator, *, events: bool) -> Written:
    """One condition: mostly tags, some attributes and, where asked for, every fourth an event."""
    kind = rng.integers(0, 8 if events else 6)
    if kind < 4:
        name = POOL_TAGS[rng.integers(len(POOL_TAGS))]
        return Written(Tag(name, "=", True), f'"{name}"')
    if kind == 4:
        age = int(rng.integers(20, 70))
        return Written(Attribute("age", ">", age), f"age > {age}")
    if kind == 5:
        city = CITIES[rng.integers(len(CITIES))]
        return Written(Attribute("city", "=", city), f"city = '{city}'")
    days = int(rng.integers(3, 60))
    match int(rng.integers(0, 4)):
        case 0:
            return Written(did("browse", days, at_least=2), in_events("browse", days, having="count(*) >= 2"))
        case 1:
            return Written(never("purchase", days), f"NOT {in_events('purchase', days)}")
        case 2:
            more = int(rng.integers(100, 1000))
            return Written(
                total(days, more), in_events("purchase", days, having=f"sum(paid_amount) > {more}")
            )
        case _:
            return Written(did("cart", days), in_events("cart", days))


def grouped(parts: list[Written], *, any_of: bool, negated: bool = False) -> Written:
    group = Any if any_of else All
    sql = (" OR " if any_of else " AND ").join(p.sql for p in parts)
    return Written(group(*(p.rule for p in parts), negated=negated), f"{'NOT ' if negated else ''}({sql})")


def twenty(conditions: list[Written]) -> Written:
    """Twenty conditions in five groups of four, every second group negated."""
    groups = [grouped(conditions[i : i + 4], any_of=i % 8 == 0, negated=i % 8 == 4) for i in range(0, 20, 4)]
    return grouped(groups, any_of=False)


def audience(rng: np.random.Generator, pool: list[Written]) -> Written:
    """Two to eight conditions of the pool, nested once."""
    chosen = [pool[i] for i in rng.choice(len(pool), int(rng.integers(2, 9)), replace=False)]
    if len(chosen) < 4:
        return grouped(chosen, any_of=False)
    half = len(chosen) // 2
    return grouped(
        [
            grouped(chosen[:half], any_of=True),
            grouped(chosen[half:], any_of=True, negated=bool(rng.integers(2))),
        ],
        any_of=False,
    )
