"""A rule as JSON-Logic: people are rows of the fields that have a value; a missing value reads as null.

What JSON-Logic says of null is worked out by evaluating the condition on an empty row. Where that is not
the rule's answer, a test for null stands beside it; a `missing` that the rule states is told by a strict test.
"""

from __future__ import annotations

from typing import Any as AnyValue

from qa_lib.rules.catalogue import Catalogue, Field
from qa_lib.rules.exchange.common import Comparison, exportable, refuse
from qa_lib.rules.exchange.evaluate import Logic, holds
from qa_lib.rules.exchange.javascript import utf16
from qa_lib.rules.model import All, Any, Rule
from qa_lib.rules.operators import operator

LANGUAGE = "JSON-Logic"
_COMPARED = {
    "=": "==",
    "!=": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "before": "<",
    "on or before": "<=",
    "after": ">",
    "on or after": ">=",
}

_WAYS = {
    "matches": "Use 'contains', 'starts with' or 'ends with'.",
    "in last": "Write the days out with 'between'.",
    "anniversary within": "Export the rule as YAML or SQL.",
}


def to_json_logic(rule: Rule, catalogue: Catalogue) -> Logic:
    """The rule as a JSON-Logic expression; `from_json_logic` gives a rule with the same hash back.

    Returns
    -------
    object
        JSON values whose truth for a person's row is the rule's answer. Dates are texts such as 2017-03-01.

    Raises
    ------
    SpecError, UnknownName
        When the rule does not fit the catalogue.
    CannotExchange
        For conditions on events and other audiences, random parts, patterns, windows of days, and texts
        that must contain the empty text.
    """
    exportable(rule, catalogue, LANGUAGE)
    return _node(rule, catalogue)


def _node(node: Rule, catalogue: Catalogue) -> Logic:
    if isinstance(node, All | Any):
        inside = [_node(child, catalogue) for child in node.of] or [True]
        group = {"and" if isinstance(node, All) else "or": inside}
        return {"!": group} if node.negated else group
    assert node.kind in ("attribute", "tag")
    return _condition(node, catalogue.field(node.field))


def _condition(leaf: Comparison, field: Field) -> Logic:
    plain = _plain(leaf, field)
    declared = operator(leaf.operator).when_missing
    empty = {"var": field.name}
    if leaf.missing is not None:
        return (
            {"or": [{"===": [empty, None]}, plain]}
            if leaf.missing == "include"
            else {"and": [{"!==": [empty, None]}, plain]}
        )
    if holds(plain, {}) and not declared:
        return {"and": [{"!=": [empty, None]}, plain]}
    assert holds(plain, {}) == declared
    return plain


def _plain(leaf: Comparison, field: Field) -> Logic:
    """The condition without a thought of missing values."""
    value: AnyValue = {"var": field.name}
    given: AnyValue = list(leaf.value) if isinstance(leaf.value, tuple) else leaf.value
    match leaf.operator:
        case "is set":
            return {"!=": [value, None]}
        case "is not set":
            return {"==": [value, None]}
        case "between":
            return {"<=": [given[0], value, given[1]]}
        case "matches" | "in last" | "anniversary within":
            raise refuse(
                LANGUAGE, leaf.to_dict(), f"it has no operator '{leaf.operator}'. {_WAYS[leaf.operator]}"
            )
        case "contains" | "starts with" | "ends with":
            if given == "":
                raise refuse(LANGUAGE, leaf.to_dict(), "every text has the empty text in it; use 'is set'.")
            size = len(utf16(given)) // 2
            if leaf.operator == "contains":
                return {"in": [given, value]}
            head = [value, 0, size] if leaf.operator == "starts with" else [value, -size]
            return {"==": [{"substr": head}, given]}
    if leaf.operator in _COMPARED:
        return {_COMPARED[leaf.operator]: [value, given]}
    if not isinstance(given, list):
        raise refuse(LANGUAGE, leaf.to_dict(), f"'{leaf.operator}' takes a list there; write [{given!r}].")
    inside = {"in": [{"var": ""}, given]}
    match leaf.operator:
        case "in":
            return {"in": [value, given]}
        case "not in":
            return {"!": {"in": [value, given]}}
        case "has any":
            return {"some": [value, inside]}
        case "has none":
            return {"none": [value, inside]}
        case "only":
            return {"none": [value, {"!": inside}]}
        case "has all":
            return {"and": [{"in": [one, value]} for one in given]}
    raise refuse(LANGUAGE, leaf.to_dict(), f"it has no operator '{leaf.operator}'.")
