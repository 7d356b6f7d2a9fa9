"""A live preview as a page that needs no script: what cuts, who is reachable, how they differ, who they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any as AnyValue

from qa_lib.charts import breakdown_dumbbells, cut_waterfall, to_svg
from qa_lib.charts.format import format_value
from qa_lib.charts.html import Html, figure, join, picture, style, tag
from qa_lib.tables import Label
from qa_lib.widgets.preview_parts import Asked, reached, sample

_CSS = """
.qa-preview { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans CJK SC", "PingFang SC", sans-serif; }
.qa-preview h4 { margin: 18px 0 4px; font-size: 14px; }
.qa-preview .qa-quiet { color: #5b6470; font-size: 13px; }
.qa-preview table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%; }
.qa-preview :is(th, td) { text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid #e4e8ee; }
.qa-preview th { font-weight: 600; border-bottom-color: #b9c2cf; }
"""
_WORDS = {
    "cuts": Label("条件逐个作用后的人数", "The size after each condition"),
    "reach": Label("可触达人数（现在的地址与授权）", "Who can be reached (addresses and consent of now)"),
    "no_addresses": Label("还没有导入任何地址。", "No addresses were landed yet."),
    "sample": Label("样例（编号已脱敏）", "Sample (ids masked)"),
    "nobody": Label("没有人符合这条规则。", "Nobody fits this rule."),
    "person": Label("顾客", "Person"),
    "stamp": Label("快照 {snapshot} · 数据截至 {as_of}", "Snapshot {snapshot} · data as of {as_of}"),
    "channel": Label("渠道", "Channel"),
    "address_count": Label("有地址", "With an address"),
    "no_consent_count": Label("未授权", "No consent"),
    "suppressed_count": Label("已屏蔽", "Suppressed"),
    "reachable_count": Label("可触达", "Reachable"),
    "message_count": Label("消息数", "Messages"),
}
_COUNTS = ("address_count", "no_consent_count", "suppressed_count", "reachable_count", "message_count")


def preview_page(asked: Asked, language: str) -> Html:
    """Count and share, the waterfall of the conditions, reach by channel, the breakdown, a masked sample."""
    service, found = asked.service, asked.found

    def say(label: Label) -> str:
        return label.zh if language == "zh" else label.en

    field = service.catalogue.field(asked.by)
    cutting = cut_waterfall(service.explain_count(found.rule), language=language)
    compared = breakdown_dumbbells(
        service.breakdown(found.rule, [asked.by]), say(field.label), language=language
    )
    stamp = service.snapshot.stamp()
    parts = [
        tag(
            "div",
            tag("b", figure("preview_count", format_value(found.count, "count"))),
            f" / {format_value(found.universe, 'count')} ",
            figure("preview_share", format_value(found.share, "rate")),
        ),
        picture(to_svg(cutting), say(_WORDS["cuts"])),
        tag("h4", say(_WORDS["reach"])),
        _reach_table(reached(asked), language),
        picture(to_svg(compared), say(field.label)),
        tag("h4", say(_WORDS["sample"])),
        _sample_table(sample(asked), language),
        tag("div", say(_WORDS["stamp"]).format(**stamp), class_="qa-quiet"),
    ]
    return tag("div", style(_CSS), *parts, class_="qa-preview")


def _reach_table(answer: Mapping[str, AnyValue], language: str) -> Html:
    heads = [_WORDS[name] for name in ("channel", *_COUNTS)]
    rows = [
        [row[f"label_{language}"], *(format_value(row[name], "count") for name in _COUNTS)]
        for row in answer["rows"]
    ]
    words = _WORDS["no_addresses"]
    note = "" if answer["has_addresses"] else tag("p", getattr(words, language), class_="qa-quiet")
    return join(note, _table([getattr(head, language) for head in heads], rows, "qa-reach"))


def _sample_table(answer: Mapping[str, AnyValue], language: str) -> Html:
    if not answer["rows"]:
        return tag("p", getattr(_WORDS["nobody"], language), class_="qa-quiet")
    heads = [getattr(_WORDS["person"], language), *(column[language] for column in answer["columns"])]
    rows = [[row["person"], *(cell[language] for cell in row["cells"])] for row in answer["rows"]]
    return _table(heads, rows, "qa-sample")


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]], name: str) -> Html:
    head = tag("thead", tag("tr", [tag("th", h) for h in heads]))
    body = tag("tbody", [tag("tr", [tag("td", value) for value in row]) for row in rows])
    return tag("table", head, body, class_=f"qa-table {name}")
