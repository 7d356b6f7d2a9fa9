"""The charts of a campaign's review draw every figure once, and say in words what has none."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from review_frames import FIGURES, PLAN, RESULT, SEGMENTS, SIMULATED

from qa_lib import charts
from qa_lib.charts.review_parts import figure_text


def rows(chart: Any) -> list[dict[str, Any]]:
    """Everything that the chart draws from."""
    return [row for rows in chart.to_dict()["datasets"].values() for row in rows]


def test_the_funnel_draws_what_is_left_and_what_each_reason_takes() -> None:
    drawn = rows(charts.plan_funnel(PLAN, language="en"))
    assert [(r["label"], r["remaining_count"], r["before"]) for r in drawn[1:3]] == [
        ("Not in the audience", 320, 500),
        ("No consent", 279, 320),
    ]
    assert drawn[1]["words"] == "320 left, 180 kept back"
    assert drawn[-1]["words"] == "249 left"


def test_a_dot_says_whether_it_is_in_the_band_by_colour_shape_and_word() -> None:
    drawn = {r["metric"]: r for r in rows(charts.review_dots(FIGURES, language="en"))}
    assert drawn["revenue"]["verdict"] == "inside"
    assert drawn["revenue"]["words"] == "Result $3,905.55 · in the band"
    assert drawn["conversion_rate"]["verdict"] == "outside"
    assert drawn["conversion_rate"]["words"] == "Result 28.4% · outside the band"
    assert (drawn["conversion_rate"]["low"], drawn["conversion_rate"]["high"]) == (0.11, 0.26)
    spec = json.dumps(charts.review_dots(FIGURES).to_dict())
    assert '"range": ["circle", "diamond", "circle"]' in spec


@pytest.mark.parametrize(("language", "words"), [("zh", "没有记录成本"), ("en", "No cost was recorded")])
def test_a_metric_without_a_figure_says_why_instead_of_a_mark(language: str, words: str) -> None:
    panel = charts.review_dots(FIGURES, language=language).to_dict()["vconcat"][-1]
    assert [layer["mark"]["type"] for layer in panel["layer"]] == ["text"]
    assert words in charts.to_svg(charts.review_dots(FIGURES, language=language))


def test_a_metric_without_a_result_yet_shows_the_rehearsal_and_why() -> None:
    drawn = {r["metric"]: r for r in rows(charts.review_dots(FIGURES, language="en"))}
    assert drawn["roi"]["words"] == "Rehearsed -40.0% · the window is still open"
    assert drawn["roi"]["verdict"] == "alone"


def test_the_lines_draw_the_result_only_as_far_as_it_is_known() -> None:
    known = RESULT.copy()
    known.loc[8:, "converters_so_far"] = None
    spec = charts.review_lines(SIMULATED, known, language="en").to_dict()
    band, mean, result = spec["layer"]
    assert (band["mark"]["type"], mean["mark"]["type"], result["mark"]["type"]) == ("area", "line", "line")
    assert len(spec["datasets"][result["data"]["name"]]) == 8
    assert len(spec["datasets"][mean["data"]["name"]]) == 20


def test_lines_without_a_rehearsal_or_without_a_result_are_drawn() -> None:
    for simulated, result in ((None, RESULT), (SIMULATED, None), (None, None)):
        assert charts.to_svg(charts.review_lines(simulated, result)).startswith("<svg")


def test_segments_tell_how_many_were_reached_and_one_may_be_chosen() -> None:
    chart = charts.review_segments(SEGMENTS, "age_band", "Age", language="en", selected="45-54")
    drawn = rows(chart)
    assert [r["segment"] for r in drawn] == ["19-24", "45-54", "<b>&"]
    assert drawn[1]["n_label"] == "Result 18.0% · in the band · n=98"
    assert "&lt;b" in charts.to_svg(chart)
    assert charts.to_svg(charts.review_segments(SEGMENTS.iloc[:0], "age_band", "Age"))


def test_empty_figures_draw_an_empty_chart() -> None:
    assert charts.to_svg(charts.review_dots(FIGURES.iloc[:0]))
    assert charts.to_svg(charts.plan_funnel(PLAN.iloc[:0]))


def test_a_mean_of_small_counts_keeps_its_decimal() -> None:
    assert figure_text(0.9, "count", "USD") == "0.9"
    assert figure_text(201.6, "count", "USD") == "202"
    assert figure_text(7.0, "count", "USD") == "7"
    assert figure_text(pd.NA, "count", "USD") == "—"
