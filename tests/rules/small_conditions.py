"""Random conditions of every kind over the small worlds: each operator, measure and window, on fields and in filters."""

from __future__ import annotations

from random import Random
from typing import Any

from small_worlds import KINDS, far_window, lifecycle, near_window, sequence, split

Json = dict[str, Any]
DAYS = ["1990-02-28", "1988-02-29", "1990-03-12", "2017-01-01", "2016-12-31"]
#: By type: each operator with values that occur, lie beside them, or never occur.
TEXTS: list[tuple[str, list[Any]]] = [
    ("=", ["A", "a%b", ""]),
    ("!=", ["A", "a'b"]),
    ("in", [["A", "果蔬"], ["nobody"]]),
    ("not in", [["A", "GROCERY"], [""]]),
    ("contains", ["%", "果", "", "A"]),
    ("starts with", ["GRO", "a", "B"]),
    ("ends with", ["b", "A", ""]),
    ("matches", ["^[A-M]", "(?i)groc", "^$", "."]),
]
NUMBERS: list[tuple[str, list[Any]]] = [
    ("=", [0, 2, 1.5]),
    ("!=", [0, 2, 3]),
    (">", [-1, 0, 1, 1.5]),
    (">=", [0, 1, 2, 1.5]),
    ("<", [0, 1, 3, 1.5]),
    ("<=", [-1, 0, 1, 2]),
    ("between", [[0, 0], [-1, 1], [1, 2.5], [2, 3]]),
]
MANY_NUMBERS: list[tuple[str, list[Any]]] = [("in", [[1, 2], [0, 10]]), ("not in", [[1], [3, 10]])]
DATES: list[tuple[str, list[Any]]] = [
    *((operator, DAYS) for operator in ("=", "!=", "before", "after", "on or before", "on or after")),
    ("between", [["1988-02-29", "1990-02-28"], ["1990-03-12", "2017-01-01"]]),
    ("in", [DAYS[:2], DAYS[3:]]),
    ("not in", [DAYS[:3], DAYS[3:4]]),
    ("anniversary within", [0, 1, 17, 364]),
    ("in last", [{"kind": "last", "n": n, "unit": u} for n, u in ((70, "day"), (3, "month"), (400, "month"))]),
    ("in last", [{"kind": "last", "n": n, "unit": "week", "calendar": True} for n in (8, 2_000)]),
    # from two of the moments 1 January 2017, a day that occurs, is the very first inside
    ("in last", [{"kind": "last", "n": n, "unit": "day", "calendar": True} for n in (70, 50)]),
]  # fmt: skip
TRUTHS: list[tuple[str, list[Any]]] = [("=", [True, False]), ("!=", [True, False])]
LISTS: list[tuple[str, list[Any]]] = [
    (operator, [["A"], ["A", "B"], ["C", "nobody"]]) for operator in ("has any", "has all", "has none", "only")
]  # fmt: skip
SET: list[tuple[str, list[Any]]] = [("is set", [None]), ("is not set", [None])]

FIELDS: dict[str, tuple[str, list[tuple[str, list[Any]]]]] = {
    "name": ("attribute", TEXTS + SET),
    "score": ("tag", NUMBERS + MANY_NUMBERS + SET),
    "born_on": ("attribute", DATES + SET),
    "is_known": ("tag", TRUTHS + SET),
    "likes": ("tag", LISTS + SET),
}
PROPERTIES: dict[str, list[tuple[str, list[Any]]]] = {
    "item": TEXTS + SET,
    "size": NUMBERS + MANY_NUMBERS + SET,
    "gift": TRUTHS + SET,
    "due_on": DATES + SET,
}
MEASURES: list[Json] = [
    {"kind": "count"},
    *({"kind": "distinct", "property": name} for name in PROPERTIES),
    *({"kind": kind, "property": "size"} for kind in ("sum", "avg", "min", "max")),
    *({"kind": kind} for kind in ("days_since_first", "days_since_last", "active_days")),
]


def compared(draw: Random, kind: str, field: str, rows: list[tuple[str, list[Any]]]) -> Json:
    """One comparison, often with a stated answer for a missing value."""
    operator, values = draw.choice(rows)
    leaf: Json = {"kind": kind, "field": field, "operator": operator}
    value = draw.choice(values)
    if value is None:
        return leaf
    leaf["value"] = value
    if draw.random() < 0.3:
        leaf["missing"] = draw.choice(["include", "exclude"])
    return leaf


def field_condition(draw: Random) -> Json:
    name = draw.choice(list(FIELDS))
    kind, rows = FIELDS[name]
    return compared(draw, kind, name, rows)


def filters(draw: Random, depth: int = 2) -> Json:
    """A tree of filters on the properties of an event."""
    of: list[Json] = []
    for _ in range(draw.choice([1, 1, 2, 3])):
        if depth and draw.random() < 0.25:
            of.append(filters(draw, depth - 1))
        else:
            name = draw.choice(list(PROPERTIES))
            of.append(compared(draw, "attribute", name, PROPERTIES[name]))
    return {"kind": draw.choice(["all", "any"]), "of": of, "negated": draw.random() < 0.3}


def event_condition(draw: Random, *, far: bool) -> Json:
    """Any measure over any window of filtered events."""
    leaf: Json = {"kind": "event", "event": draw.choice(KINDS), "measure": draw.choice(MEASURES)}
    leaf["window"] = far_window(draw) if far else near_window(draw)
    if draw.random() < 0.6:
        leaf["where"] = filters(draw)
    operator, values = draw.choice(NUMBERS)
    leaf |= {"operator": operator, "value": draw.choice(values)}
    if draw.random() < 0.25:
        leaf["missing"] = draw.choice(["include", "exclude"])
    return leaf


def membership(draw: Random) -> Json:
    return {
        "kind": "audience",
        "audience": "few",
        "version": draw.choice([1, 2]),
        "member": draw.random() < 0.5,
    }


def any_rule(draw: Random, *, far: bool, depth: int = 3) -> Json:
    """Groups over conditions of every kind, negated or not."""
    if depth and draw.random() < 0.6:
        of = [any_rule(draw, far=far, depth=depth - 1) for _ in range(draw.randint(1, 3))]
        return {"kind": draw.choice(["all", "any"]), "of": of, "negated": draw.random() < 0.3}
    drawn = draw.random()
    if drawn < 0.3:
        return field_condition(draw)
    if drawn < 0.65:
        return event_condition(draw, far=far)
    if drawn < 0.8:
        return sequence(draw, far=far)
    return draw.choice([lifecycle, split, membership])(draw)
