"""A plan gives everybody one answer, adds up, is the same twice, and knows no float for money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.audiences import members
from qa_lib.campaigns import (
    REASONS,
    Assumptions,
    Campaign,
    Costs,
    Coupon,
    EmailMessage,
    OutboxMessage,
    PercentageDiscount,
    Plan,
    Schedule,
    SmsMessage,
    keep_plan,
    plan,
    plans,
    read_plan,
)
from qa_lib.errors import ContractBroken, DataError, NothingBuilt, ReadOnly, SpecError, UnknownName
from qa_lib.guards import (
    PAST_COLUMNS,
    Cap,
    ContactPolicy,
    GuardState,
    Holdout,
    LocalRisk,
    QuietHours,
    RiskAnswer,
    RiskPolicy,
    RiskRule,
    RiskService,
    bucket,
)
from qa_lib.rules import All, Engine, Tag
from qa_lib.tables import PLAN_ROWS, SNAPSHOT_TABLES
from qa_lib.workspace import Workspace

Make = Callable[..., Campaign]

POLICY = ContactPolicy(holdout=Holdout(0.1, "global"), quiet_hours=QuietHours("22:00", "08:00"))


def adds_up(found: Plan) -> None:
    """Every person of the audience has one row, and a message or exactly one known reason."""
    assert sum(found.reasons.values()) + found.send_count == found.audience_count == len(found.rows)
    assert found.rows["person_id"].is_unique
    steps = found.funnel()
    assert steps["dropped_count"].sum() + found.send_count == found.universe
    assert steps["remaining_count"].iloc[-1] == found.send_count
    assert (steps["remaining_count"].diff().dropna() == -steps["dropped_count"].iloc[1:]).all()
    for row in found.records:
        assert row["reason"] is None or row["reason"] in REASONS
        if row["reason"] is None:
            assert row["address"]
            assert row["content"]
            assert row["send_at"] < found.campaign.schedule.ends_at
    sent_to = [row["address"] for row in found.records if row["reason"] is None]
    assert len(set(sent_to)) == len(sent_to)


shares = st.sampled_from([0.0, 0.1, 0.5, 1.0])
limits = st.one_of(st.none(), st.integers(0, 60))


@settings(max_examples=25, deadline=None)
@given(shares, shares, limits, limits, st.sampled_from([None, 0, 1, 2]), st.booleans(), st.integers(0, 2))
def test_reasons_always_add_up_to_the_whole(
    planning: Workspace,
    book: pd.DataFrame,
    campaign_of: Make,
    everywhere: float,
    here: float,
    stock: int | None,
    budget: int | None,
    n: int | None,
    is_marketing: bool,
    channel: int,
) -> None:
    message = (
        SmsMessage(text="Hi {{ age_band }}"),
        EmailMessage(subject="s", text="t {{ age_band | - }}", unsubscribe_url="https://example.invalid/u"),
        OutboxMessage(text="t"),
    )[channel]
    campaign = campaign_of(
        message=message,
        is_marketing=is_marketing,
        holdout=Holdout(here, "spring"),
        offer=Coupon(name="c", face_amount="5", stock_count=stock),
        budget_amount=budget,
        costs=Costs(unit_amount="0.05"),
        caps=(Cap(n, 30),),
    )
    policy = ContactPolicy(holdout=Holdout(everywhere, "global"))
    found = plan(planning, campaign, addresses=book, policy=policy)
    adds_up(found)
    assert stock is None or found.send_count <= stock
    if budget is not None:
        assert found.worst_case_amount is not None
        assert found.worst_case_amount <= budget
    if n == 0 and is_marketing:
        assert found.send_count == 0


def test_each_person_carries_the_reason_that_applies(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make
) -> None:
    """Against a hand-written walk through consent, holdout and identifiers."""
    campaign = campaign_of(holdout=Holdout(0.2, "spring"))
    found = plan(planning, campaign, addresses=book, policy=POLICY)
    adds_up(found)
    everybody = (
        planning.snapshot().frame("SELECT person_id FROM people ORDER BY person_id")["person_id"].tolist()
    )
    phones = set(book[book["identifier"] == "phone"]["person_id"])
    opted_out, suppressed = set(everybody[::11]), set(everybody[::17])
    assert [r["person_id"] for r in found.records] == sorted(
        members(planning, campaign.audience)["person_id"]
    )
    for row in found.records:
        person = row["person_id"]
        expected = (
            "no_identifier"
            if person not in phones
            else "suppressed"
            if person in suppressed
            else "no_consent"
            if person in opted_out
            else "holdout"
            if bucket("global", person) < 0.1 or bucket("spring", person) < 0.2
            else None
        )
        if expected or row["reason"] != "duplicate_address":
            assert row["reason"] == expected, person
    assert {"no_identifier", "suppressed", "no_consent", "holdout", "duplicate_address"} <= set(found.reasons)


def test_planning_twice_is_the_same_plan_and_any_change_is_another(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make
) -> None:
    found = plan(planning, campaign_of(), addresses=book, policy=POLICY)
    again = plan(planning, campaign_of(), addresses=book.sample(frac=1, random_state=3), policy=POLICY)
    assert found.hash == again.hash
    assert found == again
    others = [
        plan(planning, campaign_of(priority=1), addresses=book, policy=POLICY),
        plan(planning, campaign_of(), addresses=book),
        plan(planning, campaign_of(), addresses=book.iloc[100:], policy=POLICY),
    ]
    assert len({found.hash, *(o.hash for o in others)}) == 4
    with pytest.raises(TypeError):
        found.records[0]["reason"] = None  # type: ignore[index]


def floats(value: Any, path: str = "") -> list[str]:
    """Where a float stands in a value, walked to the end."""
    if isinstance(value, float):
        return [path]
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in floats(v, f"{path}.{k}")]
    if isinstance(value, list | tuple):
        return [p for i, v in enumerate(value) for p in floats(v, f"{path}[{i}]")]
    return []


def test_money_is_never_a_float_in_memory_in_json_or_read_back(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make
) -> None:
    campaign = campaign_of(
        "money",
        offer=PercentageDiscount(name="20 % off", off_rate="0.2", cap_amount="10"),
        costs=Costs(unit_amount="0.05", fixed_amount="100"),
        assumptions=Assumptions(use_rate="0.033", basket_amount="33.33", margin_rate="0.3"),
        budget_amount="2000",
    )
    found = plan(planning, campaign, addresses=book)
    keep_plan(planning, found)
    for one in (found, read_plan(planning, found.hash)):
        assert floats([dict(r) for r in one.records]) == []
        assert floats(one.campaign.model_dump()) == []
        for row in one.records:
            amounts = [v for k, v in row.items() if k.endswith("_amount")]
            assert len(amounts) == 4
            assert all(isinstance(v, Decimal) and v.as_tuple().exponent == -2 for v in amounts)
    assert floats(campaign.to_dict()) == []
    sends = found.send_count
    assert found.message_cost_amount == Decimal("100") + sends * Decimal("0.05")
    assert found.worst_case_amount == found.message_cost_amount + sends * 10
    # 33.33 × 0.2 = 6.666, rounded 6.67; × 0.033 = 0.22011, rounded 0.22
    assert found.expected_cost_amount == found.message_cost_amount + sends * Decimal("0.22")


def test_a_kept_plan_is_read_back_whole_and_once(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make
) -> None:
    found = plan(
        planning, campaign_of("kept", message=SmsMessage(text="你好")), addresses=book, policy=POLICY
    )
    before = planning.snapshots()
    assert keep_plan(planning, found) == keep_plan(planning, found) == found.hash
    back = read_plan(planning, found.hash)
    assert (back.hash, back.reasons, back.campaign) == (found.hash, found.reasons, found.campaign)
    assert planning.snapshots() == before
    assert PLAN_ROWS.name not in SNAPSHOT_TABLES
    listed = plans(planning)
    assert listed["plan_hash"].tolist().count(found.hash) == 1
    rows = planning.read(PLAN_ROWS)
    assert (rows["plan_hash"] == found.hash).sum() == found.audience_count
    with pytest.raises(NothingBuilt, match="plans"):
        read_plan(planning, "0" * 64)
    with pytest.raises(ReadOnly):
        keep_plan(Workspace.open(planning.root, read_only=True), found)


def test_a_reader_of_plans_makes_no_table_for_them(fresh_workspace: Workspace) -> None:
    import sqlalchemy as sa

    assert plans(fresh_workspace).empty
    with pytest.raises(NothingBuilt, match="No plan 'abc'"):
        read_plan(fresh_workspace, "abc")
    assert not sa.inspect(fresh_workspace.state.engine).has_table("plans")


def test_rows_that_were_changed_are_found_out(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make
) -> None:
    import sqlalchemy as sa

    found = plan(planning, campaign_of("changed"), addresses=book)
    keep_plan(planning, found)
    with planning.state.engine.begin() as con:
        con.execute(sa.text("UPDATE plans SET universe_count = 1 WHERE plan_hash = :h"), {"h": found.hash})
    with pytest.raises(DataError, match="changed"):
        read_plan(planning, found.hash)


def test_an_opt_out_that_returned_is_never_planned(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make
) -> None:
    campaign = campaign_of("opted out")
    before = plan(planning, campaign, addresses=book)
    person = next(r["person_id"] for r in before.records if r["reason"] is None)
    state = GuardState(planning)
    state.opt_out(person)
    after = plan(planning, campaign, addresses=book)
    state.grant(person)
    assert {r["person_id"]: r["reason"] for r in after.records}[person] == "no_consent"
    assert plan(planning, campaign, addresses=book).hash == before.hash


def test_a_merge_takes_the_stricter_side(planning: Workspace, book: pd.DataFrame, campaign_of: Make) -> None:
    before = plan(planning, campaign_of(), addresses=book, policy=POLICY)
    sent = [r["person_id"] for r in before.records if r["reason"] is None][:2]
    held = next(f"old-{i}" for i in range(100) if bucket("global", f"old-{i}") < 0.1)
    GuardState(planning).grant([held], source="test")
    GuardState(planning).suppress(["gone"], source="test")
    merged = {sent[0]: [held], sent[1]: ["gone"]}
    after = plan(planning, campaign_of(), addresses=book, policy=POLICY, former_ids=merged)
    reasons = {r["person_id"]: r["reason"] for r in after.records}
    assert [reasons[p] for p in sent] == ["holdout", "suppressed"]


def test_risk_is_asked_and_fails_closed(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make, engine: Engine
) -> None:
    rule = RiskRule("many", All(Tag("order_count_365d", ">", 15)))
    local = LocalRisk(RiskPolicy(name="Abuse", owner="Risk", version=1, rules=(rule,)), engine)
    found = plan(planning, campaign_of(), addresses=book, risk=local)
    adds_up(found)
    assert 0 < found.reasons["risk"] < found.audience_count
    assert found.made_from["risk_decided_by"] == "Abuse v1 (Risk)"
    gone = plan(planning, campaign_of(), addresses=book, risk=RiskService(url="http://127.0.0.1:9/"))
    assert gone.send_count == 0
    assert Counter(r["detail"] for r in gone.records if r["reason"] == "risk") == {
        "unavailable": gone.reasons["risk"]
    }
    assert RiskAnswer((), "x").denials == ()


def test_caps_count_what_went_out(planning: Workspace, book: pd.DataFrame, campaign_of: Make) -> None:
    at = planning.snapshot().as_of
    sent = [
        r["person_id"] for r in plan(planning, campaign_of(), addresses=book).records if r["reason"] is None
    ]
    past = pd.DataFrame(
        [(p, at - timedelta(days=1), pd.NaT, "sms", "promotion", [], True) for p in sent[:20]],
        columns=list(PAST_COLUMNS),
    )
    found = plan(planning, campaign_of(caps=(Cap(1, 7),)), addresses=book, past=past)
    assert {r["person_id"] for r in found.records if r["reason"] == "cap"} == set(sent[:20])
    delivered = Cap(1, 7, counts="delivered")
    assert "cap" not in plan(planning, campaign_of(caps=(delivered,)), addresses=book, past=past).reasons


def test_the_recorded_campaigns_count_against_a_cap(
    planning: Workspace, book: pd.DataFrame, campaign_of: Make
) -> None:
    found = plan(planning, campaign_of(caps=(Cap(1, 1_000),)), addresses=book)
    reached = planning.snapshot().frame("SELECT DISTINCT person_id FROM sends")["person_id"]
    open_or_capped = [r for r in found.records if r["reason"] in (None, "cap", "duplicate_address")]
    capped = {r["person_id"] for r in open_or_capped if r["reason"] == "cap"}
    assert capped == {r["person_id"] for r in open_or_capped} & set(reached)
    assert capped


def test_quiet_hours_defer_or_drop(planning: Workspace, book: pd.DataFrame, campaign_of: Make) -> None:
    at = planning.snapshot().as_of  # local midnight
    quiet = QuietHours("22:00", "08:00")
    found = plan(planning, campaign_of(quiet_hours=quiet), addresses=book)
    sends = [r for r in found.records if r["reason"] is None]
    assert {(r["send_at"], r["is_deferred"]) for r in sends} == {(at + timedelta(hours=8), True)}
    short = campaign_of(quiet_hours=quiet, schedule=Schedule(at, at + timedelta(hours=8)))
    dropped = plan(planning, short, addresses=book)
    adds_up(dropped)
    assert dropped.send_count == 0
    assert dropped.reasons["quiet_hours"] > 0
    both = plan(
        planning, campaign_of(quiet_hours=QuietHours("08:00", "12:00")), addresses=book, policy=POLICY
    )
    assert {r["send_at"] for r in both.records if r["reason"] is None} == {at + timedelta(hours=12)}


def test_who_is_worth_more_goes_first(planning: Workspace, book: pd.DataFrame, campaign_of: Make) -> None:
    offer = Coupon(name="c", face_amount="5", stock_count=10)
    free = plan(planning, campaign_of(), addresses=book)
    sent = [r["person_id"] for r in free.records if r["reason"] is None]
    worth = {p: Decimal(i) for i, p in enumerate(sent)}
    found = plan(planning, campaign_of(offer=offer), addresses=book, expected_values=worth)
    assert [r["person_id"] for r in found.records if r["reason"] is None] == sent[-10:]
    with pytest.raises(SpecError, match="exact"):
        plan(planning, campaign_of(), addresses=book, expected_values={sent[0]: 0.5})  # type: ignore[dict-item]


def test_what_cannot_be_planned_says_why(planning: Workspace, book: pd.DataFrame, campaign_of: Make) -> None:
    at = planning.snapshot().as_of
    with pytest.raises(SpecError, match="Move its end"):
        plan(planning, campaign_of(schedule=Schedule(at - timedelta(days=2), at)), addresses=book)
    with pytest.raises(UnknownName, match="age_band"):
        plan(planning, campaign_of(message=SmsMessage(text="{{ age_bands }}")), addresses=book)
    with pytest.raises(ContractBroken, match="identifier"):
        plan(planning, campaign_of(), addresses=book[["person_id", "address"]])
    with pytest.raises(SpecError, match="cap_amount"):
        campaign_of(offer=PercentageDiscount(name="p", off_rate="0.2"), budget_amount="10")
    with pytest.raises(SpecError, match="not after its start"):
        Schedule(at, at)
    unbounded = plan(
        planning, campaign_of(offer=PercentageDiscount(name="p", off_rate="0.2")), addresses=book
    )
    assert unbounded.worst_case_amount is None


def test_a_campaign_goes_to_json_and_back(campaign_of: Make) -> None:
    fields = {
        "offer": Coupon(name="c", face_amount="5"),
        "caps": (Cap(1, 7),),
        "quiet_hours": QuietHours("22:00", "08:00"),
        "tags": ("b", "a"),
    }
    for changes in ({}, {**fields, "budget_amount": "10.5"}):
        campaign = campaign_of(**changes)
        back = Campaign.from_json(campaign.to_json())
        assert back == campaign
        assert back.hash == campaign.hash
    assert campaign_of(**fields, budget_amount="10.50").hash == campaign.hash
    assert campaign_of(**{**fields, "tags": ("a", "b", "a")}, budget_amount="10.50") == campaign
