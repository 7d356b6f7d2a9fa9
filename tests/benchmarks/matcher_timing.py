"""One person and micro-batches against 100 to 10,000 active rules, beside the best peers that install.

`matcher(tier)` and `batch(tier)` return one object each, as `qa bench` prints it. Equal answers are asserted
first, and the engines take turns in one process. Peers come with the extra `bench`; one that is not
installed is left out and said so.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any as AnyValue

import numpy as np
from matcher_batch_peers import batch_peers
from matcher_peers import PEERS, Peer
from matcher_world import AS_OF, ZONE, admission_events, facts_of, make_catalogue, make_people, make_rules
from measured import take_turns

from qa_lib.rules.matcher import Matcher, Person

RULES = (100, 1_000, 10_000)
PEOPLE = (64, 256, 1_000)
BAR_US = 150.0
BAR_TIMES = 100.0
BAR_PAIRS = 1e9
#: People per run: a peer at 10,000 rules takes tens of milliseconds each.
_ASKED = {"S": 300, "M": 1_000, "L": 2_000}


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    peer: str | None = None,
    bar: float | None = None,
    holds: bool | None = None,
) -> dict[str, AnyValue]:
    """One figure as `qa bench --json` prints it."""
    return {"name": name, "value": value, "unit": unit, "peer": peer, "bar": bar, "holds": holds}


def bar_of(figure: dict[str, AnyValue]) -> str:
    """A figure's bar in words: times are held from above, all else from below."""
    return "" if figure["bar"] is None else f"{'<=' if figure['unit'] == 'µs' else '>='} {figure['bar']:g}"


def machine() -> dict[str, AnyValue]:
    """What it ran on, and how busy that was."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_1min": os.getloadavg()[0],
    }


def waited() -> float:
    """Seconds that this process was ready to run and had no core, by Linux's scheduler; NaN elsewhere."""
    try:
        with open("/proc/self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return float("nan")


def result(
    bench: str, tier: str, figures: list[dict[str, AnyValue]], **more: AnyValue
) -> dict[str, AnyValue]:
    return {"bench": bench, "tier": tier, "machine": machine(), "figures": figures, **more}


def _microseconds(answer: Callable[[Person], object], people: Sequence[Person]) -> list[float]:
    taken = []
    for person in people:
        started = time.perf_counter_ns()
        answer(person)
        taken.append((time.perf_counter_ns() - started) / 1_000)
    return taken


def matcher(tier: str = "S", *, rounds: int = 5) -> dict[str, AnyValue]:
    """p50 and p99 of one person, the ratio to each peer, and what the two phases save.

    `p50` is of people whose record was matched before, as after one more event or as time goes on: what these
    rules make of the fields is kept with the record. `p50.fresh_record` is of records matched for the
    first time. Peers are given ready facts, narrowed to each rule.
    """
    figures: list[dict[str, AnyValue]] = []
    people = make_people(_ASKED[tier], seed=7)
    catalogue = make_catalogue()
    waiting, cpu = waited(), time.process_time()
    made = _microseconds(lambda p: Person(p.person_id, p.fields, p.events), people)
    figures.append(figure("record_made.1030_fields", statistics.median(made), "µs"))
    for count in RULES:
        rules = make_rules(count, seed=11)
        started = time.perf_counter()
        ours = Matcher(rules, catalogue, ZONE)
        figures.append(figure(f"build.{count}", time.perf_counter() - started, "s"))
        asked = people[: max(4, min(60, 20_000 // count))]
        facts = [facts_of(person, rules) for person in asked]
        peers = {name: made for name, make in PEERS.items() if (made := make(rules)) is not None}
        for person, own in zip(asked[:4], facts, strict=False):  # equal answers first
            names = set(ours.match(person, AS_OF).names)
            for name, peer in peers.items():
                assert set(peer(own)) == names, f"{name} and the matcher differ for {person.person_id}"
        mine: list[float] = []
        fresh: list[float] = []
        theirs: dict[str, list[float]] = {name: [] for name in peers}
        for _ in range(rounds):
            new = [Person(p.person_id, p.fields, p.events) for p in people]
            fresh += _microseconds(lambda person, m=ours: m.match(person, AS_OF), new)
            mine += _microseconds(lambda person, m=ours: m.match(person, AS_OF), people)
            for name, peer in peers.items():
                for own in facts[: max(2, len(facts) // rounds)]:
                    theirs[name].append(_one(peer, own))
        p50, p99 = (float(np.percentile(mine, q)) for q in (50, 99))
        of_most = count == RULES[-1]
        bar = BAR_US if of_most else None
        figures += [
            figure(f"p50.{count}", p50, "µs", bar=bar, holds=p50 <= BAR_US if of_most else None),
            figure(f"p99.{count}", p99, "µs"),
            figure(f"best.{count}", min(mine), "µs"),
            figure(f"p50.fresh_record.{count}", statistics.median(fresh), "µs"),
            figure(f"p99.fresh_record.{count}", float(np.percentile(fresh, 99)), "µs"),
        ]
        for name, times in theirs.items():
            figures.append(figure(f"p50.{count}", statistics.median(times), "µs", peer=name))
        if theirs:
            name = min(theirs, key=lambda n: statistics.median(theirs[n]))
            times = statistics.median(theirs[name]) / p50
            holds = times >= BAR_TIMES if of_most else None
            bar = BAR_TIMES if of_most else None
            figures.append(figure(f"times_faster.{count}", times, "×", peer=name, bar=bar, holds=holds))
        figures += _saved(ours, people, count)
    return result(
        "matcher",
        tier,
        figures,
        peers_missing=sorted(set(PEERS) - {f["peer"] for f in figures if f["peer"]}),
        cpu_s=time.process_time() - cpu,
        waited_s=waited() - waiting,
    )


def _one(peer: Peer, facts: AnyValue) -> float:
    started = time.perf_counter_ns()
    peer(facts)
    return (time.perf_counter_ns() - started) / 1_000


def _saved(ours: Matcher, people: Sequence[Person], count: int) -> list[dict[str, AnyValue]]:
    """What each step keeps off the next one."""
    steps = [ours.match(person, AS_OF).steps for person in people[:100]]
    admission = ours.admission()
    events = admission_events(5_000, seed=3)
    started = time.perf_counter_ns()
    for event, properties in events:
        admission.admit(event, properties)
    each = (time.perf_counter_ns() - started) / len(events)
    return [
        figure(f"phase1.dropped_rate.{count}", admission.counts.dropped_rate, "share of events"),
        figure(f"phase1.each.{count}", each / 1_000, "µs"),
        figure(f"conditions.{count}", steps[0].conditions, "conditions"),
        figure(f"predicates.{count}", steps[0].predicates, "distinct predicates"),
        figure(f"phase2.candidates.{count}", statistics.mean(s.candidates for s in steps), "terms a person"),
        figure(f"phase2.matched.{count}", statistics.mean(s.matched for s in steps), "rules a person"),
    ]


def batch(tier: str = "S", *, rounds: int = 40) -> dict[str, AnyValue]:
    """Person-rule pairs a second over a batch that is laid out by column; laying it out stands beside.

    Timed is all that a moment changes: the windows of events, every predicate on them, and every rule. What
    is laid out once a batch (fields, and events by column) stands beside as `with_layout`; what is made once a
    set of rules (terms in order) is `build` of `matcher`. The median is of the runs that had a processor.
    """
    figures: list[dict[str, AnyValue]] = []
    catalogue = make_catalogue()
    everybody = make_people(max(PEOPLE), seed=7)
    waiting, cpu = waited(), time.process_time()
    for count in RULES:
        ours = Matcher(make_rules(count, seed=11), catalogue, ZONE)
        for size in PEOPLE:
            started = time.perf_counter()
            people = ours.lay_out(everybody[:size])
            laid_out = time.perf_counter() - started
            found = ours.match_many(people, AS_OF)
            for number in range(0, size, max(1, size // 16)):  # equal answers first
                assert found.names(number) == ours.match(everybody[number], AS_OF).names
            timing = take_turns({"ours": lambda o=ours, p=people: o.match_many(p, AS_OF)}, rounds)["ours"]
            taken = [ms / 1000 for ms in timing.wall_ms]
            middle = size * count / (timing.undisturbed / 1000)
            of_most = (count, size) == (RULES[-1], PEOPLE[-1])
            bar, holds = (BAR_PAIRS, middle >= BAR_PAIRS) if of_most else (None, None)
            name = f"{size}x{count}"
            figures += [
                figure(f"pairs.{name}", middle, "pairs/s", bar=bar, holds=holds),
                figure(f"pairs.best.{name}", size * count / min(taken), "pairs/s"),
                figure(f"pairs.cpu.{name}", size * count / (timing.cpu / 1000), "pairs/CPU s"),
                figure(
                    f"pairs.with_layout.{name}",
                    size * count / (statistics.median(taken) + laid_out),
                    "pairs/s",
                ),
            ]
            if size == max(PEOPLE):
                figures += [
                    figure(f"pairs.{name}", rate, "pairs/s", peer=peer)
                    for peer, rate in batch_peers(ours, people, everybody).items()
                ]
    return result("batch", tier, figures, cpu_s=time.process_time() - cpu, waited_s=waited() - waiting)
