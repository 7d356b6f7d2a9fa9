"""Messages: what is said on each channel, and how it is filled in for one person.

A text may name a person's fields as `{{ first_name }}` or, with what stands in for a missing value,
`{{ first_name | 顾客 }}`: nothing else, so a text cannot call or loop. What a channel cannot carry is a
`ContentError`, never dropped.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Annotated, Any, ClassVar, Literal, NamedTuple
from urllib.parse import quote, urlsplit

from pydantic import Field as Bounded
from pydantic import field_validator

from qa_lib.campaigns.channels import CHANNELS, MINI_PROGRAM_LIMITS, mini_program_limit
from qa_lib.campaigns.sms import cut_to_fit, encoding_of, part_count
from qa_lib.errors import ContentError
from qa_lib.guards import Spec

_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:\|([^{}]*))?\}\}")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: One-click addresses as a header carries them: ASCII, in one line of at most 998 (RFC 5322, 2.1.1).
_HEADER_URL = re.compile(r"(?i:https)://[!-;=?-~]{1,892}")


class Rendered(NamedTuple):
    """A message as it goes out: `content` by part of the message, and what is counted and shown of it."""

    content: dict[str, str]
    unit_count: int = 1
    was_cut: bool = False


class _Message(Spec, ABC):
    """What every message does."""

    _texts: ClassVar[tuple[str, ...]] = ()

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The fields that it names, in order."""
        return tuple(dict.fromkeys(m[1] for text in self._all_texts() for m in _PLACE.finditer(text)))

    @abstractmethod
    def render(self, values: Mapping[str, Any]) -> Rendered:
        """The message for one person.

        Raises
        ------
        ContentError
            When a named value is missing and nothing stands in for it, or the channel cannot carry it.
        """

    def _all_texts(self) -> Iterable[str]:
        return (getattr(self, name) for name in self._texts)


class SmsMessage(_Message):
    """A short message: signature, text, short link and opt-out, in this order.

    Parameters
    ----------
    max_parts, overflow
        The limit, and what happens beyond it: cut the text, let it take as many parts as the channel
        carries, or refuse.
    """

    channel: Literal["sms"] = "sms"
    text: str = Bounded(min_length=1, max_length=4_000)
    signature: str = Bounded(default="", max_length=100)
    link: str = Bounded(default="", max_length=200)
    opt_out: str = Bounded(default="", max_length=100)
    max_parts: int = Bounded(default=1, ge=1, le=10)
    overflow: Literal["truncate", "split", "reject"] = "truncate"
    _texts = ("text", "signature", "link", "opt_out")

    def render(self, values: Mapping[str, Any]) -> Rendered:
        text, before, link, opt_out = (_fill(t, values) for t in self._all_texts())
        after = (f" {link} " if link and opt_out else f" {link}" if link else "") + opt_out
        if self.overflow == "truncate":
            whole, was_cut = cut_to_fit(text, before=before, after=after, max_parts=self.max_parts)
        else:
            whole, was_cut = before + text + after, False
            limit = CHANNELS["sms"].max_units if self.overflow == "split" else self.max_parts
            if part_count(whole) > limit:
                raise ContentError(
                    f"The text takes {part_count(whole)} parts in {encoding_of(whole)}; the limit is {limit}. "
                    "Shorten it, or choose overflow='truncate'."
                )
        return Rendered({"text": whole}, part_count(whole), was_cut)


class EmailMessage(_Message):
    """An e-mail: subject, text and HTML parts; `unsubscribe_url` makes the one-click headers (RFC 8058).

    What is filled in is escaped in the HTML part and percent-encoded in the address.
    """

    channel: Literal["email"] = "email"
    subject: str = Bounded(min_length=1, max_length=500)
    text: str = Bounded(min_length=1, max_length=200_000)
    html: str = Bounded(default="", max_length=500_000)
    unsubscribe_url: str
    _texts = ("subject", "text", "html", "unsubscribe_url")

    @field_validator("unsubscribe_url")
    @classmethod
    def _https(cls, value: str) -> str:
        if urlsplit(value).scheme != "https" or not urlsplit(value).netloc:
            raise ValueError("expected an https address, which one-click unsubscribe needs")
        return value

    def render(self, values: Mapping[str, Any]) -> Rendered:
        subject, text = _fill(self.subject, values), _fill(self.text, values)
        url = _fill(self.unsubscribe_url, values, _in_url)
        if any(c in subject + url for c in "\r\n\0"):
            raise ContentError(
                "The subject or the unsubscribe address holds a line break; a header is one line."
            )
        if not _HEADER_URL.fullmatch(url):
            raise ContentError(
                f"The unsubscribe address {url[:80]!r} is none that a header carries: expected https, ASCII without "
                "blanks, and at most 900 characters."
            )
        content = {"subject": subject, "text": text}
        if self.html:
            content["html"] = _fill(self.html, values, escape)
        content["List-Unsubscribe"] = f"<{url}>"
        content["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return _within_bytes("email", content)


class PushMessage(_Message):
    """A push notice: title, body, image, buttons and a payload; all together within the channel's bytes."""

    channel: Literal["push"] = "push"
    title: str = Bounded(min_length=1, max_length=200)
    body: str = Bounded(default="", max_length=4_000)
    image: str = Bounded(default="", max_length=2_000)
    buttons: tuple[str, ...] = Bounded(default=(), max_length=3)
    payload: dict[str, str] = Bounded(default_factory=dict)

    def _all_texts(self) -> Iterable[str]:
        return (self.title, self.body, self.image, *self.buttons, *self.payload.values())

    def render(self, values: Mapping[str, Any]) -> Rendered:
        content = {"title": _fill(self.title, values)}
        for name in ("body", "image"):
            if getattr(self, name):
                content[name] = _fill(getattr(self, name), values)
        content |= {f"button_{i}": _fill(b, values) for i, b in enumerate(self.buttons, 1)}
        content |= {f"payload.{k}": _fill(v, values) for k, v in self.payload.items()}
        return _within_bytes("push", content)


class MiniProgramMessage(_Message):
    """A mini-program's subscription message: fields of an approved template, each with its type's length."""

    channel: Literal["mini_program"] = "mini_program"
    template_id: str = Bounded(min_length=1, max_length=100)
    fields: dict[str, str] = Bounded(min_length=1)

    @field_validator("fields")
    @classmethod
    def _typed(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name.rstrip("0123456789") not in MINI_PROGRAM_LIMITS:
                raise ValueError(f"{name!r} is of no known type; known are {', '.join(MINI_PROGRAM_LIMITS)}")
        return value

    def _all_texts(self) -> Iterable[str]:
        return self.fields.values()

    def render(self, values: Mapping[str, Any]) -> Rendered:
        content = {"template_id": self.template_id}
        for name, text in self.fields.items():
            filled = _fill(text, values)
            limit = mini_program_limit(name, filled)
            if _CONTROL.search(filled):
                raise ContentError(
                    f"The field {name!r} holds a line break or another control character; it is one line."
                )
            if not 0 < len(filled) <= limit:
                raise ContentError(
                    f"The field {name!r} has {len(filled)} characters; its type takes 1 to {limit}. Shorten it."
                )
            content[name] = filled
        return Rendered(content)


class OutboxMessage(_Message):
    """A row in the workspace's own outbox, which another system collects."""

    channel: Literal["outbox"] = "outbox"
    text: str = Bounded(min_length=1, max_length=100_000)
    _texts = ("text",)

    def render(self, values: Mapping[str, Any]) -> Rendered:
        return Rendered({"text": _fill(self.text, values)})


Message = Annotated[
    SmsMessage | EmailMessage | PushMessage | MiniProgramMessage | OutboxMessage,
    Bounded(discriminator="channel"),
]


def _fill(text: str, values: Mapping[str, Any], escape: Callable[[str], str] = str) -> str:
    """The text with its places filled; a value is text to the end, and is never read as a text again."""

    def one(place: re.Match[str]) -> str:
        value = values.get(place[1])
        if value is None or value == "":
            if place[2] is None:
                raise ContentError(
                    f"The text names {place[1]!r}, which this person lacks. Say what stands in for it: "
                    f"{{{{ {place[1]} | … }}}}."
                )
            value = place[2].strip()
        return escape(str(value))

    return _PLACE.sub(one, text)


def _in_url(value: str) -> str:
    return quote(value, safe="")


def _within_bytes(channel: str, content: dict[str, str]) -> Rendered:
    limit = CHANNELS[channel].max_bytes
    size = len(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
    if limit is not None and size > limit:
        raise ContentError(f"The {channel} message takes {size:,} bytes; the limit is {limit:,}. Shorten it.")
    return Rendered(content)
