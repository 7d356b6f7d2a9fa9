"""The channels: one row each, which the messages, the plan, the forms and the docs read."""

from __future__ import annotations

from dataclasses import dataclass

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import Label


@dataclass(frozen=True)
class Channel:
    """What a channel needs and can do.

    Parameters
    ----------
    identifier
        The kind of identifier that a person must have; `person_id` is had by everybody.
    takes_key, can_look_up
        Whether a provider on it usually accepts an idempotency key, and can be asked about a message.
    unit
        What is counted and paid: an SMS part, or one message.
    max_units
        The most units of one message.
    max_bytes
        The most bytes of what is handed over, where the channel has such a limit.
    """

    name: str
    label: Label
    identifier: str
    takes_key: bool
    can_look_up: bool
    unit: str
    max_units: int = 1
    max_bytes: int | None = None


CHANNELS: dict[str, Channel] = {
    c.name: c
    for c in (
        Channel("sms", Label("短信", "SMS"), "phone", False, True, "part", max_units=10),
        Channel("email", Label("邮件", "E-mail"), "email", True, False, "message", max_bytes=1_048_576),
        Channel("push", Label("推送", "Push"), "device_id", True, False, "message", max_bytes=4_096),
        Channel("mini_program", Label("小程序", "Mini-program"), "open_id", False, False, "message"),
        Channel("outbox", Label("发件箱", "Outbox"), "person_id", True, True, "message"),
    )
}

#: Fields of a mini-program's template by type: the most characters each may hold. A name without Chinese
#: characters may hold twice as many; see `mini_program_limit`.
MINI_PROGRAM_LIMITS = {
    "thing": 20,
    "number": 32,
    "letter": 32,
    "character_string": 32,
    "symbol": 5,
    "phrase": 5,
    "name": 10,
    "phone_number": 17,
    "car_number": 8,
    "amount": 12,
    "time": 24,
    "date": 24,
}


def mini_program_limit(field: str, text: str) -> int:
    """The most characters that a template's field, such as `thing1`, holds of a text like this one."""
    kind = field.rstrip("0123456789")
    return 2 * MINI_PROGRAM_LIMITS[kind] if kind == "name" and text.isascii() else MINI_PROGRAM_LIMITS[kind]


def channel(name: str) -> Channel:
    """The channel of that name."""
    try:
        return CHANNELS[name]
    except KeyError:
        raise UnknownName(f"Unknown channel {name!r}.{did_you_mean(name, CHANNELS)}") from None
