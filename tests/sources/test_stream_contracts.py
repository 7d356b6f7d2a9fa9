"""An event that breaks its contract is poison, with a reason that names what was wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from stream_helpers import event

from qa_lib.sources.stream import SHOP_CONTRACTS, Contracts, Poison

CONTRACTS = Contracts(SHOP_CONTRACTS)
NOW_US = 1_780_310_400_000_000  # 2026-06-01T10:40:00Z
LINE = {"item_id": "A", "order_id": "O1", "paid_amount": 12.34, "quantity": 2}


def read(value: Any) -> Any:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return CONTRACTS.read(raw, "sqlite/0", 5, NOW_US)


def test_a_purchase_carries_exact_amounts_and_drops_what_is_not_declared() -> None:
    found = read(event(1, event="purchase", properties={**LINE, "colour": "red"}, sent_at=1.5))
    assert found.properties == {
        "item_id": "A",
        "order_id": "O1",
        "paid_amount": Decimal("12.34"),
        "quantity": 2,
    }
    assert (found.partition, found.offset, found.sent_at) == ("sqlite/0", 5, 1.5)
    assert found.occurred_us == 1_780_308_000_000_000


def test_a_number_as_an_id_is_taken_as_text_and_a_zone_is_brought_to_utc() -> None:
    found = read(event(1, occurred_at="2026-06-01T18:00:00+08:00", properties={"item_id": 7}))
    assert found.properties == {"item_id": "7"}
    assert found.occurred_us == 1_780_308_000_000_000


def test_another_identifier_is_named_with_its_kind() -> None:
    told = event(1, identifiers={"phone": "+8613800000000"})
    del told["person_id"]
    assert read(told).person == "phone:+8613800000000"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff\x00", "not JSON"),
        (b"", "not JSON"),
        (b'{"event_id": NaN}', "not JSON"),
        (b"[1]", "a JSON list"),
        (b"null", "a JSON NoneType"),
        (b"[" * 5_000, "not JSON"),
        (b"x" * 70_000, "at most 65,536"),
        (event(1, event="brows"), "Did you mean 'browse'"),
        (event(1, event=["browse"]), "unknown event"),
        (event(1, event_id=""), "event_id ''"),
        (event(1, event_id=7), "event_id 7"),
        (event(1, event_id="x" * 201), "event_id"),
        (event(1, event_id="a\0b"), "event_id"),
        (event(1, person_id=None), "person_id None"),
        (event(1, occurred_at="2026-06-01T10:00:00"), "has no zone"),
        (event(1, occurred_at="yesterday"), "no moment"),
        (event(1, occurred_at=1_780_308_000), "no moment"),
        (event(1, occurred_at="2026-06-01T11:00:00Z"), "in the future"),
        (event(1, properties=[1]), "no object"),
        (event(1, properties={}), "'item_id' of 'browse' is missing"),
        (event(1, properties={"item_id": True}), "item_id True"),
        (event(1, event="purchase", properties={**LINE, "paid_amount": 12.345}), "paid_amount 12.345"),
        (event(1, event="purchase", properties={**LINE, "paid_amount": -1}), "paid_amount -1"),
        (event(1, event="purchase", properties={**LINE, "paid_amount": "12"}), "paid_amount '12'"),
        (event(1, event="purchase", properties={**LINE, "paid_amount": True}), "paid_amount True"),
        (event(1, event="purchase", properties={**LINE, "quantity": 1.5}), "quantity 1.5"),
    ],
    ids=str,
)
def test_poison_says_why(value: Any, reason: str) -> None:
    with pytest.raises(Poison, match=reason.replace("(", r"\(")):
        read(value)


def test_nobody_named_is_poison() -> None:
    told = event(1)
    del told["person_id"]
    for more in ({}, {"identifiers": {}}, {"identifiers": {"phone": "1", "email": "a@b"}}):
        with pytest.raises(Poison, match="nobody is named"):
            read({**told, **more})


def test_a_replay_may_be_ahead_of_the_clock() -> None:
    replay = Contracts(SHOP_CONTRACTS, ahead=None)
    raw = json.dumps(event(1, occurred_at="2030-01-01T00:00:00Z")).encode()
    assert replay.read(raw, "sqlite/0", 0, NOW_US).event == "browse"
