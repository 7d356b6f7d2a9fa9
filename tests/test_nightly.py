"""The schedule recipes of docs/nightly.md: run as they stand, with a stand-in for `qa` and, in cron's environment, with `qa` itself."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest

from qa_lib.jobs import Run
from qa_lib.workspace import Workspace

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


#: `qa` as an installation has it, under the interpreter of the tests.
REAL = """#!/bin/sh
PYTHONPATH={path} exec {python} -c "from qa_lib.cli import main; main()" "$@"
"""


def test_the_line_runs_in_crons_environment_from_any_folder(checkout: Path, workspace: Workspace) -> None:
    """cron gives HOME, a short PATH and a shell, and starts in the account's home."""
    qa = checkout / ".venv" / "bin" / "qa"
    qa.write_text(REAL.format(path=REPOSITORY, python=sys.executable))
    shutil.copytree(workspace.root, checkout / "data" / "workspace")
    (checkout / "notebooks" / "jobs").mkdir(parents=True)
    shutil.copy(REPOSITORY / "notebooks" / "jobs" / "build.ipynb", checkout / "notebooks" / "jobs")
    home = checkout / "home"
    home.mkdir()
    # the step that needs neither the demo's package nor a campaign; the others are left out of the line
    command = cron()[1].replace(HOME, str(checkout))
    steps = re.search(r"sh -c '([^']*)'", command)
    assert steps
    (build,) = [step for step in steps[1].split(" && ") if "build" in step]
    command = command.replace(steps[1], build)
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "workbench"}
    subprocess.run(["/bin/sh", "-c", command], cwd=home, env=environment, timeout=300, check=True)
    (record,) = (checkout / "data" / "runs").glob("*/run.json")
    run = Run.load(record.parent)
    assert (run.name, run.status) == ("build", "completed")
    assert run.html is not None
    assert run.html.is_file()
    assert json.loads(record.read_text(encoding="utf-8"))["snapshots"]
    assert "build.html" in (checkout / "data" / "nightly.log").read_text(encoding="utf-8")
