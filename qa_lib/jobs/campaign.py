"""A campaign's way from spec to read-out, one call a step, with what each step needs from its workspace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd

from qa_lib.audiences import engine_of
from qa_lib.campaigns import (
    Campaign,
    Coupon,
    Plan,
    keep_plan,
    offer_items,
    plan,
    plans,
    read_addresses,
    read_plan,
    record_conversions,
)
from qa_lib.deliver import (
    Adapter,
    FileOutbox,
    Ledger,
    Receipt,
    Run,
    apply_receipts,
    carry_out,
    messages_of,
    publish_sends,
    replay,
    replay_ledger,
    sends_frame,
)
from qa_lib.errors import ChannelUnavailable, NothingBuilt
from qa_lib.guards import RiskCheck, read_policy, read_risk
from qa_lib.identity import former_ids, read_resolution
from qa_lib.jobs.history import PastCampaign, recipients
from qa_lib.jobs.record import safe_name
from qa_lib.rules import sentence
from qa_lib.simulate import Rehearsal, rehearse
from qa_lib.workspace import Snapshot, Workspace

Progress = Callable[[dict[str, int]], None]


def plan_campaign(workspace: Workspace, campaign: Campaign, as_of: datetime | str | None = None) -> Plan:
    """Plan a campaign under the workspace's contact policy, risk, consents and addresses, and keep the plan.

    Raises
    ------
    SpecError, UnknownName, NothingBuilt, AsOfOutside
        As `qa_lib.campaigns.plan`; or when a file of the guards is broken.
    """
    snapshot = workspace.snapshot(as_of)
    made = plan(
        workspace,
        campaign,
        snapshot.as_of,
        addresses=read_addresses(workspace),
        policy=read_policy(workspace),
        risk=_risk(workspace, snapshot),
        former_ids=_former_ids(workspace, snapshot),
    )
    keep_plan(workspace, made)
    return made


def find_plan(workspace: Workspace, name: str) -> Plan:
    """A kept plan by its hash, the beginning of its hash, or its campaign's name (then the newest).

    Raises
    ------
    NothingBuilt
        When none fits, or the beginning fits several.
    """
    known = plans(workspace)
    fitting = known[(known["campaign_name"] == name) | known["plan_hash"].str.startswith(name)]
    named = known[known["campaign_name"] == name]
    if len(named):
        return read_plan(workspace, str(named["plan_hash"].iloc[-1]))
    if len(fitting) != 1:
        newest = known.tail(5)
        told = ", ".join(
            f"{name} {digest[:12]}"
            for name, digest in zip(newest["campaign_name"], newest["plan_hash"], strict=True)
        )
        raise NothingBuilt(
            f"{'No plan' if fitting.empty else 'More than one plan'} in {workspace.root} is called {name!r}; the "
            f"newest are: {told or 'none'}. Make one with `qa plan CAMPAIGN`."
        )
    return read_plan(workspace, str(fitting["plan_hash"].iloc[0]))


def rehearse_plan(workspace: Workspace, made: Plan, *, random_state: int = 0) -> Rehearsal:
    """Rehearse a plan: worlds of sends and outcomes with origin `simulated`, in place of earlier ones."""
    snapshot = workspace.snapshot(made.as_of)
    offer = made.campaign.offer
    items = None if offer is None else offer_items(snapshot, offer)
    coupons = len(offer.coupon_ids) if isinstance(offer, Coupon) and offer.coupon_ids else None
    return rehearse(
        workspace,
        made,
        random_state=random_state,
        item_ids=None if items is None else sorted(items),
        coupon_count=coupons,
        goal=goal_words(snapshot, made.campaign),
    )


def send_plan(workspace: Workspace, made: Plan, adapter: Adapter, *, progress: Progress | None = None) -> Run:
    """Carry a plan out for real, from where an earlier call left it, and publish its sends.

    A plan that is refused leaves nothing in the shared tables.
    """
    snapshot = workspace.snapshot(made.as_of)
    ledger, goal = Ledger(workspace), goal_words(snapshot, made.campaign)
    try:
        done = carry_out(
            workspace,
            made,
            adapter,
            policy=read_policy(workspace),
            risk=_risk(workspace, workspace.snapshot()),
            former_ids=_former_ids(workspace, snapshot),
            ledger=ledger,
            progress=progress,
        )
    except ChannelUnavailable:  # what was written down waits, and is shown as queued
        publish_sends(workspace, made, ledger, goal=goal)
        raise
    publish_sends(workspace, made, ledger, goal=goal)
    return done


def replay_plan(
    workspace: Workspace, made: Plan, past: PastCampaign, *, progress: Progress | None = None
) -> Run:
    """Carry a plan out against history: on a clock of its own, into a file, with a ledger apart.

    Nobody is contacted. A message counts as delivered to those who received the past campaign; for the
    others no receipt comes. Sends, and the conversions that the data hold by the current snapshot's
    moment, get the origin `replayed`.
    """
    snapshot = workspace.snapshot(made.as_of)
    ledger = replay_ledger(workspace)
    done = replay(
        workspace,
        made,
        FileOutbox(outbox_of(workspace, made), channel=made.campaign.channel),
        policy=read_policy(workspace),
        risk=_risk(workspace, snapshot),
        former_ids=_former_ids(workspace, snapshot),
        ledger=ledger,
        progress=progress,
    )
    reached = recipients(snapshot, past.campaign_id)  # by the ids of the plan's own moment
    sent = sends_frame(ledger, made.hash)
    left = dict(zip(sent["person_id"], sent["sent_at"], strict=True))
    receipts = [
        Receipt("delivered", m.key, left[m.person_id].to_pydatetime())
        for m in messages_of(made)
        if m.person_id in reached and not pd.isna(left.get(m.person_id))
    ]
    apply_receipts(ledger, receipts, datetime.now(UTC))
    publish_sends(workspace, made, ledger, origin="replayed", goal=goal_words(snapshot, made.campaign))
    if made.campaign.goal is not None:
        record_conversions(workspace, made.campaign, origin="replayed")
    return done


def outbox_of(workspace: Workspace, made: Plan) -> str:
    """The file into which a plan's messages go when they go to a file."""
    return str(workspace.root / "outbox" / f"{safe_name(made.campaign.name)}-{made.hash[:12]}.jsonl")


def goal_words(snapshot: Snapshot, campaign: Campaign) -> str | None:
    """What counts as a conversion, in both languages; None where the campaign declares no goal."""
    if campaign.goal is None:
        return None
    words = sentence(campaign.goal.condition, engine_of(snapshot).catalogue)
    return f"{words.zh} · {words.en}"


def _risk(workspace: Workspace, snapshot: Snapshot) -> RiskCheck | None:
    return read_risk(workspace, engine_of(snapshot))


def _former_ids(workspace: Workspace, snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    return former_ids(read_resolution(workspace).as_of(snapshot.as_of))
