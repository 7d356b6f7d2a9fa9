"""One look for every chart: a calm palette that colour-blind readers can tell apart, fonts with Chinese.

The theme is registered with Altair under the name `qa` and is in force only while this package draws;
a notebook that wants it for charts of its own says `alt.theme.enable("qa")`.
"""

from __future__ import annotations

import altair as alt

#: In order of use. Blue, orange and green differ in lightness too, so they survive every common
#: colour blindness and a black-and-white print.
PALETTE = ("#2f6db3", "#e08a2e", "#3f9e86", "#8e5ea2", "#c2a52a", "#74aedb", "#b0485b", "#7d858f")
#: From little to much, one hue.
RAMP = ("#eef4fa", "#c5dbef", "#8fbbe0", "#5693c9", "#2f6db3", "#1c4a80")
INK = "#22303c"
QUIET = "#5d6975"  # 5.2 : 1 on the grey of a table's head, where 4.5 is asked for
FAINT = "#dfe4e9"
EMPTY = "#f3f5f7"
PAPER = "#ffffff"
WARN = "#b0485b"
FONT = (
    '"Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif'
)
NAME = "qa"


@alt.theme.register(NAME, enable=False)
def theme() -> alt.theme.ThemeConfig:
    """The `qa` theme: a white card, so that it reads the same on a light and on a dark page."""
    axis: alt.theme.AxisConfigKwds = {
        "labelFont": FONT,
        "titleFont": FONT,
        "labelColor": QUIET,
        "titleColor": QUIET,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "gridColor": FAINT,
        "domainColor": FAINT,
        "tickColor": FAINT,
        "labelLimit": 260,
        "titlePadding": 8,
    }
    return {
        "config": {
            "background": PAPER,
            "padding": 12,
            "font": FONT,
            "view": {"stroke": None, "continuousWidth": 520, "continuousHeight": 260},
            "axis": axis,
            "axisY": {"grid": False, "ticks": False, "labelPadding": 6},
            "title": {
                "font": FONT,
                "subtitleFont": FONT,
                "color": INK,
                "subtitleColor": QUIET,
                "fontSize": 15,
                "subtitleFontSize": 11,
                "subtitleLineHeight": 15,
                "anchor": "start",
                "frame": "group",
                "offset": 12,
            },
            "legend": {
                "labelFont": FONT,
                "titleFont": FONT,
                "labelColor": INK,
                "titleColor": QUIET,
                "labelFontSize": 11,
                "titleFontSize": 11,
                "titleFontWeight": "normal",
                "labelLimit": 220,
            },
            "header": {"labelFont": FONT, "titleFont": FONT, "labelColor": INK, "titleColor": QUIET},
            "text": {"font": FONT, "fontSize": 11, "color": INK},
            "bar": {"color": PALETTE[0]},
            "line": {"color": PALETTE[0], "strokeWidth": 2},
            "area": {"color": PALETTE[0], "opacity": 0.85},
            "rule": {"color": INK},
            "range": {"category": list(PALETTE), "ramp": list(RAMP), "heatmap": list(RAMP)},
        }
    }
