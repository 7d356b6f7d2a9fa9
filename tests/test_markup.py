"""HTML is made in one place: every other file that writes markup by hand is found here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "qa_lib"
#: The one helper, which escapes all it is given.
HELPER = PACKAGE / "charts" / "html.py"
# The names of elements: "<UTC timestamp>-<name>" and "x <b" are words.
_ELEMENTS = (
    "a|abbr|article|aside|audio|b|base|blockquote|body|br|button|canvas|caption|code|col|dd|details|div|dl|dt|em|embed|fieldset|figure|"
    "footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|label|li|link|main|meta|nav|object|ol|option|p|pre|"
    "script|section|select|small|span|strong|style|sub|sup|summary|svg|table|tbody|td|textarea|tfoot|th|thead|title|tr|u|ul|video"
)
_MARKUP = re.compile(
    rf"</?(?:{_ELEMENTS})(?:\s[^<]*)?/?>|<(?:{_ELEMENTS})\s+[a-z-]+=|<!DOCTYPE", re.IGNORECASE
)
_BROWSER = re.compile(
    r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|srcdoc|DOMParser|createContextualFragment"
    r"|setHTMLUnsafe|document\.write(?:ln)?|eval|new Function)\b"
)
_TEMPLATE = re.compile(r"\|\s*safe\b|autoescape\s+false|Markup\(")


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of the constants that are documentation."""
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }


def hand_made(source: str) -> Iterator[str]:
    """Each text with markup in it, and each use of what marks a text as HTML without escaping it."""
    tree = ast.parse(source)
    said = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            if found := _MARKUP.search(node.value):
                yield f"line {node.lineno}: {found[0]}"
        elif isinstance(node, ast.JoinedStr):  # f"<{name}>": the element's name comes from elsewhere
            for part, after in zip(node.values, node.values[1:], strict=False):
                if (
                    isinstance(part, ast.Constant)
                    and re.search(r"</?$", str(part.value))
                    and _closes(after, node)
                ):
                    yield f"line {node.lineno}: an element whose name is filled in"
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            if name in ("Html", "Markup") and node.args and not isinstance(node.args[0], ast.Constant):
                yield f"line {node.lineno}: {name}(…) of a text that is not escaped"


def _closes(after: ast.expr, whole: ast.JoinedStr) -> bool:
    text = "".join(str(v.value) if isinstance(v, ast.Constant) else "\0" for v in whole.values)
    return isinstance(after, ast.FormattedValue) and bool(re.search(r"</?\0[^<\s]*>", text)) and "</" in text


def test_no_python_file_but_the_helper_writes_markup() -> None:
    wrong = [
        f"{path.relative_to(REPOSITORY)} {fault}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != HELPER and "node_modules" not in path.parts
        for fault in hand_made(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


def test_no_typescript_file_writes_markup() -> None:
    files = [p for p in (REPOSITORY / "widgets" / "src").rglob("*.ts*") if ".test." not in p.name]
    assert len(files) > 20
    wrong = [
        f"{path.name} line {number}: {found[0]}"
        for path in sorted(files)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := _BROWSER.search(line))
    ]
    assert wrong == []


def test_templates_escape_what_they_are_given() -> None:
    templates = [*PACKAGE.rglob("*.j2"), *(PACKAGE / "widgets" / "voila").rglob("*.html")]
    assert len(templates) >= 4
    wrong = [
        f"{path.name} line {number}: {line.strip()}"
        for path in templates
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if _TEMPLATE.search(line) and "{{" in line and "set voila_process" not in line
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "source",
    [
        "x = '<b>' + name + '</b>'",
        "x = f'<p class=\"a\">{name}</p>'",
        "x = '<img src=%s>' % name",
        "x = f'<{tag}>{text}</{tag}>'",
        "x = Html(name)",
        "x = html.Html(f'{name}')",
        "x = '<!DOCTYPE html>'",
        "def f():\n    'words'\n    return '<br/>'",
    ],
)
def test_the_check_itself_sees_each_way_of_writing_markup(source: str) -> None:
    assert list(hand_made(source))


@pytest.mark.parametrize(
    "source",
    [
        "x = 'a < b and b > c'",
        "x = f'<{name}>'",  # how a thing without a repr is named
        "x = '<UTC timestamp>-<name>'",
        "def f():\n    'Makes <b>bold</b>.'",
        "x = tag('b', name)",
        "x = '(?P<name>a)'",
    ],
)
def test_the_check_itself_leaves_words_alone(source: str) -> None:
    assert list(hand_made(source)) == []


@pytest.mark.parametrize(
    "line", ["el.innerHTML = x", "<p dangerouslySetInnerHTML={{__html: x}} />", "eval(x)"]
)
def test_the_check_itself_sees_markup_in_the_browser(line: str) -> None:
    assert _BROWSER.search(line)
