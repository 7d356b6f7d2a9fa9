"""The event rows behind a condition: who did what, and when."""

from __future__ import annotations

import pandas as pd

from qa_lib.audiences.evaluate import engine_of
from qa_lib.errors import SpecError
from qa_lib.rules import Event, check
from qa_lib.rules.compile import Compiler
from qa_lib.workspace import Snapshot


def event_rows(snapshot: Snapshot, condition: Event) -> pd.DataFrame:
    """Every event that a condition looks at: of its kind, in its window, through its filters.

    How often it must have happened plays no part: these are the rows that are counted or measured.

    Returns
    -------
    pandas.DataFrame
        `occurred_at` (UTC), `person_id` and the event's properties, in this order of columns and rows.

    Raises
    ------
    SpecError
        When the condition does not fit the snapshot's catalogue.
    """
    catalogue = engine_of(snapshot).catalogue
    if problems := check(condition, catalogue):
        raise SpecError(f"The event condition does not fit this snapshot: {problems[0].en}")
    compiler = Compiler(catalogue, snapshot.as_of, snapshot.zone)
    table, predicates = compiler.events(condition)
    where = " AND ".join(f"({p.sql(dialect='duckdb')})" for p in predicates)
    return snapshot.frame(
        f"SELECT e.occurred_at, people.person_id, e.* EXCLUDE (person_no, occurred_at) "
        f"FROM (SELECT * FROM {table} WHERE {where}) e JOIN people USING (person_no) ORDER BY ALL",
        compiler.params,
    )
