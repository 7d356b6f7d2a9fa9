"""The kinds of conditions and the patterns of a lifecycle: one row each, for the form and the sentence."""

from __future__ import annotations

from typing import NamedTuple

from qa_lib.tables import Label


class Pattern(NamedTuple):
    """One pattern: its label, and its sentence over `{event}`, `{window}`, `{before}`, `{periods}` and `{k}`."""

    label: Label
    sentence: Label


CONDITIONS: dict[str, Label] = {
    "attribute": Label("属性", "attribute"),
    "tag": Label("标签", "tag"),
    "event": Label("行为", "behaviour"),
    "sequence": Label("行为序列", "sequence"),
    "lifecycle": Label("生命周期", "lifecycle"),
    "audience": Label("已存人群", "saved audience"),
    "split": Label("随机分组", "random split"),
}

PATTERNS: dict[str, Pattern] = {
    "first_time": Pattern(
        Label("首次", "first time"),
        Label("{window}首次发生{event}", "the first {event} ever in {window}"),
    ),
    "stopped": Pattern(
        Label("已停止", "stopped"),
        Label("{before}有{event}，{window}没有", "some {event} in {before} and none in {window}"),
    ),
    "restarted": Pattern(
        Label("重新开始", "restarted"),
        Label(
            "更早有过{event}，{before}没有，{window}又有",
            "some {event} in {window}, none in {before}, and some earlier",
        ),
    ),
    "regularly": Pattern(
        Label("规律", "regularly"),
        Label("{periods}中至少 {k} 个有{event}", "some {event} in at least {k} of {periods}"),
    ),
}
