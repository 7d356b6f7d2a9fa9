"""An audience: a named rule; and who is in it at one moment."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Any as AnyValue
from weakref import WeakKeyDictionary

import pandas as pd
from pydantic import Field as Bounded
from pydantic import field_validator

from qa_lib.profiles import catalogue
from qa_lib.rules import Engine, Rule, read_rule, to_numbers
from qa_lib.rules.model import Node
from qa_lib.rules.spec import Spec
from qa_lib.workspace import Snapshot, Workspace

_engines: WeakKeyDictionary[Snapshot, Engine] = WeakKeyDictionary()
_lock = threading.Lock()


class Audience(Spec):
    """A rule with a name."""

    name: str = Bounded(min_length=1, max_length=200)
    rule: Node
    description: str = ""

    @field_validator("rule", mode="before")
    @classmethod
    def _sized(cls, value: AnyValue) -> Rule:
        return read_rule(value)


def engine_of(snapshot: Snapshot) -> Engine:
    """The engine over a snapshot; one per snapshot and process, so that its cache serves every view."""
    with _lock:
        if snapshot not in _engines:
            _engines[snapshot] = Engine(snapshot, catalogue(snapshot))
        return _engines[snapshot]


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
        When the rule does not fit the snapshot's catalogue.
    NothingBuilt, AsOfOutside
        When there is no snapshot, or none as of that moment.
    """
    snapshot = workspace.snapshot(as_of)
    rule = audience.rule if isinstance(audience, Audience) else audience
    found = to_numbers(engine_of(snapshot).evaluate(rule).members[()])
    people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")
    return people.iloc[found].reset_index(drop=True)
