"""The one place that builds HTML: everything from the data is escaped, and nothing here runs script."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable

_VOID = {"img", "br", "hr", "col", "meta", "link"}


def is_static() -> bool:
    """Whether charts are drawn as pictures: `QA_RENDER=static`, as in scheduled reports."""
    return os.environ.get("QA_RENDER", "").strip().lower() == "static"


class Html(str):
    """Text that is HTML already; every other text is escaped when it is put into a tag."""

    def _repr_html_(self) -> str:
        return str(self)


def tag(element: str, /, *children: str | Html | Iterable[str | Html], **attributes: str | None) -> Html:
    """An element: children that are not `Html` are escaped, and so is every attribute.

    Attribute names drop a trailing underscore and turn the others into hyphens: `class_`, `data_figure`.
    An attribute that is None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value, quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if element in _VOID:
        return Html(f"<{element}{given}>")
    return Html(f"<{element}{given}>{join(*children)}</{element}>")


def join(*children: str | Html | Iterable[str | Html]) -> Html:
    """Children one after the other, each escaped unless it is `Html`."""
    parts = []
    for child in children:
        if isinstance(child, Html):
            parts.append(str(child))
        elif isinstance(child, str):
            parts.append(html.escape(child, quote=False))
        else:
            parts.append(str(join(*child)))
    return Html("".join(parts))


def document(title: str, body: Html, language: str = "zh") -> Html:
    """A whole page that is a file of its own: it runs no script and asks nobody for anything.

    The policy in its head holds that even for what a browser would do with a picture or a style.
    """
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        style("body { margin: 24px auto; max-width: 1200px; padding: 0 20px; background: #fff; }"),
    )
    page = tag("html", head, tag("body", tag("main", body)), lang="zh-CN" if language == "zh" else "en")
    return Html(f"<!DOCTYPE html>\n{page}\n")


def style(css: str) -> Html:
    """A style sheet of the library's own; never give it text from data."""
    return Html(f"<style>{css}</style>")


def figure(key: str, text: str) -> Html:
    """A figure that a test or a reader's tool can find: its key is in `data-figure`."""
    return tag("span", text, class_="qa-figure", data_figure=key)


def picture(svg: str, words: str) -> Html:
    """A drawing as an image of its own, so that the ids of two drawings on a page never meet."""
    data = base64.b64encode(svg.encode()).decode()
    return tag("img", src=f"data:image/svg+xml;base64,{data}", alt=words, class_="qa-picture")
