"""Every screen of ours on one page of JupyterLab: accessible in light and dark, exported, and after a restart."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_helpers import (
    START_TIMEOUT_MS,
    choose_theme,
    figures_on,
    gated_page,
    offline_page,
    run_all_in_lab,
    stop_kernel_in_lab,
    wait_until,
    write_notebook,
)
from pictures import ALLOWED, compare, expect_picture, measure_text_alike, take
from playwright.sync_api import Browser, Page, expect
from screen_checks import expect_accessible

from qa_lib.charts.exporting import File
from qa_lib.measure import campaign_metrics
from qa_lib.rules import All, Attribute, Event, Last, Sequence, Step, Tag
from qa_lib.rules import Any as AnyOf
from qa_lib.servers import Server
from qa_lib.workspace import Snapshot

MEAT = All(Attribute("department", "=", "MEAT"))
RULE = All(
    Event("purchase", where=MEAT, window=Last(90, "day")),
    AnyOf(Attribute("age_band", "in", ["25-34", "35-44"]), Tag("average_order_value", ">", 20)),
    Sequence([Step("browse"), Step("purchase")]),
)
SCREENS = f"""
from qa_lib import Workspace
from qa_lib.rules import read_rule
from qa_lib.widgets.audience_workbench import AudienceWorkbench
from qa_lib.widgets.campaign_results import CampaignResults
from qa_lib.widgets.campaign_review import review_campaign

workspace = Workspace.open()
rule = read_rule({RULE.to_json()!r})
"""
_RESTART = "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.restartKernel(); }"
_RUN_ALL = "async () => await window.jupyterapp.commands.execute('notebook:run-all-cells')"


#: What is held against its picture.
PICTURES = {
    "audience_workbench": ".qa-view:has(.qa-rule-builder)",
    "campaign_results": ".qa-view:has(.qa-tiles)",
    "campaign_review": ".qa-view:not(:has(.qa-rule-builder)):not(:has(.qa-tiles))",
}


@pytest.fixture(scope="module")
def screens(browser: Browser, lab: Server, notebooks_dir: Path) -> Iterator[Page]:
    """A notebook in JupyterLab that shows every screen, run once for all tests of this file."""
    write_notebook(
        notebooks_dir / "every_screen.ipynb",
        SCREENS,
        "AudienceWorkbench(workspace.snapshot(), rule)",
        "CampaignResults(workspace.snapshot())",
        "review_campaign(workspace)",
        source_hidden=True,
    )
    with gated_page(browser, "every_screen") as page:
        measure_text_alike(page)
        page.set_viewport_size({"width": 1500, "height": 4200})
        run_all_in_lab(page, lab, "every_screen.ipynb")
        whole(page)
        yield page
        stop_kernel_in_lab(page)


def whole(page: Page) -> None:
    """Wait until every screen has its figures and charts."""
    number = page.locator("[data-testid=qa-count]:not([data-stale]) b")
    expect(number).not_to_have_text("—", timeout=START_TIMEOUT_MS)
    expect(page.locator("[data-figure=targeted]")).to_be_visible(timeout=START_TIMEOUT_MS)
    expect(page.get_by_text("还没有计划")).to_be_visible(timeout=START_TIMEOUT_MS)
    expect(page.locator(".vega-embed svg")).to_have_count(2, timeout=START_TIMEOUT_MS)
    expect(page.get_by_test_id("qa-waterfall")).to_be_visible(timeout=START_TIMEOUT_MS)
    expect(page.locator(".qa-foot")).to_have_count(3)


def figures(page: Page) -> dict[str, Any]:
    """What the screens say: the counts of every part of the rule, and the figures of the campaigns."""
    counts = page.locator("[data-testid=qa-node-count] b").all_text_contents()
    return {
        **figures_on(page),
        "counts": counts,
        "count": page.locator("[data-testid=qa-count] b").inner_text(),
    }


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_nothing_serious_is_wrong_with_any_screen(screens: Page, theme: str) -> None:
    choose_theme(screens, theme)
    screens.locator(".qa-export summary").last.click()  # an open menu is looked at too
    expect_accessible(screens, ".jp-OutputArea-output")
    screens.locator(".qa-export summary").last.click()


@pytest.mark.parametrize(
    ("name", "theme"),
    [*((name, "Light") for name in PICTURES), ("audience_workbench", "Dark"), ("campaign_results", "Dark")],
)
def test_a_screen_looks_as_it_did(screens: Page, name: str, theme: str) -> None:
    choose_theme(screens, theme)
    expect_picture(screens.locator(PICTURES[name]), f"{name}-{theme.lower()}")


def test_a_moved_panel_of_a_screen_is_seen_and_another_figure_is_not(screens: Page) -> None:
    workbench = screens.locator(PICTURES["audience_workbench"])
    before = take(workbench)
    screens.locator("[data-testid=qa-count] b").evaluate("e => { e.textContent = '98,765'; }")
    assert compare(before, take(workbench)).share <= ALLOWED
    for panel in (".qa-summary", ".qa-palette", ".qa-live-preview"):
        one = screens.locator(panel)
        one.evaluate("e => { e.style.transform = 'translateY(20px)'; }")
        assert compare(before, take(workbench)).share > ALLOWED
        one.evaluate("e => { e.style.transform = ''; }")
    screens.locator("[data-testid=qa-count] b").evaluate("e => { e.textContent = '165'; }")


def exported(page: Page, name: str) -> File:
    """What the menu downloads."""
    button = page.locator(f'[data-export="{name}"]').first
    button.locator("xpath=ancestor::details").locator("summary").click()
    with page.expect_download(timeout=START_TIMEOUT_MS) as waiting:
        button.click()
    kept = waiting.value
    return File(kept.suggested_filename, "", Path(kept.path()).read_bytes())


def test_tables_charts_and_pages_are_downloaded_and_open_offline(
    screens: Page, browser: Browser, snapshot: Snapshot, tmp_path: Path
) -> None:
    table = exported(screens, "campaigns.csv")
    assert table.name.endswith("-campaigns.csv")
    rows = list(csv.DictReader(io.StringIO(table.data.decode("utf-8-sig"))))
    assert [row["campaign_id"] for row in rows] == list(campaign_metrics(snapshot)["campaign_id"])
    assert json.loads(exported(screens, "rule.json").data) == RULE.to_dict()
    assert exported(screens, "breakdown_chart.png").data.startswith(b"\x89PNG")

    made = exported(screens, "page.html")  # the workbench's: its menu is the first
    (tmp_path / made.name).write_bytes(made.data)
    with offline_page(browser, tmp_path / made.name) as page:
        expect(page.locator("[data-figure=audience_count]")).to_have_text(str(figures(screens)["count"]))
        pictures = page.locator("img.qa-picture")
        expect(pictures).to_have_count(2)
        for picture in pictures.all():
            assert picture.evaluate("image => image.complete && image.naturalWidth") > 100
        expect_accessible(page)


def test_after_a_restart_the_screens_say_so_and_a_re_run_shows_the_same(screens: Page) -> None:
    before = figures(screens)
    screens.evaluate(_RESTART)
    gone = screens.locator(".qa-foot .qa-gone")
    for one in gone.all():
        expect(one).to_contain_text("内核已重启或停止", timeout=START_TIMEOUT_MS)
    expect(screens.get_by_test_id("qa-gone")).to_contain_text("不再计数")
    assert figures(screens) == before  # what was read before can still be read

    assert screens.evaluate(_RUN_ALL) is not False
    expect(screens.get_by_test_id("qa-gone")).to_have_count(0, timeout=START_TIMEOUT_MS)
    whole(screens)
    wait_until(screens, lambda: figures(screens) == before, "the same figures again")
    expect(gone.filter(visible=True)).to_have_count(0)
