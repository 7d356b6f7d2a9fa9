"""The catalogue of tags without a browser: search, values, drift and uses as pandas finds them."""

from __future__ import annotations

import threading
import time
from datetime import date

import pandas as pd
import pytest
from screens_world import BOTH, BUYERS, ENDLESS

from qa_lib.audiences import evaluate
from qa_lib.errors import ReadOnly, SpecError, UnknownName
from qa_lib.profiles import catalogue, tags
from qa_lib.profiles.drift import drift
from qa_lib.rules import All, Not, Tag, check
from qa_lib.widgets import TagCatalogue
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.workspace import Snapshot, Workspace


@pytest.fixture(scope="module")
def now(screens_workspace: Workspace) -> Snapshot:
    return screens_workspace.snapshot()


@pytest.fixture
def screen(screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> TagCatalogue:
    monkeypatch.delenv("QA_RENDER", raising=False)
    return TagCatalogue(screens_workspace, language="en")


def shown(screen: TagCatalogue) -> str:
    assert screen._live is not None
    return screen._live.html()


def test_search_and_filters_find_what_a_reader_of_the_frame_would(
    screen: TagCatalogue, now: Snapshot
) -> None:
    frame = tags(now)
    assert list(screen.found["name"]) == list(frame["name"])
    screen.choose("search", "ORDER 365")
    wanted = [
        r["name"] for r in frame.to_dict("records")
        if all(w in " ".join([r["name"], r["label_zh"], r["label_en"], r["description_zh"], r["description_en"],
                              *[g for e in now.meta["tags"] if e["spec"]["name"] == r["name"] for g in e["group"]]]).lower()
               for w in ("order", "365"))
    ]  # fmt: skip
    assert wanted
    assert list(screen.found["name"]) == wanted
    screen.choose("search", "")
    screen.type = "boolean"
    assert list(screen.found["name"]) == list(frame[frame["type"] == "boolean"]["name"])
    screen.type, screen.family = None, "demographics"
    assert set(screen.found["family"]) == {"demographics"}
    assert f'data-figure="tags_found">{len(screen.found)}<' in shown(screen)
    screen.choose("search", "no such tag anywhere")
    assert screen.found.empty
    assert "No tag fits" in shown(screen)


@pytest.mark.parametrize("name", ["preferred_department", "is_fuel_buyer", "age_band"])
def test_people_are_counted_by_value(screen: TagCatalogue, now: Snapshot, name: str) -> None:
    values = now.frame(f"SELECT {name} AS v FROM profile")["v"].dropna()
    wanted = (
        values.map({True: "yes", False: "no"}).value_counts()
        if name.startswith("is_")
        else values.value_counts()
    )
    found = screen.figures.counts(name, "en")
    assert dict(zip(found["value"], found["people_count"], strict=True)) == wanted.to_dict()


def test_the_summary_of_a_number_and_of_a_day(screen: TagCatalogue, now: Snapshot) -> None:
    values = now.frame("SELECT average_order_value AS v, last_order_on AS d FROM profile")
    numbers = values["v"].dropna().astype(float)
    found = screen.figures.summary("average_order_value")
    assert found["median"] == pytest.approx(numbers.median())
    assert found["mean"] == pytest.approx(numbers.mean())
    assert (found["smallest"], found["largest"]) == (numbers.min(), numbers.max())
    assert found["distinct_values"] == numbers.nunique()
    days = pd.to_datetime(values["d"]).dropna()
    assert screen.figures.summary("last_order_on")["largest"] == days.max().date()


def test_drift_is_that_of_the_two_snapshots(screen: TagCatalogue, now: Snapshot) -> None:
    (name,) = screen.others
    screen.choose("search", "spend")
    screen.choose("tag", "spend_amount_90d")
    screen.choose("against", name)
    compared = [
        n for n in screen.found["name"] if screen.figures.tag(n)["type"] in ("number", "text", "boolean")
    ]
    assert screen.drift is not None
    pd.testing.assert_frame_equal(screen.drift, drift(screen.others[name], now, compared))
    row = screen.drift.set_index("name").loc["spend_amount_90d"]
    assert f"PSI {row['psi']:.3f}" in shown(screen)
    assert screen._drift_chart() is not None
    screen.choose("against", None)
    assert screen.drift is None


def test_a_tag_says_where_it_is_used_and_where_it_comes_from(screen: TagCatalogue) -> None:
    assert screen.used["order_count_365d"] == [BUYERS]
    assert screen.used["average_order_value"] == [BOTH]
    screen.tag = "order_count_365d"
    page = shown(screen)
    assert "buyers &lt;b&gt;&amp; co&lt;/b&gt;" in page
    assert "Lineage: " in page
    assert "→ order_count_365d" in page
    screen.tag = "tenure_days"
    assert "No active audience uses it yet" in shown(screen)


def test_every_tag_gives_a_condition_that_fits_and_selects_somebody(
    screen: TagCatalogue, now: Snapshot
) -> None:
    known = catalogue(now)
    covered = {r.name: r.people_count for r in screen.figures.tags.itertuples()}
    for name in screen.figures.names:
        condition = screen.figures.condition(name)
        assert check(All(condition), known) == [], name
        if covered[name] and condition.operator != "=":
            assert evaluate(now, All(condition)).count > 0, name


def test_a_condition_goes_into_the_rule_that_stands_in_the_builder(
    screens_workspace: Workspace, now: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QA_RENDER", raising=False)
    builder = RuleBuilder(now, All(Tag("is_fuel_buyer", "=", True)))
    screen = TagCatalogue(screens_workspace, builder=builder, tag="order_count_365d", language="en")
    assert screen._live is not None
    screen._live.widget("use_in_rule").click()
    screen.wait()
    assert "added to the rule" in screen.message
    rule = All(Tag("is_fuel_buyer", "=", True), screen.figures.condition("order_count_365d"))
    assert builder.rule == rule
    assert builder.evaluation is not None
    assert builder.evaluation.count == evaluate(now, rule).count
    negated = Not(All(Tag("is_fuel_buyer", "=", True)))
    builder.rule = negated
    screen.use_in_rule()
    assert builder.rule == All(negated, screen.figures.condition("order_count_365d"))
    locked = TagCatalogue(now, builder=RuleBuilder(now, read_only=True), tag="tenure_days")
    with pytest.raises(ReadOnly):
        locked.use_in_rule()
    with pytest.raises(SpecError):
        TagCatalogue(now, tag="tenure_days").use_in_rule()


def test_names_that_are_not_there_are_said(screen: TagCatalogue) -> None:
    for trait in ("tag", "family", "type", "owner", "against"):
        screen.choose(trait, "<b>no such</b>")
        assert "Unknown" in screen.message, trait
        assert getattr(screen, trait) is None
    with pytest.raises(UnknownName):
        screen.figures.tag("no_such_tag")


def test_the_static_page_reads_in_both_languages(
    screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    for language, words in (("zh", "标签目录"), ("en", "Tag catalogue")):
        screen = TagCatalogue(screens_workspace, tag="average_order_value", language=language)
        screen.against = next(iter(screen.others))
        html = screen._repr_mimebundle_()["text/html"]
        assert words in html
        assert html.count("data:image/svg+xml") == 3
        assert "<script" not in html


def test_a_drift_that_takes_long_is_cancelled_in_the_database_and_the_page_stays(
    screen: TagCatalogue, now: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = screen.others
    assert screen._live is not None
    control, page, asked = screen._live.widget("against"), shown(screen), threading.Event()

    def endless(*_: object) -> pd.DataFrame:
        asked.set()
        return now.frame(ENDLESS)

    monkeypatch.setattr(screen.figures, "drift", endless)
    control.value = name
    assert asked.wait(60)
    screen._live.widget("tag").value = "spend_amount_90d"  # waits its turn, and is given up with it
    while screen._work._work is not None:  # a query that has not begun yet is not there to be interrupted
        screen.cancel()
        time.sleep(0.02)
    assert (screen.against, control.value, screen.tag) == (None, "", None)
    assert screen._live.widget("tag").value == ""
    assert screen.message == "Cancelled; nothing was changed."
    assert shown(screen) == page
    monkeypatch.undo()
    monkeypatch.delenv("QA_RENDER", raising=False)
    control.value = name
    screen._live.widget("tag").value = "spend_amount_90d"
    screen.wait()
    assert screen.drift is not None
    assert (screen.against, screen.tag, screen.message) == (name, "spend_amount_90d", "")
    assert "PSI" in shown(screen)


def test_a_newer_choice_of_a_list_takes_the_place_of_the_older(
    screen: TagCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert screen._live is not None
    control, really = screen._live.widget("tag"), screen.figures.summary
    reached, let_go = threading.Event(), threading.Event()

    def held(name: str) -> dict[str, float | int | date]:
        if name == "tenure_days":
            reached.set()
            assert let_go.wait(60)
        return really(name)

    monkeypatch.setattr(screen.figures, "summary", held)
    seen: list[str | None] = []
    screen.observe(lambda change: seen.append(change["new"]), "tag")
    control.value = "tenure_days"
    assert reached.wait(60)
    control.value = "age_band"
    control.value = "order_count_365d"
    let_go.set()
    screen.wait()
    assert seen == ["tenure_days", None, "order_count_365d"]
    assert (screen.tag, control.value, screen.message) == ("order_count_365d", "order_count_365d", "")
    assert "→ order_count_365d" in shown(screen)
