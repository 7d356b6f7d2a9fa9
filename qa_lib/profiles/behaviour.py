"""Families of behaviour tags: event × property × window × measure, each tag from one declaration.

A family is a row; `expand` makes its tags. Nothing here touches data: `qa_lib.profiles.kernels` computes
all tags over one event in one pass over its columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field as Bounded

from qa_lib.errors import SpecError, did_you_mean
from qa_lib.profiles.behaviour_names import tag_name, told_apart
from qa_lib.profiles.tags import TagSpec
from qa_lib.rules import EventType
from qa_lib.rules.catalogue import FieldType
from qa_lib.rules.sentence import window_words
from qa_lib.rules.spec import Spec
from qa_lib.rules.windows import Ever, Last
from qa_lib.tables import Label

FOLDER = "tag_families"
MeasureKind = Literal[
    "did",
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "distinct",
    "active_days",
    "days_since_last",
    "days_since_first",
    "share",
    "top",
    "first",
    "last",
    "first_on",
    "last_on",
]
#: What a person without matching events has: 0, or no value.
ZERO: frozenset[str] = frozenset({"did", "count", "sum", "distinct", "active_days"})
#: These move with the moment itself: a later moment computes them again for everybody.
OF_THE_MOMENT: frozenset[str] = frozenset({"days_since_last", "days_since_first"})
_NEEDS_NUMBER: frozenset[str] = frozenset({"sum", "avg", "min", "max"})
#: The text that a property has at a person's first or last event that carries it.
EDGES: frozenset[str] = frozenset({"first", "last"})
#: The local day of a person's first or last event.
EDGE_DAYS: frozenset[str] = frozenset({"first_on", "last_on"})
#: What can also be measured as of now, over the events of the stream: the measures of rules.
STREAMED: frozenset[str] = frozenset(
    {"count", "sum", "avg", "min", "max", "distinct", "active_days", "days_since_last", "days_since_first"}
)

#: Ways to split events by the local time at which they happened, beside their own text properties.
CALENDAR: Mapping[str, tuple[Label, tuple[str, ...]]] = {
    "weekday": (
        Label("星期", "weekday"),
        ("1 周一 Mon", "2 周二 Tue", "3 周三 Wed", "4 周四 Thu", "5 周五 Fri", "6 周六 Sat", "7 周日 Sun"),
    ),
    "daypart": (
        Label("时段", "part of the day"),
        ("00-06 凌晨 night", "06-12 上午 morning", "12-18 下午 afternoon", "18-24 晚间 evening"),
    ),
}

_WORDS: Mapping[str, tuple[str, str]] = {
    "did": ("有过", "any"),
    "count": ("次数", "times"),
    "sum": ("{p}合计", "sum of {p}"),
    "avg": ("平均{p}", "average {p}"),
    "min": ("最小{p}", "smallest {p}"),
    "max": ("最大{p}", "largest {p}"),
    "distinct": ("不同{p}数", "different values of {p}"),
    "active_days": ("活跃天数", "active days"),
    "days_since_last": ("距最近一次天数", "days since the last"),
    "days_since_first": ("距首次天数", "days since the first"),
    "share": ("次数占比", "share of times"),
    "top": ("首选{b}", "preferred {b}"),
    "first": ("首次的{p}", "{p} of the first"),
    "last": ("最近一次的{p}", "{p} of the last"),
    "first_on": ("首次日期", "day of the first"),
    "last_on": ("最近一次日期", "day of the last"),
}


class FamilyMeasure(Spec):
    """What is computed: as in a rule, and `did` (any at all), `share` (of the event's count in the same
    window), `top` (the most frequent of the family's values; of equals the first in text order), `first` and
    `last` (a text property of the first or last event that has it; at one instant the first in text order),
    `first_on` and `last_on` (its local day)."""

    _positional = ("kind", "property")
    kind: MeasureKind
    property: str | None = None


class BehaviourFamily(Spec):
    """Every combination of a value, a window and a measure over one kind of event.

    Parameters
    ----------
    by
        A text property of the event, `weekday` or `daypart`; None for all events together.
    values
        Of `by`; when empty, the `top` values that most people have at the build.
    whole
        Whether the tags of all events together belong to the family too.
    windows
        Ending at the moment of the build.
    kind
        `attribute`: what a person is known by, named as an attribute in rules; `tag`: what they do.
    refresh
        `stream` or `both`: also measured as of now, over the events of the stream (`STREAMED` measures only).
    """

    name: str = Bounded(pattern=r"^[a-z][a-z0-9_]{0,40}$")
    label_zh: str = Bounded(min_length=1)
    label_en: str = Bounded(min_length=1)
    event: str
    by: str | None = None
    values: tuple[str, ...] = ()
    top: int = Bounded(default=12, ge=1, le=1000)
    whole: bool = False
    windows: tuple[Last | Ever, ...] = Bounded(min_length=1)
    measures: tuple[FamilyMeasure, ...] = Bounded(min_length=1)
    kind: Literal["tag", "attribute"] = "tag"
    owner: str = "analyst"
    refresh: Literal["batch", "stream", "both"] = "batch"
    version: int = 1

    @property
    def label(self) -> Label:
        return Label(self.label_zh, self.label_en)


@dataclass(frozen=True)
class BehaviourTag:
    """One tag of a family: its row in the catalogue and what it is computed from."""

    spec: TagSpec
    family: str
    group: Label
    event: str
    by: str | None
    value: str | None
    window: Last | Ever
    measure: FamilyMeasure
    values: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.spec.name

    @cached_property
    def key(self) -> str:
        """What decides the values; a tag with another key is another tag, whatever its name."""
        parts = [self.event, self.by, self.value, self.window.hash, self.measure.hash, self.values]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    def apart(self) -> BehaviourTag:
        """The same tag under the name that tells its value by a hash."""
        name = tag_name(self.event, self.by, self.value, self.measure, self.window, is_apart=True)
        return replace(self, spec=self.spec.model_copy(update={"name": name}))


def expand(
    families: Iterable[BehaviourFamily],
    events: Mapping[str, EventType],
    common: Mapping[tuple[str, str], Sequence[str]],
    taken: Iterable[str] = (),
    *,
    spelt: Mapping[str, str] | None = None,
) -> tuple[BehaviourTag, ...]:
    """Every tag of the families.

    Parameters
    ----------
    common
        The values of an event's property, the most common first; used where a family names none.
    taken
        Names that other tags have.
    spelt
        By name, the value that it stood for in an earlier snapshot: names stay with their values.

    Raises
    ------
    SpecError
        For an event or property that is not there, a measure that does not fit, or a name given twice.
    """
    made: list[BehaviourTag] = []
    for family in families:
        check_family(family, events)
        made += _tags(family, events[family.event], common)
    found: dict[str, BehaviourTag] = {}
    names = set(taken)
    for tag in told_apart(made, spelt or {}):
        if tag.name in names or tag.name in found:
            raise SpecError(
                f"Tag family {tag.family!r} gives the tag {tag.name!r}, which is there already. "
                "Change the family's windows, values or measures so that each tag is declared once."
            )
        found[tag.name] = tag
    return tuple(found.values())


def check_family(family: BehaviourFamily, events: Mapping[str, EventType]) -> None:
    """Raise what is wrong with a family, in words."""
    where = f"Tag family {family.name!r}"
    if family.event not in events:
        raise SpecError(f"{where}: unknown event {family.event!r}.{did_you_mean(family.event, events)}")
    types = {p.name: p.type for p in events[family.event].properties}
    texts = [n for n, t in types.items() if t == "text"]
    if family.by is not None and family.by not in (*texts, *CALENDAR):
        raise SpecError(
            f"{where}: by={family.by!r} is no text property of {family.event!r}, nor weekday or daypart."
            f"{did_you_mean(family.by, [*texts, *CALENDAR])}"
        )
    if family.by is not None and family.by in CALENDAR and set(family.values) - set(CALENDAR[family.by][1]):
        raise SpecError(f"{where}: the values of {family.by!r} are {', '.join(CALENDAR[family.by][1])}.")
    for measure in family.measures:
        given = measure.property
        needs = measure.kind in _NEEDS_NUMBER | EDGES or measure.kind == "distinct"
        if needs != (given is not None):
            raise SpecError(f"{where}: measure {measure.kind!r} takes {'a' if needs else 'no'} property.")
        if given is not None and given not in types:
            raise SpecError(
                f"{where}: {family.event!r} has no property {given!r}.{did_you_mean(given, types)}"
            )
        if measure.kind in _NEEDS_NUMBER and types[str(given)] != "number":
            raise SpecError(f"{where}: {measure.kind!r} needs a number; {given!r} is a {types[str(given)]}.")
        if measure.kind in EDGES and types[str(given)] != "text":
            raise SpecError(f"{where}: {measure.kind!r} needs a text; {given!r} is a {types[str(given)]}.")
        if family.refresh != "batch" and (measure.kind not in STREAMED or family.by in CALENDAR):
            what = f"by {family.by!r}" if family.by in CALENDAR else f"measure {measure.kind!r}"
            raise SpecError(
                f"{where}: refresh={family.refresh!r} is not for {what}: the stream keeps up with "
                f"{', '.join(sorted(STREAMED))} over all events or a text property. Put it into a family of its "
                "own with refresh 'batch'."
            )
        if measure.kind in ("share", "top") and family.by is None:
            raise SpecError(f"{where}: measure {measure.kind!r} compares values; say `by` which property.")


def _tags(
    family: BehaviourFamily, event: EventType, common: Mapping[tuple[str, str], Sequence[str]]
) -> Iterable[BehaviourTag]:
    values: tuple[str, ...] = ()
    if family.by is not None and family.by in CALENDAR:
        values = family.values or CALENDAR[family.by][1]
    elif family.by is not None:
        values = family.values or tuple(common.get((family.event, family.by), ())[: family.top])
    for window in family.windows:
        for measure in family.measures:
            if measure.kind == "top":
                if values:
                    yield _tag(family, event, None, window, measure, tuple(sorted(set(values))))
                continue
            if (family.by is None or family.whole) and measure.kind != "share":
                yield _tag(family, event, None, window, measure)
            for value in values:
                yield _tag(family, event, value, window, measure)


def _tag(
    family: BehaviourFamily,
    event: EventType,
    value: str | None,
    window: Last | Ever,
    measure: FamilyMeasure,
    values: tuple[str, ...] = (),
) -> BehaviourTag:
    of = {p.name: p for p in event.properties}
    prop = of.get(measure.property or "")
    by = Label("", "")
    if family.by is not None:
        by = CALENDAR[family.by][0] if family.by in CALENDAR else of[family.by].label
    zh, en = _WORDS[measure.kind]
    said = {"p": prop.label.zh if prop else "", "b": by.zh}, {"p": prop.label.en if prop else "", "b": by.en}
    when = window_words(window)
    what = f"“{value}”" if value is not None else ""
    by_name = family.by if value is not None or values else None
    type: FieldType = "number"
    if measure.kind == "did":
        type = "boolean"
    elif measure.kind in EDGES or measure.kind == "top":
        type = "text"
    elif measure.kind in EDGE_DAYS:
        type = "date"
    days = measure.kind in (*OF_THE_MOMENT, "active_days")
    spec = TagSpec(
        name=tag_name(family.event, by_name, value, measure, window),
        label_zh=f"{when.zh}{event.label.zh}{what}{zh.format(**said[0])}",
        label_en=f"{event.label.en.capitalize()}{' ' + what if what else ''}: {en.format(**said[1])}, {when.en}",
        type=type,
        form="days_since"
        if measure.kind in OF_THE_MOMENT
        else "first_last"
        if measure.kind in EDGES | EDGE_DAYS
        else "preference"
        if type == "text"
        else "statistic",
        is_attribute=family.kind == "attribute",
        unit="days"
        if days
        else "times"
        if measure.kind == "count"
        else prop.unit
        if prop and measure.kind != "distinct"
        else "",
        window=when.en,
        zero=measure.kind in ZERO,
        owner=family.owner,
        refresh=family.refresh,
        version=family.version,
        lineage=tuple(
            dict.fromkeys(
                f"{event.table}.{n}"
                for n in ("occurred_at", family.by, measure.property)
                if n is not None and n not in CALENDAR and (n != family.by or value is not None or values)
            )
        ),
    )
    return BehaviourTag(
        spec, family.name, family.label, family.event, by_name, value, window, measure, values
    )


def read_families(folder: Path, events: Mapping[str, EventType]) -> tuple[BehaviourFamily, ...]:
    """Every family of the workspace's `tag_families/*.yaml`; a file holds one family or a list of them.

    Raises
    ------
    SpecError
        For a file that is no YAML or no family; the message names the file.
    """
    found: list[BehaviourFamily] = []
    for path in sorted(folder.glob("*.y*ml")):
        try:
            value: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise SpecError(f"Tag family file {path}: this is not YAML: {error}.") from None
        try:
            for one in value if isinstance(value, list) else [value]:
                family = BehaviourFamily.from_dict(one)
                check_family(family, events)
                found.append(family)
        except SpecError as error:
            raise SpecError(f"Tag family file {path}: {error}") from None
    return tuple(found)


def write_families(folder: Path, families: Sequence[BehaviourFamily], *, file: str = "standard.yaml") -> Path:
    """Write families as one file that `read_families` reads; analysts may change it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file
    beside = folder / f".{file}.writing"
    text = yaml.safe_dump([f.to_dict() for f in families], allow_unicode=True, sort_keys=False)
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    return path
