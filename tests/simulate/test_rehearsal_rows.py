"""A rehearsal's rows are what plain pandas and Decimal make of the plan, the draws and the past redeemers."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from rehearsal_oracle import Oracle

from qa_lib.campaigns import Assumptions, Coupon, Goal, PercentageDiscount, Plan, ThresholdDiscount, Tier
from qa_lib.rules import Event
from qa_lib.simulate import Rehearsal, rehearse
from qa_lib.simulate import draws as drawing
from qa_lib.simulate.rehearsal_rows import _amounts, _prices
from qa_lib.tables import CAMPAIGNS, OUTCOMES, SENDS, Table
from qa_lib.workspace import Workspace

Make = Callable[..., Plan]
WORLDS = 25


def rows_of(workspace: Workspace, table: Table, name: str = "spring") -> list[dict[str, Any]]:
    """A campaign's simulated rows with exact decimals, sorted."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        scan = workspace.store.scan_sql(table)
        found = con.execute(
            f"SELECT * FROM ({scan}) WHERE campaign_id = ? AND origin = 'simulated' ORDER BY ALL", [name]
        )
        return found.to_arrow_table().to_pylist()


@pytest.fixture(scope="module")
def planned(stage: Workspace, plan_of: Make) -> Plan:
    """Messages that go on ten different days, so that some leave three weeks and some four."""
    made = plan_of(stage)
    later = [
        {**r, "send_at": r["send_at"] + timedelta(hours=25 * (i % 10))} if r["reason"] is None else r
        for i, r in enumerate(made.records)
    ]
    return replace(made, records=tuple(later))


@pytest.fixture(scope="module")
def rehearsed(stage: Workspace, planned: Plan) -> Rehearsal:
    return rehearse(stage, planned, goal="a coupon is redeemed", world_count=WORLDS, random_state=3)


@pytest.fixture(scope="module")
def sends(stage: Workspace, rehearsed: Rehearsal) -> list[dict[str, Any]]:
    return rows_of(stage, SENDS)


@pytest.fixture(scope="module")
def outcomes(stage: Workspace, rehearsed: Rehearsal) -> list[dict[str, Any]]:
    return rows_of(stage, OUTCOMES)


def test_world_w_is_draw_w_of_the_simulation(
    rehearsed: Rehearsal, sends: list[dict[str, Any]], outcomes: list[dict[str, Any]]
) -> None:
    draws = rehearsed.simulation.draws
    assert len(draws) == 1_000
    converted = {(r["world"], r["person_id"]) for r in outcomes}
    delivered = {(r["world"], r["person_id"]) for r in sends if r["delivered_at"] is not None}
    redeemers, reached = (Counter(world for world, _ in pairs) for pairs in (converted, delivered))
    assert [redeemers[w + 1] for w in range(WORLDS)] == draws["redeemers"][:WORLDS].tolist()
    assert [reached[w + 1] for w in range(WORLDS)] == draws["reached"][:WORLDS].tolist()
    assert converted < delivered
    assert len(set(redeemers.values())) > 10


def test_every_targeted_person_is_in_every_world_as_the_plan_says(
    planned: Plan, sends: list[dict[str, Any]]
) -> None:
    assert {"holdout", "no_consent", "duplicate_address"} <= set(planned.reasons)
    wanted = []
    for row in planned.records:
        if row["reason"] == "holdout":
            continue
        sent = row["reason"] is None
        wanted.append(
            {
                "campaign_id": "spring",
                "person_id": row["person_id"],
                "step": "1",
                "channel": "sms",
                "status": "sent" if sent else "not_sent",
                "reason": row["reason"],
                "sent_at": row["send_at"] if sent else None,
                "cost_amount": Decimal("0.05") * row["unit_count"] if sent else None,
                "origin": "simulated",
                "source": "rehearsal",
            }
        )
    wanted.sort(key=lambda r: r["person_id"])
    by_world: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in sends:
        assert row["delivered_at"] in (None, row["sent_at"])
        assert row["status"] == "sent" or row["delivered_at"] is None
        by_world[row["world"]].append({k: v for k, v in row.items() if k not in ("world", "delivered_at")})
    assert set(by_world) == set(range(1, WORLDS + 1))
    for rows in by_world.values():
        assert sorted(rows, key=lambda r: r["person_id"]) == wanted


def test_what_each_redeemer_does_is_what_a_donor_of_their_class_did(
    planned: Plan,
    rehearsed: Rehearsal,
    outcomes: list[dict[str, Any]],
    busy_files: Mapping[str, Path],
    stage: Workspace,
) -> None:
    """Days, revenue, gain and offer cost of every person and world, to the cent."""
    oracle = Oracle(busy_files, [c for c in rehearsed.learnt_from if c in ("1", "5")])
    first, last = date(2018, 1, 1), date(2018, 1, 28)
    assert planned.campaign.days(stage.zone) == (first, last)
    basket = oracle.average_baskets(pd.Timestamp(first))
    sent_on = {
        r["person_id"]: r["send_at"].astimezone(stage.zone).date() for r in planned.records if not r["reason"]
    }
    assert len(set(sent_on.values())) == 10
    known: dict[tuple[int, date], Counter[Any]] = {}
    seen: dict[tuple[int, str], list[Any]] = defaultdict(list)
    for row in outcomes:
        assert (row["outcome"], row["coupon_id"], row["origin"], row["source"]) == (
            "convert", None, "simulated", "rehearsal",
        )  # fmt: skip
        amounts = (row["revenue_amount"], row["gain_amount"], row["cost_amount"])
        seen[row["world"], row["person_id"]].append((row["occurred_on"], *amounts))
    used = set()
    for (_, person), days in seen.items():
        key = (oracle.fifth(basket.get(person, 0.0)), sent_on[person])
        if key not in known:
            margin = Decimal("0.317")
            known[key] = Counter(oracle.days_of(d, key[1], last, 3, margin) for d in oracle.donors[key[0]])
        assert tuple(sorted(days)) in known[key], (person, days)
        assert len({d[0] for d in days}) == len(days)
        used.add((key[0], tuple(sorted(days))))
    assert len(used) > 200
    assert {row["cost_amount"] for row in outcomes} > {
        Decimal(n).quantize(Decimal("0.01")) for n in (0, 5, 10, 15)
    }
    assert all(row["cost_amount"] <= row["revenue_amount"] for row in outcomes)


def test_the_campaign_stands_with_its_goal_gain_and_days(
    stage: Workspace, rehearsed: Rehearsal, planned: Plan
) -> None:
    assert rows_of(stage, CAMPAIGNS) == [
        {
            "campaign_id": "spring",
            "campaign_type": "Type A",
            "starts_on": date(2018, 1, 1),
            "ends_on": date(2018, 1, 28),
            "goal": "a coupon is redeemed",
            "gain": "margin",
            "fixed_cost_amount": Decimal("100.00"),
            "plan_hash": planned.hash,
            "origin": "simulated",
            "source": "rehearsal",
        }
    ]
    assert rehearsed.plan_hash == planned.hash
    assert rehearsed.campaign_id == "spring"
    beside = stage.snapshot().with_tables(rehearsed.table_versions)
    counted = beside.frame("SELECT count(*) AS n FROM sends WHERE origin = 'simulated'")["n"].iloc[0]
    assert counted == WORLDS * (planned.audience_count - planned.reasons["holdout"])


def test_the_same_seed_writes_the_same_rows_once_whatever_the_memory(
    stage: Workspace, plan_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(stage, "twice")
    observed = [len(stage.read(t)) - len(rows_of(stage, t, "twice")) for t in (CAMPAIGNS, SENDS, OUTCOMES)]

    def written(**how: Any) -> str:
        rehearse(stage, plan, world_count=5, **how)
        return json.dumps([rows_of(stage, t, "twice") for t in (CAMPAIGNS, SENDS, OUTCOMES)], default=str)

    first = written(random_state=4)
    assert written(random_state=5) != first
    assert written(random_state=4) == first
    monkeypatch.setattr(drawing, "_CELLS", 700)
    assert written(random_state=4) == first
    monkeypatch.setattr(drawing, "_BLOCK", 100)  # other blocks have other seeds; worlds and draws still agree
    blocks = rehearse(stage, plan, world_count=5, random_state=4).simulation.draws["redeemers"][:5]
    rows = pd.DataFrame(rows_of(stage, OUTCOMES, "twice"))
    assert rows.groupby("world")["person_id"].nunique().tolist() == blocks.tolist()
    after = [len(stage.read(t)) - len(rows_of(stage, t, "twice")) for t in (CAMPAIGNS, SENDS, OUTCOMES)]
    assert after == observed


def test_without_a_delivery_rate_no_receipt_is_made_up(stage: Workspace, plan_of: Make) -> None:
    plan = plan_of(stage, "unknown_reach", assumptions=Assumptions(), offer=None)
    found = rehearse(stage, plan, world_count=4)
    sends, outcomes = (rows_of(stage, t, "unknown_reach") for t in (SENDS, OUTCOMES))
    assert {r["delivered_at"] for r in sends} == {None}
    assert {r["world"] for r in sends} == {1, 2, 3, 4}
    assert "reached" not in found.simulation.draws
    redeemers = Counter(w for w, _ in {(r["world"], r["person_id"]) for r in outcomes})
    assert [redeemers[w] for w in range(1, 5)] == found.simulation.draws["redeemers"][:4].tolist()
    assert "reach is not recorded" in found.notes.en
    assert "触达未记录" in found.notes.zh
    assert {r["cost_amount"] for r in outcomes} == {Decimal("0.00")}
    assert all(r["gain_amount"] == r["revenue_amount"] for r in outcomes)
    (campaign,) = rows_of(stage, CAMPAIGNS, "unknown_reach")
    assert (campaign["gain"], campaign["goal"]) == ("revenue", None)


def test_a_goals_days_after_the_message_bound_the_conversions(stage: Workspace, plan_of: Make) -> None:
    whole = plan_of(stage, "goals", goal=Goal(Event("purchase")))
    goal = Goal(Event("purchase"), within_days=7)
    week = replace(whole, campaign=whole.campaign.model_copy(update={"goal": goal}))
    first, rows, found = date(2018, 1, 1), [], []
    for plan in (whole, week):
        found.append(rehearse(stage, plan, world_count=4))
        rows.append(rows_of(stage, OUTCOMES, "goals"))
    assert max(r["occurred_on"] for r in rows[0]) > first + timedelta(days=20)
    assert [r for r in rows[0] if r["occurred_on"] <= first + timedelta(days=7)] == rows[1]
    assert max(r["occurred_on"] for r in rows[1]) == first + timedelta(days=7)
    assert "The goal counts 7 days" in found[1].notes.en
    assert "The goal counts" not in found[0].notes.en


@pytest.mark.parametrize(
    ("offer", "currency", "wanted"),
    [  # two coupons of 123.45 after one was used, at most two a person; half a cent and half a yen go up
        (Coupon(name="c", face_amount="20", minimum_amount="99", per_person_limit=2), "USD", ("39.50", "20.00")),
        (PercentageDiscount(name="p", off_rate="0.1", per_person_limit=4), "USD", ("39.50", "24.70")),
        (PercentageDiscount(name="p", off_rate="0.1", per_person_limit=4), "JPY", ("40.00", "24.00")),
        (ThresholdDiscount(name="t", tiers=(Tier("100", "10"), Tier("200", "30"))), "USD", ("39.50", "0.00")),
        (None, "USD", ("39.50", "0.00")),
    ],
)  # fmt: skip
def test_a_days_gain_and_offer_cost_are_the_offers_own_functions(
    offer: Any, currency: str, wanted: tuple[str, str], stage: Workspace, plan_of: Make
) -> None:
    campaign = plan_of(stage).campaign.model_copy(
        update={"offer": offer, "assumptions": Assumptions(margin_rate="0.32")}
    )
    revenue, gain, cost = _prices(campaign, currency)(12_345, 2, 1)
    assert revenue == 12_345
    assert (Decimal(gain) / 100, Decimal(cost) / 100) == tuple(Decimal(w) for w in wanted)


def test_hundredths_become_exact_decimals() -> None:
    hundredths = np.array([0, 1, -1, 12_345, -98_765, 10**17 - 1, -(10**17)], dtype=np.int64)
    assert _amounts(hundredths).to_pylist() == [Decimal(int(h)).scaleb(-2) for h in hundredths]
    assert _amounts(hundredths[:0]).to_pylist() == []


def test_a_campaigns_last_day_is_that_of_its_last_instant(stage: Workspace, plan_of: Make) -> None:
    campaign = plan_of(stage).campaign
    at = datetime(2018, 1, 29, 5, 0, tzinfo=UTC)  # midnight in New York
    for ends_at, day in ((at, 28), (at + timedelta(microseconds=1), 29)):
        moved = campaign.model_copy(
            update={"schedule": campaign.schedule.model_copy(update={"ends_at": ends_at})}
        )
        assert moved.days(stage.zone)[1] == date(2018, 1, day)
