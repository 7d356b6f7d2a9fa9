"""The screens of audiences, data, identity, tags, people and the stream in JupyterLab: accessible in light and dark,
exported, cancelled while they compute, and every word in the language that was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser_helpers import (
    SHOTS,
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
from pictures import expect_picture, measure_text_alike
from playwright.sync_api import Browser, Page, expect
from screen_checks import expect_accessible, expect_english
from screens_world import BOTH, BUYERS, ENDLESS, QUIET, TILLS

from qa_lib.charts.exporting import File
from qa_lib.charts.words import say
from qa_lib.servers import Server
from qa_lib.sources import rejects
from qa_lib.workspace import Workspace

SLOW = "spend"
NAMES = ("library", "identity", "catalogue", "quality", "profile", "board")


def cells(root: Path) -> list[str]:
    """The code of the notebook: one cell a screen, each with something chosen."""
    start = f"""
from qa_lib import Workspace
from qa_lib.audiences import AudienceService
from qa_lib.charts import show, upset_bars
from qa_lib.widgets import AudienceLibrary, DataQuality, IdentityReview, PersonProfile, TagCatalogue
from qa_lib.widgets.live_stream import LiveStreamBoard
workspace = Workspace.open({str(root)!r}, read_only=True)
library = AudienceLibrary(AudienceService(workspace))
library.show_audience({BUYERS!r})
library.overlap({BUYERS!r}, {QUIET!r}, {BOTH!r})
identity = IdentityReview(workspace)
identity.person = identity.people[0]
catalogue = TagCatalogue(workspace, tag="average_order_value")
catalogue.against = next(iter(catalogue.others))
drift = catalogue.figures.drift  # of one search the database is given something that it never ends
catalogue.figures.drift = lambda *given: catalogue.snapshot.frame({ENDLESS!r}) if catalogue.search == {SLOW!r} else drift(*given)
quality = DataQuality(workspace, feed={TILLS!r})
profile = PersonProfile(workspace)
profile.number = 3
board = LiveStreamBoard(workspace, every_s=60)
for name in {NAMES!r}:
    globals()[name].add_class("of-" + name)
"""
    return [start, *NAMES, "show(upset_bars(library.chart.frame))"]


@pytest.fixture(scope="module")
def screens(
    browser: Browser, lab: Server, notebooks_dir: Path, screens_workspace: Workspace
) -> Iterator[Page]:
    """All of them on one page of JupyterLab."""
    write_notebook(notebooks_dir / "screens_in_lab.ipynb", *cells(screens_workspace.root), source_hidden=True)
    with gated_page(browser, "screens_in_lab") as page:
        measure_text_alike(page)
        page.set_viewport_size({"width": 1500, "height": 9000})
        run_all_in_lab(page, lab, "screens_in_lab.ipynb")
        for name in NAMES:
            expect(page.locator(f".of-{name} .qa-foot")).to_be_visible(timeout=START_TIMEOUT_MS)
        for chart in (".of-library .vega-embed", ".vega-embed.has-actions"):
            expect(page.locator(f"{chart} svg.marks")).to_be_visible(timeout=START_TIMEOUT_MS)
        yield page
        stop_kernel_in_lab(page)


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_nothing_serious_is_wrong_with_any_screen(screens: Page, theme: str) -> None:
    choose_theme(screens, theme)
    SHOTS.mkdir(exist_ok=True)
    for name in NAMES:
        screens.locator(f".of-{name}").screenshot(path=SHOTS / f"{name}-{theme.lower()}.png")
    screens.locator(".of-library .qa-export summary").click()  # an open menu is looked at too
    # Vega gives the button of its own menu no name
    expect_accessible(screens, ".jp-OutputArea-output", but=(".vega-embed.has-actions details",))
    screens.locator(".of-library .qa-export summary").click()


@pytest.mark.parametrize(("name", "theme"), [*((name, "Light") for name in NAMES), ("library", "Dark")])
def test_a_screen_looks_as_it_did(screens: Page, name: str, theme: str) -> None:
    choose_theme(screens, theme)
    expect_picture(screens.locator(f".of-{name}"), f"{name}-{theme.lower()}")


@pytest.mark.parametrize(
    ("chart", "menu", "unfolded"),
    [
        (".of-library", ".qa-export", "ul"),
        (".vega-embed.has-actions", "details:has(.vega-actions)", ".vega-actions"),
    ],
)
def test_a_menu_covers_nothing_of_the_picture(screens: Page, chart: str, menu: str, unfolded: str) -> None:
    area = screens.locator(chart)
    button, drawn = area.locator(f"{menu} > summary"), area.locator("svg.marks")
    button.click()
    expect(area.locator(f"{menu} > {unfolded}")).to_be_visible()
    picture = drawn.bounding_box()
    assert picture is not None
    for part in (button, area.locator(f"{menu} > {unfolded}")):
        box = part.bounding_box()
        assert box is not None
        assert box["y"] >= picture["y"] + picture["height"]
    button.click()
    expect(area.locator(f"{menu} > {unfolded}")).to_be_hidden()


def exported(page: Page, name: str, export: str) -> File:
    """What a screen's menu downloads."""
    menu = page.locator(f".of-{name} .qa-export")
    menu.locator("summary").click()
    with page.expect_download(timeout=START_TIMEOUT_MS) as waiting:
        menu.locator(f'[data-export="{export}"]').click()
    kept = waiting.value
    return File(kept.suggested_filename, "", Path(kept.path()).read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_every_page_is_downloaded_and_opens_offline(
    screens: Page, browser: Browser, name: str, tmp_path: Path
) -> None:
    made = exported(screens, name, "page.html")
    (tmp_path / made.name).write_bytes(made.data)
    with offline_page(browser, tmp_path / made.name) as page:
        title = screens.locator(f".of-{name} :is(h2, h3)").first.text_content()
        expect(page.locator("h2").first).to_have_text(str(title))
        pictures = page.locator("img.qa-picture")
        for picture in pictures.all():
            assert picture.evaluate("image => image.complete && image.naturalWidth") > 100
        assert pictures.count() > 0
        expect_accessible(page)


def test_charts_and_tables_are_downloaded(screens: Page) -> None:
    assert exported(screens, "library", "overlap_chart.png").data.startswith(b"\x89PNG")
    assert exported(screens, "library", "shelf.csv").data.decode("utf-8-sig").count(BUYERS.split("<")[0]) >= 1
    assert b"<svg" in exported(screens, "quality", "strips_chart.svg").data


@pytest.mark.parametrize(
    ("language", "cancel", "said"),
    [("English", "Cancel", "Cancelled; nothing was changed."), ("中文", "取消", "已取消，什么也没有改变。")],
)
def test_what_takes_long_is_cancelled_and_the_screen_goes_on(
    screens: Page, language: str, cancel: str, said: str
) -> None:
    catalogue, quality = screens.locator(".of-catalogue"), screens.locator(".of-quality")
    catalogue.get_by_role("radio", name=language).or_(catalogue.get_by_role("button", name=language)).click()
    button, search = catalogue.locator("button.qa-cancel"), catalogue.locator(".qa-part-search input")
    status = catalogue.locator("div[role=status]")
    expect(search).to_have_attribute("placeholder", say("hint_search", "en" if cancel == "Cancel" else "zh"))
    expect(button).to_be_hidden()
    before = figures_on(screens)

    search.fill(SLOW)
    search.press("Enter")
    expect(button).to_be_visible(timeout=START_TIMEOUT_MS)
    expect(button).to_have_text(cancel)
    expect(catalogue.get_by_role("progressbar")).to_be_visible()
    catalogue.screenshot(path=SHOTS / f"catalogue-working-{cancel}.png")
    expect_accessible(screens, ".of-catalogue")
    quality.locator(".qa-part-load select").select_option(index=2)  # the other screens go on meanwhile
    wait_until(screens, lambda: figures_on(screens) != before, "the other screen shows another load")
    quality.locator(".qa-part-load select").select_option(index=0)
    wait_until(screens, lambda: figures_on(screens) == before, "the other screen shows the newest load")

    button.click()
    expect(status).to_have_text(said, timeout=START_TIMEOUT_MS)
    expect(button).to_be_hidden()
    expect(search).to_have_value("")
    assert figures_on(screens) == before
    search.fill("order")
    search.press("Enter")
    wait_until(screens, lambda: figures_on(screens) != before, "what was searched for then is found")
    expect(status).to_have_text("")
    search.fill("")
    search.press("Enter")
    wait_until(screens, lambda: figures_on(screens) == before, "all is as it was")


def test_every_word_is_of_the_language_that_was_chosen(screens: Page, screens_workspace: Workspace) -> None:
    # what stays: columns of files, and stages of a life cycle, whose values are in both languages
    columns = rejects(screens_workspace)["column_name"].unique()
    for name in NAMES:
        screen = screens.locator(f".of-{name}")
        screen.get_by_role("radio", name="English").or_(screen.get_by_role("button", name="English")).click()
    for name in NAMES:
        expect_english(screens.locator(f".of-{name}"), name, ["件", "未购 never bought", *columns])
