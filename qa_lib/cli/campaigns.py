"""The commands of a campaign: plan it, rehearse it, send it, read what came of it, and stop for a person."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qa_lib.cli.options import AsOf, Json, WorkspaceOption, answer, records

if TYPE_CHECKING:
    import pandas as pd

    from qa_lib.campaigns import Plan
    from qa_lib.deliver import Adapter

campaigns_app = typer.Typer()

PlanName = Annotated[
    str, typer.Argument(metavar="PLAN", help="A plan's hash or its beginning, or its campaign's name.")
]
Origin = Annotated[str, typer.Option(help="Whose sends: observed or replayed.")]
_SHOWN = ["label_zh", "label_en", "rehearsed", "rehearsed_low", "rehearsed_high", "result", "note_en"]


@campaigns_app.command("plan")
def plan_command(
    campaign: Annotated[Path, typer.Argument(help="A campaign as JSON or YAML.")],
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Decide for every person of the audience: send, or why not; keep the frozen plan. Sends nothing."""
    from qa_lib.campaigns import Campaign
    from qa_lib.jobs.campaign import plan_campaign
    from qa_lib.rules.files import read_spec
    from qa_lib.workspace import Workspace

    made = plan_campaign(
        Workspace.open(workspace), read_spec(campaign, Campaign, "campaign file"), as_of=as_of
    )
    funnel = made.funnel()
    lines = [
        f"{made.campaign.name}: {made.send_count:,} of {made.audience_count:,} people to be sent",
        funnel[["label_zh", "label_en", "dropped_count", "remaining_count"]].to_string(index=False),
        f"messages cost {made.message_cost_amount} {made.currency}; at worst, with the offer, "
        f"{'unbounded' if made.worst_case_amount is None else f'{made.worst_case_amount} {made.currency}'}",
        f"plan {made.hash}",
    ]
    answer(_plan_values(made), "\n".join(lines), as_json)


@campaigns_app.command()
def simulate(
    plan: PlanName,
    workspace: WorkspaceOption = None,
    random_state: Annotated[int, typer.Option(help="Seed: the same number draws the same worlds.")] = 0,
    as_json: Json = False,
) -> None:
    """Rehearse a plan: what past campaigns let expect, with 90 % bands."""
    from rich.console import Console

    from qa_lib.jobs.campaign import find_plan, rehearse_plan
    from qa_lib.measure import rehearsal_and_result
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    made = find_plan(opened, plan)
    with Console(stderr=True).status("rehearsing"):
        rehearsal = rehearse_plan(opened, made, random_state=random_state)
        figures = rehearsal_and_result(opened.live_snapshot(), made.campaign.name, result="observed")
    values = _plan_values(made) | {
        "world_count": rehearsal.world_count,
        "random_state": rehearsal.random_state,
        "learnt_from": list(rehearsal.learnt_from),
        "evidence": rehearsal.evidence.to_dict(),
        "figures": records(figures[["metric", "rehearsed", "rehearsed_low", "rehearsed_high"]]),
    }
    lines = [
        f"{made.campaign.name}: {rehearsal.world_count} worlds, learnt from campaigns {', '.join(rehearsal.learnt_from)}",
        _table(figures, [c for c in _SHOWN if c != "result"]),
        rehearsal.evidence.en,
        rehearsal.notes.en,
    ]
    answer(values, "\n".join(line for line in lines if line), as_json)


@campaigns_app.command()
def send(
    plan: PlanName,
    workspace: WorkspaceOption = None,
    outbox: Annotated[
        Path | None, typer.Option(help="Append the messages to this file; default outbox/ in the workspace.")
    ] = None,
    smtp: Annotated[
        str | None, typer.Option(help="Send e-mail by this server, HOST:PORT; password in $QA_SMTP_PASSWORD.")
    ] = None,
    sender: Annotated[str | None, typer.Option(help="The From address of e-mail.")] = None,
    user: Annotated[str | None, typer.Option(help="The mail server's user.")] = None,
    replay_of: Annotated[
        str | None,
        typer.Option("--replay", help="Send nothing: carry out against this past campaign, into a file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Carry a kept plan out, from where an earlier run left it; a second run sends nothing twice."""
    from rich.console import Console

    from qa_lib.deliver import FileOutbox
    from qa_lib.jobs.campaign import find_plan, outbox_of, replay_plan, send_plan
    from qa_lib.jobs.history import past_campaign
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    made = find_plan(opened, plan)
    if replay_of is not None and (smtp or outbox):
        raise typer.BadParameter("a replay goes into its own file", param_hint="--replay")
    with Console(stderr=True).status("sending") as status:

        def told(counts: dict[str, int]) -> None:
            status.update("sending: " + ", ".join(f"{n:,} {state}" for state, n in counts.items()))

        if replay_of is not None:
            done = replay_plan(opened, made, past_campaign(opened.snapshot(), replay_of), progress=told)
        else:
            channel = made.campaign.channel
            adapter: Adapter = (
                _smtp(smtp, sender, user)
                if smtp
                else FileOutbox(outbox or outbox_of(opened, made), channel=channel)
            )
            done = send_plan(opened, made, adapter, progress=told)
    values = {
        "plan": made.hash,
        "handed_over": done.handed_over,
        "states": done.counts,
        "next_at": done.next_at.isoformat() if done.next_at else None,
    }
    shown = ", ".join(f"{n:,} {state}" for state, n in done.counts.items())
    later = f"; more is due at {done.next_at.isoformat()}: run it again then" if done.next_at else ""
    answer(values, f"{done.handed_over:,} handed over now; in all {shown}{later}", as_json)


@campaigns_app.command()
def report(
    campaign: PlanName,
    workspace: WorkspaceOption = None,
    origin: Origin = "observed",
    by: Annotated[str | None, typer.Option(help="channel, or a tag to compare by.")] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """What a campaign brought, beside what its rehearsal expected."""
    from qa_lib.errors import SpecError
    from qa_lib.jobs.campaign import find_plan
    from qa_lib.measure import evidence, rehearsal_and_result
    from qa_lib.workspace import Workspace

    if origin not in ("observed", "replayed"):
        raise SpecError(f"Unknown origin {origin!r}. A result is 'observed' or 'replayed'.")
    opened = Workspace.open(workspace)
    made = find_plan(opened, campaign)
    snapshot = opened.live_snapshot(as_of)
    figures = rehearsal_and_result(
        snapshot,
        made.campaign.name,
        result="replayed" if origin == "replayed" else "observed",
        by=() if by is None else (by,),
    )
    said = evidence("replayed" if origin == "replayed" else "observed")
    values = {
        "campaign": made.campaign.name,
        "plan": made.hash,
        "origin": origin,
        "evidence": said.to_dict(),
        "figures": records(figures),
        **snapshot.stamp(),
    }
    shown = _SHOWN if by is None else [by, *_SHOWN]
    answer(values, f"{made.campaign.name}\n{_table(figures, shown)}\n{said.en}", as_json)


@campaigns_app.command("opt-out")
def opt_out_command(
    person: Annotated[str, typer.Argument(help="The person's id.")],
    workspace: WorkspaceOption = None,
    channel: Annotated[str | None, typer.Option(help="On this channel only; on all when not given.")] = None,
    as_json: Json = False,
) -> None:
    """Never contact a person again; returns when nothing is on its way to them any more."""
    from datetime import UTC, datetime

    from qa_lib.deliver import opt_out
    from qa_lib.workspace import Workspace

    left = opt_out(Workspace.open(workspace), person, datetime.now(UTC), channel=channel)
    where = channel or "every channel"
    text = f"{person} is not contacted on {where} any more" + (
        f"; {left} message(s) were still being handed over" if left else "."
    )
    answer({"person_id": person, "channel": channel, "on_the_way": left}, text, as_json)


@campaigns_app.command("opt-in")
def opt_in_command(
    person: Annotated[str, typer.Argument(help="The person's id.")],
    workspace: WorkspaceOption = None,
    channel: Annotated[str | None, typer.Option(help="On this channel only; on all when not given.")] = None,
    source: Annotated[str, typer.Option(help="Who says so.")] = "person",
    as_json: Json = False,
) -> None:
    """Record that a person agreed to marketing; a complaint stays."""
    from qa_lib.deliver import opt_in
    from qa_lib.workspace import Workspace

    opt_in(Workspace.open(workspace), person, channel=channel, source=source)
    text = f"{person} agreed to marketing on {channel or 'every channel'}."
    answer({"person_id": person, "channel": channel}, text, as_json)


def _smtp(server: str, sender: str | None, user: str | None) -> Adapter:
    from qa_lib.deliver.smtp import Smtp

    host, colon, port = server.rpartition(":")
    if not colon or not port.isdigit():
        raise typer.BadParameter(f"{server!r} is not HOST:PORT", param_hint="--smtp")
    if sender is None:
        raise typer.BadParameter("e-mail needs a From address", param_hint="--sender")
    return Smtp(
        host, int(port), sender=sender, username=user, password=os.environ.get("QA_SMTP_PASSWORD") or None
    )


def _plan_values(made: Plan) -> dict[str, Any]:
    worst = made.worst_case_amount
    return {
        "plan": made.hash,
        "campaign": made.campaign.name,
        "as_of": made.as_of.isoformat(),
        "universe": made.universe,
        "audience": made.audience_count,
        "send": made.send_count,
        "reasons": made.reasons,
        "message_cost": str(made.message_cost_amount),
        "worst_case": None if worst is None else str(worst),
        "currency": made.currency,
    }


def _table(frame: pd.DataFrame, columns: list[str]) -> str:
    shown = frame[columns].astype(object).where(frame[columns].notna(), "—")
    return shown.map(lambda v: f"{v:,.4g}" if isinstance(v, float) else str(v)).to_string(index=False)
