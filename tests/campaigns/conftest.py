"""A workspace of the tests' own, with the made-up company's snapshot, consents and generated addresses."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qa_lib.audiences import Audience
from qa_lib.campaigns import Campaign, Schedule, SmsMessage, addresses
from qa_lib.guards import GuardState
from qa_lib.rules import All, Tag
from qa_lib.workspace import Workspace


@pytest.fixture(scope="session")
def planning(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A copy of the shared workspace, to which consents and plans may be added."""
    root = tmp_path_factory.mktemp("planning") / "workspace"
    shutil.copytree(Path(workspace.root), root)
    made = Workspace.open(root)
    people = made.snapshot().frame("SELECT person_id FROM people ORDER BY person_id")["person_id"].tolist()
    state = GuardState(made)
    state.grant(people, source="generated")
    state.opt_out(people[::11], channel="sms")
    state.suppress(people[::17], source="complaint")
    return made


@pytest.fixture(scope="session")
def book(planning: Workspace) -> pd.DataFrame:
    """Generated addresses of everybody."""
    return addresses(planning.snapshot(), random_state=7, shared=0.1)


@pytest.fixture(scope="session")
def campaign_of(planning: Workspace) -> Callable[..., Campaign]:
    """Makes a campaign to people with an order in the last year, changed as asked."""
    start = planning.snapshot().as_of

    def made(name: str = "spring", **changes: Any) -> Campaign:
        fields: dict[str, Any] = {
            "name": name,
            "audience": Audience(name="buyers", rule=All(Tag("order_count_365d", ">=", 3))),
            "message": SmsMessage(text="Hello {{ person_id }}, spring is here", opt_out=" STOP to end"),
            "schedule": Schedule(start, start + timedelta(days=3)),
        }
        return Campaign(**{**fields, **changes})

    return made
