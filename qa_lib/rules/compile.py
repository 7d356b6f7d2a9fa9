"""A condition as SQL: its meaning, and how it runs unless something faster is proven equal.

Every condition becomes one SELECT of `person_no` over the snapshot's tables: `people`, `profile` (one
column per field) and `event_…`, and for saved audiences over `audience_members`. Names come from the catalogue and the operator tables only, and every
value is bound; the same expression prints in another engine's dialect.
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

from sqlglot import exp

from qa_lib.rules.catalogue import Catalogue, EventType, Field, FieldType
from qa_lib.rules.check import require
from qa_lib.rules.compile_people import audience_condition, lifecycle_condition, split_condition
from qa_lib.rules.compile_sequence import sequence_condition
from qa_lib.rules.dialects import in_dialect
from qa_lib.rules.measures import measure_type
from qa_lib.rules.model import (
    All,
    Any,
    Attribute,
    Condition,
    Event,
    InAudience,
    Lifecycle,
    Missing,
    RandomSplit,
    Rule,
    Sequence,
    Tag,
)
from qa_lib.rules.operators import YEAR_OF_DAYS, Operator, operator
from qa_lib.rules.windows import Last, midnight


@dataclass(frozen=True)
class Compiled:
    """One SELECT of `person_no` and its bound values."""

    expression: exp.Expr
    params: dict[str, AnyValue] = field(default_factory=dict)

    def sql(self) -> str:
        """DuckDB SQL with named parameters."""
        return self.expression.sql(dialect="duckdb")

    def text(self, dialect: str = "duckdb", *, pretty: bool = True) -> str:
        """SQL to read, with the values written out, in any dialect that sqlglot prints."""

        def written(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Placeholder):
                return _literal(self.params[node.name])
            return node

        # values first: how a value is said may depend on it
        said = self.expression.copy().transform(written, copy=False)
        return in_dialect(said, dialect.lower()).sql(dialect=dialect, pretty=pretty)


class Compiler:
    """Compiles conditions for one catalogue and moment, collecting bound values."""

    def __init__(self, catalogue: Catalogue, as_of: datetime, zone: ZoneInfo) -> None:
        self.catalogue = catalogue
        self.as_of = as_of
        self.zone = zone
        self.params: dict[str, AnyValue] = {}
        self._sequences = 0

    def next_number(self) -> int:
        """A number that no other sequence of this statement has."""
        self._sequences += 1
        return self._sequences

    def bind(self, value: AnyValue) -> exp.Expr:
        """A named parameter that carries the value."""
        name = f"v{len(self.params)}"
        self.params[name] = value
        return exp.Placeholder(this=name)

    # -- fields --------------------------------------------------------------------------------

    def comparison(self, leaf: Attribute | Tag, field: Field) -> exp.Expr:
        """The predicate on a column, with its declared answer for a missing value."""
        op = operator(leaf.operator)
        column: exp.Expr = exp.column(field.name, quoted=True)
        if field.type == "list":
            column = _with_elements(column)
        if op.arity == "none":
            return op.sql(column, [])
        predicate = op.sql(column, self._bound(leaf.value, op, field.type))
        return _with_missing(predicate, column, op.when_missing, leaf.missing)

    def _bound(self, value: AnyValue, op: Operator, type: FieldType) -> list[exp.Expr]:
        if op.arity == "window":
            assert isinstance(value, Last)
            return [self.bind(day) for day in days_inside(value, self.as_of, self.zone)]
        if op.arity == "days":
            return [self.bind(number) for number in days_ahead(value, self.as_of, self.zone)]
        values = value if isinstance(value, tuple) else (value,)
        return [self.bind(_for_sql(v, type)) for v in values]

    def profile_condition(self, leaf: Attribute | Tag) -> exp.Select:
        predicate = self.comparison(leaf, self.catalogue.field(leaf.field))
        return exp.select(exp.column("person_no")).from_("profile").where(predicate)

    def condition(self, leaf: Condition) -> exp.Select:
        """The SELECT of any condition."""
        match leaf:
            case Event():
                return self.event_condition(leaf)
            case Sequence():
                return sequence_condition(self, leaf)
            case Lifecycle():
                return lifecycle_condition(self, leaf)
            case InAudience():
                return audience_condition(self, leaf)
            case RandomSplit():
                return split_condition(self, leaf)
            case _:
                return self.profile_condition(leaf)

    # -- events --------------------------------------------------------------------------------

    def where(self, rule: Rule, event: EventType) -> exp.Expr:
        """The filters of an event as one predicate that is never unknown."""
        match rule:
            case All() | Any():
                return _joined(rule, [self.where(child, event) for child in rule.of])
            case Attribute():
                return _known(self.comparison(rule, event.property(rule.field)))
            case _:
                raise AssertionError(f"checked before: {rule.kind} inside where")

    def filters(self, where: All | Any | None, event: EventType) -> list[exp.Expr]:
        """The predicates of an event's filters; none where everything passes."""
        if where is not None and where.of:
            return [self.where(where, event)]
        return [exp.false()] if where is not None and where.negated else []

    def between(self, start: datetime | None, end: datetime) -> list[exp.Expr]:
        """The predicates of an event's time: `start` inside, `end` outside."""
        at = exp.column("occurred_at")
        since = [] if start is None else [exp.GTE(this=at, expression=self.bind(start))]
        return [*since, exp.LT(this=at.copy(), expression=self.bind(end))]

    def events(self, leaf: Event) -> tuple[str, list[exp.Expr]]:
        """The event table, and the predicates for its window and filters."""
        event = self.catalogue.event(leaf.event)
        time = self.between(*leaf.window.bounds(self.as_of, self.zone))
        return event.table, [*time, *self.filters(leaf.where, event)]

    def measure(self, leaf: Event) -> exp.Expr:
        """The aggregate that the condition compares."""
        measure = measure_type(leaf.measure.kind)
        column = exp.column(leaf.measure.property, quoted=True) if leaf.measure.property else None
        as_of: exp.Expr = exp.null()
        zone: exp.Expr = exp.null()
        if measure.key.startswith("days_since"):
            as_of = self.bind(self.as_of)
        if measure.key == "active_days":
            zone = self.bind(str(self.zone))
        return measure.sql(column, as_of, zone)

    def event_condition(self, leaf: Event) -> exp.Select:
        """People whose measure compares as stated.

        Where people without any matching event belong in the answer, it is everybody except those whose
        measure does not compare.
        """
        measure, op = measure_type(leaf.measure.kind), operator(leaf.operator)
        table, predicates = self.events(leaf)
        nobody = self._answer_for_nobody(leaf, measure.zero, op)
        grouped = exp.select(exp.column("person_no")).from_(table).where(*predicates).group_by("person_no")
        done_at_all = measure.key == "count" and (
            (not nobody and op.key == ">=" and leaf.value == 1)
            or (nobody and op.key in ("=", "<=") and leaf.value == 0)
        )  # whoever has one matching event is in, or out: nothing is left to compare
        if not done_at_all:
            aggregate = self.measure(leaf)
            compared = _with_missing(
                op.sql(aggregate, self._bound(leaf.value, op, "number")),
                aggregate,
                op.when_missing and not measure.zero,
                None if measure.zero else leaf.missing,
            )
            grouped = grouped.having(_not(compared) if nobody else compared)
        if not nobody:
            return grouped
        out = exp.In(this=exp.column("person_no"), query=grouped.subquery())
        return exp.select(exp.column("person_no")).from_("people").where(exp.Not(this=out))

    def _answer_for_nobody(self, leaf: Event, zero: bool, op: Operator) -> bool:
        """What the condition says of a person with no matching event."""
        if not zero:
            if leaf.missing is not None:
                return leaf.missing == "include"
            return op.when_missing
        if leaf.missing is not None:
            return leaf.missing == "include"
        return _compare_zero(op.key, leaf.value)


def compile_condition(leaf: Condition, catalogue: Catalogue, as_of: datetime, zone: ZoneInfo) -> Compiled:
    """The SELECT of one condition.

    Raises
    ------
    SpecError, UnknownName
        When the condition does not fit the catalogue.
    """
    require(leaf, catalogue)
    compiler = Compiler(catalogue, as_of, zone)
    return Compiled(compiler.condition(leaf), compiler.params)


def compile_rule(rule: Rule, catalogue: Catalogue, as_of: datetime, zone: ZoneInfo) -> Compiled:
    """The whole rule as one SELECT, to read and for other engines; the workbench itself runs leaf by leaf.

    Raises
    ------
    SpecError, UnknownName
        When the rule does not fit the catalogue.
    """
    require(rule, catalogue)
    compiler = Compiler(catalogue, as_of, zone)

    def predicate(node: Rule) -> exp.Expr:
        if isinstance(node, All | Any):
            return _joined(node, [predicate(child) for child in node.of])
        return exp.In(this=exp.column("person_no"), query=compiler.condition(node).subquery())

    expression = exp.select(exp.column("person_no")).from_("people").where(predicate(rule))
    return Compiled(expression, compiler.params)


def _joined(group: All | Any, parts: list[exp.Expr]) -> exp.Expr:
    """The predicates of a group's children as one, in brackets; true where there is none."""
    joined: exp.Expr = exp.true()
    if parts:
        joined = exp.and_(*parts) if isinstance(group, All) else exp.or_(*parts)
    return exp.Not(this=exp.Paren(this=joined)) if group.negated else exp.Paren(this=joined)


def days_inside(window: Last, as_of: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """First day inside and first day outside: the days whose local midnight lies in the window."""
    start, end = window.bounds(as_of, zone)
    assert start is not None
    return _next_midnight_day(start, zone), _next_midnight_day(end, zone)


def days_ahead(days: int, as_of: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """Today and how far the last of the next days lies round the year, as month × 100 + day.

    In a common year 29 February is celebrated on the 28th.
    """
    today = as_of.astimezone(zone).date()
    last = today + timedelta(days=days)
    first, end = today.month * 100 + today.day, last.month * 100 + last.day
    end += end == 228 and not isleap(last.year)
    return first, (end - first) % YEAR_OF_DAYS


def _next_midnight_day(moment: datetime, zone: ZoneInfo) -> date:
    day = moment.astimezone(zone).date()
    return day if midnight(day, zone) == moment else day + timedelta(days=1)


def _with_missing(
    predicate: exp.Expr, column: exp.Expr, declared: bool, override: Missing | None
) -> exp.Expr:
    include = declared if override is None else override == "include"
    is_null = exp.Is(this=column.copy(), expression=exp.Null())
    if include:
        return exp.or_(predicate, is_null)
    return predicate  # a NULL comparison is not true, so the person is left out


def _with_elements(column: exp.Expr) -> exp.Expr:
    """A list, or NULL where it has no elements: that is a missing value."""
    some = exp.GT(this=exp.ArraySize(this=column.copy()), expression=exp.Literal.number(0))
    return exp.Case().when(some, column)


def _known(predicate: exp.Expr) -> exp.Expr:
    """Two-valued: what SQL leaves unknown is false, so that a negation is the plain complement."""
    return exp.Coalesce(this=exp.Paren(this=predicate), expressions=[exp.false()])


def _not(predicate: exp.Expr) -> exp.Expr:
    return exp.Not(this=_known(predicate))


def _compare_zero(key: str, value: AnyValue) -> bool:
    match key:
        case "=":
            return bool(value == 0)
        case "!=":
            return bool(value != 0)
        case ">":
            return bool(value < 0)
        case ">=":
            return bool(value <= 0)
        case "<":
            return bool(value > 0)
        case "<=":
            return bool(value >= 0)
        case _:
            low, high = value
            return bool(low <= 0 <= high)


def _for_sql(value: AnyValue, type: FieldType) -> AnyValue:
    if type == "date":
        return date.fromisoformat(value)
    if isinstance(value, float) and abs(value) < 1e12 and round(value, 6) == value:
        return Decimal(repr(value))  # money is exact: 3.1 is 3.1
    return value


def _literal(value: AnyValue) -> exp.Expr:
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat()), "timestamptz")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, Decimal):
        return exp.Literal.number(f"{value:f}")
    if isinstance(value, float):  # written as a number it would be a decimal
        return exp.cast(exp.Literal.string(repr(value)), "double")
    return exp.convert(value)
