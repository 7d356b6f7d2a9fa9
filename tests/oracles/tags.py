"""Every tag of `qa_lib.profiles.FAMILIES`, computed a second time in plain pandas from the raw files.

A column of cents is an amount of money; a missing value is None or NaN; lists are sorted tuples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from oracles.facts import DAY_US, Facts

DEPARTMENTS = {
    "GROCERY": "grocery",
    "DRUG GM": "drug_gm",
    "FUEL": "fuel",
    "PRODUCE": "produce",
    "MEAT": "meat",
    "MEAT-PCKGD": "packaged_meat",
    "DELI": "deli",
    "PASTRY": "pastry",
}
CELLS = {
    "HHH": "重要价值",
    "LHH": "重要保持",
    "HLH": "重要发展",
    "LLH": "重要挽留",
    "HHL": "一般价值",
    "LHL": "一般保持",
    "HLL": "一般发展",
    "LLL": "一般挽留",
}


def tags(facts: Facts) -> pd.DataFrame:
    """One row per person (index `person_id`, sorted), one column per tag."""
    out = pd.DataFrame(index=pd.Index(facts.people, name="person_id"))
    for family in (orders, rfm, lifecycle, preference, department, coupon, demographics):
        family(facts, out)
    return out


def _recent(facts: Facts, event: str, days: int) -> pd.DataFrame:
    rows = facts.events[event]
    return rows[rows["at"] >= facts.as_of_us - days * DAY_US]


def _local(facts: Facts, rows: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(rows["at"], unit="us", utc=True).dt.tz_convert(facts.zone)


def _sum(rows: pd.DataFrame, column: str, out: pd.DataFrame) -> pd.Series:
    return rows.groupby("person_id")[column].sum().reindex(out.index, fill_value=0)


def _distinct(rows: pd.DataFrame, column: str, out: pd.DataFrame) -> pd.Series:
    return rows.groupby("person_id")[column].nunique().reindex(out.index, fill_value=0)


def _rows(rows: pd.DataFrame, out: pd.DataFrame) -> pd.Series:
    return rows.groupby("person_id").size().reindex(out.index, fill_value=0)


def _ratio(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole != 0)


def _days(facts: Facts, moments: pd.Series) -> pd.Series:
    """Whole 24-hour days up to `as_of`."""
    return ((facts.as_of_us - moments) // DAY_US).astype("float64")


def orders(facts: Facts, out: pd.DataFrame) -> None:
    for n in (30, 90, 365):
        rows = _recent(facts, "visit", n)
        out[f"order_count_{n}d"] = _rows(rows, out)
        out[f"spend_amount_{n}d"] = _sum(rows, "paid_amount", out)
    year = _recent(facts, "visit", 365)
    n, spend, off = (_rows(year, out), _sum(year, "paid_amount", out), _sum(year, "discount_amount", out))
    out["average_order_value"] = [
        (2 * s + k) // (2 * k) if k else None for s, k in zip(spend, n, strict=True)
    ]  # cents, a half goes up
    out["items_per_order"] = _ratio(_sum(year, "item_count", out), n)
    out["discount_rate_365d"] = _ratio(off, spend + off)

    ever = facts.events["visit"]
    local = _local(facts, ever)
    by = ever["person_id"]
    out["first_order_on"] = local.groupby(by).min().dt.date.reindex(out.index)
    out["last_order_on"] = local.groupby(by).max().dt.date.reindex(out.index)
    out["recency_days"] = _days(facts, ever.groupby("person_id")["at"].max().reindex(out.index))
    out["tenure_days"] = _days(facts, ever.groupby("person_id")["at"].min().reindex(out.index))

    year = year.assign(local=_local(facts, year))
    year["month"] = year["local"].dt.year * 12 + year["local"].dt.month
    out["active_month_count"] = _distinct(year, "month", out)
    out["store_count_365d"] = _distinct(year, "store_id", out)
    out["weekend_order_rate"] = _ratio(_rows(year[year["local"].dt.day_of_week >= 5], out), n)
    out["evening_order_rate"] = _ratio(_rows(year[year["local"].dt.hour >= 18], out), n)
    span = year.groupby("person_id")["at"].agg(lambda at: at.max() - at.min()).reindex(out.index)
    out["usual_gap_days"] = span / DAY_US / (n - 1).where(n > 1)


def rfm(facts: Facts, out: pd.DataFrame) -> None:
    buyers = out.loc[out["order_count_365d"] > 0, ["recency_days", "order_count_365d", "spend_amount_365d"]]
    size = len(buyers)

    def scores(values: pd.Series, worse: Callable[[np.ndarray, float], np.ndarray]) -> list[int]:
        array = values.to_numpy()
        below = {v: int(worse(array, v).sum()) for v in np.unique(array)}
        return [1 + 5 * below[v] // size for v in array]

    def column(values: list[object]) -> pd.Series:
        return pd.Series(values, index=buyers.index).reindex(out.index)

    r, f, m = (buyers[c] for c in buyers)
    out["rfm_recency_score"] = column(scores(r, np.greater))
    out["rfm_frequency_score"] = column(scores(f, np.less))
    out["rfm_monetary_score"] = column(scores(m, np.less))
    cells = []
    for one_r, one_f, one_m in buyers.itertuples(index=False):
        high = (one_r * size < r.sum(), one_f * size > f.sum(), one_m * size > m.sum())
        cell = "".join("H" if h else "L" for h in high)
        cells.append(f"{cell} {CELLS[cell]}")
    out["rfm_segment"] = column(cells)


def lifecycle(facts: Facts, out: pd.DataFrame) -> None:
    def stage(tenure: float, recency: float) -> str:
        if np.isnan(tenure):
            return "未购 never bought"
        if tenure < 60:
            return "新客 new"
        for limit, name in ((30, "活跃 active"), (60, "放缓 slowing"), (120, "沉睡 dormant")):
            if recency < limit:
                return name
        return "流失 lost"

    out["lifecycle_stage"] = [
        stage(t, r) for t, r in zip(out["tenure_days"], out["recency_days"], strict=True)
    ]
    half = _recent(facts, "visit", 180)
    before = _sum(half[half["at"] < facts.as_of_us - 90 * DAY_US], "paid_amount", out)
    out["spend_trend_rate"] = _ratio(out["spend_amount_90d"], before) - 1
    out["is_churn_warning"] = (
        (out["order_count_365d"] >= 6)
        & (out["recency_days"] > 3 * out["usual_gap_days"])
        & (out["recency_days"] > 21)
    )


def preference(facts: Facts, out: pd.DataFrame) -> None:
    year, quarter = _recent(facts, "purchase", 365), _recent(facts, "purchase", 90)
    quarter = quarter[quarter["department"].notna()]
    spend = quarter.groupby(["person_id", "department"], as_index=False)["paid_amount"].sum()
    spend = spend[spend["paid_amount"] > 0].sort_values(
        ["paid_amount", "department"], ascending=[False, True]
    )
    first = spend.drop_duplicates("person_id").set_index("person_id")["department"]
    out["preferred_department"] = first.reindex(out.index)

    visits = _recent(facts, "visit", 365).groupby(["person_id", "store_id"]).size().reset_index(name="n")
    visits = visits.sort_values(["n", "store_id"], ascending=[False, True]).drop_duplicates("person_id")
    out["preferred_store"] = visits.set_index("person_id")["store_id"].reindex(out.index)

    bought = quarter.groupby("person_id")["department"].agg(lambda d: tuple(sorted(set(d))))
    out["departments_90d"] = bought.reindex(out.index)
    private = _sum(year[year["brand"] == "Private"], "paid_amount", out)
    out["private_label_rate"] = _ratio(private, _sum(year[year["brand"].notna()], "paid_amount", out))
    out["is_fuel_buyer"] = out.index.isin(year.loc[year["department"] == "FUEL", "person_id"])


def department(facts: Facts, out: pd.DataFrame) -> None:
    for n in (7, 30, 90):
        recent = _recent(facts, "purchase", n)
        for name, slug in DEPARTMENTS.items():
            rows = recent[recent["department"] == name]
            out[f"{slug}_spend_amount_{n}d"] = _sum(rows, "paid_amount", out)
            out[f"{slug}_visit_count_{n}d"] = _distinct(rows, "order_id", out)


def coupon(facts: Facts, out: pd.DataFrame) -> None:
    redeem, receive = facts.events["redeem"], facts.events["receive"]
    out["redemption_count_365d"] = _rows(_recent(facts, "redeem", 365), out)
    out["days_since_redemption"] = _days(facts, redeem.groupby("person_id")["at"].max().reindex(out.index))
    received = receive.groupby("person_id")["campaign_id"].agg(set)
    redeemed = redeem.groupby("person_id")["campaign_id"].agg(set)
    got = [received.get(p, set()) for p in out.index]
    used = [redeemed.get(p, set()) for p in out.index]
    out["campaign_received_count"] = [len(g) for g in got]
    out["campaign_redeemed_count"] = [len(u) for u in used]
    out["campaign_redeemed_rate"] = [
        len(u & g) / len(g) if g else None for g, u in zip(got, used, strict=True)
    ]
    year = _recent(facts, "visit", 365)
    n = _rows(year, out)
    out["coupon_order_rate"] = _ratio(_rows(year[year["coupon_amount"] > 0], out), n)
    out["coupon_amount_365d"] = _sum(year, "coupon_amount", out)


def demographics(facts: Facts, out: pd.DataFrame) -> None:
    known = facts.demographics.set_index("person_id")
    for column in known:
        out[column] = known[column].reindex(out.index)
