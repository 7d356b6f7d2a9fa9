"""The kill harness: workers that are ended by SIGKILL at random instants and started again until all is done."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from provider import Provider, ProviderAdapter

from qa_lib.deliver import Ledger, Message, run
from qa_lib.deliver.adapters import Recovery
from qa_lib.deliver.schema import deliveries
from qa_lib.workspace.state import State

LEASE = timedelta(seconds=1.5)
BACK_OFF = timedelta(milliseconds=200)
START = datetime(2026, 6, 1, tzinfo=UTC)
#: A server that has everything imported and forks a worker in a moment.
PROCESSES = multiprocessing.get_context("forkserver")
# modules of the tests' own folder are not found there, so what they import is named
PROCESSES.set_forkserver_preload(
    ["qa_lib.deliver", "psycopg", "sqlalchemy.dialects.postgresql.psycopg", "deltalake", "aiosmtplib"]
)


class NoIntent(Ledger):
    """The mutant: it hands over first and marks afterwards, as send paths without a ledger do."""

    _open_states = ("planned", "dispatching", "unknown")

    def claim(self, channel: str, worker: str, at: datetime, **told: Any) -> list[Message]:
        from qa_lib.deliver.rows import locked, message_of

        with self.writing() as con:
            c = deliveries.c
            rows = locked(con, c.due_at.is_not(None), c.due_at, channel, None, told["limit"])
        return [message_of(row) for row in rows]


def messages(count: int, *, version: str = "spring@1") -> list[Message]:
    return [
        Message(
            campaign_id="spring",
            campaign_version=version,
            step="first",
            person_id=f"person-{n}",
            channel="test",
            address=f"address-{n}",
            content={"text": f"Hello {n}"},
        )
        for n in range(count)
    ]


def work(url: str, port: int, recovery: Recovery, batch_size: int, ledger_class: type[Ledger]) -> None:
    """One worker's life, in a process of its own."""
    state = State(url)
    ledger = ledger_class(state, back_off=BACK_OFF, max_failures=50)
    run(ledger, ProviderAdapter(port, recovery, batch_size=batch_size), lease=LEASE, patience=3 * LEASE)
    state.engine.dispose()


def start(*told: Any) -> multiprocessing.process.BaseProcess:
    process = PROCESSES.Process(target=work, args=told)
    process.start()
    return process


@contextlib.contextmanager
def state_and_provider(url: str, provider: Provider) -> Iterator[tuple[State, Provider]]:
    state = State(url)
    try:
        yield state, provider
    finally:
        provider.close()
        state.engine.dispose()


class Books(NamedTuple):
    """What the provider took against what the ledger says."""

    duplicates: int
    lost: int
    undone: int
    unknown: int
    unknown_but_taken: int
    kills: int
    dropped: int


def books(state: State, provider: Provider, planned: list[Message], kills: int) -> Books:
    with state.engine.connect() as con:
        found = con.execute(sa.select(deliveries.c.delivery_id, deliveries.c.state))
        states: dict[str, str] = {row.delivery_id: row.state for row in found}
    taken = provider.taken
    unknown = {k for k, s in states.items() if s == "unknown"}
    return Books(
        duplicates=sum(n - 1 for n in taken.values() if n > 1),
        lost=sum(states.get(m.key) == "accepted" and not taken[m.key] for m in planned)
        + sum(m.key not in states for m in planned),
        undone=sum(s in ("planned", "deferred", "dispatching") for s in states.values()),
        unknown=len(unknown),
        unknown_but_taken=sum(taken[k] > 0 for k in unknown),
        kills=kills,
        dropped=provider.dropped,
    )


def kill_until_done(
    url: str,
    recovery: Recovery,
    *,
    count: int,
    kills: int,
    batch_size: int,
    ledger_class: type[Ledger] = Ledger,
    drops: int = 0,
    seed: int = 618,
) -> Books:
    """Plan, send, kill so many times in the middle of sending, start again until done; compare the books."""
    planned = messages(count)
    with state_and_provider(url, Provider(remembers_keys=recovery == "idempotency_key", drops=drops)) as (
        state,
        provider,
    ):
        assert Ledger(state).plan(planned, START).added == count
        chance = random.Random(seed)
        instants = sorted(chance.randrange(count * 9 // 10) for _ in range(kills))
        done = 0
        told = (url, provider.port, recovery, batch_size, ledger_class)
        worker = start(*told)
        for instant in instants:
            while provider.offered <= instant and worker.is_alive():
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.03))
            if worker.is_alive():
                assert worker.pid is not None
                os.kill(worker.pid, signal.SIGKILL)
            worker.join()
            done += worker.exitcode == -signal.SIGKILL
            worker = start(*told)
        worker.join()
        assert worker.exitcode == 0
        return books(state, provider, planned, done)
