"""The live stream of one workspace: consume, match, carry on to Delta; what it says of itself; one person's profile."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from qa_lib.errors import NothingBuilt, ReadOnly, UnknownName, WorkbenchError
from qa_lib.live.matching import Matching
from qa_lib.live.memory import pages_mib
from qa_lib.live.rules import active_rules, member_ids
from qa_lib.live.view import LiveView, adopt, contracts_of, live_rows, seam_snapshot
from qa_lib.rules.matcher import ActiveRule
from qa_lib.rules.matcher.person import moment_of
from qa_lib.sources.stream import Consumer, Contracts, DeltaWriter, Log, MatchRelay, StreamState
from qa_lib.sources.stream.state import FILE
from qa_lib.workspace import Workspace

_ADOPT_S = 5.0
_COLLECT_S = 1.0
#: Committed pages are copied into the file as often, by a thread of its own: a commit that has to do it takes long. A
#: page that is written again and again meanwhile is copied once.
_CHECKPOINT_S = 1.0
#: Seconds after which a thread that computes lets another one on. The consumer asks anew after every row that it writes.
_TURN_S = 0.0005
_AHEAD = timedelta(minutes=5)
Rules = Callable[[Workspace], Sequence[ActiveRule]]


class LiveStream:
    """A consumer that matches people and a writer that carries events on, over one workspace.

    Parameters
    ----------
    rules
        What people are matched against; the active audiences when not given.
    clock
        `wall` or `events`; see `Matching`.
    to_delta_s
        Seconds between two commits to the shared table.
    matches_to
        The log to which it is sent who enters and leaves rules, where somebody wants it; see `MatchRelay`.
    """

    def __init__(
        self,
        workspace: Workspace,
        log: Log,
        *,
        rules: Sequence[ActiveRule] | None = None,
        clock: str = "wall",
        most: int = 5_000,
        to_delta_s: float = 1.0,
        lease_s: float = 3.0,
        member: str | None = None,
        matches_to: Log | None = None,
    ) -> None:
        if workspace.read_only:
            raise ReadOnly(
                f"The workspace {workspace.root} is open read-only; a stream is consumed by `qa stream run`."
            )
        self.workspace, self.log = workspace, log
        self.state = StreamState(workspace.root, lease_s=lease_s, cache_mib=pages_mib())
        self._rules = rules
        self._adopted_at = 0.0
        self._adopt()
        self.matching = Matching(workspace, self.state, self._view, clock=clock)
        ahead = _AHEAD if clock == "wall" else None
        contracts = Contracts(contracts_of(self.matching.view.snapshot), ahead=ahead)
        self.consumer = Consumer(log, self.state, contracts, self.matching, most=most, member=member)
        #: A connection of its own, so that carrying events on holds no micro-batch up.
        self._behind = StreamState(workspace.root, lease_s=lease_s)
        self._writer = DeltaWriter(workspace, self._behind)
        self._relay = None if matches_to is None else MatchRelay(self._behind, matches_to)
        self._to_delta_s = to_delta_s
        self._stopping = threading.Event()
        #: Why the tables, or the topic `matches`, are behind; None where they are not.
        self.delta_error: str | None = None

    def _view(self) -> LiveView:
        return open_view(self.workspace, self.state, self._rules)

    def _adopt(self) -> None:
        """Take the newest snapshot as the batch view; now and then."""
        if time.monotonic() - self._adopted_at > _ADOPT_S:
            adopt(self.workspace, self.state)
            self._adopted_at = time.monotonic()

    def run(
        self,
        *,
        seconds: float | None = None,
        events: int | None = None,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Consume until stopped, for so many seconds, or until so many events were read."""
        until = None if seconds is None else time.monotonic() + seconds
        beside = [
            threading.Thread(target=self._write, name="stream to delta", daemon=True),
            threading.Thread(target=self._checkpoint, name="stream checkpoints", daemon=True),
        ]
        for thread in beside:
            thread.start()
        trouble: str | None = None
        try:
            with _few_collections() as collect, _quick_turns():
                while not self._stopping.is_set():
                    if (until is not None and time.monotonic() >= until) or (
                        events is not None and self.consumer.total.read >= events
                    ):
                        break
                    collect()
                    self._adopt()
                    self.consumer.step()
                    if self.consumer.trouble != trouble:
                        trouble = self.consumer.trouble
                        told(trouble or "the log is back; consuming goes on where it stood")
        finally:
            self._stopping.set()
            for thread in beside:
                thread.join()
            self.consumer.close()
        self._writer.write()
        self._send_matches()

    def stop(self) -> None:
        """Let `run` end after the micro-batch that it is at."""
        self._stopping.set()

    def _write(self) -> None:
        while not self._stopping.wait(self._to_delta_s):
            try:
                self._writer.write()
                self._send_matches()
                self.delta_error = None
            except WorkbenchError as error:  # the events stay in the state, and are written by the next round
                self.delta_error = str(error)

    def _checkpoint(self) -> None:
        """Copy committed pages into the file; the disk may be full, which the consumer says."""
        copying = StreamState(self.workspace.root)
        try:
            while not self._stopping.wait(_CHECKPOINT_S):
                with contextlib.suppress(WorkbenchError):
                    copying.checkpoint()
        finally:
            copying.close()

    def _send_matches(self) -> None:
        while self._relay is not None and self._relay.send():
            pass

    def close(self) -> None:
        self._behind.close()
        self.state.close()


@contextlib.contextmanager
def _few_collections() -> Iterator[Callable[[], None]]:
    """Keep Python from walking all people in memory, which takes a second for a hundred thousand of them.

    What is kept of a person holds no cycles, so counting references frees it; young objects are still searched for
    cycles, by the function that is given.
    """
    was, searched_at = gc.isenabled(), time.monotonic()

    def collect() -> None:
        nonlocal searched_at
        if time.monotonic() - searched_at > _COLLECT_S:
            gc.collect(1)
            searched_at = time.monotonic()

    gc.disable()
    try:
        yield collect
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def _quick_turns() -> Iterator[None]:
    """Let the consumer wait less for the threads beside it."""
    was = sys.getswitchinterval()
    sys.setswitchinterval(min(was, _TURN_S))
    try:
        yield
    finally:
        sys.setswitchinterval(was)


def open_view(
    workspace: Workspace, state: StreamState, rules: Sequence[ActiveRule] | None = None
) -> LiveView:
    """The view of the snapshot that the seam names."""
    snapshot = seam_snapshot(workspace, state.seam())
    chosen = active_rules(workspace) if rules is None else rules
    return LiveView(workspace, snapshot, chosen, members=member_ids(snapshot))


@dataclass(frozen=True)
class ProfileNow:
    """One person as of now.

    Attributes
    ----------
    tags
        By name; those in `live` are measured over the batch and the live events as of `as_of`, all others are
        as of the snapshot.
    event_counts
        Of the live view by kind of event.
    matches
        The rules that the person matches as of `as_of`, highest priority first.
    """

    person_id: str
    as_of: datetime
    snapshot: str
    tags: dict[str, Any]
    live: tuple[str, ...]
    event_counts: dict[str, int]
    matches: tuple[str, ...]


class LiveProfiles:
    """Look-ups of one person as of now; it may be used while consumers run, and in a read-only workspace."""

    def __init__(self, workspace: Workspace, *, rules: Sequence[ActiveRule] | None = None) -> None:
        if not (workspace.root / FILE).exists():
            raise NothingBuilt(f"No stream was consumed in {workspace.root} yet. Start `qa stream run`.")
        self._workspace, self._rules = workspace, rules
        self._state = StreamState(workspace.root)
        self._view = open_view(workspace, self._state, rules)

    def lookup(self, any_id: str, as_of: datetime | None = None) -> ProfileNow:
        """One person; `any_id` is the person's id, a source's, or `kind:value`.

        Raises
        ------
        UnknownName
            When neither the snapshot nor the stream knows anybody of that id.
        """
        with self._state.reading() as con:
            seam = self._state.seam(con)
            person_id = self._view.resolve([any_id])[0]
            rows = live_rows(con, [person_id])[person_id]
        if seam.snapshot != self._view.snapshot.version:  # a newer batch view: ask it
            self._view = open_view(self._workspace, self._state, self._rules)
            return self.lookup(any_id, as_of)
        view = self._view
        number = int(view.records.numbers([person_id])[0])
        is_known = number >= 0
        if not rows and not is_known:
            raise UnknownName(
                f"Nobody has the id {any_id!r}, neither in {view.snapshot.version} nor in the stream."
            )
        moment = as_of or datetime.now(UTC)
        us = int(moment.timestamp() * 1_000_000)
        person = view.with_rows(view.batch([person_id])[0], rows)
        tags = view.records.fields_of(number) if is_known else {}
        tags |= view.tags.values(person, us)
        counts: dict[str, int] = {}
        for event, _, _ in rows:
            counts[event] = counts.get(event, 0) + 1
        names = view.matcher.match(view.as_of(person, us), moment_of(us)).names if view.matcher.rules else ()
        return ProfileNow(
            person_id, moment, view.snapshot.version, tags, view.tags.names, counts, tuple(names)
        )

    def close(self) -> None:
        self._state.close()
