"""Lifecycles, membership of audiences and random parts as SQL: one SELECT of `person_no` each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from qa_lib.rules.model import InAudience, Lifecycle, RandomSplit
from qa_lib.rules.split import HEX_DIGITS, hash_prefix, hex_bound
from qa_lib.rules.windows import periods

if TYPE_CHECKING:
    from qa_lib.rules.compile import Compiler

#: Where another engine keeps who is in which saved audience: `audience`, `version`, `is_active`, `person_no`.
AUDIENCE_MEMBERS = "audience_members"


def lifecycle_condition(compiler: Compiler, leaf: Lifecycle) -> exp.Select:
    """People whose events follow the pattern, from the first and last of them in the time looked at."""
    as_of, zone = compiler.as_of, compiler.zone
    if leaf.pattern == "regularly":
        return _regularly(compiler, leaf)
    start, end = leaf.window.bounds(as_of, zone)
    at = exp.column("occurred_at")
    first, last = exp.Min(this=at), exp.Max(this=at.copy())
    if leaf.pattern == "first_time":
        none_before = [] if start is None else [exp.GTE(this=first, expression=compiler.bind(start))]
        return _people(compiler, leaf, compiler.between(None, end), none_before)
    assert start is not None  # checked as it was made
    before = leaf.before.bounds(start, zone)[0] if leaf.before is not None else None
    if leaf.pattern == "stopped":
        none_since = exp.LT(this=last, expression=compiler.bind(start))
        return _people(compiler, leaf, compiler.between(before, end), [none_since])
    assert before is not None
    paused = exp.and_(
        exp.GTE(this=at.copy(), expression=compiler.bind(before)),
        exp.LT(this=at.copy(), expression=compiler.bind(start)),
    )
    in_pause = exp.Count(this=exp.Case().when(paused, exp.Literal.number(1)))
    having: list[exp.Expr] = [
        exp.GTE(this=last, expression=compiler.bind(start)),
        exp.EQ(this=in_pause, expression=exp.Literal.number(0)),
        exp.LT(this=first, expression=compiler.bind(before)),
    ]
    return _people(compiler, leaf, compiler.between(None, end), having)


def _regularly(compiler: Compiler, leaf: Lifecycle) -> exp.Select:
    """People with an event in at least k of the periods."""
    assert leaf.k is not None
    assert leaf.m is not None
    assert leaf.unit is not None
    edges = periods(compiler.as_of, compiler.zone, leaf.m, leaf.unit, calendar=leaf.calendar)
    period = exp.Case()
    for number, edge in enumerate(edges[1:]):
        inside = exp.LT(this=exp.column("occurred_at"), expression=compiler.bind(edge))
        period = period.when(inside, exp.Literal.number(number), copy=False)
    active = exp.Count(this=exp.Distinct(expressions=[period]))
    having = [exp.GTE(this=active, expression=compiler.bind(leaf.k))]
    return _people(compiler, leaf, compiler.between(edges[0], edges[-1]), having)


def _people(
    compiler: Compiler, leaf: Lifecycle, time: list[exp.Expr], having: Sequence[exp.Expr]
) -> exp.Select:
    event = compiler.catalogue.event(leaf.event)
    rows = exp.select(exp.column("person_no")).from_(event.table)
    rows = rows.where(*time, *compiler.filters(leaf.where, event)).group_by("person_no")
    return rows.having(*having) if having else rows


def audience_condition(compiler: Compiler, leaf: InAudience) -> exp.Select:
    """Members of a saved audience, from the table `AUDIENCE_MEMBERS` of the engine that runs it.

    The workbench itself reads saved members through the engine's resolver, not by this SQL.
    """
    which: exp.Expr = exp.column("is_active")
    if leaf.version is not None:
        which = exp.EQ(this=exp.column("version"), expression=compiler.bind(leaf.version))
    name = exp.EQ(this=exp.column("audience"), expression=compiler.bind(leaf.audience))
    members = exp.select(exp.column("person_no")).from_(AUDIENCE_MEMBERS).where(name, which)
    if leaf.member:
        return members
    inside = exp.In(this=exp.column("person_no"), query=members.subquery())
    return exp.select(exp.column("person_no")).from_("people").where(exp.Not(this=inside))


def split_condition(compiler: Compiler, leaf: RandomSplit) -> exp.Select:
    """People whose bucket lies in `[low, high)`, by the leading digits of their hash."""
    people = exp.select(exp.column("person_no")).from_("people")
    if leaf.low == 0 and leaf.high == 1:
        return people
    salted = exp.DPipe(this=compiler.bind(hash_prefix(leaf.salt)), expression=exp.column("person_id"))
    digest = exp.SHA2(this=salted, length=exp.Literal.number(256))
    digits = exp.Substring(this=digest, start=exp.Literal.number(1), length=exp.Literal.number(HEX_DIGITS))
    inside: list[exp.Expr] = []
    if leaf.low > 0:
        inside.append(exp.GTE(this=digits, expression=compiler.bind(hex_bound(leaf.low))))
    if leaf.high < 1:
        inside.append(exp.LT(this=digits.copy(), expression=compiler.bind(hex_bound(leaf.high))))
    return people.where(*inside)
