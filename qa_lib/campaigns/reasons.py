"""Why a person is not sent to: one row per reason, in the order in which they are looked at, and the funnel."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from qa_lib.tables import Label

#: A person carries the first that applies. Who is not in the audience is counted, not listed.
REASONS: dict[str, Label] = {
    "no_identifier": Label("无此渠道标识", "No identifier for the channel"),
    "suppressed": Label("禁止触达", "Suppressed"),
    "no_consent": Label("未授权营销", "No consent"),
    "risk": Label("风控拦截", "Risk"),
    "holdout": Label("对照组", "Holdout"),
    "content_error": Label("内容错误", "Content error"),
    "quiet_hours": Label("免打扰时段无余地", "Quiet hours without room"),
    "cap": Label("触达频次超限", "Contact cap"),
    "duplicate_address": Label("地址重复", "Duplicate address"),
    "stock_spent": Label("库存用尽", "Stock spent"),
    "budget_spent": Label("预算用尽", "Budget spent"),
    "lost_conflict": Label("活动冲突落选", "Lost a conflict"),
}
NOT_IN_AUDIENCE = Label("不在人群中", "Not in the audience")


def funnel(universe: int, audience_count: int, reasons: Mapping[str, int]) -> pd.DataFrame:
    """From everybody to who is sent to: who is left after each reason.

    Returns
    -------
    pandas.DataFrame
        One row per step that took somebody, the universe first and those sent to last: `step`,
        `label_zh`, `label_en`, `dropped_count`, `remaining_count`.
    """
    rows = [
        ("universe", Label("全部人群", "Everybody"), 0, universe),
        ("not_in_audience", NOT_IN_AUDIENCE, universe - audience_count, audience_count),
    ]
    left = audience_count
    for name, label in REASONS.items():
        if dropped := reasons.get(name, 0):
            left -= dropped
            rows.append((name, label, dropped, left))
    rows.append(("send", Label("将发送", "To be sent"), 0, left))
    return pd.DataFrame(
        [(step, label.zh, label.en, dropped, remaining) for step, label, dropped, remaining in rows],
        columns=["step", "label_zh", "label_en", "dropped_count", "remaining_count"],
    )
