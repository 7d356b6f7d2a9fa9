"""The declared topics are what is read and made: a schema takes an event exactly when the reader does."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from stream_helpers import event

from qa_lib.sources.stream import SHOP_CONTRACTS, Contracts, Poison
from qa_lib.sources.stream.topics import MATCHES, MatchChange, events_topic, match_records

LINE = {"item_id": "A", "order_id": "o", "paid_amount": 12.5}
EVENTS: list[tuple[dict[str, Any], bool]] = [
    (event(1), True),
    (event(1, sent_at=1.5), True),
    (event(1, properties={"item_id": 17}), True),
    (event(1, properties={}), False),
    (event(1, properties=None), False),
    (event(1, event="fly"), False),
    (event(1, event_id=""), False),
    (event(1, event_id=7), False),
    (event(1, occurred_at=5), False),
    ({**{k: v for k, v in event(1).items() if k != "person_id"}, "identifiers": {"phone": "1"}}, True),
    ({k: v for k, v in event(1).items() if k != "person_id"}, False),
    (event(1, event="purchase", properties=LINE), True),
    (event(1, event="purchase", properties={**LINE, "quantity": None}), True),
    (event(1, event="purchase", properties={**LINE, "quantity": "two"}), False),
    (event(1, event="purchase", properties={**LINE, "paid_amount": -1}), False),
    (event(1, event="purchase", properties={"item_id": "A", "order_id": "o"}), False),
]


@pytest.mark.parametrize(("told", "good"), EVENTS)
def test_the_schema_of_events_and_the_reader_agree(told: dict[str, Any], good: bool) -> None:
    topic = events_topic()
    validator = jsonschema.Draft202012Validator(topic.json_schema)
    assert validator.is_valid(told) == good
    contracts = Contracts(SHOP_CONTRACTS, ahead=None)
    value = json.dumps(told).encode()
    if good:
        assert contracts.read(value, "p/0", 0, 0).event == told["event"]
    else:
        with pytest.raises(Poison):
            contracts.read(value, "p/0", 0, 0)


def test_a_change_of_the_state_is_a_record_of_the_topic() -> None:
    rows = [(3, "p1", "<人群>", "enter", 1_790_000_000_000_001, "e1"), (4, "p1", "x", "leave", 0, "e2")]
    records = match_records(MatchChange(*row) for row in rows)
    assert [key for key, _ in records] == ["p1", "p1"]
    told = [json.loads(value) for _, value in records]
    for record in told:
        jsonschema.validate(record, MATCHES.json_schema)
    assert told[0]["audience"] == "<人群>"
    assert told[1]["as_of"] == "1970-01-01T00:00:00Z"
    assert told[0][MATCHES.id] == 3
    assert MATCHES.key in told[0]
