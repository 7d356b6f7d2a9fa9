"""The topics that come in and go out, as declared: what a record holds, its key, and what is promised of it.

Whoever stands before or behind the workbench (a Flink job, a service of a shop) reads these and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from qa_lib.sources.stream.contracts import MOST_BYTES, SHOP_CONTRACTS, EventContract
from qa_lib.tables import ColumnType, Label

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_JSON: dict[ColumnType, dict[str, Any]] = {
    "text": {"type": ["string", "integer"]},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "amount": {"type": "number", "minimum": 0},
    "boolean": {"type": "boolean"},
}


class Topic(BaseModel):
    """The contract of one topic.

    Parameters
    ----------
    key
        The field by whose value records are put into partitions; those of one key stay in order.
    id
        The field that names a record: a consumer that remembers it counts a record once.
    delivery
        What the sender promises; `at_least_once` means that a record may come twice, under the same id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    label: Label
    direction: Literal["in", "out"]
    key: str
    id: str
    delivery: Literal["at_least_once"] = "at_least_once"
    json_schema: dict[str, Any] = Field(repr=False)


class MatchChange(NamedTuple):
    """One row of the state's `match_changes`: somebody entered or left a rule by the stream."""

    change_no: int
    person_id: str
    rule: str
    change: str
    as_of_us: int
    event_id: str


def events_topic(contracts: Iterable[EventContract] = SHOP_CONTRACTS, *, name: str = "events") -> Topic:
    """The topic that comes in: one JSON object an event, of at most 64 KB.

    An event that breaks it becomes a dead letter with its reason, and holds nothing up.
    """
    return Topic(
        name=name,
        label=Label("进入的事件", "Events that come in"),
        direction="in",
        key="person_id",
        id="event_id",
        json_schema={
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": name,
            "description": f"At most {MOST_BYTES} bytes. Fields that are not named are dropped.",
            "type": "object",
            "required": ["event_id", "event", "occurred_at"],
            "properties": {
                "event_id": _text("Unique for seven days: a second event of the same id counts once."),
                "person_id": _text("The source's own id of the person."),
                "identifiers": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": _text("Another identifier by its kind, instead of person_id."),
                },
                "occurred_at": {"type": "string", "format": "date-time", "description": "With its zone."},
                "sent_at": {
                    "type": "number",
                    "description": "The sender's clock, seconds since 1970; optional.",
                },
            },
            "anyOf": [{"required": ["person_id"]}, {"required": ["identifiers"]}],
            "oneOf": [_kind(contract) for contract in contracts],
        },
    )


def _kind(contract: EventContract) -> dict[str, Any]:
    properties = {name: _optional(type) for name, type in contract.properties.items()}
    needed = {name: _JSON[contract.properties[name]] for name in contract.required}
    told: dict[str, Any] = {"type": "object", "properties": {**properties, **needed}}
    told["required"] = sorted(contract.required)
    found: dict[str, Any] = {"properties": {"event": {"const": contract.event}, "properties": told}}
    if contract.required:
        found["required"] = ["properties"]
    return found


def _optional(type: ColumnType) -> dict[str, Any]:
    one = dict(_JSON[type])
    kinds = one["type"] if isinstance(one["type"], list) else [one["type"]]
    return {**one, "type": [*kinds, "null"]}


def _text(about: str) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": 200, "description": about}


#: The topic that goes out: who enters and who leaves an active audience because of an event.
MATCHES = Topic(
    name="matches",
    label=Label("进入与离开人群", "Who enters and leaves an audience"),
    direction="out",
    key="person_id",
    id="change_id",
    json_schema={
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "matches",
        "type": "object",
        "required": ["change_id", "person_id", "audience", "change", "as_of", "event_id"],
        "additionalProperties": False,
        "properties": {
            "change_id": {"type": "integer", "minimum": 1, "description": "Ascending within a workspace."},
            "person_id": _text("The resolved person."),
            "audience": {"type": "string", "minLength": 1},
            "change": {"enum": ["enter", "leave"]},
            "as_of": {"type": "string", "format": "date-time"},
            "event_id": _text("The last event of the person in the micro-batch that changed it."),
        },
    },
)


def match_records(rows: Iterable[MatchChange]) -> list[tuple[str, bytes]]:
    """Rows of `match_changes` as records of the topic `matches`, each with its key."""
    found = []
    for one in rows:
        at = _EPOCH + timedelta(microseconds=one.as_of_us)
        record = {
            "change_id": one.change_no,
            "person_id": one.person_id,
            "audience": one.rule,
            "change": one.change,
            "as_of": at.isoformat().replace("+00:00", "Z"),
            "event_id": one.event_id,
        }
        found.append((one.person_id, json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()))
    return found
