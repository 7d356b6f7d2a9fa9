"""One person as of now: the batch view of the seam's snapshot, and the live view of what came after it.

An event is in exactly one of the two, by the log's offsets and the version of the table that the snapshot was built
from, so neither restarts, duplicates, disorder nor late events count it twice or not at all.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic_core import from_json

from qa_lib.errors import NothingBuilt
from qa_lib.identity import KINDS, normalise
from qa_lib.profiles import AsProfiled, TagsNow, catalogue, stream_tags
from qa_lib.profiles.live import DERIVED
from qa_lib.rules.matcher import ActiveRule, Follower, Matcher, Person, Records
from qa_lib.rules.matcher.membership import MemberIds
from qa_lib.sources.stream import EventContract, Seam, StreamState
from qa_lib.sources.stream.contracts import SHOP_CONTRACTS
from qa_lib.tables import IDENTITIES, STREAM_EVENTS
from qa_lib.workspace import Snapshot, Workspace

_CHUNK = 500
#: An event of the live view: kind, microseconds since 1970, properties as JSON.
LiveRow = tuple[str, int, str]


def contracts_of(snapshot: Snapshot) -> tuple[EventContract, ...]:
    """The contracts of the events that a snapshot knows and the stream can bring."""
    told = snapshot.meta.get("events")
    if told is None:
        return SHOP_CONTRACTS

    def type_of(name: str, type: str) -> Any:
        return "amount" if name.endswith("_amount") else type

    return tuple(
        EventContract(e["name"], {p["name"]: type_of(p["name"], p["type"]) for p in e["properties"]})
        for e in told
    )


def seam_snapshot(workspace: Workspace, seam: Seam) -> Snapshot:
    """The snapshot that is the batch view.

    Raises
    ------
    NothingBuilt
        When no consumer ran yet, or the snapshot's cache is gone.
    """
    for published in reversed(workspace.snapshots()):
        if published.version == seam.snapshot:
            return Snapshot(
                workspace.root, workspace.store, published, workspace.zone, read_only=workspace.read_only
            )
    if not seam.snapshot:
        raise NothingBuilt(f"No stream was consumed in {workspace.root} yet. Start `qa stream run`.")
    raise NothingBuilt(
        f"Snapshot {seam.snapshot}, on which the live view rests, is gone from {workspace.root}. "
        "Start `qa stream run`, which takes the newest one."
    )


def adopt(workspace: Workspace, state: StreamState) -> Snapshot:
    """Let the newest snapshot be the batch view, if it is not; returns the one that is now."""
    seam = state.seam()
    snapshot = workspace.snapshot()
    if snapshot.version == seam.snapshot:
        return snapshot
    as_of_us = _us(snapshot)
    version = snapshot.table_versions.get(STREAM_EVENTS.name)
    cuts: Mapping[str, int] = {}
    if version is not None:
        cuts = workspace.reached(STREAM_EVENTS, list(state.positions()), version)
    if seam.snapshot and (as_of_us < seam.as_of_us or any(cuts.get(p, 0) < n for p, n in seam.cuts.items())):
        return seam_snapshot(workspace, seam)  # an older build: what it lacks has left the live view
    state.move_seam(snapshot.version, as_of_us, cuts, Resolver(workspace, snapshot))
    return snapshot


class Resolver:
    """The person of a source's id or of another identifier (`kind:value`), as a snapshot knows them."""

    def __init__(self, workspace: Workspace, snapshot: Snapshot) -> None:
        keys = (
            snapshot.cursor().execute("SELECT source_id, person_id FROM person_keys").fetchall()
            if (_has(snapshot, "person_keys"))
            else []
        )
        self._people: dict[str, str] = dict(keys)
        if IDENTITIES.name in snapshot.table_versions:
            rows = snapshot.frame(
                f"SELECT kind || ':' || value AS told, person_id FROM {IDENTITIES.name} WHERE until_at IS NULL"
            )
            self._people |= dict(zip(rows["told"], rows["person_id"], strict=True))
        counted = Counter(self._people.values())
        #: People with more than one id: their events may come by several partitions.
        self.several = frozenset(person for person, count in counted.items() if count > 1)

    def __call__(self, source_ids: Sequence[str]) -> Sequence[str]:
        get = self._people.get
        return [get(one) or (self._other(one) if ":" in one else one) for one in source_ids]

    def _other(self, told: str) -> str:
        kind, _, value = told.partition(":")
        if kind not in KINDS:
            return told
        try:
            named = f"{kind}:{normalise(kind, value)}"
        except ValueError:  # no identifier of its kind: it stands for itself
            return told
        return self._people.get(named, named)


class LiveView:
    """People as of now, for some rules, over one seam.

    Parameters
    ----------
    rules
        What people are matched against.
    members
        Who is in saved audiences that rules name.
    """

    def __init__(
        self,
        workspace: Workspace,
        snapshot: Snapshot,
        rules: Sequence[ActiveRule] = (),
        *,
        members: MemberIds | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.catalogue = catalogue(snapshot)
        self.matcher = Matcher(rules, self.catalogue, snapshot.zone, audiences=members, shares=shares)
        predicates = self.matcher.predicates
        tags = stream_tags(snapshot)
        read = {*predicates.names, *predicates.flags}
        self.tags = TagsNow(tags, self.catalogue, snapshot.zone)
        self.rule_tags = TagsNow([t for t in tags if t.name in read], self.catalogue, snapshot.zone)
        wanted = {*predicates.event_names, *predicates.plans, *self.tags.events}
        self.wanted = wanted | {source for made, source in DERIVED.items() if made in wanted}
        self._derives = bool(wanted & set(DERIVED))
        self.records = Records(snapshot, self.matcher, events=self.wanted)
        self.resolve = Resolver(workspace, snapshot)
        self._as_profiled = AsProfiled(snapshot)
        self._exact = {
            (c.event, name)
            for c in contracts_of(snapshot)
            for name, type in c.properties.items()
            if type in ("amount", "integer")
        }
        self._amounts = {
            c.event: tuple(n for n, type in c.properties.items() if type == "amount")
            for c in contracts_of(snapshot)
        }

    def follower(self) -> Follower:
        """Follows people for the rules, with the logs that baskets and the tags of the stream need."""
        keep = {*self.rule_tags.events}
        read = {*self.matcher.predicates.event_names, *self.matcher.predicates.plans, *keep}
        for made, source in DERIVED.items():
            if made in read:
                keep |= {made, source}
        return Follower(self.matcher, keep=keep, is_exact=lambda event, name: (event, name) in self._exact)

    @property
    def admitted_always(self) -> set[str]:
        """Kinds of events that change what rules read without being named in them."""
        read = {*self.matcher.predicates.event_names, *self.matcher.predicates.plans}
        return {*self.rule_tags.events, *(source for made, source in DERIVED.items() if made in read)}

    def properties(self, event: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """An event's properties as a build would give them."""
        return self._as_profiled.properties(event, given)

    def parsed(self, event: str, text: str) -> Mapping[str, Any]:
        """The properties that the state keeps as JSON, as a build would give them."""
        told = from_json(text)
        for name in self._amounts.get(event, ()):
            if name in told:
                told[name] = Decimal(told[name])
        return self.properties(event, told)

    def batch(self, person_ids: Sequence[str]) -> list[Person]:
        """People as the batch view has them."""
        return self.records.people(person_ids)

    def with_rows(self, person: Person, rows: Iterable[LiveRow]) -> Person:
        """A person after the events of the live view."""
        return self.with_events(person, self.told(rows))

    def told(self, rows: Iterable[LiveRow]) -> dict[str, list[tuple[int, Mapping[str, Any]]]]:
        """Events of the live view by kind, as far as rules and tags read them."""
        more: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
        for event, at, text in rows:
            if event in self.wanted:
                more.setdefault(event, []).append((at, self.parsed(event, text)))
        return more

    def with_events(
        self, person: Person, more: Mapping[str, Sequence[tuple[int, Mapping[str, Any]]]]
    ) -> Person:
        """A person after events whose properties are as a build would give them."""
        if not more:
            return person
        row, after = person.row, person.with_events(more)
        if self._derives and "purchase" in more:
            after = self._as_profiled.derived(after)
        after.row = row
        return after

    def as_of(self, person: Person, as_of_us: int) -> Person:
        """The person with the tags of the stream that rules read, as of a moment."""
        if not self.rule_tags.names:
            return person
        return self.records.with_fields(person, self.rule_tags.values(person, as_of_us))


def live_rows(
    con: sqlite3.Connection, person_ids: Sequence[str], *, without: Container[tuple[str, int]] = ()
) -> dict[str, list[LiveRow]]:
    """The live view's events of some people: all that the state holds, since what a snapshot has is gone from it.

    Parameters
    ----------
    without
        Partitions and offsets of events that are left out.
    """
    found: dict[str, list[LiveRow]] = {one: [] for one in person_ids}
    for start in range(0, len(person_ids), _CHUNK):
        part = person_ids[start : start + _CHUNK]
        sql = (
            'SELECT one.person_id, event, occurred_us, properties, partition, "offset" '
            'FROM live_people AS one CROSS JOIN events USING (partition, "offset") '
            f"WHERE one.person_id IN ({', '.join('?' * len(part))})"
        )
        for person_id, event, at, text, *place in con.execute(sql, part):
            if tuple(place) not in without:
                found[person_id].append((event, at, text))
    return found


def _us(snapshot: Snapshot) -> int:
    return int(snapshot.as_of.timestamp()) * 1_000_000 + snapshot.as_of.microsecond


def _has(snapshot: Snapshot, table: str) -> bool:
    sql = "SELECT count(*) FROM duckdb_tables() WHERE table_name = $table"
    return bool(snapshot.cursor().execute(sql, {"table": table}).fetchall()[0][0])
