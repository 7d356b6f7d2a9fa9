"""Our evaluator of JSON-Logic against the answers of json-logic-js 2.0.5; see tests/data/json_logic."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from qa_lib.errors import UnknownName
from qa_lib.rules.exchange.evaluate import evaluate

ANSWERS = Path(__file__).parents[1] / "data" / "json_logic" / "answers.json"


def same(ours: Any, theirs: Any) -> bool:
    """Equal as JSON values; true is not 1."""
    return json.dumps(ours) == json.dumps(theirs) or (
        isinstance(ours, float) and isinstance(theirs, float) and abs(ours - theirs) < 1e-12
    )


def test_every_answer_of_json_logic_js_is_ours_too() -> None:
    cases = json.loads(ANSWERS.read_text(encoding="utf-8"))
    wrong = [
        (logic, data, told, evaluate(logic, data))
        for logic, data, told in cases
        if not same(evaluate(logic, data), told)
    ]
    assert wrong == []
    asked = Counter(operator for logic, _, _ in cases for operator in logic)
    assert {"==", "<=", "in", "if", "missing_some", "substr", "none", "reduce"} <= set(asked)
    assert len(cases) > 3_000


def test_an_unknown_operator_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"Unknown JSON-Logic operator 'mising'.*'missing'"):
        evaluate({"mising": ["a"]}, {})
