"""JavaScript's values as JSON-Logic sees them: truth, equality, order, and how numbers and texts convert.

A value that is not there is `UNDEFINED`, apart from null. Arrays are equal to nothing but themselves.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final


class _Undefined:
    def __repr__(self) -> str:
        return "undefined"


UNDEFINED: Final = _Undefined()
_NUMBER = re.compile(r"[+-]?(Infinity|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")
_BLANKS = " \t\n\r\v\f\u00a0\ufeff\u2028\u2029"


def is_number(value: Any) -> bool:
    """Whether it is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def truthy(value: Any) -> bool:
    """JSON-Logic's truth: JavaScript's, but the empty array is false."""
    if value is None or value is UNDEFINED or value is False:
        return False
    if is_number(value):
        return not (value == 0 or math.isnan(value))
    if isinstance(value, str | list):
        return len(value) > 0
    return True


def to_number(value: Any) -> float:
    """`Number(value)`; NaN where it is none."""
    if value is None:
        return 0.0
    if isinstance(value, int | float):
        return _float(value)
    if isinstance(value, list):
        value = to_text(value)
    if not isinstance(value, str):
        return math.nan
    text = value.strip(_BLANKS)
    if not text:
        return 0.0
    if _HEXADECIMAL.fullmatch(text):
        return _float(int(text, 16))
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def parse_float(value: Any) -> float:
    """`parseFloat(value)`: the number at the head of a text."""
    found = _NUMBER.match(to_text(value).lstrip(_BLANKS))
    return float(found.group()) if found else math.nan


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def to_text(value: Any) -> str:
    """`String(value)`."""
    if value is None:
        return "null"
    if value is UNDEFINED:
        return "undefined"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join("" if v is None or v is UNDEFINED else to_text(v) for v in value)
    if isinstance(value, int | float):
        return _number_text(_float(value))
    return "[object Object]"


def _number_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    head, _, exponent = repr(value).partition("e")
    power = int(exponent or 0)
    if not exponent or power >= 21:
        return f"{head}e+{power}" if exponent else head
    if power >= -6:  # Python writes 1e-05 where JavaScript writes 0.00001
        digits = head.lstrip("-").replace(".", "")
        return ("-" if value < 0 else "") + "0." + "0" * (-power - 1) + digits
    return f"{head}e{power}"


def strictly_equal(a: Any, b: Any) -> bool:
    """`a === b`."""
    if is_number(a) and is_number(b):
        return bool(a == b)
    if isinstance(a, list | dict) or isinstance(b, list | dict):
        return a is b
    return type(a) is type(b) and bool(a == b)


def loosely_equal(a: Any, b: Any) -> bool:
    """`a == b`: null equals only null and undefined; a number and a text are compared as numbers."""
    nothing = (a is None or a is UNDEFINED, b is None or b is UNDEFINED)
    if any(nothing):
        return all(nothing)
    objects = (isinstance(a, list | dict), isinstance(b, list | dict))
    if all(objects):
        return a is b
    if any(objects):
        a, b = (to_text(v) if is_object else v for v, is_object in zip((a, b), objects, strict=True))
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    return to_number(a) == to_number(b)


def less(a: Any, b: Any, *, or_equal: bool = False) -> bool:
    """`a < b` or `a <= b`: two texts by their UTF-16 code units, all else as numbers."""
    a, b = (to_text(v) if isinstance(v, list | dict) else v for v in (a, b))
    if isinstance(a, str) and isinstance(b, str):
        x, y = utf16(a), utf16(b)
        return x <= y if or_equal else x < y
    one, other = to_number(a), to_number(b)
    return one <= other if or_equal else one < other


def utf16(text: str) -> bytes:
    """The text in UTF-16, two bytes a code unit, in the order of code units."""
    return text.encode("utf-16-be", "surrogatepass")


def from_utf16(units: bytes) -> str:
    """The text of these code units."""
    return units.decode("utf-16-be", "surrogatepass")


def substring(text: str, start: float, length: float | None = None) -> str:
    """`text.substr(start, length)`, counted in UTF-16 code units."""
    units = utf16(text)
    size = len(units) // 2
    first = max(size + int(start), 0) if start < 0 else min(int(start), size)
    count = size - first if length is None else max(0, min(int(length), size - first))
    return from_utf16(units[2 * first : 2 * (first + count)])
