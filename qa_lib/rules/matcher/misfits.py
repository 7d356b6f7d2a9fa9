"""What a person's values must be for the rules that read them, told in words where one is something else."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any as AnyValue

from qa_lib.errors import SpecError
from qa_lib.rules.catalogue import Catalogue, Field, FieldType
from qa_lib.rules.matcher.person import Person

_TYPES: dict[FieldType, tuple[type, ...]] = {
    "number": (int, float, Decimal),
    "text": (str,),
    "date": (date,),
    "boolean": (bool,),
    "list": (list, tuple),
}
_EXPECTED: dict[FieldType, str] = {
    "number": "a number",
    "text": "a text",
    "date": "a day (datetime.date)",
    "boolean": "true or false",
    "list": "a list of texts",
}


def require_fitting(people: Iterable[Person], catalogue: Catalogue) -> None:
    """Refuse people with a value of another type than the catalogue says.

    Comparing never looks first: this is asked once a comparison has failed.

    Raises
    ------
    SpecError
        Naming the person, the field or the event's property, and what was expected.
    """
    for person in people:
        for field in catalogue.fields:
            _require(person, field, f"Field {field.name!r}", person.fields.get(field.name))
        for event in catalogue.events:
            log = person.events.get(event.name)
            for field in event.properties if log is not None else ():
                assert log is not None
                for value in log.values(field.name):
                    _require(person, field, f"Property {field.name!r} of event {event.name!r}", value)


def _require(person: Person, field: Field, what: str, value: AnyValue) -> None:
    is_number = field.type == "number" and isinstance(value, bool)
    if value is None or (isinstance(value, _TYPES[field.type]) and not is_number):
        return
    raise SpecError(
        f"{what} of person {person.person_id!r} is {value!r:.120}; the rules read {_EXPECTED[field.type]}."
    )
