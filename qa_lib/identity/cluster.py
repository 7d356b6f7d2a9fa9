"""One person's identifiers and the evidence around them, out of many links, without grouping all of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.identity.changes import constraints
from qa_lib.identity.explain import Explanation, explain
from qa_lib.identity.graph import Policy, group_links
from qa_lib.identity.kinds import KINDS
from qa_lib.identity.numbering import Identifier
from qa_lib.identity.resolve import Resolution

#: Most identifiers beside a person's own that are shown.
NEIGHBOURS = 40


@dataclass(frozen=True)
class Cluster:
    """A person's identifiers, those next to them, and what links them.

    Attributes
    ----------
    nodes
        `kind, value, is_member` (of the person), by kind and value, members first.
    edges
        `a, b` (rows of `nodes`), `status` (used, same, demanded, shared, conflict, held), `source` and `observed_at` of
        the earliest link.
    left_out
        Neighbours that are not shown.
    """

    nodes: pd.DataFrame
    edges: pd.DataFrame
    left_out: int


class Evidence:
    """Answers about one person at a time, from the links in the same connected part as theirs.

    Grouping is decided within a connected part of all links (caps, conflicts, hashes and undos reach no
    further), so the answers are those over all links.

    Parameters
    ----------
    links
        The columns of the table `links`, those before the moment that is asked about.
    resolution
        As of that moment.
    """

    def __init__(self, links: pd.DataFrame, resolution: Resolution, policy: Policy | None = None) -> None:
        self._links = links.reset_index(drop=True)
        self._policy = policy
        self.resolution = resolution
        n = len(links)
        kinds = pd.concat([links["left_kind"], links["right_kind"]], ignore_index=True).astype(str)
        values = pd.concat([links["left_value"], links["right_value"]], ignore_index=True).astype(str)
        codes, names = pd.factorize(kinds + "\0" + values)
        self._places = pd.Index(names)
        self._part = self._connected(codes[:n], codes[n:])
        self._of_link = self._part[codes[:n]]

    def links_around(self, identifier: Identifier) -> pd.DataFrame:
        """The links in the connected part of an identifier.

        Raises
        ------
        UnknownName
            When the identifier is in no link.
        """
        at = self._places.get_indexer(["\0".join(identifier)])[0]
        if at < 0:
            near = did_you_mean(identifier[1], [n.partition("\0")[2] for n in self._places[:10_000]])
            raise UnknownName(f"The identifier {identifier!r} is in no link.{near}")
        return self._links[self._of_link == self._part[at]]

    def explain(self, one: Identifier, other: Identifier) -> Explanation:
        """Why two identifiers are one person, or why not; see `qa_lib.identity.explain`."""
        around = self.links_around(one)
        if self.links_around(other).index[0] not in around.index:
            around = pd.concat([around, self.links_around(other)])
        return explain(around, one, other, policy=self._policy, changes=self.resolution.changes)

    def members(self, person_id: str) -> list[Identifier]:
        """A person's identifiers, by rank of their kind and value.

        Raises
        ------
        UnknownName
            When nobody holds an identifier under that id.
        """
        rows = self.resolution.current
        mine = rows[rows["person_id"] == person_id]
        if mine.empty:
            near = did_you_mean(person_id, list(rows["person_id"].unique()[:10_000]))
            raise UnknownName(f"Nobody holds an identifier under the id {person_id!r}.{near}")
        found = list(zip(mine["kind"].astype(str), mine["value"].astype(str), strict=True))
        return sorted(found, key=lambda i: (KINDS[i[0]].rank, i))

    def cluster(self, person_id: str) -> Cluster:
        """A person's identifiers with what links them, and what stands next to them and links nobody."""
        members = self.members(person_id)
        together, apart = constraints(self.resolution.changes)
        around = self.links_around(members[0])
        groups = group_links(around, self._policy, together=together, apart=apart)
        place = groups.position
        mine = {place[i] for i in members if i in place}
        edges = groups.edges
        near = edges[edges["a"].isin(mine) | edges["b"].isin(mine)]
        others = [x for x in dict.fromkeys([*near["a"], *near["b"]]) if x not in mine]
        shown = {
            x: i for i, x in enumerate([*(place[i] for i in members if i in place), *others[:NEIGHBOURS]])
        }
        nodes = pd.DataFrame(
            [(*groups.identifier(x), x in mine) for x in shown], columns=["kind", "value", "is_member"]
        )
        sources = self._sources(around)
        rows = []
        for a, b, status in zip(near["a"], near["b"], near["status"], strict=True):
            if a in shown and b in shown:
                source, at = self._first(sources, groups.identifier(a), groups.identifier(b))
                rows.append((shown[a], shown[b], status, source, at))
        for x in shown:
            clear = int(groups.same_as[x])
            if clear != x and clear in shown:
                rows.append((shown[clear], shown[x], "same", "hash", pd.NaT))
        rows += self._bridges(
            rows, [(place[i], place[j]) for i, j in together if i in place and j in place], shown
        )
        found = pd.DataFrame(rows, columns=["a", "b", "status", "source", "observed_at"])
        found["observed_at"] = pd.to_datetime(found["observed_at"], utc=True)
        return Cluster(nodes, found, max(len(others) - NEIGHBOURS, 0))

    @staticmethod
    def _bridges(
        rows: list[tuple[Any, ...]], pairs: list[tuple[int, int]], shown: dict[int, int]
    ) -> list[tuple[Any, ...]]:
        """Pairs that are together by a decision, where no evidence joins them."""
        part = {i: i for i in shown.values()}

        def root(i: int) -> int:
            return i if part[i] == i else root(part[i])

        for a, b, status, *_ in rows:
            if status in ("used", "same"):
                part[root(a)] = root(b)
        made: list[tuple[Any, ...]] = []
        for x, y in pairs:
            if x in shown and y in shown and root(shown[x]) != root(shown[y]):
                made.append((shown[x], shown[y], "demanded", "undo", pd.NaT))
                part[root(shown[x])] = root(shown[y])
        return made

    @staticmethod
    def _sources(links: pd.DataFrame) -> dict[frozenset[Identifier], tuple[str, object]]:
        """By pair of identifiers, the earliest link's source and time."""
        ordered = links.sort_values(["observed_at", "source"], ascending=False)
        found: dict[frozenset[Identifier], tuple[str, object]] = {}
        for row in ordered.to_dict("records"):
            ends = [(str(row[f"{side}_kind"]), str(row[f"{side}_value"])) for side in ("left", "right")]
            found[frozenset(ends)] = (str(row["source"]), row["observed_at"])
        return found

    @staticmethod
    def _first(
        sources: dict[frozenset[Identifier], tuple[str, object]], one: Identifier, other: Identifier
    ) -> tuple[str, object]:
        """A pair that only a hashed form was seen with has no link of its own."""
        return sources.get(frozenset((one, other)), ("hash", pd.NaT))

    def _connected(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = len(self._places)
        if not n:
            return np.zeros(0, dtype=np.int64)
        pairs = [(left, right), self._hashed(), self._demanded()]
        rows, columns = (np.concatenate([np.asarray(p[i], dtype=np.int64) for p in pairs]) for i in (0, 1))
        matrix = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(n, n))
        return np.asarray(connected_components(matrix, directed=False)[1], dtype=np.int64)

    def _hashed(self) -> tuple[list[int], list[int]]:
        """Clear identifiers and their hashes, where both were seen."""
        if not len(self._places):
            return [], []
        kinds = np.array([name.partition("\0")[0] for name in self._places], dtype=object)
        clear: list[int] = []
        digests: list[str] = []
        for kind in sorted(k for k in set(kinds) if KINDS[k].hash_of):
            of, algorithm = str(KINDS[kind].hash_of), str(KINDS[kind].algorithm)
            for x in np.flatnonzero(kinds == of).tolist():
                value = self._places[x].partition("\0")[2]
                clear.append(x)
                digests.append(f"{kind}\0{hashlib.new(algorithm, value.encode()).hexdigest()}")
        at = self._places.get_indexer(digests)
        return [x for x, y in zip(clear, at, strict=True) if y >= 0], [int(y) for y in at if y >= 0]

    def _demanded(self) -> tuple[list[int], list[int]]:
        """Pairs that stand together, or sides that stay apart, because somebody said so."""
        together, apart = constraints(self.resolution.changes)
        pairs = [*together, *((kept[0], i) for kept, moved in apart if kept for i in [*kept, *moved])]
        if not pairs:
            return [], []
        ends = [self._places.get_indexer(["\0".join(p[i]) for p in pairs]) for i in (0, 1)]
        there = (ends[0] >= 0) & (ends[1] >= 0)
        return ends[0][there].tolist(), ends[1][there].tolist()
