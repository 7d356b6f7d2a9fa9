"""Charts that compare segments: rates side by side, and an audience against everybody."""

from __future__ import annotations

import altair as alt
import pandas as pd

from qa_lib.charts.parts import (
    ROW,
    clicked,
    dimmed,
    heading,
    layered,
    plain,
    rate_axis,
    share_words,
    tip,
    upper_end,
)
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import FAINT, INK, PALETTE, QUIET
from qa_lib.charts.words import say


def segment_bars(
    frame: pd.DataFrame,
    column: str,
    name: str,
    *,
    language: str = "zh",
    selected: str | None = None,
    title: str = "",
    width: int = 330,
) -> alt.LayerChart:
    """Redemption rate of each segment with its interval and the number of people; a click selects one.

    Parameters
    ----------
    frame
        From `qa_lib.measure.campaign_metrics` by one column of `profile`.
    column, name
        That column, and what it is called in the chosen language.
    selected
        The value that is shown as chosen.
    title
        What the figures are of, in words, added to the title.

    Returns
    -------
    altair.LayerChart
        With the point selection `segment` on the field `segment`. In the browser each row is one
        `[class*=segment_rows] path` over the whole width, in the frame's order.
    """
    data = plain(check_rows(frame)).rename(columns={column: "segment"})
    data["n_label"] = [
        f"{share_words(r)} · n={n:,.0f}"
        for r, n in zip(data["redemption_rate"], data["targeted"], strict=True)
    ]
    data["far"] = end = upper_end(data["redemption_rate_high"])
    data["words_at"] = data["redemption_rate_high"].fillna(0)
    y = alt.Y("segment:N", sort=list(data["segment"]), title=None, axis=alt.Axis(labelColor=INK))
    x = alt.X("redemption_rate:Q", title=None, axis=rate_axis(), scale=alt.Scale(domain=[0, end]))
    base = alt.Chart(data).encode(y=y)
    bars = base.mark_bar(height=11, color=PALETTE[0]).encode(x=x, opacity=dimmed("segment", selected))
    intervals = base.mark_rule(strokeWidth=1.2).encode(
        x="redemption_rate_low:Q", x2="redemption_rate_high:Q", opacity=dimmed("segment", selected, 0.75)
    )
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(
        x="words_at:Q", text="n_label:N", opacity=dimmed("segment", selected, faint=0.55)
    )
    rows = (
        base.mark_bar(height=ROW, opacity=0.001, cursor="pointer")
        .encode(
            x=alt.X("zero:Q"),
            x2="far:Q",
            tooltip=[
                alt.Tooltip("segment:N", title=name),
                tip("targeted:Q", "targeted", language, ",.0f"),
                tip("redeemers:Q", "redeemers", language, ",.0f"),
                tip("redemptions:Q", "redemptions", language, ",.0f"),
                tip("redemption_rate:Q", "redemption_rate", language, ".1%"),
                tip("redemption_rate_low:Q", "low", language, ".1%"),
                tip("redemption_rate_high:Q", "high", language, ".1%"),
            ],
        )
        .transform_calculate(zero="0")
        .add_params(clicked("segment", "segment", selected))
        .properties(name="segment_rows")
    )
    words_of_title = say("title_segments", language, name=name) + (f" · {title}" if title else "")
    return layered(bars, intervals, words, rows).properties(
        width=width, height=alt.Step(ROW), title=heading(words_of_title, say("sub_segments", language))
    )


def breakdown_dumbbells(
    frame: pd.DataFrame,
    name: str,
    *,
    language: str = "zh",
    audience: str = "",
    width: int = 380,
) -> alt.LayerChart:
    """The share of each value in an audience beside its share in everybody, with the TGI.

    Parameters
    ----------
    frame
        One row per value: `value`, `audience_rate`, `base_rate` (between 0 and 1), `tgi`, and where known
        `tgi_low`, `tgi_high`, `audience_count`; with `is_different` that says what is pale, else whether
        the interval holds 100.
    name
        What the values are values of, in the chosen language.
    audience
        The audience's name.
    """
    data = plain(check_rows(frame))
    low, high = (data.get(c, pd.Series(index=data.index, dtype=float)) for c in ("tgi_low", "tgi_high"))
    controlled = "is_different" in data
    data["is_clear"] = data["is_different"] if controlled else ~((low <= 100) & (high >= 100))
    data["tgi_label"] = ["—" if pd.isna(t) else f"TGI {t:,.0f}" for t in data["tgi"]]
    data["end"] = data[["audience_rate", "base_rate"]].max(axis=1)
    end = upper_end(data["end"])
    names = [audience or say("audience", language), say("base", language)]
    base = alt.Chart(data).encode(
        y=alt.Y("value:N", sort=list(data["value"]), title=None, axis=alt.Axis(labelColor=INK))
    )
    tips = [
        alt.Tooltip("value:N", title=name),
        alt.Tooltip("audience_rate:Q", title=names[0], format=".1%"),
        alt.Tooltip("base_rate:Q", title=names[1], format=".1%"),
        tip("tgi:Q", "tgi", language, ".0f"),
        *(
            [tip("tgi_low:Q", "low", language, ".0f"), tip("tgi_high:Q", "high", language, ".0f")]
            if "tgi_low" in data and "tgi_high" in data
            else []
        ),
        *([tip("audience_count:Q", "people", language, ",.0f")] if "audience_count" in data else []),
        *([tip("q_value:Q", "q_value", language, ".3~g")] if "q_value" in data else []),
    ]
    x = alt.X("base_rate:Q", title=None, axis=rate_axis(), scale=alt.Scale(domain=[0, end]))
    lines = base.mark_rule(strokeWidth=3, color=FAINT).encode(x=x, x2="audience_rate:Q")
    long = data.melt(
        id_vars=[c for c in data if c not in ("audience_rate", "base_rate")],
        value_vars=["audience_rate", "base_rate"],
        var_name="whose",
        value_name="rate",
    ).merge(data[["value", "audience_rate", "base_rate"]], on="value")
    long["whose"] = long["whose"].map(dict(zip(("audience_rate", "base_rate"), names, strict=True)))
    dots = (
        alt.Chart(long)
        .mark_circle(size=95, opacity=1)
        .encode(
            y=alt.Y("value:N", sort=list(data["value"])),
            x=alt.X("rate:Q"),
            color=alt.Color(
                "whose:N",
                scale=alt.Scale(domain=names, range=[PALETTE[1], PALETTE[7]]),
                legend=alt.Legend(title=None, orient="top", offset=4),
            ),
            opacity=alt.when(alt.datum.is_clear).then(alt.value(1)).otherwise(alt.value(0.4)),
            tooltip=tips,
        )
    )
    words = base.mark_text(align="left", dx=10, fontSize=10, color=QUIET).encode(
        x="end:Q", text="tgi_label:N", tooltip=tips
    )
    return layered(lines, dots, words).properties(
        width=width,
        height=alt.Step(ROW + 4),
        title=heading(
            say("title_breakdown", language, name=name),
            say("sub_breakdown_controlled" if controlled else "sub_breakdown", language),
        ),
    )
