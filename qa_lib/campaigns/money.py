"""Money: exact decimals in the account currency, never a float.

Amounts have two decimals, as the tables store them (`DECIMAL(18, 2)`); a currency without a minor unit
has none after rounding.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator

from qa_lib.errors import SpecError

#: Digits after the point, where they are not 2. Currencies with 3 do not fit the tables and are refused.
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "XAF": 0, "XOF": 0, "PYG": 0, "UGX": 0}
_THREE_DIGITS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_CENT = Decimal("0.01")
_LARGEST = Decimal("9999999999999999.99")
ZERO = Decimal("0.00")
NO_RATE = Decimal("0.000000")


def exact(value: Any) -> Decimal:
    """The exact number that an int, a Decimal or a text says; a float says none.

    Raises
    ------
    ValueError
        For a float, a truth value, a text that is no number, or infinity.
    """
    if isinstance(value, bool | float) or not isinstance(value, int | str | Decimal):
        raise ValueError(f"expected an exact number, as text ('12.50'), int or Decimal; got {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"expected a number such as '12.50', got {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"expected a finite number, got {value!r}")
    return number


def _amount(value: Any) -> Decimal:
    number = exact(value)
    if not 0 <= number <= _LARGEST:
        raise ValueError(f"expected an amount from 0 to {_LARGEST}, got {value}")
    if number != number.quantize(_CENT):
        raise ValueError(f"expected at most 2 decimals, got {value}")
    # one spelling per value, so that equal specs have equal hashes; the sign of -0 goes with it
    return abs(number).quantize(_CENT)


def _rate(value: Any) -> Decimal:
    number = exact(value)
    if not 0 <= number <= 1 or number != number.quantize(Decimal("0.000001")):
        raise ValueError(f"expected a rate from 0 to 1 with at most 6 decimals, got {value}")
    return abs(number).quantize(Decimal("0.000001"))


#: A field of a spec that holds an amount, from 0.
Amount = Annotated[Decimal, BeforeValidator(_amount)]
#: A field of a spec that holds a rate between 0 and 1, exactly.
Rate = Annotated[Decimal, BeforeValidator(_rate)]


def amount(value: int | str | Decimal) -> Decimal:
    """An amount with two decimals.

    Raises
    ------
    SpecError
        For a float, a negative or an unreasonable amount, or more than two decimals.
    """
    try:
        return _amount(value)
    except ValueError as error:
        raise SpecError(f"Not an amount: {error}.") from None


def minor_digits(currency: str) -> int:
    """How many digits a currency has after the point."""
    if currency in _THREE_DIGITS:
        raise SpecError(
            f"The currency {currency} has 3 digits after the point; amounts are stored with 2. "
            "Keep the account in a currency with at most 2."
        )
    return MINOR_DIGITS.get(currency, 2)


def rounded(value: Decimal, currency: str = "USD") -> Decimal:
    """A calculated amount in the currency's minor unit, halves away from zero, with two decimals."""
    unit = Decimal(1).scaleb(-minor_digits(currency))
    return value.quantize(unit, rounding=ROUND_HALF_UP).quantize(_CENT)


def to_minor(value: Decimal) -> int:
    """An amount in hundredths, as a whole number.

    Raises
    ------
    SpecError
        When it has more than two decimals, and so was not rounded.
    """
    hundredths = exact(value).scaleb(2)
    if hundredths != hundredths.to_integral_value():
        raise SpecError(f"The amount {value} has more than 2 decimals. Round it first with `rounded`.")
    return int(hundredths)


def from_minor(hundredths: int) -> Decimal:
    """The amount of so many hundredths."""
    return Decimal(int(hundredths)).scaleb(-2).quantize(_CENT)


def total(values: Iterable[Decimal]) -> Decimal:
    """The exact sum, with two decimals at least."""
    return sum(values, ZERO)
