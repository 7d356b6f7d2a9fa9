"""Sets of people as bits: one bit per dense person number, packed into 64-bit words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint64]
Found = TypeVar("Found")
#: Words of each set that are overlapped at a time.
_OVERLAPPED = 12_264
#: A lane of 16 bits holds the sum of so many pairs of counts, each at most 64.
_LANE_ROOM = 511
_EVEN_BYTES = np.uint64(0x00FF00FF00FF00FF)
#: Sets of so many words are worked on by two threads.
_WORTH_A_THREAD = 8 * _OVERLAPPED
#: Words that are counted at a time: the sum of their counts fits 32 bits.
_COUNTED = 2**25
#: Words that are joined at a time: fewer, and the threads would wait for each other between the steps.
_JOINED = 131_072


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


def from_flags(flags: npt.NDArray[np.bool_]) -> Bits:
    """The set of the people whose flag is true; `flags` has shape (size,), in order of person numbers."""
    packed = np.packbits(flags, bitorder="little")
    if len(packed) % 8:
        packed = np.concatenate([packed, np.zeros(-len(packed) % 8, dtype=np.uint8)])
    return packed.view(np.uint64)


def to_numbers(bits: Bits) -> npt.NDArray[np.int64]:
    """The person numbers in the set, ascending; shape (count,)."""
    return np.flatnonzero(np.unpackbits(bits.view(np.uint8), bitorder="little"))


def everybody(size: int) -> Bits:
    """The whole universe; bits beyond it stay 0."""
    return from_flags(np.ones(size, dtype=bool))


def count(bits: Bits) -> int:
    """How many people are in the set."""
    return sum(_counted(bits[start : start + _COUNTED]) for start in range(0, len(bits), _COUNTED))


def _counted(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.uint32))


class Join(NamedTuple):
    """A set that is filled by `fill`.

    Attributes
    ----------
    found
        Room for it; what stands there before does not matter.
    sets
        One or more sets, of which earlier joins may still have to fill some.
    of_all
        Whether people in every set are meant, rather than in at least one.
    outside_of
        The universe, where those are meant who are in it and not in the join.
    """

    found: Bits
    sets: Sequence[Bits]
    of_all: bool
    outside_of: Bits | None = None


def fill(joins: Sequence[Join]) -> list[int]:
    """Fill each join in turn; how many people are in each.

    One pass over all of them, block by block, so that what one join gives the next reads from the processor's cache.
    """

    def work(start: int, stop: int) -> list[int]:
        people = [0] * len(joins)
        for begin in range(start, stop, _JOINED):
            part = slice(begin, min(begin + _JOINED, stop))
            for i, join in enumerate(joins):
                people[i] += _counted(_fill(join, part))
        return people

    if not joins:
        return []
    return [sum(parts) for parts in zip(*in_halves(work, len(joins[0].found)), strict=True)]


def _fill(join: Join, part: slice) -> Bits:
    block = join.found[part]
    step = np.bitwise_and if join.of_all else np.bitwise_or
    first, *others = join.sets
    if others:
        step(first[part], others[0][part], out=block)
        for other in others[1:]:
            step(block, other[part], out=block)
    if join.outside_of is not None:  # nobody in the sets is beyond the universe
        np.bitwise_xor(block if others else first[part], join.outside_of[part], out=block)
    elif not others:
        block[:] = first[part]
    return block


def intersection(sets: Iterable[Bits]) -> Bits:
    """People in every set."""
    return _joined(sets, of_all=True)


def union(sets: Iterable[Bits]) -> Bits:
    """People in at least one set."""
    return _joined(sets, of_all=False)


def _joined(sets: Iterable[Bits], *, of_all: bool) -> Bits:
    first, *others = sets
    if not others:
        return first
    found: Bits = np.empty_like(first)
    fill([Join(found, [first, *others], of_all)])
    return found


def in_halves(work: Callable[[int, int], Found], words: int) -> list[Found]:
    """What `work(start, stop)` gives over these words: two halves on two threads where there are many.

    `work` must not ask for halves itself.
    """
    if words < _WORTH_A_THREAD:
        return [work(0, words)]
    second = _second_thread().submit(work, words // 2, words)
    return [work(0, words // 2), second.result()]


@cache
def _second_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="bits")


# a thread does not live on in a forked process
os.register_at_fork(after_in_child=_second_thread.cache_clear)


def overlaps(sets: Sequence[Bits]) -> npt.NDArray[np.int64]:
    """How many people each two sets share; shape (n_sets, n_sets), the sets' own counts on the diagonal.

    Block by block of words, so that the block of every set stays in the processor's cache. The counts of eight
    words are one word of eight bytes; these are summed as four lanes of 16 bits.
    """
    words = len(sets[0]) if len(sets) else 0
    upper = sum(in_halves(lambda start, stop: _upper_overlaps([one[start:stop] for one in sets]), words))
    return upper + np.triu(upper, 1).T


def _upper_overlaps(sets: Sequence[Bits]) -> npt.NDArray[np.int64]:
    """The upper half of the table of overlaps."""
    table = np.zeros((len(sets), len(sets)), dtype=np.int64)
    words = len(sets[0]) if len(sets) else 0
    blocks = max(1, -(-words // _OVERLAPPED))  # of one size, so that the last one is no waste
    lanes = -(-words // (blocks * 8))
    runs = max(1, -(-lanes // _LANE_ROOM))
    lanes = -(-lanes // runs) * runs
    block = np.empty((len(sets), lanes * 8), dtype=np.uint64)
    for start in range(0, words, max(1, lanes * 8)):
        for row, one in zip(block, sets, strict=True):
            part = one[start : start + lanes * 8]
            row[: len(part)], row[len(part) :] = part, 0
        for i in range(len(sets)):
            counts = np.bitwise_count(block[i:] & block[i]).view(np.uint64)
            pairs = (counts & _EVEN_BYTES) + ((counts >> np.uint64(8)) & _EVEN_BYTES)
            summed = pairs.reshape(len(pairs), runs, -1).sum(axis=2)
            table[i, i:] += summed.view(np.uint16).sum(axis=1, dtype=np.int64)
    return table


def complement(bits: Bits, universe: Bits) -> Bits:
    """People of the universe who are not in the set."""
    found: Bits = np.bitwise_not(bits)
    return np.bitwise_and(found, universe, out=found)
