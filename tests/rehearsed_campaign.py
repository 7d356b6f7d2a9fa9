"""A campaign of the made-up company that was planned, rehearsed and carried out, as rows with known totals."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qa_lib.audiences import Audience
from qa_lib.campaigns import Campaign, Costs, Plan, Schedule, SmsMessage, addresses, keep_plan, plan
from qa_lib.guards import GuardState, Holdout
from qa_lib.profiles import build
from qa_lib.rules import All, Tag
from qa_lib.tables import CAMPAIGNS, OUTCOMES, SENDS, Table
from qa_lib.workspace import Workspace

NAME = "spring <b>& co</b>"
EVE = "2017-10-01T04:00:00Z"
STARTS_ON, ENDS_ON = date(2017, 10, 1), date(2017, 10, 14)
WORLDS = 20
_ZERO_WORLD = (0,)


def copied(workspace: Workspace, root: Path) -> Workspace:
    """A copy of a workspace, to be written to."""
    shutil.copytree(workspace.root, root)
    return Workspace.open(root, read_only=False)


def planned(workspace: Workspace, **changes: Any) -> Plan:
    """The campaign's kept plan, made on its eve; the workspace is written to."""
    build(workspace, as_of=EVE)
    eve = workspace.snapshot(EVE)
    people = eve.frame("SELECT person_id FROM people ORDER BY person_id")["person_id"].tolist()
    state = GuardState(workspace)
    state.grant(people, source="generated")
    state.opt_out(people[::9], channel="sms")
    fields: dict[str, Any] = {
        "name": NAME,
        "audience": Audience(name="buyers", rule=All(Tag("order_count_365d", ">=", 3))),
        "message": SmsMessage(text="Hello {{ person_id }}, spring is here", opt_out=" STOP to end"),
        "schedule": Schedule(eve.as_of, eve.as_of + timedelta(days=14)),
        "costs": Costs(unit_amount=Decimal("0.05"), fixed_amount=Decimal("20.00")),
        "holdout": Holdout(0.1, "spring"),
    }
    made = plan(workspace, Campaign(**{**fields, **changes}), EVE, addresses=addresses(eve, random_state=7))
    keep_plan(workspace, made)
    return made


def rehearsed(workspace: Workspace, made: Plan, *, plan_hash: str | None = None) -> None:
    """Twenty worlds of its sends and conversions."""
    _write(workspace, made, "simulated", range(1, WORLDS + 1), plan_hash, ENDS_ON)


def carried_out(
    workspace: Workspace,
    made: Plan,
    origin: str = "observed",
    *,
    plan_hash: str | None = None,
    ends_on: date = ENDS_ON,
) -> None:
    """One world, as if it had happened."""
    _write(workspace, made, origin, _ZERO_WORLD, plan_hash, ends_on)


def _write(
    workspace: Workspace, made: Plan, origin: str, worlds: Any, plan_hash: str | None, ends_on: date
) -> None:
    own = {"campaign_id": made.campaign.name, "origin": origin}
    header = {
        **own,
        "campaign_type": made.campaign.campaign_type,
        "starts_on": STARTS_ON,
        "ends_on": ends_on,
        "goal": "购买 · purchase",
        "gain": "revenue",
        "fixed_cost_amount": made.campaign.costs.fixed_amount,
        "plan_hash": plan_hash or made.hash,
        "source": "test",
    }
    sends, outcomes = [], []
    targeted = [row for row in made.records if row["reason"] != "holdout"]
    for world in worlds:
        random = np.random.default_rng(1_000 + world)
        rate = random.uniform(0.15, 0.35)
        for row in targeted:
            is_sent = row["reason"] is None
            is_reached = bool(is_sent and random.random() < 0.8)
            sends.append(_send(row, own, world, is_sent, is_reached))
            if is_reached and random.random() < rate:
                outcomes.append(_outcome(row, own, world, int(random.integers(0, 14)), random.uniform(5, 60)))
    for table, rows in ((SENDS, sends), (OUTCOMES, outcomes), (CAMPAIGNS, [header])):
        workspace.replace(table, _batches(table, rows), where=own)


def _send(
    row: Mapping[str, Any], own: dict[str, str], world: int, is_sent: bool, is_reached: bool
) -> dict[str, Any]:
    sent_at = datetime.combine(STARTS_ON, time(14), UTC)
    return {
        **own,
        "person_id": row["person_id"],
        "step": "1",
        "channel": "sms",
        "status": "sent" if is_sent else "not_sent",
        "reason": row["reason"],
        "sent_at": sent_at if is_sent else None,
        "delivered_at": sent_at + timedelta(minutes=1) if is_reached else None,
        "cost_amount": Decimal("0.05") if is_sent else None,
        "world": world,
        "source": "test",
    }


def _outcome(
    row: Mapping[str, Any], own: dict[str, str], world: int, days: int, paid: float
) -> dict[str, Any]:
    amount = Decimal(round(paid * 100)) / 100
    return {
        **own,
        "person_id": row["person_id"],
        "outcome": "convert",
        "coupon_id": None,
        "occurred_on": STARTS_ON + timedelta(days=days),
        "revenue_amount": amount,
        "gain_amount": amount,
        "cost_amount": Decimal("1.00"),
        "world": world,
        "source": "test",
    }


def _batches(table: Table, rows: list[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    yield pa.RecordBatch.from_pylist(rows, schema=table.arrow_schema())
