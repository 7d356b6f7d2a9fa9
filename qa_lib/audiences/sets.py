"""Audiences as sets: how they overlap, counts of every exact combination, and new audiences out of others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from qa_lib.audiences.audience import Audience
from qa_lib.errors import SpecError
from qa_lib.rules import All, Any, Bits, InAudience
from qa_lib.workspace import go_on

#: Words of 64 people that are counted at a time: few enough to stay in a cache, enough to make the calls few.
_BLOCK = 8_192
#: A combination is a number with one bit a set.
MAX_COMBINED = 32
#: An audience by its name, at its active version, or by name and version.
Named = str | tuple[str, int] | InAudience


def overlap_counts(sets: Mapping[str, Bits]) -> pd.DataFrame:
    """How many people every two sets share.

    Returns
    -------
    pandas.DataFrame
        Square, with the sets' names as index and columns; the diagonal holds their sizes.
    """
    names = list(sets)
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    if names:
        words = sets[names[0]].size
        shared = np.empty((len(names), min(_BLOCK, words)), dtype=np.uint64)
        ones = np.empty(shared.shape, dtype=np.uint8)
        for start in range(0, words, _BLOCK):
            go_on()
            block = np.stack([sets[name][start : start + _BLOCK] for name in names])
            width = block.shape[1]
            for i in range(len(names)):
                np.bitwise_and(block[i], block[i:], out=shared[i:, :width])
                np.bitwise_count(shared[i:, :width], out=ones[i:, :width])
                counts[i, i:] += ones[i:, :width].sum(axis=1, dtype=np.int64)
    counts = np.maximum(counts, counts.T)
    return pd.DataFrame(counts, index=pd.Index(names, name="audience"), columns=names)


def upset_counts(sets: Mapping[str, Bits]) -> pd.DataFrame:
    """How many people are in exactly these sets and in no other: an UpSet table.

    Returns
    -------
    pandas.DataFrame
        One row per combination that occurs, largest first: `audiences` (tuple of names), `degree` (how
        many), `people_count`, and one boolean column per set under its name. People in no set are left
        out, so the counts add up to the union.

    Raises
    ------
    SpecError
        For more than 32 sets, or one named as a column of the answer.

    References
    ----------
    Lex et al. (2014), "UpSet: visualization of intersecting sets".
    """
    names = list(sets)
    if len(names) > MAX_COMBINED:
        raise SpecError(
            f"{len(names)} audiences are too many to combine; at most {MAX_COMBINED}. Choose the ones that matter."
        )
    if taken := {"audiences", "degree", "people_count"} & set(names):
        raise SpecError(
            f"An audience cannot be called {sorted(taken)[0]!r} here: it is a column of the answer."
        )
    found: dict[int, int] = {}
    words = next(iter(sets.values())).size if sets else 0
    for start in range(0, words, _BLOCK):
        go_on()
        codes = np.zeros(min(_BLOCK, words - start) * 64, dtype=np.uint32)
        for i, name in enumerate(names):
            block = sets[name][start : start + _BLOCK]
            flags = np.unpackbits(block.view(np.uint8), bitorder="little")
            codes |= flags.astype(np.uint32) << np.uint32(i)
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            found[int(code)] = found.get(int(code), 0) + int(count)
    found.pop(0, None)
    rows = []
    for code, count in sorted(found.items(), key=lambda one: (-one[1], one[0])):
        inside = [bool(code >> i & 1) for i in range(len(names))]
        chosen = tuple(name for name, member in zip(names, inside, strict=True) if member)
        rows.append((chosen, len(chosen), count, *inside))
    return pd.DataFrame(rows, columns=["audiences", "degree", "people_count", *names])


def union(name: str, *of: Named) -> Audience:
    """People in at least one of these audiences, as an audience."""
    return Audience(name=name, rule=Any(of=tuple(_conditions(name, of))))


def intersection(name: str, *of: Named) -> Audience:
    """People in every one of these audiences, as an audience."""
    return Audience(name=name, rule=All(of=tuple(_conditions(name, of))))


def difference(name: str, of: Named, *without: Named) -> Audience:
    """People in the first of these audiences and in none of the others, as an audience."""
    first, *others = _conditions(name, (of, *without))
    gone = [one.model_copy(update={"member": not one.member}) for one in others]
    return Audience(name=name, rule=All(of=(first, *gone)))


def _conditions(name: str, of: tuple[Named, ...]) -> list[InAudience]:
    if not of:
        raise SpecError(f"The audience {name!r} is made of no other; name at least one.")
    made = []
    for one in of:
        if isinstance(one, InAudience):
            made.append(one)
        else:
            audience, version = (one, None) if isinstance(one, str) else one
            made.append(InAudience(audience=audience, version=version))
    return made
