"""Every benchmark at a small size: its contenders give equal answers, and its report is whole; no speed is asserted."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

BENCHMARKS = sorted(p.stem.removeprefix("bench_") for p in Path(__file__).parent.glob("bench_*.py"))


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The benchmarks' own tools, with companies in a folder of the tests."""
    if str(Path(__file__).parent) not in sys.path:
        sys.path.insert(0, str(Path(__file__).parent))
    module = importlib.import_module("measured")
    module.FOLDER = tmp_path_factory.mktemp("bench")  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize(
    "name", ["preview", "edit", "sets", "refresh", "conditions", "delta", "start", "tags", "identity"]
)
def test_all_contenders_give_equal_answers(measured: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = importlib.import_module(f"bench_{name}")
    monkeypatch.setattr(bench, "AUDIENCES", min(getattr(bench, "AUDIENCES", 40), 40), raising=False)
    monkeypatch.setattr(bench, "EDITS", 8, raising=False)
    if name == "delta":
        monkeypatch.setattr(bench, "RULES", (100, 300))
        monkeypatch.setitem(bench._EVENTS, "S", 60)
    figures = bench.run("S", lambda line: None, people=4_000)
    assert figures
    assert all(figure.value >= 0 and figure.unit for figure in figures)
    assert name in ("sets", "conditions") or any(figure.holds is not None for figure in figures)


def test_a_wrong_answer_stops_a_benchmark(measured: Any) -> None:
    with pytest.raises(measured.WrongAnswer, match="ours says 3"):
        measured.equal("R1", {"ours": 3, "DuckDB": 4})


@pytest.mark.parametrize(("holds", "code"), [(True, 0), (None, 0), (False, 3)])
def test_the_exit_code_says_whether_every_bar_holds(
    measured: Any, monkeypatch: pytest.MonkeyPatch, holds: bool | None, code: int
) -> None:
    from qa_lib.cli.commands import app

    figure = measured.Figure("edit", 2.0, "ms", "DuckDB", "<= 1", holds)
    monkeypatch.setattr(importlib.import_module("bench_edit"), "run", lambda tier, say: [figure])
    told = CliRunner().invoke(app, ["bench", "edit", "--json"])
    assert told.exit_code == code
    report = json.loads(told.stdout)
    assert set(report) == {"bench", "tier", "machine", "figures"}
    assert set(report["figures"][0]) == {"name", "value", "unit", "peer", "bar", "holds"}


def test_a_wrong_answer_is_exit_code_1(measured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from qa_lib.cli.commands import app

    def wrong(tier: str, say: Any) -> None:
        measured.equal("R1", {"ours": 3, "DuckDB": 4})

    monkeypatch.setattr(importlib.import_module("bench_edit"), "run", wrong)
    told = CliRunner().invoke(app, ["bench", "edit"])
    assert told.exit_code == 1
    assert "a wrong answer in edit: R1: ours says 3, DuckDB says 4" in told.stderr


def test_an_unknown_benchmark_is_named_with_the_nearest() -> None:
    from qa_lib.cli.commands import app

    told = CliRunner().invoke(app, ["bench", "previw"])
    assert "Did you mean 'preview'" in str(told.exception)


def test_the_stream_gives_back_what_was_sent(measured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred events a second: the run itself fails when one is lost or counted twice."""
    bench = importlib.import_module("bench_stream")
    monkeypatch.setattr(bench, "RATE", 300)
    monkeypatch.setattr(bench, "_HIGHER", ())
    monkeypatch.setattr(bench, "_LOWER", ())
    monkeypatch.setattr(bench, "RULES", {"S": (40,)})
    monkeypatch.setenv("QA_STREAM_SECONDS", "2")
    figures = {figure.name: figure for figure in bench.run("S", lambda line: None, people=4_000)}
    assert figures["events.300.40_rules"].value >= 500
    assert figures["p99.visible_in_match.300.40_rules"].holds is not None
