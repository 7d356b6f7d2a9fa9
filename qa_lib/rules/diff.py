"""The difference of two rules: which conditions came, went, changed, moved or were negated, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any as AnyValue
from typing import Literal

from qa_lib.errors import UnknownName
from qa_lib.rules.align import Place, align, form, places
from qa_lib.rules.catalogue import Catalogue, Field, unit_label
from qa_lib.rules.measures import measure_type
from qa_lib.rules.model import All, Any, Duration, Event, Lifecycle, Measure, Path, Rule
from qa_lib.rules.operators import operator
from qa_lib.rules.sentence import duration_words, sentence, window_words
from qa_lib.rules.windows import Ago, Dates, Ever, Last
from qa_lib.tables import Label

ChangeKind = Literal["added", "removed", "changed", "moved", "negated", "joined", "base"]

KINDS: dict[str, tuple[str, Label]] = {
    "added": ("+", Label("新增", "added")),
    "removed": ("-", Label("删除", "removed")),
    "changed": ("~", Label("修改", "changed")),
    "moved": (">", Label("移动", "moved")),
    "negated": ("!", Label("取反", "negated")),
    "joined": ("&", Label("且/或", "and/or")),
    "base": ("@", Label("基础人群", "base")),
}
PARTS: dict[str, Label] = {
    "operator": Label("比较", "comparison"),
    "value": Label("值", "value"),
    "window": Label("时间窗口", "window"),
    "measure": Label("度量", "measure"),
    "where": Label("事件筛选", "event filter"),
    "missing": Label("无值者", "people without a value"),
    "steps": Label("步骤", "steps"),
    "within": Label("全程时限", "whole time"),
    "same": Label("相同属性", "same properties"),
    "pattern": Label("模式", "pattern"),
    "before": Label("之前的时间", "time before"),
    "k": Label("至少几个周期", "least periods"),
    "m": Label("周期数", "periods"),
    "unit": Label("单位", "unit"),
    "calendar": Label("自然周期", "calendar periods"),
    "version": Label("版本", "version"),
    "member": Label("属于", "member"),
    "low": Label("下界", "from"),
    "high": Label("上界", "to"),
}
_NOTHING = Label("无", "none")


@dataclass(frozen=True)
class PartChange:
    """One part of a condition that differs: its name and both values, as JSON has them and in words."""

    name: str
    old: AnyValue
    new: AnyValue
    label: Label
    old_words: Label
    new_words: Label

    @property
    def words(self) -> Label:
        """The part and what became of it."""
        return Label(
            f"{self.label.zh} {self.old_words.zh} → {self.new_words.zh}",
            f"{self.label.en} {self.old_words.en} → {self.new_words.en}",
        )


@dataclass(frozen=True)
class Change:
    """One change from an old rule to a new one.

    `old` and `new` are the condition or the group before and after, at `old_path` and `new_path` (child
    numbers from the root); None where there was none. A `negated` or `joined` change (and to or, or to and)
    is of a group alone. `parts` says what of a changed condition differs.
    """

    kind: ChangeKind
    old: Rule | None
    new: Rule | None
    old_path: Path
    new_path: Path
    words: Label
    parts: tuple[PartChange, ...] = ()

    def to_dict(self) -> dict[str, AnyValue]:
        """The change as JSON values."""
        return {
            "kind": self.kind,
            "old_path": None if self.old is None else list(self.old_path),
            "new_path": None if self.new is None else list(self.new_path),
            "old": None if self.old is None else self.old.to_dict(),
            "new": None if self.new is None else self.new.to_dict(),
            "parts": [{"name": p.name, "old": p.old, "new": p.new} for p in self.parts],
            "words": self.words.to_dict(),
        }


@dataclass(frozen=True)
class RuleDiff:
    """What changed from `old` to `new`, in the order in which the merged rule is read.

    Within a group what stays, changes or is new comes first and what is gone last. `step(k)` is the rule
    after the first `k` changes: `step(0)` selects whom `old` selects, the last step whom `new` selects.
    """

    old: Rule
    new: Rule
    changes: tuple[Change, ...]
    merged: Place

    @property
    def is_empty(self) -> bool:
        """Whether both rules say the same; the order inside a group says nothing."""
        return not self.changes

    def step(self, k: int) -> Rule:
        """The rule after the first `k` changes, from 0 to their number."""
        if k == 0:
            return self.old
        if k == len(self.changes):
            return self.new
        return self.merged.rule(k) or All()

    def text(self, language: Literal["zh", "en"] = "en") -> str:
        """One line for each change, with a sign before it."""
        return changes_text(self.changes, language)

    def to_dict(self) -> dict[str, AnyValue]:
        """The difference as JSON values."""
        return {
            "old_hash": self.old.hash,
            "new_hash": self.new.hash,
            "changes": [change.to_dict() for change in self.changes],
        }


def changes_text(changes: Sequence[Change], language: Literal["zh", "en"] = "en") -> str:
    """One line for each change, with a sign before it; a line that says so where there is none."""
    chosen = 0 if language == "zh" else 1
    if not changes:
        return ("没有变化", "no change")[chosen]
    return "\n".join(f"{KINDS[c.kind][0]} {c.words[chosen]}" for c in changes)


def diff_rules(old: Rule, new: Rule, catalogue: Catalogue | None = None) -> RuleDiff:
    """What changed from one rule to another.

    A condition is recognised by what it looks at (field, event, audience, salt), so another value or
    window is a change of it and not a removal and an addition. A condition that is equal elsewhere was
    moved. The order inside a group means nothing and is no change.

    Parameters
    ----------
    catalogue
        For the words; names that it does not hold, or all of them without it, are shown as they are written.
    """
    merged = align(old, new)
    numbered: list[Change] = []
    tell = _Words(catalogue)
    for place in places(merged):
        for name, change in _changes(place, tell):
            number = len(numbered)
            setattr(place, name, number)
            if place.counterpart is not None:
                place.counterpart.at = number
            numbered.append(change)
    return RuleDiff(old, new, tuple(numbered), merged)


def _changes(place: Place, tell: _Words) -> Iterator[tuple[str, Change]]:
    at = place.old_path, place.new_path
    if place.children is not None:
        if place.kinds[0] is not place.kinds[1]:
            zh, en = ("“且”改为“或”", "“and” became “or”")
            if place.kinds[0] is Any:
                zh, en = ("“或”改为“且”", "“or” became “and”")
            what = tell.rule(place.new or place.old or All())
            words = Label(f"{zh}：{what.zh}", f"{en}: {what.en}")
            yield "joined_at", Change("joined", place.old, place.new, *at, words)
        if place.negated[0] != place.negated[1]:
            zh, en = ("现在取反", "now negated") if place.negated[1] else ("不再取反", "no longer negated")
            what = tell.rule(place.new or place.old or All())
            words = Label(f"{zh}：{what.zh}", f"{en}: {what.en}")
            yield "negated_at", Change("negated", place.old, place.new, *at, words)
        return
    if place.counterpart is not None:
        if place.at is None:
            other = place.counterpart
            gone, come = (place, other) if place.new is None else (other, place)
            assert gone.old is not None
            words = tell.said("moved", gone.old)
            yield (
                "at",
                Change("moved", gone.old, come.new, gone.old_path, come.new_path, words),
            )
    elif place.old is None and place.new is not None:
        yield "at", Change("added", None, place.new, *at, tell.said("added", place.new))
    elif place.new is None and place.old is not None:
        yield "at", Change("removed", place.old, None, *at, tell.said("removed", place.old))
    elif place.old is not None and place.new is not None and form(place.old) != form(place.new):
        parts = tell.parts(place.old, place.new)
        said = tell.said("changed", place.old)
        words = Label(
            f"{said.zh}：{'；'.join(p.words.zh for p in parts)}",
            f"{said.en}: {'; '.join(p.words.en for p in parts)}",
        )
        yield "at", Change("changed", place.old, place.new, *at, words, parts)


@dataclass
class _Words:
    """Rules, conditions and their parts in words, as far as the catalogue knows their names."""

    catalogue: Catalogue | None

    @cached_property
    def _known(self) -> Catalogue:
        return self.catalogue or Catalogue((), ())

    def rule(self, rule: Rule) -> Label:
        try:
            return sentence(rule, self._known)
        except UnknownName:  # an old version may name what is no longer there
            text = rule.to_json()
            return Label(text, text)

    def said(self, kind: str, rule: Rule) -> Label:
        label, what = KINDS[kind][1], self.rule(rule)
        return Label(f"{label.zh}：{what.zh}", f"{label.en}: {what.en}")

    def parts(self, old: Rule, new: Rule) -> tuple[PartChange, ...]:
        one, other = old.to_dict(), new.to_dict()
        names = [n for n in PARTS if one.get(n) != other.get(n)]
        return tuple(
            PartChange(
                name,
                one.get(name),
                other.get(name),
                PARTS[name],
                self._part(old, name),
                self._part(new, name),
            )
            for name in names
        )

    def _part(self, leaf: Rule, name: str) -> Label:
        value = getattr(leaf, name)
        match value:
            case None:
                return _NOTHING
            case bool():
                return Label("是", "yes") if value else Label("否", "no")
            case Last() | Ago() | Dates() | Ever():
                return window_words(value)
            case Duration():
                return duration_words(value)
            case All() | Any():
                return self._where(leaf, value)
            case Measure():
                return self._measure(leaf, value)
        if name == "operator":
            try:
                return operator(str(value)).label
            except UnknownName:
                return Label(str(value), str(value))
        if name == "value":
            return self._value(leaf, value)
        shown = ", ".join(map(_shown, value)) if isinstance(value, tuple) else str(value)
        return Label(shown, shown)

    def _where(self, leaf: Rule, where: All | Any) -> Label:
        assert isinstance(leaf, Event | Lifecycle)
        try:
            properties = self._known.event(leaf.event).properties
        except UnknownName:
            properties = ()
        return _Words(Catalogue(properties, ())).rule(where)

    def _measure(self, leaf: Rule, measure: Measure) -> Label:
        try:
            label = measure_type(measure.kind).label
        except UnknownName:
            label = Label(measure.kind, measure.kind)
        if measure.property is None:
            return label
        prop = self._property(leaf, measure.property)
        what = prop.label if prop else Label(measure.property, measure.property)
        return Label(f"{label.zh}（{what.zh}）", f"{label.en} ({what.en})")

    def _value(self, leaf: Rule, value: AnyValue) -> Label:
        unit = ""
        if isinstance(leaf, Event):
            prop = self._property(leaf, leaf.measure.property or "")
            unit = prop.unit if prop and leaf.measure.kind in ("sum", "avg", "min", "max") else ""
        else:
            field = next((f for f in self._known.fields if f.name == getattr(leaf, "field", None)), None)
            unit = field.unit if field else ""
        values = value if isinstance(value, tuple) else (value,)
        shown, words = ", ".join(map(_shown, values)), unit_label(unit)
        return Label(f"{shown} {words.zh}".strip(), f"{shown} {words.en}".strip())

    def _property(self, leaf: Rule, name: str) -> Field | None:
        assert isinstance(leaf, Event)
        try:
            return self._known.event(leaf.event).property(name)
        except UnknownName:
            return None


def _shown(value: AnyValue) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:,}"
    if hasattr(value, "to_json"):
        return str(value.to_json())
    return f"“{value}”"
