"""The report says what the kept results say: nothing in it is written by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import report


def test_the_readme_and_the_page_are_what_the_kept_results_render_to() -> None:
    results = report.kept()
    assert results, "no result is kept: run `make bench-report`"
    for path, text in report.rendered(results).items():
        assert path.read_text(encoding="utf-8") == text, (
            f"{path.name}: write it with `qa bench --report --render`"
        )


def test_every_kept_result_is_whole_and_names_no_host_and_no_folder() -> None:
    import platform

    for (bench, tier), result in report.kept().items():
        assert bench in report.BENCHES
        assert set(result) == {"bench", "tier", "machine", "figures", "measured_on"}
        assert {"processor", "cores", "memory_gib", "system", "python", "duckdb", "load"} <= set(
            result["machine"]
        )
        text = json.dumps(result)
        assert platform.node() not in text or not platform.node()
        assert not re.search(r"/(home|root|tmp|work|Users)/", text), f"{bench} at {tier} names a folder"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], dict[str, Any]]:
    """Two results of our own in a folder of the test."""
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    machine = {
        "processor": "P",
        "cores": 2,
        "memory_gib": 4,
        "system": "OS",
        "python": "3",
        "load": 1.5,
        "waited_ms": 0,
    }

    def figure(
        name: str, value: float, unit: str, bar: str = "", holds: bool | None = None
    ) -> dict[str, Any]:
        return {"name": name, "value": value, "unit": unit, "peer": "", "bar": bar, "holds": holds}

    for tier, ms, holds in (("S", 0.5, None), ("L", 2.5, False)):
        bar = "<= 2" if tier == "L" else ""
        figures = [
            figure("edit median", ms, "ms", bar, holds),
            figure("DuckDB : ours", 120, "x", ">= 10", True),
        ]
        report.keep(
            {
                "bench": "edit",
                "tier": tier,
                "machine": machine,
                "figures": figures,
                "measured_on": "2026-01-02",
            }
        )
    return report.kept()


def test_a_missed_bar_and_what_was_not_measured_are_shown_as_such(
    made: dict[tuple[str, str], dict[str, Any]],
) -> None:
    table = report.readme_table(made)
    line = next(one for one in table.splitlines() if "an edit of twenty conditions" in one)
    assert line.endswith("| 0.5 ms | – | 2.5 ms **✗** | <= 2 |")
    assert "| 120 × | – | 120 × | >= 10 |" in table
    assert "2 cores of P, 4 GiB, OS, Python 3" in table
    assert "load 1.5 to 1.5" in table


def test_the_chart_is_drawn_from_the_kept_results(made: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert [(row["x"], row["ms"]) for row in report.growth_rows(made)] == [(100_000, 0.5), (10_000_000, 2.5)]
    assert report.chart(made).startswith("<svg")


def test_a_block_without_its_markers_is_named() -> None:
    with pytest.raises(ValueError, match="<!-- growth -->"):
        report.between("no markers", "growth", "")
