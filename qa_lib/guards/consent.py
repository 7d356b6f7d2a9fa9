"""Consent and suppression: who may be contacted at all, as state that is true the moment a call returns.

Everything is an entry in a log that only grows, in the workspace's state database; the newest entry for
a person and channel is what holds. Marketing needs consent; suppression wins over everything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pandas as pd
import sqlalchemy as sa

from qa_lib.errors import ReadOnly, SpecError
from qa_lib.workspace import Workspace

#: An entry for every channel at once.
EVERY_CHANNEL = "*"

_metadata = sa.MetaData()
_entries = sa.Table(
    "contact_entries",
    _metadata,
    sa.Column("entry_id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("person_id", sa.String, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("state", sa.Boolean, nullable=False),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("recorded_at", sa.String, nullable=False),
    sa.Index("contact_entries_newest", "person_id", "kind", "channel", "entry_id"),
    sqlite_autoincrement=True,
)

Verdict = Literal["allowed", "no_consent", "suppressed"]


@dataclass(frozen=True)
class _Standing:
    """What the newest entries of one person say, by channel."""

    consent: dict[str, bool]
    suppression: dict[str, bool]


class GuardState:
    """Consent and suppression of one workspace; several threads and processes may use it at once.

    A call that writes has committed when it returns, so a decision that begins afterwards, in any
    process, sees it.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._engine = workspace.state.engine
        # of two processes that make the table at once, one finds it there
        with contextlib.suppress(sa.exc.OperationalError, sa.exc.ProgrammingError, sa.exc.IntegrityError):
            _metadata.create_all(self._engine, checkfirst=True)

    def grant(
        self, person_ids: str | Iterable[str], *, channel: str = EVERY_CHANNEL, source: str = "person"
    ) -> None:
        """Record that people agreed to marketing on a channel, or on all of them."""
        self._record(person_ids, channel, "consent", True, source)

    def opt_out(
        self,
        person_ids: str | Iterable[str],
        *,
        channel: str = EVERY_CHANNEL,
        source: str = "person",
        connection: sa.Connection | None = None,
    ) -> None:
        """Record that people withdrew their consent; it holds once this returned.

        An opt-out of every channel holds until the person agrees to every channel again. With a
        `connection` to the state database it holds once the caller's transaction is committed.
        """
        self._record(person_ids, channel, "consent", False, source, connection)

    def suppress(
        self,
        person_ids: str | Iterable[str],
        *,
        channel: str = EVERY_CHANNEL,
        source: str,
        connection: sa.Connection | None = None,
    ) -> None:
        """Stop all contact (complaint, hard bounce, death, court order …), marketing or not.

        With a `connection` to the state database it holds once the caller's transaction is committed.
        """
        self._record(person_ids, channel, "suppression", True, source, connection)

    def lift(self, person_ids: str | Iterable[str], *, channel: str = EVERY_CHANNEL, source: str) -> None:
        """End a suppression of exactly this channel, or of all; consent is as it was."""
        self._record(person_ids, channel, "suppression", False, source)

    def verdicts(
        self,
        people: Iterable[str | Sequence[str]],
        channel: str,
        *,
        is_marketing: bool = True,
        connection: sa.Connection | None = None,
    ) -> list[Verdict]:
        """What each person's newest entries allow on a channel; shape (n_people,).

        Parameters
        ----------
        people
            One id each, or all ids a person ever had: then one suppressed or withdrawn id decides.
        is_marketing
            Marketing needs consent; a message that is part of a service needs none. Suppression stops both.
        connection
            To the state database, where the answer belongs to a transaction of the caller's.
        """
        groups = [(p,) if isinstance(p, str) else tuple(p) for p in people]
        standing = self._standing({i for ids in groups for i in ids}, channel, connection)
        return [_strictest([_verdict(standing.get(i), channel, is_marketing) for i in ids]) for ids in groups]

    def known(self, person_ids: Iterable[str]) -> set[str]:
        """Those of the people about whom anything was ever recorded."""
        with self._engine.connect() as con:
            there = set(con.scalars(sa.select(_entries.c.person_id).distinct()))
        return there & set(person_ids)

    def history(self, person_id: str) -> pd.DataFrame:
        """Every entry of one person, oldest first: `channel`, `kind`, `state`, `source`, `recorded_at`."""
        asked = (
            sa.select(*[_entries.c[n] for n in ("channel", "kind", "state", "source", "recorded_at")])
            .where(_entries.c.person_id == person_id)
            .order_by(_entries.c.entry_id)
        )
        with self._engine.connect() as con:
            rows = [tuple(r) for r in con.execute(asked)]
        return pd.DataFrame(rows, columns=["channel", "kind", "state", "source", "recorded_at"])

    def _record(
        self,
        person_ids: str | Iterable[str],
        channel: str,
        kind: str,
        state: bool,
        source: str,
        connection: sa.Connection | None = None,
    ) -> None:
        if self._workspace.read_only:
            raise ReadOnly(
                f"{kind.capitalize()} cannot be changed: the workspace {self._workspace.root} is open read-only. "
                "Open it with Workspace.open(…, read_only=False)."
            )
        ids = [person_ids] if isinstance(person_ids, str) else list(person_ids)
        if not channel or not source or not all(isinstance(i, str) and i for i in ids):
            raise SpecError(
                f"Consent and suppression need person ids, a channel and a source that are texts; got channel "
                f"{channel!r}, source {source!r} and {len(ids)} people."
            )
        if not ids:
            return
        now = datetime.now(UTC).isoformat()
        common = {"channel": channel, "kind": kind, "state": state, "source": source, "recorded_at": now}
        with contextlib.nullcontext(connection) if connection is not None else self._engine.begin() as con:
            con.execute(_entries.insert(), [{"person_id": i, **common} for i in ids])

    def _standing(
        self, ids: set[str], channel: str, connection: sa.Connection | None
    ) -> dict[str, _Standing]:
        channels = (EVERY_CHANNEL, channel)
        newest = sa.select(sa.func.max(_entries.c.entry_id)).where(_entries.c.channel.in_(channels))
        if len(ids) <= 500:  # few people: by the index; many: one pass over the log
            newest = newest.where(_entries.c.person_id.in_(sorted(ids)))
        newest = newest.group_by(_entries.c.person_id, _entries.c.kind, _entries.c.channel)
        asked = sa.select(_entries.c.person_id, _entries.c.kind, _entries.c.channel, _entries.c.state).where(
            _entries.c.entry_id.in_(newest)
        )
        found: dict[str, _Standing] = {}
        with contextlib.nullcontext(connection) if connection is not None else self._engine.connect() as con:
            for person, kind, of, state in con.execute(asked):
                one = found.setdefault(person, _Standing({}, {}))
                (one.consent if kind == "consent" else one.suppression)[of] = bool(state)
        return found


def _verdict(standing: _Standing | None, channel: str, is_marketing: bool) -> Verdict:
    if standing is None:
        return "no_consent" if is_marketing else "allowed"
    if standing.suppression.get(EVERY_CHANNEL) or standing.suppression.get(channel):
        return "suppressed"
    if not is_marketing:
        return "allowed"
    everywhere = standing.consent.get(EVERY_CHANNEL)
    here = standing.consent.get(channel, everywhere)
    return "allowed" if here and everywhere is not False else "no_consent"


def _strictest(verdicts: list[Verdict]) -> Verdict:
    ranked: tuple[Verdict, ...] = ("suppressed", "no_consent")
    return next((one for one in ranked if one in verdicts), "allowed")
