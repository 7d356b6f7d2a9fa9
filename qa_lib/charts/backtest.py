"""Charts of the backtest: observed redeemers against their bands, and calibration."""

from __future__ import annotations

import altair as alt
import pandas as pd

from qa_lib.charts.parts import ROW, count_axis, heading, layered, plain, tip, type_colour, types_of
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import INK, PALETTE, QUIET
from qa_lib.charts.words import say
from qa_lib.intervals import LEVEL, wilson_interval


def backtest_bands(
    frame: pd.DataFrame, *, language: str = "zh", level: float = LEVEL, width: int = 460
) -> alt.LayerChart:
    """Observed redeemers of each tested campaign over both kinds of band, the prediction and the baseline.

    Parameters
    ----------
    frame
        `Backtest.campaigns`.
    level
        The bands' coverage, `Backtest.level`.

    Returns
    -------
    altair.LayerChart
        One row per campaign in order of time; the scale is the square root, so that campaigns sent to a
        hundred and to a thousand people can be read on it together.
    """
    data = plain(check_rows(frame))
    data["label"] = data["campaign_id"] + "  ·  " + data["starts_on"].dt.strftime("%Y-%m-%d")
    names = {"redeemers": "observed", "predicted": "predicted", "type_average": "type_average"}
    tips = [
        tip("campaign_id", "campaign", language),
        tip("campaign_type", "campaign_type", language),
        tip("targeted:Q", "targeted", language, ",.0f"),
        *(tip(f"{column}:Q", key, language, ",.1f") for column, key in names.items()),
        tip("low:Q", "low", language, ",.0f"),
        tip("high:Q", "high", language, ",.0f"),
    ]
    ends = data[["high", "people_high", "redeemers", "type_average"]].max(axis=1).max()
    top = float(ends) * 1.05 if pd.notna(ends) else 1.0
    scale = alt.Scale(type="sqrt", domain=[0, top])
    y = alt.Y(
        "label:N", sort=list(data["label"]), title=None, axis=alt.Axis(labelColor=INK, labelFontSize=11)
    )
    base = alt.Chart(data).encode(y=y, tooltip=tips)
    x = alt.X("low:Q", scale=scale, title=say("redeemers", language), axis=count_axis())
    colour = type_colour(types_of(data, None), language)
    wide = base.mark_bar(height=13, opacity=0.22).encode(x=x, x2="high:Q", color=colour)
    narrow = base.mark_bar(height=13, opacity=0.45).encode(
        x=alt.X("people_low:Q", scale=scale), x2="people_high:Q", color=colour
    )
    predicted = base.mark_tick(color=INK, thickness=2, size=15).encode(x=alt.X("predicted:Q", scale=scale))
    average = base.mark_text(text="×", color=QUIET, fontSize=14).encode(
        x=alt.X("type_average:Q", scale=scale)
    )
    observed = base.mark_point(filled=True, color=INK, size=60, opacity=1).encode(
        x=alt.X("redeemers:Q", scale=scale)
    )
    words = say("sub_backtest", language, level=f"{level:.0%}")
    return layered(wide, narrow, predicted, average, observed).properties(
        width=width, height=alt.Step(ROW + 4), title=heading(say("title_backtest", language), words)
    )


def calibration_dots(
    frame: pd.DataFrame,
    *,
    language: str = "zh",
    size: int = 300,
    words: tuple[str, str] = ("predicted_rate", "observed_rate"),
) -> alt.LayerChart:
    """Observed against predicted rate in groups of equal size, with the line where they are equal.

    Parameters
    ----------
    frame
        `Backtest.calibration`.
    size
        Width and height in pixels.
    words
        What the two axes are called, by their keys in `words`.
    """
    data = plain(check_rows(frame))
    interval = wilson_interval(data["observed_rate"] * data["people_count"], data["people_count"])
    data["low"], data["high"] = interval.low, interval.high
    top = max(float(data[["high", "predicted_rate"]].max().max()) * 1.05, 0.05) if len(data) else 1.0
    line = pd.DataFrame({"at": [0.0, min(top, 1.0)]})
    scale = alt.Scale(domain=[0, min(top, 1.0)], nice=False)
    axis = alt.Axis(format="%", tickCount=5)
    equal = (
        alt.Chart(line)
        .mark_line(color=QUIET, strokeDash=[4, 4], strokeWidth=1)
        .encode(x=alt.X("at:Q", scale=scale), y=alt.Y("at:Q", scale=scale))
    )
    tips = [
        tip("people_count:Q", "people", language, ",.0f"),
        tip("predicted_rate:Q", words[0], language, ".1%"),
        tip("observed_rate:Q", words[1], language, ".1%"),
        tip("low:Q", "low", language, ".1%"),
        tip("high:Q", "high", language, ".1%"),
    ]
    base = alt.Chart(data).encode(
        x=alt.X("predicted_rate:Q", scale=scale, axis=axis, title=say(words[0], language)),
        tooltip=tips,
    )
    rules = base.mark_rule(color=PALETTE[0], strokeWidth=1.2).encode(
        y=alt.Y("low:Q", scale=scale, axis=axis, title=say(words[1], language)), y2="high:Q"
    )
    dots = base.mark_point(filled=True, color=PALETTE[0], size=60, opacity=1).encode(
        y=alt.Y("observed_rate:Q", scale=scale)
    )
    title = say("title_backtest_calibration", language)
    return layered(equal, rules, dots).properties(
        width=size, height=size, title=heading(title, say("sub_backtest_calibration", language))
    )
