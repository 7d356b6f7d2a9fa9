"""Values to choose from: what occurs in a field or in a property of events, most frequent first."""

from __future__ import annotations

import pandas as pd

from qa_lib.audiences.evaluate import engine_of
from qa_lib.errors import SpecError
from qa_lib.workspace import Snapshot, quoted

#: More than anybody reads in a list.
MAX_SUGGESTIONS = 10_000


def suggest_values(
    snapshot: Snapshot, field: str, search: str = "", *, event: str | None = None, limit: int = 20
) -> pd.DataFrame:
    """The values that a field has, and how often.

    Parameters
    ----------
    field
        A tag or attribute of people or, with `event`, a property of those events.
    search
        Text that the value must contain, upper and lower case alike; empty for all.
    limit
        How many values at most.

    Returns
    -------
    pandas.DataFrame
        `value` and `count` (people with the value or, with `event`, events), most frequent first and then
        by value. Of a list, each element is a value. Missing values are left out.

    Raises
    ------
    UnknownName
        For a field, event or property that is not there, with the nearest names.
    SpecError
        When `limit` is not between 1 and `MAX_SUGGESTIONS`.
    """
    if not 1 <= limit <= MAX_SUGGESTIONS:
        raise SpecError(f"At most {limit!r} suggestions were asked for; ask for 1 to {MAX_SUGGESTIONS:,}.")
    known = engine_of(snapshot).catalogue
    if event is None:
        found, table = known.field(field), "profile"
    else:
        kind = known.event(event)
        found, table = kind.property(field), kind.table
    column = quoted(found.name)
    value = f"unnest({column})" if found.type == "list" else column
    return snapshot.frame(
        # counted first, searched after: there are far fewer values than rows
        f"SELECT value, count(*) AS count FROM (SELECT {value} AS value FROM {table}) "
        "WHERE value IS NOT NULL GROUP BY value "
        "HAVING $search = '' OR contains(lower(CAST(value AS VARCHAR)), lower($search)) "
        "ORDER BY count DESC, value LIMIT $limit",
        {"search": search, "limit": limit},
        packed=[found.name] if event is None else (),
    )
