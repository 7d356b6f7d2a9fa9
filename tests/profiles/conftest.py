"""A second workspace with the company, in which tests may build snapshots of other moments."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qa_lib.sources import FEEDS, generate_interactions, land_all
from qa_lib.sources.journey import ZONE
from qa_lib.workspace import Workspace


@pytest.fixture(scope="session")
def other_workspace(company_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The company landed once more; snapshots of any moment may be built in it."""
    made = Workspace.create(tmp_path_factory.mktemp("other"), zone=ZONE)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    generate_interactions(made)
    return made


@pytest.fixture
def declaring_workspace(other_workspace: Workspace) -> Iterator[Workspace]:
    """The second workspace, whose declared tags are taken away after the test."""
    yield other_workspace
    shutil.rmtree(other_workspace.root / "tags", ignore_errors=True)
