"""The campaign dashboard under a real mouse: a click in a chart changes every figure to Python's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from browser_helpers import figures_on, wait_until
from playwright.sync_api import Page, expect
from screen_checks import expect_english

from qa_lib.charts import format_value
from qa_lib.measure import METRICS, NotRecorded, campaign_figures, campaign_metrics
from qa_lib.workspace import Snapshot

Show = Callable[[str], Page]
DASHBOARD = Path(__file__).parents[2] / "notebooks" / "dashboards" / "campaign_results.ipynb"


@pytest.fixture(scope="module")
def dashboard(notebooks_dir: Path) -> str:
    """The dashboard as it is shipped."""
    return Path(shutil.copy(DASHBOARD, notebooks_dir)).name


def texts(figures: Mapping[str, Any]) -> dict[str, str]:
    """What the figures should read in Chinese; written here anew from their values."""
    words = {}
    for key, value in figures.items():
        one = METRICS[key.removesuffix("_low").removesuffix("_high")]
        if isinstance(value, NotRecorded):
            words[key] = "未记录"
        elif one.format == "count":
            words[key] = f"{value:,}"
        else:
            words[key] = format_value(value, one.format, currency="USD")
    return words


def expect_figures(page: Page, figures: Mapping[str, Any]) -> None:
    """The tiles show these figures, and all of those that are shown are among them."""
    wanted = texts(figures)

    def shown() -> bool:
        found = figures_on(page)
        return len(found) >= 13 and found == {key: wanted[key] for key in found}

    wait_until(page, shown, f"the tiles read {wanted}; they read {figures_on(page)}")


def test_a_click_in_a_chart_changes_every_figure(show: Show, dashboard: str, snapshot: Snapshot) -> None:
    page = show(dashboard)
    campaign_rows = page.locator("[class*=campaign_rows] path")
    segment_rows = page.locator("[class*=segment_rows] path")
    expect(campaign_rows).to_have_count(6, timeout=60_000)
    total = campaign_figures(snapshot)
    expect_figures(page, total)
    for key in ("reach_rate", "open_rate", "click_rate", "cost", "roas", "roi"):
        expect(page.locator(f"[data-figure={key}]")).to_have_text("未记录")

    campaigns = list(campaign_metrics(snapshot)["campaign_id"])
    campaign_rows.nth(4).click()
    expect_figures(page, campaign_figures(snapshot, campaigns=[campaigns[4]]))
    expect(page.locator("tr.qa-chosen td").first).to_have_text(campaigns[4])

    segments = list(campaign_metrics(snapshot, by=("rfm_segment",), campaigns=[campaigns[4]])["rfm_segment"])
    expect(segment_rows).to_have_count(len(segments))
    segment_rows.nth(0).click()
    chosen = {"rfm_segment": segments[0]}
    expect_figures(page, campaign_figures(snapshot, campaigns=[campaigns[4]], segment=chosen))

    page.locator(".qa-clear-campaign").click()
    expect_figures(page, campaign_figures(snapshot, segment=chosen))
    campaign_rows.nth(1).click()
    expect_figures(page, campaign_figures(snapshot, campaigns=[campaigns[1]], segment=chosen))
    page.locator(".qa-clear-segment").click()
    expect_figures(page, campaign_figures(snapshot, campaigns=[campaigns[1]]))
    campaign_rows.nth(1).click()  # a second click takes the choice back
    expect_figures(page, total)

    page.get_by_role("radio", name="English").or_(page.get_by_role("button", name="English")).first.click()
    expect(page.locator("[data-figure=roi]")).to_have_text("not recorded")
    expect(page.locator("[data-figure=targeted]")).to_have_text(f"{total['targeted']:,}")
    expect(page.get_by_text("Description only: these data have no holdout").first).to_be_visible()
    values = campaign_metrics(snapshot, by=("rfm_segment",))["rfm_segment"].unique()
    expect_english(page.locator(".qa-view"), "campaign results", values)  # values of a tag are data
