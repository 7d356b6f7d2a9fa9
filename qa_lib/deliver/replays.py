"""Replays: a plan carried out on a clock that jumps, in a ledger of its own, into a file.

So a campaign of last spring can be rehearsed to the minute, with its quiet hours, caps and deferrals, and
never counts against what a real person may be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from qa_lib.campaigns import Plan
from qa_lib.deliver.adapters import Adapter, FileOutbox
from qa_lib.deliver.carrying_out import ready
from qa_lib.deliver.hand_off import HandOffGuard
from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.worker import Run, run
from qa_lib.errors import CannotCarry, ReadOnly, SpecError
from qa_lib.guards import ContactPolicy, RiskCheck
from qa_lib.workspace import Workspace, read_moment
from qa_lib.workspace.state import State

if TYPE_CHECKING:
    import pandas as pd

#: The file of a workspace's rehearsals.
REPLAY_FILE = "replay.db"


class ReplayClock:
    """A clock that stands still until it is moved, forward only."""

    def __init__(self, start: datetime) -> None:
        self._now = read_moment(start)

    def now(self) -> datetime:
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Make it this moment.

        Raises
        ------
        SpecError
            When the moment is earlier than the clock's, or has no zone.
        """
        moment = read_moment(moment)
        if moment < self._now:
            raise SpecError(
                f"The clock of a replay is at {self._now.isoformat()} and cannot go back to {moment.isoformat()}. "
                "Start another one."
            )
        self._now = moment


def replay_ledger(workspace: Workspace) -> Ledger:
    """The ledger of a workspace's rehearsals, in a SQLite file of its own.

    It keeps no consent: an opt-out in a rehearsal is nobody's.

    Raises
    ------
    ReadOnly
        When the workspace is open read-only.
    """
    if workspace.read_only:
        raise ReadOnly(f"The workspace {workspace.root} is open read-only, and a ledger of sends is written.")
    return Ledger(State(f"sqlite:///{workspace.root / REPLAY_FILE}"))


def replay(
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
) -> Run:
    """Carry a plan out on a clock that starts with its schedule and jumps to each moment when more is due.

    It ends when nothing is left, at the latest with the campaign. A replay that was killed is finished by
    the next one; what is done stays done.

    Parameters
    ----------
    adapter
        A `FileOutbox`: no provider is called about the past.
    ledger
        The workspace's ledger of rehearsals when not given.

    Raises
    ------
    CannotCarry
        When the adapter is no file outbox; otherwise as `carry_out`.
    SpecError
        When the ledger is the workspace's own, whose messages count for real people.
    """
    if not isinstance(adapter, FileOutbox):
        raise CannotCarry(
            f"A replay writes into a file and {adapter.capabilities.name} would contact people. "
            f"Use FileOutbox(path, channel={plan.campaign.channel!r})."
        )
    if ledger is not None and ledger.engine.url == workspace.state.engine.url:
        raise SpecError(
            f"The ledger of {workspace.root} holds what real people were sent, and a replay must not count there. "
            "Leave `ledger` out, or give replay_ledger(workspace)."
        )
    schedule = plan.campaign.schedule
    clock = ReplayClock(schedule.starts_at)
    made = ledger if ledger is not None else replay_ledger(workspace)
    try:
        ready(workspace, plan, adapter, made, clock.now)
        guard = HandOffGuard(workspace, made, plan, policy, risk=risk, former_ids=former_ids, past=past)
        handed_over = 0
        while True:
            done = run(
                made,
                adapter,
                campaign_version=plan.hash,
                may_contact=guard,
                patience=timedelta(0),
                progress=progress,
                clock=clock.now,
            )
            handed_over += done.handed_over
            if done.next_at is None or clock.now() >= schedule.ends_at:
                return done._replace(handed_over=handed_over)
            clock.move_to(min(max(done.next_at, clock.now()), schedule.ends_at))
    finally:
        if ledger is None:
            made.engine.dispose()
