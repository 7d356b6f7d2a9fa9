"""`qa audience explain` tells what each condition does, and why one person is in or not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qa_lib.audiences import explain_count, explain_person, members
from qa_lib.cli import main
from qa_lib.rules import All, Event, Last, Not, Tag
from qa_lib.workspace import Snapshot, Workspace

RULE = All(Tag("order_count_365d", ">", 10), Event("visit", window=Last(30, "day")))
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    workspace: Workspace,
) -> Say:
    """Run `qa audience explain` on the rule with these words: exit code, what it said, what it complained."""
    file = tmp_path / "rule.json"
    file.write_text(RULE.to_json())

    def run(*words: object) -> tuple[int, str, str]:
        given = ["qa", "audience", "explain", str(file), "-w", str(workspace.root), *map(str, words)]
        monkeypatch.setattr(sys, "argv", given)
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run


def test_the_steps_are_those_of_explain_count(explain: Say, snapshot: Snapshot) -> None:
    code, out, _ = explain("--json")
    answer, frame = json.loads(out), explain_count(snapshot, RULE)
    assert code == 0
    assert [s["remaining_count"] for s in answer["steps"]] == list(frame["remaining_count"].dropna())
    assert [n["path"] for n in answer["nodes"]] == [""]
    assert answer["snapshot"] == snapshot.version
    code, out, _ = explain()
    assert code == 0
    assert "近365天订单数 大于 10 单" in out
    assert "Orders in 365 days is more than 10 orders" in out


@pytest.mark.parametrize("inside", [True, False])
def test_a_person_is_told_why(explain: Say, workspace: Workspace, snapshot: Snapshot, inside: bool) -> None:
    person = members(workspace, RULE if inside else Not(RULE))["person_id"].iloc[0]
    code, out, _ = explain("--person", person, "--json")
    assert code == 0
    assert json.loads(out) == json.loads(json.dumps(explain_person(snapshot, RULE, person).to_dict()))
    _, chinese, _ = explain("--person", person, "--language", "zh")
    assert f"用户 {person} {'在' if inside else '不在'}人群中" in chinese
    assert "Person" not in chinese
    _, both, _ = explain("--person", person)
    assert f"Person {person} is {'' if inside else 'not '}in the audience" in both


def test_an_unknown_person_or_language_is_refused(explain: Say) -> None:
    code, _, err = explain("--person", "nobody")
    assert code == 1
    assert "No person 'nobody'" in err
    code, _, err = explain("--language", "fr")
    assert code == 2
    assert "none of zh, en, both" in err
