"""Generated browsing and carts for a shop whose data have none; every row says `generated`.

They let the workbench's rules over browsing be tried on the demo data. They carry no information about
the real households beyond their purchases, and no finding may be drawn from them.
"""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, datetime

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from qa_lib.tables import INTERACTIONS, ORDER_LINES
from qa_lib.workspace import Landing, Workspace

FEED = "generated.interactions"
#: Raised whenever the recipe below changes, so that the rows are generated anew.
RECIPE = 1

_BROWSED_BEFORE_BUYING = 0.08
_CARTED_OF_BROWSED = 0.5
_BROWSED_IN_VAIN = 0.06
_CARTED_IN_VAIN = 0.25


def generate_interactions(workspace: Workspace, *, random_state: int = 618) -> Landing:
    """Fill `interactions` from the purchases that are landed, the same rows for the same seed and purchases.

    A share of the lines gets a browse up to three days before it and often a cart in between; as many
    more browses look at an item that the same person bought at another time, or that others bought, and
    lead to nothing.
    """
    version = workspace.store.version(ORDER_LINES.name)
    digest = hashlib.sha256(f"{RECIPE}:{random_state}:{version}".encode()).hexdigest()
    known = workspace.state.last_landing(FEED)
    if known and known.content_hash == digest:
        return known
    with contextlib.closing(duckdb.connect()) as con:
        con.execute("SET TimeZone = 'UTC'")
        scan = workspace.store.scan_sql(ORDER_LINES, version)
        lines = con.execute(
            f"SELECT person_id, item_id, epoch_us(occurred_at) AS at_us FROM ({scan}) "
            "ORDER BY occurred_at, order_id, item_id"
        ).df()
    rows = interactions_of(lines, random_state=random_state)
    batch = pa.Table.from_pandas(rows, preserve_index=False)
    table_version = workspace.replace(INTERACTIONS, batch.to_batches())
    landing = Landing(
        FEED,
        INTERACTIONS.name,
        f"seed {random_state}",
        digest,
        len(rows),
        0,
        table_version,
        datetime.now(UTC),
    )
    workspace.record_landing(landing)
    return landing


def interactions_of(lines: pd.DataFrame, *, random_state: int) -> pd.DataFrame:
    """The generated rows for these purchases.

    Parameters
    ----------
    lines
        Columns `person_id`, `item_id`, `at_us` (microseconds since 1970, UTC), in a fixed order.

    Returns
    -------
    pandas.DataFrame
        The columns of the table `interactions`, in order of time.
    """
    rng = np.random.default_rng(random_state)
    n = len(lines)
    person, item = lines["person_id"].to_numpy(), lines["item_id"].to_numpy()
    at = lines["at_us"].to_numpy()
    minute = 60_000_000

    led = np.flatnonzero(rng.random(n) < _BROWSED_BEFORE_BUYING)
    before = rng.integers(10, 72 * 60, len(led))
    carted = rng.random(len(led)) < _CARTED_OF_BROWSED
    cart_before = (before * rng.uniform(0.05, 0.9, len(led))).astype(np.int64)

    vain = np.flatnonzero(rng.random(n) < _BROWSED_IN_VAIN)
    other = rng.integers(0, n, len(vain)) if n else vain
    vain_before = rng.integers(60, 10 * 24 * 60, len(vain))
    vain_carted = rng.random(len(vain)) < _CARTED_IN_VAIN

    parts = [
        _rows(person[led], "browse", item[led], at[led] - before * minute),
        _rows(person[led][carted], "cart", item[led][carted], (at[led] - cart_before * minute)[carted]),
        _rows(person[vain], "browse", item[other], at[vain] - vain_before * minute),
        _rows(
            person[vain][vain_carted],
            "cart",
            item[other][vain_carted],
            (at[vain] - (vain_before // 2) * minute)[vain_carted],
        ),
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values(["occurred_at", "person_id", "item_id", "event"], ignore_index=True)


def _rows(person: np.ndarray, event: str, item: np.ndarray, at_us: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_id": person,
            "event": event,
            "item_id": item,
            "occurred_at": pd.to_datetime(at_us, unit="us", utc=True),
            "origin": "generated",
        }
    )
