"""The review of identities without a browser: against the raw record and links; decisions, undo, refusals."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qa_lib.errors import ReadOnly, SpecError, UnknownName
from qa_lib.identity import explain, read_links, read_resolution
from qa_lib.identity.record import _alone
from qa_lib.widgets import IdentityReview
from qa_lib.workspace import Workspace


@pytest.fixture
def screen(screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> IdentityReview:
    monkeypatch.delenv("QA_RENDER", raising=False)
    return IdentityReview(screens_workspace, language="en")


@pytest.fixture
def own(screens_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> IdentityReview:
    """Over a workspace of the test's own."""
    monkeypatch.delenv("QA_RENDER", raising=False)
    for part in ("tables", "state.db", "workspace.json"):
        source = screens_workspace.root / part
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (tmp_path / "workspace").mkdir(exist_ok=True)
        copy(source, tmp_path / "workspace" / part)
    return IdentityReview(Workspace.open(tmp_path / "workspace", read_only=False), language="en", author="li")


def shown(screen: IdentityReview) -> str:
    assert screen._live is not None
    return screen._live.html()


def seen_links(workspace: Workspace) -> pd.DataFrame:
    links, last = read_links(workspace), read_resolution(workspace).last_at
    return links[pd.to_datetime(links["observed_at"], utc=True) < last]


def test_people_are_counted_by_their_identifiers(
    screen: IdentityReview, screens_workspace: Workspace
) -> None:
    current = read_resolution(screens_workspace).current
    each = current["person_id"].value_counts()
    wanted = each.value_counts().sort_index()
    assert (
        dict(zip(screen.sizes["identifier_count"], screen.sizes["people_count"], strict=True))
        == wanted.to_dict()
    )
    screen.size = 5
    assert set(screen.people) == set(each[each == 5].index)
    for figure, count in (("people_resolved", len(each)), ("identifiers", len(current))):
        assert f'data-figure="{figure}">{count:,}<' in shown(screen)


def test_the_graph_of_a_person_holds_exactly_the_links_at_their_identifiers(
    screen: IdentityReview, screens_workspace: Workspace
) -> None:
    links = seen_links(screens_workspace)
    current = read_resolution(screens_workspace).current
    for person in screen.people[:3]:
        screen.person = person
        mine = current[current["person_id"] == person]
        members = set(zip(mine["kind"], mine["value"], strict=True))
        pairs = {
            frozenset(((r.left_kind, r.left_value), (r.right_kind, r.right_value)))
            for r in links.itertuples()
            if {(r.left_kind, r.left_value), (r.right_kind, r.right_value)} & members
        }
        found = screen.cluster
        assert found is not None
        names = list(zip(found.nodes["kind"], found.nodes["value"], strict=True))
        assert {
            n for n, is_member in zip(names, found.nodes["is_member"], strict=True) if is_member
        } == members
        drawn = {
            frozenset((names[a], names[b]))
            for a, b, s in zip(found.edges["a"], found.edges["b"], found.edges["status"], strict=True)
            if s != "same"
        }
        assert drawn == {p for p in pairs if len(p) == 2}


def test_the_chain_of_evidence_is_that_over_all_links(
    screen: IdentityReview, screens_workspace: Workspace
) -> None:
    links, resolution = seen_links(screens_workspace), read_resolution(screens_workspace)
    screen.person = screen.people[0]
    assert screen._live is not None
    screen._live.widget("other").value = 1
    screen.wait()
    pairs = [screen.pair, (screen.members[0], screen.figures.members(screen.people[1])[0])]
    for pair in pairs:
        assert pair is not None
        wanted = explain(links, *pair, changes=resolution.changes)
        found = screen.figures.why(*pair)
        assert found.is_one_person == wanted.is_one_person
        pd.testing.assert_frame_equal(found.path, wanted.path)
    assert "One person, by" in shown(screen)


def test_no_identifier_stands_on_the_page_in_clear(screen: IdentityReview) -> None:
    screen.person = screen.people[0]
    chart = screen._graph()
    assert chart is not None
    page = shown(screen) + json.dumps(chart.to_dict(), ensure_ascii=False)
    assert [value for _, value in screen.members if len(value) > 5 and value in page] == []
    waiting = {v for row in screen.queue["identifiers"] for _, v in row if len(v) > 5}
    assert waiting
    assert [value for value in waiting if value in page] == []


def test_a_person_is_found_by_an_identifier(screen: IdentityReview) -> None:
    person = screen.people[0]
    kind, value = screen.figures.members(person)[0]
    screen.choose("find", f"{kind}:{value}")
    assert (screen.person, screen.message) == (person, "")
    for asked, words in (
        ("card:nobody", "is nobody's today"),
        ("p1", "Write an id such as"),
        ("shoe:1", "shoe"),
    ):
        screen.choose("find", asked)
        assert words in screen.message
        assert screen.person == person


def test_accepting_a_refused_link_makes_one_person_and_taking_it_back_makes_two_again(
    own: IdentityReview,
) -> None:
    before = read_resolution(own._workspace)
    own.cause = "conflict"
    row = next(
        r for r in own.queue.itertuples()
        if all(before.person(*i) for i in r.identifiers) and len({before.person(*i) for i in r.identifiers}) == 2
    )  # fmt: skip
    one, other = row.identifiers
    own.quarantine = row.change_id
    assert own._live is not None
    own._live.widget("accept").click()
    own.wait()
    assert "Recorded" in own.message
    after = read_resolution(own._workspace)
    assert after.person(*one) == after.person(*other) == min(before.person(*one), before.person(*other))  # type: ignore[type-var]
    chosen = own.figures.queue().set_index("change_id").loc[row.change_id]
    assert chosen["decision"] == "accept"
    assert "li decided" in after.changes.set_index("change_id").loc[chosen["decision_id"], "reason"]
    own.run(own.undo_decision)
    back = read_resolution(own._workspace)
    assert {back.person(*one), back.person(*other)} == {before.person(*one), before.person(*other)}
    people = back.current.set_index(["kind", "value"])["person_id"].sort_index()
    pd.testing.assert_series_equal(
        people, before.current.set_index(["kind", "value"])["person_id"].sort_index()
    )
    assert own.figures.queue().set_index("change_id")["decision"].isna().all()


def test_keeping_apart_is_recorded_once_and_a_shared_identifier_cannot_be_accepted(
    own: IdentityReview,
) -> None:
    own.quarantine = own.queue[own.queue["cause"] == "conflict"]["change_id"].iloc[0]
    own.decide("apart")
    with pytest.raises(SpecError, match="was decided: apart"):
        own.decide("apart")
    chosen = own.queue[own.queue["change_id"] == own.quarantine].iloc[0]
    assert (chosen["decision"], own._is_open(), own._is_decided()) == ("apart", False, True)
    shared = own.queue[own.queue["cause"] == "shared"]["change_id"].iloc[0]
    own.quarantine = shared
    with pytest.raises(SpecError, match="Raise the cap in Policy"):
        own.decide("accept")
    own.decide("apart")
    own.quarantine = None
    with pytest.raises(SpecError, match="Choose a row first"):
        own.decide("apart")


def test_a_merge_is_undone_from_the_screen(own: IdentityReview) -> None:
    merge = own.history[own.history["change"] == "merge"].iloc[0]
    moved = tuple(json.loads(merge["moved_identifiers"])[0])
    own.change = merge["change_id"]
    assert own._live is not None
    own._live.widget("undo_change").click()
    own.wait()
    assert "Recorded" in own.message
    assert read_resolution(own._workspace).person(*moved) == merge["other_person_id"]
    row = own.history.set_index("change_id").loc[merge["change_id"]]
    assert not row["can_undo"]
    assert "undone" in shown(own)


def test_a_dashboard_refuses_a_forged_decision_and_writes_nothing(
    screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QA_RENDER", raising=False)
    screen = IdentityReview(Workspace.open(screens_workspace.root, read_only=True), language="en")
    files = {p: p.stat().st_mtime_ns for p in (screens_workspace.root / "tables").rglob("*") if p.is_file()}
    screen.quarantine = screen.queue["change_id"].iloc[0]
    screen.change = screen.history["change_id"].iloc[0]
    assert screen._live is not None
    for name in ("accept", "keep_apart", "undo_decision", "undo_change"):
        button = screen._live.widget(name)
        assert button.disabled
        screen.message = ""
        button._handle_custom_msg({"event": "click"}, [])  # what a page could send by itself
        screen.wait()
        assert "read-only and nothing was changed" in screen.message, name
    with pytest.raises(ReadOnly):
        screen.decide("accept")
    with pytest.raises(ReadOnly):
        screen.undo(screen.change)
    after = {p: p.stat().st_mtime_ns for p in (screens_workspace.root / "tables").rglob("*") if p.is_file()}
    assert after == files


def test_unknown_names_are_refused(screen: IdentityReview) -> None:
    for trait, value in (
        ("size", 99),
        ("person", "nobody"),
        ("cause", "x"),
        ("quarantine", "c1"),
        ("change", "c1"),
    ):
        with pytest.raises(UnknownName):
            setattr(screen, trait, value)
    with pytest.raises(UnknownName):
        screen.figures.evidence.links_around(("card", "nobody"))


def test_before_anything_was_resolved_the_page_says_what_to_do(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QA_RENDER", raising=False)
    screen = IdentityReview(workspace, language="en")
    assert "`qa build`" in shown(screen)
    screen.language = "zh"
    assert "还没有归一过标识" in str(screen.static_html())


def test_the_static_page_shows_the_same_words(
    screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    screen = IdentityReview(screens_workspace)
    screen.person = screen.people[0]
    html = screen._repr_mimebundle_()["text/html"]
    assert html.count("data:image/svg+xml") == 2
    assert "为什么是同一个人" in html
    assert "<script" not in html


def files_of(workspace: Workspace) -> dict[Path, int]:
    """Every file of the tables, and when it was written."""
    tables = [p for p in (workspace.root / "tables").rglob("*") if p.is_file() and p.name != ".identity.lock"]
    return {p: p.stat().st_mtime_ns for p in tables}


def held_at(
    owner: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[threading.Event, threading.Event]:
    """A step that says when it was reached, and waits until it may go on."""
    really, reached, let_go = getattr(owner, name), threading.Event(), threading.Event()

    def held(*given: Any, **more: Any) -> Any:
        reached.set()
        assert let_go.wait(60)
        return really(*given, **more)

    monkeypatch.setattr(owner, name, held)
    return reached, let_go


@pytest.mark.parametrize("button", ["accept", "keep_apart"])
def test_a_decision_that_is_cancelled_before_it_is_saved_is_not_saved(
    own: IdentityReview, button: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.cause = "conflict"
    own.quarantine = chosen = own.queue["change_id"].iloc[0]
    assert own._live is not None
    page, before = shown(own), files_of(own._workspace)
    reached, let_go = held_at(sys.modules["qa_lib.identity.decisions"], "quarantine_decided", monkeypatch)
    own._live.widget(button).click()
    assert reached.wait(60)
    assert own._live._cancel.layout.display is None
    assert "Working" in own._live._status.value
    own._live.widget(button).click()  # a second click begins nothing
    own._live._cancel.click()
    assert "Being cancelled" in own._live._status.value
    let_go.set()
    own.wait()
    assert files_of(own._workspace) == before
    assert own.message == "Cancelled; nothing was changed."
    assert own.message in own._live._status.value
    assert (own._live._cancel.layout.display, shown(own)) == ("none", page)
    assert (own.quarantine, own._is_open()) == (chosen, True)
    monkeypatch.undo()
    own._live.widget(button).click()  # it can be asked for again
    own.wait()
    assert "Recorded" in own.message
    assert own._is_decided()


def test_a_decision_that_is_being_saved_is_saved_whole_and_says_so(
    own: IdentityReview, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.quarantine = own.queue[own.queue["cause"] == "conflict"]["change_id"].iloc[0]
    assert own._live is not None
    reached, let_go = held_at(own._workspace, "replace", monkeypatch)
    own._live.widget("accept").click()
    assert reached.wait(60)
    own._live._cancel.click()
    assert "Too late to cancel" in own._live._status.value
    let_go.set()
    own.wait()
    assert "Recorded" in own.message
    assert own._is_decided()
    saved = IdentityReview(own._workspace, language="en")
    assert saved.queue.set_index("change_id").loc[own.quarantine, "decision"] == "accept"


def test_an_undo_that_waits_for_a_build_can_be_cancelled(own: IdentityReview) -> None:
    own.change = own.history[own.history["change"] == "merge"]["change_id"].iloc[0]
    assert own._live is not None
    before = files_of(own._workspace)
    with _alone(own._workspace):  # as a build holds it while it resolves
        own._live.widget("undo_change").click()
        with pytest.raises(TimeoutError):
            own.wait(0.3)
        assert own.cancel()
        own.wait()
    assert own.message == "Cancelled; nothing was changed."
    assert files_of(own._workspace) == before
    assert own._can_undo()
