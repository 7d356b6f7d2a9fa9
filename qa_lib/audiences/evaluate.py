"""Who an audience selects at one moment, and among whom."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import pandas as pd

from qa_lib.audiences.audience import Audience
from qa_lib.audiences.resolver import SavedAudiences
from qa_lib.profiles import catalogue
from qa_lib.rules import Bits, Engine, Evaluation, Rule, SparkEngine, to_numbers
from qa_lib.rules.bits import count, everybody
from qa_lib.workspace import Snapshot, Workspace

if TYPE_CHECKING:
    from pyspark.sql.connect.session import SparkSession

_engines: WeakKeyDictionary[Snapshot, Engine] = WeakKeyDictionary()
_lock = threading.Lock()


@dataclass(frozen=True)
class AudienceEvaluation(Evaluation):
    """Who an audience selects among the members of its base; `base` is that audience and its version."""

    base: tuple[str, int] = ("", 0)
    base_members: Bits | None = None


def engine_of(snapshot: Snapshot) -> Engine:
    """The engine over a snapshot; one per snapshot and process, so that its cache serves every view."""
    with _lock:
        if snapshot not in _engines:
            resolver = SavedAudiences(snapshot, lambda audience: evaluate(snapshot, audience))
            _engines[snapshot] = Engine(snapshot, catalogue(snapshot), resolver)
        return _engines[snapshot]


def spark_engine(snapshot: Snapshot, session: SparkSession, tables: str) -> SparkEngine:
    """An engine on the far side of a Spark Connect session, which also evaluates saved audiences there.

    Parameters
    ----------
    tables
        The folder that `export_tables` wrote, by the path under which the server reads it.
    """
    resolver = SavedAudiences(snapshot, lambda audience: evaluate_on(engine, audience))
    engine = SparkEngine(session, tables, snapshot, catalogue(snapshot), resolver)
    return engine


def evaluate(snapshot: Snapshot, audience: Audience | Rule) -> Evaluation:
    """Who an audience or a rule selects.

    With a base every node is restricted to its members: a condition to those among them for whom it is
    true, a negation to the rest of them.

    Raises
    ------
    SpecError, UnknownName
        When the rule does not fit the snapshot's catalogue, or names an audience that is not saved.
    """
    return evaluate_on(engine_of(snapshot), audience)


def evaluate_on(engine: Engine, audience: Audience | Rule) -> Evaluation:
    """The same on an engine of the caller's own, which must have a resolver where audiences are named."""
    if not isinstance(audience, Audience):
        return engine.evaluate(audience)
    found = engine.evaluate(audience.rule)
    if audience.base is None:
        return found
    started = time.perf_counter()
    assert engine.audiences is not None
    base = engine.audiences(audience.base.audience, audience.base.version)
    # and distributes over and, or and the complement in the base: restricting each node is the same
    # as evaluating the rule in the smaller universe
    restricted = {path: members & base.members for path, members in found.members.items()}
    return AudienceEvaluation(
        rule=found.rule,
        universe=count(base.members),
        members=restricted,
        elapsed_ms=found.elapsed_ms + (time.perf_counter() - started) * 1000,
        conditions_run=found.conditions_run,
        audience_versions=found.audience_versions,
        base=(audience.base.audience, base.version),
        base_members=base.members,
    )


def universe_of(snapshot: Snapshot, evaluation: Evaluation) -> Bits:
    """Everybody among whom an evaluation looked."""
    if isinstance(evaluation, AudienceEvaluation) and evaluation.base_members is not None:
        return evaluation.base_members
    return everybody(snapshot.people_count)


def members(
    workspace: Workspace, audience: Audience | Rule, as_of: datetime | str | None = None
) -> pd.DataFrame:
    """The people in an audience.

    Returns
    -------
    pandas.DataFrame
        `person_id`, one row per person, in the order of person numbers.

    Raises
    ------
    SpecError, UnknownName
        When the rule does not fit the snapshot's catalogue, or names an audience that is not saved.
    NothingBuilt, AsOfOutside
        When there is no snapshot, or none as of that moment.
    """
    snapshot = workspace.snapshot(as_of)
    return person_ids(snapshot, evaluate(snapshot, audience).members[()]).to_frame()


def person_ids(snapshot: Snapshot, members: Bits) -> pd.Series:
    """The ids of these people, named `person_id`, in the order of person numbers."""
    people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
    return people.iloc[to_numbers(members)].reset_index(drop=True)
