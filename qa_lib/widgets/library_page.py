"""The audience library as a page that needs no script: the list, and the versions of the open audience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any as AnyValue

from qa_lib.charts.format import format_value
from qa_lib.charts.html import Html, figure, tag
from qa_lib.charts.tiles import note, page
from qa_lib.tables import Label

_WORDS = {
    "title": Label("人群库", "Audience library"),
    "empty": Label(
        "还没有保存过人群。在构建器中拖出一条规则，起个名字保存。",
        "No audience is saved yet. Build a rule and save it under a name.",
    ),
    "name": Label("人群", "Audience"),
    "folder": Label("文件夹", "Folder"),
    "size": Label("人数", "People"),
    "share": Label("占比", "Share"),
    "as_of": Label("数据截至", "As of"),
    "author": Label("作者", "Author"),
    "version": Label("版本", "Version"),
    "tags": Label("标签", "Tags"),
    "used": Label("被引用", "Used by"),
    "saved": Label("保存于", "Saved"),
    "note": Label("备注", "Note"),
    "says": Label("规则含义", "In words"),
    "active": Label("生效", "active"),
    "data": Label("数据截至 {as_of}", "Data as of {as_of}"),
}


def library_page(
    shelf: Sequence[Mapping[str, AnyValue]],
    opened: Mapping[str, AnyValue],
    about: Mapping[str, AnyValue],
    language: str,
) -> Html:
    """The rows of `library_rows` as tables.

    Parameters
    ----------
    shelf, opened
        From `shelf_rows` and `opened_rows`; `opened` may be empty.
    about
        `as_of` of the snapshot.
    """

    def say(key: str) -> str:
        label = _WORDS[key]
        return label.zh if language == "zh" else label.en

    def day(moment: str | None) -> str:
        return moment[:10] if moment else "—"

    parts = [tag("h2", say("title"))]
    if not shelf:
        return page(*parts, note(say("empty")))
    heads = ("name", "folder", "size", "share", "as_of", "author", "version", "tags", "used", "saved", "note")
    rows: list[Sequence[str | Html]] = [
        (
            row["name"],
            row["folder"],
            figure(f"size:{row['name']}", format_value(row["count"], "count")),
            format_value(row["share"], "rate"),
            day(row["counted_as_of"]),
            row["author"],
            f"{row['active']} / {row['newest']}",
            "、".join(row["tags"]),
            str(row["used_count"]),
            day(row["saved_at"]),
            row["note"],
        )
        for row in shelf
    ]
    parts.append(_table([say(key) for key in heads], rows))
    if opened:
        parts.append(tag("h3", opened["name"]))
        columns = ("version", "says", "note", "author", "saved")
        versions: list[Sequence[str | Html]] = [
            (
                f"{one['number']} {say('active') if one['number'] == opened['active'] else ''}".strip(),
                one["sentence"][language],
                one["note"],
                one["author"],
                day(one["saved_at"]),
            )
            for one in opened["versions"]
        ]
        parts.append(_table([say(key) for key in columns], versions))
    return page(*parts, note(say("data").format(as_of=about["as_of"])))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str | Html]]) -> Html:
    head = tag("thead", tag("tr", [tag("th", one, class_="qa-words") for one in heads]))
    body = tag("tbody", [tag("tr", [tag("td", cell, class_="qa-words") for cell in row]) for row in rows])
    return tag("div", tag("table", head, body, class_="qa-table"), class_="qa-table-box")
