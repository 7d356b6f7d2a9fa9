"""One way to write a number, wherever it stands: tile, table, chip, live or static."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from qa_lib.errors import UnknownName, did_you_mean

_SYMBOLS = {"USD": "$", "CNY": "¥", "EUR": "€", "GBP": "£", "JPY": "JP¥"}
_FORMATS = ("count", "rate", "amount", "number")


def symbol(currency: str) -> str:
    """What stands before an amount: `$`, `¥` …, or the currency's own code."""
    return _SYMBOLS.get(currency, f"{currency} ")


def format_value(value: Any, format: str, *, currency: str = "USD") -> str:
    """A figure as text: `1,133`, `18.9%`, `$33,736.84`, `3.1`; a missing one is `—`.

    Parameters
    ----------
    format
        `count`, `rate` (between 0 and 1), `amount` (account currency) or `number`.
    currency
        ISO 4217 code of the account currency.
    """
    if format not in _FORMATS:
        raise UnknownName(f"Unknown format {format!r}.{did_you_mean(format, _FORMATS)}")
    if value is None or (not isinstance(value, str) and not math.isfinite(float(_number(value)))):
        return "—"
    if format == "count":
        return f"{int(value):,}"
    if format == "rate":
        return f"{float(value):.1%}"
    if format == "amount":
        amount = value if isinstance(value, Decimal) else float(value)
        return f"{'-' if amount < 0 else ''}{symbol(currency)}{abs(amount):,.2f}"
    return f"{float(value):,.1f}"


def _number(value: Any) -> float:
    try:
        return float(value)
    except TypeError:  # pandas' NA
        return math.nan
