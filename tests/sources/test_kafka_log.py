"""The same consumer over Kafka, on a real broker: exactly once, groups, zombies, a broker that is lost."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from broker import Broker, free_port
from stream_helpers import consumer, drain, event, ids, keyed, start, until

from qa_lib.errors import LogBroken, LogUnavailable
from qa_lib.sources.stream import MatchRelay, StreamState
from qa_lib.sources.stream.kafka_log import KafkaLog
from qa_lib.sources.stream.match_rows import PersonChange, keep_changes, rule_numbers


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as made:
        yield made


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that the test may stop."""
    with Broker(tmp_path) as made:
        yield made


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StreamState]:
    made = StreamState(tmp_path)
    yield made
    made.close()


def topic(broker: Broker, name: str, partitions: int = 2) -> KafkaLog:
    log = KafkaLog(broker.bootstrap, topic=name, group=f"group-{name}", flush_s=10)
    log.create(partitions)
    return log


def live_on_kafka(folder: str, bootstrap: str, name: str, member: str) -> None:
    """A consumer's life, until it is killed."""
    state, log = StreamState(Path(folder)), KafkaLog(bootstrap, topic=name, group=f"group-{name}")
    one = consumer(log, state, member=member, most=50)
    while True:
        one.step(0.05)


def wait_for(what: Callable[[], object], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_events_count_once_and_poison_is_put_aside(broker: Broker, state: StreamState) -> None:
    log = topic(broker, "once")
    one = consumer(log, state)
    log.append(keyed([*(event(n) for n in range(50)), event(7), event(50, event="fly")]))
    drain(one, 52)
    assert sorted(ids(state)) == sorted(f"e{n}" for n in range(50))
    assert (one.total.duplicates, one.total.poison) == (1, 1)
    assert set(state.positions()) == {"kafka/once/0", "kafka/once/1"}
    one.close()
    log.append(keyed(event(n) for n in range(60, 80)))
    other = consumer(log, state)  # another member goes on from the state's offsets
    drain(other, 20)
    assert other.total.duplicates == 0
    assert len(ids(state)) == 70
    other.close()
    log.close()


def test_two_consumers_one_killed_the_other_takes_over(
    broker: Broker, tmp_path: Path, state: StreamState
) -> None:
    log = topic(broker, "two", partitions=4)
    pair = [start(live_on_kafka, str(tmp_path), broker.bootstrap, "two", f"k{n}") for n in range(2)]
    owners = "SELECT count(DISTINCT owner) FROM positions WHERE owner IS NOT NULL"
    wait_for(lambda: ids(state, owners) == [2])
    log.append(keyed(event(n) for n in range(300)))
    until(state, 100)
    assert pair[0].pid is not None
    os.kill(pair[0].pid, signal.SIGKILL)
    pair[0].join()
    log.append(keyed(event(n) for n in range(300, 500)))
    until(state, 500)
    pair[1].kill()
    pair[1].join()
    assert sorted(ids(state)) == sorted(f"e{n}" for n in range(500))
    assert ids(state, "SELECT sum(event_count) FROM counters") == [500]
    log.close()


def test_a_consumer_that_was_cut_off_commits_nothing(broker: Broker, state: StreamState) -> None:
    log = topic(broker, "zombie", partitions=1)
    one = consumer(log, state, member="zombie")
    log.append(keyed(event(n) for n in range(5)))
    wait_for(lambda: one.step(0.2).read == 0 and one.held)
    drain(one, 5)
    state.take("kafka/zombie/0", "another")  # as the group does when it takes the first for dead
    log.append(keyed(event(n) for n in range(5, 8)))
    wait_for(lambda: one.step(0.2).read == 0 and one.total.fenced)
    assert len(ids(state)) == 5
    one.close()
    log.close()


def test_a_broker_that_is_silent_for_a_while_costs_nothing(own_broker: Broker, state: StreamState) -> None:
    broker = own_broker
    log = KafkaLog(broker.bootstrap, topic="pause", flush_s=20, settings={"socket.timeout.ms": 1_000})
    log.create(1)
    one = consumer(log, state)
    log.append(keyed(event(n) for n in range(10)))
    drain(one, 10)
    broker.pause()
    wait_for(lambda: one.step(0.1).read == 0 and one.trouble)
    assert "cannot be reached" in str(one.trouble)
    assert broker.bootstrap in str(one.trouble)
    broker.go_on()
    log.append(keyed(event(n) for n in range(10, 20)))
    drain(one, 20)
    assert one.trouble is None
    assert len(ids(state)) == 20
    one.close()
    log.close()


def test_a_broker_that_lost_its_events_is_told_apart(own_broker: Broker, state: StreamState) -> None:
    broker = own_broker
    log = KafkaLog(broker.bootstrap, topic="lost", flush_s=2)
    log.create(1)
    one = consumer(log, state)
    log.append(keyed(event(n) for n in range(10)))
    drain(one, 10)
    broker.stop()
    wait_for(lambda: one.step(0.1).read == 0 and one.trouble)
    with pytest.raises(LogUnavailable, match="did not confirm"):
        log.append(keyed([event(10)]))
    broker.start()  # it held everything in memory
    again = KafkaLog(broker.bootstrap, topic="lost")
    again.create(1)
    again.append(keyed([event(11)]))
    another = consumer(again, state)
    end = time.monotonic() + 60

    def consume() -> None:
        while time.monotonic() < end:
            another.step(0.2)

    with pytest.raises(LogBroken, match="no longer holds"):
        consume()
    assert len(ids(state)) == 10
    for each in (one, another):
        each.close()
    for each_log in (log, again):
        each_log.close()


def test_who_enters_and_leaves_goes_out_to_a_topic(
    broker: Broker, tmp_path: Path, state: StreamState
) -> None:
    with state.writing() as con:
        rule = rule_numbers(con, ["r"])
        for n in range(40):
            keep_changes(con, [PersonChange(f"p{n % 5}", f"e{n}", rule, [], inside="")], n)
    out = topic(broker, "matches")
    assert MatchRelay(state, out).send() == 40
    assert MatchRelay(state, out).send() == 0
    (tmp_path / "behind").mkdir()
    behind = StreamState(tmp_path / "behind")
    reader = out.reader("somebody behind", behind)
    told: list[dict[str, object]] = []

    def all_there() -> bool:
        told.extend(json.loads(value) for batch in reader.poll(100, 0.2) for value in batch.values)
        return len(told) >= 40

    wait_for(all_there)
    assert sorted(str(record["change_id"]) for record in told) == sorted(map(str, range(1, 41)))
    reader.close()
    behind.close()
    out.close()


def test_no_broker_at_all_is_a_message() -> None:
    log = KafkaLog(f"127.0.0.1:{free_port()}", flush_s=1)
    with pytest.raises(LogUnavailable, match="Check the broker and its address"):
        log.append(keyed([event(1)]))
    with pytest.raises(LogUnavailable):
        log.ends()
    log.close()
