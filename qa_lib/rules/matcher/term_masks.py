"""The terms of all rules as bits: which of them a flipped predicate can have changed for one person."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any as AnyValue

import numpy as np
import numpy.typing as npt

from qa_lib.rules.matcher.terms import Node, Terms, holds_for

_OPPOSITE = bytes.maketrans(b"\0\1", b"\1\0")
_ALL_EIGHT = np.uint64(0x0101010101010101)


class TermMasks:
    """Terms by the predicates that may flip.

    Parameters
    ----------
    moving
        The slots of predicates that events or time can flip; all others change only with the person's fields.
    """

    def __init__(self, terms: Terms, n_rules: int, size: int, moving: Collection[int]) -> None:
        self._size, self._graphs = size, terms.graphs
        moves = np.zeros(2 * size, dtype=bool)
        moves[[*moving, *(slot + size for slot in moving)]] = True
        #: The literals on fields of each term, filled with the literal 0, which is true.
        self.fixed = np.where(moves[terms.literals], 0, terms.literals)
        #: By slot, the terms that need it true, and those that need it false.
        self._true = [0] * size
        self._false = [0] * size
        self._needs: list[list[tuple[int, int]]] = []
        self._terms_of: list[list[int]] = [[] for _ in range(n_rules)]
        self._rule_of: list[int] = terms.rule_of.tolist()
        self._graphs_of: dict[int, list[int]] = {}
        for number, row in enumerate(terms.literals.tolist()):
            rule = self._rule_of[number]
            self._needs.append([(x % size, int(x < size)) for x in row if x and moves[x]])
            if rule in self._graphs:
                continue
            self._terms_of[rule].append(number)
            for slot, wanted in self._needs[-1]:
                of = self._true if wanted else self._false
                of[slot] |= 1 << number
        for rule, node in self._graphs.items():
            for slot in {literal % size for literal in _literals(node)} & {*moving}:
                self._graphs_of.setdefault(slot, []).append(rule)

    def alive(self, literals: npt.NDArray[np.uint8]) -> int:
        """The terms whose conditions on fields all hold, a bit each; for several people as a list."""
        return self.all_alive(literals[None])[0]

    def all_alive(self, literals: npt.NDArray[np.uint8]) -> list[int]:
        """The same for several people; `literals` of shape (n_people, 2 * size)."""
        if not len(self.fixed):
            return [0] * len(literals)
        hold = literals.take(self.fixed, axis=1).view(np.uint64)[..., 0] == _ALL_EIGHT
        packed = np.packbits(hold, axis=1, bitorder="little")
        return [int.from_bytes(row.tobytes(), "little") for row in packed]

    def decide(self, held: int, alive: int, truths: bytearray, flipped: Iterable[int]) -> int:
        """The matched rules after some predicates have flipped, a bit each."""
        enter = leave = 0
        graphs: set[int] = set()
        for slot in flipped:
            if truths[slot]:
                enter |= self._true[slot]
                leave |= self._false[slot]
            else:
                enter |= self._false[slot]
                leave |= self._true[slot]
            if self._graphs_of and slot in self._graphs_of:
                graphs.update(self._graphs_of[slot])
        enter &= alive
        leave &= alive
        rule_of = self._rule_of
        while leave:
            low = leave & -leave
            leave ^= low
            rule = rule_of[low.bit_length() - 1]
            if held >> rule & 1 and not self._any_holds(rule, alive, truths):
                held ^= 1 << rule
        while enter:
            low = enter & -enter
            enter ^= low
            number = low.bit_length() - 1
            rule = rule_of[number]
            if not held >> rule & 1 and self._holds(number, truths):
                held |= 1 << rule
        if graphs:
            literals = np.frombuffer(truths + truths.translate(_OPPOSITE), dtype=np.uint8)
            known: dict[Node, bool] = {}
            for rule in graphs:
                bit = 1 << rule
                held = held | bit if holds_for(self._graphs[rule], literals, known) else held & ~bit
        return held

    def _any_holds(self, rule: int, alive: int, truths: bytearray) -> bool:
        return any(alive >> number & 1 and self._holds(number, truths) for number in self._terms_of[rule])

    def _holds(self, number: int, truths: bytearray) -> bool:
        for slot, wanted in self._needs[number]:  # noqa: SIM110  asked for every flip: a generator costs twice
            if truths[slot] != wanted:
                return False
        return True


def _literals(node: Node) -> set[int]:
    if isinstance(node, int):
        return {node}
    found: set[AnyValue] = set()
    for part in node[1]:
        found |= _literals(part)
    return found
