"""`delta`: who enters and who leaves which rule by an event, against a full re-evaluation of every rule."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from matcher_world import AS_OF, KINDS, ZONE, drawn_properties, make_catalogue, make_people, make_rules
from measured import Figure, WrongAnswer, waited_ms

from qa_lib.rules.matcher import EventLog, Matcher, Person
from qa_lib.rules.matcher.person import moment_of

RULES = (100, 1_000, 10_000)
PEOPLE = 200
_EVENTS = {"S": 500, "M": 2_000, "L": 5_000}
#: Between two events; windows slide meanwhile, so that people also enter and leave by time alone.
_APART = timedelta(minutes=7)

Change = tuple[frozenset[str], frozenset[str]]


@dataclass(frozen=True)
class Happened:
    """One event of a stream: who, when, what."""

    person: int
    at: datetime
    event: str
    properties: dict[str, Any]


def stream(count: int, *, seed: int) -> list[Happened]:
    """Events of kinds that rules name, in order of time."""
    draw = random.Random(seed)
    return [
        Happened(draw.randrange(PEOPLE), AS_OF + n * _APART, draw.choice(KINDS), drawn_properties(draw))
        for n in range(1, count + 1)
    ]


def by_event(
    matcher: Matcher, people: Sequence[Person], events: Sequence[Happened]
) -> tuple[list[Change], list[float]]:
    """What every event changes, and the microseconds that it took: the record with the event, and its matches."""
    now = list(people)
    held = [frozenset(matcher.match(person, AS_OF).names) for person in now]
    changes, taken = [], []
    for one in events:
        started = time.perf_counter_ns()
        after = now[one.person].with_event(one.event, one.at, one.properties)
        names = frozenset(matcher.match(after, one.at + timedelta(microseconds=1)).names)
        before = held[one.person]
        changes.append((names - before, before - names))
        now[one.person], held[one.person] = after, names
        taken.append((time.perf_counter_ns() - started) / 1_000)
    return changes, taken


def evaluated_again(
    matcher: Matcher, people: Sequence[Person], events: Sequence[Happened]
) -> tuple[list[Change], list[float]]:
    """The same from nothing kept: a new record of everything known so far, every rule by the batch's algebra."""
    known: list[dict[str, list[tuple[datetime, dict[str, Any]]]]] = [
        {kind: _rows(log) for kind, log in person.events.items()} for person in people
    ]
    as_of = [AS_OF] * len(people)
    changes, taken = [], []

    def matched(number: int, moment: datetime) -> frozenset[str]:
        person = Person(people[number].person_id, people[number].fields, known[number])
        return frozenset(matcher.match_many([person], moment).names(0))

    for one in events:
        before = matched(one.person, as_of[one.person])
        started = time.perf_counter_ns()
        known[one.person].setdefault(one.event, []).append((one.at, one.properties))
        as_of[one.person] = one.at + timedelta(microseconds=1)
        after = matched(one.person, as_of[one.person])
        taken.append((time.perf_counter_ns() - started) / 1_000)
        changes.append((after - before, before - after))
    return changes, taken


def _rows(log: EventLog) -> list[tuple[datetime, dict[str, Any]]]:
    return [
        (moment_of(at), {name: column[i] for name, column in log.columns.items()})
        for i, at in enumerate(log.times)
    ]


def run(tier: str, say: Callable[[str], None], people: int | None = None) -> list[Figure]:
    """Exact or no figure; `people` changes nothing, for they are made up in memory.

    Raises
    ------
    WrongAnswer
        When an event's entries or exits differ from the full re-evaluation.
    """
    say("delta: rules, people and events are made up in memory")
    everybody, catalogue = make_people(PEOPLE, seed=7), make_catalogue()
    events = stream(_EVENTS[tier], seed=23)
    figures: list[Figure] = []
    for count in RULES:
        matcher = Matcher(make_rules(count, seed=11), catalogue, ZONE)
        waited = waited_ms()
        found, taken = by_event(matcher, everybody, events)
        waited = waited_ms() - waited
        wanted, again = evaluated_again(matcher, everybody, events)
        wrong = sum(one != other for one, other in zip(found, wanted, strict=True))
        if wrong:
            raise WrongAnswer(
                f"{wrong} of {len(events)} events change other rules than a full re-evaluation says"
            )
        entries, exits = (sum(len(change[side]) for change in found) for side in (0, 1))
        middle = statistics.median(taken)
        say(f"{count} rules: {middle:.0f} µs an event, {waited:.0f} ms waited for a processor")
        figures += [
            Figure(f"events a second, {count} rules", 1e6 / middle, "events/s"),
            Figure(f"an event, {count} rules, p50", middle, "µs"),
            Figure(f"an event, {count} rules, p99", statistics.quantiles(taken, n=100)[98], "µs"),
            Figure(
                f"a full re-evaluation, {count} rules, p50",
                statistics.median(again),
                "µs",
                "from nothing kept",
            ),
            Figure(f"entries by {len(events)} events, {count} rules", entries, "entries"),
            Figure(f"exits by {len(events)} events, {count} rules", exits, "exits"),
            Figure(f"wrong, {count} rules", wrong, "events", "", "= 0", wrong == 0),
        ]
    return figures
