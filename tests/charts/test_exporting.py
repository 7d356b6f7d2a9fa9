"""Files taken away from a view: read by pandas, a spreadsheet's rules and an XML parser, not by our writer."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest

from qa_lib.charts.exporting import chart_export, make_file, page_export, spec_export, table_export, to_csv
from qa_lib.charts.html import document, tag
from qa_lib.errors import UnknownName
from qa_lib.tables import Label

NAUGHTY = json.loads(
    (Path(__file__).parents[1] / "data" / "naughty_strings.json").read_text(encoding="utf-8")
)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|"/C calc"!A0', "＝1+1", "＠A1"]
PNG = b"\x89PNG\r\n\x1a\n"


def read(data: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(data), encoding="utf-8-sig", keep_default_na=False, dtype=str)


def chart(title: str) -> alt.Chart:
    frame = pd.DataFrame({"who": [title, "乙"], "n": [1, 2]})
    return alt.Chart(frame, title=title).mark_bar().encode(x="n:Q", y="who:N")


def test_no_text_is_a_formula_and_excel_reads_chinese() -> None:
    made = to_csv(pd.DataFrame({"=name": FORMULAS, "人群": "高潜"}))
    assert made.startswith(b"\xef\xbb\xbf")
    back = read(made)
    assert list(back.columns) == ["'=name", "人群"]
    assert list(back["'=name"]) == [f"'{text}" for text in FORMULAS]
    assert set(back["人群"]) == {"高潜"}


def test_every_naughty_string_comes_back_as_it_was() -> None:
    back = list(read(to_csv(pd.DataFrame({"n": range(len(NAUGHTY)), "text": NAUGHTY})))["text"])
    assert len(back) == len(NAUGHTY)
    for text, found in zip(NAUGHTY, back, strict=True):
        assert found in (text, f"'{text}")
        assert not found.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_numbers_days_and_lists_keep_their_meaning() -> None:
    frame = pd.DataFrame(
        {
            "rate": [-0.5, np.nan],
            "amount": [Decimal("-2.50"), None],
            "count": pd.array([3, None], dtype="Int64"),
            "day": pd.to_datetime(["2018-01-01", None]),
            "at": pd.to_datetime(["2018-01-01T05:00:00Z", None]),
            "list": [["DELI", "MEAT"], None],
            "is": [True, False],
        }
    )
    back = read(to_csv(frame))
    assert list(back.loc[0]) == [
        *("-0.5", "-2.50", "3", "2018-01-01", "2018-01-01T05:00:00+00:00", "DELI; MEAT", "True")
    ]
    assert list(back.loc[1]) == ["", "", "", "", "", "", "False"]
    assert frame["amount"][0] == Decimal("-2.50")  # the frame itself is left as it was


def test_a_chart_leaves_as_png_and_svg_with_its_chinese() -> None:
    made = chart_export("bars", Label("条", "Bars"), lambda: chart("高潜"))
    svg = make_file([made], "bars", "svg", "view")
    assert "高潜" in "".join(ET.fromstring(svg.data).itertext())
    png = make_file([made], "bars", "png", "view")
    assert (png.name, png.media_type) == ("view-bars.png", "image/png")
    assert png.data.startswith(PNG)
    width = int.from_bytes(png.data[16:20], "big")
    assert width == 2 * float(ET.fromstring(svg.data).attrib["width"])
    # where no font has the characters, each is drawn as the same empty box
    other = chart_export("bars", Label("条", "Bars"), lambda: chart("潜高"))
    assert make_file([other], "bars", "png", "view").data != png.data


def test_a_page_is_whole_and_its_policy_lets_nothing_in() -> None:
    bad = "<script>alert(1)</script>"
    page = document(bad, tag("p", bad), "en")
    assert page.startswith("<!DOCTYPE html>")
    assert "<script" not in page
    assert "default-src &#x27;none&#x27;" in page
    assert 'lang="en"' in page
    made = page_export(Label("页", "Page"), lambda: "标题", lambda: tag("p", "人群"), lambda: "zh")
    assert "<title>标题</title>" in make_file([made], "page", "html", "v").data.decode()


def test_a_spec_leaves_as_json_that_reads_back() -> None:
    made = spec_export("rule", Label("规则", "Rule"), lambda: {"kind": "all", "of": ["高潜"]})
    assert json.loads(make_file([made], "rule", "json", "v").data) == {"kind": "all", "of": ["高潜"]}


def test_what_is_not_offered_is_refused_in_words() -> None:
    offered = [table_export("people", Label("人", "People"), lambda: pd.DataFrame({"a": [1]}))]
    with pytest.raises(UnknownName, match="Did you mean 'people'"):
        make_file(offered, "peple", "csv", "v")
    with pytest.raises(UnknownName, match="cannot be exported as 'exe'"):
        make_file(offered, "people", "exe", "v")
