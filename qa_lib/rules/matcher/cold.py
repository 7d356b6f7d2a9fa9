"""People of a snapshot who are to be followed, many at once: counts and sums by column, terms 64 people a word.

It answers as `Follower.first` does for each of them, where records keep no log; else it does not offer itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any as AnyValue

import numpy as np
import numpy.typing as npt

from qa_lib.rules.matcher.batch import algebra
from qa_lib.rules.matcher.follow import Followed, Follower
from qa_lib.rules.matcher.matcher import Matcher
from qa_lib.rules.matcher.moments import NEVER
from qa_lib.rules.matcher.person import Person, number
from qa_lib.rules.matcher.records import Records
from qa_lib.rules.matcher.running import Kind, Run
from qa_lib.rules.matcher.term_masks import Lists
from qa_lib.workspace import Column, by_person

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
#: People at a time: their truths stay in the processor's cache.
_CHUNK = 1_024


class ColdStart:
    """Looks at people for the first time.

    Parameters
    ----------
    records
        Of the snapshot, with every kind of event that the rules measure.
    """

    def __init__(self, matcher: Matcher, records: Records, follower: Follower) -> None:
        self._matcher, self._records, self._follower = matcher, records, follower
        predicates = matcher.predicates
        self._template = np.frombuffer(predicates.template, dtype=np.uint8)
        self._nobody = np.frombuffer(predicates.row(Person("", {}, {})), dtype=np.uint8)
        self._required: dict[tuple[str, str], _Required] = {}
        self.is_possible = not follower.needs_person and all(map(self._reads, follower.kinds.values()))

    def _reads(self, kind: Kind) -> bool:
        """Whether the columns hold what the kind's running sections read."""
        logs = self._records.log_columns(kind.event)
        if logs is None or kind.always:
            return False
        for name, by_value in kind.required.items():
            column = logs.columns.get(name)
            if not isinstance(column, Column) or column.kind != "text":
                return False
            self._required[kind.event, name] = _Required(column, by_value)
        runs = [*kind.every, *(run for by in kind.required.values() for many in by.values() for run in many)]
        added = {run.added for run in runs if run.added is not None}
        return all(
            isinstance(column := logs.columns.get(name), Column)
            and column.kind == "number"
            and np.issubdtype(column.values.dtype, np.integer)
            for name in added
        )

    def people(self, person_ids: Sequence[str], as_of: int) -> list[Followed]:
        """Each of these people as the snapshot has them; one whom it does not have has no events and no fields."""
        found: list[Followed] = []
        for start in range(0, len(person_ids), _CHUNK):
            found += self._some(person_ids[start : start + _CHUNK], as_of)
        return found

    def _some(self, person_ids: Sequence[str], as_of: int) -> list[Followed]:
        numbers = self._records.numbers(person_ids)
        known = numbers >= 0
        truths = np.repeat(self._template[None], len(numbers), axis=0)
        end = self._matcher.predicates.fields_end
        truths[:, :end] = self._nobody
        if known.any():
            truths[known, :end] = self._records.rows(numbers[known])
        values: list[dict[int, AnyValue]] = [{} for _ in person_ids]
        over = np.full(len(numbers), NEVER, dtype=np.int64)
        for kind in self._follower.kinds.values():
            self._measure(kind, numbers, as_of, truths, values, over)
        held, alive = self._decide(truths)
        rows = truths.tobytes()
        size = truths.shape[1]
        found = []
        for i, until in enumerate(over.tolist()):
            one = Followed(None, bytearray(rows[i * size : (i + 1) * size]))
            one.values, one.over, one.held, one.terms = values[i], until, held[i], alive[i]
            found.append(one)
        return found

    def _measure(
        self,
        kind: Kind,
        numbers: Ints,
        as_of: int,
        truths: Bytes,
        values: list[dict[int, AnyValue]],
        over: Ints,
    ) -> None:
        logs = self._records.log_columns(kind.event)
        assert logs is not None
        events, who = logs.of_many(numbers)
        if not len(events):
            return
        times = logs.times[events]
        ahead = times >= as_of
        if ahead.any():
            np.minimum.at(over, who[ahead], times[ahead] + 1)
        inside: dict[int | None, npt.NDArray[np.bool_]] = {None: ~ahead}
        for length in kind.rolling:
            inside[length] = ~ahead & (times >= as_of - length)
            np.minimum.at(over, who[inside[length]], times[inside[length]] + (length + 1))
        counts: dict[int | None, Ints] = {}
        for run in kind.every:
            chosen = inside[run.length]
            if run.length not in counts:
                counts[run.length] = np.bincount(who[chosen], minlength=len(numbers))
            count = counts[run.length]
            there = np.flatnonzero(count)
            told: list[AnyValue]
            if run.added is None:
                as_double, told = count.astype(np.float64), count[there].tolist()
            else:
                column = logs.columns[run.added]
                assert isinstance(column, Column)
                as_double, told = _summed(column, events[chosen], who[chosen], there, len(numbers))
            truths[:, run.first : run.past] = run.ordered.table.take(
                run.ordered.places(as_double, count > 0), axis=0
            )
            for i, value in zip(there.tolist(), told, strict=True):
                values[i][run.first] = value
        for name in kind.required:
            self._require(kind, name, (events, who, times), as_of, truths, values)

    def _require(
        self,
        kind: Kind,
        name: str,
        where: tuple[Ints, Ints, Ints],
        as_of: int,
        truths: Bytes,
        values: list[dict[int, AnyValue]],
    ) -> None:
        """The few events that have a text that some filter requires."""
        logs = self._records.log_columns(kind.event)
        assert logs is not None
        column = logs.columns[name]
        assert isinstance(column, Column)
        required = self._required[kind.event, name]
        events, who, times = where
        codes = np.minimum(column.values[events].astype(np.intp), len(column.texts))
        if column.known is not None:
            codes[~column.known[events]] = len(column.texts)
        inside = times < as_of
        events, who, times = events[inside], who[inside], times[inside]
        chosen, place = required.runs_of.of(codes[inside])
        still = times[place] >= as_of - required.lengths[chosen]
        chosen, place = chosen[still], place[still]
        pairs, counts = np.unique(who[place] * len(required.runs) + chosen, return_counts=True)
        people, numbers = np.divmod(pairs, max(1, len(required.runs)))
        of_sum = required.is_sum[chosen]
        sums: dict[tuple[int, int], AnyValue] = {}
        for i, run, event in zip(
            *(x[of_sum].tolist() for x in (who[place], chosen, events[place])), strict=True
        ):
            column = logs.columns[required.runs[run].added]
            sums[i, run] = sums.get((i, run), 0) + _exact(column, event)
        rows: list[bytes] = []
        for i, which, count in zip(people.tolist(), numbers.tolist(), counts.tolist(), strict=True):
            one = required.runs[which]
            value = values[i][one.first] = count if one.added is None else sums[i, which]
            rows.append(one.row(value if one.added is None else number(value)))
        width = required.widths[numbers]
        each = np.arange(width.sum()) - np.repeat(width.cumsum() - width, width)
        slots = np.repeat(required.firsts[numbers], width) + each
        truths[np.repeat(people, width), slots] = np.frombuffer(b"".join(rows), dtype=np.uint8)

    def _decide(self, truths: Bytes) -> tuple[list[bytes], list[bytes]]:
        """The matched rules and the terms that hold of the fields, by person a bit each."""
        n, size = truths.shape
        packed = np.zeros((2 * size, -(-n // 64) * 8), dtype=np.uint8)
        packed[:size, : -(-n // 8)] = np.packbits(np.ascontiguousarray(truths.T), axis=1, bitorder="little")
        np.invert(packed[:size], out=packed[size:])
        literals = packed.view(np.uint64)
        held = algebra(self._matcher, literals)
        columns = self._follower.masks.fixed.T
        alive = literals.take(columns[0], axis=0)
        for column in columns[1:]:
            if column.any():
                alive &= literals.take(column, axis=0)
        return _by_person(held, n), _by_person(alive, n)


class _Required:
    """The running sections that an event concerns for a text that it has."""

    def __init__(self, column: Column, by_value: Mapping[str, Sequence[Run]]) -> None:
        pairs = [(code, run) for code, text in enumerate(column.texts) for run in by_value.get(text, ())]
        self.runs = [run for _, run in pairs]
        self.lengths = np.array(
            [NEVER if run.length is None else run.length for run in self.runs], dtype=np.int64
        )
        self.firsts = np.array([run.first for run in self.runs], dtype=np.intp)
        self.widths = np.array([run.past - run.first for run in self.runs], dtype=np.intp)
        self.is_sum = np.array([run.added is not None for run in self.runs], dtype=bool)
        codes = np.array([code for code, _ in pairs], dtype=np.intp)
        #: By the code of the text, the numbers of its sections; the last code is no value.
        self.runs_of = Lists(codes, np.arange(len(pairs)), len(column.texts) + 1)


def _summed(column: Column, events: Ints, who: Ints, there: Ints, n: int) -> tuple[AnyValue, list[AnyValue]]:
    """Sums by person: as doubles for everybody, and exactly for those who have events."""
    raw = column.values[events].astype(np.int64)
    if column.known is not None:
        raw = np.where(column.known[events], raw, 0)
    sums = np.zeros(n, dtype=np.int64)
    np.add.at(sums, who, raw)
    exact: list[AnyValue] = sums[there].tolist()
    if column.scale:
        exact = [Decimal(value).scaleb(-column.scale) for value in exact]
    return sums / 10**column.scale, exact


def _exact(column: AnyValue, event: int) -> AnyValue:
    if column.known is not None and not column.known[event]:
        return 0
    value = int(column.values[event])
    return Decimal(value).scaleb(-column.scale) if column.scale else value


def _by_person(words: npt.NDArray[np.uint64], n: int) -> list[bytes]:
    """Rows of bits over people to one row a person, whose bits are the rows."""
    turned = by_person(words, n)
    width, told = turned.shape[1], turned.tobytes()
    return [told[i * width : (i + 1) * width] for i in range(n)]
