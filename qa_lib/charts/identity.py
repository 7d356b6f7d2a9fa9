"""Charts of who is who: people by their number of identifiers, and one person's identifiers as a graph."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from qa_lib.charts.parts import clicked, count_axis, dimmed, heading, layered, plain, tip
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import INK, PALETTE, QUIET, WARN
from qa_lib.charts.words import say

_GOOD = ("used", "same", "demanded")


def cluster_sizes(
    frame: pd.DataFrame,
    *,
    language: str = "zh",
    selected: int | None = None,
    width: int = 360,
    height: int = 200,
) -> alt.LayerChart:
    """How many people have how many identifiers; a click chooses a size (selection `size`).

    Parameters
    ----------
    frame
        From `qa_lib.identity.group_sizes`.
    selected
        The chosen number of identifiers.
    """
    data = plain(check_rows(frame)).rename(columns={"identifier_count": "size"}).reset_index(drop=True)
    data["words"] = [f"{n:,.0f}" for n in data["people_count"]]
    base = alt.Chart(data).encode(
        x=alt.X("size:O", title=say("identifiers", language), axis=alt.Axis(labelAngle=0)),
        y=alt.Y("people_count:Q", title=None, axis=count_axis()),
    )
    bars = base.mark_bar(cursor="pointer").encode(
        opacity=dimmed("size", selected),  # type: ignore[arg-type]
        tooltip=[
            tip("size:Q", "identifiers", language, "d"),
            tip("people_count:Q", "people", language, ",.0f"),
            tip("people_rate:Q", "share", language, ".1%"),
        ],
    )
    words = base.mark_text(dy=-7, fontSize=10, color=QUIET).encode(text="words:N")
    return layered(bars.add_params(clicked("size", "size", None)), words).properties(
        width=width,
        height=height,
        title=heading(say("title_cluster_sizes", language), say("sub_cluster_sizes", language)),
    )


def cluster_graph(
    nodes: pd.DataFrame,
    edges: pd.DataFrame,
    *,
    language: str = "zh",
    path: frozenset[tuple[int, int]] = frozenset(),
    width: int = 460,
    height: int = 330,
) -> alt.LayerChart:
    """A person's identifiers on a circle, those that link nobody around them, and the evidence between.

    Parameters
    ----------
    nodes
        `label` (masked), `kind`, `is_member`, in the order around the circle.
    edges
        `a, b` (places in `nodes`), `status`, `status_words`, `source`, `observed_at`.
    path
        Pairs (lower place, higher place) on the chain of evidence; drawn thick.
    """
    check_rows(nodes)
    x, y = _places(nodes, edges)
    data = nodes.reset_index(drop=True).assign(x=x, y=y, dy=np.where(np.asarray(y) >= 0, -14, 17))
    colours = {kind: PALETTE[i % len(PALETTE)] for i, kind in enumerate(dict.fromkeys(data["kind"]))}
    lines = pd.DataFrame(
        {
            "x": [x[a] for a in edges["a"]],
            "y": [y[a] for a in edges["a"]],
            "x2": [x[b] for b in edges["b"]],
            "y2": [y[b] for b in edges["b"]],
            "good": [s in _GOOD for s in edges["status"]],
            "on_path": [(min(a, b), max(a, b)) in path for a, b in zip(edges["a"], edges["b"], strict=True)],
            "words": list(edges["status_words"]),
            "source": list(edges["source"]),
            "when": ["—" if pd.isna(at) else f"{at:%Y-%m-%d}" for at in edges["observed_at"]],
        }
    )
    hidden = alt.Axis(labels=False, ticks=False, domain=False, grid=False, title=None)
    scale = alt.Scale(domain=[-1.55, 1.55], nice=False)
    rules = (
        alt.Chart(lines)
        .mark_rule()
        .encode(
            x=alt.X("x:Q", scale=scale, axis=hidden),
            y=alt.Y("y:Q", scale=scale, axis=hidden),
            x2="x2:Q",
            y2="y2:Q",
            color=alt.when(alt.datum.good).then(alt.value(QUIET)).otherwise(alt.value(WARN)),
            strokeDash=alt.when(alt.datum.good).then(alt.value([1, 0])).otherwise(alt.value([4, 3])),
            strokeWidth=alt.when(alt.datum.on_path).then(alt.value(5)).otherwise(alt.value(1.5)),
            tooltip=[
                tip("words", "status", language),
                tip("source", "source", language),
                tip("when", "moment", language),
            ],
        )
    )
    base = alt.Chart(data).encode(x="x:Q", y="y:Q")
    dots = base.mark_circle(stroke=INK, strokeWidth=0.5).encode(
        size=alt.when(alt.datum.is_member).then(alt.value(260)).otherwise(alt.value(90)),
        opacity=alt.when(alt.datum.is_member).then(alt.value(1)).otherwise(alt.value(0.45)),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=list(colours), range=list(colours.values())),
            legend=alt.Legend(title=None, orient="bottom", columns=4),
        ),
        tooltip=[tip("kind", "kind", language), tip("label", "value", language)],
    )
    above = base.transform_filter(alt.datum.y >= 0).mark_text(dy=-16, fontSize=10, color=INK)
    below = base.transform_filter(alt.datum.y < 0).mark_text(dy=18, fontSize=10, color=INK)
    title = heading(say("title_cluster", language), say("sub_cluster", language))
    return layered(rules, dots, above.encode(text="label:N"), below.encode(text="label:N")).properties(
        width=width, height=height, title=title
    )


def _places(nodes: pd.DataFrame, edges: pd.DataFrame) -> tuple[list[float], list[float]]:
    """The most connected member in the middle, the others around it; what links nobody further out."""
    member = nodes["is_member"].to_numpy(dtype=bool)
    degree = np.zeros(len(nodes), dtype=int)
    for end in ("a", "b"):
        np.add.at(degree, edges["a" if end == "a" else "b"].to_numpy(dtype=int), 1)
    x, y = np.zeros(len(nodes)), np.zeros(len(nodes))
    inner = [int(i) for i in np.flatnonzero(member)]
    if len(inner) > 2:
        inner.remove(max(inner, key=lambda i: (degree[i], -i)))
    if len(inner) == len(np.flatnonzero(member)):  # one or two: side by side
        for place, i in enumerate(inner):
            x[i] = 0.0 if len(inner) == 1 else (-0.6, 0.6)[place]
    else:
        for place, i in enumerate(inner):
            angle = 2 * np.pi * place / len(inner) + np.pi / 2
            x[i], y[i] = 0.8 * np.cos(angle), 0.8 * np.sin(angle)
    outer = [int(i) for i in np.flatnonzero(~member)]
    for place, i in enumerate(outer):
        angle = 2 * np.pi * (place + 0.5) / len(outer) + np.pi / 2
        x[i], y[i] = 1.35 * np.cos(angle), 1.35 * np.sin(angle)
    return x.tolist(), y.tolist()
