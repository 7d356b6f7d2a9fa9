"""Made-up people and realistic rules at full width: 30 attributes, 900 boolean and 100 low-cardinality tags."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

from qa_lib.rules import (
    All,
    Any,
    Attribute,
    Catalogue,
    Event,
    EventType,
    Field,
    Last,
    Not,
    Rule,
    Sum,
    Tag,
)
from qa_lib.rules.matcher import ActiveRule, Person
from qa_lib.rules.matcher.moments import Span
from qa_lib.rules.matcher.person import microseconds
from qa_lib.tables import Label

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
KINDS = ("browse", "cart", "purchase", "click", "redeem", "login", "expose")
ITEMS = [f"item-{n:04d}" for n in range(2_000)]
POPULAR = ITEMS[:60]
LEVELS = ("none", "low", "middle", "high", "top")
_ITEM_WEIGHTS = [1 / (n + 1) for n in range(len(ITEMS))]
_DENSITY = random.Random(1)
#: Of how many people each boolean tag holds: 0.1 to 40 %, log-uniform.
DENSE = [0.001 * 400 ** _DENSITY.random() for _ in range(900)]


def make_catalogue() -> Catalogue:
    """The fields and events."""
    one = Label("一个字段", "a field")
    fields = [Field(f"number_{n}", "attribute", "number", one) for n in range(20)]
    fields += [Field(f"text_{n}", "attribute", "text", one) for n in range(10)]
    fields += [Field(f"is_{n}", "tag", "boolean", one) for n in range(900)]
    fields += [Field(f"level_{n}", "tag", "text", one) for n in range(100)]
    properties = (
        Field("item_id", "attribute", "text", one),
        Field("paid_amount", "attribute", "number", one),
    )
    return Catalogue(tuple(fields), tuple(EventType(k, one, one, properties) for k in KINDS))


def make_people(count: int, *, seed: int) -> list[Person]:
    """People with all 1,030 fields and a log-normal number of events in a year."""
    draw = random.Random(seed)
    return [_person(draw, number) for number in range(count)]


def _person(draw: random.Random, number: int) -> Person:
    fields: dict[str, AnyValue] = {f"number_{n}": round(draw.lognormvariate(4, 1), 2) for n in range(20)}
    fields |= {f"text_{n}": f"v{min(9, int(draw.expovariate(0.4)))}" for n in range(10)}
    fields |= {f"is_{n}": draw.random() < DENSE[n] for n in range(900)}
    fields |= {f"level_{n}": draw.choice(LEVELS) for n in range(100)}
    events: dict[str, list[tuple[datetime, dict[str, AnyValue]]]] = {}
    for _ in range(min(200, int(draw.lognormvariate(2, 1)))):
        at = AS_OF - timedelta(seconds=draw.randrange(365 * 86_400))
        events.setdefault(draw.choice(KINDS), []).append((at, drawn_properties(draw)))
    return Person(f"person-{number}", fields, events)


def drawn_properties(draw: random.Random) -> dict[str, AnyValue]:
    """The properties of one event."""
    item = draw.choices(ITEMS, _ITEM_WEIGHTS)[0]
    return {"item_id": item, "paid_amount": Decimal(draw.randrange(100, 50_000)).scaleb(-2)}


def admission_events(count: int, *, seed: int) -> list[tuple[str, dict[str, AnyValue]]]:
    """Events as they arrive: two in three of kinds that no rule names."""
    draw = random.Random(seed)
    kinds = (*KINDS, *(f"telemetry_{n}" for n in range(14)))
    return [(draw.choice(kinds), drawn_properties(draw)) for _ in range(count)]


def make_rules(count: int, *, seed: int) -> list[ActiveRule]:
    """Rules of two to six conditions over tags, attributes and events; some with an either-or or a negation."""
    draw = random.Random(seed)
    return [ActiveRule(f"rule-{n}", _rule(draw), weight=draw.randrange(10)) for n in range(count)]


def _rule(draw: random.Random) -> Rule:
    parts: list[Rule] = [_condition(draw) for _ in range(draw.randint(2, 6))]
    if len(parts) > 3 and draw.random() < 0.4:
        parts = [*parts[:-2], Any(*parts[-2:])]
    if draw.random() < 0.25:
        parts[-1] = Not(parts[-1])
    return All(*parts)


def _condition(draw: random.Random) -> Rule:
    kind = draw.random()
    if kind < 0.45:
        return Tag(f"is_{draw.randrange(900)}", "=", True)
    if kind < 0.6:
        return Tag(f"level_{draw.randrange(100)}", "in", sorted(draw.sample(LEVELS, draw.randint(1, 2))))
    if kind < 0.75:
        value = draw.choice([10, 20, 50, 80, 100, 150, 200, 300, 500])
        return Attribute(f"number_{draw.randrange(20)}", draw.choice([">", ">=", "<"]), value)
    if kind < 0.85:
        return Attribute(f"text_{draw.randrange(10)}", "=", f"v{draw.randrange(10)}")
    return _event(draw)


def _event(draw: random.Random) -> Event:
    event, window = draw.choice(KINDS), Last(draw.choice([7, 30, 90, 180]))
    shape = draw.random()
    if shape < 0.4:
        where = All(Attribute("item_id", "=", draw.choice(POPULAR)))
        return Event(event, where=where, window=window, operator=">=", value=1)
    if shape < 0.6:
        amount = draw.choice([50, 100, 500, 1000])
        return Event("purchase", window=window, measure=Sum("paid_amount"), operator=">", value=amount)
    if shape < 0.8:
        return Event(event, window=window, operator="=", value=0)
    return Event(event, window=window, operator=">=", value=draw.choice([1, 2, 3, 5]))


# -- what peers are given --------------------------------------------------------------------------


def feature(condition: Event) -> str:
    """The name of what an event condition measures, as a field of flat facts."""
    item = condition.where.of[0].value if condition.where else "any"  # type: ignore[union-attr]
    name = f"{condition.event}_{item}_{condition.measure.kind}_{condition.window.n}"  # type: ignore[union-attr]
    return name.replace("-", "_")


def conditions(rule: Rule) -> list[AnyValue]:
    """The conditions of a rule."""
    if isinstance(rule, All | Any):
        return [leaf for child in rule.of for leaf in conditions(child)]
    return [rule]


def flat_facts(person: Person, every: Iterable[AnyValue]) -> dict[str, AnyValue]:
    """What these conditions read of a person, ready made: fields, and measures of events by `feature`."""
    found: dict[str, AnyValue] = {}
    for condition in every:
        if not isinstance(condition, Event):
            found[condition.field] = person.fields[condition.field]
        elif (name := feature(condition)) not in found:
            found[name] = _measured(person, condition)
    return found


def _measured(person: Person, condition: Event) -> AnyValue:
    log = person.events.get(condition.event)
    start, end = _BOUNDS.setdefault(
        condition.window, Span(condition.window, ZONE).bounds(microseconds(AS_OF))
    )
    item = condition.where.of[0].value if condition.where else None  # type: ignore[union-attr]
    total: AnyValue = 0
    for i, at in enumerate(log.times if log else ()):
        assert log is not None
        if start is not None and start <= at < end and item in (None, log.values("item_id")[i]):
            total += 1 if condition.measure.kind == "count" else float(log.values("paid_amount")[i])
    return total


_BOUNDS: dict[AnyValue, tuple[int | None, int]] = {}


def facts_of(person: Person, rules: list[ActiveRule]) -> list[dict[str, AnyValue]]:
    """For each rule the few facts that it reads, ready made: peers neither look up nor count events."""
    own = [conditions(r.rule) for r in rules]
    known = flat_facts(person, {c: None for one in own for c in one})
    names = [[feature(c) if isinstance(c, Event) else c.field for c in one] for one in own]
    return [{name: known[name] for name in one} for one in names]
