"""What sqlglot prints as DuckDB has it, said as another engine has it.

A translation keeps the meaning, not the name: where an engine rounds, counts days or looks for a pattern in
a way of its own, another expression says what DuckDB does. What it says needs neither the session's time zone
nor its settings.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from qa_lib.rules.patterns import portable_pattern

Translation = Callable[[exp.Expr], exp.Expr]

#: No average is over amounts with more decimals than this many zeros can lift.
_WHOLE = 1_000_000
_DAY = 86_400_000_000


def _called(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _texts(array: exp.Expr) -> exp.Expr:
    """Some engines tell a list that can hold nothing from one that cannot."""
    return exp.cast(array, exp.DataType.build("array<text>"))


def _none_left(of: exp.Expr, inside: exp.Expr) -> exp.Expr:
    """Whether every element of one list is in the other, where the engine can only take lists apart."""
    return exp.EQ(this=_called("size", _called("array_except", of, inside)), expression=exp.Literal.number(0))


def _has_any(node: exp.Expr) -> exp.Expr:
    one, other = node.expressions
    return _called("arrays_overlap", _called("array_compact", one), other)


def _has_all(node: exp.Expr) -> exp.Expr:
    """`list_has_all(whole, part)`; the column is the one that may hold nothing at a place."""
    whole, part = node.expressions
    if isinstance(part, exp.Array):
        return _none_left(_texts(part), whole)
    return _none_left(_called("array_compact", part), _texts(whole))


def _local(node: exp.Expr) -> exp.Expr:
    return _called("from_utc_timestamp", node.this, node.args["zone"])


def _day(node: exp.Expr) -> exp.Expr:
    """The day of a local time as its midnight in microseconds: a cast would ask for the session's zone."""
    if not isinstance(node.this, exp.AtTimeZone):
        return node
    micros = exp.UnixMicros(this=_local(node.this))
    return exp.Sub(this=micros, expression=_called("pmod", micros.copy(), exp.Literal.number(_DAY)))


def _average(node: exp.Expr) -> exp.Expr:
    """One division of two exact numbers, as DuckDB has it; an average of decimals would be rounded."""
    whole = exp.cast(exp.Literal.number(_WHOLE), "decimal(7, 0)")
    total = exp.cast(exp.Mul(this=exp.Sum(this=node.this), expression=whole), "double")
    count = exp.Nullif(this=exp.Count(this=node.this.copy()), expression=exp.Literal.number(0))
    times = exp.Mul(this=count, expression=whole.copy())
    return exp.Div(this=total, expression=exp.Paren(this=times))


def _pattern(node: exp.Expr) -> exp.Expr:
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        return node
    return exp.RegexpLike(this=node.this, expression=exp.Literal.string(portable_pattern(pattern.name)))


def _text(node: exp.Expr) -> exp.Expr:
    """A text with control characters as its bytes: `\\0` before a digit would be another letter."""
    plain = not node.args.get("is_string") or all(letter >= " " for letter in node.name)
    if plain or isinstance(node.parent, exp.RegexpLike):
        return node
    return exp.cast(exp.HexString(this=node.name.encode().hex().upper(), is_integer=False), "text")


def _known(node: exp.Expr) -> exp.Expr:
    """`COALESCE(…, FALSE)` as a case: Sail 0.7 loses sight of it that this is never unknown."""
    if [*node.expressions] != [exp.false()]:
        return node
    return exp.Case().when(node.this, exp.true()).else_(exp.false())


_SPARK: dict[str | type[exp.Expr], Translation] = {
    "list_has_any": _has_any,
    "list_has_all": _has_all,
    exp.Coalesce: _known,
    exp.Cast: _day,
    exp.Avg: _average,
    exp.RegexpLike: _pattern,
    exp.Literal: _text,
}
_BY_DIALECT: dict[str, dict[str | type[exp.Expr], Translation]] = {"spark": _SPARK, "databricks": _SPARK}


def in_dialect(query: exp.Expr, dialect: str) -> exp.Expr:
    """The same meaning in an engine that says it otherwise; `query` itself is changed.

    Raises
    ------
    CannotExchange
        When the engine has nothing that means the same.
    """
    translations = _BY_DIALECT.get(dialect, {})
    if translations:
        for node in reversed(
            list(query.walk())
        ):  # what is inside first: it may stand in what is put around it
            key = str(node.this).lower() if isinstance(node, exp.Anonymous) else type(node)
            if key in translations:
                said = translations[key](node)
                if said is not node:
                    node.replace(said)
    return query
