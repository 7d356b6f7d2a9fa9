"""A state database on either engine, and a company to send to."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from company import POLICY, Send, copy_of, outbox

from qa_lib.campaigns import Plan
from qa_lib.deliver import Run, carry_out
from qa_lib.guards import ContactPolicy
from qa_lib.workspace import Workspace
from qa_lib.workspace.state import State


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty state database, on SQLite and on Postgres."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    import psycopg

    server: str = request.getfixturevalue("postgres")
    name = f"qa_{uuid.uuid4().hex}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as con:
        con.execute(f"CREATE SCHEMA {name}")
    return f"{server}?options=-csearch_path%3D{name}"


@pytest.fixture
def state(url: str) -> Iterator[State]:
    made = State(url)
    yield made
    made.engine.dispose()


@pytest.fixture
def company(workspace: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    made = copy_of(workspace, tmp_path / "workspace")
    yield made
    made.state.engine.dispose()


@pytest.fixture
def send(company: Workspace, tmp_path: Path) -> Send:
    """Carries a plan out into a file, with what is due now."""

    def made(plan: Plan, policy: ContactPolicy = POLICY, **told: Any) -> Run:
        return carry_out(
            company, plan, outbox(tmp_path, plan), policy=policy, **{"patience": timedelta(0), **told}
        )

    return made
