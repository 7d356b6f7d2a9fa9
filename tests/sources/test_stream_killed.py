"""Consumers and Delta writers that are ended by SIGKILL at random instants lose nothing and count nothing twice."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from stream_helpers import consumer, drain, event, ids, keyed, live, start, until

from qa_lib.sources.stream import DeltaWriter, SqliteLog, StreamState
from qa_lib.sources.stream.sqlite_log import FILE as LOG_FILE
from qa_lib.sources.stream.state import FILE as STATE_FILE
from qa_lib.tables import STREAM_EVENTS
from qa_lib.workspace import Workspace


def write_to_delta(folder: str) -> None:
    """A Delta writer's life, until it is killed."""
    workspace, state = Workspace.open(folder), StreamState(Path(folder))
    writer = DeltaWriter(workspace, state)
    while True:
        writer.write()


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.long)])
def test_nothing_is_lost_or_counted_twice_under_kill_9(fresh_workspace: Workspace, kills: int) -> None:
    root, chance = fresh_workspace.root, random.Random(kills)
    log, state = SqliteLog(root, partitions=4), StreamState(root)
    count, lease = 400 * kills, 0.5
    consumers = [start(live, str(root), f"c{n}", 60, lease) for n in range(2)]
    writer = start(write_to_delta, str(root))
    sent = 0
    for kill in range(kills):
        part = [event(n) for n in range(sent, sent + 400)]
        again = [event(chance.randrange(sent + 400)) for _ in range(40)]  # duplicates, also across commits
        mixed = part + again
        chance.shuffle(mixed)
        for at in range(0, len(mixed), 50):
            log.append(keyed(mixed[at : at + 50]))
        sent += 400
        time.sleep(chance.uniform(0.02, 0.4))
        victim = kill % 3
        process = writer if victim == 2 else consumers[victim]
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        if victim == 2:
            writer = start(write_to_delta, str(root))
        else:
            consumers[victim] = start(live, str(root), f"c{victim}-{kill}", 60, lease)
    until(state, count)
    end = time.monotonic() + 60
    writes = DeltaWriter(fresh_workspace, state)
    while writes.waiting():
        assert time.monotonic() < end
        time.sleep(0.05)
    for process in (*consumers, writer):
        process.kill()
        process.join()
    assert sorted(ids(state)) == sorted(f"e{n}" for n in range(count))
    assert ids(state, "SELECT sum(event_count) FROM counters") == [count]
    there = Counter(fresh_workspace.read(STREAM_EVENTS)["event_id"])
    assert sorted(there) == sorted(f"e{n}" for n in range(count))
    assert max(there.values()) == 1
    assert state.positions() == log.ends()
    state.close()
    log.close()


def test_the_other_consumer_takes_over_within_seconds(tmp_path: Path) -> None:
    log, state = SqliteLog(tmp_path, partitions=4), StreamState(tmp_path)
    pair = [start(live, str(tmp_path), f"c{n}", 100, 1.0) for n in range(2)]
    end = time.monotonic() + 60
    sql = "SELECT count(DISTINCT owner) FROM positions WHERE owner IS NOT NULL"
    while ids(state, sql) != [2]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert pair[0].pid is not None
    os.kill(pair[0].pid, signal.SIGKILL)
    log.append(keyed(event(n) for n in range(200)))
    until(state, 200, seconds=30)
    pair[0].join()
    pair[1].kill()
    pair[1].join()
    assert sorted(ids(state)) == sorted(f"e{n}" for n in range(200))
    state.close()
    log.close()


@pytest.mark.parametrize("lost", [[STATE_FILE], [LOG_FILE], [LOG_FILE, STATE_FILE]], ids="+".join)
def test_files_that_were_deleted_hide_no_later_event(fresh_workspace: Workspace, lost: list[str]) -> None:
    """The table's positions are of the log that was there: a new one begins anew, and none is taken for another."""
    root = fresh_workspace.root
    for first, past in ((0, 40), (40, 50)):
        log, state = SqliteLog(root, partitions=2), StreamState(root)
        one = consumer(log, state)
        log.append(keyed(event(n) for n in range(first, past)))
        kept = lost == [STATE_FILE] and first > 0
        drain(one, past if kept else past - first)
        DeltaWriter(fresh_workspace, state).write()
        assert DeltaWriter(fresh_workspace, state).waiting() == 0
        for each in (one, state, log):
            each.close()
        for name in lost:
            for path in root.glob(f"{name}*"):
                path.unlink()
    found = fresh_workspace.read(STREAM_EVENTS)["event_id"].tolist()
    assert sorted(found) == sorted(f"e{n}" for n in range(50))
