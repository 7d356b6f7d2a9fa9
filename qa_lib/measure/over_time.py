"""Figures by day or week: redemptions of all campaigns, sends and conversions of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qa_lib.errors import SpecError
from qa_lib.intervals import LEVEL
from qa_lib.measure.amounts import ZERO, exact
from qa_lib.measure.figures import Origin
from qa_lib.measure.metrics import METRICS
from qa_lib.measure.periods import check_period, covered, data_days, period_sql, periods
from qa_lib.measure.recorded import Recorded, campaign_facts
from qa_lib.measure.steps import Query, as_of_day
from qa_lib.measure.worlds import band
from qa_lib.workspace import Snapshot


def redemptions_over_time(
    snapshot: Snapshot,
    *,
    campaigns: Sequence[str] | None = None,
    segment: Mapping[str, Any] | None = None,
    by: Literal["day", "week"] = "week",
    split: Sequence[str] = (),
) -> pd.DataFrame:
    """Redemptions by day or week from the first order's day to the snapshot's moment.

    Parameters
    ----------
    campaigns, segment
        As in `campaign_metrics`.
    by
        `day`, or `week` beginning on Monday; both in the workspace's zone.
    split
        Columns that part the lines: `campaign_id`, `campaign_type` or columns of `profile`.

    Returns
    -------
    pandas.DataFrame
        `starts_on` (the day, or the week's Monday), the columns of `split`, `redemptions`, `redeemers`
        (distinct people of that day or week: not to be summed over rows), `is_complete` (False for a
        week that the data cover in part). Days and weeks without a redemption have 0.
    """
    check_period(by, "Redemptions")
    query = Query(snapshot, split, campaigns, segment)
    keys = f", {query.keys}" if split else ""
    found = query.frame(
        f"SELECT {period_sql('_day', by)} AS starts_on{keys}, count(*) AS redemptions, "
        "count(DISTINCT person_no) AS redeemers FROM redeemed GROUP BY ALL"
    )
    first, last = data_days(snapshot)
    starts = periods(first, last, by)
    columns = ["starts_on", *split]
    groups = found[list(split)].drop_duplicates().sort_values(list(split)) if split else None
    grid = pd.DataFrame({"starts_on": starts})
    if groups is not None:
        grid = grid.merge(groups, how="cross")
    found["starts_on"] = pd.to_datetime(found["starts_on"]).astype(grid["starts_on"].dtype)
    frame = grid.merge(found, how="left", on=columns)
    for count in ("redemptions", "redeemers"):
        frame[count] = frame[count].fillna(0).astype("int64")
    frame["is_complete"] = covered(frame["starts_on"], first, last, by)
    return frame


#: What stands in one row of `conversions_over_time`, and the metric whose records it needs.
_COLUMNS = {
    "sent": "sent",
    "reached": "reached",
    "converters": "converters",
    "revenue": "revenue",
    "converters_so_far": "converters",
    "revenue_so_far": "revenue",
}
_LOCAL_SENT = "coalesce(CAST(_sent_at AT TIME ZONE $zone AS DATE), starts_on)"
_DATED: dict[str, tuple[str, str, str]] = {  # the day, what is counted, and the rows
    "sent": (
        "_day",
        "count(DISTINCT person_no)",
        f"SELECT t.*, {_LOCAL_SENT} AS _day FROM targeted t JOIN begun USING (campaign_id) WHERE _has_left",
    ),
    "reached": (
        "_day",
        "count(DISTINCT person_no)",
        "SELECT *, CAST(_delivered_at AT TIME ZONE $zone AS DATE) AS _day FROM targeted WHERE _is_delivered",
    ),
    "converters": ("_day", "count(DISTINCT person_no)", "SELECT * FROM converted"),
    "revenue": ("_day", "sum(_revenue)", "SELECT * FROM paid_days"),
    "converters_so_far": (
        "_first",
        "count(*)",
        "SELECT {keys}, min(_day) AS _first FROM converted GROUP BY {keys}",
    ),
}


def conversions_over_time(
    snapshot: Snapshot,
    *,
    campaign: str,
    origin: Origin = "observed",
    by: Literal["day", "week"] = "day",
    segment: Mapping[str, Any] | None = None,
    split: Sequence[str] = (),
    level: float = LEVEL,
) -> pd.DataFrame:
    """Sends, receipts, conversions and their revenue by day or week of one campaign.

    Parameters
    ----------
    campaign
        The campaign's id.
    origin, segment
        As in `campaign_metrics`.
    by
        `day`, or `week` beginning on Monday; both in the workspace's zone.
    split
        Columns that part the lines: `channel` or columns of `profile`. A person sent to by two channels
        stands in both.
    level
        Of a simulation, the share of its worlds in the bands.

    Returns
    -------
    pandas.DataFrame
        One row per day or week from the campaign's first to its last day (or the last conversion's, where
        that is later), and group: `starts_on`, the columns of `split`; `sent`, `reached`, `converters`
        (distinct people of that day or week: not to be summed over rows), `revenue`;
        `converters_so_far` (distinct people up to its end), `revenue_so_far`; `is_complete`.
        Counts are Int64 and revenue exact Decimal; missing where it was not recorded, and after the
        snapshot's moment: a conversion is known when its day is over. `is_complete` is False where a day
        was not over at that moment. Of a simulation all days are there: means over its worlds, with
        `<column>_low` and `<column>_high`. A message whose time was not recorded stands on the campaign's
        first day.

    Raises
    ------
    UnknownName
        For a campaign, column, segment value or origin that is not there.
    SpecError
        For another period, or a column of `split` with the name of one of the frame's own.
    """
    check_period(by, "Conversions")
    own = {"starts_on", "is_complete", *_COLUMNS}
    if clash := own & set(split):
        raise SpecError(f"Cannot split by {sorted(clash)}: the frame has a column of that name.")
    query = Query(snapshot, split, [campaign], segment, origin)
    lines = _Lines(query, campaign, by)
    columns: dict[str, Any] = {}
    for name in _COLUMNS:
        values = lines.values(name)
        if query.is_simulated:
            ends = (name, f"{name}_low", f"{name}_high")
            columns |= dict(zip(ends, (b.T.ravel() for b in band(values, level=level)), strict=True))
        elif values.dtype == object:
            columns[name] = pd.Series(values[:, :, 0].T.ravel(), dtype=object)
        else:
            columns[name] = pd.Series(values[:, :, 0].T.ravel(), dtype="float64").astype("Int64")
    frame = lines.grid()
    complete = np.repeat(lines.is_complete, len(lines.groups))
    return pd.concat([frame, pd.DataFrame(columns), pd.DataFrame({"is_complete": complete})], axis=1)


class _Lines:
    """One campaign's figures of the shape (n_groups, n_periods, n_worlds)."""

    def __init__(self, query: Query, campaign: str, by: str) -> None:
        self._query, self._by = query, by
        split = list(query.by)
        groups = (
            query.frame(f"SELECT DISTINCT {query.keys} FROM assigned") if split else pd.DataFrame({"": [0]})
        )
        self.groups = groups.sort_values(split).reset_index(drop=True)[split] if split else groups[[]]
        self._row = {key: i for i, key in enumerate(self.groups.itertuples(index=False, name=None))} or {
            (): 0
        }
        found = {name: self._dated(name) for name in _DATED}
        worlds = query.frame(
            "SELECT DISTINCT _world FROM sent WHERE campaign_id IN (SELECT unnest($campaigns))"
        )
        self._world = {int(w): i for i, w in enumerate(sorted(worlds["_world"]))}
        first, last = self._days(campaign, found)
        self.starts = periods(first, last, by)
        self._values = {name: self._placed(name, frame) for name, frame in found.items()}
        self._values["converters_so_far"] = np.cumsum(self._values["converters_so_far"], axis=1)
        self._values["revenue_so_far"] = _cumulated(self._values["revenue"])
        self._mark_missing(campaign, first, last)

    def values(self, name: str) -> NDArray[Any]:
        """A column's values; NaN, or None for amounts, where there is none."""
        return self._values[name]

    def grid(self) -> pd.DataFrame:
        """The periods and groups, in the order of the rows."""
        starts = pd.DataFrame({"starts_on": self.starts})
        return starts.merge(self.groups, how="cross") if self._query.by else starts

    def _is_exact(self, name: str) -> bool:
        return name == "revenue" and not self._query.is_simulated

    def _dated(self, name: str) -> pd.DataFrame:
        day, counted, rows = _DATED[name]
        keys = self._query.keyed("_world")
        rows = rows.format(keys=self._query.keyed("_world", "person_no"))
        kind = "VARCHAR" if self._is_exact(name) else "DOUBLE"
        return self._query.frame(
            f"SELECT {keys}, {period_sql(day, self._by)} AS _period, min({day}) AS _from, max({day}) AS _to, "
            f"CAST({counted} AS {kind}) AS _value FROM ({rows}) GROUP BY {keys}, _period"
        )

    def _days(self, campaign: str, found: Mapping[str, pd.DataFrame]) -> tuple[date, date]:
        facts = campaign_facts(self._query).iloc[0]
        happened = [f for name, f in found.items() if name != "converters_so_far" and len(f)]
        firsts = [pd.Timestamp(facts["starts_on"]), *(pd.Timestamp(f["_from"].min()) for f in happened)]
        lasts = [pd.Timestamp(facts["ends_on"]), *(pd.Timestamp(f["_to"].max()) for f in happened)]
        return min(firsts).date(), max(lasts).date()

    def _placed(self, name: str, frame: pd.DataFrame) -> NDArray[Any]:
        shape = (len(self._row), len(self.starts), max(1, len(self._world)))
        is_exact = self._is_exact(name)
        out: NDArray[Any] = np.full(shape, ZERO, dtype=object) if is_exact else np.zeros(shape)
        split = list(self._query.by)
        keys = frame[split].itertuples(index=False, name=None) if split else [()] * len(frame)
        at = self.starts.get_indexer(pd.DatetimeIndex(frame["_period"]).astype(self.starts.dtype))
        found = exact(frame["_value"]) if is_exact else frame["_value"].to_numpy(dtype=float)
        for key, period, world, value in zip(keys, at, frame["_world"], found, strict=True):
            known = value is not None and not pd.isna(value)
            out[self._row[key], period, self._world[int(world)]] = (
                value if known else (ZERO if is_exact else 0.0)
            )
        return out

    def _mark_missing(self, campaign: str, first: date, last: date) -> None:
        snapshot, query = self._query.snapshot, self._query
        length = timedelta(days=0 if self._by == "day" else 6)
        begins = [max(s.date(), first) for s in self.starts]
        ends = [min(s.date() + length, last) for s in self.starts]
        today = as_of_day(snapshot)
        self.is_complete = np.array([query.is_simulated or end < today for end in ends])
        begun = np.array([datetime.combine(b, time(), snapshot.zone) < snapshot.as_of for b in begins])
        over = np.array([b < today for b in begins])
        recorded = Recorded.of(query)
        channels = self.groups["channel"] if "channel" in self.groups else [None] * len(self._row)
        of_group = [recorded.of_group([campaign], channel) for channel in channels]
        for name, key in _COLUMNS.items():
            values = self._values[name]
            none = None if values.dtype == object else np.nan
            if not query.is_simulated:
                values[:, ~(begun if key in ("sent", "reached") else over)] = none
            values[[group.why_not(METRICS[key]) is not None for group in of_group]] = none


def _cumulated(values: NDArray[Any]) -> NDArray[Any]:
    """Sums up to each period; of decimals, decimals."""
    if values.dtype != object:
        return np.cumsum(values, axis=1)
    out = np.empty_like(values)
    for group in range(values.shape[0]):
        amounts: list[Decimal] = list(values[group, :, 0])
        out[group, :, 0] = list(accumulate(amounts))
    return out
