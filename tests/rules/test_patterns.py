"""A pattern said for other engines finds what RE2 finds: as itself in RE2, and backtracking in Python's `re`.

That Rust's engine agrees is held by `test_spark_connect`, which runs these patterns on a server.
"""

from __future__ import annotations

import re

import duckdb
import pytest

from qa_lib.errors import CannotExchange
from qa_lib.rules.patterns import portable_pattern

#: Patterns, each found in some of the texts and not in others.
PATTERNS = [
    "a.b", "(?s)a.b", "^a", "b$", "^$", r"\d", r"\D", r"\w\w", r"\W", r"\s", r"\S\S\S", "[a-c]x", "[^a-c]",
    "[]a]", "[^]a]", "[a-]", "[-a]", r"[\d-z]", r"[\w-]+é", "[--a]", "[[:alpha:]]{2}", "[[:^alpha:]]",
    "[[:space:]]", "[a&&b]", "[[]", "(?i)k", "(?i)s", "(?i)[j-l]", "(?i)[^k]", r"(?i)\w", r"(?i)\W",
    "(?i)[[:upper:]]", "(?i)grocery|杂货", "(?i)a(?-i)b", "(?i:a)b", "(?P<x>a)(b|c)?", "a{2}", "a{2,3}?b",
    "a{,3}", "a{x", r"\x41", r"\x{4E0D}", r"\101", r"\Qa.b\E+", r"\Q[", r"\.", r"\-", "不|é", "x*", "(|a)b",
    r"\Aa|b\z", r"\t", r"[\t\n]", r"[\x{4E00}-\x{9FA5}]", "~", "#| ", "[^\n]", "(?U)a+b", "a|b|",
]  # fmt: skip
TEXTS = [
    "", "a", "b", "ab", "a.b", "a\nb", "b\n", "a\rb", "a\u2028b", "a\x85b", "aab", "aaab", "A", "AB", "K", "k",
    "\u212a", "s", "ſ", "S", "é", "É", "ax", "cx", "dx", "]", "-", "[", "&", "5", "٣", "a5", "_", " ", "\x0b",
    "\t", "\u00a0", "不", "杂货", "GROCERY", "grocery", "a{,3}", "a{x", "[a", "~", "#", "z", "é-é", "😀", "x", "\0",
    "JL", "l",
]  # fmt: skip


def found_by_re2(pattern: str) -> list[bool]:
    rows = [(i, text) for i, text in enumerate(TEXTS)]
    with duckdb.connect() as con:
        con.execute("CREATE TABLE texts (i INTEGER, t VARCHAR)")
        con.executemany("INSERT INTO texts VALUES (?, ?)", rows)
        answer = con.execute("SELECT regexp_matches(t, ?) FROM texts ORDER BY i", [pattern]).fetchall()
    return [found for (found,) in answer]


def found_by_python(pattern: str) -> list[bool]:
    """Python writes the end of the text and a letter's number otherwise; all else it reads alike."""
    said = re.sub(r"\\x\{([0-9A-F]+)\}", lambda n: f"\\U{int(n[1], 16):08X}", pattern).replace("\\z", "\\Z")
    return [re.search(said, text) is not None for text in TEXTS]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_said_otherwise_finds_the_same_texts(pattern: str) -> None:
    said = portable_pattern(pattern)
    expected = found_by_re2(pattern)
    assert found_by_re2(said) == expected
    assert found_by_python(said) == expected


def test_most_patterns_tell_texts_apart() -> None:
    assert sum(len(set(found_by_re2(p))) == 2 for p in PATTERNS) >= 0.9 * len(PATTERNS)


@pytest.mark.parametrize(
    "pattern", [r"\bgro", r"\Bx", r"\pL", r"\PL", r"[\pL]", r"\C", "(?m)^a$", "(?i)é", "(?i)[à-ý]", "(?im:a)"]
)
def test_what_engines_read_differently_is_refused_with_the_way_on(pattern: str) -> None:
    with pytest.raises(CannotExchange, match="which engines of patterns read differently"):
        portable_pattern(pattern)
