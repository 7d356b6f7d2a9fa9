"""What the tests of the stream share: events as bytes, a log with some, and a consumer in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qa_lib.sources.stream import SHOP_CONTRACTS, Consumer, Contracts, Log, NoHandler, SqliteLog, StreamState

#: A server that has everything imported and forks a process in a moment.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["qa_lib.sources.stream", "confluent_kafka", "pyarrow", "deltalake"])


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"e{number}",
        "event": "browse",
        "person_id": f"person {number % 23}",
        "occurred_at": "2026-06-01T10:00:00Z",
        "properties": {"item_id": "A"},
        **more,
    }


def keyed(events: Iterable[dict[str, Any]]) -> list[tuple[str, bytes]]:
    return [(str(e.get("person_id")), json.dumps(e).encode()) for e in events]


def consumer(log: Log, state: StreamState, **more: Any) -> Consumer:
    return Consumer(log, state, Contracts(SHOP_CONTRACTS), NoHandler(), **more)


def drain(one: Consumer, count: int, *, seconds: float = 60) -> None:
    """Consume until so many events were read."""
    until = time.monotonic() + seconds
    while one.total.read < count:
        assert time.monotonic() < until, one.total
        one.step(0.05)


def until(state: StreamState, count: int, *, seconds: float = 60) -> None:
    """Wait until the state holds so many events."""
    end = time.monotonic() + seconds
    while ids(state, "SELECT count(*) FROM events")[0] < count:
        assert time.monotonic() < end, ids(state, "SELECT count(*) FROM events")
        time.sleep(0.02)


def ids(state: StreamState, sql: str = "SELECT event_id FROM events ORDER BY event_id") -> list[Any]:
    return [row[0] for row in state.rows(sql)]


def live(folder: str, member: str, most: int, lease_s: float) -> None:
    """A consumer's life, until it is killed."""
    state, log = StreamState(Path(folder), lease_s=lease_s), SqliteLog(Path(folder))
    one = consumer(log, state, member=member, most=most)
    while True:
        one.step(0.05)


def start(target: Any, *told: Any) -> multiprocessing.process.BaseProcess:
    process = PROCESSES.Process(target=target, args=told, daemon=True)
    process.start()
    return process
