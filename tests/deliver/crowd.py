"""Eight processes carry out overlapping campaigns while others opt people out and suppress them; the books after."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from company import campaign_of, copy_of, kept, people
from killing import PROCESSES

from qa_lib.campaigns import Campaign, plan_campaign
from qa_lib.deliver import FileOutbox, HandOffGuard, Ledger, Message, Outcome, carry_out, opt_out, suppress
from qa_lib.deliver.schema import deliveries, to_moment
from qa_lib.guards import Cap, ContactPolicy, GuardState, Holdout, held_out
from qa_lib.workspace import Workspace

SENDERS, STOPPERS, STOPS = 8, 2, 20
POLICY = ContactPolicy(holdout=Holdout(0.1, "everywhere"), caps=(Cap(2), Cap(1, scope="campaign_type")))
CHANNELS = ("sms", "email", "push", "outbox")


class SlowOutbox(FileOutbox):
    """A provider that takes its time, so that an opt-out comes while messages are on their way."""

    seconds = 0.3

    def send(self, batch: Iterable[Message]) -> list[Outcome]:
        messages = list(batch)
        time.sleep(self.seconds)
        return super().send(messages)


class NoCaps(HandOffGuard):
    """The mutant: it believes the caps of the plan."""

    def by_contacts(self, con: sa.Connection, rows: list[Any], at: datetime) -> list[Any]:
        return [None] * len(rows)


class Books(NamedTuple):
    """What the outboxes got against what was allowed; all but `contacted` is to be 0."""

    contacted: int
    held_out: int
    over_cap: int
    after_stop: int
    suppressed_before: int
    unfinished: int
    lost: int
    twice: int
    too_few: int
    failed: int


def campaign(workspace: Workspace, number: int) -> Campaign:
    return campaign_of(
        workspace,
        f"campaign-{number}",
        CHANNELS[number % len(CHANNELS)],
        campaign_type=f"type-{number // 2}",
        holdout=Holdout(0.1, f"campaign-{number}"),
    )


def outbox(root: Path, channel: str) -> SlowOutbox:
    made = SlowOutbox(root / f"{channel}.jsonl", channel=channel)
    made.capabilities = made.capabilities.__class__(**{**vars(made.capabilities), "batch_size": 80})
    return made


def sender(root: Path, number: int, barrier: Any, mutant: str | None) -> None:
    """One process: plan, keep, wait for the others, carry out."""
    if mutant == "no caps":
        from qa_lib.deliver import carrying_out

        carrying_out.HandOffGuard = NoCaps  # type: ignore[misc]
    if mutant == "no waiting":  # the stop itself waits for its turn among the claims: the provider is slower
        SlowOutbox.seconds = 1.5
    workspace = Workspace.open(root)
    made = kept(workspace, campaign(workspace, number), policy=POLICY)
    barrier.wait()
    channel = made.campaign.channel
    lease, patience = timedelta(seconds=60), timedelta(seconds=20)
    carry_out(workspace, made, outbox(root.parent, channel), policy=POLICY, lease=lease, patience=patience)
    workspace.state.engine.dispose()


def stopper(root: Path, number: int, barrier: Any, mutant: str | None) -> None:
    """One process: opt people out or suppress them, half of them while a message is on its way to them.

    It notes how much was in each outbox when the call had returned.
    """
    if mutant == "no waiting":
        from qa_lib.deliver import stops

        stops.wait_until_still = lambda *told: 0
    workspace = Workspace.open(root)
    ledger = Ledger(workspace)
    chance = random.Random(number)
    everybody = people(workspace)
    c = deliveries.c
    on_their_way = sa.select(c.person_id).where(c.state == "dispatching").order_by(c.delivery_id)
    noted = []
    barrier.wait()
    for n in range(STOPS):
        time.sleep(chance.uniform(0, 0.1))
        with ledger.engine.connect() as con:
            hot = list(con.scalars(on_their_way))
        person = chance.choice(hot if hot and n % 2 else everybody)
        if n % 4 < 2:
            left = opt_out(ledger, person, datetime.now(UTC))
        else:
            left = suppress(ledger, person, source="test")
        assert left == 0
        sizes = {ch: path.stat().st_size for ch in CHANNELS if (path := root.parent / f"{ch}.jsonl").exists()}
        noted.append((person, sizes))
    (root.parent / f"stopped-{number}.json").write_text(json.dumps(noted))
    workspace.state.engine.dispose()


def crowd(source: Workspace, folder: Path, state_url: str | None, mutant: str | None = None) -> Books:
    """Run them all at once, then compare the books."""
    workspace = copy_of(source, folder / "workspace", state_url)
    before = people(workspace)[::23]
    GuardState(workspace).suppress(before, source="complaint")
    Ledger(workspace)
    barrier = PROCESSES.Barrier(SENDERS + STOPPERS, timeout=120)
    processes = [
        PROCESSES.Process(target=target, args=(workspace.root, number, barrier, mutant))
        for target, count in ((sender, SENDERS), (stopper, STOPPERS))
        for number in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    try:
        return books(workspace, folder, set(before), sum(p.exitcode != 0 for p in processes))
    finally:
        workspace.state.engine.dispose()


def books(workspace: Workspace, folder: Path, before: set[str], failed: int) -> Books:
    stopped: dict[str, list[dict[str, int]]] = {}
    for path in sorted(folder.glob("stopped-*.json")):
        for person, sizes in json.loads(path.read_text()):
            stopped.setdefault(person, []).append(sizes)
    taken = Counter[str]()
    wrong = Counter[str]()
    for channel in CHANNELS:
        offset = 0
        for raw in (folder / f"{channel}.jsonl").read_bytes().splitlines(keepends=True):
            line = json.loads(raw)
            person, number = line["person_id"], int(line["campaign_id"].rpartition("-")[2])
            taken[line["key"]] += 1
            salts = (POLICY.holdout, campaign(workspace, number).holdout)
            wrong["held_out"] += any(held_out(h, [person])[0] for h in salts)
            wrong["after_stop"] += any(offset >= sizes.get(channel, 0) for sizes in stopped.get(person, ()))
            wrong["suppressed_before"] += person in before
            offset += len(raw)
    with workspace.state.engine.connect() as con:
        rows = [dict(r) for r in con.execute(sa.select(deliveries)).mappings()]
    types = {v: plan_campaign(workspace, v).campaign_type for v in {r["campaign_version"] for r in rows}}
    sent: dict[str, list[tuple[datetime, str]]] = {}
    planned: dict[str, set[str]] = {}
    for row in rows:
        kind = types[row["campaign_version"]]
        planned.setdefault(row["person_id"], set()).add(kind)
        wrong["unfinished"] += row["state"] not in ("accepted", "suppressed")
        wrong["lost"] += (row["state"] == "accepted") != (taken[row["delivery_id"]] > 0)
        if (at := to_moment(row["sent_at"])) is not None:
            sent.setdefault(row["person_id"], []).append((at, kind))
    for messages in sent.values():
        for end, _ in messages:
            window = [kind for at, kind in messages if end - timedelta(days=1) < at <= end]
            wrong["over_cap"] += len(window) > 2 or max(Counter(window).values()) > 1
    for person, kinds in planned.items():  # a cap that is too strict would also hold
        wrong["too_few"] += person not in stopped and len(sent.get(person, ())) < min(2, len(kinds))
    wrong["twice"] = sum(n - 1 for n in taken.values())
    names = [name for name in Books._fields if name not in ("contacted", "failed")]
    return Books(contacted=len(taken), failed=failed, **{name: wrong[name] for name in names})
