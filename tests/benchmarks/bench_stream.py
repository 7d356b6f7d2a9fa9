"""An open loop of JSON events a second through the embedded log: durable, visible in SQL, in matches, in a profile.

A producer in a process of its own sends whether or not anybody keeps up; every event carries the moment at which
it was sent. An event is visible when the transaction that holds it, the matches it made and the position after it
has committed. Beside that, probes look the person of a fresh event up from outside, as a page would.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import numpy as np
from measured import Figure, WrongAnswer, at_most, company, waited_ms
from stream_rules import make_rules

from qa_lib.live import LiveStream, status
from qa_lib.sources.stream import SqliteLog, Step
from qa_lib.sources.stream.sqlite_log import FILE as LOG_FILE
from qa_lib.sources.stream.state import FILE as STATE_FILE
from qa_lib.workspace import Workspace

#: Seconds of the run at the bar's rate with each number of rules, and of all other runs.
_SECONDS = {"S": 20.0, "M": 300.0, "L": 300.0}
_STEPS = {"S": 6.0, "M": 15.0, "L": 15.0}
RATE = 10_000
BAR_MS = 500.0
RULES = {"S": (1_000,), "M": (1_000, 10_000), "L": (1_000, 10_000)}
_HIGHER = (15_000, 20_000, 30_000, 40_000, 60_000, 80_000, 100_000)
_LOWER = (5_000, 2_000, 1_000)
_PRODUCE = """
import json, sys, time
from pathlib import Path
from qa_lib.live.produce import EventMaker, produce
from qa_lib.sources.stream import SqliteLog
from qa_lib.workspace import Workspace
root, rate, seconds = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
snapshot = Workspace.open(root).snapshot()
maker, log = EventMaker(snapshot, start=snapshot.as_of), SqliteLog(root)
print("ready", flush=True)
sys.stdin.readline()
used = time.process_time()
sent = produce(log, maker, rate=rate, seconds=seconds)
print(json.dumps({**vars(sent), "cpu_s": time.process_time() - used}), flush=True)
"""
_PROBE = """
import json, sys, threading, time
from datetime import UTC, datetime
from pathlib import Path
from stream_rules import make_rules
from qa_lib.live import LiveProfiles
from qa_lib.sources.stream import SqliteLog
from qa_lib.workspace import Workspace
workspace = Workspace.open(Path(sys.argv[1]))
profiles = LiveProfiles(workspace, rules=make_rules(workspace.snapshot(), int(sys.argv[2]), seed=11))
log, over, waited = SqliteLog(workspace.root), threading.Event(), []
print("ready", flush=True)
sys.stdin.readline()
threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
while not over.wait(0.1):
    who, sent_at = f"probe-{len(waited)}", time.time()
    event = {
        "event_id": f"{who}-{sent_at}",
        "event": "login",
        "person_id": who,
        "occurred_at": datetime.fromtimestamp(0, UTC).isoformat(),
        "properties": {"channel": "app"},
    }
    log.append([(who, json.dumps(event).encode())])
    while True:
        try:
            if profiles.lookup(who).event_counts:
                break
        except LookupError:
            time.sleep(0.005)
    waited.append(time.time() - sent_at)
print(json.dumps(waited), flush=True)
"""


def _started(script: str, *given: object) -> subprocess.Popen[str]:
    """A process beside the consumer's, once it says that it is ready; a line on its input lets it begin."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, given)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


class Run:
    """One run at one rate."""

    def __init__(
        self, workspace: Workspace, rules: list, rate: float, seconds: float, *, probes: bool
    ) -> None:  # type: ignore[type-arg]
        for name in (LOG_FILE, STATE_FILE):
            for path in workspace.root.glob(f"{name}*"):
                path.unlink()
        self.waited: list[float] = []
        self.probed: list[float] = []
        log = SqliteLog(workspace.root)
        stream = LiveStream(workspace, log, rules=rules, clock="events", most=10_000)
        step = stream.consumer.step

        def watched(timeout: float = 0.2) -> Step:
            done = step(timeout)
            self.waited += [done.visible_at - at for at in done.sent_at]
            return done

        stream.consumer.step = watched  # type: ignore[method-assign]
        producer = _started(_PRODUCE, workspace.root, rate, seconds)
        asking = _started(_PROBE, workspace.root, len(rules)) if probes else None
        wait, cpu, began = waited_ms(), time.process_time(), time.perf_counter()
        _go(producer)
        if asking:
            _go(asking)
        consuming = threading.Thread(target=stream.run)
        consuming.start()
        told = json.loads(producer.communicate()[0])
        if asking:
            _go(asking)  # the second time: to end
            self.probed = json.loads(asking.communicate()[0])
        self.lag_at_end = sum(status(workspace, log).lag.values())
        sent = told["count"] + len(self.probed)
        end = time.monotonic() + 600
        while stream.consumer.total.read < sent and time.monotonic() < end:
            time.sleep(0.05)
        took = time.perf_counter() - began
        self.cpu_us = (time.process_time() - cpu) / sent * 1e6
        self.waiting_share = (waited_ms() - wait) / 1000 / took
        stream.stop()
        consuming.join()
        found = status(workspace, log)
        self.counts, self.sent, self.late_ms = stream.matching.counts, sent, told["late_s"] * 1000
        self.producer_cpu_us = told["cpu_s"] / max(1, told["count"]) * 1e6
        stream.close()
        log.close()
        if (found.event_count, found.live_events, found.delta_lag) != (sent, sent, 0):
            raise WrongAnswer(
                f"{sent:,} events sent, {found.event_count:,} counted, {found.delta_lag:,} not in Delta"
            )

    def told(self) -> str:
        """The run in a line."""
        waited = ", ".join(f"p{share} {self.ms(share):,.0f} ms" for share in (50, 95, 99))
        return f"stream: {waited}, {self.cpu_us:.0f} µs of CPU an event"

    def ms(self, share: float) -> float:
        return float(np.percentile(self.waited, share)) * 1000


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """The figures of a tier; `QA_STREAM_SECONDS` sets another length of the run at the bar's rate."""
    snapshot = company("S" if tier == "S" else "M", people)
    workspace = Workspace.open(snapshot.root)
    seconds = float(os.environ.get("QA_STREAM_SECONDS", _SECONDS[tier]))
    figures: list[Figure] = []
    for count in RULES[tier]:
        rules = make_rules(snapshot, count, seed=11)
        say(f"stream: {RATE:,} events a second for {seconds:g} s, {count:,} rules")
        one = Run(workspace, rules, RATE, seconds, probes=True)
        say(one.told())
        name = f"{RATE}.{count}_rules"
        figures += [
            Figure(f"p50.visible_in_match.{name}", one.ms(50), "ms"),
            at_most(f"p99.visible_in_match.{name}", one.ms(99), "ms", "", BAR_MS),
            Figure(f"max.visible_in_match.{name}", one.ms(100), "ms"),
            Figure(f"p50.visible_in_profile.{name}", float(np.percentile(one.probed, 50)) * 1000, "ms"),
            at_most(
                f"p99.visible_in_profile.{name}",
                float(np.percentile(one.probed, 99)) * 1000,
                "ms",
                "",
                BAR_MS,
            ),
            Figure(f"events.{name}", one.sent, "events"),
            Figure(f"entered_or_left.{name}", one.counts.entered + one.counts.left, "changes"),
            Figure(f"cpu.{name}", one.cpu_us, "µs/event"),
            Figure(f"producer_cpu.{name}", one.producer_cpu_us, "µs/event"),
            Figure(f"waited_for_cpu.{name}", one.waiting_share, "s/s"),
            Figure(f"producer_late.{name}", one.late_ms, "ms"),
        ]
        held, broke = (RATE, 0) if one.ms(99) <= BAR_MS else (0, RATE)
        for rate in _LOWER if broke else _HIGHER:
            say(f"stream: {rate:,} events a second for {_STEPS[tier]:g} s")
            other = Run(workspace, rules, rate, _STEPS[tier], probes=False)
            say(other.told())
            holds = other.ms(99) <= BAR_MS
            held, broke = (max(held, rate), broke) if holds else (held, min(broke or rate, rate))
            name = f"{rate}.{count}_rules"
            figures += [
                Figure(f"p50.visible_in_match.{name}", other.ms(50), "ms"),
                Figure(f"p99.visible_in_match.{name}", other.ms(99), "ms"),
                Figure(f"cpu.{name}", other.cpu_us, "µs/event"),
                Figure(f"waited_for_cpu.{name}", other.waiting_share, "s/s"),
            ]
            if holds == (rate < RATE):
                break
        figures += [
            Figure(f"holds_at.{count}_rules", held, "events/s"),
            Figure(f"breaks_at.{count}_rules", broke, "events/s"),
        ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures.append(Figure("peak_memory", peak, "MB"))
    return figures
