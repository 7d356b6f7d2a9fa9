"""The schedule recipes of docs/nightly.md: run as they stand, with a stand-in for `qa` that writes down its calls."""

from __future__ import annotations

import re
import subprocess
from configparser import RawConfigParser
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PAGE = (REPOSITORY / "docs" / "nightly.md").read_text(encoding="utf-8")
HOME = "/srv/workbench"
#: Writes down how it was called, and fails for the notebook that is named in `fails`.
STAND_IN = """#!/bin/sh
echo "$*" >> calls
if [ -e fails ] && case "$*" in *"$(cat fails)"*) true;; *) false;; esac; then exit 1; fi
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def cron() -> tuple[list[str], str]:
    """The five fields of the cron line, and its command."""
    (line,) = blocks("cron")
    *fields, command = line.strip().split(maxsplit=5)
    return fields, command


def unit(name: str) -> tuple[RawConfigParser, list[str]]:
    """A unit's settings, and its steps in order."""
    (text,) = [block for block in blocks("ini") if name in block.splitlines()[0]]
    parsed = RawConfigParser(strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(text)
    return parsed, re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    stand_in = tmp_path / ".venv" / "bin" / "qa"
    stand_in.parent.mkdir(parents=True)
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    return tmp_path


def run_line(checkout: Path) -> subprocess.CompletedProcess[bytes]:
    command = cron()[1].replace(HOME, str(checkout))
    return subprocess.run(["sh", "-c", command], timeout=60, check=False)  # as cron does


def test_the_cron_line_runs_every_job_in_order(checkout: Path) -> None:
    fields, command = cron()
    assert all(re.fullmatch(r"\*|\d+", field) for field in fields)
    assert (int(fields[0]) < 60, int(fields[1]) < 24) == (True, True)
    assert "%" not in command  # cron reads it as the end of the line
    assert run_line(checkout).returncode == 0
    called = (checkout / "calls").read_text().splitlines()
    assert [line.split()[0] for line in called] == ["run"] * len(called)
    notebooks = [line.split()[1] for line in called]
    assert all((REPOSITORY / path).is_file() for path in notebooks)
    every = {
        p.relative_to(REPOSITORY).as_posix() for p in (REPOSITORY / "notebooks" / "jobs").glob("*.ipynb")
    }
    assert set(notebooks) == every


def test_a_step_that_fails_ends_the_night(checkout: Path) -> None:
    (checkout / "fails").write_text("build")
    assert run_line(checkout).returncode != 0
    assert [Path(line.split()[1]).stem for line in (checkout / "calls").read_text().splitlines()] == [
        "land",
        "build",
    ]


def test_the_unit_does_what_the_cron_line_does(checkout: Path) -> None:
    service, steps = unit("workbench-nightly.service")
    timer, _ = unit("workbench-nightly.timer")
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["WorkingDirectory"] == HOME
    run_line(checkout)
    called = (checkout / "calls").read_text().splitlines()
    assert steps == [f"{HOME}/.venv/bin/qa {line}" for line in called]
    minute, hour, *_ = cron()[0]
    assert timer["Timer"]["OnCalendar"] == f"*-*-* {int(hour):02}:{int(minute):02}:00"
    assert timer["Install"]["WantedBy"] == "timers.target"
