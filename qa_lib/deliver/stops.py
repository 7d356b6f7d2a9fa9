"""Opt-outs at the ledger: ordered against hand-offs, and waited for until nothing is on its way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from qa_lib.deliver.ledger import Ledger
from qa_lib.deliver.schema import deliveries, stops, to_text
from qa_lib.errors import SpecError
from qa_lib.guards import EVERY_CHANNEL
from qa_lib.workspace import Workspace


@contextlib.contextmanager
def stopping(ledger: Ledger) -> Iterator[sa.Connection]:
    """A transaction in which to record that somebody must not be contacted.

    Hand-offs are re-checked and committed in the same order, so that none is committed after this one
    that has not seen it.
    """
    with ledger.writing() as con:
        yield con


def opt_out(
    where: Workspace | Ledger,
    person_id: str,
    at: datetime,
    *,
    channel: str | None = None,
    reason: str = "opted out",
    wait: timedelta = timedelta(seconds=60),
) -> int:
    """Never contact a person again, on one channel or on any.

    Returns when the stop is committed and nothing to the person is being handed over any more, so a
    person whose opt-out returned 0 is not contacted afterwards. With a workspace, or its ledger, the
    consent is withdrawn first, so that the next plan knows it too.

    Parameters
    ----------
    wait
        The longest to wait for messages that were handed over as the stop came.

    Returns
    -------
    int
        Messages to the person still being handed over after `wait`.
    """
    ledger = where if isinstance(where, Ledger) else Ledger(where)
    if ledger.consent is not None:
        ledger.consent.opt_out(person_id, channel=channel or EVERY_CHANNEL, source=reason)
    with stopping(ledger) as con:
        add_stop(con, "person", person_id, at, channel=channel, reason=reason)
    return wait_until_still(ledger, person_id, channel, wait)


def opt_in(
    where: Workspace | Ledger, person_id: str, *, channel: str | None = None, source: str = "person"
) -> None:
    """Record that a person agreed again, on one channel or on all: what an opt-out stopped may go from now on.

    Consent is granted where the ledger has a workspace, and the stops of opt-outs and unsubscribes that this
    agreement is about are taken back, those of the addresses that the person was written to as well. A
    complaint stays.
    """
    ledger = where if isinstance(where, Ledger) else Ledger(where)
    if ledger.consent is not None:
        ledger.consent.grant(person_id, channel=channel or EVERY_CHANNEL, source=source)
    s, d = stops.c, deliveries.c
    with stopping(ledger) as con:
        written = con.scalars(sa.select(d.address).where(d.person_id == person_id).distinct())
        mine = sa.or_(
            sa.and_(s.kind == "person", s.subject == person_id),
            sa.and_(s.kind == "address", s.subject.in_({a.strip().casefold() for a in written})),
        )
        which = sa.true() if channel is None else s.channel == channel
        con.execute(stops.delete().where(mine, which, s.reason != "complained"))


def suppress(
    where: Workspace | Ledger,
    person_id: str,
    *,
    source: str,
    channel: str | None = None,
    wait: timedelta = timedelta(seconds=60),
) -> int:
    """Suppress a person (complaint, death, court order …), and wait until nothing is on its way.

    Plans and hand-offs ask for suppressions, so no stop is written: lifting it by
    `GuardState.lift` ends it. Otherwise as `opt_out`.

    Raises
    ------
    SpecError
        For a ledger without a workspace, which keeps no suppressions.
    """
    ledger = where if isinstance(where, Ledger) else Ledger(where)
    if ledger.consent is None:
        raise SpecError(
            f"{person_id!r} cannot be suppressed: this ledger belongs to no workspace, and suppressions are kept "
            "there. Give the workspace, or use opt_out."
        )
    ledger.consent.suppress(person_id, channel=channel or EVERY_CHANNEL, source=source)
    with stopping(ledger):  # whoever was asked before the suppression has committed once this is passed
        pass
    return wait_until_still(ledger, person_id, channel, wait)


def add_stop(
    con: sa.Connection, kind: str, subject: str, at: datetime, *, channel: str | None, reason: str
) -> None:
    """Write one stop, of a `person` or an `address`, inside `stopping`."""
    row = {"kind": kind, "subject": subject, "channel": channel, "reason": reason, "at": to_text(at)}
    con.execute(stops.insert().values(row))


def wait_until_still(ledger: Ledger, person_id: str, channel: str | None, wait: timedelta) -> int:
    """Wait until nothing to a person is being handed over; returns what still is after `wait`."""
    end = time.monotonic() + wait.total_seconds()
    while (left := _on_the_way(ledger, person_id, channel)) and time.monotonic() < end:
        time.sleep(0.01)
    return left


def _on_the_way(ledger: Ledger, person_id: str, channel: str | None) -> int:
    c = deliveries.c
    query = sa.select(sa.func.count()).where(
        c.person_id == person_id, c.state == "dispatching", c.lease_until > to_text(datetime.now(UTC))
    )
    with ledger.engine.connect() as con:
        return int(con.scalar(query if channel is None else query.where(c.channel == channel)) or 0)
