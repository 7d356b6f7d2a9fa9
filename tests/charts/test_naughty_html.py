"""Every string of a public list through the one helper that makes HTML, read back by a parser of HTML."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

from qa_lib.charts.html import document, figure, picture, tag

NAUGHTY = json.loads(
    (Path(__file__).parents[1] / "data" / "naughty_strings.json").read_text(encoding="utf-8")
)


class Reader(HTMLParser):
    """What a browser would see: elements with their attributes, and texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_text_is_one_text_and_one_attribute() -> None:
    for text in NAUGHTY:
        seen = Reader(tag("p", text, title=text))
        assert seen.elements == [("p", {"title": text})]
        assert seen.text == text
        seen = Reader(figure(text, text))
        assert seen.elements == [("span", {"class": "qa-figure", "data-figure": text})]
        assert Reader(picture(text, text)).elements[0][1]["alt"] == text


def test_no_title_of_a_page_ends_its_title() -> None:
    for text in NAUGHTY:
        names = [name for name, _ in Reader(document(text, tag("p", text))).elements]
        assert names == ["html", "head", "meta", "meta", "meta", "title", "style", "body", "main", "p"]
