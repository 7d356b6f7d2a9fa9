"""Whatever text stands in a rule, it matches what equals it, or is refused in words; it never speaks SQL.

The texts are the Big List of Naughty Strings and attempts at what DuckDB and this compiler offer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from oracles.rules import World, select
from small_worlds import FIELDS, MOMENTS, PEOPLE, Happened, small_engine

from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import (
    All,
    Attribute,
    Distinct,
    Engine,
    Event,
    InAudience,
    Lifecycle,
    Measure,
    RandomSplit,
    Rule,
    SavedMembers,
    Sequence,
    Step,
    Tag,
    compile_rule,
    read_rule,
    sentence,
    to_numbers,
)

NAUGHTY = Path(__file__).parents[1] / "data" / "naughty_strings.json"
#: What DuckDB would do, and what this compiler's own names and parameters would be.
OWN = [
    "x'; DROP TABLE people; --",
    '"; DROP TABLE people; --',
    "\") FROM people; ATTACH '/tmp/x.db' AS x; --",
    "' UNION SELECT person_no FROM people --",
    "1) OR (1=1",
    "$v0",
    "$1",
    "?",
    ":v0",
    "read_text('/etc/passwd')",
    "'; COPY people TO '/tmp/people.csv'; --",
    "'; INSTALL httpfs; LOAD httpfs; --",
    "'; PRAGMA database_list; --",
    "'; SET enable_external_access = true; --",
    "E'\\x27 OR 1=1 --'",
    "$$ OR 1=1 $$",
    "/* */ OR 1=1 --",
    "item\0",
    "moments",
    "taken_0",
    "s0",
    "person_no",
    "event_buy",
    "\\",
    "\\'; DROP TABLE people; --",
    "%",
    "_",
    "{0}",
    "{field}",
    "{{ 1 }}",
]
TEXTS = list(dict.fromkeys([*json.loads(NAUGHTY.read_text(encoding="utf-8")), *OWN]))
CHUNKS = [TEXTS[i : i + len(PEOPLE)] for i in range(0, len(TEXTS), len(PEOPLE))]


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[Engine, World]]:
    """A world with nothing in it."""
    engine, world = small_engine(MOMENTS[0], [])
    yield engine, world
    engine.snapshot.con.close()  # type: ignore[attr-defined]


def state(engine: Engine) -> list[object]:
    """Everything that an injected statement could have changed."""
    cursor = engine.snapshot.cursor()
    tables = cursor.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    counts = [
        cursor.execute(f"SELECT count(*) FROM {t}").fetchone() for t in ("people", "profile", "event_buy")
    ]
    return [tables, counts, cursor.execute("SELECT database_name FROM duckdb_databases()").fetchall()]


def ways_to_say(text: str) -> list[Rule]:
    """Rules in which the text is a value."""
    filtered = All(Attribute("item", "=", text))
    return [
        Attribute("name", "=", text),
        Attribute("name", "!=", text),
        Attribute("name", "in", [text, "other"]),
        Attribute("name", "contains", text),
        Attribute("name", "starts with", text),
        Attribute("name", "ends with", text),
        Tag("likes", "has any", [text]),
        Event("buy", where=filtered),
        Sequence([Step("look", where=filtered), Step("buy", where=filtered)], same=["item"]),
        Sequence([Step("look", where=filtered), Step("buy", where=filtered, absent=True)]),
        Lifecycle("buy", "first_time", where=filtered),
    ]


@pytest.mark.parametrize("number", range(len(CHUNKS)))
def test_a_text_as_a_value_matches_what_equals_it(number: int) -> None:
    texts = CHUNKS[number]
    as_of = MOMENTS[0][0]
    people = [{f.name: None for f in FIELDS} for _ in PEOPLE]
    events = []
    for i, text in enumerate(texts):
        people[i] |= {"name": text, "likes": (text,)}
        for kind, minutes in (("look", 20), ("buy", 10)):
            events.append(Happened(i, kind, as_of - timedelta(minutes=minutes), text, None, None, None))
    engine, world = small_engine(MOMENTS[0], events, people)
    before = state(engine)
    for i, text in enumerate(texts):
        for rule in ways_to_say(text)[:: 1 if number % 10 == 0 else 3]:
            spec = read_rule(rule.to_json())
            found = {PEOPLE[n] for n in to_numbers(engine.evaluate(spec).members[()])}
            assert found == select(rule.to_dict(), world), rule.to_json()
        whole = compile_rule(Attribute("name", "=", text), engine.catalogue, as_of, engine.snapshot.zone)
        rows = engine.snapshot.cursor().execute(whole.sql(), whole.params).fetchall()
        assert rows == [(i,)]
        if "\0" not in text:  # DuckDB reads no statement with a NUL in it
            assert engine.snapshot.cursor().execute(whole.text()).fetchall() == [(i,)]
    assert state(engine) == before
    engine.snapshot.con.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", range(len(CHUNKS)))
def test_a_text_as_a_name_is_refused_in_words(number: int, world: tuple[Engine, World]) -> None:
    engine, _ = world
    before = state(engine)
    for text in CHUNKS[number]:
        for make in (
            lambda t: Attribute(t, "is set"),
            lambda t: Tag(t, "=", 1),
            lambda t: Attribute("name", t, "x"),
            lambda t: Event(t),
            lambda t: Event("buy", measure=Measure(t)),
            lambda t: Event("buy", measure=Distinct(t)),
            lambda t: Event("buy", where=All(Attribute(t, "=", "x"))),
            lambda t: Sequence([Step("look"), Step(t)]),
            lambda t: Sequence([Step("look", where=All(Attribute(t, "is set"))), Step("buy")]),
            lambda t: Sequence([Step("look"), Step("buy")], same=[t]),
            lambda t: Lifecycle(t, "first_time"),
            lambda t: Lifecycle("buy", t),
            lambda t: InAudience(t),
        ):
            with pytest.raises(SpecError) as told:
                engine.evaluate(make(text))
            assert len(str(told.value)) < 2_000
    assert state(engine) == before


@pytest.mark.parametrize("number", range(0, len(CHUNKS), 4))
def test_a_text_as_an_audience_or_a_salt_is_a_name_like_any_other(
    number: int, world: tuple[Engine, World]
) -> None:
    engine, oracle = world
    asked: list[str] = []

    def resolver(audience: str, version: int | None) -> SavedMembers:
        asked.append(audience)
        raise UnknownName(f"Unknown audience {audience!r}.")

    with_saved = Engine(engine.snapshot, engine.catalogue, resolver)
    for text in [t for t in CHUNKS[number] if 0 < len(t) <= 200]:
        with pytest.raises(UnknownName):
            with_saved.evaluate(InAudience(text))
        assert asked[-1] == text
        rule = RandomSplit(text, 0.2, 0.7)
        expected = select(rule.to_dict(), oracle)
        whole = compile_rule(All(rule), engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
        rows = engine.snapshot.cursor().execute(whole.sql(), whole.params).fetchall()
        for found in (to_numbers(engine.evaluate(rule).members[()]), [n for (n,) in rows]):
            assert {PEOPLE[n] for n in found} == expected
        assert text in sentence(All(rule, InAudience(text)), engine.catalogue).en
