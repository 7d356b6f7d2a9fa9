"""The guard at hand-off: every gate of the plan is passed again, on the newest state and the whole ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from company import NO_PAST, Risk, Send, campaign_of, contacted, guard_of, kept

from qa_lib.campaigns import Schedule, plan_campaign
from qa_lib.deliver import (
    Defer,
    HandOffGuard,
    Ledger,
    Receipt,
    apply_receipts,
    messages_of,
    publish_sends,
    sends_frame,
)
from qa_lib.guards import Cap, ContactPolicy, GuardState, Holdout, QuietHours, held_out
from qa_lib.workspace import Workspace


def test_everything_is_asked_again_at_hand_off_and_the_first_reason_stands(
    company: Workspace, send: Send, tmp_path: Path
) -> None:
    plan = kept(company, campaign_of(company, holdout=Holdout(0.1, "spring")))
    going = [m.person_id for m in messages_of(plan)]
    global_holdout = Holdout(0.3, "later")
    held = {p for p, is_held in zip(going, held_out(global_holdout, going), strict=True) if is_held}
    state = GuardState(company)
    state.suppress(going[0:8], source="complaint")
    state.opt_out(going[4:16], channel="sms")
    risk = Risk(dict.fromkeys(going[12:24], "late"))
    past = pd.DataFrame(
        {
            "person_id": going[20:40],
            "sent_at": datetime.now(UTC) - timedelta(hours=1),
            "delivered_at": None,
            "channel": "email",
            "campaign_type": "other",
            "tags": [[]] * 20,
            "is_marketing": True,
        }
    )
    policy = ContactPolicy(holdout=global_holdout, caps=(Cap(1),))
    send(plan, policy, risk=risk, past=past)
    expected = {
        p: "suppressed"
        if i < 8
        else "no_consent"
        if i < 16
        else "risk: late"
        if i < 24
        else "holdout: global"
        if p in held
        else "cap"
        if i < 40
        else None
        for i, p in enumerate(going)
    }
    told = sends_frame(Ledger(company)).set_index("person_id")["reason"]
    assert {p: None if r is None else r for p, r in told.items()} == expected
    assert sorted(contacted(tmp_path)) == sorted(p for p, r in expected.items() if r is None)
    assert len(risk.asked) == 1  # everybody who is due, before the first transaction


def test_risk_is_asked_again_after_ten_minutes_only(company: Workspace) -> None:
    risk = Risk()
    plan = kept(company, campaign_of(company))
    guard = guard_of(company, plan, risk=risk)
    person, at = messages_of(plan)[0].person_id, datetime.now(UTC)
    assert [guard(person, "sms", at + timedelta(minutes=m)) for m in (0, 9)] == [None, None]
    assert len(risk.asked) == 1
    risk.denials[person] = "denied"
    assert guard(person, "sms", at + timedelta(minutes=9)) is None
    assert guard(person, "sms", at + timedelta(minutes=10)) == "risk: denied"


def test_quiet_hours_defer_while_the_campaign_lasts_and_then_drop(company: Workspace) -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    schedule = Schedule(start - timedelta(days=9_000), start + timedelta(hours=20), zone="UTC")
    plan = kept(company, campaign_of(company, schedule=schedule, quiet_hours=QuietHours("06:00", "10:00")))
    guard = guard_of(company, plan, ContactPolicy(quiet_hours=QuietHours("21:00", "07:00")))
    person = messages_of(plan)[0].person_id
    ten = start + timedelta(hours=10)
    assert guard(person, "sms", start) == Defer(ten, "quiet_hours")
    assert guard(person, "sms", ten) is None
    assert guard(person, "sms", start + timedelta(hours=20)) == "campaign_over"
    shorter = schedule.model_copy(update={"ends_at": ten})
    other = kept(company, campaign_of(company, schedule=shorter, quiet_hours=QuietHours("06:00", "10:00")))
    assert guard_of(company, other)(person, "sms", start + timedelta(hours=7)) == "quiet_hours"


def test_caps_count_all_campaigns_of_the_ledger_by_what_their_plans_say(
    company: Workspace, send: Send, tmp_path: Path
) -> None:
    first = kept(company, campaign_of(company, campaign_type="coupon", tags=("spring",)))
    service = kept(company, campaign_of(company, "receipt", "email", is_marketing=False))
    send(first)
    send(service)
    both = {m.person_id for m in messages_of(first)} & {m.person_id for m in messages_of(service)}
    person, at = min(both), datetime.now(UTC)
    ledger = Ledger(company)
    assert plan_campaign(company, first.hash) == first.campaign

    def answer(cap: Cap, **changes: Any) -> object:
        other = kept(company, campaign_of(company, "next", **changes))
        return guard_of(company, other, ContactPolicy(caps=(cap,)))(person, other.campaign.channel, at)

    assert answer(Cap(1)) == "cap"
    assert answer(Cap(2)) is None  # the service message is no marketing
    assert answer(Cap(2, marketing_only=False)) == "cap"
    assert answer(Cap(1, scope="campaign_type"), campaign_type="coupon") == "cap"
    assert answer(Cap(1, scope="campaign_type"), campaign_type="other") is None
    assert answer(Cap(1, scope="tag", of="spring"), tags=("spring",)) == "cap"
    assert answer(Cap(1, scope="channel"), channel="email") is None
    assert answer(Cap(1, counts="delivered")) == "cap"  # nothing is recorded of deliveries
    apply_receipts(ledger, [Receipt("delivered", m.key, at) for m in messages_of(first)[-1:]], at)
    assert answer(Cap(1, counts="delivered")) is None
    with ledger.writing() as con:
        con.exec_driver_sql("UPDATE deliveries SET state = 'unknown', sent_at = NULL")
    assert answer(Cap(1)) == "cap"
    assert answer(Cap(1, counts="delivered")) == "cap"


def test_what_the_ledger_published_is_not_counted_twice(company: Workspace, send: Send) -> None:
    first = kept(company, campaign_of(company))
    send(first)
    publish_sends(company, first)
    other = kept(company, campaign_of(company, "next"), past=NO_PAST)
    policy = ContactPolicy(caps=(Cap(2, 30),))
    # this campaign alone has 2 a month: one counts from the ledger, none from the table it was published to
    guard = HandOffGuard(company, Ledger(company), other, policy)
    person = messages_of(first)[0].person_id
    assert guard(person, "sms", datetime.now(UTC)) is None
    assert (
        guard_of(company, other, ContactPolicy(caps=(Cap(1, 30),)))(person, "sms", datetime.now(UTC)) == "cap"
    )


def test_all_ids_of_a_merged_person_count(company: Workspace, send: Send, tmp_path: Path) -> None:
    first = kept(company, campaign_of(company))
    old, new, *_ = (m.person_id for m in messages_of(first))
    former = {new: (old,)}
    GuardState(company).opt_out(old)
    send(first, former_ids=former)
    assert {old, new} & set(contacted(tmp_path)) == set()
    GuardState(company).grant([old, new])
    second = kept(company, campaign_of(company, "next"))
    policy = ContactPolicy(caps=(Cap(1),))
    run = send(second, policy, former_ids=former, past=NO_PAST)
    assert run.counts["accepted"] == 1  # all others had the first campaign today
    send(second, policy, former_ids=former, past=NO_PAST, patience=timedelta(seconds=1))
    assert len({old, new} & set(contacted(tmp_path))) == 1
