"""Messages are filled in as text, and what a channel cannot carry is said."""

from __future__ import annotations

from typing import Any

import pytest

from qa_lib.campaigns import (
    CHANNELS,
    EmailMessage,
    MiniProgramMessage,
    OutboxMessage,
    PushMessage,
    SmsMessage,
    addresses,
    part_count,
)
from qa_lib.campaigns.messages import _Message
from qa_lib.errors import ContentError, SpecError
from qa_lib.workspace import Snapshot

MAIL = {"subject": "Hi {{ name }}", "text": "t", "unsubscribe_url": "https://example.invalid/u?p={{ name }}"}
MESSAGES: list[Any] = [
    SmsMessage(text="Hi {{ name }}"),
    EmailMessage(**MAIL),
    PushMessage(title="Hi {{ name }}", buttons=("Go",), payload={"page": "{{ name }}"}),
    MiniProgramMessage(template_id="t", fields={"thing1": "{{ name }}"}),
    OutboxMessage(text="Hi {{ name }}"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda m: m.channel)
def test_every_channel_has_a_row_a_message_and_words(message: Any) -> None:
    row = CHANNELS[message.channel]
    assert all(row.label)
    assert message.placeholders == ("name",)
    assert type(message).from_json(message.to_json()) == message
    assert any("Ann" in part for part in message.render({"name": "Ann"}).content.values())
    with pytest.raises(ContentError, match="name"):
        message.render({})


def test_every_channel_is_tested() -> None:
    assert {m.channel for m in MESSAGES} == set(CHANNELS)


def test_only_a_message_of_a_channel_can_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        _Message()
    with pytest.raises(TypeError, match="abstract"):
        _Message.from_dict({})


def test_a_missing_value_has_its_stand_in_and_a_value_is_never_a_text() -> None:
    text = SmsMessage(text="亲爱的{{ name | 顾客 }}")
    assert text.render({}).content["text"] == "亲爱的顾客"
    assert text.render({"name": "{{ secret }}"}).content["text"] == "亲爱的{{ secret }}"
    page = EmailMessage(**MAIL, html="<b>{{ name }}</b>").render({"name": "<img onerror=x>"})
    assert page.content["html"] == "<b>&lt;img onerror=x&gt;</b>"


def test_overflow_is_a_choice() -> None:
    long = {"text": "优惠" * 60, "link": "https://s.example/a1", "opt_out": "拒收回复R"}
    cut = SmsMessage(**long).render({})
    assert (cut.unit_count, cut.was_cut) == (1, True)
    assert cut.content["text"].endswith("… https://s.example/a1 拒收回复R")
    whole = SmsMessage(**long, overflow="split").render({})
    assert (whole.unit_count, whole.was_cut) == (part_count(whole.content["text"]), False)
    with pytest.raises(ContentError, match="the limit is 1"):
        SmsMessage(**long, overflow="reject").render({})


def test_what_a_channel_cannot_carry_is_an_error() -> None:
    with pytest.raises(ContentError, match="one line"):
        EmailMessage(**MAIL).render({"name": "a\r\nBcc: all@example.invalid"})
    with pytest.raises(ContentError, match="4,096"):
        PushMessage(title="t", body="字" * 1_400).render({})
    with pytest.raises(ContentError, match="1 to 20"):
        MiniProgramMessage(template_id="t", fields={"thing1": "字" * 21}).render({})
    with pytest.raises(SpecError, match="no known type"):
        MiniProgramMessage(template_id="t", fields={"nothing1": "x"})
    with pytest.raises(SpecError, match="https"):
        EmailMessage(**{**MAIL, "unsubscribe_url": "http://example.invalid"})
    headers = EmailMessage(**MAIL).render({"name": "Ann"}).content
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_generated_addresses_are_seeded_marked_and_nobodys(snapshot: Snapshot) -> None:
    found = addresses(snapshot, random_state=1)
    assert found.equals(addresses(snapshot, random_state=1))
    assert not found.equals(addresses(snapshot, random_state=2))
    assert set(found["origin"]) == {"generated"}
    phones = found[found["identifier"] == "phone"]["address"]
    assert phones.str.startswith("+999").all()
    assert found[found["identifier"] == "email"]["address"].str.endswith(".invalid").all()
    assert 0.9 < len(phones) / snapshot.people_count < 1
    with pytest.raises(SpecError, match="shares"):
        addresses(snapshot, coverage=2)
