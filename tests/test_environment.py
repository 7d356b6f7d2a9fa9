"""The environment files agree: ranges in pyproject.toml, exact versions in the lock, the conda file made from them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def _declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(text) for group in groups for text in group]


def _locked() -> dict[str, str]:
    names = ("requirements-bench.lock", "requirements.lock")  # the peers of the benchmarks are apart
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    found = [re.match(r"([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==([^\s;\\]+)", line) for line in lines]
    return {canonicalize_name(m[1]): m[2] for m in found if m}


def test_every_declared_dependency_is_locked_within_its_range() -> None:
    locked = _locked()
    for requirement in _declared():
        version = locked[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement} but the lock has {version}"


def test_every_declared_dependency_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    lines = [
        line
        for line in text.splitlines()
        if re.match(r'\s+"[A-Za-z][A-Za-z0-9._-]*(\[[a-z,]+\])?[=<>]', line)
    ]
    assert len(lines) == len(_declared())
    for line in lines:
        reason = line.partition("#")[2].strip()
        assert len(reason) > 8, f"no reason for {line.strip()}"


def test_lock_files_carry_no_download_address() -> None:
    python, npm = ((ROOT / name).read_text() for name in ("requirements.lock", "widgets/package-lock.json"))
    assert "://" not in python
    assert "--index" not in python
    assert '"resolved"' not in npm
    assert ".tgz" not in npm


def test_conda_environment_is_the_one_made_from_pyproject() -> None:
    makefile = (ROOT / "Makefile").read_text()
    arguments = re.search(r"^CONDA := (.*)$", makefile, re.MULTILINE)
    assert arguments
    made = subprocess.run(
        [sys.executable, "-m", "pyproject2conda", "yaml", *arguments[1].split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert made == (ROOT / "environment.yml").read_text()
