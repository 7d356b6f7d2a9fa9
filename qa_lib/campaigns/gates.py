"""The gates: one row per person considered, and the first reason that applies to each.

Gates that look at a person alone come first; those that weigh people against each other (one message an
address, stock, budget) come last and serve who goes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.campaigns.campaign import Campaign
from qa_lib.campaigns.money import ZERO, to_minor
from qa_lib.errors import ContentError
from qa_lib.guards import (
    ContactPolicy,
    GuardState,
    RiskCheck,
    blocked,
    held_out_for,
    in_first_order,
    place_send,
)

Row = dict[str, Any]


def drop(rows: list[Row], reason: str, details: Iterable[str | None]) -> None:
    """Give the reason to every open row whose detail is not None."""
    still_open = [row for row in rows if row["reason"] is None]
    for row, detail in zip(still_open, details, strict=True):
        if detail is not None:
            row["reason"], row["detail"] = reason, detail or None


def _open(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["reason"] is None]


def by_identifier(rows: list[Row]) -> None:
    """Nobody is reached without an identifier of the channel's kind."""
    drop(rows, "no_identifier", ["" if row["address"] is None else None for row in rows])


def by_consent(
    rows: list[Row], state: GuardState, campaign: Campaign, ids: Mapping[str, Sequence[str]]
) -> None:
    """Suppression wins over everything; marketing needs consent."""
    people = [ids[row["person_id"]] for row in _open(rows)]
    verdicts = state.verdicts(people, campaign.channel, is_marketing=campaign.is_marketing)
    drop(rows, "suppressed", ["" if v == "suppressed" else None for v in verdicts])
    drop(rows, "no_consent", ["" if v == "no_consent" else None for v in verdicts if v != "suppressed"])


def by_risk(rows: list[Row], risk: RiskCheck, as_of: datetime) -> str:
    """Whom risk does not clearly allow; returns who decided."""
    answer = risk.decide([row["person_id"] for row in _open(rows)], as_of)
    drop(rows, "risk", answer.denials)
    return answer.decided_by


def by_holdout(
    rows: list[Row], campaign: Campaign, policy: ContactPolicy, ids: Mapping[str, Sequence[str]]
) -> None:
    """The global holdout, then the campaign's; any id that a person ever had counts."""
    everywhere = policy.holdout if campaign.is_marketing else None
    people = [ids[row["person_id"]] for row in _open(rows)]
    drop(rows, "holdout", held_out_for(everywhere, campaign.holdout, people))


def by_content(
    rows: list[Row],
    campaign: Campaign,
    values: Mapping[str, Row],
    finish: Callable[[Row, dict[str, str], int], None],
) -> None:
    """Everybody's message is rendered now; what cannot be carried is a reason in words."""

    def render(row: Row) -> str | None:
        try:
            rendered = campaign.message.render(values.get(row["person_id"], {}))
        except ContentError as error:
            return str(error)
        finish(row, rendered.content, rendered.unit_count)
        return None

    drop(rows, "content_error", [render(row) for row in _open(rows)])


def send_moment(campaign: Campaign, policy: ContactPolicy, earliest: datetime, zone: str) -> datetime | None:
    """The first moment that neither the policy's nor the campaign's hours keep quiet.

    None where the campaign ends before it.
    """
    ends_at = campaign.schedule.ends_at
    shared = policy.quiet_hours if campaign.is_marketing else None
    at: datetime | None = earliest
    while at is not None:
        later = place_send(shared, at, ends_at, zone)
        later = later and place_send(campaign.quiet_hours, later, ends_at, zone)
        if later == at:
            break
        at = later
    return at


def by_quiet_hours(rows: list[Row], campaign: Campaign, policy: ContactPolicy, earliest: datetime) -> None:
    """Defer to the first moment that is not quiet."""

    def moment(row: Row) -> str | None:
        at = send_moment(campaign, policy, earliest, row["zone"])
        row["send_at"], row["is_deferred"] = at, at is not None and at > earliest
        return "" if at is None else None

    drop(rows, "quiet_hours", [moment(row) for row in _open(rows)])


def candidates(rows: list[Row], campaign: Campaign) -> pd.DataFrame:
    """The open rows as the caps read them."""
    return pd.DataFrame(
        {
            "person_id": [row["person_id"] for row in rows],
            "send_at": [row["send_at"] for row in rows],
            "zone": [row["zone"] for row in rows],
            "channel": campaign.channel,
            "campaign_type": campaign.campaign_type,
            "tags": [list(campaign.tags)] * len(rows),
            "is_marketing": campaign.is_marketing,
        }
    )


def by_caps(rows: list[Row], campaign: Campaign, policy: ContactPolicy, past: pd.DataFrame) -> None:
    """The policy's caps and the campaign's, against what went out before."""
    waiting = _open(rows)
    if waiting:
        stopped = blocked((*policy.caps, *campaign.caps), candidates(waiting, campaign), past)
        drop(rows, "cap", ["" if s else None for s in stopped])


def by_address(rows: list[Row]) -> None:
    """One address gets one message, however many people share it."""
    taken: set[str] = set()
    losers: set[str] = set()
    for row in served(rows):
        if row["address"] in taken:
            losers.add(row["person_id"])
        taken.add(row["address"])
    _lose(rows, "duplicate_address", losers)


def by_stock_and_budget(rows: list[Row], campaign: Campaign) -> None:
    """Serve in order until the next one would take more than there is; everybody after that goes without."""
    offer = campaign.offer
    if offer is not None and offer.stock_count is not None:
        _until_spent(rows, "stock_spent", lambda _: offer.per_person_limit, offer.stock_count)
    if offer is not None and offer.budget_amount is not None:
        _until_spent(
            rows, "budget_spent", lambda r: _minor(r["offer_worst_amount"]), to_minor(offer.budget_amount)
        )
    if campaign.budget_amount is not None:
        room = to_minor(campaign.budget_amount) - to_minor(campaign.costs.fixed_amount)
        _until_spent(
            rows,
            "budget_spent",
            lambda r: _minor(r["message_cost_amount"]) + _minor(r["offer_worst_amount"]),
            room,
        )


def served(rows: list[Row]) -> list[Row]:
    """The open rows in the order of service."""
    waiting = _open(rows)
    frame = pd.DataFrame(
        {
            "priority": [r["priority"] for r in waiting],
            "expected_value_amount": pd.Series([r["expected_value_amount"] for r in waiting], dtype=object),
            "tie": [r["tie"] for r in waiting],
            "position": np.arange(len(waiting)),
        }
    )
    return [waiting[i] for i in in_first_order(frame)["position"]] if waiting else []


def _until_spent(rows: list[Row], reason: str, takes: Callable[[Row], int], room: int) -> None:
    losers: set[str] = set()
    for row in served(rows):
        room -= takes(row)
        if room < 0:
            losers.add(row["person_id"])
    _lose(rows, reason, losers)


def _lose(rows: list[Row], reason: str, losers: set[str]) -> None:
    drop(rows, reason, ["" if row["person_id"] in losers else None for row in _open(rows)])


def _minor(value: Decimal | None) -> int:
    return to_minor(value if value is not None else ZERO)
