"""Links to groups of identifiers: shared ones set aside, conflicts kept apart, large groups held back.

Everything is integers in NumPy: identifiers are numbered by kind and value, so the answer does not
depend on the order of the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from qa_lib.errors import ContractBroken
from qa_lib.identity.kinds import KINDS, kind
from qa_lib.tables import LINKS

Identifier = tuple[str, str]
#: Two sets of identifiers that a person keeps apart, because a merge was undone.
Apart = tuple[Sequence[Identifier], Sequence[Identifier]]

_TIME = "datetime64[us, UTC]"


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


@dataclass(frozen=True)
class Groups:
    """Identifiers in groups, each group one person.

    Attributes
    ----------
    nodes
        `kind, value, first_seen_at, order` (0 is the oldest), `degree` (distinct other identifiers),
        `group` (-1 for a shared identifier), `is_held` (in a group over the size cap), by kind and value.
    edges
        One row per pair of identifiers: `a, b` (rows of `nodes`, a hashed form stands for its clear
        one), `observed_at` (first), `status`: used, shared, conflict or held.
    same_as
        For each row of `nodes`, the row of the clear identifier whose hash it is, or itself.
    """

    nodes: pd.DataFrame
    edges: pd.DataFrame
    same_as: np.ndarray

    @cached_property
    def position(self) -> dict[Identifier, int]:
        """The row of each identifier."""
        return {i: n for n, i in enumerate(zip(self.nodes["kind"], self.nodes["value"], strict=True))}

    def identifier(self, row: int) -> Identifier:
        """The identifier of a row."""
        return str(self.nodes["kind"].iat[row]), str(self.nodes["value"].iat[row])


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
    policy = policy or Policy()
    if missing := [c for c in LINKS.column_names if c not in links and c != "origin"]:
        raise ContractBroken(f"The links have no column {missing[0]!r}; expected {LINKS.column_names}.")
    nodes, left, right, at = _number(links)
    n = len(nodes)
    same_as = _join_hashes(nodes)
    codes = nodes["kind"].cat.codes.to_numpy()
    names = list(nodes["kind"].cat.categories)
    rank = np.array([KINDS[k].rank for k in names], dtype=np.int64)[codes]
    order = np.empty(n, dtype=np.int64)
    seen = nodes["first_seen_at"].to_numpy(dtype="datetime64[us]").view(np.int64)
    order[np.lexsort((np.arange(n), rank, seen))] = np.arange(n)

    a, b, first = _pairs(same_as[left], same_as[right], at, n)
    degree = np.bincount(a, minlength=n) + np.bincount(b, minlength=n)
    caps = np.array([policy.degree_caps.get(k, KINDS[k].degree_cap) for k in names], dtype=np.int64)[codes]
    is_shared = (degree > caps)[same_as]
    status = np.where(is_shared[a] | is_shared[b], "shared", "used").astype(object)

    where = (
        {i: x for x, i in enumerate(zip(nodes["kind"], nodes["value"], strict=True))}
        if together or apart
        else {}
    )
    forced = [(same_as[where[i]], same_as[where[j]]) for i, j in together if i in where and j in where]
    forced = [(i, j) for i, j in forced if not is_shared[i] and not is_shared[j]]
    single = [policy.single_kinds.get(k, KINDS[k].is_single) for k in names]
    singles = np.array(single, dtype=bool)[codes] & (same_as == np.arange(n))
    sides = _sides(apart, where, same_as)
    group = _components(n, a, b, status == "used", same_as, forced)
    contested = _contested(group, codes, singles & ~is_shared, sides)
    chosen = np.flatnonzero((status == "used") & np.isin(group[a], contested))
    if len(chosen):
        weaker, stronger = np.maximum(rank[a], rank[b])[chosen], np.minimum(rank[a], rank[b])[chosen]
        chosen = chosen[np.lexsort((b[chosen], a[chosen], first[chosen], stronger, weaker))]
        marks: dict[int, set[tuple[int, int]]] = {x: set(s) for x, s in sides.items()}
        for x in np.flatnonzero(singles & np.isin(group, contested)):
            marks.setdefault(int(x), set()).add((-1 - int(codes[x]), int(x)))
        status[_refused(chosen, a, b, marks, forced)] = "conflict"
        group = _components(n, a, b, status == "used", same_as, forced)

    group, size = _renumber(group, order, is_shared)
    is_held = (group >= 0) & (size[group] > policy.size_cap) if n else np.zeros(0, dtype=bool)
    status[(status == "used") & is_held[a]] = "held"
    nodes = nodes.assign(order=order, degree=degree[same_as], group=group, is_held=is_held)
    edges = pd.DataFrame({"a": a, "b": b, "observed_at": pd.to_datetime(first, unit="us", utc=True)})
    return Groups(nodes, edges.assign(status=pd.Series(status, dtype=object)), same_as)


def _number(links: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Nodes by kind and value, the two ends of each link as rows of them, and its time in microseconds."""
    kinds = pd.Categorical(pd.concat([links["left_kind"], links["right_kind"]], ignore_index=True))
    kinds = kinds.set_categories(sorted(kinds.categories))
    for name in kinds.categories:
        kind(name)
    values = pd.concat([links["left_value"], links["right_value"]], ignore_index=True)
    coded, texts = pd.factorize(values, sort=True)
    width = max(len(texts), 1)
    keys, ends = np.unique(kinds.codes.astype(np.int64) * width + coded, return_inverse=True)
    at = pd.to_datetime(links["observed_at"], utc=True).to_numpy(dtype="datetime64[us]").view(np.int64)
    seen = np.full(len(keys), np.iinfo(np.int64).max)
    np.minimum.at(seen, ends, np.concatenate([at, at]))
    nodes = pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes((keys // width).astype(int), categories=kinds.categories),
            "value": np.asarray(texts, dtype=object)[keys % width],
            "first_seen_at": pd.to_datetime(seen, unit="us", utc=True),
        }
    )
    return nodes, ends[: len(links)], ends[len(links) :], at


def _join_hashes(nodes: pd.DataFrame) -> np.ndarray:
    same_as = np.arange(len(nodes))
    for name in nodes["kind"].cat.categories:
        of, algorithm = KINDS[name].hash_of, KINDS[name].algorithm
        if of is None or algorithm is None:
            continue
        clear = np.flatnonzero(nodes["kind"] == of)
        values = nodes["value"].to_numpy()
        known = {hashlib.new(algorithm, str(values[x]).encode()).hexdigest(): x for x in clear}
        for x in np.flatnonzero(nodes["kind"] == name):
            same_as[x] = known.get(values[x], x)
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
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not n:
        return np.zeros(0, dtype=np.int64)
    hashed = np.flatnonzero(same_as != np.arange(n))
    pairs = np.array(forced, dtype=np.int64).reshape(-1, 2)
    rows = np.concatenate([a[used], hashed, pairs[:, 0]])
    columns = np.concatenate([b[used], same_as[hashed], pairs[:, 1]])
    matrix = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(n, n))
    return connected_components(matrix, directed=False)[1].astype(np.int64)


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
    group: np.ndarray, codes: np.ndarray, singles: np.ndarray, sides: Mapping[int, set[tuple[int, int]]]
) -> np.ndarray:
    """The groups in which two values of a single-valued kind, or two sides of an undone merge, meet."""
    found = pd.DataFrame({"group": group[singles], "kind": codes[singles]}).value_counts()
    contested = {int(g) for g, _ in found[found > 1].index}
    met: dict[tuple[int, int], set[int]] = {}
    for x, marks in sides.items():
        for number, side in marks:
            met.setdefault((int(group[x]), number), set()).add(side)
    contested |= {g for (g, _), both in met.items() if len(both) > 1}
    return np.array(sorted(contested), dtype=np.int64)


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
    for edge in chosen.tolist():
        x, y = root(int(a[edge])), root(int(b[edge]))
        if x == y:
            continue
        one, other = marks.get(x, set()), marks.get(y, set())
        if any(s == t and v != w for s, v in one for t, w in other):
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
