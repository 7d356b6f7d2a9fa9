"""The named SQL steps that the campaign figures share, and the one place that runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from qa_lib.errors import NothingBuilt, SpecError, UnknownName, did_you_mean
from qa_lib.measure.figures import Origin, check_origin
from qa_lib.measure.metrics import METRICS
from qa_lib.measure.segments import CAMPAIGN_COLUMNS, SEND_COLUMNS, check_columns, segment_text
from qa_lib.tables import NOT_RECORDED_GROUP
from qa_lib.workspace import Snapshot, quoted

# Names that begin with _ cannot be tags, so a tag never hides a column of the steps.
_BEGUN = """
SELECT campaign_id, campaign_type, starts_on, ends_on, goal, gain, fixed_cost_amount, plan_hash
FROM campaigns
WHERE origin = $origin AND {has_begun}
"""
_SENT = """
SELECT s.campaign_id, c.campaign_type, coalesce(s.channel, $nothing) AS channel, p.person_no,
       s.world AS _world, s.sent_at AS _sent_at, s.delivered_at AS _delivered_at,
       {is_past_send} AS _has_left,
       {is_past_delivery} AS _is_delivered,
       CASE WHEN _has_left THEN s.cost_amount END AS _cost
FROM sends s
JOIN begun c USING (campaign_id)
JOIN people p USING (person_id)
WHERE s.origin = $origin
"""
# only the day was recorded: what happened is known when its day is over
_HAPPENED = """
SELECT DISTINCT o.campaign_id, p.person_no, o.world AS _world, o.coupon_id AS _coupon, o.occurred_on AS _day
FROM outcomes o
JOIN people p USING (person_id)
WHERE o.outcome = 'redeem' AND o.origin = $origin AND {is_over}
"""
_CONVERSIONS = """
SELECT o.campaign_id, p.person_no, o.world AS _world, o.occurred_on AS _day,
       max(o.revenue_amount) AS _revenue, max(o.gain_amount) AS _gain, sum(o.cost_amount) AS _offer_cost,
       bool_and(o.revenue_amount IS NOT NULL) AS _has_revenue,
       bool_and(o.gain_amount IS NOT NULL) AS _has_gain,
       bool_and(o.cost_amount IS NOT NULL) AS _has_offer_cost
FROM outcomes o
JOIN people p USING (person_id)
WHERE o.outcome = 'convert' AND o.origin = $origin AND {is_over}
GROUP BY ALL
"""
_VISITS = """
SELECT person_no, order_id AS _order, paid_amount AS _paid,
       CAST(occurred_at AT TIME ZONE $zone AS DATE) AS _day
FROM event_visit
"""
# a whole number of cents times a share, halves to the even cent; DuckDB's own division would be a float
_FIXED_PARTS = """
SELECT a.* EXCLUDE (_people), CAST(c.fixed_cost_amount * 100 AS HUGEINT) * _people // w._whole AS _cents,
       CAST(c.fixed_cost_amount * 100 AS HUGEINT) * _people % w._whole AS _rest, w._whole
FROM ({parts}) a
JOIN begun c USING (campaign_id)
JOIN (SELECT campaign_id, _world, count(DISTINCT person_no) AS _whole FROM sent GROUP BY ALL) w
    USING (campaign_id, _world)
"""
_FIXED_SHARES = """
SELECT *, CAST(0.01 AS DECIMAL(2, 2)) * CAST(
    _cents + CASE WHEN 2 * _rest > _whole OR (2 * _rest = _whole AND _cents % 2 = 1) THEN 1 ELSE 0 END
    AS DECIMAL(30, 0)) AS _share
FROM fixed_parts
"""


class Query:
    """The steps for one choice of groups and filters; each filter holds for targeted people and outcomes alike.

    Observed and replayed rows count up to the snapshot's moment. A simulation lies in the future: its
    rows all count, and its campaigns as begun.

    Parameters
    ----------
    by
        Columns of the groups: `campaign_id`, `campaign_type`, `channel` or columns of `profile`.
    campaigns
        Only these campaigns; all that have begun when None.
    segment
        Only people with these values, by column as in `by`; None as a value means those without one.
    origin
        `observed`, `replayed` or `simulated`.

    Raises
    ------
    UnknownName
        For a column, campaign, segment value or origin that is not there.
    SpecError
        When a column of the groups has the name of a metric.
    NothingBuilt
        When campaigns, sends or outcomes have not been landed.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        by: Sequence[str] = (),
        campaigns: Sequence[str] | None = None,
        segment: Mapping[str, Any] | None = None,
        origin: Origin = "observed",
    ) -> None:
        check_origin(origin)
        for name in ("campaigns", "sends", "outcomes"):
            if name not in snapshot.table_versions:
                raise NothingBuilt(
                    f"Campaign figures need the table '{name}', which snapshot {snapshot.version} does not have. "
                    "Land its feed with `qa land` and build again."
                )
        self.snapshot = snapshot
        self.origin = origin
        self.by = tuple(by)
        self.segment = {name: segment_text(value) for name, value in (segment or {}).items()}
        check_columns(snapshot, self.by)
        check_columns(snapshot, tuple(self.segment))
        if clash := set(self.by) & set(METRICS):
            raise SpecError(f"Cannot group by {sorted(clash)}: a metric has the same name. Rename the tag.")
        self.params: dict[str, Any] = {
            "as_of": snapshot.as_of,
            "zone": str(snapshot.zone),
            "nothing": NOT_RECORDED_GROUP,
            "origin": origin,
        }
        self.campaigns = None if campaigns is None else [str(c) for c in campaigns]
        self._check_campaigns()
        self._check_segment()

    @property
    def is_simulated(self) -> bool:
        """Whether the rows are those of a rehearsal, in several worlds."""
        return self.origin == "simulated"

    @property
    def is_by_channel(self) -> bool:
        """Whether sends of one person are told apart by channel."""
        return "channel" in self.by or "channel" in self.segment

    @property
    def keys(self) -> str:
        """The groups' columns, quoted, for SELECT and GROUP BY; empty for one total."""
        return ", ".join(quoted(name) for name in self.by)

    def keyed(self, *others: str) -> str:
        """The groups' columns and these, each once, for SELECT and GROUP BY."""
        return ", ".join(quoted(name) for name in dict.fromkeys((*others, *self.by)))

    def steps(self) -> list[tuple[str, str]]:
        """Named steps: `targeted` has one row per send, `assigned` per campaign and person, `redeemed` per
        redemption, `baskets` per basket, `converted` per campaign, person and day, `paid_days` per person and
        day, `fixed_shares` per campaign; each in every world and group."""
        columns = [n for n in dict.fromkeys((*self.by, *self.segment)) if n not in SEND_COLUMNS]
        cast = "".join(f", coalesce(CAST({quoted(n)} AS VARCHAR), $nothing) AS {quoted(n)}" for n in columns)
        kept = "".join(f", m.{quoted(n)}" for n in columns)
        where = [
            f"{'s' if n in SEND_COLUMNS else 'm'}.{quoted(n)} = $segment_{i}"
            for i, n in enumerate(self.segment)
        ]
        if self.campaigns is not None:
            where.append("s.campaign_id IN (SELECT unnest(CAST($campaigns AS VARCHAR[])))")
        only = f"WHERE {' AND '.join(where)}" if where else ""
        keys = self.keyed("person_no", "_world")
        each = self.keyed("campaign_id", "_world")
        parts = f"SELECT {each}, count(DISTINCT person_no) AS _people FROM assigned GROUP BY ALL"
        return [
            ("begun", self._cut(_BEGUN)),
            ("sent", self._cut(_SENT)),
            ("happened", self._cut(_HAPPENED)),
            ("conversions", self._cut(_CONVERSIONS)),
            ("visits", _VISITS),
            ("members", f"SELECT person_no{cast} FROM profile"),
            ("targeted", f"SELECT s.*{kept} FROM sent s JOIN members m USING (person_no) {only}"),
            (
                "assigned",
                f"SELECT {self.keyed('campaign_id', 'person_no', '_world')}, bool_or(_has_left) AS _has_left, "
                "bool_or(_is_delivered) AS _is_delivered FROM targeted GROUP BY ALL",
            ),
            ("redeemed", "SELECT * FROM assigned JOIN happened USING (campaign_id, person_no, _world)"),
            (
                "baskets",
                f"SELECT DISTINCT {keys}, _order, _paid FROM redeemed JOIN visits USING (person_no, _day)",
            ),
            (
                "converted",
                "SELECT * FROM assigned JOIN conversions USING (campaign_id, person_no, _world) "
                "WHERE _has_left OR _is_delivered",
            ),
            (
                "paid_days",
                f"SELECT {keys}, _day, max(_revenue) AS _revenue, max(_gain) AS _gain FROM converted GROUP BY ALL",
            ),
            ("fixed_parts", _FIXED_PARTS.format(parts=parts)),
            ("fixed_shares", _FIXED_SHARES),
        ]

    def frame(self, select: str) -> pd.DataFrame:
        """The answer of a SELECT over the steps; money has to be cast, or pandas would make floats of it."""
        text = ",\n".join(f"{name} AS ({sql})" for name, sql in self.steps())
        given = dict(self.params)
        given["campaigns"] = self.campaigns
        given |= {f"segment_{i}": value for i, value in enumerate(self.segment.values())}
        return self._run(f"WITH {text}\n{select}", given)

    def _run(self, sql: str, given: Mapping[str, Any]) -> pd.DataFrame:
        return self.snapshot.frame(sql, {name: value for name, value in given.items() if f"${name}" in sql})

    def _cut(self, sql: str) -> str:
        """The step with what counts by the snapshot's moment; everything counts in a simulation."""
        conditions = {
            "has_begun": "CAST(starts_on AS TIMESTAMP) AT TIME ZONE $zone < $as_of",
            "is_past_send": "s.status = 'sent' AND coalesce(s.sent_at < $as_of, TRUE)",
            "is_past_delivery": "coalesce(s.delivered_at < $as_of, FALSE)",
            "is_over": "CAST(o.occurred_on + INTERVAL 1 DAY AS TIMESTAMP) AT TIME ZONE $zone <= $as_of",
        }
        if self.is_simulated:
            conditions = {
                "has_begun": "TRUE",
                "is_past_send": "s.status = 'sent'",
                "is_past_delivery": "s.delivered_at IS NOT NULL",
                "is_over": "TRUE",
            }
        return sql.format(**conditions)

    def _check_campaigns(self) -> None:
        if self.campaigns is None:
            return
        begun = self._run(f"SELECT campaign_id FROM ({self._cut(_BEGUN)})", self.params)["campaign_id"]
        for name in self.campaigns:
            if name not in set(begun):
                raise UnknownName(
                    f"Unknown campaign {name!r} of origin {self.origin!r} as of "
                    f"{self.snapshot.as_of.isoformat()}.{did_you_mean(name, begun)}"
                )

    def _check_segment(self) -> None:
        for column, value in self.segment.items():
            text = f"coalesce(CAST({quoted(column)} AS VARCHAR), $nothing)"
            # of any origin: a channel that was rehearsed and not used is a group of nobody, no unknown name
            table = (
                "campaigns"
                if column in CAMPAIGN_COLUMNS
                else "sends"
                if column in SEND_COLUMNS
                else "profile"
            )
            values = self._run(f"SELECT DISTINCT {text} AS value FROM {table}", self.params)["value"]
            if value not in set(values) and value != NOT_RECORDED_GROUP:
                raise UnknownName(
                    f"Nobody has {column} = {value!r}.{did_you_mean(value, [str(v) for v in values])}"
                )


def as_of_day(snapshot: Snapshot) -> date:
    """The local day on which the snapshot's moment falls; days before it are over."""
    return snapshot.as_of.astimezone(snapshot.zone).date()
