"""Connected components of tens of millions of links over whole numbers, and new links without a rebuild.

The bounded resolution of `group_links` works on identifiers with their kinds and times; this is the plain
graph under it: identifiers are numbered from 0 by the caller, as `numbering` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from qa_lib.errors import DataError

Numbers = npt.NDArray[np.int64]


class Components:
    """Which identifiers are one component.

    Every identifier keeps the label that the last rebuild gave it, and a label points to the one that it was
    merged into: new links look up and change as many labels as they have ends, whatever the graph's size.
    A component goes by its oldest label, so that it keeps its name in a merge.

    Parameters
    ----------
    size
        How many identifiers there are.
    left, right : shape (n_links,)
        The two ends of each link.

    Raises
    ------
    DataError
        When an end is no identifier, or the two arrays differ in length.
    """

    def __init__(self, size: int, left: Any, right: Any) -> None:
        a, b = _ends(left, right, size)
        graph = coo_array((np.ones(len(a), dtype=bool), (a, b)), shape=(size, size))
        count, label = connected_components(graph, directed=False) if size else (0, np.zeros(0, np.int32))
        self._label: npt.NDArray[np.int32] = label
        self._into = np.arange(count, dtype=np.int64)
        self._size = np.bincount(label, minlength=count).astype(np.int64)

    @property
    def identifier_count(self) -> int:
        """How many identifiers there are, those that were added included."""
        return len(self._label)

    @property
    def component_count(self) -> int:
        """How many components there are now."""
        return int((self._into == np.arange(len(self._into))).sum())

    @property
    def byte_count(self) -> int:
        """What is kept, in bytes."""
        return self._label.nbytes + self._into.nbytes + self._size.nbytes

    def of(self, identifiers: Any) -> Numbers:
        """The component of each identifier; the same number for those that are connected."""
        found = self._label[np.asarray(identifiers)].astype(np.int64)
        while True:
            up = self._into[found]
            if np.array_equal(up, found):
                return found
            found = up

    def all(self) -> Numbers:
        """The component of every identifier; shape (identifier_count,)."""
        roots = self._into
        while not np.array_equal(up := roots[roots], roots):
            roots = up
        return roots[self._label]

    def sizes(self, components: Any) -> Numbers:
        """How many identifiers these components have."""
        return self._size[np.asarray(components)]

    def add(self, left: Any, right: Any, *, new: int = 0) -> Sequence[tuple[int, int]]:
        """Take new links in; only the components of their ends change.

        Parameters
        ----------
        new
            How many identifiers come with them, numbered after those that are there.

        Returns
        -------
        list of (gone, kept)
            Each component that was merged away and the one that it is now.
        """
        if new:
            labels = np.arange(len(self._into), len(self._into) + new)
            self._label = np.concatenate([self._label, labels.astype(np.int32)])
            self._into = np.concatenate([self._into, labels])
            self._size = np.concatenate([self._size, np.ones(new, dtype=np.int64)])
        a, b = _ends(left, right, len(self._label))
        one, other = self.of(a), self.of(b)
        apart = one != other
        touched, places = np.unique(np.concatenate([one[apart], other[apart]]), return_inverse=True)
        if not len(touched):
            return []
        half = len(places) // 2
        graph = coo_array(
            (np.ones(half, dtype=bool), (places[:half], places[half:])), shape=(len(touched), len(touched))
        )
        group = connected_components(graph, directed=False)[1]
        kept = np.full(int(group.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(kept, group, touched)
        into = kept[group]
        gone = touched[into != touched]
        target = into[into != touched]
        np.add.at(self._size, target, self._size[gone])
        self._into[gone] = target
        return [*zip(gone.tolist(), target.tolist(), strict=True)]

    def over(self, cap: int) -> Numbers:
        """The components with more identifiers than a cap: to be looked at, not to be merged silently."""
        is_root = self._into == np.arange(len(self._into))
        return np.flatnonzero(is_root & (self._size > cap))


def _ends(left: Any, right: Any, size: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    a, b = np.asarray(left), np.asarray(right)
    if a.shape != b.shape or a.ndim != 1:
        raise DataError(f"The links have {a.shape} left and {b.shape} right ends. Give as many of each.")
    for ends in (a, b):
        if len(ends) and not (int(ends.min()) >= 0 and int(ends.max()) < size):
            raise DataError(
                f"A link ends at {int(ends.min())} or {int(ends.max())}; identifiers go from 0 to {size - 1}. "
                "Say how many are new."
            )
    return a, b
