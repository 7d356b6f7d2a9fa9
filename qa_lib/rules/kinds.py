"""The kinds of conditions and the patterns of a lifecycle: one row each, for the form and the sentence."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from qa_lib.tables import Label

_WITH_A_START = ("last", "ago", "dates")


class Kind(NamedTuple):
    """One kind of condition: its label, and what it asks."""

    label: Label
    description: Label

    def to_dict(self, key: str) -> dict[str, Any]:
        return {"key": key, "label": self.label.to_dict(), "description": self.description.to_dict()}


class Pattern(NamedTuple):
    """One pattern: its label, its sentence over `{event}`, `{window}`, `{before}`, `{periods}` and `{k}`, what it takes.

    `windows` are the kinds of window that it takes (none: no window at all), `before` whether it takes the
    time before the window, `periods` whether it takes k, m, unit and calendar.
    """

    label: Label
    sentence: Label
    description: Label
    windows: tuple[str, ...] = ()
    before: Literal["none", "optional", "required"] = "none"
    periods: bool = False

    def to_dict(self, key: str) -> dict[str, Any]:
        return {
            "key": key,
            "label": self.label.to_dict(),
            "description": self.description.to_dict(),
            "windows": list(self.windows),
            "before": self.before,
            "periods": self.periods,
        }


CONDITIONS: dict[str, Kind] = {
    "attribute": Kind(
        Label("属性", "Attribute"), Label("记录下来的属性", "A recorded attribute of the person")
    ),
    "tag": Kind(Label("标签", "Tag"), Label("计算出来的标签", "A computed tag of the person")),
    "event": Kind(
        Label("行为", "Behaviour"),
        Label("一段时间内某种行为的次数、金额等", "How often or how much of a behaviour in a time"),
    ),
    "sequence": Kind(
        Label("行为序列", "Sequence"),
        Label("按先后顺序发生的几步行为", "Several steps, one after the other"),
    ),
    "lifecycle": Kind(
        Label("生命周期", "Lifecycle"),
        Label("首次、停止、重新开始或规律的行为", "A habit that began, stopped, came back or holds"),
    ),
    "audience": Kind(
        Label("已存人群", "Saved audience"),
        Label("属于或不属于另一个已存人群", "Members of another saved audience, or everybody else"),
    ),
    "split": Kind(
        Label("随机分组", "Random split"),
        Label("随机但固定的一部分人", "A random part of everybody, always the same people"),
    ),
}

PATTERNS: dict[str, Pattern] = {
    "first_time": Pattern(
        Label("首次", "first time"),
        Label("{window}首次发生{event}", "the first {event} ever in {window}"),
        Label("有史以来的第一次在这段时间内", "The first one ever lies in this time"),
        windows=(*_WITH_A_START, "ever"),
    ),
    "stopped": Pattern(
        Label("已停止", "stopped"),
        Label("{before}有{event}，{window}没有", "some {event} in {before} and none in {window}"),
        Label("此前有过，这段时间内没有", "Some before this time, none in it"),
        windows=_WITH_A_START,
        before="optional",
    ),
    "restarted": Pattern(
        Label("重新开始", "restarted"),
        Label(
            "更早有过{event}，{before}没有，{window}又有",
            "some {event} in {window}, none in {before}, and some earlier",
        ),
        Label(
            "更早有过，中断一段时间后又有", "Some in this time after a time without, and some earlier still"
        ),
        windows=_WITH_A_START,
        before="required",
    ),
    "regularly": Pattern(
        Label("规律", "regularly"),
        Label("{periods}中至少 {k} 个有{event}", "some {event} in at least {k} of {periods}"),
        Label("最近若干个周期中大多有", "Active in at least so many of the last periods"),
        periods=True,
    ),
}
