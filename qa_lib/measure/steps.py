"""The named SQL steps that the campaign figures share, and the one place that runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from qa_lib.errors import NothingBuilt, UnknownName, did_you_mean
from qa_lib.measure.segments import check_columns, segment_text
from qa_lib.tables import NOT_RECORDED_GROUP
from qa_lib.workspace import Snapshot, quoted

CAMPAIGN_COLUMNS = ("campaign_id", "campaign_type")

# Names that begin with _ cannot be tags, so a tag never hides a column of the steps.
_BEGUN = """
SELECT campaign_id, campaign_type, starts_on, ends_on
FROM campaigns
WHERE origin = 'observed' AND CAST(starts_on AS TIMESTAMP) AT TIME ZONE $zone < $as_of
"""
_SENT = """
SELECT s.campaign_id, c.campaign_type, p.person_no,
       s.delivered_at, s.cost_amount,
       bool_or(s.delivered_at IS NOT NULL) OVER of_campaign AS has_receipts,
       bool_and(s.cost_amount IS NOT NULL) OVER of_campaign AS has_cost
FROM sends s
JOIN begun c USING (campaign_id)
JOIN people p USING (person_id)
WHERE s.origin = 'observed'
WINDOW of_campaign AS (PARTITION BY s.campaign_id)
"""
# only the day was recorded: a redemption is known when its day is over
_HAPPENED = """
SELECT DISTINCT o.campaign_id, p.person_no, o.coupon_id, o.occurred_on
FROM outcomes o
JOIN people p USING (person_id)
WHERE o.outcome = 'redeem' AND o.origin = 'observed'
  AND CAST(o.occurred_on + INTERVAL 1 DAY AS TIMESTAMP) AT TIME ZONE $zone <= $as_of
"""
_VISITS = """
SELECT person_no, order_id, paid_amount, CAST(occurred_at AT TIME ZONE $zone AS DATE) AS visited_on
FROM event_visit
"""


class Query:
    """The steps for one choice of groups and filters; each filter holds for targeted people and redeemers alike.

    Parameters
    ----------
    by
        Columns of the groups: `campaign_id`, `campaign_type` or columns of `profile`.
    campaigns
        Only these campaigns; all that have begun when None.
    segment
        Only people with these values, by column of `profile`; None as a value means people without one.

    Raises
    ------
    UnknownName
        For a column, campaign or segment value that is not there.
    NothingBuilt
        When campaigns, sends or outcomes have not been landed.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        by: Sequence[str] = (),
        campaigns: Sequence[str] | None = None,
        segment: Mapping[str, Any] | None = None,
    ) -> None:
        for name in ("campaigns", "sends", "outcomes"):
            if name not in snapshot.table_versions:
                raise NothingBuilt(
                    f"Campaign figures need the table '{name}', which snapshot {snapshot.version} does not have. "
                    "Land its feed with `qa land` and build again."
                )
        self.snapshot = snapshot
        self.by = tuple(by)
        self.segment = {name: segment_text(value) for name, value in (segment or {}).items()}
        check_columns(snapshot, self.by)
        check_columns(snapshot, tuple(self.segment))
        self.params: dict[str, Any] = {
            "as_of": snapshot.as_of,
            "zone": str(snapshot.zone),
            "nothing": NOT_RECORDED_GROUP,
        }
        self.campaigns = None if campaigns is None else [str(c) for c in campaigns]
        self._check_values()

    @property
    def keys(self) -> str:
        """The groups' columns, quoted, for SELECT and GROUP BY; empty for one total."""
        return ", ".join(quoted(name) for name in self.by)

    def steps(self) -> list[tuple[str, str]]:
        """Named steps: `targeted` has one row per message, `redeemed` per redemption,
        `baskets` per basket and group."""
        columns = [n for n in dict.fromkeys((*self.by, *self.segment)) if n not in CAMPAIGN_COLUMNS]
        cast = "".join(f", coalesce(CAST({quoted(n)} AS VARCHAR), $nothing) AS {quoted(n)}" for n in columns)
        kept = "".join(f", m.{quoted(n)}" for n in columns)
        where = [f"m.{quoted(n)} = $segment_{i}" for i, n in enumerate(self.segment)]
        if self.campaigns is not None:
            where.append("s.campaign_id IN (SELECT unnest(CAST($campaigns AS VARCHAR[])))")
        only = f"WHERE {' AND '.join(where)}" if where else ""
        keys = f"{self.keys}, " if self.by else ""
        return [
            ("begun", _BEGUN),
            ("sent", _SENT),
            ("happened", _HAPPENED),
            ("visits", _VISITS),
            ("members", f"SELECT person_no{cast} FROM profile"),
            ("targeted", f"SELECT s.*{kept} FROM sent s JOIN members m USING (person_no) {only}"),
            # a person with two messages of a campaign redeems once
            ("reached", "SELECT DISTINCT ON (campaign_id, person_no) * FROM targeted"),
            ("redeemed", "SELECT * FROM reached JOIN happened USING (campaign_id, person_no)"),
            (
                "baskets",
                f"SELECT DISTINCT {keys}person_no, order_id, paid_amount "
                "FROM redeemed JOIN visits USING (person_no) WHERE visited_on = occurred_on",
            ),
        ]

    def frame(self, select: str) -> pd.DataFrame:
        """The answer of a SELECT over the steps."""
        text = ",\n".join(f"{name} AS ({sql})" for name, sql in self.steps())
        sql = f"WITH {text}\n{select}"
        given = dict(self.params)
        given["campaigns"] = self.campaigns
        given |= {f"segment_{i}": value for i, value in enumerate(self.segment.values())}
        return self.snapshot.frame(sql, {name: value for name, value in given.items() if f"${name}" in sql})

    def campaign_facts(self) -> pd.DataFrame:
        """The chosen campaigns that have begun, and what may make their figures incomplete.

        Returns
        -------
        pandas.DataFrame
            `campaign_id`, `campaign_type`, `starts_on`, `ends_on`, `has_sends`, `stray_count` (people who
            redeemed without being in `sends`), `data_start_on` (local day of the first order).
        """
        facts = self.frame(
            """
            , stray AS (
                SELECT campaign_id, count(DISTINCT person_no) AS stray_count
                FROM happened ANTI JOIN sent USING (campaign_id, person_no) GROUP BY campaign_id
            )
            SELECT b.*, b.campaign_id IN (SELECT campaign_id FROM sent) AS has_sends,
                   coalesce(stray_count, 0) AS stray_count, (SELECT min(visited_on) FROM visits) AS data_start_on
            FROM begun b LEFT JOIN stray USING (campaign_id)
            ORDER BY starts_on, length(campaign_id), campaign_id
            """
        )
        if self.campaigns is not None:
            facts = facts[facts["campaign_id"].isin(self.campaigns)].reset_index(drop=True)
        return facts

    def _check_values(self) -> None:
        if self.campaigns is not None:
            begun = self.snapshot.frame(
                f"SELECT campaign_id FROM ({_BEGUN})",
                {"as_of": self.params["as_of"], "zone": self.params["zone"]},
            )["campaign_id"]
            for name in self.campaigns:
                if name not in set(begun):
                    raise UnknownName(
                        f"Unknown campaign {name!r} as of {self.snapshot.as_of.isoformat()}.{did_you_mean(name, begun)}"
                    )
        for column, value in self.segment.items():
            text = f"coalesce(CAST({quoted(column)} AS VARCHAR), $nothing)"
            values = self.snapshot.frame(
                f"SELECT DISTINCT {text} AS value FROM profile",
                {"nothing": NOT_RECORDED_GROUP},
            )["value"]
            if value not in set(values) and value != NOT_RECORDED_GROUP:
                raise UnknownName(
                    f"Nobody has {column} = {value!r}.{did_you_mean(value, [str(v) for v in values])}"
                )


def as_of_day(snapshot: Snapshot) -> date:
    """The local day on which the snapshot's moment falls; days before it are over."""
    return snapshot.as_of.astimezone(snapshot.zone).date()
