"""Graphemes: what a reader takes for one character, which a cut must not split.

The rules of Unicode's UAX #29 that messages meet, from the standard library alone: combining marks,
variation selectors, joined and coloured emoji, flags, keycaps, tags, Hangul syllables in parts, CR LF.
Not covered: prepended signs (rare Indic and Arabic ones) and conjunct clusters of Indic scripts, which
may be cut between their consonants; spacing marks (Mc) do stay with their letter.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"


def graphemes(text: str) -> list[str]:
    """The text in graphemes; joined, they are the text again."""
    found: list[str] = []
    flags = 0
    for character in text:
        joins = bool(found) and _joins(found[-1], character, flags)
        flags = flags + 1 if _is_flag_part(character) else 0
        if joins:
            found[-1] += character
        else:
            found.append(character)
    return found


def _joins(cluster: str, character: str, flags: int) -> bool:
    """Whether a character belongs to the grapheme before it; `flags` regional letters came just before."""
    last = cluster[-1]
    if last == "\r" and character == "\n":
        return True
    if unicodedata.category(last) in ("Cc", "Zl", "Zp") or unicodedata.category(character) in (
        "Cc",
        "Zl",
        "Zp",
    ):
        return False
    if _extends(character):
        return True
    if last == _JOINER:
        return len(cluster) > 1 and _is_pictograph(character)
    if _is_flag_part(character):
        return flags % 2 == 1
    return _is_hangul_tail(last, character)


def _extends(character: str) -> bool:
    code = ord(character)
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")
        or code in (0x200C, 0x200D)
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or 0xE0020 <= code <= 0xE007F  # tags: the flags of England, Scotland, Wales
        or 0xFF9E <= code <= 0xFF9F  # half-width voicing marks
    )


def _is_flag_part(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _is_pictograph(character: str) -> bool:
    return unicodedata.category(character) == "So" or ord(character) in (0x2194, 0x2195, 0x27A1)


def _is_hangul_tail(last: str, character: str) -> bool:
    before, after = ord(last), ord(character)
    leading = 0x1100 <= before <= 0x115F or 0xA960 <= before <= 0xA97C
    syllable = 0xAC00 <= before <= 0xD7A3
    open_syllable = syllable and (before - 0xAC00) % 28 == 0
    vowel = 0x1160 <= before <= 0x11A7 or 0xD7B0 <= before <= 0xD7C6
    trailing = 0x11A8 <= before <= 0x11FF or 0xD7CB <= before <= 0xD7FB
    to_vowel = 0x1160 <= after <= 0x11A7 or 0xD7B0 <= after <= 0xD7C6
    to_trailing = 0x11A8 <= after <= 0x11FF or 0xD7CB <= after <= 0xD7FB
    if leading:
        return 0x1100 <= after <= 0x115F or 0xA960 <= after <= 0xA97C or to_vowel or 0xAC00 <= after <= 0xD7A3
    if vowel or open_syllable:
        return to_vowel or to_trailing
    return (syllable or trailing) and to_trailing
