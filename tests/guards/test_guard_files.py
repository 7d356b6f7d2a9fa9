"""The contact policy and risk as files of the workspace: kept, read, and refused when they are broken."""

from __future__ import annotations

from datetime import time

import pytest

from qa_lib.errors import ReadOnly, SpecError
from qa_lib.guards import (
    Cap,
    ContactPolicy,
    Holdout,
    LocalRisk,
    QuietHours,
    RiskPolicy,
    RiskRule,
    RiskService,
    keep_policy,
    keep_risk,
    read_policy,
    read_risk,
)
from qa_lib.guards.files import CONTACT_POLICY, RISK
from qa_lib.rules import Engine, Tag
from qa_lib.workspace import Workspace

POLICY = ContactPolicy(
    holdout=Holdout(0.05, "2026"),
    caps=(Cap(2, 7, "day"),),
    quiet_hours=QuietHours(time(21), time(9)),
)


def test_without_files_there_are_no_limits(fresh_workspace: Workspace, engine: Engine) -> None:
    assert read_policy(fresh_workspace) == ContactPolicy()
    assert read_risk(fresh_workspace, engine) is None


def test_what_is_kept_is_read_back_equal(fresh_workspace: Workspace, engine: Engine) -> None:
    keep_policy(fresh_workspace, POLICY)
    assert read_policy(fresh_workspace) == POLICY
    risk = RiskPolicy(
        name="abuse", owner="risk team", version=1, rules=(RiskRule("big", Tag("order_count_365d", ">", 99)),)
    )
    keep_risk(fresh_workspace, risk)
    read = read_risk(fresh_workspace, engine)
    assert isinstance(read, LocalRisk)
    assert read.policy == risk
    service = RiskService(url="http://127.0.0.1:9/ask")
    keep_risk(fresh_workspace, service)
    assert read_risk(fresh_workspace, engine) == service


def test_other_rules_need_another_version(fresh_workspace: Workspace) -> None:
    first = RiskPolicy(name="abuse", owner="risk team", version=1)
    keep_risk(fresh_workspace, first)
    keep_risk(fresh_workspace, first)
    changed = RiskPolicy(name="abuse", owner="risk team", version=1, max_age_hours=1)
    with pytest.raises(SpecError, match=r"has version 1 already.*version 2"):
        keep_risk(fresh_workspace, changed)
    keep_risk(fresh_workspace, changed.model_copy(update={"version": 2}))


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        (CONTACT_POLICY, "holdout: {share: 2, salt: x}", r"contact_policy\.yaml.*holdout\.share"),
        (CONTACT_POLICY, "caps: [", r"contact_policy\.yaml is not YAML"),
        (RISK, "owner: nobody", r"risk\.yaml.*name"),
        (RISK, "url: ftp://x", r"risk\.yaml.*http"),
    ],
)
def test_a_broken_file_stops_everything(
    fresh_workspace: Workspace, engine: Engine, file: str, text: str, said: str
) -> None:
    path = fresh_workspace.root / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=said):
        _ = read_policy(fresh_workspace), read_risk(fresh_workspace, engine)


def test_a_read_only_workspace_keeps_nothing(fresh_workspace: Workspace) -> None:
    viewer = Workspace.open(fresh_workspace.root, read_only=True)
    with pytest.raises(ReadOnly):
        keep_policy(viewer, POLICY)
    with pytest.raises(ReadOnly):
        keep_risk(viewer, RiskService(url="http://127.0.0.1:9/ask"))
    assert not (fresh_workspace.root / "guards").exists()
