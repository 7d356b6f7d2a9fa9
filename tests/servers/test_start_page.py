"""The start page's facts, with a clock of its own: fresh, old, failed, and what to do where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from qa_lib.jobs import Run
from qa_lib.servers.start_page import Fact, age, entries, freshness, page_facts
from qa_lib.workspace import Workspace
from qa_lib.workspace.snapshot import FILE
from qa_lib.workspace.state import Landing, Published

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def facts(workspace: Workspace | Path, runs: Path) -> dict[str, Fact]:
    root = workspace.root if isinstance(workspace, Workspace) else workspace
    return {fact.key: fact for fact in freshness(root, runs, now=NOW)}


def publish(workspace: Workspace, at: datetime) -> None:
    """A snapshot as of yesterday midnight, and one of an earlier moment that a replay published later."""
    midnight = datetime(2026, 2, 28, tzinfo=UTC)
    for version, as_of, later in (("now", midnight, 0), ("past", midnight - timedelta(days=90), 1)):
        folder = workspace.root / "cache" / version
        folder.mkdir(parents=True)
        (folder / FILE).touch()
        moment = at + timedelta(minutes=later)
        workspace.state.add_snapshot(Published(version, as_of, {"orders": 1}, "1", moment))


def kept(runs: Path, name: str, at: datetime, folder: str = "jobs", **changes: object) -> Run:
    where = runs / f"{at:%Y%m%dT%H%M%S}-{name}"
    where.mkdir(parents=True)
    run = Run(
        name=name,
        source=Path("notebooks") / folder / f"{name}.ipynb",
        folder=where,
        notebook=where / f"{name}.ipynb",
        html=None,
        status="completed",
        started_at=at,
        seconds=12.0,
    )
    run = replace(run, **changes)  # type: ignore[arg-type]
    run.save()
    return run


def test_without_a_workspace_it_says_how_to_make_one(tmp_path: Path) -> None:
    found = facts(tmp_path / "absent", tmp_path)
    assert list(found) == ["workspace"]
    assert found["workspace"].state == "none"
    assert "make demo" in found["workspace"].todo.zh
    assert "make demo" in found["workspace"].todo.en
    assert not (tmp_path / "absent").exists()


def test_a_workspace_that_cannot_be_read_is_told_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "workspace.json").write_text("{")
    assert facts(tmp_path, tmp_path)["workspace"].state == "bad"


def test_an_empty_workspace_says_what_to_do_for_each(fresh_workspace: Workspace, tmp_path: Path) -> None:
    found = facts(fresh_workspace, tmp_path / "runs")
    assert {key: fact.state for key, fact in found.items()} == {
        "snapshot": "none",
        "landing": "none",
        "run": "none",
    }
    assert "qa build" in found["snapshot"].todo.en
    assert "qa land" in found["landing"].todo.en
    assert "qa run" in found["run"].todo.en


def test_fresh_data_need_nothing(fresh_workspace: Workspace, tmp_path: Path) -> None:
    hours = [NOW - timedelta(hours=n) for n in (6, 5, 4)]
    state = fresh_workspace.state
    state.add_landing(Landing("crm.members", "links", "members.csv", "0" * 64, 1234, 5, 1, hours[0]))
    publish(fresh_workspace, hours[1])
    kept(tmp_path, "build", hours[2])
    kept(tmp_path, "build", hours[2] - timedelta(days=1), status="failed")  # an older one does not count
    kept(tmp_path, "looked_at", hours[2], folder="explore")  # no job
    found = facts(fresh_workspace, tmp_path)
    assert list(found) == ["snapshot", "published", "landing", "run-build"]
    assert {fact.state for fact in found.values()} == {"good"}
    assert not any(fact.todo.en for fact in found.values())
    assert found["published"].age == ("5 小时前", "5 hours ago")
    assert "1,234" in found["landing"].detail
    assert "5 拒绝" in found["landing"].detail
    zone = fresh_workspace.zone
    assert found["snapshot"].detail == "now"
    assert (
        found["snapshot"].at
        == f"{datetime(2026, 2, 28, tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M} ({zone})"
    )
    assert found["published"].at == f"{hours[1].astimezone(zone):%Y-%m-%d %H:%M} ({zone})"


def test_a_night_that_was_missed_and_a_run_that_failed_are_told(
    fresh_workspace: Workspace, tmp_path: Path
) -> None:
    publish(fresh_workspace, NOW - timedelta(hours=27))
    kept(tmp_path, "build", NOW - timedelta(hours=3), status="failed", error="in cell 3: <b>no disk</b>")
    kept(tmp_path, "land", NOW - timedelta(hours=27))
    found = facts(fresh_workspace, tmp_path)
    assert (found["published"].state, found["run-build"].state, found["run-land"].state) == (
        "old",
        "bad",
        "old",
    )
    assert "qa build" in found["published"].todo.en
    assert "no disk" in found["run-build"].detail
    assert "build.ipynb" in found["run-build"].todo.zh


@pytest.mark.parametrize(
    ("minutes", "zh", "en"),
    [
        (-5, "刚刚", "just now"),
        (0, "刚刚", "just now"),
        (1, "1 分钟前", "1 minute ago"),
        (59, "59 分钟前", "59 minutes ago"),
        (60, "1 小时前", "1 hour ago"),
        (1439, "23 小时前", "23 hours ago"),
        (1440, "1 天前", "1 day ago"),
        (4_320_000, "3,000 天前", "3,000 days ago"),
    ],
)
def test_ages_are_read_in_both_languages(minutes: int, zh: str, en: str) -> None:
    assert age(timedelta(minutes=minutes)) == (zh, en)


def test_an_entry_is_the_question_and_what_the_notebook_says_of_itself(tmp_path: Path) -> None:
    cells = [
        new_markdown_cell("# 多少人？ How many?\n\n看 *这里* of [them](http://x).\n\nMore."),
        new_code_cell("1"),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "a.ipynb")
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), tmp_path / "untitled.ipynb")
    (tmp_path / "broken.ipynb").write_text("{")
    found = entries(tmp_path)
    assert {path: (e.title, e.about) for path, e in found.items()} == {
        "a.ipynb": ("多少人？ How many?", "看 这里 of them.")
    }
    told = page_facts(tmp_path, "", tmp_path / "absent", tmp_path)
    assert told["entries"]["a.ipynb"]["title"] == "多少人？ How many?"
    assert told["facts"][0]["todo"]["zh"]
