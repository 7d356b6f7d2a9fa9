"""Every notebook runs on the made-up company, and what it keeps opens offline."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from qa_lib.identity import add_links
from qa_lib.jobs import Run, demo, run_notebook
from qa_lib.jobs.demo import BY_HAND, FIRST, THEN, Step, run_demo
from qa_lib.jobs.worked_campaign import NAME
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.tables import OUTCOMES, SENDS
from qa_lib.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
#: In the order in which they need each other.
WRITERS = (
    "jobs/land.ipynb",
    "jobs/build.ipynb",
    "explore/06_worked_campaign.ipynb",
    "jobs/run_campaign.ipynb",
)
READERS = sorted(
    p.relative_to(NOTEBOOKS).as_posix()
    for p in NOTEBOOKS.glob("*/*.ipynb")
    if p.relative_to(NOTEBOOKS).as_posix() not in WRITERS
)
SEED_RULE = "explore/07_seed_rule.ipynb"
FIRST_AUDIENCE = "explore/00_first_audience.ipynb"
#: A company that is made quickly, and still has enough people in the audience to compare.
SMALL = {
    SEED_RULE: {"people": 20_000},
    FIRST_AUDIENCE: {"people": 2_000},
    "explore/09_tags_at_size.ipynb": {"people": 3_000},
}
#: They read what was landed, who is who and what streams in, and no snapshot.
WITHOUT_SNAPSHOT = ("dashboards/data_health.ipynb", "dashboards/live_stream.ipynb")


def test_the_demo_runs_every_notebook_but_those_that_are_named() -> None:
    shown = {step.notebook for step in FIRST + THEN}
    assert shown == {*READERS, *WRITERS} - set(BY_HAND)
    assert not {step.after for step in THEN} & set(BY_HAND)
    assert tuple(step.notebook for step in (*FIRST, THEN[0])) == WRITERS
    assert THEN[-1].after == WRITERS[-1]


@pytest.mark.parametrize("name", READERS)
def test_a_notebook_runs_and_reads_in_both_languages(name: str, workspace: Workspace, tmp_path: Path) -> None:
    parameters = {"language": "en", **SMALL.get(name, {})}
    if name in (SEED_RULE, FIRST_AUDIENCE):
        parameters["folder"] = str(tmp_path / "synthetic")
    run = run_notebook(NOTEBOOKS / name, parameters, runs_dir=tmp_path, workspace=workspace.root)
    assert run.status == "completed"
    assert run.html is not None
    page = run.html.read_text(encoding="utf-8")
    assert "<svg" in page or "data:image/svg+xml" in page
    assert "Traceback" not in page
    if name in WITHOUT_SNAPSHOT:
        assert run.workspace_version is None
    elif not name.startswith("explore/"):  # a story may read a company of its own
        expect_origin(run, {"language": "en"}, workspace.snapshot().version)


def expect_origin(run: Run, parameters: Mapping[str, object], version: str) -> None:
    """What is kept names its parameters and its data, in the record and in the notebook itself."""
    assert run.workspace_version == version
    assert Run.load(run.folder).snapshots == run.snapshots
    origin = nbformat.read(run.notebook, as_version=4).metadata.qa_run
    assert origin.parameters == parameters
    assert origin.library_version == run.library_version
    read = origin.snapshots[-1]
    assert (read.snapshot, read.table_versions) == (version, run.snapshots[-1]["table_versions"])
    assert read.table_versions


def test_land_and_build_run_from_files_to_a_snapshot(
    company_files: Mapping[str, Path], tmp_path: Path
) -> None:
    workspace = Workspace.create(tmp_path / "workspace", zone=ZONE, currency=CURRENCY)
    folder = str(company_files["journey.transactions"].parent)
    for name, parameters in (("land", {"folder": folder}), ("build", {"as_of": "2017-10-01T04:00:00Z"})):
        run = run_notebook(
            NOTEBOOKS / "jobs" / f"{name}.ipynb", parameters, runs_dir=tmp_path, workspace=workspace.root
        )
        assert run.status == "completed"
    snapshot = workspace.snapshot("2017-10-01T04:00:00Z")
    expect_origin(run, parameters, snapshot.version)
    assert snapshot.people_count > 400
    ids = snapshot.frame("SELECT person_id FROM people")["person_id"]
    assert ids.str.fullmatch(r"p\d{9}").mean() > 0.9  # who never bought has no card that was seen
    page = run.html.read_text(encoding="utf-8") if run.html else ""
    assert "quarantined" in page


def test_the_notebook_on_identity_writes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    def files() -> dict[Path, int]:
        kept = [p for p in workspace.root.rglob("*") if p.suffix in (".parquet", ".json", ".duckdb")]
        return {p: p.stat().st_mtime_ns for p in kept}

    before = files()
    run_notebook(NOTEBOOKS / "explore" / "04_identity.ipynb", {}, runs_dir=tmp_path, workspace=workspace.root)
    assert files() == before
    assert not workspace.store.exists("identities")


def test_the_worked_campaign_runs_to_its_read_out_and_runs_again_without_sending_twice(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(workspace.root, root)
    for name, parameters in (("explore/06_worked_campaign", {}), ("jobs/run_campaign", {})):
        run = run_notebook(
            NOTEBOOKS / f"{name}.ipynb",
            {"language": "en", **parameters},
            runs_dir=tmp_path / "runs",
            workspace=root,
        )
        assert run.status == "completed"
        assert run.html is not None
        assert "Traceback" not in run.html.read_text(encoding="utf-8")
    copied = Workspace.open(root)
    sends = copied.read(SENDS)
    outcomes = copied.read(OUTCOMES)
    for origin, worlds in (("replayed", {0}), ("simulated", set(range(1, 201)))):
        mine = sends[(sends["campaign_id"] == NAME) & (sends["origin"] == origin)]
        assert set(mine["world"]) == worlds
        assert not mine.duplicated(["world", "person_id"]).any()
        assert ((outcomes["campaign_id"] == NAME) & (outcomes["origin"] == origin)).any()
    lines = [json.loads(t) for p in (root / "outbox").glob("*.jsonl") for t in p.read_text().splitlines()]
    assert len(lines) == len({(line["person_id"], line["channel"]) for line in lines}) > 0


def test_the_demo_does_only_what_is_not_done_yet(
    company_files: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(company_files["journey.transactions"].parent)
    monkeypatch.setattr(demo, "journey_files", lambda: dict(company_files))
    monkeypatch.setattr(
        demo,
        "FIRST",
        (Step("jobs/land.ipynb", "files", {"folder": folder}), Step("jobs/build.ipynb", "tables")),
    )
    monkeypatch.setattr(demo, "THEN", (Step("explore/02_tags.ipynb"),))

    def once() -> tuple[list[Run], list[str]]:
        said: list[str] = []
        return run_demo(tmp_path / "workspace", tmp_path / "runs", NOTEBOOKS, say=said.append), said

    first, _ = once()
    second, said = once()
    assert [r.folder for r in first] == [r.folder for r in second]
    assert sum("unchanged" in line for line in said) == 3
    assert any("of its own work" in line for line in said)

    more = pd.DataFrame(
        [("card", "1", "email", "a@example.invalid", "crm", "2017-02-01T00:00:00Z")],
        columns=["left_kind", "left_value", "right_kind", "right_value", "source", "observed_at"],
    )
    add_links(Workspace.open(tmp_path / "workspace"), more, once="crm")
    _, said = once()
    assert sum("unchanged" in line for line in said) == 1  # who is who has changed, so the build has
    second, said = once()
    assert sum("unchanged" in line for line in said) == 3

    tags = tmp_path / "workspace" / "tags"
    tags.mkdir()
    (tags / "visits.yaml").write_text(
        "{name: visit_count_7d, label_zh: 近7天到店, label_en: Visits in 7 days, event: visit,"
        " window: {kind: last, n: 7, unit: day}}"
    )
    third, said = once()
    assert [r.folder for r in third][1:] != [r.folder for r in second][1:]
    assert sum("unchanged" in line for line in said) == 1  # what was landed has not changed
