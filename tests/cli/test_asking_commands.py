"""Matching a person, suggesting values and learning a rule on the command line."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qa_lib.audiences import Audience, AudienceLibrary, person_ids
from qa_lib.cli import main
from qa_lib.rules import Event, Last, Tag
from qa_lib.workspace import Workspace

Qa = Callable[..., Any]


@pytest.fixture
def library(workspace: Workspace, tmp_path: Path) -> AudienceLibrary:
    """Two saved audiences over a copy of the shared workspace."""
    workspace.state.engine.dispose()
    root = Path(shutil.copytree(workspace.root, tmp_path / "own"))
    made = AudienceLibrary(Workspace.open(root, read_only=False))
    made.save(Audience(name="常客", rule=Tag("order_count_365d", ">", 5)), "Li")
    quiet = Event("visit", window=Last(30, "day"), operator="=", value=0)
    made.save(Audience(name="quiet", rule=quiet), "Li")
    return made


@pytest.fixture
def qa(library: AudienceLibrary, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Qa:
    """Run `qa … --json`; with `fails` the message instead."""

    def run(*words: object, fails: bool = False) -> Any:
        monkeypatch.setenv("QA_WORKSPACE", str(library.workspace.root))
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, words), *([] if fails else ["--json"])])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        assert bool(stopped.value.code) == fails, said.err
        return said.err if fails else json.loads(said.out)

    return run


def test_match_tells_the_audiences_the_versions_and_every_verdict(qa: Qa, library: AudienceLibrary) -> None:
    snapshot = library.workspace.snapshot()
    regular = str(person_ids(snapshot, library.bits(["常客"])["常客"]).iloc[0])
    found = qa("match", "--person", regular, "--explain")
    assert {"name": "常客", "version": 1} in found["matched"]
    assert found["elapsed_us"] > 0
    assert [step["step"] for step in found["steps"]] == ["share", "candidates", "exact"]
    verdicts = {row["rule"]: row["holds"] for row in found["verdicts"] if row["path"] == ""}
    assert {name for name, holds in verdicts.items() if holds} == {one["name"] for one in found["matched"]}
    assert set(verdicts) == {"常客", "quiet"}
    assert "Nobody has the id 'x'" in qa("match", "--person", "x", fails=True)


def test_suggest_lists_values_of_fields_and_of_events(qa: Qa, library: AudienceLibrary) -> None:
    found = qa("audience", "suggest", "department", "--event", "purchase", "--limit", 3)
    counts = [row["count"] for row in found["values"]]
    assert len(counts) == 3
    assert counts == sorted(counts, reverse=True)
    bands = qa("audience", "suggest", "age_band", "--search", "25-")
    assert [row["value"] for row in bands["values"]] == ["25-34"]
    assert "Did you mean 'age_band'" in qa("audience", "suggest", "age_bond", fails=True)


def test_learn_writes_a_rule_that_counts_what_it_says(
    qa: Qa, library: AudienceLibrary, tmp_path: Path
) -> None:
    out = tmp_path / "learnt.json"
    words = ("audience", "learn", "常客", "--field", "order_count_90d", "--field", "recency_days")
    found = qa(*words, "--out", out)
    assert found["rule"] == json.loads(out.read_text())
    assert 0.5 < found["precision"]["rate"] <= 1
    assert found["coverage"]["of_count"] + found["trained_count"] == library.workspace.snapshot().people_count
    assert qa("audience", "count", out)["count"] > 0
    assert "is not overwritten" in qa(*words, "--out", out, fails=True)
    ids = tmp_path / "ids.csv"
    snapshot = library.workspace.snapshot()
    ids.write_text("person_id\n" + "\n".join(person_ids(snapshot, library.bits(["常客"])["常客"])))
    assert qa("audience", "learn", ids, *words[3:])["rule"] == found["rule"]
    assert "No audience 'nobody' is saved" in qa("audience", "learn", "nobody", fails=True)


def test_differing_over_time_label_and_refresh(qa: Qa, library: AudienceLibrary, tmp_path: Path) -> None:
    file = tmp_path / "regulars.json"
    file.write_text(json.dumps({"kind": "tag", "field": "order_count_365d", "operator": ">", "value": 5}))
    tags = qa("audience", "differing", file, "-n", 4)["tags"]
    assert 0 < len(tags) <= 4
    assert "order_count_365d" not in {tag["field"] for tag in tags}
    sizes = qa("audience", "over-time", file)["sizes"]
    assert sizes[-1]["count"] == qa("audience", "count", file)["count"]
    assert qa("audience", "label", "常客", "reviewed") == {"name": "常客", "label": "reviewed", "version": 1}
    assert library.labels("常客")["reviewed"] == 1
    kept = {row["name"]: row for row in qa("audience", "refresh")["audiences"]}
    assert set(kept) == {"常客", "quiet"}
