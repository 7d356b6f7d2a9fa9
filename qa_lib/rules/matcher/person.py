"""One person as the matcher sees them: fields by name, and events by type in order of time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isnan
from typing import Any

from qa_lib.errors import SpecError, UnknownName
from qa_lib.workspace import Snapshot, quoted

#: Where doubles still tell apart all amounts of six decimals; above it numbers are compared as they are.
_EXACT = 1e13
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_EVENT_TABLE = "event_"
_EVERYBODY = "true"


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a moment with a zone.

    Raises
    ------
    SpecError
        For what is no such moment.
    """
    try:
        return (moment - _EPOCH) // _MICROSECOND
    except TypeError:
        raise SpecError(
            f"{moment!r} is not a moment with a zone. Give a datetime that has one; "
            "`qa_lib.workspace.read_moment` reads a text such as 2018-01-01T05:00:00Z."
        ) from None


def moment_of(us: int) -> datetime:
    """The UTC moment so many microseconds after 1970."""
    return _EPOCH + us * _MICROSECOND


def number(value: Any) -> Any:
    """A number that compares as DuckDB compares it: a double wherever that is exact.

    NaN is, as in DuckDB, above every number that a rule may name.
    """
    as_double = float(value)
    if isnan(as_double):
        return float("inf")
    return as_double if -_EXACT < as_double < _EXACT else value


def plain(value: Any) -> Any:
    """A field's value as it is compared: numbers by `number`, lists as tuples, the rest unchanged.

    A list without elements is a missing value.
    """
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return number(value)
    if isinstance(value, datetime):
        return value.date()
    return (tuple(value) or None) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class EventLog:
    """A person's events of one type, in order of time.

    Parameters
    ----------
    times
        Microseconds since 1970, ascending; shape (n_events,).
    columns
        The properties by name, each of shape (n_events,); None where an event has no value.
    """

    times: tuple[int, ...]
    columns: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, events: Iterable[tuple[datetime, Mapping[str, Any]]]) -> EventLog:
        """The log of these moments and properties, in any order."""
        rows = sorted(((microseconds(at), properties) for at, properties in events), key=lambda row: row[0])
        names = dict.fromkeys(name for _, properties in rows for name in properties)
        return cls(
            tuple(at for at, _ in rows),
            {name: [properties.get(name) for _, properties in rows] for name in names},
        )

    def and_more(self, events: Iterable[tuple[int, Mapping[str, Any]]]) -> EventLog:
        """The log after further events, each with its microseconds since 1970; they may come late."""
        times = list(self.times)
        columns = {name: list(column) for name, column in self.columns.items()}
        for at, properties in events:
            place = bisect_right(times, at)
            times.insert(place, at)
            for name in properties.keys() - columns.keys():
                columns[name] = [None] * (len(times) - 1)
            for name, column in columns.items():
                column.insert(place, properties.get(name))
        return EventLog(tuple(times), columns)

    def values(self, name: str) -> Sequence[Any]:
        """A property's values; all None where no event has it."""
        return self.columns.get(name) or [None] * len(self.times)


NO_EVENTS = EventLog((), {})


class Person:
    """One person; equal by content, never changed: a change is a new `Person`.

    Parameters
    ----------
    fields
        Values of attributes and tags by name; a field that is not there, or None, has no value.
    events
        By type: a log, or pairs of a moment with a zone and the event's properties.
    """

    __slots__ = ("events", "fields", "person_id", "row", "true")

    def __init__(
        self,
        person_id: str,
        fields: Mapping[str, Any],
        events: Mapping[str, EventLog | Iterable[tuple[datetime, Mapping[str, Any]]]] | None = None,
    ) -> None:
        self.person_id = person_id
        self.fields: dict[str, Any] = {name: plain(value) for name, value in fields.items()}
        self.events: dict[str, EventLog] = {
            name: log if isinstance(log, EventLog) else EventLog.of(log)
            for name, log in (events or {}).items()
        }
        #: The names of the fields that are true: few of many boolean tags.
        self.true = _true(self.fields)
        #: What one set of rules made of the fields: whose, and the truth of their predicates.
        self.row: tuple[object, bytes] | None = None

    def with_event(self, event: str, at: datetime, properties: Mapping[str, Any]) -> Person:
        """The same person after one more event, which may come late."""
        return self.with_events({event: [(microseconds(at), properties)]})

    def with_events(self, events: Mapping[str, Iterable[tuple[int, Mapping[str, Any]]]]) -> Person:
        """The same person after more events by kind, each with its microseconds since 1970."""
        more = {name: (self.events.get(name) or NO_EVENTS).and_more(new) for name, new in events.items()}
        return self._but(self.fields, {**self.events, **more})

    def with_fields(self, **fields: Any) -> Person:
        """The same person with other values of some fields."""
        changed = {name: plain(value) for name, value in fields.items()}
        return self._but({**self.fields, **changed}, self.events)

    def _but(self, fields: dict[str, Any], events: dict[str, EventLog]) -> Person:
        other = Person(self.person_id, {}, events)
        other.fields = fields
        if fields is self.fields:
            other.true, other.row = self.true, self.row
        else:
            other.true = _true(fields)
        return other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Person):
            return NotImplemented
        return (
            self.person_id == other.person_id and self.fields == other.fields and self.events == other.events
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        events = ", ".join(f"{len(log.times)} {name}" for name, log in self.events.items())
        return f"Person({self.person_id!r}, {len(self.fields)} fields, events: {events or 'none'})"


def _true(fields: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple([name for name, value in fields.items() if value is True])


def read_person(snapshot: Snapshot, person_id: str) -> Person:
    """One person of a snapshot.

    Parameters
    ----------
    person_id
        The person's id, or an id of the source or one merged away that belongs to the person.

    Raises
    ------
    UnknownName
        When nobody has that id at the snapshot's moment.
    """
    found = _read(snapshot, "person_id = $id", {"id": snapshot.person_of(person_id)})
    if not found:
        raise UnknownName(f"Nobody has the id {person_id!r} as of {snapshot.as_of.isoformat()}.")
    return found[0]


def read_people(snapshot: Snapshot, person_ids: Sequence[str] | None = None) -> list[Person]:
    """People of a snapshot in the order of their numbers: these, or everybody."""
    if person_ids is None:
        return _read(snapshot, _EVERYBODY, {})
    return _read(snapshot, "person_id IN (SELECT unnest($ids))", {"ids": list(person_ids)})


def _read(snapshot: Snapshot, chosen: str, params: dict[str, Any]) -> list[Person]:
    cursor = snapshot.cursor()

    def rows(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        answer = cursor.execute(sql, params)
        names = [column[0] for column in answer.description or ()]
        return names, answer.fetchall()

    _, people = rows(f"SELECT person_no, person_id FROM people WHERE {chosen} ORDER BY person_no")
    one_of = _EVERYBODY
    if chosen != _EVERYBODY:
        one_of, params = "person_no IN (SELECT unnest($numbers))", {"numbers": [no for no, _ in people]}
    names, profiles = rows(f"SELECT * FROM profile WHERE {one_of}")
    packed = snapshot.columns.packed_only
    fields = {row[0]: dict(zip(names[1:], row[1:], strict=True)) for row in profiles}
    if packed:  # boolean tags that the table has no column for
        for no, values in fields.items():
            values.update((n, held) for n, held in snapshot.columns.person(no).items() if n in packed)
    events: dict[int, dict[str, EventLog]] = {no: {} for no, _ in people}
    for table in _event_tables(cursor):
        names, found = rows(
            f"SELECT * REPLACE (epoch_us(occurred_at) AS occurred_at) FROM {quoted(table)} "
            f"WHERE {one_of} ORDER BY ALL"
        )
        no, at = names.index("person_no"), names.index("occurred_at")
        start = 0
        for end in range(1, len(found) + 1):
            if end == len(found) or found[end][no] != found[start][no]:
                own = list(zip(*found[start:end], strict=True))
                columns = {name: own[i] for i, name in enumerate(names) if i not in (no, at)}
                events[found[start][no]][table.removeprefix(_EVENT_TABLE)] = EventLog(own[at], columns)
                start = end
    return [Person(str(person_id), fields[no], events[no]) for no, person_id in people]


def _event_tables(cursor: Any) -> list[str]:
    found = cursor.execute(
        "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, $prefix) ORDER BY ALL",
        {"prefix": _EVENT_TABLE},
    ).fetchall()
    return [name for (name,) in found]
