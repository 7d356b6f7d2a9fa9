"""The audience library without a browser: every answer is the service's, and nothing forged is believed."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any as AnyValue

import pytest

from qa_lib.audiences import Audience, AudienceService, Base, Priority, members
from qa_lib.audiences.refresh import Keeper
from qa_lib.campaigns import Campaign, OutboxMessage, Schedule
from qa_lib.errors import ReadOnly, SpecError, UnknownName, VersionConflict
from qa_lib.jobs.campaign import plan_campaign
from qa_lib.rules import All, Any, Attribute, InAudience, Tag
from qa_lib.widgets import AudienceLibrary, RuleBuilder, audience_library
from qa_lib.workspace import Workspace

OFTEN = All(Tag("order_count_365d", ">", 5))
RARE = All(Tag("order_count_365d", "<=", 5))
VERY = All(Tag("order_count_365d", ">", 10))
YOUNG = All(Attribute("age_band", "in", ["19-24", "25-34"]))

_numbers = count(1)


def ask(library: AudienceLibrary, topic: str, **texts: AnyValue) -> dict[str, AnyValue]:
    """What the browser asks in a message; the answer that it is shown."""
    seq = next(_numbers)
    library.panel._handle_custom_msg({"ask": topic, "seq": seq, **texts}, [])
    library.panel.wait()
    answer = library.panel.answers[topic]
    assert answer["seq"] == seq
    return dict(answer)


def row(library: AudienceLibrary, name: str) -> dict[str, AnyValue]:
    """An audience in the list."""
    return next(dict(one) for one in library.panel.shelf if one["name"] == name)


@pytest.fixture
def service(workspace: Workspace, tmp_path: Path) -> Iterator[AudienceService]:
    """The company in a workspace of the test's own, open for writing."""
    root = tmp_path / "own"
    workspace.state.engine.dispose()
    shutil.copytree(workspace.root, root)
    made = Workspace.open(root, read_only=False)
    yield AudienceService(made)
    made.state.engine.dispose()


@pytest.fixture
def library(service: AudienceService) -> AudienceLibrary:
    """A library beside a builder."""
    return AudienceLibrary(service, RuleBuilder(service.snapshot, OFTEN), "en", author="Li")


def test_a_rule_is_saved_changed_compared_and_taken_back(
    service: AudienceService, library: AudienceLibrary
) -> None:
    builder = library.builder
    assert builder is not None
    answer = ask(library, "save", name="regulars", note="six orders")
    assert answer["ok"]
    assert "version 1" in answer["en"]
    shown = row(library, "regulars")
    assert shown["count"] == service.count(OFTEN)["count"] > 0
    assert (shown["fresh"], shown["author"], shown["note"]) == ("now", "Li", "six orders")
    assert shown["share"] == pytest.approx(shown["count"] / service.snapshot.people_count)
    assert not library.panel.draft["changed"]

    builder.set_state({"value": VERY.to_dict(), "seq": 1})
    assert library.panel.draft["changed"]
    assert library.panel.draft["count"] == service.count(VERY)["count"]
    before = ask(library, "compare", name="regulars", old="1", new="draft")
    found = service.diff_people(OFTEN, VERY)
    assert before["leaving_count"] == found.to_dict()["leaving_count"] > 0
    assert before["entering_count"] == 0
    assert [(c["en"], c["leaving_count"]) for c in before["changes"]] == [
        (one["label_en"], one["leaving_count"]) for one in found.by_change.to_dict("records")
    ]
    assert before["rule_hash"] == library.panel.draft["rule_hash"] == VERY.hash
    assert all("•" in person[0]["en"] for person in before["leaving"]["rows"])

    assert ask(library, "save", note="eleven orders")["ok"]
    assert row(library, "regulars")["newest"] == 2
    assert row(library, "regulars")["active"] == 1
    after = ask(library, "compare", name="regulars", old="1", new="2")
    assert after["rule_hash"] == ""
    assert {k: after[k] for k in ("old_count", "new_count", "changes")} == {
        k: before[k] for k in ("old_count", "new_count", "changes")
    }
    assert ask(library, "activate", name="regulars", version="2")["ok"]
    assert row(library, "regulars")["count"] == service.count(VERY)["count"]

    back = ask(library, "rollback", name="regulars", version="1")
    assert "version 3" in back["en"]
    assert builder.rule == OFTEN
    opened = library.panel.opened
    assert [(v["number"], v["restores"]) for v in opened["versions"]] == [(3, 1), (2, None), (1, None)]
    assert opened["active"] == 3
    assert opened["versions"][1]["sentence"] == service.sentence(VERY).to_dict()
    assert row(library, "regulars")["count"] == service.count(OFTEN)["count"]


def test_a_save_over_somebody_elses_version_says_whose_and_loads_or_overrides_it(
    service: AudienceService, library: AudienceLibrary
) -> None:
    ask(library, "save", name="regulars")
    service.save(Audience(name="regulars", rule=VERY), "Wang", "stricter", based_on=1)
    refused = ask(library, "save", note="mine")
    assert not refused["ok"]
    assert refused["conflict"]["number"] == 2
    assert (refused["conflict"]["author"], refused["conflict"]["note"]) == ("Wang", "stricter")
    assert "Wang" in refused["en"]
    assert row(library, "regulars")["newest"] == 2, "the list shows what was found"
    assert "别人" in refused["zh"]
    assert service.library.get("regulars").number == 2

    mine = library.builder.rule if library.builder else None
    assert ask(library, "compare", name="regulars", old="2", new="draft")["ok"]
    assert ask(library, "save", note="mine after all", over="2")["ok"]
    assert service.library.get("regulars").audience.rule == mine
    service.save(Audience(name="regulars", rule=YOUNG), "Wang", based_on=3)
    assert ask(library, "load", name="regulars")["ok"]
    assert library.builder is not None
    assert library.builder.rule == YOUNG
    assert ask(library, "save", note="nobody was overrun")["ok"]

    taken = AudienceLibrary(service, RuleBuilder(service.snapshot, RARE), author="Zhao")
    with pytest.raises(VersionConflict):
        taken.save("regulars")
    assert ask(taken, "save", name="regulars")["conflict"]["number"] == 5


def test_a_new_version_keeps_base_description_and_priority(
    service: AudienceService, library: AudienceLibrary
) -> None:
    service.save(Audience(name="young", rule=YOUNG), "Li")
    whole = Audience(
        name="dear", rule=OFTEN, base=Base("young"), description="dear to us", priority=Priority(weight=3)
    )
    service.save(whole, "Li")
    library.load("dear")
    assert library.builder is not None
    library.builder.rule = VERY
    saved = library.save(note="stricter")
    assert saved.audience == Audience(
        name="dear", rule=VERY, base=Base("young"), description="dear to us", priority=Priority(weight=3)
    )


def test_search_folders_tags_and_where_used(service: AudienceService, library: AudienceLibrary) -> None:
    ask(library, "save", name="regulars")
    service.save(Audience(name="young regulars", rule=YOUNG, base=Base("regulars")), "Li")
    service.save(Audience(name="others", rule=All(InAudience("regulars", member=False))), "Li")
    campaign = Campaign(
        name="spring",
        audience=Audience(name="to whom", rule=All(InAudience(audience="regulars"))),
        message=OutboxMessage(text="Hello"),
        schedule=Schedule("2018-01-02T05:00:00Z", "2018-02-01T05:00:00Z"),
    )
    plan_campaign(service.workspace, campaign)
    assert ask(library, "file", name="regulars", folder="/care/loyal/", names=["core", "core", "q3"])["ok"]
    assert (row(library, "regulars")["folder"], row(library, "regulars")["tags"]) == (
        "care/loyal",
        ["core", "q3"],
    )
    assert row(library, "regulars")["used_count"] == 3
    ask(library, "open", name="regulars")
    used = library.panel.opened["used_by"]
    assert {(one["kind"], one["name"]) for one in used} == {
        ("audience", "young regulars"),
        ("audience", "others"),
        ("campaign", "spring"),
    }
    ask(library, "save", name="alone")
    assert row(library, "alone")["used_count"] == 0


def test_sizes_are_told_with_their_freshness(service: AudienceService, library: AudienceLibrary) -> None:
    service.save(Audience(name="often", rule=OFTEN), "Li")
    library.reload()
    assert (row(library, "often")["count"], row(library, "often")["fresh"]) == (None, "")
    assert ask(library, "count")["ok"]
    assert row(library, "often")["count"] == service.count(OFTEN)["count"]
    assert row(library, "often")["counted_as_of"] == service.snapshot.stamp()["as_of"]
    service.save(Audience(name="often", rule=VERY), "Li", based_on=1)
    service.library.activate("often", 2)
    library.reload()
    assert row(library, "often")["count"] is None, "the new version was not counted yet"


def test_members_are_exported_by_their_ids_up_to_a_limit(
    service: AudienceService, library: AudienceLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.save(Audience(name="very often", rule=VERY), "Li")
    found = ask(library, "members", name="very often")
    assert found["file"] == "very_often.people.txt"
    assert found["text"].splitlines() == list(members(service.workspace, VERY)["person_id"])
    assert f"{service.count(VERY)['count']:,} people" in found["en"]
    monkeypatch.setattr(audience_library, "MOST_IDS", 3)
    assert "qa audience members" in ask(library, "members", name="very often")["en"]
    assert not ask(library, "members", name="nobody")["ok"]


def test_an_overlap_is_counted_and_a_column_of_it_becomes_the_rule(
    service: AudienceService, library: AudienceLibrary
) -> None:
    for name, rule in (("often", OFTEN), ("young", YOUNG), ("very", VERY)):
        service.save(Audience(name=name, rule=rule), "Li")
    found = ask(library, "overlap", names=["often", "young", "very"])
    union = service.count(Any(OFTEN, YOUNG, VERY))["count"]
    assert sum(one["people_count"] for one in found["rows"]) == union
    assert library.builder is not None
    for number, one in enumerate(found["rows"]):
        library.chart._picked([{"number": number}])
        assert library.builder.result["count"] == one["people_count"]
        assert ask(library, "combine", names=one["audiences"])["ok"]
        assert library.builder.result["count"] == one["people_count"]
    live = library.chart.children[0]
    assert "combination" in live.selections.trait_names()
    for forged in ([{"number": 99}], [{"number": "x"}], [{}], []):
        held = library.builder.rule
        library.chart._picked(forged)
        assert library.builder.rule == held
    assert not ask(library, "overlap", names=["often"])["ok"]
    assert "nobody" in ask(library, "overlap", names=["often", "nobody"])["en"]


def test_a_reader_builds_compares_and_downloads_and_is_refused_the_rest(
    service: AudienceService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.save(Audience(name="regulars", rule=OFTEN), "Li")
    service.save(Audience(name="regulars", rule=VERY), "Li", based_on=1)
    monkeypatch.setenv("QA_READ_ONLY", "1")
    reader = AudienceService(Workspace.open(service.workspace.root))
    library = AudienceLibrary(reader, RuleBuilder(reader.snapshot, YOUNG), "en", author="Li")
    assert library.panel.read_only
    library.panel.set_state({"read_only": False, "shelf": [], "answers": {}, "about": {}})  # forged
    assert library.panel.read_only
    assert row(library, "regulars")
    history = service.library.history("regulars")
    for topic, texts in {
        "save": {"name": "mine"},
        "rollback": {"name": "regulars", "version": "1"},
        "activate": {"name": "regulars", "version": "2"},
        "file": {"name": "regulars", "folder": "x"},
        "members": {"name": "regulars"},
    }.items():
        refused = ask(library, topic, **texts)
        assert not refused["ok"], topic
        assert "只能查看" in refused["zh"]
        assert "read-only" in refused["en"]
    with pytest.raises(ReadOnly):
        library.save("mine")
    assert service.library.history("regulars").equals(history)
    assert list(service.library.list()["name"]) == ["regulars"]

    assert ask(library, "count")["ok"]
    assert row(library, "regulars")["count"] == service.count(OFTEN)["count"]
    assert ask(library, "compare", name="regulars", old="1", new="draft")["ok"]
    draft = ask(library, "draft", name="mine/每日")
    assert draft["file"] == "mine_每日.audience.json"
    assert Audience.from_json(draft["text"]) == Audience(name="mine/每日", rule=YOUNG)
    reader.workspace.state.engine.dispose()


def test_what_cannot_be_is_said_in_both_languages(service: AudienceService, library: AudienceLibrary) -> None:
    nameless = ask(library, "save", name="  ")
    assert "no name" in nameless["en"]
    assert nameless["zh"].startswith("没有做成")
    assert "regulrs" in ask(library, "open", name="regulrs")["en"]
    ask(library, "save", name="regulars")
    assert "Did you mean 'regulars'" in ask(library, "load", name="regulrs")["en"]
    for version in ("-1", "1.5", "x", "²", "9" * 30):
        assert not ask(library, "rollback", name="regulars", version=version)["ok"], version
    assert not ask(library, "rollback", name="regulars")["ok"]
    assert not ask(library, "compare", name="regulars", old="1", new="")["ok"]
    assert library.builder is not None
    library.builder.set_state(
        {"value": {"kind": "tag", "field": "nope", "operator": "=", "value": 1}, "seq": 5}
    )
    assert library.panel.draft["has_fault"]
    assert not ask(library, "save", note="broken")["ok"]
    assert service.library.get("regulars").number == 1

    alone = AudienceLibrary(service)
    assert alone.panel.draft == {}
    for topic in ("save", "load"):
        assert not ask(alone, topic, name="regulars")["ok"]
    with pytest.raises(UnknownName):
        alone.show_audience("nobody")
    with pytest.raises(SpecError, match="no rule builder"):
        alone.draft()


@pytest.mark.parametrize(
    "content", [None, [], {"ask": "drop", "seq": 1}, {"ask": ["save"], "seq": 1}, {"ask": "save", "seq": "1"}]
)
def test_a_message_that_asks_nothing_is_left_alone(library: AudienceLibrary, content: AnyValue) -> None:
    library.panel._handle_custom_msg(content, [])
    assert library.panel.answers == {}
    assert library.panel.shelf == []


def test_what_is_saved_is_there_after_a_restart(service: AudienceService, library: AudienceLibrary) -> None:
    library.save("regulars")
    assert library.builder is not None
    library.builder.rule = VERY
    library.save(note="stricter")
    again = AudienceService(Workspace.open(service.workspace.root, read_only=False))
    resumed = AudienceLibrary(again, RuleBuilder(again.snapshot), author="Li", resume=True)
    assert resumed.builder is not None
    assert resumed.builder.rule == VERY
    assert resumed.panel.draft["version"] == 2
    assert not resumed.panel.draft["changed"]
    assert len(resumed.panel.opened["versions"]) == 2
    assert AudienceLibrary(again, author="Li", resume=True).panel.opened["name"] == "regulars"
    other = AudienceLibrary(again, RuleBuilder(again.snapshot), author="Wang", resume=True)
    assert other.panel.opened == {}
    again.workspace.state.engine.dispose()


def test_builder_and_library_speak_one_language(library: AudienceLibrary) -> None:
    assert library.builder is not None
    assert library.builder.language == "en"
    library.builder.language = "zh"
    assert library.panel.language == library.language == "zh"
    library.panel.set_state({"language": "en"})
    assert library.builder.language == "en"


def test_the_static_page_has_the_list_and_no_script(
    library: AudienceLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    assert "No audience is saved yet" in library._repr_mimebundle_()["text/html"]
    library.save("<b>regulars</b>", "six & more")
    page = library._repr_mimebundle_()["text/html"]
    assert "&lt;b&gt;regulars&lt;/b&gt;" in page
    assert "six &amp; more" in page
    assert f">{row(library, '<b>regulars</b>')['count']:,}<" in page
    assert "<script" not in page
    library.language = "zh"
    assert "人群库" in library._repr_mimebundle_()["text/html"]
    json.dumps(library.panel.get_state(["shelf", "opened", "draft", "answers"]))


def test_a_slow_question_is_answered_beside_the_rest_and_can_be_cancelled(
    service: AudienceService, library: AudienceLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, rule in (("often", OFTEN), ("young", YOUNG)):
        service.save(Audience(name=name, rule=rule), "Li")
    library.reload()
    began, let_go = threading.Event(), threading.Event()
    really = service.upset

    def slow(*names: str) -> AnyValue:
        began.set()
        assert let_go.wait(30)
        return really(*names)

    monkeypatch.setattr(service, "upset", slow)
    panel = library.panel
    panel._handle_custom_msg({"ask": "overlap", "seq": 9001, "names": ["often", "young"]}, [])
    assert began.wait(30)
    assert "overlap" not in panel.answers
    panel._handle_custom_msg({"ask": "open", "seq": 9002, "name": "young"}, [])  # the rest goes on
    assert panel.answers["open"]["ok"]
    assert panel.opened["name"] == "young"
    panel._handle_custom_msg({"ask": "cancel", "seq": 9003}, [])
    assert panel.answers["overlap"] == {
        "seq": 9001,
        "ok": False,
        "zh": "已取消，什么也没有改变。",
        "en": "Cancelled; nothing was changed.",
    }
    let_go.set()
    panel.wait()
    assert panel.answers["overlap"]["seq"] == 9001
    assert not panel.answers["overlap"]["ok"]
    assert library.chart.frame is None
    assert library.chart.children == ()
    found = ask(library, "overlap", names=["often", "young"])  # asked again
    assert found["ok"]
    assert library.chart.frame is not None


@pytest.mark.parametrize("read_only", [False, True])
def test_a_cancelled_count_keeps_what_was_counted_and_says_so(
    service: AudienceService, monkeypatch: pytest.MonkeyPatch, read_only: bool
) -> None:
    for name, rule in (("often", OFTEN), ("rare", RARE), ("young", YOUNG)):
        service.save(Audience(name=name, rule=rule), "Li")
    asked = AudienceService(Workspace.open(service.workspace.root, read_only=read_only))
    library = AudienceLibrary(asked, language="zh", author="Li")
    began, let_go = threading.Event(), threading.Event()
    step = (AudienceService, "bits") if read_only else (Keeper, "keep")
    really, done = getattr(*step), []

    def held(*given: AnyValue) -> AnyValue:
        if done:
            began.set()
            assert let_go.wait(30)
        done.append(given)
        return really(*given)

    monkeypatch.setattr(*step, held)
    library.panel._handle_custom_msg({"ask": "count", "seq": 9201}, [])
    assert began.wait(30)
    library.panel._handle_custom_msg({"ask": "cancel", "seq": 9202}, [])
    told = library.panel.answers["count"]
    assert (told["ok"], told["zh"]) == (False, "已取消：已数完的人群保留新的人数，其余不变。")
    assert "keep their new size" in told["en"]
    let_go.set()
    library.panel.wait()
    counts = {one["name"]: one["count"] for one in library.panel.shelf}
    assert library.panel.answers["count"] == told
    counted = [name for name, size in counts.items() if size is not None]
    assert 1 <= len(counted) <= len(done) < len(counts)
    assert counts[counted[0]] == service.count(service.library.get(counted[0]).audience.rule)["count"]
    asked.workspace.state.engine.dispose()


def test_a_newer_slow_question_takes_the_place_of_the_one_before(
    service: AudienceService, library: AudienceLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.save(Audience(name="often", rule=OFTEN), "Li")
    service.save(Audience(name="often", rule=VERY), "Li", based_on=1)
    began, let_go = threading.Event(), threading.Event()
    really = service.diff_people

    def slow(old: Audience, new: Audience) -> AnyValue:
        if old == new:
            began.set()
            assert let_go.wait(30)
        return really(old, new)

    monkeypatch.setattr(service, "diff_people", slow)
    first = {"ask": "compare", "seq": 9101, "name": "often", "old": "1", "new": "1"}
    library.panel._handle_custom_msg(first, [])
    assert began.wait(30)
    second = ask(library, "compare", name="often", old="1", new="2")
    let_go.set()
    assert (second["ok"], second["new"]) == (True, 2)
    assert library.panel.answers["compare"]["new"] == 2
    assert library.compared is not None
    assert library.compared.diff.new.rule == VERY


def test_a_failure_of_a_slow_question_is_said(
    service: AudienceService, library: AudienceLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: str) -> AnyValue:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(service, "upset", broken)
    told = ask(library, "overlap", names=["often", "young"])
    assert not told["ok"]
    assert "ZeroDivisionError" in told["en"]
    assert "ZeroDivisionError" in told["zh"]
