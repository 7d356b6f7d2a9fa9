"""The quality report: every row in one count, freshness as agreed, drift that a second formula confirms."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from test_dropped_files import csv_text, source
from typer.testing import CliRunner

from qa_lib.charts import column_moves, load_bars, reject_bars, to_svg
from qa_lib.cli.commands import app
from qa_lib.errors import NothingBuilt
from qa_lib.sources import (
    Source,
    column_report,
    load_report,
    load_source,
    reject_reasons,
    shape,
    write_source,
)
from qa_lib.sources.profile import stability_index
from qa_lib.workspace import Workspace

COUNTS = ["new_count", "replaced_count", "left_count", "skipped_count", "reject_count"]


def receipts(first: int, count: int, *, paid: str = "{}.50", store: str = "N", day: int = 1) -> str:
    return csv_text(
        *(
            [f"R{n}", f"C{n % 9}", "A", "1", paid.format(n % 40), f"2026-05-{day:02d} 10:00:00", store]
            for n in range(first, first + count)
        )
    )


@pytest.fixture
def pos(fresh_workspace: Workspace) -> Source:
    (fresh_workspace.root / "drops").mkdir()
    declared = source()
    part = declared.into[0].model_copy(update={"fresh_hours": 24.0, "only_with": ("card",)})
    made = declared.model_copy(update={"into": (part,)})
    write_source(fresh_workspace, made)
    return made


def drop(workspace: Workspace, name: str, text: str) -> None:
    (workspace.root / "drops" / name).write_text(text, encoding="utf-8")


def test_every_row_that_was_read_is_in_one_count(fresh_workspace: Workspace, pos: Source) -> None:
    drop(fresh_workspace, "1.csv", receipts(0, 100))
    load_source(fresh_workspace, pos)
    bad = "R300,C1,A,x,1.00,2026-05-02 10:00:00,N\nR301,,A,1,1.00,2026-05-02 10:00:00,N\n"
    drop(fresh_workspace, "2.csv", receipts(90, 30, day=2) + bad)
    load_source(fresh_workspace, pos)
    report = load_report(fresh_workspace).iloc[0]
    assert [int(report[c]) for c in COUNTS] == [20, 0, 10, 1, 1]
    assert report["read_count"] == sum(report[c] for c in COUNTS)
    assert len(load_report(fresh_workspace, feed="pos.lines.order_lines")) == 2
    reasons = reject_reasons(fresh_workspace)
    assert reasons.iloc[0].to_dict() == {
        "feed": "pos.lines.order_lines",
        "column": "qty",
        "reason": "not a whole number",
        "reject_count": 1,
        "example": "x",
    }


def test_fresh_is_what_was_agreed(fresh_workspace: Workspace, pos: Source) -> None:
    drop(fresh_workspace, "1.csv", receipts(0, 10))  # 02:00 UTC
    load_source(fresh_workspace, pos)
    for hour, fresh in ((20, True), (3, False)):
        day = 1 if fresh else 2
        at = datetime(2026, 5, day, hour, tzinfo=UTC)
        row = load_report(fresh_workspace, as_of=at).iloc[0]
        assert row["is_fresh"] is fresh
        assert row["age_hours"] == (at - datetime(2026, 5, 1, 2, tzinfo=UTC)).total_seconds() / 3600


def test_a_column_that_moved_is_marked(fresh_workspace: Workspace, pos: Source) -> None:
    drop(fresh_workspace, "1.csv", receipts(0, 400))
    drop(fresh_workspace, "2.csv", receipts(400, 400, day=2))
    drop(fresh_workspace, "3.csv", receipts(800, 400, paid="9{}.50", store="S", day=3))
    load_source(fresh_workspace, pos)
    last = column_report(fresh_workspace, "pos.lines.order_lines").set_index("column")
    assert list(last.index[last["needs_look"]]) == ["store_id", "paid_amount"]
    assert last.loc["store_id", "drift"] > 1
    assert last.loc["quantity", "drift"] == 0
    assert last.loc["store_id", "distinct_count"] == 1
    spread = shape(fresh_workspace, "pos.lines.order_lines", "store_id")
    assert spread.to_dict("records") == [
        {"load": "before", "value": "N", "share": 1.0},
        {"load": "now", "value": "S", "share": 1.0},
    ]
    with pytest.raises(NothingBuilt, match=r"never loaded.*pos\.lines\.order_lines"):
        column_report(fresh_workspace, "pos.line")


def test_the_pictures_draw_from_the_frames(fresh_workspace: Workspace, pos: Source) -> None:
    drop(fresh_workspace, "1.csv", receipts(0, 50) + "R300,C1,A,x,1.00,2026-05-02 10:00:00,N\n")
    load_source(fresh_workspace, pos)
    for chart in (
        load_bars(load_report(fresh_workspace)),
        reject_bars(reject_reasons(fresh_workspace)),
        column_moves(column_report(fresh_workspace, "pos.lines.order_lines"), "pos"),
    ):
        assert "NaN" not in to_svg(chart)


@given(st.lists(st.tuples(st.integers(1, 10_000), st.integers(1, 10_000)), min_size=1, max_size=20))
def test_the_stability_index_is_the_symmetric_divergence_of_scipy(pairs: list[tuple[int, int]]) -> None:
    before, now = ({str(i): p[k] for i, p in enumerate(pairs)} for k in (0, 1))
    p, q = (np.array([pair[k] for pair in pairs], dtype=float) for k in (0, 1))
    p, q = np.maximum(p / p.sum(), 1e-4), np.maximum(q / q.sum(), 1e-4)
    exact = float(np.sum(np.where(p > 0, (q - p) * np.log(q / p), 0)))
    assert stability_index(before, now) == pytest.approx(exact)
    if min(p.min(), q.min()) > 1e-4:
        assert stability_index(before, now) == pytest.approx(entropy(p, q) + entropy(q, p), abs=1e-9)


def test_the_commands_list_check_load_and_report(fresh_workspace: Workspace, pos: Source) -> None:
    run, here = CliRunner(), ["-w", str(fresh_workspace.root)]
    drop(fresh_workspace, "1.csv", receipts(0, 50) + "R300,C1,A,x,1.00,2026-05-02 10:00:00,N\n")
    listed = run.invoke(app, ["sources", "list", *here, "--json"])
    assert json.loads(listed.stdout)["sources"][0]["loaded_at"] is None
    checked = run.invoke(app, ["sources", "check", *here])
    assert (checked.exit_code, "never loaded" in checked.stdout) == (1, True)
    loaded = run.invoke(app, ["sources", "load", "pos.lines", *here])
    assert "50 landed, 1 rejected" in loaded.stdout
    assert loaded.exit_code == 0
    assert "is stale" in run.invoke(app, ["sources", "check", *here]).stdout
    report = json.loads(run.invoke(app, ["sources", "report", *here, "--json"]).stdout)["rows"][0]
    assert (report["new_count"], report["is_fresh"]) == (50, False)
    columns = run.invoke(app, ["sources", "report", "pos.lines.order_lines", *here])
    assert "paid_amount" in columns.stdout
    drop(fresh_workspace, "2.csv", "receipt\n1\n")
    failed = run.invoke(app, ["sources", "load", *here, "--json"])
    assert failed.exit_code == 1
    assert "no column" in json.loads(failed.stdout)["loads"][0]["error"]


def test_a_read_only_workspace_loads_nothing(fresh_workspace: Workspace, pos: Source, tmp_path: Path) -> None:
    from qa_lib.errors import ReadOnly

    drop(fresh_workspace, "1.csv", receipts(0, 50))
    with pytest.raises(ReadOnly):
        load_source(Workspace.open(fresh_workspace.root, read_only=True), pos)
