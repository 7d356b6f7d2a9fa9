"""Publishing a synthetic company as a snapshot, shard by shard."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qa_lib.errors import SpecError
from qa_lib.profiles.catalogue import described_events
from qa_lib.profiles.columns import write_events, write_fields, write_ids
from qa_lib.profiles.tags import TagSpec
from qa_lib.rules import EventType, Field
from qa_lib.sources import synthetic
from qa_lib.sources.synthetic import Shard
from qa_lib.sources.synthetic_words import (
    ATTRIBUTES,
    CHANNELS,
    DEPARTMENTS,
    EVENTS,
    KEYWORDS,
    PROPERTIES,
    TAGS,
    TEXT_TAGS,
)
from qa_lib.tables import Label
from qa_lib.workspace import Draft, Snapshot, Workspace, quoted
from qa_lib.workspace.settings import nearest

_SQL_TYPES = {"text": "VARCHAR", "date": "DATE", "boolean": "BOOLEAN"}
_AMOUNTS = ("income_amount", "average_order_value", "spend_amount_365d", "paid_amount")
_SUGGESTIONS = 30
SYNTHETIC_ZONE, SYNTHETIC_CURRENCY = "Asia/Shanghai", "CNY"
_GROUPS = {"attribute": Label("属性", "Attributes"), "tag": Label("兴趣", "Interests")}
_GRAIN = Label("一次行为（合成数据）", "one action (synthetic data)")
#: Person numbers stay below 2**32.
MOST_PEOPLE = 2**32 - 1


def event_types() -> tuple[EventType, ...]:
    """The seven types of events, as rules see them."""

    def prop(name: str) -> Field:
        type, label, unit = PROPERTIES[name]
        return Field(name, "attribute", type, label, unit)  # type: ignore[arg-type]

    return tuple(EventType(name, label, _GRAIN, tuple(map(prop, props))) for name, label, _, props in EVENTS)


def tag_specs() -> tuple[TagSpec, ...]:
    """The 30 attributes, the 900 boolean tags and the 100 text tags."""

    def spec(name: str, label: Label, type: str, form: str, unit: str = "") -> TagSpec:
        return TagSpec(
            name=name,
            label_zh=label.zh,
            label_en=label.en,
            type=type,
            form=form,
            unit=unit,
            owner="benchmarks",
        )

    return (
        *(spec(a.name, a.label, a.type, "attribute", a.unit) for a in ATTRIBUTES),
        *(spec(name, label, "boolean", "rule") for name, label in TAGS),
        *(spec(name, label, "text", "rule") for name, label, _ in TEXT_TAGS),
    )


def publish_synthetic(
    workspace: Workspace,
    *,
    people: int = 100_000,
    random_state: int = 7,
    progress: Callable[[str], None] | None = None,
) -> Snapshot:
    """Publish a snapshot of a synthetic company; see `qa_lib.sources.synthetic` for what is in it.

    The boolean tags are bitsets only: `profile` has no column for them.

    Parameters
    ----------
    people
        How many; about ten events each.
    random_state
        Seed: the same number gives the same people and events.

    Raises
    ------
    SpecError
        When `people` is not a number from 1 to `MOST_PEOPLE`.
    """
    _check_size(people)
    say = progress or (lambda _: None)
    recipe = ["synthetic", synthetic.RECIPE, people, random_state, "ids beside the columns"]
    with workspace.publish(synthetic.AS_OF, hashlib.sha256(json.dumps(recipe).encode()).hexdigest()) as draft:
        if draft is not None:
            _fill(draft, people, random_state, say)
    return workspace.snapshot(synthetic.AS_OF)


def _check_size(people: int) -> None:
    if not 1 <= people <= MOST_PEOPLE:
        raise SpecError(f"people={people:,} is not a size of a company. Use 1 to {MOST_PEOPLE:,}.")


def synthetic_workspace(
    folder: str | Path,
    *,
    people: int = 100_000,
    random_state: int = 7,
    progress: Callable[[str], None] | None = None,
) -> Workspace:
    """A workspace of its own with a synthetic company in it, made where it is not there yet.

    Raises
    ------
    SpecError
        When `people` is no size of a company, or the workspace that is there has other settings or landed data,
        beside which made-up people would become the current snapshot.
    WorkspaceUnusable
        When the folder cannot be written.
    """
    _check_size(people)
    workspace = Workspace.create(folder, zone=SYNTHETIC_ZONE, currency=SYNTHETIC_CURRENCY)
    if workspace.state.landings():
        raise SpecError(
            f"The workspace {workspace.root} holds landed data; a synthetic company has one of its own. Name a "
            "folder that is not there yet."
        )
    publish_synthetic(workspace, people=people, random_state=random_state, progress=progress)
    return workspace


def practice_workspace(
    folder: str | Path | None = None,
    *,
    people: int = 30_000,
    progress: Callable[[str], None] | None = None,
) -> Workspace:
    """The synthetic company to try things on, open for writing; it is made where it is not there yet.

    Parameters
    ----------
    folder
        Where it is kept; beside the workspace that `Workspace.open` would open when not given.

    Raises
    ------
    SpecError, WorkspaceUnusable
        As `synthetic_workspace`.
    """
    beside = Path(os.environ.get("QA_WORKSPACE") or nearest()).absolute().parent
    return synthetic_workspace(folder or beside / f"synthetic-{people}", people=people, progress=progress)


def _fill(draft: Draft, people: int, random_state: int, say: Callable[[str], None]) -> None:
    flags = [a.name for a in ATTRIBUTES if a.type == "boolean"]
    names = [*(name for name, _ in TAGS), *flags]
    words = draft.columns.bitsets(people, names, in_profile=flags)
    draft.connection.execute("BEGIN")  # one commit: full row groups go to the file without passing the log
    _tables(draft)
    coverage: Counter[str] = Counter()
    values: dict[str, Counter[str]] = {}
    count = synthetic.shard_count(people)
    for number in range(count):
        say(f"people and events: shard {number + 1} of {count}")
        shard = synthetic.synthetic_shard(people, number, random_state=random_state)
        start, width = shard.first // 64, shard.tags.shape[1]
        words[: len(TAGS), start : start + width] = shard.tags
        for i, name in enumerate(flags, start=len(TAGS)):
            packed = np.packbits(shard.attributes[name], bitorder="little")
            words[i].view(np.uint8)[start * 8 : start * 8 + len(packed)] = packed
        _insert(draft, shard)
        _note(shard, coverage, values)
    draft.connection.execute("COMMIT")
    events = event_types()
    for event in events:
        say(f"events: {event.name} in order of time")
        made, drawn = quoted(event.table), quoted(f"drawn_{event.name}")
        draft.connection.execute(
            f"CREATE TABLE {made} AS SELECT * FROM {drawn} ORDER BY occurred_at, person_no"
        )
        draft.connection.execute(f"DROP TABLE {drawn}")
    say("columns")
    specs = tag_specs()
    write_fields(draft, [s.name for s in specs if s.type != "boolean"])
    write_events(draft, events)
    write_ids(draft)
    say("suggested values")
    draft.meta["events"] = described_events(events)
    draft.meta["tags"] = [
        {"family": f"synthetic_{s.kind}", "group": list(_GROUPS[s.kind]), "spec": s.to_dict()} for s in specs
    ]
    draft.meta["coverage"] = {s.name: coverage.get(s.name, people) for s in specs}
    draft.meta["values"] = {name: _most(counts) for name, counts in values.items()} | {
        f"{event.name}.{prop.name}": _top(draft, event.table, prop.name)
        for event in events
        for prop in event.properties
        if prop.type == "text"
    }


def _sql_type(name: str, type: str) -> str:
    if name in _AMOUNTS:
        return "DECIMAL(18,2)"
    if type == "number":
        return "DOUBLE" if name.endswith("_rate") or "_rate_" in name else "INTEGER"
    return _SQL_TYPES[type]


def _tables(draft: Draft) -> None:
    profile = [f"{quoted(a.name)} {_sql_type(a.name, a.type)}" for a in ATTRIBUTES]
    profile += [f"{quoted(name)} VARCHAR" for name, _, _ in TEXT_TAGS]
    execute = draft.connection.execute
    execute("CREATE TABLE people (person_no UINTEGER, person_id VARCHAR, first_seen_at TIMESTAMPTZ)")
    execute(f"CREATE TABLE profile (person_no UINTEGER, {', '.join(profile)})")
    for name, _, _, properties in EVENTS:
        columns = ", ".join(f"{quoted(p)} {_sql_type(p, PROPERTIES[p][0])}" for p in properties)
        execute(
            f"CREATE TEMP TABLE {quoted(f'drawn_{name}')} "
            f"(person_no UINTEGER, occurred_at TIMESTAMPTZ, {columns})"
        )


def _insert(draft: Draft, shard: Shard) -> None:
    numbers = pa.array(np.arange(shard.first, shard.first + shard.count, dtype=np.uint32))
    ids = pa.array([f"P{n:010d}" for n in range(shard.first, shard.first + shard.count)])
    seen = _arrow("first_seen_at", "moment", shard.registered_at)
    _add(draft, "people", pa.table({"person_no": numbers, "person_id": ids, "first_seen_at": seen}))
    profile = {"person_no": numbers}
    for one in ATTRIBUTES:
        known = shard.known.get(one.name)
        profile[one.name] = _arrow(one.name, one.type, shard.attributes[one.name], one.texts, known)
    for (name, _, texts), places in zip(TEXT_TAGS, shard.text_tags, strict=True):
        profile[name] = _arrow(name, "text", places, texts)
    _add(draft, "profile", pa.table(profile))
    for name, _, _, properties in EVENTS:
        drawn = shard.events[name]
        columns = {
            "person_no": pa.array(drawn["person_no"]),
            "occurred_at": _arrow("occurred_at", "moment", drawn["occurred_at"]),
        }
        for key in properties:
            columns[key] = _arrow(key, PROPERTIES[key][0], drawn[key], _TEXTS.get(key, ()))
        _add(draft, f"drawn_{name}", pa.table(columns))


_TEXTS: dict[str, tuple[str, ...]] = {
    "item_id": tuple(synthetic.item_ids()),
    "department": DEPARTMENTS,
    "keyword": KEYWORDS,
    "channel": CHANNELS,
}


def _arrow(
    name: str,
    type: str,
    values: np.ndarray[Any, Any],
    texts: tuple[str, ...] = (),
    known: np.ndarray[Any, Any] | None = None,
) -> pa.Array:
    """The values as they are stored; amounts come in cents."""
    mask = None if known is None else ~known
    if type == "text":
        places = pa.array(values.astype(np.int32), mask=mask)
        return pa.DictionaryArray.from_arrays(places, pa.array(texts))
    if type == "date":
        return pa.array(values.astype(np.int32), mask=mask).cast(pa.date32())
    if type == "moment":
        return pa.array(values).cast(pa.timestamp("us", tz="UTC"))
    return pa.array(values, mask=mask)


def _add(draft: Draft, table: str, rows: pa.Table) -> None:
    chosen = ", ".join(
        f"CAST({quoted(n)} AS DECIMAL(18,2)) * CAST(0.01 AS DECIMAL(2,2))" if n in _AMOUNTS else quoted(n)
        for n in rows.column_names
    )
    draft.connection.register("shard_rows", rows)
    draft.connection.execute(f"INSERT INTO {quoted(table)} SELECT {chosen} FROM shard_rows")
    draft.connection.unregister("shard_rows")


def _note(shard: Shard, coverage: Counter[str], values: dict[str, Counter[str]]) -> None:
    """Count who has a value, and which texts are the most frequent."""
    for name, known in shard.known.items():
        coverage[name] += int(known.sum())
    texts = [(a.name, a.texts, shard.attributes[a.name]) for a in ATTRIBUTES if a.type == "text"]
    texts += [(n, t, places) for (n, _, t), places in zip(TEXT_TAGS, shard.text_tags, strict=True)]
    for name, words, places in texts:
        known_places = places[shard.known[name]] if name in shard.known else places
        counts = np.bincount(known_places, minlength=len(words))
        values.setdefault(name, Counter()).update(dict(zip(words, counts.tolist(), strict=True)))


def _most(counts: Counter[str]) -> list[list[Any]]:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [[text, count] for text, count in ordered[:_SUGGESTIONS] if count]


def _top(draft: Draft, table: str, name: str) -> list[list[Any]]:
    """By people, of the values that occur most often."""
    column, source = quoted(name), quoted(table)
    rows = draft.connection.execute(
        f"SELECT {column} AS v, count(DISTINCT person_no) AS n FROM {source} WHERE {column} IN "
        f"(SELECT {column} FROM {source} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {_SUGGESTIONS}) "
        "GROUP BY v ORDER BY n DESC, v"
    ).fetchall()
    return [list(row) for row in rows]
