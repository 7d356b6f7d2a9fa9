"""Charts of campaigns: rates side by side, redemptions over time, calendar, type against segment."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from qa_lib.charts.parts import (
    ROW,
    clicked,
    count_axis,
    dimmed,
    heading,
    layered,
    month_axis,
    plain,
    rate_axis,
    share_words,
    tip,
    type_colour,
    type_scale,
    types_of,
    upper_end,
)
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import EMPTY, INK, PALETTE, PAPER, QUIET, RAMP
from qa_lib.charts.words import say

#: Below this many people a cell of the heat map is not coloured.
FEW = 20


def campaign_bars(
    frame: pd.DataFrame,
    *,
    language: str = "zh",
    selected: str | None = None,
    types: Sequence[str] | None = None,
    width: int = 340,
) -> alt.LayerChart:
    """Redemption rate of each campaign with its interval, in order of time; a click selects one.

    Parameters
    ----------
    frame
        From `qa_lib.measure.campaign_metrics` by `campaign_id`.
    selected
        The campaign that is shown as chosen.
    types
        All campaign types, so that their colours stay when some are filtered away.

    Returns
    -------
    altair.LayerChart
        With the point selection `campaign` on the field `campaign_id`. In the browser each row is one
        `[class*=campaign_rows] path` over the whole width, in the frame's order.
    """
    data = plain(check_rows(frame)).dropna(subset=["targeted"])
    data["label"] = data["campaign_id"] + "  ·  " + data["starts_on"].dt.strftime("%Y-%m-%d")
    data["n_label"] = [f"{share_words(r)} · n={n:,.0f}" for r, n in _rates(data)]
    data["note"] = data[f"notes_{language}"].replace("", say("complete", language))
    data["far"] = end = upper_end(data["redemption_rate_high"])
    data["words_at"] = data["redemption_rate_high"].fillna(0)  # no rate was recorded, and the words say so
    y = alt.Y(
        "label:N",
        sort=list(data["label"]),
        title=None,
        axis=alt.Axis(labelColor=INK, labelFontSize=11),
    )
    x = alt.X("redemption_rate:Q", title=None, axis=rate_axis(), scale=alt.Scale(domain=[0, end]))
    tips = [
        tip("campaign_id", "campaign", language),
        tip("campaign_type", "campaign_type", language),
        tip("starts_on:T", "starts_on", language, "%Y-%m-%d"),
        tip("ends_on:T", "ends_on", language, "%Y-%m-%d"),
        tip("targeted:Q", "targeted", language, ",.0f"),
        tip("redeemers:Q", "redeemers", language, ",.0f"),
        tip("redemptions:Q", "redemptions", language, ",.0f"),
        tip("redemption_rate:Q", "redemption_rate", language, ".1%"),
        tip("redemption_rate_low:Q", "low", language, ".1%"),
        tip("redemption_rate_high:Q", "high", language, ".1%"),
        tip("note", "note", language),
    ]
    base = alt.Chart(data).encode(y=y)
    colour = type_colour(types_of(data, types), language)
    bars = base.mark_bar(height=11, strokeWidth=1.2).encode(
        x=x,
        color=colour,
        stroke=alt.Stroke("campaign_type:N", scale=type_scale(types_of(data, types)), legend=None),
        fillOpacity=alt.when(alt.datum.is_complete).then(alt.value(1)).otherwise(alt.value(0.15)),
        opacity=dimmed("campaign_id", selected),
    )
    intervals = base.mark_rule(strokeWidth=1.2).encode(
        x=alt.X("redemption_rate_low:Q"),
        x2="redemption_rate_high:Q",
        opacity=dimmed("campaign_id", selected, 0.75),
    )
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(
        x="words_at:Q", text="n_label:N", opacity=dimmed("campaign_id", selected, faint=0.55)
    )
    rows = (
        base.mark_bar(height=ROW, opacity=0.001, cursor="pointer")
        .encode(x=alt.X("zero:Q"), x2="far:Q", tooltip=tips)
        .transform_calculate(zero="0")
        .add_params(clicked("campaign", "campaign_id", selected))
        .properties(name="campaign_rows")
    )
    return layered(bars, intervals, words, rows).properties(
        width=width,
        height=alt.Step(ROW),
        title=heading(say("title_campaigns", language), say("sub_campaigns", language)),
    )


def redemption_lines(
    frame: pd.DataFrame,
    *,
    language: str = "zh",
    by: str = "week",
    title: str = "",
    types: Sequence[str] | None = None,
    width: int = 460,
    height: int = 190,
) -> alt.LayerChart | alt.Chart:
    """Redemptions by day or week, stacked by campaign type where the frame has it.

    Parameters
    ----------
    frame
        From `qa_lib.measure.redemptions_over_time`, split by `campaign_type` or not at all.
    by
        `day` or `week`, as the frame was made.
    title
        What the figures are of, in words, added to the title.
    """
    data = check_rows(frame).copy()
    split = "campaign_type" in data
    x = alt.X("starts_on:T", title=None, axis=month_axis(language))
    tips = [
        tip("starts_on:T", by, language, "%Y-%m-%d"),
        *([tip("campaign_type", "campaign_type", language)] if split else []),
        tip("redemptions:Q", "redemptions", language, ",.0f"),
        tip("redeemers:Q", "redeemers", language, ",.0f"),
    ]
    data["ends_on"] = data["starts_on"] + pd.Timedelta(days=7 if by == "week" else 1)
    data["top"] = data.groupby("starts_on")["redemptions"].cumsum()
    data["bottom"] = data["top"] - data["redemptions"]
    colour = (
        type_colour(types_of(data, types), language)
        if split and len(types_of(data, types))
        else alt.value(PALETTE[0])
    )
    bars = (
        alt.Chart(data)
        .mark_bar(stroke=PAPER, strokeWidth=0.8 if by == "week" else 0)
        .encode(
            x=x,
            x2="ends_on:T",
            y2="bottom:Q",
            y=alt.Y("top:Q", title=None, axis=count_axis()),
            color=colour,
            opacity=alt.when(alt.datum.is_complete).then(alt.value(0.92)).otherwise(alt.value(0.45)),
            tooltip=tips,
        )
    )
    words = say(f"title_over_time_{by}", language) + (f" · {title}" if title else "")
    partial = "" if bool(data["is_complete"].all()) else say("sub_over_time", language)
    return bars.properties(width=width, height=height, title=heading(words, partial))


def campaign_calendar(
    frame: pd.DataFrame, *, language: str = "zh", types: Sequence[str] | None = None, width: int = 620
) -> alt.LayerChart:
    """When each campaign ran, coloured by type, with how many people it was sent to.

    Parameters
    ----------
    frame
        From `qa_lib.measure.campaign_metrics` by `campaign_id`.
    """
    data = plain(check_rows(frame))
    data["label"] = data["campaign_id"]
    data["n_label"] = ["" if pd.isna(n) else f"n={n:,.0f}" for n in data["targeted"]]
    data["until"] = data["ends_on"] + pd.Timedelta(days=1)
    base = alt.Chart(data).encode(
        y=alt.Y(
            "label:N",
            sort=list(data["label"]),
            title=say("campaign", language),
            axis=alt.Axis(labelColor=INK, titleAngle=0, titleAlign="right", titleY=-6),
        )
    )
    colour = type_colour(types_of(data, types), language)
    bars = base.mark_bar(height=12, cornerRadius=2, strokeWidth=1.2).encode(
        x=alt.X("starts_on:T", title=None, axis=month_axis(language)),
        x2="until:T",
        color=colour,
        stroke=alt.Stroke("campaign_type:N", scale=type_scale(types_of(data, types)), legend=None),
        fillOpacity=alt.when(alt.datum.is_complete).then(alt.value(1)).otherwise(alt.value(0.15)),
        tooltip=[
            tip("campaign_id", "campaign", language),
            tip("campaign_type", "campaign_type", language),
            tip("starts_on:T", "starts_on", language, "%Y-%m-%d"),
            tip("ends_on:T", "ends_on", language, "%Y-%m-%d"),
            tip("targeted:Q", "targeted", language, ",.0f"),
            tip(f"notes_{language}", "note", language),
        ],
    )
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(x="until:T", text="n_label:N")
    return layered(bars, words).properties(
        width=width,
        height=alt.Step(ROW - 2),
        title=heading(say("title_calendar", language), say("sub_calendar", language)),
    )


def campaign_heat_map(
    frame: pd.DataFrame, column: str, name: str, *, language: str = "zh", width: int = 110
) -> alt.LayerChart:
    """Redemption rate of each campaign type in each segment, with the number of people in the cell.

    Parameters
    ----------
    frame
        From `qa_lib.measure.campaign_metrics` by `campaign_type` and a column of `profile`.
    column, name
        That column, and what it is called in the chosen language.
    width
        Of one column of the map, in pixels.
    """
    data = plain(check_rows(frame))
    data["text"] = [share_words(r) for r, _ in _rates(data)]
    data["n_label"] = [f"n={n:,.0f}" for _, n in _rates(data)]
    data["coloured"] = data["redemption_rate"].where(data["targeted"] >= FEW)
    top = data["coloured"].max()
    order = list(dict.fromkeys(data[column]))
    base = alt.Chart(data).encode(
        x=alt.X("campaign_type:N", title=None, axis=alt.Axis(orient="top", labelAngle=0, labelColor=INK)),
        y=alt.Y(f"{column}:N", sort=order, title=None, axis=alt.Axis(labelColor=INK)),
    )
    colour = alt.Color(
        "coloured:Q",
        scale=alt.Scale(range=list(RAMP), domain=[0, top if pd.notna(top) and top > 0 else 1]),
        legend=alt.Legend(format="%", title=say("redemption_rate", language)),
    )
    tips = [
        tip("campaign_type", "campaign_type", language),
        alt.Tooltip(f"{column}:N", title=name),
        tip("targeted:Q", "targeted", language, ",.0f"),
        tip("redeemers:Q", "redeemers", language, ",.0f"),
        tip("redemption_rate:Q", "redemption_rate", language, ".1%"),
        tip("redemption_rate_low:Q", "low", language, ".1%"),
        tip("redemption_rate_high:Q", "high", language, ".1%"),
    ]
    empty = base.mark_rect(stroke=PAPER, strokeWidth=2, color=EMPTY).encode(tooltip=tips)
    cells = (
        base.transform_filter("isValid(datum.coloured)")
        .mark_rect(stroke=PAPER, strokeWidth=2)
        .encode(color=colour, tooltip=tips)
    )
    dark = f"datum.coloured > {float(top) * 0.55 if pd.notna(top) else 2}"
    ink = alt.when(dark).then(alt.value(PAPER)).otherwise(alt.value(INK))
    rates = base.mark_text(dy=-6, fontSize=12).encode(text="text:N", color=ink)
    sizes = base.mark_text(dy=9, fontSize=10, opacity=0.8).encode(text="n_label:N", color=ink)
    return layered(empty, cells, rates, sizes).properties(
        width=alt.Step(width),
        height=alt.Step(38),
        title=heading(say("title_heat", language, name=name), say("sub_heat", language, few=str(FEW))),
    )


def _rates(data: pd.DataFrame) -> list[tuple[float, float]]:
    return list(zip(data["redemption_rate"], data["targeted"], strict=True))
