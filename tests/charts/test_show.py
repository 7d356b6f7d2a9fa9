"""Charts on screen and in reports: offline, with callbacks that survive an update; numbers; HTML."""

from __future__ import annotations

import re

import altair as alt
import pandas as pd
import pytest

from qa_lib.charts import Live, Picture, format_value, interactive, show
from qa_lib.charts.html import figure, join, picture, tag
from qa_lib.charts.parts import clicked
from qa_lib.charts.showing import Picked
from qa_lib.charts.tiles import Tile, table, tiles
from qa_lib.errors import UnknownName


def chart(selected: str | None = None) -> alt.Chart:
    frame = pd.DataFrame({"who": ["甲", "乙"], "n": [1, 2]})
    return (
        alt.Chart(frame, title="两人")
        .mark_bar()
        .encode(x="n:Q", y="who:N")
        .add_params(clicked("pick", "who", selected))
    )


def choose(live: Live, *values: str) -> None:
    """What the browser sends after a click."""
    store = [{"unit": "", "fields": [{"field": "who", "type": "E"}], "values": [v]} for v in values]
    chosen = {"vlPoint": {"or": [{"who": v} for v in values]}}
    live.widget._vl_selections = {"pick": {"value": chosen if values else {}, "store": store}}


def test_a_live_chart_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QA_RENDER", raising=False)
    live = show(chart())
    assert isinstance(live, Live)
    source = str(live.widget._esm)
    assert len(source) > 500_000
    assert not re.search(r"^\s*import .*https?://", source, re.MULTILINE)
    assert live.widget.spec["config"]["background"] == "#ffffff"


def test_a_report_gets_an_svg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    for made in (show(chart()), interactive(chart(), {"pick": print})):
        assert isinstance(made, Picture)
        bundle = made._repr_mimebundle_()
        assert bundle["image/svg+xml"].startswith("<svg")
        assert "甲" in bundle["image/svg+xml"]
        assert bundle["text/plain"] == "两人"


def test_callbacks_survive_an_update() -> None:
    told: list[Picked] = []
    live = Live(chart(), {"pick": told.append})
    choose(live, "甲")
    live.update(chart("甲"))
    choose(live, "甲", "乙")
    choose(live)
    assert told == [[{"who": "甲"}], [{"who": "甲"}, {"who": "乙"}], []]


def test_a_callback_for_no_selection_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"no selection 'pck'.*Did you mean 'pick'"):
        Live(chart(), {"pck": print})


@pytest.mark.parametrize(
    ("value", "format", "text"),
    [
        (1133, "count", "1,133"),
        (0.18888, "rate", "18.9%"),
        (33736.84, "amount", "$33,736.84"),
        (-2, "amount", "-$2.00"),
        (3.05, "number", "3.0"),
        (float("nan"), "rate", "—"),
        (pd.NA, "count", "—"),
        (None, "amount", "—"),
    ],
)
def test_a_number_is_written_one_way(value: object, format: str, text: str) -> None:
    assert format_value(value, format) == text


def test_the_currency_is_the_workspace_s() -> None:
    assert format_value(1, "amount", currency="CNY") == "¥1.00"
    assert format_value(1, "amount", currency="CHF") == "CHF 1.00"
    with pytest.raises(UnknownName, match="Unknown format"):
        format_value(1, "percent")


def test_everything_from_the_data_is_escaped() -> None:
    bad = '<img src=x onerror="alert(1)">'
    tile = Tile("roi", bad, bad, bad, bad)
    made = join(
        tag("p", bad, title=bad),
        figure("x", bad),
        tiles([tile]),
        table([bad], [[bad]]),
        picture("<svg/>", bad),
    )
    assert "<img src=x" not in made
    assert 'title="&lt;img src=x onerror=&quot;alert(1)&quot;&gt;"' in made
    assert made.count("&lt;img") >= 7


def test_html_is_not_escaped_twice() -> None:
    assert tag("p", tag("b", "a & b")) == "<p><b>a &amp; b</b></p>"
    assert figure("roi", "—") == '<span class="qa-figure" data-figure="roi">—</span>'
