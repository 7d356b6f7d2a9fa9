"""What a plan reads: addresses, a person's fields, and what was sent before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.audiences import engine_of
from qa_lib.campaigns.campaign import is_zone
from qa_lib.errors import ContractBroken
from qa_lib.guards import PAST_COLUMNS
from qa_lib.workspace import Snapshot, quoted


def addresses_of(
    people: Sequence[str], addresses: pd.DataFrame, identifier: str, default_zone: str
) -> dict[str, tuple[str | None, str]]:
    """The address and zone of each person; the alphabetically first where a person has several.

    A zone that is not recorded, or that nobody knows, is the default one.

    Raises
    ------
    ContractBroken
        When the frame lacks a column.
    """
    if missing := [c for c in ("person_id", "identifier", "address") if c not in addresses]:
        raise ContractBroken(
            f"A frame of addresses needs person_id, identifier and address; {', '.join(missing)} is not there."
        )
    if identifier == "person_id":
        return {p: (p, default_zone) for p in people}
    mine = addresses[(addresses["identifier"] == identifier) & addresses["address"].notna()]
    zones = mine["zone"].tolist() if "zone" in mine else [None] * len(mine)
    found: dict[str, tuple[str | None, str]] = {}
    for person, address, zone in sorted(
        zip(
            mine["person_id"],
            mine["address"],
            (str(z) if is_zone(z) else default_zone for z in zones),
            strict=True,
        )
    ):
        if address:
            found.setdefault(person, (str(address), zone))
    return {p: found.get(p, (None, default_zone)) for p in people}


def values_of(snapshot: Snapshot, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The fields that a message names, by person; as texts, and without those that are missing.

    Raises
    ------
    UnknownName
        When the snapshot has no such field.
    """
    catalogue = engine_of(snapshot).catalogue
    columns = [catalogue.field(name).name for name in names if name != "person_id"]
    selected = ", ".join(quoted(c) for c in ("person_id", *columns))
    frame = snapshot.frame(f"SELECT {selected} FROM people JOIN profile USING (person_no)")
    return {
        row["person_id"]: {str(k): _shown(v) for k, v in row.items() if _shown(v) is not None}
        for row in frame.to_dict("records")
    }


def past_sends(
    snapshot: Snapshot, *, before: datetime | None = None, without: Collection[str] = ()
) -> pd.DataFrame:
    """What was sent before a moment and observed, as the caps read it.

    Where the moment was not recorded, a message counts from its campaign's first local midnight; where
    no receipt of a campaign was recorded at all, its messages count as delivered when they were sent.

    Parameters
    ----------
    before
        The moment; the snapshot's own when not given.
    without
        Campaigns that are left out, because their messages are counted elsewhere.

    Returns
    -------
    pandas.DataFrame
        `qa_lib.guards.PAST_COLUMNS`, one row per message.
    """
    if not {"sends", "campaigns"} <= set(snapshot.table_versions):
        return pd.DataFrame(columns=list(PAST_COLUMNS))
    frame = snapshot.frame(
        "WITH dated AS (SELECT person_id, sends.campaign_id, channel, campaign_type, delivered_at, "
        "coalesce(sent_at, timezone($zone, CAST(starts_on AS TIMESTAMP))) AS sent_at, "
        "count(delivered_at) OVER (PARTITION BY sends.campaign_id) AS receipts "
        "FROM sends LEFT JOIN campaigns USING (campaign_id, origin) "
        "WHERE origin = 'observed' AND status IN ('sent', 'unknown') "
        "AND NOT list_contains(CAST($without AS VARCHAR[]), sends.campaign_id)) "
        "SELECT person_id, sent_at, CASE WHEN receipts = 0 THEN sent_at ELSE delivered_at END AS delivered_at, "
        "channel, campaign_type FROM dated WHERE sent_at < $as_of ORDER BY ALL",
        {
            "zone": snapshot.zone.key,
            "as_of": snapshot.as_of if before is None else before,
            "without": sorted(without),
        },
    )
    frame["tags"] = [[] for _ in range(len(frame))]
    frame["is_marketing"] = True
    return frame[list(PAST_COLUMNS)]


def _shown(value: Any) -> str | None:
    """A field's value as a text would say it; None where it is missing."""
    if isinstance(value, list | tuple | set | np.ndarray):
        return ", ".join(str(v) for v in value) or None
    if value is None or pd.isna(value):
        return None
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else f"{value:.2f}"
    if isinstance(value, datetime):
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)
