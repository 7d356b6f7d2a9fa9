"""The README's recipe is run as it is written."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from qa_lib.jobs.generated_contacts import generate_contacts
from qa_lib.profiles import catalogue, tags
from qa_lib.rules import Tag
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
NAME = "produce_order_count_14d"


def test_the_recipe_plan_a_campaign_plans_and_rehearses(workspace: Workspace, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    recipe = re.search(r"<!-- recipe: plan a campaign -->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert recipe, "the README has no recipe 'plan a campaign'"
    shutil.copytree(workspace.root, tmp_path / "data" / "workspace")
    copied = Workspace.open(tmp_path / "data" / "workspace")
    generate_contacts(copied, copied.snapshot())
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "qa").symlink_to(Path(sys.executable).parent / "qa")
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", recipe[1]], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "people to be sent" in run.stdout
    assert "Converters" in run.stdout
    assert "not what the campaign adds" in run.stdout


def test_the_recipe_add_a_tag_reaches_catalogue_builder_and_preview(
    workspace: Workspace, tmp_path: Path
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    recipe = re.search(r"<!-- recipe: add a tag -->\n```sh\n(.*?)```", readme, re.DOTALL)
    assert recipe, "the README has no recipe 'add a tag'"
    shutil.copytree(workspace.root, tmp_path / "data" / "workspace")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "qa").symlink_to(Path(sys.executable).parent / "qa")

    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", recipe[1]], cwd=tmp_path, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "近14天果蔬订单数 至少 2 单" in run.stdout
    assert "Produce orders in 14 days is at least 2 orders" in run.stdout

    snapshot = Workspace.open(tmp_path / "data" / "workspace").snapshot()
    assert NAME in set(tags(snapshot)["name"])
    assert catalogue(snapshot).field(NAME).label.zh == "近14天果蔬订单数"
    builder = RuleBuilder(snapshot, Tag(NAME, ">=", 2))
    assert NAME in {field["name"] for field in builder.catalogue["fields"]}
    assert f"{builder.result['count']:,} of" in run.stdout
    assert 0 < builder.result["count"] < builder.result["universe"]


def test_the_rule_in_the_readme_is_python_that_runs(workspace: Workspace, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert example
    run = subprocess.run(
        [sys.executable, "-c", example[1]],
        cwd=tmp_path,
        env={"QA_WORKSPACE": str(workspace.root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "客单价 大于 20 USD" in run.stdout


def test_every_command_that_the_readme_names_is_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    line = re.search(r"`qa (demo · .*?)`", readme)
    assert line
    for words in line[1].split(" · "):
        group, *actions = words.split()
        for action in actions[0].split("|") if actions else [None]:
            command = [
                str(Path(sys.executable).parent / "qa"),
                group,
                *([action] if action else []),
                "--help",
            ]
            assert subprocess.run(command, capture_output=True).returncode == 0, command


def test_links_in_the_documents_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
