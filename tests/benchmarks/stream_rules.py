"""Realistic rules over a synthetic company for the stream: tags, attributes and windows of events together."""

from __future__ import annotations

import random

from qa_lib.profiles import catalogue
from qa_lib.rules import All, Any, Attribute, Event, Last, Not, Rule, Sum, Tag
from qa_lib.rules.matcher import ActiveRule
from qa_lib.workspace import Snapshot

_KINDS = ("browse", "cart", "purchase", "search", "favourite", "login", "share")
_WITH_ITEMS = ("browse", "cart", "purchase", "favourite", "share")


def make_rules(snapshot: Snapshot, count: int, *, seed: int) -> list[ActiveRule]:
    """Rules of two to six conditions, at least one of them over events; some with an either-or or a negation."""
    draw = random.Random(seed)
    known = catalogue(snapshot)
    flags = [f.name for f in known.fields if f.type == "boolean" and f.kind == "tag"]
    texts = [f for f in known.fields if f.type == "text" and f.values]
    items = [str(v.value) for v in known.event("browse").property("item_id").values]

    def event() -> Event:
        kind, window, shape = draw.choice(_KINDS), Last(draw.choice([7, 30, 90, 180])), draw.random()
        if shape < 0.4:
            item = All(Attribute("item_id", "=", draw.choice(items)))
            return Event(draw.choice(_WITH_ITEMS), where=item, window=window, operator=">=", value=1)
        if shape < 0.6:
            spent = draw.choice([50, 100, 500, 1000])
            return Event("purchase", window=window, measure=Sum("paid_amount"), operator=">", value=spent)
        if shape < 0.8:
            return Event(kind, window=window, operator="=", value=0)
        return Event(kind, window=window, operator=">=", value=draw.choice([1, 2, 3, 5]))

    def other() -> Rule:
        shape = draw.random()
        if shape < 0.6:
            return Tag(draw.choice(flags), "=", True) if draw.random() < 0.9 else event()
        if shape < 0.8:
            field = draw.choice(texts)
            kind = Attribute if field.kind == "attribute" else Tag
            return kind(field.name, "=", str(draw.choice(field.values).value))
        return Attribute("age", draw.choice([">", "<="]), draw.choice([25, 30, 35, 40, 50, 60]))

    made = []
    for number in range(count):
        parts: list[Rule] = [event(), *(other() for _ in range(draw.randint(1, 5)))]
        if len(parts) > 3 and draw.random() < 0.4:
            parts = [*parts[:-2], Any(*parts[-2:])]
        if draw.random() < 0.25:
            parts[-1] = Not(parts[-1])
        made.append(ActiveRule(f"rule-{number}", All(*parts), weight=draw.randrange(10)))
    return made
