"""Who did one thing and then another: pairs of events of one person, without SQL."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


def followed(
    first: tuple[Values, Values], then: tuple[Values, Values], size: int, within: int | None
) -> npt.NDArray[np.bool_]:
    """Whose first event was followed by the other, strictly later and at most `within` after it.

    Person and moment become one key, so that the nearest earlier event of the same person is one search in
    sorted keys.

    Parameters
    ----------
    first, then
        Person numbers and moments (microseconds) of either kind; shapes (n,) and (n,), in any order.
    within
        Microseconds, the bound included; None for any time.

    Returns
    -------
    array of shape (size,)
    """
    found = np.zeros(size, dtype=bool)
    both = _flags(first[0], size) & _flags(then[0], size)
    places = np.cumsum(both) - 1  # people who did both, numbered without gaps
    one, other = (_of(both, events, places) for events in (first, then))
    if len(one[0]) == 0:
        return found
    start = min(int(one[1].min()), int(other[1].min()))
    span = max(int(one[1].max()), int(other[1].max())) - start + 1
    people = np.flatnonzero(both)
    per_block = max(1, 2**62 // span)  # keys are 64-bit integers
    for low in range(0, len(people), per_block):
        earlier, later = (_keys(events, low, per_block, start, span) for events in (one, other))
        at = np.searchsorted(earlier, later) - 1
        nearest = earlier[np.maximum(at, 0)]
        who = later // span
        follows = (at >= 0) & (nearest >= who * span)
        if within is not None:
            follows &= later - nearest <= within
        found[people[who[follows] + low]] = True
    return found


def _flags(people: Values, size: int) -> npt.NDArray[np.bool_]:
    found = np.zeros(size, dtype=bool)
    found[people] = True
    return found


def _of(both: npt.NDArray[np.bool_], events: tuple[Values, Values], places: Values) -> tuple[Values, Values]:
    people, moments = events
    keep = both[people]
    return places[people[keep]], moments[keep]


def _keys(events: tuple[Values, Values], low: int, count: int, start: int, span: int) -> Values:
    who, moments = events
    inside = (who >= low) & (who < low + count)
    keys = (who[inside] - low) * span + (moments[inside] - start)
    keys.sort()
    return keys
