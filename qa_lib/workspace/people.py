"""Whose a source's id is: from the record of identities to one resolved person for every id in the data.

The source's own `person_id` is the value of an identifier of the kind `card`, or a kind and a value, such as
`open_id:o12ab`, where a channel knows people by something else. A snapshot keeps what it was resolved to in its
table `person_keys`, and every shared table is seen through it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from qa_lib.tables import IDENTITIES, IDENTITY_CHANGES, SQL_TYPES, TABLES, Table
from qa_lib.workspace.sql import quoted, to_frame

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

#: The kind of identifier whose value is the source's own person id.
SOURCE_KIND = "card"
#: Raised whenever the rules below change, so that snapshots are built anew.
RULES = 1

_KEYS = "CREATE TABLE person_keys (source_no UINTEGER, source_id VARCHAR, person_id VARCHAR)"


def view_sql(table: Table, scan: str, *, is_mapped: bool) -> str:
    """SQL for a shared table as a snapshot sees it: `person_id` is the resolved person.

    An id that is not in `person_keys` stands for itself. Where the table has one row per person, a person
    with several ids has one row too: each column has the value of the id that was resolved first among
    those that have one. The record of identities itself is seen as it is.

    Parameters
    ----------
    scan
        SQL for the rows as they were landed.
    is_mapped
        Whether `person_keys` holds anything; without it the scan is the view.
    """
    of_people = "person_id" in table.column_names and table not in (IDENTITIES, IDENTITY_CHANGES)
    if not is_mapped or not of_people:
        return scan
    resolved = "coalesce(k.person_id, t.person_id) AS person_id"
    joined = f"FROM ({scan}) t LEFT JOIN person_keys k ON k.source_id = t.person_id"
    if table.key != ("person_id",):
        return f"SELECT t.* REPLACE ({resolved}) {joined}"
    order = "coalesce(k.source_no, 4294967295)"
    first = ", ".join(
        f"arg_min(t.{name}, {order}) FILTER (t.{name} IS NOT NULL) AS {name}"
        for name in map(quoted, table.column_names)
        if name != quoted("person_id")
    )
    return f"SELECT {resolved}, {first} {joined} GROUP BY coalesce(k.person_id, t.person_id)"


def write_keys(connection: duckdb.DuckDBPyConnection, scans: Mapping[str, str], as_of: datetime) -> int:
    """Make the table `person_keys` of a snapshot that is being built; returns how many ids it maps.

    Parameters
    ----------
    scans
        By table, SQL for its rows; `identities` and `identity_changes` may be missing.
    """
    connection.execute(_KEYS)
    if IDENTITIES.name not in scans:
        return 0
    identities = to_frame(connection.execute(scans[IDENTITIES.name]))
    none = ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {c.name}" for c in IDENTITY_CHANGES.columns)
    changes = scans.get(IDENTITY_CHANGES.name, f"SELECT {none} WHERE false")
    kinds = _other_kinds(connection, scans)
    keys = person_keys(*held_at(identities, to_frame(connection.execute(changes)), as_of), kinds)
    if len(keys):
        connection.register("found_keys", keys)
        connection.execute("INSERT INTO person_keys SELECT * FROM found_keys")
        connection.unregister("found_keys")
    return len(keys)


def _other_kinds(connection: duckdb.DuckDBPyConnection, scans: Mapping[str, str]) -> tuple[str, ...]:
    """The kinds by which rows of any table name people, besides the source's own."""
    parts = [
        f"SELECT DISTINCT split_part(person_id, ':', 1) AS kind FROM ({scan}) WHERE contains(person_id, ':')"
        for name, scan in sorted(scans.items())
        if "person_id" in TABLES[name].column_names and name not in (IDENTITIES.name, IDENTITY_CHANGES.name)
    ]
    if not parts:
        return ()
    found = connection.execute(
        f"SELECT DISTINCT kind FROM ({' UNION ALL '.join(parts)}) ORDER BY 1"
    ).fetchall()
    return tuple(kind for (kind,) in found)


def held_at(
    identities: pd.DataFrame, changes: pd.DataFrame, moment: datetime
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The record as it was held at a moment: later changes are not seen."""
    import pandas as pd

    at = pd.Timestamp(moment)
    identities = identities[identities["since_at"] <= at].copy()
    identities["until_at"] = identities["until_at"].where(identities["until_at"] <= at)
    changes = changes[changes["changed_at"] <= at].copy()
    changes["undone_at"] = changes["undone_at"].where(changes["undone_at"] <= at)
    return identities.reset_index(drop=True), changes.reset_index(drop=True)


def person_keys(identities: pd.DataFrame, changes: pd.DataFrame, kinds: Sequence[str] = ()) -> pd.DataFrame:
    """To whom each source's id, and each id that was merged away, belongs.

    Ids of the workbench's own form win over a source that happens to use the same.

    Parameters
    ----------
    identities, changes
        The record as held at one moment.
    kinds
        Kinds besides the source's own whose identifiers stand in the data as `kind:value`.

    Returns
    -------
    pandas.DataFrame
        `source_no` (0 is the id that was held first; then the shorter text, then the alphabet),
        `source_id` (unique), `person_id`.
    """
    import pandas as pd

    if identities.empty and changes.empty:
        return pd.DataFrame({"source_no": [], "source_id": [], "person_id": []})
    merged = followed(identities, changes)
    former = pd.DataFrame({"source_id": list(merged), "person_id": list(merged.values())}, dtype="object")
    of_source = identities[identities["kind"] == SOURCE_KIND]
    others = identities[identities["kind"].isin([k for k in kinds if k != SOURCE_KIND])]
    if len(others):
        others = others.assign(value=others["kind"].astype("object") + ":" + others["value"].astype("object"))
        of_source = pd.concat([of_source, others])
    cards = of_source[of_source["until_at"].isna() & ~of_source["value"].isin(identities["person_id"])]
    cards = cards[["value", "person_id"]].rename(columns={"value": "source_id"})
    keys = pd.concat([former, cards.astype("object")], ignore_index=True)
    since = pd.concat(
        [identities.groupby("person_id")["since_at"].min(), of_source.groupby("value")["since_at"].min()]
    )
    keys["since_at"] = keys["source_id"].map(since[~since.index.duplicated()])
    keys["length"] = keys["source_id"].str.len()
    keys = keys.sort_values(["since_at", "length", "source_id"], ignore_index=True)
    return keys.assign(source_no=keys.index)[["source_no", "source_id", "person_id"]]


def followed(identities: pd.DataFrame, changes: pd.DataFrame) -> dict[str, str]:
    """For each id that holds no identifier any more, the living person who took it over.

    It is the person it was merged into, and into whom that one was merged, as long as that person holds
    any of the identifiers it held last, or nobody does; else whoever holds most of them, as after a split.
    An id whose merge was undone lives again and is not listed; one that was lost without a merge and
    whose identifiers nobody holds is not listed either.

    Parameters
    ----------
    identities, changes
        The record as held at one moment.
    """
    is_open = identities["until_at"].isna()
    living = set(identities.loc[is_open, "person_id"])
    merges = changes[(changes["change"] == "merge") & changes["undone_at"].isna()]
    merges = merges.sort_values(["changed_at", "change_id"])
    into = dict(zip(merges["other_person_id"], merges["person_id"], strict=True))
    closed = identities[~is_open & ~identities["person_id"].isin(living)]
    last = closed.groupby("person_id")["until_at"].transform("max")
    closed = closed.loc[closed["until_at"] == last, ["kind", "value", "person_id"]]
    now = identities.loc[is_open, ["kind", "value", "person_id"]].rename(columns={"person_id": "holder"})
    holders: dict[str, Counter[str]] = {}
    taken = closed.merge(now, on=["kind", "value"])
    for gone, holder in zip(taken["person_id"], taken["holder"], strict=True):
        holders.setdefault(gone, Counter())[holder] += 1
    found = {}
    for gone in sorted({*closed["person_id"], *into} - living):
        if (to := _successor(gone, living, into, holders)) is not None:
            found[gone] = to
    return found


def _successor(
    gone: str, living: set[str], into: Mapping[str, str], holders: Mapping[str, Counter[str]]
) -> str | None:
    chain = [gone]
    while chain[-1] not in living and chain[-1] in into and into[chain[-1]] not in chain:
        chain.append(into[chain[-1]])
    mine = holders.get(gone, Counter())
    if chain[-1] in living and (not mine or chain[-1] in mine):
        return chain[-1]
    for one in chain:
        if counted := holders.get(one):
            return min(counted, key=lambda who: (-counted[who], who))
    return None
