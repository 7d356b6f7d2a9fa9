"""Identifiers of the synthetic people over five channels, with the errors that channels make, and whose each is.

A person has one loyalty card or two, a phone or two, often an e-mail, devices and an open id. Real identifiers are
one-to-one functions of the person's number, so a shard needs no other to know that they are unique.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Values = npt.NDArray[Any]

#: How often what goes wrong, of the people who have the identifier.
TYPO_RATE = 0.015
FAMILY_RATE = 0.03
RECYCLED_RATE = 0.02
MISSING_RATE = 0.05
TILL_CARDS = 40
#: How many people have what.
SECOND_CARD, SECOND_PHONE, EMAIL, DEVICE, SECOND_DEVICE, OPEN_ID = 0.08, 0.15, 0.6, 0.7, 0.25, 0.65

#: Second cards, phones and devices are those of numbers that nobody has.
_SECOND = 400_000_000
_PHONES = 900_000_000
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Identifiers:
    """Who has what in a shard: masks of shape (n,), and the links and the truth as tables.

    Attributes
    ----------
    numbers
        Person numbers.
    has_email, has_device, has_open_id
        Masks.
    crm_phone
        The phone that the CRM holds, as it was typed.
    bindings
        `seen_at`, `channel` and the identifiers that were seen together (`card`, `phone`, `open_id`, `device`).
    truth
        `kind`, `value`, `person_no`, `error` (empty, typo, family, recycled, till).
    """

    numbers: Values
    has_email: Values
    has_device: Values
    has_open_id: Values
    crm_phone: pa.Array
    bindings: pa.Table
    truth: pa.Table


def draw_identifiers(
    rng: np.random.Generator, first: int, registered_at: Values, until_us: int
) -> Identifiers:
    """The identifiers of a shard's people.

    Parameters
    ----------
    registered_at : shape (n,)
        When each was first known, µs since 1970.
    until_us
        The end of the data.
    """
    n = len(registered_at)
    numbers = np.arange(first, first + n, dtype=np.int64)
    u = rng.random((12, n))
    has_email, has_device, has_open_id = u[0] < EMAIL, u[1] < DEVICE, u[2] < OPEN_ID
    has_card_2, has_phone_2 = u[3] < SECOND_CARD, u[4] < SECOND_PHONE
    has_device_2 = has_device & (u[5] < SECOND_DEVICE)
    # at the till: what was told is mistyped, a relative's, or the cashier's own phone
    is_typo = u[6] < TYPO_RATE
    is_family = ~is_typo & (u[7] < FAMILY_RATE) & (numbers > first)
    is_till = np.zeros(n, dtype=bool)
    is_till[rng.permutation(n)[: min(TILL_CARDS, n // 50)]] = True
    is_family, is_typo = is_family & ~is_till, is_typo & ~is_till
    told = phone_numbers(numbers)
    told = np.where(is_family, phone_numbers(numbers - 1), told)
    told = np.where(is_typo, told + 6_000_000_000, told)  # 13… becomes 19…, where nobody's phone is
    told = np.where(is_till, 18_800_000_000 + first // 65_536, told)
    crm_phone = _text(told)

    span = until_us - registered_at

    def seen(part: float, chance: Values) -> Values:
        return registered_at + (span * chance * part).astype(np.int64)

    # a device that was sold is the next person's from then on
    sold = (
        np.flatnonzero(has_device[:-1] & (u[8][:-1] < RECYCLED_RATE))
        if n > 1
        else np.empty(0, dtype=np.int64)
    )
    cards, phones = card_ids(numbers), _text(phone_numbers(numbers))
    sold_at = np.maximum(seen(0.8, u[10])[sold], registered_at[sold + 1])
    parts = [
        _bound("pos", seen(0.1, u[9]), card=cards, phone=crm_phone),
        _bound("pos", seen(0.9, u[10]), has_card_2, card=card_ids(numbers + _SECOND), phone=phones),
        _bound(
            "crm", seen(0.9, u[11]), has_phone_2, card=cards, phone=_text(phone_numbers(numbers + _SECOND))
        ),
        _bound("shop", seen(0.5, u[10]), has_device, card=cards, device=device_ids(numbers)),
        _bound("shop", seen(0.9, u[9]), has_device_2, card=cards, device=device_ids(numbers + _SECOND)),
        _bound("mini_program", seen(0.6, u[11]), has_open_id, phone=phones, open_id=open_ids(numbers)),
        _bound("shop", sold_at, None, card=cards.take(pa.array(sold + 1)), device=device_ids(numbers[sold])),
    ]
    bindings = pa.concat_tables(parts)
    keep = pa.array(rng.random(len(bindings)) >= MISSING_RATE)
    owner = numbers.copy()
    owner[sold] += 1
    device_error = np.full(n, "", dtype=object)
    device_error[sold] = "recycled"
    card_error = np.select([is_typo, is_family, is_till], ["typo", "family", "till"], "")
    truth = pa.concat_tables(
        [
            _true("card", cards, numbers, card_error),
            _true("card", card_ids(numbers + _SECOND), numbers, "", has_card_2),
            _true("phone", _e164(phones), numbers, ""),
            _true("phone", _e164(_text(phone_numbers(numbers + _SECOND))), numbers, "", has_phone_2),
            _true("phone", _e164(crm_phone), numbers, "typo", is_typo),
            _true("email", emails(numbers), numbers, "", has_email),
            _true("device", device_ids(numbers), owner, device_error, has_device),
            _true("device", device_ids(numbers + _SECOND), numbers, "", has_device_2),
            _true("open_id", open_ids(numbers), numbers, "", has_open_id),
        ]
    )
    return Identifiers(numbers, has_email, has_device, has_open_id, crm_phone, bindings.filter(keep), truth)


def card_ids(numbers: Values) -> pa.Array:
    """Loyalty cards, which are also the source's own id of a person."""
    return pc.binary_join_element_wise("C", pc.utf8_lpad(_text(numbers), 9, "0"), "")


def phone_numbers(numbers: Values) -> Values:
    """Mobile numbers 130… to 138…, one to one: the multiplier has no divisor in common with their count."""
    return 13_000_000_000 + (numbers % _PHONES * 618_033_989 + 20_260_601) % _PHONES


def emails(numbers: Values) -> pa.Array:
    """E-mail addresses."""
    hosts = pa.array(["mail.example", "post.example", "inbox.example"]).take(pa.array(numbers % 3))
    return pc.binary_join_element_wise("u", _text(numbers), "@", hosts, "")


def device_ids(numbers: Values) -> pa.Array:
    """Device ids: 32 hexadecimal digits."""
    return _hex(numbers, 1, 32)


def open_ids(numbers: Values) -> pa.Array:
    """Open ids of the mini-program: 24 hexadecimal digits after an o."""
    return pc.binary_join_element_wise("o", _hex(numbers, 2, 24), "")


def _hex(numbers: Values, salt: int, digits: int) -> pa.Array:
    """Mixed numbers (SplitMix64, one to one) in hexadecimal digits."""
    words = np.stack([_mixed(numbers, salt), _mixed(numbers, salt + 100)], axis=1)
    octets = words.astype(">u8").view(np.uint8).reshape(len(numbers), 16)
    text = np.empty((len(numbers), 32), dtype=np.uint8)
    text[:, 0::2], text[:, 1::2] = _HEX[octets >> 4], _HEX[octets & 15]
    kept = np.ascontiguousarray(text[:, :digits])
    ends = np.arange(0, (len(numbers) + 1) * digits, digits, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(kept))


def _mixed(numbers: Values, salt: int) -> Values:
    with np.errstate(over="ignore"):
        z = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(
            salt * 0x632BE59BD9B4E019 % 2**64
        )
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _text(numbers: Values) -> pa.Array:
    return pa.array(numbers).cast(pa.string())


def _e164(phones: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise("+86", phones, "")


def _bound(channel: str, at: Values, chosen: Values | None = None, **kinds: pa.Array) -> pa.Table:
    n = len(at)
    none = pa.nulls(n, pa.string())
    table = pa.table(
        {
            "seen_at": pa.array(at, pa.timestamp("us", "UTC")),
            "channel": pa.repeat(channel, n).cast(pa.string()),
            **{kind: kinds.get(kind, none) for kind in ("card", "phone", "open_id", "device")},
        }
    )
    return table if chosen is None else table.filter(pa.array(chosen))


def _true(kind: str, values: pa.Array, owner: Values, error: Any, chosen: Values | None = None) -> pa.Table:
    n = len(values)
    table = pa.table(
        {
            "kind": pa.repeat(kind, n),
            "value": values,
            "person_no": pa.array(owner, pa.int64()),
            "error": pa.array(np.broadcast_to(np.asarray(error, dtype=object), (n,)), pa.string()),
        }
    )
    return table if chosen is None else table.filter(pa.array(chosen))
