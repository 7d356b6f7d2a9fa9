"""What the benchmarks share: the company of a tier, runs that take turns in one process, and figures."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa_lib.jobs.synthetic import publish_synthetic
from qa_lib.workspace import Snapshot, Workspace

PEOPLE = {"S": 100_000, "M": 1_000_000, "L": 10_000_000}
#: Where the synthetic companies are kept between runs.
FOLDER = Path(os.environ.get("QA_BENCH", "data/runs/bench"))


class WrongAnswer(AssertionError):
    """Two engines disagree: no figure counts."""


@dataclass(frozen=True)
class Figure:
    """One line of a report; `holds` is None where there is no bar."""

    name: str
    value: float
    unit: str
    peer: str = ""
    bar: str = ""
    holds: bool | None = None


@dataclass(frozen=True)
class Timing:
    """Milliseconds of every run of one contender."""

    wall_ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.wall_ms)

    @property
    def median(self) -> float:
        return statistics.median(self.wall_ms)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpu_ms)


def company(tier: str, people: int | None = None) -> Snapshot:
    """The synthetic company of a tier, published on first use."""
    size = people or PEOPLE[tier]
    workspace = Workspace.create(FOLDER / f"{size}")
    return publish_synthetic(workspace, people=size)


def machine() -> dict[str, Any]:
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def waited_ms() -> float:
    """How long this process's threads were ready to run and had no processor."""
    total = 0
    for task in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError, IndexError, ValueError):
            total += int(task.read_text().split()[1])
    return total / 1e6


def take_turns(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Run the contenders one after another, so many rounds; each ran once before for the answers."""
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            at, used = time.perf_counter(), time.process_time()
            run()
            wall[name].append((time.perf_counter() - at) * 1000)
            cpu[name].append((time.process_time() - used) * 1000)
    return {name: Timing(tuple(wall[name]), tuple(cpu[name])) for name in contenders}


def equal(what: str, answers: Mapping[str, object]) -> None:
    """Every contender gave the same answer.

    Raises
    ------
    WrongAnswer
        With each answer.
    """
    if len({repr(a) for a in answers.values()}) != 1:
        raise WrongAnswer(f"{what}: " + ", ".join(f"{name} says {a!r}" for name, a in answers.items()))


def at_least(name: str, value: float, unit: str, peer: str, bar: float) -> Figure:
    return Figure(name, value, unit, peer, f">= {bar:g}", value >= bar)


def at_most(name: str, value: float, unit: str, peer: str, bar: float) -> Figure:
    return Figure(name, value, unit, peer, f"<= {bar:g}", value <= bar)
