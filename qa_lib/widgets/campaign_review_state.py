"""What a workspace holds of one plan: its rehearsal, its result, and what is still to be done, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

import pandas as pd

from qa_lib.campaigns import Plan
from qa_lib.charts.words import say
from qa_lib.tables import CAMPAIGNS, SENDS
from qa_lib.workspace import Snapshot

SHORT = 12
#: Whose sends and outcomes are a plan's result.
Result = Literal["observed", "replayed"]


@dataclass(frozen=True)
class Run:
    """A campaign as one origin has it: when it runs, what counts as a conversion, and by which plan."""

    starts_on: date
    ends_on: date
    goal: str | None
    plan_hash: str | None
    has_sends: bool


def runs(snapshot: Snapshot, campaign: str) -> dict[str, Run]:
    """What the snapshot's tables hold of a campaign, by origin."""
    if any(name not in snapshot.table_versions for name in (CAMPAIGNS.name, SENDS.name)):
        return {}
    found = snapshot.frame(
        """
        SELECT origin, starts_on, ends_on, goal, plan_hash,
               EXISTS (FROM sends s WHERE s.campaign_id = c.campaign_id AND s.origin = c.origin) AS has_sends
        FROM campaigns c WHERE campaign_id = $campaign
        """,
        {"campaign": campaign},
    )
    return {
        row["origin"]: Run(
            row["starts_on"].date(),
            row["ends_on"].date(),
            _text(row["goal"]),
            _text(row["plan_hash"]),
            bool(row["has_sends"]),
        )
        for row in found.to_dict("records")
    }


@dataclass(frozen=True)
class Standing:
    """How far a plan has come: rehearsed or not, carried out or not, over or not."""

    snapshot: Snapshot
    plan: Plan
    result: Result
    rehearsal: Run | None
    outcome: Run | None

    @classmethod
    def of(cls, snapshot: Snapshot, plan: Plan, result: Result) -> Standing:
        """Read it from the snapshot's tables."""
        found = runs(snapshot, plan.campaign.name)
        return cls(snapshot, plan, result, found.get("simulated"), found.get(result))

    @property
    def has_rehearsal(self) -> bool:
        return self.rehearsal is not None and self.rehearsal.has_sends

    @property
    def has_begun(self) -> bool:
        """Whether the result's campaign began before the snapshot's moment."""
        if self.outcome is None:
            return False
        begins_at = datetime.combine(self.outcome.starts_on, time(), self.snapshot.zone)
        return begins_at < self.snapshot.as_of

    @property
    def has_result(self) -> bool:
        return self.outcome is not None and self.outcome.has_sends and self.has_begun

    @property
    def is_open(self) -> bool:
        """Whether the result's window reaches past the snapshot's moment."""
        return self.outcome is not None and self.outcome.ends_on >= self._local.date()

    @property
    def _local(self) -> datetime:
        return self.snapshot.as_of.astimezone(self.snapshot.zone)

    def told(self, language: str) -> list[str]:
        """What is missing or cannot be compared, each with what to do next; nothing when all is there."""
        words: dict[str, Any] = {"plan": self.plan.hash[:SHORT], "as_of": f"{self._local:%Y-%m-%d %H:%M}"}
        found = []
        if not self.has_rehearsal:
            found.append(say("tell_not_rehearsed", language, **words))
        elif other := self._other(self.rehearsal):
            found.append(say("tell_other_rehearsal", language, **words, other=other))
        if self.outcome is None or not self.outcome.has_sends:
            return [*found, say(f"tell_no_result_{self.result}", language, **words)]
        if other := self._other(self.outcome):
            found.append(say("tell_other_result", language, **words, other=other))
        if not self.has_begun:
            found.append(say("tell_not_begun", language, **words, starts_on=str(self.outcome.starts_on)))
        elif self.is_open:
            found.append(say("tell_window_open", language, **words, ends_on=str(self.outcome.ends_on)))
        return found

    def _other(self, run: Run | None) -> str:
        """The beginning of the hash of the plan that was carried out, where it is another one."""
        kept = run.plan_hash if run is not None else None
        return "" if kept is None or kept == self.plan.hash else kept[:SHORT]


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)
