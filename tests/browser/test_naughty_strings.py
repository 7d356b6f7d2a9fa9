"""Every string of a public list through names, values, tooltips and sentences: shown as text, and nothing runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from browser_helpers import START_TIMEOUT_MS, gated_page, open_in_voila, write_notebook
from playwright.sync_api import Browser, Page, expect
from screen_checks import expect_nothing_ran, listen_for_dialogs

from qa_lib.profiles import build
from qa_lib.servers import Server
from qa_lib.sources import FEEDS, land_all, write_company
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.workspace import Workspace

NAUGHTY: list[str] = [
    text
    for text in json.loads(
        (Path(__file__).parents[1] / "data" / "naughty_strings.json").read_text(encoding="utf-8")
    )
    if text.strip() and "\0" not in text
]
#: Those that a browser would run if it could.
MARKUP = [text for text in NAUGHTY if "<" in text or "javascript:" in text.lower()]

_OPEN = """
from qa_lib import Workspace
from qa_lib.rules import *
from qa_lib.charts.html import join, tag
from qa_lib.charts.tiles import Tile, note, page, table, tiles
from qa_lib.widgets.audience_workbench import AudienceWorkbench
from qa_lib.widgets.campaign_results import CampaignResults
import ipywidgets, json
snapshot = Workspace.open({root!r}, read_only=True).snapshot()
naughty = json.loads({texts!r})
"""
_BENCH = """
some = naughty[:60]
rule = Any(Attribute('age_band', 'in', some), Event('purchase', where=All(Attribute('department', 'in', some))))
bench = AudienceWorkbench(snapshot, rule)
bench.by = 'age_band'
bench
"""
_RESULTS = """
results = CampaignResults(snapshot, segment_tag='income_band')
results
"""
_HELPERS = """
parts = [join(tag('p', text, title=text), note(text, 'warning'), tiles([Tile(text, text, text, text, text)]),
    table([text], [[text]])) for text in naughty]
ipywidgets.HTML(str(page(*parts, tag('p', 'the end', class_='qa-the-end'))))
"""


@pytest.fixture(scope="module")
def hostile(notebooks_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A notebook of every screen over a company whose ages, departments and campaign types are the list."""
    files = write_company(tmp_path_factory.mktemp("naughty_company"), people=300)
    few = MARKUP[::6][:12]  # people are compared by fields of a few values only
    for feed, column, texts in (
        ("demographics", "age", NAUGHTY),
        ("demographics", "income", few),
        ("products", "department", NAUGHTY),
        ("campaign_descriptions", "campaign_type", MARKUP),
    ):
        path = files[f"journey.{feed}"]
        frame = pd.read_parquet(path)
        frame[column] = [texts[i % len(texts)] for i in range(len(frame))]
        frame.to_parquet(path, index=False)
    made = Workspace.create(tmp_path_factory.mktemp("naughty"), zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in files.items()]):
        pass
    build(made)
    made.state.engine.dispose()
    start = _OPEN.format(root=str(made.root), texts=json.dumps(NAUGHTY))
    path = write_notebook(
        notebooks_dir / "naughty.ipynb", start, _BENCH, _RESULTS, _HELPERS, source_hidden=True
    )
    return path.name


@pytest.fixture(scope="module")
def screens(browser: Browser, voila: Server, hostile: str) -> Iterator[tuple[Page, list[str]]]:
    """The page, and what was said in dialogs."""
    with gated_page(browser, "naughty_strings") as page:
        page.set_viewport_size({"width": 1400, "height": 3000})
        said = listen_for_dialogs(page)
        open_in_voila(page, voila, hostile)
        expect(page.locator(".qa-the-end")).to_be_attached(timeout=START_TIMEOUT_MS)
        expect(page.locator(".vega-embed svg")).to_have_count(3, timeout=START_TIMEOUT_MS)
        expect(page.get_by_test_id("qa-sentence")).not_to_be_empty(timeout=START_TIMEOUT_MS)
        yield page, said


def test_every_text_is_shown_as_it_is_and_none_runs(screens: tuple[Page, list[str]]) -> None:
    page, said = screens
    shown = page.locator(".qa-page > p[title]").evaluate_all(
        "all => all.map(one => [one.textContent, one.title])"
    )
    as_html = [text.replace("\r\n", "\n").replace("\r", "\n") for text in NAUGHTY]  # as HTML reads lines
    assert shown == [[text, text] for text in as_html]
    expect_nothing_ran(page)
    assert said == []


def test_names_in_charts_and_forms_are_texts(screens: tuple[Page, list[str]]) -> None:
    page, said = screens
    types = page.locator("select option").all_text_contents()
    assert sum(any(text[:12] in option for text in MARKUP) for option in types) >= 3
    expect(page.locator("[class*=segment_rows] path").first).to_be_visible()
    for row in page.locator("[class*=campaign_rows] path").all()[:3]:
        row.hover()  # its tooltip names the campaign's type
        expect(page.locator("#vg-tooltip-element")).to_be_visible()
        expect_nothing_ran(page)
    page.locator("[class*=campaign_rows] path").first.click()
    expect(page.locator(".qa-clear-campaign")).to_be_visible()
    page.get_by_test_id("qa-source").click()  # the rule as JSON and SQL
    expect(page.get_by_test_id("qa-sql")).to_contain_text("SELECT")
    expect_nothing_ran(page)
    assert said == []


def test_what_is_typed_is_a_text(screens: tuple[Page, list[str]]) -> None:
    page, said = screens
    typed = page.locator('.qa-node[data-path="0"] .qa-chips input').first
    for text in ("<script>alert(123)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1);"):
        typed.fill(text)
        typed.press("Enter")
        expect(page.locator(".qa-chip-text", has_text=text).last).to_be_visible()
    expect(page.get_by_test_id("qa-sentence")).to_contain_text("onerror=alert(1)", timeout=START_TIMEOUT_MS)
    expect_nothing_ran(page)
    assert said == []
