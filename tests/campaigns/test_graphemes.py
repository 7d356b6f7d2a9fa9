"""A grapheme is what a reader takes for one character, in every script; joined they are the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_lib.campaigns import graphemes


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("你好", 2),
        ("e\u0301", 1),  # a letter and its accent
        ("1\ufe0f\u20e3", 1),  # keycap
        ("❤\ufe0f\u200d🔥", 1),
        ("👍🏽", 1),
        ("👨‍👩‍👧", 1),
        ("👨‍👩‍👧👨🏽‍👩🏻‍👧🏿‍👦", 2),
        ("🇨🇳🇩🇪", 2),
        ("🇨🇳🇩", 2),  # half a flag is alone
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 1),  # England
        ("각", 1),
        ("\u1100\u1161\u11a8", 1),  # the same Hangul syllable in its letters
        ("\u1100\u1161\u11a8\u1100", 2),
        ("\r\n", 1),
        ("\n\r", 2),
        ("क्षि", 1),  # Devanagari conjunct with its vowel
        ("ক্ষ", 1),  # Bengali
        ("ക്ഷ", 1),  # Malayalam
        ("नमस्ते", 3),
        ("\u0600\u0661", 1),  # the Arabic number sign belongs to what follows
        ("กำ", 1),  # Thai sara am
    ],
)
def test_a_grapheme_is_what_a_reader_takes_for_one(text: str, count: int) -> None:
    assert len(graphemes(text)) == count


@given(st.text(max_size=60))
def test_graphemes_joined_are_the_text(text: str) -> None:
    assert "".join(graphemes(text)) == text
    assert all(graphemes(text))
