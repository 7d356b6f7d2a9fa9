"""One person followed from event to event: only what an event or the time gone by can have changed is looked at.

Counts and sums run on (`running.py`), so that most kinds of events need no log of the person's; of all rules only
terms are looked at that hold of the person's fields and of which a predicate has flipped. The answer is always
`Matcher.match`'s. A record is changed in place: whoever cannot keep a change forgets the record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any as AnyValue

import numpy as np
import numpy.typing as npt

from qa_lib.rules.matcher.matcher import Matcher
from qa_lib.rules.matcher.measures import between, measured
from qa_lib.rules.matcher.moments import NEVER
from qa_lib.rules.matcher.person import EventLog, Person, number
from qa_lib.rules.matcher.running import IsExact, Kind, Run, kinds_of, total
from qa_lib.rules.matcher.term_masks import TermMasks

#: By kind, new events with their microseconds since 1970; None where it is not known which are new.
New = Mapping[str, Sequence[tuple[int, Mapping[str, AnyValue]]] | None]
_OPPOSITE = bytes.maketrans(b"\0\1", b"\1\0")


class Followed:
    """What is known of a person as of the moment that they were looked at last.

    Attributes
    ----------
    truths
        A byte for every predicate.
    values
        Of the running sections that had an event, by their first slot: the count or the exact sum.
    until
        By kind whose log is kept, from when on its predicates may be others by time alone.
    over
        The same for all other kinds: from then on the record says nothing.
    held, terms
        The matched rules, and the terms whose conditions on fields hold: a bit each, from the lowest of each byte.
    person
        With the logs that are kept; None where nothing of it is needed.
    """

    __slots__ = ("held", "over", "person", "terms", "truths", "until", "values")

    def __init__(self, person: Person | None, truths: bytearray) -> None:
        self.person = person
        self.truths = truths
        self.values: dict[int, AnyValue] = {}
        self.until: dict[str, int] = {}
        self.over = NEVER
        self.held = self.terms = b""


class Follower:
    """Follows people for the rules of one matcher.

    Parameters
    ----------
    keep
        Kinds of events whose logs are kept beside those that the rules need.
    is_exact
        Which properties are summed exactly in whatever order; sums of others are measured anew.
    """

    def __init__(
        self, matcher: Matcher, *, keep: Collection[str] = (), is_exact: IsExact = lambda event, name: False
    ) -> None:
        self._matcher, self._predicates = matcher, matcher.predicates
        self.kinds = kinds_of(self._predicates.plans.items(), self._predicates.spans, is_exact)
        needed = {event for event, kind in self.kinds.items() if kind.slow}
        #: The kinds of events whose logs are to be handed over.
        self.kept = frozenset({*keep, *needed, *self._predicates.event_names})
        self._with_logs = [kind for event, kind in self.kinds.items() if event in self.kept]
        #: Whether records hold the person, whom the caller has to hand over with every change.
        self.needs_person = bool(self.kept or self._predicates.leaves)
        self._first_leaf = self._predicates.size - len(self._predicates.leaves)
        places = [kind.place for kind in self.kinds.values()]
        moving = {slot for place in places for slot in range(place.start, place.stop)}
        moving.update(range(self._first_leaf, self._predicates.size))
        self.masks = TermMasks(matcher.terms, len(matcher.rules), self._predicates.size, moving)

    def names(self, followed: Followed) -> tuple[str, ...]:
        """The rules that the person matches, highest priority first."""
        names = self._matcher.names
        held = np.unpackbits(np.frombuffer(followed.held, dtype=np.uint8), bitorder="little")
        return tuple([names[rule] for rule in held.nonzero()[0].tolist()])

    def first(self, person: Person, as_of: int) -> Followed:
        """A person with all logs, who is looked at for the first time."""
        predicates = self._predicates
        truths = bytearray().join((predicates.row_of(person), predicates.template[predicates.fields_end :]))
        one = Followed(person, truths)
        for event, kind in self.kinds.items():
            if (log := person.events.get(event)) is not None:
                self._measure(one, kind, log, as_of)
        for slot, leaf in enumerate(predicates.leaves, self._first_leaf):
            truths[slot] = leaf.holds(person, as_of)
        literals = self._literals(one)
        one.held = self._matched(literals)
        one.terms = self.masks.alive(literals)
        one.person = self._thin(person)
        return one

    def _thin(self, person: Person) -> Person | None:
        if not self.needs_person:
            return None
        if person.events.keys() <= self.kept:
            return person
        thin = person.with_events({})
        thin.events = {event: log for event, log in person.events.items() if event in self.kept}
        return thin

    def after(self, changes: Iterable[tuple[Followed, New, Person | None]], as_of: int) -> None:
        """Bring records to a later moment and after further events.

        Parameters
        ----------
        changes
            Each record at most once, with the events, by kind, that the person has now and had not before; and where
            records hold the person, the person after them, perhaps with other fields.
        as_of
            Not before the moment of any record, and before each is `over`.
        """
        doubtful: list[Followed] = []
        flips: list[list[int]] = []
        for one, new, person in changes:
            flipped: list[int] = []
            if self._bring(one, new, person, as_of, flipped):
                literals = self._literals(one)
                one.held, one.terms = self._matched(literals), self.masks.alive(literals)
            elif flipped:
                doubtful.append(one)
                flips.append(flipped)
        self.masks.decide(doubtful, flips)

    def _bring(self, one: Followed, new: New, person: Person | None, as_of: int, flipped: list[int]) -> bool:
        """Bring the truths of a record up to date; returns whether the person's fields are others."""
        anew: set[str] = set()
        other_fields = False
        if person is not None and one.person is not None:
            if person.row is not one.person.row or person.row is None:
                other_fields = self._read_fields(one, person)
            one.person = person
            anew = self._read_logs(one, person, as_of, new, flipped)
        for event, events in new.items():
            kind = self.kinds.get(event)
            if kind is None or events is None or event in anew:
                continue
            for at, properties in events:
                self._run(one, kind, at, properties, as_of, flipped)
        return other_fields

    def happen(self, events: Iterable[tuple[Followed, str, int, Mapping[str, AnyValue]]], as_of: int) -> None:
        """Events in records that hold no person, each with its kind, moment and properties: what `after` does."""
        flips: dict[Followed, list[int]] = {}
        kinds, run = self.kinds, self._run
        for one, event, at, properties in events:
            if (kind := kinds.get(event)) is not None:
                run(one, kind, at, properties, as_of, flips.setdefault(one, []))
        doubtful = [one for one, flipped in flips.items() if flipped]
        self.masks.decide(doubtful, [flips[one] for one in doubtful])

    def _run(
        self,
        one: Followed,
        kind: Kind,
        at: int,
        properties: Mapping[str, AnyValue],
        as_of: int,
        flipped: list[int],
    ) -> None:
        """The running sections of a kind after one event more, and when they are over."""
        until = kind.until_of_one(at, as_of)
        if kind.event in self.kept:
            one.until[kind.event] = min(until, one.until.get(kind.event, NEVER))
        elif until < one.over:
            one.over = until
        if at >= as_of:
            return
        if kind.every:
            _run_on(one, kind.every, at, as_of, properties, flipped)
        for name, by_value in kind.required.items():
            if (runs := by_value.get(properties.get(name))) is not None:  # type: ignore[arg-type]
                _run_on(one, runs, at, as_of, properties, flipped)

    # -- what needs a person -------------------------------------------------------------------

    def _read_fields(self, one: Followed, person: Person) -> bool:
        """Whether the predicates on fields are others."""
        row = self._predicates.row_of(person)
        if one.truths[: len(row)] == row:
            return False
        one.truths[: len(row)] = row
        return True

    def _read_logs(self, one: Followed, person: Person, as_of: int, new: New, flipped: list[int]) -> set[str]:
        """Measure what does not run; returns the kinds that were measured wholly."""
        predicates, truths, anew = self._predicates, one.truths, set()
        for kind in self._with_logs:
            event, place = kind.event, kind.place
            log = person.events.get(event)
            if log is None:
                continue
            given = new.get(event)
            if as_of >= one.until.get(event, NEVER) or (given is None and event in new):
                old = truths[place]
                truths[place] = predicates.template[place]
                one.values = {
                    s: v for s, v in one.values.items() if not kind.plan.first <= s < kind.plan.past
                }
                self._measure(one, kind, log, as_of)
                flipped += _differing(old, truths[place], place.start)
                anew.add(event)
            elif given and kind.slow:
                old = truths[place]
                told = [properties for _, properties in given]
                predicates.write_new(event, log, told, as_of, truths, kind.slow)
                flipped += _differing(old, truths[place], place.start)
        for slot, leaf in enumerate(predicates.leaves, self._first_leaf):
            if truths[slot] != (now := leaf.holds(person, as_of)):
                truths[slot] = now
                flipped.append(slot)
        return anew

    def _measure(self, one: Followed, kind: Kind, log: EventLog, as_of: int) -> None:
        """Everything that is measured of one kind of events."""
        predicates, truths = self._predicates, one.truths
        bounds = predicates.bounds(as_of)
        for filtered, _, events in predicates.concerned_by(kind.event, log, as_of):
            times = log.times if events is None else [log.times[i] for i in events]
            for section in filtered.sections.values():
                low, high = between(times, *bounds[section.span])
                if low >= high:
                    continue
                if section.first in kind.running:
                    value: AnyValue = high - low
                    if section.measure.kind == "sum":
                        inside = range(low, high) if events is None else events[low:high]
                        value = total(log, str(section.measure.property), inside)
                    one.values[section.first] = value
                    if (
                        type(value) is float
                    ):  # not exact after all: to be measured anew whenever it is looked at
                        one.over = as_of
                    value = number(value)
                else:
                    value = measured(section.measure, log, events, low, high, as_of, predicates.zone)
                truths[section.place] = section.index.known.get(value) or section.index.truths(value)
        until = kind.until(log.times, as_of)
        if kind.event in self.kept:
            one.until[kind.event] = until
        else:
            one.over = min(one.over, until)

    def _matched(self, literals: npt.NDArray[np.uint8]) -> bytes:
        found = np.zeros(len(self._matcher.rules), dtype=np.uint8)
        found[np.array(self._matcher.matched(literals)[0], dtype=np.intp)] = 1
        return np.packbits(found, bitorder="little").tobytes()

    def _literals(self, one: Followed) -> npt.NDArray[np.uint8]:
        return np.frombuffer(one.truths + one.truths.translate(_OPPOSITE), dtype=np.uint8)


def _run_on(
    one: Followed,
    runs: Sequence[Run],
    at: int,
    as_of: int,
    properties: Mapping[str, AnyValue],
    flipped: list[int],
) -> None:
    """One event more in some running sections."""
    values, truths = one.values, one.truths
    for first, past, length, known, answer, added, _, flips in runs:
        if length is not None and at < as_of - length:
            continue
        if added is None:
            count = values.get(first, 0) + 1
            values[first] = count
            if (flip := flips.get(count)) is not None:
                truths[first:past] = flip[0]
                flipped += flip[1]
            continue
        exact = values.get(first, 0) + (properties.get(added) or 0)
        values[first] = exact
        told = number(exact)
        row = known(told) or answer(told)
        old = truths[first:past]
        if old != row:
            truths[first:past] = row
            for slot, (was, now) in enumerate(zip(old, row, strict=True), first):
                if was != now:
                    flipped.append(slot)


def _differing(old: bytes | bytearray, new: bytes | bytearray, first: int) -> list[int]:
    was, now = np.frombuffer(old, np.uint8), np.frombuffer(new, np.uint8)
    found: list[int] = ((was != now).nonzero()[0] + first).tolist()
    return found
