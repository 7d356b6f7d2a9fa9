"""The frames against which the naive evaluator runs rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st
from oracles.facts import read_facts
from oracles.rules import World, world_of
from random_rules import comparisons, seen_values, trees

from qa_lib.profiles import catalogue
from qa_lib.rules import Catalogue, Engine
from qa_lib.sources import journey_files
from qa_lib.workspace import Snapshot, Workspace


def _world(workspace: Workspace, files: dict[str, Path], snapshot: Snapshot) -> World:
    interactions = pd.concat(map(pd.read_parquet, workspace.store.files("interactions")))
    return world_of(read_facts(files, interactions, snapshot.as_of, str(snapshot.zone)))


@pytest.fixture(scope="session")
def company_world(workspace: Workspace, company_files: dict[str, Path], snapshot: Snapshot) -> World:
    """The company in pandas, as of the shared snapshot."""
    return _world(workspace, company_files, snapshot)


@pytest.fixture(scope="session")
def demo_engine(demo_workspace: Workspace) -> Engine:
    """An engine over the real year."""
    snapshot = demo_workspace.snapshot("2018-01-01T00:00:00-05:00")
    return Engine(snapshot, catalogue(snapshot))


@pytest.fixture(scope="session")
def demo_world(demo_workspace: Workspace, demo_engine: Engine) -> World:
    """The real year in pandas."""
    return _world(demo_workspace, journey_files(), demo_engine.snapshot)


@pytest.fixture(scope="session")
def profile_rules(people_catalogue: Catalogue, company_world: World) -> st.SearchStrategy[dict[str, Any]]:
    """Random rules over what people are: no events."""
    fields = [comparisons(f, seen_values(company_world, f)) for f in people_catalogue.fields]
    return trees(st.sampled_from(fields).flatmap(lambda s: s), at_most=6)
