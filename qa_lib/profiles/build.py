"""Building a snapshot: people, events and tags as of one moment, published in one step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from qa_lib.errors import AsOfOutside, NothingBuilt
from qa_lib.profiles.behaviour import FOLDER as FAMILY_FOLDER
from qa_lib.profiles.behaviour import BehaviourFamily, read_families
from qa_lib.profiles.behaviour_build import fill_behaviour
from qa_lib.profiles.catalogue import CURRENCY
from qa_lib.profiles.columns import write_events, write_fields
from qa_lib.profiles.declared import FOLDER, GROUP, DeclaredTag, compile_event_tags, read_declared
from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.profiles.habits import COUPON, DEMOGRAPHICS, DEPARTMENT, PREFERENCE
from qa_lib.profiles.orders import LIFECYCLE, ORDERS, RFM
from qa_lib.profiles.scores import FOLDER as SCORE_FOLDER
from qa_lib.profiles.scores import read_scores
from qa_lib.profiles.scores_build import fill_scores
from qa_lib.profiles.tags import Family, TagSpec
from qa_lib.rules import Catalogue
from qa_lib.rules.compile import Compiler
from qa_lib.rules.windows import midnight
from qa_lib.tables import TABLES, Label
from qa_lib.workspace import Draft, Snapshot, Workspace, quoted, read_moment, with_stream

#: In the order in which they are built; a family may read those before it.
FAMILIES: tuple[Family, ...] = (ORDERS, RFM, LIFECYCLE, PREFERENCE, DEPARTMENT, COUPON, DEMOGRAPHICS)

Progress = Callable[[str], None]

_NEEDED = ("order_lines", "items")
_SUGGESTIONS = 30

#: Where people come from, and since when they are known; undated evidence counts as known always.
_PEOPLE = """
WITH dated AS (
    SELECT person_id, occurred_at AS seen_at FROM order_lines
    UNION ALL SELECT person_id, occurred_at FROM interactions
    UNION ALL SELECT person_id, occurred_at FROM activities
    UNION ALL SELECT person_id, occurred_at FROM ad_events
    UNION ALL
    SELECT person_id, coalesce(sent_at, CAST(starts_on AS TIMESTAMP) AT TIME ZONE $zone)
    FROM sends JOIN campaigns USING (campaign_id, origin) WHERE origin = 'observed' AND status = 'sent'
    UNION ALL
    SELECT person_id, CAST(occurred_on + INTERVAL 1 DAY AS TIMESTAMP) AT TIME ZONE $zone - INTERVAL 1 MICROSECOND
    FROM outcomes WHERE origin = 'observed'
),
known AS (
    SELECT person_id, min(seen_at) AS first_seen_at FROM dated WHERE seen_at < $as_of GROUP BY person_id
    UNION ALL SELECT person_id, NULL FROM demographics
),
each AS (SELECT person_id, min(first_seen_at) AS first_seen_at FROM known GROUP BY person_id)
SELECT CAST(row_number() OVER (ORDER BY length(person_id), person_id) - 1 AS UINTEGER) AS person_no,
       person_id, first_seen_at
FROM each
"""


def build(
    workspace: Workspace,
    as_of: datetime | str | None = None,
    *,
    incremental: bool = True,
    progress: Progress | None = None,
) -> Snapshot:
    """Compute every tag as of a moment and publish the snapshot.

    People are those that `qa_lib.identity.resolve` found by that moment; nothing is resolved here. An id
    of the source that nobody resolved stands for itself.

    Parameters
    ----------
    as_of
        The moment at which all windows end; when not given, the local midnight after the last event.
    incremental
        Take over from the newest snapshot the behaviour tags of people whose events are what they were
        (`qa_lib.profiles.refresh`); the result is the same either way.
    progress
        Called with a few words before each step.

    Returns
    -------
    Snapshot
        The published snapshot; the one that is there already when nothing has changed.

    Raises
    ------
    NothingBuilt
        When orders or items have not been landed.
    AsOfOutside
        When the moment lies before the first order or after the day of the last event.
    SpecError
        When a tag, family or score declared in the workspace is not valid.
    """
    say = progress or (lambda _: None)
    say("reading the range of the data")
    moment = build_moment(workspace, as_of)
    base = Catalogue(fields=(), events=tuple(s.type for s in EVENT_SOURCES))
    taken = [t.name for f in FAMILIES for t in f.tags] + ["person_no", "person_id", "first_seen_at"]
    declared = read_declared(workspace.root / FOLDER, base, taken)
    behaviour = read_families(workspace.root / FAMILY_FOLDER, {e.name: e for e in base.events})
    scores = read_scores(workspace.root / SCORE_FOLDER)
    with workspace.publish(moment, _recipe(declared, behaviour, scores)) as draft:
        if draft is not None:
            draft.meta[CURRENCY] = workspace.currency
            _fill(draft, base, declared, say)
            fill_behaviour(draft, behaviour, workspace, say, incremental=incremental)
            fill_scores(draft, scores, [e["spec"]["name"] for e in draft.meta["tags"]], say)
    return workspace.snapshot(moment)


def data_range(workspace: Workspace) -> tuple[datetime, datetime]:
    """The first and the last recorded order, those of the stream among them, in UTC."""
    import contextlib

    import duckdb

    with contextlib.closing(duckdb.connect()) as con:
        there = [n for n in ("order_lines", "stream_events") if workspace.store.exists(n)]
        scan = with_stream({n: workspace.store.scan_sql(TABLES[n]) for n in there})["order_lines"]
        row = con.execute(
            f"SELECT epoch_us(min(occurred_at)), epoch_us(max(occurred_at)) FROM ({scan})"
        ).fetchall()
    if row[0][0] is None:
        raise NothingBuilt(f"Table 'order_lines' in {workspace.root} is empty. Land orders first.")
    first, last = (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us) for us in row[0])
    return first, last


def build_moment(workspace: Workspace, as_of: datetime | str | None = None) -> datetime:
    """The moment that a build would take, in UTC: the given one, or the local midnight after the last event.

    Raises
    ------
    NothingBuilt, AsOfOutside
        As `build` does.
    """
    for name in _NEEDED:
        if not workspace.store.exists(name):
            raise NothingBuilt(
                f"Table '{name}' has not been landed in {workspace.root}. Land its feed with `qa land`, or run `qa demo`."
            )
    first, last = data_range(workspace)
    latest = midnight(last.astimezone(workspace.zone).date() + timedelta(days=1), workspace.zone)
    if as_of is None:
        return latest
    moment = read_moment(as_of)
    if not first < moment <= latest:
        raise AsOfOutside(
            f"as_of {moment.isoformat()} is outside the data: it must be after the first order "
            f"({first.isoformat()}) and not after {latest.isoformat()}, the end of the last order's day in "
            f"{workspace.zone}."
        )
    return moment


def _recipe(
    declared: tuple[DeclaredTag, ...], behaviour: tuple[BehaviourFamily, ...], scores: tuple[Any, ...]
) -> str:
    parts: list[Any] = [[f.name, f.sql, [t.hash for t in f.tags]] for f in FAMILIES]
    parts += [[s.type.name, s.sql] for s in EVENT_SOURCES]
    parts += [t.hash for t in declared] + [f.hash for f in behaviour] + [s.hash for s in scores]
    return hashlib.sha256(json.dumps([_PEOPLE, _SUGGESTIONS, parts]).encode()).hexdigest()


def _fill(draft: Draft, base: Catalogue, declared: tuple[DeclaredTag, ...], say: Progress) -> None:
    _empty_views(draft)
    say("people")
    _create(draft, "people", _PEOPLE)
    for source in EVENT_SOURCES:
        say(f"events: {source.type.name}")
        _create(draft, source.type.table, f"SELECT * FROM ({source.sql}) ORDER BY occurred_at, person_no")
    built: list[tuple[str, Label, TagSpec]] = []
    read: dict[str, tuple[str, ...]] = {}
    for family in FAMILIES:
        say(f"tags: {family.name}")
        _create(draft, family.table, family.sql)
        read[family.table] = family.reads(read)
        sources = {"lineage": read[family.table]}
        built += [(family.table, family.label, tag.model_copy(update=sources)) for tag in family.tags]
    for event in dict.fromkeys(t.event for t in declared):
        say(f"tags: declared over {event}")
        of_event = [t for t in declared if t.event == event]
        expression, params = compile_event_tags(of_event, Compiler(base, draft.as_of, draft.zone))
        table = f"family_declared_{event}"
        draft.connection.execute(
            f"CREATE TABLE {quoted(table)} AS {expression.sql(dialect='duckdb')}", params
        )
        built += [(table, GROUP, t.spec) for t in of_event]
    say("profile")
    _profile(draft, built)
    say("columns")
    specs = [spec for _, _, spec in built]
    write_fields(draft, [s.name for s in specs if s.type in ("number", "text", "date")])
    write_events(draft, [s.type for s in EVENT_SOURCES])
    say("coverage and suggested values")
    draft.meta["tags"] = [
        {"family": table.removeprefix("family_"), "group": list(group), "spec": spec.to_dict()}
        for table, group, spec in built
    ]
    draft.meta["declared"] = [tag.to_dict() for tag in declared]
    draft.meta["coverage"] = _coverage(draft, specs)
    draft.meta["values"] = _suggestions(draft, specs)
    draft.meta["latest"] = _latest(draft)


def _latest(draft: Draft) -> dict[str, str]:
    """The newest event of each kind, as ISO moments: how fresh the tags over it are."""
    found = {}
    for source in EVENT_SOURCES:
        sql = f"SELECT max(epoch_us(occurred_at)) FROM {quoted(source.type.table)}"
        us = draft.connection.execute(sql).fetchall()[0][0]
        if us is not None:
            found[source.type.table] = (
                datetime.fromtimestamp(0, UTC) + timedelta(microseconds=us)
            ).isoformat()
    return found


def _empty_views(draft: Draft) -> None:
    """A shared table that was never landed is read as empty: its events and tags have no value."""
    for name, table in TABLES.items():
        if name not in draft.table_versions:
            from qa_lib.tables import SQL_TYPES

            columns = ", ".join(
                f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {quoted(c.name)}" for c in table.columns
            )
            draft.connection.execute(
                f"CREATE TEMP VIEW IF NOT EXISTS {quoted(name)} AS SELECT {columns} WHERE false"
            )


def _create(draft: Draft, table: str, sql: str) -> None:
    given = {"as_of": draft.as_of, "zone": str(draft.zone)}
    used = {name: value for name, value in given.items() if f"${name}" in sql}
    draft.connection.execute(f"CREATE TABLE {quoted(table)} AS {sql}", used)


def _profile(draft: Draft, built: list[tuple[str, Label, TagSpec]]) -> None:
    columns = ["p.person_no"]
    for table, _, tag in built:
        column = f"{quoted(table)}.{quoted(tag.name)}"
        columns.append(f"coalesce({column}, 0) AS {quoted(tag.name)}" if tag.zero else column)
    joins = " ".join(
        f"LEFT JOIN {quoted(t)} USING (person_no)" for t in dict.fromkeys(table for table, _, _ in built)
    )
    draft.connection.execute(
        f"CREATE TABLE profile AS SELECT {', '.join(columns)} FROM people p {joins} ORDER BY p.person_no"
    )
    for table in dict.fromkeys(table for table, _, _ in built):
        draft.connection.execute(f"DROP TABLE {quoted(table)}")


def _coverage(draft: Draft, specs: list[TagSpec]) -> dict[str, int]:
    counts = ", ".join(f"count({quoted(s.name)})" for s in specs)
    row = draft.connection.execute(f"SELECT {counts} FROM profile").fetchall()[0]
    return {spec.name: int(n) for spec, n in zip(specs, row, strict=True)}


def _suggestions(draft: Draft, specs: list[TagSpec]) -> dict[str, list[list[Any]]]:
    """The most frequent values: of a text or list field by people, of an event's text property by people."""
    found: dict[str, list[list[Any]]] = {}
    for spec in specs:
        if spec.type in ("text", "list"):
            value = f"unnest({quoted(spec.name)})" if spec.type == "list" else quoted(spec.name)
            found[spec.name] = _top(draft, f"SELECT {value} AS v, person_no AS p FROM profile")
    for source in EVENT_SOURCES:
        for prop in source.type.properties:
            if prop.type == "text" and prop.name != "order_id":
                sql = f"SELECT {quoted(prop.name)} AS v, person_no AS p FROM {source.type.table}"
                found[f"{source.type.name}.{prop.name}"] = _top(draft, sql)
    return found


def _top(draft: Draft, sql: str) -> list[list[Any]]:
    rows = draft.connection.execute(
        f"SELECT v, count(DISTINCT p) AS n FROM ({sql}) WHERE v IS NOT NULL "
        f"GROUP BY v ORDER BY n DESC, v LIMIT {_SUGGESTIONS}"
    ).fetchall()
    return [list(row) for row in rows]
