"""The rule builder without a browser: it answers every edit, and trusts nothing that it is sent."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any as AnyValue

import pytest

from qa_lib.audiences import Audience, AudienceLibrary, engine_of, suggest_values
from qa_lib.errors import ReadOnly, SpecError
from qa_lib.profiles import build
from qa_lib.rules import All, Any, Attribute, Event, InAudience, Rule, Tag, compile_rule, read_rule
from qa_lib.sources import FEEDS, land_all
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.workspace import Snapshot, Workspace

RULE = All(
    Tag("order_count_365d", ">", 10), Any(Attribute("age_band", "is set"), Event("redeem"), negated=True)
)


def edit(builder: RuleBuilder, value: AnyValue, seq: int) -> dict[str, AnyValue]:
    """What the browser sends after an edit, in one message; the answer."""
    builder.set_state({"value": value, "seq": seq})
    return dict(builder.result)


def test_every_edit_is_answered_with_its_number(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot)
    assert builder.result["count"] == snapshot.people_count
    answer = edit(builder, RULE.to_dict(), 1)
    found = engine_of(snapshot).evaluate(RULE)
    assert answer["seq"] == 1
    assert answer["count"] == found.count
    assert answer["nodes"] == {".".join(map(str, p)): n for p, n in found.counts.items()}
    assert answer["sentence"]["zh"].startswith("近365天订单数 大于 10 单，且 并非（")
    assert builder.rule == RULE


def test_python_may_set_the_rule(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot, Tag("order_count_365d", ">", 1))
    builder.rule = RULE
    assert read_rule(builder.value) == RULE
    assert builder.result["count"] == engine_of(snapshot).evaluate(RULE).count


def test_a_fault_is_said_at_its_place_and_the_rest_is_counted(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot)
    faulty = All(Tag("order_count_365d", ">", 10), Any(), Tag("nobody_knows", "=", 1))
    answer = edit(builder, faulty.to_dict(), 3)
    assert answer["count"] is None
    assert [p["path"] for p in answer["problems"]] == ["1", "2"]
    assert all(p["zh"] and p["en"] for p in answer["problems"])
    assert answer["nodes"] == {"0": engine_of(snapshot).evaluate(Tag("order_count_365d", ">", 10)).count}
    assert builder.evaluation is None


def nested(depth: int) -> AnyValue:
    rule: AnyValue = {"kind": "tag", "field": "order_count_365d", "operator": ">", "value": 1}
    for _ in range(depth):
        rule = {"kind": "all", "of": [rule]}
    return rule


INJECTED = '1"; DROP TABLE people; --'
FORGED: dict[str, AnyValue] = {
    "field": {"kind": "tag", "field": INJECTED, "operator": ">", "value": 1},
    "operator": {"kind": "tag", "field": "order_count_365d", "operator": "> 1 OR 1=1 --", "value": 1},
    "combinator": {"kind": "or 1=1", "of": []},
    "event": {"kind": "event", "event": "visit; DROP TABLE people"},
    "unit": {
        "kind": "event",
        "event": "visit",
        "window": {"kind": "last", "n": 3, "unit": "day' OR '1'='1"},
    },
    "property": {"kind": "event", "event": "visit", "measure": {"kind": "sum", "property": INJECTED}},
    "measure": {"kind": "event", "event": "visit", "measure": {"kind": "count(*) OR 1=1"}},
    "where": {
        "kind": "event",
        "event": "visit",
        "where": {
            "kind": "all",
            "of": [{"kind": "attribute", "field": INJECTED, "operator": "=", "value": 1}],
        },
    },
    "extra": {"kind": "all", "of": [], "sql": "DROP TABLE people"},
    "text": "DROP TABLE people",
    "deep": nested(3_000),
    "many": {"kind": "any", "of": [nested(0)] * 5_000},
    "long": {"kind": "tag", "field": "rfm_segment", "operator": "=", "value": "x" * 1_000_000},
    "wrong type": {"kind": "tag", "field": "order_count_365d", "operator": ">", "value": INJECTED},
    "infinite": {"kind": "tag", "field": "order_count_365d", "operator": ">", "value": float("inf")},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_rule_is_refused_in_words_and_harms_nothing(snapshot: Snapshot, name: str) -> None:
    builder = RuleBuilder(snapshot, RULE)
    forged = FORGED[name]
    root = (
        forged
        if isinstance(forged, dict) and forged.get("kind") in ("all", "any")
        else {"kind": "all", "of": [forged]}
    )
    answer = edit(builder, root, 7)
    assert answer["count"] is None
    assert answer["problems"]
    assert answer["problems"][0]["en"]
    assert edit(builder, RULE.to_dict(), 8)["count"] == engine_of(snapshot).evaluate(RULE).count


@pytest.mark.parametrize(
    "text", [INJECTED, "'; SELECT 1; --", "<img src=x onerror=alert(1)>", "\x00", "人群\u202e"]
)
def test_hostile_values_are_only_values(snapshot: Snapshot, text: str) -> None:
    builder = RuleBuilder(snapshot)
    answer = edit(builder, Attribute("age_band", "=", text).to_dict(), 1)
    assert answer["count"] == 0
    assert edit(builder, Attribute("age_band", "!=", text).to_dict(), 2)["count"] == snapshot.people_count


def test_what_only_python_may_set_is_put_back(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot, RULE)
    catalogue, result = copy.deepcopy(builder.catalogue), copy.deepcopy(builder.result)
    builder.set_state({"result": {"seq": 0, "count": 999_999}, "catalogue": {"fields": []}})
    assert builder.result == result
    assert builder.catalogue == catalogue


def test_read_only_cannot_be_switched_off_by_a_browser(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot, RULE, read_only=True)
    builder.set_state({"read_only": False, "value": All().to_dict(), "seq": 4})
    assert builder.read_only
    assert builder.rule == RULE
    with pytest.raises(ReadOnly, match="read-only"):
        builder.rule = All()


def test_a_rule_that_is_none_says_so_in_python_too(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot)
    edit(builder, {"kind": "nonsense"}, 1)
    with pytest.raises(SpecError, match="nonsense"):
        _ = builder.rule


def test_two_builders_do_not_share(snapshot: Snapshot) -> None:
    one, two = RuleBuilder(snapshot, RULE), RuleBuilder(snapshot)
    edit(one, Tag("order_count_365d", ">", 3).to_dict(), 1)
    assert two.value == All().to_dict()
    assert two.result["count"] == snapshot.people_count


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_static_twin_shows_the_same_count_and_escapes(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    hostile: Rule = Any(RULE, Attribute("age_band", "=", "<script>alert(1)</script>"))
    builder = RuleBuilder(snapshot, hostile, language=language)
    monkeypatch.setenv("QA_RENDER", "static")
    page = builder._repr_mimebundle_()["text/html"]
    assert f'data-figure="audience_count">{builder.result["count"]:,}<' in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


# -- what is no rule yet ------------------------------------------------------------------------


def test_a_condition_that_is_not_filled_in_says_so_and_the_others_are_counted(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot)
    often = Tag("order_count_365d", ">", 10)
    half = {"kind": "sequence", "steps": [{"event": "purchase"}]}
    answer = edit(builder, {"kind": "all", "of": [often.to_dict(), half]}, 2)
    assert answer["count"] is None
    assert answer["problems"] == [{"path": "1", "zh": "步骤：至少要 2 个", "en": "'steps' needs at least 2."}]
    assert answer["nodes"] == {"0": engine_of(snapshot).evaluate(often).count}


def test_an_audience_that_nobody_saved_is_said_at_its_card(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot)
    often = Tag("order_count_365d", ">", 10)
    answer = edit(builder, Any(often, All(InAudience("nobody's"))).to_dict(), 3)
    assert [p["path"] for p in answer["problems"]] == ["1.0"]
    assert "nobody's" in answer["problems"][0]["en"]
    assert answer["nodes"] == {"0": engine_of(snapshot).evaluate(often).count}


# -- what the browser asks besides counts -------------------------------------------------------


def ask(builder: RuleBuilder, topic: AnyValue, seq: AnyValue = 1, **texts: AnyValue) -> AnyValue:
    """What a message of the browser is answered with."""
    builder._handle_custom_msg({"ask": topic, "seq": seq, **texts}, [])
    return builder.answers.get(topic) if isinstance(topic, str) else builder.answers


def test_values_are_suggested_with_their_counts(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot)
    answer = ask(builder, "values", 7, field="department", event="purchase", search="gro")
    frame = suggest_values(snapshot, "department", "gro", event="purchase", limit=40)
    assert answer["seq"] == 7
    assert [(v["value"], v["count"]) for v in answer["values"]] == list(frame.itertuples(index=False))
    days = ask(builder, "values", 8, field="last_order_on")["values"]
    assert all(len(v["value"]) == 10 for v in days)
    assert json.loads(json.dumps(builder.answers)) == builder.answers


def test_the_rule_is_told_as_sql(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot, RULE)
    engine = engine_of(snapshot)
    assert (
        ask(builder, "sql")["text"]
        == compile_rule(RULE, engine.catalogue, snapshot.as_of, snapshot.zone).text()
    )
    edit(builder, {"kind": "audience", "audience": ""}, 2)
    assert "error" in ask(builder, "sql", 2)


def test_pasted_json_is_read_in_full_or_its_faults_are_told(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot, RULE)
    before = builder.value
    other = Tag("order_count_365d", ">", 3)
    assert ask(
        builder, "read", text='{"kind":"tag","field":"order_count_365d","operator":">","value":3}'
    ) == {
        "seq": 1,
        "rule": other.to_dict(),
        "problems": [],
    }
    unknown = ask(builder, "read", text=Tag("nope", ">", 3).to_json())
    assert unknown["rule"]
    assert unknown["problems"][0]["path"] == ""
    for text in ("{", "SELECT 1", '{"kind": "sql"}', "[" * 100_000, "null", "x" * 3_000_000):
        answer = ask(builder, "read", text=text)
        assert "rule" not in answer
        assert answer["problems"][0]["zh"]
        assert answer["problems"][0]["en"]
    broken = ask(builder, "read", text='{"kind":\n "all",}')
    assert (broken["line"], broken["column"]) == (2, 8)
    assert builder.value == before


@pytest.mark.parametrize(
    "message",
    [
        None,
        "values",
        {},
        {"ask": ["values"], "seq": 1},
        {"ask": "eval", "seq": 1},
        {"ask": "values", "seq": "1"},
        {"ask": "values", "seq": 2**70},
        {"ask": "values"},
        {"ask": "__class__", "seq": 1},
    ],
)
def test_a_message_that_asks_nothing_is_not_answered(snapshot: Snapshot, message: AnyValue) -> None:
    builder = RuleBuilder(snapshot, RULE)
    builder._handle_custom_msg(message, [])
    assert builder.answers == {}
    assert builder.rule == RULE


def test_forged_questions_are_answered_in_words(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot, RULE)
    for texts in (
        {"field": INJECTED},
        {"field": "order_id", "event": INJECTED},
        {"field": {"a": 1}},
        {"field": "age_band", "search": "%' OR 1=1 --" * 1_000},
    ):
        answer = ask(builder, "values", **texts)
        assert answer["values"] == []
    assert builder.result["count"] == engine_of(snapshot).evaluate(RULE).count


def test_answers_and_audiences_are_put_back(snapshot: Snapshot) -> None:
    builder = RuleBuilder(snapshot, RULE)
    ask(builder, "sql", 4)
    honest = copy.deepcopy(builder.answers)
    builder.set_state({"answers": {"sql": {"seq": 4, "text": "DROP"}}, "audiences": [{"name": "x"}]})
    assert builder.answers == honest
    assert builder.audiences == []


def test_saved_audiences_are_offered_and_followed(company_files: dict[str, Path], tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "workspace", zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    build(made)
    snapshot = made.snapshot()
    builder = RuleBuilder(snapshot)
    assert builder.audiences == []
    often = Tag("order_count_365d", ">", 10)
    library = AudienceLibrary(made)
    library.save(Audience(name="often", rule=often), "me", "who comes often")
    library.organise("often", folder="a folder")
    ask(builder, "audiences")
    assert builder.audiences == [
        {
            "name": "often",
            "folder": "a folder",
            "newest": 1,
            "active": 1,
            "note": "who comes often",
            "count": None,
        }
    ]
    others = InAudience("often", member=False)
    answer = edit(builder, others.to_dict(), 1)
    assert answer["count"] == snapshot.people_count - engine_of(snapshot).evaluate(often).count
    made.state.engine.dispose()
