"""Frames of a campaign's review, written by hand: every kind of figure, and every way in which one is missing."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd

PLAN = pd.DataFrame(
    [
        ("universe", "全部人群", "Everybody", 0, 500),
        ("not_in_audience", "不在人群中", "Not in the audience", 180, 320),
        ("no_consent", "未授权营销", "No consent", 41, 279),
        ("holdout", "对照组", "Holdout", 30, 249),
        ("send", "将发送", "To be sent", 0, 249),
    ],
    columns=["step", "label_zh", "label_en", "dropped_count", "remaining_count"],
)
_COLUMNS = [
    *("metric", "label_zh", "label_en", "format", "rehearsed", "rehearsed_low", "rehearsed_high", "result"),
    *("note_zh", "note_en", "is_within"),
]
FIGURES = pd.DataFrame(
    [
        ("targeted", "目标人数", "Targeted people", "count", 290.0, 290.0, 290.0, 290, "", "", True),
        ("reached", "触达人数", "Reached people", "count", 201.5, 190.0, 213.0, 205, "", "", True),
        ("conversion_rate", "转化率", "Conversion rate", "rate", 0.182, 0.11, 0.26, 0.284, "", "", False),
        (
            *("revenue", "转化日收入", "Revenue of converters", "amount", 4210.4, 2500.0, 6100.0),
            *(Decimal("3905.55"), "", "", True),
        ),
        ("roi", "ROI", "ROI", "rate", -0.4, -0.7, 0.2, None, "窗口未结束", "the window is still open", None),
        (
            *("roas", "ROAS", "ROAS", "number", None, None, None, None),
            *("没有记录成本", "No cost was recorded", None),
        ),
    ],
    columns=_COLUMNS,
)
SEGMENTS = pd.DataFrame(
    [
        (metric, band, label, label, form, *figures, "", "", inside)
        for band, scale in (("19-24", 0.5), ("45-54", 1.0), ("<b>&", 1.4))
        for metric, label, form, figures, inside in (
            ("reached", "reached", "count", (100 * scale, 90 * scale, 110 * scale, 98), True),
            ("conversion_rate", "rate", "rate", (0.2 * scale, 0.1 * scale, 0.3 * scale, 0.18), scale >= 1),
        )
    ],
    columns=["metric", "age_band", *_COLUMNS[1:]],
)


def _over_time(days: int, known: int) -> pd.DataFrame:
    frame = pd.DataFrame({"starts_on": pd.date_range("2017-08-08", periods=days)})
    frame["converters_so_far"] = pd.Series(range(days), dtype=float) * 2
    frame["revenue_so_far"] = pd.Series([Decimal(n * 60) for n in range(days)], dtype=object)
    frame["is_complete"] = [n < known for n in range(days)]
    return frame


RESULT = _over_time(12, 11)
SIMULATED = _over_time(20, 20).assign(
    converters_so_far_low=lambda f: f["converters_so_far"] * 0.6,
    converters_so_far_high=lambda f: f["converters_so_far"] * 1.5,
    revenue_so_far=lambda f: f["revenue_so_far"].astype(float),
    revenue_so_far_low=lambda f: f["revenue_so_far"].astype(float) * 0.5,
    revenue_so_far_high=lambda f: f["revenue_so_far"].astype(float) * 1.7,
)
