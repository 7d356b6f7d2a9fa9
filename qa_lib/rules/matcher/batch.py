"""Many people at once: rules as bit algebra over 64 people a word."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qa_lib.rules import bits
from qa_lib.rules.matcher.batch_events import write_events
from qa_lib.rules.matcher.people import People
from qa_lib.rules.matcher.person import Person
from qa_lib.rules.matcher.predicates import Predicates
from qa_lib.rules.matcher.terms import Node

if TYPE_CHECKING:
    from qa_lib.rules.matcher.matcher import Matcher

Words = npt.NDArray[np.uint64]
_BLOCK = 2_048  # terms at a time: their words stay in the cache of a core
#: Words of working memory that a thread keeps from batch to batch. Fresh memory costs more than the algebra:
#: the system hands out every page of it on first touch.
_KEPT_WORDS = 2**21
_kept = threading.local()


def _room(use: str, rows: int, n_words: int) -> Words:
    """Working memory of this thread for one use, with what the last batch left in it; shape (rows, n_words)."""
    size = rows * n_words
    if size > _KEPT_WORDS:
        return np.empty((rows, n_words), dtype=np.uint64)
    held: Words | None = getattr(_kept, use, None)
    if held is None or len(held) < size:
        held = np.empty(size, dtype=np.uint64)
        setattr(_kept, use, held)
    return held[:size].reshape(rows, n_words)


class BatchMatches:
    """Which rules each person of a batch matches, as bits.

    Attributes
    ----------
    bits
        Shape (n_rules, n_words): bit `i % 64` of word `i // 64` says whether person `i` matches.
    """

    def __init__(self, matcher: Matcher, people: People, found: Words) -> None:
        self.matcher, self.people, self.bits = matcher, people, found

    @property
    def counts(self) -> dict[str, int]:
        """How many people match each rule, by name."""
        found = np.bitwise_count(self.bits).sum(axis=1)
        return dict(zip(self.matcher.names, found.tolist(), strict=True))

    def names(self, number: int) -> tuple[str, ...]:
        """The rules that person `number` of the batch matches, highest priority first."""
        word = self.bits[:, number // 64] >> np.uint64(number % 64) & np.uint64(1)
        return tuple(self.matcher.names[n] for n in word.nonzero()[0].tolist())

    def __iter__(self) -> Iterator[tuple[Person, tuple[str, ...]]]:
        """Every person with the rules that they match."""
        for number, person in enumerate(self.people.people):
            yield person, self.names(number)


def match_batch(matcher: Matcher, people: People, as_of: int) -> BatchMatches:
    """The matches of a batch as of a moment."""
    found = algebra(matcher, _literals(matcher.predicates, people, as_of))
    found &= bits.everybody(len(people))  # the last word may have room for more people than there are
    return BatchMatches(matcher, people, found)


def _literals(predicates: Predicates, people: People, as_of: int) -> Words:
    """The truth of every predicate and negation as bits; shape (2 * size, n_words)."""
    size, n_words = predicates.size, -(-len(people) // 64)
    literals = _room("literals", 2 * size, n_words)
    packed = literals.view(np.uint8)
    n_bytes = -(-len(people) // 8)
    packed[:size, n_bytes:] = 0  # every byte before is written

    def write(first: int, truths: npt.NDArray[np.uint8]) -> None:
        packed[first : first + len(truths), :n_bytes] = np.packbits(truths, axis=1, bitorder="little")

    packed[: len(people.fixed), :n_bytes] = people.fixed
    write_events(predicates, people, as_of, write)
    for slot, leaf in enumerate(predicates.leaves, size - len(predicates.leaves)):
        write(slot, np.array([[leaf.holds(person, as_of) for person in people.people]], dtype=np.uint8))
    np.invert(literals[:size], out=literals[size:])
    return literals


def algebra(matcher: Matcher, literals: Words) -> Words:
    """Every rule from the bits of its literals; shape (n_rules, n_words)."""
    terms = matcher.terms
    n_words = literals.shape[1]
    found = np.empty((len(matcher.rules), n_words), dtype=np.uint64)
    held = _room("held", len(terms.rule_of), n_words)
    other = _room("other", _BLOCK, n_words)
    for start in range(0, len(held), _BLOCK):
        block = held[start : start + _BLOCK]
        columns = terms.by_column[:, start : start + _BLOCK]
        lengths = terms.lengths[start : start + _BLOCK]
        literals.take(columns[0], axis=0, out=block, mode="clip")
        for column in range(1, int(lengths[0])):
            longer = int(np.searchsorted(-lengths, -column))  # lengths fall
            literals.take(columns[column, :longer], axis=0, out=other[:longer], mode="clip")
            np.bitwise_and(block[:longer], other[:longer], out=block[:longer])
    if not len(held):
        found[:] = 0
    else:
        held.take(terms.first_of, axis=0, out=found, mode="clip")
        found[terms.without] = 0
        for rules, numbers in terms.later:
            found[rules] |= held[numbers]
    known: dict[Node, Words] = {}
    for rule, node in terms.graphs.items():
        found[rule] = _bits_of(node, literals, known)
    return found


def _bits_of(node: Node, literals: Words, known: dict[Node, Words]) -> Words:
    if isinstance(node, int):
        return literals[node]
    if node not in known:
        is_all, parts = node
        join = np.bitwise_and if is_all else np.bitwise_or
        known[node] = join.reduce([_bits_of(part, literals, known) for part in parts], axis=0)
    return known[node]
