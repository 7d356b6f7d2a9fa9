"""The live preview without a browser: its parts are the service's answers, old ones are dropped, all can be cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any as AnyValue

import ipywidgets
import pandas as pd
import pytest

from qa_lib.audiences import AudienceService, masked, preview, sampled
from qa_lib.campaigns import reach, read_addresses
from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import All, Any, Attribute, Event, Last, Rule, Tag
from qa_lib.widgets import AudienceLibrary, LivePreview, RuleBuilder, live_preview
from qa_lib.widgets.library_rows import shelf_rows
from qa_lib.widgets.preview_parts import PARTS, TABS, json_rows
from qa_lib.workspace import Snapshot, Workspace

RULE = All(Tag("order_count_365d", ">", 5), Event("visit", window=Last(30, "day")))
OTHER = All(Tag("order_count_365d", "<=", 5))


@pytest.fixture(scope="module")
def service(workspace: Workspace) -> AudienceService:
    return AudienceService(workspace)


@pytest.fixture
def shown(service: AudienceService) -> LivePreview:
    """A preview that somebody looks at, which waits for no pause."""
    made = LivePreview(service, RULE, "en")
    made._pause = 0
    return made


def tell(widget: LivePreview, ask: str, **more: AnyValue) -> None:
    """A message of the browser."""
    widget._asked(None, {"ask": ask, **more}, None)


def look(widget: LivePreview, tab: str) -> None:
    tell(widget, "look", tab=tab)
    widget.wait()


def test_the_count_is_there_at_once_and_nothing_else_until_somebody_looks(
    shown: LivePreview, service: AudienceService
) -> None:
    counted = service.count(RULE)
    assert {k: shown.head[k] for k in ("count", "universe", "share", "as_of")} == {
        k: counted[k] for k in ("count", "universe", "share", "as_of")
    }
    shown.wait()
    assert [shown.cuts, shown.sample, shown.work] == [{}, {}, {}]


def test_the_first_that_a_browser_hears_holds_the_first_answer(
    service: AudienceService, screens_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: dict[str, dict[str, AnyValue]] = {}
    really = ipywidgets.Widget.open

    def open_and_note(widget: ipywidgets.Widget) -> None:
        opened[type(widget).__name__] = widget.get_state()
        really(widget)

    monkeypatch.setattr(ipywidgets.Widget, "open", open_and_note)
    count = service.count(RULE)["count"]
    LivePreview(service, RULE)
    assert opened["LivePreview"]["head"]["count"] == count
    RuleBuilder(service.snapshot, RULE)
    assert opened["RuleBuilder"]["result"]["count"] == count
    saved = AudienceService(screens_workspace)
    AudienceLibrary(saved)
    assert opened["LibraryPanel"]["shelf"] == shelf_rows(saved, {})
    assert len(shelf_rows(saved, {})) == 3


def test_every_part_is_the_answer_of_the_service(shown: LivePreview, service: AudienceService) -> None:
    for tab in TABS:
        look(shown, tab)
    told = {part: getattr(shown, part) for part in PARTS if part != "why"}
    assert {answer["turn"] for answer in told.values()} == {1}
    assert told["cuts"]["rows"] == json_rows(service.explain_count(RULE))
    assert told["breakdown"]["rows"] == json_rows(service.breakdown(RULE, [shown.by]))
    assert told["differing"]["rows"] == json_rows(service.top_differing(RULE, 12))
    assert told["over_time"]["rows"] == json_rows(service.over_time(RULE))
    people = pd.Series(service.snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"])
    members = people.iloc[sampled(service.evaluate(RULE).members[()], 10_000)].tolist()
    reached = reach(service.workspace, members, addresses=read_addresses(service.workspace))
    assert told["reach"]["rows"] == json_rows(reached)
    sample = service.sample(RULE, 10)
    assert [row["person"] for row in told["sample"]["rows"]] == sample["person"].tolist()
    assert [c["name"] for c in told["sample"]["columns"]] == list(sample.columns[1:])
    assert sample.equals(preview(service.workspace, RULE, sample_size=10).sample)


def test_json_values_keep_every_figure_of_a_frame() -> None:
    frame = pd.DataFrame(
        {"n": [1, None], "rate": [0.5, float("inf")], "at": pd.to_datetime(["2018-01-01T05:00Z", None])}
    )
    frame["n"] = frame["n"].astype("Int64")
    assert json_rows(frame) == [
        {"n": 1, "rate": 0.5, "at": "2018-01-01T05:00:00Z"},
        {"n": None, "rate": None, "at": None},
    ]


def test_a_rule_of_dated_events_is_counted_at_past_moments_too(
    shown: LivePreview, service: AudienceService
) -> None:
    shown.rule = All(Event("visit", window=Last(30, "day")))
    look(shown, "over_time")
    rows = shown.over_time["rows"]
    assert shown.over_time["is_dated"]
    assert len(rows) > 6
    again = service.over_time(shown.rule, [row["as_of"] for row in rows])
    assert rows == json_rows(again)


def test_an_edit_of_the_builder_moves_the_count_and_only_what_is_looked_at(
    shown: LivePreview, snapshot: Snapshot, service: AudienceService
) -> None:
    builder = RuleBuilder(snapshot, RULE, language="en")
    shown.follow(builder)
    look(shown, "cuts")
    builder.set_state({"value": OTHER.to_dict(), "seq": 1})
    shown.wait()
    assert shown.value == OTHER.to_dict()
    assert shown.head["count"] == builder.result["count"] == service.count(OTHER)["count"]
    assert shown.cuts["rows"] == json_rows(service.explain_count(OTHER))
    assert shown.cuts["turn"] == shown.head["turn"]
    assert shown.breakdown == {}
    builder.language = "zh"
    assert shown.language == "zh"


def test_a_fault_shows_its_words_and_nothing_is_computed(shown: LivePreview, snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot, RULE)
    shown.follow(builder)
    look(shown, "cuts")
    before = shown.cuts
    fault = {"kind": "tag", "field": "nope", "operator": "=", "value": 1}
    builder.set_state({"value": fault, "seq": 1})
    shown.wait()
    assert shown.head["count"] is None
    assert shown.head["problems"] == builder.result["problems"]
    assert shown.cuts is before
    assert shown.evaluation is None
    with pytest.raises(UnknownName, match="nope"):
        shown.static_html()
    alone = LivePreview(shown.service)
    alone.value = fault
    assert alone.head["problems"][0]["zh"]


def test_a_builder_over_another_snapshot_is_not_followed(shown: LivePreview, snapshot: Snapshot) -> None:
    class Elsewhere:
        snapshot = type("Other", (), {"version": "another"})

    with pytest.raises(SpecError, match="same `AudienceService`"):
        shown.follow(Elsewhere())  # type: ignore[arg-type]
    assert shown.head["snapshot"] == snapshot.version


# -- slow answers -------------------------------------------------------------------------------------


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rule], threading.Event]:
    """Makes the waterfall of one rule wait until the returned event is set."""
    held: dict[str, threading.Event] = {}
    real = PARTS["cuts"]

    def cuts(asked: AnyValue) -> dict[str, AnyValue]:
        if asked.found.rule.hash in held:
            assert held[asked.found.rule.hash].wait(60)
        return real(asked)

    monkeypatch.setattr(live_preview, "PARTS", {**PARTS, "cuts": cuts})

    def hold(rule: Rule) -> threading.Event:
        held[rule.hash] = threading.Event()
        return held[rule.hash]

    return hold


def test_a_late_answer_of_an_old_edit_is_dropped(
    shown: LivePreview, slow: Callable[[Rule], threading.Event]
) -> None:
    go = slow(RULE)
    tell(shown, "look", tab="cuts")
    old = shown._work
    assert shown.work == {"cuts": "working"}
    shown.rule = OTHER
    assert shown.head["count"] is not None  # the count does not wait for it
    shown.wait()
    newest = shown.cuts
    assert newest["turn"] == shown.head["turn"] == 2
    go.set()
    old.wait(60)
    assert shown.cuts is newest
    assert shown.work == {}


def test_a_slow_part_is_cancelled_and_computed_again_when_asked(
    shown: LivePreview, slow: Callable[[Rule], threading.Event], service: AudienceService
) -> None:
    go = slow(RULE)
    tell(shown, "look", tab="cuts")
    tell(shown, "cancel")
    assert shown.work == {"cuts": "cancelled"}
    go.set()
    shown.wait()
    assert shown.cuts == {}
    tell(shown, "again")
    shown.wait()
    assert shown.cuts["rows"] == json_rows(service.explain_count(RULE))
    assert shown.work == {}


def test_an_edit_cancels_what_is_going_on_before_it_is_counted(
    shown: LivePreview, slow: Callable[[Rule], threading.Event], snapshot: Snapshot
) -> None:
    builder = RuleBuilder(snapshot, RULE)
    shown.follow(builder)
    go = slow(RULE)
    tell(shown, "look", tab="cuts")
    old, seen = shown._work, []
    builder._engine = _Watched(builder._engine, lambda: seen.append(old._cancelled.is_set()))  # type: ignore[assignment]
    builder.value = OTHER.to_dict()
    assert seen == [True]
    go.set()
    old.wait(60)


class _Watched:
    """An engine that tells when it evaluates."""

    def __init__(self, engine: AnyValue, tell: Callable[[], None]) -> None:
        self._engine, self._tell = engine, tell

    def __getattr__(self, name: str) -> AnyValue:
        return getattr(self._engine, name)

    def evaluate(self, rule: Rule) -> AnyValue:
        self._tell()
        return self._engine.evaluate(rule)


def test_whatever_goes_wrong_is_said_in_words(shown: LivePreview, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: AnyValue) -> dict[str, AnyValue]:
        raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(live_preview, "PARTS", {**PARTS, "cuts": broken})
    look(shown, "cuts")
    assert "ZeroDivisionError: a fault of ours" in shown.cuts["error"]["en"]
    assert shown.work == {}
    shown.rule = All(Tag("order_count_365d", ">", 1_000_000))
    look(shown, "differing")
    assert shown.differing["error"]["zh"].startswith("比较标签时")
    assert "0 in it" in shown.differing["error"]["en"]


# -- why, and the field to compare by -------------------------------------------------------------------


def test_why_and_why_not_for_a_person_who_is_typed(shown: LivePreview, service: AudienceService) -> None:
    look(shown, "people")
    inside = set(sampled(service.evaluate(RULE).members[()], 10_000).tolist())
    ids = service.snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
    member, stranger = ids[min(inside)], next(p for n, p in enumerate(ids) if n not in inside)
    for person, is_in in ((member, True), (stranger, False)):
        tell(shown, "why", person=f" {person} ")
        shown.wait()
        told = service.explain(RULE, person).to_dict()
        assert shown.why["is_in"] is told["is_in"] is is_in
        assert shown.why["person_id"] == person
        assert shown.why["reasons"] == told["reasons"]
        assert [n["events"] for n in _without_properties(shown.why)["nodes"]] == [
            n["events"] for n in _without_properties(told)["nodes"]
        ]
    visits = next(n for n in shown.why["nodes"] if n["kind"] == "event")
    assert all(p["label"]["zh"] and p["words"]["zh"] for e in visits["events"] for p in e["properties"])

    shown.rule = OTHER  # the person stays, the answer follows the rule
    shown.wait()
    assert shown.why["turn"] == shown.head["turn"] == 2
    assert shown.why["is_in"] == service.explain(OTHER, stranger).is_in
    tell(shown, "why", person="nobody")
    shown.wait()
    assert "nobody" in shown.why["error"]["zh"]


def _without_properties(told: AnyValue) -> AnyValue:
    nodes = [
        {**n, "events": [{k: v for k, v in e.items() if k != "properties"} for e in n["events"]]}
        for n in told["nodes"]
    ]
    return {**told, "nodes": nodes}


def test_a_person_of_the_sample_is_explained_and_stays_masked(
    shown: LivePreview, service: AudienceService
) -> None:
    look(shown, "people")
    turn = shown.sample["turn"]
    for wrong in ({"row": 0, "turn": turn + 1}, {"row": 99, "turn": turn}, {"row": "0", "turn": turn}, {}):
        tell(shown, "why", **wrong)
        shown.wait()
        assert shown.why == {}
    tell(shown, "why", row=3, turn=turn)
    shown.wait()
    number = int(sampled(service.evaluate(RULE).members[()], 10)[3])
    person = str(
        service.snapshot.frame("SELECT person_id FROM people WHERE person_no = $n", {"n": number})[
            "person_id"
        ][0]
    )
    assert shown.why["is_in"]
    assert shown.why["person_id"] == masked(person) == shown.sample["rows"][3]["person"]
    assert shown.why["nodes"][1]["words"] == service.explain(RULE, person).to_dict()["nodes"][1]["words"]


def test_the_field_to_compare_by_is_chosen_from_those_that_can_be(
    shown: LivePreview, service: AudienceService
) -> None:
    look(shown, "breakdown")
    tell(shown, "by", by="age_band")
    shown.wait()
    assert shown.breakdown["by"] == "age_band"
    assert shown.breakdown["rows"] == json_rows(service.breakdown(RULE, ["age_band"]))
    tell(shown, "by", by="order_count_365d")
    assert shown.by == "age_band"
    with pytest.raises(SpecError, match="'order_count_365d' is number"):
        shown.compare_by("order_count_365d")
    with pytest.raises(UnknownName, match="Did you mean 'age_band'"):
        shown.compare_by("age_bnd")


@pytest.mark.parametrize(
    "forged",
    [
        {"head": {"count": 5}},
        {"tab": "<img src=x>"},
        {"by": "nope"},
        {"work": {"cuts": "working"}},
        {"sample": {"rows": []}},
        {"fields": []},
    ],
)
def test_what_only_python_may_set_is_put_back(shown: LivePreview, forged: dict[str, AnyValue]) -> None:
    look(shown, "people")
    (name,) = forged
    before = getattr(shown, name)
    shown.set_state(forged)
    assert getattr(shown, name) == before
    shown.set_state({"value": OTHER.to_dict()})  # the rule is no trait of the browser's
    assert shown.value == RULE.to_dict()


@pytest.mark.parametrize(
    "content",
    [None, [], "cancel", {"ask": "look", "tab": "nope"}, {"ask": 7}, {"ask": "why", "person": "x" * 999}],
)
def test_a_message_that_says_nothing_changes_nothing(shown: LivePreview, content: AnyValue) -> None:
    look(shown, "people")
    before = {name: getattr(shown, name) for name in shown.keys}
    shown._asked(None, content, None)
    shown.wait()
    assert {name: getattr(shown, name) for name in shown.keys} == before


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_static_page_has_the_same_figures_and_no_script(
    service: AudienceService, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    rule = Any(Attribute("age_band", "in", ["25-34"]), Tag("departments_90d", "has all", ["DELI", "MEAT"]))
    shown = LivePreview(service, rule, language)
    page = shown._repr_mimebundle_()["text/html"]
    assert f">{shown.head['count']:,}<" in page
    assert page.count("data:image/svg+xml;base64,") == 2
    assert "<script" not in page
    assert ("、MEAT" if language == "zh" else ", MEAT") in page
    assert ("可触达" if language == "zh" else "Reachable") in page
    assert shown.work == {}
