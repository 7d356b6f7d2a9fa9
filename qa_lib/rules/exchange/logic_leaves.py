"""Expressions of JSON-Logic that are one condition of a rule, apart from their answer for a missing value."""

from __future__ import annotations

from typing import Any as AnyValue

from qa_lib.rules.catalogue import Catalogue, Field
from qa_lib.rules.exchange.common import Comparison, comparison, day, number_of, refuse
from qa_lib.rules.exchange.evaluate import Logic, evaluate, is_logic, parts
from qa_lib.rules.exchange.javascript import is_number, utf16

LANGUAGE = "JSON-Logic"
#: Our operator for theirs, and the one with its sides exchanged.
COMPARISONS = {
    "==": ("=", "="),
    "===": ("=", "="),
    "!=": ("!=", "!="),
    "!==": ("!=", "!="),
    "<": ("<", ">"),
    "<=": ("<=", ">="),
    ">": (">", "<"),
    ">=": (">=", "<="),
}
_DATES = {"=": "=", "!=": "!=", "<": "before", "<=": "on or before", ">": "after", ">=": "on or after"}
_VAR = object()


def var_name(logic: Logic) -> str | None:
    """The field that `var` names, with or without a default, or None where it is no `var` of a field."""
    if not is_logic(logic):
        return None
    op, arguments = parts(logic)
    if op == "var" and arguments and isinstance(arguments[0], str) and arguments[0]:
        return arguments[0]
    return None


def leaf_of(logic: Logic, catalogue: Catalogue) -> Comparison | None:
    """The condition that agrees with the expression on everybody who has a value; None where none does.

    Raises
    ------
    UnknownName
        For a field that is not there.
    CannotExchange
        For a comparison with a value of another type.
    """
    if not is_logic(logic):
        return None
    op, arguments = parts(logic)
    if op in COMPARISONS:
        return _compared(logic, op, arguments, catalogue)
    if (name := var_name(logic)) is not None:
        return _truth(logic, catalogue.field(name), truth=True)
    if op == "!" and arguments:
        return _negated(logic, arguments[0], catalogue)
    if op == "in" and len(arguments) == 2:
        return _in(logic, arguments[0], arguments[1], catalogue)
    if op in ("some", "none") and len(arguments) == 2:
        return _over_list(op, arguments[0], arguments[1], catalogue)
    if op == "and":
        return _has_all(arguments, catalogue)
    return None


def constant(logic: Logic) -> AnyValue:
    """The value of an expression that reads no field; `_VAR` where it reads one."""
    if isinstance(logic, list):
        values = [constant(one) for one in logic]
        return _VAR if any(v is _VAR for v in values) else values
    if not is_logic(logic):
        return logic
    op, arguments = parts(logic)
    if op in ("var", "missing", "missing_some") or constant(arguments) is _VAR:
        return _VAR
    return evaluate(logic)


def _compared(logic: Logic, op: str, arguments: list[AnyValue], catalogue: Catalogue) -> Comparison | None:
    if len(arguments) == 3 and op == "<=":
        return _between(arguments, catalogue)
    if len(arguments) == 3 and op == "<":
        return None
    left, right = [*arguments, None, None][:2]
    if (text := _head_or_tail(op, left, right, catalogue)) is not None:
        return text
    name, other, key = var_name(left), constant(right), COMPARISONS[op][0]
    if name is None:
        name, other, key = var_name(right), constant(left), COMPARISONS[op][1]
    if name is None or other is _VAR:
        return None
    field = catalogue.field(name)
    if other is None:
        if key not in ("=", "!="):
            raise refuse(LANGUAGE, logic, "null is compared as 0 there; write 0, or ask == null or != null.")
        return comparison(field, "is not set" if key == "=" else "is set")
    value = _typed(logic, field, key, other, strict=op in ("===", "!=="))
    if field.type == "date":
        return comparison(field, _DATES[key], value)
    return comparison(field, key, value)


def _typed(logic: Logic, field: Field, key: str, value: AnyValue, *, strict: bool) -> AnyValue:
    """The value in the field's type, as JavaScript would convert it for the comparison."""
    ordered = key not in ("=", "!=")
    match field.type:
        case "number":
            if isinstance(value, str) and not strict and (number := number_of(value)) is not None:
                return number
            if is_number(value):
                return value
        case "text":
            if isinstance(value, str) and not ordered:
                return value
        case "boolean":
            if isinstance(value, bool) and not ordered:
                return value
            if is_number(value) and value in (0, 1) and not ordered and not strict:
                return bool(value)
        case "date":
            if day(value):
                return value
        case "list":
            raise refuse(
                LANGUAGE, logic, f"{field.name!r} is a list; ask with 'in', or 'some' and 'none' over it."
            )
    what = "is compared for equality only, with" if field.type in ("text", "boolean") else "is compared with"
    kind = {"number": "a number", "text": "a text", "boolean": "true or false", "date": "a day as 2017-03-01"}
    raise refuse(
        LANGUAGE,
        logic,
        f"{field.name!r} is a {field.type} field; it {what} {kind[field.type]}, not {value!r}.",
    )


def _between(arguments: list[AnyValue], catalogue: Catalogue) -> Comparison | None:
    name, low, high = var_name(arguments[1]), constant(arguments[0]), constant(arguments[2])
    if name is None:
        return None
    field = catalogue.field(name)
    numbers = field.type == "number" and is_number(low) and is_number(high)
    if (numbers or (field.type == "date" and day(low) and day(high))) and low <= high:
        return comparison(field, "between", (low, high))
    return None


def _head_or_tail(op: str, left: Logic, right: AnyValue, catalogue: Catalogue) -> Comparison | None:
    """`starts with` and `ends with`, which are written with `substr`."""
    if op not in ("==", "===") or not is_logic(left) or not isinstance(right, str) or not right:
        return None
    inner, arguments = parts(left)
    if inner != "substr" or not arguments or (name := var_name(arguments[0])) is None:
        return None
    field, size = catalogue.field(name), len(utf16(right)) // 2
    if field.type != "text":
        return None
    if arguments[1:] == [0, size]:
        return comparison(field, "starts with", right)
    if arguments[1:] == [-size]:
        return comparison(field, "ends with", right)
    return None


def _negated(logic: Logic, inner: Logic, catalogue: Catalogue) -> Comparison | None:
    """`not in`, and what is falsy."""
    if (name := var_name(inner)) is not None:
        return _truth(logic, catalogue.field(name), truth=False)
    if is_logic(inner):
        op, arguments = parts(inner)
        if op == "in" and len(arguments) == 2:
            leaf = _in(inner, arguments[0], arguments[1], catalogue)
            if leaf is not None and leaf.operator == "in":
                return comparison(catalogue.field(leaf.field), "not in", leaf.value)
    return None


def _truth(logic: Logic, field: Field, *, truth: bool) -> Comparison:
    """A field alone: 0, the empty text and false are falsy, as null is."""
    match field.type:
        case "number":
            return comparison(field, "!=" if truth else "=", 0)
        case "text":
            return comparison(field, "!=" if truth else "=", "")
        case "boolean":
            return comparison(field, "=", truth)
        case "date":
            return comparison(field, "is set" if truth else "is not set")
    raise refuse(LANGUAGE, logic, f"{field.name!r} is a list; ask with 'in', or with '!= null'.")


def _in(logic: Logic, wanted: AnyValue, among: AnyValue, catalogue: Catalogue) -> Comparison | None:
    if (name := var_name(among)) is not None and (value := constant(wanted)) is not _VAR:
        field = catalogue.field(name)
        if field.type == "text" and isinstance(value, str):
            return comparison(field, "contains", value) if value else comparison(field, "!=", "")
        if field.type == "list" and isinstance(value, str):
            return comparison(field, "has any", (value,))
        raise refuse(
            LANGUAGE,
            logic,
            f"'in' looks for a text in a text or list field; {name!r} is a {field.type} field.",
        )
    if (name := var_name(wanted)) is None or (values := constant(among)) is _VAR:
        return None
    field = catalogue.field(name)
    if not isinstance(values, list):
        raise refuse(LANGUAGE, logic, f"write the values that {name!r} may have as a list.")
    values = [v for v in values if v is not None]  # null among them is the answer for a missing value
    if field.type == "list":
        raise refuse(LANGUAGE, logic, f"{name!r} is a list; ask with 'some' and 'none' over it.")
    for value in values:
        _typed(logic, field, "=", value, strict=True)
    if not values:
        raise refuse(LANGUAGE, logic, "the list has no value; remove the condition or ask == null.")
    if field.type == "boolean":
        return comparison(field, "=", values[0]) if len(set(values)) == 1 else comparison(field, "is set")
    return comparison(field, "in", tuple(values))


def _over_list(op: str, elements: Logic, inner: Logic, catalogue: Catalogue) -> Comparison | None:
    """`some` and `none` of the elements in a list of values."""
    if (name := var_name(elements)) is None or not is_logic(inner):
        return None
    field = catalogue.field(name)
    turned = False
    inner_op, arguments = parts(inner)
    if inner_op == "!" and arguments and is_logic(arguments[0]):
        turned = True
        inner_op, arguments = parts(arguments[0])
    if inner_op != "in" or len(arguments) != 2 or arguments[0] not in ({"var": ""}, {"var": [""]}):
        return None
    values = constant(arguments[1])
    if field.type != "list" or not isinstance(values, list) or not values:
        return None
    if not all(isinstance(v, str) for v in values) or (turned and op == "some"):
        return None
    key = "only" if turned else "has any" if op == "some" else "has none"
    return comparison(field, key, tuple(values))


def _has_all(arguments: list[AnyValue], catalogue: Catalogue) -> Comparison | None:
    """Every one of some texts in the same list field."""
    names, values = set(), []
    for one in arguments:
        if not is_logic(one):
            return None
        op, sides = parts(one)
        if op != "in" or len(sides) != 2 or (name := var_name(sides[1])) is None:
            return None
        if not isinstance(sides[0], str) or parts(sides[1])[1][1:]:
            return None
        names.add(name)
        values.append(sides[0])
    if len(names) != 1 or (field := catalogue.field(names.pop())).type != "list":
        return None
    return comparison(field, "has all", tuple(values))
