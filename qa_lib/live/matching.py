"""From the stream to the matcher: each micro-batch changes people, and whoever enters or leaves a rule is kept.

Admission drops events that no rule can concern before anybody is looked up. A person's record is the batch view's
with the live events; it is kept in memory between micro-batches, never without the transaction that made it.
"""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qa_lib.live.view import LiveRow, LiveView, live_rows
from qa_lib.profiles.live import DERIVED
from qa_lib.rules.matcher import ColdStart, Followed
from qa_lib.rules.matcher.follow import New
from qa_lib.sources.stream import StreamEvent, StreamState
from qa_lib.workspace import Workspace

#: Makes the view of the snapshot that the seam names.
Open = Callable[[], LiveView]


#: What a person takes in memory with a thousand rules, their key included.
_BYTES_A_PERSON = 6_144
_SHARE_OF_MEMORY = 1 / 8


def _people_in_memory() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return int(memory * _SHARE_OF_MEMORY / _BYTES_A_PERSON)


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
        How many people are kept in memory; when not given, as many as an eighth of the machine's memory holds.
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
        self._clock, self._most = clock, most_people or _people_in_memory()
        self._people: OrderedDict[str, Followed] = OrderedDict()
        #: Who came into memory with this micro-batch, and who of those in memory was changed by it.
        self._loaded: dict[str, Followed] = {}
        self._touched: Mapping[str, Followed] = {}
        self._number = -1
        self._held: dict[str, int] = {}
        self._use(state.seam().number)

    def _use(self, number: int) -> None:
        self.view = self._open()
        matcher = self.view.matcher
        self._admission = matcher.admission(always=self.view.admitted_always) if matcher.rules else None
        self._follower = self.view.follower()
        self._cold = ColdStart(matcher, self.view.records, self._follower)
        self._people.clear()
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
        last = {person_id: event.event_id for person_id, event, _ in admitted}
        people = self._people
        known = {p: one for p in last if (one := people.get(p)) is not None and now_us < one.over}
        # a record that is over still says what was so before: time alone may have changed it
        before = {p: one.held for p in last if (one := people.get(p)) is not None}
        self._touched = known
        stale = self._load(con, [p for p in last if p not in known], events, now_us)
        records = {**self._loaded, **known}
        for person_id, one in self._loaded.items():
            before.setdefault(person_id, one.held)
        if self._follower.needs_person:
            self._follow_people(records, admitted, now_us)
        else:
            happen = self._follower.happen
            for person_id, event, properties in admitted:
                happen(records[person_id], event.event, event.occurred_us, properties, now_us)
        self.counts.matched += len(last)
        self._note(con, records, before, stale, last, now_us)

    def _note(
        self,
        con: sqlite3.Connection,
        records: Mapping[str, Followed],
        before: Mapping[str, int],
        stale: Mapping[str, Sequence[str]],
        last: Mapping[str, str],
        now_us: int,
    ) -> None:
        """Write down who entered and who left which rule."""
        entered: list[tuple[str, str, int, str]] = []
        left: list[tuple[str, str, int, str]] = []
        names_of = self._follower.names_of
        for person_id, event_id in last.items():
            was, now = before[person_id], records[person_id].held
            if was == now and person_id not in stale:
                self.counts.unchanged += 1
                continue
            into: Collection[str] = names_of(now & ~was)
            out_of: Collection[str] = names_of(was & ~now)
            if person_id in stale:
                held, had = {*names_of(now)}, {*names_of(was), *stale[person_id]}
                into, out_of = held - had, had - held
            entered += [(person_id, rule, now_us, event_id) for rule in into]
            left += [(person_id, rule, now_us, event_id) for rule in out_of]
        self._write(con, entered, left)

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
        The rules that people were in and that they have left since by time alone.
        """
        stale: dict[str, list[str]] = {}
        if not person_ids:
            return stale
        rows = live_rows(con, person_ids, without={(e.partition, e.offset) for e in events})
        stored: dict[str, list[str]] = {one: [] for one in person_ids}
        for person_id, rule in stored_matches(con, person_ids):
            stored[person_id].append(rule)
        for person_id, one in zip(person_ids, self._first(person_ids, rows, now_us), strict=True):
            if stored[person_id] and (missing := {*stored[person_id]} - {*self._follower.names(one)}):
                stale[person_id] = sorted(missing)
            self._loaded[person_id] = one
        self.counts.loaded += len(person_ids)
        return stale

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
        for person_id, one in zip(person_ids, found, strict=True):
            if rows[person_id]:
                follower.after(one, now_us, view.told(rows[person_id]))
        return found

    def _follow_people(
        self,
        records: Mapping[str, Followed],
        admitted: Sequence[tuple[str, StreamEvent, Mapping[str, Any]]],
        now_us: int,
    ) -> None:
        """Follow people of whom rules need more than counts."""
        more: dict[str, dict[str, list[tuple[int, Any]]]] = {}
        for person_id, event, properties in admitted:
            told = more.setdefault(person_id, {}).setdefault(event.event, [])
            told.append((event.occurred_us, properties))
        follower, view = self._follower, self.view
        for person_id, new in more.items():
            one = records[person_id]
            assert one.person is not None
            kept = {event: given for event, given in new.items() if event in follower.kept}
            person = view.as_of(view.with_events(one.person, kept), now_us)
            follower.after(one, now_us, self._new(new), person)

    def _write(
        self,
        con: sqlite3.Connection,
        entered: Sequence[tuple[str, str, int, str]],
        left: Sequence[tuple[str, str, int, str]],
    ) -> None:
        con.executemany("INSERT OR IGNORE INTO matches VALUES (?, ?, ?)", [row[:3] for row in entered])
        con.executemany("DELETE FROM matches WHERE person_id = ? AND rule = ?", [row[:2] for row in left])
        con.executemany(
            "INSERT INTO match_changes (person_id, rule, change, as_of_us, event_id) VALUES (?, ?, ?, ?, ?)",
            [
                (p, r, change, at, e)
                for change, rows in (("enter", entered), ("leave", left))
                for p, r, at, e in rows
            ],
        )
        self.counts.entered += len(entered)
        self.counts.left += len(left)


def stored_matches(con: sqlite3.Connection, person_ids: Sequence[str]) -> list[tuple[str, str]]:
    """Who was brought into which rule by the stream and is still in it."""
    found: list[tuple[str, str]] = []
    for start in range(0, len(person_ids), 500):
        part = person_ids[start : start + 500]
        marks = ", ".join("?" * len(part))
        found += con.execute(f"SELECT person_id, rule FROM matches WHERE person_id IN ({marks})", part)
    return found
