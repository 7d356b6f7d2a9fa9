"""One person followed from event to event: only what an event or the time gone by can have changed is looked at.

The truth of a kind of event's predicates stays until an event of the kind comes or the edge of a window passes one;
of all rules only those are looked at of which a predicate has flipped. The answer is always `Matcher.match`'s.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any as AnyValue
from typing import NamedTuple

import numpy as np

from qa_lib.rules.matcher.matcher import Matcher
from qa_lib.rules.matcher.moments import NEVER, Span
from qa_lib.rules.matcher.person import EventLog, Person
from qa_lib.rules.matcher.sections import EventPlan, Filtered
from qa_lib.rules.matcher.terms import Node, holds_for

#: By kind, new events with their microseconds since 1970; None where it is not known which are new.
New = Mapping[str, Sequence[tuple[int, Mapping[str, AnyValue]]] | None]
_OPPOSITE = bytes.maketrans(b"\0\1", b"\1\0")


class Followed(NamedTuple):
    """What is known of a person as of the moment that they were looked at last.

    `truths` has a byte for every predicate, `until` says by kind of event from when on it may be another by time
    alone, `numbers` are the matched rules, ascending, which is their priority.
    """

    person: Person
    truths: bytes
    until: Mapping[str, int]
    numbers: tuple[int, ...]


class Follower:
    """Follows people for the rules of one matcher."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher, self._predicates = matcher, matcher.predicates
        size, terms = self._predicates.size, matcher.terms
        self._terms: list[list[tuple[int, ...]]] = [[] for _ in matcher.rules]
        self._rules_of: list[set[int]] = [set() for _ in range(size)]
        for rule, literals in zip(terms.rule_of.tolist(), terms.literals.tolist(), strict=True):
            term = tuple(x for x in literals if x)
            self._terms[rule].append(term)
            for literal in term:
                self._rules_of[literal % size].add(rule)
        for rule, node in terms.graphs.items():
            for literal in _literals(node):
                self._rules_of[literal % size].add(rule)
        self._plans = {
            event: _Plan(plan, self._predicates.spans) for event, plan in self._predicates.plans.items()
        }

    def names(self, followed: Followed) -> tuple[str, ...]:
        """The rules that the person matches, highest priority first."""
        names = self._matcher.names
        return tuple([names[number] for number in followed.numbers])

    def first(self, person: Person, as_of: int) -> Followed:
        """A person who is looked at for the first time."""
        truths = bytes(self._predicates.truths(person, as_of))
        until = {
            event: plan.until(log, as_of)
            for event, plan in self._plans.items()
            if (log := person.events.get(event)) is not None
        }
        literals = np.frombuffer(truths + truths.translate(_OPPOSITE), dtype=np.uint8)
        return Followed(person, truths, until, self._matcher.matched(literals)[0])

    def after(self, before: Followed, person: Person, as_of: int, events: New) -> Followed:
        """The same person later, after further events and perhaps with other fields.

        Parameters
        ----------
        as_of
            Not before the moment of `before`.
        events
            By kind, the events that the person has now and had not before.
        """
        predicates = self._predicates
        if before.person.row is person.row and person.row is not None:
            truths = bytearray(before.truths)
        else:
            truths = bytearray(before.truths)
            row = predicates.row_of(person)
            truths[: len(row)] = row
        until = dict(before.until)
        for event, plan in self._plans.items():
            log = person.events.get(event)
            if log is None:
                continue
            new, still = events.get(event), until.get(event, NEVER)
            if as_of >= still or (new is None and event in events):
                truths[plan.place] = predicates.template[plan.place]
                predicates.write_kind(event, log, as_of, truths)
                until[event] = plan.until(log, as_of)
            elif new:
                predicates.write_new(event, log, [given for _, given in new], as_of, truths)
                until[event] = min(still, plan.until(EventLog(tuple(sorted(at for at, _ in new)), {}), as_of))
        for slot, leaf in enumerate(predicates.leaves, predicates.size - len(predicates.leaves)):
            truths[slot] = leaf.holds(person, as_of)
        found = bytes(truths)
        if found == before.truths:
            return Followed(person, before.truths, until, before.numbers)
        return Followed(person, found, until, self._matched(before, found))

    def _matched(self, before: Followed, truths: bytes) -> tuple[int, ...]:
        """The matches, from those before and the rules that a predicate has flipped of."""
        was, now = np.frombuffer(before.truths, np.uint8), np.frombuffer(truths, np.uint8)
        concerned: set[int] = set()
        for slot in (was != now).nonzero()[0].tolist():
            concerned |= self._rules_of[slot]
        literals = truths + truths.translate(_OPPOSITE)
        matched, graphs = set(before.numbers), self._matcher.terms.graphs
        changed = False
        for rule in concerned:
            holds = _any_term(self._terms[rule], literals)
            if holds and rule in graphs:
                holds = holds_for(graphs[rule], np.frombuffer(literals, dtype=np.uint8), {})
            if holds != (rule in matched):
                changed = True
                (matched.add if holds else matched.remove)(rule)
        return tuple(sorted(matched)) if changed else before.numbers


def _any_term(terms: list[tuple[int, ...]], literals: bytes) -> bool:
    """Whether all literals of one of the terms hold; written out, because it is asked for every flip."""
    for term in terms:
        for literal in term:
            if not literals[literal]:
                break
        else:
            return True
    return False


class _Plan:
    """When the predicates on one kind of event may change by time alone."""

    def __init__(self, plan: EventPlan, spans: list[Span]) -> None:
        self.place = slice(plan.first, plan.past)
        every: list[Filtered] = [*plan.every, *plan.quick, *plan.slow]
        sections = [section for one in every for section in one.sections.values()]
        wanted = [spans[number] for number in dict.fromkeys(section.span for section in sections)]
        #: The lengths of windows that end at the moment and are of one length, and all other windows.
        self._rolling = [span.length for span in wanted if span.length is not None]
        self._spans = [span for span in wanted if span.length is None]
        self._always = any(one.filter.timed for one in every) or any(
            section.measure.kind.startswith("days_since") for section in sections
        )

    def until(self, log: EventLog, as_of: int) -> int:
        """The first moment after `as_of` at which a window over these events may hold others; at the earliest."""
        if self._always:
            return as_of
        times, found = log.times, NEVER
        if self._rolling:
            count = len(times)
            ahead = bisect_left(times, as_of)
            found = times[ahead] + 1 if ahead < count else NEVER
            for length in self._rolling:
                first = bisect_left(times, as_of - length, 0, ahead)
                if first < count and (leaves := times[first] + length + 1) < found:
                    found = leaves
        for span in self._spans:
            start, end = span.bounds(as_of)
            first = 0 if start is None else bisect_left(times, start)
            high = bisect_left(times, end)
            leaving = times[first] if first < len(times) else None
            entering = times[high] if high < len(times) else None
            found = min(found, span.changes(as_of, leaving, entering))
        return found


def _literals(node: Node) -> set[int]:
    if isinstance(node, int):
        return {node}
    found: set[AnyValue] = set()
    for part in node[1]:
        found |= _literals(part)
    return found
