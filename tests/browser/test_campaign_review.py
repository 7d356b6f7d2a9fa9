"""A campaign's review under a real mouse: figures as Python's, a segment and the language change everything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from browser_helpers import figures_on, open_in_voila, wait_until
from pictures import expect_picture, measure_text_alike
from playwright.sync_api import Page, expect
from rehearsed_campaign import NAME, carried_out, copied, planned, rehearsed
from screen_checks import expect_accessible, expect_english

from qa_lib.campaigns import Plan
from qa_lib.charts.review_parts import figure_text
from qa_lib.measure import rehearsal_and_result
from qa_lib.servers import Server, start_dashboards
from qa_lib.workspace import Workspace

DASHBOARD = Path(__file__).parents[2] / "notebooks" / "dashboards" / "campaign_review.ipynb"
SHOTS = Path(__file__).parent / "shots"
_QUIET = """() => new Promise(done => {
  let timer = setTimeout(done, 800);
  const again = () => { clearTimeout(timer); timer = setTimeout(done, 800); };
  new MutationObserver(again).observe(document.body, {childList: true, subtree: true});
})"""


class Reviewed(NamedTuple):
    """A workspace with a reviewed campaign, and the server that shows it."""

    workspace: Workspace
    plan: Plan
    voila: Server


@pytest.fixture(scope="module")
def reviewed(
    workspace: Workspace,
    jupyter_home: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Reviewed]:
    """The dashboard as it is shipped, over a plan that was rehearsed and carried out."""
    root = tmp_path_factory.mktemp("review")
    made = copied(workspace, root / "workspace")
    plan = planned(made)
    rehearsed(made, plan)
    carried_out(made, plan)
    (root / "notebooks").mkdir()
    shutil.copy(DASHBOARD, root / "notebooks")
    with start_dashboards(
        root / "notebooks", port=0, workspace=made.root, log=root / "voila.log", env=jupyter_home
    ) as server:
        yield Reviewed(made, plan, server)


def texts(plan: Plan, frame: pd.DataFrame) -> dict[str, str]:
    """What the figures should read, from the frame."""
    wanted = {"send_count": f"{plan.send_count:,}"}
    for _, row in frame.iterrows():
        wanted[row["metric"]] = figure_text(row["result"], row["format"], "USD")
        for column in ("rehearsed", "rehearsed_low", "rehearsed_high"):
            wanted[f"{row['metric']}_{column}"] = figure_text(row[column], row["format"], "USD")
    return wanted


def expect_figures(page: Page, wanted: dict[str, str]) -> None:
    """The page shows each of these figures as it should read."""

    def shown() -> bool:
        found = figures_on(page)
        return wanted.items() <= found.items()

    wait_until(page, shown, f"the figures read {wanted}; they read {figures_on(page)}")


def settle(page: Page) -> None:
    """Wait until the charts are drawn and listen: a click in between would be lost."""
    page.evaluate(_QUIET)


def test_a_review_shows_its_figures_and_follows_segment_and_language(page: Page, reviewed: Reviewed) -> None:
    snapshot = reviewed.workspace.live_snapshot()
    measure_text_alike(page)
    page.set_viewport_size({"width": 1280, "height": 2400})  # the whole page in one picture
    open_in_voila(page, reviewed.voila, DASHBOARD.name)
    rows = page.locator("[class*=review_segment_rows] path")
    everybody = rehearsal_and_result(snapshot, NAME)
    expect(rows.first).to_be_visible(timeout=60_000)
    expect_figures(page, texts(reviewed.plan, everybody))
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    expect(page.get_by_text("仿真：对收到活动的人的预测").first).to_be_visible()
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "campaign-review-zh.png")
    settle(page)
    expect_picture(page.locator(".qa-view"), "campaign_review-voila")

    segments = rehearsal_and_result(snapshot, NAME, by=("rfm_segment",), metrics=("conversion_rate",))
    first = segments["rfm_segment"].iloc[0]
    title = page.locator("svg .role-title-text text").filter(has_text="累计转化人数")
    expect(title.first).to_have_text("累计转化人数")
    page.get_by_label("只看").select_option(first)
    chosen = rehearsal_and_result(snapshot, NAME, segment={"rfm_segment": first})
    expect_figures(page, texts(reviewed.plan, chosen))
    expect(title.first).to_contain_text(first)  # the linked chart is of the same people

    settle(page)
    rows.nth(1).click()
    second = segments["rfm_segment"].iloc[1]
    other = rehearsal_and_result(snapshot, NAME, segment={"rfm_segment": second})
    expect_figures(page, texts(reviewed.plan, other))
    expect(title.first).to_contain_text(second)
    settle(page)
    rows.nth(1).click()  # a second click takes the choice back
    expect_figures(page, texts(reviewed.plan, everybody))

    page.get_by_role("radio", name="English").or_(page.get_by_role("button", name="English")).first.click()
    expect(page.get_by_role("heading", name="Every metric")).to_be_visible()
    expect(page.get_by_text("Simulation: a prediction for recipients").first).to_be_visible()
    expect_figures(page, texts(reviewed.plan, everybody))
    settle(page)
    # values of a tag and the name of a goal are texts of the data
    expect_english(page.locator(".qa-view"), "campaign review", [*segments["rfm_segment"], "购买 · purchase"])
    page.screenshot(path=SHOTS / "campaign-review-en.png")
    expect_accessible(page)


def test_a_workspace_without_a_plan_says_how_to_make_one(
    page: Page, voila: Server, notebooks_dir: Path
) -> None:
    shutil.copy(DASHBOARD, notebooks_dir)
    open_in_voila(page, voila, DASHBOARD.name)
    expect(page.get_by_text("还没有计划")).to_be_visible(timeout=60_000)
    expect(page.locator("img.qa-picture")).to_be_visible()
    page.get_by_role("radio", name="English").or_(page.get_by_role("button", name="English")).first.click()
    expect(page.get_by_text("No plan is kept in this workspace yet")).to_be_visible()
    expect_english(page.locator(".qa-view"), "campaign review without a plan")
