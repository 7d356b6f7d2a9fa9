"""What importing and exporting share: refusals that name the part, and conditions over a catalogue's fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any as AnyValue
from typing import Literal

from qa_lib.errors import CannotExchange
from qa_lib.rules.catalogue import Catalogue, Field
from qa_lib.rules.check import fits, require
from qa_lib.rules.model import All, Any, Attribute, Rule, Tag, walk
from qa_lib.rules.operators import operator
from qa_lib.rules.spec import load_json

Comparison = Attribute | Tag
#: Lists and objects inside each other that are read; a rule of 40 groups needs about 130.
MAX_NESTING = 200
#: Values that are read at all, so that a hostile text costs little.
MAX_VALUES = 200_000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def refuse(language: str, part: AnyValue, why: str) -> CannotExchange:
    """The error for a part that cannot be carried; `why` says what can be done."""
    shown = part if isinstance(part, str) else json.dumps(part, ensure_ascii=False, default=str)
    return CannotExchange(f"{language}: {shown if len(shown) <= 200 else shown[:180] + ' …'}: {why}")


def read_values(value: AnyValue, language: str) -> AnyValue:
    """The JSON values of a text or as given, refused where they are too deep or too many.

    Raises
    ------
    SpecError
        When the text is no JSON.
    CannotExchange
        When it is deeper or longer than any rule may be.
    """
    if isinstance(value, str | bytes):
        value = load_json(value, language)
    level: list[AnyValue] = [value]
    seen = 0
    for _ in range(MAX_NESTING):
        level = [child for node in level for child in _inside(node)]
        seen += len(level)
        if not level:
            return value
        if seen > MAX_VALUES:
            raise CannotExchange(f"{language}: more than {MAX_VALUES:,} values. Split the rule.")
    raise CannotExchange(f"{language}: nested deeper than {MAX_NESTING} values. Flatten the rule.")


def _inside(node: AnyValue) -> Iterable[AnyValue]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def exportable(rule: Rule, catalogue: Catalogue, language: str) -> None:
    """Refuse a rule that does not fit the catalogue, or with conditions that only this workbench has.

    Raises
    ------
    SpecError, UnknownName
        When the rule does not fit the catalogue.
    CannotExchange
        Naming the condition and the way on.
    """
    for path, node in walk(rule):
        if not isinstance(node, All | Any | Attribute | Tag):
            where = ".".join(map(str, path)) or "the root"
            raise refuse(
                language,
                node.to_dict(),
                f"a condition of kind '{node.kind}' (at {where}) has no place there. Save this part as a tag and "
                "compare the tag, or export the rule as YAML or SQL.",
            )
    require(rule, catalogue)


def comparison(field: Field, key: str, value: AnyValue = None, missing: bool | None = None) -> Comparison:
    """A condition on the field; `missing` is kept only where it differs from the operator's own answer."""
    op = operator(key)
    kind = Attribute if field.kind == "attribute" else Tag
    if missing is None or missing == op.when_missing:
        return kind(field=field.name, operator=key, value=value)
    leaf = kind(field=field.name, operator=key, value=value)
    return with_missing(leaf, "include" if missing else "exclude")


def with_missing(leaf: Comparison, missing: Literal["include", "exclude"]) -> Comparison:
    """The same condition with its answer for people without a value."""
    return leaf.model_copy(update={"missing": missing})


def number_of(text: str) -> int | float | None:
    """The number that a form field holds as text, or None."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def day(value: AnyValue) -> bool:
    """Whether it is a day such as 2017-03-01."""
    return fits(value, "date")


def negated(rule: Rule) -> Rule:
    """The complement of a rule: a group turns round, a condition is put into a negated group."""
    if isinstance(rule, All | Any):
        return rule.model_copy(update={"negated": not rule.negated})
    return All(of=(rule,), negated=True)


def everybody(truth: bool) -> Rule:
    """The rule that selects everybody, or nobody."""
    return All(negated=not truth)


def is_constant(rule: Rule) -> bool:
    """Whether it is an empty group: everybody, or nobody where it is negated."""
    return isinstance(rule, All | Any) and not rule.of


def grouped(kind: Literal["and", "or"], children: Iterable[Rule]) -> Rule:
    """A group whose children that select everybody or nobody are worked out: no group inside stays empty."""
    kept: list[Rule] = []
    for child in children:
        if isinstance(child, All | Any) and not child.of:
            if child.negated == (kind == "and"):  # nobody in an `and`, everybody in an `or`
                return All(negated=True) if kind == "and" else Any()
        else:
            kept.append(child)
    if kind == "and":
        return All(of=tuple(kept))
    return Any(of=tuple(kept), negated=not kept)
