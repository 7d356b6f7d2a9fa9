"""What a screen is made of: words, charts, lists, lines of text and buttons, each with what it follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qa_lib.charts.html import Html
from qa_lib.charts.showing import AnyChart, Picked

Options = list[tuple[str, Any]]


@dataclass(frozen=True)
class Words:
    """A part made of words, tiles and tables; empty HTML takes no room."""

    name: str
    draw: Callable[[], Html]
    follows: frozenset[str]


@dataclass(frozen=True)
class Drawing:
    """A chart, or None where there is nothing to draw.

    `picked` says by the name of a selection what a click means; every name must be in each chart drawn. A
    chart with nothing to click is a picture, which a browser shows faster, unless `is_live`.
    """

    name: str
    draw: Callable[[], AnyChart | Html | None]
    follows: frozenset[str]
    picked: Mapping[str, Callable[[Picked], None]] = field(default_factory=dict)
    is_live: bool = False


@dataclass(frozen=True)
class Choice:
    """A list from which a trait is chosen; without options it is not shown."""

    trait: str
    options: Callable[[], Options]
    follows: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Entry:
    """A line of text that sets a trait when Enter is pressed or the line is left."""

    trait: str


@dataclass(frozen=True)
class Action:
    """A button that changes the workspace: `do` returns what was done, in words.

    It is disabled where the workspace is read-only, and refused in Python whatever the browser sends. `do` calls
    `qa_lib.workspace.see_through` before it writes, so that what was cancelled has written nothing.
    """

    name: str
    do: Callable[[], str]
    follows: frozenset[str] = frozenset()
    is_open: Callable[[], bool] = lambda: True


Part = Words | Drawing | Choice | Entry | Action
Row = Sequence[Part]


def names(*traits: str) -> frozenset[str]:
    """The traits that a part follows; the language always."""
    return frozenset(traits)
