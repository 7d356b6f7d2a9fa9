"""`qa rule export` and `qa rule import`: out to another tool and back, and what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from qa_lib.cli import main
from qa_lib.rules import All, Attribute, Event, Rule, Tag
from qa_lib.workspace import Workspace


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run `qa` with these words in this process."""

    def run(*words: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return Said(int(stopped.value.code or 0), said.out, said.err)

    return run


def kept(rule: Rule, folder: Path) -> Path:
    path = folder / "rule.json"
    path.write_text(rule.to_json(), encoding="utf-8")
    return path


@pytest.mark.parametrize("format", ["json", "yaml", "react-querybuilder", "json-logic"])
def test_a_rule_goes_out_and_comes_back(
    qa: Callable[..., Said], workspace: Workspace, tmp_path: Path, format: str
) -> None:
    rule = All(Tag("recency_days", "<", 30), Attribute("age_band", "in", ("25-34", "45-54")))
    said = qa("rule", "export", kept(rule, tmp_path), "--to", format, "-w", workspace.root)
    assert said.code == 0
    out = tmp_path / "exported"
    out.write_text(said.out, encoding="utf-8")
    answer = json.loads(qa("rule", "import", out, "--from", format, "-w", workspace.root, "--json").out)
    assert answer["rule_hash"] == rule.hash
    assert answer["rule"] == rule.to_dict()
    again = qa("rule", "import", out, "--from", format, "-w", workspace.root)
    assert json.loads(again.out) == rule.to_dict()


def test_sql_goes_out_only(qa: Callable[..., Said], workspace: Workspace, tmp_path: Path) -> None:
    path = kept(All(Event("purchase")), tmp_path)
    said = qa("rule", "export", path, "--to", "sql", "-w", workspace.root, "--json")
    assert "event_purchase" in json.loads(said.out)["text"]
    refused = qa("rule", "import", path, "--from", "sql", "-w", workspace.root)
    assert refused.code == 1
    assert "Unknown rule format 'sql'" in refused.err


def test_a_refusal_names_the_part(qa: Callable[..., Said], workspace: Workspace, tmp_path: Path) -> None:
    path = kept(All(Tag("recency_days", "<", 30), Event("purchase")), tmp_path)
    said = qa("rule", "export", path, "--to", "json-logic", "-w", workspace.root)
    assert said.code == 1
    assert "a condition of kind 'event' (at 1) has no place there" in said.err
