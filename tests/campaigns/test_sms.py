"""SMS text against smsutil, a splitter from PyPI, on 20,000 texts; a cut keeps whole what must be whole."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
import smsutil
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.campaigns import (
    SmsMessage,
    cut_to_fit,
    encoding_of,
    forcing_characters,
    graphemes,
    part_count,
    split_parts,
    units,
)
from qa_lib.campaigns.sms import GSM7_BASIC, GSM7_EXTENSION
from qa_lib.errors import ContentError

ESCAPE = "\x1b"
BASIC = sorted(set(smsutil.codecs.GSM_BASIC_CHARSET) - {ESCAPE})
EXTENSION = sorted(smsutil.codecs.GSM_EXT_CHARSET)
CHINESE = [*"你好满减优惠券龘，。！【】", "\U00020000"]  # the last one is a surrogate pair
LATIN = ["`", "ç", "ş", "“", "’", "—", "…", "e\u0301", "a\u0308\u0323", "\u200d", "क्षि", "각", "\r\n"]
EMOJI = [
    "😀",
    "🎉",
    "❤\ufe0f",
    "1\ufe0f\u20e3",
    "👍🏽",
    "👩🏻‍🔬",
    "👨‍👩‍👧‍👦",
    "🇨🇳",
    "🇩🇪",
    "🏴\U000e0067\U000e007f",
]
POOLS = [
    BASIC,
    EXTENSION,
    BASIC + EXTENSION * 6,
    CHINESE,
    CHINESE + BASIC,
    LATIN + BASIC,
    EMOJI,
    EMOJI + CHINESE,
]
BORDERS = [0, 1, 66, 67, 70, 134, 140, 153, 160, 201, 268, 306, 459, 612]


def peer(text: str) -> Any:
    """What smsutil makes of a text.

    Two rules in which the workbench differs. The escape code is no character of a text: it announces an
    extension character, so a text that holds it goes as UCS-2. An empty text is GSM-7.
    """
    if not text:
        return smsutil.SplitResult([smsutil.Part("")], encoding="gsm0338")
    return smsutil.unicode_split(text) if ESCAPE in text else smsutil.split(text)


def width(text: str) -> int:
    return peer(text).total_bytes // (1 if peer(text).encoding == "gsm0338" else 2)


def random_text(chance: random.Random) -> str:
    """A text of random pieces, most often filled up to within 3 units of a border."""
    pieces = chance.choices(chance.choice(POOLS), k=chance.choice([0, 1, 3, 12, 40, 90]))
    if chance.random() < 0.02:
        pieces.append(ESCAPE)
    filler = chance.choice(["a", "a", "~", "你", "😀"])
    missing = chance.choice(BORDERS) + chance.randint(-3, 3) - width("".join([*pieces, filler]))
    pieces += [filler] * max(0, missing // width(filler))
    chance.shuffle(pieces)
    return "".join(pieces)


def test_the_splitter_agrees_with_smsutil_on_20000_random_texts() -> None:
    chance = random.Random(20_000)
    seen: Counter[str] = Counter()
    for _ in range(20_000):
        text = random_text(chance)
        found, told = split_parts(text), peer(text)
        assert encoding_of(text) == {"gsm0338": "gsm7", "utf_16_be": "ucs2"}[told.encoding]
        assert found == [part.content for part in told.parts]
        assert part_count(text) == len(told.parts)
        size = 1 if told.encoding == "gsm0338" else 2
        assert units(text) * size == told.total_bytes == sum(part.bytes for part in told.parts)
        assert "".join(found) == text
        seen[f"{told.encoding} in {min(len(found), 4)}"] += 1
        seen["part with room for half a character"] += any(p.bytes in (152, 132) for p in told.parts[:-1])
        seen["escape"] += ESCAPE in text
        seen["within a unit of one message"] += abs(units(text) - (160 if size == 1 else 70)) <= 1
    assert min(seen.values()) > 200, seen
    assert len(seen) == 11, seen


def test_the_alphabet_is_that_of_the_peer_and_of_the_standards_size() -> None:
    assert frozenset(BASIC) == GSM7_BASIC
    assert frozenset(EXTENSION) == GSM7_EXTENSION
    assert (len(GSM7_BASIC), len(GSM7_EXTENSION)) == (127, 10)  # and the escape


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


pieces_of_text = st.sampled_from([*BASIC, *EXTENSION, *CHINESE, *LATIN, *EMOJI, ESCAPE])
plain_pieces = st.sampled_from([*BASIC, *EXTENSION])
texts = st.one_of(
    st.text(max_size=400),
    st.lists(pieces_of_text, max_size=60).map("".join),
    st.lists(pieces_of_text, min_size=60, max_size=400).map("".join),
    st.lists(plain_pieces, min_size=120, max_size=600).map("".join),
)
signatures = st.sampled_from(["", "【店】", "Shop: "])
links = st.sampled_from(["", "https://s.example/a1", "https://s.example/~a1?p={7}"])
opt_outs = st.sampled_from(["", "拒收回复R", "STOP to end", "回T退订👋🏽"])


def is_whole(text: str) -> bool:
    """Without a lone surrogate."""
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace") == text


@settings(max_examples=300, deadline=None)
@given(texts, signatures, links, opt_outs, st.integers(1, 4))
def test_a_cut_fits_and_keeps_link_opt_out_and_graphemes_whole(
    text: str, before: str, link: str, opt_out: str, most: int
) -> None:
    after = (f" {link} " if link else "") + opt_out
    found = cut_to_fit(text, before=before, after=after, max_parts=most)
    assert len(peer(found.text).parts) <= most
    assert found.text.startswith(before)
    assert found.text.endswith(after)
    assert all(is_whole(part) for part in [found.text, *split_parts(found.text)])
    middle = found.text[len(before) : len(found.text) - len(after)]
    assert cut_to_fit(middle, before=before, after=after, max_parts=most) == (found.text, False)
    if len(peer(before + text + after).parts) <= most:
        assert found == (before + text + after, False)
        return
    assert found.was_cut
    kept = middle.removesuffix("...") if middle.endswith("...") else middle.removesuffix("…")
    pieces = graphemes(text)
    beginnings = ["".join(pieces[:n]) for n in range(len(pieces))]
    assert kept in beginnings
    for longer in beginnings[beginnings.index(kept) + 1 :]:  # nothing longer would have fitted
        mark = "..." if encoding_of(before + longer + after) == "gsm7" else "…"
        assert len(peer(before + longer + mark + after).parts) > most


@settings(max_examples=100, deadline=None)
@given(texts.filter(bool), signatures, links, opt_outs, st.integers(1, 4))
def test_a_message_over_its_limit_goes_out_with_its_link_and_opt_out(
    text: str, signature: str, link: str, opt_out: str, most: int
) -> None:
    message = SmsMessage(text="{{ text }}", signature=signature, link=link, opt_out=opt_out, max_parts=most)
    sent = message.render({"text": text})
    assert sent.unit_count == len(peer(sent.content["text"]).parts) <= most
    assert sent.content["text"].endswith(opt_out)
    assert link in sent.content["text"]
    assert is_whole(sent.content["text"])


def test_what_must_stay_whole_is_never_cut() -> None:
    with pytest.raises(ContentError, match="Shorten"):
        cut_to_fit("x", after=" 拒" * 40)


def test_a_preview_can_point_at_what_forces_ucs2() -> None:
    assert forcing_characters("it’s “on” €5") == ["’", "“", "”"]
