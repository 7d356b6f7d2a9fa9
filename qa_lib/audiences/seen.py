"""One person's events as a condition sees them: which pass its filters, how far the others are from counting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any as AnyValue
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlglot import exp

from qa_lib.audiences.deciding import conditions, deciding
from qa_lib.rules import All, Any, Catalogue, Engine, Field, Path, sentences
from qa_lib.rules.catalogue import unit_label
from qa_lib.rules.compile import Compiler
from qa_lib.tables import Label
from qa_lib.workspace import quoted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
NOTHING = Label("", "")
#: How many events of each sort are shown; how many counted is always said.
SHOWN = 20
#: How many of the nearest events that did not count are shown, per reason.
NEAR = 3


@dataclass(frozen=True)
class SeenEvent:
    """One event of the person: whether it counted, and where it did not, why.

    `step` is the number of a sequence's step, from 1. `occurred_at` is UTC.
    """

    event: str
    label: Label
    occurred_at: datetime
    is_counted: bool
    reason: Label = NOTHING
    step: int | None = None
    properties: dict[str, AnyValue] = field(default_factory=dict)

    def to_dict(self) -> dict[str, AnyValue]:
        return {
            "event": self.event,
            "label": self.label.to_dict(),
            "occurred_at": self.occurred_at.isoformat().replace("+00:00", "Z"),
            "is_counted": self.is_counted,
            "reason": self.reason.to_dict(),
            "step": self.step,
            "properties": {k: plain(v) for k, v in self.properties.items()},
        }


@dataclass(frozen=True)
class Evidence:
    """What a condition compared for one person.

    `value` is the field's value, the measured number, the steps taken …; None where there is none.
    `events` are those that counted (at most `SHOWN`, of `counted` in all) and the nearest that did not.
    """

    value: AnyValue
    words: Label
    events: tuple[SeenEvent, ...] = ()
    counted: int = 0


class Row(NamedTuple):
    """One event: when (microseconds since 1970), whether it passes, each filter's answer, its properties."""

    at: int
    passes: bool
    filters: dict[Path, bool]
    properties: dict[str, AnyValue]


class PersonEvents:
    """All events of one kind of one person before `as_of`, in order of time, against a condition's filters."""

    def __init__(self, engine: Engine, person_no: int, event: str, where: All | Any | None) -> None:
        self.type = engine.catalogue.event(event)
        self.where = where
        self._words = (
            sentences(where, Catalogue(self.type.properties, ())) if where is not None and where.of else {}
        )
        compiler = Compiler(engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
        leaves = list(conditions(where)) if where is not None else []
        passes = compiler.filters(where, self.type)
        marks: list[exp.Expr] = [exp.and_(*passes) if passes else exp.true()]
        marks += [compiler.where(leaf, self.type) for _, leaf in leaves]
        names = [p.name for p in self.type.properties]
        whose = exp.EQ(this=exp.column("person_no"), expression=compiler.bind(person_no))
        before = compiler.between(None, engine.snapshot.as_of)
        columns = ", ".join(
            ["epoch_us(occurred_at)", *(m.sql(dialect="duckdb") for m in marks), *map(quoted, names)]
        )
        where_sql = " AND ".join(p.sql(dialect="duckdb") for p in (whose, *before))
        sql = f"SELECT {columns} FROM {quoted(self.type.table)} WHERE {where_sql} ORDER BY ALL"
        found = engine.snapshot.cursor().execute(sql, compiler.params).fetchall()
        last = 2 + len(leaves)
        self.rows = [
            Row(
                row[0],
                bool(row[1]),
                {path: bool(t) for (path, _), t in zip(leaves, row[2:last], strict=True)},
                dict(zip(names, row[last:], strict=True)),
            )
            for row in found
        ]

    def seen(self, row: Row, *, counted: bool, reason: Label = NOTHING, step: int | None = None) -> SeenEvent:
        """A row to show."""
        return SeenEvent(
            self.type.name, self.type.label, moment(row.at), counted, reason, step, row.properties
        )

    def failing(self, row: Row) -> Label:
        """The filters that would have to hold for a row to pass, with the values it has."""
        if self.where is None or not self.where.of:
            return Label("筛选不留任何事件", "the filters let nothing through")
        leaves = dict(conditions(self.where))
        sets = deciding(self.where, row.filters, limit=1).changes
        zh, en = [], []
        for path in sets[0] if sets else ():
            words, leaf = self._words[path], leaves[path]
            assert not isinstance(leaf, All | Any)
            prop = self.type.property(leaf.field)  # type: ignore[union-attr]
            value = value_words(row.properties[prop.name], prop)
            turned = row.filters[path]
            zh.append(f"{'应不成立' if turned else '不满足'}：{words.zh}（{prop.label.zh}为 {value.zh}）")
            en.append(
                f"{'should not hold' if turned else 'does not hold'}: {words.en} ({prop.label.en}: {value.en})"
            )
        return Label("；".join(zh), "; ".join(en))

    def near(
        self, start: int | None, end: int, *, step: int | None = None, after: int | None = None
    ) -> list[SeenEvent]:
        """The nearest events that do not count: outside the window, or inside and filtered out.

        With `after`, only later ones.
        """
        rows = [r for r in self.rows if after is None or r.at > after]
        outside = [(beyond(r.at, start, end), r) for r in rows if r.passes]
        outside = sorted((d for d in outside if d[0]), key=lambda d: (abs(d[0]), -d[1].at))[:NEAR]
        inside = [r for r in rows if not r.passes and not beyond(r.at, start, end)][-NEAR:]
        found = [
            self.seen(r, counted=False, reason=window_reason(distance), step=step) for distance, r in outside
        ]
        found += [self.seen(r, counted=False, reason=self.failing(r), step=step) for r in inside]
        if not found and rows:  # neither alone: the newest, with both faults
            row = rows[-1]
            if distance := beyond(row.at, start, end):
                both = [window_reason(distance), self.failing(row)]
                reason = Label("；".join(b.zh for b in both), "; ".join(b.en for b in both))
                found = [self.seen(row, counted=False, reason=reason, step=step)]
        return in_time(found)


def moment(microseconds: int) -> datetime:
    """The moment, in UTC, so many microseconds after 1970 began."""
    return _EPOCH + microseconds * _MICROSECOND


def microseconds(at: datetime) -> int:
    """Microseconds since 1970 began."""
    return (at - _EPOCH) // _MICROSECOND


def beyond(at: int, start: int | None, end: int) -> int:
    """How far a moment lies before the window (below 0) or after it (above); 0 inside.

    A moment at the very end is a microsecond late: the end is outside.
    """
    if start is not None and at < start:
        return at - start
    return at - end + 1 if at >= end else 0


def window_reason(distance: int) -> Label:
    """Why an event outside its window did not count."""
    if distance < 0:
        words = length_words(-distance)
        return Label(f"比窗口开始早 {words.zh}", f"{words.en} before the window")
    words = length_words(distance - 1)
    return Label(f"比窗口结束晚 {words.zh}", f"{words.en} after the window's end")


def length_words(microseconds: int) -> Label:
    """A length of time by its two largest units, such as 3 days 2 hours."""
    seconds, rest = divmod(microseconds, 1_000_000)
    zh: list[str] = []
    en: list[str] = []
    for size, unit_zh, unit_en in ((86_400, "天", "day"), (3_600, "小时", "hour"), (60, "分钟", "minute")):
        n, seconds = divmod(seconds, size)
        if n or zh:
            zh.append(f"{n} {unit_zh}" if n else "")
            en.append(f"{n} {unit_en}{'' if n == 1 else 's'}" if n else "")
    if len(zh) < 2 and seconds:
        zh.append(f"{seconds} 秒")
        en.append(f"{seconds} second{'' if seconds == 1 else 's'}")
    if not any(zh):
        return Label("不到 1 秒", "less than a second") if rest else Label("0 秒", "0 seconds")
    return Label(" ".join(filter(None, zh[:2])), " ".join(filter(None, en[:2])))


def value_words(value: AnyValue, field: Field | None = None) -> Label:
    """A value as people read it, with its unit; what is not there is "no value"."""
    if value is None:
        return Label("无值", "no value")
    if isinstance(value, bool):
        return Label("是", "true") if value else Label("否", "false")
    if isinstance(value, list | tuple):
        return Label("、".join(map(str, value)) or "空", ", ".join(map(str, value)) or "nothing")
    if isinstance(value, int | float | Decimal):
        unit = unit_label(field.unit) if field is not None else NOTHING
        number = f"{value if isinstance(value, Decimal) else round(value, 4):,}"
        return Label(f"{number} {unit.zh}".strip(), f"{number} {unit.en}".strip())
    return Label(str(value), str(value))


def clock(at: datetime, zone: ZoneInfo) -> str:
    """A moment on the workspace's clock, to the second."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def plain(value: AnyValue) -> AnyValue:
    """A value as JSON has it: exact amounts and days as text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value


def in_time(events: Iterable[SeenEvent]) -> list[SeenEvent]:
    """In order of time, the steps of a sequence in theirs."""
    return sorted(events, key=lambda e: (e.occurred_at, e.step or 0))
