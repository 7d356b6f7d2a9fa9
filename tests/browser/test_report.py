"""The page that a run leaves behind, opened from disk: its charts show and nothing is asked of the network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from browser_helpers import write_notebook
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import Page, expect

from qa_lib.jobs import run_notebook, to_html

CHART = """
import altair as alt, ipywidgets, pandas as pd, vl_convert
from IPython.display import SVG, display
people = pd.DataFrame({"人群": ["高潜", "睡眠卡"], "people": [3, 5]})
chart = alt.Chart(people).mark_bar().encode(x="people", y="人群")
display(SVG(vl_convert.vegalite_to_svg(chart.to_dict())), ipywidgets.IntSlider(), people)
"""


def external_loads(html: str) -> list[str]:
    """What the page would load from elsewhere: attributes, imports in scripts and styles."""

    class Reader(HTMLParser):
        found: list[str] = []
        inside = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.inside = tag
            for name, value in attrs:
                loads = name in ("src", "srcset", "data", "poster", "action") or (
                    name == "href" and tag in ("link", "image", "use", "base")
                )
                if loads and value is not None and not re.match(r"data:|#", value):
                    self.found.append(f"<{tag} {name}={value!r}>")
                if name == "style" and value:
                    self.found += re.findall(r"url\(\s*['\"]?(?!data:|#)[^)]+", value)

        def handle_data(self, data: str) -> None:
            if self.inside == "style":
                self.found += re.findall(r"url\(\s*['\"]?(?!data:|#)[^)]+|@import[^;]+", data)
            elif self.inside == "script":
                self.found += re.findall(
                    r"(?:import|fetch|require)\s*\(?\s*\[?['\"][^'\"]*['\"]|https?://[^'\"\s]+", data
                )

        def handle_endtag(self, tag: str) -> None:
            self.inside = ""

    reader = Reader()
    reader.found = []
    reader.feed(html)
    return reader.found


def test_the_page_of_a_run_shows_its_chart_from_disk(page: Page, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "weekly.ipynb", CHART, title="这周怎样？ How was the week?")
    run = run_notebook(path, runs_dir=tmp_path / "runs")
    assert run.html is not None
    assert external_loads(run.html.read_text(encoding="utf-8")) == []

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(run.html.as_uri())
    chart = page.locator("img[src^='data:image/svg+xml']")
    expect(chart).to_be_visible()
    assert chart.evaluate("image => image.complete && image.naturalWidth") > 100
    expect(page.get_by_role("heading", name="How was the week?")).to_be_visible()
    expect(page.get_by_text("An interactive control stands here")).to_be_visible()
    expect(page.get_by_role("cell", name="睡眠卡")).to_be_visible()
    assert page.get_by_text("import altair").count() == 0
    assert page.locator("main").evaluate("e => getComputedStyle(e).maxWidth") == "1080px"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_an_output_that_brings_an_address_along_is_kept_from_loading(page: Page, tmp_path: Path) -> None:
    """A chart drawn by a CDN renderer stays blank, and the reader's address stays with the reader."""
    html = (
        '<script src="https://cdn.example/vega.js"></script><img src="https://cdn.example/pixel.png">'
        "<p>still read</p>"
    )
    cell = new_code_cell("chart", outputs=[new_output("display_data", data={"text/html": html})])
    notebook: nbformat.NotebookNode = new_notebook(cells=[cell])
    path = tmp_path / "report.html"
    path.write_text(to_html(notebook, name="report"), encoding="utf-8")
    assert len(external_loads(path.read_text(encoding="utf-8"))) == 2
    page.goto(path.as_uri())  # the fixture fails on any request that leaves the machine
    expect(page.get_by_text("still read")).to_be_visible()


@pytest.mark.parametrize(
    "html",
    [
        "<script src='https://x/y.js'></script>",
        "<link href='//x/y.css' rel='stylesheet'>",
        "<style>@import 'https://x/y.css';</style>",
        "<style>a { background: url(https://x/y.png) }</style>",
        "<script>import('https://x/y.js')</script>",
        "<script>require(['vega'])</script>",
        "<p style='background: url(https://x/y.png)'>",
    ],
)
def test_the_check_itself_sees_each_way_of_loading(html: str) -> None:
    assert external_loads(html)
