"""Charts of one campaign's review: what was planned, what the rehearsal foretold, what came of it."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from qa_lib.charts.format import symbol
from qa_lib.charts.parts import ROW, clicked, count_axis, dimmed, heading, layered, plain, tip
from qa_lib.charts.review_parts import as_float, marked, verdict_colour, verdict_shape, verdict_tips
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import FAINT, INK, PALETTE, QUIET, WARN
from qa_lib.charts.words import pick, say
from qa_lib.intervals import LEVEL

_BAND = PALETTE[0]
_BAND_OPACITY = 0.22
#: Room for the names of metrics, so that the panels stand one below the other.
_NAMES = 150
#: Room for the words at a panel's right, and for those of a metric that has no figure.
_WORDS, _REASON = 190, 420


def plan_funnel(frame: pd.DataFrame, *, language: str = "zh", width: int = 350) -> alt.LayerChart:
    """From everybody to who is sent to: how many are left, and how many each reason keeps back.

    Parameters
    ----------
    frame
        From `qa_lib.campaigns.Plan.funnel`.
    """
    data = plain(check_rows(frame))
    data["label"] = data[pick(("label_zh", "label_en"), language)]
    data["before"] = data["remaining_count"] + data["dropped_count"]
    data["words"] = [
        say("left_after" if dropped else "left", language, count=f"{left:,.0f}", dropped=f"{dropped:,.0f}")
        for left, dropped in zip(data["remaining_count"], data["dropped_count"], strict=True)
    ]
    end, most = _room_after(data["before"], 1.55), float(data["before"].max() if len(data) else 0)
    y = alt.Y("label:N", sort=list(data["label"]), title=None, axis=alt.Axis(labelColor=INK))
    x = alt.X(
        "remaining_count:Q",
        title=say("people", language),
        scale=alt.Scale(domain=[0, end], nice=False),
        axis=alt.Axis(
            grid=False,
            ticks=False,
            tickCount=4,
            labelExpr=f"datum.value > {most} ? '' : format(datum.value, ',.0f')",
        ),
    )
    base = alt.Chart(data).encode(
        y=y,
        tooltip=[
            tip("label", "step", language),
            tip("dropped_count:Q", "dropped", language, ",.0f"),
            tip("remaining_count:Q", "remaining", language, ",.0f"),
        ],
    )
    left = base.mark_bar(height=12).encode(x=x)
    kept_back = base.mark_bar(height=12, color=WARN, opacity=0.3).encode(
        x=alt.X("remaining_count:Q"), x2="before:Q"
    )
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(x="before:Q", text="words:N")
    return layered(kept_back, left, words).properties(
        width=width,
        height=alt.Step(ROW + 2),
        title=heading(say("title_plan_funnel", language), say("sub_plan_funnel", language)),
    )


def review_dots(
    frame: pd.DataFrame,
    *,
    language: str = "zh",
    currency: str = "USD",
    level: float = LEVEL,
    width: int = 250,
) -> alt.VConcatChart:
    """One small panel per metric: the rehearsal's band and mean, and the result as a mark.

    Parameters
    ----------
    frame
        From `qa_lib.measure.rehearsal_and_result`, not grouped. A metric of which neither the rehearsal nor
        the result has a figure says why in words.
    currency
        ISO 4217 code of the account currency.
    level
        Coverage of the frame's bands.

    Returns
    -------
    altair.VConcatChart
        Each panel has a scale of its own: figures are compared within a panel, never across.
    """
    data = marked(check_rows(frame), language, currency)
    panels = [_panel(row, language, currency, level, width) for _, row in data.iterrows()]
    words = say("sub_review_dots", language, level=f"{level:.0%}")
    chart = alt.vconcat(*panels, spacing=4) if panels else alt.vconcat(_nothing(width))
    return chart.properties(title=heading(say("title_review_dots", language), words))


def review_lines(
    simulated: pd.DataFrame | None,
    result: pd.DataFrame | None,
    *,
    language: str = "zh",
    what: str = "converters",
    currency: str = "USD",
    level: float = LEVEL,
    title: str = "",
    width: int = 430,
    height: int = 190,
) -> alt.LayerChart:
    """Converters or revenue so far: the rehearsal's band and mean, and the result as far as it is known.

    Parameters
    ----------
    simulated, result
        From `qa_lib.measure.conversions_over_time` of the origin `simulated`, and of the result's; None
        where there is none.
    what
        `converters` or `revenue`.
    title
        What the figures are of, in words, added to the title.
    """
    column = f"{what}_so_far"
    rehearsed, happened = _line(simulated, column), _line(result, column)
    names = [say("rehearsed", language), say("result", language)]
    x = alt.X("starts_on:T", title=None, axis=alt.Axis(format="%m-%d", tickCount=6, labelOverlap=True))
    axis = alt.Axis(grid=True, tickCount=4, labelExpr=f"'{symbol(currency)}' + format(datum.value, ',.0f')")
    y = alt.Y(f"{column}:Q", title=None, axis=axis if what == "revenue" else count_axis())
    colour = alt.Color(
        "whose:N",
        scale=alt.Scale(domain=names, range=[_BAND, INK]),
        legend=alt.Legend(title=None, orient="top", offset=4, symbolType="stroke", symbolStrokeWidth=3),
    )
    day = tip("starts_on:T", "day", language, "%Y-%m-%d")
    figure = tip(f"{column}:Q", what, language, ",.0f")
    ends = [
        tip(f"{column}_{end}:Q", end, language, ",.0f")
        for end in ("low", "high")
        if f"{column}_{end}" in rehearsed
    ]
    layers = []
    if ends:
        layers.append(
            alt.Chart(rehearsed)
            .mark_area(color=_BAND, opacity=_BAND_OPACITY)
            .encode(x=x, y=alt.Y(f"{column}_low:Q", title=None), y2=f"{column}_high:Q")
        )
    layers += [
        alt.Chart(frame.assign(whose=name))
        .mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(size=18) if name == names[1] else False)
        .encode(x=x, y=y, color=colour, tooltip=[day, figure, *(ends if name == names[0] else [])])
        for frame, name in ((rehearsed, names[0]), (happened, names[1]))
    ]
    words = say(f"title_review_{what}", language) + (f" · {title}" if title else "")
    return layered(*layers).properties(
        width=width,
        height=height,
        title=heading(words, say("sub_review_lines", language, level=f"{level:.0%}")),
    )


def review_segments(
    frame: pd.DataFrame,
    column: str,
    column_label: str,
    *,
    language: str = "zh",
    selected: str | None = None,
    level: float = LEVEL,
    width: int = 330,
) -> alt.LayerChart:
    """Conversion rate of each segment: the rehearsal's band and mean, the result, and people reached.

    Parameters
    ----------
    frame
        From `qa_lib.measure.rehearsal_and_result` by one column of `profile`; its metrics `conversion_rate`
        and `reached` are shown.
    column, column_label
        That column, and what it is called in the chosen language.
    selected
        The value that is shown as chosen.

    Returns
    -------
    altair.LayerChart
        With the point selection `segment` on the field `segment`. In the browser each row is one
        `[class*=review_segment_rows] path` over the whole width, in the frame's order.
    """
    data = marked(check_rows(frame), language, "USD").rename(columns={column: "segment"})
    reached = data[data["metric"] == "reached"].set_index("segment")
    data = data[data["metric"] == "conversion_rate"].copy()
    sizes = [_size(reached, segment) for segment in data["segment"]]
    data["n_label"] = [
        f"{words} · n={n}" if n else words for words, n in zip(data["words"], sizes, strict=True)
    ]
    data["far"] = end = _room_after(data[["high", "mean", "at"]].max(axis=1), 1.9)
    data["words_at"] = data[["high", "mean", "at"]].max(axis=1).fillna(0.0)
    scale = alt.Scale(domain=[0, end], nice=False)
    axis = alt.Axis(format="%", grid=False, ticks=False, labelExpr="datum.value > 1.0001 ? '' : datum.label")
    base = alt.Chart(data).encode(
        y=alt.Y("segment:N", sort=list(data["segment"]), title=None, axis=alt.Axis(labelColor=INK))
    )
    faint = dimmed("segment", selected, _BAND_OPACITY, 0.08)
    band = base.mark_bar(height=13, color=_BAND).encode(
        x=alt.X("low:Q", title=None, axis=axis, scale=scale), x2="high:Q", opacity=faint
    )
    mean = base.mark_tick(color=_BAND, thickness=2, size=14).encode(
        x=alt.X("mean:Q", scale=scale), opacity=dimmed("segment", selected)
    )
    dots = base.mark_point(filled=True, size=70).encode(
        x=alt.X("at:Q", scale=scale),
        color=verdict_colour(),
        shape=verdict_shape(),
        opacity=dimmed("segment", selected),
    )
    words = base.mark_text(align="left", dx=8, fontSize=10, color=QUIET).encode(
        x=alt.X("words_at:Q"), text="n_label:N", opacity=dimmed("segment", selected, faint=0.55)
    )
    rows = (
        base.mark_bar(height=ROW, opacity=0.001, cursor="pointer")
        .encode(x=alt.X("zero:Q"), x2="far:Q", tooltip=verdict_tips(language, level, segment=column_label))
        .transform_calculate(zero="0")
        .add_params(clicked("segment", "segment", selected))
        .properties(name="review_segment_rows")
    )
    return layered(band, mean, dots, words, rows).properties(
        width=width,
        height=alt.Step(ROW),
        title=heading(
            say("title_review_segments", language, name=column_label),
            say("sub_review_segments", language, level=f"{level:.0%}"),
        ),
    )


def _panel(row: pd.Series, language: str, currency: str, level: float, width: int) -> alt.LayerChart:
    """One metric on a scale of its own."""
    ends = [v for v in (row["low"], row["high"], row["mean"], row["at"]) if pd.notna(v)]
    data = pd.DataFrame([row.drop(labels=["is_within"], errors="ignore")]).assign(start=0)
    label = alt.Axis(
        labelColor=INK, labelFontSize=11, minExtent=_NAMES, maxExtent=_NAMES, labelLimit=_NAMES - 8
    )
    base = alt.Chart(data).encode(y=alt.Y("label:N", title=None, axis=label))
    words = base.mark_text(
        align="left", dx=0, fontSize=10.5, color=QUIET, limit=_WORDS if ends else _REASON
    ).encode(x=alt.value(width + 10 if ends else 4), text="words:N", tooltip=verdict_tips(language, level))
    if not ends:
        return layered(words).properties(width=width, height=26)
    low, high = min(0.0, *ends), max(0.0, *ends)
    room = (high - low) * 0.06 or 1.0
    scale = alt.Scale(domain=[low - (room if low < 0 else 0), high + room], nice=False)
    x = alt.X("mean:Q", title=None, scale=scale, axis=_axis(str(row["format"]), currency))
    layers: list[alt.Chart] = []
    if pd.notna(row["mean"]):
        layers.append(base.mark_tick(color=_BAND, thickness=2, size=16).encode(x=x))
    if pd.notna(row["low"]):
        layers.insert(
            0,
            base.mark_bar(height=14, color=_BAND, opacity=_BAND_OPACITY).encode(
                x=alt.X("low:Q", title=None, scale=scale, axis=_axis(str(row["format"]), currency)),
                x2="high:Q",
            ),
        )
    if pd.notna(row["at"]):
        layers.append(
            base.mark_point(filled=True, size=85, opacity=1).encode(
                x=alt.X("at:Q", title=None, scale=scale, axis=_axis(str(row["format"]), currency)),
                color=verdict_colour(),
                shape=verdict_shape(),
                tooltip=verdict_tips(language, level),
            )
        )
    return layered(*layers, words).properties(width=width, height=26)


def _axis(format: str, currency: str) -> alt.Axis:
    """Few ticks, in the metric's own format; a half of a person has no label."""
    shown = {
        "count": "datum.value % 1 === 0 ? format(datum.value, ',.0f') : ''",
        "rate": "format(datum.value * 100, ',.3~f') + '%'",
        "amount": f"'{symbol(currency)}' + format(datum.value, ',.0f')",
        "number": "format(datum.value, ',.3~f')",
    }[format]
    return alt.Axis(labelExpr=shown, tickCount=3, grid=True, gridColor=FAINT, labelFontSize=9, labelPadding=1)


def _line(frame: pd.DataFrame | None, column: str) -> pd.DataFrame:
    """The days on which there is a figure, as numbers to draw."""
    wanted = ["starts_on", *(c for c in (frame if frame is not None else ()) if str(c).startswith(column))]
    if frame is None or column not in frame:
        return pd.DataFrame({"starts_on": pd.Series(dtype="datetime64[ns]"), column: pd.Series(dtype=float)})
    data = check_rows(frame)[wanted].copy()
    for name in wanted[1:]:
        data[name] = pd.to_numeric(data[name].map(as_float), errors="coerce")
    return data.dropna(subset=[column])


def _size(reached: pd.DataFrame, segment: Any) -> str:
    """People reached in a segment: in the result where it has them, else in the rehearsal."""
    if segment not in reached.index:
        return ""
    row = reached.loc[segment]
    return str(row["result_words"] if pd.notna(row["at"]) else row["rehearsed_words"]).replace("—", "")


def _room_after(values: Any, room: float) -> float:
    """The end of a scale that leaves room for words at the right."""
    top = pd.to_numeric(pd.Series(values), errors="coerce").max()
    return float(top) * room if pd.notna(top) and top > 0 else 1.0


def _nothing(width: int) -> alt.Chart:
    return alt.Chart(pd.DataFrame({"label": []})).mark_text().encode(text="label:N").properties(width=width)
