"""JSON-Logic evaluated over one row of values: the meaning that imported rules are held to.

All operators of JSON-Logic except `log`, with the answers of its first implementation, json-logic-js 2.0.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.rules.exchange.javascript import (
    UNDEFINED,
    less,
    loosely_equal,
    parse_float,
    strictly_equal,
    substring,
    to_number,
    to_text,
    truthy,
)

Logic = Any


def is_logic(value: Any) -> bool:
    """Whether it is an operation: an object with one key."""
    return isinstance(value, dict) and len(value) == 1


def parts(logic: dict[str, Any]) -> tuple[str, list[Any]]:
    """The operator and its arguments; a lone argument may stand without its list."""
    ((operator, arguments),) = logic.items()
    return operator, arguments if isinstance(arguments, list) else [arguments]


def evaluate(logic: Logic, data: Any = None) -> Any:
    """The value of a JSON-Logic expression.

    Parameters
    ----------
    logic
        JSON values.
    data
        What `var` reads: JSON values, for a person an object of the fields that have a value.

    Returns
    -------
    object
        A JSON value; `truthy` says whether a rule holds. Undefined is None.

    Raises
    ------
    UnknownName
        For an operator that JSON-Logic does not have.

    References
    ----------
    https://jsonlogic.com/operations.html
    """
    value = _apply(logic, data)
    return None if value is UNDEFINED else value


def holds(logic: Logic, row: dict[str, Any]) -> bool:
    """Whether a rule in JSON-Logic selects the person with this row of values."""
    return truthy(_apply(logic, row))


def _apply(logic: Any, data: Any) -> Any:
    if isinstance(logic, list):
        return [_apply(one, data) for one in logic]
    if not is_logic(logic):
        return logic
    operator, arguments = parts(logic)
    if operator in _LAZY:
        return _LAZY[operator](arguments, data)
    if operator not in _EAGER:
        known = sorted({*_EAGER, *_LAZY})
        raise UnknownName(f"Unknown JSON-Logic operator {operator!r}.{did_you_mean(operator, known)}")
    return _EAGER[operator](data, *(_apply(one, data) for one in arguments))


def _argument(arguments: tuple[Any, ...] | list[Any], i: int) -> Any:
    return arguments[i] if i < len(arguments) else UNDEFINED


# -- operators that choose what to evaluate --------------------------------------------------------


def _if(arguments: list[Any], data: Any) -> Any:
    for i in range(0, len(arguments) - 1, 2):
        if truthy(_apply(arguments[i], data)):
            return _apply(arguments[i + 1], data)
    return _apply(arguments[-1], data) if len(arguments) % 2 else None


def _until(stop: bool) -> Callable[[list[Any], Any], Any]:
    """The first value whose truth is `stop`, or the last."""

    def run(arguments: list[Any], data: Any) -> Any:
        value: Any = UNDEFINED
        for one in arguments:
            value = _apply(one, data)
            if truthy(value) == stop:
                break
        return value

    return run


def _over(take: Callable[[list[Any], Callable[[Any], Any]], Any]) -> Callable[[list[Any], Any], Any]:
    """An operator over the elements of its first argument; what is no array counts as empty."""

    def run(arguments: list[Any], data: Any) -> Any:
        elements = _apply(_argument(arguments, 0), data)
        inner = _argument(arguments, 1)
        return take(elements if isinstance(elements, list) else [], lambda one: _apply(inner, one))

    return run


def _reduce(arguments: list[Any], data: Any) -> Any:
    elements = _apply(_argument(arguments, 0), data)
    start = _apply(arguments[2], data) if len(arguments) > 2 else None
    if not isinstance(elements, list):
        return start
    return reduce(
        lambda total, one: _apply(arguments[1], {"current": one, "accumulator": total}), elements, start
    )


_LAZY: dict[str, Callable[[list[Any], Any], Any]] = {
    "if": _if,
    "?:": _if,
    "and": _until(False),
    "or": _until(True),
    "filter": _over(lambda elements, inner: [one for one in elements if truthy(inner(one))]),
    "map": _over(lambda elements, inner: [inner(one) for one in elements]),
    "all": _over(lambda elements, inner: bool(elements) and all(truthy(inner(one)) for one in elements)),
    "some": _over(lambda elements, inner: any(truthy(inner(one)) for one in elements)),
    "none": _over(lambda elements, inner: not any(truthy(inner(one)) for one in elements)),
    "reduce": _reduce,
}

# -- operators over values -------------------------------------------------------------------------


def _var(data: Any, name: Any = UNDEFINED, default: Any = UNDEFINED) -> Any:
    missing = None if default is UNDEFINED else default
    if name is UNDEFINED or name is None or name == "":
        return data
    for step in to_text(name).split("."):
        if isinstance(data, dict) and step in data:
            data = data[step]
        elif isinstance(data, list | str) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return missing
    return data


def _missing(data: Any, *names: Any) -> list[Any]:
    wanted = names[0] if names and isinstance(names[0], list) else names
    absent = []
    for name in wanted:
        value = _var(data, name)
        if value is None or value == "":
            absent.append(name)
    return absent


def _missing_some(data: Any, at_least: Any, names: Any) -> list[Any]:
    absent = _missing(data, names)
    return [] if len(names) - len(absent) >= to_number(at_least) else absent


def _ordered(or_equal: bool) -> Callable[..., bool]:
    def run(data: Any, a: Any = UNDEFINED, b: Any = UNDEFINED, c: Any = UNDEFINED) -> bool:
        first = less(a, b, or_equal=or_equal)
        return first if c is UNDEFINED else first and less(b, c, or_equal=or_equal)

    return run


def _in(data: Any, wanted: Any = UNDEFINED, among: Any = UNDEFINED) -> bool:
    if isinstance(among, str):
        return bool(among) and to_text(wanted) in among
    return isinstance(among, list) and any(strictly_equal(wanted, one) for one in among)


def _substr(data: Any, text: Any, start: Any = 0, length: Any = None) -> str:
    whole = to_text(text)
    if length is not None and to_number(length) < 0:
        rest = substring(whole, to_number(start))
        return substring(rest, 0, len(rest) + to_number(length))
    return substring(whole, to_number(start), None if length is None else to_number(length))


def _divided(a: float, b: float) -> float:
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1, b)
    return a / b


def _remainder(a: float, b: float) -> float:
    return math.nan if b == 0 or math.isinf(a) or math.isnan(a + b) else math.fmod(a, b)


def _minus(data: Any, a: Any = UNDEFINED, b: Any = UNDEFINED) -> Any:
    return _plain(-to_number(a) if b is UNDEFINED else to_number(a) - to_number(b))


def _extreme(pick: Callable[..., float], empty: float) -> Callable[..., Any]:
    def run(data: Any, *values: Any) -> Any:
        numbers = [to_number(v) for v in values]
        if any(map(math.isnan, numbers)):
            return math.nan
        return _plain(pick(numbers)) if numbers else empty

    return run


def _product(data: Any, *values: Any) -> Any:
    if len(values) == 1:
        return values[0]  # as in json-logic-js, which folds without a start
    return _plain(math.prod(parse_float(v) for v in values))


def _plain(value: float) -> float:
    """3.0 as 3, as JSON writes it."""
    return int(value) if math.isfinite(value) and value.is_integer() and abs(value) < 2**53 else value


def _merge(data: Any, *values: Any) -> list[Any]:
    return [one for value in values for one in (value if isinstance(value, list) else [value])]


_EAGER: dict[str, Callable[..., Any]] = {
    "var": _var,
    "missing": _missing,
    "missing_some": _missing_some,
    "==": lambda data, a=UNDEFINED, b=UNDEFINED, *_: loosely_equal(a, b),
    "!=": lambda data, a=UNDEFINED, b=UNDEFINED, *_: not loosely_equal(a, b),
    "===": lambda data, a=UNDEFINED, b=UNDEFINED, *_: strictly_equal(a, b),
    "!==": lambda data, a=UNDEFINED, b=UNDEFINED, *_: not strictly_equal(a, b),
    "<": _ordered(False),
    "<=": _ordered(True),
    ">": lambda data, a=UNDEFINED, b=UNDEFINED, *_: less(b, a),
    ">=": lambda data, a=UNDEFINED, b=UNDEFINED, *_: less(b, a, or_equal=True),
    "!": lambda data, a=UNDEFINED, *_: not truthy(a),
    "!!": lambda data, a=UNDEFINED, *_: truthy(a),
    "in": _in,
    "cat": lambda data, *values: "".join("" if v is None else to_text(v) for v in values),
    "substr": _substr,
    "merge": _merge,
    "+": lambda data, *values: _plain(sum((parse_float(v) for v in values), 0.0)),
    "*": _product,
    "-": _minus,
    "/": lambda data, a=UNDEFINED, b=UNDEFINED, *_: _plain(_divided(to_number(a), to_number(b))),
    "%": lambda data, a=UNDEFINED, b=UNDEFINED, *_: _plain(_remainder(to_number(a), to_number(b))),
    "min": _extreme(min, math.inf),
    "max": _extreme(max, -math.inf),
}
