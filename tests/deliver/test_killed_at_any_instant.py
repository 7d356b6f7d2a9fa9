"""Workers killed by SIGKILL while they send: nothing twice, nothing lost, what cannot be known is listed."""

from __future__ import annotations

import pytest
from killing import Books, NoIntent, kill_until_done

from qa_lib.deliver.adapters import Recovery

BATCH = 100
RECOVERIES: tuple[Recovery, ...] = ("idempotency_key", "lookup", "none")


def holds(books: Books, recovery: Recovery) -> None:
    print(books)
    assert (books.duplicates, books.lost, books.undone) == (0, 0, 0)
    assert books.unknown <= (books.kills * BATCH + books.dropped if recovery == "none" else 0)


@pytest.mark.parametrize("recovery", RECOVERIES)
def test_2000_sends_and_4_kills_leave_no_duplicate_and_no_loss(url: str, recovery: Recovery) -> None:
    books = kill_until_done(url, recovery, count=2_000, kills=4, batch_size=BATCH, drops=5)
    assert books.kills >= 2
    assert books.dropped > 0
    holds(books, recovery)


@pytest.mark.long
@pytest.mark.parametrize("recovery", RECOVERIES)
def test_20000_sends_and_10_kills_leave_no_duplicate_and_no_loss(url: str, recovery: Recovery) -> None:
    books = kill_until_done(url, recovery, count=20_000, kills=10, batch_size=BATCH, drops=40)
    assert books.kills >= 8
    holds(books, recovery)


def test_without_the_intent_before_the_call_the_same_harness_finds_duplicates(url: str) -> None:
    books = kill_until_done(
        url, "lookup", count=1_000, kills=3, batch_size=BATCH, ledger_class=NoIntent, drops=0
    )
    print(books)
    assert books.kills >= 1
    assert books.duplicates + books.lost > 0
