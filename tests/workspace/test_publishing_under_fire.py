"""A build killed at any instant, and builds beside each other: readers always see one whole snapshot."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qa_lib.profiles import build
from qa_lib.sources import FEEDS, generate_interactions, land
from qa_lib.sources.journey import ZONE
from qa_lib.workspace import Workspace

REPOSITORY = Path(__file__).parents[2]
BUILD = """
import sys
from qa_lib.profiles import build
from qa_lib.workspace import Workspace
workspace = Workspace.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
snapshot = build(workspace, sys.argv[2], progress=lambda step: print(step, flush=True))
print(snapshot.version, flush=True)
"""


def start(root: Path, as_of: str) -> subprocess.Popen[str]:
    """A process that has everything imported and waits for a line before it builds."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(root), as_of],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture
def landed(fresh_workspace: Workspace, company_files: dict[str, Path]) -> Workspace:
    for name, path in company_files.items():
        land(fresh_workspace, FEEDS[name], path)
    generate_interactions(fresh_workspace)
    return fresh_workspace


def test_a_build_killed_at_any_instant_leaves_the_snapshot_before_and_the_next_one_completes(
    landed: Workspace,
) -> None:
    before = build(landed, "2017-06-01T04:00:00Z")
    profile = before.frame("SELECT * FROM profile")
    chance = random.Random(618)
    for _ in range(20):
        process = start(landed.root, "2017-09-01T04:00:00Z")
        go(process)
        time.sleep(chance.uniform(0.0, 0.35))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        reader = Workspace.open(landed.root, read_only=True).snapshot()
        if process.returncode == -signal.SIGKILL and reader.version == before.version:
            assert reader.frame("SELECT * FROM profile").equals(profile)
        else:  # it was published before the signal came: then it is there whole
            assert reader.people_count == reader.frame("SELECT count(*) AS n FROM profile")["n"].iloc[0]
            assert reader.meta["tags"]
    after = build(landed, "2017-10-01T04:00:00Z")
    assert after.people_count >= before.people_count
    assert list((landed.root / "cache").glob(".building-*")) == []


@pytest.mark.parametrize("step", ["people", "tags: rfm", "profile"])
def test_a_build_killed_in_the_middle_of_a_step_publishes_nothing_and_is_swept(
    landed: Workspace, step: str
) -> None:
    before = build(landed, "2017-06-01T04:00:00Z")
    process = start(landed.root, "2017-09-01T04:00:00Z")
    go(process)
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == step:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    left = list((landed.root / "cache").glob(".building-*"))
    assert len(left) == 1
    assert Workspace.open(landed.root).snapshot().version == before.version
    assert build(landed, "2017-09-01T04:00:00Z").as_of.isoformat() == "2017-09-01T04:00:00+00:00"
    assert list((landed.root / "cache").glob(".building-*")) == []


def test_two_processes_that_build_the_same_content_publish_one_snapshot(landed: Workspace) -> None:
    processes = [start(landed.root, "2017-09-01T04:00:00Z") for _ in range(2)]
    for process in processes:
        go(process)
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    versions = {output.splitlines()[-1] for output, _ in answers}
    assert len(versions) == 1
    assert landed.snapshot().version in versions
    assert [p.name for p in (landed.root / "cache").iterdir() if p.is_dir()] == list(versions)


def test_a_landing_killed_at_any_instant_leaves_the_table_as_it_was_or_whole(
    landed: Workspace, company_files: dict[str, Path], tmp_path: Path
) -> None:
    import pandas as pd

    lines = pd.read_parquet(company_files["journey.transactions"])
    lines.head(5_000).to_parquet(tmp_path / "other.parquet")
    code = """
import sys
from qa_lib.sources import FEEDS, land
from qa_lib.workspace import Workspace
workspace = Workspace.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
land(workspace, FEEDS["journey.transactions"], sys.argv[2])
"""
    chance = random.Random(17)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(landed.root), str(tmp_path / "other.parquet")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        go(process)
        time.sleep(chance.uniform(0.0, 0.12))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        again = Workspace.open(landed.root)
        files = again.store.files("order_lines")
        assert sum(len(pd.read_parquet(f)) for f in files) in (len(lines), 5_000)
    land(landed, FEEDS["journey.transactions"], tmp_path / "other.parquet")
    assert sum(len(pd.read_parquet(f)) for f in landed.store.files("order_lines")) == 5_000


def test_a_workspace_says_the_same_of_itself_to_another_process(landed: Workspace) -> None:
    snapshot = build(landed)
    code = (
        "import json, sys; from qa_lib.workspace import Workspace; "
        "w = Workspace.open(sys.argv[1], read_only=True); "
        "print(json.dumps([w.snapshot().stamp(), str(w.zone), w.currency, w.snapshot().people_count]))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(landed.root)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert json.loads(told.stdout) == [snapshot.stamp(), ZONE, "USD", 500]
