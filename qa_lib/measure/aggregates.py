"""The metrics of one query by group and world, masked where a campaign did not record what they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qa_lib.errors import SpecError
from qa_lib.intervals import wilson_interval
from qa_lib.measure.amounts import ZERO, exact, quotient
from qa_lib.measure.figures import NO_COST, NOBODY, GainKind, Metric, NoFigure, NotRecorded
from qa_lib.measure.metrics import METRICS, metric
from qa_lib.measure.recorded import Recorded, RecordedGroup
from qa_lib.measure.segments import GROUP_LIMIT
from qa_lib.measure.steps import Query
from qa_lib.measure.worlds import band

#: Figures of one metric: floats, or decimals in objects, of the shape (n_groups, n_worlds).
Values = NDArray[Any]


@dataclass(frozen=True)
class Figures:
    """What was found: one row per group, in no particular order.

    Attributes
    ----------
    groups : pandas.DataFrame
        The columns of the query's `by`.
    campaigns : shape (n_groups,)
        The campaigns with anybody in the group; of an empty total, the chosen ones.
    columns
        By metric: Int64, float or Decimal in objects; `<metric>_low`, `<metric>_high` of its interval.
    why
        By metric, for each group: why there is no figure, or None.
    gain_kinds : shape (n_groups,)
        What gain is, where the campaigns declare one thing.
    """

    groups: pd.DataFrame
    campaigns: list[list[str]]
    columns: pd.DataFrame
    why: dict[str, list[NoFigure | None]]
    gain_kinds: list[GainKind | None]


def figures(query: Query, keys: Sequence[str], chosen: Sequence[str], *, level: float) -> Figures:
    """Every wanted metric of every group.

    Parameters
    ----------
    keys
        Keys of `METRICS`.
    chosen
        The chosen campaigns, for a total over nobody.
    level
        Coverage of Wilson's intervals, and share of a rehearsal's worlds in its bands.

    Raises
    ------
    SpecError
        When there are more than 400 groups.
    """
    groups, campaigns = _groups(query, chosen)
    recorded = Recorded.of(query)
    channels = groups["channel"] if "channel" in groups else [None] * len(groups)
    of_group = [recorded.of_group(c, channel) for c, channel in zip(campaigns, channels, strict=True)]
    grid = _Grid(query, groups, campaigns, of_group)
    columns: dict[str, Any] = {}
    why: dict[str, list[NoFigure | None]] = {}
    for key in keys:
        one = metric(key)
        values = grid.values(key)
        columns |= _collapsed(one, values, grid, level)
        why[key] = [
            found or (_undefined(one) if pd.isna(columns[key][i]) else None)
            for i, found in enumerate(grid.why_not(one))
        ]
    return Figures(
        groups,
        campaigns,
        pd.DataFrame(columns, index=groups.index),
        why,
        [group.gain_kind for group in of_group],
    )


def _groups(query: Query, chosen: Sequence[str]) -> tuple[pd.DataFrame, list[list[str]]]:
    head = f"{query.keys}, " if query.by else ""
    group = f"GROUP BY {query.keys}" if query.by else ""
    frame = query.frame(f"SELECT {head}list(DISTINCT campaign_id) AS _campaigns FROM assigned {group}")
    if len(frame) > GROUP_LIMIT:
        raise SpecError(
            f"{' × '.join(query.by)} gives {len(frame):,} groups, at most {GROUP_LIMIT} can be shown. "
            "Group by a tag with fewer values."
        )
    found = frame.pop("_campaigns")
    return frame, [list(chosen) if np.ndim(names) == 0 else sorted(names) for names in found]


class _Grid:
    """Values of metrics by group and world, each computed once."""

    def __init__(
        self, query: Query, groups: pd.DataFrame, campaigns: list[list[str]], recorded: list[RecordedGroup]
    ) -> None:
        self.query = query
        self._recorded = recorded
        self._known: dict[str, Values] = {}
        keys = groups[list(query.by)].itertuples(index=False, name=None) if query.by else [()]
        self._row = {key: i for i, key in enumerate(keys)}
        self._worlds, self._is_world = self._find_worlds(campaigns)

    def _find_worlds(self, campaigns: list[list[str]]) -> tuple[list[int], NDArray[np.bool_]]:
        """The worlds, and whether every campaign of a group was rehearsed in one."""
        if not self.query.is_simulated:
            return [0], np.ones((len(campaigns), 1), dtype=bool)
        frame = self.query.frame("SELECT DISTINCT campaign_id, _world FROM sent")
        of_campaign = frame.groupby("campaign_id")["_world"].agg(set).to_dict()
        worlds = sorted({int(world) for name in of_campaign for world in of_campaign[name]})
        is_world = np.ones((len(campaigns), len(worlds)), dtype=bool)
        for row, names in enumerate(campaigns):
            for name in names:
                is_world[row] &= np.isin(worlds, list(of_campaign.get(name, ())))
        return worlds, is_world

    def why_not(self, one: Metric) -> list[NoFigure | None]:
        """For each group, why the metric was not recorded; None where it was."""
        if one.kind == "absent":
            return [_absent(one)] * len(self._recorded)
        return [group.why_not(one) for group in self._recorded]

    def values(self, key: str) -> Values:
        """The metric in every group and world; NaN, or None for amounts, where there is none."""
        if key not in self._known:
            one = METRICS[key]
            if one.kind == "aggregate":
                self._read(one.source or "")
            elif one.kind == "sum":
                self._known[key] = self._sum(one)
            elif one.kind == "ratio":
                self._known[key] = self._ratio(one)
            else:
                self._known[key] = np.full(self._is_world.shape, np.nan)
        return self._known[key]

    def _is_exact(self, one: Metric) -> bool:
        return one.format == "amount" and not self.query.is_simulated

    def _read(self, source: str) -> None:
        """All metrics of one source with one query; where nothing was found it is a real zero."""
        found = [m for m in METRICS.values() if m.source == source]
        parts = []
        for m in found:
            kind = "VARCHAR" if self._is_exact(m) else "DOUBLE" if m.format == "amount" else "BIGINT"
            parts.append(f"CAST({m.sql} AS {kind}) AS {m.key}")
        keys = self.query.keyed("_world")
        frame = self.query.frame(f"SELECT {keys}, {', '.join(parts)} FROM {source} GROUP BY {keys}")
        by = list(self.query.by)
        names = frame[by].itertuples(index=False, name=None) if by else [()] * len(frame)
        column = {world: i for i, world in enumerate(self._worlds)}
        places = [
            (self._row[name], column[world]) if world in column else None
            for name, world in zip(names, frame["_world"], strict=True)
        ]
        kept = np.array([place is not None for place in places], dtype=bool)
        rows, columns = np.array([place for place in places if place], dtype=int).reshape(-1, 2).T
        for m in found:
            values: Values
            if self._is_exact(m):
                values = np.full(self._is_world.shape, ZERO, dtype=object)
                new: Values = exact(frame[m.key])
                new[[v is None for v in new]] = ZERO
            else:
                values = np.zeros(self._is_world.shape)
                new = frame[m.key].fillna(0).to_numpy(dtype=float)
            values[rows, columns] = new[kept]
            none = None if self._is_exact(m) else np.nan
            values[~self._is_world] = none
            values[[why is not None for why in self.why_not(m)]] = none
            self._known[m.key] = values

    def _sum(self, one: Metric) -> Values:
        terms = [(sign, self.values(key)) for sign, key in one.terms]
        if not self._is_exact(one):
            return np.asarray(sum(sign * values for sign, values in terms))
        out = np.full(self._is_world.shape, None, dtype=object)
        for place in np.ndindex(out.shape):
            row = [(sign, values[place]) for sign, values in terms]
            if all(value is not None for _, value in row):
                out[place] = sum((sign * value for sign, value in row), ZERO)
        return out

    def _ratio(self, one: Metric) -> Values:
        above, below = self.values(one.numerator), self.values(one.denominator)
        if above.dtype != object:
            found = np.full(above.shape, np.nan)
            return np.divide(above, below, out=found, where=below > 0)
        out = np.full(above.shape, None if self._is_exact(one) else np.nan, dtype=object)
        for place in np.ndindex(out.shape):
            over, under = cast(Any, above[place]), cast(Any, below[place])
            if over is not None and under is not None and under > 0:
                under = under if isinstance(under, Decimal) else int(under)
                out[place] = quotient(over, under) if self._is_exact(one) else float(over / under)
        return out if self._is_exact(one) else out.astype(float)


def _collapsed(one: Metric, values: Values, grid: _Grid, level: float) -> dict[str, Any]:
    """The column of a metric, with both ends of its band or interval where it has them."""
    low, high = f"{one.key}_low", f"{one.key}_high"
    if grid.query.is_simulated:
        return dict(zip((one.key, low, high), band(values, level=level), strict=True))
    column = values[:, 0]
    if one.format == "count":
        return {one.key: pd.Series(column, dtype="float64").astype("Int64")}
    if not one.has_interval:
        return {one.key: column}
    above, below = grid.values(one.numerator)[:, 0], grid.values(one.denominator)[:, 0]
    ends = wilson_interval(np.where(np.isnan(column), 0, above), below, level=level)
    return {one.key: column, low: ends.low, high: ends.high}


def _undefined(one: Metric) -> NoFigure:
    return NO_COST if one.denominator == "cost" else NOBODY


def _absent(one: Metric) -> NoFigure:
    assert one.absent is not None
    return NotRecorded(one.absent)
