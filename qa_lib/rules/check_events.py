"""Whether a condition on events fits the catalogue: its events, filters, measure, steps and windows."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.rules.catalogue import Catalogue, EventType, Field
from qa_lib.rules.check_values import Problem, comparison_faults, unknown_name, value_faults
from qa_lib.rules.measures import measure_type
from qa_lib.rules.model import All, Any, Attribute, Event, Lifecycle, Path, Sequence, Step, walk
from qa_lib.rules.operators import MEASURE_OPERATORS, operator


def sequence_faults(leaf: Sequence, catalogue: Catalogue, path: Path) -> Iterator[Problem]:
    """What is wrong with the steps of a sequence, naming the step."""
    events: list[EventType] = []
    for number, step in enumerate(leaf.steps, 1):
        faults = _step_faults(step, catalogue, path, events)
        for fault in faults:
            yield replace(fault, zh=f"第 {number} 步：{fault.zh}", en=f"Step {number}: {fault.en}")
    if len(events) < len(leaf.steps):
        return
    for name in leaf.same:
        try:
            types = {event.property(name).type for event in events}
        except UnknownName as error:
            yield unknown_name(
                path,
                UnknownName(f"'same' must be a property of every step. {error}"),
                f"“{name}”须是每一步事件都有的属性",
            )
            continue
        if len(types) > 1 or "list" in types:
            found = ", ".join(sorted(types))
            yield Problem(
                path,
                f"各步的“{name}”无法比较是否相同（{found}）",
                f"'same' compares texts, numbers, days or booleans of one type; {name!r} is {found}.",
            )


def lifecycle_faults(leaf: Lifecycle, catalogue: Catalogue, path: Path) -> Iterator[Problem]:
    """What is wrong with the event of a lifecycle and its filters."""
    event = yield from _event_type(leaf.event, catalogue, path)
    if event is not None:
        yield from _where_faults(leaf.where, event, path)


def _step_faults(step: Step, catalogue: Catalogue, path: Path, events: list[EventType]) -> Iterator[Problem]:
    event = yield from _event_type(step.event, catalogue, path)
    if event is not None:
        events.append(event)
        yield from _where_faults(step.where, event, path)


def _event_type(name: str, catalogue: Catalogue, path: Path) -> Generator[Problem, None, EventType | None]:
    try:
        return catalogue.event(name)
    except UnknownName as error:
        yield unknown_name(path, error, f"没有名为“{name}”的事件")
        return None


def _where_faults(where: All | Any | None, event: EventType, path: Path) -> Iterator[Problem]:
    properties = Catalogue(fields=event.properties, events=())
    for where_path, node in walk(where) if where is not None else ():
        match node:
            case All() | Any():
                if where_path and not node.of:
                    yield Problem(
                        path, "事件筛选里有一个空的条件组", "A group inside 'where' is empty: remove it."
                    )
            case Attribute():
                try:
                    event.property(node.field)
                except UnknownName as error:
                    yield unknown_name(path, error, f"事件“{event.label.zh}”没有属性“{node.field}”")
                    continue
                yield from comparison_faults(node, properties, path)
            case _:
                yield Problem(
                    path,
                    "事件筛选只能使用该事件的属性",
                    f"'where' of event '{event.name}' filters on its own properties only; "
                    f"a condition of kind '{node.kind}' cannot stand there.",
                )


def event_faults(leaf: Event, catalogue: Catalogue, path: Path) -> Iterator[Problem]:
    """What is wrong with an event condition: its event, filters, measure and comparison."""
    event = yield from _event_type(leaf.event, catalogue, path)
    if event is None:
        return
    yield from _where_faults(leaf.where, event, path)
    try:
        measure = measure_type(leaf.measure.kind)
    except UnknownName as error:
        yield unknown_name(path, error, f"没有名为“{leaf.measure.kind}”的度量")
        return
    if measure.needs == "nothing":
        if leaf.measure.property is not None:
            yield Problem(
                path,
                f"度量“{measure.label.zh}”不需要属性",
                f"Measure '{measure.key}' takes no property, got {leaf.measure.property!r}.",
            )
    else:
        fitting = [p.name for p in event.properties if measure.needs == "any" or p.type == "number"]
        if leaf.measure.property not in fitting:
            given = leaf.measure.property
            yield Problem(
                path,
                f"度量“{measure.label.zh}”需要事件“{event.label.zh}”的一个{'数字' if measure.needs == 'number' else ''}属性",
                f"Measure '{measure.key}' of event '{leaf.event}' takes one of {fitting}, got {given!r}."
                + (did_you_mean(given, fitting) if given else ""),
            )
    try:
        op = operator(leaf.operator)
    except UnknownName as error:
        yield unknown_name(path, error, f"没有名为“{leaf.operator}”的运算符")
        return
    if op not in MEASURE_OPERATORS:
        allowed = ", ".join(repr(o.key) for o in MEASURE_OPERATORS)
        yield Problem(
            path,
            f"运算符“{op.label.zh}”不能比较度量",
            f"Operator {op.key!r} does not compare a measure. Use one of {allowed}.",
        )
        return
    measured = Field(measure.key, "attribute", "number", measure.label)
    yield from value_faults(leaf.value, op, measured, path)
