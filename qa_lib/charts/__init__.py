"""Small frames to Altair charts: one theme, both languages, and one entry point that shows them offline.

`show(chart)` is live in JupyterLab and Voila and an SVG when `QA_RENDER=static`; `interactive` brings
selections back to Python. Nothing global is changed by importing.
"""

from qa_lib.charts.audiences import cut_waterfall, differing_tags, membership_line
from qa_lib.charts.backtest import backtest_bands, calibration_dots
from qa_lib.charts.campaigns import campaign_bars, campaign_calendar, campaign_heat_map, redemption_lines
from qa_lib.charts.format import format_value
from qa_lib.charts.overlaps import overlap_heat_map, upset_bars
from qa_lib.charts.profiles import column_coverage_bars, histogram, rfm_cube, spend_line, tag_coverage_bars
from qa_lib.charts.review import plan_funnel, review_dots, review_lines, review_segments
from qa_lib.charts.segments import breakdown_dumbbells, segment_bars
from qa_lib.charts.show import ROW_LIMIT, Live, Picture, interactive, is_static, show, to_svg
from qa_lib.charts.sources import column_moves, load_bars, reject_bars
from qa_lib.charts.theme import PALETTE

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
    "format_value",
    "histogram",
    "interactive",
    "is_static",
    "load_bars",
    "membership_line",
    "overlap_heat_map",
    "plan_funnel",
    "redemption_lines",
    "reject_bars",
    "review_dots",
    "review_lines",
    "review_segments",
    "rfm_cube",
    "segment_bars",
    "show",
    "spend_line",
    "tag_coverage_bars",
    "to_svg",
    "upset_bars",
]
