"""Running a rule over all people: each condition once, to bits; everything above is bit algebra.

A condition's hash is its key in the cache of the snapshot, so an edit of one condition evaluates one,
and the count of every node comes for free.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any as AnyValue

import duckdb

from qa_lib.errors import SpecError
from qa_lib.rules import bits
from qa_lib.rules.bits import Bits
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.check import require
from qa_lib.rules.compile import compile_condition
from qa_lib.rules.model import All, Any, Condition, Path, Rule
from qa_lib.workspace import Snapshot

_KEPT_CONDITIONS = 512


@dataclass(frozen=True)
class Evaluation:
    """Who a rule selects, and how many every node of it does.

    `counts` and `members` are keyed by path (child numbers from the root, `()` is the whole).
    """

    rule: Rule
    universe: int
    members: Mapping[Path, Bits]
    elapsed_ms: float
    conditions_run: int

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
    """Evaluates rules over one snapshot, keeping the bits of the conditions that it saw last."""

    def __init__(self, snapshot: Snapshot, catalogue: Catalogue) -> None:
        self.snapshot = snapshot
        self.catalogue = catalogue
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
        run = self._node(rule, (), members)
        return Evaluation(rule, self.size, members, (time.perf_counter() - started) * 1000, run)

    def _node(self, node: Rule, path: Path, members: dict[Path, Bits]) -> int:
        run = 0
        if isinstance(node, All | Any):
            for i, child in enumerate(node.of):
                run += self._node(child, (*path, i), members)
            children = [members[(*path, i)] for i in range(len(node.of))]
            if not children:
                found = self._everybody
            else:
                found = bits.intersection(children) if isinstance(node, All) else bits.union(children)
            members[path] = bits.complement(found, self._everybody) if node.negated else found
            return run
        found, fresh = self._condition(node)
        members[path] = found
        return int(fresh)

    def _condition(self, leaf: Condition) -> tuple[Bits, bool]:
        key = leaf.hash
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key], False
        compiled = compile_condition(leaf, self.catalogue, self.snapshot.as_of, self.snapshot.zone)
        try:
            answer: AnyValue = self.snapshot.cursor().execute(compiled.sql(), compiled.params).fetchnumpy()
        except duckdb.Error as error:
            raise SpecError(
                f"The condition {leaf.to_json()} could not be run: {str(error).splitlines()[0]}"
            ) from error
        found = bits.from_numbers(answer["person_no"], self.size)
        with self._lock:
            self._cache[key] = found
            while len(self._cache) > _KEPT_CONDITIONS:
                self._cache.popitem(last=False)
        return found, True
