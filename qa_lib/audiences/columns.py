"""A profile as columns that a decision tree can split, each split being a condition of the rule language.

Numbers and days become ranks over everybody's values, so that a threshold between two ranks is any value
between two neighbours: the roundest is taken. Texts and lists become one yes-or-no column per value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import floor, isinf, log10
from typing import Any as AnyValue

import numpy as np
import numpy.typing as npt
import pandas as pd

from qa_lib.rules import Attribute, Field, Tag
from qa_lib.rules.check import LARGEST
from qa_lib.workspace import Snapshot, quoted

#: Values of a text or list that get a column of their own: the most frequent ones.
MAX_VALUES = 30
Floats = npt.NDArray[np.float64]
Condition = Attribute | Tag


@dataclass(frozen=True)
class Column:
    """One column of the tree's input, and how its splits read.

    `values` are ranks, 0 or 1, NaN where the person has no value; shape (n_people,). `distinct` are a
    number's or day's values in order. `value` is what a yes-or-no column asks for, None for "is not set".
    """

    field: Field
    values: Floats
    distinct: npt.NDArray[AnyValue] | None = None
    value: str | None = None

    def condition(self, threshold: float, *, above: bool, missing: bool) -> Condition:
        """The condition of one side of a split.

        Parameters
        ----------
        above
            Whether the side is that of values above the threshold.
        missing
            Whether people without a value go to this side.
        """
        if isinf(threshold):  # every value lies below, and whoever has none goes above
            return _condition(self.field, "is not set" if above else "is set", None)
        if self.distinct is not None:
            return self._ordered(threshold, above, missing)
        if self.field.type == "boolean":
            return _condition(self.field, "=", above, missing)
        if self.value is None:
            return _condition(self.field, "is not set" if above else "is set", None)
        if self.field.type == "list":
            return _condition(self.field, "has any" if above else "has none", (self.value,))
        return _condition(self.field, "=" if above else "!=", self.value)

    def _ordered(self, threshold: float, above: bool, missing: bool) -> Condition:
        assert self.distinct is not None
        low, high = self.distinct[floor(threshold)], self.distinct[floor(threshold) + 1]
        if self.field.type == "date":
            first_above = round_day(low, high)
            return _condition(self.field, "on or after" if above else "before", str(first_above), missing)
        return _condition(self.field, ">" if above else "<=", round_threshold(low, high), missing)


def _condition(field: Field, key: str, value: AnyValue, missing: bool = False) -> Condition:
    kind = Attribute if field.kind == "attribute" else Tag
    return kind(field=field.name, operator=key, value=value, missing="include" if missing else None)


def round_threshold(low: float, high: float) -> int | float:
    """The roundest number t with low ≤ t < high: the fewest digits, and a last digit of 5 before others."""
    first, last = Decimal(repr(float(low))), Decimal(repr(float(high)))
    start = floor(log10(float(last - first))) + 2
    for power in range(max(start, floor(log10(max(abs(low), abs(high)))) + 1), start - 20, -1):
        for step in (Decimal(10) ** power, Decimal(5) * Decimal(10) ** (power - 1)):
            candidate = -(-first // step) * step
            if candidate < first:  # Decimal's // cuts towards zero
                candidate += step
            if first <= candidate < last and low <= float(candidate) < high:
                return int(candidate) if candidate == int(candidate) else float(candidate)
    return float(low)


def round_day(low: date, high: date) -> date:
    """The roundest day d with low < d ≤ high: a year's first day, else a month's, else `high`."""
    for candidate in (high.replace(month=1, day=1), high.replace(day=1)):
        if candidate > low:
            return candidate
    return high


def columns_of(snapshot: Snapshot, fields: list[Field]) -> list[Column]:
    """Everybody's values of the fields as columns, in the order of person numbers.

    A field without two different values, or with numbers that rules do not compare, gives none.
    """
    names = [field.name for field in fields]
    chosen = ", ".join(map(_read, fields))
    frame = snapshot.frame(f"SELECT {chosen} FROM profile ORDER BY person_no", packed=names)
    made: list[Column] = []
    for field in fields:
        values = frame[field.name]
        if field.type in ("number", "date"):
            made += _ranked(field, values)
        elif field.type == "boolean":
            made.append(
                Column(
                    field,
                    np.asarray(
                        values.astype("Float64").to_numpy("float64", na_value=np.nan), dtype=np.float64
                    ),
                )
            )
        else:
            made += _one_per_value(field, values)
    return [c for c in made if np.nanmin(c.values, initial=np.inf) < np.nanmax(c.values, initial=-np.inf)
            or (np.isnan(c.values).any() and not np.isnan(c.values).all())]  # fmt: skip


def _read(field: Field) -> str:
    column = quoted(field.name)
    return f"CAST({column} AS DOUBLE) AS {column}" if field.type == "number" else column


def _ranked(field: Field, values: pd.Series) -> list[Column]:
    if field.type == "date":
        values = pd.to_datetime(values)
    distinct, ranks = np.unique(values.dropna().to_numpy(), return_inverse=True)
    if len(distinct) < 2:
        return []
    if field.type == "number" and not (np.isfinite(distinct) & (np.abs(distinct) < LARGEST)).all():
        return []
    column = np.full(len(values), np.nan)
    column[values.notna().to_numpy()] = ranks
    if field.type == "date":
        distinct = np.array([pd.Timestamp(d).date() for d in distinct], dtype=object)
    return [Column(field, column, distinct=distinct)]


def _one_per_value(field: Field, values: pd.Series) -> list[Column]:
    absent = values.isna().to_numpy()
    elements = values[~absent]
    if field.type == "list":
        elements = elements.explode().dropna()
    made = []
    for value in elements.value_counts().index[:MAX_VALUES]:
        column = np.zeros(len(values))
        column[elements.index[(elements == value).to_numpy()]] = 1.0
        made.append(Column(field, column, value=str(value)))
    return [*made, Column(field, absent.astype(float))]
