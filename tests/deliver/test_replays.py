"""A replay keeps quiet hours, caps and deferrals on a clock that jumps, and counts for nobody real."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from company import NO_PAST, campaign_of, kept

from qa_lib.campaigns import Plan, Schedule
from qa_lib.deliver import (
    FileOutbox,
    Ledger,
    ReplayClock,
    carry_out,
    counts,
    messages_of,
    opt_out,
    publish_sends,
    replay,
    replay_ledger,
    sends_frame,
)
from qa_lib.deliver.smtp import Smtp
from qa_lib.errors import CannotCarry, ReadOnly, SpecError
from qa_lib.guards import Cap, ContactPolicy, GuardState, QuietHours
from qa_lib.tables import CAMPAIGNS, SENDS
from qa_lib.workspace import Workspace

NIGHT = QuietHours("21:00", "09:30")


def past_plan(company: Workspace, name: str = "spring", **changes: object) -> Plan:
    """A plan of a campaign that ran for three days from the snapshot's moment, which is a midnight."""
    start = company.snapshot().as_of
    schedule = Schedule(start, start + timedelta(days=3))
    return kept(company, campaign_of(company, name, schedule=schedule, **changes), past=NO_PAST)


def test_a_past_campaign_is_replayed_to_the_minute_and_leaves_the_real_ledger_alone(
    company: Workspace, tmp_path: Path
) -> None:
    plan = past_plan(company)
    policy = ContactPolicy(quiet_hours=NIGHT)  # came after the plan was made
    outbox = FileOutbox(tmp_path / "o.jsonl", channel="sms")
    done = replay(company, plan, outbox, policy=policy, past=NO_PAST)
    assert (done.counts, done.next_at) == ({"accepted": plan.send_count}, None)
    assert done.handed_over == plan.send_count == len(outbox.read())
    ledger = replay_ledger(company)
    morning = plan.as_of + timedelta(hours=9, minutes=30)
    assert set(sends_frame(ledger)["sent_at"]) == {morning}
    assert counts(Ledger(company)) == {}
    assert replay(company, plan, outbox, policy=policy, past=NO_PAST).handed_over == 0
    assert opt_out(ledger, messages_of(plan)[0].person_id, plan.as_of) == 0
    person = messages_of(plan)[0].person_id
    assert GuardState(company).verdicts([person], "sms") == ["allowed"]
    with pytest.raises(SpecError, match="cannot be published as observed"):
        publish_sends(company, plan, ledger)
    ledger.engine.dispose()
    assert publish_sends(company, plan, origin="replayed") == plan.audience_count
    for table in (SENDS, CAMPAIGNS):
        rows = company.read(table)
        assert set(rows[rows["campaign_id"] == "spring"]["origin"]) == {"replayed"}


def test_caps_hold_between_replays_and_a_campaign_that_has_no_room_is_over(
    company: Workspace, tmp_path: Path
) -> None:
    policy = ContactPolicy(caps=(Cap(1, calendar=True),))
    first, second = past_plan(company), past_plan(company, "next", channel="email")
    for plan in (first, second):
        outbox = FileOutbox(tmp_path / f"{plan.campaign.channel}.jsonl", channel=plan.campaign.channel)
        replay(company, plan, outbox, policy=policy, past=NO_PAST)
    ledger = replay_ledger(company)
    sent = {m.person_id for m in messages_of(first)}
    both = sent & {m.person_id for m in messages_of(second)}
    # both begin with the same local midnight: two messages of one moment count for each other
    assert counts(ledger, second.hash) == {"accepted": second.send_count - len(both), "suppressed": len(both)}
    ledger.engine.dispose()
    start = company.snapshot().as_of
    short = Schedule(start, start + timedelta(hours=9))
    last = kept(company, campaign_of(company, "short", schedule=short), past=NO_PAST)
    outbox = FileOutbox(tmp_path / "last.jsonl", channel="sms")
    done = replay(company, last, outbox, policy=ContactPolicy(quiet_hours=NIGHT), past=NO_PAST)
    assert (done.counts, outbox.read()) == ({"suppressed": last.send_count}, [])


def test_a_replay_contacts_nobody(company: Workspace, tmp_path: Path) -> None:
    plan = past_plan(company)
    outbox = FileOutbox(tmp_path / "o.jsonl", channel="sms")
    with pytest.raises(CannotCarry, match="writes into a file"):
        replay(company, plan, Smtp("localhost", sender="a@b.com"), policy=ContactPolicy())
    with pytest.raises(SpecError, match="real people"):
        replay(company, plan, outbox, policy=ContactPolicy(), ledger=Ledger(company))
    with pytest.raises(SpecError, match="ended at"):
        carry_out(company, plan, outbox, policy=ContactPolicy())
    with pytest.raises(ReadOnly):
        replay_ledger(Workspace.open(company.root, read_only=True))


def test_the_clock_of_a_replay_only_goes_forward() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    clock = ReplayClock(start)
    clock.move_to(start + timedelta(hours=1))
    assert clock.now() == start + timedelta(hours=1)
    with pytest.raises(SpecError, match="cannot go back"):
        clock.move_to(start)
    with pytest.raises(SpecError, match="no zone"):
        clock.move_to(datetime(2026, 4, 1))  # noqa: DTZ001
