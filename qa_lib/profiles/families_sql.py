"""Families of behaviour tags as SQL: one query per kind of event, for engines that hold its tables.

Every event is read once per split and grain, never once per tag. First cells: a row per person and value,
with what each window has; a number of different things is counted from the last time of each, so that no
window needs a distinct count of its own. Then a row per person, where a tag is a cell or a comparison of
cells; at the end everybody, as the tag says of those without events.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from sqlglot import exp

from qa_lib.profiles.behaviour import CALENDAR, BehaviourTag
from qa_lib.rules.windows import Ever, Last

_DAY = 86_400_000_000
#: What is counted once: a property's different values, or local days.
Grain = tuple[str, str] | None
_DISTINCT_DAYS: Grain = ("day", "")


def family_query(tags: Sequence[BehaviourTag], as_of: datetime, zone: ZoneInfo, *, table: str) -> exp.Select:
    """`person_no` and a column per tag, for everybody in `people`.

    Prints for DuckDB as it stands, and for Spark through `qa_lib.rules.dialects.in_dialect`.

    Parameters
    ----------
    tags
        All over one kind of event.
    table
        Holds it: `person_no`, `occurred_at` and its properties.
    """
    query = _Query(as_of, zone, table)
    columns = [exp.alias_(query.value(tag), tag.name, quoted=True) for tag in tags]
    found = exp.select(exp.column("person_no", "p"), *columns).from_(exp.to_table("people").as_("p"))
    for group in query.groups.values():
        on = exp.EQ(this=exp.column("person_no", group.name), expression=exp.column("person_no", "p"))
        found = found.join(group.select().subquery(group.name), on=on, join_type="left")
    return found


class _Query:
    """The parts of one query: groups of cells, found as the tags ask for them."""

    def __init__(self, as_of: datetime, zone: ZoneInfo, table: str) -> None:
        self.as_of, self.zone, self.table = as_of, zone, table
        self.groups: dict[tuple[str | None, Grain], _Group] = {}

    def group(self, by: str | None, grain: Grain = None) -> _Group:
        key = (by, grain)
        if key not in self.groups:
            self.groups[key] = _Group(self, f"g{len(self.groups)}", by, grain)
        return self.groups[key]

    def start(self, window: Last | Ever) -> exp.Expr | None:
        start, _ = window.bounds(self.as_of, self.zone)
        return None if start is None else _moment(start)

    def value(self, tag: BehaviourTag) -> exp.Expr:
        """The tag from the columns of the groups; 0 or nothing for people without events."""
        kind, prop, window = tag.measure.kind, tag.measure.property, tag.window
        if kind in ("distinct", "active_days"):
            grain: Grain = ("distinct", str(prop)) if kind == "distinct" else _DISTINCT_DAYS
            return _or_zero(self.group(tag.by, grain).cell(tag.value, "count", None, window))
        if kind == "share":
            part = self.group(tag.by).cell(tag.value, "count", None, window)
            whole = self.group(None).cell(None, "count", None, window)
            return _ratio(_or_zero(part), whole)
        group = self.group(tag.by)
        if kind == "top":
            return group.favourite(tag)
        match kind:
            case "count":
                return _or_zero(group.cell(tag.value, "count", None, window))
            case "did":
                return exp.GT(
                    this=_or_zero(group.cell(tag.value, "count", None, window)), expression=_number(0)
                )
            case "sum":
                return _or_zero(group.cell(tag.value, "sum", prop, window))
            case "avg":
                total, n = (group.cell(tag.value, one, prop, window) for one in ("sum", "known"))
                return _ratio(total, n)
            case "min" | "max":
                return group.cell(tag.value, kind, prop, window)
            case "days_since_first":
                return self._days(group.cell(tag.value, "first", None, window))
            case "days_since_last":
                last = group.cell(tag.value, "last", None, Ever())
                start = self.start(window)
                days = self._days(last)
                if start is None:
                    return days
                return exp.Case().when(exp.GTE(this=last.copy(), expression=start), days)
            case _:
                raise AssertionError(f"no measure of a family: {kind}")

    def _days(self, moment: exp.Expr) -> exp.Expr:
        """Whole periods of 24 hours from the moment to `as_of`."""
        apart = exp.Sub(
            this=exp.UnixMicros(this=_moment(self.as_of)), expression=exp.UnixMicros(this=moment.copy())
        )
        return exp.IntDiv(this=exp.Paren(this=apart), expression=_number(_DAY))


class _Group:
    """The cells of one split at one grain, and what of them becomes a column of a person."""

    def __init__(self, query: _Query, name: str, by: str | None, grain: Grain) -> None:
        self.query, self.name, self.by, self.grain = query, name, by, grain
        self._cells: dict[tuple[str, str | None, str], tuple[str, exp.Expr]] = {}
        self._columns: dict[tuple[object, ...], tuple[str, exp.Expr]] = {}
        self._values: dict[str, None] = {}

    def cell(self, value: str | None, kind: str, prop: str | None, window: Last | Ever) -> exp.Expr:
        """A column of the group: a measure of one value in one window."""
        measured = exp.column(self._cell(kind, prop, window))
        if self.by is None:
            return self._column((kind, prop, window.hash), measured)
        assert value is not None
        chosen = _filtered(exp.Max(this=measured), exp.EQ(this=exp.column("v"), expression=self._is(value)))
        return self._column((kind, prop, window.hash, value), chosen)

    def favourite(self, tag: BehaviourTag) -> exp.Expr:
        """The value with the most events; of equals the first in text order.

        The largest of `count × n + (n − 1 − place)` says both.
        """
        n, count = len(tag.values), exp.column(self._cell("count", None, tag.window))
        weight = exp.Case(this=exp.column("v"))
        for place, value in enumerate(tag.values):
            weight = weight.when(self._is(value), _number(n - 1 - place))
        score = exp.Add(this=exp.Mul(this=count, expression=_number(n)), expression=weight)
        among = exp.In(this=exp.column("v"), expressions=[self._is(value) for value in tag.values])
        counted = exp.and_(exp.GT(this=count.copy(), expression=_number(0)), among)
        best = self._column(("top", tag.window.hash, tag.values), _filtered(exp.Max(this=score), counted))
        chosen = exp.Case(this=exp.Mod(this=best, expression=_number(n)))
        for place, value in enumerate(tag.values):
            chosen = chosen.when(_number(n - 1 - place), exp.Literal.string(value))
        return chosen

    def select(self) -> exp.Select:
        """One row per person that has any event here."""
        columns = [exp.alias_(said, name) for name, said in self._columns.values()]
        person = exp.column("person_no")
        if self.by is None:
            return exp.select(person, *columns).from_(self._select_cells().subquery("cells"))
        return (
            exp.select(person, *columns).from_(self._select_cells().subquery("cells")).group_by("person_no")
        )

    # -- parts ---------------------------------------------------------------------------------

    def _column(self, key: tuple[object, ...], said: exp.Expr) -> exp.Expr:
        name, _ = self._columns.setdefault(key, (f"c{len(self._columns)}", said))
        return exp.column(name, self.name)

    def _cell(self, kind: str, prop: str | None, window: Last | Ever) -> str:
        key = (kind, prop, window.hash)
        if key not in self._cells:
            self._cells[key] = (f"m{len(self._cells)}", self._measured(kind, prop, window))
        return self._cells[key][0]

    def _measured(self, kind: str, prop: str | None, window: Last | Ever) -> exp.Expr:
        at = exp.column("occurred_at")
        column = exp.column(prop, quoted=True) if prop else at
        aggregate: exp.Expr = {
            "count": exp.Count(this=exp.Star()),
            "known": exp.Count(this=column),
            "sum": exp.Sum(this=column),
            "min": exp.Min(this=column),
            "max": exp.Max(this=column),
            "first": exp.Min(this=column),
            "last": exp.Max(this=column),
        }[kind]
        start = self.query.start(window)
        if start is None:
            return aggregate
        return _filtered(aggregate, exp.GTE(this=at.copy(), expression=start))

    def _select_cells(self) -> exp.Select:
        keys: list[exp.Expr] = [exp.column("person_no")]
        keys += [] if self.by is None else [exp.column("v")]
        measured = [exp.alias_(said.copy(), name) for name, said in self._cells.values()]
        rows = self._rows()
        return exp.select(*keys, *measured).from_(rows.subquery("rows_of_event")).group_by(*_copies(keys))

    def _rows(self) -> exp.Select:
        """The events with their value; at a grain the last event of each different thing."""
        before = exp.LT(this=exp.column("occurred_at"), expression=_moment(self.query.as_of))
        columns: list[exp.Expr] = [exp.column("person_no")]
        if self.by is not None:
            columns.append(exp.alias_(self._split, "v"))
        if self.grain is None:
            props = sorted({prop for _, prop, _ in self._cells if prop})
            columns += [exp.column("occurred_at"), *(exp.column(p, quoted=True) for p in props)]
        else:
            columns += [exp.alias_(self._thing, "e"), exp.column("occurred_at")]
        rows = exp.select(*columns).from_(self.query.table).where(before)
        if self.by is not None:
            among = [self._is(value) for value in self._values]
            rows = rows.where(exp.In(this=self._split, expressions=among))
        if self.grain is None:
            return rows
        keys = [exp.column(n) for n in (["person_no"] if self.by is None else ["person_no", "v"])]
        last = exp.alias_(exp.Max(this=exp.column("occurred_at")), "occurred_at")
        known = exp.Not(this=exp.Is(this=exp.column("e"), expression=exp.null()))
        each = exp.select(*keys, exp.column("e"), last).from_(rows.subquery("each_event")).where(known)
        return each.group_by(*_copies(keys), exp.column("e"))

    @property
    def _thing(self) -> exp.Expr:
        assert self.grain is not None
        kind, prop = self.grain
        if kind == "distinct":
            return exp.column(prop, quoted=True)
        return exp.Cast(this=self._local_time, to=exp.DataType.build("date"))

    @cached_property
    def _split(self) -> exp.Expr:
        """The value of an event: a text, or the place among the calendar's words."""
        assert self.by is not None
        if self.by not in CALENDAR:
            return exp.column(self.by, quoted=True)
        local = exp.UnixMicros(this=self._local_time)
        inside = _remainder(local, _DAY)
        if self.by == "daypart":
            return exp.IntDiv(this=exp.Paren(this=inside), expression=_number(_DAY // 4))
        midnight = exp.Paren(this=exp.Sub(this=local.copy(), expression=exp.Paren(this=inside)))
        days = exp.IntDiv(this=midnight, expression=_number(_DAY))
        thursday = exp.Add(this=days, expression=_number(3))  # 1970-01-01 was a Thursday
        return _remainder(exp.Paren(this=thursday), 7)

    @property
    def _local_time(self) -> exp.Expr:
        return exp.AtTimeZone(this=exp.column("occurred_at"), zone=exp.Literal.string(str(self.query.zone)))

    def _is(self, value: str) -> exp.Expr:
        self._values[value] = None
        if self.by in CALENDAR:
            return _number(CALENDAR[str(self.by)][1].index(value))
        return exp.Literal.string(value)


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)


def _moment(moment: datetime) -> exp.Expr:
    return exp.cast(exp.Literal.string(moment.isoformat()), "timestamptz")


def _filtered(aggregate: exp.Expr, predicate: exp.Expr) -> exp.Expr:
    return exp.Filter(this=aggregate, expression=exp.Where(this=predicate))


def _or_zero(value: exp.Expr) -> exp.Expr:
    return exp.Coalesce(this=value, expressions=[_number(0)])


def _ratio(part: exp.Expr, whole: exp.Expr) -> exp.Expr:
    """Nothing where there is no whole."""
    some = exp.cast(exp.Nullif(this=whole, expression=_number(0)), "double")
    return exp.Div(this=exp.cast(part, "double"), expression=some)


def _remainder(value: exp.Expr, of: int) -> exp.Expr:
    """From 0, also of a negative number."""
    once = exp.Paren(this=exp.Mod(this=value.copy(), expression=_number(of)))
    again = exp.Paren(this=exp.Add(this=once, expression=_number(of)))
    return exp.Mod(this=again, expression=_number(of))


def _copies(nodes: Sequence[exp.Expr]) -> list[exp.Expr]:
    return [node.copy() for node in nodes]
