"""Keeping the members of many audiences up to date, evaluating no more than new data concern."""

from __future__ import annotations

import time
from typing import NamedTuple

import pandas as pd

from qa_lib.audiences.evaluate import engine_of, evaluate_on
from qa_lib.audiences.facts import facts_of
from qa_lib.audiences.kept_conditions import KeptConditions
from qa_lib.audiences.kept_members import MembersFiles
from qa_lib.audiences.references import Pinned, Place
from qa_lib.audiences.resolver import SavedAudiences
from qa_lib.rules import All, Any, Bits, Engine, InAudience
from qa_lib.rules.bits import count
from qa_lib.rules.model import walk
from qa_lib.workspace import Snapshot, go_on

#: Conditions are kept while audiences that share them are evaluated, up to this much memory.
KEPT_BYTES = 2 * 1024**3
COLUMNS = [
    "name",
    "version",
    "status",
    "count",
    "universe",
    "conditions_run",
    "conditions_taken_over",
    "elapsed_ms",
]


def refresh(audiences: list[Pinned], snapshot: Snapshot, files: MembersFiles) -> pd.DataFrame:
    """Keep who is in these audiences at a snapshot.

    What was kept for this snapshot is left as it is. Where everything that an audience reads is the same as
    at an earlier snapshot (people, columns, events and, for windows, the moment), its members are taken
    over from there. The others are evaluated, each condition once however many audiences share it, and only
    those conditions that new events, changed columns or a new day concern: the rest is taken over as well.
    Work that is cancelled meanwhile keeps the audiences that were done.

    Parameters
    ----------
    audiences
        In the order in which they need each other.

    Returns
    -------
    pandas.DataFrame
        One row per audience: `name`, `version`, `status` (`kept`, `same facts` or `evaluated`), `count`,
        `universe`, `conditions_run` (conditions that no audience before had, and no snapshot either),
        `conditions_taken_over` (those of an earlier snapshot), `elapsed_ms`.
    """
    files.tables.writable("The audiences cannot be refreshed")
    files.drop_old()
    leaves = {
        leaf.hash
        for pinned in audiences
        for _, leaf in walk(pinned.audience.rule)
        if not isinstance(leaf, All | Any | InAudience)
    }
    affordable = KEPT_BYTES // (snapshot.people_count // 8 + 1)
    kept = max(64, min(len(leaves), affordable))
    found_in = engine_of(snapshot).catalogue
    earlier = KeptConditions(snapshot, found_in)
    engine = Engine(snapshot, found_in, kept_conditions=kept, earlier=earlier)
    engine.audiences = SavedAudiences(
        snapshot, lambda audience: evaluate_on(engine, audience), files.tables.workspace
    )
    keeper = Keeper(audiences, engine, files)
    rows = []
    for pinned in audiences:
        go_on()  # what is kept stays
        started, before = time.perf_counter(), earlier.taken_over
        done = keeper.keep(pinned)
        elapsed_ms = (time.perf_counter() - started) * 1000
        taken_over = earlier.taken_over - before
        found = count(done.bits), done.universe, done.conditions_run, taken_over, elapsed_ms
        rows.append((pinned.name, pinned.number, done.status, *found))
    return pd.DataFrame(rows, columns=COLUMNS)


class Done(NamedTuple):
    """What was done for one audience, and who is in it."""

    status: str
    bits: Bits
    universe: int
    conditions_run: int


class Keeper:
    """Keeps audiences one after another, each after those that it needs.

    Parameters
    ----------
    audiences
        All of them; the members of those that another one needs are held in memory.
    engine
        With a `SavedAudiences` as its resolver.
    """

    def __init__(self, audiences: list[Pinned], engine: Engine, files: MembersFiles) -> None:
        assert isinstance(engine.audiences, SavedAudiences)
        self.engine = engine
        self.resolver = engine.audiences
        self.snapshot = engine.snapshot
        self.files = files
        self._rows = files.on_record(self.snapshot)
        self._needed = {place for pinned in audiences for place in pinned.versions}
        self._bits: dict[Place, Bits] = {}
        self._facts: dict[Place, str] = {}

    def keep(self, pinned: Pinned) -> Done:
        """Bring one audience up to date."""
        place = pinned.name, pinned.number
        row = self._rows.get((*place, pinned.key))
        bits = self.files.read(pinned.key, self.snapshot)
        self._facts[place] = row["facts"] if row is not None else self._facts_of(pinned)
        if row is not None and bits is not None:
            done = Done("kept", bits, int(row["universe_count"]), 0)
        else:
            done = self._found(pinned, bits)
            self.files.keep(pinned, self.snapshot, done.bits, done.universe, self._facts[place])
        if place in self._needed:
            self._bits[place] = done.bits
        return done

    def _found(self, pinned: Pinned, bits: Bits | None) -> Done:
        universe = self.snapshot.people_count
        if (base := pinned.audience.base) is not None:
            universe = count(self._bits[base.audience, pinned.needs[base.audience, base.version]])
        if bits is None:
            bits = self.files.taken_over(
                pinned, self._facts[pinned.name, pinned.number], self.snapshot.people_count
            )
        if bits is not None:
            return Done("same facts", bits, universe, 0)
        found = self.resolver.evaluation(pinned, self._bits)
        run = found.conditions_run - len(found.audience_versions)
        return Done("evaluated", found.members[()], universe, run)

    def _facts_of(self, pinned: Pinned) -> str:
        needed = [self._facts[place] for place in pinned.versions]
        return facts_of(self.snapshot, pinned.audience.rule, self.engine.catalogue, needed)
