"""Values to choose from: what occurs in a field or in a property of events, most frequent first."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pandas as pd

from qa_lib.audiences.evaluate import engine_of
from qa_lib.errors import SpecError
from qa_lib.workspace import Column, Snapshot, quoted

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
        found, table, name = known.field(field), "profile", field
    else:
        kind = known.event(event)
        found, table = kind.property(field), kind.table
        name = f"{table}.{found.name}"
    column = snapshot.columns.array(name)
    if column is not None and column.kind == "text":
        return _coded(column, search, limit)
    quoted_name = quoted(found.name)
    value = f"unnest({quoted_name})" if found.type == "list" else quoted_name
    return snapshot.frame(
        # counted first, searched after: there are far fewer values than rows
        f"SELECT value, count(*) AS count FROM (SELECT {value} AS value FROM {table}) "
        "WHERE value IS NOT NULL GROUP BY value "
        "HAVING $search = '' OR contains(lower(CAST(value AS VARCHAR)), lower($search)) "
        "ORDER BY count DESC, value LIMIT $limit",
        {"search": search, "limit": limit},
        packed=[found.name] if event is None else (),
    )


def _coded(column: Column, search: str, limit: int) -> pd.DataFrame:
    """The same from a text column's codes, whose counts are kept with the column; the texts are in order."""
    counts, wanted = column.counts, search.lower()
    found = (
        (text, int(counts[code]))
        for code in np.argsort(-counts, kind="stable").tolist()
        if counts[code] and wanted in (text := column.texts[code]).lower()
    )
    chosen = list(islice(found, limit))
    values = pd.Series([text for text, _ in chosen], dtype="str")
    return pd.DataFrame({"value": values, "count": np.array([n for _, n in chosen], dtype=np.int64)})
