"""A full disk is said in words, loses nothing, and consuming goes on once there is room."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest
from stream_helpers import PROCESSES, consumer, drain, event, ids, keyed

from qa_lib.errors import WorkbenchError, WorkspaceUnusable
from qa_lib.sources.stream import DeltaWriter, SqliteLog, StreamState
from qa_lib.tables import STREAM_EVENTS
from qa_lib.workspace import Workspace

_FULL = "disk is full.*Nothing that was acknowledged is lost.*Check the space left"


def no_more_room(owner: SqliteLog | StreamState, *, pages: int = 4) -> None:
    """SQLite raises of itself what it raises on a full disk."""
    (used,) = owner._con.execute("PRAGMA page_count").fetchone()
    owner._con.execute(f"PRAGMA max_page_count = {used + pages}").fetchall()


def room_again(owner: SqliteLog | StreamState) -> None:
    owner._con.execute("PRAGMA max_page_count = 1000000").fetchall()


def test_a_state_that_cannot_grow_keeps_nothing_of_the_batch_and_goes_on_later(tmp_path: Path) -> None:
    log, state = SqliteLog(tmp_path, partitions=2), StreamState(tmp_path)
    one = consumer(log, state, most=2_000)
    log.append(keyed(event(n) for n in range(10)))
    drain(one, 10)
    no_more_room(state)
    log.append(keyed(event(n, properties={"item_id": "long " * 30}) for n in range(10, 800)))
    with pytest.raises(WorkspaceUnusable, match=_FULL):
        drain(one, 800)
    assert len(ids(state)) == 10
    assert sum(state.positions().values()) == 10
    room_again(state)
    drain(one, 800)
    assert sorted(ids(state)) == sorted(f"e{n}" for n in range(800))
    assert one.total.duplicates == 0
    one.close()
    state.close()
    log.close()


def test_a_log_that_cannot_grow_refuses_and_keeps_what_it_took(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path, partitions=1)
    log.append(keyed(event(n) for n in range(10)))
    no_more_room(log)
    with pytest.raises(WorkspaceUnusable, match=_FULL):
        log.append(keyed(event(n) for n in range(10, 2_000)))
    assert log.ends() == {"sqlite/0": 10}
    room_again(log)
    log.append(keyed(event(n) for n in range(10, 20)))
    assert log.ends() == {"sqlite/0": 20}
    log.close()


def write_without_room(folder: str) -> None:
    """A Delta writer to whom the system gives no room for a file."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    state = StreamState(Path(folder))
    writer = DeltaWriter(Workspace.open(folder), state)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, resource.RLIM_INFINITY))
    try:
        writer.write()
    except WorkbenchError as error:
        raise SystemExit(0 if isinstance(error, WorkspaceUnusable) and str(error) else 3) from error
    raise SystemExit(4)


def test_tables_that_cannot_be_written_wait_and_lose_nothing(fresh_workspace: Workspace) -> None:
    root = fresh_workspace.root
    log, state = SqliteLog(root, partitions=1), StreamState(root)
    one = consumer(log, state)
    log.append(keyed(event(n) for n in range(500)))
    drain(one, 500)
    child = PROCESSES.Process(target=write_without_room, args=(str(root),))
    child.start()
    child.join(120)
    assert child.exitcode == 0
    writer = DeltaWriter(fresh_workspace, state)
    assert writer.waiting() == 500
    assert writer.write() == 500
    assert sorted(fresh_workspace.read(STREAM_EVENTS)["event_id"]) == sorted(f"e{n}" for n in range(500))
    one.close()
    state.close()
    log.close()
