"""The rule builder without a browser: it answers every edit, and trusts nothing that it is sent."""

from __future__ import annotations

import copy
from typing import Any as AnyValue

import pytest

from qa_lib.audiences import engine_of
from qa_lib.errors import ReadOnly, SpecError
from qa_lib.rules import All, Any, Attribute, Event, Rule, Tag, read_rule
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.workspace import Snapshot

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
