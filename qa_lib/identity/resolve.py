"""Groups of identifiers to people with stable ids, and a record of every merge, split and quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from qa_lib.errors import AsOfOutside
from qa_lib.identity.changes import constraints, extend, last_number, moves, quarantines
from qa_lib.identity.graph import Apart, Policy, group_numbered
from qa_lib.identity.naming import Held, name_groups, separate_held
from qa_lib.identity.numbering import Identifier, Numbered, number_links
from qa_lib.tables import IDENTITIES, IDENTITY_CHANGES, Table
from qa_lib.workspace import followed, go_on, held_at, read_moment

_UNIT = "datetime64[us, UTC]"


def empty(table: Table) -> pd.DataFrame:
    """The table without rows."""
    kinds = {"timestamp": _UNIT, "text": "object"}
    return pd.DataFrame({c.name: pd.Series([], dtype=kinds[c.type]) for c in table.columns})


@dataclass(frozen=True)
class Resolution:
    """Who is who and how it came to be: the tables `identities` and `identity_changes`, whole."""

    identities: pd.DataFrame
    changes: pd.DataFrame

    @classmethod
    def none(cls) -> Resolution:
        """Before anything was resolved."""
        return cls(empty(IDENTITIES), empty(IDENTITY_CHANGES))

    @property
    def current(self) -> pd.DataFrame:
        """`kind, value, person_id, since_at` of today."""
        rows = self.identities[self.identities["until_at"].isna()]
        return rows.drop(columns="until_at").reset_index(drop=True)

    @property
    def last_at(self) -> pd.Timestamp | None:
        """The moment of the last change, or None."""
        stamps = [
            *(self.identities[c].max() for c in ("since_at", "until_at")),
            *(self.changes[c].max() for c in ("changed_at", "undone_at")),
        ]
        return max((s for s in stamps if not pd.isna(s)), default=None)

    def as_of(self, moment: datetime | str) -> Resolution:
        """What was held at a past moment: later changes are not seen."""
        return Resolution(*held_at(self.identities, self.changes, read_moment(moment)))

    def person(self, kind: str, value: str) -> str | None:
        """Whose an identifier is today; None for one that is unknown, shared or held back."""
        rows = self.current
        found = rows.loc[(rows["kind"] == kind) & (rows["value"] == value), "person_id"]
        return str(found.iat[0]) if len(found) else None

    @property
    def quarantined(self) -> pd.DataFrame:
        """The quarantines that stand: `cause, moved_identifiers, reason, changed_at`."""
        rows = self.changes
        rows = rows[(rows["change"] == "quarantine") & rows["undone_at"].isna()]
        return rows[["cause", "moved_identifiers", "reason", "changed_at"]].reset_index(drop=True)


def former_ids(resolution: Resolution) -> dict[str, tuple[str, ...]]:
    """By living person the other ids that are theirs now: those that were merged into them, at any remove.

    An id whose merge was undone is a person again and nobody's former id. `qa_lib.campaigns.plan` takes the
    answer, so that a holdout and a withdrawn consent survive a merge.

    Parameters
    ----------
    resolution
        As of the moment that is asked about; see `Resolution.as_of`.
    """
    found: dict[str, list[str]] = {}
    for gone, person in followed(resolution.identities, resolution.changes).items():
        found.setdefault(person, []).append(gone)
    return {person: tuple(sorted(ids)) for person, ids in sorted(found.items())}


def resolve_links(
    links: pd.DataFrame,
    as_of: datetime | str,
    *,
    before: Resolution | None = None,
    policy: Policy | None = None,
    renamed: Mapping[Identifier, str] | None = None,
) -> Resolution:
    """People as of a moment, from the links before it and what was resolved earlier.

    A group keeps the id that its identifiers had. Where it had several, the oldest is kept and a merge
    is recorded; where one id is claimed by several groups, the group with most of its links (then of its
    identifiers, then with the oldest of them) keeps it and splits are recorded. The members of a group
    that is held back keep what they had. The answer depends neither on the order of the rows nor on a
    clock.

    Parameters
    ----------
    links
        The columns of the table `links`, normalised; those at or after `as_of` are not read.
    before
        The record so far; nothing when not given.
    renamed
        Ids to go by instead of those in the record; used when a change is undone.

    Raises
    ------
    AsOfOutside
        When the record has changes after `as_of`: it only grows forward.
    """
    return resolve_through(links, [as_of], before=before, policy=policy, renamed=renamed)


def resolve_through(
    links: pd.DataFrame,
    moments: Sequence[datetime | str],
    *,
    before: Resolution | None = None,
    policy: Policy | None = None,
    renamed: Mapping[Identifier, str] | None = None,
) -> Resolution:
    """What `resolve_links` gives when it is asked moment after moment; the identifiers are read once.

    Parameters
    ----------
    moments
        In the order of time.
    """
    before, policy = before or Resolution.none(), policy or Policy()
    stamps = [pd.Timestamp(read_moment(m)) for m in moments]
    last_at = before.last_at
    for at, earlier in zip(stamps, [last_at, *stamps], strict=False):
        if earlier is not None and earlier > at:
            raise AsOfOutside(
                f"as_of {at.isoformat()} lies before the last change of identities, {earlier.isoformat()}; the "
                "record only grows forward. Read the past with Resolution.as_of."
            )
    go_on()
    numbered, rows = number_links(links, before.identities)
    go_on()
    held, changes = Held.read(before.identities, rows), before.changes
    # an id that was taken over in the moment it was given has no interval left, and may be given back
    gone = sorted({*(renamed or {}).values()} - {*held.names})
    held = replace(held, names=(*held.names, *gone))
    demanded = constraints(changes)
    last = last_number(held.names, changes)
    for at in stamps:
        count = len(held.names)
        held, changes = _resolve_at(numbered, at, held, changes, policy, demanded, renamed or {}, last)
        last += len(held.names) - count
    return Resolution(held.frame(numbered), changes)


def _resolve_at(
    numbered: Numbered,
    at: pd.Timestamp,
    held: Held,
    changes: pd.DataFrame,
    policy: Policy,
    demanded: tuple[Sequence[tuple[Identifier, Identifier]], Sequence[Apart]],
    renamed: Mapping[Identifier, str],
    last: int,
) -> tuple[Held, pd.DataFrame]:
    at_us = at.value // 1_000  # a value is in ns whatever the unit
    part, rows = numbered.before(at_us)
    groups = group_numbered(part, policy, together=demanded[0], apart=demanded[1])
    go_on()
    of = held.holders(numbered.count)
    for identifier, who in renamed.items():
        if (x := numbered.find(identifier)) is not None:
            of[x] = held.names.index(who)
    prior = of[rows]
    group = separate_held(groups, prior, held.names)
    go_on()
    named = name_groups(groups, group, prior, held.births(len(held.names)), held.names, last)
    go_on()
    changes = extend(changes, moves(groups, group, prior, named), quarantines(groups, policy), at)
    holders = np.full(numbered.count, -1, dtype=np.int64)
    holders[rows] = np.append(named.person, -1)[group]  # the last is of those in no group
    return held.with_holders(named.names, holders, at_us), changes
