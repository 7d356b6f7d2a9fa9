"""A pattern of RE2 said so that Java's and Rust's engines find the same texts.

The three agree on groups, alternatives, repeats and on sets of letters that are written out; they differ on
what `.`, `$`, `\\d`, `\\w`, `\\s` and "whatever the case" stand for, on nested sets, and on words' borders. So
every letter and set is written out by its numbers, and what cannot be is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from qa_lib.errors import CannotExchange

Ranges = list[tuple[int, int]]
_LAST = 0x10FFFF
_SURROGATES = (0xD800, 0xDFFF)
_DIGITS: Ranges = [(0x30, 0x39)]
_UPPER: Ranges = [(0x41, 0x5A)]
_LOWER: Ranges = [(0x61, 0x7A)]
_WORD: Ranges = [*_DIGITS, *_UPPER, (0x5F, 0x5F), *_LOWER]
_PERL: dict[str, Ranges] = {"d": _DIGITS, "w": _WORD, "s": [(9, 10), (12, 13), (32, 32)]}
_POSIX: dict[str, Ranges] = {
    "alnum": [*_DIGITS, *_UPPER, *_LOWER],
    "alpha": [*_UPPER, *_LOWER],
    "ascii": [(0, 0x7F)],
    "blank": [(9, 9), (32, 32)],
    "cntrl": [(0, 0x1F), (0x7F, 0x7F)],
    "digit": _DIGITS,
    "graph": [(0x21, 0x7E)],
    "lower": _LOWER,
    "print": [(0x20, 0x7E)],
    "punct": [(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
    "space": [(9, 13), (32, 32)],
    "upper": _UPPER,
    "word": _WORD,
    "xdigit": [*_DIGITS, (0x41, 0x46), (0x61, 0x66)],
}
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
#: Letters beyond ASCII that RE2 takes for ASCII ones where the case does not matter.
_ALSO = {ord("k"): 0x212A, ord("s"): 0x17F}
_REPEAT = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAMED = re.compile(r"\(\?P<\w+>")
_NAMED_SET = re.compile(r"\[:(\^?)([a-z]+):\]")


def portable_pattern(pattern: str) -> str:
    """The pattern for Java's and Rust's engines; it is one that RE2 accepts.

    Raises
    ------
    CannotExchange
        For borders of words, kinds of letters (`\\p`), single bytes, `^` and `$` at every line, and letters
        beyond ASCII that have an upper and a lower case where the case does not matter.
    """
    return _Translation(pattern).text()


class _Translation:
    """One walk over the pattern, token by token; `flags` are those in force, `outer` those of the groups around."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.flags: frozenset[str] = frozenset()
        self.outer: list[frozenset[str]] = []
        self.said: list[str] = []

    def text(self) -> str:
        while self.at < len(self.pattern):
            self.said.append(self._token())
        return "".join(self.said)

    def _token(self) -> str:
        letter = self.pattern[self.at]
        if letter == "(":
            return self._group()
        if letter == "[":
            return self._set()
        if letter == "\\":
            return self._escape()
        if repeat := _REPEAT.match(self.pattern, self.at):
            return self._take(repeat.group())
        self.at += 1
        match letter:
            case ")":
                self.flags = self.outer.pop()
                return ")"
            case "|":
                return "|"
            case "^":
                return "\\A"
            case "$":
                return "\\z"
            case ".":
                return _written([(0, _LAST)]) if "s" in self.flags else _written([(10, 10)], negated=True)
            case _:
                return self._letter(ord(letter))

    def _take(self, text: str) -> str:
        self.at += len(text)
        return text

    def _refused(self, what: str) -> CannotExchange:
        return CannotExchange(
            f"The pattern {self.pattern!r} has {what}, which engines of patterns read differently. "
            "Write the letters out, or run the rule in the workbench's own engine."
        )

    def _group(self) -> str:
        if flags := _FLAGS.match(self.pattern, self.at):
            self._take(flags.group())
            on, off, end = flags.groups()
            inside = (self.flags | set(on)) - set(off or "")
            if "m" in inside:
                raise self._refused("the flag m (line by line)")
            if end == ")":
                self.flags = frozenset(inside)
                return ""
            self.outer.append(self.flags)
            self.flags = frozenset(inside)
            return "(?:"
        named = _NAMED.match(self.pattern, self.at)
        self._take(named.group() if named else "(")
        self.outer.append(self.flags)
        return "(?:"

    # -- letters ---------------------------------------------------------------------------------

    def _letter(self, number: int) -> str:
        return _written(self._whatever_the_case([(number, number)]))

    def _whatever_the_case(self, ranges: Ranges) -> Ranges:
        """With both cases of every letter, where the flag `i` is in force."""
        if "i" not in self.flags:
            return ranges
        found = list(ranges)
        for low, high in ranges:
            for number in range(max(low, 0x80), high + 1):
                if chr(number).lower() != chr(number) or chr(number).upper() != chr(number):
                    raise self._refused(f"the letter {chr(number)!r} whatever its case")
            for start, distance in ((0x41, 32), (0x61, -32)):
                first, last = max(low, start), min(high, start + 25)
                if first <= last:
                    found.append((first + distance, last + distance))
        also = [(more, more) for letter, more in _ALSO.items() if any(a <= letter <= b for a, b in found)]
        return found + also

    def _escape(self) -> str:
        rest = self.pattern[self.at + 1 :]
        if rest.startswith("Q"):
            quoted, _, _ = rest[1:].partition("\\E")
            self.at += 2 + len(quoted) + 2
            return "".join(self._letter(ord(letter)) for letter in quoted)
        if rest[:1].lower() in _PERL and rest:
            self.at += 2
            return _written(self._whatever_the_case(_PERL[rest[0].lower()]), negated=rest[0].isupper())
        if rest[:1] in ("A", "z"):
            return self._take(self.pattern[self.at : self.at + 2])
        return self._letter(self._escaped())

    def _escaped(self) -> int:
        """The number of one escaped letter, in a set or outside."""
        rest = self.pattern[self.at + 1 :]
        if found := re.match(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})", rest):
            self.at += 1 + found.end()
            return int(found.group(1) or found.group(2), 16)
        if found := re.match(r"[0-7]{1,3}", rest):
            self.at += 1 + found.end()
            return int(found.group(), 8)
        if rest[:1] in _CONTROL and rest:
            self.at += 2
            return _CONTROL[rest[0]]
        if rest[:1].isalnum() or not rest:
            raise self._refused(f"'\\{rest[:1]}'")
        self.at += 2
        return ord(rest[0])

    def _set(self) -> str:
        self.at += 1
        negated = self.pattern.startswith("^", self.at)
        self.at += negated
        ranges: Ranges = []
        first = True
        while first or not self.pattern.startswith("]", self.at):
            first = False
            ranges += self._member()
        self.at += 1
        return _written(ranges, negated=negated)

    def _member(self) -> Ranges:
        """One letter, range or named set between the brackets."""
        if named := _NAMED_SET.match(self.pattern, self.at):
            self._take(named.group())
            return self._known(_POSIX[named.group(2)], negated=bool(named.group(1)))
        escape = self.pattern[self.at : self.at + 2]
        if escape[:1] == "\\" and escape[1:].lower() in _PERL:
            self._take(escape)
            return self._known(_PERL[escape[1].lower()], negated=escape[1].isupper())
        low = self._one()
        if self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at):
            self.at += 1
            return self._whatever_the_case([(low, self._one())])
        return self._whatever_the_case([(low, low)])

    def _known(self, ranges: Ranges, *, negated: bool) -> Ranges:
        folded = self._whatever_the_case(ranges)
        return _complement(folded) if negated else folded

    def _one(self) -> int:
        if self.pattern[self.at] == "\\":
            return self._escaped()
        self.at += 1
        return ord(self.pattern[self.at - 1])


def _complement(ranges: Iterable[tuple[int, int]]) -> Ranges:
    found: Ranges = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return [*found, (start, _LAST)] if start <= _LAST else found


def _written(ranges: Ranges, *, negated: bool = False) -> str:
    """A set by the numbers of its letters; one plain letter as itself."""
    low, high = ranges[0]
    if len(ranges) == 1 and low == high and not negated and (chr(low).isalnum()):
        return chr(low)
    for number in (n for ends in ranges for n in ends):
        if _SURROGATES[0] <= number <= _SURROGATES[1]:
            raise CannotExchange(f"Half of a surrogate pair (\\x{{{number:X}}}) is no letter in a pattern.")
    inside = "".join(f"\\x{{{a:X}}}" + (f"-\\x{{{b:X}}}" if b > a else "") for a, b in sorted(set(ranges)))
    return f"[{'^' if negated else ''}{inside}]"
