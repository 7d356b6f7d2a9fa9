"""Who enters an audience and who leaves it when its rule changes, and because of which change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any as AnyValue
from typing import Literal

import numpy as np
import pandas as pd

from qa_lib.audiences.audience import Audience, Base, Priority
from qa_lib.audiences.evaluate import engine_of, evaluate, person_ids
from qa_lib.audiences.preview import sample
from qa_lib.rules import Bits, Catalogue, Rule, to_numbers
from qa_lib.rules.bits import count
from qa_lib.rules.diff import Change, RuleDiff, changes_text, diff_rules
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot, go_on

Side = Literal["entering", "leaving"]


@dataclass(frozen=True)
class AudienceDiff:
    """What changed from one audience to another: its base first, then its rule, change by change.

    `priority` says in words what became of weight and group, which decide over nobody's membership.
    """

    old: Audience
    new: Audience
    rule: RuleDiff
    base: Change | None
    priority: Label | None = None

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change, in order."""
        return (self.base, *self.rule.changes) if self.base else self.rule.changes

    @property
    def is_empty(self) -> bool:
        """Whether both select the same people whatever the data."""
        return not self.changes

    def steps(self) -> Iterator[Audience]:
        """The audience before the first change and after each."""
        if self.base is not None:
            yield self.old
        for k in range(len(self.rule.changes) + 1):
            yield Audience(name=self.new.name, rule=self.rule.step(k), base=self.new.base)

    def text(self, language: Literal["zh", "en"] = "en") -> str:
        """One line for each change, with a sign before it."""
        lines = [changes_text(self.changes, language)] if self.changes or self.priority is None else []
        return "\n".join([*lines, f"~ {self.priority.to_dict()[language]}"] if self.priority else lines)

    def to_dict(self) -> dict[str, AnyValue]:
        """The difference as JSON values."""
        return {
            "old_hash": self.old.hash,
            "new_hash": self.new.hash,
            "changes": [change.to_dict() for change in self.changes],
            "priority": self.priority.to_dict() if self.priority else None,
        }


@dataclass(frozen=True)
class PeopleDiff:
    """Who enters and who leaves, and because of which change.

    The changes are made one after another, in the order of `diff.changes`. Somebody who enters or leaves is
    counted at the first change after which the answer for them is the new one; so everybody who enters
    or leaves is counted exactly once. Bits and numbers are over the snapshot's person numbers.

    Attributes
    ----------
    decided_by : shape (n_people,)
        Number of the change that decided for a person, or −1 where the answer stayed.
    """

    snapshot: Snapshot
    diff: AudienceDiff
    old_members: Bits
    new_members: Bits
    decided_by: np.ndarray

    @property
    def entering(self) -> Bits:
        """People of the new audience who are not in the old one."""
        return self.new_members & ~self.old_members

    @property
    def leaving(self) -> Bits:
        """People of the old audience who are not in the new one."""
        return self.old_members & ~self.new_members

    @cached_property
    def by_change(self) -> pd.DataFrame:
        """The changes with the people whom each decided.

        Returns
        -------
        pandas.DataFrame
            One row per change, in order: `kind`, `label_zh`, `label_en`, `entering_count`, `leaving_count`.
        """
        entering, leaving = (self._counts(side) for side in (self.entering, self.leaving))
        columns = ["kind", "label_zh", "label_en", "entering_count", "leaving_count"]
        rows = [
            (change.kind, *change.words, int(entering[i]), int(leaving[i]))
            for i, change in enumerate(self.diff.changes)
        ]
        return pd.DataFrame(rows, columns=columns)

    def people(self, side: Side) -> pd.DataFrame:
        """The people who enter or leave.

        Returns
        -------
        pandas.DataFrame
            `person_id` and `change` (number of the change that decided), in the order of person numbers.
        """
        numbers = to_numbers(self._side(side))
        ids = person_ids(self.snapshot, self._side(side))
        return pd.DataFrame({"person_id": ids, "change": self.decided_by[numbers]})

    def sample(self, side: Side, size: int = 8) -> pd.DataFrame:
        """A few of the people who enter or leave, with masked ids; see `qa_lib.audiences.sample`."""
        return sample(self.snapshot, self._side(side), size=size)

    def to_dict(self) -> dict[str, AnyValue]:
        """Counts, changes and the snapshot, as JSON values."""
        return {
            "old_count": count(self.old_members),
            "new_count": count(self.new_members),
            "entering_count": count(self.entering),
            "leaving_count": count(self.leaving),
            **self.diff.to_dict(),
            "by_change": self.by_change.to_dict("records"),
            **self.snapshot.stamp(),
        }

    def _side(self, side: Side) -> Bits:
        return self.entering if side == "entering" else self.leaving

    def _counts(self, side: Bits) -> np.ndarray:
        decided = self.decided_by[to_numbers(side)]
        return np.bincount(decided, minlength=len(self.diff.changes))


def audience_diff(
    old: Audience | Rule, new: Audience | Rule, catalogue: Catalogue | None = None
) -> AudienceDiff:
    """What changed from one audience or rule to another; see `diff_rules` for the rule's changes."""
    old, new = _named(old), _named(new)
    base = None
    if old.base != new.base:
        before, after = _base(old.base), _base(new.base)
        words = Label(
            f"基础人群：{before.zh} → {after.zh}",
            f"base: {before.en} → {after.en}",
        )
        base = Change("base", old.rule, new.rule, (), (), words)
    priority = None
    if (old.priority or Priority()) != (new.priority or Priority()):
        before, after = _priority(old.priority), _priority(new.priority)
        priority = Label(f"优先级：{before.zh} → {after.zh}", f"priority: {before.en} → {after.en}")
    return AudienceDiff(old, new, diff_rules(old.rule, new.rule, catalogue), base, priority)


def diff_people(snapshot: Snapshot, old: Audience | Rule, new: Audience | Rule) -> PeopleDiff:
    """Who enters and who leaves from one audience or rule to another, before anything is saved.

    Conditions on saved audiences are read at the versions that are active now, in both.

    Raises
    ------
    SpecError, UnknownName
        When one of them does not fit the snapshot's catalogue, or names an audience that is not saved.
    """
    diff = audience_diff(old, new, engine_of(snapshot).catalogue)
    before, after = (evaluate(snapshot, one).members[()] for one in (diff.old, diff.new))
    open_people = before ^ after
    decided = np.full(snapshot.people_count, -1, dtype=np.int64)
    for number, step in enumerate(diff.steps()):
        go_on()
        if number == 0 or not count(open_people):
            continue
        now = evaluate(snapshot, step).members[()]
        reached = open_people & ~(now ^ after)
        decided[to_numbers(reached)] = number - 1
        open_people = open_people & ~reached
    assert not count(open_people), "the last step is the new audience"
    return PeopleDiff(snapshot, diff, before, after, decided)


def _named(audience: Audience | Rule) -> Audience:
    return audience if isinstance(audience, Audience) else Audience(name="rule", rule=audience)


def _priority(priority: Priority | None) -> Label:
    own = priority or Priority()
    zh, en = f"权重 {own.weight:g}", f"weight {own.weight:g}"
    if own.group is not None:
        zh += f"，{'互斥' if own.keeps == 'one' else '共存'}组“{own.group}”"
        en += f", {'exclusive' if own.keeps == 'one' else 'inclusive'} group “{own.group}”"
    if own.tie_key:
        zh, en = f"{zh}，并列时按“{own.tie_key}”", f"{en}, ties by “{own.tie_key}”"
    return Label(zh, en)


def _base(base: Base | None) -> Label:
    if base is None:
        return Label("全部人", "everybody")
    if base.version is None:
        return Label(f"“{base.audience}”现行版本", f"“{base.audience}”")
    return Label(f"“{base.audience}”第 {base.version} 版", f"“{base.audience}” version {base.version}")
