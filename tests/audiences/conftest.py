"""Workspaces in which audiences may be saved: the company's data, a state of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qa_lib.audiences import AudienceLibrary
from qa_lib.workspace import Workspace


@pytest.fixture
def own_workspace(workspace: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of the shared workspace, snapshot included."""
    root = tmp_path / "own"
    workspace.state.engine.dispose()
    shutil.copytree(workspace.root, root)
    made = Workspace.open(root, read_only=False)
    yield made
    made.state.engine.dispose()


@pytest.fixture
def library(own_workspace: Workspace) -> AudienceLibrary:
    """The library of a workspace of the test's own."""
    return AudienceLibrary(own_workspace)
