"""What is wrong with values that are no rule: every fault, at its condition, in both languages."""

from __future__ import annotations

import json
from typing import Any as AnyValue

from pydantic import ValidationError

from qa_lib.errors import SpecError
from qa_lib.rules.check_values import Problem
from qa_lib.rules.model import Path, Rule, read_rule
from qa_lib.rules.spec import Fault
from qa_lib.tables import Label

MOST_FAULTS = 50
_GROUPS = ("all", "any")
_PART = {
    "event": "行为",
    "field": "字段",
    "operator": "比较方式",
    "value": "值",
    "audience": "人群",
    "version": "版本",
    "salt": "分组名",
    "low": "下限",
    "high": "上限",
    "window": "时间窗口",
    "within": "间隔",
    "before": "此前",
    "steps": "步骤",
    "same": "相同属性",
    "measure": "统计方式",
    "property": "属性",
    "where": "筛选",
    "pattern": "模式",
    "unit": "单位",
    "n": "长度",
    "near": "近端",
    "far": "远端",
    "first": "开始日期",
    "last": "结束日期",
    "k": "至少",
    "m": "周期数",
    "kind": "种类",
    "of": "条件",
}
#: Pydantic's findings by their beginning; the words in braces are its context.
_WORDS = {
    "missing": Label("没有填写", "is missing"),
    "string_too_short": Label("不能为空", "must not be empty"),
    "string_too_long": Label("最多 {max_length} 个字符", "has at most {max_length} characters"),
    "greater_than_equal": Label("须不小于 {ge:g}", "must be at least {ge:g}"),
    "greater_than": Label("须大于 {gt:g}", "must be more than {gt:g}"),
    "less_than_equal": Label("须不大于 {le:g}", "must be at most {le:g}"),
    "less_than": Label("须小于 {lt:g}", "must be less than {lt:g}"),
    "too_short": Label("至少要 {min_length} 个", "needs at least {min_length}"),
    "too_long": Label("最多 {max_length} 个", "has at most {max_length}"),
    "int": Label("须为整数", "must be a whole number"),
    "float": Label("须为数字", "must be a number"),
    "finite_number": Label("须为数字", "must be a number"),
    "string": Label("须为文字", "must be a text"),
    "bool": Label("须为 true 或 false", "must be true or false"),
    "tuple": Label("须为列表", "must be a list"),
    "model": Label("须为对象 {{…}}", "must be an object {{…}}"),
    "date": Label("须为日期，例如 2017-12-31", "must be a day such as 2017-12-31"),
    "literal": Label("须为 {expected} 之一", "must be {expected}"),
    "union_tag_not_found": Label("没有写明种类 kind", "does not say its 'kind'"),
    "union_tag_invalid": Label("没有 {tag!r} 这一种类", "is of a kind {tag!r} that there is not"),
    "extra_forbidden": Label("没有这一项", "is no part of it"),
}
_NO_VALUE = Label("不是可以比较的值", "is no value that can be compared")


def read_or_faults(value: AnyValue) -> tuple[Rule | None, list[Problem]]:
    """The rule of JSON text or values, or what keeps it from being one.

    Raises
    ------
    RuleTooLarge
        When it is deeper or longer than a rule may be.
    """
    try:
        return read_rule(value), []
    except SpecError as error:
        if isinstance(error.__cause__, ValidationError):
            return None, _faults(error.__cause__)
        if error.path or type(error) is not SpecError:
            raise
        fault = error.__cause__
        if isinstance(fault, json.JSONDecodeError):
            zh = f"第 {fault.lineno} 行第 {fault.colno} 列不是 JSON：{fault.msg}"
            return None, [
                Problem((), zh, f"Line {fault.lineno}, column {fault.colno} is not JSON: {fault.msg}.")
            ]
        return None, [Problem((), f"这不是一条规则：{error}", str(error))]


def _faults(error: ValidationError) -> list[Problem]:
    """One fault for each part that has one: of a value that may be of several types the first is enough."""
    found: dict[tuple[Path, tuple[AnyValue, ...]], Problem] = {}
    for one in error.errors(include_url=False)[:MOST_FAULTS]:
        path, inside = _split(one["loc"][1:])
        part = tuple(name for name in inside[1:] if name not in _GROUPS)
        if any(key[0] == path and len(key[1]) > len(part) and key[1][: len(part)] == part for key in found):
            continue  # a list counts as too short when one of its members has a fault
        part = part[:1] if part[:1] == ("value",) else part
        found.setdefault((path, part), _problem(path, part, one))
    return list(found.values())


def _split(loc: tuple[int | str, ...]) -> tuple[Path, tuple[int | str, ...]]:
    """The place of a condition in the tree of groups, and where the fault is inside it."""
    path: list[int] = []
    while len(loc) > 2 and loc[0] in _GROUPS and loc[1] == "of" and isinstance(loc[2], int):
        path.append(loc[2])
        loc = loc[3:]
    return tuple(path), loc


def _problem(path: Path, part: tuple[AnyValue, ...], found: AnyValue) -> Problem:
    context = found.get("ctx", {})
    fault = context.get("error")
    kind = str(found["type"])
    if isinstance(fault, Fault):
        said = Label(fault.zh, str(fault))
    elif part == ("value",):
        said = _NO_VALUE
    else:
        plain = Label("{msg}", "{msg}")
        words = _WORDS.get(kind) or next((v for k, v in _WORDS.items() if kind.startswith(k + "_")), plain)
        context = {"msg": found["msg"], **context}
        said = Label(words.zh.format(**context), words.en.format(**context))
    step = Label("", "")
    if part[:1] == ("steps",) and len(part) > 1 and isinstance(part[1], int):
        step, part = Label(f"第 {part[1] + 1} 步：", f"Step {part[1] + 1}: "), part[2:]
    names = [name for name in part if isinstance(name, str)]
    zh = f"{_PART.get(names[0], names[0])}：" if names else ""
    en = "" if isinstance(fault, Fault) else f"'{'.'.join(map(str, part))}' " if names else "This "
    return Problem(path, f"{step.zh}{zh}{said.zh}", f"{step.en}{en}{said.en}.")
