"""A rule evaluated naively over pandas frames: its JSON read by hand, value by value, two-valued.

Nothing of the library is used: windows are computed here with `zoneinfo`, operators are Python's.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from oracles.facts import DAY_US, Facts, microseconds, midnight_us
from oracles.journeys import Fitting, follows_the_pattern, took_the_steps
from oracles.tags import tags

MONEY = {"paid_amount", "discount_amount", "coupon_amount"}
TRUE_WHEN_MISSING = {"!=", "not in", "has none"}
ZERO_FOR_NOBODY = {"count", "sum", "distinct", "active_days"}
UNITS_US = {"minute": 60_000_000, "hour": 3_600_000_000, "day": DAY_US, "week": 7 * DAY_US}


@dataclass
class World:
    """What the rules are held against: facts, the value of every field, which columns are whole cents."""

    facts: Facts
    fields: pd.DataFrame
    in_cents: set[str]
    audiences: dict[str, dict[int, set[str]]] = field(default_factory=dict)

    @property
    def people(self) -> pd.Index:
        return self.fields.index


def world_of(facts: Facts) -> World:
    fields = tags(facts)
    amounts = [c for c in fields if "_amount_" in c] + ["average_order_value"]
    return World(facts, fields, set(amounts))


def select(rule: dict[str, Any], world: World) -> set[str]:
    """The `person_id`s for whom the rule, given as its plain JSON values, is true."""
    verdict = _node(rule, lambda leaf: _leaf(leaf, world), world.people)
    return set(verdict.index[verdict])


def _node(rule: dict[str, Any], leaf: Callable[[dict[str, Any]], pd.Series], rows: pd.Index) -> pd.Series:
    if rule["kind"] not in ("all", "any"):
        return leaf(rule)
    children = [_node(child, leaf, rows) for child in rule.get("of", [])]
    verdict = pd.Series(True, index=rows)
    if children:
        table = pd.concat(children, axis=1)
        verdict = table.all(axis=1) if rule["kind"] == "all" else table.any(axis=1)
    return ~verdict if rule.get("negated", False) else verdict


def _leaf(leaf: dict[str, Any], world: World) -> pd.Series:
    match leaf["kind"]:
        case "event":
            return _event(leaf, world)
        case "sequence":
            return _sequence(leaf, world)
        case "lifecycle":
            return _lifecycle(leaf, world)
        case "audience":
            saved = world.audiences[leaf["audience"]]
            inside = world.people.isin(saved[leaf.get("version", max(saved))])
            return pd.Series(inside == leaf.get("member", True), index=world.people)
        case "split":
            return pd.Series([_drawn(leaf, person) for person in world.people], index=world.people)
    values = world.fields[leaf["field"]]
    return _column(values, leaf, world, money=leaf["field"] in world.in_cents)


def _column(values: pd.Series, leaf: dict[str, Any], world: World, *, money: bool) -> pd.Series:
    """The verdict for each row of a column; each distinct value is compared once."""
    verdicts: dict[Any, bool] = {}
    out = []
    for value in values.tolist():
        key = None if is_missing(value) else value
        if key not in verdicts:
            verdicts[key] = _compares(exact(key, money=money), leaf, world)
        out.append(verdicts[key])
    return pd.Series(out, index=values.index, dtype=bool)


def is_missing(value: Any) -> bool:
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def exact(value: Any, *, money: bool) -> Any:
    """Cents as an exact fraction of the currency's unit."""
    return Fraction(int(value), 100) if money and value is not None else value


def _compares(value: Any, leaf: dict[str, Any], world: World) -> bool:
    """`value operator given`, with the declared or the stated answer where there is no value."""
    operator, given = leaf["operator"], leaf.get("value")
    value = None if isinstance(value, tuple) and not value else value  # a list without elements
    if operator in ("is set", "is not set"):
        return (value is not None) == (operator == "is set")
    if value is None:
        stated = leaf.get("missing")
        return operator in TRUE_WHEN_MISSING if stated is None else stated == "include"
    if operator == "anniversary within":
        return _celebrates(value, given, world.facts)
    if operator == "in last":
        return _in_last(value, given, world.facts)
    many = given if isinstance(given, list) else [given]
    return OPERATORS[operator](value, [_same_type(value, g) for g in many])


def _same_type(value: Any, given: Any) -> Any:
    if isinstance(value, date):
        return date.fromisoformat(given)
    if isinstance(value, Fraction):
        return Fraction(str(given))
    return given


OPERATORS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "=": lambda v, g: bool(v == g[0]),
    "!=": lambda v, g: bool(v != g[0]),
    ">": lambda v, g: bool(v > g[0]),
    ">=": lambda v, g: bool(v >= g[0]),
    "<": lambda v, g: bool(v < g[0]),
    "<=": lambda v, g: bool(v <= g[0]),
    "between": lambda v, g: bool(g[0] <= v <= g[1]),
    "in": lambda v, g: v in g,
    "not in": lambda v, g: v not in g,
    "contains": lambda v, g: g[0] in v,
    "starts with": lambda v, g: v.startswith(g[0]),
    "ends with": lambda v, g: v.endswith(g[0]),
    "matches": lambda v, g: re.search(g[0], v) is not None,
    "before": lambda v, g: bool(v < g[0]),
    "after": lambda v, g: bool(v > g[0]),
    "on or before": lambda v, g: bool(v <= g[0]),
    "on or after": lambda v, g: bool(v >= g[0]),
    "has any": lambda v, g: any(x in v for x in g),
    "has all": lambda v, g: all(x in v for x in g),
    "has none": lambda v, g: not any(x in v for x in g),
    "only": lambda v, g: all(x in g for x in v),
}


# -- windows ---------------------------------------------------------------------------------------


def back(as_of: datetime, n: int, unit: str, zone: str, *, calendar: bool = False) -> int:
    """The moment n units before."""
    local = as_of.astimezone(ZoneInfo(zone))
    if unit == "month":
        wall = pd.Timestamp(local.replace(tzinfo=None)) - pd.DateOffset(months=n)
        return microseconds(wall.to_pydatetime().replace(tzinfo=ZoneInfo(zone), fold=local.fold))
    if calendar:
        return midnight_us(local.date() - timedelta(days=n * (7 if unit == "week" else 1)), zone)
    return microseconds(as_of) - n * UNITS_US[unit]


def bounds(window: dict[str, Any], facts: Facts) -> tuple[int | None, int]:
    """The first moment inside and the first moment outside."""
    as_of, zone = facts.as_of, facts.zone
    match window["kind"]:
        case "ever":
            return None, microseconds(as_of)
        case "last":
            calendar = window.get("calendar", False)
            unit = window.get("unit", "day")
            return back(as_of, window["n"], unit, zone, calendar=calendar), microseconds(as_of)
        case "ago":
            unit = window.get("unit", "day")
            calendar = window.get("calendar", False)
            end = microseconds(as_of)
            if window["near"]:
                end = back(as_of, window["near"], unit, zone, calendar=calendar)
            return back(as_of, window["far"], unit, zone, calendar=calendar), end
        case _:
            last = date.fromisoformat(window["last"]) + timedelta(days=1)
            first = midnight_us(date.fromisoformat(window["first"]), zone)
            return first, min(midnight_us(last, zone), microseconds(as_of))


def _in_last(day: date, window: dict[str, Any], facts: Facts) -> bool:
    """Whether the day begins inside the window."""
    start, end = bounds(window, facts)
    assert start is not None
    return start <= midnight_us(day, facts.zone) < end


def _celebrates(day: date, days: int, facts: Facts) -> bool:
    """Whether today or one of the next days is the anniversary, 29 February being the 28th in common years."""
    today = facts.as_of.astimezone(ZoneInfo(facts.zone)).date()
    for ahead in (today + timedelta(days=n) for n in range(days + 1)):
        leap = pd.Timestamp(ahead).is_leap_year
        kept = (2, 28) if (day.month, day.day) == (2, 29) and not leap else (day.month, day.day)
        if (ahead.month, ahead.day) == kept:
            return True
    return False


def _drawn(leaf: dict[str, Any], person: str) -> bool:
    """Whether the hash of salt and person, as a fraction of 2⁵³, lies in the part."""
    digits = hashlib.sha256(f"{len(leaf['salt'])}:{leaf['salt']}{person}".encode()).hexdigest()
    at = Fraction(int(digits[:16], 16) // 2**11, 2**53)
    return Fraction(leaf.get("low", 0)) <= at < Fraction(leaf["high"])


# -- events ----------------------------------------------------------------------------------------


def measured(leaf: dict[str, Any], world: World) -> dict[str, Any]:
    """What an event condition measures, for everybody with a matching event."""
    rows = world.facts.events[leaf["event"]]
    start, end = bounds(leaf.get("window", {"kind": "ever"}), world.facts)
    rows = rows[(rows["at"] < end) & ((rows["at"] >= start) if start is not None else True)]
    rows = _filtered(rows, leaf.get("where"), world)
    measure = leaf.get("measure", {"kind": "count"})
    return {p: _measure(measure, own, world.facts) for p, own in _groups(rows, measure)}


def _filtered(rows: pd.DataFrame, where: dict[str, Any] | None, world: World) -> pd.DataFrame:
    """The events that pass the filters."""
    if where is None:
        return rows

    def compared(condition: dict[str, Any]) -> pd.Series:
        name = condition["field"]
        return _column(rows[name], condition, world, money=name in MONEY)

    return rows[_node(where, compared, rows.index)]


def _sequence(leaf: dict[str, Any], world: World) -> pd.Series:
    start, end = bounds(leaf.get("window", {"kind": "ever"}), world.facts)
    same = leaf.get("same", [])
    fitting: dict[str, list[Fitting]] = {p: [{} for _ in leaf["steps"]] for p in world.people}
    named: dict[str, set[int]] = {p: set() for p in world.people}
    for i, step in enumerate(leaf["steps"]):
        rows = world.facts.events[step["event"]]
        for person, at in zip(rows["person_id"], rows["at"], strict=True):
            named[person].add(at)
        rows = _filtered(rows, step.get("where"), world)
        if not step.get("absent", False):
            rows = rows[(rows["at"] < end) & ((rows["at"] >= start) if start is not None else True)]
        values = zip(*(rows[name].tolist() for name in same), strict=True) if same else [()] * len(rows)
        for person, at, key in zip(rows["person_id"], rows["at"], values, strict=True):
            if not any(is_missing(v) for v in key):
                fitting[person][i].setdefault(key, set()).add(at)
    as_of = world.facts.as_of_us
    took = [took_the_steps(leaf, fitting[p], named[p], as_of) for p in world.people]
    return pd.Series(took, index=world.people, dtype=bool)


def _lifecycle(leaf: dict[str, Any], world: World) -> pd.Series:
    facts = world.facts
    rows = _filtered(facts.events[leaf["event"]], leaf.get("where"), world)
    times = {p: set(own) for p, own in rows.groupby("person_id")["at"]}
    leaf = {"window": {"kind": "ever"}, **leaf}
    follows = [
        follows_the_pattern(
            leaf,
            times.get(person, set()),
            facts.as_of,
            facts.zone,
            lambda window: bounds(window, facts),
            lambda n, unit: back(facts.as_of, n, unit, facts.zone),
        )
        for person in world.people
    ]
    return pd.Series(follows, index=world.people, dtype=bool)


def _event(leaf: dict[str, Any], world: World) -> pd.Series:
    found = measured(leaf, world)
    measure = leaf.get("measure", {"kind": "count"})
    nobody = 0 if measure["kind"] in ZERO_FOR_NOBODY else None
    condition = {"operator": leaf.get("operator", ">="), "value": leaf.get("value", 1)}
    out = []
    for person in world.people:
        if found.get(person) is None and "missing" in leaf:
            out.append(leaf["missing"] == "include")
        else:
            out.append(_compares(found.get(person, nobody), condition, world))
    return pd.Series(out, index=world.people, dtype=bool)


def _groups(rows: pd.DataFrame, measure: dict[str, Any]) -> Any:
    column = "at" if measure.get("property") is None else measure["property"]
    return ((person, own.tolist()) for person, own in rows.groupby("person_id")[column])


def _measure(measure: dict[str, Any], values: list[Any], facts: Facts) -> Any:
    """Over the property's values, or the moments, of one person's events."""
    if measure["kind"] in ("sum", "avg", "min", "max"):
        values = [v for v in values if not is_missing(v)]
        if not values and measure["kind"] != "sum":
            return None
    kind, money = measure["kind"], measure.get("property") in MONEY
    unit = 100 if money else 1
    match kind:
        case "count":
            return len(values)
        case "distinct":
            return len({v for v in values if not is_missing(v)})
        case "sum":
            return Fraction(sum(values), unit)
        case "avg":
            return Fraction(sum(values), unit * len(values))
        case "min" | "max":
            return Fraction(min(values) if kind == "min" else max(values), unit)
        case "active_days":
            zone = ZoneInfo(facts.zone)
            return len({datetime.fromtimestamp(v // 1_000_000, zone).date() for v in values})
        case "days_since_last":
            return (facts.as_of_us - max(values)) // DAY_US
        case _:
            return (facts.as_of_us - min(values)) // DAY_US
