"""The start page in a browser: links with what each dashboard is, freshness, light and dark, and hostile texts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from browser_helpers import keep_failed_run, write_notebook
from playwright.sync_api import Page, expect
from screen_checks import (
    SCHEMES,
    expect_accessible,
    expect_both_languages,
    expect_nothing_ran,
    listen_for_dialogs,
)

from qa_lib.servers import Server
from qa_lib.workspace import Snapshot

DASHBOARDS = Path(__file__).parents[2] / "notebooks" / "dashboards"
HOSTILE = "</strong><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def shipped(notebooks_dir: Path, runs_dir: Path) -> list[str]:
    """The dashboards as they are shipped, one more and a run that failed, both with markup in their words."""
    names = [Path(shutil.copy(path, notebooks_dir)).name for path in sorted(DASHBOARDS.glob("*.ipynb"))]
    write_notebook(notebooks_dir / "who_is_who.ipynb", "1", title=f"谁是谁？ Who is who? {HOSTILE}")
    keep_failed_run(runs_dir / "20260301T000000.000Z-build", "build", f"in cell 2: {HOSTILE}")
    return names


def test_the_start_page_tells_what_there_is_and_how_fresh_it_is(
    page: Page, voila: Server, snapshot: Snapshot, shipped: list[str]
) -> None:
    said = listen_for_dialogs(page)
    page.goto(voila.url)
    link = page.get_by_role("link", name="谁是谁？ Who is who?")
    expect(link).to_contain_text(HOSTILE)
    assert "/voila/render/who_is_who.ipynb" in str(link.get_attribute("href"))
    facts = page.locator("[data-fact]")
    expect(facts.first).to_be_visible()
    shown = {one.get_attribute("data-fact"): one.get_attribute("data-state") for one in facts.all()}
    assert shown["snapshot"] == shown["published"] == shown["landing"] == "good"
    assert shown["run-build"] == "bad"
    expect(page.locator("[data-fact=snapshot]")).to_contain_text(snapshot.version)
    expect(page.locator("[data-fact=run-build]")).to_contain_text(HOSTILE)
    expect(page.locator("[data-fact=run-build]")).to_contain_text("needs attention")
    expect_nothing_ran(page)
    assert said == []
    # the page knows no reader's language, so it says everything in both; a moment and a version are data
    expect_both_languages(page.locator("h1, h2, .qa-header > *, dt, dd > :not(strong)"), [snapshot.version])
    for name in shipped:
        entry = page.locator(f".qa-list li:has(a[href*='/{name}'])")
        expect_both_languages(entry.locator("strong, .qa-about"))
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect_accessible(page)
    page.set_viewport_size({"width": 480, "height": 900})
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
