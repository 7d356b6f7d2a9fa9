"""Boolean tags person by person: all tags of one person lie together, so that looking a few people up reads little.

The columns keep a tag's people together, which is what rules over everybody read. Whoever asks for many tags
of a few people at a time, again and again, has them turned round once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from qa_lib.workspace.columns import Columns, Words

#: People that are turned round at a time, whole words of bits: their rows stay in the processor's cache.
_TURNED = 2**16


class FlagRows:
    """Some boolean tags of everybody, a bit each.

    Parameters
    ----------
    names
        Tags that have a bitset, such as `Columns.bitset_names`.
    """

    def __init__(self, columns: Columns, names: Sequence[str]) -> None:
        self._count = len(names)
        self._rows = np.zeros((columns.people, -(-len(names) // 8)), dtype=np.uint8)
        bitsets = [columns.bitset(name) for name in names]
        for start in range(0, columns.people, _TURNED):
            some = self._rows[start : start + _TURNED]
            words = slice(start // 64, -(-(start + len(some)) // 64))
            for place in range(0, len(bitsets), 8):
                eight = np.stack([bitset[words] for bitset in bitsets[place : place + 8]])
                some[:, place // 8] = _turned(eight)[0, : len(some)]

    @staticmethod
    def size(people: int, names: int) -> int:
        """The bytes that so many people and tags would take."""
        return people * -(-names // 8)

    @property
    def nbytes(self) -> int:
        """The bytes that they take."""
        return self._rows.nbytes

    def of(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Whether each tag is true for these people; shape (n_people, n_names)."""
        return np.unpackbits(self._rows[numbers], axis=1, count=self._count, bitorder="little")


def by_person(sets: Words, people: int) -> npt.NDArray[np.uint8]:
    """Sets of people turned round: bit `i` of a person's row says whether set `i` has them.

    Parameters
    ----------
    sets
        Bitsets of shape (n_sets, n_words), bit `p % 64` of word `p // 64` for person `p`.

    Returns
    -------
    shape (people, ceil(n_sets / 8))
    """
    turned = _turned(sets)
    # eight people change places with the sets as one word: a copy byte by byte over so long a step takes thrice as long
    eights = np.ascontiguousarray(turned.view(np.uint64).T).view(np.uint8)
    eights = eights.reshape(turned.shape[1] // 8, len(turned), 8).swapaxes(1, 2)
    return np.ascontiguousarray(eights).reshape(turned.shape[1], len(turned))[:people]


def _turned(sets: Words) -> npt.NDArray[np.uint8]:
    """From each eight sets to a byte per person; shape (ceil(n_sets / 8), 64 * n_words).

    Each eight people are a matrix of 8 × 8 bits; single bits, then pairs, then fours change places across its
    diagonal (Warren, Hacker's Delight, 2nd edition, section 7-3).
    """
    n_sets, n_words = sets.shape
    eights = -(-n_sets // 8)
    if n_sets % 8:
        sets = np.concatenate([sets, np.zeros((8 * eights - n_sets, n_words), dtype=np.uint64)])
    together = np.ascontiguousarray(sets.view(np.uint8).reshape(eights, 8, 8 * n_words).swapaxes(1, 2))
    bits = together.view("<u8").ravel()
    for shift, mask in ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0)):
        by = np.uint64(shift)
        moved = (bits ^ (bits >> by)) & np.uint64(mask)
        bits ^= moved ^ (moved << by)
    return bits.view(np.uint8).reshape(eights, 64 * n_words)
