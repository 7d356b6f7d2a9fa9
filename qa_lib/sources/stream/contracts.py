"""What an event of the stream must hold, one contract per kind; whatever breaks it is a dead letter with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic_core import from_json

from qa_lib.errors import DataError, did_you_mean
from qa_lib.tables import ColumnType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_ID = 200
#: Larger than any event is; a value above it is not even read.
MOST_BYTES = 64 * 1024
_MOST_AMOUNT = 10**15


class Poison(DataError):
    """An event that breaks its contract; the message is the reason."""


class StreamEvent(NamedTuple):
    """One event that kept its contract.

    `person` is the source's own id of the person, or `kind:value` where the event names another identifier;
    `occurred_us` and `arrived_us` are microseconds since 1970; `sent_at` is the producer's own clock in
    seconds where it said so. `partition` and `offset` say where in the log it stands.
    """

    event_id: str
    event: str
    person: str
    occurred_us: int
    properties: dict[str, Any]
    partition: str
    offset: int
    arrived_us: int
    sent_at: float | None


@dataclass(frozen=True)
class EventContract:
    """One kind of event: its properties with their types, and those that it must carry.

    Properties that are not named are dropped. Amounts are exact decimals.
    """

    event: str
    properties: Mapping[str, ColumnType]
    required: frozenset[str] = frozenset()


_LINE: dict[str, ColumnType] = {
    "item_id": "text",
    "order_id": "text",
    "store_id": "text",
    "quantity": "integer",
    "paid_amount": "amount",
    "retail_discount_amount": "amount",
    "coupon_discount_amount": "amount",
    "coupon_match_amount": "amount",
}
#: The kinds of events that become rows of the shared tables when a snapshot is built.
SHOP_CONTRACTS: tuple[EventContract, ...] = (
    EventContract("browse", {"item_id": "text"}, frozenset({"item_id"})),
    EventContract("cart", {"item_id": "text"}, frozenset({"item_id"})),
    EventContract("purchase", _LINE, frozenset({"item_id", "order_id", "paid_amount"})),
    EventContract("search", {"keyword": "text", "channel": "text"}, frozenset({"keyword"})),
    EventContract("favourite", {"item_id": "text", "channel": "text"}, frozenset({"item_id"})),
    EventContract("login", {"channel": "text"}),
    EventContract("share", {"item_id": "text", "channel": "text"}, frozenset({"item_id"})),
    EventContract("expose", {"creative_id": "text"}, frozenset({"creative_id"})),
    EventContract("click", {"creative_id": "text"}, frozenset({"creative_id"})),
)


class Contracts:
    """The contracts of a stream by kind of event.

    Parameters
    ----------
    ahead
        How far an event may lie in the future of its arrival; None where it may (a replay).
    """

    def __init__(
        self, contracts: Iterable[EventContract], *, ahead: timedelta | None = timedelta(minutes=5)
    ) -> None:
        self._readers = {
            c.event: (
                [(name, _READERS[type]) for name, type in c.properties.items()],
                c.required,
            )
            for c in contracts
        }
        self._ahead_us = None if ahead is None else ahead // _MICROSECOND

    @property
    def events(self) -> tuple[str, ...]:
        return tuple(self._readers)

    def read(self, value: bytes, partition: str, offset: int, arrived_us: int) -> StreamEvent:
        """One event of the log.

        Raises
        ------
        Poison
            With what was wrong and what was expected.
        """
        if len(value) > MOST_BYTES:
            raise Poison(f"{len(value):,} bytes; an event has at most {MOST_BYTES:,}")
        try:
            told = from_json(value, allow_inf_nan=False)
        except ValueError as error:
            raise Poison(f"not JSON: {error}") from None
        if type(told) is not dict:
            raise Poison(f"a JSON {type(told).__name__}; expected an object")
        event = told.get("event")
        found = self._readers.get(event) if type(event) is str else None
        if found is None or type(event) is not str:
            near = did_you_mean(str(event), self._readers)
            raise Poison(f"unknown event {event!r:.100}.{near}")
        occurred_us = _moment(told.get("occurred_at"))
        if self._ahead_us is not None and occurred_us > arrived_us + self._ahead_us:
            raise Poison(
                f"occurred_at {told['occurred_at']!r} lies in the future of its arrival; check the sender's clock"
            )
        given = told.get("properties")
        if given is None:
            given = {}
        elif type(given) is not dict:
            raise Poison("properties is no object")
        readers, required = found
        properties = {}
        for name, read in readers:
            raw = given.get(name)
            if raw is not None:
                properties[name] = read(name, raw)
            elif name in required:
                raise Poison(f"property {name!r} of {event!r} is missing")
        sent_at = told.get("sent_at")
        return StreamEvent(
            _id("event_id", told.get("event_id")),
            event,
            _person(told),
            occurred_us,
            properties,
            partition,
            offset,
            arrived_us,
            sent_at if type(sent_at) is float else None,
        )


def _id(name: str, value: Any) -> str:
    if type(value) is not str or not 0 < len(value) <= _LONGEST_ID or "\0" in value:
        raise Poison(f"{name} {value!r:.100} is no text of 1 to {_LONGEST_ID} characters")
    return value


def _person(told: Mapping[str, Any]) -> str:
    if "person_id" in told:
        return _id("person_id", told["person_id"])
    identifiers = told.get("identifiers")
    if type(identifiers) is dict and len(identifiers) == 1:
        (kind, value), *_ = identifiers.items()
        return f"{_id('kind', kind)}:{_id(kind, value)}"
    raise Poison("nobody is named: expected person_id, or identifiers with one kind and its value")


def _moment(value: Any) -> int:
    if type(value) is not str:
        raise Poison(f"occurred_at {value!r:.100} is no moment such as 2026-06-01T10:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
        return (moment - _EPOCH) // _MICROSECOND
    except ValueError:
        raise Poison(f"occurred_at {value!r:.100} is no moment such as 2026-06-01T10:00:00Z") from None
    except (TypeError, OverflowError):  # no zone
        raise Poison(f"occurred_at {value!r:.100} has no zone; add one, such as Z for UTC") from None


def _text(name: str, value: Any) -> str:
    if type(value) is str and "\0" not in value:
        return value
    if type(value) is int:  # an identifier that a source writes as a number
        return str(value)
    raise Poison(f"{name} {value!r:.100} is no text")


def _whole(name: str, value: Any) -> int:
    if type(value) is int and abs(value) < 2**53:
        return value
    raise Poison(f"{name} {value!r:.100} is no whole number")


def _number(name: str, value: Any) -> float | int:
    if type(value) in (int, float) and math.isfinite(value) and abs(value) < 2**53:
        return value
    raise Poison(f"{name} {value!r:.100} is no number")


def _amount(name: str, value: Any) -> Decimal:
    if type(value) in (int, float) and 0 <= value < _MOST_AMOUNT:
        cents = round(value * 100)
        if abs(value * 100 - cents) < 1e-4:
            return Decimal(cents).scaleb(-2)
    raise Poison(f"{name} {value!r:.100} is no amount of 0 or more with at most two decimals")


def _boolean(name: str, value: Any) -> bool:
    if type(value) is bool:
        return value
    raise Poison(f"{name} {value!r:.100} is neither true nor false")


_READERS: dict[ColumnType, Callable[[str, Any], Any]] = {
    "text": _text,
    "integer": _whole,
    "number": _number,
    "amount": _amount,
    "boolean": _boolean,
}
