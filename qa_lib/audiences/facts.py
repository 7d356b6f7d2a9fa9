"""What a rule reads of a snapshot, as one hash: the same facts give the same members."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from qa_lib.rules import All, Any, Attribute, InAudience, RandomSplit, Rule, Tag
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.journeys import Sequence
from qa_lib.rules.model import walk
from qa_lib.rules.operators import operator
from qa_lib.workspace import Snapshot, quoted

#: What an operator takes whose answer for a day changes as time passes: a window, an anniversary.
_HELD_AGAINST_THE_MOMENT = ("window", "days")
_known: WeakKeyDictionary[Snapshot, dict[str, str]] = WeakKeyDictionary()
_lock = threading.Lock()


def facts_of(snapshot: Snapshot, rule: Rule, catalogue: Catalogue, needed: Iterable[str] = ()) -> str:
    """A hash of everything in the snapshot that decides who a rule selects.

    That is: who the people are and how they are numbered, the columns and event tables that the
    conditions read, with their types, and the moment and the zone where a window ends, or a day is
    counted, from it.

    Parameters
    ----------
    needed
        The same hash of every saved audience that the rule or its audience names.
    """
    read = {"people"}
    has_window = False
    for _, leaf in walk(rule):
        match leaf:
            case All() | Any() | InAudience() | RandomSplit():
                continue
            case Attribute() | Tag():
                read.add(f"profile.{leaf.field}")
                has_window |= operator(leaf.operator).arity in _HELD_AGAINST_THE_MOMENT
            case Sequence():
                read |= {catalogue.event(step.event).table for step in leaf.steps}
                has_window = True
            case _:
                read.add(catalogue.event(leaf.event).table)
                has_window = True
    moment = [snapshot.as_of.isoformat(), str(snapshot.zone)] if has_window else None
    prints = {name: _fingerprint(snapshot, name) for name in sorted(read)}
    text = json.dumps([prints, moment, sorted(needed)], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


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
