"""Figures of the orders themselves and of what the data record: spend over time, coverage of columns."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from qa_lib.errors import SpecError
from qa_lib.measure.campaigns import covered, data_days, periods
from qa_lib.workspace import Snapshot


def spend_over_time(snapshot: Snapshot, *, by: Literal["day", "week"] = "week") -> pd.DataFrame:
    """Paid amount, baskets and buyers by day or week.

    Returns
    -------
    pandas.DataFrame
        `starts_on` (the day, or the week's Monday, in the workspace's zone), `spend_amount` (account
        currency), `order_count`, `buyer_count` (distinct people of that day or week: not to be summed),
        `is_complete` (False for a week that the data cover in part).
    """
    if by not in ("day", "week"):
        raise SpecError(f"Spend can be shown by 'day' or 'week', not by {by!r}.")
    day = "CAST(occurred_at AT TIME ZONE $zone AS DATE)"
    period = day if by == "day" else f"CAST(date_trunc('week', {day}) AS DATE)"
    found = snapshot.frame(
        f"SELECT {period} AS starts_on, CAST(sum(paid_amount) AS DOUBLE) AS spend_amount, "
        "count(*) AS order_count, count(DISTINCT person_no) AS buyer_count FROM event_visit GROUP BY ALL",
        {"zone": str(snapshot.zone)},
    )
    first, last = data_days(snapshot)
    grid = pd.DataFrame({"starts_on": periods(first, last, by)})
    found["starts_on"] = found["starts_on"].astype(grid["starts_on"].dtype)
    frame = grid.merge(found, how="left", on="starts_on").fillna(
        {"spend_amount": 0.0, "order_count": 0, "buyer_count": 0}
    )
    frame = frame.astype({"order_count": "int64", "buyer_count": "int64"})
    frame["is_complete"] = covered(frame["starts_on"], first, last, by)
    return frame
