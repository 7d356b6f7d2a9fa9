"""The wall clock of a zone, for arrays of moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

DAY_US = 86_400_000_000
_QUARTER_US = DAY_US // 96
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local_microseconds(at: Values, zone: ZoneInfo) -> Values:
    """The wall clock's time in a zone, in microseconds since 1970-01-01 on that clock.

    A day at whose ends the offset is the same has it all day; on the others it changes at a whole quarter
    of an hour.
    """
    if not len(at):
        return at
    first, last = int(at.min()) // DAY_US, int(at.max()) // DAY_US
    table = np.array([_offsets(day, zone) for day in range(first, last + 1)]).ravel()
    return at + table[at // _QUARTER_US - first * 96]


@lru_cache(maxsize=8192)
def _offsets(day: int, zone: ZoneInfo) -> tuple[int, ...]:
    """The zone's offset in microseconds in each of the 96 quarters of an hour of a UTC day."""

    def offset(us: int) -> int:
        found = (_EPOCH + timedelta(microseconds=us)).astimezone(zone).utcoffset()
        return 0 if found is None else found // timedelta(microseconds=1)

    start = day * DAY_US
    head = offset(start)
    if head == offset(start + DAY_US):
        return (head,) * 96
    return tuple(offset(start + n * _QUARTER_US) for n in range(96))


def local_days(at: Values, zone: ZoneInfo) -> Values:
    """The day of each moment in a zone, as days since 1970-01-01."""
    return local_microseconds(at, zone) // DAY_US


def microseconds(moment: datetime) -> int:
    """A moment as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
