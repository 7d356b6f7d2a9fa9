"""SMS text against an independent count and split that walk codes one by one, on thousands of texts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.campaigns import (
    cut_to_fit,
    encoding_of,
    forcing_characters,
    graphemes,
    part_count,
    split_parts,
    units,
)
from qa_lib.errors import ContentError

# The alphabet once more, from the table of 3GPP TS 23.038, row by row.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå" + "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ" + " !\"#¤%&'()*+,-./" + "0123456789:;<=>?" + "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§" + "¿abcdefghijklmno" + "pqrstuvwxyzäöñüà"
)
EXTENSION = "|^€{}[]~\\\f"
POOL = BASIC + EXTENSION * 4
WIDE = POOL + "你好满减优惠券ş“”’—" + "😀🎉👍🏽👨‍👩‍👧" + "e\u0301\u200d"


def naive(text: str) -> tuple[str, int, list[str]]:
    """Encoding, units and parts, over a list of atoms with their widths."""
    if all(c in BASIC + EXTENSION for c in text):
        name, single, part = "gsm7", 160, 153
        atoms = [(c, 2 if c in EXTENSION else 1) for c in text]
    else:
        name, single, part = "ucs2", 70, 67
        atoms = [(c, len(c.encode("utf-16-le")) // 2) for c in text]
    whole = sum(w for _, w in atoms)
    if whole <= single:
        return name, whole, [text]
    parts: list[list[tuple[str, int]]] = [[]]
    for atom in atoms:
        if sum(w for _, w in parts[-1]) + atom[1] > part:
            parts.append([])
        parts[-1].append(atom)
    return name, whole, ["".join(c for c, _ in p) for p in parts]


def test_the_alphabet_has_its_size() -> None:
    assert len(BASIC) == 127  # and the escape
    assert len(set(BASIC)) == 127


@pytest.mark.parametrize("pool", [BASIC, POOL, WIDE])
def test_thousands_of_random_texts_agree_with_the_naive_oracle(pool: str) -> None:
    chance = random.Random(5)
    for _ in range(1_500):
        text = "".join(
            chance.choices(pool, k=chance.choice([0, 1, 66, 69, 70, 71, 134, 152, 160, 161, 310, 480]))
        )
        assert (encoding_of(text), units(text), split_parts(text)) == naive(text)
        assert part_count(text) == len(split_parts(text))
        assert "".join(split_parts(text)) == text


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "gsm7", 1),
        ("a" * 160, "gsm7", 1),
        ("a" * 161, "gsm7", 2),
        ("a" * 306, "gsm7", 2),
        ("a" * 307, "gsm7", 3),
        ("€" * 80, "gsm7", 1),
        ("€" * 81, "gsm7", 2),
        ("€" * 153, "gsm7", 3),  # 76 pairs a part, since none is split
        ("你" * 70, "ucs2", 1),
        ("你" * 71, "ucs2", 2),
        ("你" * 134, "ucs2", 2),
        ("你" * 135, "ucs2", 3),
        ("😀" * 35, "ucs2", 1),
        ("😀" * 36, "ucs2", 2),
        ("😀" * 67, "ucs2", 3),  # 33 pairs a part
        ("`", "ucs2", 1),
        ("ç", "ucs2", 1),
    ],
)
def test_known_lengths(text: str, encoding: str, parts: int) -> None:
    assert (encoding_of(text), part_count(text)) == (encoding, parts)


texts = st.text(alphabet=WIDE, max_size=400)


@settings(max_examples=150, deadline=None)
@given(
    texts,
    st.sampled_from(["", "【店】"]),
    st.sampled_from(["", " https://s.example/a1", " 拒收回复R"]),
    st.integers(1, 3),
)
def test_a_long_text_ends_within_its_limit_link_and_opt_out_included(
    text: str, before: str, after: str, most: int
) -> None:
    found = cut_to_fit(text, before=before, after=after, max_parts=most)
    assert part_count(found.text) <= most
    assert found.text.startswith(before)
    assert found.text.endswith(after)
    assert found.was_cut == (found.text != before + text + after)
    middle = found.text[len(before) : len(found.text) - len(after)]
    assert cut_to_fit(middle, before=before, after=after, max_parts=most) == (found.text, False)
    if found.was_cut:
        kept = middle.removesuffix("...") if middle.endswith("...") else middle.removesuffix("…")
        pieces = graphemes(text)
        assert kept in {"".join(pieces[:n]) for n in range(len(pieces))}
        # nothing longer would have fitted
        n = next(n for n in range(len(pieces)) if "".join(pieces[:n]) == kept)
        for more in range(n + 1, len(pieces)):
            beginning = before + "".join(pieces[:more])
            mark = "..." if naive(beginning + after)[0] == "gsm7" else "…"
            assert len(naive(beginning + mark + after)[2]) > most


def test_what_must_stay_whole_is_never_cut() -> None:
    with pytest.raises(ContentError, match="Shorten"):
        cut_to_fit("x", after=" 拒" * 40)


def test_a_preview_can_point_at_what_forces_ucs2() -> None:
    assert forcing_characters("it’s “on” €5") == ["’", "“", "”"]
