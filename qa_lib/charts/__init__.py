"""Small frames to Altair charts: one theme, both languages, and one entry point that shows them offline.

`show(chart)` is live in JupyterLab and Voila and an SVG when `QA_RENDER=static`; `interactive` brings
selections back to Python. Nothing global is changed by importing,
and each name is loaded when it is first used: Altair is most of what a small dashboard would wait for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qa_lib.charts.audiences import cut_waterfall, differing_tags, membership_line
    from qa_lib.charts.backtest import backtest_bands, calibration_dots
    from qa_lib.charts.campaigns import campaign_bars, campaign_calendar, campaign_heat_map, redemption_lines
    from qa_lib.charts.format import format_value
    from qa_lib.charts.html import is_static
    from qa_lib.charts.overlaps import overlap_heat_map, upset_bars
    from qa_lib.charts.profiles import (
        column_coverage_bars,
        histogram,
        rfm_cube,
        spend_line,
        tag_coverage_bars,
    )
    from qa_lib.charts.review import plan_funnel, review_dots, review_lines, review_segments
    from qa_lib.charts.segments import breakdown_dumbbells, segment_bars
    from qa_lib.charts.showing import ROW_LIMIT, Live, Picture, interactive, show, to_svg
    from qa_lib.charts.sources import column_moves, load_bars, reject_bars
    from qa_lib.charts.stream import entered_bars, rate_line, survival_line, view_bars
    from qa_lib.charts.theme import PALETTE

_HOMES = {
    "cut_waterfall": "qa_lib.charts.audiences",
    "differing_tags": "qa_lib.charts.audiences",
    "membership_line": "qa_lib.charts.audiences",
    "backtest_bands": "qa_lib.charts.backtest",
    "calibration_dots": "qa_lib.charts.backtest",
    "campaign_bars": "qa_lib.charts.campaigns",
    "campaign_calendar": "qa_lib.charts.campaigns",
    "campaign_heat_map": "qa_lib.charts.campaigns",
    "redemption_lines": "qa_lib.charts.campaigns",
    "format_value": "qa_lib.charts.format",
    "overlap_heat_map": "qa_lib.charts.overlaps",
    "upset_bars": "qa_lib.charts.overlaps",
    "column_coverage_bars": "qa_lib.charts.profiles",
    "histogram": "qa_lib.charts.profiles",
    "rfm_cube": "qa_lib.charts.profiles",
    "spend_line": "qa_lib.charts.profiles",
    "tag_coverage_bars": "qa_lib.charts.profiles",
    "plan_funnel": "qa_lib.charts.review",
    "review_dots": "qa_lib.charts.review",
    "review_lines": "qa_lib.charts.review",
    "review_segments": "qa_lib.charts.review",
    "breakdown_dumbbells": "qa_lib.charts.segments",
    "segment_bars": "qa_lib.charts.segments",
    "ROW_LIMIT": "qa_lib.charts.showing",
    "Live": "qa_lib.charts.showing",
    "Picture": "qa_lib.charts.showing",
    "interactive": "qa_lib.charts.showing",
    "show": "qa_lib.charts.showing",
    "to_svg": "qa_lib.charts.showing",
    "column_moves": "qa_lib.charts.sources",
    "load_bars": "qa_lib.charts.sources",
    "reject_bars": "qa_lib.charts.sources",
    "entered_bars": "qa_lib.charts.stream",
    "rate_line": "qa_lib.charts.stream",
    "survival_line": "qa_lib.charts.stream",
    "view_bars": "qa_lib.charts.stream",
    "PALETTE": "qa_lib.charts.theme",
    "is_static": "qa_lib.charts.html",
}

__all__ = [
    "PALETTE",
    "ROW_LIMIT",
    "Live",
    "Picture",
    "backtest_bands",
    "breakdown_dumbbells",
    "calibration_dots",
    "campaign_bars",
    "campaign_calendar",
    "campaign_heat_map",
    "column_coverage_bars",
    "column_moves",
    "cut_waterfall",
    "differing_tags",
    "entered_bars",
    "format_value",
    "histogram",
    "interactive",
    "is_static",
    "load_bars",
    "membership_line",
    "overlap_heat_map",
    "plan_funnel",
    "rate_line",
    "redemption_lines",
    "reject_bars",
    "review_dots",
    "review_lines",
    "review_segments",
    "rfm_cube",
    "segment_bars",
    "show",
    "spend_line",
    "survival_line",
    "tag_coverage_bars",
    "to_svg",
    "upset_bars",
    "view_bars",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'qa_lib.charts' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
