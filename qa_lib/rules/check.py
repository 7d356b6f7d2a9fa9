"""Whether a rule makes sense against a catalogue: every fault, at its place, in both languages."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any as AnyValue

import duckdb

from qa_lib.errors import SpecError, UnknownName, did_you_mean
from qa_lib.rules.catalogue import Catalogue, Field, FieldType
from qa_lib.rules.measures import measure_type
from qa_lib.rules.model import All, Any, Attribute, Event, Path, Rule, Tag, check_depth, walk
from qa_lib.rules.operators import MEASURE_OPERATORS, Operator, operator, operators_for
from qa_lib.rules.windows import Last

#: Numbers are compared with 64-bit integers and with amounts of 18 digits.
LARGEST = 10**18
_TYPE_WORDS: dict[FieldType, tuple[str, str]] = {
    "number": ("小于 10¹⁸ 的数字", "a number below 10^18"),
    "text": ("文本", "a text"),
    "date": ("日期（如 2017-03-01）", "a day such as 2017-03-01"),
    "boolean": ("是或否", "true or false"),
    "list": ("文本", "a text"),
}


@dataclass(frozen=True)
class Problem:
    """One fault: the node's path and what is wrong, in both languages."""

    path: Path
    zh: str
    en: str
    unknown_name: bool = False

    def to_dict(self) -> dict[str, str]:
        return {"path": ".".join(map(str, self.path)), "zh": self.zh, "en": self.en}


def check(rule: Rule, catalogue: Catalogue) -> list[Problem]:
    """Every fault of the rule; an empty list when it can be run.

    Raises
    ------
    RuleTooLarge
        When the rule is deeper or longer than a rule may be.
    """
    check_depth(rule)
    found: list[Problem] = []
    for path, node in walk(rule):
        match node:
            case All() | Any():
                if path and not node.of:
                    found.append(
                        Problem(
                            path,
                            "这个条件组是空的：拖入一个条件，或删除它",
                            "This group is empty: drag a condition into it or remove it.",
                        )
                    )
            case Event():
                found += _event(node, catalogue, path)
            case _:
                found += _comparison(node, catalogue, path, inside_event=False)
    return found


def require(rule: Rule, catalogue: Catalogue) -> None:
    """Raise the first fault.

    Raises
    ------
    UnknownName
        For a field, event, property, operator or measure that is not there.
    SpecError
        For any other fault.
    """
    problems = check(rule, catalogue)
    if problems:
        first = problems[0]
        kind = UnknownName if first.unknown_name else SpecError
        raise kind(first.en, first.path)


def _unknown(path: Path, error: UnknownName, zh: str) -> Problem:
    return Problem(path, zh, str(error), unknown_name=True)


def _comparison(
    leaf: Attribute | Tag, catalogue: Catalogue, path: Path, *, inside_event: bool
) -> Iterator[Problem]:
    try:
        field = catalogue.field(leaf.field)
    except UnknownName as error:
        yield _unknown(path, error, f"没有名为“{leaf.field}”的字段")
        return
    if field.kind != leaf.kind:
        yield Problem(
            path,
            f"“{leaf.field}”的类别是 {field.kind}，而条件写的是 {leaf.kind}",
            f"{leaf.field!r} is of kind '{field.kind}'; the condition says '{leaf.kind}'.",
        )
    try:
        op = operator(leaf.operator)
    except UnknownName as error:
        yield _unknown(path, error, f"没有名为“{leaf.operator}”的运算符")
        return
    if field.type not in op.types:
        allowed = ", ".join(repr(o.key) for o in operators_for(field.type))
        yield Problem(
            path,
            f"运算符“{op.label.zh}”不适用于{field.label.zh}（{field.type}）",
            f"Operator {op.key!r} does not compare {field.type} fields such as {leaf.field!r}. Use one of {allowed}.",
        )
        return
    if op.arity == "none" and leaf.missing is not None:
        yield Problem(
            path,
            f"“{op.label.zh}”本身就是对无值的判断，不能再指定无值者",
            f"'{leaf.field} {op.key}' asks for missing values itself; it takes no 'missing'.",
        )
    yield from _values(leaf.value, op, field, path)


def _values(value: AnyValue, op: Operator, field: Field, path: Path) -> Iterator[Problem]:
    name = f"{field.name} {op.key}"
    if op.arity == "none":
        if value is not None:
            yield Problem(path, f"“{op.label.zh}”不需要值", f"'{name}' takes no value, got {value!r}.")
        return
    if op.arity == "window":
        if not isinstance(value, Last):
            yield Problem(
                path,
                f"“{field.label.zh} {op.label.zh}”需要一个时间窗口",
                f"'{name}' takes a window such as Last(30, 'day'), got {value!r}.",
            )
        elif value.unit in ("minute", "hour"):
            yield Problem(
                path,
                "日期字段只能按天、周、月比较",
                f"'{name}': a day field is compared in days, weeks or months, not {value.unit}s.",
            )
        return
    if op.arity == "one":
        values: tuple[AnyValue, ...] = (value,)
    else:
        values = value if isinstance(value, tuple) else (value,)
        if op.arity == "two" and len(values) != 2:
            yield Problem(
                path,
                f"“{field.label.zh} {op.label.zh}”需要两个值",
                f"'{name}' takes two values, low and high, got {len(values) if value is not None else 'none'}.",
            )
            return
        if op.arity == "many" and (not values or value is None):
            yield Problem(
                path,
                f"“{field.label.zh} {op.label.zh}”至少需要一个值",
                f"'{name}' takes at least one value, got none.",
            )
            return
    zh, en = _TYPE_WORDS[field.type]
    for one in values:
        if not fits(one, field.type):
            shown = "空" if one is None else repr(one)
            yield Problem(
                path,
                f"“{field.label.zh}”需要{zh}，得到 {shown}",
                f"'{name}' takes {en}, got {'nothing' if one is None else repr(one)}.",
            )
            return
    if op.key == "between" and values[0] > values[1]:
        yield Problem(
            path,
            f"“{field.label.zh}”的下限 {values[0]} 大于上限 {values[1]}",
            f"'{name}': the low value {values[0]!r} is above the high value {values[1]!r}.",
        )
    if op.key == "matches" and (fault := pattern_fault(str(value))):
        yield Problem(
            path, f"正则表达式有误：{fault}", f"'{name}': the pattern {value!r} is not valid: {fault}"
        )


def fits(value: AnyValue, type: FieldType) -> bool:
    """Whether a JSON value can be compared with a field of this type."""
    match type:
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
        case "boolean":
            return isinstance(value, bool)
        case "date":
            return isinstance(value, str) and _is_day(value)
        case _:
            return isinstance(value, str)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text))


@lru_cache(maxsize=256)
def pattern_fault(pattern: str) -> str:
    """What RE2 says against the pattern, or an empty text."""
    try:
        with contextlib.closing(duckdb.connect()) as con:
            con.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return ""


def _event(leaf: Event, catalogue: Catalogue, path: Path) -> Iterator[Problem]:
    try:
        event = catalogue.event(leaf.event)
    except UnknownName as error:
        yield _unknown(path, error, f"没有名为“{leaf.event}”的事件")
        return
    properties = Catalogue(fields=event.properties, events=())
    if leaf.where is not None:
        for where_path, node in walk(leaf.where):
            match node:
                case All() | Any():
                    if where_path and not node.of:
                        yield Problem(
                            path, "事件筛选里有一个空的条件组", "A group inside 'where' is empty: remove it."
                        )
                case Attribute():
                    try:
                        event.property(node.field)
                    except UnknownName as error:
                        yield _unknown(path, error, f"事件“{event.label.zh}”没有属性“{node.field}”")
                        continue
                    yield from _comparison(node, properties, path, inside_event=True)
                case _:
                    yield Problem(
                        path,
                        "事件筛选只能使用该事件的属性",
                        f"'where' of event '{leaf.event}' filters on its own properties only; "
                        f"a condition of kind '{node.kind}' cannot stand there.",
                    )
    try:
        measure = measure_type(leaf.measure.kind)
    except UnknownName as error:
        yield _unknown(path, error, f"没有名为“{leaf.measure.kind}”的度量")
        return
    if measure.needs == "nothing":
        if leaf.measure.property is not None:
            yield Problem(
                path,
                f"度量“{measure.label.zh}”不需要属性",
                f"Measure '{measure.key}' takes no property, got {leaf.measure.property!r}.",
            )
    else:
        fitting = [p.name for p in event.properties if measure.needs == "any" or p.type == "number"]
        if leaf.measure.property not in fitting:
            given = leaf.measure.property
            yield Problem(
                path,
                f"度量“{measure.label.zh}”需要事件“{event.label.zh}”的一个{'数字' if measure.needs == 'number' else ''}属性",
                f"Measure '{measure.key}' of event '{leaf.event}' takes one of {fitting}, got {given!r}."
                + (did_you_mean(given, fitting) if given else ""),
            )
    try:
        op = operator(leaf.operator)
    except UnknownName as error:
        yield _unknown(path, error, f"没有名为“{leaf.operator}”的运算符")
        return
    if op not in MEASURE_OPERATORS:
        allowed = ", ".join(repr(o.key) for o in MEASURE_OPERATORS)
        yield Problem(
            path,
            f"运算符“{op.label.zh}”不能比较度量",
            f"Operator {op.key!r} does not compare a measure. Use one of {allowed}.",
        )
        return
    measured = Field(measure.key, "attribute", "number", measure.label)
    yield from _values(leaf.value, op, measured, path)
