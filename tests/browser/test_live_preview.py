"""The live preview beside the builder, in JupyterLab: an edit, its count, what cuts, why, cancel, dark, English."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_helpers import choose_theme, run_all_in_lab, stop_kernel_in_lab, wait_until, write_notebook
from builder_page import BUILDERS, Builder
from playwright.sync_api import Locator, Page, expect
from screens_world import ENDLESS

from qa_lib.audiences import AudienceService, masked, sampled
from qa_lib.rules import All, Engine, Event, Last, Rule, Tag
from qa_lib.servers import Server
from qa_lib.workspace import Workspace

#: Milliseconds for an answer of the kernel on a busy machine.
SOON = 45_000
SHOTS = Path(__file__).parent / "shots"
VISITED = Event("visit", window=Last(30, "day"), operator=">=", value=2)
# The first time that sizes over time are asked for, the database is given something that it never ends.
BESIDE = f"""
from qa_lib.audiences import AudienceService
from qa_lib.rules import *
from qa_lib.widgets import AudienceWorkbench, live_preview
from qa_lib.widgets.preview_parts import PARTS

asked_before = []
def over_time(asked):
    if not asked_before:
        asked_before.append(asked)
        asked.service.snapshot.frame({ENDLESS!r})
    return PARTS["over_time"](asked)
live_preview.PARTS = {{**PARTS, "over_time": over_time}}

rule = All(Tag("order_count_365d", ">=", 3), Event("visit", window=Last(30, "day"), operator=">=", value=2))
workbench = AudienceWorkbench(AudienceService(Workspace.open(), snapshot=snapshot), rule)
"""


@pytest.fixture(scope="module")
def beside(notebooks_dir: Path) -> str:
    """A notebook with the workbench, and what Python holds of it."""
    sources = (
        BUILDERS,
        BESIDE,
        "ipywidgets.VBox([shown(workbench.builder, 'first').children[1], workbench.view])",
    )
    return write_notebook(notebooks_dir / "beside.ipynb", *sources, source_hidden=True).name


def rows(page: Page, name: str) -> list[list[str]]:
    """The texts of a table's rows, cell by cell."""
    found: list[list[str]] = (
        page.get_by_test_id(name)
        .locator("tbody tr")
        .evaluate_all("all => all.map(row => [...row.children].map(cell => cell.textContent.trim()))")
    )
    return found


def open_tab(page: Page, name: str) -> Locator:
    """By keyboard alone: the arrow keys lead from tab to tab, and round from the first to the last."""
    page.locator(".qa-live-preview [role=tab][aria-selected=true]").focus()
    for _ in range(6):
        if page.locator(f".qa-live-preview [role=tab][aria-selected=true][data-tab={name}]").count():
            return page.get_by_test_id("qa-preview-panel")
        page.keyboard.press("ArrowLeft")
    raise AssertionError(f"no tab {name!r} is reached by the arrow keys")


def test_the_preview_follows_the_builder(
    page: Page, lab: Server, beside: str, engine: Engine, workspace: Workspace
) -> None:
    SHOTS.mkdir(exist_ok=True)
    service = AudienceService(workspace)
    page.set_viewport_size({"width": 1760, "height": 1300})
    run_all_in_lab(page, lab, beside)
    builder = Builder(page, engine)
    count = page.get_by_test_id("qa-preview-count").locator("b")

    def expect_all(rule: Rule) -> None:
        """Count, counts of nodes and waterfall are those that this test makes."""
        builder.expect(rule)
        found = engine.evaluate(rule)
        expect(count).to_have_text(f"{found.count:,}", timeout=SOON)
        expect(page.get_by_test_id("qa-preview-share")).to_have_text(f"{100 * found.share:.1f}%")
        steps = service.explain_count(rule).dropna(subset=["step"])
        sizes = [f"{n:,}" for n in steps["remaining_count"]]
        wait_until(page, lambda: [row[1] for row in rows(page, "qa-waterfall")] == sizes, f"steps {sizes}")
        expect(page.locator("[data-testid=qa-part-cuts][data-stale]")).to_have_count(0)

    expect_all(All(Tag("order_count_365d", ">=", 3), VISITED))
    builder.node("0").locator(".qa-number input").fill("12")
    rule = All(Tag("order_count_365d", ">=", 12), VISITED)
    expect_all(rule)

    # who they are; why one of them is in, and why somebody else is not, with the event rows
    panel = open_tab(page, "people")
    sample = service.sample(rule, 10)
    wait_until(
        page, lambda: [row[0] for row in rows(page, "qa-sample")] == sample["person"].tolist(), "the sample"
    )
    ids = service.snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
    members = sampled(engine.evaluate(rule).members[()], 10_000).tolist()
    panel.get_by_test_id("qa-sample").get_by_role("button").nth(9).click()
    why = page.get_by_test_id("qa-why")
    expect(why.get_by_role("heading")).to_have_text(f"{masked(ids[members[-1]])} 在人群中", timeout=SOON)
    outsider = next(p for n, p in enumerate(ids) if n not in set(members))
    page.get_by_label("顾客编号").fill(outsider)
    page.keyboard.press("Enter")
    expect(why.get_by_role("heading")).to_have_text(f"{outsider} 不在人群中", timeout=SOON)
    told = service.explain(rule, outsider)
    marks = why.locator(".qa-lp-nodes > li").evaluate_all("all => all.map(one => one.dataset.true)")
    assert marks == [str(node.is_true).lower() for node in told.nodes]
    expect(why.get_by_test_id("qa-why-events").locator("tbody tr")).to_have_count(len(told.events()))
    page.screenshot(path=SHOTS / "live-preview-people.png")

    # what takes long says so, is cancelled down in the database, and is computed when asked again
    panel = open_tab(page, "over_time")
    panel.get_by_role("button", name="取消").click(timeout=SOON)
    expect(panel.get_by_text("已取消。")).to_be_visible(timeout=SOON)
    panel.get_by_role("button", name="重新计算").click()
    expect(panel.get_by_test_id("qa-over-time")).to_be_visible(timeout=SOON)
    assert rows(page, "qa-over-time")[-1][1] == f"{len(members):,}"

    # the host's dark theme, and the other language
    open_tab(page, "breakdown")
    expect(page.get_by_test_id("qa-breakdown")).to_be_visible(timeout=SOON)
    choose_theme(page, "Dark")
    wait_until(page, lambda: brightness(page, "backgroundColor") < 60, "the preview is dark")
    assert brightness(page, "color") > 200
    builder.root.get_by_role("button", name="English").click()
    expect(page.locator(".qa-live-preview h3")).to_have_text("Preview", timeout=SOON)
    expect(page.get_by_label("Compare by")).to_be_visible()
    page.screenshot(path=SHOTS / "live-preview-dark.png")
    choose_theme(page, "Light")
    stop_kernel_in_lab(page)


def brightness(page: Page, of: str) -> float:
    """The mean of red, green and blue, 0 to 255, of a colour of the preview."""
    mean: float = page.locator(".qa-live-preview").evaluate(
        "(e, of) => { const c = getComputedStyle(e)[of].match(/[\\d.]+/g).slice(0, 3).map(Number); "
        "return (c[0] + c[1] + c[2]) / 3; }",
        of,
    )
    return mean
