"""What each channel carries, to the last part, byte and character; one more is an error, never a cut in silence."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from qa_lib.campaigns import (
    MINI_PROGRAM_LIMITS,
    EmailMessage,
    MiniProgramMessage,
    PushMessage,
    Rendered,
    SmsMessage,
)
from qa_lib.errors import ContentError, SpecError

URL = "https://shop.example/stop?p="


def size(rendered: Rendered) -> int:
    return len(json.dumps(rendered.content, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize(("character", "most"), [("a", 1_530), ("€", 760), ("你", 670), ("😀", 330)])
def test_a_split_sms_takes_ten_parts_and_no_more(character: str, most: int) -> None:
    """153 or 67 units a part; of characters of two units 76 or 33."""
    message = SmsMessage(text="{{ text }}", overflow="split")
    sent = message.render({"text": character * most})
    assert (sent.unit_count, sent.content["text"]) == (10, character * most)
    with pytest.raises(ContentError, match=r"takes 11 parts.*the limit is 10"):
        message.render({"text": character * (most + 1)})
    cut = SmsMessage(text="{{ text }}", max_parts=10).render({"text": character * (most + 1)})
    assert (cut.unit_count, cut.was_cut) == (10, True)


@pytest.mark.parametrize("character", ["a", "字", "😀", "\n"])
def test_a_push_notice_takes_4096_bytes_of_everything_together(character: str) -> None:
    def notice(body: str) -> PushMessage:
        return PushMessage(
            title="标题", body=body, image="https://i.example/1", buttons=("买", "看"), payload={"page": "1"}
        )

    room = 4_096 - size(notice("x").render({})) + 1
    width = len(json.dumps(character, ensure_ascii=False).encode()) - 2
    full = character * (room // width) + "x" * (room % width)
    assert size(notice(full).render({})) == 4_096
    with pytest.raises(ContentError, match="4,097 bytes; the limit is 4,096"):
        notice(full + "x").render({})
    with pytest.raises(SpecError, match="buttons"):
        PushMessage(title="t", buttons=("1", "2", "3", "4"))


def test_a_payload_alone_is_held_to_the_same_bytes() -> None:
    with pytest.raises(ContentError, match="the limit is 4,096"):
        PushMessage(title="t", payload={"page": "{{ page }}"}).render({"page": "x" * 4_096})


@pytest.mark.parametrize("kind", MINI_PROGRAM_LIMITS)
def test_a_template_field_takes_its_types_characters(kind: str) -> None:
    message = MiniProgramMessage(template_id="t", fields={f"{kind}1": "{{ value }}"})
    limit = MINI_PROGRAM_LIMITS[kind]
    assert message.render({"value": "字" * limit}).content[f"{kind}1"] == "字" * limit
    with pytest.raises(ContentError, match=f"its type takes 1 to {limit}. Shorten"):
        message.render({"value": "字" * (limit + 1)})
    with pytest.raises(ContentError, match="has 0 characters"):
        MiniProgramMessage(template_id="t", fields={f"{kind}1": "{{ value | }}"}).render({})
    with pytest.raises(ContentError, match="control character"):
        message.render({"value": "字\n"})


def test_a_name_without_chinese_characters_may_be_twice_as_long() -> None:
    message = MiniProgramMessage(template_id="t", fields={"name1": "{{ value }}"})
    assert message.render({"value": "A" * 20}).content["name1"] == "A" * 20
    with pytest.raises(ContentError, match="1 to 20"):
        message.render({"value": "A" * 21})
    with pytest.raises(ContentError, match="1 to 10"):
        message.render({"value": "张" + "A" * 10})


def mail(**changes: Any) -> EmailMessage:
    return EmailMessage(**{"subject": "s", "text": "t", "unsubscribe_url": URL + "{{ id }}", **changes})


def test_an_e_mail_carries_its_one_click_headers() -> None:
    """RFC 8058, 3.1: one https address in angle brackets, and the post header with exactly this value."""
    content = mail(html="<b>h</b>").render({"id": "a1"}).content
    assert content == {
        "subject": "s",
        "text": "t",
        "html": "<b>h</b>",
        "List-Unsubscribe": f"<{URL}a1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    full = "x" * (900 - len(URL))
    assert mail().render({"id": full}).content["List-Unsubscribe"] == f"<{URL}{full}>"


@pytest.mark.parametrize(
    "value", ["张三", "a b", "a>, <https://other.example", "a&b=c#d", "50%", "a\r\nBcc: x"]
)
def test_a_value_in_the_address_is_text_and_comes_back_as_it_was(value: str) -> None:
    header = mail().render({"id": value}).content["List-Unsubscribe"]
    assert header.isascii()
    assert parse_qs(urlsplit(header.strip("<>")).query) == {"p": [value]}
    assert urlsplit(header.strip("<>")).netloc == "shop.example"


@pytest.mark.parametrize(
    "url", ["https://店.example/stop", "https://shop.example/a b", "https://a.example/<>"]
)
def test_an_address_that_no_header_carries_is_an_error_of_the_plan(url: str) -> None:
    with pytest.raises(ContentError, match="unsubscribe address"):
        mail(unsubscribe_url=url).render({})
    with pytest.raises(ContentError, match="at most 900"):
        mail().render({"id": "x" * 900})


def test_an_e_mail_takes_a_mebibyte() -> None:
    room = 1_048_576 - size(mail(html="x").render({"id": 1})) + 1
    full = "字" * (room // 3) + "x" * (room % 3)
    assert size(mail(html=full).render({"id": 1})) == 1_048_576
    with pytest.raises(ContentError, match="1,048,577 bytes; the limit is 1,048,576"):
        mail(html=full + "x").render({"id": 1})
