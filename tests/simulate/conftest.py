"""A workspace of the tests' own, whose people redeem on several days, and campaigns to rehearse in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from company_changes import landed, with_more_redemptions

from qa_lib.audiences import Audience
from qa_lib.campaigns import Assumptions, Campaign, Costs, Coupon, Plan, Schedule, SmsMessage, addresses, plan
from qa_lib.guards import Holdout
from qa_lib.profiles import build
from qa_lib.rules import All, Tag
from qa_lib.workspace import Workspace

Make = Callable[..., Plan]


@pytest.fixture(scope="session")
def busy_files(
    company_files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The company's files, with several days and coupons for each redeemer."""
    return with_more_redemptions(company_files, tmp_path_factory.mktemp("busy_files"))


@pytest.fixture(scope="session")
def stage(busy_files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace in which plans may be rehearsed."""
    made = landed(busy_files, tmp_path_factory.mktemp("stage") / "workspace")
    build(made)
    yield made
    made.state.engine.dispose()


@pytest.fixture(scope="session")
def plan_of() -> Make:
    """Makes a plan for people with orders, as of the current snapshot, with its campaign changed as asked."""

    def made(workspace: Workspace, name: str = "spring", days: int = 28, **changes: Any) -> Plan:
        snapshot = workspace.snapshot()
        fields: dict[str, Any] = {
            "name": name,
            "audience": Audience(name="buyers", rule=All(Tag("order_count_365d", ">=", 2))),
            "message": SmsMessage(text="Spring is here", opt_out=" STOP to end"),
            "schedule": Schedule(snapshot.as_of, snapshot.as_of + timedelta(days=days)),
            "campaign_type": "Type A",
            "holdout": Holdout(0.1, "spring"),
            "offer": Coupon(name="c", face_amount="5", minimum_amount="10", per_person_limit=3),
            "costs": Costs(unit_amount="0.05", fixed_amount="100"),
            "assumptions": Assumptions(margin_rate="0.317", delivery_rate="0.9"),
        }
        book = addresses(snapshot, random_state=7, shared=0.1)
        return plan(workspace, Campaign(**{**fields, **changes}), addresses=book)

    return made
