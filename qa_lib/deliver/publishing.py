"""A campaign's sends go into the shared tables: who was sent to, and why everybody else targeted was not."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from qa_lib.campaigns import Plan
from qa_lib.deliver.from_plan import STEP
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.replays import REPLAY_FILE, replay_ledger
from qa_lib.deliver.sends import SOURCE, sends_frame
from qa_lib.errors import SpecError, did_you_mean
from qa_lib.tables import CAMPAIGNS, SENDS, Table
from qa_lib.workspace import Workspace

ORIGINS = ("observed", "replayed", "simulated")
#: Of two messages of one campaign to one person, the one that got further stands.
_FURTHEST = ("sent", "unknown", "failed", "queued", "not_sent")
_NOTHING = Decimal("0.00")


def publish_sends(
    workspace: Workspace,
    plan: Plan,
    ledger: Ledger | None = None,
    *,
    origin: str = "observed",
    goal: str | None = None,
) -> int:
    """Write a campaign's rows of `sends`, and its row of `campaigns`, in place of those that are there.

    Everybody whom the plan targets, its audience without the holdouts, has a row: what the ledger says of
    the message (of all plans of the campaign, the one that got furthest), else `not_sent` with the plan's
    reason. A holdout has none: nobody meant to contact them. Publishing again changes nothing, but for what
    happened since.

    Parameters
    ----------
    ledger
        The workspace's own when not given; for `replayed` that of its rehearsals.
    origin
        `observed`, `replayed` or `simulated`; rows of another origin stay as they are.
    goal
        What counts as a conversion, in words.

    Returns
    -------
    int
        Rows of `sends`.

    Raises
    ------
    SpecError
        For an unknown origin, or a rehearsal that would be published as observed.
    ReadOnly
        When the workspace is open read-only.
    """
    if origin not in ORIGINS:
        raise SpecError(f"Unknown origin {origin!r} of sends.{did_you_mean(origin, ORIGINS)}")
    if origin == "observed" and ledger is not None and _is_rehearsal(ledger):
        raise SpecError(
            f"A rehearsal of {plan.campaign.name!r} cannot be published as observed: nobody was contacted. "
            "Use origin='replayed'."
        )
    campaign = plan.campaign
    made = ledger
    if made is None:
        made = replay_ledger(workspace) if origin == "replayed" else Ledger(workspace)
    try:
        told = sends_frame(made, campaign_id=campaign.name, origin=origin)
    finally:
        if made is not ledger and origin == "replayed":
            made.engine.dispose()
    rows = _furthest([{str(k): v for k, v in r.items()} for r in told.to_dict("records")])
    there = {row["person_id"] for row in rows}
    rows += [_not_sent(plan, record, origin) for record in plan.targeted if record["person_id"] not in there]
    which = {"campaign_id": campaign.name, "origin": origin}
    header = plan.campaign_row(workspace.zone, goal=goal, origin=origin, source=SOURCE)
    _replace(workspace, CAMPAIGNS, [header], which)
    _replace(workspace, SENDS, sorted(rows, key=lambda r: (r["person_id"], r["step"])), which)
    return len(rows)


def _is_rehearsal(ledger: Ledger) -> bool:
    return str(ledger.engine.url.database or "").endswith(f"/{REPLAY_FILE}")


def _furthest(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each person, step and channel; what all their messages cost stays counted."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    spent: dict[tuple[str, str, str], Decimal] = {}
    for row in sorted(told, key=lambda r: _FURTHEST.index(r["status"]), reverse=True):
        key = (row["person_id"], row["step"], row["channel"])
        if row["status"] in ("sent", "unknown") and row["cost_amount"] is not None:
            spent[key] = spent.get(key, _NOTHING) + row["cost_amount"]
        found[key] = row
    rows = []
    for key, row in found.items():
        reason = _code(row["reason"]) if row["status"] == "not_sent" else row["reason"]
        if row["status"] == "not_sent" and reason == "holdout":
            continue
        moments = {n: None if row[n] != row[n] else row[n] for n in ("sent_at", "delivered_at")}  # NaT
        shown = {n: row[n] for n in SENDS.column_names} | moments
        cost = spent.get(key, row["cost_amount"])
        rows.append(shown | {"cost_amount": cost, "reason": None if row["status"] == "sent" else reason})
    return rows


def _code(reason: str | None) -> str | None:
    """The reason as a plan names it: `risk` of `risk: late`."""
    if reason == "duplicate address":
        return "duplicate_address"
    beginning = (reason or "").partition(": ")[0]
    return beginning if beginning in ("risk", "holdout") else reason


def _not_sent(plan: Plan, record: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The row of somebody of whom the ledger knows nothing; `queued` before the plan is carried out."""
    is_waiting = record["reason"] is None
    return {
        "campaign_id": plan.campaign.name,
        "person_id": record["person_id"],
        "step": STEP,
        "channel": record["channel"],
        "status": "queued" if is_waiting else "not_sent",
        "reason": record["reason"],
        "sent_at": None,
        "delivered_at": None,
        "cost_amount": record["message_cost_amount"] if is_waiting else _NOTHING,
        "origin": origin,
        "world": 0,
        "source": SOURCE,
    }


def _replace(
    workspace: Workspace, table: Table, rows: list[dict[str, Any]], where: Mapping[str, str]
) -> None:
    import pyarrow as pa

    batch = pa.RecordBatch.from_pylist(rows, schema=table.arrow_schema())
    workspace.replace(table, [batch], where)
