"""A load generator: made-up events of a snapshot's people at a steady rate, whether or not anybody keeps up."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from qa_lib.live.view import contracts_of
from qa_lib.sources.stream import EventContract, Log
from qa_lib.workspace import Snapshot

_TICK_S = 0.02
#: Events in one append.
_MOST = 2_000
#: How often each kind comes, where it is there; all others as often as the last.
_WEIGHTS = {"browse": 8.0, "cart": 2.0, "purchase": 1.5, "search": 2.0, "login": 2.0}


@dataclass(frozen=True)
class Produced:
    """What was sent: how many events, in how many seconds, and by how much the worst tick was late."""

    count: int
    seconds: float
    late_s: float


class EventMaker:
    """Draws events of a snapshot's people: Zipf items, log-normal activity, seeded but for the events' ids.

    Parameters
    ----------
    start
        The moment of the first event; later ones follow it as real time goes by. Now when not given.
    """

    def __init__(self, snapshot: Snapshot, *, random_state: int = 7, start: datetime | None = None) -> None:
        self._rng = np.random.default_rng(random_state)
        self._ids = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
        self._contracts = contracts_of(snapshot)
        weights = np.array([_WEIGHTS.get(c.event, 0.5) for c in self._contracts])
        self._shares = weights / weights.sum()
        activity = self._rng.lognormal(0, 1.2, len(self._ids))
        self._activity = np.cumsum(activity) / activity.sum()
        values = snapshot.meta["values"]
        self._texts = {
            (c.event, name): [v for v, _ in values.get(f"{c.event}.{name}", [])] or [f"{name}-1", f"{name}-2"]
            for c in self._contracts
            for name, type in c.properties.items()
            if type == "text"
        }
        self._start, self._began = start, time.time()
        self._run = uuid.uuid4().hex[:12]
        self._made = 0

    def make(self, count: int) -> list[tuple[str, bytes]]:
        """Events, each with the key of its partition."""
        rng = self._rng
        people = np.minimum(np.searchsorted(self._activity, rng.random(count)), len(self._ids) - 1).tolist()
        kinds = rng.choice(len(self._contracts), size=count, p=self._shares).tolist()
        now = time.time()
        at = datetime.fromtimestamp(now, UTC)
        if self._start is not None:
            at = self._start + timedelta(seconds=now - self._began)
        told = at.isoformat()
        found = []
        for person, kind, chance in zip(people, kinds, rng.random(count).tolist(), strict=True):
            contract = self._contracts[kind]
            self._made += 1
            event = {
                "event_id": f"{self._run}-{self._made}",
                "event": contract.event,
                "person_id": self._ids[person],
                "occurred_at": told,
                "properties": self._properties(contract, chance),
                "sent_at": now,
            }
            found.append((self._ids[person], json.dumps(event, separators=(",", ":")).encode()))
        return found

    def _properties(self, contract: EventContract, chance: float) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, type in contract.properties.items():
            match type:
                case "text" if name == "order_id":
                    found[name] = f"{self._run}-{self._made}"
                case "text":
                    texts = self._texts[contract.event, name]
                    found[name] = texts[int(len(texts) ** chance) - 1]
                case "amount" if name == "paid_amount":
                    found[name] = round(1 + 200 * chance**3, 2)
                case "amount":
                    found[name] = 0
                case _:
                    found[name] = 1 + int(3 * chance)
        return found


def produce(
    log: Log,
    maker: EventMaker,
    *,
    rate: float,
    seconds: float,
    told: Callable[[int], None] = lambda _: None,
) -> Produced:
    """Send events at a rate, open loop: what is due is sent, however late the log is.

    Parameters
    ----------
    rate
        Events a second.
    told
        Called with the number sent so far, about once a second.
    """
    began = time.perf_counter()
    sent, worst, said = 0, 0.0, 1.0
    while (now := time.perf_counter() - began) < seconds:
        due = int(min(now, seconds) * rate) - sent
        if due:
            for start in range(0, due, _MOST):  # a sender that was held up makes no giant of its batches
                log.append(maker.make(min(_MOST, due - start)))
            sent += due
            worst = max(worst, time.perf_counter() - began - now)
        if now >= said:
            told(sent)
            said = now + 1
        time.sleep(max(0.0, _TICK_S - (time.perf_counter() - began - now)))
    return Produced(sent, time.perf_counter() - began, worst)
