"""Campaigns of the made-up company that tests plan, keep and carry out, each in a workspace of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from qa_lib.audiences import Audience
from qa_lib.campaigns import (
    Campaign,
    EmailMessage,
    MiniProgramMessage,
    OutboxMessage,
    Plan,
    PushMessage,
    Schedule,
    SmsMessage,
    addresses,
    keep_plan,
    plan,
)
from qa_lib.deliver import FileOutbox, HandOffGuard, Ledger, Run
from qa_lib.guards import PAST_COLUMNS, ContactPolicy, GuardState, RiskAnswer
from qa_lib.rules import All, Tag
from qa_lib.workspace import Workspace

BUYERS = Audience(name="buyers", rule=All(Tag("order_count_365d", ">=", 3)))
MESSAGES: dict[str, Any] = {
    "sms": SmsMessage(text="Hello {{ person_id }}", opt_out=" STOP to end"),
    "email": EmailMessage(
        subject="Hello {{ person_id }}",
        text="Spring is here",
        html="<p>Spring is here</p>",
        unsubscribe_url="https://example.invalid/u?p={{ person_id }}",
    ),
    "push": PushMessage(
        title="Hello",
        body="Spring",
        image="https://example.invalid/i.png",
        buttons=("Go", "Later"),
        payload={"page": "{{ person_id }}"},
    ),
    "mini_program": MiniProgramMessage(template_id="t-1", fields={"thing1": "Spring", "time2": "10:00"}),
    "outbox": OutboxMessage(text="Hello {{ person_id }}"),
}
#: Nothing went out before.
NO_PAST = pd.DataFrame(columns=list(PAST_COLUMNS))


def copy_of(workspace: Workspace, root: Path, state_url: str | None = None) -> Workspace:
    """A workspace of a test's own with the company's snapshot, everybody's consent, and any state database."""
    shutil.copytree(workspace.root, root)
    if state_url is not None:
        settings = json.loads((root / "workspace.json").read_text())
        (root / "workspace.json").write_text(json.dumps(settings | {"state_url": state_url}))
    made = Workspace.open(root)
    if state_url is not None:
        for published in workspace.state.snapshots():
            made.state.add_snapshot(published)
    GuardState(made).grant(people(made), source="generated")
    return made


def people(workspace: Workspace) -> list[str]:
    found = workspace.snapshot().frame("SELECT person_id FROM people ORDER BY person_id")
    return [str(p) for p in found["person_id"]]


def campaign_of(workspace: Workspace, name: str = "spring", channel: str = "sms", **changes: Any) -> Campaign:
    """A campaign to the company's buyers that runs from the snapshot's moment to tomorrow."""
    fields: dict[str, Any] = {
        "name": name,
        "audience": BUYERS,
        "message": MESSAGES[channel],
        "schedule": Schedule(workspace.snapshot().as_of, datetime.now(UTC) + timedelta(days=1)),
    }
    return Campaign(**{**fields, **changes})


def kept(
    workspace: Workspace,
    campaign: Campaign,
    *,
    book: pd.DataFrame | None = None,
    policy: ContactPolicy | None = None,
    **told: Any,
) -> Plan:
    """A plan that is made and kept."""
    if book is None:
        book = addresses(workspace.snapshot(), random_state=7, shared=0.0)
    made = plan(workspace, campaign, addresses=book, policy=policy, **told)
    keep_plan(workspace, made)
    return made


POLICY = ContactPolicy()
Send = Callable[..., Run]


def outbox(folder: Path, plan: Plan) -> FileOutbox:
    return FileOutbox(folder / "outbox.jsonl", channel=plan.campaign.channel)


def contacted(folder: Path) -> list[str]:
    return [str(line["person_id"]) for line in FileOutbox(folder / "outbox.jsonl").read()]


def guard_of(company: Workspace, plan: Plan, policy: ContactPolicy = POLICY, **told: Any) -> HandOffGuard:
    return HandOffGuard(company, Ledger(company), plan, policy, **{"past": NO_PAST, **told})


class Risk:
    """Answers as it is told, and remembers every question."""

    hash = "risk"

    def __init__(self, denials: dict[str, str] | None = None) -> None:
        self.denials, self.asked = denials or {}, list[list[str]]()

    def decide(self, person_ids: Sequence[str], as_of: datetime) -> RiskAnswer:
        self.asked.append(list(person_ids))
        return RiskAnswer(tuple(self.denials.get(p) for p in person_ids), "test")
