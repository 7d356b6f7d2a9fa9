"""What a person decides about a quarantine: the two identifiers are one person, or stay apart; undoable."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import pandas as pd

from qa_lib.errors import SpecError, UnknownName, did_you_mean
from qa_lib.identity.changes import DECISIONS, add_changes, read_identifiers, write_identifiers
from qa_lib.identity.graph import Policy
from qa_lib.identity.numbering import Identifier
from qa_lib.identity.record import _alone, _write, read_links, read_resolution
from qa_lib.identity.resolve import Resolution, resolve_links
from qa_lib.workspace import Workspace, read_moment

Verdict = Literal["accept", "apart"]


def quarantine_queue(resolution: Resolution) -> pd.DataFrame:
    """Quarantines that stand, and those that were decided about, newest first.

    Returns
    -------
    pandas.DataFrame
        `change_id`, `cause` (shared, conflict, large), `identifiers` (list of (kind, value)), `reason`,
        `changed_at`, `decision` (accept, apart or None), `decision_id`.
    """
    changes = resolution.changes
    decided = changes[changes["change"].isin(DECISIONS) & changes["undone_at"].isna()]
    by_cause = decided.drop_duplicates("cause", keep="last").set_index("cause")
    rows = changes[changes["change"] == "quarantine"]
    rows = rows[rows["undone_at"].isna() | rows["change_id"].isin(by_cause.index)]
    rows = rows.sort_values(["changed_at", "change_id"], ascending=[False, True])
    return pd.DataFrame(
        {
            "change_id": list(rows["change_id"]),
            "cause": list(rows["cause"]),
            "identifiers": [read_identifiers(text) for text in rows["moved_identifiers"]],
            "reason": list(rows["reason"]),
            "changed_at": list(rows["changed_at"]),
            "decision": _found(by_cause["change"], rows["change_id"]),
            "decision_id": _found(by_cause["change_id"], rows["change_id"]),
        }
    )


def _found(column: pd.Series, names: pd.Series) -> pd.Series:
    """The column's value at each name, None where there is none."""
    return pd.Series([column.get(name) for name in names], dtype=object)


def quarantine_decided(
    links: pd.DataFrame,
    before: Resolution,
    change_id: str,
    verdict: Verdict,
    at: datetime | str,
    *,
    author: str = "",
    policy: Policy | None = None,
) -> Resolution:
    """The record with a quarantine decided about; nothing is written.

    `accept` makes the persons at the two ends of a refused link one, whatever their kinds say; `apart` keeps
    them apart whatever links come. Of a shared identifier or a group over the cap only `apart` can be recorded:
    that somebody looked, and it stays as it is.

    Parameters
    ----------
    change_id
        Of a quarantine, as in `quarantine_queue`.
    at
        Not before the record's last change.
    author
        Who decided; stands in the reason.

    Raises
    ------
    UnknownName
        For a quarantine that is not there.
    SpecError
        When it is decided already, or cannot be accepted.
    """
    queue = quarantine_queue(before).set_index("change_id")
    if verdict not in DECISIONS:
        raise UnknownName(f"Unknown verdict {verdict!r}.{did_you_mean(verdict, DECISIONS)}")
    if change_id not in queue.index:
        raise UnknownName(f"No quarantine {change_id!r} stands.{did_you_mean(change_id, list(queue.index))}")
    row = queue.loc[change_id]
    if row["decision"] is not None:
        raise SpecError(
            f"The quarantine {change_id!r} was decided: {row['decision']} ({row['decision_id']}). Undo that first."
        )
    if verdict == "accept" and row["cause"] != "conflict":
        raise SpecError(
            f"The quarantine {change_id!r} is about a {row['cause']} identifier or group, not about one link, so "
            "there are no two persons to make one. Raise the cap in Policy, or correct the links."
        )
    kept, moved = _sides(before, [(str(k), str(v)) for k, v in list(row["identifiers"])])
    moment = pd.Timestamp(read_moment(at))
    people = [before.person(*side[0]) if side else None for side in (kept, moved)]
    decision = {
        "change": verdict,
        "person_id": people[0],
        "other_person_id": people[1],
        "kept_identifiers": write_identifiers(kept),
        "moved_identifiers": write_identifiers(moved),
        "cause": change_id,
        "reason": f"{author or 'a person'} decided about the quarantine {change_id}: {verdict}",
    }
    changes = add_changes(before.changes, [decision], moment)
    return resolve_links(links, moment, before=Resolution(before.identities, changes), policy=policy)


def decide_quarantine(
    workspace: Workspace,
    change_id: str,
    verdict: Verdict,
    at: datetime | str,
    *,
    author: str = "",
    policy: Policy | None = None,
) -> Resolution:
    """Decide about a quarantine and record it, as `quarantine_decided` says; `qa_lib.identity.undo` takes it back."""
    with _alone(workspace):
        before = read_resolution(workspace)
        links = read_links(workspace)
        after = quarantine_decided(links, before, change_id, verdict, at, author=author, policy=policy)
        _write(workspace, before, after)
    return after


def _sides(before: Resolution, ends: list[Identifier]) -> tuple[list[Identifier], list[Identifier]]:
    """All identifiers of the older person at the two ends, and of the other: a later undo gives both ids back.

    An end that is nobody's stands alone; what is no link has one side.
    """
    if len(ends) != 2:
        return [], ends
    births = before.identities.groupby("person_id")["since_at"].min()
    current = before.current

    def age(identifier: Identifier) -> tuple[bool, object, str]:
        person = before.person(*identifier)
        return person is None, births.get(person, pd.Timestamp.max.tz_localize("UTC")), str(person)

    def whole(identifier: Identifier) -> list[Identifier]:
        mine = current[current["person_id"] == before.person(*identifier)]
        all_of = list(zip(mine["kind"].astype(str), mine["value"].astype(str), strict=True))
        return [identifier, *sorted(i for i in all_of if i != identifier)]

    first, second = sorted(ends, key=age)
    return whole(first), whole(second)
