"""Every change goes out, in order by person, and one that goes out twice has the same id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from qa_lib.errors import StreamBehind
from qa_lib.sources.stream import MATCHES, MatchRelay, SqliteLog, StreamState, match_records
from qa_lib.sources.stream.match_rows import PersonChange, keep_changes, rule_numbers
from qa_lib.sources.stream.topics import MatchChange


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StreamState]:
    made = StreamState(tmp_path)
    with made.writing() as con:
        rules = rule_numbers(con, ["r0", "r1"])
        for n in range(25):
            moved = ([rules[n % 2]], []) if n % 4 < 2 else ([], [rules[n % 2]])
            keep_changes(con, [PersonChange(f"p{n % 3}", f"e{n}", *moved, inside="")], n)
    yield made
    made.close()


def received(log: SqliteLog) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for number in range(log.partitions):
        batch = log.read(number, 0, 1_000)
        found += [json.loads(value) for value in batch.values] if batch is not None else []
    return found


def test_every_change_goes_out_once_where_nothing_is_cut_off(state: StreamState, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    log = SqliteLog(tmp_path / "out", partitions=2)
    relay = MatchRelay(state, log, most=10)
    assert [relay.send() for _ in range(4)] == [10, 10, 5, 0]
    told = received(log)
    for record in told:
        jsonschema.validate(record, MATCHES.json_schema)
    assert sorted(record["change_id"] for record in told) == list(range(1, 26))
    for person in ("p0", "p1", "p2"):
        own = [record["change_id"] for record in told if record["person_id"] == person]
        assert own == sorted(own)
    assert MatchRelay(state, log).send() == 0  # another process goes on where it stood
    log.close()


def test_a_relay_that_is_cut_off_sends_again_under_the_same_id(state: StreamState, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    log = SqliteLog(tmp_path / "out", partitions=1)
    rows = state.rows("SELECT change_no, person_id, rule, change, as_of_us, event_id FROM match_changes")
    # confirmed, and then it was killed before it could note that
    log.append(match_records(MatchChange(*row) for row in rows[:7]))
    relay = MatchRelay(state, log)
    assert relay.sent() == 0
    assert relay.send() == 25
    told = received(log)
    assert len(told) == 32
    once = {record["change_id"]: record for record in told}
    assert sorted(once) == list(range(1, 26))
    assert all(once[record["change_id"]] == record for record in told)
    log.close()


def test_what_the_log_does_not_take_is_sent_later(state: StreamState, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    full = SqliteLog(tmp_path / "out", partitions=1, most_waiting=10)
    with pytest.raises(StreamBehind):
        MatchRelay(state, full).send()
    assert MatchRelay(state, full).sent() == 0
    full.close()
    log = SqliteLog(tmp_path / "out")
    assert MatchRelay(state, log).send() == 25
    log.close()
