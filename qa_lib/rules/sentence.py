"""A rule as a sentence, in Chinese and in English, from the same tables that run it."""

from __future__ import annotations

from typing import Any as AnyValue

from qa_lib.rules.catalogue import Catalogue, EventType, Field, unit_label
from qa_lib.rules.kinds import PATTERNS
from qa_lib.rules.measures import measure_type
from qa_lib.rules.model import (
    All,
    Any,
    Attribute,
    Duration,
    Event,
    InAudience,
    Lifecycle,
    Path,
    RandomSplit,
    Rule,
    Sequence,
    Step,
    Tag,
    walk,
)
from qa_lib.rules.operators import Operator, operator
from qa_lib.rules.windows import Ago, Dates, Ever, Last
from qa_lib.tables import Label

UNITS: dict[str, Label] = {
    "minute": Label("分钟", "minutes"),
    "hour": Label("小时", "hours"),
    "day": Label("天", "days"),
    "week": Label("周", "weeks"),
    "month": Label("个月", "months"),
}
_WHOLE_DAYS = Label("（自然日）", " (calendar)")
WINDOWS: dict[str, Label] = {
    "last": Label("最近", "in the last"),
    "ago": Label("之前的区间", "between … ago"),
    "dates": Label("日期区间", "between dates"),
    "ever": Label("不限时间", "ever"),
}
_MISSING = {
    "include": Label("（无值者计入）", " (people without a value included)"),
    "exclude": Label("（无值者不计入）", " (people without a value excluded)"),
}
_SHOWN = 5


def sentence(rule: Rule, catalogue: Catalogue) -> Label:
    """What the rule says.

    Raises
    ------
    UnknownName
        For a name that the catalogue does not hold.
    """
    match rule:
        case All() | Any():
            return _group(rule, [sentence(child, catalogue) for child in rule.of])
        case Event():
            return _event(rule, catalogue)
        case Sequence():
            return _sequence(rule, catalogue)
        case Lifecycle():
            return _lifecycle(rule, catalogue)
        case InAudience():
            return _audience(rule)
        case RandomSplit():
            low, high = f"{rule.low:.6g}", f"{rule.high:.6g}"
            return Label(
                f"随机分组“{rule.salt}”中位于 [{low}, {high})",
                f"in the part [{low}, {high}) of the random split “{rule.salt}”",
            )
        case _:
            return _comparison(rule, catalogue.field(rule.field))


def sentences(rule: Rule, catalogue: Catalogue) -> dict[Path, Label]:
    """The sentence of every node, by its path."""
    return {path: sentence(node, catalogue) for path, node in walk(rule)}


def window_words(window: Last | Ago | Dates | Ever) -> Label:
    """The window as a phrase."""
    match window:
        case Last(n=n, unit=unit, calendar=calendar):
            zh, en = UNITS[unit]
            one = en.rstrip("s") if n == 1 else en
            number = "" if n == 1 else f"{n} "
            whole = _WHOLE_DAYS if calendar else Label("", "")
            return Label(f"最近 {n} {zh}{whole.zh}", f"the last {number}{one}{whole.en}")
        case Ago(near=near, far=far, unit=unit, calendar=calendar):
            zh, en = UNITS[unit]
            whole = _WHOLE_DAYS if calendar else Label("", "")
            return Label(
                f"{far} 至 {near} {zh}前{whole.zh}", f"the time between {far} and {near} {en} ago{whole.en}"
            )
        case Dates(first=first, last=last):
            return Label(f"{first} 至 {last}", f"{first} to {last}")
        case _:
            return Label("不限时间", "all time")


def duration_words(duration: Duration) -> Label:
    """A length of time as a phrase."""
    return _length(duration.n, duration.unit)


def _length(n: int, unit: str) -> Label:
    zh, en = UNITS[unit]
    return Label(f"{n} {zh}", f"{n} {en.rstrip('s') if n == 1 else en}")


def _group(group: All | Any, parts: list[Label]) -> Label:
    if not parts:
        inner = Label("所有人", "everybody")
    elif len(parts) == 1:
        inner = parts[0]
    else:
        zh, en = ("，且 ", " and ") if isinstance(group, All) else ("，或 ", " or ")
        inner = Label(
            zh.join(_bracketed(p.zh, c, "（", "）") for p, c in zip(parts, group.of, strict=True)),
            en.join(_bracketed(p.en, c, "(", ")") for p, c in zip(parts, group.of, strict=True)),
        )
    return Label(f"并非（{inner.zh}）", f"not ({inner.en})") if group.negated else inner


def _bracketed(text: str, node: Rule, left: str, right: str) -> str:
    several = isinstance(node, All | Any) and len(node.of) > 1 and not node.negated
    return f"{left}{text}{right}" if several else text


def _comparison(leaf: Attribute | Tag, field: Field) -> Label:
    op = operator(leaf.operator)
    words = _compared(op, leaf.value, field.label, field.unit)
    missing = _MISSING[leaf.missing] if leaf.missing else Label("", "")
    return Label(words.zh + missing.zh, words.en + missing.en)


def _compared(op: Operator, value: AnyValue, what: Label, unit: str) -> Label:
    if op.arity == "window" and isinstance(value, Last):
        words = window_words(value)
        return Label(
            op.sentence.zh.format(field=what.zh, window=words.zh),
            op.sentence.en.format(field=what.en, window=words.en),
        )
    values = value if isinstance(value, tuple) else (value,)
    shown = [_value(v, unit) for v in values]
    all_zh = "、".join(s.zh for s in shown[:_SHOWN])
    all_en = ", ".join(s.en for s in shown[:_SHOWN])
    if len(shown) > _SHOWN:
        all_zh += f" 等 {len(shown)} 个"
        all_en += f" and {len(shown) - _SHOWN} more"
    return Label(
        op.sentence.zh.format(*(s.zh for s in shown), field=what.zh, all=all_zh),
        op.sentence.en.format(*(s.en for s in shown), field=what.en, all=all_en),
    )


def _value(value: AnyValue, unit: str) -> Label:
    if isinstance(value, bool):
        return Label("“是”", "true") if value else Label("“否”", "false")
    if isinstance(value, int | float):
        words = unit_label(unit)
        return Label(f"{value:,} {words.zh}".strip(), f"{value:,} {words.en}".strip())
    return Label(f"“{value}”", f"“{value}”")


def _event(leaf: Event, catalogue: Catalogue) -> Label:
    event = catalogue.event(leaf.event)
    window = window_words(leaf.window)
    where = _where(leaf.where, event)
    measure = measure_type(leaf.measure.kind)
    prop = event.property(leaf.measure.property) if leaf.measure.property else None
    unit = prop.unit if prop and measure.key in ("sum", "avg", "min", "max") else ""
    zh_prop, en_prop = prop.label if prop else ("", "")
    of_zh = measure.sentence.zh.format(property=zh_prop)
    of_en = measure.sentence.en.format(property=en_prop)
    subject = Label(
        f"{window.zh}“{event.label.zh}”{where.zh}{of_zh}",
        f"{of_en} “{event.label.en}”{where.en} in {window.en}",
    )
    words = _compared(operator(leaf.operator), leaf.value, subject, unit)
    missing = _MISSING[leaf.missing] if leaf.missing else Label("", "")
    return Label(words.zh + missing.zh, words.en + missing.en)


def _where(where: All | Any | None, event: EventType) -> Label:
    if where is None or not (where.of or where.negated):
        return Label("", "")
    if not where.of:
        return Label("［什么都不符合］", " where nothing fits")
    inner = sentence(where, Catalogue(fields=event.properties, events=()))
    return Label(f"［{inner.zh}］", f" where {inner.en}")


def _step(step: Step, catalogue: Catalogue) -> Label:
    event = catalogue.event(step.event)
    where = _where(step.where, event)
    return Label(f"“{event.label.zh}”{where.zh}", f"“{event.label.en}”{where.en}")


def _sequence(leaf: Sequence, catalogue: Catalogue) -> Label:
    """The steps in their order, each with what joins it to the one before."""
    zh, en = _step(leaf.steps[0], catalogue)
    for step in leaf.steps[1:]:
        done = _step(step, catalogue)
        soon = duration_words(step.within) if step.within else Label("", "")
        zh += f"，{soon.zh + '内' if step.within else '之后'}"
        zh += "没有" if step.absent else "紧接着" if step.immediately else "有"
        zh += done.zh
        en += ", then no " if step.absent else ", immediately then " if step.immediately else ", then "
        en += done.en + (f" within {soon.en}" if step.within else "")
    if leaf.same:
        labels = [catalogue.event(leaf.steps[0].event).property(name).label for name in leaf.same]
        zh += f"，{'、'.join(label.zh for label in labels)}相同"
        en += f", of the same {' and '.join(label.en for label in labels)}"
    if leaf.within:
        whole = duration_words(leaf.within)
        zh += f"，全程不超过 {whole.zh}"
        en += f", all within {whole.en}"
    window = window_words(leaf.window)
    return Label(f"{window.zh}先有{zh}", f"{en}, in {window.en}")


def _lifecycle(leaf: Lifecycle, catalogue: Catalogue) -> Label:
    event = catalogue.event(leaf.event)
    where, window = _where(leaf.where, event), window_words(leaf.window)
    before, periods = Label("此前", "the time before it"), Label("", "")
    if leaf.before is not None:
        zh, en = _length(leaf.before.n, leaf.before.unit)
        whole = Label("（自然日）", " (calendar)") if leaf.before.calendar else Label("", "")
        before = Label(f"在此之前 {zh}{whole.zh}", f"the {en}{whole.en} before it")
    if leaf.m is not None and leaf.unit is not None:
        zh, en = _length(leaf.m, leaf.unit)
        whole = Label("自然", "whole calendar ") if leaf.calendar else Label("", "")
        periods = Label(f"最近 {zh.replace(' ', f' 个{whole.zh}', 1)}", f"the last {whole.en}{en}")
    said = PATTERNS[leaf.pattern].sentence
    return Label(
        said.zh.format(
            event=f"“{event.label.zh}”{where.zh}",
            window=window.zh,
            before=before.zh,
            periods=periods.zh,
            k=leaf.k,
        ),
        said.en.format(
            event=f"“{event.label.en}”{where.en}",
            window=window.en,
            before=before.en,
            periods=periods.en,
            k=leaf.k,
        ),
    )


def _audience(leaf: InAudience) -> Label:
    zh = f"人群“{leaf.audience}”" + (f"第 {leaf.version} 版" if leaf.version else "现行版本")
    en = f"the audience “{leaf.audience}”" + (f" at version {leaf.version}" if leaf.version else "")
    return Label(f"{'属于' if leaf.member else '不属于'}{zh}", f"{'in' if leaf.member else 'not in'} {en}")
