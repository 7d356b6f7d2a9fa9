"""Figures of the orders themselves and of what the data record: spend over time, coverage of columns."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from qa_lib.measure.amounts import ZERO, exact
from qa_lib.measure.periods import check_period, covered, data_days, period_sql, periods
from qa_lib.workspace import Snapshot


def spend_over_time(snapshot: Snapshot, *, by: Literal["day", "week"] = "week") -> pd.DataFrame:
    """Paid amount, baskets and buyers by day or week.

    Returns
    -------
    pandas.DataFrame
        `starts_on` (the day, or the week's Monday, in the workspace's zone), `spend_amount` (exact Decimal in
        the account currency), `order_count`, `buyer_count` (distinct people of that day or week: not to be summed),
        `is_complete` (False for a week that the data cover in part).
    """
    check_period(by, "Spend")
    day = "CAST(occurred_at AT TIME ZONE $zone AS DATE)"
    found = snapshot.frame(
        f"SELECT {period_sql(day, by)} AS starts_on, CAST(sum(paid_amount) AS VARCHAR) AS spend_amount, "
        "count(*) AS order_count, count(DISTINCT person_no) AS buyer_count FROM event_visit GROUP BY ALL",
        {"zone": str(snapshot.zone)},
    )
    first, last = data_days(snapshot)
    grid = pd.DataFrame({"starts_on": periods(first, last, by)})
    found["starts_on"] = found["starts_on"].astype(grid["starts_on"].dtype)
    frame = grid.merge(found, how="left", on="starts_on").fillna({"order_count": 0, "buyer_count": 0})
    spent = exact(frame["spend_amount"])
    spent[frame["spend_amount"].isna()] = ZERO
    frame["spend_amount"] = pd.Series(spent, dtype=object)
    frame = frame.astype({"order_count": "int64", "buyer_count": "int64"})
    frame["is_complete"] = covered(frame["starts_on"], first, last, by)
    return frame
