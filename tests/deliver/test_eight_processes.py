"""Eight processes plan and carry out overlapping campaigns at once: no guard gives way, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from crowd import Books, crowd

from qa_lib.workspace import Workspace


def state_url(url: str) -> str | None:
    """SQLite stays inside the workspace's folder."""
    return None if url.startswith("sqlite") else url


def test_eight_processes_keep_to_caps_holdouts_and_opt_outs(
    workspace: Workspace, url: str, tmp_path: Path
) -> None:
    found = crowd(workspace, tmp_path, state_url(url))
    print(found)
    assert found.contacted > 500
    assert found == Books(found.contacted, *[0] * (len(Books._fields) - 1))


@pytest.mark.parametrize(("mutant", "shows"), [("no caps", "over_cap"), ("no waiting", "after_stop")])
def test_the_same_crowd_finds_a_guard_that_gives_way(
    workspace: Workspace, tmp_path: Path, mutant: str, shows: str
) -> None:
    found = crowd(workspace, tmp_path, None, mutant)
    print(found)
    assert getattr(found, shows) > 0
    assert (found.failed, found.held_out, found.lost, found.twice) == (0, 0, 0, 0)
