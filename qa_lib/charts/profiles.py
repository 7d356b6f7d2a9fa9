"""Charts of people and of what is recorded of them: distributions, coverage, the RFM cube, spend."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from qa_lib.charts.format import symbol
from qa_lib.charts.parts import ROW, count_axis, heading, layered, month_axis, plain, tip, upper_end
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import FAINT, INK, PALETTE, QUIET
from qa_lib.charts.words import pick, say
from qa_lib.errors import DataError

#: What goes wrong with an identifier, as the kept truth calls it.
_ERRORS = {
    "": ("无误", "no error"),
    "typo": ("录错", "mistyped"),
    "family": ("家人共用", "a relative's phone"),
    "till": ("收银台手机", "the till's phone"),
    "recycled": ("转手设备", "sold on"),
}


def histogram(
    values: Sequence[float] | pd.Series,
    name: str,
    *,
    language: str = "zh",
    unit: str = "",
    bins: int = 30,
    width: int = 460,
    height: int = 200,
) -> alt.Chart:
    """How a number is distributed over people; the bins are counted here, so any number of people will do.

    Parameters
    ----------
    values : shape (n_people,)
        One number per person; missing ones are left out and their number is said below the title.
    name, unit
        What the number is, in the chosen language. A unit that is a currency code stands before the
        numbers as its sign.

    Raises
    ------
    DataError
        When nobody has a value.
    """
    numbers = pd.to_numeric(pd.Series(values), errors="coerce").astype("float64")
    known = numbers[np.isfinite(numbers)]
    if known.empty:
        raise DataError(f"Nobody has a value of {name!r}, so there is no distribution to draw.")
    # the last percent of a long tail would leave one bar and a desert: it is gathered in the last bin
    top = float(known.quantile(0.99)) if known.nunique() > bins else float(known.max())
    low = float(known.min())
    edges = np.histogram_bin_edges(known[known <= top], bins=bins, range=(low, top if top > low else low + 1))
    counts, _ = np.histogram(known.clip(upper=edges[-1]), edges)
    data = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "people": counts})
    beyond = int((known > edges[-1]).sum())
    money = len(unit) == 3 and unit.isupper()
    label = f"'{symbol(unit)}' + format(datum.value, ',')" if money else "format(datum.value, ',')"
    notes = [f"n={len(known):,}", f"{say('not_recorded', language)}: {len(numbers) - len(known):,}"]
    if beyond:
        notes.append(
            f"最后一柱含 {beyond:,} 人 > {edges[-1]:,.0f}"
            if language == "zh"
            else f"last bar holds {beyond:,} people above {edges[-1]:,.0f}"
        )
    return (
        alt.Chart(data)
        .mark_bar(stroke="white", strokeWidth=0.8)
        .encode(
            x=alt.X(
                "from:Q",
                bin="binned",
                title=None if money or not unit else unit,
                axis=alt.Axis(labelExpr=label),
                scale=alt.Scale(nice=False, zero=False, domain=[float(edges[0]), float(edges[-1])]),
            ),
            x2="to:Q",
            y=alt.Y("people:Q", title=None, axis=count_axis()),
            tooltip=[
                alt.Tooltip("from:Q", title="≥", format=",.2~f"),
                alt.Tooltip("to:Q", title="<", format=",.2~f"),
                tip("people:Q", "people", language, ",.0f"),
            ],
        )
        .properties(
            width=width,
            height=height,
            title=heading(say("title_histogram", language, name=name), "  ·  ".join(notes)),
        )
    )


def column_coverage_bars(
    frame: pd.DataFrame, name: str, *, language: str = "zh", width: int = 320
) -> alt.LayerChart:
    """The share of a table's rows in which each column was recorded.

    Parameters
    ----------
    frame
        From `qa_lib.sources.recorded`.
    name
        The table's name.
    """
    data = plain(check_rows(frame)).rename(columns={"column": "label", "recorded_rate": "rate"})
    data["count"], data["whole"] = data["recorded_count"], data["row_count"]
    title = heading(say("title_coverage", language, name=name), f"n={int(data['whole'].max()):,}")
    return _coverage(data, title, "column", language, width)


def tag_coverage_bars(
    frame: pd.DataFrame, *, language: str = "zh", limit: int = 30, width: int = 320
) -> alt.LayerChart:
    """The share of people who have a value of each tag, the least covered first.

    Parameters
    ----------
    frame
        From `qa_lib.profiles.tags`.
    limit
        At most so many tags; the fully covered ones are left out first.
    """
    data = plain(check_rows(frame)).sort_values("coverage_rate", kind="stable").head(limit)
    data = data.rename(columns={"coverage_rate": "rate", "people_count": "count"})
    data["label"] = data[f"label_{language}"]
    left = len(frame) - len(data)
    rest = f"（{say('more', language)} {left}）" if language == "zh" else f" ({left} more not shown)"
    title = heading(say("title_tags", language), say("sub_tags", language) + (rest if left > 0 else ""))
    return _coverage(data, title, "tag", language, width)


def identity_error_bars(frame: pd.DataFrame, *, language: str = "zh", width: int = 320) -> alt.LayerChart:
    """The share of identifiers that were resolved to the person whose they are, by what went wrong with them.

    Parameters
    ----------
    frame
        From `qa_lib.identity.quality_by_error`.
    """
    data = plain(check_rows(frame)).rename(
        columns={"right_rate": "rate", "right_count": "count", "identifier_count": "whole"}
    )
    data["label"] = [
        f"{pick(_ERRORS.get(error, (error, error)), language)} · {kind}"
        for error, kind in zip(data["error"], data["kind"], strict=True)
    ]
    title = heading(say("title_identity_errors", language), say("sub_identity_errors", language))
    return _coverage(data, title, "identifier", language, width)


def rfm_cube(
    frame: pd.DataFrame, *, language: str = "zh", selected: str | None = None, width: int = 340
) -> alt.LayerChart:
    """How many people stand in each of the eight RFM segments, the most valuable on top.

    Parameters
    ----------
    frame
        `rfm_segment` (`HHH 重要价值` …) and `people_count`.
    """
    data = plain(check_rows(frame)).dropna(subset=["rfm_segment"]).sort_values("rfm_segment")
    order = ("HHH", "LHH", "HLH", "LLH", "HHL", "LHL", "HLL", "LLL")
    data["rank"] = data["rfm_segment"].str[:3].map({code: i for i, code in enumerate(order)})
    data = data.sort_values("rank")
    data["share"] = data["people_count"] / data["people_count"].sum()
    data["is_key"] = data["rfm_segment"].str[2:3] == "H"
    data["text"] = [f"{n:,.0f}  ({s:.1%})" for n, s in zip(data["people_count"], data["share"], strict=True)]
    base = alt.Chart(data).encode(
        y=alt.Y("rfm_segment:N", sort=list(data["rfm_segment"]), title=None, axis=alt.Axis(labelColor=INK))
    )
    faded = alt.datum.rfm_segment == selected if selected else "true"
    bars = base.mark_bar(height=15).encode(
        x=alt.X(
            "people_count:Q",
            title=None,
            axis=alt.Axis(format=",.0f", tickCount=5),
            scale=alt.Scale(domain=[0, upper_end(data["people_count"])]),
        ),
        color=alt.when(alt.datum.is_key).then(alt.value(PALETTE[0])).otherwise(alt.value(PALETTE[5])),
        opacity=alt.when(faded).then(alt.value(1)).otherwise(alt.value(0.3)),
        tooltip=[
            alt.Tooltip("rfm_segment:N", title=say("group", language)),
            tip("people_count:Q", "people", language, ",.0f"),
            tip("share:Q", "share", language, ".1%"),
        ],
    )
    words = base.mark_text(align="left", dx=6, color=QUIET).encode(x="people_count:Q", text="text:N")
    return layered(bars, words).properties(
        width=width,
        height=alt.Step(ROW + 6),
        title=heading(say("title_rfm", language), say("sub_rfm", language)),
    )


def spend_line(
    frame: pd.DataFrame,
    *,
    language: str = "zh",
    by: str = "week",
    currency: str = "USD",
    width: int = 560,
    height: int = 200,
) -> alt.LayerChart:
    """Spend by day or week; those that the data cover in part are left out of the line and pale.

    Parameters
    ----------
    frame
        From `qa_lib.measure.spend_over_time`.
    """
    data = plain(check_rows(frame))
    base = alt.Chart(data).encode(
        x=alt.X("starts_on:T", title=None, axis=month_axis(language)),
        y=alt.Y(
            "spend_amount:Q",
            title=None,
            axis=alt.Axis(
                grid=True, tickCount=5, labelExpr=f"'{symbol(currency)}' + format(datum.value, '~s')"
            ),
        ),
    )
    whole = alt.datum.is_complete
    area = base.transform_filter(whole).mark_area(opacity=0.12, color=PALETTE[0])
    line = base.transform_filter(whole).mark_line(strokeWidth=2)
    dots = base.mark_circle(size=28, opacity=1).encode(
        color=alt.when(whole).then(alt.value(PALETTE[0])).otherwise(alt.value(FAINT)),
        tooltip=[
            tip("starts_on:T", by, language, "%Y-%m-%d"),
            tip("spend_amount:Q", "spend", language, ",.2f"),
            tip("order_count:Q", "orders", language, ",.0f"),
            tip("buyer_count:Q", "buyers", language, ",.0f"),
        ],
    )
    partial = "" if bool(data["is_complete"].all()) else say("sub_over_time", language)
    return layered(area, line, dots).properties(
        width=width, height=height, title=heading(say(f"title_spend_{by}", language), partial)
    )


def _coverage(
    data: pd.DataFrame, title: alt.TitleParams, word: str, language: str, width: int
) -> alt.LayerChart:
    data["text"] = [
        pick(("未记录", "not recorded"), language) if r == 0 else ("100%" if r == 1 else f"{r:.1%}")
        for r in data["rate"]
    ]
    data["whole_rate"] = 1.0
    base = alt.Chart(data).encode(
        y=alt.Y("label:N", sort=list(data["label"]), title=None, axis=alt.Axis(labelColor=INK))
    )
    x = alt.X(
        "rate:Q",
        title=None,
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
    )
    empty = base.mark_bar(height=10, color=FAINT).encode(x=alt.X("whole_rate:Q"))
    bars = base.mark_bar(height=10).encode(
        x=x,
        tooltip=[
            tip("label", word, language),
            tip("count:Q", "recorded", language, ",.0f"),
            tip("rate:Q", "coverage", language, ".1%"),
        ],
    )
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(
        x="whole_rate:Q", text="text:N"
    )
    return layered(empty, bars, words).properties(width=width, height=alt.Step(ROW - 2), title=title)
