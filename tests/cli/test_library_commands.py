"""Saved audiences on the command line: versions, differences, rollback, overlap."""

from __future__ import annotations

import json
import shutil
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

    @property
    def json(self) -> dict:
        return json.loads(self.out)


@pytest.fixture
def root(workspace: Workspace, tmp_path: Path) -> Path:
    """A copy of the shared workspace."""
    workspace.state.engine.dispose()
    return Path(shutil.copytree(workspace.root, tmp_path / "own"))


@pytest.fixture
def qa(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run `qa` with these words over the copy."""

    def run(*words: object) -> Said:
        monkeypatch.setenv("QA_WORKSPACE", str(root))
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return Said(int(stopped.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """A file with a rule on the orders of a year."""

    def write(least: int, **more: object) -> Path:
        path = tmp_path / f"rule_{least}.json"
        rule = {"kind": "tag", "field": "order_count_365d", "operator": ">", "value": least}
        path.write_text(json.dumps({"rule": rule, **more} if more else rule))
        return path

    return write


def test_save_show_compare_and_take_back(qa: Callable[..., Said], file: Callable[..., Path]) -> None:
    assert qa("audience", "list").out.strip() == "No audience is saved."
    first = qa(
        "audience", "save", file(3), "--name", "常客", "--author", "Li", "--note", "first", "--json"
    ).json
    assert (first["number"], first["author"], first["restores"]) == (1, "Li", None)
    said = qa("audience", "save", file(9, name="常客"), "--author", "Wang")
    assert said.code == 1
    assert "save with based_on=1" in said.err
    said = qa("audience", "save", file(9, name="常客"), "--author", "Wang", "--based-on", "1")
    assert "常客: version 2 saved" in said.out
    listed = qa("audience", "list", "--json").json["audiences"]
    assert [(row["name"], row["newest"], row["active"]) for row in listed] == [("常客", 2, 1)]
    assert "近365天订单数 大于 9" in qa("audience", "show", "常客").out
    assert qa("audience", "show", "常客", "active", "--json").json["number"] == 1

    told = qa("audience", "diff", "常客", "-l", "zh")
    assert "值 3 单 → 9 单" in told.out
    people = qa("audience", "diff", "常客", "1", "2", "--people", "--json").json
    assert people["entering_count"] == 0
    assert people["leaving_count"] == people["by_change"][0]["leaving_count"] > 0
    assert all("•" in row["person"] for row in people["leaving_sample"])
    assert "some who leave" in qa("audience", "diff", "常客", "--people").out

    assert qa("audience", "activate", "常客", "2", "--json").json == {"name": "常客", "active": 2}
    back = qa("rule", "rollback", "常客", "--to", "1", "--author", "Li", "--json").json
    assert (back["number"], back["restores"], back["hash"]) == (3, 1, first["hash"])
    assert "is active" in qa("audience", "rollback", "常客", "--to", "2").out
    versions = qa("audience", "history", "常客", "--json").json["versions"]
    assert [v["number"] for v in versions] == [4, 3, 2, 1]
    assert [v["labels"] for v in versions] == [["active"], [], [], []]
    assert "first" in qa("audience", "history", "常客").out


def test_overlap_counts_every_two_and_every_combination(
    qa: Callable[..., Said], file: Callable[..., Path]
) -> None:
    assert "No audience" in qa("audience", "overlap").out
    for least in (3, 9):
        qa("audience", "save", file(least), "--name", f"over {least}")
    found = qa("audience", "overlap", "--json").json
    assert found["names"] == ["over 3", "over 9"]
    assert found["overlap"][0][1] == found["overlap"][1][1]
    assert [one["audiences"] for one in found["exactly"]] != [["over 9"]]
    assert sum(one["people_count"] for one in found["exactly"]) == found["overlap"][0][0]
    said = qa("audience", "overlap", "over 9", "over 3")
    assert "over 9 & over 3" in said.out
    assert "Did you mean 'over 3'" in qa("audience", "overlap", "over 33").err


def test_a_rule_file_may_name_saved_audiences_and_a_base(
    qa: Callable[..., Said], file: Callable[..., Path], tmp_path: Path
) -> None:
    qa("audience", "save", file(3), "--name", "regulars")
    named = tmp_path / "named.json"
    named.write_text('{"kind": "audience", "audience": "regulars", "member": false}')
    outside = qa("audience", "count", named, "--json").json
    regulars = qa("audience", "count", file(3), "--json").json
    assert outside["count"] + regulars["count"] == outside["universe"]
    assert outside["audience_versions"] == [{"audience": "regulars", "version": 1}]
    based = qa("audience", "count", file(9, name="x", base="regulars"), "--json").json
    assert based["universe"] == regulars["count"]
    assert based["base"] == {"audience": "regulars", "version": 1}


def test_two_rule_files_are_compared_with_and_without_a_workspace(
    qa: Callable[..., Said], file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "value 3 orders → 9 orders" in qa("rule", "diff", file(3), file(9)).out
    assert qa("rule", "diff", file(3), file(3), "--json").json["changes"] == []
    shown = qa("rule", "diff", file(9), file(3), "--people", "--json").json
    assert shown["leaving_count"] == 0 < shown["entering_count"]
    assert qa("rule", "diff", file(3), file(9), "-l", "fr").code == 1
    said = qa("rule", "diff", file(3), file(9), "-w", tmp_path / "nowhere")
    assert said.code == 1
    assert "No workspace" in said.err


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("audience", "save", "RULE"), "Give one with --name"),
        (("audience", "show", "nobody"), "No audience 'nobody' is saved"),
        (("audience", "rollback", "nobody", "--to", "1"), "No audience 'nobody' is saved"),
        (("audience", "diff", "nobody"), "No audience 'nobody' is saved"),
        (("audience", "save", "NOWHERE"), "cannot be read"),
    ],
)
def test_faults_are_words_and_exit_1(
    qa: Callable[..., Said], file: Callable[..., Path], tmp_path: Path, words: tuple[str, ...], fault: str
) -> None:
    places = {"RULE": file(3), "NOWHERE": tmp_path / "NOWHERE"}
    said = qa(*(places.get(word, word) for word in words))
    assert said.code == 1
    assert fault in said.err
    assert "Traceback" not in said.err
