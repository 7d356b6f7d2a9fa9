"""What can be taken away from a view: charts as PNG and SVG, tables as CSV, the page as one HTML file."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.charts.html import Html, document
from qa_lib.charts.showing import AnyChart, drawn_as
from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import Label

#: The media type of each format, by the ending of its files.
MEDIA = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv;charset=utf-8",
    "html": "text/html;charset=utf-8",
    "json": "application/json",
}
# A spreadsheet takes a text that begins so for a formula: OWASP, "CSV Injection". The wide forms are
# taken for the narrow ones where Chinese or Japanese is typed.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BOM = "\ufeff"  # without it Excel reads UTF-8 as the machine's own encoding, and Chinese is lost
_PIXELS = 2  # per unit of the drawing: sharp on a slide


@dataclass(frozen=True)
class File:
    """A file that was made: `name` with its ending, its media type and its bytes."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Export:
    """One thing in a view that can be taken away.

    Attributes
    ----------
    key
        What it is called in files and by Python: letters, digits and underscores.
    label
        What it is called on screen.
    formats
        How its bytes are made, by the ending of its file (a key of `MEDIA`).
    """

    key: str
    label: Label
    formats: Mapping[str, Callable[[], bytes]]


def chart_export(key: str, label: Label, draw: Callable[[], AnyChart]) -> Export:
    """A chart as PNG (with the fonts of the machine that draws) and as SVG (with the reader's fonts)."""
    return Export(
        key,
        label,
        {"png": lambda: drawn_as(draw(), "png", scale=_PIXELS), "svg": lambda: drawn_as(draw(), "svg")},
    )


def table_export(key: str, label: Label, frame: Callable[[], pd.DataFrame]) -> Export:
    """A frame as CSV; see `to_csv`."""
    return Export(key, label, {"csv": lambda: to_csv(frame())})


def page_export(
    label: Label, title: Callable[[], str], body: Callable[[], Html], language: Callable[[], str]
) -> Export:
    """The whole view as one HTML file that opens without a network and runs no script."""
    return Export("page", label, {"html": lambda: document(title(), body(), language()).encode()})


def spec_export(key: str, label: Label, spec: Callable[[], Mapping[str, Any]]) -> Export:
    """A spec as JSON, to be read by `qa` or pasted into a builder."""
    return Export(
        key, label, {"json": lambda: (json.dumps(spec(), ensure_ascii=False, indent=2) + "\n").encode()}
    )


def make_file(exports: Sequence[Export], key: str, format: str, stem: str) -> File:
    """Make one of a view's files.

    Parameters
    ----------
    stem
        How the file's name begins: the view, and the moment of its data.

    Raises
    ------
    UnknownName
        When the view has no such export, or not in that format.
    """
    by_key = {one.key: one for one in exports}
    if key not in by_key:
        raise UnknownName(f"Unknown export {key!r}.{did_you_mean(str(key), by_key)}")
    formats = by_key[key].formats
    if format not in formats:
        raise UnknownName(f"{key!r} cannot be exported as {format!r}.{did_you_mean(str(format), formats)}")
    return File(f"{stem}-{key}.{format}", MEDIA[format], formats[format]())


def to_csv(frame: pd.DataFrame) -> bytes:
    """A frame as CSV that a spreadsheet reads as it is: UTF-8 with its mark, no text taken for a formula.

    Texts and column names that begin like a formula get an apostrophe in front, as spreadsheets
    themselves mark text; numbers keep their sign. Lists are joined by `; `, days and moments are written by ISO 8601,
    and what is missing is empty.
    """
    out = frame.copy()
    for position in range(out.shape[1]):
        column = out.iloc[:, position]
        if not pd.api.types.is_numeric_dtype(column):
            out.isetitem(position, np.array([_cell(value) for value in column], dtype=object))
    out.columns = pd.Index([_text(str(name)) for name in out.columns])
    text = io.StringIO()
    out.to_csv(text, index=False, lineterminator="\r\n")
    return (_BOM + text.getvalue()).encode()


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple | np.ndarray):
        return _text("; ".join(map(str, value)))
    if value is None or pd.isna(value):
        return None
    if isinstance(value, datetime):
        is_day = value.tzinfo is None and value.time() == time()
        return (value.date() if is_day else value).isoformat()
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
