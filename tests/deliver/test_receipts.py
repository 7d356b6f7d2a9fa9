"""Receipts: applied once and in any order; unknown ids kept apart until their message is known."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from killing import messages

from qa_lib.deliver import Ledger, Message, Outcome, Receipt, apply_receipts, counts, history_of, sends_frame
from qa_lib.deliver.receipts import Kind
from qa_lib.workspace.state import State

START = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ledger(state: State) -> Ledger:
    return Ledger(state)


def sent(ledger: Ledger, planned: list[Message]) -> None:
    ledger.plan(planned, START)
    batch = ledger.claim("test", "w", START, lease=MINUTE)
    ledger.settle(batch, [Outcome(m.key, "accepted", f"p-{m.key}") for m in batch], "w", START, "none")


def receipt(kind: Kind, message: Message, minutes: int = 1) -> Receipt:
    return Receipt(kind, f"p-{message.key}", START + minutes * MINUTE)


def test_receipts_in_any_order_and_repeated_end_in_the_same_state(ledger: Ledger) -> None:
    orders = list(itertools.permutations(("delivered", "bounced", "complained")))
    planned = messages(len(orders))
    sent(ledger, planned)
    given = [receipt(kind, m, 5) for m, order in zip(planned, orders, strict=True) for kind in order]
    for one in given:
        assert apply_receipts(ledger, [one], START + 9 * MINUTE) == (1, 0, 0)
    assert apply_receipts(ledger, given, START + 9 * MINUTE) == (0, len(given), 0)
    assert counts(ledger) == {"complained": len(orders)}
    assert set(sends_frame(ledger)["delivered_at"]) == {pd.Timestamp(START + 5 * MINUTE)}


def test_a_receipt_that_is_faster_than_the_outcome_is_not_undone_by_it(ledger: Ledger) -> None:
    message = messages(1)[0]
    ledger.plan([message], START)
    batch = ledger.claim("test", "w", START, lease=MINUTE)
    assert (
        apply_receipts(ledger, [Receipt("delivered", message.key, START + MINUTE)], START + MINUTE).matched
        == 1
    )
    accepted = [Outcome(message.key, "accepted", f"p-{message.key}")]
    ledger.settle(batch, accepted, "w", START + 2 * MINUTE, "none")
    assert counts(ledger) == {"delivered": 1}
    assert apply_receipts(ledger, [receipt("bounced", message, 3)], START + 3 * MINUTE).matched == 1
    assert counts(ledger) == {"bounced": 1}


def test_a_receipt_proves_that_an_unknown_arrived(ledger: Ledger) -> None:
    message = messages(1)[0]
    ledger.plan([message], START)
    batch = ledger.claim("test", "w", START, lease=MINUTE)
    ledger.settle(batch, [Outcome(message.key, "unknown")], "w", START, "none")
    apply_receipts(ledger, [Receipt("delivered", message.key, START + MINUTE)], START + MINUTE)
    assert counts(ledger) == {"delivered": 1}
    assert sends_frame(ledger)["status"].tolist() == ["sent"]


def test_unknown_ids_and_messages_that_never_left_change_nothing_until_they_are_known(ledger: Ledger) -> None:
    first, second = messages(2)
    ledger.plan([first], START)
    early = [Receipt("delivered", first.key, START), Receipt("delivered", f"p-{second.key}", START)]
    assert apply_receipts(ledger, early, START) == (0, 0, 2)
    assert counts(ledger) == {"planned": 1}
    sent(ledger, [first, second])
    assert apply_receipts(ledger, [], START) == (2, 0, 0)
    assert counts(ledger) == {"delivered": 2}


def test_who_unsubscribes_or_complains_is_not_contacted_again_nor_is_the_address(ledger: Ledger) -> None:
    first, second = messages(2)
    sent(ledger, [first, second])
    apply_receipts(ledger, [receipt("unsubscribed", first), receipt("complained", second)], START + MINUTE)
    assert counts(ledger) == {"accepted": 1, "complained": 1}
    shared = Message("summer", "summer@1", "first", "somebody-else", "test", first.address, first.content)
    ledger.plan([*messages(2, version="summer@1")[1:], shared], START)
    assert ledger.claim("test", "w", START + MINUTE, lease=MINUTE) == []
    assert history_of(ledger, shared.key)[-1]["reason"] == "unsubscribed"
