"""The screen of one person without a browser: every answer against the raw tables."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest
from screens_world import BUYERS, QUIET

from qa_lib.audiences import ACTIVE, AudienceLibrary, evaluate, explain_person
from qa_lib.errors import NothingBuilt, UnknownName
from qa_lib.rules import to_numbers
from qa_lib.widgets import PersonProfile
from qa_lib.widgets.person_profile_figures import value_text
from qa_lib.workspace import Snapshot, Workspace


@pytest.fixture(scope="module")
def now(screens_workspace: Workspace) -> Snapshot:
    return screens_workspace.snapshot()


@pytest.fixture(scope="module")
def somebody(now: Snapshot) -> str:
    """Who has most kinds of identifiers, and events."""
    frame = now.frame(
        "SELECT person_id FROM identities WHERE until_at IS NULL AND person_id IN (SELECT person_id FROM people) "
        "GROUP BY 1 ORDER BY count(*) DESC, 1"
    )
    return str(frame["person_id"].iloc[0])


@pytest.fixture
def screen(screens_workspace: Workspace, somebody: str, monkeypatch: pytest.MonkeyPatch) -> PersonProfile:
    monkeypatch.delenv("QA_RENDER", raising=False)
    return PersonProfile(screens_workspace, somebody, language="en")


def shown(screen: PersonProfile) -> str:
    assert screen._live is not None
    return screen._live.html()


def test_the_profile_is_the_row_of_the_table(screen: PersonProfile, now: Snapshot) -> None:
    row = now.frame("SELECT * FROM profile WHERE person_no = $n", {"n": screen.number}).iloc[0]
    assert len(screen.profile) == len(now.meta["tags"])
    for name, value in zip(screen.profile["name"], screen.profile["value"], strict=True):
        wanted = row[name]
        if value is None:
            assert not isinstance(wanted, list) and pd.isna(wanted), name  # noqa: PT018
        elif isinstance(value, date):
            assert pd.Timestamp(wanted).date() == value, name
        elif isinstance(value, tuple):
            assert list(value) == list(wanted), name
        else:
            assert str(value) == str(wanted) or float(value) == pytest.approx(float(wanted)), name
    known = int(screen.profile["value"].notna().sum())
    assert f'data-figure="tags_with_value">{known}<' in shown(screen)


def test_a_search_inside_keeps_the_tags_that_hold_the_words(screen: PersonProfile) -> None:
    assert "Average order value" in shown(screen)
    screen.choose("words", "fuel")
    assert "Average order value" not in shown(screen)
    screen.choose("words", "nothing like it")
    assert "Nothing fits" in shown(screen)


def test_the_timeline_counts_the_events_of_each_day(screen: PersonProfile, now: Snapshot) -> None:
    total = 0
    for name in screen.figures.events_by_name:
        raw = now.frame(f"SELECT occurred_at FROM event_{name} WHERE person_no = $n", {"n": screen.number})
        days = raw["occurred_at"].dt.tz_convert(str(now.zone)).dt.date.value_counts()
        mine = screen.days[screen.days["event"] == name]
        found = {pd.Timestamp(d).date(): n for d, n in zip(mine["day"], mine["times"], strict=True)}
        assert found == days.to_dict(), name
        total += len(raw)
    assert total > 0
    assert f'data-figure="event_count">{total:,}<' in shown(screen)
    screen.picks("event", "event")([{"event": "visit"}])
    screen.wait()
    assert set(screen.events["event"]) == {"visit"}
    newest = now.frame(
        "SELECT occurred_at FROM event_visit WHERE person_no = $n ORDER BY 1 DESC LIMIT 40",
        {"n": screen.number},
    )
    assert list(screen.events["occurred_at"]) == list(newest["occurred_at"])
    assert "Newest events · visit" in shown(screen)


def test_messages_are_those_of_the_table_without_rehearsals(
    screen: PersonProfile, screens_workspace: Workspace, somebody: str
) -> None:
    raw = screens_workspace.live_snapshot().frame("SELECT * FROM sends")
    mine = raw[(raw["person_id"] == somebody) & (raw["origin"] != "simulated")]
    assert sorted(screen.sends["campaign_id"]) == sorted(mine["campaign_id"])


def test_membership_and_reasons_are_those_of_the_engine(
    screen: PersonProfile, screens_workspace: Workspace, now: Snapshot, somebody: str
) -> None:
    library = AudienceLibrary(screens_workspace)
    found = dict(zip(screen.audiences["name"], screen.audiences["is_in"], strict=True))
    assert len(found) == 3
    for name, is_in in found.items():
        audience = library.get(name, ACTIVE).audience
        assert is_in == (screen.number in to_numbers(evaluate(now, audience).members[()])), name
    for name in (BUYERS, QUIET):
        screen.choose("audience", name)
        assert screen.message == ""
        assert screen.why is not None
        wanted = explain_person(now, library.get(name, ACTIVE).audience, somebody)
        assert screen.why.to_dict() == wanted.to_dict()
        for node in wanted.nodes:
            words = node.words.en if node.kind in ("all", "any") else node.sentence.en
            assert words in shown(screen)
    assert "buyers &lt;b&gt;" in shown(screen)


def test_identifiers_are_masked_and_those_of_the_record(
    screen: PersonProfile, now: Snapshot, somebody: str
) -> None:
    raw = now.frame(
        "SELECT kind, value FROM identities WHERE person_id = $p AND until_at IS NULL", {"p": somebody}
    )
    assert set(screen.identifiers["value"]) == set(raw["value"])
    chart = screen._timeline()
    assert chart is not None
    page = shown(screen) + json.dumps(chart.to_dict(), default=str)
    assert [v for v in raw["value"] if len(v) > 5 and v in page] == []


def test_a_person_is_found_by_id_and_by_identifier(
    screen: PersonProfile, now: Snapshot, somebody: str
) -> None:
    number = screen.number
    screen.choose("number", screen.figures.examples()[0])
    assert screen.number != number
    card = now.frame(
        "SELECT kind, value FROM identities WHERE person_id = $p AND until_at IS NULL", {"p": somebody}
    )
    for asked in (somebody, f"{card['kind'].iloc[0]}:{card['value'].iloc[0]}"):
        screen.choose("number", None)
        screen.choose("ask", "")
        screen.choose("ask", asked)
        assert (screen.number, screen.message) == (number, "")
    for asked in ("nobody", "card:nobody", "shoe:1"):
        screen.choose("ask", asked)
        assert screen.message
        assert screen.number == number
    for trait, value in (("number", 10**9), ("event", "x"), ("audience", "x")):
        with pytest.raises(UnknownName):
            setattr(screen, trait, value)


def test_nobody_chosen_says_what_to_do_and_offers_masked_examples(
    screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QA_RENDER", raising=False)
    screen = PersonProfile(screens_workspace, language="en")
    assert "Choose a person first" in shown(screen)
    assert screen._live is not None
    options = screen._live.widget("number").options
    assert len(options) == 9
    screen._live.widget("number").value = options[1][1]
    screen.wait()
    assert screen.number == options[1][1]
    assert "Choose a person first" not in shown(screen)
    screen.language = "zh"
    assert "一个人的全部" in shown(screen)


def test_the_static_page_is_whole(
    screens_workspace: Workspace, somebody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    screen = PersonProfile(screens_workspace, somebody)
    screen.audience = BUYERS
    html = screen._repr_mimebundle_()["text/html"]
    assert html.count("data:image/svg+xml") == 1
    for words in ("时间线", "发送", "标识（已脱敏）", "所在人群与原因", "客单价"):
        assert words in html or words == "时间线"
    assert "<script" not in html
    assert "<b>" not in html


def test_values_are_written_for_a_reader() -> None:
    for value, text in (
        (None, "—"),
        (True, "yes"),
        (12345, "12,345"),
        (Decimal("1234.50"), "1,234.50 USD"),
        (0.5, "0.5"),
        (float("nan"), "—"),
        (("a", "b"), "a、b"),
        (date(2017, 5, 1), "2017-05-01"),
    ):
        assert value_text(value, "en", "USD" if isinstance(value, Decimal) else "") == text


def test_without_a_snapshot_the_error_says_what_to_run(fresh_workspace: Workspace) -> None:
    with pytest.raises(NothingBuilt, match="qa build"):
        PersonProfile(fresh_workspace)
