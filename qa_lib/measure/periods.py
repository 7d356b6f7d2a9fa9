"""Days and weeks that the data, or a campaign, cover."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from qa_lib.errors import SpecError
from qa_lib.measure.steps import as_of_day
from qa_lib.workspace import Snapshot


def check_period(by: str, what: str) -> None:
    """Refuse a period other than a day or a week.

    Raises
    ------
    SpecError
        When it is neither.
    """
    if by not in ("day", "week"):
        raise SpecError(f"{what} can be shown by 'day' or 'week', not by {by!r}.")


def period_sql(day: str, by: str) -> str:
    """The first day of the period in which a day lies; a week's is its Monday."""
    return day if by == "day" else f"CAST(date_trunc('week', {day}) AS DATE)"


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
