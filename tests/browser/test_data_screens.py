"""The screens of data, identity, tags and people under Voila: figures as Python's, drills, language, dark, refusals."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_helpers import figures_on, open_in_voila, wait_until
from pictures import expect_picture
from playwright.sync_api import Page, expect
from screen_checks import SCHEMES
from screens_world import BUYERS, TILLS

from qa_lib.audiences import AudienceService
from qa_lib.identity import read_resolution
from qa_lib.profiles import tags
from qa_lib.servers import Server, start_dashboards
from qa_lib.sources import loads
from qa_lib.workspace import Workspace

DASHBOARDS = Path(__file__).parents[2] / "notebooks" / "dashboards"
SHOTS = Path(__file__).parent / "shots"
LONG_MS = 60_000
#: What JupyterLab's dark theme says, as far as words on a page follow it.
_DARK = """() => { const s = document.documentElement.style;
  for (const h of document.querySelectorAll('.qa-page h2'))
    for (let e = h; e; e = e.parentElement)
      if (e.tagName === 'BODY' || getComputedStyle(e).backgroundColor !== 'rgba(0, 0, 0, 0)') e.style.background = '#111';
  for (const [k, v] of [['--jp-ui-font-color0', '#fff'], ['--jp-ui-font-color1', '#fff'], ['--jp-ui-font-color2', '#ccc'],
    ['--jp-layout-color0', '#111'], ['--jp-layout-color1', '#111'], ['--jp-widgets-label-color', '#fff']]) s.setProperty(k, v); }"""


@pytest.fixture(scope="module")
def dashboards(
    screens_workspace: Workspace, jupyter_home: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Both dashboards as they are shipped."""
    root = tmp_path_factory.mktemp("screens")
    (root / "notebooks").mkdir()
    for name in ("data_health", "people_and_tags"):
        shutil.copy(DASHBOARDS / f"{name}.ipynb", root / "notebooks")
    with start_dashboards(
        root / "notebooks",
        port=0,
        workspace=screens_workspace.root,
        runs=root / "runs",
        log=root / "voila.log",
        env=jupyter_home,
    ) as server:
        yield server


def expect_figures(page: Page, wanted: dict[str, str]) -> None:
    """The page shows each of these figures as it should read."""
    wait_until(
        page,
        lambda: wanted.items() <= figures_on(page).items(),
        f"the figures read {wanted}",
        seen=lambda: figures_on(page),
    )


def english(page: Page) -> None:
    """Every screen of the page in English."""
    for button in (
        page.get_by_role("radio", name="English").or_(page.get_by_role("button", name="English")).all()
    ):
        button.click()


def test_data_health_shows_figures_drills_and_refuses_a_decision(
    page: Page, dashboards: Server, screens_workspace: Workspace
) -> None:
    every = loads(screens_workspace)
    newest = {load.feed: load for load in every}
    resolution = read_resolution(screens_workspace)
    open_in_voila(page, dashboards, "data_health.ipynb")
    expect(page.get_by_role("heading", name="一人一号")).to_be_visible(timeout=LONG_MS)
    expect_figures(
        page,
        {
            "feeds": str(len(newest)),
            "rows_read": f"{sum(load.read_count for load in newest.values()):,}",
            "people_resolved": f"{resolution.current['person_id'].nunique():,}",
            "identifiers": f"{len(resolution.current):,}",
        },
    )
    page.locator(".qa-part-feed select").select_option(label=TILLS)
    mine = newest[TILLS]
    expect_figures(page, {"read_count": f"{mine.read_count:,}", "reject_count": f"{mine.reject_count:,}"})
    expect(page.get_by_role("heading", name="拒收的行（取值已脱敏）")).to_be_visible()
    page.locator(".qa-part-person select").select_option(index=1)
    expect(page.get_by_role("heading", name="为什么是同一个人")).to_be_visible(timeout=LONG_MS)

    accept = page.locator("button.qa-part-accept")
    expect(accept).to_be_disabled()
    accept.evaluate("e => { e.disabled = false; e.click(); }")  # what a visitor could do to the page
    expect(page.get_by_text("看板是只读的，什么也没有更改")).to_be_visible()
    assert read_resolution(screens_workspace).changes.equals(resolution.changes)

    english(page)
    expect(page.get_by_role("heading", name="Data quality")).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_role("heading", name="Who is who")).to_be_visible(timeout=LONG_MS)
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "data-health-en.png")
    page.evaluate(_DARK)
    colour = page.get_by_role("heading", name="Data quality").evaluate("e => getComputedStyle(e).color")
    assert colour == "rgb(255, 255, 255)"
    page.screenshot(path=SHOTS / "data-health-dark.png")


#: How long ago something was is a longer or a shorter text, which may need a line of its own; so may a version.
_WITHOUT_AGES = "dd span { display: none !important } dd * { white-space: nowrap !important; overflow: hidden !important }"


def test_the_start_page_looks_as_it_did(page: Page, dashboards: Server) -> None:
    page.goto(dashboards.url)
    expect(page.locator("[data-fact]").first).to_be_visible()
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect_picture(page.locator("body"), f"start_page-{scheme}", style=_WITHOUT_AGES)


def test_people_and_tags_shows_a_tag_uses_it_in_a_rule_and_explains_a_person(
    page: Page, dashboards: Server, screens_workspace: Workspace
) -> None:
    service = AudienceService(screens_workspace)
    frame = tags(service.snapshot).set_index("name")
    open_in_voila(page, dashboards, "people_and_tags.ipynb")
    expect(page.get_by_role("heading", name="一个人的全部")).to_be_visible(timeout=LONG_MS)
    expect_figures(page, {"tags_found": str(len(frame))})
    page.locator(".qa-part-search input").fill("客单价")
    page.locator(".qa-part-search input").press("Enter")
    expect_figures(page, {"tags_found": str(frame["label_zh"].str.contains("客单价").sum())})
    SHOTS.mkdir(exist_ok=True)
    # the list follows the figures, a moment later
    expect(page.locator(".qa-part-tag option")).to_have_count(2)
    page.locator(".qa-part-tag select").select_option(index=1)
    expect_figures(page, {"tag_people": f"{frame.loc['average_order_value', 'people_count']:,}"})
    page.locator(".qa-part-distribution img").scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / "people-and-tags-tag.png")
    page.locator("button.qa-part-use-in-rule").click()
    expect(page.get_by_text("已把条件加入规则").first).to_be_visible(timeout=LONG_MS)

    page.locator(".qa-part-number select").select_option(index=2)
    expect(page.get_by_text("所在人群与原因")).to_be_visible(timeout=LONG_MS)
    person = page.get_by_role("heading", name="一个人的全部").inner_text().split("·")[1].strip()
    found = service.explain(service.library.get(BUYERS).audience, person)
    state = "在内" if found.is_in else "不在"
    page.locator(".qa-part-audience select").select_option(label=f"{BUYERS} · {state}")
    head = f"此人{'在人群' if found.is_in else '不在人群'}“{BUYERS}”"
    expect(page.get_by_role("heading", name=head)).to_be_visible(timeout=LONG_MS)

    english(page)
    expect(page.get_by_role("heading", name="Tag catalogue")).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_role("heading", name="All of one person")).to_be_visible(timeout=LONG_MS)
    page.evaluate(_DARK)
    page.screenshot(path=SHOTS / "people-and-tags-dark.png")
