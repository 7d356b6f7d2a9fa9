"""What keeps values from being a rule is said at the condition it concerns, in both languages."""

from __future__ import annotations

import re
from typing import Any as AnyValue

import pytest

from qa_lib.errors import RuleTooLarge, SpecError
from qa_lib.rules import Ago, Ever, Last, Lifecycle, read_or_faults, read_rule
from qa_lib.rules.kinds import PATTERNS
from qa_lib.rules.windows import Dates

SOUND: dict[str, AnyValue] = {"kind": "tag", "field": "x", "operator": "=", "value": 1}
VISIT = {"event": "visit"}


def sequence(*steps: AnyValue, **more: AnyValue) -> dict[str, AnyValue]:
    return {"kind": "sequence", "steps": list(steps), **more}


# a condition that is none, and words of what is said about it
FAULTY: list[tuple[AnyValue, str, str]] = [
    ({"kind": "audience", "audience": ""}, "人群：不能为空", "'audience' must not be empty."),
    ({"kind": "audience"}, "人群：没有填写", "'audience' is missing."),
    ({"kind": "split", "salt": "s", "low": 0.5, "high": 0.2}, "须小于", "must be less than 'high'"),
    ({"kind": "split", "salt": "s", "high": 2}, "上限：须不大于 1", "'high' must be at most 1."),
    (sequence(VISIT), "步骤：至少要 2 个", "'steps' needs at least 2."),
    (sequence(VISIT, {"event": ""}), "第 2 步：行为：不能为空", "Step 2: 'event' must not be empty."),
    (sequence({**VISIT, "absent": True}, VISIT), "第一步必须发生", "the first step must happen"),
    (
        sequence(VISIT, {**VISIT, "within": {"n": 0}}),
        "第 2 步：间隔",
        "Step 2: 'within.n' must be at least 1",
    ),
    (sequence(VISIT, VISIT, same=["a", "a"]), "有重复", "twice"),
    ({"kind": "lifecycle", "pattern": "stopped", **VISIT}, "有起点的时间窗口", "a window with a start"),
    (
        {"kind": "event", **VISIT, "window": {"kind": "last", "n": 1.5}},
        "时间窗口：须为整数",
        "a whole number",
    ),
    ({"kind": "event", **VISIT, "window": {"kind": "ago", "near": 9, "far": 3}}, "近端", "'near' (9)"),
    ({**SOUND, "value": {"a": 1}}, "不是可以比较的值", "no value that can be compared"),
    ({**SOUND, "value": "x" * 5_000}, "最多 4,000 个", "at most 4,000"),
    ({**SOUND, "sql": "DROP TABLE people"}, "sql：没有这一项", "'sql' is no part of it."),
    ({"kind": "sql"}, "没有 'sql' 这一种类", "of a kind 'sql' that there is not."),
    ({}, "没有写明种类", "does not say its 'kind'"),
]


@pytest.mark.parametrize(("condition", "zh", "en"), FAULTY, ids=[en for _, _, en in FAULTY])
@pytest.mark.parametrize("path", [(), (1,), (1, 0, 2)])
def test_a_fault_is_said_once_at_its_condition(
    condition: AnyValue, zh: str, en: str, path: tuple[int, ...]
) -> None:
    value = condition
    for n in reversed(path):
        value = {"kind": "any", "of": [SOUND] * n + [value, SOUND]}
    rule, problems = read_or_faults(value)
    assert rule is None
    assert [p.path for p in problems] == [path]
    assert zh in problems[0].zh
    assert en in problems[0].en
    assert re.search("[一-鿿]", problems[0].zh)
    assert not re.search("[一-鿿]", problems[0].en)
    with pytest.raises(SpecError):
        read_rule(value)


def test_every_faulty_condition_is_named_and_sound_ones_are_not() -> None:
    children = [SOUND, *(condition for condition, _, _ in FAULTY), SOUND]
    rule, problems = read_or_faults({"kind": "all", "of": children})
    assert rule is None
    assert [p.path for p in problems] == [(i,) for i in range(1, len(children) - 1)]


def test_a_rule_is_read_as_always() -> None:
    assert read_or_faults(SOUND) == (read_rule(SOUND), [])


def test_a_text_that_is_no_json_says_where_it_stops() -> None:
    rule, problems = read_or_faults('{\n  "kind": "all"\n  "of": []}')
    assert rule is None
    assert problems[0].zh.startswith("第 3 行第 3 列不是 JSON")
    assert problems[0].en.startswith("Line 3, column 3 is not JSON")


def test_a_rule_that_is_too_large_is_refused_before_it_is_walked() -> None:
    with pytest.raises(RuleTooLarge):
        read_or_faults({"kind": "all", "of": [SOUND] * 2_000})


WINDOWS = {
    "last": Last(30, "day"),
    "ago": Ago(3, 9, "day"),
    "dates": Dates(first="2017-01-01", last="2017-02-01"),
    "ever": Ever(),
}


@pytest.mark.parametrize("key", PATTERNS)
def test_the_form_offers_for_a_pattern_exactly_what_it_takes(key: str) -> None:
    """The row that travels to the browser against the spec's own checks, over every choice."""
    pattern = PATTERNS[key]
    for window_key, window in WINDOWS.items():
        for before in (None, Last(9, "day")):
            for periods in ({}, {"k": 1, "m": 2, "unit": "week"}):
                windows = pattern.windows or ("ever",)
                times = {"none": [False], "optional": [False, True], "required": [True]}[pattern.before]
                offered = (
                    window_key in windows
                    and bool(periods) == pattern.periods
                    and (before is not None) in times
                )
                try:
                    Lifecycle("visit", key, window, before=before, **periods)
                    accepted = True
                except SpecError:
                    accepted = False
                assert accepted == offered, (window_key, before, periods)
