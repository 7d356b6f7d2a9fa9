"""The guard at hand-off: everything that can have changed since the plan is asked again, batch by batch.

A plan is made hours or days before its messages go, and beside other plans. So the gates that concern a
person are passed once more in the transaction that commits the intent, on the newest state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from qa_lib.campaigns import Campaign, Plan, plan_campaign
from qa_lib.campaigns.gates import candidates, send_moment
from qa_lib.deliver.contacts import Before, Contact, contacts, ledger_campaigns, past_of
from qa_lib.deliver.from_plan import STEP
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.messages import Defer, Message
from qa_lib.deliver.schema import deliveries, to_text
from qa_lib.errors import NothingBuilt, SpecError
from qa_lib.guards import PAST_COLUMNS, ContactPolicy, GuardState, RiskCheck, blocked, held_out_for

if TYPE_CHECKING:
    from qa_lib.workspace import Workspace

Row = Mapping[str, Any]
Answer = str | Defer | None
#: How long an answer of risk is good.
RISK_AGE = timedelta(minutes=10)


class HandOffGuard:
    """Whether a plan's message may go now, and if not, why; asked in the claim's transaction.

    The first that applies: `suppressed`, `no_consent`, `risk: …`, `holdout: global` or `holdout: campaign`,
    `already_sent` (by another plan of the very same campaign), `cap`, `campaign_over`, and `quiet_hours`,
    which is a deferral while the campaign lasts.

    Parameters
    ----------
    policy
        Today's contact policy, which need not be the one that was planned with.
    risk
        Asked for the people of a batch; an answer is good for ten minutes. Nobody is denied without it.
    former_ids
        By person the other ids they had before a merge. Consent, holdouts, caps count for all of them.
    past
        What went out before the ledger, columns `qa_lib.guards.PAST_COLUMNS`; the workspace's observed
        sends when not given. Campaigns that the ledger has are counted by the ledger alone.
    """

    def __init__(
        self,
        workspace: Workspace,
        ledger: Ledger,
        plan: Plan,
        policy: ContactPolicy,
        *,
        risk: RiskCheck | None = None,
        former_ids: Mapping[str, Sequence[str]] | None = None,
        past: pd.DataFrame | None = None,
    ) -> None:
        self.campaign, self.policy, self.risk = plan.campaign, policy, risk
        self.plan_hash = plan.hash
        self._workspace, self._ledger = workspace, ledger
        self._state = GuardState(workspace)
        self._same_database = ledger.engine is workspace.state.engine
        self._caps = (*policy.caps, *plan.campaign.caps)
        self._zone_of = {row["person_id"]: row["zone"] for row in plan.records}
        self._ids = {p: (p, *others) for p, others in (former_ids or {}).items()}
        self._owner = {former: p for p, others in (former_ids or {}).items() for former in others}
        self._campaigns: dict[str, Campaign | None] = {plan.hash: plan.campaign}
        self._risk_told: dict[str, tuple[datetime, str | None]] = {}
        everybody = {i for p in self._zone_of for i in self._ids_of(p)}
        with ledger.engine.connect() as con:
            if past is None:
                past = past_of(workspace, con, plan.campaign.schedule.ends_at)
            self._before = Before(past, everybody, ledger_campaigns(con))

    # -- how it is asked -----------------------------------------------------------------------

    def __call__(self, person_id: str, channel: str, at: datetime) -> Answer:
        """For one person of the plan, outside of any transaction."""
        message = Message("", self.plan_hash, STEP, person_id, channel, "", {})
        row = {"delivery_id": message.key, "person_id": person_id, "channel": channel, "step": STEP}
        with self._ledger.engine.connect() as con:
            found = self.verdicts(con, [{**row, "campaign_version": self.plan_hash, "state": "planned"}], at)
        return found.get(message.key)

    def prepare(self, at: datetime, limit: int) -> None:
        """Ask risk about whoever comes next, so that nobody waits for its answer inside the transaction."""
        if self.risk is None:
            return
        c = deliveries.c
        due = sa.select(c.person_id).where(
            c.campaign_version == self.plan_hash,
            c.channel == self.campaign.channel,
            c.due_at <= to_text(at),
        )
        with self._ledger.engine.connect() as con:
            people = list(con.scalars(due.order_by(c.due_at, c.delivery_id).limit(limit)))
        self._ask_risk(people, at)

    def verdicts(self, con: sa.Connection, rows: Sequence[Row], at: datetime) -> dict[str, str | Defer]:
        """By key the reason, or the deferral, of each message that may not go at this moment.

        Raises
        ------
        SpecError
            When a message is of another plan, whose limits this guard does not know.
        """
        if foreign := [r for r in rows if r["campaign_version"] != self.plan_hash]:
            raise SpecError(
                f"The guard of plan {self.plan_hash[:12]} was asked about a message of "
                f"{foreign[0]['campaign_version'][:12]!r}. Run each plan with its own guard, by `carry_out`, or "
                "with campaign_version=plan.hash."
            )
        found: dict[str, str | Defer] = {}
        gates: tuple[Callable[[sa.Connection, list[Row], datetime], list[Answer]], ...] = (
            self.by_consent,
            self.by_risk,
            self.by_holdout,
            self.by_contacts,
            self.by_schedule,
        )
        for gate in gates:
            waiting = [row for row in rows if row["delivery_id"] not in found]
            for row, answer in zip(waiting, gate(con, waiting, at) if waiting else (), strict=True):
                if answer is not None:
                    found[row["delivery_id"]] = answer
        return found

    # -- the gates -----------------------------------------------------------------------------

    def by_consent(self, con: sa.Connection, rows: list[Row], at: datetime) -> list[Answer]:
        """The newest consent and suppression of every id that a person ever had."""
        verdicts = self._state.verdicts(
            [self._ids_of(row["person_id"]) for row in rows],
            self.campaign.channel,
            is_marketing=self.campaign.is_marketing,
            connection=con if self._same_database else None,
        )
        return [None if v == "allowed" else v for v in verdicts]

    def by_risk(self, con: sa.Connection, rows: list[Row], at: datetime) -> list[Answer]:
        """Whom risk does not clearly allow; an answer that is late or cannot be had denies."""
        if self.risk is None:
            return [None] * len(rows)
        people = [row["person_id"] for row in rows]
        self._ask_risk(people, at)
        told = [self._risk_told[p][1] for p in people]
        return [None if denial is None else f"risk: {denial}" for denial in told]

    def by_holdout(self, con: sa.Connection, rows: list[Row], at: datetime) -> list[Answer]:
        """The global holdout, for marketing, then the campaign's."""
        everywhere = self.policy.holdout if self.campaign.is_marketing else None
        people = [self._ids_of(row["person_id"]) for row in rows]
        found = held_out_for(everywhere, self.campaign.holdout, people)
        return [None if which is None else f"holdout: {which}" for which in found]

    def by_contacts(self, con: sa.Connection, rows: list[Row], at: datetime) -> list[Answer]:
        """What left for a person before: the same campaign's message, or as many as the caps allow."""
        people = [self._owner_of(row["person_id"]) for row in rows]
        ids = {i for person in people for i in self._ids_of(person)}
        counts_receipts = any(cap.counts == "delivered" for cap in self._caps)
        left = contacts(con, ids, apart_from={row["delivery_id"] for row in rows}, receipts=counts_receipts)
        sent = {(self._owner_of(one.person_id), one.step) for one in left if self._is_same_campaign(one)}
        first = {
            person: row["delivery_id"] for person, row in zip(reversed(people), reversed(rows), strict=True)
        }
        capped = self._capped(rows, people, left, at)
        answers: list[Answer] = []
        for row, person, is_capped in zip(rows, people, capped, strict=True):
            if (person, row["step"]) in sent:
                answers.append("already_sent")
            elif is_capped:
                answers.append("cap")
            elif first[person] != row["delivery_id"] and row["state"] in ("planned", "deferred"):
                # two ids of one person in one batch: the second is asked when the first is on its way
                answers.append(Defer(at + timedelta(milliseconds=1), "another message goes first"))
            else:
                answers.append(None)
        return answers

    def by_schedule(self, con: sa.Connection, rows: list[Row], at: datetime) -> list[Answer]:
        """Nothing goes once the campaign is over, nor in quiet hours of the person's clock."""
        if at >= self.campaign.schedule.ends_at:
            return ["campaign_over"] * len(rows)
        answers: list[Answer] = []
        for row in rows:
            moment = send_moment(self.campaign, self.policy, at, self._zone(row["person_id"]))
            late = "quiet_hours" if moment is None else Defer(moment, "quiet_hours")
            answers.append(None if moment == at else late)
        return answers

    # -- what the gates read -------------------------------------------------------------------

    def _capped(self, rows: list[Row], people: list[str], left: list[Contact], at: datetime) -> list[bool]:
        if not self._caps:
            return [False] * len(people)
        ids = {i for person in people for i in self._ids_of(person)}
        zones = [self._zone(row["person_id"]) for row in rows]
        asked = candidates(
            [{"person_id": p, "send_at": at, "zone": z} for p, z in zip(people, zones, strict=True)],
            self.campaign,
        )
        before = [
            {**row, "person_id": self._owner_of(row["person_id"])}
            for row in self._before.rows(sorted(ids), at)
        ]
        past = pd.DataFrame([*before, *map(self._past_row, left)], columns=list(PAST_COLUMNS), dtype=object)
        return [bool(b) for b in blocked(self._caps, asked, past, later_too=True)]

    def _past_row(self, one: Contact) -> dict[str, Any]:
        campaign = self._campaign_of(one.campaign_version)
        return {
            "person_id": self._owner_of(one.person_id),
            "sent_at": one.at,
            "delivered_at": one.delivered_at,
            "channel": one.channel,
            "campaign_type": None if campaign is None else campaign.campaign_type,
            "tags": [] if campaign is None else list(campaign.tags),
            "is_marketing": campaign is None or campaign.is_marketing,
        }

    def _campaign_of(self, version: str) -> Campaign | None:
        """What a message belongs to; None where it was handed to the ledger without a plan."""
        if version not in self._campaigns:
            try:
                self._campaigns[version] = plan_campaign(self._workspace, version)
            except NothingBuilt:
                self._campaigns[version] = None
        return self._campaigns[version]

    def _is_same_campaign(self, one: Contact) -> bool:
        if one.campaign_version == self.plan_hash or one.campaign_id != self.campaign.name:
            return False
        other = self._campaign_of(one.campaign_version)
        return other is not None and other.hash == self.campaign.hash

    def _ask_risk(self, people: Sequence[str], at: datetime) -> None:
        assert self.risk is not None
        asked = [p for p in dict.fromkeys(people) if not self._is_fresh(p, at)]
        if asked:
            answer = self.risk.decide(asked, at)
            for person, denial in zip(asked, answer.denials, strict=True):
                self._risk_told[person] = (at, denial)

    def _is_fresh(self, person: str, at: datetime) -> bool:
        told = self._risk_told.get(person)
        return told is not None and timedelta(0) <= at - told[0] < RISK_AGE

    def _owner_of(self, person: str) -> str:
        return self._owner.get(person, person)

    def _ids_of(self, person: str) -> tuple[str, ...]:
        """All ids that the person ever had, today's first."""
        return self._ids.get(self._owner_of(person), (person,))

    def _zone(self, person: str) -> str:
        default = self.campaign.schedule.zone or self._workspace.zone.key
        return self._zone_of.get(person, default)
