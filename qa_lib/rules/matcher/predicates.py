"""The distinct predicates of all active rules, and their truth for one person: each computed once.

Predicates on one field, and on one measure of one window of filtered events, lie next to each other, so that
one look-up writes the truth of all of them. What a person has no event for is not looked at: its truth is
in the template.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.matcher.compare import Comparison, OrderedIndex, comparison, holds, index_of
from qa_lib.rules.matcher.days import TIMED
from qa_lib.rules.matcher.measures import Filter, between, may_change, measured
from qa_lib.rules.matcher.moments import NEVER, Span
from qa_lib.rules.matcher.person import EventLog, Person
from qa_lib.rules.matcher.sections import (
    EventPlan,
    FieldSection,
    Filtered,
    Leaf,
    MeasureSection,
    Plug,
    count_table,
    is_count,
)
from qa_lib.rules.measures import measure_type
from qa_lib.rules.model import Attribute, Event, Tag

_IS_TRUE = Comparison("=", (True,), False)
#: How many changes of what is measured are followed before a moment is named at which nothing may happen.
_FOLLOWED = 64


class Predicates:
    """The distinct predicates of some rules.

    Slot 0 is always true; the predicate of a condition is the slot that `slot` gives for it.
    """

    def __init__(self, catalogue: Catalogue, zone: ZoneInfo, plugs: Mapping[str, Plug]) -> None:
        self.catalogue, self.zone = catalogue, zone
        self.fields: dict[str, FieldSection] = {}
        self.flags: list[str] = []
        self.filtered: dict[AnyValue, Filtered] = {}
        self.spans: list[Span] = []
        self.leaves: list[Leaf] = []
        self.event_names: set[str] = set()  # kinds of events that the leaves read
        self._plugs = plugs
        self._spans: dict[AnyValue, int] = {}
        self._places: dict[AnyValue, tuple[AnyValue, int]] = {}
        self.flag_places: dict[str, int] = {}
        self._conditions: dict[AnyValue, AnyValue] = {}

    # -- gathering -----------------------------------------------------------------------------

    def add(self, condition: AnyValue) -> None:
        """Make a place for a condition; `lay_out` comes after the last one."""
        if condition in self._conditions:
            return
        if isinstance(condition, Attribute | Tag) and condition.operator not in TIMED:
            self._conditions[condition] = self._add_field(condition)
        elif isinstance(condition, Event):
            self._conditions[condition] = self._add_event(condition)
        else:
            leaf = self._plugs[condition.kind](condition, self.catalogue, self.zone)
            self._conditions[condition] = ("leaf", len(self.leaves))
            self.leaves.append(leaf)
            self.event_names.update(leaf.event_names)

    def _add_field(self, condition: Attribute | Tag) -> tuple[AnyValue, int]:
        type = self.catalogue.field(condition.field).type
        compared = comparison(condition.operator, condition.value, condition.missing, type)
        if type == "boolean" and compared == _IS_TRUE:
            if condition.field not in self.flag_places:
                self.flag_places[condition.field] = len(self.flags)
                self.flags.append(condition.field)
            return "flag", self.flag_places[condition.field]
        section = self.fields.setdefault(condition.field, FieldSection(condition.field))
        key = (condition.field, compared)
        if key not in self._places:
            self._places[key] = (section, len(section.compared))
            section.compared.append(compared)
        return self._places[key]

    def _add_event(self, condition: Event) -> tuple[AnyValue, int]:
        where = condition.where.hash if condition.where is not None else None
        group = (condition.event, where)
        if group not in self.filtered:
            event = self.catalogue.event(condition.event)
            self.filtered[group] = Filtered(condition.event, Filter(condition.where, event, self.zone))
        span = self._spans.get(condition.window)
        if span is None:
            span = self._spans[condition.window] = len(self.spans)
            self.spans.append(Span(condition.window, self.zone))
        section = self.filtered[group].sections.setdefault(
            (span, condition.measure), MeasureSection(condition.measure, span)
        )
        compared = comparison(condition.operator, condition.value, condition.missing, "number")
        stated = compared.when_missing
        if measure_type(condition.measure.kind).zero and condition.missing is None:
            stated = holds(0, compared)
        key = (group, span, condition.measure, compared, stated)
        if key not in self._places:
            self._places[key] = (section, len(section.compared))
            section.compared.append(compared)
            section.stated.append(stated)
        return self._places[key]

    def lay_out(self) -> None:
        """Give every predicate its slot."""
        self._first_flag = 1
        template = bytearray(b"\1") + bytes(len(self.flags))
        self.names = list(self.fields)
        for section in self.fields.values():
            section.index = index_of(self.catalogue.field(section.name).type, section.compared)
            section.first = len(template)
            template += section.index.missing
        #: Where the predicates on fields end.
        self.fields_end = len(template)
        self.plans: dict[str, EventPlan] = {}
        for one in self.filtered.values():
            if not one.filter.nothing:
                self._plan(one)
        nothing = [one for one in self.filtered.values() if one.filter.nothing]
        self.unplanned = [section for one in nothing for section in one.sections.values()]
        for one in nothing:
            self._place(one, template)
        for plan in self.plans.values():
            plan.first = len(template)
            for one in (*plan.every, *plan.slow):
                self._place(one, template)
            plan.quick_first = len(template)
            for one in plan.quick:
                self._place(one, template)
            plan.past = len(template)
            plan.quick_template = bytes(template[plan.quick_first :])
            spans = dict.fromkeys(span for one in plan.quick for span, _ in one.sections)
            plan.quick_tables = {span: count_table(plan.quick, span) for span in spans}
        self._first_leaf = len(template)
        self.template = bytes(template) + bytes(len(self.leaves))
        self.size = len(self.template)
        self._field_values = _getter(self.names)
        self._answers = [(s.index.known.get, s.index.truths) for s in self.fields.values()]
        #: Whose the rows are that people carry.
        self.mark: object = object()
        self._rest = self.template[self.fields_end :]
        self._span_memo: tuple[int, list[tuple[int | None, int]]] = (-NEVER, [])

    def _plan(self, one: Filtered) -> None:
        plan = self.plans.setdefault(one.event, EventPlan())
        if one.filter.required is not None:
            name, values = one.filter.required
            for value in values:
                plan.required.setdefault(name, {}).setdefault(value, []).append(one)
        else:
            (plan.every if one.filter.rest is None else plan.others).append(one)
        if (
            one.filter.required is not None
            and one.filter.rest is None
            and all(map(is_count, one.sections.values()))
        ):
            plan.quick.append(one)
        elif one.filter.required is not None or one.filter.rest is not None:
            plan.slow.append(one)

    def _place(self, one: Filtered, template: bytearray) -> None:
        for section in one.sections.values():
            section.index = OrderedIndex(section.compared, section.stated)
            section.first = len(template)
            template += section.index.missing
            section.place = slice(section.first, len(template))

    def slot(self, condition: AnyValue) -> int:
        """The slot of a condition that was added."""
        place, number = self._conditions[condition]
        if isinstance(place, str):
            return int(number + (self._first_flag if place == "flag" else self._first_leaf))
        return int(place.first + number)

    # -- truth ---------------------------------------------------------------------------------

    def truths(self, person: Person, as_of: int) -> bytearray:
        """The truth of every predicate for one person, one byte each; shape (size,)."""
        truths = bytearray().join((self.row_of(person), self._rest))
        self.write_events(person, as_of, truths)
        for slot, leaf in enumerate(self.leaves, self._first_leaf):
            truths[slot] = leaf.holds(person, as_of)
        return truths

    def row_of(self, person: Person) -> bytes:
        """The truth of the predicates on fields, as the person carries it or made now."""
        row = person.row
        if row is None or row[0] is not self.mark:
            row = person.row = self.mark, self.row(person)
        return row[1]

    def row(self, person: Person) -> bytes:
        """The truth of the predicates on fields, which stays as long as the fields do."""
        flags = bytearray(len(self.flags))
        place = self.flag_places.get
        for name in person.true:
            if (flag := place(name)) is not None:
                flags[flag] = 1
        values = self.values(person)
        found = [known(v) or answer(v) for v, (known, answer) in zip(values, self._answers, strict=True)]
        return b"".join((b"\1", flags, *found))

    def values(self, person: Person) -> Sequence[AnyValue]:
        """The person's values of the fields, in the order of `names`."""
        try:
            return self._field_values(person.fields)
        except KeyError:  # a field that is not there
            return [person.fields.get(name) for name in self.names]

    def write_events(
        self, person: Person, as_of: int, truths: bytearray, only: Container[int] | None = None
    ) -> None:
        """Write the truth of the measures of a person's events; of `only` these filters where given, by `id`."""
        self._write(self.concerned(person, as_of), as_of, truths, only)

    def concerned_by(
        self, event: str, log: EventLog, as_of: int
    ) -> Iterable[tuple[Filtered, EventLog, list[int] | None]]:
        """The filters that a log of one kind of event has events for, each with those that pass (None: all)."""
        return self._concerned(self.plans[event], log, as_of)

    def write_new(
        self,
        event: str,
        log: EventLog,
        new: Sequence[Mapping[str, AnyValue]],
        as_of: int,
        truths: bytearray,
        only: Container[int],
    ) -> None:
        """Write what some new events of a kind, with these properties, can have changed of `only` these filters.

        Filters that require another text than theirs measure what they measured before.
        """
        plan = self.plans[event]
        self._write(self._concerned(plan, log, as_of, new), as_of, truths, only)

    def _write(
        self,
        concerned: Iterable[tuple[Filtered, EventLog, list[int] | None]],
        as_of: int,
        truths: bytearray,
        only: Container[int] | None = None,
    ) -> None:
        bounds = self.bounds(as_of)
        for one, log, events in concerned:
            if only is not None and id(one) not in only:
                continue
            times = log.times if events is None else [log.times[i] for i in events]
            ranges: dict[int, tuple[int, int]] = {}
            for section in one.sections.values():
                inside = ranges.get(section.span)
                if inside is None:
                    inside = ranges[section.span] = between(times, *bounds[section.span])
                low, high = inside
                if low < high:
                    if section.measure.kind == "count":
                        value = high - low
                    else:
                        value = measured(section.measure, log, events, low, high, as_of, self.zone)
                    truths[section.place] = section.index.known.get(value) or section.index.truths(value)

    def bounds(self, as_of: int) -> list[tuple[int | None, int]]:
        """Start and end of every window."""
        at, bounds = self._span_memo
        if at != as_of:
            bounds = [span.bounds(as_of) for span in self.spans]
            self._span_memo = as_of, bounds
        return bounds

    def concerned(self, person: Person, as_of: int) -> Iterable[tuple[Filtered, EventLog, list[int] | None]]:
        """The filters that the person has events for, each with the events that pass (None: all of them)."""
        for event, plan in self.plans.items():
            log = person.events.get(event)
            if log is not None and log.times:
                yield from self._concerned(plan, log, as_of)

    def _concerned(
        self,
        plan: EventPlan,
        log: EventLog,
        as_of: int,
        new: Sequence[Mapping[str, AnyValue]] | None = None,
    ) -> Iterable[tuple[Filtered, EventLog, list[int] | None]]:
        for one in plan.every:
            yield one, log, None
        for name, by_value in plan.required.items():
            if new is not None:
                values = {given.get(name) for given in new}
                by_value = {value: by_value[value] for value in values if value in by_value}
                if not by_value:
                    continue
            found: dict[int, tuple[Filtered, list[int]]] = {}
            # most events have a value that no filter requires: they are passed over in one go
            for i in [i for i, value in enumerate(log.values(name)) if value in by_value]:
                for one in by_value[log.values(name)[i]]:
                    found.setdefault(id(one), (one, []))[1].append(i)
            for one, events in found.values():
                if one.filter.rest is not None:
                    events = _passing(one.filter, log, events, as_of)
                if events or one.filter.timed:
                    yield one, log, events
        for one in plan.others:
            yield one, log, _passing(one.filter, log, range(len(log.times)), as_of)

    # -- time ----------------------------------------------------------------------------------

    def next_change(self, person: Person, as_of: int) -> int:
        """The first moment after `as_of` at which time alone may change a predicate, or `NEVER`."""
        found = NEVER
        for leaf in self.leaves:
            found = _leaf_changes(leaf, person, as_of, found)
        for one, log, events in self.concerned(person, as_of):
            found = min(found, one.filter.changes(log, as_of))
            times = log.times if events is None else [log.times[i] for i in events]
            if not times:
                continue
            for section in one.sections.values():
                found = self._section_changes(section, log, events, times, as_of, found)
        return found

    def _section_changes(
        self,
        section: MeasureSection,
        log: EventLog,
        events: Sequence[int] | None,
        times: Sequence[int],
        as_of: int,
        before: int,
    ) -> int:
        """The first moment at which one of a section's comparisons flips, or `before` where it is none."""
        span = self.spans[section.span]

        def row(moment: int) -> bytes:
            low, high = between(times, *span.bounds(moment))
            if low >= high:
                return section.index.missing
            return section.index.truths(measured(section.measure, log, events, low, high, moment, self.zone))

        now, moment = row(as_of), as_of
        for _ in range(_FOLLOWED):
            moment = may_change(section.measure, times, span, moment)
            if moment >= before:
                return before
            if row(moment) != now:
                break
        return moment


def _leaf_changes(leaf: Leaf, person: Person, as_of: int, before: int) -> int:
    """The first moment at which a leaf's answer changes, or `before` where that is none."""
    now, moment = leaf.holds(person, as_of), as_of
    for _ in range(_FOLLOWED):
        moment = leaf.changes(person, moment)
        if moment >= before:
            return before
        if leaf.holds(person, moment) != now:
            break
    return moment


def _passing(filter: Filter, log: EventLog, events: Iterable[int], as_of: int) -> list[int]:
    assert filter.rest is not None
    return [i for i in events if filter.rest(log, i, as_of)]


def _getter(names: Sequence[str]) -> AnyValue:
    """The values of some keys of a dictionary as a tuple, by one call."""
    if len(names) > 1:
        return itemgetter(*names)
    return (lambda fields: (fields[names[0]],)) if names else (lambda fields: ())
