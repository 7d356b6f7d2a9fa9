"""Links to groups of identifiers: shared ones set aside, conflicts kept apart, large groups held back.

Everything is integers in NumPy (`numbering`, `components`): identifiers are numbered by kind and value, so
the answer does not depend on the order of the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from qa_lib.identity.components import Components
from qa_lib.identity.kinds import KINDS, kind
from qa_lib.identity.numbering import Identifier, Numbered, number_links

#: Two sets of identifiers that a person keeps apart, because a merge was undone.
Apart = tuple[Sequence[Identifier], Sequence[Identifier]]


class Policy(BaseModel):
    """How far evidence is trusted.

    Parameters
    ----------
    size_cap
        Most identifiers of one person; a larger group is held back whole.
    degree_caps
        By kind, instead of the kind's own: most other identifiers beside which one may stand.
    single_kinds
        By kind, instead of the kind's own: whether a person has at most one. Where people hold several
        loyalty cards, `{"card": False}` lets other evidence make two cards one person.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size_cap: int = Field(default=50, ge=1)
    degree_caps: Mapping[str, int] = Field(default_factory=dict)
    single_kinds: Mapping[str, bool] = Field(default_factory=dict)

    @field_validator("degree_caps")
    @classmethod
    def _known(cls, caps: Mapping[str, int]) -> Mapping[str, int]:
        for name, cap in caps.items():
            kind(name)
            if cap < 1:
                raise ValueError(f"the degree cap of '{name}' is {cap}; expected at least 1")
        return caps

    @field_validator("single_kinds")
    @classmethod
    def _declared(cls, kinds: Mapping[str, bool]) -> Mapping[str, bool]:
        for name in kinds:
            kind(name)
        return kinds


#: What became of a pair of identifiers; their places are the numbers in `Groups.status`.
STATUSES = ("used", "shared", "conflict", "held")
_USED, _SHARED, _CONFLICT, _HELD = range(4)


@dataclass(frozen=True)
class Groups:
    """Identifiers in groups, each group one person.

    Attributes
    ----------
    numbered
        The identifiers and links that were grouped.
    first_seen_us, order, degree, group, is_held, same_as : shape (n_identifiers,)
        Of each identifier: its first time; its place by age (0 is the oldest); distinct other identifiers;
        its group (-1 for a shared one); whether that is over the size cap; the clear identifier whose hash
        it is, or itself.
    a, b, first_us, status : shape (n_pairs,)
        Of each pair of identifiers: its two ends (a hashed form stands for its clear one), its first time
        and what became of it, a place in `STATUSES`.
    """

    numbered: Numbered
    first_seen_us: np.ndarray
    order: np.ndarray
    degree: np.ndarray
    group: np.ndarray
    is_held: np.ndarray
    same_as: np.ndarray
    a: np.ndarray
    b: np.ndarray
    first_us: np.ndarray
    status: np.ndarray

    @cached_property
    def nodes(self) -> pd.DataFrame:
        """`kind, value, first_seen_at, order, degree, group, is_held`, by kind and value."""
        everyone = np.arange(self.numbered.count)
        return pd.DataFrame(
            {
                "kind": pd.Categorical.from_codes(
                    self.numbered.kind_no, dtype=pd.CategoricalDtype(list(self.numbered.kinds))
                ),
                "value": self.numbered.values(everyone).to_pandas().astype("object"),
                "first_seen_at": pd.to_datetime(self.first_seen_us, unit="us", utc=True),
                "order": self.order,
                "degree": self.degree,
                "group": self.group,
                "is_held": self.is_held,
            }
        )

    @cached_property
    def edges(self) -> pd.DataFrame:
        """`a, b` (rows of `nodes`), `observed_at` (first), `status`, a row a pair."""
        return pd.DataFrame(
            {
                "a": self.a,
                "b": self.b,
                "observed_at": pd.to_datetime(self.first_us, unit="us", utc=True),
                "status": pd.Series(np.array(STATUSES, dtype=object)[self.status], dtype=object),
            }
        )

    @cached_property
    def position(self) -> dict[Identifier, int]:
        """The row of each identifier."""
        everyone = np.arange(self.numbered.count)
        return {i: n for n, i in enumerate(self.numbered.identifiers(everyone))}

    def identifier(self, row: int) -> Identifier:
        """The identifier of a row."""
        return self.numbered.identifiers([row])[0]


def group_links(
    links: pd.DataFrame,
    policy: Policy | None = None,
    *,
    together: Sequence[tuple[Identifier, Identifier]] = (),
    apart: Sequence[Apart] = (),
) -> Groups:
    """Identifiers in groups: connected components of the links, bounded.

    1. A hashed identifier is the same as the clear one whose normalised value has that hash.
    2. An identifier beside more others than its kind's cap is shared: it links nobody.
    3. Where two values of a single-valued kind, or the two sides of an undone merge, would meet, links
       are taken one by one, the strongest first (better rank of the weaker end, then of the other, then
       earlier), and one that would make them meet is refused.
    4. A group above the size cap is held.

    Parameters
    ----------
    links
        The columns of the table `links`, normalised, in any order.
    together
        Pairs that are one whatever the links say (an undone split).
    apart
        Pairs of sets that must not meet (an undone merge).

    Raises
    ------
    ContractBroken
        When a column is missing.
    UnknownName
        For a kind that is not declared.
    """
    return group_numbered(number_links(links)[0], policy or Policy(), together=together, apart=apart)


def group_numbered(
    numbered: Numbered,
    policy: Policy,
    *,
    together: Sequence[tuple[Identifier, Identifier]] = (),
    apart: Sequence[Apart] = (),
) -> Groups:
    """What `group_links` does, of links that are numbered already."""
    n, codes, names = numbered.count, numbered.kind_no, numbered.kinds
    ends = np.concatenate([numbered.left, numbered.right])
    seen = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(seen, ends, np.concatenate([numbered.at_us, numbered.at_us]))
    same_as = clear_of_hashed(numbered)
    rank = _by_kind([KINDS[k].rank if k in KINDS else 0 for k in names])[codes]
    order = np.empty(n, dtype=np.int64)
    order[np.lexsort((np.arange(n), rank, seen))] = np.arange(n)

    a, b, first = _pairs(same_as[numbered.left], same_as[numbered.right], numbered.at_us, n)
    degree = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
    caps = [policy.degree_caps.get(k, KINDS[k].degree_cap) if k in KINDS else 0 for k in names]
    is_shared = (degree > _by_kind(caps)[codes])[same_as]
    status = np.where(is_shared[a] | is_shared[b], _SHARED, _USED).astype(np.int8)

    found = {i: numbered.find(i) for pair in together for i in pair}
    found |= {i: numbered.find(i) for both in apart for side in both for i in side}
    where = {i: x for i, x in found.items() if x is not None}
    forced = [(same_as[where[i]], same_as[where[j]]) for i, j in together if i in where and j in where]
    forced = [(i, j) for i, j in forced if not is_shared[i] and not is_shared[j]]
    single = [policy.single_kinds.get(k, KINDS[k].is_single) if k in KINDS else False for k in names]
    singles = _by_kind(single).astype(bool)[codes] & (same_as == np.arange(n))
    sides = _sides(apart, where, same_as)
    group = _components(n, a, b, status == _USED, same_as, forced)
    is_contested = _contested(group, codes, len(names), singles & ~is_shared, sides)
    chosen = np.flatnonzero((status == _USED) & is_contested[group[a]])
    if len(chosen):
        weaker, stronger = np.maximum(rank[a], rank[b])[chosen], np.minimum(rank[a], rank[b])[chosen]
        chosen = chosen[np.lexsort((b[chosen], a[chosen], first[chosen], stronger, weaker))]
        marks: dict[int, set[tuple[int, int]]] = {x: set(s) for x, s in sides.items()}
        single_rows = np.flatnonzero(singles & is_contested[group])
        for x, code in zip(single_rows.tolist(), codes[single_rows].tolist(), strict=True):
            marks.setdefault(x, set()).add((-1 - code, x))
        status[_refused(chosen, a, b, marks, forced)] = _CONFLICT
        group = _components(n, a, b, status == _USED, same_as, forced)

    group, size = _renumber(group, order, is_shared)
    is_held = (group >= 0) & (size[group] > policy.size_cap) if n else np.zeros(0, dtype=bool)
    status[(status == _USED) & is_held[a]] = _HELD
    return Groups(numbered, seen, order, degree[same_as], group, is_held, same_as, a, b, first, status)


def _by_kind(values: Sequence[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def clear_of_hashed(numbered: Numbered) -> np.ndarray:
    """For each identifier the clear one whose hash it is, or itself; shape (n_identifiers,)."""
    same_as, kinds = np.arange(numbered.count), numbered.kinds
    for number, name in enumerate(kinds):
        of = KINDS[name].hash_of if name in KINDS else None
        algorithm = KINDS[name].algorithm if of else None
        if of not in kinds or algorithm is None:
            continue
        clear = np.flatnonzero(numbered.kind_no == kinds.index(of))
        hashed = np.flatnonzero(numbered.kind_no == number)
        texts = numbered.values(clear).to_pylist()
        known = {
            hashlib.new(algorithm, text.encode()).hexdigest(): x
            for text, x in zip(texts, clear.tolist(), strict=True)
        }
        for x, text in zip(hashed.tolist(), numbered.values(hashed).to_pylist(), strict=True):
            same_as[x] = known.get(text, x)
    return same_as


def _pairs(
    left: np.ndarray, right: np.ndarray, at: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct pairs of different identifiers, with the first time of each."""
    low, high = np.minimum(left, right), np.maximum(left, right)
    apart = low != high
    keys, inverse = np.unique(low[apart] * max(n, 1) + high[apart], return_inverse=True)
    first = np.full(len(keys), np.iinfo(np.int64).max)
    np.minimum.at(first, inverse, at[apart])
    return keys // max(n, 1), keys % max(n, 1), first


def _components(
    n: int,
    a: np.ndarray,
    b: np.ndarray,
    used: np.ndarray,
    same_as: np.ndarray,
    forced: Sequence[tuple[int, int]],
) -> np.ndarray:
    hashed = np.flatnonzero(same_as != np.arange(n))
    pairs = np.array(forced, dtype=np.int64).reshape(-1, 2)
    left = np.concatenate([a[used], hashed, pairs[:, 0]])
    right = np.concatenate([b[used], same_as[hashed], pairs[:, 1]])
    return Components(n, left, right).all()


def _sides(
    apart: Sequence[Apart], where: Mapping[Identifier, int], same_as: np.ndarray
) -> dict[int, set[tuple[int, int]]]:
    """By node, which side of which undone merge it is on."""
    found: dict[int, set[tuple[int, int]]] = {}
    for number, both in enumerate(apart):
        for side, identifiers in enumerate(both):
            for identifier in identifiers:
                if identifier in where:
                    found.setdefault(int(same_as[where[identifier]]), set()).add((number, side))
    return found


def _contested(
    group: np.ndarray,
    codes: np.ndarray,
    kind_count: int,
    singles: np.ndarray,
    sides: Mapping[int, set[tuple[int, int]]],
) -> np.ndarray:
    """By group, whether two values of a single-valued kind, or two sides of an undone merge, meet in it."""
    is_contested = np.zeros(int(group.max()) + 1 if len(group) else 0, dtype=bool)
    found, times = np.unique(group[singles] * max(kind_count, 1) + codes[singles], return_counts=True)
    is_contested[found[times > 1] // max(kind_count, 1)] = True
    met: dict[tuple[int, int], set[int]] = {}
    for x, marks in sides.items():
        for number, side in marks:
            met.setdefault((int(group[x]), number), set()).add(side)
    is_contested[[g for (g, _), both in met.items() if len(both) > 1]] = True
    return is_contested


def _refused(
    chosen: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    marks: dict[int, set[tuple[int, int]]],
    forced: Sequence[tuple[int, int]],
) -> list[int]:
    """Kruskal's order with marks: the edges that would make two different marks of one subject meet."""
    parent: dict[int, int] = {}

    def root(x: int) -> int:
        while (up := parent.get(x, x)) != x:
            parent[x] = parent.get(up, up)
            x = up
        return x

    def join(x: int, y: int) -> None:
        parent[y] = x
        if y in marks:
            marks.setdefault(x, set()).update(marks.pop(y))

    for i, j in forced:
        x, y = root(int(i)), root(int(j))
        if x != y:
            join(x, y)
    refused = []
    for edge, i, j in zip(chosen.tolist(), a[chosen].tolist(), b[chosen].tolist(), strict=True):
        x, y = root(i), root(j)
        if x == y:
            continue
        one, other = marks.get(x), marks.get(y)
        if one and other and any(s == t and v != w for s, v in one for t, w in other):
            refused.append(edge)
        else:
            join(x, y)
    return refused


def _renumber(group: np.ndarray, order: np.ndarray, is_shared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Groups in the order of their oldest identifier, -1 for shared ones; and the size of each."""
    out = np.full(len(group), -1, dtype=np.int64)
    kept = np.flatnonzero(~is_shared)
    if not len(kept):
        return out, np.zeros(1, dtype=np.int64)
    found, inverse = np.unique(group[kept], return_inverse=True)
    oldest = np.full(len(found), len(order))
    np.minimum.at(oldest, inverse, order[kept])
    place = np.empty(len(found), dtype=np.int64)
    place[np.argsort(oldest)] = np.arange(len(found))
    out[kept] = place[inverse]
    return out, np.bincount(out[kept])
