"""Events of the stream as a snapshot's events, and the tags that are marked for the stream, as of any moment.

A tag, declared alone or by a family, with `refresh: stream` (or `both`) is a measure over a person's events. Here it is measured over the
batch view's events and the live ones together, by the steps that the matcher takes, so it says at every moment
what a build of that moment would say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from qa_lib.profiles.behaviour_build import STREAM
from qa_lib.profiles.declared import DeclaredTag
from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.rules import Catalogue
from qa_lib.rules.matcher.measures import Filter, between, measured
from qa_lib.rules.matcher.moments import Span
from qa_lib.rules.matcher.person import EventLog, Person
from qa_lib.rules.measures import measure_type
from qa_lib.workspace import Snapshot

#: Kinds of events that a build makes of others.
DERIVED: Mapping[str, str] = {"visit": "purchase"}
_PROPERTIES: Mapping[str, tuple[str, ...]] = {
    s.type.name: tuple(p.name for p in s.type.properties) for s in EVENT_SOURCES
}
_NOTHING = Decimal("0.00")
_SUMMED = ("paid_amount", "discount_amount", "coupon_amount")


class AsProfiled:
    """Gives events of the stream the properties that a build would give them.

    Items carry their department, category and brand, and a line of an order its discounts.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        #: A snapshot with events of its own has them as they come.
        self._as_they_come = snapshot.meta.get("events") is not None

    @cached_property
    def _items(self) -> dict[str, dict[str, Any]]:
        if "items" not in self._snapshot.table_versions:
            return {}
        rows = self._snapshot.frame("SELECT item_id, department, category, brand FROM items")
        told: list[Any] = rows.astype(object).where(rows.notna(), None).to_dict("records")
        return {str(row.pop("item_id")): row for row in told}

    @cached_property
    def _unknown(self) -> dict[str, Any]:
        return dict.fromkeys(("department", "category", "brand"))

    def properties(self, event: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The properties of one event, as the event's table in a snapshot has them."""
        if self._as_they_come:
            return given
        names = _PROPERTIES.get(event, ())
        if "item_id" not in names:
            return {name: given.get(name) for name in names}
        item_id = given.get("item_id")
        found = {"item_id": item_id, **self._items.get(item_id or "", self._unknown)}
        if "channel" in names:
            found["channel"] = given.get("channel")
        if event == "purchase":
            coupon = given.get("coupon_discount_amount", _NOTHING) + given.get(
                "coupon_match_amount", _NOTHING
            )
            found |= {
                "order_id": given.get("order_id"),
                "store_id": given.get("store_id", "stream"),
                "paid_amount": given.get("paid_amount", _NOTHING),
                "discount_amount": coupon + given.get("retail_discount_amount", _NOTHING),
                "coupon_amount": coupon,
                "quantity": given.get("quantity", 1),
            }
        return found

    def derived(self, person: Person) -> Person:
        """The person with the events that a build makes of others, after those others have changed."""
        lines = person.events.get("purchase")
        if self._as_they_come or lines is None:
            return person
        other = person.with_events({})
        other.events["visit"] = _visits(lines)
        return other


def _visits(lines: EventLog) -> EventLog:
    """The baskets of these lines."""
    baskets: dict[Any, dict[str, Any]] = {}
    for i, at in enumerate(lines.times):
        row = {name: column[i] for name, column in lines.columns.items()}
        own = baskets.setdefault(
            row["order_id"],
            {"at": at, "order_id": row["order_id"], "store_id": row["store_id"], "item_count": 0}
            | dict.fromkeys(_SUMMED, _NOTHING),
        )
        own["item_count"] += 1
        own["store_id"] = min(own["store_id"], row["store_id"])
        for name in _SUMMED:
            own[name] += row[name]
    return EventLog((), {}).and_more((own.pop("at"), own) for own in baskets.values())


def stream_tags(snapshot: Snapshot) -> tuple[DeclaredTag, ...]:
    """The declared tags of a snapshot that are marked for the stream, those of families among them."""
    values = [*snapshot.meta.get("declared", ()), *snapshot.meta.get(STREAM, ())]
    told = (DeclaredTag.from_dict(value) for value in values)
    return tuple(tag for tag in told if tag.refresh != "batch")


class TagsNow:
    """Measures the tags marked for the stream over one person's events, as of any moment.

    Parameters
    ----------
    tags
        Those that are wanted.
    """

    def __init__(self, tags: Iterable[DeclaredTag], catalogue: Catalogue, zone: ZoneInfo) -> None:
        self._zone = zone
        self._tags = [
            (tag, Filter(tag.where, catalogue.event(tag.event), zone), Span(tag.window, zone)) for tag in tags
        ]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(tag.name for tag, _, _ in self._tags)

    @property
    def events(self) -> frozenset[str]:
        """The kinds of events that they are measured over."""
        return frozenset(tag.event for tag, _, _ in self._tags)

    def values(self, person: Person, as_of_us: int) -> dict[str, Any]:
        """The value of each tag; None where it has none."""
        return {
            tag.name: self._value(tag, filter, span, person, as_of_us) for tag, filter, span in self._tags
        }

    def _value(self, tag: DeclaredTag, filter: Filter, span: Span, person: Person, as_of_us: int) -> Any:
        log = person.events.get(tag.event)
        nothing = 0 if measure_type(tag.measure.kind).zero else None
        if log is None:
            return nothing
        events = filter.passing(log, as_of_us)
        low, high = between([log.times[i] for i in events], *span.bounds(as_of_us))
        if low >= high:
            return nothing
        return measured(tag.measure, log, list(events), low, high, as_of_us, self._zone)
