"""Rules as queries of react-querybuilder, the form that many web tools keep their filters in: in and out.

A query has no meaning of its own for missing values; ours are the operators' declared answers, and a
condition that says otherwise carries `{"missing": …}` in the `meta` that react-querybuilder keeps unread.
"""

from __future__ import annotations

from typing import Any as AnyValue
from typing import get_args

from qa_lib.rules.catalogue import Catalogue, Field
from qa_lib.rules.check import require
from qa_lib.rules.conditions import Missing
from qa_lib.rules.exchange.common import (
    Comparison,
    comparison,
    exportable,
    number_of,
    read_values,
    refuse,
    with_missing,
)
from qa_lib.rules.model import All, Any, Rule, check_depth
from qa_lib.rules.operators import operator

LANGUAGE = "react-querybuilder"
#: Our operator and theirs; dates have words of their own for the order.
_NAMES = {
    "=": "=",
    "!=": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "before": "<",
    "on or before": "<=",
    "after": ">",
    "on or after": ">=",
    "between": "between",
    "in": "in",
    "not in": "notIn",
    "contains": "contains",
    "starts with": "beginsWith",
    "ends with": "endsWith",
    "is set": "notNull",
    "is not set": "null",
}
_DATES = {"<": "before", "<=": "on or before", ">": "after", ">=": "on or after"}
_OURS = {theirs: ours for ours, theirs in _NAMES.items() if ours not in _DATES.values()}

_OPPOSITES = {
    "doesNotContain": "contains",
    "doesNotBeginWith": "starts with",
    "doesNotEndWith": "ends with",
    "notBetween": "between",
}
_MATCHES = {"has any": "some", "has none": "none", "only": "all"}
#: What the form keeps for itself.
_IGNORED = {"id", "path", "disabled", "combinatorPreceding", "valueSource", "value", "meta", "not", "muted"}


def to_querybuilder(rule: Rule, catalogue: Catalogue) -> dict[str, AnyValue]:
    """The rule as a query; `from_querybuilder` gives a rule with the same hash back.

    Returns
    -------
    dict
        A `RuleGroupType` with arrays for lists. A rule that is one condition becomes a group with
        `"id": "condition"`.

    Raises
    ------
    SpecError, UnknownName
        When the rule does not fit the catalogue.
    CannotExchange
        For conditions on events and other audiences, random parts, patterns, windows of days, `has all`.
    """
    exportable(rule, catalogue, LANGUAGE)
    if isinstance(rule, All | Any):
        return _group_out(rule, catalogue)
    return {"id": "condition", "combinator": "and", "rules": [_condition_out(rule)]}  # type: ignore[arg-type]


def _group_out(group: All | Any, catalogue: Catalogue) -> dict[str, AnyValue]:
    made: dict[str, AnyValue] = {"combinator": "and" if isinstance(group, All) else "or"}
    if group.negated:
        made["not"] = True
    made["rules"] = [
        _group_out(child, catalogue) if isinstance(child, All | Any) else _condition_out(child)  # type: ignore[arg-type]
        for child in group.of
    ]
    return made


def _condition_out(leaf: Comparison) -> dict[str, AnyValue]:
    made: dict[str, AnyValue] = {"field": leaf.field}
    arity = operator(leaf.operator).arity
    value: AnyValue = list(leaf.value) if isinstance(leaf.value, tuple) else leaf.value
    if arity == "many" and not isinstance(value, list):
        raise refuse(LANGUAGE, leaf.to_dict(), f"'{leaf.operator}' takes a list there; write [{value!r}].")
    if leaf.operator in _MATCHES:
        made |= {"operator": "=", "match": {"mode": _MATCHES[leaf.operator]}}
        inner = {"field": "", "operator": "in", "value": value}
        made["value"] = {"combinator": "and", "rules": [inner]}
    elif leaf.operator in _NAMES:
        made |= {"operator": _NAMES[leaf.operator], "value": value}
    else:
        ways = {
            "matches": "Use 'contains', 'starts with' or 'ends with'.",
            "in last": "Write the days out with 'between'.",
            "anniversary within": "Export the rule as YAML or SQL.",
            "has all": "Ask 'has any' for each value in an All.",
        }
        way = ways.get(leaf.operator, "Export the rule as YAML.")
        raise refuse(LANGUAGE, leaf.to_dict(), f"it has no operator '{leaf.operator}'. {way}")
    made["valueSource"] = "value"
    if leaf.missing is not None:
        made["meta"] = {"missing": leaf.missing}
    return made


def from_querybuilder(value: AnyValue, catalogue: Catalogue) -> Rule:
    """The rule of a query, given as JSON text or as values; with independent combinators too.

    Texts that a form keeps are read in the field's type, and `"1,5"` as a list where one is expected.

    Raises
    ------
    SpecError
        When it is no JSON, or a value does not fit its field.
    UnknownName
        For a field that is not there, with the nearest names.
    CannotExchange
        For what a rule has no words for: comparisons of two fields, expressions, muted parts, xor.
    """
    query = read_values(value, LANGUAGE)
    if not isinstance(query, dict) or not isinstance(query.get("rules"), list):
        raise refuse(LANGUAGE, query, "a query is an object with a list of 'rules'.")
    group = _group_in(query, catalogue)
    lone = query.get("id") == "condition" and len(group.of) == 1 and not group.negated
    rule: Rule = group.of[0] if lone else group
    check_depth(rule)
    require(rule, catalogue)
    return rule


def _group_in(group: dict[str, AnyValue], catalogue: Catalogue) -> All | Any:
    _no_more_than(group, {"combinator", "rules"})
    rules, negated = group["rules"], bool(group.get("not", False))
    if "combinator" not in group:
        return _independent(group, rules, negated, catalogue)
    children = tuple(_node_in(one, catalogue) for one in rules)
    return _joined(group, group["combinator"], children, negated)


def _joined(part: AnyValue, combinator: AnyValue, children: tuple[Rule, ...], negated: bool) -> All | Any:
    match str(combinator).lower():
        case "and":
            return All(of=children, negated=negated)
        case "or":
            return Any(of=children, negated=negated)
    raise refuse(LANGUAGE, part, f"the combinator is 'and' or 'or', not {combinator!r}; nest two groups.")


def _independent(
    group: dict[str, AnyValue], rules: list[AnyValue], negated: bool, catalogue: Catalogue
) -> All | Any:
    """Rules with a combinator between each two: `and` binds closer than `or`."""
    words = [str(word).lower() for word in rules[1::2]]
    if len(rules) % 2 == 0 and rules:
        raise refuse(LANGUAGE, group, "a combinator stands between each two rules.")
    if odd := [word for word in words if word not in ("and", "or")]:
        raise refuse(LANGUAGE, group, f"the combinator is 'and' or 'or', not {odd[0]!r}; nest two groups.")
    nodes = [_node_in(one, catalogue) for one in rules[::2]]
    chains: list[list[Rule]] = [nodes[:1]]
    for word, node in zip(words, nodes[1:], strict=True):
        if word == "and":
            chains[-1].append(node)
        else:
            chains.append([node])
    if len(chains) == 1:
        return All(of=tuple(chains[0]), negated=negated)
    return Any(of=tuple(c[0] if len(c) == 1 else All(of=tuple(c)) for c in chains), negated=negated)


def _node_in(node: AnyValue, catalogue: Catalogue) -> Rule:
    if not isinstance(node, dict):
        raise refuse(LANGUAGE, node, "a rule is an object with 'field', 'operator' and 'value'.")
    if isinstance(node.get("rules"), list):
        return _group_in(node, catalogue)
    return _condition_in(node, catalogue)


def _condition_in(node: dict[str, AnyValue], catalogue: Catalogue) -> Rule:
    _no_more_than(node, {"field", "operator", "match"})
    name, key, value = node.get("field"), node.get("operator"), node.get("value")
    if not isinstance(name, str) or not isinstance(key, str) or "~" in (name, key):
        raise refuse(LANGUAGE, node, "it is not finished: choose a field and an operator.")
    source = node.get("valueSource", "value")
    if source not in ("value", None):
        raise refuse(
            LANGUAGE, node, f"a rule compares a field with a value, not with a {source}. Make it a tag."
        )
    field = catalogue.field(name)
    if node.get("match") is not None:
        return _stated(node, _match_in(node, field, value))
    if key in _OPPOSITES:
        return All(of=(_stated(node, _compared(node, field, _OPPOSITES[key], value)),), negated=True)
    if key not in _OURS:
        known = ", ".join(sorted({*_OURS, *_OPPOSITES}))
        raise refuse(LANGUAGE, node, f"the operator {key!r} is none of {known}.")
    if field.type == "list" and key in ("contains", "in"):
        wanted = _values(field, value, many=True) if key == "in" else (value,)
        return _stated(node, comparison(field, "has any", wanted))
    ours = _DATES.get(key, _OURS[key]) if field.type == "date" else _OURS[key]
    return _stated(node, _compared(node, field, ours, value))


def _compared(node: AnyValue, field: Field, key: str, value: AnyValue) -> Comparison:
    arity = operator(key).arity
    if arity == "none":
        return comparison(field, key)
    if field.type not in operator(key).types:
        raise refuse(LANGUAGE, node, f"'{key}' does not compare {field.type} fields such as {field.name!r}.")
    return comparison(field, key, _values(field, value, many=arity in ("two", "many")))


def _values(field: Field, value: AnyValue, *, many: bool) -> AnyValue:
    """The value in the field's type; a text with commas is a list where one is expected."""
    if not many:
        return _typed(field, value)
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return tuple(_typed(field, one) for one in (value if isinstance(value, list) else [value]))


def _typed(field: Field, value: AnyValue) -> AnyValue:
    if isinstance(value, str) and field.type == "number" and (number := number_of(value)) is not None:
        return number
    if isinstance(value, str) and field.type == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _match_in(node: AnyValue, field: Field, value: AnyValue) -> Comparison:
    """A list field whose elements are matched against a list of values."""
    mode = node["match"].get("mode") if isinstance(node["match"], dict) else None
    ours = next((ours for ours, theirs in _MATCHES.items() if theirs == mode), None)
    inner = value["rules"] if isinstance(value, dict) and isinstance(value.get("rules"), list) else []
    one = inner[0] if len(inner) == 1 and isinstance(inner[0], dict) else {}
    if ours is None or field.type != "list" or one.get("operator") not in ("in", "=") or value.get("not"):
        raise refuse(
            LANGUAGE, node, "of a list, a rule asks whether some, none or all of it are in a list of values."
        )
    return comparison(field, ours, _values(field, one.get("value"), many=True))


def _stated(node: dict[str, AnyValue], leaf: Comparison) -> Comparison:
    """The condition with the answer for missing values that its `meta` states."""
    meta = node.get("meta")
    missing: Missing | None = meta.get("missing") if isinstance(meta, dict) else None
    return with_missing(leaf, missing) if missing is not None and missing in get_args(Missing) else leaf


def _no_more_than(node: dict[str, AnyValue], known: set[str]) -> None:
    if node.get("muted"):
        raise refuse(LANGUAGE, node, "this part is muted; unmute it or remove it.")
    if odd := set(node) - known - _IGNORED:
        raise refuse(LANGUAGE, node, f"a rule has no words for {', '.join(sorted(odd))!r}; remove it.")
