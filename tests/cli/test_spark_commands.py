"""`qa export-tables` and `qa audience count --engine`: the recipe of docs/other_engines.md on a real server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from spark_server import free_port

from qa_lib.audiences import evaluate_on, spark_engine
from qa_lib.cli import main
from qa_lib.rules import All, Event, Last, Not, Tag, read_rule, spark_session
from qa_lib.workspace import Snapshot, Workspace

RULE = All(Tag("average_order_value", ">", 20), Not(Event("visit", window=Last(30, "day"), value=5)))
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `qa` with these words: exit code, what it said, what it complained."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    file = tmp_path / "rule.json"
    file.write_text(RULE.to_json())
    return file


def test_the_count_of_another_engine_is_the_count(
    qa: Say, workspace: Workspace, snapshot: Snapshot, spark_address: str, rule_file: Path, tmp_path: Path
) -> None:
    tables = tmp_path / "tables"
    code, out, _ = qa("export-tables", tables, "-w", workspace.root, "--json")
    assert code == 0
    assert json.loads(out)["snapshot"] == snapshot.version
    here = json.loads(qa("audience", "count", rule_file, "-w", workspace.root, "--json")[1])
    asked = ["audience", "count", rule_file, "-w", workspace.root]
    code, out, _ = qa(*asked, "--engine", spark_address, "--tables", tables, "--json")
    there = json.loads(out)
    assert code == 0
    assert 0 < there["count"] == here["count"] < there["universe"]
    assert (there["rule_hash"], there["snapshot"]) == (here["rule_hash"], here["snapshot"])

    session = spark_session(spark_address)
    engine = spark_engine(snapshot, session, str(tables))
    assert evaluate_on(engine, read_rule(RULE.to_json())).count == here["count"]
    session.stop()


def test_what_is_missing_is_said(
    qa: Say, workspace: Workspace, spark_address: str, rule_file: Path, tmp_path: Path
) -> None:
    asked = ["audience", "count", rule_file, "-w", workspace.root]
    code, _, err = qa(*asked, "--engine", spark_address)
    assert (code, "--tables" in err) == (1, True)
    code, _, err = qa(*asked, "--engine", f"sc://127.0.0.1:{free_port()}", "--tables", tmp_path)
    assert (code, "No Spark Connect server answers" in err) == (1, True)
    code, _, err = qa(*asked, "--engine", spark_address, "--tables", tmp_path / "nowhere")
    assert (code, "export_tables" in err) == (1, True)
