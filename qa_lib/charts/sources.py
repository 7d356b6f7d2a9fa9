"""Charts of loads: every load of every feed, what became of its rows, why some were rejected, what has moved."""

from __future__ import annotations

import altair as alt
import pandas as pd

from qa_lib.charts.parts import (
    ROW,
    clicked,
    count_axis,
    dimmed,
    heading,
    layered,
    plain,
    tip,
    upper_end,
)
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import FAINT, INK, PALETTE, QUIET, WARN
from qa_lib.charts.words import say

_FATES = {
    "new_count": PALETTE[0],
    "replaced_count": PALETTE[5],
    "left_count": PALETTE[7],
    "skipped_count": FAINT,
    "reject_count": WARN,
}
_STATES = {"clean": PALETTE[0], "rejects": WARN, "schema": PALETTE[1]}
_DRIFTED = 0.25


def load_bars(
    frame: pd.DataFrame, *, language: str = "zh", by: str = "feed", width: int = 360
) -> alt.LayerChart:
    """What became of the rows that each load read: new, replaced, left, skipped, rejected.

    Parameters
    ----------
    frame
        From `qa_lib.sources.load_report`.
    by
        The column that names a bar: `feed`, or `file` for the loads of one feed.
    """
    data = plain(check_rows(frame)).reset_index(drop=True)
    data["bar"] = data[by].astype(str)
    order = list(dict.fromkeys(data["bar"]))
    long = data.melt(
        id_vars=["bar", "read_count", "late_count"],
        value_vars=list(_FATES),
        var_name="fate",
        value_name="row_count",
    )
    long["share"] = long["row_count"] / long["read_count"].where(long["read_count"] > 0)
    long = long[long["row_count"] > 0].copy()
    long["rank"] = long["fate"].map({name: i for i, name in enumerate(_FATES)})
    long["words"] = long["fate"].map({name: say(name, language) for name in _FATES})
    shown = [name for name in _FATES if name in set(long["fate"])]
    y = alt.Y("bar:N", sort=order, title=None, axis=alt.Axis(labelColor=INK, labelLimit=240))
    bars = (
        alt.Chart(long)
        .mark_bar(height=12)
        .encode(
            y=y,
            x=alt.X(
                "share:Q",
                title=None,
                stack="zero",
                scale=alt.Scale(domain=[0, 1.3]),
                axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
            ),
            order="rank:Q",
            color=alt.Color(
                "words:N",
                scale=alt.Scale(domain=[say(n, language) for n in shown], range=[_FATES[n] for n in shown]),
                legend=alt.Legend(title=None, orient="top", offset=4),
            ),
            tooltip=[
                tip("bar", "source", language),
                tip("words", "fate", language),
                tip("row_count:Q", "rows", language, ",.0f"),
                tip("share:Q", "share", language, ".2%"),
            ],
        )
    )
    data["end"] = 1.0
    data["n_label"] = [
        f"n={n:,.0f}" + (f" · {say('late', language)} {late:,.0f}" if late else "")
        for n, late in zip(data["read_count"], data["late_count"], strict=True)
    ]
    words = (
        alt.Chart(data)
        .mark_text(align="left", dx=6, fontSize=10, color=QUIET)
        .encode(y=y, x="end:Q", text="n_label:N")
    )
    return layered(bars, words).properties(
        width=width,
        height=alt.Step(ROW),
        title=heading(say("title_loads", language), say("sub_loads", language)),
    )


def reject_bars(
    frame: pd.DataFrame, *, language: str = "zh", limit: int = 20, width: int = 320
) -> alt.LayerChart:
    """How many rows each reason rejected.

    Parameters
    ----------
    frame
        From `qa_lib.sources.reject_reasons`.
    limit
        At most so many reasons, the commonest first.
    """
    data = plain(check_rows(frame)).head(limit).reset_index(drop=True)
    data["label"] = [f"{feed} · {column}" for feed, column in zip(data["feed"], data["column"], strict=True)]
    data["bar"] = [f"{label} {i}" for i, label in enumerate(data["label"])]
    data["words"] = [
        f"{count:,.0f} · {_cut(str(reason))}"
        for count, reason in zip(data["reject_count"], data["reason"], strict=True)
    ]
    names = alt.Axis(labelColor=INK, labelLimit=260, labelExpr="replace(datum.label, / \\d+$/, '')")
    base = alt.Chart(data).encode(y=alt.Y("bar:N", sort=list(data["bar"]), title=None, axis=names))
    end = upper_end(data["reject_count"]) * 1.6
    bars = base.mark_bar(height=11, color=WARN).encode(
        x=alt.X(
            "reject_count:Q",
            title=None,
            scale=alt.Scale(domain=[0, end]),
            axis=alt.Axis(format=",.0f", tickCount=4),
        ),
        tooltip=[
            tip("label", "column", language),
            tip("reason", "reject_reason", language),
            tip("example", "example", language),
            tip("reject_count:Q", "rows", language, ",.0f"),
        ],
    )
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(
        x="reject_count:Q", text="words:N"
    )
    return layered(bars, words).properties(
        width=width, height=alt.Step(ROW), title=heading(say("title_rejects", language))
    )


def column_moves(frame: pd.DataFrame, name: str, *, language: str = "zh", width: int = 320) -> alt.LayerChart:
    """Coverage of each column in the newest load (dot) and the one before (ring); a moved shape is marked.

    Parameters
    ----------
    frame
        From `qa_lib.sources.column_report`.
    name
        The feed's name.
    """
    data = plain(check_rows(frame)).reset_index(drop=True)
    data["words"] = [
        "" if pd.isna(d) else f"PSI {d:.2f}" + (" ▲" if d > _DRIFTED else "") for d in data["drift"]
    ]
    data["end"] = 1.0
    base = alt.Chart(data).encode(
        y=alt.Y("column:N", sort=list(data["column"]), title=None, axis=alt.Axis(labelColor=INK))
    )
    looked = alt.when(alt.datum.needs_look).then(alt.value(WARN)).otherwise(alt.value(PALETTE[0]))
    x = alt.X(
        "recorded_rate:Q",
        title=None,
        scale=alt.Scale(domain=[0, 1.3]),
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
    )
    change = base.mark_rule(strokeWidth=2).encode(
        x="recorded_rate_before:Q", x2="recorded_rate:Q", color=looked
    )
    rings = base.mark_point(size=60, filled=False, color=QUIET).encode(x="recorded_rate_before:Q")
    dots = base.mark_circle(size=70, opacity=1).encode(
        x=x,
        color=looked,
        tooltip=[
            tip("column", "column", language),
            tip("recorded_rate:Q", "coverage", language, ".1%"),
            tip("recorded_rate_before:Q", "before", language, ".1%"),
            tip("drift:Q", "drift", language, ".3f"),
            tip("low", "low", language),
            tip("high", "high", language),
        ],
    )
    words = base.mark_text(align="left", dx=10, fontSize=10).encode(x="end:Q", text="words:N", color=looked)
    rows = int(data["row_count"].max()) if len(data) else 0
    title = heading(say("title_moves", language, name=name), say("sub_moves", language) + f"\nn={rows:,}")
    return layered(change, rings, dots, words).properties(width=width, height=alt.Step(ROW - 2), title=title)


def feed_strips(
    frame: pd.DataFrame, *, language: str = "zh", selected: str | None = None, width: int = 470
) -> alt.LayerChart:
    """Every load of every feed: a dot a load, larger with more rows, coloured by what there is to look at.

    A click chooses the feed: the selection `feed` holds its name.

    Parameters
    ----------
    frame
        `feed`, `number` (of the load, the first is 1), `loaded_at`, `read_count`, `reject_count`, `state`
        (`clean`, `rejects`, `schema`), in the order of the feeds.
    selected
        The chosen feed.
    """
    data = plain(check_rows(frame)).reset_index(drop=True)
    data["words"] = [say(f"load_{state}", language) for state in data["state"]]
    data["moment"] = [f"{at:%Y-%m-%d %H:%M}" for at in data["loaded_at"]]
    order = list(dict.fromkeys(data["feed"]))
    shown = [s for s in _STATES if s in set(data["state"])]
    y = alt.Y("feed:N", sort=order, title=None, axis=alt.Axis(labelColor=INK, labelLimit=260))
    most = int(data["number"].max())
    x = alt.X(
        "number:Q",
        title=say("load_number", language),
        scale=alt.Scale(domain=[0.5, most + 0.5], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d", tickCount=min(most, 10)),
    )
    lines = alt.Chart(data).mark_rule(color=FAINT).encode(y=y)
    dots = (
        alt.Chart(data)
        .mark_circle(stroke=INK, strokeWidth=0.4, cursor="pointer")
        .encode(
            y=y,
            x=x,
            size=alt.Size("read_count:Q", scale=alt.Scale(type="sqrt", range=[50, 330]), legend=None),
            opacity=dimmed("feed", selected, full=0.95, faint=0.3),
            color=alt.Color(
                "words:N",
                scale=alt.Scale(
                    domain=[say(f"load_{s}", language) for s in shown], range=[_STATES[s] for s in shown]
                ),
                legend=alt.Legend(title=None, orient="top", offset=4),
            ),
            tooltip=[
                tip("feed", "source", language),
                tip("number:Q", "load_number", language, "d"),
                tip("moment", "loaded_at", language),
                tip("read_count:Q", "rows", language, ",.0f"),
                tip("reject_count:Q", "reject_count", language, ",.0f"),
                tip("words", "state", language),
            ],
        )
        .add_params(clicked("feed", "feed", selected))
    )
    return layered(lines, dots).properties(
        width=width,
        height=alt.Step(ROW + 4),
        title=heading(say("title_strips", language), say("sub_strips", language)),
    )


def load_history(
    frame: pd.DataFrame,
    name: str,
    *,
    language: str = "zh",
    selected: int | None = None,
    width: int = 470,
    height: int = 190,
) -> alt.LayerChart:
    """What became of the rows of each load of one feed, load after load.

    A click chooses a load: the selection `load` holds its number.

    Parameters
    ----------
    frame
        From `qa_lib.sources.load_report` for one feed, with `number`.
    name
        The feed's name.
    selected
        The chosen load's number.
    """
    data = plain(check_rows(frame)).reset_index(drop=True)
    data["load"] = data["number"].astype("int64")
    data["moment"] = [f"{at:%Y-%m-%d %H:%M}" for at in data["loaded_at"]]
    long = data.melt(
        id_vars=["load", "moment", "read_count"],
        value_vars=list(_FATES),
        var_name="fate",
        value_name="row_count",
    )
    long = long[long["row_count"] > 0].copy()
    long["rank"] = long["fate"].map({fate: i for i, fate in enumerate(_FATES)})
    long["words"] = long["fate"].map({fate: say(fate, language) for fate in _FATES})
    shown = [fate for fate in _FATES if fate in set(long["fate"])]
    x = alt.X("load:O", title=say("load_number", language), axis=alt.Axis(labelAngle=0, labelOverlap=True))
    bars = (
        alt.Chart(long)
        .mark_bar(cursor="pointer")
        .encode(
            x=x,
            y=alt.Y("row_count:Q", title=None, stack="zero", axis=count_axis()),
            order="rank:Q",
            opacity=alt.value(1)
            if selected is None
            else alt.when(alt.datum.load == selected).then(alt.value(1)).otherwise(alt.value(0.35)),
            color=alt.Color(
                "words:N",
                scale=alt.Scale(domain=[say(n, language) for n in shown], range=[_FATES[n] for n in shown]),
                legend=alt.Legend(title=None, orient="top", offset=4),
            ),
            tooltip=[
                tip("load:Q", "load_number", language, "d"),
                tip("moment", "loaded_at", language),
                tip("words", "fate", language),
                tip("row_count:Q", "rows", language, ",.0f"),
            ],
        )
        .add_params(clicked("load", "load", None))
    )
    wide = max(width, 26 * len(data)) if len(data) < 40 else width
    return layered(bars).properties(
        width=wide, height=height, title=heading(say("title_load_history", language, name=name))
    )


def _cut(text: str, most: int = 42) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
