"""The ledger of sends: what is planned, who hands it over, what became of it; intent before every call.

Three short transactions carry a message: *claim* (choose, re-check, commit the intent), then the network,
then *settle* (commit the outcome, guarded by the attempt's number). Claims are ordered one after another
on both databases (`BEGIN IMMEDIATE`; one advisory lock on Postgres), and so are opt-outs: no intent is
committed after an opt-out was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from qa_lib.deliver import schema
from qa_lib.deliver.adapters import Recovery
from qa_lib.deliver.messages import BatchGuard, Defer, MayContact, Message, Outcome, Planned
from qa_lib.deliver.rows import intent, locked, message_of, move, new_row, note, rows_of
from qa_lib.deliver.schema import deliveries, history, stops, to_text
from qa_lib.errors import CannotCarry, ReadOnly
from qa_lib.guards import GuardState
from qa_lib.workspace import Workspace
from qa_lib.workspace.state import State

_BATCH = 500
_GATE = 7_206_201  # the advisory lock's number on Postgres: any constant that is ours alone
#: The back-off after the first failure; it doubles with each further one, up to an hour.
BACK_OFF = timedelta(seconds=30)
MAX_FAILURES = 6


class Ledger:
    """The sends of one workspace's state database.

    Parameters
    ----------
    where
        A workspace, or its state. The tables are made on first use.
    back_off, max_failures
        The wait after the first temporary failure (it doubles, up to an hour), and how many failures make
        a message `dead`.
    """

    #: States from which an outcome may still come; the kill test's mutant widens it.
    _open_states: tuple[str, ...] = ("dispatching", "unknown")

    def __init__(
        self,
        where: Workspace | State,
        *,
        back_off: timedelta = BACK_OFF,
        max_failures: int = MAX_FAILURES,
    ) -> None:
        if isinstance(where, Workspace) and where.read_only:
            raise ReadOnly(f"The workspace {where.root} is open read-only, and a ledger of sends is written.")
        self.engine = where.state.engine if isinstance(where, Workspace) else where.engine
        #: Where consent is kept, so that an opt-out is known to the next plan; None for a state alone.
        self.consent = GuardState(where) if isinstance(where, Workspace) else None
        self.back_off, self.max_failures = back_off, max_failures
        with self.writing() as con:
            schema.metadata.create_all(con, checkfirst=True)

    @contextlib.contextmanager
    def writing(self, *, gate: bool = True) -> Iterator[sa.Connection]:
        """A transaction that writes; with `gate`, one after another with claims and opt-outs."""
        with self.engine.begin() as con:
            if self.engine.dialect.name == "sqlite":
                con.exec_driver_sql("BEGIN IMMEDIATE")
            elif gate:
                con.execute(sa.text("SELECT pg_advisory_xact_lock(:gate)"), {"gate": _GATE})
            yield con

    # -- planning ------------------------------------------------------------------------------

    def plan(
        self, messages: Iterable[Message], at: datetime, check: Callable[[Message], None] | None = None
    ) -> Planned:
        """Write messages down to be sent; those that are there already stay as they are.

        Parameters
        ----------
        check
            An adapter's `check`: asked about every message before the first one is written.

        Raises
        ------
        CannotCarry
            When the channel has no place for a part of any message; nothing is planned then.
        """
        wanted = list({m.key: m for m in messages}.values())
        for message in wanted if check else ():
            assert check is not None
            check(message)
        added = duplicate = 0
        for first in range(0, len(wanted), _BATCH):
            batch = wanted[first : first + _BATCH]
            with self.writing() as con:
                there = set(
                    con.scalars(
                        sa.select(deliveries.c.delivery_id).where(
                            deliveries.c.delivery_id.in_([m.key for m in batch])
                        )
                    )
                )
                claimed = self._claimed_addresses(con, batch)
                rows = []
                for message in batch:
                    if message.key not in there:
                        place = (message.campaign_version, message.step, message.address_claim)
                        rows.append(new_row(message, at, taken=place in claimed))
                        claimed.add(place)
                if rows:
                    con.execute(deliveries.insert(), rows)
                    con.execute(history.insert(), [note(r, None, r["state"], at, None) for r in rows])
                added += len(rows)
                duplicate += sum(r["state"] == "suppressed" for r in rows)
        if added >= 1_000 and self.engine.dialect.name == "postgresql":
            with self.writing(
                gate=False
            ) as con:  # without it Postgres scans what is done to find what is due
                con.exec_driver_sql("ANALYZE deliveries")
        return Planned(added, len(wanted) - added, duplicate)

    def _claimed_addresses(self, con: sa.Connection, batch: Sequence[Message]) -> set[tuple[str, str, str]]:
        c = deliveries.c
        query = sa.select(c.campaign_version, c.step, c.address_claim).where(
            c.campaign_version.in_({m.campaign_version for m in batch}),
            c.address_claim.in_({m.address_claim for m in batch}),
        )
        return {(r[0], r[1], r[2]) for r in con.execute(query)}

    # -- hand-off ------------------------------------------------------------------------------

    def claim(
        self,
        channel: str,
        worker: str,
        at: datetime,
        *,
        lease: timedelta,
        limit: int = _BATCH,
        campaign_version: str | None = None,
        may_contact: MayContact | None = None,
        check: Callable[[Message], None] | None = None,
    ) -> list[Message]:
        """Choose due messages, re-check each, and commit the intent to hand over those that pass.

        At most one message of a person is in a batch, so that a cap sees the one before.
        """
        with self.writing() as con:
            due = locked(
                con, deliveries.c.due_at <= to_text(at), deliveries.c.due_at, channel, campaign_version, limit
            )
            rows = list({r["person_id"]: r for r in reversed(due)}.values())
            verdicts = self.verdicts(con, rows, at, may_contact)
            going: list[Message] = []
            moves: list[tuple[dict[str, Any], dict[str, Any]]] = []
            for row in rows:
                verdict = verdicts.get(row["delivery_id"])
                message = message_of(row)
                if verdict is None and check is not None:
                    try:
                        check(message)
                    except CannotCarry as error:
                        moves.append((row, {"state": "refused", "reason": str(error), "due_at": None}))
                        continue
                if verdict is None:
                    moves.append((row, intent(row, worker, at, lease)))
                    going.append(message_of(row, attempt=row["attempt"] + 1))
                elif isinstance(verdict, Defer):
                    change = {"state": "deferred", "reason": verdict.reason, "due_at": to_text(verdict.until)}
                    moves.append((row, change))
                else:
                    moves.append((row, {"state": "suppressed", "reason": verdict, "due_at": None}))
            move(con, moves, at, worker)
        return going

    def settle(
        self,
        batch: Sequence[Message],
        outcomes: Iterable[Outcome],
        worker: str,
        at: datetime,
        recovery: Recovery,
        *,
        ask_after: timedelta = timedelta(0),
    ) -> None:
        """Commit outcomes. A late one, whose attempt is no longer the row's, is noted and changes nothing."""
        attempts = {m.key: m.attempt for m in batch}
        by_key = {o.key: o for o in outcomes if o.key in attempts}
        with self.writing(gate=False) as con:
            moves, late = [], []
            for row in rows_of(con, sorted(by_key), lock=True):
                outcome = by_key[row["delivery_id"]]
                if row["attempt"] != attempts[row["delivery_id"]]:
                    late.append(note(row, row["state"], row["state"], at, worker, f"late: {outcome.status}"))
                elif row["state"] in self._open_states:
                    moves.append((row, self._outcome(row, outcome, at, recovery, ask_after)))
                elif outcome.status == "accepted":  # a receipt was faster: it keeps the state
                    known = {"sent_at": row["sent_at"] or to_text(at), "provider_id": outcome.provider_id}
                    moves.append((row, known))
            move(con, moves, at, worker)
            if late:
                con.execute(history.insert(), late)

    def _outcome(
        self,
        row: Mapping[str, Any],
        outcome: Outcome,
        at: datetime,
        recovery: Recovery,
        ask_after: timedelta,
    ) -> dict[str, Any]:
        change: dict[str, Any] = {"reason": outcome.reason, "lease_until": None, "due_at": None}
        if outcome.status == "accepted":
            return change | {"state": "accepted", "sent_at": to_text(at), "provider_id": outcome.provider_id}
        if outcome.status == "refused":
            return change | {"state": "refused"}
        if outcome.status == "not_sent":
            return change | {"state": "planned", "due_at": to_text(at)}
        failures = row["failures"] + 1
        spent = failures >= self.max_failures
        wait = max(outcome.retry_after or self.wait_after(failures, row["delivery_id"]), timedelta(0))
        change["failures"] = failures
        if outcome.status == "unknown":
            again = None if spent or recovery == "none" else to_text(at + max(wait, ask_after))
            return change | {"state": "unknown", "lease_until": again}
        if spent:
            return change | {"state": "dead"}
        return change | {"state": "deferred", "due_at": to_text(at + wait)}

    def wait_after(self, failures: int, key: str) -> timedelta:
        """The back-off after so many failures: it doubles, and differs between messages by up to a half."""
        wait = min(self.back_off * 2 ** (failures - 1), timedelta(hours=1))
        return wait * (0.5 + int(key[:4], 16) / 0x20000)

    def renew(self, batch: Sequence[Message], worker: str, until: datetime) -> None:
        """Keep the lease on messages that are still being handed over."""
        with self.writing(gate=False) as con:
            con.execute(
                deliveries.update()
                .where(
                    deliveries.c.delivery_id.in_([m.key for m in batch]),
                    deliveries.c.state == "dispatching",
                    deliveries.c.worker == worker,
                )
                .values(lease_until=to_text(until))
            )

    def verdicts(
        self,
        con: sa.Connection,
        rows: Sequence[Mapping[str, Any]],
        at: datetime,
        may_contact: MayContact | None,
    ) -> dict[str, str | Defer]:
        """Why some of the messages may not go now: who asked to stop first, then the guard's word."""
        if not rows:
            return {}
        subjects = {r["person_id"] for r in rows} | {r["address"].strip().casefold() for r in rows}
        found = con.execute(sa.select(stops).where(stops.c.subject.in_(subjects))).mappings()
        stopped = {(s["kind"], s["subject"], s["channel"]): s["reason"] for s in found}
        verdicts: dict[str, str | Defer] = {}
        waiting = []
        for row in rows:
            person = ("person", row["person_id"])
            address = ("address", row["address"].strip().casefold())
            reasons = [stopped.get((*who, on)) for who in (person, address) for on in (None, row["channel"])]
            reason = next((r for r in reasons if r), None)
            if reason is None:
                waiting.append(row)
            else:
                verdicts[row["delivery_id"]] = reason
        if isinstance(may_contact, BatchGuard):
            return {**verdicts, **(may_contact.verdicts(con, waiting, at) if waiting else {})}
        for row in waiting if may_contact is not None else ():
            assert may_contact is not None
            verdict = may_contact(row["person_id"], row["channel"], at)
            if verdict is not None:
                verdicts[row["delivery_id"]] = verdict
        return verdicts
