"""The costs that docs/other_engines.md states are the arithmetic of what is kept as measured."""

from __future__ import annotations

import pytest
import scale_page

ROWS = [
    {"line": "tags", "people": 1_000_000, "value": 9.0, "unit": "s"},
    {"line": "tags", "people": 10_000_000, "value": 120.0, "unit": "s"},
    {"line": "memory", "people": 1_000_000, "value": 1_300.0, "unit": "MB"},
]


def test_the_page_states_the_arithmetic_of_the_measurements() -> None:
    page = scale_page.PAGE.read_text(encoding="utf-8")
    assert scale_page.table(scale_page.measured()) in page
    assert scale_page.written(page, scale_page.measured()) == page


def test_costs_grow_in_proportion_to_the_largest_measured_size() -> None:
    assert scale_page.at_size(ROWS, "tags", 1_000_000) == (9.0, True)
    assert scale_page.at_size(ROWS, "tags", 100_000_000) == (1_200.0, False)
    table = scale_page.table(ROWS)
    assert "| tags | **9 s** | **120 s** | 20 min | 3.33 h |" in table
    assert "| memory | **1.3 GB** | 13 GB | 130 GB | 1.3 TB |" in table


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (9.113, "s", "9.11 s"),
        (179, "s", "179 s"),
        (240, "s", "4 min"),
        (36_000, "s", "10 h"),
        (950, "MB", "950 MB"),
    ],
)
def test_values_are_said_in_units_that_fit(value: float, unit: str, words: str) -> None:
    assert scale_page.said(value, unit) == words


def test_the_chart_tells_what_was_measured_from_the_rest() -> None:
    points = list(scale_page.chart_rows(ROWS))
    assert [p["people"] for p in points] == list(scale_page.SIZES)
    assert [p["how"].split()[-1] for p in points] == ["measured", "measured", "proportion", "proportion"]
    svg = scale_page.CHART.read_text(encoding="utf-8")
    assert svg.startswith("<svg")
