"""Whether a comparison fits its field: the operator for the type, the values for the operator."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any as AnyValue

import duckdb

from qa_lib.errors import UnknownName
from qa_lib.rules.catalogue import Catalogue, Field, FieldType
from qa_lib.rules.model import Attribute, Path, Tag
from qa_lib.rules.operators import Operator, operator, operators_for
from qa_lib.rules.windows import Last

#: Numbers are compared with 64-bit integers and with amounts of 18 digits.
LARGEST = 10**18
#: An anniversary lies at most so many days ahead; with more, every day of some years is one.
MOST_DAYS = 364
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


def unknown_name(path: Path, error: UnknownName, zh: str) -> Problem:
    """A name that nothing carries, as a fault."""
    return Problem(path, zh, str(error), unknown_name=True)


def comparison_faults(leaf: Attribute | Tag, catalogue: Catalogue, path: Path) -> Iterator[Problem]:
    """What is wrong with `field operator value`."""
    try:
        field = catalogue.field(leaf.field)
    except UnknownName as error:
        yield unknown_name(path, error, f"没有名为“{leaf.field}”的字段")
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
        yield unknown_name(path, error, f"没有名为“{leaf.operator}”的运算符")
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
    yield from value_faults(leaf.value, op, field, path)


def value_faults(value: AnyValue, op: Operator, field: Field, path: Path) -> Iterator[Problem]:
    """What is wrong with the values that an operator is given."""
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
    if op.arity == "days":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_DAYS:
            yield Problem(
                path,
                f"“{field.label.zh} {op.label.zh}”需要 0 至 {MOST_DAYS} 的整数天数",
                f"'{name}' takes a whole number of days from 0 to {MOST_DAYS}, got "
                f"{'nothing' if value is None else repr(value)}.",
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
