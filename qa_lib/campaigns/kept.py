"""Plans that are kept: the header in the state database, the rows as the table `plan_rows`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas as pd
import sqlalchemy as sa

from qa_lib.campaigns.campaign import Campaign
from qa_lib.campaigns.plan import COLUMNS, Plan
from qa_lib.errors import DataError, NothingBuilt, ReadOnly
from qa_lib.tables import PLAN_ROWS
from qa_lib.workspace import Workspace, read_moment

_metadata = sa.MetaData()
_plans = sa.Table(
    "plans",
    _metadata,
    sa.Column("plan_hash", sa.String(64), primary_key=True),
    sa.Column("campaign_name", sa.String, nullable=False, index=True),
    sa.Column("campaign_hash", sa.String(64), nullable=False),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("as_of", sa.String, nullable=False),
    sa.Column("universe_count", sa.BigInteger, nullable=False),
    sa.Column("audience_count", sa.BigInteger, nullable=False),
    sa.Column("send_count", sa.BigInteger, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    # exact decimals as texts: SQLite would make floats of them
    sa.Column("worst_case_amount", sa.String),
    sa.Column("expected_cost_amount", sa.String, nullable=False),
    sa.Column("currency", sa.String, nullable=False),
    sa.Column("made_from", sa.JSON, nullable=False),
    sa.Column("kept_at", sa.String, nullable=False),
)


def keep_plan(workspace: Workspace, plan: Plan) -> str:
    """Keep a plan, once; returns its hash. The header is written last, so a header has all its rows.

    Raises
    ------
    ReadOnly
        When the workspace is open read-only.
    """
    if workspace.read_only:
        raise ReadOnly(
            f"The plan {plan.hash[:12]} cannot be kept: the workspace {workspace.root} is open read-only. "
            "Open it with Workspace.open(…, read_only=False)."
        )
    workspace.append(PLAN_ROWS, _batches(plan), once=f"plan:{plan.hash}")
    _tables(workspace)
    worst = plan.worst_case_amount
    header = {
        "plan_hash": plan.hash,
        "campaign_name": plan.campaign.name,
        "campaign_hash": plan.campaign.hash,
        "campaign": plan.campaign.to_json(),
        "as_of": plan.as_of.isoformat(),
        "universe_count": plan.universe,
        "audience_count": plan.audience_count,
        "send_count": plan.send_count,
        "reasons": plan.reasons,
        "worst_case_amount": None if worst is None else str(worst),
        "expected_cost_amount": str(plan.expected_cost_amount),
        "currency": plan.currency,
        "made_from": dict(plan.made_from),
        "kept_at": datetime.now(UTC).isoformat(),
    }
    with contextlib.suppress(sa.exc.IntegrityError), workspace.state.engine.begin() as con:  # kept already
        con.execute(_plans.insert().values(header))
    return plan.hash


def plans(workspace: Workspace) -> pd.DataFrame:
    """Every kept plan, oldest first; amounts are exact, as texts."""
    shown = [c for c in _plans.columns if c.name not in ("campaign", "made_from")]
    if not _are_kept(workspace):
        return pd.DataFrame(columns=[c.name for c in shown])
    with workspace.state.engine.connect() as con:
        rows = [tuple(r) for r in con.execute(sa.select(*shown).order_by(_plans.c.kept_at))]
    return pd.DataFrame(rows, columns=[c.name for c in shown])


def read_plan(workspace: Workspace, plan_hash: str) -> Plan:
    """A kept plan, whole.

    Raises
    ------
    NothingBuilt
        When no plan of this hash was kept.
    DataError
        When its rows are not those that were hashed.
    """
    header = _header(workspace, plan_hash)
    columns = ", ".join(COLUMNS)
    with contextlib.closing(duckdb.connect()) as con:
        con.execute("SET TimeZone = 'UTC'")
        scan = workspace.store.scan_sql(PLAN_ROWS)
        found = con.execute(
            f"SELECT {columns} FROM ({scan}) WHERE plan_hash = $hash ORDER BY person_id", {"hash": plan_hash}
        ).to_arrow_table()
    records = tuple({**row, "send_at": _utc(row["send_at"])} for row in found.to_pylist())
    plan = Plan(
        Campaign.from_json(header["campaign"]),
        read_moment(header["as_of"]),
        header["universe_count"],
        header["currency"],
        header["made_from"],
        tuple(sorted(records, key=lambda r: r["person_id"])),
    )
    if plan.hash != plan_hash:
        raise DataError(
            f"The rows of plan {plan_hash} hash to {plan.hash}: they were changed after it was made. Plan it again."
        )
    return plan


def plan_campaign(workspace: Workspace, plan_hash: str) -> Campaign:
    """The campaign of a kept plan, read from its header alone.

    Raises
    ------
    NothingBuilt
        When no plan of this hash was kept.
    """
    return Campaign.from_json(_header(workspace, plan_hash)["campaign"])


def planned_audiences(workspace: Workspace) -> pd.DataFrame:
    """Which audiences the newest kept plan of every campaign is for, or names in its rule.

    Returns
    -------
    pandas.DataFrame
        `campaign_name`, `audience`, `refers_to` (the version that is named; empty for the active one, and for
        the campaign's own audience) and `kept_at`; by campaign.
    """
    columns = ["campaign_name", "audience", "refers_to", "kept_at"]
    rows: list[tuple[Any, ...]] = []
    if _are_kept(workspace):
        asked = sa.select(_plans.c.campaign_name, _plans.c.campaign, _plans.c.kept_at)
        with workspace.state.engine.connect() as con:
            newest = {row.campaign_name: row for row in con.execute(asked.order_by(_plans.c.kept_at))}
        for name, row in sorted(newest.items()):
            audience = Campaign.from_json(row.campaign).audience
            named = dict.fromkeys([(audience.name, None), *audience.refers_to()])
            rows += [(name, other, version, row.kept_at) for other, version in named]
    return pd.DataFrame(rows, columns=columns).astype({"refers_to": "Int64"})


def _header(workspace: Workspace, plan_hash: str) -> Any:
    header: Any = None
    if _are_kept(workspace):
        with workspace.state.engine.connect() as con:
            header = con.execute(sa.select(_plans).where(_plans.c.plan_hash == plan_hash)).mappings().first()
    if header is None:
        raise NothingBuilt(
            f"No plan {plan_hash!r} is kept in {workspace.root}. `plans(workspace)` lists them."
        )
    return header


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _batches(plan: Plan) -> Iterator[Any]:
    import pyarrow as pa

    rows = [{"plan_hash": plan.hash, **row} for row in plan.records]
    for start in range(0, len(rows), 50_000):
        yield pa.RecordBatch.from_pylist(rows[start : start + 50_000], schema=PLAN_ROWS.arrow_schema())


def _are_kept(workspace: Workspace) -> bool:
    """Whether the table of plans is there; a reader makes none, since it may not be allowed to."""
    return sa.inspect(workspace.state.engine).has_table(_plans.name)


def _tables(workspace: Workspace) -> None:
    # of two processes that make the table at once, one finds it there
    with contextlib.suppress(sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.IntegrityError):
        _metadata.create_all(workspace.state.engine, checkfirst=True)
