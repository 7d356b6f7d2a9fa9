"""The catalogue of a snapshot: its fields and events for the rules, and a frame to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.profiles.tags import TagSpec
from qa_lib.rules import Catalogue, EventType, Field, Suggestion
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot

#: The entry of the meta data that says in which currency the workspace keeps its amounts.
CURRENCY = "currency"
#: What stands for it in declarations.
_DECLARED_CURRENCY = "USD"


def catalogue(snapshot: Snapshot) -> Catalogue:
    """Every field and event that a rule over this snapshot may name, with suggested values."""
    fields = tuple(
        _in_currency(snapshot, TagSpec.from_dict(entry["spec"]).field(Label(*entry["group"])))
        for entry in snapshot.meta["tags"]
    )
    values = {
        name: tuple(Suggestion(value, count) for value, count in pairs)
        for name, pairs in snapshot.meta["values"].items()
    }
    told = snapshot.meta.get("events")
    # a snapshot of an older release has no table for a kind that came later
    built = {name.partition(".")[0] for name in values if "." in name}
    events = (
        tuple(s.type for s in EVENT_SOURCES if s.type.name in built) if told is None else read_events(told)
    )
    latest = snapshot.meta.get("latest")  # of a kind without rows there is none
    events = tuple(
        replace(
            e,
            properties=tuple(_in_currency(snapshot, p) for p in e.properties),
            has_rows=latest is None or e.table in latest,
        )
        for e in events
    )
    return Catalogue(fields, events).with_values(values)


def unit_of(snapshot: Snapshot, unit: str) -> str:
    """A declared unit in the currency of the snapshot's workspace."""
    return str(snapshot.meta.get(CURRENCY, unit)) if unit == _DECLARED_CURRENCY else unit


def _in_currency(snapshot: Snapshot, field: Field) -> Field:
    unit = unit_of(snapshot, field.unit)
    return field if unit == field.unit else replace(field, unit=unit)


def described_events(events: Iterable[EventType]) -> list[dict[str, Any]]:
    """Event types as JSON values, for the meta data of a snapshot with events of its own."""
    return [
        {
            "name": event.name,
            "label": list(event.label),
            "grain": list(event.grain),
            "properties": [
                {"name": p.name, "type": p.type, "label": list(p.label), "unit": p.unit}
                for p in event.properties
            ],
        }
        for event in events
    ]


def read_events(described: Iterable[Mapping[str, Any]]) -> tuple[EventType, ...]:
    """The event types that `described_events` wrote down."""
    return tuple(
        EventType(
            event["name"],
            Label(*event["label"]),
            Label(*event["grain"]),
            tuple(
                Field(p["name"], "attribute", p["type"], Label(*p["label"]), p["unit"])
                for p in event["properties"]
            ),
        )
        for event in described
    )


def tags(snapshot: Snapshot) -> pd.DataFrame:
    """The tag catalogue, one row per tag.

    Returns
    -------
    pandas.DataFrame
        `name`, `label_zh`, `label_en`, `kind`, `type`, `form`, `unit`, `window`, `family`, `people_count`
        (people with a value), `coverage_rate` (of all people), `owner`, `refresh`, `version`, `lineage`
        (what it is computed from), `fresh_at` (the newest event of these; none where no event is read),
        `description_zh`, `description_en`.
    """
    rows = []
    latest = snapshot.meta.get("latest", {})
    for entry in snapshot.meta["tags"]:
        spec = TagSpec.from_dict(entry["spec"])
        covered = snapshot.meta["coverage"][spec.name]
        rows.append(
            {
                "name": spec.name,
                "label_zh": spec.label_zh,
                "label_en": spec.label_en,
                "kind": spec.kind,
                "type": spec.type,
                "form": spec.form,
                "unit": unit_of(snapshot, spec.unit),
                "window": spec.window,
                "family": entry["family"],
                "people_count": covered,
                "coverage_rate": covered / snapshot.people_count if snapshot.people_count else 0.0,
                "owner": spec.owner,
                "refresh": spec.refresh,
                "version": spec.version,
                "lineage": ", ".join(spec.lineage),
                "fresh_at": max((latest[t] for t in _tables(spec.lineage) if t in latest), default=None),
                "description_zh": spec.description_zh,
                "description_en": spec.description_en,
            }
        )
    return pd.DataFrame(rows)


def _tables(lineage: Iterable[str]) -> set[str]:
    return {column.partition(".")[0] for column in lineage}
