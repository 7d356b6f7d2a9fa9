"""Where people can be reached: the table `addresses`, and made-up addresses for a demo that has none.

Made-up ones are seeded, and marked so that none can be anybody's.
Phones begin with +999, a country code that is assigned to nobody; mail ends in `.invalid` (RFC 2606).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qa_lib.errors import SpecError
from qa_lib.tables import ADDRESSES
from qa_lib.workspace import Snapshot, Workspace

#: What a frame of addresses carries; `zone` may be empty, `origin` may be absent.
ADDRESS_COLUMNS = ("person_id", "identifier", "address", "zone", "origin")

_SHAPES = {
    "phone": "+999{:09d}",
    "email": "person-{:09d}@example.invalid",
    "device_id": "generated-device-{:09d}",
    "open_id": "generated-open-id-{:09d}",
}


def read_addresses(workspace: Workspace) -> pd.DataFrame:
    """Everybody's addresses, `ADDRESS_COLUMNS`; without rows where none were ever landed."""
    if not workspace.store.exists(ADDRESSES.name):
        return pd.DataFrame(columns=list(ADDRESS_COLUMNS), dtype=object)
    return workspace.read(ADDRESSES)[list(ADDRESS_COLUMNS)]


def addresses(
    snapshot: Snapshot, *, random_state: int = 0, coverage: float = 0.95, shared: float = 0.01
) -> pd.DataFrame:
    """Made-up addresses of a snapshot's people.

    Parameters
    ----------
    random_state
        Seed; the same one gives the same addresses.
    coverage
        The share of people who have each kind of identifier.
    shared
        The share of addresses that belong to the person before as well, as families share a phone.

    Returns
    -------
    pandas.DataFrame
        `ADDRESS_COLUMNS`; one row per person and kind of identifier, `origin` always `generated`.
    """
    if not (0 <= coverage <= 1 and 0 <= shared <= 1):
        raise SpecError(f"coverage and shared are shares from 0 to 1, got {coverage} and {shared}.")
    people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].to_numpy(
        dtype=object
    )
    random = np.random.default_rng(random_state)
    parts = []
    for identifier, shape in _SHAPES.items():
        numbers = random.permutation(len(people))
        same = np.flatnonzero(random.random(len(people)) < shared)
        numbers[same[same > 0]] = numbers[same[same > 0] - 1]
        has = random.random(len(people)) < coverage
        parts.append(
            pd.DataFrame(
                {
                    "person_id": people[has],
                    "identifier": identifier,
                    "address": [shape.format(n) for n in numbers[has]],
                    "zone": None,
                    "origin": "generated",
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
