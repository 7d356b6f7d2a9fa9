"""A plan is carried out: what was kept goes into the ledger, and from there to the provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from qa_lib.campaigns import Plan, read_plan
from qa_lib.deliver.adapters import Adapter
from qa_lib.deliver.from_plan import messages_of
from qa_lib.deliver.hand_off import HandOffGuard
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.sends import next_moment
from qa_lib.deliver.worker import Run, run
from qa_lib.errors import CannotCarry, DataError, ReadOnly, SpecError
from qa_lib.guards import ContactPolicy, RiskCheck
from qa_lib.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def carry_out(
    workspace: Workspace,
    plan: Plan,
    adapter: Adapter,
    *,
    policy: ContactPolicy,
    risk: RiskCheck | None = None,
    former_ids: Mapping[str, Sequence[str]] | None = None,
    past: pd.DataFrame | None = None,
    ledger: Ledger | None = None,
    progress: Callable[[dict[str, int]], None] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    lease: timedelta = timedelta(minutes=2),
    patience: timedelta | None = None,
) -> Run:
    """Send what a kept plan says, to nobody whom a guard forbids by now.

    Every message is checked against the adapter, then written down, before the first one is handed over.
    A second call finishes what is due by then, or does nothing; several processes may carry out one plan,
    and many plans, at once.

    Parameters
    ----------
    policy, risk, former_ids, past
        What is asked at hand-off; see `HandOffGuard`.
    ledger
        Where messages are written down; the workspace's when not given.
    progress, clock, lease, patience
        See `qa_lib.deliver.run`.

    Returns
    -------
    Run
        `next_at` says when more is due, such as after quiet hours: call again then.

    Raises
    ------
    ReadOnly
        When the workspace is open read-only.
    NothingBuilt, DataError
        When the plan was not kept, or is not the one that was kept.
    SpecError
        When the campaign is over and nothing of the plan waits in the ledger.
    CannotCarry
        When the adapter serves another channel, or has no place for a part of a message.
    ChannelUnavailable
        When the provider cannot be reached: nothing left, and all stays planned.
    """
    made = ready(workspace, plan, adapter, ledger, clock)
    guard = HandOffGuard(workspace, made, plan, policy, risk=risk, former_ids=former_ids, past=past)
    return run(
        made,
        adapter,
        campaign_version=plan.hash,
        may_contact=guard,
        lease=lease,
        patience=patience,
        progress=progress,
        clock=clock,
    )


def ready(
    workspace: Workspace,
    plan: Plan,
    adapter: Adapter,
    ledger: Ledger | None,
    clock: Callable[[], datetime],
) -> Ledger:
    """Refuse what cannot be carried out, and write the messages down; see `carry_out`."""
    campaign = plan.campaign
    if workspace.read_only:
        raise ReadOnly(
            f"The plan {plan.hash[:12]} cannot be carried out: the workspace {workspace.root} is open read-only. "
            "Open it with Workspace.open(…, read_only=False)."
        )
    if (computed := replace(plan).hash) != plan.hash:
        raise DataError(
            f"The plan {plan.hash[:12]} hashes to {computed[:12]}: it was changed after it was made. "
            "Read it again with read_plan, or plan again."
        )
    read_plan(workspace, plan.hash)
    if adapter.capabilities.channel != campaign.channel:
        raise CannotCarry(
            f"The campaign {campaign.name!r} is for the channel {campaign.channel!r}; {adapter.capabilities.name} "
            f"serves {adapter.capabilities.channel!r}. Choose that channel's adapter."
        )
    made = ledger if ledger is not None else Ledger(workspace)
    at, ends_at = clock(), campaign.schedule.ends_at
    if at >= ends_at and next_moment(made, campaign.channel, plan.hash) is None:
        raise SpecError(
            f"The campaign {campaign.name!r} ended at {ends_at.isoformat()}, and it is {at.isoformat()}: nothing of it "
            "can go. Move its end and plan again."
        )
    made.plan(messages_of(plan), at, check=adapter.check)
    return made
