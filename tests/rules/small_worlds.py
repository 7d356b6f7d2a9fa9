"""Tiny worlds of a few people and many coincidences: ties, edges of windows, missing values, changed clocks.

Each is drawn once and kept twice: in a database for the engine and in frames for the oracle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
from oracles.facts import Facts, microseconds
from oracles.rules import World

from qa_lib.rules import Catalogue, Engine, EventType, Field
from qa_lib.tables import Label
from qa_lib.workspace import Columns
from qa_lib.workspace.leaves import LeafCache

Json = dict[str, Any]
PEOPLE = [f"p{i}" for i in range(7)]
KINDS = ("look", "cart", "buy")
NEW_YORK, SHANGHAI = "America/New_York", "Asia/Shanghai"
#: Noon, in New York on the day its clocks went forward and on the day they went back; a leap day in Shanghai; and the
#: last day of a long month.
MOMENTS = (
    (datetime(2017, 3, 12, 16, tzinfo=UTC), NEW_YORK),
    (datetime(2017, 11, 6, 5, tzinfo=UTC), NEW_YORK),
    (datetime(2016, 2, 29, 16, tzinfo=UTC), SHANGHAI),
    (datetime(2017, 2, 20, 3, 30, tzinfo=UTC), SHANGHAI),
    (datetime(2017, 3, 31, 12, tzinfo=UTC), NEW_YORK),
)


def _field(name: str, type: str, kind: str = "attribute") -> Field:
    return Field(name, kind, type, Label(f"{name}字段", name))  # type: ignore[arg-type]


PROPERTIES = (
    _field("item", "text"),
    _field("size", "number"),
    _field("gift", "boolean"),
    _field("due_on", "date"),
)
FIELDS = (
    _field("name", "text"),
    _field("score", "number", "tag"),
    _field("born_on", "date"),
    _field("is_known", "boolean", "tag"),
    _field("likes", "list", "tag"),
)
CATALOGUE = Catalogue(
    FIELDS, tuple(EventType(k, Label(f"{k}行为", k), Label("行", "row"), PROPERTIES) for k in KINDS)
)
SQL_TYPES = {"number": "BIGINT", "text": "VARCHAR", "date": "DATE", "boolean": "BOOLEAN", "list": "VARCHAR[]"}


class Happened(NamedTuple):
    """One event: who, which kind, when, and its properties."""

    person: int
    kind: str
    at: datetime
    item: str | None
    size: int | None
    gift: bool | None
    due_on: date | None


@dataclass
class Small:
    """What an engine asks of a snapshot, over a database in memory."""

    con: duckdb.DuckDBPyConnection
    as_of: datetime
    zone: ZoneInfo
    people_count: int

    @property
    def version(self) -> str:
        """One name for each world."""
        return f"small-{id(self.con)}"

    @property
    def columns(self) -> Columns:
        """None, so that the SQL has to say; `test_native` holds the columns' answers against it."""
        return Columns(Path("nowhere"))

    @property
    def leaves(self) -> LeafCache:
        return LeafCache(Path("nowhere"), read_only=True)

    def cursor(self, *, packed: Iterable[str] = ()) -> duckdb.DuckDBPyConnection:
        return self.con.cursor()


def small_engine(
    moment: tuple[datetime, str], events: list[Happened], people: list[dict[str, Any]] | None = None
) -> tuple[Engine, World]:
    """One world, for the engine and for the oracle."""
    as_of, zone = moment
    people = people if people is not None else [{f.name: None for f in FIELDS} for _ in PEOPLE]
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.execute("CREATE TABLE people (person_no INTEGER, person_id VARCHAR)")
    con.executemany("INSERT INTO people VALUES (?, ?)", list(enumerate(PEOPLE)))
    columns = ", ".join(f"{f.name} {SQL_TYPES[f.type]}" for f in FIELDS)
    con.execute(f"CREATE TABLE profile (person_no INTEGER, {columns})")
    con.executemany(
        f"INSERT INTO profile VALUES (?{', ?' * len(FIELDS)})",
        [[i, *(_listed(row[f.name]) for f in FIELDS)] for i, row in enumerate(people)],
    )
    frames: dict[str, pd.DataFrame] = {}
    names = [p.name for p in PROPERTIES]
    for kind in KINDS:
        columns = ", ".join(f"{p.name} {SQL_TYPES[p.type]}" for p in PROPERTIES)
        con.execute(f"CREATE TABLE event_{kind} (person_no INTEGER, occurred_at TIMESTAMPTZ, {columns})")
        own = [e for e in events if e.kind == kind]
        if own:
            con.executemany(
                f"INSERT INTO event_{kind} VALUES (?, ?{', ?' * len(names)})",
                [[e.person, e.at, *e[3:]] for e in own],
            )
        rows = [(PEOPLE[e.person], microseconds(e.at), *e[3:]) for e in own if e.at < as_of]
        frames[kind] = pd.DataFrame(rows, columns=["person_id", "at", *names], dtype=object)
    fields = pd.DataFrame(people, index=PEOPLE, dtype=object)
    facts = Facts(as_of, zone, PEOPLE, frames, pd.DataFrame())
    engine = Engine(Small(con, as_of, ZoneInfo(zone), len(PEOPLE)), CATALOGUE)  # type: ignore[arg-type]
    return engine, World(facts, fields, set())


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


# -- random worlds ---------------------------------------------------------------------------------

_EDGE = timedelta(microseconds=1)


def happenings(draw: Random, as_of: datetime, *, far: bool) -> list[Happened]:
    """Events of a few people, in steps of ten minutes or of days, often at the same time or just beside."""
    grid, steps = (timedelta(days=1), 70) if far else (timedelta(minutes=10), 14)
    return [
        Happened(
            draw.choice([0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5]),
            draw.choice(KINDS),
            as_of - draw.randint(0, steps) * grid + draw.choice([0, 0, 0, 0, -1, 1]) * _EDGE,
            draw.choice(["A", "A", "B", None]),
            draw.choice([1, 2, None]),
            draw.choice([True, False, None]),
            draw.choice([date(2017, 1, 1), None]),
        )
        for _ in range(draw.choice([12, 40, 80, 150]))
    ]


def profiles(draw: Random) -> list[Json]:
    """The fields of everybody, many of them missing."""
    leap = [date(1988, 2, 29), date(1990, 2, 28), date(1990, 3, 1), date(1990, 3, 12), None]
    return [
        {
            "name": draw.choice(["", "GROCERY", "果蔬", "a%b", "a'b", None]),
            "score": draw.choice([-1, 0, 3, 10, None]),
            "born_on": draw.choice([*leap, date.fromordinal(draw.randint(715_000, 735_000))]),
            "is_known": draw.choice([True, False, None]),
            "likes": draw.choice([("A",), ("A", "B"), ("C",), (), None]),
        }
        for _ in PEOPLE
    ]


# -- random conditions on the course of events -----------------------------------------------------


def near_window(draw: Random) -> Json:
    """A window of some ten minutes."""
    near, far = sorted(10 * draw.randint(1, 14) for _ in range(2))
    return draw.choice(
        [
            {"kind": "ever"},
            {"kind": "last", "n": far, "unit": "minute"},
            {"kind": "ago", "near": near, "far": far + 10, "unit": "minute"},
        ]
    )


def far_window(draw: Random, *, ever: bool = True) -> Json:
    """A window of hours to months, over changes of clocks."""
    unit = draw.choice(["day", "week", "month", "hour"])
    near, far = sorted(draw.randint(1, 40) for _ in range(2))
    days = ["2016-01-31", "2016-02-15", "2017-01-15", "2017-03-11", "2017-03-12", "2017-11-05"]
    first, last = sorted(draw.choice(days) for _ in range(2))
    return draw.choice(
        [
            *([{"kind": "ever"}] if ever else []),
            {"kind": "last", "n": far, "unit": unit},
            {"kind": "last", "n": far, "unit": "day", "calendar": True},
            {"kind": "ago", "near": near, "far": far + 1, "unit": unit},
            {"kind": "dates", "first": first, "last": last},
        ]
    )


def near_length(draw: Random) -> Json:
    n = draw.choice([1, 10, 20, 30, 50, 90])
    return draw.choice([{"n": n, "unit": "minute"}, {"n": 1, "unit": "hour"}])


def far_length(draw: Random) -> Json:
    return {"n": draw.randint(1, 20), "unit": draw.choice(["day", "day", "week", "hour"])}


def where(draw: Random) -> Json:
    """A filter on the properties of an event."""
    leaves = [
        {"kind": "attribute", "field": "item", "operator": "=", "value": "A"},
        {"kind": "attribute", "field": "item", "operator": "!=", "value": "A"},
        {"kind": "attribute", "field": "size", "operator": ">", "value": 1},
        {"kind": "attribute", "field": "gift", "operator": "=", "value": True, "missing": "include"},
        {"kind": "attribute", "field": "due_on", "operator": "is set"},
    ]
    of = draw.sample(leaves, draw.choice([0, 1, 1, 1, 2]))
    return {"kind": draw.choice(["all", "any"]), "of": of, "negated": bool(of) and draw.random() < 0.3}


def sequence(draw: Random, *, far: bool = False) -> Json:
    """Two to five steps with any of their limits."""
    length = far_length if far else near_length
    steps: list[Json] = []
    for i in range(draw.choice([2, 2, 3, 3, 4, 5])):
        step: Json = {"event": draw.choice(KINDS)}
        if draw.random() < 0.2:
            step["where"] = where(draw)
        if i and draw.random() < 0.3:
            step["absent"] = True
        if i and draw.random() < (0.7 if "absent" in step else 0.4):
            step["within"] = length(draw)
        if i and "absent" not in step and draw.random() < 0.12:
            step["immediately"] = True
        steps.append(step)
    leaf: Json = {"kind": "sequence", "steps": steps}
    leaf["window"] = draw.choice([{"kind": "ever"}, far_window(draw) if far else near_window(draw)])
    if draw.random() < 0.5:
        leaf["within"] = length(draw)
    leaf["same"] = draw.choice([[], [], [], ["item"], ["item", "size"], ["due_on"], ["gift"]])
    return leaf


def lifecycle(draw: Random) -> Json:
    """Any pattern with any of its limits."""
    leaf: Json = {"kind": "lifecycle", "event": draw.choice(KINDS)}
    leaf["pattern"] = draw.choice(["first_time", "stopped", "restarted", "restarted", "regularly"])
    if draw.random() < 0.3:
        leaf["where"] = where(draw)
    if leaf["pattern"] == "regularly":
        leaf["m"] = draw.randint(1, 12)
        leaf["k"] = draw.randint(1, min(4, leaf["m"]))
        leaf["unit"] = draw.choice(["hour", "day", "week", "month"])
        if leaf["unit"] != "hour":
            leaf["calendar"] = draw.random() < 0.5
        return leaf
    leaf["window"] = far_window(draw, ever=leaf["pattern"] == "first_time")
    if leaf["pattern"] == "restarted" or (leaf["pattern"] == "stopped" and draw.random() < 0.5):
        unit = draw.choice(["hour", "day", "day", "week", "month"])
        n = draw.randint(1, 3 if unit in ("week", "month") else 15)
        leaf["before"] = {"kind": "last", "n": n, "unit": unit}
        if unit in ("day", "week"):
            leaf["before"]["calendar"] = draw.random() < 0.5
    return leaf


def split(draw: Random) -> Json:
    low, high = sorted(draw.sample([0, 0.1, 0.25, 1 / 3, 0.5, 0.75, 0.9, 1], 2))
    return {"kind": "split", "salt": draw.choice(["a", "春", "it's"]), "low": low, "high": high}


def comparison(draw: Random) -> Json:
    """A condition on a field, missing values and anniversaries among them."""
    leaf = draw.choice(
        [
            {
                "kind": "attribute",
                "field": "name",
                "operator": draw.choice(["=", "!=", "contains"]),
                "value": "a%b",
            },
            {"kind": "tag", "field": "score", "operator": draw.choice(["=", "!=", ">", "<="]), "value": 3},
            {
                "kind": "attribute",
                "field": "born_on",
                "operator": "anniversary within",
                "value": draw.randint(0, 364),
            },
            {"kind": "attribute", "field": "born_on", "operator": "on or before", "value": "1990-02-28"},
            {"kind": "attribute", "field": "born_on", "operator": "on or after", "value": "1990-02-28"},
            {"kind": "tag", "field": "is_known", "operator": "!=", "value": True},
            {
                "kind": "tag",
                "field": "likes",
                "operator": draw.choice(["has any", "has all", "has none", "only"]),
                "value": draw.choice([["A"], ["A", "B"]]),
            },
            {"kind": "tag", "field": "likes", "operator": "is set"},
        ]
    )
    if leaf["operator"] != "is set" and draw.random() < 0.4:
        leaf["missing"] = draw.choice(["include", "exclude"])
    return leaf


def tree(draw: Random, depth: int = 2) -> Json:
    """Groups over every kind of condition but saved audiences."""
    if depth and draw.random() < 0.7:
        of = [tree(draw, depth - 1) for _ in range(draw.randint(1, 3))]
        return {"kind": draw.choice(["all", "any"]), "of": of, "negated": draw.random() < 0.3}
    return draw.choice([comparison, sequence, lifecycle, split])(draw)
