"""A kept plan goes through the ledger to a file: what is refused, what is asked again, what is published."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from company import MESSAGES, POLICY, Send, campaign_of, contacted, kept, outbox, people

from qa_lib.campaigns import Assumptions, Costs, addresses
from qa_lib.campaigns import plan as make_plan
from qa_lib.deliver import (
    FileOutbox,
    Ledger,
    Receipt,
    apply_receipts,
    carry_out,
    counts,
    messages_of,
    opt_in,
    opt_out,
    publish_sends,
    sends_frame,
    suppress,
)
from qa_lib.deliver.smtp import Smtp
from qa_lib.errors import CannotCarry, DataError, NothingBuilt, ReadOnly, SpecError
from qa_lib.guards import ContactPolicy, GuardState, Holdout
from qa_lib.tables import CAMPAIGNS, SENDS
from qa_lib.workspace import Workspace


@pytest.mark.parametrize("channel", MESSAGES)
def test_every_kind_of_message_fits_the_file_outbox_of_its_channel(
    company: Workspace, send: Send, tmp_path: Path, channel: str
) -> None:
    plan = kept(company, campaign_of(company, channel=channel, costs=Costs(unit_amount="0.05")))
    made = messages_of(plan)
    assert [m.person_id for m in made] == [r["person_id"] for r in plan.records if r["reason"] is None]
    assert {(m.campaign_id, m.campaign_version, m.step) for m in made} == {("spring", plan.hash, "1")}
    assert all(m.cost_amount == Decimal("0.05") and m.due_at == plan.as_of for m in made)
    assert send(plan).counts == {"accepted": plan.send_count}
    first = FileOutbox(tmp_path / "outbox.jsonl").read()[0]["content"]
    expected = {
        "sms": {"text"},
        "email": {"subject", "text", "html", "unsubscribe_url"},
        "push": {"title", "body", "image", "buttons", "payload"},
        "mini_program": {"template_id", "fields"},
        "outbox": {"text"},
    }
    assert isinstance(first, dict)
    assert set(first) == expected[channel]
    if channel == "email":
        mail = Smtp("localhost", sender="shop@example.invalid")
        for message in made:
            mail.check(message)
    if channel == "push":
        assert first["buttons"] == ["Go", "Later"]


def test_a_second_call_does_nothing_and_what_was_kept_is_what_is_sent(
    company: Workspace, send: Send, tmp_path: Path
) -> None:
    plan = kept(company, campaign_of(company))
    seen: list[dict[str, int]] = []
    assert send(plan, progress=seen.append).handed_over == plan.send_count
    assert seen[-1] == {"accepted": plan.send_count}
    assert send(plan).handed_over == 0
    assert Counter(contacted(tmp_path)) == Counter(m.person_id for m in messages_of(plan))


def test_what_cannot_be_carried_out_is_refused_before_anything_is_written(
    company: Workspace, send: Send, tmp_path: Path
) -> None:
    book = addresses(company.snapshot(), random_state=7)
    not_kept = make_plan(company, campaign_of(company), addresses=book)
    with pytest.raises(NothingBuilt, match="No plan"):
        send(not_kept)
    plan = kept(company, campaign_of(company))
    with pytest.raises(CannotCarry, match=r"channel 'sms'.*'email'"):
        carry_out(company, plan, FileOutbox(tmp_path / "o", channel="email"), policy=POLICY)
    after = plan.campaign.schedule.ends_at
    with pytest.raises(SpecError, match="ended at"):
        send(plan, clock=lambda: after)
    changed = replace(plan)
    assert changed.hash == plan.hash
    object.__setattr__(changed, "records", changed.records[:-1])
    with pytest.raises(DataError, match="changed after it was made"):
        send(changed)
    closed = Workspace.open(company.root, read_only=True)
    with pytest.raises(ReadOnly, match="carried out"):
        carry_out(closed, plan, outbox(tmp_path, plan), policy=POLICY)
    narrow = FileOutbox(tmp_path / "o", channel="sms")
    narrow.capabilities = replace(narrow.capabilities, carries=frozenset({"subject"}))
    with pytest.raises(CannotCarry, match="'text'"):
        carry_out(company, plan, narrow, policy=POLICY)
    assert counts(Ledger(company)) == {}
    assert contacted(tmp_path) == []


def test_the_same_campaign_planned_twice_reaches_nobody_twice(
    company: Workspace, send: Send, tmp_path: Path
) -> None:
    campaign = campaign_of(company)
    first = kept(company, campaign)
    person = messages_of(first)[0].person_id
    GuardState(company).opt_out(person)
    send(first)
    GuardState(company).grant(person)
    second = kept(company, campaign, policy=ContactPolicy(holdout=Holdout(0, "none")))
    assert second.hash != first.hash
    assert send(second).counts == {"accepted": 1, "suppressed": second.send_count - 1}
    assert max(Counter(contacted(tmp_path)).values()) == 1
    publish_sends(company, second)
    rows = company.read(SENDS)
    mine = rows[rows["campaign_id"] == "spring"]
    assert (mine["status"] == "sent").sum() == second.send_count
    assert not mine.duplicated(list(SENDS.key)).any()


@pytest.mark.parametrize("channel", [None, "sms"])
def test_one_opt_out_is_known_to_the_ledger_and_to_the_next_plan(
    company: Workspace, send: Send, tmp_path: Path, channel: str | None
) -> None:
    plan = kept(company, campaign_of(company))
    one, two, *_ = (m.person_id for m in messages_of(plan))
    assert opt_out(company, one, datetime.now(UTC), channel=channel) == 0
    assert suppress(Ledger(company), two, source="court", channel=channel) == 0
    send(plan)
    assert {one, two} & set(contacted(tmp_path)) == set()
    for on in ("sms", "email"):
        later = {r["person_id"]: r["reason"] for r in kept(company, campaign_of(company, "n", on)).records}
        holds = channel in (None, on)
        assert (later[one], later[two]) == (
            ("no_consent", "suppressed") if holds else (later[one], later[two])
        )
        assert holds or later[one] not in ("no_consent", "suppressed")
    with pytest.raises(SpecError, match="no workspace"):
        suppress(Ledger(company.state), two, source="court")


def test_who_agrees_again_may_be_contacted_again_and_a_complaint_stays(
    company: Workspace, send: Send, tmp_path: Path
) -> None:
    first = kept(company, campaign_of(company))
    send(first)
    going, at = messages_of(first)[:3], datetime.now(UTC)
    out, unsubscribed, complained = (m.person_id for m in going)
    opt_out(company, out, at)
    told = [Receipt("unsubscribed", going[1].key, at), Receipt("complained", going[2].key, at)]
    apply_receipts(company, told, at)
    for person in (out, unsubscribed, complained):
        opt_in(company, person, channel="sms")
    opt_in(company, out)
    later = kept(company, campaign_of(company, "later"))
    send(later)
    keys = {m.person_id for m in messages_of(later)}
    assert {out, unsubscribed} <= keys
    assert complained not in keys
    sent = sends_frame(Ledger(company), later.hash).set_index("person_id")["status"]
    assert (sent[out], sent[unsubscribed]) == ("sent", "sent")


def test_receipts_reach_consent_and_suppression(company: Workspace, send: Send) -> None:
    plan = kept(company, campaign_of(company))
    send(plan)
    going, at = messages_of(plan)[:5], datetime.now(UTC)
    kinds = ("unsubscribed", "complained", "bounced", "soft_bounced", "delivered")
    told = [Receipt(kind, m.key, at) for kind, m in zip(kinds, going, strict=True)]  # type: ignore[arg-type]
    assert apply_receipts(company, told, at).matched == 5
    state = GuardState(company)
    ids = [m.person_id for m in going]
    assert state.verdicts(ids, "sms") == ["no_consent", "suppressed", "suppressed", "allowed", "allowed"]
    assert state.verdicts(ids, "email") == ["allowed"] * 5
    assert set(state.history(ids[1])["source"]) == {"generated", "receipt: complained"}
    assert counts(Ledger(company))["bounced"] == 2
    assert apply_receipts(company, told, at) == (0, 5, 0)
    assert len(state.history(ids[1])) == 2


def test_everybody_targeted_is_published_once_with_a_status_and_a_reason(
    company: Workspace, send: Send
) -> None:
    campaign = campaign_of(
        company,
        holdout=Holdout(0.2, "spring"),
        costs=Costs(unit_amount="0.05", fixed_amount="100"),
        assumptions=Assumptions(margin_rate="0.3"),
    )
    everybody = people(company)
    GuardState(company).suppress(everybody[::9], source="complaint")
    before = company.read(SENDS)
    plan = kept(company, campaign)
    going = [m.person_id for m in messages_of(plan)]
    GuardState(company).opt_out(going[:5])
    send(plan)
    targeted = {r["person_id"] for r in plan.records if r["reason"] != "holdout"}
    assert publish_sends(company, plan, goal="buys coffee") == len(targeted)
    rows = company.read(SENDS)
    mine = rows[rows["campaign_id"] == "spring"].set_index("person_id")
    assert set(mine.index) == targeted
    assert mine.index.is_unique
    planned = {r["person_id"]: r["reason"] for r in plan.records}
    for person, row in mine.astype(object).where(mine.notna(), None).iterrows():
        if person in going[5:]:
            assert (row["status"], row["reason"], row["cost_amount"]) == ("sent", None, 0.05)
        else:
            reason = planned[person] or "no_consent"
            assert (row["status"], row["reason"], row["cost_amount"]) == ("not_sent", reason, 0)
    assert {type(cost) for cost in sends_frame(Ledger(company))["cost_amount"]} == {Decimal}
    assert (mine["sent_at"].notna() == (mine["status"] == "sent")).all()
    found = company.read(CAMPAIGNS)
    one = found[found["campaign_id"] == "spring"].iloc[0]
    zone = company.zone
    assert one["starts_on"].date() == campaign.schedule.starts_at.astimezone(zone).date()
    assert (
        one["ends_on"].date()
        == (campaign.schedule.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    )
    assert (one["goal"], one["gain"], one["plan_hash"]) == ("buys coffee", "margin", plan.hash)
    assert one["fixed_cost_amount"] == 100
    publish_sends(company, plan, goal="buys coffee")
    again = company.read(SENDS)
    order = ["campaign_id", "person_id", "origin"]
    pd.testing.assert_frame_equal(
        again.sort_values(order, ignore_index=True), rows.sort_values(order, ignore_index=True)
    )
    assert len(rows) == len(before) + len(targeted)  # other campaigns stay
    with pytest.raises(SpecError, match="Unknown origin"):
        publish_sends(company, plan, origin="seen")


def test_a_run_that_stopped_is_finished_after_the_end_without_sending(
    company: Workspace, tmp_path: Path
) -> None:
    plan = kept(company, campaign_of(company))
    end = plan.campaign.schedule.ends_at
    moments = itertools.chain([end - timedelta(seconds=1)], itertools.repeat(end))
    done = carry_out(
        company,
        plan,
        outbox(tmp_path, plan),
        policy=POLICY,
        patience=timedelta(0),
        clock=lambda: next(moments),
    )
    assert done.counts == {"suppressed": plan.send_count}
    assert contacted(tmp_path) == []
    with pytest.raises(SpecError, match="ended at"):
        carry_out(company, plan, outbox(tmp_path, plan), policy=POLICY, clock=lambda: end)
