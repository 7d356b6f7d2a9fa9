"""A sequence as SQL: one pass over each person's moments in order of time, step by step.

Every event of a kind that the sequence names becomes a *moment* of its person (and of the values that must
be the same), marked with the steps it fits. Two moments of one person and values never share a time, so
all windows have a total order. A moment that completes a step has a **reach**: the last time at which the
next step may happen, which is the nearest of the next step's `within`, the first event that breaks an
absence, and, for a step that follows immediately, the next named event of all. The next step is taken at a
moment that an earlier, completed one reaches. With `Sequence.within` each moment also carries the latest
start from which it can be completed: later starts leave more time, and nothing else depends on the start.

The furthest reach and the latest start before a moment come from one window function. Only where an
absence with a time of its own lies inside a sequence with `within` may the one that starts latest not
be the one that reaches furthest; from there on moments are joined to those that reach them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from qa_lib.rules.model import Sequence, Step

if TYPE_CHECKING:
    from qa_lib.rules.compile import Compiler

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Later than any moment, in microseconds since 1970.
_NEVER = 9_000_000_000_000_000_000
_BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
_AFTER = "BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING"


@dataclass(frozen=True)
class _Link:
    """From one step that happens to the next: its number, and the absences (by number) in between."""

    step: int
    absences: tuple[int, ...]


def sequence_condition(compiler: Compiler, leaf: Sequence) -> exp.Select:
    """People who took the steps; one row each."""
    return _Sequence(compiler, leaf).select()


class _Sequence:
    """The named steps of one query. `s0`, `s1` … mark the steps, `b1` … are the next breaks of absences."""

    def __init__(self, compiler: Compiler, leaf: Sequence) -> None:
        self.compiler = compiler
        self.leaf = leaf
        self.steps = leaf.steps
        self.keys = [f"k{i}" for i in range(len(leaf.same))]
        self.whose = ", ".join(["person_no", *self.keys])
        self.absent = [i for i, step in enumerate(self.steps) if step.absent]
        self.immediately = any(step.immediately for step in self.steps)
        self.links, self.trailing = _links(self.steps)
        # some engines move the named steps of a subquery to the top, where two sequences must not meet
        number = compiler.next_number()
        self.named_events, self.moments, self.marked = (
            f"{name}_{number}" for name in ("named_events", "moments", "marked")
        )
        self.taken = [f"taken_{number}_{i}" for i in range(len(self.links) + 1)]

    def select(self) -> exp.Select:
        named: list[tuple[str, exp.Expr]] = [
            (self.named_events, self._named_events()),
            (self.moments, _parsed(self._moments())),
            (self.marked, _parsed(self._marked())),
        ]
        first = f"CASE WHEN s0 THEN {self._reach(0)} END AS reach"
        if self.leaf.within is not None:
            first += ", CASE WHEN s0 THEN t END AS start_at"
        named.append((self.taken[0], _parsed(f"SELECT *, {first} FROM {self.marked}")))
        joined = False
        for number, link in enumerate(self.links):
            timed = any(self.steps[j].within is not None for j in link.absences)
            joined = joined or (timed and self.leaf.within is not None)
            step = self._by_join(number) if joined else self._by_window(number)
            named.append((self.taken[number + 1], _parsed(step)))
        conditions = ["NOT reach IS NULL", *(self._holds_at_the_end(j) for j in self.trailing)]
        query = _parsed(f"SELECT DISTINCT person_no FROM {self.taken[-1]} WHERE {' AND '.join(conditions)}")
        for name, expression in named:
            query = query.with_(name, as_=expression, copy=False)
        return query

    # -- moments -------------------------------------------------------------------------------

    def _named_events(self) -> exp.Expr:
        """Every event of the named kinds in the time looked at, with the marks of the steps it fits."""
        kinds = dict.fromkeys(step.event for step in self.steps)
        parts: list[exp.Select] = []
        for kind in kinds:
            event = self.compiler.catalogue.event(kind)
            columns: list[exp.Expr] = [exp.column("person_no")]
            columns += [
                exp.alias_(exp.column(name, quoted=True), key)
                for name, key in zip(self.leaf.same, self.keys, strict=True)
            ]
            columns.append(exp.alias_(exp.UnixMicros(this=exp.column("occurred_at")), "t"))
            for i, step in enumerate(self.steps):
                columns.append(exp.alias_(self._mark(step) if step.event == kind else exp.false(), f"s{i}"))
            start, _ = self.leaf.window.bounds(self.compiler.as_of, self.compiler.zone)
            parts.append(
                exp.select(*columns)
                .from_(event.table)
                .where(*self.compiler.between(start, self.compiler.as_of))
            )
        query: exp.Expr = parts[0]
        for part in parts[1:]:
            query = exp.union(query, part, distinct=False)
        return query

    def _mark(self, step: Step) -> exp.Expr:
        """Whether an event fits a step; one that happens lies in the window, an absence is watched to `as_of`."""
        event = self.compiler.catalogue.event(step.event)
        predicates = self.compiler.filters(step.where, event)
        _, end = self.leaf.window.bounds(self.compiler.as_of, self.compiler.zone)
        if not step.absent and end < self.compiler.as_of:
            predicates += self.compiler.between(None, end)
        return exp.and_(*predicates) if predicates else exp.true()

    def _moments(self) -> str:
        """One row per person, values and time; an event without one of the values is no moment."""
        marks = [f"s{i}" for i in range(len(self.steps))]
        wanted = f"({' OR '.join(marks)})" + "".join(f" AND NOT {key} IS NULL" for key in self.keys)
        if self.keys:  # most values never see the first or the last step: they need no order
            last = max(i for i, step in enumerate(self.steps) if not step.absent)
            for end in (0, last):
                wanted += (
                    f" AND ({self.whose}) IN (SELECT {self.whose} FROM {self.named_events} WHERE s{end})"
                )
        columns = ", ".join(f"MAX({mark}) AS {mark}" for mark in marks)
        if not self.immediately:
            source = self.named_events
        else:
            columns += ", MIN(next_named) AS next_named"
            source = (
                f"(SELECT *, MIN(t) OVER (PARTITION BY person_no ORDER BY t RANGE {_AFTER}) AS next_named "
                f"FROM {self.named_events}) AS followed"
            )
        return f"SELECT {self.whose}, t, {columns} FROM {source} WHERE {wanted} GROUP BY {self.whose}, t"

    def _marked(self) -> str:
        """The moments with, for each absence, the first time after them that breaks it."""
        breaks = "".join(
            f", MIN(CASE WHEN s{j} THEN t END) OVER (PARTITION BY {self.whose} ORDER BY t ROWS {_AFTER}) AS b{j}"
            for j in self.absent
        )
        return f"SELECT *{breaks} FROM {self.moments}"

    # -- from step to step ---------------------------------------------------------------------

    def _by_window(self, number: int) -> str:
        """All moments; those of the next step that an earlier moment reaches have a reach of their own."""
        columns = ", ".join([*self._carried(), *(f"s{i}" for i in range(len(self.steps)))])
        over = f"OVER (PARTITION BY {self.whose} ORDER BY t {_BEFORE})"
        seen = f"MAX(reach) {over} AS furthest"
        taken = f"s{self.links[number].step} AND furthest >= t{self._in_span('latest')}"
        found = f"CASE WHEN {taken} THEN {self._reach(number + 1)} END AS reach"
        if self.leaf.within is not None:
            seen += f", MAX(start_at) {over} AS latest"
            found += f", CASE WHEN {taken} THEN latest END AS start_at"
        return f"SELECT {columns}, {found} FROM (SELECT *, {seen} FROM {self.taken[number]}) AS seen"

    def _by_join(self, number: int) -> str:
        """The moments of the next step that an earlier moment reaches, each with its latest start."""
        columns = ", ".join(f"marked.{c}" for c in self._carried())
        on = " AND ".join(f"marked.{c} = taken.{c}" for c in ["person_no", *self.keys])
        pairs = (
            f"SELECT {columns}, MAX(taken.start_at) AS start_at "
            f"FROM {self.marked} AS marked JOIN {self.taken[number]} AS taken "
            f"ON {on} AND taken.t < marked.t AND taken.reach >= marked.t "
            f"WHERE marked.s{self.links[number].step}{self._in_span('taken.start_at', 'marked.t')} "
            f"GROUP BY {columns}"
        )
        return f"SELECT *, {self._reach(number + 1)} AS reach FROM ({pairs}) AS pairs"

    def _reach(self, number: int) -> str:
        """The last time at which the step after a moment of step `number` may happen."""
        if number == len(self.links):
            return "t"
        link = self.links[number]
        following = self.steps[link.step]
        ends = [] if following.within is None else [f"t + {following.within.microseconds}"]
        for j in link.absences:
            within = self.steps[j].within
            if within is None:
                ends.append(f"COALESCE(b{j}, {_NEVER})")
            else:
                ends.append(f"CASE WHEN b{j} <= t + {within.microseconds} THEN b{j} ELSE {_NEVER} END")
        if following.immediately:
            ends.append(f"COALESCE(next_named, {_NEVER})")
        if not ends:
            return str(_NEVER)
        return ends[0] if len(ends) == 1 else f"LEAST({', '.join(ends)})"

    def _holds_at_the_end(self, absence: int) -> str:
        within = self.steps[absence].within
        if within is None:
            return f"b{absence} IS NULL"
        end = f"t + {within.microseconds}"
        as_of = (self.compiler.as_of - _EPOCH) // timedelta(microseconds=1)
        return f"COALESCE(b{absence}, {_NEVER}) > {end} AND {end} < {as_of}"

    def _in_span(self, start: str, t: str = "t") -> str:
        return "" if self.leaf.within is None else f" AND {t} - {start} <= {self.leaf.within.microseconds}"

    def _carried(self) -> list[str]:
        followed = ["next_named"] if self.immediately else []
        return ["person_no", *self.keys, "t", *(f"b{j}" for j in self.absent), *followed]


def _links(steps: tuple[Step, ...]) -> tuple[list[_Link], tuple[int, ...]]:
    """The steps that happen after the first, and the absences at the end."""
    links: list[_Link] = []
    waiting: list[int] = []
    for i, step in enumerate(steps[1:], 1):
        if step.absent:
            waiting.append(i)
        else:
            links.append(_Link(i, tuple(waiting)))
            waiting = []
    return links, tuple(waiting)


def _parsed(sql: str) -> exp.Select:
    """SQL of this module's own names and numbers as an expression."""
    return sqlglot.parse_one(sql, read="duckdb", into=exp.Select)
