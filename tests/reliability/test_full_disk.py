"""A disk that fills up in the middle of a landing or a build loses nothing that was there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qa_lib.profiles import build
from qa_lib.sources import FEEDS, land_all
from qa_lib.workspace import Workspace

#: No file may grow beyond this many bytes: every larger write fails as on a full disk.
SCRIPT = """
import resource, signal, sys
from qa_lib.errors import WorkbenchError
from qa_lib.profiles import build
from qa_lib.sources import FEEDS, land
from qa_lib.workspace import Workspace
workspace = Workspace.open(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    if sys.argv[3] == "build":
        build(workspace, "2017-09-01T04:00:00Z")
    else:
        land(workspace, FEEDS["journey.transactions"], sys.argv[3])
except WorkbenchError as error:
    print("told:", error)
"""


@pytest.fixture
def built(fresh_workspace: Workspace, company_files: dict[str, Path]) -> Workspace:
    for _ in land_all(fresh_workspace, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    build(fresh_workspace, "2017-06-01T04:00:00Z")
    return fresh_workspace


def within(root: Path, size: int, what: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(root), str(size), what],
        capture_output=True,
        text=True,
        timeout=120,
    )
    return run.stdout + run.stderr


@pytest.mark.parametrize("size", [20_000, 200_000, 1_000_000])
def test_a_build_that_runs_out_of_disk_leaves_the_snapshot_before(built: Workspace, size: int) -> None:
    before = built.snapshot()
    profile = before.frame("SELECT * FROM profile")
    said = within(built.root, size, "build")
    assert "told:" in said, said
    assert str(built.root) in said
    reader = Workspace.open(built.root).snapshot()
    assert reader.version == before.version
    assert reader.frame("SELECT * FROM profile").equals(profile)
    assert build(Workspace.open(built.root), "2017-09-01T04:00:00Z").people_count > 0
    assert not list((built.root / "cache").glob(".building-*"))


def test_a_landing_that_runs_out_of_disk_leaves_the_table_before(
    built: Workspace, company_files: dict[str, Path], tmp_path: Path
) -> None:
    table = FEEDS["journey.transactions"].table
    before = built.read(table)
    version = built.store.version(table.name)
    other = tmp_path / "transactions.csv"
    source = company_files["journey.transactions"]
    import duckdb

    duckdb.execute(f"COPY (SELECT * FROM '{source}' LIMIT 20000) TO '{other}'")
    said = within(built.root, 20_000, str(other))
    assert "told:" in said, said
    after = Workspace.open(built.root)
    assert after.store.version(table.name) == version
    assert after.read(table).equals(before)
