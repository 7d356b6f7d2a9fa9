"""What was acknowledged is kept once: duplicates, poison, restarts, taking over, zombies, back-pressure."""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from stream_helpers import consumer, drain, event, ids, keyed

from qa_lib.errors import Fenced, SpecError, StreamBehind, WorkspaceUnusable
from qa_lib.sources.stream import SHOP_CONTRACTS, Consumer, Contracts, NoHandler, SqliteLog, StreamState
from qa_lib.sources.stream.match_rows import PersonChange, keep_changes, rule_numbers


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(tmp_path, partitions=3)
    yield made
    made.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StreamState]:
    made = StreamState(tmp_path, lease_s=0.6)
    yield made
    made.close()


def test_a_log_gives_back_what_was_added_in_order_by_person(log: SqliteLog) -> None:
    sent = keyed(event(n) for n in range(100))
    for start in range(0, 100, 7):
        log.append(sent[start : start + 7])
    found: dict[str, list[bytes]] = {}
    for number in range(3):
        offset = 0
        while (batch := log.read(number, offset, 5)) is not None:
            assert list(batch.offsets) == list(range(offset, batch.next_offset))
            found.setdefault(batch.partition, []).extend(batch.values)
            offset = batch.next_offset
        assert offset == log.ends()[log.partition_name(number)]
    assert sorted(v for values in found.values() for v in values) == sorted(v for _, v in sent)
    for person in {key for key, _ in sent}:
        own = [value for key, value in sent if key == person]
        (partition,) = {p for p, values in found.items() if own[0] in values}
        assert [v for v in found[partition] if v in own] == own


@pytest.mark.parametrize("offset", range(0, 20, 3))
def test_reading_begins_anywhere_in_a_chunk(tmp_path: Path, offset: int) -> None:
    log = SqliteLog(tmp_path, partitions=1)
    log.append([("a", b"%d" % n) for n in range(12)])
    log.append([("a", b"%d" % n) for n in range(12, 20)])
    batch = log.read(0, offset, 100)
    assert batch is not None
    assert list(batch.values) == [b"%d" % n for n in range(offset, 20)]
    log.close()


def test_an_event_counts_once_however_often_it_comes(log: SqliteLog, state: StreamState) -> None:
    one = consumer(log, state)
    log.append(keyed([event(1), event(2), event(1)]))
    log.append(keyed([event(2), event(3), event(3, person_id="another"), event(1)]))
    drain(one, 7)
    assert ids(state) == ["e1", "e2", "e3"]
    assert (one.total.new, one.total.duplicates) == (3, 4)
    assert state.rows("SELECT sum(event_count), sum(duplicate_count) FROM counters") == [(3, 4)]
    one.close()


def test_poison_becomes_a_dead_letter_and_holds_nothing_up(log: SqliteLog, state: StreamState) -> None:
    one = consumer(log, state)
    log.append([*keyed([event(1)]), ("x", b"\x00garbage"), *keyed([event(2, event="fly"), event(3)])])
    drain(one, 4)
    assert ids(state) == ["e1", "e3"]
    letters = state.rows("SELECT reason, value FROM dead_letters ORDER BY reason")
    assert [reason.split(":")[0].split(".")[0] for reason, _ in letters] == [
        "not JSON",
        "unknown event 'fly'",
    ]
    assert letters[0][1] == b"\x00garbage"
    assert sum(state.positions().values()) == 4
    one.close()


class Breaks(NoHandler):
    """A handler that fails for one micro-batch."""

    def __init__(self) -> None:
        self.failures = 1
        self.kept: list[bool] = []

    def handle(self, con: Any, events: Sequence[Any], persons: Sequence[str]) -> None:
        rule = rule_numbers(con, ["r"])
        keep_changes(con, [PersonChange("p", "e", rule, [], inside=rule[0])], 1)
        if self.failures:
            self.failures -= 1
            raise sqlite3.OperationalError("disk I/O error")

    def done(self, *, kept: bool) -> None:
        self.kept.append(kept)


def test_what_could_not_be_kept_leaves_nothing_and_is_read_again(log: SqliteLog, state: StreamState) -> None:
    handler = Breaks()
    one = Consumer(log, state, Contracts(SHOP_CONTRACTS), handler)
    log.append(keyed([event(1)]))
    with pytest.raises(WorkspaceUnusable, match="Nothing that was acknowledged is lost"):
        one.step()
    for table in ("events", "seen", "matches", "counters"):
        assert state.rows(f"SELECT count(*) FROM {table}") == [(0,)]
    assert sum(state.positions().values()) == 0
    drain(one, 1)
    assert ids(state) == ["e1"]
    assert handler.kept == [False, True]
    one.close()


class BreaksNowAndThen(NoHandler):
    """A handler that fails for some micro-batches, and notes what was kept of the others."""

    def __init__(self) -> None:
        self.draw = random.Random(8)
        self.order: list[tuple[str, int]] = []
        self.failures = 0

    def handle(self, con: Any, events: Sequence[Any], persons: Sequence[str]) -> None:
        if self.draw.random() < 0.3:
            self.failures += 1
            raise sqlite3.OperationalError("disk I/O error")
        self.order += [(e.partition, e.offset) for e in events]


def test_what_was_read_ahead_is_read_again_after_a_failure(log: SqliteLog, state: StreamState) -> None:
    """Every event is kept once and in the order of its partition, whatever failed while others were read ahead."""
    handler = BreaksNowAndThen()
    one = Consumer(log, state, Contracts(SHOP_CONTRACTS), handler, most=12)
    for start in range(0, 400, 4):
        log.append(keyed(event(n) for n in range(start, start + 4)))
    ahead = 0
    while one.total.read < 400:
        with contextlib.suppress(WorkspaceUnusable):
            one.step(0.05)
        ahead += one._ahead is not None
    assert handler.failures > 5 < ahead
    assert len(handler.order) == len({*handler.order}) == 400
    for number in range(3):
        offsets = [offset for partition, offset in handler.order if partition == log.partition_name(number)]
        assert offsets == sorted(offsets)
    assert ids(state) == sorted(f"e{n}" for n in range(400))
    one.close()


def test_a_new_consumer_goes_on_where_the_last_one_stood(log: SqliteLog, state: StreamState) -> None:
    first = consumer(log, state)
    log.append(keyed(event(n) for n in range(10)))
    drain(first, 10)
    first.close()
    log.append(keyed(event(n) for n in range(10, 15)))
    second = consumer(log, state)
    drain(second, 5)
    assert second.total.duplicates == 0
    assert len(ids(state)) == 15
    second.close()


def test_two_consumers_share_and_one_takes_over_from_a_silent_one(tmp_path: Path, log: SqliteLog) -> None:
    states = [StreamState(tmp_path, lease_s=0.6) for _ in range(2)]
    a, b = (consumer(log, s, member=name) for s, name in zip(states, "ab", strict=True))
    a.step(0)
    assert len(a.held) == 3
    until = time.monotonic() + 20
    while len(b.held) != 1 or len(a.held) != 2:
        assert time.monotonic() < until
        a.step(0)
        b.step(0.05)
    assert not set(a.held) & set(b.held)
    silent = time.monotonic()  # a says nothing any more
    while len(b.held) < 3:
        assert time.monotonic() < silent + 20
        b.step(0.05)
    log.append(keyed(event(n) for n in range(30)))
    drain(b, 30)
    assert len(ids(states[1])) == 30
    for one in states:
        one.close()


def test_a_zombie_commits_nothing(tmp_path: Path, log: SqliteLog, state: StreamState) -> None:
    zombie = consumer(log, state, member="zombie")
    zombie.step(0)
    other_state = StreamState(tmp_path, lease_s=0.6)
    time.sleep(0.7)  # its leases run out while it does something else
    other = consumer(log, other_state, member="other")
    log.append(keyed(event(n) for n in range(20)))
    drain(other, 20)
    held = dict(zombie._reader.held)
    batch = log.read(0, 0, 100)
    assert batch is not None
    with pytest.raises(Fenced, match="another consumer"), state.writing() as con:
        state.advance(con, batch.partition, held[batch.partition], (0, batch.next_offset), "zombie")
    assert len(ids(state)) == 20
    zombie._reader._shared_at = time.monotonic()  # it believes in its leases, and reads
    assert zombie.step(0).read == 0
    assert zombie.total.fenced == 1
    assert len(ids(state)) == 20
    other_state.close()


def test_a_producer_is_told_when_nobody_consumes(tmp_path: Path, state: StreamState) -> None:
    log = SqliteLog(tmp_path, partitions=1, most_waiting=5)
    log.append(keyed(event(n) for n in range(4)))
    with pytest.raises(StreamBehind, match="4 events of partition 0"):
        log.append(keyed(event(n) for n in range(4, 9)))
    one = consumer(log, state)
    drain(one, 4)
    log.trim(state.positions())
    log.append(keyed(event(n) for n in range(4, 9)))
    drain(one, 9)
    assert len(ids(state)) == 9
    log.close()


def test_trimming_keeps_what_is_not_acknowledged(log: SqliteLog) -> None:
    log.append(keyed(event(n) for n in range(50)))
    log.trim({})
    log.trim({log.partition_name(0): 1})
    assert all(log.read(n, 0, 100).offsets[0] == 0 for n in range(3))  # type: ignore[union-attr]
    ends = log.ends()
    log.trim(ends)
    assert [log.read(n, 0, 100) for n in range(3)] == [None] * 3
    assert log.ends() == ends


def test_a_log_keeps_its_number_of_partitions(log: SqliteLog, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="has 3 partitions, asked for 4"):
        SqliteLog(tmp_path, partitions=4)
    again = SqliteLog(tmp_path)
    assert again.partitions == 3
    again.close()


def test_an_id_is_forgotten_after_seven_days(log: SqliteLog, state: StreamState) -> None:
    one = consumer(log, state)
    log.append(keyed([event(1)]))
    drain(one, 1)
    (arrived,) = ids(state, "SELECT arrived_us FROM seen")
    state.forget(arrived + 7 * 86_400_000_000)
    assert ids(state, "SELECT count(*) FROM seen") == [1]
    state.forget(arrived + 7 * 86_400_000_000 + 1)
    assert ids(state, "SELECT count(*) FROM seen") == [0]
    one.close()
