"""Random rules as plain JSON values, over the fields and events of a catalogue."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from oracles.rules import MONEY, World, is_missing

from qa_lib.rules import Catalogue, EventType, Field, read_rule
from qa_lib.rules.matcher import ActiveRule
from qa_lib.rules.measures import MEASURES
from qa_lib.rules.operators import MEASURE_OPERATORS, Operator, operators_for

Json = dict[str, Any]
#: Rates are doubles: none of these falls on a quotient that two orders of operations round apart.
RATES = [0, 1, 0.0517, 0.1234, 0.3331, 0.5003, 0.7777, -0.4321, 7.0123, 19.0507]
ODD_TEXTS = ["", "%", "_", "'", '"; DROP TABLE people; --', "杂货", "a\\b", "[", "null"]
PATTERNS = ["^[A-M]", "A$", "[0-9]{2}", ".", "^$", "(GRO|DRUG).*", "(?i)grocery", "不"]


def windows() -> st.SearchStrategy[Json]:
    n = st.sampled_from([1, 2, 3, 7, 14, 30, 60, 90, 200, 365])
    days = st.sampled_from(
        ["2017-01-01", "2017-03-12", "2017-06-30", "2017-11-05", "2017-12-31", "2018-02-01"]
    )
    return st.one_of(
        st.just({"kind": "ever"}),
        st.builds(
            lambda n, u: {"kind": "last", "n": n, "unit": u}, n, st.sampled_from(["day", "week", "month"])
        ),
        st.builds(lambda n: {"kind": "last", "n": 60 * n, "unit": "minute"}, n),
        st.builds(
            lambda n, u: {"kind": "last", "n": n, "unit": u, "calendar": True},
            n,
            st.sampled_from(["day", "week"]),
        ),
        st.builds(
            lambda a, b, u: {"kind": "ago", "near": min(a, b), "far": max(a, b) + 1, "unit": u},
            n,
            n,
            st.sampled_from(["hour", "day", "week", "month"]),
        ),
        st.builds(
            lambda a, b, u: {"kind": "ago", "near": a, "far": a + b, "unit": u, "calendar": True},
            st.integers(0, 20),
            n,
            st.sampled_from(["day", "week"]),
        ),
        st.builds(lambda a, b: {"kind": "dates", "first": min(a, b), "last": max(a, b)}, days, days),
    )


def day_windows() -> st.SearchStrategy[Json]:
    """The windows that `in last` takes."""
    unit = st.sampled_from(["day", "week", "month"])
    return st.builds(
        lambda n, u, c: {"kind": "last", "n": n, "unit": u, "calendar": c and u != "month"},
        st.integers(1, 60),
        unit,
        st.booleans(),
    )


def values_of(field: Field, seen: list[Any]) -> st.SearchStrategy[Any]:
    """Values that a field may be compared with: mostly those that occur."""
    match field.type:
        case "number":
            return st.sampled_from(
                sorted({v for v in seen if isinstance(v, int | float)} | {0, 1, 2.5, -3, 40})
            )
        case "boolean":
            return st.booleans()
        case "date":
            return st.sampled_from(["2016-02-29", "2017-12-24", *sorted(str(v) for v in seen)])
        case "list":
            return st.sampled_from([*sorted({x for v in seen for x in v}), "NOWHERE"])
        case _:
            return st.sampled_from([*sorted(seen), *ODD_TEXTS])


def given_value(field: Field, op: Operator, seen: list[Any]) -> st.SearchStrategy[Any]:
    one = values_of(field, seen)
    if op.key == "matches":
        return st.sampled_from(PATTERNS)
    match op.arity:
        case "none":
            return st.none()
        case "days":
            return st.integers(0, 364)
        case "window":
            return day_windows()
        case "one":
            return one
        case "two":
            return st.lists(one, min_size=2, max_size=2).map(sorted)
        case _:
            return st.lists(one, min_size=1, max_size=4)


def comparisons(field: Field, seen: list[Any]) -> st.SearchStrategy[Json]:
    """A condition on one field, with any operator of its type."""

    @st.composite
    def one(draw: st.DrawFn) -> Json:
        op = draw(st.sampled_from(operators_for(field.type)))
        leaf = {"kind": field.kind, "field": field.name, "operator": op.key}
        if op.arity != "none":
            leaf["value"] = draw(given_value(field, op, seen))
            if (missing := draw(st.sampled_from([None, None, "include", "exclude"]))) is not None:
                leaf["missing"] = missing
        return leaf

    return one()


def seen_values(world: World, field: Field) -> list[Any]:
    """A few values of the field that occur in the world."""
    values = [v for v in world.fields[field.name].unique().tolist() if not is_missing(v)]
    if field.name in world.in_cents:
        return [v / 100 for v in sorted(values)[:: max(1, len(values) // 8)]]
    if field.type == "number" and any(v != int(v) for v in values):
        return RATES
    return sorted(values)[:: max(1, len(values) // 8)]


def trees(leaf: st.SearchStrategy[Json], *, at_most: int) -> st.SearchStrategy[Json]:
    """Groups over groups over leaves."""

    def group(children: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
        return st.builds(
            lambda kind, of, negated: {"kind": kind, "of": of, "negated": negated},
            st.sampled_from(["all", "any"]),
            st.lists(children, min_size=1, max_size=3),
            st.booleans(),
        )

    return st.recursive(leaf, group, max_leaves=at_most)


def filters(event: EventType, world: World) -> st.SearchStrategy[Json]:
    """A tree of conditions on the event's own properties."""
    rows = world.facts.events[event.name]

    def seen(prop: Field) -> list[Any]:
        values = sorted({v for v in rows[prop.name].head(60).tolist() if not is_missing(v)})
        return [v / 100 for v in values[::6]] if prop.name in MONEY else values[::6]

    leaf = st.one_of([comparisons(p, seen(p)) for p in event.properties])
    return st.builds(
        lambda kind, of, negated: {"kind": kind, "of": of, "negated": negated},
        st.sampled_from(["all", "any"]),
        st.lists(trees(leaf, at_most=3), min_size=0, max_size=2),
        st.booleans(),
    )


def events(event: EventType, world: World) -> st.SearchStrategy[Json]:
    """A condition on one kind of event, with any measure that fits it."""
    numbers = [p.name for p in event.properties if p.type == "number"]
    measures = [m for m in MEASURES if m.needs != "number" or numbers]

    @st.composite
    def one(draw: st.DrawFn) -> Json:
        measure = draw(st.sampled_from(measures))
        op = draw(st.sampled_from(MEASURE_OPERATORS))
        leaf: Json = {"kind": "event", "event": event.name, "measure": {"kind": measure.key}}
        if measure.needs != "nothing":
            fitting = numbers if measure.needs == "number" else [p.name for p in event.properties]
            leaf["measure"]["property"] = draw(st.sampled_from(fitting))
        number = st.sampled_from([0, 1, 2, 3, 5, 10, 30, 100, 12.5, 40.37, -1])
        leaf["operator"] = op.key
        leaf["value"] = (
            sorted(draw(st.lists(number, min_size=2, max_size=2))) if op.arity == "two" else draw(number)
        )
        leaf["window"] = draw(windows())
        if draw(st.booleans()):
            leaf["where"] = draw(filters(event, world))
        if (missing := draw(st.sampled_from([None, None, None, "include", "exclude"]))) is not None:
            leaf["missing"] = missing
        return leaf

    return one()


def courses(catalogue: Catalogue, world: World) -> st.SearchStrategy[Json]:
    """A condition on the course of events: a sequence, or a lifecycle."""
    length = st.builds(
        lambda n, u: {"n": n, "unit": u}, st.integers(1, 30), st.sampled_from(["hour", "day", "week"])
    )
    last = st.builds(
        lambda n, u: {"kind": "last", "n": n, "unit": u},
        st.integers(1, 6),
        st.sampled_from(["week", "month"]),
    )

    @st.composite
    def sequence(draw: st.DrawFn) -> Json:
        of_items = draw(st.booleans())
        kinds = ["browse", "cart", "purchase"] if of_items else ["receive", "redeem", "visit", "browse"]
        steps: list[Json] = []
        for i in range(draw(st.integers(2, 4))):
            event = catalogue.event(draw(st.sampled_from(kinds)))
            step: Json = {"event": event.name}
            if draw(st.integers(0, 3)) == 0:
                step["where"] = draw(filters(event, world))
            if i and draw(st.booleans()):
                step["within"] = draw(length)
            if i and draw(st.integers(0, 3)) == 0:
                step["absent"] = True
            elif i and draw(st.integers(0, 5)) == 0:
                step["immediately"] = True
            steps.append(step)
        leaf: Json = {"kind": "sequence", "steps": steps, "window": draw(last)}
        if draw(st.booleans()):
            leaf["within"] = draw(length)
        if of_items:
            leaf["same"] = draw(st.sampled_from([["item_id"], ["department"], ["brand", "category"], []]))
        return leaf

    @st.composite
    def lifecycle(draw: st.DrawFn) -> Json:
        event = draw(st.sampled_from(catalogue.events))
        leaf: Json = {"kind": "lifecycle", "event": event.name}
        leaf["pattern"] = draw(st.sampled_from(["first_time", "stopped", "restarted", "regularly"]))
        if draw(st.booleans()):
            leaf["where"] = draw(filters(event, world))
        if leaf["pattern"] == "regularly":
            leaf["k"] = draw(st.integers(1, 4))
            unit = st.sampled_from(["day", "week", "month"])
            return leaf | {"m": draw(st.integers(4, 12)), "unit": draw(unit), "calendar": draw(st.booleans())}
        leaf["window"] = draw(last)
        if leaf["pattern"] == "restarted" or (leaf["pattern"] == "stopped" and draw(st.booleans())):
            leaf["before"] = draw(last)
        return leaf

    return st.one_of(sequence(), lifecycle())


def splits() -> st.SearchStrategy[Json]:
    """A random part of everybody."""
    return st.builds(
        lambda salt, edges: {"kind": "split", "salt": salt, "low": min(edges), "high": max(edges)},
        st.sampled_from(["spring", "春", "it's"]),
        st.lists(st.sampled_from([0, 0.1, 1 / 3, 0.5, 0.9, 1]), min_size=2, max_size=2, unique=True),
    )


def rules(catalogue: Catalogue, world: World, *, at_most: int = 6) -> st.SearchStrategy[Json]:
    """Any rule over the catalogue."""
    fields = [comparisons(f, seen_values(world, f)) for f in catalogue.fields]
    kinds = [events(e, world) for e in catalogue.events]
    leaf = st.one_of(
        st.sampled_from(fields).flatmap(lambda s: s),
        st.sampled_from(kinds).flatmap(lambda s: s),
        courses(catalogue, world),
        splits(),
    )
    return trees(leaf, at_most=at_most)


def drawn_rules(catalogue: Catalogue, world: World, count: int) -> list[ActiveRule]:
    """The same random rules at every call, for a matcher over all of them."""
    found: list[Json] = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(spec=rules(catalogue, world))
    def draw(spec: Json) -> None:
        found.append(spec)

    draw()
    return [ActiveRule(f"rule {i}", read_rule(spec)) for i, spec in enumerate(found)]
