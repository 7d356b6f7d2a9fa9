"""Stable ids: which person each group of identifiers is, and who held which identifier from when to when.

Identifiers, groups and people are whole numbers here; only what is contested is looked at by its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from qa_lib.identity.graph import Groups
from qa_lib.identity.numbering import Numbered
from qa_lib.tables import IDENTITIES

Numbers = npt.NDArray[np.int64]
#: Until when an identifier is held that is held today.
OPEN = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Held:
    """Who held which identifier, a row an interval.

    Attributes
    ----------
    names
        Ids of people by their number, in the order in which they were given.
    node, person : shape (n_rows,)
        Numbers of the identifier and of the person.
    since_us, until_us : shape (n_rows,)
        µs since 1970; `OPEN` where it is held today.
    """

    names: tuple[str, ...]
    node: Numbers
    person: Numbers
    since_us: Numbers
    until_us: Numbers

    @classmethod
    def read(cls, identities: pd.DataFrame, node: Numbers) -> Held:
        """From the table `identities`, with the number of each row's identifier."""
        person, names = pd.factorize(identities["person_id"], sort=True)
        since, until = (
            identities[c].to_numpy(dtype="datetime64[us]").view(np.int64) for c in ("since_at", "until_at")
        )
        until = np.where(identities["until_at"].isna(), OPEN, until)
        return cls(tuple(names.tolist()), node, person.astype(np.int64), since.copy(), until)

    def frame(self, numbered: Numbered) -> pd.DataFrame:
        """As the table `identities`, by identifier and time."""
        order = np.lexsort((self.since_us, self.node))
        node = self.node[order]
        texts = pa.table(
            {
                "kind": numbered.names(node),
                "value": numbered.values(node),
                "person_id": pa.array(self.names, pa.large_string()).take(pa.array(self.person[order])),
            }
        ).to_pandas()
        until = self.until_us[order]
        is_open = until == OPEN
        ends = pd.Series(pd.to_datetime(np.where(is_open, 0, until), unit="us", utc=True)).mask(is_open)
        since = pd.to_datetime(self.since_us[order], unit="us", utc=True)
        return texts.assign(since_at=since, until_at=ends)[list(IDENTITIES.column_names)]

    def holders(self, count: int) -> Numbers:
        """The person who holds each of `count` identifiers today; -1 where nobody does."""
        found = np.full(count, -1, dtype=np.int64)
        is_open = self.until_us == OPEN
        found[self.node[is_open]] = self.person[is_open]
        return found

    def births(self, count: int) -> Numbers:
        """Since when each of `count` people held anything; `OPEN` for one who never did."""
        found = np.full(count, OPEN, dtype=np.int64)
        np.minimum.at(found, self.person, self.since_us)
        return found

    def with_holders(self, names: tuple[str, ...], holders: Numbers, at_us: int) -> Held:
        """Close what changed or is gone at a moment, open what is new; an interval of no length is dropped."""
        is_open = self.until_us == OPEN
        ends = is_open & (holders[self.node] != self.person)
        kept = ~ends | (self.since_us < at_us)
        until = np.where(ends, at_us, self.until_us)[kept]
        starts = np.flatnonzero((holders >= 0) & (holders != self.holders(len(holders))))
        return Held(
            names,
            np.concatenate([self.node[kept], starts]),
            np.concatenate([self.person[kept], holders[starts]]),
            np.concatenate([self.since_us[kept], np.full(len(starts), at_us)]),
            np.concatenate([until, np.full(len(starts), OPEN)]),
        )


class Named(NamedTuple):
    """What `name_groups` found: who each group is and what changed hands.

    Attributes
    ----------
    names
        Ids of people by their number, the new ones at the end.
    person : shape (n_groups,)
        The number of the person of each group.
    merges
        Group, id that is kept, id that was absorbed.
    splits
        Group, id that it lost, group that keeps it.
    """

    names: tuple[str, ...]
    person: Numbers
    merges: list[tuple[int, str, str]]
    splits: list[tuple[int, str, int]]


def separate_held(groups: Groups, prior: Numbers, names: Sequence[str]) -> Numbers:
    """Group numbers in which each earlier person within a held group stands alone, and new ones in none."""
    group: Numbers = groups.group.copy()
    held = groups.is_held
    if not held.any():
        return group
    pairs = zip(group[held].tolist(), prior[held].tolist(), strict=True)
    pair = pd.Series([f"{g} {names[p]}" if p >= 0 else None for g, p in pairs], dtype="object")
    code, _ = pd.factorize(pair, sort=True)
    group[held] = np.where(code < 0, -1, group.max() + 1 + code)
    return group


def name_groups(
    groups: Groups, group: Numbers, prior: Numbers, births: Numbers, names: tuple[str, ...], last: int
) -> Named:
    """The person of each group: the one its identifiers had, or a new one.

    Where it had several, the oldest is kept; where several groups claim one, the group with most of its
    links (then of its identifiers, then with the oldest of them) keeps it.

    Parameters
    ----------
    group, prior : shape (n_identifiers,)
        The group of each identifier (-1 for none) and the person it had (-1 for nobody).
    births : shape (n_people,)
        Since when each held anything.
    last
        The highest number that an id has had; new ones go on from there.
    """
    count = int(group.max()) + 1 if len(group) else 0
    person = np.full(count, -1, dtype=np.int64)
    claiming = (prior >= 0) & (group >= 0)
    keys, row, size = np.unique(
        prior[claiming] * max(count, 1) + group[claiming], return_inverse=True, return_counts=True
    )
    who, of = keys // max(count, 1), keys % max(count, 1)
    claims_of_person = np.bincount(who, minlength=len(names))
    claims_of_group = np.bincount(of, minlength=count)
    is_plain = (claims_of_person[who] == 1) & (claims_of_group[of] == 1)
    person[of[is_plain]] = who[is_plain]
    merges: list[tuple[int, str, str]] = []
    splits: list[tuple[int, str, int]] = []
    if not is_plain.all():
        oldest = np.full(len(keys), len(group))
        np.minimum.at(oldest, row, groups.order[claiming])
        a, b = groups.a, groups.b
        inside = (group[a] == group[b]) & claiming[a] & (prior[a] == prior[b])
        at = np.searchsorted(keys, prior[a[inside]] * count + group[a[inside]])
        claims = pd.DataFrame(
            {
                "prior": [names[p] for p in who[~is_plain].tolist()],
                "number": who[~is_plain],
                "group": of[~is_plain],
                "size": size[~is_plain],
                "oldest": oldest[~is_plain],
                "links": np.bincount(at, minlength=len(keys))[~is_plain],
                "birth": births[who[~is_plain]],
            }
        ).sort_values(["prior", "links", "size", "oldest"], ascending=[True, False, False, True])
        is_best = ~claims["prior"].duplicated()
        best = claims[is_best].sort_values(["group", "birth", "prior"])
        winner = dict(zip(best["prior"], best["group"].tolist(), strict=True))
        chosen = zip(best["group"].tolist(), best["prior"], best["number"].tolist(), strict=True)
        for g, name, number in chosen:
            if person[g] >= 0:
                merges.append((g, names[person[g]], name))
            else:
                person[g] = number
        rest = claims[~is_best].sort_values(["prior", "group"])
        splits = [
            (g, name, winner[name]) for g, name in zip(rest["group"].tolist(), rest["prior"], strict=True)
        ]
    is_used = np.zeros(count, dtype=bool)
    is_used[group[group >= 0]] = True
    new = np.flatnonzero(is_used & (person < 0))
    person[new] = len(names) + np.arange(len(new))
    more = tuple(f"p{last + n:09d}" for n in range(1, len(new) + 1))
    return Named(names + more, person, merges, splits)
