"""The plan: what will happen to every person of an audience, and why; frozen, hashed, kept.

A plan is a function of the campaign, the snapshot, the contact policy, what risk and consent said, the
addresses and what was sent before. Planned twice from the same, it is the same to the last character.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from qa_lib.audiences import evaluate, person_ids, stamp
from qa_lib.campaigns import gates
from qa_lib.campaigns.campaign import Campaign
from qa_lib.campaigns.channels import channel
from qa_lib.campaigns.inputs import addresses_of, past_sends, values_of
from qa_lib.campaigns.money import ZERO, amount, exact, rounded, total
from qa_lib.campaigns.reasons import REASONS, funnel
from qa_lib.errors import SpecError
from qa_lib.guards import ContactPolicy, GuardState, RiskCheck, stable_hash
from qa_lib.tables import PLAN_ROWS
from qa_lib.workspace import Workspace

COLUMNS = tuple(c for c in PLAN_ROWS.column_names if c != "plan_hash")


@dataclass(frozen=True)
class Plan:
    """A plan that was made: its header, and its rows in the order of person ids.

    `made_from` names everything it is a function of. Amounts are exact decimals in the account currency;
    `worst_case_amount` is None where nothing bounds the offer.
    """

    campaign: Campaign
    as_of: datetime
    universe: int
    currency: str
    made_from: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", tuple(MappingProxyType(dict(row)) for row in self.records))

    @cached_property
    def hash(self) -> str:
        """SHA-256 of header and rows; dry run, approval and run name this."""
        digest = hashlib.sha256()
        head = [self.campaign.hash, self.as_of, self.universe, self.currency, dict(self.made_from)]
        for part in (head, *([row[c] for c in COLUMNS] for row in self.records)):
            text = json.dumps(part, default=_plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
            digest.update(text.encode() + b"\n")
        return digest.hexdigest()

    @property
    def audience_count(self) -> int:
        return len(self.records)

    @cached_property
    def targeted(self) -> list[Mapping[str, Any]]:
        """The rows of everybody but the holdout: who is targeted, sent to or not."""
        return [row for row in self.records if row["reason"] != "holdout"]

    def campaign_row(self, zone: ZoneInfo, *, goal: str | None, origin: str, source: str) -> dict[str, Any]:
        """Its campaign as a row of the table `campaigns`.

        Parameters
        ----------
        zone
            The workspace's, in which days begin.
        goal
            What counts as a conversion, in words.
        origin, source
            Whose sends the row stands beside, and which part of the workbench writes it.
        """
        starts_on, ends_on = self.campaign.days(zone)
        return {
            "campaign_id": self.campaign.name,
            "campaign_type": self.campaign.campaign_type,
            "starts_on": starts_on,
            "ends_on": ends_on,
            "goal": goal,
            "gain": self.campaign.gain,
            "fixed_cost_amount": self.campaign.costs.fixed_amount,
            "plan_hash": self.hash,
            "origin": origin,
            "source": source,
        }

    @property
    def send_count(self) -> int:
        """How many people are to be sent to."""
        return sum(row["reason"] is None for row in self.records)

    @cached_property
    def reasons(self) -> dict[str, int]:
        """How many people each reason keeps back; with those sent to they add up to the audience."""
        found = pd.Series([row["reason"] for row in self.records], dtype=object).value_counts()
        return {name: int(found[name]) for name in REASONS if name in found}

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row per person considered; the columns of `qa_lib.tables.PLAN_ROWS`, `reason` empty for a send."""
        frame = pd.DataFrame([dict(r) for r in self.records], columns=list(COLUMNS), dtype=object)
        frame.insert(0, "plan_hash", self.hash)
        return frame

    def funnel(self) -> pd.DataFrame:
        """From everybody to who is sent to; see `qa_lib.campaigns.funnel`."""
        return funnel(self.universe, self.audience_count, self.reasons)

    @property
    def message_cost_amount(self) -> Decimal:
        """What contact costs: the fixed cost (once anybody is sent to) and every unit."""
        fixed = self.campaign.costs.fixed_amount if self.send_count else ZERO
        return fixed + total(row["message_cost_amount"] for row in self._sends())

    @property
    def worst_case_amount(self) -> Decimal | None:
        """Contact, and the offer used by everybody as often and as dearly as it can be."""
        offer = self.campaign.offer
        liability = ZERO if offer is None else offer.worst_case(self.send_count)
        return None if liability is None else self.message_cost_amount + liability

    @property
    def expected_cost_amount(self) -> Decimal:
        """Contact, and the offer at the campaign's assumptions."""
        return self.message_cost_amount + total(row["offer_expected_amount"] for row in self._sends())

    def _sends(self) -> list[Mapping[str, Any]]:
        return [row for row in self.records if row["reason"] is None]

    def __repr__(self) -> str:
        return f"Plan({self.campaign.name!r}, {self.send_count:,} of {self.audience_count:,} to be sent, {self.hash[:12]})"


def plan(
    workspace: Workspace,
    campaign: Campaign,
    as_of: datetime | str | None = None,
    *,
    addresses: pd.DataFrame,
    policy: ContactPolicy | None = None,
    risk: RiskCheck | None = None,
    past: pd.DataFrame | None = None,
    expected_values: Mapping[str, Decimal] | None = None,
    former_ids: Mapping[str, Sequence[str]] | None = None,
) -> Plan:
    """Decide for every person of the campaign's audience: send, or the first reason why not.

    Parameters
    ----------
    as_of
        The snapshot's moment; the current snapshot when not given.
    addresses
        `person_id`, `identifier` (kind), `address`, and `zone` where known; `addresses()` makes some up.
    policy
        What holds for every marketing campaign.
    risk
        Asked once for everybody who is left; nobody is denied when it is not given.
    past
        What went out before, columns `qa_lib.guards.PAST_COLUMNS`; the workspace's observed sends when
        not given.
    expected_values
        What a message is worth by person, in the account currency; the campaign's assumptions decide
        where it is silent.
    former_ids
        By person the other ids they had before a merge; the strictest holdout and consent of all counts.

    Raises
    ------
    SpecError, UnknownName
        When the audience's rule or a text names what the snapshot lacks, or the campaign is over.
    NothingBuilt, AsOfOutside
        When there is no snapshot, or none as of that moment.
    """
    snapshot = workspace.snapshot(as_of)
    policy = policy or ContactPolicy()
    earliest = max(snapshot.as_of, campaign.schedule.starts_at)
    if earliest >= campaign.schedule.ends_at:
        raise SpecError(
            f"The campaign {campaign.name!r} ends at {campaign.schedule.ends_at.isoformat()}, before anything planned "
            f"as of {snapshot.as_of.isoformat()} could go. Move its end, or plan as of an earlier moment."
        )
    selected = evaluate(snapshot, campaign.audience)
    people = sorted(person_ids(snapshot, selected.members[()]))
    ids = {p: (p, *(former_ids or {}).get(p, ())) for p in people}
    zone = campaign.schedule.zone or snapshot.zone.key
    values = values_of(snapshot, campaign.message.placeholders)
    found = addresses_of(people, addresses, channel(campaign.channel).identifier, zone)
    rows = [_row(p, campaign, *found[p], expected_values) for p in people]

    def finish(row: gates.Row, content: dict[str, str], units: int) -> None:
        row["content"] = json.dumps(content, ensure_ascii=False, sort_keys=True)
        row["unit_count"] = units
        _price(row, campaign, workspace.currency, expected_values)

    gates.by_identifier(rows)
    gates.by_consent(rows, GuardState(workspace), campaign, ids)
    decided_by = gates.by_risk(rows, risk, snapshot.as_of) if risk is not None else None
    gates.by_holdout(rows, campaign, policy, ids)
    gates.by_content(rows, campaign, values, finish)
    gates.by_quiet_hours(rows, campaign, policy, earliest)
    gates.by_caps(rows, campaign, policy, past_sends(snapshot) if past is None else past)
    gates.by_address(rows)
    gates.by_stock_and_budget(rows, campaign)
    made_from = {
        "snapshot": snapshot.stamp(),
        "policy_hash": policy.hash,
        "risk_hash": risk.hash if risk is not None else None,
        "risk_decided_by": decided_by,
    }
    named = stamp(snapshot, selected)  # saved audiences that the rule or its base names, at their versions
    made_from |= {key: named[key] for key in ("audience_versions", "base") if key in named}
    return Plan(campaign, snapshot.as_of, snapshot.people_count, workspace.currency, made_from, tuple(rows))


def _row(
    person: str,
    campaign: Campaign,
    address: str | None,
    zone: str,
    expected_values: Mapping[str, Decimal] | None,
) -> gates.Row:
    offer = campaign.offer
    return {
        "person_id": person,
        "reason": None,
        "detail": None,
        "channel": campaign.channel,
        "address": address,
        "zone": zone,
        "send_at": None,
        "is_deferred": False,
        "content": None,
        "unit_count": 0,
        "message_cost_amount": ZERO,
        "offer_worst_amount": ZERO if offer is None else offer.worst_case_per_person,
        "offer_expected_amount": ZERO,
        "priority": campaign.priority,
        "expected_value_amount": _given(person, expected_values) or ZERO,
        # 16 hexadecimal digits sort as the numbers do
        "tie": f"{stable_hash(campaign.hash, person):016x}",
    }


def _price(
    row: gates.Row, campaign: Campaign, currency: str, expected_values: Mapping[str, Decimal] | None
) -> None:
    """What one message costs and is expected to bring, once its units are known."""
    assumed, offer = campaign.assumptions, campaign.offer
    row["message_cost_amount"] = campaign.costs.unit_amount * row["unit_count"]
    discount = ZERO if offer is None else offer.discount_on(assumed.basket_amount, currency)
    row["offer_expected_amount"] = rounded(discount * assumed.use_rate, currency)
    gain = assumed.use_rate * (assumed.basket_amount * assumed.margin_rate - discount)
    own = _given(row["person_id"], expected_values)
    row["expected_value_amount"] = (
        rounded(gain - row["message_cost_amount"], currency) if own is None else own
    )


def _given(person: str, expected_values: Mapping[str, Decimal] | None) -> Decimal | None:
    value = (expected_values or {}).get(person)
    if value is None:
        return None
    try:
        number = exact(value)
    except ValueError as error:
        raise SpecError(f"The expected value of person {person!r}: {error}.") from None
    return amount(number) if number >= 0 else -amount(-number)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
