"""From the stream to the matcher: each micro-batch changes people, and whoever enters or leaves a rule is kept.

Admission drops events that no rule can concern before anybody is looked up. A person's record is the batch view's
with the live events; it is kept in memory between micro-batches, never without the transaction that made it.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from qa_lib.live.memory import people_in_memory
from qa_lib.live.view import LiveRow, LiveView, live_rows
from qa_lib.profiles.live import DERIVED
from qa_lib.rules.matcher import ColdStart, Followed, Person
from qa_lib.rules.matcher.follow import New
from qa_lib.rules.matcher.term_masks import side_by_side
from qa_lib.sources.stream import StreamEvent, StreamState
from qa_lib.sources.stream.match_rows import PersonChange, changed, inside_of, keep_changes, rule_numbers
from qa_lib.workspace import Workspace

#: Makes the view of the snapshot that the seam names.
Open = Callable[[], LiveView]
_NO_NUMBERS = np.empty(0, dtype=object)
#: People compared at a time: their bits stay in the processor's cache.
_TOGETHER = 256


class _Known:
    """A person in memory, and the rules that the stream brought them into, by number, with commas between."""

    __slots__ = ("followed", "inside")

    def __init__(self, followed: Followed, inside: str) -> None:
        self.followed, self.inside = followed, inside


@dataclass
class Matched:
    """What matching has done since it was started."""

    admitted: int = 0
    dropped: int = 0
    matched: int = 0
    unchanged: int = 0
    loaded: int = 0
    entered: int = 0
    left: int = 0


class Matching:
    """The handler of a consumer that matches people.

    Parameters
    ----------
    open_view
        Called at the start and whenever the seam has moved.
    clock
        `wall`: people are matched as of now. `events`: as of the latest event so far, for replays.
    most_people
        How many people are kept in memory; when not given, as many as a quarter of the machine's memory holds.
    """

    def __init__(
        self,
        workspace: Workspace,
        state: StreamState,
        open_view: Open,
        *,
        clock: str = "wall",
        most_people: int | None = None,
    ) -> None:
        self.counts = Matched()
        self._workspace, self._state, self._open = workspace, state, open_view
        self._clock, self._given_most = clock, most_people
        self._people: OrderedDict[str, _Known] = OrderedDict()
        #: Who came into memory with this micro-batch, and who of those in memory was changed by it.
        self._loaded: dict[str, _Known] = {}
        self._touched: Mapping[str, _Known] = {}
        self._number = -1
        self._held: dict[str, int] = {}
        self._use(state.seam().number)

    def _use(self, number: int) -> None:
        self.view = self._open()
        matcher = self.view.matcher
        self._admission = matcher.admission(always=self.view.admitted_always) if matcher.rules else None
        self._follower = self.view.follower()
        self._cold = ColdStart(matcher, self.view.records, self._follower)
        self._most = people_in_memory(matcher) if self._given_most is None else self._given_most
        self._people.clear()
        #: The number of each rule in the state, once they are asked for; and each rule by its number.
        self._numbers = _NO_NUMBERS
        self._rule_of: dict[str, int] = {}
        self._number = number

    @staticmethod
    def _new(new: Mapping[str, list[tuple[int, Any]]]) -> New:
        """What changes with these events: of kinds that a build makes of them, it is not known what."""
        return {**new, **{made: None for made, source in DERIVED.items() if source in new}}

    # -- the consumer's handler ----------------------------------------------------------------

    def resolve(self, source_ids: Sequence[str]) -> Sequence[str]:
        return self.view.resolve(source_ids)

    def begin(self, con: sqlite3.Connection, held: Mapping[str, int]) -> None:
        self._loaded, self._touched = {}, {}
        if held != self._held:  # somebody else may have changed people of a partition that came back
            self._people.clear()
            self._held = dict(held)
        seam = self._state.seam(con)
        if seam.number != self._number or seam.snapshot != self.view.snapshot.version:
            self._use(seam.number)

    def handle(self, con: sqlite3.Connection, events: Sequence[StreamEvent], persons: Sequence[str]) -> None:
        if self._admission is None or not events:
            return
        whole, admit = self._admission.whole, self._admission.admit
        properties_of = self.view.properties
        admitted: list[tuple[str, StreamEvent, Mapping[str, Any]]] = []
        for event, person_id in zip(events, persons, strict=True):
            properties = properties_of(event.event, event.properties)
            if event.event in whole or admit(event.event, properties):
                admitted.append((person_id, event, properties))
        self.counts.admitted += len(admitted)
        self.counts.dropped += len(events) - len(admitted)
        now_us = self._now(con, events)
        if not admitted:
            return
        self._know_rules(con)
        last = {person_id: event.event_id for person_id, event, _ in admitted}
        people = self._people
        known = {p: one for p in last if (one := people.get(p)) is not None and now_us < one.followed.over}
        # a record that is over still says what was so before: time alone may have changed it
        before = {p: one.followed.held for p in last if (one := people.get(p)) is not None}
        self._touched = known
        left = self._load(con, [p for p in last if p not in known], events, now_us)
        records = {**self._loaded, **known}
        for person_id, one in self._loaded.items():
            before.setdefault(person_id, one.followed.held)
        if self._follower.needs_person:
            self._follow_people(records, admitted, now_us)
        else:
            self._follower.happen(
                ((records[p].followed, e.event, e.occurred_us, properties) for p, e, properties in admitted),
                now_us,
            )
        self.counts.matched += len(last)
        self._note(con, records, before, left, last, now_us)

    def _know_rules(self, con: sqlite3.Connection) -> None:
        """The number of each rule in the state."""
        if not len(self._numbers):
            self._numbers = np.array(rule_numbers(con, self.view.matcher.names), dtype=object)
            self._rule_of = {number: rule for rule, number in enumerate(self._numbers)}

    def _note(
        self,
        con: sqlite3.Connection,
        records: Mapping[str, _Known],
        before: Mapping[str, bytes],
        left: Mapping[str, Sequence[str]],
        last: Mapping[str, str],
        now_us: int,
    ) -> None:
        """Write down who entered and who left which rule."""
        entered, gone = self._differing(
            [before[p] for p in last],
            [records[p].followed.held for p in last],
            [left.get(p, ()) for p in last],
        )
        changes: list[PersonChange] = []
        for (person_id, event_id), into, out_of in zip(last.items(), entered, gone, strict=True):
            if not into and not out_of:
                self.counts.unchanged += 1
                continue
            one = records[person_id]
            one.inside = changed(one.inside, into, out_of)
            changes.append(PersonChange(person_id, event_id, into, out_of, one.inside))
            self.counts.entered += len(into)
            self.counts.left += len(out_of)
        keep_changes(con, changes, now_us)

    def _differing(
        self, before: Sequence[bytes], after: Sequence[bytes], left: Sequence[Sequence[str]]
    ) -> tuple[list[list[str]], list[list[str]]]:
        """By person, the numbers of the rules that they entered and of those that they left.

        Parameters
        ----------
        before, after
            The matched rules of each.
        left
            The rules that each was in as well, as far as the state knows.
        """
        entered: list[list[str]] = []
        gone: list[list[str]] = []
        for start in range(0, len(after), _TOGETHER):
            some = slice(start, start + _TOGETHER)
            now, was = side_by_side(after[some]), side_by_side(before[some])
            no_longer_active: dict[int, list[str]] = {}
            for i, numbers in enumerate(left[some]):
                for number in numbers:
                    if (rule := self._rule_of.get(number)) is None:
                        no_longer_active.setdefault(start + i, []).append(number)
                    else:
                        was[i, rule >> 3] |= 1 << (rule & 7)
            both = now & was
            entered += self._by_person(now ^ both)
            gone += self._by_person(was ^ both)
            for i, numbers in no_longer_active.items():
                gone[i] = [*gone[i], *numbers]
        return entered, gone

    def _by_person(self, rows: npt.NDArray[np.uint8]) -> list[list[str]]:
        """The numbers of the rules of each row of bits; nearly all are none."""
        some = np.flatnonzero(rows != 0)
        which = np.flatnonzero(np.unpackbits(rows.ravel()[some], bitorder="little"))
        who, where = np.divmod(some[which >> 3], rows.shape[1])
        told = self._numbers[where * 8 + (which & 7)].tolist()
        ends = np.searchsorted(who, np.arange(len(rows) + 1)).tolist()
        return [told[start:end] for start, end in pairwise(ends)]

    def done(self, *, kept: bool) -> None:
        people = self._people
        if kept:
            for person_id in self._touched:
                people.move_to_end(person_id)
            for person_id, one in self._loaded.items():
                if person_id not in self.view.resolve.several:  # else events come by several partitions
                    people[person_id] = one
            while len(people) > self._most:
                people.popitem(last=False)
        else:
            for person_id in self._touched:  # they were changed by events that are not kept
                people.pop(person_id, None)
            self._numbers = _NO_NUMBERS  # a rule's may have been given within what is not kept
        self._loaded, self._touched = {}, {}

    # -- the work ------------------------------------------------------------------------------

    def _now(self, con: sqlite3.Connection, events: Sequence[StreamEvent]) -> int:
        """The moment at which people are matched; it never goes back."""
        (clock,) = con.execute("SELECT clock_us FROM seam").fetchone()
        if self._clock == "events":
            as_of_us = int(self.view.snapshot.as_of.timestamp() * 1_000_000)
            now = max(clock, as_of_us, 1 + max(e.occurred_us for e in events))
        else:
            now = max(clock, int(datetime.now(UTC).timestamp() * 1_000_000))
        con.execute("UPDATE seam SET clock_us = ?", (now,))
        return now

    def _load(
        self, con: sqlite3.Connection, person_ids: Sequence[str], events: Sequence[StreamEvent], now_us: int
    ) -> dict[str, list[str]]:
        """The records of people who are not in memory, as they were before this micro-batch.

        Returns
        -------
        The rules, by number, that people were in and that they have left since by time alone.
        """
        left: dict[str, list[str]] = {}
        if not person_ids:
            return left
        rows = live_rows(con, person_ids, without={(e.partition, e.offset) for e in events})
        stored = inside_of(con, person_ids)
        for person_id, one in zip(person_ids, self._first(person_ids, rows, now_us), strict=True):
            inside = stored.get(person_id, "")
            self._loaded[person_id] = _Known(one, inside)
            if inside and (missing := [n for n in inside.split(",") if not self._holds(one, n)]):
                left[person_id] = missing
        self.counts.loaded += len(person_ids)
        return left

    def _holds(self, one: Followed, number: str) -> bool:
        rule = self._rule_of.get(number)
        return rule is not None and bool(one.held[rule >> 3] >> (rule & 7) & 1)

    def _first(
        self, person_ids: Sequence[str], rows: Mapping[str, Sequence[LiveRow]], now_us: int
    ) -> list[Followed]:
        """The records of people from both views."""
        view, follower = self.view, self._follower
        if not self._cold.is_possible:
            people = zip(view.batch(person_ids), person_ids, strict=True)
            records = [view.as_of(view.with_rows(person, rows[one]), now_us) for person, one in people]
            return [follower.first(record, now_us) for record in records]
        found = self._cold.people(person_ids, now_us)
        follower.after(
            [
                (one, view.told(told), None)
                for p, one in zip(person_ids, found, strict=True)
                if (told := rows[p])
            ],
            now_us,
        )
        return found

    def _follow_people(
        self,
        records: Mapping[str, _Known],
        admitted: Sequence[tuple[str, StreamEvent, Mapping[str, Any]]],
        now_us: int,
    ) -> None:
        """Follow people of whom rules need more than counts."""
        more: dict[str, dict[str, list[tuple[int, Any]]]] = {}
        for person_id, event, properties in admitted:
            told = more.setdefault(person_id, {}).setdefault(event.event, [])
            told.append((event.occurred_us, properties))
        follower, view = self._follower, self.view
        changes: list[tuple[Followed, New, Person | None]] = []
        for person_id, new in more.items():
            one = records[person_id].followed
            assert one.person is not None
            kept = {event: given for event, given in new.items() if event in follower.kept}
            person = view.as_of(view.with_events(one.person, kept), now_us)
            changes.append((one, self._new(new), person))
        follower.after(changes, now_us)
