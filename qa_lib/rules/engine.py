"""Running a rule over all people: each condition once, to bits; everything above is bit algebra.

A condition's hash is its key in the cache of the snapshot, so an edit of one condition evaluates one,
and the count of every node comes for free.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any as AnyValue
from typing import NamedTuple, Protocol

import duckdb
import numpy as np
import numpy.typing as npt
from sqlglot import exp

from qa_lib.errors import SpecError
from qa_lib.rules import bits
from qa_lib.rules.bits import Bits, Join
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.check import check, require
from qa_lib.rules.compile import Compiled, compile_condition
from qa_lib.rules.groups import Group, GroupCache, GroupKey
from qa_lib.rules.model import All, Any, Condition, InAudience, Path, RandomSplit, Rule, check_depth, walk
from qa_lib.rules.native import Native
from qa_lib.rules.split import buckets
from qa_lib.workspace import Snapshot, library_version

#: Conditions that an engine keeps unless told otherwise; their bytes are bounded as well.
_KEPT_CONDITIONS = 4_096
#: At ten million people a condition is 1.25 MB: room for the conditions of a thousand audiences.
_KEPT_BYTES = 768 * 2**20
#: A condition that took less is evaluated again rather than read from the folder that processes share.
_WORTH_SHARING_MS = 5.0
#: Conditions that are remembered as right.
_CHECKED = 100_000


class Kept(NamedTuple):
    """A condition's people, and how many they are."""

    members: Bits
    people: int


class SavedMembers(NamedTuple):
    """Who is in a saved audience, and at which version of it; `members` is over the engine's universe."""

    version: int
    members: Bits


class AudienceResolver(Protocol):
    """Finds the members of a saved audience at a version, or at the active one where it is None.

    It raises `UnknownName` for an audience or version that is not there.
    """

    def __call__(self, audience: str, version: int | None) -> SavedMembers: ...


class EarlierConditions(Protocol):
    """What is known of a condition from another snapshot at which everything that it reads was the same."""

    def read(self, leaf: Condition) -> Bits | None:
        """Who it selects, or None where nobody found out yet."""

    def keep(self, leaf: Condition, found: Bits) -> None:
        """Keep who it selects for snapshots to come."""


@dataclass(frozen=True)
class Evaluation:
    """Who a rule selects, and how many every node of it does.

    `counts` and `members` are keyed by path (child numbers from the root, `()` is the whole);
    `audience_versions` says for each condition on a saved audience which version was read.
    """

    rule: Rule
    universe: int
    members: Mapping[Path, Bits]
    elapsed_ms: float
    conditions_run: int
    audience_versions: Mapping[Path, tuple[str, int]] = field(default_factory=dict)
    _counted: Mapping[Path, int] = field(default_factory=dict, repr=False)
    _groups: Mapping[Path, Group] = field(default_factory=dict, repr=False)

    @cached_property
    def counts(self) -> dict[Path, int]:
        """How many people each node selects."""
        return {path: self._count(path) for path in self.members}

    @property
    def count(self) -> int:
        """How many people the rule selects."""
        return self._count(())

    def _count(self, path: Path) -> int:
        if path in self._counted:
            return self._counted[path]
        return self._groups[path].people if path in self._groups else bits.count(self.members[path])

    @property
    def share(self) -> float:
        """The part of the universe that is selected, between 0 and 1."""
        return self.count / self.universe if self.universe else 0.0


@dataclass(frozen=True)
class _Found:
    """What an evaluation found so far, by path; `joins` are the groups that have still to be filled, inner ones first."""

    members: dict[Path, Bits] = field(default_factory=dict)
    counted: dict[Path, int] = field(default_factory=dict)
    versions: dict[Path, tuple[str, int]] = field(default_factory=dict)
    groups: dict[Path, Group] = field(default_factory=dict)
    joins: dict[Path, tuple[GroupKey | None, Join]] = field(default_factory=dict)


class Engine:
    """Evaluates rules over one snapshot, keeping the bits of the conditions that it saw last.

    Parameters
    ----------
    audiences
        Finds the members of saved audiences; without it, rules that name one are refused.
    kept_conditions
        Of how many conditions the bits are kept: one bit for each person.
    earlier
        Asked before a condition is run, and told what it gave.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        catalogue: Catalogue,
        audiences: AudienceResolver | None = None,
        *,
        kept_conditions: int = _KEPT_CONDITIONS,
        earlier: EarlierConditions | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.catalogue = catalogue
        self.audiences = audiences
        self.earlier = earlier
        self.kept_conditions = kept_conditions
        self.size = snapshot.people_count
        self._everybody = bits.everybody(self.size)
        self._native = Native(catalogue, snapshot.columns, snapshot.as_of, snapshot.zone, self.size)
        self._cache: OrderedDict[str, Kept] = OrderedDict()
        self._groups = GroupCache()
        self._checked: set[str] = set()
        self._lock = threading.Lock()

    def evaluate(self, rule: Rule) -> Evaluation:
        """Who the rule selects.

        Raises
        ------
        SpecError, UnknownName
            When the rule does not fit the catalogue.
        """
        started = time.perf_counter()
        self._require(rule)
        found = _Found()
        run, _ = self._node(rule, (), found)
        self._fill(found)
        elapsed_ms = (time.perf_counter() - started) * 1000
        return Evaluation(
            rule, self.size, found.members, elapsed_ms, run, found.versions, found.counted, found.groups
        )

    def forget(self) -> None:
        """Drop the conditions that this engine keeps; what processes share stays."""
        with self._lock:
            self._cache.clear()
        self._groups.clear()

    def _require(self, rule: Rule) -> None:
        """Raise the first fault; a condition that was found right is not looked at again."""
        check_depth(rule)
        for path, node in walk(rule):
            if isinstance(node, All | Any):
                if path and not node.of:
                    require(rule, self.catalogue)
            elif node.hash not in self._checked:
                if check(node, self.catalogue):
                    require(rule, self.catalogue)
                if len(self._checked) >= _CHECKED:
                    self._checked.clear()
                self._checked.add(node.hash)

    def _node(self, node: Rule, path: Path, found: _Found) -> tuple[int, GroupKey | str | None]:
        """Find a node's people; how many conditions were run, and what it is known by (None: by nothing)."""
        if isinstance(node, All | Any):
            below = [self._node(child, (*path, i), found) for i, child in enumerate(node.of)]
            keys = [key for _, key in below if key is not None]
            key = (isinstance(node, All), node.negated, *keys) if len(keys) == len(below) else None
            group = None if key is None else self._groups.get(key)
            if group is not None:
                found.members[path], found.groups[path] = group.members, group
            else:
                found.members[path] = self._joined(node, path, key, found)
            return sum(run for run, _ in below), key
        if isinstance(node, InAudience):  # not kept: which version is active may change
            saved = self._saved(node, path)
            found.versions[path] = (node.audience, saved.version)
            found.members[path] = (
                saved.members if node.member else bits.complement(saved.members, self._everybody)
            )
            return 1, None
        kept, fresh = self._condition(node)
        found.members[path], found.counted[path] = kept
        return int(fresh), node.hash

    def _joined(self, node: All | Any, path: Path, key: GroupKey | None, found: _Found) -> Bits:
        """The set of a group, which is filled once all of the rule's are known."""
        if not node.of:
            return bits.complement(self._everybody, self._everybody) if node.negated else self._everybody
        children = [found.members[(*path, i)] for i in range(len(node.of))]
        if len(children) == 1 and not node.negated:
            return children[0]
        outside_of = self._everybody if node.negated else None
        join = Join(np.empty_like(self._everybody), children, isinstance(node, All), outside_of)
        found.joins[path] = key, join
        return join.found

    def _fill(self, found: _Found) -> None:
        """Fill the sets of the groups, and keep them from now on: no other thread sees them before."""
        people = bits.fill([join for _, join in found.joins.values()])
        for (path, (key, join)), count in zip(found.joins.items(), people, strict=True):
            found.groups[path] = Group(join.found, count)
            if key is not None:
                self._groups.keep(key, found.groups[path])

    def _condition(self, leaf: Condition) -> tuple[Kept, bool]:
        key = leaf.hash
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key], False
        if self.earlier is not None:
            if (known := self.earlier.read(leaf)) is not None:
                return self._keep(key, known), False
            found = self._found(leaf)
            self.earlier.keep(leaf, found)
            return self._keep(key, found), True
        return self._keep(key, self._found(leaf)), True

    def _found(self, leaf: Condition) -> Bits:
        """Who the condition selects, by the fastest way that is proven equal to its SQL."""
        found = self._native.selected(leaf)
        return self._shared(leaf) if found is None else found

    def _keep(self, key: str, found: Bits) -> Kept:
        kept = Kept(found, bits.count(found))
        with self._lock:
            self._cache[key] = kept
            while self._is_full(found.nbytes):
                self._cache.popitem(last=False)
        return kept

    def _is_full(self, size: int) -> bool:
        count = len(self._cache)
        return count > self.kept_conditions or (count > 1 and count * max(size, 1) > _KEPT_BYTES)

    def _shared(self, leaf: Condition) -> Bits:
        """The condition as another process found it, or by its SQL or its hash."""
        # the same data may be asked as of an earlier moment, or by a version of the library that means other people
        asked = f"{leaf.hash}:{self.snapshot.as_of.isoformat()}:{library_version()}"
        key = hashlib.sha256(asked.encode()).hexdigest()
        found = self.snapshot.leaves.read(key, len(self._everybody))
        if found is None:
            started = time.perf_counter()
            found = self._drawn(leaf) if isinstance(leaf, RandomSplit) else self._selected(leaf)
            if (time.perf_counter() - started) * 1000 >= _WORTH_SHARING_MS:
                self.snapshot.leaves.keep(key, found)
        return found

    def _selected(self, leaf: Condition) -> Bits:
        """Who the condition's SQL selects."""
        compiled = compile_condition(leaf, self.catalogue, self.snapshot.as_of, self.snapshot.zone)
        try:
            return bits.from_numbers(run_sql(self.snapshot, compiled), self.size)
        except duckdb.Error as error:
            raise SpecError(
                f"The condition {leaf.to_json()} could not be run: {str(error).splitlines()[0]}"
            ) from error

    def _drawn(self, leaf: RandomSplit) -> Bits:
        """Whose bucket lies in the part, by the hash itself."""
        drawn = buckets(leaf.salt, self._person_ids)
        return bits.from_numbers(np.flatnonzero((drawn >= leaf.low) & (drawn < leaf.high)), self.size)

    @cached_property
    def _person_ids(self) -> list[str]:
        rows = self.snapshot.cursor().execute("SELECT person_id FROM people ORDER BY person_no").fetchall()
        return [person_id for (person_id,) in rows]

    def _saved(self, leaf: InAudience, path: Path) -> SavedMembers:
        if self.audiences is None:
            raise SpecError(
                f"The rule names the saved audience {leaf.audience!r}, and this engine knows none. "
                "Give `Engine` the argument `audiences`, which finds their members.",
                path,
            )
        try:
            saved = self.audiences(leaf.audience, leaf.version)
        except SpecError as error:
            error.path = path  # where it is named here, whatever is wrong further down
            raise
        if saved.members.shape != self._everybody.shape:
            raise SpecError(
                f"The members of audience {leaf.audience!r} are {saved.members.size} words of bits; over "
                f"{self.size:,} people they are {self._everybody.size}. Take them from the same snapshot.",
                path,
            )
        return saved


def run_sql(snapshot: Snapshot, compiled: Compiled) -> npt.NDArray[np.integer]:
    """The person numbers that a compiled SELECT gives over a snapshot, in no order.

    The SQL reads each field as a column of `profile`; a boolean tag that the snapshot keeps as a bitset only
    is made such a column for this one query.
    """
    fields = {column.name for column in compiled.expression.find_all(exp.Column)}
    cursor = snapshot.cursor(packed=fields)
    answer: AnyValue = cursor.execute(compiled.sql(), compiled.params).fetchnumpy()
    return np.ma.getdata(answer["person_no"])
