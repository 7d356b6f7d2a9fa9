"""What sqlglot prints as DuckDB has it, said as another engine has it."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

Translation = Callable[[exp.Expr, exp.Expr], exp.Expr]


def _none_left(of: exp.Expr, inside: exp.Expr) -> exp.Expr:
    """Whether every element of one list is in the other, where the engine can only take lists apart."""
    rest = exp.Anonymous(this="array_except", expressions=[of, inside])
    return exp.EQ(this=exp.Anonymous(this="size", expressions=[rest]), expression=exp.Literal.number(0))


_SPARK: dict[str, Translation] = {
    "list_has_any": lambda one, other: exp.Anonymous(this="arrays_overlap", expressions=[one, other]),
    "list_has_all": lambda whole, part: _none_left(part, whole),
}
_BY_DIALECT: dict[str, dict[str, Translation]] = {"spark": _SPARK, "databricks": _SPARK}


def in_dialect(node: exp.Expr, dialect: str) -> exp.Expr:
    """The same function in an engine that names it otherwise; anything else as it is."""
    if isinstance(node, exp.Anonymous):
        translation = _BY_DIALECT.get(dialect, {}).get(str(node.this).lower())
        if translation is not None:
            return translation(*node.expressions)
    return node
