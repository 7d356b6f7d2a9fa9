"""What the benchmarks share: the company of a tier, runs that take turns in one process, and figures."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
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
    """Milliseconds of every run of one contender: by the clock, of processors, and waiting for one."""

    wall_ms: tuple[float, ...]
    cpu_ms: tuple[float, ...]
    waited_ms: tuple[float, ...] = ()

    @property
    def best(self) -> float:
        return min(self.wall_ms)

    @property
    def median(self) -> float:
        return statistics.median(self.wall_ms)

    @property
    def undisturbed(self) -> float:
        """The median of the runs that hardly waited for a processor; of all where those are fewer than five."""
        return undisturbed(self.wall_ms, self.waited_ms)

    @property
    def cpu(self) -> float:
        return statistics.median(self.cpu_ms)


def company(tier: str, people: int | None = None) -> Snapshot:
    """The synthetic company of a tier, published on first use.

    Its files are read through once, so that what is measured is no disk: the peers' tables are in memory too.
    """
    size = people or PEOPLE[tier]
    workspace = Workspace.create(FOLDER / f"{size}")
    snapshot = publish_synthetic(workspace, people=size)
    for path in (workspace.root / "cache" / snapshot.version).iterdir():
        if path.is_file():
            with path.open("rb") as file:
                while file.read(2**24):
                    pass
    return snapshot


#: The libraries whose versions a figure depends on.
_LIBRARIES = ("duckdb", "numpy", "pandas", "pyarrow", "polars", "chdb", "pyroaring", "zen-engine")


def machine() -> dict[str, Any]:
    """What the figures were measured on: nothing that names a host or a folder."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    found: dict[str, Any] = {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "system": _system(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return f"{line.split(':', 1)[1].strip()} ({platform.machine()})"
    return platform.processor() or platform.machine()


def _system() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{platform.system()} {platform.release()}"


def waited_ms() -> float:
    """How long this process's threads were ready to run and had no processor."""
    total = 0
    for task in Path("/proc/self/task").glob("*/schedstat"):
        with suppress(OSError, IndexError, ValueError):
            total += int(task.read_text().split()[1])
    return total / 1e6


def undisturbed(wall: Sequence[float], waited: Sequence[float]) -> float:
    """The median over the runs that waited for a processor for at most 2 % of their time, if there are five."""
    quiet = [one for one, lost in zip(wall, waited, strict=False) if lost <= 0.02 * one]
    return statistics.median(quiet if len(quiet) >= 5 else wall)


def take_turns(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Run the contenders one after another, so many rounds; each ran once before for the answers."""
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    lost: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            waited = waited_ms()
            at, used = time.perf_counter(), time.process_time()
            run()
            wall[name].append((time.perf_counter() - at) * 1000)
            cpu[name].append((time.process_time() - used) * 1000)
            lost[name].append(waited_ms() - waited)
    return {name: Timing(tuple(wall[name]), tuple(cpu[name]), tuple(lost[name])) for name in contenders}


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
