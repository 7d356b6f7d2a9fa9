"""The foot of a view: a menu that exports it, and a word to the reader when its kernel is gone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets

from qa_lib.charts.exporting import Export, File, make_file
from qa_lib.errors import WorkbenchError
from qa_lib.tables import Label
from qa_lib.widgets.bundle import script, style

#: What the menu calls the things that views export.
LABELS = {
    "campaigns": Label("各活动", "Campaigns"),
    "segments": Label("各分群", "Segments"),
    "channels": Label("各渠道", "Channels"),
    "over_time": Label("随时间", "Over time"),
    "figures": Label("全部指标", "Every metric"),
    "plan": Label("计划", "The plan"),
    "breakdown": Label("与全体对比", "Against everybody"),
    "sample": Label("样例（编号已脱敏）", "Sample (ids masked)"),
    "rule": Label("规则草稿", "Draft of the rule"),
    "page": Label("整页", "The whole page"),
    "feeds": Label("各来源", "Feeds"),
    "loads": Label("每次装载", "Loads"),
    "reasons": Label("拒收原因", "Why rows were rejected"),
    "rejects": Label("拒收的行（取值已脱敏）", "Rejected rows (values masked)"),
    "columns": Label("各字段", "Columns"),
    "identifiers": Label("每人有几个标识", "Identifiers per person"),
    "queue": Label("隔离队列（标识已脱敏）", "What was set aside (identifiers masked)"),
    "history": Label("合并、拆分与决定", "Merges, splits and decisions"),
    "tags": Label("找到的标签", "The tags found"),
    "values": Label("标签的取值", "Values of the tag"),
    "drift": Label("标签的变化", "Drift of the tags"),
    "profile": Label("一个人的标签", "The person's tags"),
    "days": Label("每天的事件", "Events by day"),
    "sends": Label("收到的消息", "Messages"),
    "memberships": Label("所在人群", "Audiences"),
    "shelf": Label("人群列表", "The audiences"),
    "versions": Label("各版本", "Versions"),
    "overlap": Label("人群重叠", "Overlap"),
    "changes": Label("版本差异", "What changed"),
    "rates": Label("每秒事件", "Events a second"),
    "entered": Label("进入人群的人", "Who entered audiences"),
    "letters": Label("死信", "Dead letters"),
}


class Exporting(Protocol):
    """What a view offers to be exported: its list, and how the names of its files begin."""

    @property
    def exports(self) -> Sequence[Export]:
        """What can be taken away, in the order of the menu."""
        ...

    @property
    def export_stem(self) -> str:
        """Such as `campaign-results-20180101`."""
        ...


class Exports:
    """For a view to inherit: with `exports` and `export_stem` it can be exported from Python too."""

    def export(self: Exporting, key: str, format: str, folder: str | Path | None = None) -> File:
        """One of the view's files, as its menu makes it; written into `folder` when one is given.

        Parameters
        ----------
        key, format
            As in `exports`: the key of an entry, and one of its formats.

        Raises
        ------
        UnknownName
            When there is no such entry or format.
        """
        made = make_file(self.exports, key, format, file_stem(self.export_stem))
        if folder is not None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / made.name).write_bytes(made.data)
        return made


def file_stem(words: str) -> str:
    """The words as a part of a file's name that every system takes."""
    return re.sub(r"[^\w.-]+", "-", words).strip("-.")[:80] or "view"


class ExportMenu(anywidget.AnyWidget):
    """A small menu under a view; a file is made when it is asked for, and never before.

    The browser asks by a message with a number, a key and a format, and gets the bytes under that number,
    or words that say why not. Keys and formats are looked up, so that a forged message gets words too.

    Parameters
    ----------
    owner
        The view.
    language
        `zh` or `en`.
    """

    _esm = script("export_menu")
    _css = style("export_menu")

    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    language = traitlets.Enum(("zh", "en"), default_value="zh").tag(sync=True)

    def __init__(self, owner: Exporting, *, language: str = "zh") -> None:
        self._owner = owner
        super().__init__(language=language, rows=_rows(owner.exports))
        self.on_msg(self._asked)

    def refresh(self, language: str) -> None:
        """Show what the owner offers now, in this language."""
        self.language = language
        self.rows = _rows(self._owner.exports)

    def _asked(self, _: Any, content: Any, __: Any) -> None:
        if not isinstance(content, Mapping) or not isinstance(content.get("seq"), int):
            return
        answer: dict[str, Any] = {"seq": content["seq"]}
        owner = self._owner
        try:
            key, format = str(content.get("key")), str(content.get("format"))
            made = make_file(owner.exports, key, format, file_stem(owner.export_stem))
        except WorkbenchError as error:
            words = Label(f"无法导出：{error}", f"It cannot be exported: {error}")
            self.send({**answer, "error": words.to_dict()})
        except Exception as error:
            words = Label(f"导出时出错：{error}", f"The export failed: {error}")
            self.send({**answer, "error": words.to_dict()})
            raise
        else:
            self.send({**answer, "name": made.name, "type": made.media_type}, buffers=[made.data])


def _rows(exports: Sequence[Export]) -> list[dict[str, Any]]:
    return [{"key": e.key, "label": e.label.to_dict(), "formats": list(e.formats)} for e in exports]
