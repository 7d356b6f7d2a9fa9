"""Charts of tags and of one person: coverage to choose from, people by value, drift, a timeline."""

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
    month_axis,
    plain,
    tip,
    upper_end,
)
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import FAINT, INK, PALETTE, QUIET, WARN
from qa_lib.charts.words import say

_VERDICTS = {"steady": PALETTE[0], "moving": PALETTE[1], "moved": WARN}


def catalogue_bars(
    frame: pd.DataFrame,
    *,
    language: str = "zh",
    selected: str | None = None,
    limit: int = 18,
    width: int = 300,
) -> alt.LayerChart:
    """The share of people with a value of each tag, the least covered first; a click chooses (selection `tag`).

    Parameters
    ----------
    frame
        From `qa_lib.profiles.tags`; at least one row.
    """
    data = plain(check_rows(frame)).sort_values("coverage_rate", kind="stable").head(limit)
    data = data.assign(tag=data["name"], words=[f"{r:.1%}" for r in data["coverage_rate"]], whole=1.0)
    labels = dict(zip(data["name"], data[f"label_{language}"], strict=True))
    data["label"] = [f"{text}" for text in labels.values()]
    order = list(data["label"])
    y = alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelColor=INK, labelLimit=210))
    x = alt.X(
        "coverage_rate:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=3)
    )
    base = alt.Chart(data).encode(y=y)
    back = base.mark_bar(height=11, color=FAINT, cursor="pointer").encode(x="whole:Q")
    bars = base.mark_bar(height=11, cursor="pointer").encode(
        x=x,
        opacity=dimmed("tag", selected, faint=0.35),
        tooltip=[
            tip("label", "tag", language),
            tip("people_count:Q", "people", language, ",.0f"),
            tip("coverage_rate:Q", "coverage", language, ".1%"),
        ],
    )
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(x="whole:Q", text="words:N")
    left = len(frame) - len(data)
    below = say("sub_tags", language) + (f"  ·  +{left:,}" if left > 0 else "")
    return layered(back, bars.add_params(clicked("tag", "tag", None)), words).properties(
        width=width, height=alt.Step(ROW - 1), title=heading(say("title_catalogue", language), below)
    )


def value_bars(
    frame: pd.DataFrame, name: str, *, language: str = "zh", limit: int = 15, width: int = 330
) -> alt.LayerChart:
    """How many people have each value, the commonest first.

    Parameters
    ----------
    frame
        `value` (text) and `people_count`.
    name
        What the tag is called.
    """
    data = plain(check_rows(frame.head(limit))).reset_index(drop=True)
    whole = float(frame["people_count"].sum())
    data["share"] = data["people_count"] / max(whole, 1.0)
    data["words"] = [f"{n:,.0f} ({s:.1%})" for n, s in zip(data["people_count"], data["share"], strict=True)]
    base = alt.Chart(data).encode(
        y=alt.Y(
            "value:N", sort=list(data["value"]), title=None, axis=alt.Axis(labelColor=INK, labelLimit=200)
        )
    )
    bars = base.mark_bar(height=13).encode(
        x=alt.X(
            "people_count:Q",
            title=None,
            axis=count_axis(),
            scale=alt.Scale(domain=[0, upper_end(data["people_count"])]),
        ),
        tooltip=[
            tip("value", "value", language),
            tip("people_count:Q", "people", language, ",.0f"),
            tip("share:Q", "share", language, ".1%"),
        ],
    )
    text = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(
        x="people_count:Q", text="words:N"
    )
    left = len(frame) - len(data)
    below = f"n={whole:,.0f}" + (f"  ·  +{left:,}" if left > 0 else "")
    return layered(bars, text).properties(
        width=width, height=alt.Step(ROW), title=heading(say("title_values", language, name=name), below)
    )


def drift_bars(
    frame: pd.DataFrame, before: str = "", *, language: str = "zh", limit: int = 25, width: int = 300
) -> alt.LayerChart:
    """The stability index of each tag, the most changed first, against the customary thresholds.

    Parameters
    ----------
    frame
        From `qa_lib.profiles.drift.drift`.
    before
        What the earlier snapshot is called, where the title shall name it.
    limit
        At most so many tags, the largest index first.
    """
    data = plain(check_rows(frame.head(limit))).reset_index(drop=True)
    data["label"] = data[f"label_{language}"] if len(data) else pd.Series(dtype=str)
    data["words"] = [say(f"verdict_{v}", language) for v in data["verdict"]]
    data["text"] = [f"{p:.3f} · {w}" for p, w in zip(data["psi"], data["words"], strict=True)]
    shown = [v for v in _VERDICTS if v in set(data["verdict"])]
    base = alt.Chart(data).encode(
        y=alt.Y(
            "label:N", sort=list(data["label"]), title=None, axis=alt.Axis(labelColor=INK, labelLimit=210)
        )
    )
    end = max(upper_end(data["psi"]) * 1.25, 0.35)
    bars = base.mark_bar(height=11).encode(
        x=alt.X("psi:Q", title=None, scale=alt.Scale(domain=[0, end]), axis=alt.Axis(tickCount=4)),
        color=alt.Color(
            "words:N",
            scale=alt.Scale(
                domain=[say(f"verdict_{v}", language) for v in shown], range=[_VERDICTS[v] for v in shown]
            ),
            legend=None,
        ),
        tooltip=[
            tip("label", "tag", language),
            tip("psi:Q", "drift", language, ".3f"),
            tip("words", "state", language),
            tip("coverage_before:Q", "before", language, ".1%"),
            tip("coverage_now:Q", "coverage", language, ".1%"),
        ],
    )
    text = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(x="psi:Q", text="text:N")
    marks = (
        alt.Chart(pd.DataFrame({"at": [0.1, 0.25]}))
        .mark_rule(strokeDash=[3, 3], color=QUIET)
        .encode(x="at:Q")
    )
    counts = frame["verdict"].value_counts().to_dict() if len(frame) else {}
    told = "  ·  ".join(f"{say(f'verdict_{v}', language)} {int(counts.get(v, 0)):,}" for v in _VERDICTS)
    title = say("title_drift_since", language, name=before) if before else say("title_drift", language)
    return layered(bars, text, marks).properties(
        width=width,
        height=alt.Step(ROW - 1),
        title=heading(title, say("sub_drift", language), told),
    )


def person_timeline(
    frame: pd.DataFrame, *, language: str = "zh", selected: str | None = None, width: int = 620
) -> alt.LayerChart:
    """What a person did, day by day, a row for each kind of event; a click chooses one (selection `event`).

    Parameters
    ----------
    frame
        `event`, `label_zh`, `label_en`, `day` (date), `times`.
    selected
        The chosen kind of event.
    """
    data = plain(check_rows(frame)).reset_index(drop=True)
    data["label"] = data[f"label_{language}"]
    data["day"] = pd.to_datetime(data["day"])
    data["words"] = data["day"].dt.strftime("%Y-%m-%d")
    order = list(dict.fromkeys(data["label"]))
    y = alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelColor=INK, labelLimit=200))
    lines = alt.Chart(data).mark_rule(color=FAINT).encode(y=y)
    dots = (
        alt.Chart(data)
        .mark_circle(cursor="pointer")
        .encode(
            y=y,
            x=alt.X("day:T", title=None, axis=month_axis(language)),
            size=alt.Size("times:Q", scale=alt.Scale(type="sqrt", range=[25, 320]), legend=None),
            color=alt.Color(
                "label:N", scale=alt.Scale(domain=order, range=list(PALETTE[: len(order)])), legend=None
            ),
            opacity=dimmed("event", selected, full=0.75, faint=0.18),
            tooltip=[
                tip("label", "choose_event", language),
                tip("words", "day", language),
                tip("times:Q", "times", language, ",.0f"),
            ],
        )
        .add_params(clicked("event", "event", None))
    )
    return layered(lines, dots).properties(
        width=width,
        height=alt.Step(30),
        title=heading(say("title_timeline", language), say("sub_timeline", language)),
    )
