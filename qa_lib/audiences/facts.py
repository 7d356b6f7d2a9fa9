"""What a rule, or a condition, reads of a snapshot, as one hash: the same facts give the same people."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from qa_lib.rules import All, Any, Attribute, Dates, Event, InAudience, RandomSplit, Rule, Tag
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.journeys import Lifecycle, Sequence
from qa_lib.rules.model import Condition, walk
from qa_lib.rules.operators import operator
from qa_lib.workspace import Snapshot, quoted

#: What an operator takes whose answer for a day changes as time passes: a window, an anniversary.
_HELD_AGAINST_THE_MOMENT = ("window", "days")
_MEASURED_FROM_THE_MOMENT = ("days_since_first", "days_since_last")
_known: WeakKeyDictionary[Snapshot, dict[str, str]] = WeakKeyDictionary()
_lock = threading.Lock()


def facts_of(snapshot: Snapshot, rule: Rule, catalogue: Catalogue, needed: Iterable[str] = ()) -> str:
    """A hash of everything in the snapshot that decides who a rule selects.

    That is: who the people are and how they are numbered, and the facts of every condition.

    Parameters
    ----------
    needed
        The same hash of every saved audience that the rule or its audience names.
    """
    leaves = [
        facts_of_condition(snapshot, leaf, catalogue)
        for _, leaf in walk(rule)
        if not isinstance(leaf, All | Any | InAudience)
    ]
    return _sha256([_fingerprint(snapshot, "people"), sorted(set(leaves)), sorted(needed)])


def facts_of_condition(snapshot: Snapshot, leaf: Condition, catalogue: Catalogue) -> str:
    """A hash of everything in the snapshot that decides who one condition selects.

    That is: who the people are and how they are numbered, the columns and event tables that it reads, with
    their types, and, where its answer changes as time passes, the moment and the zone. A window between two
    days that are over does not change.
    """
    moment: list[str] = []
    match leaf:
        case RandomSplit() | InAudience():
            read: set[str] = set()
        case Attribute() | Tag():
            read = {f"profile.{leaf.field}"}
            if _held_against_the_moment(leaf):
                moment = [snapshot.as_of.isoformat(), str(snapshot.zone)]
        case Sequence():
            read = {catalogue.event(step.event).table for step in leaf.steps}
            moment = [snapshot.as_of.isoformat(), str(snapshot.zone)]
        case _:
            read = {catalogue.event(leaf.event).table}
            moment = [*_ends(leaf, snapshot), str(snapshot.zone)]
    prints = {name: _fingerprint(snapshot, name) for name in ("people", *sorted(read))}
    return _sha256([prints, moment])


def _held_against_the_moment(leaf: Attribute | Tag) -> bool:
    return operator(leaf.operator).arity in _HELD_AGAINST_THE_MOMENT


def _ends(leaf: Event | Lifecycle, snapshot: Snapshot) -> list[str]:
    """Where a condition on events looks, in time: only a window of days that are over stands still."""
    if (
        isinstance(leaf, Event)
        and isinstance(leaf.window, Dates)
        and leaf.measure.kind not in _MEASURED_FROM_THE_MOMENT
        and not any(
            _held_against_the_moment(test)
            for _, test in walk(leaf.where or All())
            if isinstance(test, Attribute | Tag)
        )
    ):
        return [str(end) for end in leaf.window.bounds(snapshot.as_of, snapshot.zone)]
    return [snapshot.as_of.isoformat()]


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def _fingerprint(snapshot: Snapshot, name: str) -> str:
    """The rows of a table or a column in a few numbers; found once for each snapshot."""
    with _lock:
        known = _known.setdefault(snapshot, {})
    if name not in known:
        known[name] = _hashed(snapshot, name)
    return known[name]


def _hashed(snapshot: Snapshot, name: str) -> str:
    # two sums over two hashes of every row: equal for equal rows in any order, as a set of rows has none
    if name == "people":
        columns, table = ["person_no", "person_id"], "people"
    elif name.startswith("profile."):
        columns, table = ["person_no", name.removeprefix("profile.")], "profile"
    else:
        columns, table = sorted(snapshot.frame(f"DESCRIBE {quoted(name)}")["column_name"]), name
    row = ", ".join(quoted(c) for c in columns)
    types = ", ".join(f"any_value(typeof({quoted(c)}))" for c in columns)
    found = snapshot.frame(
        f"SELECT count(*)::VARCHAR AS n, sum(hash({row})::HUGEINT)::VARCHAR AS one, "
        f"sum(hash('twice', {row})::HUGEINT)::VARCHAR AS two, concat_ws(',', {types}) AS types FROM {quoted(table)}"
    )
    return f"{columns}{found.astype(str).iloc[0].tolist()}"
