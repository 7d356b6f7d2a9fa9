"""Links as whole numbers: every identifier is numbered once, by kind and value, and texts stay apart."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qa_lib.errors import ContractBroken
from qa_lib.identity.kinds import kind
from qa_lib.tables import LINKS

Identifier = tuple[str, str]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Numbered:
    """Identifiers from 0 in the order of kind and value, and links between them.

    Attributes
    ----------
    kinds
        Names in the order of the alphabet.
    texts
        All values in the order of the alphabet, each once.
    kind_no, text_no : shape (n_identifiers,)
        The kind and the value of each identifier.
    left, right, at_us : shape (n_links,)
        The ends of each link and its time, µs since 1970.
    """

    kinds: tuple[str, ...]
    texts: pa.Array
    kind_no: Numbers
    text_no: Numbers
    left: Numbers
    right: Numbers
    at_us: Numbers

    @property
    def count(self) -> int:
        """How many identifiers there are."""
        return len(self.kind_no)

    def before(self, at_us: int) -> tuple[Numbered, Numbers]:
        """The links before a moment with their identifiers, numbered anew in the same order; and which they are."""
        seen = self.at_us < at_us
        is_there = np.zeros(self.count, dtype=bool)
        is_there[self.left[seen]] = is_there[self.right[seen]] = True
        rows = np.flatnonzero(is_there)
        place = np.cumsum(is_there) - 1
        part = dataclasses.replace(
            self,
            kind_no=self.kind_no[rows],
            text_no=self.text_no[rows],
            left=place[self.left[seen]],
            right=place[self.right[seen]],
            at_us=self.at_us[seen],
        )
        return part, rows

    @cached_property
    def _keys(self) -> Numbers:
        return self.kind_no * len(self.texts) + self.text_no

    def find(self, identifier: Identifier) -> int | None:
        """The number of an identifier; None for one that is not there."""
        name, value = identifier
        text = bisect_left(self.texts, value, key=lambda found: found.as_py())
        if name not in self.kinds or text == len(self.texts) or self.texts[text].as_py() != value:
            return None
        key = self.kinds.index(name) * len(self.texts) + text
        at = int(np.searchsorted(self._keys, key))
        return at if at < self.count and self._keys[at] == key else None

    def identifiers(self, numbers: Any) -> list[Identifier]:
        """The kind and value of some identifiers."""
        chosen = np.asarray(numbers, dtype=np.int64)
        names = [self.kinds[k] for k in self.kind_no[chosen].tolist()]
        return list(zip(names, self.values(chosen).to_pylist(), strict=True))

    def values(self, numbers: Any) -> pa.Array:
        """The values of some identifiers."""
        return self.texts.take(pa.array(self.text_no[numbers]))

    def names(self, numbers: Any) -> pa.Array:
        """The kinds of some identifiers, by name."""
        return pa.array(self.kinds, pa.large_string()).take(pa.array(self.kind_no[numbers]))


def number_links(links: pd.DataFrame, identities: pd.DataFrame | None = None) -> tuple[Numbered, Numbers]:
    """Number the identifiers of links, and those of the record so far.

    Parameters
    ----------
    links
        The columns of the table `links`, normalised, in any order.
    identities
        Further identifiers by `kind` and `value`; one may stand in several rows.

    Returns
    -------
    numbered
        Identifiers of both, links as they were given.
    rows : shape (n_identities,)
        The number of the identifier of each row of `identities`.

    Raises
    ------
    ContractBroken
        When a column is missing.
    UnknownName
        For a kind that is not declared.
    """
    if missing := [c for c in LINKS.column_names if c not in links and c != "origin"]:
        raise ContractBroken(f"The links have no column {missing[0]!r}; expected {LINKS.column_names}.")
    more = pd.DataFrame({"kind": [], "value": []}, dtype="str") if identities is None else identities
    kind_no, kinds = _coded([links["left_kind"], links["right_kind"], more["kind"]])
    text_no, texts = _coded([links["left_value"], links["right_value"], more["value"]])
    for name in np.asarray(kinds)[np.unique(kind_no[: 2 * len(links)])].tolist():
        kind(name)
    width = max(len(texts), 1)
    found, first = pd.factorize(kind_no * width + text_no)
    keys = np.sort(first)
    place = np.empty(len(first), dtype=np.int64)
    place[np.argsort(first)] = np.arange(len(first))
    number, n = place[found], len(links)
    at = pd.to_datetime(links["observed_at"], utc=True).to_numpy(dtype="datetime64[us]").view(np.int64)
    numbered = Numbered(
        tuple(kinds.to_pylist()), texts, keys // width, keys % width, number[:n], number[n : 2 * n], at
    )
    return numbered, number[2 * n :]


def _coded(columns: Sequence[pd.Series]) -> tuple[Numbers, pa.Array]:
    """Texts of several columns as places in their alphabetical list."""
    chunks = [c for column in columns for c in _texts(column)]
    coded = pa.chunked_array(chunks, pa.large_string()).dictionary_encode().unify_dictionaries()
    if not coded.num_chunks:
        return np.zeros(0, dtype=np.int64), pa.array([], pa.large_string())
    listed = coded.chunk(0).dictionary
    order = pc.sort_indices(listed).to_numpy()
    place = np.empty(len(listed), dtype=np.int64)
    place[order] = np.arange(len(listed))
    return place[np.concatenate([c.indices.to_numpy() for c in coded.chunks])], listed.take(pa.array(order))


def _texts(column: pd.Series) -> list[pa.Array]:
    found = pa.array(column, from_pandas=True)
    chunks = found.chunks if isinstance(found, pa.ChunkedArray) else [found]
    return [c.cast(pa.large_string()) for c in chunks]
