"""Risk: a decision apart from marketing, with rules, owner and versions of its own, that fails closed.

Marketing asks and is told allow or deny. An answer that is late, stale, malformed or cannot be had is a
denial, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np
from pydantic import Field as Bounded
from pydantic import field_validator

from qa_lib.errors import SpecError, WorkbenchError
from qa_lib.rules import Engine, Rule, read_rule, to_numbers
from qa_lib.rules.model import Node
from qa_lib.rules.spec import Spec
from qa_lib.tables import Label

#: Every way to be denied, in both languages.
RISK_REASONS: dict[str, Label] = {
    "denied": Label("风控拒绝", "Denied by risk"),
    "unknown_person": Label("风控不识此人", "Unknown to risk"),
    "late": Label("风控超时", "Risk answered late"),
    "stale": Label("风控结果过期", "Risk answer is stale"),
    "unavailable": Label("风控不可用", "Risk unavailable"),
    "malformed": Label("风控回复无法解读", "Risk answer not understood"),
}


@dataclass(frozen=True)
class RiskAnswer:
    """What risk said: `denials[i]` is None where person i may be contacted, else a key of `RISK_REASONS`."""

    denials: tuple[str | None, ...]
    decided_by: str


class RiskCheck(Protocol):
    """Whatever decides about risk: the local rules, or a service."""

    @property
    def hash(self) -> str:
        """What the decision was configured with."""

    def decide(self, person_ids: Sequence[str], as_of: datetime) -> RiskAnswer:
        """One answer per person, in order; it never raises for a decision that cannot be had."""


class RiskRule(Spec):
    """People whom this rule selects are not contacted."""

    _positional = ("name", "rule")

    name: str = Bounded(min_length=1, max_length=200)
    rule: Node
    description: str = ""

    @field_validator("rule", mode="before")
    @classmethod
    def _sized(cls, value: object) -> Rule:
        return read_rule(value)


class RiskPolicy(Spec):
    """The rules of the people who own risk, as one version.

    Parameters
    ----------
    owner
        Who answers for it; not who plans campaigns.
    version
        Counts up; a change of the rules is another version.
    max_age_hours
        How old the snapshot may be at the moment of the decision; older is stale, and denies.
    """

    name: str = Bounded(min_length=1, max_length=200)
    owner: str = Bounded(min_length=1, max_length=200)
    version: int = Bounded(ge=1)
    rules: tuple[RiskRule, ...] = ()
    max_age_hours: float = Bounded(default=24.0, gt=0)

    @field_validator("rules")
    @classmethod
    def _named_apart(cls, value: tuple[RiskRule, ...]) -> tuple[RiskRule, ...]:
        names = [r.name for r in value]
        if len(set(names)) != len(names):
            raise ValueError(f"two rules have the same name among {names}; name them apart")
        return value

    @property
    def decided_by(self) -> str:
        """The policy as an answer names it."""
        return f"{self.name} v{self.version} ({self.owner})"


class LocalRisk:
    """A risk policy over one snapshot, evaluated by the engine of the rules."""

    def __init__(self, policy: RiskPolicy, engine: Engine) -> None:
        self.policy = policy
        self._engine = engine

    @property
    def hash(self) -> str:
        return self.policy.hash

    def decide(self, person_ids: Sequence[str], as_of: datetime) -> RiskAnswer:
        """Deny whom any rule selects, whom the snapshot does not know, and everybody when it is stale."""
        snapshot = self._engine.snapshot
        if as_of.tzinfo is None:
            raise SpecError(f"The moment {as_of.isoformat()} has no zone. Add one, such as Z for UTC.")
        age = as_of - snapshot.as_of
        if age < timedelta(0) or age > timedelta(hours=self.policy.max_age_hours):
            return self._everybody("stale", person_ids)
        denied = np.zeros(snapshot.people_count, dtype=bool)
        try:
            for one in self.policy.rules:
                denied[to_numbers(self._engine.evaluate(one.rule).members[()])] = True
            known = snapshot.frame("SELECT person_id, person_no FROM people")
        except (WorkbenchError, OSError):
            # a tag that a rule needs is gone, or the snapshot is: nobody is contacted until it is mended
            return self._everybody("unavailable", person_ids)
        numbers = dict(zip(known["person_id"], known["person_no"], strict=True))
        answers = tuple(
            "unknown_person" if p not in numbers else "denied" if denied[numbers[p]] else None
            for p in person_ids
        )
        return RiskAnswer(answers, self.policy.decided_by)

    def _everybody(self, reason: str, person_ids: Sequence[str]) -> RiskAnswer:
        return RiskAnswer((reason,) * len(person_ids), self.policy.decided_by)
