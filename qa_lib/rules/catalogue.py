"""What a rule may speak of: typed fields of a person and kinds of events with their properties.

The rules know a tag only as a typed `Field` that is passed in. The same catalogue checks a rule,
compiles it and travels to the browser as JSON, so that the form never offers what the engine lacks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import Label

FieldType = Literal["number", "text", "date", "boolean", "list"]
FieldKind = Literal["attribute", "tag"]


_UNITS_ZH = {
    "days": "天",
    "orders": "单",
    "months": "个月",
    "stores": "家",
    "items": "种",
    "points": "分",
    "coupons": "张",
    "campaigns": "个",
}


def unit_label(unit: str) -> Label:
    """A unit in both languages; a currency's code, or a unit of an analyst's own, reads alike in both."""
    return Label(_UNITS_ZH.get(unit, unit), unit)


@dataclass(frozen=True)
class Suggestion:
    """A value that occurs in the data, and for how many people or events."""

    value: str | float | bool
    count: int


@dataclass(frozen=True)
class Field:
    """One thing that can be compared: an attribute or tag of a person, or a property of an event."""

    name: str
    kind: FieldKind
    type: FieldType
    label: Label
    unit: str = ""
    group: Label = Label("其他", "Other")
    description: Label = Label("", "")
    values: tuple[Suggestion, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "type": self.type,
            "label": self.label.to_dict(),
            "unit": unit_label(self.unit).to_dict(),
            "group": self.group.to_dict(),
            "description": self.description.to_dict(),
            "values": [{"value": s.value, "count": s.count} for s in self.values],
        }


@dataclass(frozen=True)
class EventType:
    """One kind of event; `grain` says what a single row of it is, `has_rows` whether the snapshot has any."""

    name: str
    label: Label
    grain: Label
    properties: tuple[Field, ...]
    has_rows: bool = True

    @property
    def table(self) -> str:
        """The table of these events in a snapshot."""
        return f"event_{self.name}"

    def property(self, name: str) -> Field:
        """The property of that name.

        Raises
        ------
        UnknownName
            With the nearest names.
        """
        for field in self.properties:
            if field.name == name:
                return field
        raise UnknownName(
            f"Event '{self.name}' has no property {name!r}."
            f"{did_you_mean(name, [p.name for p in self.properties])}"
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "label": self.label.to_dict(),
            "grain": self.grain.to_dict(),
            "properties": [p.to_dict() for p in self.properties],
            "has_rows": self.has_rows,
        }


@dataclass(frozen=True)
class Catalogue:
    """All fields and events of a workspace at one snapshot."""

    fields: tuple[Field, ...]
    events: tuple[EventType, ...]

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {f.name: f for f in self.fields}

    def field(self, name: str) -> Field:
        """The field of that name.

        Raises
        ------
        UnknownName
            With the nearest names.
        """
        try:
            return self._by_name[name]
        except KeyError:
            called = [f.name for f in self.fields if name in f.label]  # the words on screen are no names
            raise UnknownName(
                f"Unknown tag or attribute {name!r}.{did_you_mean(called[0] if called else name, self._by_name)} "
                "See qa_lib.profiles.tags()."
            ) from None

    def event(self, name: str) -> EventType:
        """The event of that name.

        Raises
        ------
        UnknownName
            With the nearest names.
        """
        for event in self.events:
            if event.name == name:
                return event
        raise UnknownName(f"Unknown event {name!r}.{did_you_mean(name, [e.name for e in self.events])}")

    def with_values(self, values: dict[str, tuple[Suggestion, ...]]) -> Catalogue:
        """The same catalogue with suggested values, keyed `field` or `event.property`."""
        return Catalogue(
            tuple(replace(f, values=values.get(f.name, f.values)) for f in self.fields),
            tuple(
                replace(
                    e,
                    properties=tuple(
                        replace(p, values=values.get(f"{e.name}.{p.name}", p.values)) for p in e.properties
                    ),
                )
                for e in self.events
            ),
        )
