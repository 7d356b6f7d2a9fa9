"""The operator table: one row serves the engine, the form, the sentence, the SQL and the docs.

A row says which types it compares, how many values it takes, what it answers for a person without
a value, how it reads in both languages, and its SQL as a sqlglot expression over a column and bound
values. Text is compared exactly, upper and lower case apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlglot import exp

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.rules.catalogue import FieldType
from qa_lib.tables import Label

#: What an operator takes: no value, one, two (low and high), many (a list), a window of time, or a number of
#: days, whatever type it compares.
Arity = Literal["none", "one", "two", "many", "window", "days"]
#: More than any month × 100 + day.
YEAR_OF_DAYS = 1_300
Sql = Callable[[exp.Expr, Sequence[exp.Expr]], exp.Expr]


@dataclass(frozen=True)
class Operator:
    """One row of the table; `when_missing` is the declared answer for a person without a value."""

    key: str
    types: tuple[FieldType, ...]
    arity: Arity
    when_missing: bool
    label: Label
    sentence: Label
    sql: Sql

    def to_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "types": list(self.types),
            "arity": self.arity,
            "when_missing": self.when_missing,
            "label": self.label.to_dict(),
        }


def _binary(kind: type[exp.Expr]) -> Sql:
    return lambda column, values: kind(this=column, expression=values[0])


def _between(column: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    return exp.Between(this=column, low=values[0], high=values[1])


def _in(column: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    return exp.In(this=column, expressions=list(values))


def _not_in(column: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    return exp.Not(this=_in(column, values))


def _within(column: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    """`values` are the first day inside and the first day outside."""
    return exp.and_(
        exp.GTE(this=column, expression=values[0]), exp.LT(this=column.copy(), expression=values[1])
    )


def _anniversary(column: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    """`values` are the first day as month × 100 + day, and how far round the year the last one lies.

    A year of 1,300 such numbers goes round without a case for the turn of the year.
    """
    day = exp.Add(
        this=exp.Mul(this=exp.Month(this=column), expression=exp.Literal.number(100)),
        expression=exp.Day(this=column.copy()),
    )
    year = exp.Literal.number(YEAR_OF_DAYS)
    since = exp.Add(this=exp.Sub(this=day, expression=values[0]), expression=year)
    return exp.LTE(this=exp.Mod(this=exp.Paren(this=since), expression=year.copy()), expression=values[1])


def _list(name: str) -> Sql:
    return lambda column, values: exp.Anonymous(
        this=name, expressions=[column, exp.Array(expressions=list(values))]
    )


def _none_of(column: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    return exp.Not(this=_list("list_has_any")(column, values))


def _only(column: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    """Every element is one of `values`."""
    return exp.Anonymous(this="list_has_all", expressions=[exp.Array(expressions=list(values)), column])


def _is_set(column: exp.Expr, _: Sequence[exp.Expr]) -> exp.Expr:
    return exp.Not(this=exp.Is(this=column, expression=exp.Null()))


def _is_not_set(column: exp.Expr, _: Sequence[exp.Expr]) -> exp.Expr:
    return exp.Is(this=column, expression=exp.Null())


_EVERY: tuple[FieldType, ...] = ("number", "text", "date", "boolean", "list")

OPERATORS: tuple[Operator, ...] = (
    Operator(
        "=", ("number", "text", "date", "boolean"), "one", False,
        Label("等于", "is"), Label("{field} 是 {0}", "{field} is {0}"), _binary(exp.EQ),
    ),
    Operator(
        "!=", ("number", "text", "date", "boolean"), "one", True,
        Label("不等于", "is not"), Label("{field} 不是 {0}", "{field} is not {0}"), _binary(exp.NEQ),
    ),
    Operator(
        ">", ("number",), "one", False,
        Label("大于", "is more than"), Label("{field} 大于 {0}", "{field} is more than {0}"), _binary(exp.GT),
    ),
    Operator(
        ">=", ("number",), "one", False,
        Label("至少", "is at least"), Label("{field} 至少 {0}", "{field} is at least {0}"), _binary(exp.GTE),
    ),
    Operator(
        "<", ("number",), "one", False,
        Label("小于", "is less than"), Label("{field} 小于 {0}", "{field} is less than {0}"), _binary(exp.LT),
    ),
    Operator(
        "<=", ("number",), "one", False,
        Label("至多", "is at most"), Label("{field} 至多 {0}", "{field} is at most {0}"), _binary(exp.LTE),
    ),
    Operator(
        "between", ("number", "date"), "two", False,
        Label("介于", "is between"), Label("{field} 介于 {0} 与 {1} 之间（含）", "{field} is between {0} and {1} inclusive"),
        _between,
    ),
    Operator(
        "in", ("number", "text", "date"), "many", False,
        Label("属于", "is one of"), Label("{field} 是 {all} 之一", "{field} is one of {all}"), _in,
    ),
    Operator(
        "not in", ("number", "text", "date"), "many", True,
        Label("不属于", "is none of"), Label("{field} 不是 {all} 中的任何一个", "{field} is none of {all}"), _not_in,
    ),
    Operator(
        "contains", ("text",), "one", False,
        Label("包含", "contains"), Label("{field} 包含 {0}", "{field} contains {0}"), _binary(exp.Contains),
    ),
    Operator(
        "starts with", ("text",), "one", False,
        Label("开头是", "starts with"), Label("{field} 以 {0} 开头", "{field} starts with {0}"),
        _binary(exp.StartsWith),
    ),
    Operator(
        "ends with", ("text",), "one", False,
        Label("结尾是", "ends with"), Label("{field} 以 {0} 结尾", "{field} ends with {0}"), _binary(exp.EndsWith),
    ),
    Operator(
        "matches", ("text",), "one", False,
        Label("匹配正则", "matches"), Label("{field} 匹配正则 {0}", "{field} matches the pattern {0}"),
        _binary(exp.RegexpLike),  # RE2: no back-references, linear in the text
    ),
    Operator(
        "before", ("date",), "one", False,
        Label("早于", "is before"), Label("{field} 早于 {0}", "{field} is before {0}"), _binary(exp.LT),
    ),
    Operator(
        "after", ("date",), "one", False,
        Label("晚于", "is after"), Label("{field} 晚于 {0}", "{field} is after {0}"), _binary(exp.GT),
    ),
    Operator(
        "on or before", ("date",), "one", False,
        Label("不晚于", "is on or before"), Label("{field} 不晚于 {0}", "{field} is on or before {0}"),
        _binary(exp.LTE),
    ),
    Operator(
        "on or after", ("date",), "one", False,
        Label("不早于", "is on or after"), Label("{field} 不早于 {0}", "{field} is on or after {0}"),
        _binary(exp.GTE),
    ),
    Operator(
        "anniversary within", ("date",), "days", False,
        Label("周年日在未来", "has its anniversary within"),
        Label("{field} 的周年日在今天起 {0} 天内", "{field} has its anniversary within {0} days"), _anniversary,
    ),
    Operator(
        "in last", ("date",), "window", False,
        Label("在最近", "is in the last"), Label("{field} 在{window}", "{field} is in {window}"), _within,
    ),
    Operator(
        "has any", ("list",), "many", False,
        Label("含任一", "has any of"), Label("{field} 含有 {all} 中任一", "{field} has any of {all}"),
        _list("list_has_any"),
    ),
    Operator(
        "has all", ("list",), "many", False,
        Label("含全部", "has all of"), Label("{field} 含有全部 {all}", "{field} has all of {all}"),
        _list("list_has_all"),
    ),
    Operator(
        "has none", ("list",), "many", True,
        Label("都不含", "has none of"), Label("{field} 不含 {all} 中任何一个", "{field} has none of {all}"), _none_of,
    ),
    Operator(
        "only", ("list",), "many", False,
        Label("只含", "has only"), Label("{field} 只含 {all}", "{field} has nothing but {all}"), _only,
    ),
    Operator(
        "is set", _EVERY, "none", False,
        Label("有值", "is set"), Label("{field} 有值", "{field} is set"), _is_set,
    ),
    Operator(
        "is not set", _EVERY, "none", True,
        Label("无值", "is not set"), Label("{field} 无值", "{field} is not set"), _is_not_set,
    ),
)  # fmt: skip

_BY_KEY = {o.key: o for o in OPERATORS}

#: The operators that compare what an event condition measures: a number.
MEASURE_OPERATORS: tuple[Operator, ...] = tuple(
    o for o in OPERATORS if "number" in o.types and o.arity in ("one", "two")
)


def operator(key: str) -> Operator:
    """The operator of that key.

    Raises
    ------
    UnknownName
        With the nearest keys.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownName(f"Unknown operator {key!r}.{did_you_mean(key, _BY_KEY)}") from None


def operators_for(type: FieldType) -> tuple[Operator, ...]:
    """The operators that compare fields of this type, in the order of the form."""
    return tuple(o for o in OPERATORS if type in o.types)
