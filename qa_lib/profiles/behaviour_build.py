"""The families' part of a build: which tags, from which earlier snapshot, and what the snapshot says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from qa_lib.profiles.behaviour import BehaviourFamily, BehaviourTag, expand
from qa_lib.profiles.columns import write_bitsets, write_ids
from qa_lib.profiles.declared import DeclaredTag
from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.profiles.refresh import Base, write_behaviour
from qa_lib.rules import All, Attribute, Measure
from qa_lib.workspace import Draft, Snapshot, Workspace, library_version

#: The entry of the meta data that says what each tag of a family came from.
META = "behaviour"
#: Within it, by name, the value that a tag stands for or stood for once.
SPELT = "spelt"
#: The entry of the meta data with the tags of families that are marked for the stream, as declared tags.
STREAM = "stream_families"


def fill_behaviour(
    draft: Draft,
    families: Sequence[BehaviourFamily],
    workspace: Workspace,
    say: Callable[[str], None],
    *,
    incremental: bool = True,
) -> None:
    """Write the bitsets of a draft, and the tags of its families.

    Parameters
    ----------
    workspace
        Where an earlier snapshot may be found, which values' names are taken from.
    incremental
        Whether its tags are taken over where nothing changed.
    """
    events = {s.type.name: s.type for s in EVENT_SOURCES}
    common = {
        (event, prop): [str(value) for value, _ in pairs]
        for name, pairs in draft.meta["values"].items()
        for event, _, prop in [name.partition(".")]
    }
    names = [entry["spec"]["name"] for entry in draft.meta["tags"]]
    spelt = spelt_before(workspace)
    tags = expand(families, events, common, names, spelt=spelt)
    boolean = [e["spec"]["name"] for e in draft.meta["tags"] if e["spec"]["type"] == "boolean"]
    packed = [t.name for t in tags if t.measure.kind == "did"]
    flags = write_bitsets(draft, boolean, packed=packed)
    write_ids(draft)
    if not tags:
        return
    say(f"tags: {len(tags):,} of {len(families)} families")
    people = int(draft.connection.execute("SELECT count(*) FROM people").fetchall()[0][0])
    base = _base(draft, workspace) if incremental else None
    done = write_behaviour(
        draft.columns, flags, tags, draft.columns.column, people, draft.as_of, draft.zone, base=base
    )
    draft.meta["tags"] += [
        {"family": t.family, "group": list(t.group), "spec": t.spec.to_dict()} for t in tags
    ]
    draft.meta["coverage"] |= done.coverage
    draft.meta["values"] |= done.values
    marked = [as_declared(t).to_dict() for t in tags if t.spec.refresh != "batch"]
    if marked:
        draft.meta[STREAM] = marked
    draft.meta[META] = _described(tags, people) | {
        "computed": {
            "whole_tags": done.whole_tags,
            "patched_tags": done.patched_tags,
            "changed_people": done.changed_people,
        },
        SPELT: spelt | {t.name: t.value for t in tags if t.value is not None},
    }


def spelt_before(workspace: Workspace) -> dict[str, str]:
    """By name, the value that a tag has stood for in the builds so far."""
    for published in sorted(workspace.snapshots(), key=lambda p: p.published_at, reverse=True):
        found = Snapshot(workspace.root, workspace.store, published, workspace.zone, read_only=True)
        if META in found.meta:
            return dict(found.meta[META].get(SPELT, {}))
    return {}


def as_declared(tag: BehaviourTag) -> DeclaredTag:
    """The same measure as a declared tag, which the stream keeps up with."""
    return DeclaredTag(
        name=tag.name,
        label_zh=tag.spec.label_zh,
        label_en=tag.spec.label_en,
        event=tag.event,
        where=None
        if tag.value is None
        else All(of=(Attribute(field=str(tag.by), operator="=", value=tag.value),)),
        window=tag.window,
        measure=Measure(kind=tag.measure.kind, property=tag.measure.property),
        unit=tag.spec.unit,
        owner=tag.spec.owner,
        refresh=tag.spec.refresh,
    )


def _described(tags: Sequence[BehaviourTag], people: int) -> dict[str, Any]:
    return {"keys": {t.name: t.key for t in tags}, "people": people, "recipe": _recipe()}


def _recipe() -> str:
    """Of what an event's rows are made, and by whom: another recipe makes every tag anew."""
    parts = [library_version(), *((s.type.name, s.sql) for s in EVENT_SOURCES)]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _base(draft: Draft, workspace: Workspace) -> Base | None:
    """The newest snapshot with families over the same recipe of events."""
    for published in sorted(workspace.snapshots(), key=lambda p: p.published_at, reverse=True):
        found = Snapshot(workspace.root, workspace.store, published, workspace.zone, read_only=True)
        told = found.meta.get(META)
        if told is not None and told["recipe"] == _recipe() and found.columns.array("people.id") is not None:
            return base_of(found, draft.columns.column)
    return None


def base_of(snapshot: Snapshot, array: Callable[[str], Any]) -> Base:
    """A snapshot as the base of a build whose columns `array` gives."""
    told = snapshot.meta[META]
    number = _numbers(array, snapshot.columns.array)
    as_of: datetime = snapshot.as_of
    return Base(snapshot.columns, snapshot.columns.array, as_of, told["keys"], told["people"], number)


def _numbers(now: Callable[[str], Any], then: Callable[[str], Any]) -> npt.NDArray[np.int64] | None:
    """The earlier number of each person, -1 for the new ones; None when all numbers are the same."""
    names = ("people.id", "people.id_end")
    if all(np.array_equal(now(n).values, then(n).values) for n in names):
        return None
    import pandas as pd

    index = pd.Index(_ids(then))
    return np.asarray(index.get_indexer(pd.Index(_ids(now))), dtype=np.int64)


def _ids(array: Callable[[str], Any]) -> list[str]:
    text = array("people.id").values.tobytes()
    ends = array("people.id_end").values.tolist()
    return [text[a:b].decode() for a, b in zip([0, *ends], ends, strict=False)]
