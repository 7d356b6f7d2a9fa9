"""Money in frames: exact decimals with two places, never floats."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def exact(texts: Iterable[Any]) -> NDArray[np.object_]:
    """Amounts that came out of the database as text, as decimals; missing ones are None.

    DuckDB's way to pandas makes floats of decimals, so SQL casts them to text.
    """
    found = [None if not isinstance(text, str) else Decimal(text) for text in texts]
    out = np.empty(len(found), dtype=object)
    out[:] = found
    return out


def quotient(above: Decimal, below: Decimal | int) -> Decimal:
    """One amount divided, rounded half-even to the minor unit."""
    return (above / below).quantize(CENT, rounding=ROUND_HALF_EVEN)
