"""Charts of audiences as sets: how every two overlap, and how many people are in which of them exactly."""

from __future__ import annotations

import altair as alt
import pandas as pd

from qa_lib.charts.parts import clicked, count_axis, heading, layered, plain, share_words, tip, upper_end
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import FAINT, INK, PALETTE, PAPER, QUIET, RAMP
from qa_lib.charts.words import say

#: Up to this many audiences a cell has room for its number and its share.
_ROOMY = 12


def overlap_heat_map(frame: pd.DataFrame, *, language: str = "zh", width: int = 84) -> alt.LayerChart:
    """How many people every two audiences share, and which share of the row's audience they are.

    Parameters
    ----------
    frame
        From `AudienceLibrary.overlap`: square, names as index and columns, sizes on the diagonal.
    width
        Of one column of the map, in pixels; narrower where there are more than 12 audiences.
    """
    names = [str(name) for name in frame.columns]
    counts = frame.to_numpy(dtype="int64")
    rows = []
    for i, one in enumerate(names):
        size = int(counts[i, i])
        for j, other in enumerate(names):
            shared = int(counts[i, j])
            share = shared / size if size else 0.0
            words = share_words(share) if size else "—"
            rows.append((one, other, shared, f"{shared:,}", share, words, i == j))
    columns = ["audience", "other", "people", "people_words", "share", "share_words", "is_whole"]
    data = plain(check_rows(pd.DataFrame(rows, columns=columns)))
    roomy = len(names) <= _ROOMY
    base = alt.Chart(data).encode(
        x=alt.X(
            "other:N",
            sort=names,
            title=None,
            axis=alt.Axis(
                orient="top", labelAngle=0 if roomy else -60, labelColor=INK, labelLimit=width + 60
            ),
        ),
        y=alt.Y("audience:N", sort=names, title=None, axis=alt.Axis(labelColor=INK)),
        tooltip=[
            tip("audience", "audience", language),
            tip("other", "other_audience", language),
            tip("people:Q", "people", language, ",.0f"),
            tip("share_words", "share_of_row", language),
        ],
    )
    colour = alt.Color(
        "share:Q",
        scale=alt.Scale(range=list(RAMP), domain=[0, 1]),
        legend=alt.Legend(format="%", title=say("share_of_row", language)),
    )
    cells = base.mark_rect(stroke=PAPER, strokeWidth=2).encode(color=colour)
    ink = alt.when("datum.share > 0.55").then(alt.value(PAPER)).otherwise(alt.value(INK))
    counts = base.mark_text(dy=-6 if roomy else 0, fontSize=12 if roomy else 9).encode(
        text="people_words:N", color=ink
    )
    shares = base.transform_filter("!datum.is_whole").mark_text(dy=9, fontSize=10, opacity=0.8)
    layers = [cells, counts, shares.encode(text="share_words:N", color=ink)]
    return layered(*layers[: 3 if roomy else 2]).properties(
        width=alt.Step(width if roomy else width // 2),
        height=alt.Step(38 if roomy else 20),
        title=heading(say("title_overlap", language), say("sub_overlap", language)),
    )


def upset_bars(
    frame: pd.DataFrame, *, language: str = "zh", most: int = 20, width: int = 30, can_pick: bool = False
) -> alt.VConcatChart:
    """How many people are in exactly which audiences: a bar for each combination, its dots below it.

    Parameters
    ----------
    frame
        From `AudienceLibrary.upset`, largest combination first.
    most
        How many combinations are shown; how many people the others have together is said.
    width
        Of one combination, in pixels.
    can_pick
        Give it the selection `combination`, whose `number` is the row of `frame` whose bar is clicked.

    References
    ----------
    Lex et al. (2014), "UpSet: visualization of intersecting sets".
    """
    named = [name for name in frame.columns if name not in ("audiences", "degree", "people_count")]
    sizes = {name: int(frame.loc[frame[name].astype(bool), "people_count"].sum()) for name in named}
    labels = {name: f"{name} · {sizes[name]:,}" for name in named}
    left = int(frame["people_count"].iloc[most:].sum())
    bars, dots = [], []
    shown_rows = frame.head(most)
    found = zip(shown_rows["audiences"], shown_rows["people_count"].astype(int), strict=True)
    for number, (audiences, people) in enumerate(found):
        inside = [name for name in named if name in audiences]
        words = say("and", language).join(inside)
        bars.append((number, people, f"{people:,}", words))
        span = labels[inside[0]], labels[inside[-1]]
        dots += [(number, labels[name], name in inside, *span) for name in named]
    counted = check_rows(pd.DataFrame(bars, columns=["number", "people", "people_words", "audiences"]))
    matrix = check_rows(
        pd.DataFrame(dots, columns=["number", "audience", "is_inside", "first_one", "last_one"])
    )
    x = alt.X("number:O", axis=None)
    shown = alt.Chart(plain(counted)).encode(
        x=x,
        tooltip=[
            tip("audiences", "exactly_in", language),
            tip("people:Q", "people", language, ",.0f"),
        ],
    )
    end = upper_end(counted["people"])
    y = alt.Y("people:Q", title=say("people", language), axis=count_axis(), scale=alt.Scale(domain=[0, end]))
    marks = [
        shown.mark_bar(color=PALETTE[0]).encode(y=y),
        shown.mark_text(dy=-7, fontSize=10, color=QUIET).encode(y=y, text="people_words:N"),
    ]
    if can_pick:  # the whole column, or a small bar could not be hit
        column = shown.mark_bar(opacity=0.001, cursor="pointer").transform_calculate(zero="0", far=str(end))
        column = column.encode(y=alt.Y("zero:Q"), y2="far:Q").properties(name="combinations")
        marks.append(column.add_params(clicked("combination", "number", None)))
    top = layered(*marks).properties(width=alt.Step(width), height=150)
    order = [labels[name] for name in named]
    rows = alt.Chart(plain(matrix)).encode(x=x)
    scale = alt.Scale(domain=order)  # layers with several sorts would fall back to the alphabet
    at = alt.Y("audience:N", scale=scale, title=None, axis=alt.Axis(labelColor=INK))
    links = (
        rows.transform_filter("datum.audience === datum.first_one")
        .mark_rule(strokeWidth=2, color=PALETTE[0])
        .encode(y=alt.Y("first_one:N", scale=scale, title=None), y2="last_one:N")
    )
    circles = rows.mark_circle(size=90, opacity=1).encode(
        y=at,
        color=alt.when(alt.datum.is_inside).then(alt.value(PALETTE[0])).otherwise(alt.value(FAINT)),
    )
    below = layered(circles, links, circles).properties(width=alt.Step(width), height=alt.Step(20))
    more = say("upset_left_out", language, n=f"{left:,}") if left else ""
    return (
        alt.vconcat(top, below, spacing=6)
        .resolve_scale(x="shared")
        .properties(title=heading(say("title_upset", language), say("sub_upset", language), more))
    )
