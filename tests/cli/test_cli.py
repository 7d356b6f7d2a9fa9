"""The command line answers in words and in JSON, and says with its exit code who is at fault."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from qa_lib.cli import main
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


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    path = tmp_path / "rule.json"
    path.write_text('{"kind": "tag", "field": "order_count_365d", "operator": ">", "value": 3}')
    return path


def test_count_answers_one_object(qa: Callable[..., Said], workspace: Workspace, rule_file: Path) -> None:
    said = qa("audience", "count", rule_file, "-w", workspace.root, "--json")
    answer = json.loads(said.out)
    assert said.code == 0
    assert {"count", "universe", "as_of", "rule_hash", "elapsed_ms"} <= set(answer)
    members = json.loads(qa("audience", "members", rule_file, "-w", workspace.root, "--json").out)
    assert len(members["person_ids"]) == answer["count"] > 0


def test_yaml_and_audience_files_are_rules_too(
    qa: Callable[..., Said], workspace: Workspace, rule_file: Path, tmp_path: Path
) -> None:
    as_yaml = tmp_path / "rule.yaml"
    as_yaml.write_text('kind: tag\nfield: order_count_365d\noperator: ">"\nvalue: 3\n')
    audience = tmp_path / "audience.json"
    audience.write_text(json.dumps({"name": "常客", "rule": json.loads(rule_file.read_text())}))
    hashes = {
        json.loads(qa("audience", "count", path, "-w", workspace.root, "--json").out)["rule_hash"]
        for path in (rule_file, as_yaml, audience)
    }
    assert len(hashes) == 1


def test_preview_shows_sentence_sample_and_breakdown(
    qa: Callable[..., Said], workspace: Workspace, rule_file: Path
) -> None:
    said = qa("audience", "preview", rule_file, "-w", workspace.root)
    assert "近365天订单数 大于 3 单" in said.out
    assert "lifecycle_stage" in said.out
    assert "Life-cycle stage" in said.out
    answer = json.loads(qa("audience", "preview", rule_file, "-w", workspace.root, "--json").out)
    assert all("•" in row["person"] for row in answer["sample"])


def test_check_names_the_fault_and_its_place(
    qa: Callable[..., Said], workspace: Workspace, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(
        '{"kind": "all", "of": [{"kind": "tag", "field": "avg_order_value", "operator": ">", "value": 1}]}'
    )
    said = qa("rule", "check", bad, "-w", workspace.root)
    assert said.code == 1
    assert "at 0: Unknown tag or attribute 'avg_order_value'. Did you mean 'average_order_value'?" in said.out


@pytest.mark.parametrize("dialect", ["duckdb", "spark", "postgres", "clickhouse"])
def test_sql_prints_in_dialects(
    qa: Callable[..., Said], workspace: Workspace, rule_file: Path, dialect: str
) -> None:
    said = qa("rule", "sql", rule_file, "-w", workspace.root, "--dialect", dialect)
    assert said.code == 0
    assert "order_count_365d" in said.out
    assert "> 3" in said.out


def test_an_unknown_dialect_is_refused(
    qa: Callable[..., Said], workspace: Workspace, rule_file: Path
) -> None:
    said = qa("rule", "sql", rule_file, "-w", workspace.root, "--dialect", "sparc")
    assert said.code == 1
    assert "Unknown SQL dialect 'sparc'" in said.err


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("audience", "count", "RULE", "-w", "NOWHERE"), "No workspace at"),
        (("audience", "count", "RULE", "-w", "WS", "--as-of", "2017-05-01T00:00:00Z"), "No snapshot as of"),
        (("audience", "count", "RULE", "-w", "WS", "--as-of", "yesterday"), "'yesterday' is not a moment"),
        (("audience", "count", "NOWHERE", "-w", "WS"), "cannot be read"),
        (("land", "journey.transaction", "RULE", "-w", "WS"), "Did you mean 'journey.transactions'"),
        (("build", "-w", "WS", "--as-of", "2031-01-01T00:00:00Z"), "is outside the data"),
        (("run", "NOWHERE", "-w", "WS"), "NOWHERE"),
        (("init", "NOWHERE", "--zone", "Asia/Peking"), "Unknown time zone 'Asia/Peking'"),
    ],
)
def test_the_data_or_the_machine_at_fault_is_exit_1_with_words(
    qa: Callable[..., Said],
    workspace: Workspace,
    rule_file: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    fault: str,
) -> None:
    places = {"RULE": rule_file, "WS": workspace.root, "NOWHERE": tmp_path / "NOWHERE"}
    said = qa(*(places.get(w, w) for w in words))
    assert said.code == 1
    assert said.err.startswith("qa: ")
    assert fault in said.err
    assert "Traceback" not in said.err


def test_wrong_usage_is_exit_2(qa: Callable[..., Said]) -> None:
    assert qa("audience", "count").code == 2
    assert qa("nonsense").code == 2
    assert qa("run", "x.ipynb", "-p", "no_equals_sign").code == 2


def test_init_land_build_count_on_files_of_ones_own(
    qa: Callable[..., Said], company_files: dict[str, Path], tmp_path: Path, rule_file: Path
) -> None:
    root = tmp_path / "mine"
    assert qa("init", root, "--zone", "Asia/Shanghai", "--currency", "CNY").code == 0
    for feed in ("journey.transactions", "journey.products"):
        said = qa("land", feed, company_files[feed], "-w", root, "--json")
        assert said.code == 0
        assert json.loads(said.out)["reject_count"] == 0
    assert (
        qa("build", "-w", root).code == 0
    )  # demographics, campaigns … were never landed: they read as empty
    counted = json.loads(qa("audience", "count", rule_file, "-w", root, "--json").out)
    assert 0 < counted["count"] <= counted["universe"]
    said = qa("doctor", "-w", root)
    assert said.code == 1
    assert "Never landed: journey.demographics" in said.out


def test_doctor_is_content_with_a_whole_workspace(qa: Callable[..., Said], workspace: Workspace) -> None:
    said = qa("doctor", "-w", workspace.root, "--json")
    report = json.loads(said.out)
    assert said.code == 0, report["warnings"]
    assert report["tables"]["order_lines"]["version"] == report["tables"]["order_lines"]["published"]
