"""Which past campaigns may teach: fully observed, with enough history, and over before the planned one starts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from qa_lib.simulate.features import WINDOW_DAYS, campaign_features, campaign_redeemers
from qa_lib.simulate.model import PENALTY_C, RedemptionModel
from qa_lib.workspace import Snapshot

#: A campaign with fewer days of orders before it than this is no example: too little was known of its people.
LEAST_HISTORY_DAYS = 28


def observed_campaigns(snapshot: Snapshot, *, window_days: int = WINDOW_DAYS) -> pd.DataFrame:
    """`campaign_features` of every campaign that has begun, with `is_redeemer` as of the snapshot's moment."""
    frame = campaign_features(snapshot, window_days=window_days)
    redeemers = campaign_redeemers(snapshot).assign(is_redeemer=True)
    frame = frame.merge(redeemers, how="left", on=["campaign_id", "person_id"])
    frame["is_redeemer"] = frame["is_redeemer"].eq(True)
    return frame


def campaign_facts(frame: pd.DataFrame, today: pd.Timestamp) -> pd.DataFrame:
    """One row per campaign of `campaign_features`.

    Parameters
    ----------
    today
        The local day of the snapshot's moment: a campaign whose last day lies before it is over.

    Returns
    -------
    pandas.DataFrame
        `campaign_id`, `campaign_type`, `starts_on`, `ends_on`, `targeted`, `history_days`, and `is_whole`:
        its window has closed and it began at least 28 days after the data did.
    """
    facts = frame.groupby("campaign_id", sort=False).agg(
        campaign_type=("campaign_type", "first"),
        starts_on=("starts_on", "first"),
        ends_on=("ends_on", "first"),
        targeted=("person_id", "size"),
        history_days=("history_days", "first"),
    )
    facts = facts.reset_index()
    facts["is_whole"] = (facts["ends_on"] < today) & (facts["history_days"] >= LEAST_HISTORY_DAYS)
    return facts


def may_teach(facts: pd.DataFrame, starts_on: Any) -> pd.Series:
    """Which of these campaigns one that starts on this day (a date or timestamp) may learn from."""
    return facts["is_whole"] & (facts["ends_on"] < pd.Timestamp(starts_on))


def teaching_rows(frame: pd.DataFrame, facts: pd.DataFrame, starts_on: Any) -> pd.DataFrame:
    """The people of the campaigns that one that starts on this day (a date or timestamp) may learn from."""
    return frame[frame["campaign_id"].isin(facts.loc[may_teach(facts, starts_on), "campaign_id"])]


def local_day(snapshot: Snapshot) -> pd.Timestamp:
    """The day of the snapshot's moment in the workspace's zone."""
    return pd.Timestamp(snapshot.as_of.astimezone(snapshot.zone).date())


def learnt(past: pd.DataFrame, *, C: float = PENALTY_C) -> RedemptionModel:
    """The redemption model of these past campaigns, with the settings that the backtest checks."""
    return RedemptionModel(C=C).fit(past, past["is_redeemer"])
