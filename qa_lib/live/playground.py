"""A stream to play with: a workspace's copy, events of one's own, consumers that may be killed, both views of a person."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.errors import SpecError, StreamError
from qa_lib.live.view import Resolver, contracts_of, live_rows, seam_snapshot
from qa_lib.sources.stream import SqliteLog, StreamState
from qa_lib.workspace import Workspace, quoted

_LEFT_OUT = ("*.lock", "stream*.db*", "state.db*", "runs", "outbox", "replay.db*")
_POISON: Mapping[str, bytes] = {
    "no JSON": b"\x00 not JSON",
    "unknown kind": b'{"event_id": "x1", "event": "fly", "occurred_at": "2018-01-01T00:00:00Z", "person_id": "1"}',
    "no zone": b'{"event_id": "x2", "event": "browse", "occurred_at": "2018-01-01T00:00:00", "person_id": "1"}',
    "no item": b'{"event_id": "x3", "event": "browse", "occurred_at": "2018-01-01T00:00:00Z", "person_id": "1"}',
}


def copy_workspace(workspace: Workspace, folder: Path) -> Workspace:
    """A workspace's copy for trying things; files that are never changed are shared, where the disk can.

    Raises
    ------
    SpecError
        When the folder is there already, or the workspace's state is not in its folder.
    """
    if folder.exists():
        raise SpecError(f"{folder} is there already. Name a folder that is not.")
    state = workspace.root / "state.db"
    if not state.exists():
        raise SpecError(f"The state of {workspace.root} is in a database elsewhere and cannot be copied.")
    shutil.copytree(
        workspace.root, folder, ignore=shutil.ignore_patterns(*_LEFT_OUT), copy_function=_share_or_copy
    )
    with closing(sqlite3.connect(state)) as old, closing(sqlite3.connect(folder / "state.db")) as new:
        old.backup(new)
    return Workspace.open(folder, read_only=False)


def _share_or_copy(source: str, target: str) -> None:
    if Path(source).suffix in (".parquet", ".duckdb", ".u64", ".bin"):
        try:
            os.link(source, target)
            return
        except OSError:  # another disk
            pass
    shutil.copy2(source, target)


class Playground:
    """The embedded log of a workspace of one's own, with hands to send, kill and look.

    Parameters
    ----------
    workspace
        One that nobody else uses; see `copy_workspace`.
    """

    def __init__(self, workspace: Workspace, *, random_state: int = 7) -> None:
        self.workspace, self.log = workspace, SqliteLog(workspace.root)
        self.state = StreamState(workspace.root)
        self._draw = np.random.default_rng(random_state)
        self._clock = workspace.snapshot().as_of + timedelta(minutes=1)
        self._sent = 0

    def send(self, person_id: str, event: str, properties: Mapping[str, Any], *, times: int = 1) -> list[str]:
        """Send events of one person, one a second of the stream's clock; returns their ids."""
        found = []
        for _ in range(times):
            self._sent, self._clock = self._sent + 1, self._clock + timedelta(seconds=1)
            told = {
                "event_id": f"play-{self._sent}",
                "event": event,
                "person_id": person_id,
                "occurred_at": self._clock.isoformat(),
                "properties": dict(properties),
            }
            self.log.append([(person_id, json.dumps(told).encode())])
            found.append(str(told["event_id"]))
        return found

    def send_poison(self) -> int:
        """Send one event of each kind that no contract takes; returns how many."""
        self.log.append([("poison", value) for value in _POISON.values()])
        return len(_POISON)

    def send_browsing(self, count: int) -> int:
        """Send browsing of people and items drawn from the snapshot; returns how many events."""
        snapshot, people = self.workspace.snapshot(), self.people()
        items = [value for value, _ in snapshot.meta["values"]["browse.item_id"]]
        for start in range(0, count, 100):
            keyed = []
            for _ in range(min(100, count - start)):
                self._sent, self._clock = self._sent + 1, self._clock + timedelta(milliseconds=20)
                who = people[self._draw.integers(len(people))]
                told = {
                    "event_id": f"play-{self._sent}",
                    "event": "browse",
                    "person_id": who,
                    "occurred_at": self._clock.isoformat(),
                    "properties": {"item_id": items[self._draw.integers(len(items))]},
                }
                keyed.append((who, json.dumps(told).encode()))
            self.log.append(keyed)
        return count

    def people(self) -> list[str]:
        """The people of the snapshot."""
        frame = self.workspace.snapshot().frame("SELECT person_id FROM people ORDER BY person_no")
        found: list[str] = frame["person_id"].tolist()
        return found

    def acknowledged(self) -> int:
        """How many events of the log are consumed for good, poison among them."""
        return sum(self.state.positions().values())

    def matches(self) -> pd.DataFrame:
        """Who entered and left which audience; columns `person_id, audience, change, event_id`."""
        rows = self.state.rows(
            "SELECT person_id, rule, change, event_id FROM match_changes ORDER BY change_no"
        )
        return pd.DataFrame(rows, columns=["person_id", "audience", "change", "event_id"])

    def dead_letters(self) -> pd.DataFrame:
        """What was refused; columns `partition, offset, reason, value`."""
        rows = self.state.rows('SELECT partition, "offset", reason, value FROM dead_letters ORDER BY 1, 2')
        frame = pd.DataFrame(rows, columns=["partition", "offset", "reason", "value"])
        frame["value"] = [value.decode(errors="replace")[:80] for value in frame["value"]]
        return frame

    def both_views(self, person_id: str) -> pd.DataFrame:
        """How many events of a person are in the batch view and in the live view; `event, view, event_count`."""
        snapshot = seam_snapshot(self.workspace, self.state.seam())
        known = Resolver(self.workspace, snapshot)([person_id])[0]
        with self.state.reading() as con:
            live = [event for event, _, _ in live_rows(con, [known])[known]]
        rows: list[tuple[str, str, int]] = []
        for contract in contracts_of(snapshot):
            sql = f"SELECT count(*) AS n FROM {quoted('event_' + contract.event)} JOIN people USING (person_no) WHERE person_id = $id"
            batch = int(snapshot.frame(sql, {"id": known})["n"].iloc[0])
            rows += [(contract.event, "batch", batch), (contract.event, "live", live.count(contract.event))]
        return pd.DataFrame(rows, columns=["event", "view", "event_count"])

    @contextmanager
    def consumer(self) -> Iterator[subprocess.Popen[bytes]]:
        """`qa stream run` in a process of its own, ended at the end of the block if it still runs."""
        code = "from qa_lib.cli import main; main()"
        command = [
            sys.executable,
            "-c",
            code,
            "stream",
            "run",
            "-w",
            str(self.workspace.root),
            "--clock",
            "events",
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)

    def killed_while_consuming(
        self, count: int, *, kills: Sequence[int], wait_s: float = 600
    ) -> pd.DataFrame:
        """Send events, let a consumer run, and kill it with SIGKILL whenever so many are acknowledged.

        Returns
        -------
        Columns `seconds, acknowledged, killed`: a row a look, `killed` where the consumer was just killed.

        Raises
        ------
        StreamError
            When not everything was consumed in time.
        """
        before = self.acknowledged()
        self.send_browsing(count)
        began, rows, left = time.monotonic(), [(0.0, 0, False)], list(kills)
        while rows[-1][1] < count:
            with self.consumer() as process:
                while rows[-1][1] < count:
                    done, at = self.acknowledged() - before, time.monotonic() - began
                    is_due = bool(left) and done >= left[0]
                    rows.append((at, done, is_due))
                    if is_due:
                        left.pop(0)
                        process.send_signal(signal.SIGKILL)
                        break
                    if at > wait_s or process.poll() is not None:
                        raise StreamError(
                            f"{done:,} of {count:,} events were consumed in {at:.0f} s. See `qa stream run`."
                        )
                    time.sleep(0.01)
        return pd.DataFrame(rows, columns=["seconds", "acknowledged", "killed"])

    def close(self) -> None:
        self.state.close()
        self.log.close()
