"""The terms of all rules by what they need: which rules flipped predicates change, for many people at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any as AnyValue
from typing import Protocol

import numpy as np
import numpy.typing as npt

from qa_lib.rules.matcher.terms import Node, Terms, holds_for

_OPPOSITE = bytes.maketrans(b"\0\1", b"\1\0")
_ALL_EIGHT = np.uint64(0x0101010101010101)
#: People decided at a time: what is read of them stays in the processor's cache.
_TOGETHER = 256

Ints = npt.NDArray[np.intp]
Bytes = npt.NDArray[np.uint8]
_NONE: Ints = np.empty(0, dtype=np.intp)
_NOBODY = _NONE, _NONE, np.empty(0, dtype=bool)


class Record(Protocol):
    """What deciding reads and writes of a person: bytes of truth, and bits of terms and of matched rules."""

    truths: bytearray
    terms: bytes
    held: bytes


class Lists:
    """Numbered lists that lie behind each other.

    Parameters
    ----------
    of, items
        Each of shape (n,): the list of each item.
    """

    def __init__(self, of: npt.NDArray[np.integer], items: npt.NDArray[np.integer], count: int) -> None:
        counts = np.bincount(of, minlength=count)
        self._ends = counts.cumsum()
        self._counts = counts
        self._items = items[of.argsort(kind="stable")].astype(np.intp)

    def of(self, numbers: Ints) -> tuple[Ints, Ints]:
        """The items of some lists, and for each the place of its list among these."""
        counts = self._counts[numbers]
        total = counts.cumsum()
        if not len(total) or not total[-1]:
            return _NONE, _NONE
        at = np.arange(total[-1]) + np.repeat(self._ends[numbers] - total, counts)
        return self._items[at], np.repeat(np.arange(len(numbers)), counts)


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
        needs = np.where(moves[terms.literals], terms.literals, 0)
        needs = np.take_along_axis(needs, (needs == 0).argsort(axis=1, kind="stable"), axis=1)
        #: The literals that may flip of each term, by column: the slot, and the truth that it needs there.
        self._needs = [(needs[:, i] % size, needs[:, i] < size) for i in range(int((needs > 0).any(0).sum()))]
        self._rule_of = terms.rule_of
        is_graph = np.zeros(n_rules, dtype=bool)
        is_graph[list(terms.graphs)] = True
        plain = np.flatnonzero(~is_graph[terms.rule_of])
        self._terms_of = Lists(terms.rule_of[plain], plain, n_rules)
        which, column = needs[plain].nonzero()
        #: By literal, the terms that need it.
        self._by_literal = Lists(needs[plain[which], column], plain[which], 2 * size)
        self._graphs_of: dict[int, list[int]] = {}
        for rule, node in self._graphs.items():
            for slot in {literal % size for literal in _literals(node)} & {*moving}:
                self._graphs_of.setdefault(slot, []).append(rule)

    def alive(self, literals: Bytes) -> bytes:
        """The terms whose conditions on fields all hold, a bit each."""
        hold = literals.take(self.fixed, axis=0).view(np.uint64)[:, 0] == _ALL_EIGHT
        return np.packbits(hold, bitorder="little").tobytes()

    def decide(self, records: Sequence[Record], flipped: Sequence[Iterable[int]]) -> None:
        """Write anew which rules people match, after some predicates of each have flipped."""
        for start in range(0, len(records), _TOGETHER):
            self._decide(records[start : start + _TOGETHER], flipped[start : start + _TOGETHER])

    def _decide(self, records: Sequence[Record], flipped: Sequence[Iterable[int]]) -> None:
        flips = [[*slots] for slots in flipped]
        slots = np.fromiter(chain.from_iterable(flips), dtype=np.intp)
        who = np.repeat(np.arange(len(records)), [len(one) for one in flips])
        people = _People(records)
        now = people.truths[who, slots] == 1
        here = np.where(now, slots, slots + self._size)
        gone = np.where(now, slots + self._size, slots)
        into, out_of = self._entered(people, who, here), self._left(people, who, gone)
        graphs = self._of_graphs(people, records, flips) if self._graphs_of else _NOBODY
        for (i, rules), is_in in ((into, True), (out_of, False), (graphs[:2], graphs[2])):
            _write(people.held, i, rules, is_in)
        width, told = people.held.shape[1], people.held.tobytes()
        for one in np.flatnonzero(np.bincount(np.concatenate([into[0], out_of[0], graphs[0]]))).tolist():
            records[one].held = told[one * width : (one + 1) * width]

    def _entered(self, people: _People, who: Ints, literals: Ints) -> tuple[Ints, Ints]:
        """People and rules, of which a term holds now that one of its literals has come true."""
        terms, place = self._by_literal.of(literals)
        who = who[place]
        rules = self._rule_of[terms]
        open_ = _bit(people.terms, who, terms) & ~_bit(people.held, who, rules)
        terms, who, rules = terms[open_], who[open_], rules[open_]
        hold = self._hold(people, who, terms)
        return who[hold], rules[hold]

    def _left(self, people: _People, who: Ints, literals: Ints) -> tuple[Ints, Ints]:
        """People and rules, of which no term holds any more now that a literal of one has become false."""
        terms, place = self._by_literal.of(literals)
        who = who[place]
        rules = self._rule_of[terms]
        doubtful = _bit(people.terms, who, terms) & _bit(people.held, who, rules)
        who, rules = who[doubtful], rules[doubtful]
        terms, place = self._terms_of.of(rules)
        alive = _bit(people.terms, who[place], terms)
        terms, place = terms[alive], place[alive]
        still = np.zeros(len(rules), dtype=bool)
        still[place[self._hold(people, who[place], terms)]] = True
        return who[~still], rules[~still]

    def _hold(self, people: _People, who: Ints, terms: Ints) -> Ints:
        """The places at which every literal of the term that may flip holds for the person."""
        left = np.arange(len(terms))
        for slots, wanted in self._needs:
            of = terms[left]
            left = left[people.truths[who[left], slots[of]] == wanted[of]]
        return left

    def _of_graphs(
        self, people: _People, records: Sequence[Record], flipped: Sequence[Sequence[int]]
    ) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
        """People, rules whose whole shape was looked at, and whether it holds."""
        found: list[tuple[int, int, bool]] = []
        for i, slots in enumerate(flipped):
            rules = {rule for slot in slots for rule in self._graphs_of.get(slot, ())}
            if not rules:
                continue
            truths = records[i].truths
            literals = np.frombuffer(truths + truths.translate(_OPPOSITE), dtype=np.uint8)
            known: dict[Node, bool] = {}
            found += [(i, rule, holds_for(self._graphs[rule], literals, known)) for rule in rules]
        told = np.array(found, dtype=np.intp).reshape(-1, 3)
        return told[:, 0], told[:, 1], told[:, 2].astype(bool)


class _People:
    """Some records side by side: a row each of truths, of terms and of matched rules."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.truths = side_by_side([one.truths for one in records])
        self.terms = side_by_side([one.terms for one in records])
        self.held = side_by_side([one.held for one in records])


def side_by_side(rows: Sequence[bytes | bytearray]) -> Bytes:
    """Rows of one length as an array of their own, which may be changed; shape (n_rows, n_bytes)."""
    return np.frombuffer(bytearray().join(rows), np.uint8).reshape(len(rows), len(rows[0]))


def _bit(rows: Bytes, who: Ints, places: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Whether the bit is set in the row of each."""
    found = rows[who, places >> 3] >> (places & 7).astype(np.uint8)
    return (found & 1).astype(bool)


def _write(
    rows: Bytes, who: Ints, places: npt.NDArray[np.integer], value: bool | npt.NDArray[np.bool_]
) -> None:
    """Set or clear bits, some perhaps more than once."""
    bit = np.left_shift(1, places & 7).astype(np.uint8)
    np.bitwise_and.at(rows, (who, places >> 3), ~bit)
    np.bitwise_or.at(rows, (who, places >> 3), np.where(value, bit, 0).astype(np.uint8))


def _literals(node: Node) -> set[int]:
    if isinstance(node, int):
        return {node}
    found: set[AnyValue] = set()
    for part in node[1]:
        found |= _literals(part)
    return found
