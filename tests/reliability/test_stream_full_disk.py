"""A disk that fills up under a stream: nothing that was acknowledged is lost, and it goes on afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from qa_lib.sources.stream import (
    SHOP_CONTRACTS,
    Consumer,
    Contracts,
    DeltaWriter,
    NoHandler,
    SqliteLog,
    StreamState,
)
from qa_lib.tables import STREAM_EVENTS
from qa_lib.workspace import Workspace

#: No file may grow beyond this many bytes: every larger write fails as on a full disk.
SCRIPT = """
import json, resource, signal, sys
from pathlib import Path
from qa_lib.errors import WorkspaceUnusable
from qa_lib.sources.stream import SHOP_CONTRACTS, Consumer, Contracts, DeltaWriter, NoHandler, SqliteLog, StreamState
from qa_lib.workspace import Workspace
root, what, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
workspace = Workspace.open(root)
log, state = SqliteLog(root), StreamState(root)
consumer = Consumer(log, state, Contracts(SHOP_CONTRACTS), NoHandler(), most=100)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
acknowledged = 0
def event(n):
    return {"event_id": f"s{n}", "event": "browse", "person_id": f"p{n % 50}",
            "occurred_at": "2026-06-01T10:00:00Z", "properties": {"item_id": "A" * 40}}
try:
    for n in range(0, 100_000, 100):
        if what == "append":
            log.append([(f"p{k % 50}", json.dumps(event(k)).encode()) for k in range(n, n + 100)])
            acknowledged += 100
        elif what == "consume":
            consumer.step(0.01)
        else:
            DeltaWriter(workspace, state).write()
            break
except WorkspaceUnusable as error:
    print("told:", error)
print("acknowledged:", acknowledged)
"""


def within(root: Path, what: str, size: int) -> tuple[str, int]:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(root), what, str(size)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "told:" in run.stdout, run.stdout + run.stderr
    return run.stdout, int(run.stdout.rsplit("acknowledged: ", 1)[1])


def size_of(path: Path) -> int:
    return max((p.stat().st_size for p in path.parent.glob(f"{path.name}*")), default=0)


def test_nothing_acknowledged_is_lost_on_a_full_disk(fresh_workspace: Workspace) -> None:
    root = fresh_workspace.root
    SqliteLog(root, partitions=2).close()
    StreamState(root).close()
    said, acknowledged = within(root, "append", 600_000)
    assert "Nothing that was acknowledged is lost" in said
    log = SqliteLog(root)
    assert sum(log.ends().values()) == acknowledged > 0

    free = shutil.disk_usage(root).free
    assert free > 0
    said, _ = within(root, "consume", size_of(root / "stream.db") + 150_000)
    assert str(root / "stream.db") in said
    state = StreamState(root)
    (kept,) = state.rows("SELECT count(*) FROM events")[0]
    assert 0 < kept < acknowledged
    assert sum(state.positions().values()) == kept

    within(root, "delta", 3_000)  # the table could not be written: the events wait in the state
    writer = DeltaWriter(fresh_workspace, state)
    assert writer.waiting() == kept
    consumer = Consumer(log, state, Contracts(SHOP_CONTRACTS), NoHandler())
    while sum(state.positions().values()) < acknowledged:
        consumer.step(0.5)
    writer.write()
    ids = fresh_workspace.read(STREAM_EVENTS)["event_id"]
    assert sorted(ids) == sorted(f"s{n}" for n in range(acknowledged))
    assert json.loads(fresh_workspace.read(STREAM_EVENTS)["properties"].iloc[0]) == {"item_id": "A" * 40}
    consumer.close()
    state.close()
    log.close()
