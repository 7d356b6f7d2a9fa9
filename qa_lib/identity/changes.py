"""The record of what changed hands: merges, splits, undos and quarantines, as rows that only grow."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.identity.graph import STATUSES, Apart, Groups, Policy
from qa_lib.identity.naming import Named, Numbers
from qa_lib.identity.numbering import Identifier
from qa_lib.tables import IDENTITY_CHANGES

_UNIT = "datetime64[us, UTC]"
#: What a person decided about a quarantine: the two are one, or stay apart; see `qa_lib.identity.decisions`.
DECISIONS = ("accept", "apart")


def constraints(changes: pd.DataFrame) -> tuple[list[tuple[Identifier, Identifier]], list[Apart]]:
    """What standing undos and decisions demand: pairs that are together, and sets that stay apart."""
    together: list[tuple[Identifier, Identifier]] = []
    apart: list[Apart] = []
    standing = changes["undone_at"].isna()
    undone = set(changes.loc[(changes["change"] == "undo") & standing, "cause"])
    told = changes["change_id"].isin(undone) & changes["change"].isin(["merge", "split"])
    told |= changes["change"].isin(DECISIONS) & standing
    for row in changes[told].to_dict("records"):
        kept, moved = read_identifiers(row["kept_identifiers"]), read_identifiers(row["moved_identifiers"])
        if row["change"] in ("merge", "apart"):
            apart.append((kept, moved))
        elif kept:
            # accepted: nothing that either had may be refused to the other, so all of it is together
            rest = kept[1:] if row["change"] == "accept" else []
            together += [(kept[0], i) for i in [*rest, *moved]]
    return together, apart


def read_identifiers(text: str) -> list[Identifier]:
    """The identifiers of a column of `identity_changes`."""
    return [(str(k), str(v)) for k, v in json.loads(text)]


def write_identifiers(identifiers: Iterable[Identifier]) -> str:
    """Identifiers as `identity_changes` holds them, in order."""
    return json.dumps(sorted([list(i) for i in identifiers]), ensure_ascii=False)


def last_number(names: Iterable[str], changes: pd.DataFrame) -> int:
    """The highest number that an id has had; 0 where none has one."""
    ids = {*names, *changes["person_id"].dropna(), *changes["other_person_id"].dropna()}
    return max((int(m[1]) for i in ids if (m := re.fullmatch(r"p(\d+)", i))), default=0)


def change_row(
    change: str, person: str | None, other: str | None, kept: str, moved: str, cause: str, reason: str
) -> dict[str, Any]:
    """One row of the record before it has a number and a time."""
    return {
        "change": change,
        "person_id": person,
        "other_person_id": other,
        "kept_identifiers": kept,
        "moved_identifiers": moved,
        "cause": cause,
        "reason": reason,
    }


def moves(groups: Groups, group: Numbers, prior: Numbers, named: Named) -> list[dict[str, Any]]:
    """A row for each merge and split, with the identifiers of both sides.

    Parameters
    ----------
    group, prior : shape (n_identifiers,)
        As `name_groups` took them.
    """
    is_concerned = np.zeros(len(named.person) + 1, dtype=bool)  # the last is of those in no group
    is_concerned[[g for g, *_ in named.merges] + [g for one in named.splits for g in (one[0], one[2])]] = True
    rows = np.flatnonzero(is_concerned[group])
    members: dict[tuple[int, str], list[Identifier]] = {}
    found = zip(group[rows].tolist(), prior[rows].tolist(), groups.numbered.identifiers(rows), strict=True)
    for g, who, identifier in found:
        if who >= 0:
            members.setdefault((g, named.names[who]), []).append(identifier)

    def some(g: int, who: str) -> str:
        return write_identifiers(members[(g, who)])

    out = []
    for g, keep, other in named.merges:
        reason = f"new links connect {keep} and {other}; the older id {keep} is kept"
        out.append(change_row("merge", keep, other, some(g, keep), some(g, other), "links", reason))
    for g, who, winner in named.splits:
        to = named.names[named.person[g]]
        reason = f"links between parts of {who} are gone; the part with most of them keeps the id"
        out.append(change_row("split", who, to, some(winner, who), some(g, who), "links", reason))
    return out


def quarantines(groups: Groups, policy: Policy) -> list[dict[str, Any]]:
    """One row for each shared identifier, each refused link and each group over the cap."""

    def row(identifiers: Sequence[Identifier], cause: str, reason: str) -> dict[str, Any]:
        return change_row("quarantine", None, None, "[]", write_identifiers(identifiers), cause, reason)

    numbered, found = groups.numbered, []
    shared = np.flatnonzero((groups.group < 0) & (groups.same_as == np.arange(numbered.count)))
    for one, degree in zip(numbered.identifiers(shared), groups.degree[shared].tolist(), strict=True):
        reason = f"it stands beside more than the cap of other identifiers ({degree}): it links nobody"
        found.append(row([one], "shared", reason))
    refused = groups.status == STATUSES.index("conflict")
    reason = (
        "the link would give one person two values of a single-valued kind, or redo a merge that was undone"
    )
    ends = (numbered.identifiers(groups.a[refused]), numbered.identifiers(groups.b[refused]))
    found += [row(both, "conflict", reason) for both in zip(*ends, strict=True)]
    held = np.flatnonzero(groups.is_held)
    held = held[np.lexsort((groups.order[held], groups.group[held]))]
    _, first, size = np.unique(groups.group[held], return_index=True, return_counts=True)
    for oldest, count in zip(numbered.identifiers(held[first]), size.tolist(), strict=True):
        reason = f"a group of {count} identifiers, the cap is {policy.size_cap}: nothing in it changes"
        found.append(row([oldest], "large", reason))
    return found


def extend(
    changes: pd.DataFrame,
    found: Sequence[dict[str, Any]],
    standing_now: Sequence[dict[str, Any]],
    at: pd.Timestamp,
) -> pd.DataFrame:
    """The record with what is new: quarantines that stand already stay, those whose cause is gone are lifted."""
    changes = changes.copy()
    standing = changes[(changes["change"] == "quarantine") & changes["undone_at"].isna()]
    wanted = {(q["cause"], q["moved_identifiers"]) for q in standing_now}
    there = dict(
        zip(standing.index, zip(standing["cause"], standing["moved_identifiers"], strict=True), strict=True)
    )
    changes.loc[[i for i, key in there.items() if key not in wanted], "undone_at"] = at
    # a run that was cut off between its two tables is not recorded twice
    same = ["change", "person_id", "other_person_id", "kept_identifiers", "moved_identifiers"]
    cut_off = changes[(changes["changed_at"] == at) & changes["undone_at"].isna()]
    done = set(cut_off[same].itertuples(index=False, name=None))
    found = [f for f in found if tuple(f[c] for c in same) not in done]
    known = set(there.values())
    new = [q for q in standing_now if (q["cause"], q["moved_identifiers"]) not in known]
    return add_changes(changes, [*found, *new], at)


def add_changes(changes: pd.DataFrame, new: Sequence[Mapping[str, Any]], at: pd.Timestamp) -> pd.DataFrame:
    """The record with further rows, numbered on."""
    if not new:
        return changes
    rows = pd.DataFrame(list(new))
    rows["change_id"] = [f"c{len(changes) + n:09d}" for n in range(1, len(rows) + 1)]
    rows["changed_at"] = pd.Series(at, index=rows.index, dtype=_UNIT)
    rows["undone_at"] = pd.Series(pd.NaT, index=rows.index, dtype=_UNIT)
    rows = rows[list(IDENTITY_CHANGES.column_names)].astype(
        dict.fromkeys(("person_id", "other_person_id"), "object")
    )
    return rows if changes.empty else pd.concat([changes, rows], ignore_index=True)
