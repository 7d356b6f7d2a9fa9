"""Running a rule over all people: each condition once, to bits; everything above is bit algebra.

A condition's hash is its key in the cache of the snapshot, so an edit of one condition evaluates one,
and the count of every node comes for free.
"""

from __future__ import annotations

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

from qa_lib.errors import SpecError
from qa_lib.rules import bits
from qa_lib.rules.bits import Bits
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.check import require
from qa_lib.rules.compile import compile_condition
from qa_lib.rules.model import All, Any, Condition, InAudience, Path, RandomSplit, Rule
from qa_lib.rules.split import buckets
from qa_lib.workspace import Snapshot

_KEPT_CONDITIONS = 512


class SavedMembers(NamedTuple):
    """Who is in a saved audience, and at which version of it; `members` is over the engine's universe."""

    version: int
    members: Bits


class AudienceResolver(Protocol):
    """Finds the members of a saved audience at a version, or at the active one where it is None.

    It raises `UnknownName` for an audience or version that is not there.
    """

    def __call__(self, audience: str, version: int | None) -> SavedMembers: ...


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

    @property
    def counts(self) -> dict[Path, int]:
        return {path: bits.count(found) for path, found in self.members.items()}

    @property
    def count(self) -> int:
        return bits.count(self.members[()])

    @property
    def share(self) -> float:
        """The part of the universe that is selected, between 0 and 1."""
        return self.count / self.universe if self.universe else 0.0


class Engine:
    """Evaluates rules over one snapshot, keeping the bits of the conditions that it saw last.

    Parameters
    ----------
    audiences
        Finds the members of saved audiences; without it, rules that name one are refused.
    """

    def __init__(
        self, snapshot: Snapshot, catalogue: Catalogue, audiences: AudienceResolver | None = None
    ) -> None:
        self.snapshot = snapshot
        self.catalogue = catalogue
        self.audiences = audiences
        self.size = snapshot.people_count
        self._everybody = bits.everybody(self.size)
        self._cache: OrderedDict[str, Bits] = OrderedDict()
        self._lock = threading.Lock()

    def evaluate(self, rule: Rule) -> Evaluation:
        """Who the rule selects.

        Raises
        ------
        SpecError, UnknownName
            When the rule does not fit the catalogue.
        """
        started = time.perf_counter()
        require(rule, self.catalogue)
        members: dict[Path, Bits] = {}
        versions: dict[Path, tuple[str, int]] = {}
        run = self._node(rule, (), members, versions)
        elapsed_ms = (time.perf_counter() - started) * 1000
        return Evaluation(rule, self.size, members, elapsed_ms, run, versions)

    def _node(
        self, node: Rule, path: Path, members: dict[Path, Bits], versions: dict[Path, tuple[str, int]]
    ) -> int:
        run = 0
        if isinstance(node, All | Any):
            for i, child in enumerate(node.of):
                run += self._node(child, (*path, i), members, versions)
            children = [members[(*path, i)] for i in range(len(node.of))]
            if not children:
                found = self._everybody
            else:
                found = bits.intersection(children) if isinstance(node, All) else bits.union(children)
            members[path] = bits.complement(found, self._everybody) if node.negated else found
            return run
        if isinstance(node, InAudience):  # not kept: which version is active may change
            saved = self._saved(node, path)
            versions[path] = (node.audience, saved.version)
            members[path] = saved.members if node.member else bits.complement(saved.members, self._everybody)
            return 1
        found, fresh = self._condition(node)
        members[path] = found
        return int(fresh)

    def _condition(self, leaf: Condition) -> tuple[Bits, bool]:
        key = leaf.hash
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key], False
        found = self._drawn(leaf) if isinstance(leaf, RandomSplit) else self._selected(leaf)
        with self._lock:
            self._cache[key] = found
            while len(self._cache) > _KEPT_CONDITIONS:
                self._cache.popitem(last=False)
        return found, True

    def _selected(self, leaf: Condition) -> Bits:
        """Who the condition's SQL selects."""
        compiled = compile_condition(leaf, self.catalogue, self.snapshot.as_of, self.snapshot.zone)
        try:
            answer: AnyValue = self.snapshot.cursor().execute(compiled.sql(), compiled.params).fetchnumpy()
        except duckdb.Error as error:
            raise SpecError(
                f"The condition {leaf.to_json()} could not be run: {str(error).splitlines()[0]}"
            ) from error
        return bits.from_numbers(answer["person_no"], self.size)

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
        saved = self.audiences(leaf.audience, leaf.version)
        if saved.members.shape != self._everybody.shape:
            raise SpecError(
                f"The members of audience {leaf.audience!r} are {saved.members.size} words of bits; over "
                f"{self.size:,} people they are {self._everybody.size}. Take them from the same snapshot.",
                path,
            )
        return saved
