"""What an analyst reads when asking why somebody is in an audience, or is not."""

from __future__ import annotations

import json

import pytest

from qa_lib.audiences import Audience, Explanation, engine_of, explain_person, members, why, why_not
from qa_lib.audiences.seen import length_words, window_reason
from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import (
    All,
    Any,
    Attribute,
    Duration,
    Engine,
    Event,
    InAudience,
    Last,
    Lifecycle,
    Not,
    RandomSplit,
    Rule,
    Sequence,
    Step,
    Sum,
    Tag,
    to_numbers,
)
from qa_lib.rules.engine import SavedMembers
from qa_lib.workspace import Snapshot, Workspace

BROWSED = Event("browse", where=All(Attribute("item_id", "=", "A")), window=Last(30, "day"))
BOUGHT = Event(
    "purchase", where=All(Attribute("item_id", "=", "A")), window=Last(30, "day"), operator="=", value=0
)
SEED = Audience(name="browsed_not_bought", rule=All(BROWSED, BOUGHT, Tag("average_order_value", ">", 20)))


def person_in(workspace: Workspace, rule: Rule, *, inside: bool = True) -> str:
    found = members(workspace, rule if inside else Not(rule))["person_id"]
    assert len(found)
    return str(found.iloc[0])


def test_a_member_of_the_seed_audience_with_the_events_that_counted(
    workspace: Workspace, snapshot: Snapshot
) -> None:
    person = person_in(workspace, SEED.rule)
    found = why(snapshot, SEED, person)
    assert found.is_in
    assert found.reasons == (((0,), (1,), (2,)),)
    assert found.changes == (((0,),), ((1,),), ((2,),))
    browsed = found.node((0,))
    assert browsed.value == browsed.counted == sum(e.is_counted for e in browsed.events) > 0
    assert all(e.properties["item_id"] == "A" for e in browsed.events if e.is_counted)
    assert found.node((1,)).value == 0
    profile = snapshot.frame(
        "SELECT average_order_value FROM profile JOIN people USING (person_no) WHERE person_id = $p",
        {"p": person},
    )
    assert float(found.node((2,)).value) == float(profile.iloc[0, 0])
    assert found.stamp["snapshot"] == snapshot.version
    assert found.stamp["rule_hash"] == SEED.rule.hash


def test_who_browsed_another_item_or_too_early_sees_that_event_and_why(
    workspace: Workspace, snapshot: Snapshot
) -> None:
    other = All(Event("browse", window=Last(30, "day")), Not(BROWSED))
    found = why_not(snapshot, SEED, person_in(workspace, other))
    near = found.node((0,)).events
    filtered = [e for e in near if "does not hold" in e.reason.en]
    assert filtered
    assert all(f"item: {e.properties['item_id']}" in e.reason.en for e in filtered)
    assert all("不满足：" in e.reason.zh for e in filtered)
    earlier = Event("browse", where=BROWSED.where, window=Last(90, "day"))
    found = why_not(snapshot, SEED, person_in(workspace, All(earlier, Not(BROWSED))))
    assert any(e.reason.en.endswith("before the window") for e in found.node((0,)).events)
    assert "比窗口开始早" in found.text()


def test_each_question_refuses_the_other_answer_and_an_unknown_person(
    workspace: Workspace, snapshot: Snapshot
) -> None:
    inside, outside = (person_in(workspace, SEED.rule, inside=i) for i in (True, False))
    with pytest.raises(SpecError, match=r"is not in the audience as of 2018.*Ask why_not"):
        why(snapshot, SEED, outside)
    with pytest.raises(SpecError, match=r"is in the audience as of 2018.*Ask why\."):
        why_not(snapshot, SEED, inside)
    with pytest.raises(UnknownName, match=r"No person 'nobody' among the 500 people.*such as '1'"):
        explain_person(snapshot, SEED, "nobody")
    with pytest.raises(UnknownName, match="Unknown tag or attribute 'x'"):
        explain_person(snapshot, Tag("x", ">", 1), inside)


def every_kind(snapshot: Snapshot) -> tuple[Engine, Rule]:
    """A rule with a condition of every kind, and an engine that knows the saved audience."""
    own = engine_of(snapshot)
    saved = SavedMembers(3, own.evaluate(SEED.rule).members[()])
    engine = Engine(snapshot, own.catalogue, lambda name, version: saved)
    rule = All(
        Tag("average_order_value", ">", 20),
        Any(Attribute("age_band", "is not set"), Lifecycle("visit", "stopped", Last(7, "day"))),
        Event("purchase", window=Last(60, "day"), measure=Sum("paid_amount"), operator=">", value=10),
        Sequence([Step("browse"), Step("cart", within=Duration(2, "day"))], same=["item_id"]),
        Lifecycle("visit", "regularly", k=2, m=8, unit="week"),
        InAudience("seed", member=False),
        RandomSplit("spring", 0.1, 0.9),
    )
    return engine, rule


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_of_condition_is_told_in_both_languages(snapshot: Snapshot, language: str) -> None:
    engine, rule = every_kind(snapshot)
    found = explain_person(snapshot, rule, "5", engine=engine)
    text = found.text(language)
    assert ("第 3 版" if language == "zh" else "at version 3") in text
    assert ("随机值为" if language == "zh" else "the random number is") in text
    assert ("8 个周期中" if language == "zh" else "of 8 periods") in text
    assert all(n.words.zh and n.words.en for n in found.nodes)


def test_frames_and_json_carry_the_same(snapshot: Snapshot) -> None:
    engine, rule = every_kind(snapshot)
    found = explain_person(snapshot, rule, "5", engine=engine)
    frame, events, plain = found.frame(), found.events(), found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert [n["path"] for n in plain["nodes"]] == list(frame["path"])
    assert [n["is_true"] for n in plain["nodes"]] == list(frame["is_true"])
    assert sum(len(n["events"]) for n in plain["nodes"]) == len(events)
    assert str(events["occurred_at"].dtype).endswith("UTC]")
    shown = frame.set_index("path")
    assert set(shown.index[shown["is_reason"]]) == set(plain["reasons"][0])
    steps = events[(events["path"] == "3") & events["is_counted"]]
    assert list(steps["step"]) == list(range(1, len(steps) + 1))


def test_a_person_without_any_event_has_empty_frames(workspace: Workspace, snapshot: Snapshot) -> None:
    rule = Event("redeem")
    person = person_in(workspace, rule, inside=False)
    found = why_not(snapshot, rule, person)
    assert isinstance(found, Explanation)
    assert found.events().empty
    assert found.reasons == found.changes == (((),),)
    assert "若这些改变" in str(found)


def test_changing_what_it_says_would_let_the_person_in(workspace: Workspace, snapshot: Snapshot) -> None:
    """Every change is tried on the rule itself: its conditions turned, the person is on the other side."""
    engine, rule = every_kind(snapshot)
    rows = snapshot.frame("SELECT person_no, person_id FROM people ORDER BY person_no LIMIT 40")
    for number, person in zip(rows["person_no"], rows["person_id"], strict=True):
        found = explain_person(snapshot, rule, person, engine=engine)
        assert found.is_in == (int(number) in to_numbers(engine.evaluate(rule).members[()]))
        for change in found.changes:
            turned = _turned(rule, (), set(change))
            assert (int(number) in to_numbers(engine.evaluate(turned).members[()])) != found.is_in


def _turned(node: Rule, path: tuple[int, ...], change: set[tuple[int, ...]]) -> Rule:
    if isinstance(node, All | Any):
        of = tuple(_turned(child, (*path, i), change) for i, child in enumerate(node.of))
        return node.model_copy(update={"of": of})
    return Not(node) if path in change else node


@pytest.mark.parametrize(
    ("microseconds", "zh", "en"),
    [
        (0, "0 秒", "0 seconds"),
        (1, "不到 1 秒", "less than a second"),
        (61_000_000, "1 分钟 1 秒", "1 minute 1 second"),
        (3_600_000_000, "1 小时", "1 hour"),
        (90_061_000_000, "1 天 1 小时", "1 day 1 hour"),
        (86_460_000_000, "1 天", "1 day"),
    ],
)
def test_a_length_is_told_by_its_two_largest_units(microseconds: int, zh: str, en: str) -> None:
    assert length_words(microseconds) == (zh, en)


def test_an_event_at_the_very_end_of_a_window_is_zero_seconds_late() -> None:
    assert window_reason(1).en == "0 seconds after the window's end"
