"""Charts of a running stream: events a second, and the people that it brought into audiences."""

from __future__ import annotations

import altair as alt
import pandas as pd

from qa_lib.charts.parts import ROW, heading, layered, plain, tip, upper_end
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import INK, PALETTE, QUIET, WARN
from qa_lib.charts.words import say


def rate_line(rates: pd.DataFrame, *, language: str = "zh", width: int = 420) -> alt.Chart:
    """Events a second over the last two minutes.

    Parameters
    ----------
    rates
        Columns `at` (seconds before now, negative) and `rate`; may be empty.
    """
    top = float(rates["rate"].max()) if len(rates) else 1.0
    return (
        alt.Chart(check_rows(rates))
        .mark_area(line={"color": PALETTE[0]}, color=PALETTE[0], opacity=0.25)
        .encode(
            x=alt.X("at:Q", title=say("seconds_ago", language), scale=alt.Scale(domain=[-120, 0])),
            y=alt.Y("rate:Q", title=None, scale=alt.Scale(domain=[0, max(1.0, top * 1.1)])),
            tooltip=[
                tip("at:Q", "seconds_ago", language, ".0f"),
                tip("rate:Q", "event_rate", language, ",.0f"),
            ],
        )
        .properties(
            width=width, height=170, title=heading(say("title_rate", language), say("sub_rate", language))
        )
    )


def entered_bars(audiences: pd.DataFrame, *, language: str = "zh", width: int = 420) -> alt.LayerChart:
    """People whom the stream brought into each audience and who are still in, the ten largest.

    Parameters
    ----------
    audiences
        Columns `audience, people, entered, left`; may be empty.
    """
    data = plain(audiences.head(10)).reset_index(drop=True)
    moves = zip(data["people"], data["entered"], data["left"], strict=True)
    data["words"] = [f"{people:,} · +{entered:,} · −{left:,}" for people, entered, left in moves]
    order = list(data["audience"])
    y = alt.Y("audience:N", sort=order, title=None, axis=alt.Axis(labelColor=INK, labelLimit=200))
    most = float(data["people"].max()) if len(data) else 1.0
    x = alt.X("people:Q", title=None, scale=alt.Scale(domain=[0, upper_end([most])]), axis=None)
    bars = alt.Chart(data).mark_bar(height=12, color=PALETTE[2])
    tips = [tip("audience", "audience", language)]
    told = {"people": "people", "entered": "entered", "left": "moved_out"}
    tips += [tip(f"{column}:Q", key, language, ",.0f") for column, key in told.items()]
    words = alt.Chart(data).mark_text(align="left", dx=6, fontSize=10, color=QUIET)
    return layered(
        bars.encode(y=y, x=x, tooltip=tips), words.encode(y=y, x="people:Q", text="words:N")
    ).properties(
        width=width,
        height=alt.Step(ROW) if len(data) else 60,
        title=heading(say("title_entered", language), say("sub_entered", language)),
    )


def view_bars(views: pd.DataFrame, *, language: str = "zh", width: int = 420) -> alt.FacetChart:
    """A person's events in the batch view and in the live view, before and after something.

    Parameters
    ----------
    views
        Columns `moment` (words), `event`, `view` (`batch` or `live`) and `event_count`.
    """
    data = plain(check_rows(views)).reset_index(drop=True)
    words = {name: say(f"{name}_view", language) for name in ("batch", "live")}
    data["words"] = data["view"].map(words)
    moments = list(dict.fromkeys(data["moment"]))
    bars = (
        alt.Chart(data)
        .mark_bar(height=12)
        .encode(
            y=alt.Y("event:N", title=None, sort=None),
            x=alt.X("sum(event_count):Q", title=None, axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "words:N",
                scale=alt.Scale(domain=list(words.values()), range=[PALETTE[0], PALETTE[1]]),
                legend=alt.Legend(title=None, orient="top", offset=4),
            ),
            order=alt.Order("view:N"),
            tooltip=[tip("words", "value", language), tip("event_count:Q", "event_count", language, ",.0f")],
        )
        .properties(width=width // max(1, len(moments)), height=alt.Step(ROW))
    )
    return bars.facet(
        column=alt.Column("moment:N", title=None, sort=moments),
        title=heading(say("title_views", language), say("sub_views", language)),
    )


def survival_line(looks: pd.DataFrame, *, language: str = "zh", width: int = 420) -> alt.LayerChart:
    """How many events were acknowledged as a consumer was killed again and again.

    Parameters
    ----------
    looks
        Columns `seconds`, `acknowledged` and `killed`.
    """
    data = looks.groupby("acknowledged", as_index=False).agg({"seconds": "min", "killed": "max"})
    data = check_rows(data.sort_values("seconds"))
    x = alt.X("seconds:Q", title=say("seconds", language))
    y = alt.Y("acknowledged:Q", title=None)
    line = alt.Chart(data).mark_line(interpolate="step-after", color=PALETTE[0]).encode(x=x, y=y)
    kills = alt.Chart(data[data["killed"]]).mark_point(shape="cross", size=120, filled=True, color=WARN)
    tips = [tip("acknowledged:Q", "event_count", language, ",.0f")]
    return layered(line, kills.encode(x=x, y=y, tooltip=tips)).properties(
        width=width, height=190, title=heading(say("title_survival", language), say("sub_survival", language))
    )
