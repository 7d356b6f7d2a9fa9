"""A row a person says what a row a rule would say: against sets of people and rules kept in Python."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from qa_lib.live.view import live_rows
from qa_lib.sources.stream import StreamEvent, StreamState
from qa_lib.sources.stream.match_rows import (
    PersonChange,
    changed,
    changes_after,
    inside_of,
    keep_changes,
    last_change,
    match_count,
    moves,
    people_in,
    rename_people,
    rule_numbers,
)

PEOPLE = [f"p{n}" for n in range(12)]
NAMES = ["夏季大促", "it's", *(f"rule {n}" for n in range(20))]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StreamState]:
    made = StreamState(tmp_path)
    yield made
    made.close()


Change = tuple[str, str, str, int, str]


def changes_kept(state: StreamState, parts: int) -> tuple[list[Change], dict[str, set[str]]]:
    """Random changes of some micro-batches; what each was, and whom the stream has in which rule."""
    draw = random.Random(parts)
    wanted: list[Change] = []
    inside: dict[str, set[str]] = {}
    told: dict[str, str] = {}
    for part in range(parts):
        with state.writing() as con:
            numbers = dict(zip(NAMES, rule_numbers(con, NAMES), strict=True))
            rows = []
            for who in draw.sample(PEOPLE, draw.randint(0, 8)):
                mine = inside.setdefault(who, set())
                into = draw.sample(sorted({*NAMES} - mine), draw.randint(0, 4))
                out_of = draw.sample(
                    sorted({*NAMES} - {*into}), draw.randint(0, 9)
                )  # a batch brought them in
                if not into and not out_of:
                    continue
                gone = [numbers[rule] for rule in out_of]
                entered = [numbers[rule] for rule in into]
                mine |= {*into}
                mine -= {*out_of}
                told[who] = changed(told.get(who, ""), entered, gone)
                rows.append(PersonChange(who, f"e{part}", entered, gone, told[who]))
                for change, rules in (("enter", into), ("leave", out_of)):
                    wanted += [(who, rule, change, part, f"e{part}") for rule in rules]
            keep_changes(con, rows, part)
    return wanted, inside


def pairs(inside: dict[str, set[str]]) -> set[tuple[str, str]]:
    return {(who, rule) for who, rules in inside.items() for rule in rules}


def test_the_views_have_a_row_for_each_rule(state: StreamState) -> None:
    wanted, inside = changes_kept(state, 40)
    assert set(state.rows("SELECT person_id, rule FROM matches")) == pairs(inside)
    found = state.rows("SELECT * FROM match_changes ORDER BY change_no")
    assert [row[0] for row in found] == list(range(1, len(wanted) + 1))
    assert [row[1:] for row in found] == wanted
    with state.reading() as con:
        assert last_change(con) == len(wanted)
        assert match_count(con) == len(pairs(inside))
        assert people_in(con) == {
            rule: count for rule in NAMES if (count := sum(rule in rules for rules in inside.values()))
        }
        told = {who: {*rules.split(",")} for who, rules in inside_of(con, PEOPLE).items()}
        numbers = dict(zip(NAMES, rule_numbers(con, NAMES), strict=True))
        assert told == {who: {numbers[r] for r in rules} for who, rules in inside.items() if rules}


def test_changes_are_read_on_from_any_persons_last_one(state: StreamState) -> None:
    wanted, _ = changes_kept(state, 30)
    with state.reading() as con:
        found = []
        number = 0
        while some := changes_after(con, number, 7):
            assert len({(one.person_id, one.event_id) for one in some}) <= 7
            found += some
            number = some[-1].change_no
            rest = wanted[len(found) :]
            counted = {(r, c, sum(row[1:3] == (r, c) for row in rest)) for _, r, c, *_ in rest}
            assert {*moves(con, number)} == counted
    assert [one[1:] for one in found] == wanted
    assert [one.change_no for one in found] == list(range(1, len(wanted) + 1))


def test_people_who_become_one_are_in_what_either_was_in(state: StreamState) -> None:
    _, inside = changes_kept(state, 25)
    other = {"p1": "p0", "p2": "p0", "p3": "new"}
    with state.writing() as con:
        rename_people(con, lambda ids: [other.get(one, one) for one in ids])
    wanted = {(other.get(who, who), rule) for who, rule in pairs(inside)}
    assert set(state.rows("SELECT person_id, rule FROM matches")) == wanted


def old_state(folder: Path, version: int) -> sqlite3.Connection:
    """A state without people and matches, as that schema kept it."""
    made = StreamState(folder)
    made.close()
    old = sqlite3.connect(made.path, isolation_level=None)
    old.executescript(
        f"""
        DROP VIEW matches; DROP VIEW match_changes; DROP VIEW matches_of_person; DROP VIEW live_counters;
        DROP TRIGGER event_came; DROP TRIGGER event_left; DROP TRIGGER event_moved; DROP TABLE live_people;
        CREATE INDEX events_of_person ON events (person_id);
        CREATE VIEW live_counters AS SELECT person_id, event, count(*) AS event_count,
            max(occurred_us) AS last_us FROM events GROUP BY person_id, event;
        DELETE FROM schema_version; INSERT INTO schema_version VALUES ({version});
        """
    )
    events = [(name, n, f"e{n}", "visit", who, who, n, "{}", n) for n, (name, who) in enumerate(PLACES)]
    old.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", events)
    return old


PLACES = [("log/0", "a"), ("log/0", "b"), ("log/1", "a"), ("log/1", "a")]
CHANGES = [("a", "x", "enter", 1, "e1"), ("a", "y", "enter", 1, "e1"), ("b", "z", "leave", 2, "e2")]
MATCHES = {("a", "x"), ("a", "y"), ("c", "old rule")}


def is_taken_over(folder: Path) -> None:
    for _ in range(2):  # and once only
        state = StreamState(folder)
        assert set(state.rows("SELECT person_id, rule FROM matches")) == MATCHES
        found = state.rows("SELECT * FROM match_changes ORDER BY change_no")
        assert found == [(n, *row) for n, row in enumerate(CHANGES, 1)]
        with state.reading() as con:
            rows = live_rows(con, ["a", "b", "c"], without={("log/1", 3)})
        assert rows == {"a": [("visit", 0, "{}"), ("visit", 2, "{}")], "b": [("visit", 1, "{}")], "c": []}
        assert set(state.rows("SELECT * FROM live_counters")) == {("a", "visit", 3, 3), ("b", "visit", 1, 1)}
        assert state.rows("SELECT max(version) FROM schema_version") == [(3,)]
        state.close()


def test_a_state_of_schema_1_is_taken_over(tmp_path: Path) -> None:
    old = old_state(tmp_path, 1)
    old.executescript(
        """
        DROP TABLE match_rules; DROP TABLE changes_of_person;
        CREATE TABLE matches (person_id TEXT, rule TEXT, since_us INTEGER NOT NULL,
            PRIMARY KEY (person_id, rule)) WITHOUT ROWID;
        CREATE TABLE match_changes (change_no INTEGER PRIMARY KEY, person_id TEXT NOT NULL, rule TEXT NOT NULL,
            change TEXT NOT NULL, as_of_us INTEGER NOT NULL, event_id TEXT NOT NULL);
        """
    )
    insert = "INSERT INTO match_changes (person_id, rule, change, as_of_us, event_id) VALUES (?, ?, ?, ?, ?)"
    old.executemany(insert, CHANGES)
    old.executemany("INSERT INTO matches VALUES (?, ?, 1)", sorted(MATCHES))
    old.close()
    is_taken_over(tmp_path)


def test_a_state_of_schema_2_is_taken_over(tmp_path: Path) -> None:
    old = old_state(tmp_path, 2)
    old.executescript(
        """
        CREATE TABLE matches_of_person (person_id TEXT PRIMARY KEY, rules TEXT NOT NULL) WITHOUT ROWID;
        CREATE VIEW matches AS SELECT person_id, rule FROM matches_of_person, json_each(rules) AS one
            JOIN match_rules ON rule_no = one.value;
        """
    )
    old.executemany("INSERT INTO match_rules VALUES (?, ?)", enumerate(["x", "y", "z", "old rule"], 1))
    old.executemany(
        "INSERT INTO changes_of_person VALUES (?, ?, ?, ?, ?, ?)",
        [(1, "a", "[1,2]", "[]", 1, "e1"), (3, "b", "[]", "[3]", 2, "e2")],
    )
    old.executemany("INSERT INTO matches_of_person VALUES (?, ?)", [("a", "[1,2]"), ("c", "[4]")])
    old.close()
    is_taken_over(tmp_path)


def visit(partition: str, offset: int, who: str, occurred_us: int = 0) -> StreamEvent:
    return StreamEvent(f"{partition}-{offset}", "visit", who, occurred_us, {}, partition, offset, 0, None)


def test_the_places_of_a_persons_events_are_those_that_there_are(state: StreamState) -> None:
    draw = random.Random(7)
    for step in range(60):
        with state.writing() as con:
            some = [
                visit(f"log/{draw.randint(0, 2)}", step * 10 + n, draw.choice(PEOPLE))
                for n in range(draw.randint(0, 9))
            ]
            state.add(con, some, [one.person for one in some], ["{}"] * len(some))
            if step % 4 == 0:
                con.execute('DELETE FROM events WHERE "offset" < ? AND person_id < ?', (step * 8, "p4"))
            if step % 5 == 0:
                con.execute("UPDATE events SET person_id = ? WHERE person_id = ?", draw.sample(PEOPLE, 2))
        found = state.rows('SELECT person_id, partition, "offset" FROM live_people ORDER BY 2, 3')
        assert found == state.rows('SELECT person_id, partition, "offset" FROM events ORDER BY 2, 3')
    assert found


def test_a_seam_that_moves_takes_events_away_and_gives_the_rest_to_other_people(state: StreamState) -> None:
    draw = random.Random(3)
    sources = [f"s{n}" for n in range(20)]
    renamed = {one: f"person of {one}" for one in draw.sample(sources, 12)}
    renamed[sources[0]] = renamed[sources[1]] = "one person"
    events = [
        visit(f"log/{n % 2}", n // 2, draw.choice(sources), occurred_us=draw.randint(0, 99))
        for n in range(300)
    ]
    with state.writing() as con:
        state.add(con, events, [one.person for one in events], ["{}"] * len(events))
    seam = state.move_seam(
        "v2", 50, {"log/0": 100, "log/1": 40}, lambda ids: [renamed.get(one, one) for one in ids]
    )
    wanted = [
        (renamed.get(one.person, one.person), one.partition, one.offset)
        for one in events
        if seam.is_live(one.partition, one.offset, one.occurred_us)
    ]
    assert 0 < len(wanted) < len(events)
    places = sorted(wanted)
    assert state.rows('SELECT person_id, partition, "offset" FROM events ORDER BY 1, 2, 3') == places
    assert state.rows('SELECT person_id, partition, "offset" FROM live_people ORDER BY 1, 2, 3') == places
