"""A micro-batch of people by column: what the predicates of one set of rules read of each person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import NoneType
from typing import Any as AnyValue

import numpy as np
import numpy.typing as npt

from qa_lib.rules.matcher.compare import OrderedIndex
from qa_lib.rules.matcher.person import EventLog, Person
from qa_lib.rules.matcher.predicates import Predicates
from qa_lib.rules.matcher.sections import EventPlan, FieldSection

Ints = npt.NDArray[np.int64]
#: Above it, sums of hundredths might leave what a double holds exactly.
_LARGEST_CENTS = 2**40


@dataclass(frozen=True)
class Events:
    """The events of one kind of all people, person by person in order of time.

    Parameters
    ----------
    person, times
        The number of the person in the batch, and microseconds since 1970; shape (n_events,).
    first
        Where each person's events begin; shape (n_people + 1,).
    required_times, required_keys
        Of the events that have a text that some filter requires: when, and the number of that filter among
        the quick ones of the kind times the number of people plus that of the person, ascending;
        shape (n_pairs,).
    running
        Of properties that are summed, the sum before each event in whole hundredths; shape (n_events + 1,).
    """

    person: Ints
    times: Ints
    first: Ints
    required_times: Ints
    required_keys: Ints
    running: dict[str, Ints]


class People:
    """A micro-batch by column; see `Matcher.lay_out`.

    Attributes
    ----------
    fixed
        The truth of the predicates on fields, which no time changes, eight people a byte.
    """

    def __init__(self, people: Sequence[Person], predicates: Predicates) -> None:
        self.people = list(people)
        self.fixed = np.concatenate(
            [np.packbits(part, axis=1, bitorder="little") for part in self._parts(predicates)]
        )
        self.events = {event: self._events(event, plan) for event, plan in predicates.plans.items()}

    def __len__(self) -> int:
        return len(self.people)

    def _parts(self, predicates: Predicates) -> Iterator[npt.NDArray[np.uint8]]:
        """The truth of the predicates on fields in the order of their slots; shape (n_predicates, n_people) each."""
        yield np.ones((1, len(self)), dtype=np.uint8)
        flags = np.zeros((len(predicates.flags), len(self)), dtype=np.uint8)
        pairs = [
            (flag, number)
            for number, person in enumerate(self.people)
            for name in person.true
            if (flag := predicates.flag_places.get(name)) is not None
        ]
        if pairs:
            flags[tuple(zip(*pairs, strict=True))] = 1
        yield flags
        columns = list(zip(*map(predicates.values, self.people), strict=True)) or [()] * len(predicates.names)
        for section, values in zip(predicates.fields.values(), columns, strict=True):
            yield _truths(section, values)

    def _events(self, event: str, plan: EventPlan) -> Events:
        logs = [p.events.get(event) for p in self.people]
        counts = [0 if log is None else len(log.times) for log in logs]
        there = [log for log in logs if log is not None]
        numbers = {id(one): number for number, one in enumerate(plan.quick)}
        rows: list[int] = []
        filters: list[int] = []
        for name, wanted in plan.required.items():
            quick = {
                v: [numbers[id(one)] for one in many if id(one) in numbers] for v, many in wanted.items()
            }
            for at, value in enumerate(v for log in there for v in log.values(name)):
                for number in quick.get(value, ()):
                    rows.append(at)
                    filters.append(number)
        summed = {
            str(section.measure.property)
            for one in (*plan.every, *plan.quick)
            for section in one.sections.values()
            if section.measure.kind == "sum"
        }
        columns = {name: _cents(there, name) for name in summed}
        person = np.repeat(np.arange(len(logs)), counts)
        pairs, of = np.array(rows, dtype=np.int64), np.array(filters, dtype=np.int64)
        keys = of * len(logs) + person[pairs]
        order = keys.argsort(kind="stable")
        times = np.array([t for log in there for t in log.times], dtype=np.int64)
        return Events(
            person,
            times,
            np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            times[pairs[order]],
            keys[order],
            {
                name: np.concatenate(([0], column.cumsum()))
                for name, column in columns.items()
                if column is not None
            },
        )


def _truths(section: FieldSection, values: Sequence[AnyValue]) -> npt.NDArray[np.uint8]:
    """The truth of one field's comparisons; shape (n_comparisons, n_people)."""
    index = section.index
    if isinstance(index, OrderedIndex) and set(map(type, values)) in ({float}, {float, NoneType}):
        found = np.array(values, dtype=np.float64)  # None becomes NaN, which no value is
        there = ~np.isnan(found)
        return index.by_comparison.take(index.places(np.where(there, found, 0.0), there), axis=1)
    codes: dict[AnyValue, int] = {}
    coded = np.array([codes.setdefault(v, len(codes)) for v in values], dtype=np.intp)
    answers = b"".join([index.known.get(value) or index.truths(value) for value in codes])
    table = np.frombuffer(answers, dtype=np.uint8).reshape(-1, len(section.compared))
    return np.ascontiguousarray(table.T).take(coded, axis=1)


def _cents(logs: Sequence[EventLog], name: str) -> Ints | None:
    """Amounts of at most two decimals as whole hundredths; None where a sum of doubles might not be exact."""
    found: list[int] = []
    for value in (v for log in logs for v in log.values(name)):
        if value is not None and not isinstance(value, int | Decimal):
            return None
        scaled: AnyValue = 0 if value is None else value * 100
        if scaled != int(scaled) or abs(scaled) > _LARGEST_CENTS:
            return None
        found.append(int(scaled))
    return np.array(found, dtype=np.int64)
