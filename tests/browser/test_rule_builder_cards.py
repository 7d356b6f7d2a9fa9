"""Sequences and other cards under a real mouse and by keyboard alone: what is built is what Python counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from browser_helpers import drag, wait_until, write_notebook
from builder_page import BUILDERS, Builder, notebook_in_lab
from playwright.sync_api import Locator, Page, expect

from qa_lib.rules import All, Attribute, Engine, Event, Last, RandomSplit, Sequence, Step, Tag

Show = Callable[[str], Page]
FREQUENT = Tag("order_count_365d", ">=", 3)


@pytest.fixture(scope="module")
def started(notebooks_dir: Path) -> str:
    """A notebook with a builder that holds one condition."""
    start = "from qa_lib.rules import *\nbuilder = RuleBuilder(snapshot, All(Tag('order_count_365d', '>=', 3)))\nshown(builder, 'first')"
    return write_notebook(notebooks_dir / "started.ipynb", BUILDERS, start, source_hidden=True).name


def test_a_three_step_sequence_is_built_by_drag(show: Show, started: str, engine: Engine) -> None:
    page = show(started)
    builder = Builder(page, engine)
    builder.expect(All(FREQUENT))
    card, steps = builder.node("1"), builder.node("1").get_by_test_id("qa-step")

    drag(page, palette(builder, "sequence:"), builder.node("0"), 0.9)
    builder.expect(All(FREQUENT, Sequence([Step("purchase"), Step("visit")], window=Last(30, "day"))))
    drag(page, palette(builder, "event:browse"), steps.nth(0), 0.1)
    expect(steps).to_have_count(3)
    expect(steps.nth(0).get_by_label("行为", exact=True)).to_have_value("browse")
    steps.nth(1).get_by_label("行为", exact=True).select_option("purchase")
    steps.nth(2).get_by_label("行为", exact=True).select_option("cart")
    card.get_by_label("时间窗口").select_option("ever")
    builder.expect(All(FREQUENT, Sequence([Step("browse"), Step("purchase"), Step("cart")])))
    drag(page, steps.nth(2).locator(".qa-handle"), steps.nth(1), 0.1)
    in_order = [Step("browse"), Step("cart"), Step("purchase")]
    builder.expect(All(FREQUENT, Sequence(in_order)))

    card.get_by_test_id("qa-same").get_by_role("button", name="商品").click()
    builder.expect(All(FREQUENT, Sequence(in_order, same=["item_id"])))
    gap = steps.nth(2).get_by_role("group", name="与上一步的间隔")
    gap.locator("select").first.select_option("within")
    gap.locator("input").fill("2")
    soon = [*in_order[:2], Step("purchase", within={"n": 2, "unit": "day"})]
    builder.expect(All(FREQUENT, Sequence(soon, same=["item_id"])))
    steps.nth(1).get_by_label("与上一步的关系").select_option("immediately")
    journey = Sequence(
        [
            Step("browse"),
            Step("cart", immediately=True),
            Step("purchase", within={"n": 2, "unit": "day"}),
        ],
        same=["item_id"],
    )
    builder.expect(All(FREQUENT, journey))
    assert 0 < builder.held["result"]["nodes"]["1"] < engine.size

    # a step of an absence is never first: it is not dropped there
    steps.nth(1).get_by_label("与上一步的关系").select_option("absent")
    never = Sequence([journey.steps[0], Step("cart", absent=True), journey.steps[2]], same=journey.same)
    builder.expect(All(FREQUENT, never))
    drag(page, steps.nth(1).locator(".qa-handle"), steps.nth(0), 0.1)
    builder.expect(All(FREQUENT, never))
    builder.root.get_by_test_id("qa-undo").click()
    builder.expect(All(FREQUENT, journey))

    # locked, it cannot be changed, moved or removed
    card.get_by_test_id("qa-lock").click()
    expect(steps.nth(0).locator("select").first).to_be_disabled()
    expect(card.locator(".qa-handle")).to_have_count(0)
    expect(card.get_by_test_id("qa-remove")).to_be_disabled()
    card.get_by_test_id("qa-lock").click()
    expect(steps.nth(0).locator(".qa-handle")).to_be_visible()


def test_a_three_step_sequence_is_built_by_keyboard_alone(show: Show, started: str, engine: Engine) -> None:
    page = show(started)
    builder = Builder(page, engine)
    builder.expect(All(FREQUENT))
    press, card = page.keyboard.press, builder.node("1")
    steps = card.get_by_test_id("qa-step")
    notebook = notebook_in_lab(page)

    builder.root.get_by_role("searchbox").focus()
    page.keyboard.type("序列")
    tab_to(page, palette(builder, "sequence:"))
    press("Enter")
    expect(steps).to_have_count(2)
    expect(card.locator("select").first).to_be_focused()
    for at, event in enumerate(("purchase", "browse")):
        tab_to(page, steps.nth(at).get_by_label("行为", exact=True))
        choose(page, event)
    tab_to(page, card.get_by_test_id("qa-add-step"))
    press("Enter")
    expect(steps.nth(2).locator(".qa-handle")).to_be_focused()
    tab_to(page, steps.nth(2).get_by_label("行为", exact=True))
    choose(page, "cart")
    tab_to(page, card.get_by_label("时间窗口"))
    choose(page, "ever")
    builder.expect(All(FREQUENT, Sequence([Step("purchase"), Step("browse"), Step("cart")])))

    # up to the first place at once, and back again; then picked up and put down
    back_to(page, steps.nth(1).locator(".qa-handle"))
    press("Alt+ArrowUp")
    builder.expect(All(FREQUENT, Sequence([Step("browse"), Step("purchase"), Step("cart")])))
    expect(steps.nth(0).locator(".qa-handle")).to_be_focused()
    tab_to(page, steps.nth(2).locator(".qa-handle"))
    press("Enter")
    spoken = page.locator("[id^=DndLiveRegion]")
    expect(spoken).to_contain_text("已拿起 第 3 步")
    page.wait_for_timeout(150)  # arrows are listened to only a moment after
    press("ArrowUp")
    expect(spoken).to_contain_text("序列 2 的步骤 的第 2 个位置")
    press("Enter")
    expect(steps.nth(1).locator(".qa-handle")).to_be_focused()
    in_order = All(FREQUENT, Sequence([Step("browse"), Step("cart"), Step("purchase")]))
    builder.expect(in_order)
    assert 0 < builder.held["result"]["nodes"]["1"] < engine.size
    press("Control+z")
    builder.expect(All(FREQUENT, Sequence([Step("browse"), Step("purchase"), Step("cart")])))
    press("Control+Shift+z")
    builder.expect(in_order)
    assert notebook_in_lab(page) == notebook  # no key of ours was taken for one of the notebook's


def test_values_are_found_rules_are_pasted_and_faults_stand_at_their_card(
    show: Show, started: str, engine: Engine
) -> None:
    page = show(started)
    builder = Builder(page, engine)
    builder.expect(All(FREQUENT))
    bought = Event("purchase", where=All(Attribute("department", "=", "x")), window=Last(365, "day"))
    pasted = All(bought, RandomSplit("half", 0, 0.5))

    builder.root.get_by_test_id("qa-source").click()
    text = builder.root.get_by_label("规则 JSON")
    text.fill(pasted.to_json(indent=1)[:-1])
    builder.root.get_by_test_id("qa-apply-json").click()
    expect(builder.root.get_by_test_id("qa-json-problems")).to_contain_text("不是 JSON")
    text.press("End")
    text.fill(pasted.to_json().replace("purchase", ""))
    builder.root.get_by_test_id("qa-apply-json").click()
    expect(builder.root.get_by_test_id("qa-json-problems")).to_contain_text("行为：不能为空")
    builder.expect(All(FREQUENT))  # nothing was lost
    text.fill(pasted.to_json())
    builder.root.get_by_test_id("qa-apply-json").click()
    builder.expect(pasted)
    builder.root.get_by_role("button", name="SQL（只读）").click()
    expect(builder.root.get_by_test_id("qa-sql")).to_contain_text("event_purchase")

    # a value that the catalogue did not send along is asked of Python
    value = builder.node("0").get_by_role("combobox", name="值")
    value.fill("gro")
    option = page.get_by_role("option", name="GROCERY").first
    option.click()
    grocery = All(
        Event("purchase", where=All(Attribute("department", "=", "GROCERY")), window=Last(365, "day")),
        pasted.of[1],
    )
    builder.expect(grocery)

    low = builder.node("1").get_by_label("从")
    low.fill("70")
    wait_until(page, lambda: builder.held["result"]["count"] is None, "Python refuses the share")
    expect(builder.node("1").get_by_test_id("qa-node-problems")).to_contain_text(
        "下限（0.7）须小于上限（0.5）"
    )
    assert list(builder.held["result"]["nodes"]) == ["0"]  # the other condition is counted all the same
    low.fill("25")
    builder.expect(All(grocery.of[0], RandomSplit("half", 0.25, 0.5)))


def palette(builder: Builder, key: str) -> Locator:
    """The entry of the palette, which a narrow page folds away."""
    item = builder.root.locator(f'[data-testid=qa-palette-item][data-field="{key}"]')
    if not item.is_visible():
        builder.root.locator(".qa-palette-title").click()
    return item


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press Tab until the focus is there: everything is reached by keyboard."""
    for _ in range(120):
        if target.evaluate("e => e === e.getRootNode().activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{target} is not reached by {key}")


def back_to(page: Page, target: Locator) -> None:
    tab_to(page, target, "Shift+Tab")


def choose(page: Page, value: str) -> None:
    """Choose an option of the select that has the focus, by the arrow keys."""
    here = "() => document.activeElement.value"
    page.keyboard.press("Home")
    for _ in range(30):
        if page.evaluate(here) == value:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{value!r} is not among the options: {json.dumps(page.evaluate(here))}")
