"""The workspace's identities: add links, resolve, undo, read; one writer at a time."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

import duckdb
import pandas as pd
import pyarrow as pa

from qa_lib.errors import DataError, NothingBuilt, SpecError, UnknownName, did_you_mean
from qa_lib.identity.changes import add_changes, read_identifiers
from qa_lib.identity.graph import Policy
from qa_lib.identity.kinds import normalise
from qa_lib.identity.numbering import Identifier
from qa_lib.identity.resolve import Resolution, empty, resolve_links, resolve_through
from qa_lib.tables import IDENTITIES, IDENTITY_CHANGES, LINKS, Table
from qa_lib.workspace import Workspace, cancellable, go_on, quoted, read_moment, see_through

#: How often the lock of another resolution is looked at.
_LOOK_AGAIN_S = 0.05


def normalise_links(
    rows: pd.DataFrame, *, fold_email_dots: bool = False, region: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Links in their one form, and those that are none with the reason.

    Parameters
    ----------
    rows
        The columns of the table `links`; `origin` is *observed* where there is none.

    Returns
    -------
    links, rejects : pandas.DataFrame
        `rejects` has the given row and `reason`.
    """
    out, reasons = rows.copy(), pd.Series("", index=rows.index, dtype="object")
    if "origin" not in out:
        out["origin"] = "observed"
    for side in ("left", "right"):
        found: dict[tuple[str, str], str] = {}
        values = []
        for row, key in zip(
            rows.index, zip(rows[f"{side}_kind"], rows[f"{side}_value"], strict=True), strict=True
        ):
            try:
                if key not in found:
                    found[key] = normalise(*key, fold_email_dots=fold_email_dots, region=region)
                values.append(found[key])
            except (DataError, UnknownName) as problem:
                values.append(key[1])
                reasons[row] = reasons[row] or str(problem)
        out[f"{side}_value"] = values
    undated = pd.to_datetime(rows["observed_at"], utc=True, errors="coerce").isna()
    reasons[undated & (reasons == "")] = "observed_at is empty or no moment; a link needs its time."
    good = reasons == ""
    out = out.loc[good, list(LINKS.column_names)].reset_index(drop=True)
    out["observed_at"] = pd.to_datetime(out["observed_at"], utc=True).astype("datetime64[us, UTC]")
    return out, rows[~good].assign(reason=reasons[~good]).reset_index(drop=True)


def add_links(
    workspace: Workspace,
    rows: pd.DataFrame,
    *,
    once: str,
    fold_email_dots: bool = False,
    region: str | None = None,
) -> pd.DataFrame:
    """Append evidence; a second call under the same `once` adds nothing. Returns the rejected rows."""
    links, rejects = normalise_links(rows, fold_email_dots=fold_email_dots, region=region)
    workspace.append(LINKS, _batches(LINKS, links), once=f"links:{once}")
    return rejects


def read_links(workspace: Workspace) -> pd.DataFrame:
    """All links.

    Raises
    ------
    NothingBuilt
        When there are none yet.
    """
    _require_links(workspace)
    return workspace.read(LINKS)


def _evidence(workspace: Workspace) -> pd.DataFrame:
    """All links, as `resolve_links` takes them."""
    _require_links(workspace)
    return _frame(workspace, LINKS, [c for c in LINKS.column_names if c != "origin"])


def _require_links(workspace: Workspace) -> None:
    if not workspace.store.exists(LINKS.name):
        raise NothingBuilt(
            f"Table 'links' in {workspace.root} was never written. Add evidence with "
            "qa_lib.identity.add_links, or for the demo with generate_aliases."
        )


def read_resolution(workspace: Workspace) -> Resolution:
    """The record so far; empty when nothing was resolved."""
    return Resolution(_read(workspace, IDENTITIES), _read(workspace, IDENTITY_CHANGES))


def resolve(
    workspace: Workspace,
    as_of: datetime | str,
    *,
    through: Sequence[datetime | str] = (),
    policy: Policy | None = None,
) -> Resolution:
    """Resolve the workspace's links as of a moment, and record what changed.

    A moment before the last recorded change is answered from the record and nothing is written; so is a
    second call with the same links. Calls in the order of time thus make a history that can be asked.

    Parameters
    ----------
    through
        Earlier moments to resolve on the way, as if each had been asked in turn; written together.

    Returns
    -------
    Resolution
        As of that moment.

    Raises
    ------
    NothingBuilt
        When there are no links.
    """
    moment = read_moment(as_of)
    with _alone(workspace):
        before = read_resolution(workspace)
        if before.last_at is not None and moment < before.last_at:
            return before.as_of(moment)
        first = before.last_at
        moments = sorted({*(read_moment(m) for m in through), moment})
        asked = [at for at in moments if at <= moment and (first is None or at >= first)]
        after = resolve_through(_evidence(workspace), asked, before=before, policy=policy)
        _write(workspace, before, after)
    return after


def undo_change(
    links: pd.DataFrame,
    before: Resolution,
    change_id: str,
    at: datetime | str,
    *,
    policy: Policy | None = None,
) -> Resolution:
    """The record with one change undone; nothing is written.

    An undone merge keeps its two sides apart whatever links come, an undone split keeps its parts
    together, and both sides get back the ids that they had. The undo of an undo lets the links decide
    again.

    Raises
    ------
    UnknownName
        For a change that is not there.
    SpecError
        For a quarantine, or a change that is undone already.
    """
    rows = before.changes[before.changes["change_id"] == change_id]
    if rows.empty:
        raise UnknownName(
            f"No change {change_id!r} of identities.{did_you_mean(change_id, before.changes['change_id'])} "
            "See Resolution.changes."
        )
    row = rows.iloc[0]
    if row["change"] == "quarantine":
        raise SpecError(
            f"The change {change_id!r} is a quarantine, which is lifted when its cause is gone: raise the cap in "
            "Policy, or correct the links."
        )
    if not pd.isna(row["undone_at"]):
        raise SpecError(
            f"The {row['change']} {change_id!r} was undone at {row['undone_at'].isoformat()}. To let the links "
            "decide again, undo the undo."
        )
    moment = pd.Timestamp(read_moment(at))
    changes = before.changes.copy()
    changes.loc[rows.index, "undone_at"] = moment
    undo = {
        "change": "undo",
        "person_id": row["person_id"],
        "other_person_id": row["other_person_id"],
        "kept_identifiers": row["kept_identifiers"],
        "moved_identifiers": row["moved_identifiers"],
        "cause": change_id,
        "reason": f"a person undid the {row['change']} {change_id}",
    }
    changes = add_changes(changes, [undo], moment)
    renamed = _renamed(before, row)
    return resolve_links(
        links, moment, before=Resolution(before.identities, changes), policy=policy, renamed=renamed
    )


def undo(
    workspace: Workspace, change_id: str, at: datetime | str, *, policy: Policy | None = None
) -> Resolution:
    """Undo one change and record it, as `undo_change` says."""
    with _alone(workspace):
        before = read_resolution(workspace)
        after = undo_change(_evidence(workspace), before, change_id, at, policy=policy)
        _write(workspace, before, after)
    return after


def _renamed(before: Resolution, row: pd.Series) -> dict[Identifier, str]:
    """The ids that the moved identifiers get back."""
    kept, moved = read_identifiers(row["kept_identifiers"]), read_identifiers(row["moved_identifiers"])
    current = before.current
    current = current[current["value"].isin({value for _, value in (*kept, *moved)})]
    now = dict(zip(zip(current["kind"], current["value"], strict=True), current["person_id"], strict=True))
    with_them = [now[i] for i in kept if i in now]
    if row["change"] in ("merge", "accept"):
        return {i: row["other_person_id"] for i in moved if now.get(i) in with_them}
    if row["change"] == "split" and with_them:
        return {i: with_them[0] for i in moved if now.get(i) == row["other_person_id"]}
    return {}


def _read(workspace: Workspace, table: Table) -> pd.DataFrame:
    if not workspace.store.exists(table.name):
        return empty(table)
    rows = _frame(workspace, table, table.column_names)
    for column in table.columns:
        if column.nullable and column.type != "timestamp":
            rows[column.name] = rows[column.name].astype("object").where(rows[column.name].notna(), None)
    by = ["kind", "value", "since_at"] if table is IDENTITIES else list(table.key)
    return rows.sort_values(by, ignore_index=True)


def _frame(workspace: Workspace, table: Table, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table, texts as Arrow holds them: no text becomes an object of its own."""
    with contextlib.closing(duckdb.connect()) as con:
        cancellable(con).execute("SET TimeZone = 'UTC'")
        listed = ", ".join(map(quoted, columns))
        found = con.execute(f"SELECT {listed} FROM ({workspace.store.scan_sql(table)})").to_arrow_table()
    return found.to_pandas()


def _write(workspace: Workspace, before: Resolution, after: Resolution) -> None:
    """The changes first: what was cut off between the two is resolved again with the same outcome.

    Work that was cancelled until now writes neither; from here on a cancel comes too late.
    """
    see_through()
    pairs: Sequence[tuple[Table, pd.DataFrame, pd.DataFrame]] = (
        (IDENTITY_CHANGES, before.changes, after.changes),
        (IDENTITIES, before.identities, after.identities),
    )
    for table, old, new in pairs:
        if not workspace.store.exists(table.name) or not same_rows(table, old, new):
            workspace.replace(table, _batches(table, new))


def same_rows(table: Table, one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two states of a table hold the same rows in the same order."""
    return len(one) == len(other) and _rows(table, one).equals(_rows(table, other))


def _rows(table: Table, rows: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(rows, schema=table.arrow_schema(), preserve_index=False)


def _batches(table: Table, rows: pd.DataFrame) -> list[pa.RecordBatch]:
    return _rows(table, rows).to_batches(max_chunksize=250_000)


@contextlib.contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """One resolution at a time on this machine; the lock goes with the process that holds it."""
    if workspace.read_only:
        yield
        return
    folder = workspace.root / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".identity.lock", "w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:  # a build may hold it for minutes: who waits can still be cancelled
                go_on()
                time.sleep(_LOOK_AGAIN_S)
        yield
