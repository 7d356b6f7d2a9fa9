"""What a condition compared for one person: the value, the measured number, and the very events."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from sqlglot import exp

from qa_lib.audiences.seen import (
    NEAR,
    NOTHING,
    SHOWN,
    Evidence,
    PersonEvents,
    Row,
    SeenEvent,
    beyond,
    clock,
    in_time,
    microseconds,
    moment,
    value_words,
)
from qa_lib.audiences.steps import sequence_evidence
from qa_lib.rules import (
    Attribute,
    Engine,
    Event,
    InAudience,
    Lifecycle,
    RandomSplit,
    Rule,
    Sequence,
    Tag,
)
from qa_lib.rules.bits import to_numbers
from qa_lib.rules.compile import Compiler
from qa_lib.rules.measures import measure_type
from qa_lib.rules.split import bucket
from qa_lib.rules.windows import periods
from qa_lib.tables import Label
from qa_lib.workspace import quoted


def evidence(engine: Engine, leaf: Rule, person_no: int, person_id: str) -> Evidence:
    """What one condition compared for one person; the condition fits the engine's catalogue."""
    match leaf:
        case Attribute() | Tag():
            return _of_field(engine, leaf, person_no)
        case Event():
            return _of_event(engine, leaf, person_no)
        case Sequence():
            return sequence_evidence(engine, leaf, person_no)
        case Lifecycle():
            return _of_lifecycle(engine, leaf, person_no)
        case InAudience():
            return _of_audience(engine, leaf, person_no)
        case RandomSplit():
            value = bucket(leaf.salt, person_id)
            return Evidence(value, Label(f"随机值为 {value:.6f}", f"the random number is {value:.6f}"))
        case _:
            raise AssertionError(f"a group compares nothing: {leaf.kind}")


def _of_field(engine: Engine, leaf: Attribute | Tag, person_no: int) -> Evidence:
    field = engine.catalogue.field(leaf.field)
    sql = f"SELECT {quoted(field.name)} FROM profile WHERE person_no = $person_no"
    row = engine.snapshot.cursor().execute(sql, {"person_no": person_no}).fetchone()
    value = row[0] if row else None
    if value is None:
        return Evidence(None, Label("没有值", "there is no value"))
    return Evidence(value, _is(value_words(value, field)))


def _of_event(engine: Engine, leaf: Event, person_no: int) -> Evidence:
    compiler = Compiler(engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
    table, predicates = compiler.events(leaf)
    whose = exp.EQ(this=exp.column("person_no"), expression=compiler.bind(person_no))
    select = exp.select(compiler.measure(leaf)).from_(table).where(whose, *predicates)
    row = engine.snapshot.cursor().execute(select.sql(dialect="duckdb"), compiler.params).fetchone()
    value = row[0] if row else None
    own = PersonEvents(engine, person_no, leaf.event, leaf.where)
    start, end = (
        None if edge is None else microseconds(edge)
        for edge in leaf.window.bounds(engine.snapshot.as_of, engine.snapshot.zone)
    )
    assert end is not None
    counted = [r for r in own.rows if r.passes and not beyond(r.at, start, end)]
    measure = measure_type(leaf.measure.kind)
    prop = own.type.property(leaf.measure.property) if leaf.measure.property else None
    has_unit = prop is not None and measure.key in ("sum", "avg", "min", "max")
    words = _is(value_words(value, prop if has_unit else None))
    if value is None:
        words = Label("没有这样的事件，所以没有值", "there is no such event, so no value")
    elif measure.key != "count":
        words = Label(f"{words.zh}（{len(counted)} 次事件）", f"{words.en} (events: {len(counted)})")
    return Evidence(value, words, _shown(own, counted, own.near(start, end)), len(counted))


def _of_lifecycle(engine: Engine, leaf: Lifecycle, person_no: int) -> Evidence:
    own = PersonEvents(engine, person_no, leaf.event, leaf.where)
    rows = [r for r in own.rows if r.passes]
    as_of, zone = engine.snapshot.as_of, engine.snapshot.zone
    if leaf.pattern == "regularly":
        return _of_periods(engine, leaf, own, rows)
    start, end = leaf.window.bounds(as_of, zone)
    inside = [r for r in rows if not beyond(r.at, microseconds(start) if start else None, microseconds(end))]
    before = [r for r in rows if start is not None and r.at < microseconds(start)]
    edge = leaf.before.bounds(start, zone)[0] if leaf.before is not None and start is not None else None
    pause = [r for r in before if edge is None or r.at >= microseconds(edge)]
    earlier = [r for r in before if edge is not None and r.at < microseconds(edge)]

    def at(found: list[Row], which: int) -> str:
        return clock(moment(found[which].at), zone) if found else "—"

    if leaf.pattern == "first_time":
        value = rows[0] if rows else None
        words = Label(f"首次为 {at(rows, 0)}", f"the first was {at(rows, 0)}")
        too_early = Label("首次发生在窗口之前", "the first of all came before the window")
        near = [own.seen(before[0], counted=False, reason=too_early)] if before else []
        counted = inside[:1] if not before else []
    elif leaf.pattern == "stopped":
        value = pause[-1] if pause else None
        words = Label(
            f"此前最近一次 {at(pause, -1)}；窗口内 {len(inside)} 次",
            f"the last before was {at(pause, -1)}; in the window: {len(inside)}",
        )
        since = Label("窗口内不应再有", "none may come in the window")
        near = [own.seen(r, counted=False, reason=since) for r in inside[-NEAR:]]
        counted = pause
    else:
        value = inside[0] if inside else None
        words = Label(
            f"窗口内最早一次 {at(inside, 0)}；停顿期内 {len(pause)} 次；更早 {len(earlier)} 次",
            f"the first in the window was {at(inside, 0)}; in the pause: {len(pause)}; earlier: {len(earlier)}",
        )
        broken = Label("停顿期内不应有", "none may come in the pause")
        near = [own.seen(r, counted=False, reason=broken) for r in pause[-NEAR:]]
        counted = earlier[-1:] + inside
    if not near and not counted:
        near = own.near(microseconds(start) if start else None, microseconds(end))
    seen_at = None if value is None else moment(value.at)
    return Evidence(seen_at, words, _shown(own, counted, near), len(counted))


def _of_periods(engine: Engine, leaf: Lifecycle, own: PersonEvents, rows: list[Row]) -> Evidence:
    assert leaf.m is not None
    assert leaf.unit is not None
    edges = [
        microseconds(edge)
        for edge in periods(
            engine.snapshot.as_of, engine.snapshot.zone, leaf.m, leaf.unit, calendar=leaf.calendar
        )
    ]
    last: list[Row] = []  # the newest of each period
    for lower, upper in pairwise(edges):
        last += [r for r in rows if lower <= r.at < upper][-1:]
    words = Label(f"{leaf.m} 个周期中 {len(last)} 个有", f"active in {len(last)} of {leaf.m} periods")
    return Evidence(len(last), words, _shown(own, last, own.near(edges[0], edges[-1])), len(last))


def _of_audience(engine: Engine, leaf: InAudience, person_no: int) -> Evidence:
    found = engine.evaluate(leaf)
    _, version = found.audience_versions[()]
    is_member = (person_no in to_numbers(found.members[()])) == leaf.member
    words = Label(
        f"{'是' if is_member else '不是'}第 {version} 版的成员",
        f"{'a' if is_member else 'no'} member at version {version}",
    )
    return Evidence(is_member, words)


def _is(words: Label) -> Label:
    return Label(f"实际为 {words.zh}", f"it is {words.en}")


def _shown(own: PersonEvents, counted: list[Row], near: Iterable[SeenEvent]) -> tuple[SeenEvent, ...]:
    shown = [own.seen(r, counted=True, reason=NOTHING) for r in counted[-SHOWN:]]
    return tuple(in_time([*shown, *near]))
