"""Figures of campaigns: by campaign, type, segment or any combination, in total, and over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd
from pandas.api.typing import NAType

from qa_lib.errors import SpecError
from qa_lib.intervals import LEVEL, wilson_interval
from qa_lib.measure.metrics import METRICS, Metric, NoFigure, NotRecorded, Undefined, metric
from qa_lib.measure.segments import GROUP_LIMIT, in_order
from qa_lib.measure.steps import CAMPAIGN_COLUMNS, Query, as_of_day
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot

#: The metrics that a frame holds unless others are asked for: those that the demo data can answer.
RECORDED = (
    "targeted",
    "redeemers",
    "redemption_rate",
    "redemptions",
    "coupons_per_redeemer",
    "redeemer_baskets",
    "revenue_of_redeemer_baskets",
    "basket_value",
)
_NOBODY = Label("没有可以相除的人数或订单。", "There is nobody, or no basket, to divide by.")


def campaign_metrics(
    snapshot: Snapshot,
    *,
    by: Sequence[str] = ("campaign_id",),
    campaigns: Sequence[str] | None = None,
    segment: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = RECORDED,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Figures of the campaigns that have begun, one row per group with anybody in it.

    People are counted once in every row. Somebody who received two campaigns stands in both campaigns'
    rows and once in their total, so rows may add up to more than the total: ask for the total with
    `by=()`, never by summing. Tags are those of the snapshot's moment, which is after the campaigns: a
    group such as `rfm_segment` may be a consequence of redeeming.

    Parameters
    ----------
    by
        `campaign_id`, `campaign_type`, or columns of `profile` (people without a value form the group
        `未记录 not recorded`); several give their combinations, none one row in total.
    campaigns
        Only these campaigns.
    segment
        Only people with these values, by column of `profile`; None means people without a value. The
        filter holds for targeted people, redeemers and baskets alike, so it changes the denominators too.
    metrics
        Keys of `METRICS`, one column each.
    level
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`; with `by=("campaign_id",)` also `campaign_type`, `starts_on`, `ends_on`.
        One column per metric (counts as Int64, rates between 0 and 1, amounts in the account currency;
        missing where there is no figure). `<metric>_low`, `<metric>_high` after a rate with an interval.
        `campaign_count`; `is_complete` (False when a campaign's window had not closed, it began before
        the data, or its recipients were not recorded) and why: `notes_zh`, `notes_en`.

    Raises
    ------
    UnknownName
        For a column, campaign, segment value or metric that is not there.
    SpecError
        For a column that people cannot be grouped by, or more than 400 groups.
    """
    wanted = [metric(key) for key in metrics]
    query = Query(snapshot, by, campaigns, segment)
    if clash := set(query.by) & set(METRICS):
        raise SpecError(f"Cannot group by {sorted(clash)}: a metric has the same name. Rename the tag.")
    frame = _aggregates(query, wanted)
    facts = query.campaign_facts()
    frame = _with_completeness(query, frame, facts)
    if query.by == ("campaign_id",):
        frame = facts[["campaign_id", "campaign_type", "starts_on", "ends_on"]].merge(
            frame, how="inner" if query.segment else "left", on="campaign_id"
        )
        frame = _fill_missing_campaigns(frame, facts)
    else:
        frame = _sorted(frame, query.by, facts)
    return _with_ratios(frame, wanted, level)


def campaign_figures(
    snapshot: Snapshot,
    *,
    campaigns: Sequence[str] | None = None,
    segment: Mapping[str, Any] | None = None,
    level: float = LEVEL,
) -> dict[str, float | int | NoFigure]:
    """Every metric in total over the chosen campaigns and people, each person once.

    Returns
    -------
    dict
        A number by metric key, and `<metric>_low`, `<metric>_high` of a rate with an interval; or a
        `NoFigure` that says why there is none: `NotRecorded`, or `Undefined` for a ratio over nobody.
        `is_complete` is not among them: see `campaign_metrics`.
    """
    shown = [m.key for m in METRICS.values() if m.is_shown]
    row = campaign_metrics(
        snapshot, by=(), campaigns=campaigns, segment=segment, metrics=shown, level=level
    ).iloc[0]
    figures: dict[str, float | int | NoFigure] = {}
    for key in shown:
        one = METRICS[key]
        if pd.isna(row[key]):
            figures[key] = NotRecorded(one.absent) if one.absent else Undefined(_NOBODY)
        else:
            figures[key] = int(row[key]) if one.format == "count" else float(row[key])
        if one.has_interval:
            for end in ("low", "high"):
                value = row[f"{key}_{end}"]
                figures[f"{key}_{end}"] = Undefined(_NOBODY) if pd.isna(value) else float(value)
    return figures


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
    if by not in ("day", "week"):
        raise SpecError(f"Redemptions can be shown by 'day' or 'week', not by {by!r}.")
    query = Query(snapshot, split, campaigns, segment)
    keys = f", {query.keys}" if split else ""
    period = "occurred_on" if by == "day" else "CAST(date_trunc('week', occurred_on) AS DATE)"
    found = query.frame(
        f"SELECT {period} AS starts_on{keys}, count(*) AS redemptions, "
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


def data_days(snapshot: Snapshot) -> tuple[date, date]:
    """The first and the last local day that the orders cover: from the first order to `as_of`."""
    row = snapshot.frame(
        "SELECT CAST(min(occurred_at) AT TIME ZONE $zone AS DATE) AS first_on FROM event_visit",
        {"zone": str(snapshot.zone)},
    )
    return row["first_on"].iloc[0].date(), as_of_day(snapshot) - timedelta(days=1)


def periods(first: date, last: date, by: str) -> pd.DatetimeIndex:
    """Every day, or every Monday of a week, from the first to the last day."""
    if by == "day":
        return pd.date_range(first, last, freq="D", unit="s")
    return pd.date_range(first - timedelta(days=first.weekday()), last, freq="7D", unit="s")


def covered(starts: pd.Series, first: date, last: date, by: str) -> pd.Series:
    """Whether the data cover the whole day or week."""
    ends = starts + pd.Timedelta(days=0 if by == "day" else 6)
    return (starts >= pd.Timestamp(first)) & (ends <= pd.Timestamp(last))


def _aggregates(query: Query, wanted: Sequence[Metric]) -> pd.DataFrame:
    needed = (
        {"targeted"}
        | {m.key for m in wanted}
        | {k for m in wanted for k in (m.numerator, m.denominator) if k}
    )
    frame: pd.DataFrame | None = None
    group = f"GROUP BY {query.keys}" if query.by else ""
    for source in ("targeted", "redeemed", "baskets"):
        found = [m for m in METRICS.values() if m.source == source and m.key in needed]
        if not found and source != "targeted":
            continue
        parts = [*([query.keys] if query.by else []), *(f"{m.sql} AS {m.key}" for m in found)]
        if source == "targeted":
            parts.append("list(DISTINCT campaign_id) AS _campaigns")
        part = query.frame(f"SELECT {', '.join(parts)} FROM {source} {group}")
        if frame is None:
            frame = part
        elif query.by:
            frame = frame.merge(part, how="left", on=list(query.by))
        else:
            frame = pd.concat([frame, part], axis=1)
        for m in found:
            if source != "targeted":
                frame[m.key] = frame[m.key].fillna(0)  # nothing recorded of them is a real zero
    assert frame is not None
    if len(frame) > GROUP_LIMIT:
        raise SpecError(
            f"{' × '.join(query.by)} gives {len(frame):,} groups, at most {GROUP_LIMIT} can be shown. "
            "Group by a tag with fewer values."
        )
    for key in needed:
        if key in frame and METRICS[key].format == "count":
            frame[key] = frame[key].astype("Int64")
        elif key in frame:
            frame[key] = frame[key].astype("float64")
    return frame


def _with_ratios(frame: pd.DataFrame, wanted: Sequence[Metric], level: float) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    for m in wanted:
        if m.kind == "aggregate":
            columns[m.key] = frame[m.key]
        elif m.kind == "absent":
            columns[m.key] = np.full(len(frame), np.nan)
        else:
            above = frame[m.numerator].to_numpy(dtype=float, na_value=np.nan)
            below = frame[m.denominator].to_numpy(dtype=float, na_value=np.nan)
            columns[m.key] = np.divide(above, below, out=np.full(len(frame), np.nan), where=below > 0)
            if m.has_interval:
                low, high = wilson_interval(above, below, level=level)
                columns[f"{m.key}_low"], columns[f"{m.key}_high"] = low, high
    head = [c for c in frame.columns if c not in METRICS and c not in _TAIL]
    return pd.concat([frame[head], pd.DataFrame(columns, index=frame.index), frame[list(_TAIL)]], axis=1)


_TAIL = ("campaign_count", "is_complete", "notes_zh", "notes_en")


def _with_completeness(query: Query, frame: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    notes = {
        str(row.campaign_id): note
        for row in facts.itertuples()
        if (note := _why_incomplete(query.snapshot, row))
    }
    one = query.by == ("campaign_id",)
    rows = []
    for found in frame.pop("_campaigns"):
        campaigns = set() if isinstance(found, float | NAType) else set(found)
        rows.append((len(campaigns), *_in_words(campaigns, notes, one)))
    frame[list(_TAIL)] = pd.DataFrame(rows, columns=list(_TAIL), index=frame.index)
    return frame


def _why_incomplete(snapshot: Snapshot, row: Any) -> Label | None:
    zh, en = [], []
    if row.ends_on.date() >= as_of_day(snapshot):
        zh.append(f"窗口未结束（至 {row.ends_on.date()}）")
        en.append(f"window still open (ends {row.ends_on.date()})")
    if row.starts_on < row.data_start_on:
        zh.append(f"开始于 {row.starts_on.date()}，早于数据的第一天 {row.data_start_on.date()}")
        en.append(f"began {row.starts_on.date()}, before the data's first day {row.data_start_on.date()}")
    if not row.has_sends:
        zh.append("没有记录发给了谁")
        en.append("who received it was not recorded")
    if row.stray_count:
        zh.append(f"{row.stray_count} 人核销但不在发送名单中，未计入")
        en.append(f"{row.stray_count} people redeemed without being in the sends; they are not counted")
    return Label("；".join(zh), "; ".join(en)) if zh else None


def _in_words(campaigns: set[str], notes: Mapping[str, Label], one: bool) -> tuple[bool, str, str]:
    found = sorted((c for c in campaigns if c in notes), key=lambda c: (len(c), c))
    if not found:
        return True, "", ""
    if one:
        return False, *notes[found[0]]
    names = ", ".join(found)
    return (
        False,
        f"{len(campaigns)} 个活动中有 {len(found)} 个不完整：{names}",
        f"{len(found)} of {len(campaigns)} campaigns incomplete: {names}",
    )


def _fill_missing_campaigns(frame: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    missing = frame["is_complete"].isna()
    unsent = facts.set_index("campaign_id")["has_sends"].eq(False)
    reason = Label("没有记录发给了谁", "who received it was not recorded")
    frame["campaign_count"] = frame["campaign_count"].fillna(1).astype("int64")
    frame.loc[missing, "notes_zh"] = reason.zh
    frame.loc[missing, "notes_en"] = reason.en
    frame["is_complete"] = frame["is_complete"].astype("boolean").fillna(False).astype(bool)
    assert not missing.any() or unsent[frame.loc[missing, "campaign_id"]].all()
    return frame


def _sorted(frame: pd.DataFrame, by: Sequence[str], facts: pd.DataFrame) -> pd.DataFrame:
    if not by:
        return frame
    ranks = {}
    for name in by:
        if name in CAMPAIGN_COLUMNS:
            order = list(facts["campaign_id"]) if name == "campaign_id" else sorted(facts[name].unique())
        else:
            sizes = frame.groupby(name)["targeted"].max()
            order = in_order({str(k): int(v) for k, v in sizes.items()})
        ranks[name] = frame[name].map({value: rank for rank, value in enumerate(order)})
    ranked = pd.DataFrame(ranks).sort_values(list(by))
    return frame.loc[ranked.index].reset_index(drop=True)
