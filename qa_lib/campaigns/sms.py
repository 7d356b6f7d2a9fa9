"""SMS text: its encoding, its parts, and the cut that keeps link and opt-out whole.

GSM-7 carries 160 units in one message and 153 in each of several, an extension character being two
units; any other text is UCS-2, 70 or 67, counted in UTF-16 code units. Neither an extension character
nor a surrogate pair is split between parts.

References
----------
3GPP TS 23.038 (alphabet), TS 23.040 (concatenation).
"""

from __future__ import annotations

from bisect import bisect
from typing import Literal, NamedTuple

from qa_lib.campaigns.graphemes import graphemes
from qa_lib.errors import ContentError

Encoding = Literal["gsm7", "ucs2"]

GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")


class Limits(NamedTuple):
    """Units of a message that stands alone, and of each part of several."""

    single: int
    part: int


LIMITS: dict[Encoding, Limits] = {"gsm7": Limits(160, 153), "ucs2": Limits(70, 67)}


class Cut(NamedTuple):
    """A text that fits, and whether something was taken off it."""

    text: str
    was_cut: bool


def encoding_of(text: str) -> Encoding:
    """GSM-7 where every character has a code there, else UCS-2."""
    return "gsm7" if all(c in GSM7_BASIC or c in GSM7_EXTENSION for c in text) else "ucs2"


def forcing_characters(text: str) -> list[str]:
    """The distinct characters that make a text UCS-2, in order; what a preview points at."""
    return [c for c in dict.fromkeys(text) if c not in GSM7_BASIC and c not in GSM7_EXTENSION]


def units(text: str) -> int:
    """The units of a whole text in its own encoding."""
    encoding = encoding_of(text)
    return sum(_width(c, encoding) for c in text)


def split_parts(text: str) -> list[str]:
    """The parts in which a text is sent; an empty text is one empty part."""
    encoding = encoding_of(text)
    limits = LIMITS[encoding]
    if sum(_width(c, encoding) for c in text) <= limits.single:
        return [text]
    parts, room = [""], limits.part
    for character in text:
        width = _width(character, encoding)
        if width > room:
            parts.append("")
            room = limits.part
        parts[-1] += character
        room -= width
    return parts


def part_count(text: str) -> int:
    """How many parts a text takes; what a provider counts and charges."""
    return len(split_parts(text))


def cut_to_fit(text: str, *, before: str = "", after: str = "", max_parts: int = 1) -> Cut:
    """The whole message of at most so many parts, with the free text cut where it must be.

    The longest beginning of the text, in whole graphemes, that fits between `before` (the signature) and
    `after` (short link and opt-out) is kept, with `…` after it, or `...` where `…` would leave GSM-7.

    Raises
    ------
    ContentError
        When what must stay whole does not fit by itself.
    """
    whole = before + text + after
    if part_count(whole) <= max_parts:
        return Cut(whole, False)
    pieces = graphemes(text)

    def cut_after(kept: int) -> str:
        beginning = before + "".join(pieces[:kept])
        mark = "..." if encoding_of(beginning + after) == "gsm7" else "…"
        return beginning + mark + after

    # A longer beginning never takes fewer parts, also where it turns the text into UCS-2: so halve, not walk.
    most = min(len(pieces), max_parts * LIMITS["gsm7"].single)  # a grapheme is a unit at least
    fitting = bisect(range(most), max_parts, key=lambda kept: part_count(cut_after(kept)))
    if fitting:
        return Cut(cut_after(fitting - 1), True)
    raise ContentError(
        f"The signature, link and opt-out take {part_count(before + after)} parts without any text; the limit is "
        f"{max_parts}. Shorten them, or allow more parts."
    )


def _width(character: str, encoding: Encoding) -> int:
    if encoding == "gsm7":
        return 2 if character in GSM7_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1
