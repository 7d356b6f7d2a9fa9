"""A rule as a page that needs no script: its sentence, and the count of every part."""

from __future__ import annotations

from collections.abc import Mapping

from qa_lib.charts.format import format_value
from qa_lib.charts.html import Html, figure, join, style, tag
from qa_lib.rules import All, Any, Catalogue, Path, Rule, sentence
from qa_lib.tables import Label

_CSS = """
.qa-page { font-family: system-ui, -apple-system, "Segoe UI", "Noto Sans CJK SC", "PingFang SC", sans-serif; }
.qa-page .qa-big { font-size: 28px; font-weight: 600; }
.qa-page .qa-quiet { color: #5b6470; font-size: 13px; }
.qa-page ul { list-style: none; margin: 4px 0 4px 8px; padding-left: 12px; border-left: 2px solid #d5dbe3; }
.qa-page li { margin: 3px 0; }
.qa-page .qa-n { float: right; font-variant-numeric: tabular-nums; color: #1f4e8c; margin-left: 16px; }
.qa-page .qa-pill { background: #e8eef7; border-radius: 8px; padding: 1px 8px; font-size: 12px; }
"""
_JOINED = {"all": Label("且", "and"), "any": Label("或", "or")}
_NOT = Label("排除", "not")


def rule_page(
    rule: Rule, catalogue: Catalogue, counts: Mapping[Path, int], universe: int, language: str
) -> Html:
    """The rule with the count and share of the whole, and the count of every part."""
    words = sentence(rule, catalogue)
    count = counts[()]
    share = count / universe if universe else 0.0
    head = tag(
        "div",
        tag("span", figure("audience_count", format_value(count, "count")), class_="qa-big"),
        f" / {format_value(universe, 'count')} ",
        figure("audience_share", format_value(share, "rate")),
    )
    other = words.en if language == "zh" else words.zh
    return tag(
        "div",
        style(_CSS),
        head,
        tag("div", words.zh if language == "zh" else words.en),
        tag("div", other, class_="qa-quiet"),
        tag("ul", _node(rule, (), catalogue, counts, language)),
        class_="qa-page",
    )


def _node(node: Rule, path: Path, catalogue: Catalogue, counts: Mapping[Path, int], language: str) -> Html:
    number = tag("span", format_value(counts[path], "count"), class_="qa-n")
    if not isinstance(node, All | Any):
        words = sentence(node, catalogue)
        return tag("li", number, words.zh if language == "zh" else words.en)
    names = [_NOT, _JOINED[node.kind]] if node.negated else [_JOINED[node.kind]]
    pills = join(*(tag("span", n.zh if language == "zh" else n.en, class_="qa-pill") for n in names))
    children = [_node(child, (*path, i), catalogue, counts, language) for i, child in enumerate(node.of)]
    return tag("li", number, pills, tag("ul", children) if children else "")
