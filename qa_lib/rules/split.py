"""A salted hash that spreads people evenly over [0, 1): the same for ever and on every machine.

It draws holdouts and random parts of audiences. It needs no table and cannot be lost, so a plan, a rehearsal
and a figure made a year later agree on who was drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

#: A float64 holds 53 bits exactly, so a bucket is one of 2**53 equally spaced numbers below 1.
_DROPPED_BITS = 11
_STEP = 2.0**-53
#: The first 14 digits hold 56 bits: the bucket's 53 and three below them.
HEX_DIGITS = 14


def hash_prefix(salt: str) -> str:
    """What stands before a person's id in the text that is hashed."""
    # the salt's length keeps ("ab", "c") and ("a", "bc") apart
    return f"{len(salt)}:{salt}"


def stable_hash(salt: str, person_id: str) -> int:
    """The first 64 bits of SHA-256 over a salt and a person; the same for ever and on every machine."""
    digest = hashlib.sha256(f"{hash_prefix(salt)}{person_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def stable_hashes(salt: str, person_ids: Iterable[str]) -> npt.NDArray[np.uint64]:
    """`stable_hash` of many people; shape (n_people,)."""
    return np.fromiter((stable_hash(salt, p) for p in person_ids), dtype=np.uint64)


def bucket(salt: str, person_id: str) -> float:
    """Where a person falls in [0, 1) under a salt, for ever."""
    return (stable_hash(salt, person_id) >> _DROPPED_BITS) * _STEP


def buckets(salt: str, person_ids: Iterable[str]) -> npt.NDArray[np.float64]:
    """`bucket` of many people; shape (n_people,)."""
    hashes = stable_hashes(salt, person_ids) >> np.uint64(_DROPPED_BITS)
    return hashes.astype(np.float64) * _STEP


def hex_bound(share: float) -> str:
    """The first `HEX_DIGITS` digits of the smallest hash whose bucket is at least `share`, below 1.

    Digits of one length sort as their numbers do, so an engine can compare texts.
    """
    return f"{math.ceil(share * 2.0**53) << 3:0{HEX_DIGITS}x}"
