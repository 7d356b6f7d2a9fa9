"""The rule builder under a real mouse and keyboard: what is on screen is what Python counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any as AnyValue

import pandas as pd
import pytest
from browser_helpers import drag, forge, let_messages_be_forged, wait_until, write_notebook
from builder_page import BUILDERS, Builder, notebook_in_lab
from playwright.sync_api import Page, expect

from qa_lib.profiles import build
from qa_lib.rules import All, Any, Attribute, Engine, Event, Last, Tag, read_rule, sentence
from qa_lib.sources import FEEDS, land_all, write_company
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.workspace import Workspace

Show = Callable[[str], Page]

OFTEN = Tag("order_count_365d", ">=", 3)
YOUNG = Attribute("age_band", "in", ["25-34", "35-44"])
FUEL = Tag("is_fuel_buyer", "=", True)
VALUABLE = Tag("average_order_value", ">", 26)
RECENT = Tag("recency_days", "<", 60)
REDEEMED = Event("redeem", window=Last(365, "day"))
SHORT = All(OFTEN, YOUNG, Any(FUEL, RECENT))
START = All(OFTEN, YOUNG, Any(FUEL, All(VALUABLE, RECENT), REDEEMED))


@pytest.fixture(scope="module")
def one_builder(notebooks_dir: Path) -> str:
    """A notebook with one builder."""
    start = f"builder = RuleBuilder(snapshot, read_rule({START.to_json()!r}))\nshown(builder, 'first')"
    return write_notebook(notebooks_dir / "one_builder.ipynb", BUILDERS, start, source_hidden=True).name


@pytest.fixture(scope="module")
def two_builders(notebooks_dir: Path) -> str:
    """A notebook with two builders, one above the other."""
    start = f"""
first, second = (RuleBuilder(snapshot, read_rule({SHORT.to_json()!r})) for _ in range(2))
ipywidgets.VBox([shown(first, "first"), shown(second, "second")])
"""
    return write_notebook(notebooks_dir / "two_builders.ipynb", BUILDERS, start, source_hidden=True).name


def test_a_rule_is_dragged_together_and_every_count_follows(
    show: Show, one_builder: str, engine: Engine
) -> None:
    page = show(one_builder)
    builder = Builder(page, engine)
    builder.expect(START)

    drag(page, builder.handle("1"), builder.node("2.0"), 0.8)
    builder.expect(All(OFTEN, Any(FUEL, YOUNG, All(VALUABLE, RECENT), REDEEMED)))

    drag(page, builder.handle("1.2"), builder.node("0"), 0.1)
    builder.expect(All(All(VALUABLE, RECENT), OFTEN, Any(FUEL, YOUNG, REDEEMED)))

    negate = builder.node("2").get_by_test_id("qa-not").first
    negate.click()
    expect(negate).to_have_attribute("aria-pressed", "true")
    colours = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    assert len(set(negate.evaluate(colours))) == 2  # still read while the pointer rests on it
    few = Any(FUEL, YOUNG, REDEEMED, negated=True)
    builder.expect(All(All(VALUABLE, RECENT), OFTEN, few))

    item = builder.root.locator('[data-testid=qa-palette-item][data-field="attribute:marital_status"]')
    if not item.is_visible():
        builder.root.locator(".qa-palette-title").click()
    drag(page, item, builder.node("0.0"), 0.9)
    added = builder.node("0.1")
    expect(added).to_have_attribute("data-field", "attribute:marital_status")
    added.locator(".qa-suggest input").fill("Unmarried")
    added.locator(".qa-suggest input").press("Enter")
    married = Attribute("marital_status", "in", ["Married", "Unmarried"])
    builder.expect(All(All(VALUABLE, married, RECENT), OFTEN, few))

    builder.node("1").locator(".qa-number input").fill("12")
    often = Tag("order_count_365d", ">=", 12)
    builder.expect(All(All(VALUABLE, married, RECENT), often, few))

    builder.root.get_by_test_id("qa-undo").click()
    builder.expect(All(All(VALUABLE, married, RECENT), OFTEN, few))


def test_a_rule_is_rearranged_and_read_in_both_languages_by_keyboard_alone(
    show: Show, one_builder: str, engine: Engine
) -> None:
    page = show(one_builder)
    builder = Builder(page, engine)
    builder.expect(START)
    press, spoken = page.keyboard.press, page.locator("[id^=DndLiveRegion]")
    notebook = notebook_in_lab(page)

    def pick_up() -> None:
        press("Enter")
        expect(spoken).to_contain_text("已拿起 年龄段")
        page.wait_for_timeout(150)  # arrows are listened to only a moment after

    builder.handle("1").focus()
    pick_up()
    press("ArrowRight")
    expect(spoken).to_contain_text("组 3 的第 1 个位置")
    press("Enter")
    expect(spoken).to_contain_text("已放下 年龄段")
    inside = All(OFTEN, Any(YOUNG, FUEL, All(VALUABLE, RECENT), REDEEMED))
    builder.expect(inside)

    expect(builder.handle("1.0")).to_be_focused()
    press("Alt+ArrowDown")
    builder.expect(All(OFTEN, Any(FUEL, YOUNG, All(VALUABLE, RECENT), REDEEMED)))
    expect(builder.handle("1.1")).to_be_focused()
    press("Alt+ArrowDown")
    builder.expect(All(OFTEN, Any(FUEL, All(YOUNG, VALUABLE, RECENT), REDEEMED)))
    expect(builder.handle("1.1.0")).to_be_focused()
    press("Alt+ArrowUp")
    press("Alt+ArrowUp")
    builder.expect(inside)

    pick_up()
    press("ArrowDown")
    expect(spoken).to_contain_text("位置")
    press("Escape")
    expect(spoken).to_contain_text("已取消")
    for key in ("b", "x", "z"):  # in a notebook: insert a cell, cut it, undo
        press(key)
    builder.expect(inside)

    words, said = sentence(inside, engine.catalogue), builder.root.get_by_test_id("qa-sentence")
    assert words.zh != words.en
    for key, text, title in (("en", words.en, "Audience rule"), ("zh", words.zh, "人群规则")):
        builder.root.locator(f"[data-testid=qa-language] [data-key={key}]").focus()
        press("Enter")
        expect(said).to_have_text(text)
        expect(builder.root.locator("h3")).to_have_text(title)
    builder.expect(inside)
    assert notebook_in_lab(page) == notebook


def test_two_builders_on_one_page_do_not_touch_each_other(
    show: Show, two_builders: str, engine: Engine
) -> None:
    page = show(two_builders)
    page.set_viewport_size({"width": 1500, "height": 2000})
    first, second = Builder(page, engine, "first"), Builder(page, engine, "second")
    first.expect(SHORT)
    second.expect(SHORT)

    for moved, still in ((second, first), (first, second)):
        held, drawn = still.held, still.root.inner_html()
        rule = read_rule(moved.held["value"])
        drag(page, moved.handle("1"), moved.node("2.0"), 0.8)
        moved.expect(All(OFTEN, Any(FUEL, YOUNG, RECENT)))
        moved.node("1").get_by_test_id("qa-not").first.click()
        moved.expect(All(OFTEN, Any(FUEL, YOUNG, RECENT, negated=True)))
        assert rule == SHORT
        assert still.held == held
        assert still.root.inner_html() == drawn


def test_forged_messages_reach_neither_the_counts_nor_the_people(
    show: Show, page: Page, one_builder: str, engine: Engine
) -> None:
    let_messages_be_forged(page)
    builder = Builder(show(one_builder), engine)
    builder.expect(START)
    honest = builder.held

    lies = {"result": {"count": 999_999, "seq": 41}, "catalogue": {"fields": []}, "read_only": True}
    forge(page, honest["model"], {**lies, "seq": 41})
    wait_until(page, lambda: builder.held["result"]["seq"] == 41, "Python has answered the forged message")
    expect(builder.count).to_have_attribute("data-seq", "41")
    builder.expect(START)
    assert [builder.held[key] for key in ("fields", "read_only")] == [honest["fields"], False]
    entries = builder.root.get_by_test_id("qa-palette-item")
    assert entries.count() > honest["fields"]
    assert "999" not in (builder.root.text_content() or "")

    drop = {"kind": "tag", "field": 'x"; DROP TABLE people; --', "operator": "= 1 OR 1=1 --", "value": 1}
    deep: dict[str, AnyValue] = OFTEN.to_dict()
    for _ in range(100):
        deep = {"kind": "all", "of": [deep]}
    values = ({"kind": "all", "of": [drop]}, {"kind": "all", "of": [{"kind": "sql", "text": "1=1"}]}, deep)
    for seq, value in enumerate(values, start=42):
        forge(page, honest["model"], {"value": value, "seq": seq, "result": {"count": 999_999}})
        wait_until(page, lambda seq=seq: builder.held["result"]["seq"] == seq, "Python has answered")
        result = builder.held["result"]
        assert result["count"] is None
        assert result["problems"]
        expect(builder.root.get_by_test_id("qa-problems")).to_contain_text(result["problems"][0]["zh"])
        expect(builder.count.locator("b")).to_have_text("—")
        expect(builder.count).to_have_attribute("data-seq", str(seq))

    valid = All(VALUABLE, Any(FUEL, REDEEMED))
    forge(page, honest["model"], {"value": valid.to_dict(), "seq": 50, "result": {"count": 999_999}})
    builder.expect(valid)


HOSTILE = "<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def hostile_dashboards(notebooks_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Both dashboards over a workspace whose ages, departments and campaign types are markup."""
    files = write_company(tmp_path_factory.mktemp("hostile_company"), people=100)
    for feed, column, value in (
        ("demographics", "age", "35-44"),
        ("products", "department", "GROCERY"),
        ("campaign_descriptions", "campaign_type", "Type A"),
    ):
        path = files[f"journey.{feed}"]
        pd.read_parquet(path).replace({column: {value: HOSTILE}}).to_parquet(path, index=False)
    made = Workspace.create(tmp_path_factory.mktemp("hostile"), zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in files.items()]):
        pass
    build(made)
    made.state.engine.dispose()
    sources = (
        "from qa_lib import Workspace\n"
        "from qa_lib.rules import *\n"
        "from qa_lib.widgets.audience_workbench import AudienceWorkbench\n"
        "from qa_lib.widgets.campaign_results import CampaignResults\n"
        f"snapshot = Workspace.open({str(made.root)!r}, read_only=True).snapshot()",
        f"rule = Any(Attribute('age_band', '=', {HOSTILE!r}), Attribute('home_ownership', '=', 'Renter'))\n"
        "workbench = AudienceWorkbench(snapshot, rule)\n"
        "workbench.preview.compare_by('age_band')\n"
        "workbench",
        "CampaignResults(snapshot)",
    )
    return write_notebook(notebooks_dir / "hostile.ipynb", *sources, source_hidden=True).name


def test_markup_in_the_data_is_shown_as_text(show: Show, hostile_dashboards: str) -> None:
    page = show(hostile_dashboards)
    workbench = page.locator(".qa-rule-builder")
    said = workbench.get_by_test_id("qa-sentence")
    expect(said).to_contain_text(HOSTILE, timeout=60_000)
    preview, soon = page.locator(".qa-live-preview"), 60_000
    cuts, compared = preview.get_by_test_id("qa-waterfall"), preview.get_by_test_id("qa-breakdown")
    expect(cuts.locator("th", has_text=HOSTILE).first).to_be_visible(timeout=soon)  # the condition's sentence
    preview.get_by_role("tab", name="对比").click()
    expect(compared.locator("th", has_text=HOSTILE)).to_be_visible(timeout=soon)
    preview.get_by_role("tab", name="样例与原因").click()
    expect(preview.locator("td", has_text=HOSTILE).first).to_be_visible(timeout=soon)  # departments
    preview.get_by_test_id("qa-sample").get_by_role("button").first.click()
    expect(preview.get_by_test_id("qa-why")).to_contain_text(HOSTILE, timeout=soon)
    types = page.locator("select option", has_text=HOSTILE)
    assert types.count() > 0

    typed = workbench.locator('.qa-node[data-path="1"] .qa-suggest input')
    typed.fill(HOSTILE)
    expect(said).to_contain_text(f"住房 是 “{HOSTILE}”")
    workbench.locator('.qa-node[data-path="0"] .qa-suggest input').fill("<img")
    expect(workbench.get_by_role("option", name=HOSTILE)).to_be_visible()
    page.locator("[class*=campaign_rows] path").first.click()
    expect(page.locator(".qa-clear-campaign")).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("() => window.hacked") is None
