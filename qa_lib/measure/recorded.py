"""What each campaign recorded, and why its figures may be incomplete or not there at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qa_lib.measure.figures import MIXED_GAIN, RECORDS, GainKind, Metric, NoFigure
from qa_lib.measure.metrics import METRICS
from qa_lib.measure.steps import Query, as_of_day
from qa_lib.tables import Label

NO_SENDS = Label("没有记录发给了谁", "who received it was not recorded")


@dataclass(frozen=True)
class Recorded:
    """What the chosen campaigns recorded: one row per campaign, or per campaign and channel.

    Where people are told apart by channel, receipts and message costs are judged by channel: one that
    sends no receipts back would otherwise read as one that reaches nobody.
    """

    frame: pd.DataFrame
    is_by_channel: bool

    @classmethod
    def of(cls, query: Query) -> Recorded:
        """Read it for the campaigns of the query, over all their people and worlds."""
        channel = ", channel" if query.is_by_channel else ""
        frame = query.frame(
            f"""
            , of_sends AS (
                SELECT campaign_id{channel}, bool_or(_is_delivered) AS receipts,
                       coalesce(bool_and(_cost IS NOT NULL) FILTER (_has_left), TRUE) AS message_cost
                FROM sent GROUP BY ALL
            ),
            of_outcomes AS (
                SELECT campaign_id, bool_and(_has_revenue) AS revenue, bool_and(_has_gain) AS gain,
                       bool_and(_has_offer_cost) AS offer_cost
                FROM conversions GROUP BY ALL
            ),
            of_coupons AS (SELECT DISTINCT campaign_id FROM happened)
            SELECT b.campaign_id{channel}, s.receipts IS NOT NULL AS sends,
                   coalesce(s.receipts, FALSE) AS receipts,
                   coalesce(s.message_cost, FALSE) AS message_cost,
                   -- our own campaigns come from a plan; only the retailer's feeds record every coupon
                   (b.plan_hash IS NULL AND $origin = 'observed')
                       OR b.campaign_id IN (SELECT campaign_id FROM of_coupons) AS redemptions,
                   b.goal IS NOT NULL AS goal,
                   coalesce(o.revenue, TRUE) AS revenue,
                   b.gain IS NOT NULL AND coalesce(o.gain, TRUE) AS gain,
                   coalesce(o.offer_cost, TRUE) AS offer_cost,
                   b.fixed_cost_amount IS NOT NULL AS fixed_cost,
                   b.gain AS gain_kind
            FROM begun b
            LEFT JOIN of_sends s USING (campaign_id)
            LEFT JOIN of_outcomes o USING (campaign_id)
            """
        )
        if query.campaigns is not None:
            frame = frame[frame["campaign_id"].isin(query.campaigns)]
        if "channel" in query.segment:
            frame = frame[frame["channel"] == query.segment["channel"]]
        return cls(frame, query.is_by_channel)

    def of_group(self, campaigns: Collection[str], channel: str | None = None) -> RecordedGroup:
        """What the campaigns of one group recorded."""
        chosen = self.frame[self.frame["campaign_id"].isin(campaigns)]
        if channel is not None:
            chosen = chosen[chosen["channel"] == channel]
        lacking = {key: sorted(set(chosen.loc[~chosen[key].astype(bool), "campaign_id"])) for key in RECORDS}
        kinds = set(chosen["gain_kind"].dropna())
        return RecordedGroup(lacking, None if len(kinds) != 1 else kinds.pop(), len(kinds) > 1)


@dataclass(frozen=True)
class RecordedGroup:
    """Of one group: which campaigns lack which record, and what gain is."""

    lacking: Mapping[str, Collection[str]]
    gain_kind: GainKind | None
    is_gain_mixed: bool

    def why_not(self, one: Metric) -> NoFigure | None:
        """Why the group has no such figure, or None when all that it needs was recorded."""
        for key in one.records:
            if self.lacking[key]:
                return RECORDS[key].lacking(self.lacking[key])
        if "gain" in one.records and self.is_gain_mixed:
            return MIXED_GAIN
        for part in one.parts:
            if found := self.why_not(METRICS[part]):
                return found
        return None


def campaign_facts(query: Query) -> pd.DataFrame:
    """The chosen campaigns that have begun, and what may make their figures incomplete.

    Returns
    -------
    pandas.DataFrame
        `campaign_id`, `campaign_type`, `starts_on`, `ends_on`, `has_sends`, `stray_count` (people with
        outcomes that are tied to no message of theirs), `data_start_on` (local day of the first order).
    """
    facts = query.frame(
        """
        , tied AS (
            SELECT campaign_id, person_no FROM sent WHERE _has_left OR _is_delivered
        ),
        stray AS (
            SELECT campaign_id, count(DISTINCT person_no) AS stray_count FROM (
                SELECT campaign_id, person_no FROM happened ANTI JOIN sent USING (campaign_id, person_no)
                UNION ALL
                SELECT campaign_id, person_no FROM conversions ANTI JOIN tied USING (campaign_id, person_no)
            ) GROUP BY campaign_id
        )
        SELECT b.campaign_id, b.campaign_type, b.starts_on, b.ends_on,
               b.campaign_id IN (SELECT campaign_id FROM sent) AS has_sends,
               coalesce(stray_count, 0) AS stray_count, (SELECT min(_day) FROM visits) AS data_start_on
        FROM begun b LEFT JOIN stray USING (campaign_id)
        ORDER BY starts_on, length(campaign_id), campaign_id
        """
    )
    if query.campaigns is not None:
        facts = facts[facts["campaign_id"].isin(query.campaigns)].reset_index(drop=True)
    return facts


def incomplete(query: Query, facts: pd.DataFrame) -> dict[str, Label]:
    """Why campaigns are incomplete, in words, by campaign; the complete ones are not in it."""
    return {str(row.campaign_id): note for row in facts.itertuples() if (note := _why_incomplete(query, row))}


def in_words(campaigns: Collection[str], notes: Mapping[str, Label], *, one: bool) -> tuple[bool, str, str]:
    """Whether all of these campaigns are complete, and what is said where they are not.

    Parameters
    ----------
    one
        Whether each row is one campaign, so that its own reason is said instead of how many they are.
    """
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


def _why_incomplete(query: Query, row: Any) -> Label | None:
    zh, en = [], []
    # a rehearsal lies in the future: no window of it is open, and none began before the data
    if not query.is_simulated and row.ends_on.date() >= as_of_day(query.snapshot):
        zh.append(f"窗口未结束（至 {row.ends_on.date()}）")
        en.append(f"window still open (ends {row.ends_on.date()})")
    if not query.is_simulated and row.starts_on < row.data_start_on:
        zh.append(f"开始于 {row.starts_on.date()}，早于数据的第一天 {row.data_start_on.date()}")
        en.append(f"began {row.starts_on.date()}, before the data's first day {row.data_start_on.date()}")
    if not row.has_sends:
        zh.append(NO_SENDS.zh)
        en.append(NO_SENDS.en)
    if row.stray_count:
        zh.append(f"{row.stray_count} 人有结果但没有收到消息，未计入")
        en.append(f"{row.stray_count} people have outcomes without having been sent to; they are not counted")
    return Label("；".join(zh), "; ".join(en)) if zh else None
