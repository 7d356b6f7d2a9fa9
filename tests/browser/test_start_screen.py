"""The start page in a browser: links with what each dashboard is, freshness, light and dark, and hostile texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_helpers import keep_failed_run, write_notebook
from playwright.sync_api import Page, expect
from screen_checks import SCHEMES, expect_accessible, expect_nothing_ran, listen_for_dialogs

from qa_lib.servers import Server
from qa_lib.workspace import Snapshot

HOSTILE = "</strong><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def dashboards(notebooks_dir: Path, runs_dir: Path) -> None:
    """A dashboard and a run that failed, both with markup in their words."""
    write_notebook(notebooks_dir / "who_is_who.ipynb", "1", title=f"谁是谁？ Who is who? {HOSTILE}")
    keep_failed_run(runs_dir / "20260301T000000.000Z-build", "build", f"in cell 2: {HOSTILE}")


@pytest.mark.usefixtures("dashboards")
def test_the_start_page_tells_what_there_is_and_how_fresh_it_is(
    page: Page, voila: Server, snapshot: Snapshot
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
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect_accessible(page)
    page.set_viewport_size({"width": 480, "height": 900})
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
