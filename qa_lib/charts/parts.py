"""Pieces that several charts share: titles, tooltips, a selection by click, colours of campaign types."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, cast

import altair as alt
import pandas as pd

from qa_lib.charts.theme import PALETTE
from qa_lib.charts.words import say

#: Height of one row of a bar chart, in pixels.
ROW = 20
#: Share of the scale that is left free at the right for the words at the bars' ends.
_ROOM = 1.28


def heading(title: str, *lines: str) -> alt.TitleParams:
    """A title in words and a quiet line or two below it."""
    shown = [part for line in lines for part in line.split("\n") if part]
    return alt.TitleParams(title, subtitle=shown) if shown else alt.TitleParams(title)


def tip(field: str, key: str, language: str, format: str | None = None) -> alt.Tooltip:
    """One line of a tooltip: a column and its name in words."""
    kind, column = field[-2:], field[:-2]
    if kind not in (":Q", ":N", ":T"):
        kind, column = ":N", field
    title = say(key, language)
    return (
        alt.Tooltip(f"{column}{kind}", title=title, format=format)
        if format
        else alt.Tooltip(f"{column}{kind}", title=title)
    )


def clicked(name: str, field: str, selected: str | None) -> alt.Parameter:
    """A selection of one mark by click: a second click on it takes it back, a click beside it clears.

    Vega keeps what was chosen; who listens takes the one that is new.
    """
    value = [{field: selected}] if selected is not None else alt.Undefined
    return alt.selection_point(
        name=name,
        fields=[field],
        value=value,
        toggle="datum && item().mark.marktype !== 'group'",
        clear="view:click[!event.item || event.item.mark.marktype === 'group']",
        empty=True,
    )


def type_colour(types: Sequence[str], language: str, legend: bool = True) -> alt.Color:
    """The colour of a campaign's type: the same in every chart that names the same types."""
    return alt.Color(
        "campaign_type:N",
        scale=type_scale(types),
        legend=alt.Legend(title=say("campaign_type", language), orient="top", offset=4) if legend else None,
    )


def type_scale(types: Sequence[str]) -> alt.Scale:
    """Campaign types to colours, in order."""
    return alt.Scale(domain=list(types), range=list(PALETTE[: len(types)]))


def types_of(frame: pd.DataFrame, types: Sequence[str] | None) -> list[str]:
    """The campaign types in the order of their colours."""
    return list(types) if types else sorted(frame["campaign_type"].dropna().unique())


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with ordinary number types, as the browser reads them: money is a float only in a drawing."""
    out = frame.copy()
    for column in out.columns:
        is_money = out[column].dtype == object and any(isinstance(v, Decimal) for v in out[column])
        if is_money or isinstance(out[column].dtype, pd.Int64Dtype | pd.Float64Dtype):
            out[column] = out[column].astype("float64")
    return out


def share_words(rate: float) -> str:
    """A share with one decimal; `—` where there is none."""
    return "—" if pd.isna(rate) else f"{rate:.1%}"


def upper_end(values: Any) -> float:
    """The end of a scale that leaves room for words at the right of the longest bar."""
    top = pd.to_numeric(pd.Series(values), errors="coerce").max()
    return float(top) * _ROOM if pd.notna(top) and top > 0 else 1.0


def dimmed(field: str, selected: str | None, full: float = 1.0, faint: float = 0.28) -> Any:
    """Opacity: full for what is selected, or for everything when nothing is."""
    if selected is None:
        return alt.value(full)
    return alt.when(alt.datum[field] == selected).then(alt.value(full)).otherwise(alt.value(faint))


def rate_axis() -> alt.Axis:
    """Percent signs, and none past 100 % where the scale leaves room for words."""
    return alt.Axis(format="%", labelExpr="datum.value > 1.0001 ? '' : datum.label")


def count_axis() -> alt.Axis:
    """Whole numbers with their grid; a half of a person has no label."""
    whole = "datum.value % 1 === 0 ? format(datum.value, ',.0f') : ''"
    return alt.Axis(grid=True, tickCount=4, labelExpr=whole)


def month_axis(language: str) -> alt.Axis:
    """Months, the year below the first of them and below every January."""
    month = "(month(datum.value) + 1) + '月'" if language == "zh" else "timeFormat(datum.value, '%b')"
    new_year = "datum.index === 0 || month(datum.value) === 0"
    return alt.Axis(
        tickCount="month",
        labelExpr=f"{new_year} ? [{month}, timeFormat(datum.value, '%Y')] : {month}",
        labelOverlap=True,
    )


def layered(*charts: alt.Chart) -> alt.LayerChart:
    """Charts one over the other."""
    return cast(alt.LayerChart, alt.layer(*charts))
