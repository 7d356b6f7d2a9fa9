"""`qa tags`: declarations to start from, the catalogue, one person, models."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from qa_lib.cli.commands import app
from qa_lib.profiles import tags
from qa_lib.profiles.behaviour import read_families
from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.profiles.scores import read_scores
from qa_lib.workspace import Workspace

RUN = CliRunner()


def test_the_standard_declarations_are_written_once_and_can_be_read(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "w")
    done = RUN.invoke(app, ["tags", "standard", "-w", str(made.root), "--json"])
    assert done.exit_code == 0, done.output
    families = read_families(made.root / "tag_families", {s.type.name: s.type for s in EVENT_SOURCES})
    assert {f.kind for f in families} == {"tag", "attribute"}
    assert len(read_scores(made.root / "tag_scores")) == 5
    kept = Path(json.loads(done.stdout)["families"])
    kept.write_text("[]", encoding="utf-8")
    again = RUN.invoke(app, ["tags", "standard", "-w", str(made.root)])
    assert "is there already" in str(again.exception)
    assert kept.read_text(encoding="utf-8") == "[]"
    assert RUN.invoke(app, ["tags", "standard", "-w", str(made.root), "--replace"]).exit_code == 0
    assert kept.stat().st_size > 1_000


def test_the_catalogue_is_listed_by_word_and_kind(workspace: Workspace) -> None:
    root = str(workspace.root)
    found = RUN.invoke(app, ["tags", "list", "订单", "-w", root, "--json"])
    listed = tags(workspace.snapshot())
    expected = listed[listed["label_zh"].str.contains("订单")]["name"].tolist()
    assert [r["name"] for r in json.loads(found.stdout)["tags"]] == expected
    short = RUN.invoke(
        app, ["tags", "list", "-w", root, "--kind", "attribute", "--limit", "2"]
    ).stdout.splitlines()
    assert short[-1] == "7 attributes, 0 tags"
    assert "5 more" in short[-2]
    assert "tag or attribute" in str(
        RUN.invoke(app, ["tags", "list", "-w", root, "--kind", "tags"]).exception
    )


def test_a_persons_profile_and_no_model(workspace: Workspace) -> None:
    root = str(workspace.root)
    told = json.loads(RUN.invoke(app, ["tags", "person", "1", "-w", root, "--all", "--json"]).stdout)
    assert list(told["values"]) == [e["spec"]["name"] for e in workspace.snapshot().meta["tags"]]
    assert "订单数" in RUN.invoke(app, ["tags", "person", "1", "-w", root]).stdout
    assert "qa tags standard" in RUN.invoke(app, ["tags", "models", "-w", root]).stdout
