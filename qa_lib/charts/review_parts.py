"""A campaign's figures side by side as rows to draw: numbers, the same in words, and the verdict of each."""

from __future__ import annotations

import math
from typing import Any

import altair as alt
import pandas as pd

from qa_lib.charts.format import format_value
from qa_lib.charts.parts import tip
from qa_lib.charts.theme import PALETTE, QUIET, WARN
from qa_lib.charts.words import pick, say

#: The colours of a result in the rehearsal's band, outside it, and of one without a band.
_INSIDE, _OUTSIDE, _ALONE = PALETTE[2], WARN, QUIET
_VERDICTS = {"inside": "within", "outside": "outside", "alone": "not_compared"}


def marked(frame: pd.DataFrame, language: str, currency: str) -> pd.DataFrame:
    """The frame with its figures as numbers to draw, and every one of them in words."""
    data = frame.reset_index(drop=True)
    for column, source in (
        ("mean", "rehearsed"),
        ("low", "rehearsed_low"),
        ("high", "rehearsed_high"),
        ("at", "result"),
    ):
        data[column] = pd.to_numeric(data[source].map(as_float), errors="coerce")
        data[f"{source}_words"] = [
            figure_text(v, f, currency) for v, f in zip(data[column], data["format"], strict=True)
        ]
    data["band_words"] = [
        "—" if pd.isna(low) else f"{a} – {b}"
        for low, a, b in zip(
            data["low"], data["rehearsed_low_words"], data["rehearsed_high_words"], strict=True
        )
    ]
    data["label"] = data[pick(("label_zh", "label_en"), language)]
    data["note"] = data[pick(("note_zh", "note_en"), language)].fillna("")
    data["verdict"] = [
        "alone" if pd.isna(at) or pd.isna(low) or pd.isna(inside) else "inside" if inside else "outside"
        for at, low, inside in zip(data["at"], data["low"], data["is_within"], strict=True)
    ]
    data["verdict_words"] = data["verdict"].map(
        {name: say(key, language) for name, key in _VERDICTS.items()}.get
    )
    has_result = bool(data["at"].notna().any())  # without any, one line above the chart says so once
    data["words"] = [_in_words(row, language, has_result) for _, row in data.iterrows()]
    return data[[c for c in data if c not in ("rehearsed", "rehearsed_low", "rehearsed_high", "result")]]


def _in_words(row: pd.Series, language: str, has_result: bool) -> str:
    if pd.isna(row["at"]) and pd.isna(row["mean"]):
        return row["note"] or say("no_figure", language)
    if pd.isna(row["at"]):
        shown = f"{say('rehearsed', language)} {row['rehearsed_words']}"
        return f"{shown} · {row['note']}" if row["note"] and has_result else shown
    shown = f"{say('result', language)} {row['result_words']}"
    return shown if row["verdict"] == "alone" else f"{shown} · {row['verdict_words']}"


def verdict_tips(language: str, level: float, *, segment: str = "") -> list[alt.Tooltip]:
    first = alt.Tooltip("segment:N", title=segment) if segment else tip("label", "metric", language)
    return [
        first,
        tip("rehearsed_words", "rehearsed", language),
        alt.Tooltip("band_words:N", title=say("band", language, level=f"{level:.0%}")),
        tip("result_words", "result", language),
        alt.Tooltip("verdict_words:N", title=" "),
        tip("note", "note", language),
    ]


def verdict_colour() -> alt.Color:
    colours = [_INSIDE, _OUTSIDE, _ALONE]
    return alt.Color("verdict:N", scale=alt.Scale(domain=list(_VERDICTS), range=colours), legend=None)


def verdict_shape() -> alt.Shape:
    shapes = ["circle", "diamond", "circle"]
    return alt.Shape("verdict:N", scale=alt.Scale(domain=list(_VERDICTS), range=shapes), legend=None)


def figure_text(value: Any, format: str, currency: str) -> str:
    """A figure as text as everywhere; a mean of small counts keeps one decimal."""
    number = as_float(value)
    if format == "count" and number is not None and math.isfinite(number) and number % 1:
        return f"{number:,.1f}" if abs(number) < 100 else f"{number:,.0f}"
    return format_value(value, format, currency=currency)


def as_float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):  # what stands where there is no figure
        return None
