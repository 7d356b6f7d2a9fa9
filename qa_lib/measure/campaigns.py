"""Figures of campaigns: by campaign, type, channel, segment or any combination, and in total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

from qa_lib.intervals import LEVEL
from qa_lib.measure.aggregates import Figures, figures
from qa_lib.measure.figures import GainKind, NoFigure, Origin
from qa_lib.measure.metrics import METRICS, metric
from qa_lib.measure.recorded import NO_SENDS, campaign_facts, in_words, incomplete
from qa_lib.measure.segments import SEND_COLUMNS, in_order
from qa_lib.measure.steps import Query
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
_TAIL = ("campaign_count", "is_complete", "notes_zh", "notes_en")


def campaign_metrics(
    snapshot: Snapshot,
    *,
    by: Sequence[str] = ("campaign_id",),
    campaigns: Sequence[str] | None = None,
    segment: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = RECORDED,
    origin: Origin = "observed",
    level: float = LEVEL,
) -> pd.DataFrame:
    """Figures of the campaigns that have begun, one row per group with anybody in it.

    People are counted once in every row. Somebody who received two campaigns, or one by two channels,
    stands in both rows and once in their total, so rows may add up to more than the total: ask for the
    total with `by=()`, never by summing. Tags are those of the snapshot's moment, which is after the
    campaigns: a group such as `rfm_segment` may be a consequence of redeeming.

    Parameters
    ----------
    by
        `campaign_id`, `campaign_type`, `channel`, or columns of `profile` (people without a value form
        the group `未记录 not recorded`); several give their combinations, none one row in total. Outcomes
        are tied to a campaign and a person: by channel they are those of the people sent on it.
    campaigns
        Only these campaigns.
    segment
        Only people with these values, by column as in `by`; None means those without a value. The filter
        holds for targeted people, outcomes and baskets alike, so it changes the denominators too.
    metrics
        Keys of `METRICS`, one column each.
    origin
        `observed`, `replayed` or `simulated`; see `evidence` for what the figures then say. Observed and
        replayed rows count up to the snapshot's moment, all rows of a simulation do.
    level
        Coverage of the intervals; of a simulation, the share of its worlds in the bands.

    Returns
    -------
    pandas.DataFrame
        The columns of `by`; with `by=("campaign_id",)` also `campaign_type`, `starts_on`, `ends_on`.
        One column per metric (counts as Int64, rates between 0 and 1, amounts as exact Decimal in the
        account currency; missing where there is no figure). `<metric>_low`, `<metric>_high` after a rate
        with an interval. Of a simulation every metric is the mean over its worlds, a float, with
        `<metric>_low` and `<metric>_high`, the central band of them; a ratio leaves out the worlds in
        which it is undefined. `gain_kind` (`margin` or `revenue`) when `gain` or `roi` is asked for.
        `campaign_count`; `is_complete` (False when a campaign's window had not closed, it began before
        the data, or its recipients were not recorded) and why: `notes_zh`, `notes_en`.

    Raises
    ------
    UnknownName
        For a column, campaign, segment value, metric or origin that is not there.
    SpecError
        For a column that people cannot be grouped by, or more than 400 groups.
    """
    for key in metrics:
        metric(key)
    query = Query(snapshot, by, campaigns, segment, origin)
    facts = campaign_facts(query)
    needed = list(dict.fromkeys(("targeted", *metrics)))
    found = figures(query, needed, list(facts["campaign_id"]), level=level)
    frame = pd.concat([found.groups, found.columns, _tail(query, found, facts)], axis=1)
    if any(METRICS[key].names_gain for key in metrics):
        frame.insert(len(frame.columns) - len(_TAIL), "gain_kind", pd.Series(found.gain_kinds, dtype=object))
    if query.by == ("campaign_id",):
        frame = facts[["campaign_id", "campaign_type", "starts_on", "ends_on"]].merge(
            frame, how="inner" if query.segment else "left", on="campaign_id"
        )
        frame = _fill_missing_campaigns(frame, facts)
    else:
        frame = _sorted(frame, query.by, facts)
    unasked = {"targeted", "targeted_low", "targeted_high"} if "targeted" not in metrics else set()
    return frame[[c for c in frame.columns if c not in unasked]]


def campaign_figures(
    snapshot: Snapshot,
    *,
    campaigns: Sequence[str] | None = None,
    segment: Mapping[str, Any] | None = None,
    origin: Origin = "observed",
    level: float = LEVEL,
) -> dict[str, Decimal | float | int | NoFigure]:
    """Every metric in total over the chosen campaigns and people, each person once.

    Returns
    -------
    dict
        A number by metric key (amounts as exact Decimal), and `<metric>_low`, `<metric>_high` of a rate
        with an interval; of a simulation floats, each with its band. Or a `NoFigure` that says why there
        is none: `NotRecorded`, or `Undefined` for a ratio over nobody or nothing. `is_complete` is not
        among them: see `campaign_metrics`.
    """
    shown = [m.key for m in METRICS.values() if m.is_shown]
    query = Query(snapshot, (), campaigns, segment, origin)
    found = figures(query, shown, list(campaign_facts(query)["campaign_id"]), level=level)
    out: dict[str, Decimal | float | int | NoFigure] = {}
    for column, values in found.columns.items():
        name = str(column)
        key = name if name in METRICS else name.removesuffix("_low").removesuffix("_high")
        value, why = values.iloc[0], found.why[key][0]
        if why is not None:
            out[name] = why
        elif isinstance(value, Decimal):
            out[name] = value
        else:
            is_count = METRICS[key].format == "count" and not query.is_simulated
            out[name] = int(value) if is_count else float(value)
    return out


def gain_kind(
    snapshot: Snapshot, *, campaigns: Sequence[str] | None = None, origin: Origin = "observed"
) -> GainKind | None:
    """What gain, and so ROI, is of these campaigns: `margin`, `revenue`, or None where they do not agree.

    `METRICS["roi"].label_of(kind)` is the label that says it.
    """
    query = Query(snapshot, (), campaigns, None, origin)
    facts = query.frame(
        "SELECT DISTINCT gain FROM targeted JOIN begun USING (campaign_id) WHERE gain IS NOT NULL"
    )
    return facts["gain"].iloc[0] if len(facts) == 1 else None


def _tail(query: Query, found: Figures, facts: pd.DataFrame) -> pd.DataFrame:
    notes = incomplete(query, facts)
    one = query.by == ("campaign_id",)
    rows = [(len(names), *in_words(names, notes, one=one)) for names in found.campaigns]
    return pd.DataFrame(rows, columns=list(_TAIL), index=found.groups.index)


def _fill_missing_campaigns(frame: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    missing = frame["is_complete"].isna()
    unsent = facts.set_index("campaign_id")["has_sends"].eq(False)
    frame["campaign_count"] = frame["campaign_count"].fillna(1).astype("int64")
    frame.loc[missing, "notes_zh"] = NO_SENDS.zh
    frame.loc[missing, "notes_en"] = NO_SENDS.en
    frame["is_complete"] = frame["is_complete"].astype("boolean").fillna(False).astype(bool)
    assert not missing.any() or unsent[frame.loc[missing, "campaign_id"]].all()
    return frame


def _sorted(frame: pd.DataFrame, by: Sequence[str], facts: pd.DataFrame) -> pd.DataFrame:
    if not by:
        return frame
    ranks = {}
    for name in by:
        if name == "campaign_id":
            order = list(facts[name])
        elif name in SEND_COLUMNS:
            order = sorted(frame[name].unique())
        else:
            sizes = frame.groupby(name)["targeted"].max()
            order = in_order({str(k): int(v) for k, v in sizes.items()})
        ranks[name] = frame[name].map({value: rank for rank, value in enumerate(order)})
    ranked = pd.DataFrame(ranks).sort_values(list(by))
    return frame.loc[ranked.index].reset_index(drop=True)
