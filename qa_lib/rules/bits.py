"""Sets of people as bits: one bit per dense person number, packed into 64-bit words."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint64]


def from_numbers(numbers: npt.NDArray[np.integer], size: int) -> Bits:
    """The set of these person numbers in a universe of `size` people.

    Parameters
    ----------
    numbers : shape (n,)
        Person numbers, each from 0 to `size` − 1, in any order.
    """
    flags = np.zeros(-(-size // 64) * 64, dtype=bool)
    flags[numbers] = True
    return np.packbits(flags, bitorder="little").view(np.uint64)


def to_numbers(bits: Bits) -> npt.NDArray[np.int64]:
    """The person numbers in the set, ascending; shape (count,)."""
    return np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little"))


def everybody(size: int) -> Bits:
    """The whole universe; bits beyond it stay 0."""
    return from_numbers(np.arange(size), size)


def count(bits: Bits) -> int:
    """How many people are in the set."""
    return int(np.bitwise_count(bits).sum())


def intersection(sets: Iterable[Bits]) -> Bits:
    """People in every set."""
    return reduce(np.bitwise_and, sets)


def union(sets: Iterable[Bits]) -> Bits:
    """People in at least one set."""
    return reduce(np.bitwise_or, sets)


def complement(bits: Bits, universe: Bits) -> Bits:
    """People of the universe who are not in the set."""
    return np.bitwise_and(np.bitwise_not(bits), universe)
