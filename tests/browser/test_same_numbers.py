"""A dashboard shows the same numbers in JupyterLab, in Voila and in the page of its scheduled run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from browser_helpers import figures_on, open_in_voila, run_all_in_lab, stop_kernel_in_lab
from pictures import expect_picture
from playwright.sync_api import Page, expect

from qa_lib.audiences import engine_of
from qa_lib.jobs import run_notebook
from qa_lib.measure import campaign_figures, campaign_metrics
from qa_lib.rules import read_rule
from qa_lib.servers import Server
from qa_lib.workspace import Snapshot

DASHBOARDS = Path(__file__).parents[2] / "notebooks" / "dashboards"
_CELLS = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"


def test_the_campaign_dashboard_shows_the_same_in_lab_voila_and_report(
    page: Page,
    lab: Server,
    voila: Server,
    notebooks_dir: Path,
    browser_workspace: Path,
    snapshot: Snapshot,
    tmp_path: Path,
) -> None:
    path = Path(shutil.copy(DASHBOARDS / "campaign_results.ipynb", notebooks_dir))
    run = run_notebook(path, runs_dir=tmp_path / "runs", workspace=browser_workspace)
    assert run.html is not None
    seen = {}

    def read(where: str) -> None:
        expect(page.locator("[data-figure=targeted]")).to_be_visible(timeout=60_000)
        seen[where] = (figures_on(page), page.locator("table.qa-table tr").evaluate_all(_CELLS))

    page.goto(run.html.as_uri())
    read("report")
    open_in_voila(page, voila, path.name)
    read("voila")
    run_all_in_lab(page, lab, path.name)
    read("lab")
    stop_kernel_in_lab(page)

    assert seen["voila"] == seen["report"]
    assert seen["lab"] == seen["report"]
    figures, table = seen["report"]
    python = campaign_figures(snapshot)
    assert figures["targeted"] == f"{python['targeted']:,}"
    assert figures["redemption_rate"] == f"{python['redemption_rate']:.1%}"
    assert figures["revenue_of_redeemer_baskets"] == f"${python['revenue_of_redeemer_baskets']:,.2f}"
    assert figures["roi"] == "未记录"
    by_campaign = campaign_metrics(snapshot)
    assert [row[0] for row in table[1:]] == list(by_campaign["campaign_id"])
    assert [row[4] for row in table[1:]] == [f"{n:,}" for n in by_campaign["targeted"]]


def test_the_workbench_counts_the_same_in_lab_voila_and_report(
    page: Page,
    lab: Server,
    voila: Server,
    notebooks_dir: Path,
    browser_workspace: Path,
    snapshot: Snapshot,
    tmp_path: Path,
) -> None:
    path = Path(shutil.copy(DASHBOARDS / "audience_workbench.ipynb", notebooks_dir))
    run = run_notebook(path, runs_dir=tmp_path / "runs", workspace=browser_workspace)
    assert run.html is not None
    page.goto(run.html.as_uri())
    figures = figures_on(page)
    nodes = page.locator(".qa-page .qa-n").all_text_contents()
    sample = page.locator("table.qa-sample tr").evaluate_all(_CELLS)
    reach = [row[:2] for row in page.locator("table.qa-reach tr").evaluate_all(_CELLS)[1:]]
    for image in page.locator("img.qa-picture").all():
        assert image.evaluate("image => image.complete && image.naturalWidth") > 100

    def expect_the_same() -> dict[str, Any]:
        for count, share in (
            ("[data-testid=qa-count]:not([data-stale]) b", "[data-testid=qa-count] strong"),
            ("[data-testid=qa-preview-count] b", "[data-testid=qa-preview-share]"),
        ):
            expect(page.locator(count)).to_have_text(figures["audience_count"], timeout=60_000)
            expect(page.locator(share)).to_have_text(figures["audience_share"])
        assert page.locator("[data-testid=qa-node-count] b").all_text_contents() == nodes
        page.get_by_role("tab", name="样例与原因").click()
        expect(page.locator("[data-testid=qa-sample] tr")).to_have_count(len(sample), timeout=30_000)
        assert page.locator("[data-testid=qa-sample] tr").evaluate_all(_CELLS) == sample
        page.get_by_role("tab", name="可触达").click()
        expect(page.get_by_test_id("qa-reach")).to_be_visible(timeout=30_000)
        live = page.locator("[data-testid=qa-reach] tbody tr").evaluate_all(_CELLS)
        assert [row[:2] for row in live] == reach
        page.get_by_test_id("qa-source").click()
        held: dict[str, Any] = json.loads(page.get_by_label("规则 JSON").input_value())
        return held

    page.set_viewport_size({"width": 1280, "height": 1800})
    open_in_voila(page, voila, path.name)
    expect(page.get_by_test_id("qa-waterfall")).to_be_visible(timeout=60_000)
    expect_picture(page.locator(".qa-view:has(.qa-rule-builder)"), "audience_workbench-voila")
    rule = expect_the_same()
    run_all_in_lab(page, lab, path.name)
    assert expect_the_same() == rule
    stop_kernel_in_lab(page)

    found = engine_of(snapshot).evaluate(read_rule(rule))
    count, share = f"{found.count:,}", f"{found.count / found.universe:.1%}"
    assert (figures["audience_count"], figures["preview_count"]) == (count, count)
    assert (figures["audience_share"], figures["preview_share"]) == (share, share)
    assert nodes == [f"{found.counts[path]:,}" for path in sorted(found.counts)]
