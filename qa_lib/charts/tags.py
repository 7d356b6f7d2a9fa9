"""Charts of tags at size: coverage by family, drift between snapshots, AIPL's days and moves, models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from qa_lib.charts.backtest import calibration_dots
from qa_lib.charts.parts import ROW, count_axis, heading, layered, month_axis, plain, tip
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import EMPTY, FAINT, INK, PALETTE, QUIET
from qa_lib.charts.words import say

#: AIPL's stages, from the lowest on; what each is called is in `words`.
_STAGES = ("none", "awareness", "interest", "purchase", "loyalty")


def family_coverage(
    frame: pd.DataFrame, *, language: str = "zh", limit: int = 30, width: int = 320
) -> alt.LayerChart:
    """How covered the tags of each family are: the median, and from the least to the most covered tag.

    Parameters
    ----------
    frame
        From `qa_lib.profiles.tags`.
    limit
        At most so many families, those with the most tags first.
    """
    grouped = frame.groupby("family")["coverage_rate"].agg(["min", "median", "max", "size"])
    data = grouped.sort_values("size", ascending=False, kind="stable").head(limit).reset_index()
    data = plain(check_rows(data))
    data["text"] = [f"{n:,}" for n in data["size"]]
    data["end"] = 1.0
    y = alt.Y(
        "family:N", sort=list(data["family"]), title=None, axis=alt.Axis(labelColor=INK, labelLimit=220)
    )
    scale = alt.Scale(domain=[0, 1])
    axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1])
    base = alt.Chart(data).encode(
        y=y,
        tooltip=[
            alt.Tooltip("family:N", title=say("family", language)),
            tip("size:Q", "tags", language, ",.0f"),
            tip("min:Q", "least", language, ".1%"),
            tip("median:Q", "median", language, ".1%"),
            tip("max:Q", "most", language, ".1%"),
        ],
    )
    span = base.mark_rule(color=FAINT, strokeWidth=6).encode(
        x=alt.X("min:Q", scale=scale, axis=axis, title=None), x2="max:Q"
    )
    dots = base.mark_point(filled=True, size=60, opacity=1, color=PALETTE[0]).encode(
        x=alt.X("median:Q", scale=scale)
    )
    words = base.mark_text(align="left", dx=8, fontSize=10, color=QUIET).encode(x="end:Q", text="text:N")
    notes = say("sub_family_coverage", language, name=f"{len(frame):,}")
    return layered(span, dots, words).properties(
        width=width, height=alt.Step(ROW - 4), title=heading(say("title_family_coverage", language), notes)
    )


def aipl_areas(
    counts: pd.DataFrame, *, language: str = "zh", width: int = 560, height: int = 220
) -> alt.LayerChart:
    """How many people stood in each stage at the end of each day; those without a stage are left out.

    Parameters
    ----------
    counts
        `AiplFlow.counts`.
    """
    data = _named(plain(check_rows(counts[counts["stage"] != "none"])), "stage", language)
    data["day"] = pd.to_datetime(data["day"])
    order = [say(f"stage_{name}", language) for name in _STAGES[1:]]
    data["rank"] = data["stage_label"].map({name: i for i, name in enumerate(order)})
    areas = (
        alt.Chart(data)
        .mark_area(opacity=0.9, interpolate="step-after")
        .encode(
            x=alt.X("day:T", title=None, axis=month_axis(language)),
            y=alt.Y("people_count:Q", stack="zero", title=None, axis=count_axis()),
            color=alt.Color(
                "stage_label:N",
                title=say("stage", language),
                scale=alt.Scale(domain=order, range=PALETTE[:4]),
            ),
            order="rank:Q",
            tooltip=[
                tip("day:T", "day", language, "%Y-%m-%d"),
                alt.Tooltip("stage_label:N", title=say("stage", language)),
                tip("people_count:Q", "people", language, ",.0f"),
            ],
        )
    )
    return layered(areas).properties(
        width=width, height=height, title=heading(say("title_aipl", language), say("sub_aipl", language))
    )


def aipl_moves(flow: pd.DataFrame, *, language: str = "zh", size: int = 300) -> alt.LayerChart:
    """Who moved from which stage to which, all days together; staying is left out.

    Parameters
    ----------
    flow
        `AiplFlow.flow`.
    """
    moved = flow[flow["from_stage"] != flow["to_stage"]] if len(flow) else flow
    pairs = moved.groupby(["from_stage", "to_stage"])["people_count"].sum().reset_index()
    data = _named(_named(plain(check_rows(pairs)), "from_stage", language), "to_stage", language)
    data["text"] = [f"{n:,}" for n in data["people_count"]]
    order = [say(f"stage_{name}", language) for name in _STAGES]
    base = alt.Chart(data).encode(
        x=alt.X(
            "to_stage_label:N", sort=order, scale=alt.Scale(domain=order), title=say("to_stage", language),
            axis=alt.Axis(labelAngle=0),
        ),
        y=alt.Y("from_stage_label:N", sort=order, scale=alt.Scale(domain=order), title=say("from_stage", language)),
        tooltip=[
            alt.Tooltip("from_stage_label:N", title=say("from_stage", language)),
            alt.Tooltip("to_stage_label:N", title=say("to_stage", language)),
            tip("people_count:Q", "people", language, ",.0f"),
        ],
    )  # fmt: skip
    top = int(data["people_count"].max()) if len(data) else 1
    boxes = base.mark_rect().encode(
        color=alt.Color(
            "people_count:Q", legend=None, scale=alt.Scale(domain=[0, top], range=[EMPTY, PALETTE[0]])
        )
    )
    dark = alt.datum.people_count > top * 0.6
    words = base.mark_text(fontSize=11).encode(
        text="text:N", color=alt.when(dark).then(alt.value("white")).otherwise(alt.value(INK))
    )
    return layered(boxes, words).properties(
        width=size,
        height=size,
        title=heading(say("title_aipl_moves", language), say("sub_aipl_moves", language)),
    )


def model_dots(
    bins: pd.DataFrame, report: Mapping[str, Any], name: str, *, language: str = "zh", size: int = 280
) -> alt.LayerChart:
    """What a model foretold against what came true, with its area under the curve.

    Parameters
    ----------
    bins
        From `qa_lib.profiles.model_calibration`.
    report
        The model's row of `qa_lib.profiles.model_reports`.
    name
        What the model foretells, in the chosen language.
    """
    told = {n: f"{report[key]:.3f}" for n, key in (("auc", "auc"), ("low", "auc_low"), ("high", "auc_high"))}
    words = say("sub_model_calibration", language, n=f"{int(report['people']):,}", **told)
    title = heading(say("title_model_calibration", language, name=name), *words.split("\n"))
    return calibration_dots(
        bins, language=language, size=size, words=("foretold_rate", "true_rate")
    ).properties(title=title)


def _named(data: pd.DataFrame, column: str, language: str) -> pd.DataFrame:
    """A column of stages with what they are called beside it."""
    names = {name: say(f"stage_{name}", language) for name in _STAGES}
    data[f"{column}_label"] = data[column].map(names)
    return data
