"""The examples of the documents run as they are written, in order, on one workspace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qa_lib.workspace import Workspace

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def root(workspace: Workspace, tmp_path: Path) -> Path:
    """A copy of the shared workspace."""
    workspace.state.engine.dispose()
    return Path(shutil.copytree(workspace.root, tmp_path / "workspace"))


def run(words: list[str], root: Path) -> str:
    bin = Path(sys.executable).parent
    env = {**os.environ, "QA_WORKSPACE": str(root), "PATH": f"{bin}:{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=root.parent, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_python_of_the_page_on_audiences_runs(root: Path) -> None:
    code = blocks("audiences.md", "python")
    assert len(code) >= 10
    said = run([sys.executable, "-W", "error", "-c", "\n".join(code)], root)
    assert "客单价" in said or "订单" in said
    assert "react-querybuilder" in said  # the refusal names the format


def test_the_commands_of_the_page_on_audiences_run(root: Path) -> None:
    (commands,) = blocks("audiences.md", "sh")
    said = run(["bash", "-euo", "pipefail", "-c", commands], root)
    assert "meat: version 1 saved" in said
    assert "active audiences" in said


def test_the_page_names_every_method_of_the_service() -> None:
    from qa_lib.audiences import AudienceService

    page = (DOCS / "audiences.md").read_text(encoding="utf-8")
    public = {name for name in vars(AudienceService) if not name.startswith("_")} - {"catalogue"}
    table = page.split("## Conditions")[0]
    assert public <= set(re.findall(r"`(\w+)`", table.replace("`, `", "` `"))), public
