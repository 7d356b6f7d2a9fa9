"""Comparisons of one value in Python, each with the meaning of its row in the operator table.

Numbers and days are compared by their place among the sorted thresholds of a field, so that one search
answers all comparisons of the field at once; texts, booleans and lists by a dictionary of the values seen.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt

from qa_lib.rules.catalogue import FieldType
from qa_lib.rules.matcher.person import number
from qa_lib.rules.operators import operator

Truths = bytes
_KEPT_VALUES = 4_096


class Comparison(NamedTuple):
    """`operator given` on a value that is there or not: what predicates on one field differ by."""

    operator: str
    given: tuple[Any, ...]
    when_missing: bool


def comparison(key: str, value: Any, missing: str | None, type: FieldType) -> Comparison:
    """The comparison of a checked condition, its values read as the field's type."""
    op = operator(key)
    values = () if op.arity == "none" else value if isinstance(value, tuple) else (value,)
    given = tuple(read_value(v, type) for v in values)
    include = op.when_missing if missing is None else missing == "include"
    return Comparison(key, given, include)


def read_value(value: Any, type: FieldType) -> Any:
    """A value of a rule as values of the field's type are compared."""
    if type == "number":
        return number(value)
    return date.fromisoformat(value) if type == "date" else value


class _Patterns:
    """Whether texts match patterns, by DuckDB's own RE2: Python's `re` means other things by some patterns."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], bool] = {}
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def __call__(self, text: str, pattern: str) -> bool:
        key = (text, pattern)
        if (known := self._known.get(key)) is not None:
            return known
        with self._lock:
            if self._connection is None:
                self._connection = duckdb.connect()
            row = self._connection.execute("SELECT regexp_matches(?, ?)", [text, pattern]).fetchall()
            if len(self._known) >= 100_000:
                self._known.clear()
            self._known[key] = found = bool(row[0][0])
        return found


matches_pattern = _Patterns()

_HOLDS: dict[str, Callable[[Any, tuple[Any, ...]], Any]] = {
    "=": lambda v, g: v == g[0],
    "!=": lambda v, g: v != g[0],
    ">": lambda v, g: v > g[0],
    ">=": lambda v, g: v >= g[0],
    "<": lambda v, g: v < g[0],
    "<=": lambda v, g: v <= g[0],
    "before": lambda v, g: v < g[0],
    "after": lambda v, g: v > g[0],
    "on or before": lambda v, g: v <= g[0],
    "on or after": lambda v, g: v >= g[0],
    "between": lambda v, g: g[0] <= v <= g[1],
    "in": lambda v, g: v in g,
    "not in": lambda v, g: v not in g,
    "contains": lambda v, g: g[0] in v,
    "starts with": lambda v, g: v.startswith(g[0]),
    "ends with": lambda v, g: v.endswith(g[0]),
    "matches": lambda v, g: matches_pattern(v, g[0]),
    "has any": lambda v, g: any(x in v for x in g),
    "has all": lambda v, g: all(x in v for x in g),
    "has none": lambda v, g: not any(x in v for x in g),
    "only": lambda v, g: all(x in g for x in v),
    "is set": lambda v, g: True,
    "is not set": lambda v, g: False,
}


def holds(value: Any, compared: Comparison) -> bool:
    """Whether a value, or none, compares as stated."""
    if value is None:
        return compared.when_missing
    return bool(_HOLDS[compared.operator](value, compared.given))


def _at_places(every: npt.NDArray[np.int64], operator: str, given: list[int]) -> npt.NDArray[np.bool_]:
    """The answer at every place; shape (n_places,)."""
    match operator:
        case "between":
            return (given[0] <= every) & (every <= given[1])
        case "in":
            return np.isin(every, given)
        case "not in":
            return ~np.isin(every, given)
        case _:
            answer = _HOLDS[operator](every, tuple(given))
            return np.broadcast_to(np.asarray(answer, dtype=bool), every.shape)


class OrderedIndex:
    """All comparisons of one field of numbers or days, answered by one search among their thresholds.

    A value's *place* is an odd number on a threshold and an even one between two, so every comparison of
    the value is one of places. Row `place` of `table` holds the answer of every comparison, row `-1` the one
    for a missing value.

    Parameters
    ----------
    if_missing
        The answers for a missing value where they are not the comparisons' own.
    """

    def __init__(self, compared: Sequence[Comparison], if_missing: Sequence[bool] | None = None) -> None:
        self.compared = tuple(compared)
        self.thresholds: list[Any] = sorted({g for c in compared for g in c.given})
        places = {t: 2 * i + 1 for i, t in enumerate(self.thresholds)}
        every = np.arange(2 * len(self.thresholds) + 1)
        self.table: npt.NDArray[np.uint8] = np.empty((len(every) + 1, len(compared)), dtype=np.uint8)
        for i, c in enumerate(compared):
            self.table[:-1, i] = _at_places(every, c.operator, [places[g] for g in c.given])
            self.table[-1, i] = c.when_missing if if_missing is None else if_missing[i]
        self.by_comparison = np.ascontiguousarray(self.table.T)
        self._rows: list[Truths] = [row.tobytes() for row in self.table]
        self.missing: Truths = self._rows[-1]
        self.known: dict[Any, Truths] = {None: self.missing}

    def truths(self, value: Any) -> Truths:
        """The answers for one value or None, one byte each; `known` keeps those of values seen before."""
        if value is None:
            return self.missing
        i = bisect_left(self.thresholds, value)
        on_it = i < len(self.thresholds) and self.thresholds[i] == value
        if len(self.known) < _KEPT_VALUES:
            self.known[value] = self._rows[2 * i + on_it]
        return self._rows[2 * i + on_it]

    def places(self, values: npt.NDArray[np.float64], there: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Which row of `table` answers each number; shape (n,)."""
        thresholds = self.as_doubles
        if not len(thresholds):
            return np.where(there, 0, -1)
        below = thresholds.searchsorted(values)
        on_it = thresholds.take(below, mode="clip") == values
        return np.where(there, 2 * below + on_it, len(self.table) - 1)

    @cached_property
    def as_doubles(self) -> npt.NDArray[np.float64]:
        """The thresholds of numbers; shape (n_thresholds,)."""
        return np.array(self.thresholds, dtype=np.float64)


class ValueIndex:
    """All comparisons of one field of texts, booleans or lists; the answers for each value are kept.

    Equalities are found by dictionary, so a value seen for the first time costs what is no equality.
    """

    def __init__(self, compared: Sequence[Comparison]) -> None:
        self.compared = tuple(compared)
        self._equal: dict[Any, list[tuple[int, int]]] = {}
        self._others: list[int] = []
        start = bytearray(len(compared))
        for i, c in enumerate(compared):
            if c.operator in ("=", "in", "!=", "not in"):
                start[i] = c.operator in ("!=", "not in")
                for value in set(c.given):
                    self._equal.setdefault(value, []).append((i, 1 - start[i]))
            else:
                self._others.append(i)
        self._start = bytes(start)
        self.missing: Truths = bytes(c.when_missing for c in compared)
        self.known: dict[Any, Truths] = {None: self.missing}

    def truths(self, value: Any) -> Truths:
        """The answers for one value or None, one byte each; `known` keeps those of values seen before."""
        if value is None:
            return self.missing
        found = bytearray(self._start)
        for i, truth in self._equal.get(value, ()):
            found[i] = truth
        for i in self._others:
            found[i] = holds(value, self.compared[i])
        if len(self.known) < _KEPT_VALUES:
            self.known[value] = bytes(found)
        return bytes(found)


FieldIndex = OrderedIndex | ValueIndex


def index_of(type: FieldType, compared: Sequence[Comparison]) -> FieldIndex:
    """The index of all comparisons of one field of that type."""
    return OrderedIndex(compared) if type in ("number", "date") else ValueIndex(compared)
