"""The screen of data quality without a browser: figures as pandas counts them, drills, masks, empty states."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime

import pandas as pd
import pytest
from screens_world import TILLS

from qa_lib.charts.showing import Picked
from qa_lib.errors import NothingBuilt, UnknownName
from qa_lib.sources import column_report, loads, rejects
from qa_lib.widgets import DataQuality
from qa_lib.widgets.masking import masked_text, masked_value, shown_id
from qa_lib.widgets.screen import KEPT
from qa_lib.workspace import Workspace

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
FIGURE = re.compile(r'<span class="qa-figure" data-figure="(\w+)">([^<]*)</span>')


@pytest.fixture
def screen(screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> DataQuality:
    monkeypatch.delenv("QA_RENDER", raising=False)
    return DataQuality(screens_workspace, language="en", as_of=AT)


def shown(screen: DataQuality) -> str:
    assert screen._live is not None
    return screen._live.html()


def test_every_feed_stands_with_its_newest_load_and_its_age(
    screen: DataQuality, screens_workspace: Workspace
) -> None:
    every = pd.DataFrame([vars(load) for load in loads(screens_workspace)])
    newest = every.groupby("feed").last()
    frame = screen.feeds.set_index("feed")
    assert set(frame.index) == set(newest.index)
    assert (frame["load_count"] == every.groupby("feed").size()).all()
    for column in ("read_count", "reject_count", "new_count"):
        assert (frame[column] == newest[column]).all()
    accepted = newest["new_count"] + newest["replaced_count"] + newest["left_count"]
    assert (frame["accepted_count"] == accepted).all()
    ages = (pd.Timestamp(AT) - pd.to_datetime(newest["newest_at"], utc=True)).dt.total_seconds() / 3600
    for name, row in frame.iterrows():
        agreed = newest.loc[name, "fresh_hours"]
        wanted = "no_contract" if pd.isna(agreed) else "fresh" if ages[name] <= agreed else "stale"
        assert row["state"] == wanted, name
    texts = dict(FIGURE.findall(shown(screen)))
    assert texts["feeds"] == str(len(newest))
    assert texts["rows_read"] == f"{newest['read_count'].sum():,}"
    assert texts["stale_feeds"] == str((frame["state"] == "stale").sum())
    assert texts["rejected_rate"] == f"{newest['reject_count'].sum() / newest['read_count'].sum():.1%}"
    assert screen.every_load["state"].value_counts()["schema"] == sum(map(bool, every["new_columns"]))


def test_a_feed_drills_into_its_loads_and_a_load_into_its_rejects(
    screen: DataQuality, screens_workspace: Workspace
) -> None:
    assert screen._live is not None
    control = screen._live.widget("feed")
    control.value = TILLS
    screen.wait()
    assert screen.feed == TILLS
    mine = loads(screens_workspace, TILLS)
    assert list(screen.history["read_count"]) == [load.read_count for load in mine]
    faults = rejects(screens_workspace)
    faults = faults[(faults["feed"] == TILLS) & (faults["content_hash"] == mine[-1].content_hash)]
    wanted = faults.groupby(["column_name", "reason"]).size()
    found = screen.reasons.set_index(["column", "reason"])["reject_count"]
    assert len(wanted) > 1
    assert found.to_dict() == wanted.to_dict()
    assert len(screen.examples) == min(12, len(faults))
    pd.testing.assert_series_equal(screen.columns["drift"], column_report(screens_workspace, TILLS)["drift"])
    screen._live.widget("load").value = 1
    screen.wait()
    assert screen.load == 1
    assert screen.reasons.empty
    assert "This load rejected no row" in shown(screen)
    assert dict(FIGURE.findall(shown(screen)))["read_count"] == f"{mine[0].read_count:,}"
    control.value = ""
    screen.wait()
    assert (screen.feed, screen.load) == (None, None)


def test_values_of_rejected_rows_are_masked(screen: DataQuality, screens_workspace: Workspace) -> None:
    screen.feed = TILLS
    raw = {v for v in rejects(screens_workspace)["value"].dropna() if len(v) > 1}
    assert raw
    page = shown(screen) + str(screen.reasons.to_dict()) + str(screen.examples.to_dict())
    assert not [value for value in raw if f">{value}<" in page or f"'{value}'" in page]
    assert "•" in page


@pytest.mark.parametrize("value", ["13800138000", "a@example.com", "x" * 64, "ab", ""])
def test_a_mask_never_shows_more_than_six_characters(value: str) -> None:
    for mask in (masked_text, masked_value):
        assert len(mask(value).replace("•", "").replace("—", "")) <= min(6, max(len(value) - 1, 0))
    assert shown_id("p000000012") == "p000000012"
    assert shown_id(None) == masked_value(None) == "—"


def test_a_click_chooses_and_a_forged_name_is_said_and_changes_nothing(screen: DataQuality) -> None:
    callback = screen.picks("feed", "feed")

    def pick(picked: Picked) -> None:
        callback(picked)
        screen.wait()

    pick([{"feed": TILLS}])
    assert screen.feed == TILLS
    pick([{"feed": "<script>alert(1)</script>"}])
    assert screen.feed == TILLS
    assert "Unknown feed '<script>" in screen.message
    assert screen._live is not None
    assert "&lt;script&gt;" in screen._live._status.value
    pick([])
    assert screen.feed is None
    with pytest.raises(UnknownName, match=r"has no load|Unknown load"):
        screen.load = 3
    with pytest.raises(UnknownName):
        screen.figures.load(TILLS, 99)


def test_an_answer_is_computed_once_and_old_ones_are_dropped(screen: DataQuality) -> None:
    asked: list[int] = []

    def ask(n: int) -> int:
        return screen.once(("n", n), lambda: asked.append(n) or n)  # type: ignore[func-returns-value]

    assert [ask(1), ask(1)] == [1, 1]
    assert asked == [1]
    for n in range(2, 2 + KEPT):
        ask(n)
    assert ask(1) == 1
    assert asked.count(1) == 2
    assert len(screen._known) == KEPT


def test_what_nobody_foresaw_is_said_on_the_screen(screen: DataQuality) -> None:
    screen.run(lambda: str(1 / 0))
    assert "ZeroDivisionError" in screen.message
    screen.choose("feed", TILLS)
    assert screen.message == ""


def test_the_static_page_has_the_same_figures_in_both_languages(
    screen: DataQuality, screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen.feed = TILLS
    monkeypatch.setenv("QA_RENDER", "static")
    static = DataQuality(screens_workspace, language="en", feed=TILLS, as_of=AT)
    html = static._repr_mimebundle_()["text/html"]
    assert FIGURE.findall(html) == FIGURE.findall(shown(screen))
    assert html.count("data:image/svg+xml") == 4
    assert "<script" not in html
    zh = str(DataQuality(screens_workspace, feed=TILLS, as_of=AT)._header())
    assert "数据质量" in zh
    screen.language = "zh"
    assert "数据质量" in shown(screen)


def test_an_empty_workspace_says_how_to_load(fresh_workspace: Workspace) -> None:
    screen = DataQuality(fresh_workspace, language="en")
    assert "qa sources load" in shown(screen)
    assert screen.feeds.empty
    assert "data:image" not in str(screen.static_html())


def test_the_columns_of_an_earlier_load_are_read_beside_the_load_before_it(
    screens_workspace: Workspace,
) -> None:
    number = len(loads(screens_workspace, TILLS))
    pd.testing.assert_frame_equal(
        column_report(screens_workspace, TILLS, number), column_report(screens_workspace, TILLS)
    )
    first = column_report(screens_workspace, TILLS, 1)
    assert first["recorded_rate_before"].isna().all()
    with pytest.raises(NothingBuilt, match="has no load 99"):
        column_report(screens_workspace, TILLS, 99)


def test_a_drill_that_is_cancelled_leaves_the_page_as_it_was(
    screen: DataQuality, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert screen._live is not None
    screen.language = "zh"
    screen.choose("feed", TILLS)
    page, control, really = screen._live.html(), screen._live.widget("load"), screen.figures.columns
    reached, let_go = threading.Event(), threading.Event()

    def held(feed: str, number: int | None) -> pd.DataFrame:
        reached.set()
        assert let_go.wait(60)
        return really(feed, number)

    monkeypatch.setattr(screen.figures, "columns", held)
    control.value = 1
    assert reached.wait(60)
    assert screen.cancel()
    let_go.set()
    screen.wait()
    assert (screen.load, control.value, screen._live.html()) == (None, "", page)
    assert screen.message == "已取消，什么也没有改变。"
    assert not screen.cancel()  # nothing goes on
    control.value = 1
    screen.wait()
    assert (screen.load, screen.message) == (1, "")
    assert screen._live.html() != page
