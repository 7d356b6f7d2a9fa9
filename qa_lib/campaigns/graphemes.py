"""Graphemes: what a reader takes for one character, which a cut must not split."""

from __future__ import annotations

import regex

_CLUSTER = regex.compile(r"\X")


def graphemes(text: str) -> list[str]:
    """The text in extended grapheme clusters; joined, they are the text again.

    References
    ----------
    Unicode Standard Annex #29, "Unicode Text Segmentation", rules GB3 to GB13, by the library `regex`.
    """
    return _CLUSTER.findall(text)
