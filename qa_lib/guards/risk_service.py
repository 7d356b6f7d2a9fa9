"""A risk service that is asked over HTTP, in batches, within a time; anything but a clear allow denies.

The service takes `POST {"as_of": …, "person_ids": […]}` and answers with status 200 and
`{"decided_by": text, "decided_at": moment, "decisions": {person_id: "allow" | "deny"}}`.
"""

from __future__ import annotations

import json
import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field as Bounded
from pydantic import field_validator

from qa_lib.guards.risk import RiskAnswer
from qa_lib.rules.spec import Spec

_LARGEST_ANSWER = 16 * 1024 * 1024
_CLOCK_SKEW = timedelta(seconds=60)


class RiskService(Spec):
    """Where risk is asked, and how long its answer is waited for and good.

    Parameters
    ----------
    url
        http or https; without credentials, since specs are stored.
    timeout_seconds
        For the whole answer to one batch, first byte to last.
    max_age_seconds
        How old `decided_at` may be; an older answer is stale.
    batch_size
        People per question. After the first question without an answer no more are asked.
    """

    url: str
    timeout_seconds: float = Bounded(default=2.0, gt=0, le=60)
    max_age_seconds: float = Bounded(default=300.0, gt=0)
    batch_size: int = Bounded(default=1_000, ge=1, le=50_000)

    @field_validator("url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("expected an http or https address without user and password")
        return value

    def decide(self, person_ids: Sequence[str], as_of: datetime) -> RiskAnswer:
        """One answer per person, in order; whoever is not clearly allowed is denied with the reason."""
        denials: list[str | None] = []
        deciders: list[str] = []
        failure: str | None = None
        for start in range(0, len(person_ids), self.batch_size):
            batch = list(person_ids[start : start + self.batch_size])
            if failure is None:
                answer = self._ask(batch, as_of)
                failure = answer.failure
            if failure is not None:
                denials += [failure] * len(batch)
                continue
            deciders.append(answer.decided_by)
            denials += [_denial(answer.decisions.get(p)) for p in batch]
        decided_by = ", ".join(sorted(set(deciders))) or "nobody"
        return RiskAnswer(tuple(denials), f"{decided_by} at {urlsplit(self.url).netloc}")

    def _ask(self, batch: list[str], as_of: datetime) -> _Answer:
        body = json.dumps({"as_of": as_of.astimezone(UTC).isoformat(), "person_ids": batch}).encode()
        deadline = time.monotonic() + self.timeout_seconds
        told: queue.Queue[bytes | BaseException] = queue.Queue()
        # a socket's time-out is per read; only another thread bounds an answer that comes in drips
        threading.Thread(target=self._fetch, args=(body, told), daemon=True).start()
        try:
            found = told.get(timeout=max(deadline - time.monotonic(), 0.001))
        except queue.Empty:
            return _failed("late")
        if isinstance(found, BaseException):
            reason = getattr(found, "reason", found)
            return _failed("late" if isinstance(reason, TimeoutError) else "unavailable")
        return self._read(found)

    def _fetch(self, body: bytes, told: queue.Queue[bytes | BaseException]) -> None:
        request = urllib.request.Request(
            self.url, data=body, headers={"Content-Type": "application/json", "Accept": "application/json"}
        )
        opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=self.timeout_seconds) as response:
                if response.status != 200:
                    raise urllib.error.URLError(f"status {response.status}")
                told.put(response.read(_LARGEST_ANSWER + 1))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, there is no answer, and that denies
            told.put(error)

    def _read(self, raw: bytes) -> _Answer:
        try:
            value: Any = json.loads(raw)
            decided_at = datetime.fromisoformat(value["decided_at"])
            decided_by, decisions = value["decided_by"], value["decisions"]
            shaped = isinstance(decided_by, str) and isinstance(decisions, dict) and decided_at.tzinfo
        except (ValueError, KeyError, TypeError, RecursionError):
            return _failed("malformed")
        if not shaped or len(raw) > _LARGEST_ANSWER:
            return _failed("malformed")
        # the service's promise is about the present, so this is the one place that reads the clock
        age = datetime.now(UTC) - decided_at
        if age > timedelta(seconds=self.max_age_seconds) or age < -_CLOCK_SKEW:
            return _failed("stale")
        return _Answer(None, decided_by, decisions)


class _Answer(NamedTuple):
    failure: str | None
    decided_by: str
    decisions: dict[str, Any]


def _failed(reason: str) -> _Answer:
    return _Answer(reason, "", {})


def _denial(decision: object) -> str | None:
    if decision == "allow":
        return None
    if decision == "deny":
        return "denied"
    return "unknown_person" if decision is None else "malformed"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An answer from elsewhere is no answer."""

    def redirect_request(self, *args: Any, **how: Any) -> None:
        return None
