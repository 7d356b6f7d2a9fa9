"""The SQL to read prints for Spark: what it prints is Spark's, and has nothing of DuckDB's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlglot
from sqlglot import exp
from test_rules_against_pandas import SHAPES

from qa_lib.rules import (
    All,
    Any,
    Attribute,
    Engine,
    Event,
    InAudience,
    Measure,
    Rule,
    Sequence,
    Step,
    compile_rule,
)

ALL: dict[str, Callable[[str], Rule]] = {
    **SHAPES,
    "in a saved audience": lambda x: InAudience("VIP", 3),
    "one sequence or another": lambda x: Any(
        *(Sequence([Step("cart"), Step(e)]) for e in ("visit", "redeem"))
    ),
    "not in a saved audience": lambda x: InAudience("VIP", member=False),
}
#: What DuckDB has and Spark has not, of all that the compiler could print.
OF_DUCKDB = {
    "epoch_us",
    "list_has_any",
    "list_has_all",
    "regexp_matches",
    "starts_with",
    "ends_with",
    "sha256",
}


@pytest.mark.parametrize("shape", ALL)
def test_a_rule_prints_for_spark(shape: str, engine: Engine) -> None:
    whole = compile_rule(ALL[shape]("A"), engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
    text = whole.text("spark")
    parsed = sqlglot.parse_one(text, read="spark")
    assert not list(parsed.find_all(exp.Placeholder, exp.Parameter))
    named = [cte.alias for cte in parsed.find_all(exp.CTE)]
    assert len(named) == len(set(named)), text
    called = {str(node.this).lower() for node in parsed.find_all(exp.Anonymous)}
    assert called & OF_DUCKDB == set(), text
    assert " AT TIME ZONE " not in text
    assert "EXCLUDE" not in text


def test_what_stands_inside_a_filter_is_said_in_the_dialect_too(engine: Engine) -> None:
    inside = All(Attribute("item_id", "matches", r"\d."), Attribute("item_id", "=", "a\0" + "12"))
    rule = Event(
        "purchase", where=All(inside, negated=True), measure=Measure("avg", "paid_amount"), value=1.5
    )
    whole = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
    text = whole.text("spark", pretty=False)
    assert r"'[\\x{30}-\\x{39}][^\\x{A}]'" in text
    assert "X'61003132'" in text
    assert "AVG(" not in text
