"""Who is in which rule by the stream: a row a person, and a row for what a micro-batch changed of a person.

Rules are numbers here. The views `matches` and `match_changes` say the same by name, with a row for each rule: that
is what others read. An event may change dozens of ten thousand rules, and a row for each costs more than matching.
A person's rules lie in `live_people` before the places of the person's events, under no partition: people come in no
order, so that every page that a micro-batch touches is another, and one page for both is a third less to write.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from qa_lib.sources.stream.topics import MatchChange

_ROW = "match_rules ON rule_no = one.value"
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS match_rules (rule_no INTEGER PRIMARY KEY, rule TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS changes_of_person (first_no INTEGER PRIMARY KEY, person_id TEXT NOT NULL,
    entered TEXT NOT NULL, gone TEXT NOT NULL, as_of_us INTEGER NOT NULL, event_id TEXT NOT NULL);
CREATE VIEW IF NOT EXISTS matches_of_person AS SELECT person_id, rules FROM live_people WHERE partition = '';
CREATE VIEW IF NOT EXISTS matches AS
    SELECT person_id, rule FROM matches_of_person, json_each(rules) AS one JOIN {_ROW};
CREATE VIEW IF NOT EXISTS match_changes AS
    SELECT first_no + one.key AS change_no, person_id, rule, 'enter' AS change, as_of_us, event_id
        FROM changes_of_person, json_each(entered) AS one JOIN {_ROW}
    UNION ALL SELECT first_no + json_array_length(entered) + one.key, person_id, rule, 'leave', as_of_us, event_id
        FROM changes_of_person, json_each(gone) AS one JOIN {_ROW};
"""
_KEEP = "INSERT INTO live_people VALUES (?, '', 0, ?) ON CONFLICT DO UPDATE SET rules = excluded.rules"
_DROP = "DELETE FROM live_people WHERE person_id = ? AND partition = ''"
_LAST = (
    "SELECT first_no + json_array_length(entered) + json_array_length(gone) - 1 FROM changes_of_person "
    "ORDER BY first_no DESC LIMIT 1"
)


class PersonChange(NamedTuple):
    """What a micro-batch changed of one person: numbers of rules, and of all that the stream brought them into."""

    person_id: str
    event_id: str
    entered: Sequence[str]
    gone: Sequence[str]
    inside: str


def make(con: sqlite3.Connection) -> None:
    """Make the tables and the views, within the caller's transaction."""
    for statement in SCHEMA.split(";")[:-1]:
        con.execute(statement)


def rule_numbers(con: sqlite3.Connection, names: Sequence[str]) -> list[str]:
    """The number of each rule; one that has none gets it."""
    con.executemany("INSERT OR IGNORE INTO match_rules (rule) VALUES (?)", [(name,) for name in names])
    numbers = {name: str(number) for number, name in con.execute("SELECT rule_no, rule FROM match_rules")}
    return [numbers[name] for name in names]


def changed(inside: str, entered: Sequence[str], gone: Sequence[str]) -> str:
    """The rules that the stream brought a person into, with commas between, after a change."""
    if gone and inside:
        out = set(gone)
        inside = ",".join([one for one in inside.split(",") if one not in out])
    if entered:
        inside = ",".join([inside, *entered] if inside else entered)
    return inside


def keep_changes(con: sqlite3.Connection, changes: Sequence[PersonChange], as_of_us: int) -> None:
    """Write down what changed, each person at most once."""
    number = last_change(con) + 1
    rows, left = [], []
    for person_id, event_id, entered, gone, inside in changes:
        rows.append((number, person_id, f"[{','.join(entered)}]", f"[{','.join(gone)}]", as_of_us, event_id))
        number += len(entered) + len(gone)
        if not inside:
            left.append((person_id,))
    con.executemany("INSERT INTO changes_of_person VALUES (?, ?, ?, ?, ?, ?)", rows)
    con.executemany(_KEEP, [(one.person_id, f"[{one.inside}]") for one in changes if one.inside])
    con.executemany(_DROP, left)


def inside_of(con: sqlite3.Connection, person_ids: Sequence[str]) -> dict[str, str]:
    """Of those whom the stream brought into rules and who are still in: these rules, with commas between."""
    found: dict[str, str] = {}
    for start in range(0, len(person_ids), 500):
        part = person_ids[start : start + 500]
        marks = ", ".join("?" * len(part))
        sql = f"SELECT person_id, rules FROM matches_of_person WHERE person_id IN ({marks})"
        found |= {person_id: rules[1:-1] for person_id, rules in con.execute(sql, part)}
    return found


def last_change(con: sqlite3.Connection) -> int:
    """The number of the last change; 0 where there is none."""
    row = con.execute(_LAST).fetchone()
    return 0 if row is None else int(row[0])


def changes_after(con: sqlite3.Connection, number: int, most: int) -> list[MatchChange]:
    """The next rows of `match_changes`: about `most` of them, and all of the last person's."""
    names = dict(con.execute("SELECT rule_no, rule FROM match_rules").fetchall())
    found: list[MatchChange] = []
    sql = "SELECT * FROM changes_of_person WHERE first_no > ? ORDER BY first_no LIMIT ?"
    for first, person_id, entered, gone, as_of_us, event_id in con.execute(sql, (number, most)):
        if len(found) >= most:
            break
        told = [("enter", rule) for rule in json.loads(entered)]
        told += [("leave", rule) for rule in json.loads(gone)]
        found += [
            MatchChange(number, person_id, names[rule], change, as_of_us, event_id)
            for number, (change, rule) in enumerate(told, first)
        ]
    return found


def moves(con: sqlite3.Connection, after: int) -> Iterable[tuple[str, str, int]]:
    """By rule and change, how many changes there were after a number."""
    numbers = " UNION ALL ".join(
        f"SELECT one.value, '{change}' AS change FROM changes_of_person, json_each({column}) AS one "
        "WHERE first_no > :after"
        for column, change in (("entered", "enter"), ("gone", "leave"))
    )
    sql = f"SELECT rule, change, count(*) FROM ({numbers}) AS one JOIN {_ROW} GROUP BY one.value, change"
    return con.execute(sql, {"after": after}).fetchall()


def people_in(con: sqlite3.Connection) -> dict[str, int]:
    """By rule, how many people the stream brought in who are still in."""
    counts = "SELECT value, count(*) AS people FROM matches_of_person, json_each(rules) GROUP BY value"
    return dict(con.execute(f"SELECT rule, people FROM ({counts}) AS one JOIN {_ROW}").fetchall())


def match_count(con: sqlite3.Connection) -> int:
    """How many rows `matches` has."""
    (count,) = con.execute(
        "SELECT coalesce(sum(json_array_length(rules)), 0) FROM matches_of_person"
    ).fetchone()
    return int(count)


def rename_people(con: sqlite3.Connection, resolve: Callable[[Sequence[str]], Sequence[str]]) -> None:
    """Let matches follow their people to other ids; of people who became one, all that either is in."""
    people = [row[0] for row in con.execute("SELECT person_id FROM matches_of_person")]
    moved: Mapping[str, str] = {
        old: new for old, new in zip(people, resolve(people), strict=True) if old != new
    }
    for old, new in moved.items():
        inside = inside_of(con, [old, new])
        rules = {rule: None for told in inside.values() for rule in told.split(",")}
        con.execute(_DROP, (old,))
        con.execute(_KEEP, (new, f"[{','.join(rules)}]"))


def from_rows(con: sqlite3.Connection) -> None:
    """Take over the tables `matches` and `match_changes` of schema 1, which had a row for each rule."""
    con.execute("ALTER TABLE matches RENAME TO old_matches")
    con.execute("ALTER TABLE match_changes RENAME TO old_changes")
    make(con)
    con.execute(
        "INSERT INTO match_rules (rule) SELECT rule FROM old_matches UNION SELECT rule FROM old_changes"
    )
    con.execute(
        "INSERT INTO live_people SELECT person_id, '', 0, json_group_array(rule_no) FROM old_matches "
        "JOIN match_rules USING (rule) GROUP BY person_id"
    )
    con.execute(
        "INSERT INTO changes_of_person SELECT change_no, person_id, "
        "iif(change = 'enter', json_array(rule_no), '[]'), iif(change = 'leave', json_array(rule_no), '[]'), "
        "as_of_us, event_id FROM old_changes JOIN match_rules USING (rule)"
    )
    con.execute("DROP TABLE old_matches")
    con.execute("DROP TABLE old_changes")


def from_table(con: sqlite3.Connection) -> None:
    """Take over the table `matches_of_person` of schema 2."""
    con.execute("INSERT INTO live_people SELECT person_id, '', 0, rules FROM matches_of_person")
    con.execute("DROP VIEW matches")
    con.execute("DROP TABLE matches_of_person")
