"""Groups of identifiers to people with stable ids, and a record of every merge, split and quarantine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.errors import AsOfOutside
from qa_lib.identity.graph import Apart, Groups, Identifier, Policy, group_links
from qa_lib.tables import IDENTITIES, IDENTITY_CHANGES, Table
from qa_lib.workspace import followed, held_at, read_moment

_UNIT = "datetime64[us, UTC]"
#: What a person decided about a quarantine: the two are one, or stay apart; see `qa_lib.identity.decisions`.
DECISIONS = ("accept", "apart")


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
    before, policy = before or Resolution.none(), policy or Policy()
    at = pd.Timestamp(read_moment(as_of))
    if (last := before.last_at) is not None and last > at:
        raise AsOfOutside(
            f"as_of {at.isoformat()} lies before the last change of identities, {last.isoformat()}; the "
            "record only grows forward. Read the past with Resolution.as_of."
        )
    seen = pd.to_datetime(links["observed_at"], utc=True) < at
    together, apart = constraints(before.changes)
    groups = group_links(links[seen], policy, together=together, apart=apart)
    open_rows = before.current
    prior_of = dict(
        zip(zip(open_rows["kind"], open_rows["value"], strict=True), open_rows["person_id"], strict=True)
    )
    prior_of.update(renamed or {})
    names = list(zip(groups.nodes["kind"], groups.nodes["value"], strict=True))
    prior = np.array([prior_of.get(i) for i in names], dtype=object)
    group = _separate_held(groups, prior)
    births = before.identities.groupby("person_id")["since_at"].min()
    person, won, lost = _name(groups, group, prior, births, _last_number(before))
    final = np.array([person.get(int(g)) for g in group], dtype=object)

    found: list[dict[str, Any]] = []
    concerned = [g for g, *_ in won] + [g for pair in lost for g in (pair[0], pair[2])]
    rows_of: dict[tuple[int, str], list[int]] = {}
    for x in np.flatnonzero(np.isin(group, concerned)):
        rows_of.setdefault((int(group[x]), prior[x]), []).append(int(x))

    def some(g: int, who: str) -> str:
        return write_identifiers(names[x] for x in rows_of[(g, who)])

    for g, keep, other in won:
        reason = f"new links connect {keep} and {other}; the older id {keep} is kept"
        found.append(_change("merge", keep, other, some(g, keep), some(g, other), "links", reason))
    for g, who, winner in lost:
        to = person[g]
        reason = f"links between parts of {who} are gone; the part with most of them keeps the id"
        found.append(_change("split", who, to, some(winner, who), some(g, who), "links", reason))
    changes = _append(before.changes, found, _quarantines(groups, policy), at)
    known = pd.DataFrame(
        {
            "kind": [k for k, _ in names],
            "value": [v for _, v in names],
            "person_id": final,
        },
        dtype="object",
    )
    return Resolution(_intervals(before.identities, known.dropna(), at), changes)


def _separate_held(groups: Groups, prior: np.ndarray) -> np.ndarray:
    """Group numbers in which each earlier person within a held group stands alone, and new ones in none."""
    group = groups.nodes["group"].to_numpy().copy()
    held = groups.nodes["is_held"].to_numpy()
    if not held.any():
        return group
    pair = pd.Series(
        [f"{g} {p}" if p is not None else None for g, p in zip(group[held], prior[held], strict=True)]
    )
    code, _ = pd.factorize(pair, sort=True)
    group[held] = np.where(code < 0, -1, group.max() + 1 + code)
    return group


def _name(
    groups: Groups, group: np.ndarray, prior: np.ndarray, births: pd.Series, last: int
) -> tuple[dict[int, str], list[tuple[int, str, str]], list[tuple[int, str, int]]]:
    """The person of each group, the merges (group, kept, absorbed), the splits (group, id, winning group)."""
    claiming = np.array([p is not None for p in prior], dtype=bool) & (group >= 0)
    person: dict[int, str] = {}
    merges: list[tuple[int, str, str]] = []
    splits: list[tuple[int, str, int]] = []
    if claiming.any():
        order = groups.nodes["order"].to_numpy()
        claims = pd.DataFrame({"prior": prior[claiming], "group": group[claiming], "oldest": order[claiming]})
        claims = claims.groupby(["prior", "group"]).agg(size=("oldest", "size"), oldest=("oldest", "min"))
        a, b = groups.edges["a"].to_numpy(), groups.edges["b"].to_numpy()
        inside = (group[a] == group[b]) & claiming[a] & (prior[a] == prior[b])
        held_by = pd.DataFrame({"prior": prior[a[inside]], "group": group[a[inside]]})
        counted = held_by.value_counts() if len(held_by) else pd.Series(dtype="int64")
        claims["links"] = [int(counted.get(key, 0)) for key in claims.index] if len(counted) else 0
        claims = claims.reset_index().sort_values(
            ["prior", "links", "size", "oldest"], ascending=[True, False, False, True]
        )
        is_best = ~claims["prior"].duplicated()
        winner = dict(zip(claims.loc[is_best, "prior"], claims.loc[is_best, "group"], strict=True))
        best = claims[is_best].assign(birth=lambda c: c["prior"].map(births))
        best = best.sort_values(["group", "birth", "prior"])
        for g, who in zip(best["group"].tolist(), best["prior"].tolist(), strict=True):
            if g in person:
                merges.append((g, person[g], who))
            else:
                person[g] = who
        rest = claims[~is_best].sort_values(["prior", "group"])
        splits = [
            (g, who, int(winner[who]))
            for g, who in zip(rest["group"].tolist(), rest["prior"].tolist(), strict=True)
        ]
    new = np.setdiff1d(np.unique(group[group >= 0]), np.fromiter(person, dtype=np.int64, count=len(person)))
    person.update({int(g): f"p{last + n:09d}" for n, g in enumerate(new, start=1)})
    return person, merges, splits


def _last_number(before: Resolution) -> int:
    ids = pd.concat(
        [before.identities["person_id"], before.changes["person_id"], before.changes["other_person_id"]]
    )
    numbers = [int(m[1]) for i in ids.dropna().unique() if (m := re.fullmatch(r"p(\d+)", str(i)))]
    return max(numbers, default=0)


def _quarantines(groups: Groups, policy: Policy) -> list[dict[str, Any]]:
    """One row for each shared identifier, each refused link and each group over the cap."""
    nodes, found = groups.nodes, []
    shared = np.flatnonzero((nodes["group"] < 0) & (groups.same_as == np.arange(len(nodes))))
    for x in shared.tolist():
        reason = f"it stands beside more than the cap of other identifiers ({nodes['degree'].iat[x]}): it links nobody"
        found.append(
            _change(
                "quarantine", None, None, "[]", write_identifiers([groups.identifier(x)]), "shared", reason
            )
        )
    refused = groups.edges[groups.edges["status"] == "conflict"]
    for a, b in zip(refused["a"].tolist(), refused["b"].tolist(), strict=True):
        both = [groups.identifier(a), groups.identifier(b)]
        reason = "the link would give one person two values of a single-valued kind, or redo a merge that was undone"
        found.append(_change("quarantine", None, None, "[]", write_identifiers(both), "conflict", reason))
    held = nodes[nodes["is_held"]]
    for _, members in held.groupby("group"):
        oldest = members.sort_values("order").index.tolist()[0]
        reason = f"a group of {len(members)} identifiers, the cap is {policy.size_cap}: nothing in it changes"
        found.append(
            _change(
                "quarantine",
                None,
                None,
                "[]",
                write_identifiers([groups.identifier(oldest)]),
                "large",
                reason,
            )
        )
    return found


def _change(
    change: str, person: str | None, other: str | None, kept: str, moved: str, cause: str, reason: str
) -> dict[str, Any]:
    return {
        "change": change,
        "person_id": person,
        "other_person_id": other,
        "kept_identifiers": kept,
        "moved_identifiers": moved,
        "cause": cause,
        "reason": reason,
    }


def _append(
    changes: pd.DataFrame,
    found: Sequence[dict[str, Any]],
    quarantines: Sequence[dict[str, Any]],
    at: pd.Timestamp,
) -> pd.DataFrame:
    """The record with what is new: quarantines that stand already stay, those whose cause is gone are lifted."""
    changes = changes.copy()
    standing = changes[(changes["change"] == "quarantine") & changes["undone_at"].isna()]
    wanted = {(q["cause"], q["moved_identifiers"]) for q in quarantines}
    there = dict(
        zip(standing.index, zip(standing["cause"], standing["moved_identifiers"], strict=True), strict=True)
    )
    changes.loc[[i for i, key in there.items() if key not in wanted], "undone_at"] = at
    # a run that was cut off between its two tables is not recorded twice
    same = ["change", "person_id", "other_person_id", "kept_identifiers", "moved_identifiers"]
    cut_off = changes[(changes["changed_at"] == at) & changes["undone_at"].isna()]
    done = set(cut_off[same].itertuples(index=False, name=None))
    found = [f for f in found if tuple(f[c] for c in same) not in done]
    new = [
        *found,
        *(q for q in quarantines if (q["cause"], q["moved_identifiers"]) not in set(there.values())),
    ]
    return add_changes(changes, new, at)


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


def _intervals(identities: pd.DataFrame, known: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    """Close what changed or is gone at `at`, open what is new; an interval of no length is dropped."""
    key = ["kind", "value", "person_id"]
    is_open = identities["until_at"].isna()
    joined = identities.loc[is_open, [*key, "since_at"]].merge(known, on=key, how="outer", indicator=True)
    state = joined["_merge"]
    stays, ends, starts = (
        joined[state == s].drop(columns="_merge") for s in ("both", "left_only", "right_only")
    )
    ends = ends[ends["since_at"] < at]

    def stamp(rows: pd.DataFrame, moment: object) -> pd.Series:
        return pd.Series(moment, index=rows.index, dtype=_UNIT)

    parts = [
        identities[~is_open],
        ends.assign(until_at=stamp(ends, at)),
        stays.assign(until_at=stamp(stays, pd.NaT)),
        starts.assign(since_at=stamp(starts, at), until_at=stamp(starts, pd.NaT)),
    ]
    kept = [p[list(IDENTITIES.column_names)] for p in parts if len(p)]
    if not kept:
        return empty(IDENTITIES)
    return pd.concat(kept, ignore_index=True).sort_values(["kind", "value", "since_at"], ignore_index=True)
