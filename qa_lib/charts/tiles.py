"""Figures as tiles, a plain table and words, in HTML that runs no script; the same live and in a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qa_lib.charts.html import Html, figure, join, style, tag
from qa_lib.charts.theme import FONT, INK, PALETTE, PAPER, WARN

# Ink and paper are those of the notebook's theme; all else is mixed from the two, so that it reads on both.
_CSS = f"""
.qa-page {{ --qa-ink: var(--jp-ui-font-color0, {INK}); --qa-paper: var(--jp-layout-color1, {PAPER});
  --qa-quiet: color-mix(in srgb, var(--qa-ink) 70%, var(--qa-paper));
  --qa-line: color-mix(in srgb, var(--qa-ink) 15%, var(--qa-paper));
  --qa-shade: color-mix(in srgb, var(--qa-ink) 5%, var(--qa-paper));
  font-family: {FONT}; color: var(--qa-ink); font-size: 13px; line-height: 1.5; }}
.qa-page h2 {{ font-size: 20px; margin: 4px 0 6px; font-weight: 600; }}
.qa-evidence {{ border-left: 4px solid {PALETTE[1]}; padding: 2px 10px; margin: 4px 0; font-weight: 600; }}
.qa-page .qa-quiet {{ color: var(--qa-quiet); font-size: 12px; margin: 2px 0; }}
.qa-warning {{ border-left: 4px solid {WARN}; padding: 2px 10px; margin: 4px 0; }}
.qa-tiles {{ display: flex; flex-wrap: wrap; gap: 10px; margin: 8px 0; }}
.qa-tile {{ background: var(--qa-paper); color: var(--qa-ink); border: 1px solid var(--qa-line); border-radius: 8px;
  padding: 9px 14px 8px; min-width: 118px; box-sizing: border-box; }}
.qa-tile .qa-label {{ font-size: 12px; color: var(--qa-quiet); }}
.qa-tile .qa-figure {{ font-variant-numeric: tabular-nums; }}
.qa-tile .qa-number {{ font-size: 23px; line-height: 1.35; font-weight: 600; white-space: nowrap; }}
.qa-tile .qa-below {{ font-size: 11px; color: var(--qa-quiet); }}
.qa-tile.qa-none {{ background: var(--qa-shade); color: var(--qa-quiet); flex: 1 1 118px; min-width: 0; max-width: 190px; padding: 6px 12px; }}
.qa-tile.qa-none .qa-number {{ font-size: 15px; font-weight: 400; }}
.qa-table-box {{ overflow-x: auto; background: var(--qa-paper); border: 1px solid var(--qa-line);
  border-radius: 8px; }}
.qa-page table.qa-table {{ border-collapse: collapse; width: 100%; font-size: 12px; color: var(--qa-ink);
  background: var(--qa-paper); margin: 0; }}
.qa-page table.qa-table th {{ background: var(--qa-shade); color: var(--qa-quiet); font-weight: 600;
  text-align: right; padding: 6px 9px; vertical-align: bottom; line-height: 1.3; word-break: keep-all; }}
.qa-page table.qa-table td {{ text-align: right; padding: 4px 9px; border-top: 1px solid var(--qa-line);
  font-variant-numeric: tabular-nums; white-space: nowrap; }}
.qa-page table.qa-table .qa-words {{ text-align: left; }}
.qa-page table.qa-table td.qa-words:last-child {{ white-space: normal; min-width: 180px; color: var(--qa-quiet); }}
.qa-page table.qa-table tr.qa-chosen td {{ background: color-mix(in srgb, {PALETTE[0]} 18%, var(--qa-paper)); font-weight: 600; }}
.qa-picture {{ max-width: 100%; vertical-align: top; }}
.qa-pictures {{ display: flex; flex-wrap: wrap; gap: 10px; align-items: flex-start; }}
.qa-pictures > div {{ flex: 1 1 420px; max-width: 660px; }}
@property --qa-elapsed {{ syntax: "<integer>"; initial-value: 0; inherits: false; }}
@keyframes qa-appear {{ from {{ visibility: hidden; }} }}
@keyframes qa-count {{ to {{ --qa-elapsed: 3600; }} }}
.qa-after-a-second, .qa-cancel {{ animation: qa-appear 1s step-end; }}
.qa-after-a-second progress {{ width: 120px; margin: 0 8px; vertical-align: middle; }}
.qa-seconds::after {{ counter-reset: elapsed var(--qa-elapsed); content: counter(elapsed) attr(data-unit);
  animation: qa-count 3600s steps(3600, end); }}
.qa-chip {{ display: inline-block; border: 1px solid {PALETTE[0]}; border-radius: 12px; padding: 1px 10px;
  margin-right: 6px; }}
"""


@dataclass(frozen=True)
class Tile:
    """One figure: its key, what it is called, the text of its number, and words below and on hover."""

    key: str
    label: str
    text: str
    below: str | Html = ""
    about: str = ""
    is_recorded: bool = True


def page(*parts: str | Html) -> Html:
    """Parts of a dashboard under its style sheet."""
    return tag("div", style(_CSS), *parts, class_="qa-page")


def tiles(items: Sequence[Tile]) -> Html:
    """Figures side by side; those that were not recorded are grey and say why."""
    return tag("div", (_tile(item) for item in items), class_="qa-tiles")


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Sequence[int] = (0,),
    chosen: int | None = None,
) -> Html:
    """A table of texts.

    Parameters
    ----------
    words
        The columns that hold words and stand at the left; the others hold numbers.
    chosen
        The row that is marked.
    """

    def cell(name: str, column: int, text: str) -> Html:
        return tag(name, text, class_="qa-words" if column in words else None)

    head = tag("thead", tag("tr", (cell("th", i, h) for i, h in enumerate(heads))))
    body = (
        tag("tr", (cell("td", i, t) for i, t in enumerate(row)), class_="qa-chosen" if r == chosen else None)
        for r, row in enumerate(rows)
    )
    made = tag("table", head, tag("tbody", body), class_="qa-table")
    words_of_it = " · ".join(heads[:3])  # a wide table scrolls, by keyboard too, and says what it is
    return tag("div", made, class_="qa-table-box", role="group", tabindex="0", aria_label=words_of_it)


def note(text: str | Html, kind: str = "quiet") -> Html:
    """A line of words: `quiet`, `evidence` or `warning`."""
    return tag("p", text, class_=f"qa-{kind}")


def _tile(item: Tile) -> Html:
    return tag(
        "div",
        tag("div", item.label, class_="qa-label"),
        tag("div", figure(item.key, item.text), class_="qa-number"),
        tag("div", item.below, class_="qa-below") if item.below else join(),
        class_="qa-tile" if item.is_recorded else "qa-tile qa-none",
        title=item.about or None,
    )
