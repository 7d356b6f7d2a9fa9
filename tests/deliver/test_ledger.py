"""What the ledger promises: one key, one address, one message; guards asked at hand-off; history that stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pandas as pd
import pytest
import sqlalchemy as sa
from killing import messages

from qa_lib.deliver import (
    Adapter,
    Capabilities,
    Defer,
    FileOutbox,
    Ledger,
    Message,
    Outcome,
    contacted_count,
    counts,
    history_of,
    opt_out,
    resolve,
    run,
    sends_frame,
    unknowns,
)
from qa_lib.deliver.adapters import Recovery
from qa_lib.deliver.sends import SENDS_COLUMNS
from qa_lib.errors import CannotCarry, ReadOnly, SpecError
from qa_lib.tables import SENDS
from qa_lib.workspace import Workspace
from qa_lib.workspace.state import State

START = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Scripted(Adapter):
    """Answers by a script, the last answer again and again; it records every hand-off."""

    def __init__(self, *script: str, recovery: Recovery = "none", window: timedelta | None = None) -> None:
        self.script, self.handed = list(script) or ["accepted"], list[Message]()
        self.taken: set[str] = set()
        self.capabilities = Capabilities(
            "The script",
            "test",
            recovery,
            frozenset({"text"}),
            timeout=timedelta(seconds=1),
            key_window=window,
        )

    def send(self, batch: Iterable[Message]) -> list[Outcome]:
        handed = list(batch)
        self.handed += handed
        status = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if status == "raise":
            raise RuntimeError("the wire melted")
        return [Outcome(m.key, status, provider_id=f"p-{m.key}", reason=status) for m in handed]  # type: ignore[arg-type]

    def lookup(self, messages: Sequence[Message]) -> dict[str, str]:
        return {m.key: f"p-{m.key}" for m in messages if m.key in self.taken}


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def ledger(state: State) -> Ledger:
    return Ledger(state)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def go(ledger: Ledger, adapter: Adapter, clock: Clock, **told: object) -> dict[str, int]:
    return run(ledger, adapter, lease=MINUTE, patience=timedelta(0), clock=clock, **told).counts  # type: ignore[arg-type]


def test_planning_again_and_a_changed_address_send_nothing_again(ledger: Ledger, clock: Clock) -> None:
    planned = messages(1_200)
    assert ledger.plan(planned, START) == (1_200, 0, 0)
    adapter = Scripted()
    assert go(ledger, adapter, clock) == {"accepted": 1_200}
    moved = [replace(m, address=f"new-{m.address}") for m in planned]
    assert ledger.plan([*planned, *moved], START) == (0, 1_200, 0)
    assert go(ledger, adapter, clock) == {"accepted": 1_200}
    assert len(adapter.handed) == 1_200


def test_one_address_gets_one_message_however_many_people_share_it(ledger: Ledger, clock: Clock) -> None:
    one, two, three = (
        replace(m, address=a) for m, a in zip(messages(3), ("a@b.c", " A@B.C", "d@e.f"), strict=True)
    )
    assert ledger.plan([one], START) == (1, 0, 0)
    assert ledger.plan([one, two, three], START) == (2, 1, 1)
    adapter = Scripted()
    assert go(ledger, adapter, clock) == {"accepted": 2, "suppressed": 1}
    assert {m.person_id for m in adapter.handed} == {one.person_id, three.person_id}
    assert history_of(ledger, two.key)[-1]["reason"] == "duplicate address"
    again = replace(two, campaign_version="spring@2")
    assert ledger.plan([again], START) == (1, 0, 0)  # another campaign version asks afresh


def test_the_guard_is_asked_at_hand_off_and_its_word_is_the_reason(ledger: Ledger, clock: Clock) -> None:
    ledger.plan(messages(3), START)
    morning = START + timedelta(hours=9)

    def may_contact(person_id: str, channel: str, at: datetime) -> str | Defer | None:
        assert channel == "test"
        if person_id == "person-0":
            return "holdout"
        return Defer(morning, "quiet hours") if person_id == "person-1" and at < morning else None

    adapter = Scripted()
    first = go(ledger, adapter, clock, may_contact=may_contact)
    assert first == {"deferred": 1, "accepted": 1, "suppressed": 1}
    clock.now = morning
    assert go(ledger, adapter, clock, may_contact=may_contact) == {"accepted": 2, "suppressed": 1}
    steps = [(h["to_state"], h["reason"]) for h in history_of(ledger, messages(3)[1].key)]
    assert steps[:3] == [("planned", None), ("deferred", "quiet hours"), ("dispatching", None)]
    assert [h["reason"] for h in history_of(ledger, messages(3)[0].key)] == [None, "holdout"]


def test_a_cap_counted_from_the_ledger_holds_inside_one_batch(ledger: Ledger, clock: Clock) -> None:
    steps = [
        replace(m, step=f"step-{n}", address=f"{m.address}-{n}", person_id="same")
        for n, m in enumerate(messages(4))
    ]
    ledger.plan(steps, START)

    def capped(person_id: str, channel: str, at: datetime) -> str | None:
        return "cap" if contacted_count(ledger, person_id, at - timedelta(days=1), channel) >= 2 else None

    assert go(ledger, Scripted(), clock, may_contact=capped) == {"accepted": 2, "suppressed": 2}


def test_temporary_failures_wait_longer_each_time_and_end_dead(ledger: Ledger, clock: Clock) -> None:
    ledger.plan(messages(1), START)
    adapter = Scripted("retry")
    waits = []
    while go(ledger, adapter, clock) == {"deferred": 1}:
        due = run(ledger, adapter, lease=MINUTE, patience=timedelta(0), clock=clock).next_at
        assert due is not None
        waits.append(due - clock.now)
        clock.now = due
    assert counts(ledger) == {"dead": 1}
    assert len(adapter.handed) == ledger.max_failures == len(waits) + 1
    assert all(later > earlier for earlier, later in pairwise(waits))


def test_an_adapter_that_raises_leaves_unknowns_and_a_person_decides(ledger: Ledger, clock: Clock) -> None:
    ledger.plan(messages(2), START)
    adapter = Scripted("raise", "accepted")
    with pytest.raises(RuntimeError, match="melted"):
        go(ledger, adapter, clock)
    assert go(ledger, adapter, clock) == {"unknown": 2}
    held = list(unknowns(ledger)["key"])
    assert resolve(ledger, held[:1], START, arrived=True, by="Ming") == 1
    assert resolve(ledger, held[1:], START, arrived=False, by="Ming") == 1
    with pytest.raises(SpecError, match="not a held unknown"):
        resolve(ledger, held, START, arrived=True, by="Ming")
    assert go(ledger, adapter, clock) == {"accepted": 2}
    assert len(adapter.handed) == 3


def test_what_an_adapter_never_took_out_of_the_batch_stays_planned(ledger: Ledger, clock: Clock) -> None:
    class Breaks(Scripted):
        def send(self, batch: Iterable[Message]) -> Iterator[Outcome]:  # type: ignore[override]
            for n, message in enumerate(batch):
                if n == 2:
                    raise RuntimeError("the wire melted")
                yield Outcome(message.key, "accepted")

    ledger.plan(messages(5), START)
    with pytest.raises(RuntimeError, match="melted"):
        go(ledger, Breaks(), clock)
    assert counts(ledger) == {"planned": 2, "accepted": 2, "unknown": 1}


def test_a_lost_answer_is_asked_after_or_sent_again_under_its_key_as_the_channel_can(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.plan(messages(2), START)
    asked = Scripted("unknown", "accepted", recovery="lookup")
    asked.taken = {messages(2)[0].key}
    assert go(ledger, asked, clock) == {"unknown": 2}
    clock.now += timedelta(hours=1)
    assert go(ledger, asked, clock) == {"accepted": 2}
    assert [m.key for m in asked.handed[2:]] == [messages(2)[1].key]
    other = messages(1, version="spring@2")
    ledger.plan(other, clock.now)
    keyed = Scripted("unknown", "accepted", recovery="idempotency_key")
    go(ledger, keyed, clock)
    clock.now += timedelta(hours=1)
    assert go(ledger, keyed, clock) == {"accepted": 3}
    assert [(m.key, m.attempt) for m in keyed.handed] == [(other[0].key, 1), (other[0].key, 2)]


def test_a_key_that_the_provider_has_forgotten_is_never_used_again(ledger: Ledger, clock: Clock) -> None:
    ledger.plan(messages(1), START)
    adapter = Scripted("unknown", recovery="idempotency_key", window=timedelta(minutes=15))
    go(ledger, adapter, clock)
    clock.now += timedelta(minutes=15)
    assert go(ledger, adapter, clock) == {"unknown": 1}
    assert len(adapter.handed) == 1
    assert list(unknowns(ledger)["reason"]) == ["the provider no longer remembers the key"]


def test_who_opted_out_is_not_sent_to_again_even_under_the_same_key(ledger: Ledger, clock: Clock) -> None:
    ledger.plan(messages(2), START)
    adapter = Scripted("unknown", "accepted", recovery="idempotency_key")
    go(ledger, adapter, clock)
    assert opt_out(ledger, "person-0", START) == 0
    clock.now += timedelta(hours=1)
    assert go(ledger, adapter, clock) == {"accepted": 1, "unknown": 1}
    assert list(unknowns(ledger)["reason"]) == ["not sent again: opted out"]


def test_a_late_worker_is_noted_and_changes_nothing(ledger: Ledger) -> None:
    ledger.plan(messages(1), START)
    batch = ledger.claim("test", "slow", START, lease=MINUTE)
    again = recover_for(ledger, "fast", START + MINUTE)
    ledger.settle(again, [Outcome(again[0].key, "accepted", "p1")], "fast", START + MINUTE, "idempotency_key")
    ledger.settle(batch, [Outcome(batch[0].key, "refused")], "slow", START + 2 * MINUTE, "idempotency_key")
    assert counts(ledger) == {"accepted": 1}
    assert history_of(ledger, batch[0].key)[-1]["reason"] == "late: refused"


def recover_for(ledger: Ledger, worker: str, at: datetime) -> list[Message]:
    from qa_lib.deliver.recovery import recover

    return recover(ledger, Scripted(recovery="idempotency_key"), worker, at, lease=MINUTE).again


def test_history_cannot_be_changed_or_removed(ledger: Ledger) -> None:
    ledger.plan(messages(1), START)
    for statement in ("UPDATE delivery_history SET reason = 'x'", "DELETE FROM delivery_history"):
        with pytest.raises(sa.exc.DatabaseError, match="append-only"), ledger.writing() as con:
            con.exec_driver_sql(statement)
    assert len(history_of(ledger, messages(1)[0].key)) == 1


def test_the_sends_table_says_queued_sent_failed_and_unknown(ledger: Ledger, clock: Clock) -> None:
    planned = [replace(m, cost_amount=Decimal("0.05")) for m in messages(6)]
    for first, script in ((0, "accepted"), (1, "refused"), (2, "unknown")):
        ledger.plan(planned[first : first + 1], START)
        go(ledger, Scripted(script), clock)
    ledger.plan([replace(planned[3], cost_amount=None), planned[4]], START)
    opt_out(ledger, "person-4", START)
    ledger.claim("test", "w", START, lease=MINUTE, limit=1)
    frame = sends_frame(ledger)
    assert tuple(frame.columns) == SENDS_COLUMNS
    assert set(SENDS.column_names) <= set(frame.columns)
    by_person = frame.set_index("person_id")
    assert by_person["status"].to_dict() | {"person-4": "suppressed later"} == {
        "person-0": "sent",
        "person-1": "failed",
        "person-2": "unknown",
        "person-3": "queued",
        "person-4": "suppressed later",
    }
    assert set(frame["origin"]) == {"observed"}
    assert by_person.loc["person-0", "sent_at"] == pd.Timestamp(START)
    assert by_person["sent_at"].notna().sum() == 1
    assert frame["delivered_at"].isna().all()
    assert by_person.loc["person-0", "cost_amount"] == Decimal("0.05")
    assert pd.isna(by_person.loc["person-3", "cost_amount"])
    assert sends_frame(ledger, "another").empty


def test_the_file_outbox_drops_a_half_line_and_never_writes_a_key_twice(ledger: Ledger, tmp_path) -> None:  # type: ignore[no-untyped-def]
    outbox = FileOutbox(tmp_path / "out" / "outbox.jsonl", channel="test")
    ledger.plan(messages(5), START)
    run(ledger, outbox, lease=MINUTE)
    with open(outbox.path, "ab") as file:
        file.write(b'{"key": "half')
    assert len(outbox.read()) == 5
    ledger.plan(messages(7), START)
    assert run(ledger, outbox, lease=MINUTE).counts == {"accepted": 7}
    assert sorted(str(line["key"]) for line in outbox.read()) == sorted(m.key for m in messages(7))


def test_a_message_that_the_channel_cannot_carry_is_named_before_anything_is_planned(ledger: Ledger) -> None:
    adapter = FileOutbox("nowhere", channel="test")
    wrong = replace(messages(2)[1], content={"text": "Hello", "boddy": "x"})
    with pytest.raises(CannotCarry, match=r"cannot carry 'boddy'.*Did you mean 'body'"):
        ledger.plan([messages(1)[0], wrong], START, adapter.check)
    with pytest.raises(CannotCarry, match="is for the channel 'test'"):
        FileOutbox("nowhere", channel="sms").check(wrong)
    assert counts(ledger) == {}


def test_a_lease_shorter_than_the_time_out_and_a_read_only_workspace_are_refused(
    ledger: Ledger, workspace: Workspace
) -> None:
    with pytest.raises(SpecError, match="longer lease"):
        run(ledger, Scripted(), lease=timedelta(seconds=1))
    with pytest.raises(ReadOnly):
        Ledger(Workspace.open(workspace.root, read_only=True))
