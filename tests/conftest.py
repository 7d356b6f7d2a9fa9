"""One made-up company of 500 people serves every test: seeded, and its true effects are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_postgres import postgres
from screens_world import screens_world
from spark_server import running_server, running_spark

from qa_lib.identity import generate_aliases
from qa_lib.profiles import build, catalogue
from qa_lib.rules import Catalogue, Engine
from qa_lib.sources import FEEDS, generate_interactions, journey_files, land_all, write_company
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.workspace import Snapshot, Workspace

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def company_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The made-up company's eight files, by feed."""
    return write_company(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="session")
def workspace(company_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the company landed and one snapshot built; shared: do not write to it.

    It has links between generated identifiers that nobody has resolved: people are the source's own ids.
    """
    made = Workspace.create(tmp_path_factory.mktemp("workspace"), zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    generate_interactions(made)
    generate_aliases(made)
    build(made)
    return made


@pytest.fixture(scope="session")
def snapshot(workspace: Workspace) -> Snapshot:
    """The shared workspace's snapshot at the end of its data."""
    return workspace.snapshot()


@pytest.fixture(scope="session")
def people_catalogue(snapshot: Snapshot) -> Catalogue:
    """Everything a rule over the shared snapshot may name."""
    return catalogue(snapshot)


@pytest.fixture(scope="session")
def engine(snapshot: Snapshot, people_catalogue: Catalogue) -> Engine:
    """An engine over the shared snapshot."""
    return Engine(snapshot, people_catalogue)


@pytest.fixture(scope="session")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the real demo year landed and built; more snapshots may be built, nothing landed."""
    made = Workspace.create(tmp_path_factory.mktemp("demo"), zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in journey_files().items()]):
        pass
    generate_interactions(made)
    build(made)
    return made


@pytest.fixture(scope="session")
def spark_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Spark Connect server: Sail."""
    with running_server(tmp_path_factory.mktemp("sail") / "log.txt") as address:
        yield address


@pytest.fixture(scope="session")
def real_spark_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Spark itself; for long tests, `.ci/setup long` installs it."""
    with running_spark(tmp_path_factory.mktemp("spark")) as address:
        yield address


@pytest.fixture(scope="session")
def screens_workspace(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The made-up company resolved and built at two moments, with loads that had faults; do not write to it."""
    return screens_world(workspace, tmp_path_factory.mktemp("screens"))


@pytest.fixture
def fresh_workspace(tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace of the test's own."""
    made = Workspace.create(tmp_path / "workspace", zone=ZONE, currency=CURRENCY)
    yield made
    made.state.engine.dispose()
