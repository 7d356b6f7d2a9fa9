"""People as the matcher needs them, read from a snapshot's columns: many in one go, no SQL.

The truth of the predicates on fields is written for all of them at once, column by column, and events are found
by an index from person to events that is made when the records are opened. `read_people` says the same, slower.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any as AnyValue

import numpy as np
import numpy.typing as npt

from qa_lib.rules.matcher.compare import OrderedIndex
from qa_lib.rules.matcher.matcher import Matcher
from qa_lib.rules.matcher.person import EventLog, Person, plain
from qa_lib.rules.matcher.sections import FieldSection
from qa_lib.workspace import Column, FlagRows, Snapshot, quoted

Ints = npt.NDArray[np.int64]
_EXACT = 1e13
#: Bytes of boolean tags that are turned round to lie person by person; more are read where they are.
_MOST_TURNED = 2**29
_DAY_0 = date(1970, 1, 1)


class Records:
    """The people of a snapshot, for the rules of one matcher.

    Parameters
    ----------
    events
        The kinds of events that are read.
    fields
        The fields whose values a person is to carry; of all others only the truth of the rules' predicates
        is known.
    """

    def __init__(
        self, snapshot: Snapshot, matcher: Matcher, *, events: Iterable[str], fields: Iterable[str] = ()
    ) -> None:
        self._snapshot, self._predicates = snapshot, matcher.predicates
        self._names = [field.name for field in matcher.catalogue.fields]
        self._fields = sorted({*fields, *_timed(matcher)})
        #: By field of texts, the answers of its comparisons for each code, and for no value in the last row.
        self._by_code: dict[str, npt.NDArray[np.uint8]] = {}
        ids = snapshot.cursor().execute("SELECT person_id FROM people ORDER BY person_no").fetchall()
        encoded = np.array([one.encode() for (one,) in ids], dtype=np.bytes_)
        self._order = np.argsort(encoded, kind="stable")
        self._ids = encoded[self._order]
        flags = self._predicates.flags
        self._packed = [place for place, name in enumerate(flags) if snapshot.columns.has_bitset(name)]
        self._turned: FlagRows | None = None
        if 0 < FlagRows.size(len(ids), len(self._packed)) <= _MOST_TURNED:
            self._turned = FlagRows(snapshot.columns, [flags[place] for place in self._packed])
        self._logs = {
            event.name: Logs(snapshot, event.name, [p.name for p in event.properties], len(encoded))
            for event in matcher.catalogue.events
            if event.name in set(events)
        }

    def numbers(self, person_ids: Sequence[str]) -> Ints:
        """The person number of each id; -1 for an id that the snapshot does not have."""
        if not len(self._ids) or not person_ids:
            return np.full(len(person_ids), -1, dtype=np.int64)
        wanted = np.array([one.encode() for one in person_ids])
        at = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        return np.where(self._ids[at] == wanted, self._order[at], -1)

    def people(self, person_ids: Sequence[str]) -> list[Person]:
        """Each of these people; one whom the snapshot does not have is there without fields or events."""
        numbers = self.numbers(person_ids)
        known = numbers[numbers >= 0]
        rows = iter([row.tobytes() for row in self.rows(known)])
        values = iter(self._values(known))
        found = []
        for person_id, number in zip(person_ids, numbers.tolist(), strict=True):
            if number < 0:
                nobody = Person(person_id, {}, {})
                nobody.row = self._predicates.mark, self._predicates.row(nobody)
                found.append(nobody)
                continue
            logs = {name: log for name, of in self._logs.items() if (log := of.of(number)) is not None}
            person = Person(person_id, next(values), logs)
            person.row = self._predicates.mark, next(rows)
            found.append(person)
        return found

    def log_columns(self, event: str) -> Logs | None:
        """The events of one kind of everybody; None for a kind that is not read."""
        return self._logs.get(event)

    def fields_of(self, number: int) -> dict[str, AnyValue]:
        """Every field of one person by number, as the tables have it."""
        columns, at = self._snapshot.columns, np.array([number])
        found: dict[str, AnyValue] = dict(columns.person(number))
        others = []
        for name in self._names:
            if name in found:
                continue
            if (column := columns.array(name)) is not None:
                found[name] = _told(column, at)[0]
            else:
                others.append(name)
        if others:
            chosen = ", ".join(map(quoted, others))
            sql = f"SELECT {chosen} FROM profile WHERE person_no = $number"
            (row,) = self._snapshot.cursor().execute(sql, {"number": number}).fetchall()
            found |= dict(zip(others, row, strict=True))
        return {name: found[name] for name in self._names}

    def with_fields(self, person: Person, values: Mapping[str, AnyValue]) -> Person:
        """The same person with other values of some fields, and with the predicates on them."""
        if person.row is None or not values:
            return person.with_fields(**values)
        row, predicates = bytearray(person.row[1]), self._predicates
        for name, raw in values.items():
            value = plain(raw)
            if (flag := predicates.flag_places.get(name)) is not None:
                row[1 + flag] = value is True
            if (section := predicates.fields.get(name)) is not None:
                row[section.place] = section.index.known.get(value) or section.index.truths(value)
        other = person.with_fields(**values)
        other.row = predicates.mark, bytes(row)
        return other

    def rows(self, numbers: Ints) -> npt.NDArray[np.uint8]:
        """The truth of the predicates on fields, a row a person; see `Predicates.truths`."""
        predicates, count = self._predicates, len(numbers)
        parts: list[npt.NDArray[np.uint8]] = [np.ones((count, 1), dtype=np.uint8)]
        parts.append(self._flags(numbers))
        parts += [self._section(section, numbers) for section in predicates.fields.values()]
        return np.concatenate(parts, axis=1)

    def _flags(self, numbers: Ints) -> npt.NDArray[np.uint8]:
        """The boolean fields that predicates ask for; shape (n_people, n_flags)."""
        columns, flags = self._snapshot.columns, self._predicates.flags
        packed = self._packed
        found = np.zeros((len(numbers), len(flags)), dtype=np.uint8)
        if self._turned is not None:
            found[:, packed] = self._turned.of(numbers)
        elif packed:
            found[:, packed] = columns.flags([flags[place] for place in packed], numbers)
        for place in {*range(len(flags))} - {*packed}:
            found[:, place] = self._flag(flags[place], numbers)
        return found

    def _flag(self, name: str, numbers: Ints) -> npt.NDArray[np.uint8]:
        columns = self._snapshot.columns
        if columns.has_bitset(name):
            words = columns.bitset(name)[numbers // 64]
            return ((words >> (numbers % 64).astype(np.uint64)) & np.uint64(1)).astype(np.uint8)
        return np.array([v is True for v in self._column(name, numbers)], dtype=np.uint8)

    def _section(self, section: FieldSection, numbers: Ints) -> npt.NDArray[np.uint8]:
        """The truth of one field's comparisons; shape (n_people, n_comparisons)."""
        index, column = section.index, self._snapshot.columns.array(section.name)
        if isinstance(index, OrderedIndex) and column is not None and column.kind == "number":
            there, raw = _known(column, numbers), column.values[numbers]
            if not len(raw) or np.abs(raw).max() < _EXACT:  # beyond it a double is not the amount
                return index.table.take(index.places(raw / 10**column.scale, there), axis=0)
        if column is not None and column.kind == "text":
            if section.name not in self._by_code:
                told = [*column.texts, None]
                answers = b"".join([index.truths(value) for value in told])
                table = np.frombuffer(answers, dtype=np.uint8).reshape(len(told), len(section.compared))
                self._by_code[section.name] = table
            codes = np.where(
                _known(column, numbers), column.values[numbers].astype(np.int64), len(column.texts)
            )
            return self._by_code[section.name].take(np.minimum(codes, len(column.texts)), axis=0)
        told = [plain(value) for value in self._column(section.name, numbers)]
        answers = b"".join([index.known.get(value) or index.truths(value) for value in told])
        return np.frombuffer(answers, dtype=np.uint8).reshape(len(numbers), len(section.compared))

    def _values(self, numbers: Ints) -> list[dict[str, AnyValue]]:
        columns = [self._column(name, numbers) for name in self._fields]
        return [dict(zip(self._fields, row, strict=True)) for row in zip(*columns, strict=True)] or [
            {} for _ in numbers
        ]

    def _column(self, name: str, numbers: Ints) -> Sequence[AnyValue]:
        """A field's values, by SQL where no column holds them exactly."""
        columns = self._snapshot.columns
        if columns.has_bitset(name):
            flags = self._flag(name, numbers).astype(bool).tolist()
            if (known := columns.known(name)) is None:
                return flags
            bits = ((known[numbers // 64] >> (numbers % 64).astype(np.uint64)) & np.uint64(1)).tolist()
            return [flag if there else None for flag, there in zip(flags, bits, strict=True)]
        column = columns.array(name)
        if column is not None:
            return _told(column, numbers)
        answer = self._snapshot.cursor().execute(
            f"SELECT person_no, {quoted(name)} FROM profile WHERE list_contains($numbers, person_no)",
            {"numbers": numbers.tolist()},
        )
        by_number = dict(answer.fetchall())
        return [by_number.get(n) for n in numbers.tolist()]


class Logs:
    """The events of one kind by person, from the columns, or from the table where one is not held exactly."""

    def __init__(self, snapshot: Snapshot, event: str, names: Sequence[str], people: int) -> None:
        self._names = list(names)
        columns = {
            n: snapshot.columns.array(f"event_{event}.{n}") for n in ("person_no", "occurred_at", *names)
        }
        self.columns: dict[str, Column | list[AnyValue]] = {}
        if columns["person_no"] is None or columns["occurred_at"] is None:
            chosen = ", ".join(quoted(n) for n in names)
            rows = snapshot.cursor().execute(
                f"SELECT person_no, epoch_us(occurred_at){', ' if names else ''}{chosen} FROM event_{event} "
                "ORDER BY occurred_at"
            )
            told = list(zip(*rows.fetchall(), strict=True)) or [()] * (2 + len(names))
            who = np.array(told[0], dtype=np.int64)
            self.times: npt.NDArray[AnyValue] = np.array(told[1], dtype=np.int64)
            self.columns = {n: list(v) for n, v in zip(names, told[2:], strict=True)}
        else:
            who, self.times = columns["person_no"].values, columns["occurred_at"].values
            for name in names:
                column = columns[name]
                if column is not None:
                    self.columns[name] = column
                    continue
                listed = snapshot.cursor().execute(f"SELECT {quoted(name)} FROM event_{event}").fetchall()
                self.columns[name] = [value for (value,) in listed]
        self._events = np.argsort(who, kind="stable").astype(np.uint32)
        self._first = np.concatenate(([0], np.cumsum(np.bincount(who, minlength=people)))).astype(np.int64)

    def of(self, number: int) -> EventLog | None:
        """A person's events; None where there are none."""
        start, end = int(self._first[number]), int(self._first[number + 1])
        if start == end:
            return None
        events = self._events[start:end]
        return EventLog(
            tuple(self.times[events].tolist()),
            {
                name: _told(column, events) if isinstance(column, Column) else [column[i] for i in events]
                for name, column in self.columns.items()
            },
        )

    def of_many(self, numbers: Ints) -> tuple[Ints, Ints]:
        """The events of many people in the order of people and time, and whose each is by place in `numbers`."""
        there = np.flatnonzero(numbers >= 0)
        starts, ends = self._first[numbers[there]], self._first[numbers[there] + 1]
        counts = ends - starts
        before = counts.cumsum() - counts
        at = np.arange(counts.sum()) + np.repeat(starts - before, counts)
        return self._events[at].astype(np.int64), np.repeat(there, counts)


def _told(column: Column, at: npt.NDArray[AnyValue]) -> list[AnyValue]:
    """The values as the tables have them."""
    raw: list[AnyValue] = column.values[at].tolist()
    match column.kind:
        case "text":
            texts = column.texts
            raw = [texts[code] if code < len(texts) else None for code in raw]
        case "date":
            raw = [_DAY_0 + timedelta(days=days) for days in raw]
        case "number" if column.scale:
            raw = [Decimal(value).scaleb(-column.scale) for value in raw]
    if column.known is None:
        return raw
    return [value if known else None for value, known in zip(raw, column.known[at].tolist(), strict=True)]


def _known(column: Column, numbers: Ints) -> npt.NDArray[np.bool_]:
    return np.ones(len(numbers), dtype=bool) if column.known is None else column.known[numbers]


def _timed(matcher: Matcher) -> set[str]:
    """The fields that predicates read by themselves, whose truth changes with time."""
    return {name for leaf in matcher.predicates.leaves for name in getattr(leaf, "field_names", ())}
