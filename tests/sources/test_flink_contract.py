"""The Flink job that docs/flink describes reads and writes what the stream's contracts say; Flink itself is not run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from qa_lib.sources.stream.contracts import _LONGEST_ID, SHOP_CONTRACTS
from qa_lib.sources.stream.state import REMEMBERED_DAYS
from qa_lib.tables import ColumnType

JOB = Path(__file__).resolve().parents[2] / "docs" / "flink" / "take_over.sql"
#: Flink's name of each type of a property.
TYPES: dict[ColumnType, str] = {"text": "STRING", "integer": "BIGINT", "amount": "DECIMAL(18, 2)"}


def statements() -> list[str]:
    plain = re.sub(r"--.*", "", JOB.read_text(encoding="utf-8"))
    return [one.strip() for one in plain.split(";") if one.strip()]


def columns(table: str) -> dict[str, str]:
    """The physical columns of a table and their types."""
    (made,) = (s for s in statements() if s.startswith(f"CREATE TABLE {table} "))
    body = made[made.index("(") + 1 : made.rindex(") WITH")]
    found = {}
    for line in re.split(r",\s*\n(?![^<]*>)", body):
        name, type = line.strip().split(maxsplit=1)
        if name.upper() != "PRIMARY" and not type.startswith("AS ") and "METADATA" not in type:
            found[name] = " ".join(type.split())
    return found


def queries() -> dict[str, exp.Insert]:
    found = {}
    for one in statements():
        if one.startswith("INSERT"):
            parsed = sqlglot.parse_one(one)
            assert isinstance(parsed, exp.Insert)
            found[parsed.this.name] = parsed
    return found


@pytest.mark.parametrize("table", ["events", "events_clean"])
def test_the_topics_carry_the_properties_of_every_contract(table: str) -> None:
    told = re.fullmatch(r"ROW<\s*(.*?)\s*>", columns(table)["properties"])
    assert told is not None
    listed = dict(part.strip().split(maxsplit=1) for part in re.split(r",(?![^(]*\))", told[1]))
    declared = {n: TYPES[t] for contract in SHOP_CONTRACTS for n, t in contract.properties.items()}
    assert listed == declared
    assert list(columns(table))[:4] == ["event_id", "event", "person_id", "occurred_at"]


def test_the_queries_fill_the_columns_of_their_topics() -> None:
    found = queries()
    assert set(found) == {"events_clean", "person_counters"}
    for table, query in found.items():
        assert query.expression.named_selects == list(columns(table))
        for source in query.find_all(exp.Table):
            assert source.name in ("events", "events_clean", "person_counters")


def test_the_limits_are_those_of_the_consumer() -> None:
    text = " ".join(statements())
    events = re.search(r"event IN \(([^)]*)\)", text)
    assert events is not None
    assert set(re.findall(r"'(\w+)'", events[1])) == {contract.event for contract in SHOP_CONTRACTS}
    assert text.count(f"BETWEEN 1 AND {_LONGEST_ID}") == 2
    assert f"'table.exec.state.ttl' = '{REMEMBERED_DAYS} d'" in text
    assert "INTERVAL '5' MINUTE" in text
