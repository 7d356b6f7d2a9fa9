"""Every string of a public list as names, values, tooltips and sentences of every screen: text, and nothing runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_helpers import START_TIMEOUT_MS, gated_page, keep_failed_run, open_in_voila, write_notebook
from naughty_world import FEW, MARKUP, NAMES, NAUGHTY, naughty_world
from playwright.sync_api import Browser, Page, expect
from screen_checks import expect_nothing_ran, listen_for_dialogs

from qa_lib.rules import All, Attribute, Event
from qa_lib.servers import Server, start_dashboards
from qa_lib.servers.start_page import entries

RULE = All(
    Attribute("age_band", "in", NAUGHTY), Event("purchase", where=All(Attribute("department", "in", MARKUP)))
)
SCREENS = f"""
from qa_lib import Workspace
from qa_lib.audiences import AudienceService
from qa_lib.identity import read_links
from qa_lib.rules import read_rule
from qa_lib.widgets import AudienceLibrary, DataQuality, IdentityReview, PersonProfile, TagCatalogue
from qa_lib.widgets.audience_workbench import AudienceWorkbench
workspace = Workspace.open(read_only=True)
service = AudienceService(workspace)
bench = AudienceWorkbench(service, read_rule({RULE.to_json()!r}))
bench.preview.compare_by("income_band")
library = AudienceLibrary(service, bench.builder)
library.show_audience({MARKUP[3]!r})
library.overlap(*{FEW[:4]!r})
identity = IdentityReview(workspace)
hostile = read_links(workspace).tail(400).iloc[0]
identity.find = f"{{hostile.left_kind}}:{{hostile.left_value}}"
profile = PersonProfile(workspace)
profile.number, profile.audience = 3, {MARKUP[5]!r}
"""
CELLS = (
    "bench",
    "library",
    "TagCatalogue(workspace, tag='naughty_000')",
    "DataQuality(workspace, feed='naughty.interactions')",
    "identity",
    "profile",
)


def as_html(text: str) -> str:
    """The text as it stands in HTML once that is read: a line ends in one way."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the dashboards lie."""
    return tmp_path_factory.mktemp("naughty_notebooks")


@pytest.fixture(scope="module")
def hostile(
    notebooks: Path, jupyter_home: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Voila over the hostile workspace: a notebook of every screen, dashboards and runs of hostile names."""
    root = tmp_path_factory.mktemp("naughty")
    made = naughty_world(root)
    made.state.engine.dispose()
    runs = root / "runs"
    write_notebook(notebooks / "screens.ipynb", SCREENS, *CELLS, source_hidden=True)
    for i, text in enumerate(NAUGHTY):
        write_notebook(notebooks / f"title_{i:03d}.ipynb", "1", title=" ".join(text.split()))
        keep_failed_run(runs / f"{i:03d}", text, text)
    with start_dashboards(
        notebooks, port=0, workspace=made.root, runs=runs, log=root / "voila.log", env=jupyter_home
    ) as server:
        yield server


@pytest.fixture(scope="module")
def screens(browser: Browser, hostile: Server) -> Iterator[Page]:
    """All screens on one page; at the end nothing had been said in a dialog or to the console."""
    with gated_page(browser, "naughty_screens") as page:
        page.set_viewport_size({"width": 1500, "height": 3000})
        said = listen_for_dialogs(page)
        page.on("console", lambda told: said.append(told.text) if told.type == "error" else None)
        open_in_voila(page, hostile, "screens.ipynb")
        expect(page.locator("h2", has_text="一个人的全部")).to_be_visible(timeout=START_TIMEOUT_MS)
        expect(page.get_by_test_id("qa-sentence")).not_to_be_empty(timeout=START_TIMEOUT_MS)
        yield page
        expect_nothing_ran(page)
        assert said == []


def words_of(page: Page, selector: str) -> str:
    """All that stands on the page there, as text."""
    return "\n".join(page.locator(selector).all_text_contents())


def missing(texts: list[str], said: str) -> list[str]:
    """Those that are not said."""
    return [text for text in texts if as_html(text) not in as_html(said)]


def test_values_and_sentence_of_a_rule_are_texts(screens: Page) -> None:
    chips = screens.locator('.qa-node[data-path="0"] .qa-chip-text').all_text_contents()
    assert chips == NAUGHTY
    said = words_of(screens, "[data-testid=qa-sentence]")
    assert missing([*NAUGHTY[:5], *MARKUP[:5]], said) == []  # a sentence names the first five of many
    screens.get_by_test_id("qa-source").click()
    screens.get_by_role("button", name="SQL（只读）").click()
    expect(screens.get_by_test_id("qa-sql")).to_contain_text("SELECT", timeout=START_TIMEOUT_MS)
    quoted = [text.replace("'", "''") for text in NAUGHTY]
    assert missing(quoted, words_of(screens, "[data-testid=qa-sql]")) == []
    typed = screens.locator('.qa-node[data-path="0"] .qa-chips input').first
    text = "<img src=x onerror='window.hacked = 1'>"
    typed.fill(text)
    typed.press("Enter")
    expect(screens.locator(".qa-chip-text", has_text=text)).to_be_visible()
    expect_nothing_ran(screens)


def test_the_preview_names_values_and_people(screens: Page) -> None:
    preview = screens.locator(".qa-live-preview")
    said = ""
    for tab in preview.get_by_role("tab").all():
        tab.click()
        panel = preview.get_by_role("tabpanel")
        there = panel.locator("[data-testid^=qa-part-]:not([data-stale])").locator(
            ".qa-lp-answer, .qa-lp-error"
        )
        expect(there.first).to_be_visible(timeout=START_TIMEOUT_MS)
        said += words_of(screens, ".qa-live-preview")
        expect_nothing_ran(screens)
    assert len(missing(FEW, said)) < len(FEW) / 2  # the people by income, and the values that differ most
    preview.get_by_role("tabpanel").locator("tbody button").first.click()
    expect(preview.get_by_test_id("qa-part-why")).to_contain_text("入选", timeout=START_TIMEOUT_MS)
    expect_nothing_ran(screens)


def test_names_notes_and_folders_of_the_library_are_texts(screens: Page) -> None:
    rows = screens.locator(".qa-shelf-table tbody tr")
    shown = rows.evaluate_all(
        "all => all.map(one => [one.dataset.name, one.querySelector('.qa-link').textContent])"
    )
    assert sorted(shown) == sorted([name, name] for name in NAMES)
    assert sorted(screens.locator(".qa-shelf-table .qa-pill").all_text_contents()) == sorted(NAMES)
    assert sorted(screens.locator(".qa-shelf-table .qa-note-line").all_text_contents()) == sorted(NAMES)
    for box in screens.locator(".qa-shelf-table tbody input[type=checkbox]").all()[:3]:
        box.check()
    screens.get_by_test_id("qa-overlap").click()
    expect(screens.locator(".qa-combinations li").first).to_be_visible(timeout=START_TIMEOUT_MS)
    screens.locator("[class*=combinations] path").first.hover()
    expect(screens.locator("#vg-tooltip-element.visible")).to_contain_text("人")
    expect_nothing_ran(screens)


def test_labels_of_tags_columns_of_files_and_reasons_are_texts(screens: Page) -> None:
    said = words_of(screens, ".qa-page")
    options = words_of(screens, "select option")
    labels = MARKUP[: len(NAUGHTY) // 20]
    assert missing(labels, options) == []
    assert missing(NAUGHTY[:20], said) == []  # a tag's description
    assert missing(labels, said) == []  # a person's tags
    assert (
        missing(list({t.strip().casefold(): t.strip() for t in NAUGHTY}.values()), said) == []
    )  # new columns


def test_the_start_page_names_dashboards_and_failures_as_texts(
    browser: Browser, hostile: Server, notebooks: Path
) -> None:
    with gated_page(browser, "naughty_start_page") as page:
        said = listen_for_dialogs(page)
        page.goto(hostile.url)
        expect(page.locator("[data-fact]").first).to_be_visible()
        shown = page.locator("[data-fact]").evaluate_all("all => all.map(one => one.textContent).join('\\n')")
        assert missing(NAUGHTY, shown) == []
        links = "\n".join(page.get_by_role("link").all_text_contents())
        titles = [one.title for one in entries(notebooks).values()]  # their Markdown read as words
        assert len(titles) > len(NAUGHTY) - 5
        assert missing(titles, links) == []
        expect_nothing_ran(page)
        assert said == []
