"""The measure table: what an event condition computes over a person's matching events.

`zero` measures answer 0 for a person with no matching event, so that "at most 2 orders" includes
those with none; the others have no value there, and comparisons with them are false.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlglot import exp

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import Label

Needs = Literal["nothing", "number", "any"]


@dataclass(frozen=True)
class MeasureType:
    """One row: what property it needs, what it answers for nobody's events, its label and its SQL.

    `sql` takes the property's column (or none), the moment `as_of` and the zone's name.
    """

    key: str
    needs: Needs
    zero: bool
    label: Label
    sentence: Label
    sql: Callable[[exp.Expr | None, exp.Expr, exp.Expr], exp.Expr]

    def to_dict(self) -> dict[str, Any]:
        return {"key": self.key, "needs": self.needs, "zero": self.zero, "label": self.label.to_dict()}


def _time() -> exp.Expr:
    return exp.column("occurred_at")


def _days_since(moment: exp.Expr, as_of: exp.Expr) -> exp.Expr:
    """Whole periods of 24 hours from the moment to `as_of`."""
    seconds = exp.Sub(this=exp.UnixMicros(this=as_of), expression=exp.UnixMicros(this=moment))
    return exp.IntDiv(this=exp.Paren(this=seconds), expression=exp.Literal.number(86_400_000_000))


def _active_days(_: Any, __: exp.Expr, zone: exp.Expr) -> exp.Expr:
    local = exp.AtTimeZone(this=_time(), zone=zone)
    return exp.Count(this=exp.Distinct(expressions=[exp.Cast(this=local, to=exp.DataType.build("date"))]))


MEASURES: tuple[MeasureType, ...] = (
    MeasureType(
        "count", "nothing", True, Label("次数", "how many"), Label("的次数", "number of"),
        lambda column, as_of, zone: exp.Count(this=exp.Star()),
    ),
    MeasureType(
        "distinct", "any", True, Label("不同值个数", "different values of"),
        Label("的不同“{property}”个数", "number of different {property} values in"),
        lambda column, as_of, zone: exp.Count(this=exp.Distinct(expressions=[column])),
    ),
    MeasureType(
        "sum", "number", True, Label("合计", "total of"), Label("的{property}合计", "total {property} of"),
        lambda column, as_of, zone: exp.Coalesce(
            this=exp.Sum(this=column), expressions=[exp.Literal.number(0)]
        ),
    ),
    MeasureType(
        "active_days", "nothing", True, Label("活跃天数", "days active"), Label("的天数", "number of days with"),
        _active_days,
    ),
    MeasureType(
        "avg", "number", False, Label("平均", "average of"), Label("的{property}平均", "average {property} of"),
        lambda column, as_of, zone: exp.Avg(this=column),
    ),
    MeasureType(
        "min", "number", False, Label("最小", "smallest"), Label("的{property}最小值", "smallest {property} of"),
        lambda column, as_of, zone: exp.Min(this=column),
    ),
    MeasureType(
        "max", "number", False, Label("最大", "largest"), Label("的{property}最大值", "largest {property} of"),
        lambda column, as_of, zone: exp.Max(this=column),
    ),
    MeasureType(
        "days_since_last", "nothing", False, Label("距最近一次天数", "days since the last"),
        Label("距最近一次的天数", "days since the last"),
        lambda column, as_of, zone: _days_since(exp.Max(this=_time()), as_of),
    ),
    MeasureType(
        "days_since_first", "nothing", False, Label("距首次天数", "days since the first"),
        Label("距首次的天数", "days since the first"),
        lambda column, as_of, zone: _days_since(exp.Min(this=_time()), as_of),
    ),
)  # fmt: skip

_BY_KEY = {m.key: m for m in MEASURES}


def measure_type(key: str) -> MeasureType:
    """The measure of that key.

    Raises
    ------
    UnknownName
        With the nearest keys.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownName(f"Unknown measure {key!r}.{did_you_mean(key, _BY_KEY)}") from None
