"""Charts of one audience: what cuts it, in which tags it differs, and how its size went."""

from __future__ import annotations

import altair as alt
import pandas as pd

from qa_lib.charts.parts import (
    ROW,
    count_axis,
    heading,
    layered,
    month_axis,
    plain,
    tip,
    upper_end,
)
from qa_lib.charts.showing import check_rows
from qa_lib.charts.theme import FAINT, INK, PALETTE, PAPER, QUIET
from qa_lib.charts.words import check_language, say

#: Letters of a sentence that stand beside its bar; the whole is in the tooltip.
_SENTENCE = {"zh": 26, "en": 48}


def cut_waterfall(
    frame: pd.DataFrame, *, language: str = "zh", title: str = "", width: int = 380
) -> alt.LayerChart:
    """The size of an audience after each part of its rule, the part with the most effect first.

    Parameters
    ----------
    frame
        From `qa_lib.audiences.explain_count`; rows of nodes inside the parts are left out.
    title
        The audience's name, added to the title.
    """
    data = plain(check_rows(frame)).dropna(subset=["step"]).reset_index(drop=True)
    is_all = not (data["joined"] == "any").any()
    check_language(language)
    data["sentence"], cut = data[f"sentence_{language}"], _SENTENCE[language]
    data["name"] = [
        f"{step:.0f}. {s if len(s) <= cut else s[: cut - 1] + '…'}" if step else s
        for step, s in zip(data["step"], data["sentence"], strict=True)
    ]
    data["before"] = data["remaining_count"].shift(1).fillna(data["remaining_count"])
    data["low"] = data[["before", "remaining_count"]].min(axis=1)
    data["end"] = data[["before", "remaining_count"]].max(axis=1)
    changes = zip(data["remaining_count"], data["change_count"], data["change_rate"], strict=True)
    data["text"] = [_changed(*one) for one in changes]
    base = alt.Chart(data).encode(
        y=alt.Y("name:N", sort=list(data["name"]), title=None, axis=alt.Axis(labelColor=INK, labelLimit=330)),
        tooltip=[
            tip("sentence", "condition", language),
            tip("remaining_count:Q", "after_step", language, ",.0f"),
            tip("change_count:Q", "change", language, "+,.0f"),
            tip("count:Q", "by_itself", language, ",.0f"),
            tip("only_out_count:Q", "only_out", language, ",.0f"),
            tip("only_in_count:Q", "only_in", language, ",.0f"),
        ],
    )
    scale = alt.Scale(domain=[0, upper_end(data["end"])])
    x = alt.X("zero:Q", title=None, axis=count_axis(), scale=scale)
    kept = base.transform_calculate(zero="0").mark_bar(height=12, color=PALETTE[0]).encode(x=x, x2="low:Q")
    changed = base.mark_bar(height=12, color=FAINT if is_all else PALETTE[5]).encode(x="low:Q", x2="end:Q")
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(x="end:Q", text="text:N")
    sub = "sub_cuts" if is_all else "sub_adds"
    return layered(kept, changed, words).properties(
        width=width,
        height=alt.Step(ROW + 2),
        title=heading(_titled("title_cuts", language, title), say(sub, language)),
    )


def differing_tags(
    frame: pd.DataFrame, *, language: str = "zh", title: str = "", width: int = 320
) -> alt.LayerChart:
    """The tags in which an audience differs most from everybody, by size of effect.

    Parameters
    ----------
    frame
        From `qa_lib.audiences.top_differing`.
    title
        The audience's name, added to the title.
    """
    data = plain(check_rows(frame)).reset_index(drop=True)
    is_share = data["value"].notna()
    check_language(language)
    data["name"] = [
        f"{label} = {value}" if share else label
        for label, value, share in zip(data[f"label_{language}"], data["value"], is_share, strict=True)
    ]
    data["text"] = [
        f"{_level(base, share)} → {_level(mine, share)}"
        for mine, base, share in zip(data["audience_mean"], data["base_mean"], is_share, strict=True)
    ]
    data["value"] = data["value"].fillna("")
    data["more"] = data["effect_size"] > 0
    data["end"] = data["effect_size"].clip(lower=0)
    end = upper_end(data["effect_size"].abs())
    base = alt.Chart(data).encode(
        y=alt.Y("name:N", sort=list(data["name"]), title=None, axis=alt.Axis(labelColor=INK)),
        opacity=alt.when(alt.datum.is_different).then(alt.value(1)).otherwise(alt.value(0.35)),
        tooltip=[
            tip("name", "tag", language),
            tip("text", "base_to_audience", language),
            tip("effect_size:Q", "effect_size", language, "+.2f"),
            tip("q_value:Q", "q_value", language, ".3~g"),
            tip("audience_count:Q", "people", language, ",.0f"),
        ],
    )
    lowest = float(data["effect_size"].min()) if len(data) else 0.0
    scale = alt.Scale(domain=[min(0.0, lowest * 1.05), end if (data["end"] > 0).any() else end * 0.5])
    x = alt.X("effect_size:Q", title=None, axis=alt.Axis(grid=True, tickCount=5, format="+.1f"), scale=scale)
    colour = alt.when(alt.datum.more).then(alt.value(PALETTE[0])).otherwise(alt.value(PALETTE[1]))
    bars = base.mark_bar(height=11).encode(x=x, color=colour)
    words = base.mark_text(align="left", dx=6, fontSize=10, color=QUIET).encode(x="end:Q", text="text:N")
    return layered(bars, words).properties(
        width=width,
        height=alt.Step(ROW),
        title=heading(_titled("title_differing", language, title), say("sub_differing", language)),
    )


def membership_line(
    frame: pd.DataFrame, *, language: str = "zh", title: str = "", width: int = 520, height: int = 200
) -> alt.LayerChart:
    """The size of an audience at past moments; hollow where it was counted from the events.

    Parameters
    ----------
    frame
        From `qa_lib.audiences.membership_over_time`.
    title
        The audience's name, added to the title.
    """
    data = plain(check_rows(frame))
    data["day"] = data["as_of"].dt.tz_localize(None)
    data["source"] = [say(f"source_{s}", language) for s in data["source"]]
    base = alt.Chart(data.drop(columns="as_of")).encode(
        x=alt.X("day:T", title=None, axis=month_axis(language)),
        y=alt.Y("count:Q", title=None, axis=count_axis(), scale=alt.Scale(zero=True)),
    )
    from_snapshot = alt.datum.source == say("source_snapshot", language)
    line = base.mark_line(strokeWidth=2, opacity=0.75)
    dots = base.mark_point(size=46, filled=True, opacity=1, stroke=PALETTE[0], strokeWidth=1.6).encode(
        fill=alt.when(from_snapshot).then(alt.value(PALETTE[0])).otherwise(alt.value(PAPER)),
        tooltip=[
            tip("day:T", "as_of", language, "%Y-%m-%d %H:%M"),
            tip("count:Q", "people", language, ",.0f"),
            alt.Tooltip("share:Q", title=say("share", language), format=".1%"),
            tip("universe:Q", "base", language, ",.0f"),
            tip("source", "source", language),
        ],
    )
    return layered(line, dots).properties(
        width=width,
        height=height,
        title=heading(_titled("title_membership", language, title), say("sub_membership", language)),
    )


def _titled(key: str, language: str, title: str) -> str:
    return say(key, language) + (f" · {title}" if title else "")


def _changed(size: float, change: float, rate: float) -> str:
    """The size after a step, and what the step changed."""
    if pd.isna(change):
        return f"{size:,.0f}"
    return f"{size:,.0f} ({change:+,.0f})" if pd.isna(rate) else f"{size:,.0f} ({rate:+.0%})"


def _level(value: float, is_share: bool) -> str:
    """A share in percent, a mean with as many places as its size needs."""
    if is_share:
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"
