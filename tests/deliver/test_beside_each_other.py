"""Several worker processes on one ledger: every message once; an opt-out during a run is honoured."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from killing import START, books, messages, start
from provider import Provider

from qa_lib.deliver import Ledger, counts, opt_out
from qa_lib.deliver.schema import history
from qa_lib.workspace.state import State


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider(remembers_keys=False, delay=0.001)
    yield made
    made.close()


def test_eight_workers_on_one_ledger_hand_over_every_message_once(
    url: str, state: State, provider: Provider
) -> None:
    planned = messages(1_600)
    Ledger(state).plan(planned, START)
    workers = [start(url, provider.port, "none", 20, Ledger) for _ in range(8)]
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert Counter(provider.taken.values()) == {1: 1_600}
    result = books(state, provider, planned, 0)
    assert (result.duplicates, result.lost, result.undone, result.unknown) == (0, 0, 0, 0)
    with state.engine.connect() as con:
        query = sa.select(history.c.worker, sa.func.count()).where(history.c.to_state == "dispatching")
        shares = {row[0]: row[1] for row in con.execute(query.group_by(history.c.worker))}
    assert sum(shares.values()) == 1_600
    assert len(shares) > 1


def test_who_opts_out_during_a_run_is_not_contacted_after_the_opt_out_returned(
    url: str, state: State, provider: Provider
) -> None:
    ledger = Ledger(state)
    planned = messages(600)
    ledger.plan(planned, START)
    workers = [start(url, provider.port, "none", 20, Ledger) for _ in range(2)]
    while provider.offered < 50:
        time.sleep(0.001)
    late = []
    for person in random.Random(5).sample([m.person_id for m in planned], 25):
        assert opt_out(ledger, person, START) == 0
        contacted = set(provider.people.values())
        late.append((person, person in contacted))
    for worker in workers:
        worker.join()
    for person, before in late:
        assert (person in provider.people.values()) == before, person
    never = sum(not before for _, before in late)
    assert never > 0
    assert counts(ledger) == {"accepted": 600 - never, "suppressed": never}


@pytest.mark.parametrize("recovery", ["lookup", "none"])
def test_a_worker_that_was_paused_beyond_its_lease_hands_over_nothing_a_second_time(
    url: str, state: State, recovery: str
) -> None:
    planned = messages(400)
    Ledger(state).plan(planned, START)
    with contextlib.closing(Provider(remembers_keys=False, hold_at=103)) as provider:
        paused = start(url, provider.port, recovery, 100, Ledger)
        while provider.offered < 103:
            time.sleep(0.001)
        assert paused.pid is not None
        os.kill(paused.pid, signal.SIGSTOP)  # it waits for an answer, in the middle of its second batch
        provider.released.set()
        other = start(url, provider.port, recovery, 100, Ledger)
        other.join()
        assert other.exitcode == 0
        os.kill(paused.pid, signal.SIGCONT)
        paused.join()
        assert paused.exitcode == 0
        result = books(state, provider, planned, 0)
    assert (result.duplicates, result.lost, result.undone, result.unknown) == (0, 0, 0, 0)
    assert sum(provider.taken.values()) == 400
