"""Rules as YAML: lossless, and what people write by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any as AnyValue

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.rules import World
from random_rules import rules

from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import Catalogue, Tag, read_rule
from qa_lib.rules.exchange import FORMATS, export_rule, from_yaml, import_rule, to_yaml

CONTRACT = sorted((Path(__file__).parents[1] / "contract").glob("*.rule.json"))
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@pytest.fixture(scope="session")
def any_rule(people_catalogue: Catalogue, company_world: World) -> st.SearchStrategy[AnyValue]:
    return rules(people_catalogue, company_world)


@given(data=st.data())
@settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)
def test_a_random_rule_comes_back_with_the_same_hash(
    data: st.DataObject, any_rule: st.SearchStrategy[AnyValue]
) -> None:
    rule = read_rule(data.draw(any_rule))
    assert from_yaml(to_yaml(rule)).hash == rule.hash
    assert from_yaml(rule.to_json()).hash == rule.hash


@pytest.mark.parametrize("path", CONTRACT, ids=lambda p: p.stem)
def test_every_kind_of_condition_comes_back(path: Path) -> None:
    rule = read_rule(path.read_text(encoding="utf-8"))
    assert from_yaml(to_yaml(rule)).hash == rule.hash


@given(st.text(max_size=30), st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_any_text_and_number_come_back(text: str, number: float) -> None:
    for value in (text, number):
        rule = Tag("x", "=", value)
        assert from_yaml(to_yaml(rule)).hash == rule.hash


def test_a_day_needs_no_quotes() -> None:
    rule = from_yaml("kind: tag\nfield: last_order_on\noperator: before\nvalue: 2017-06-01\n")
    assert rule == Tag("last_order_on", "before", "2017-06-01")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind: [", "is not YAML"),
        ("a: &a [1]\nb: *a\n", "aliases"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
        ("[" * 5_000, "too deeply"),
        ("kind: every", "Rule is not valid"),
    ],
)
def test_what_is_no_rule_is_refused(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        from_yaml(text)


@pytest.mark.parametrize("key", [f.key for f in FORMATS])
def test_every_format_writes_and_reads_the_same_rule(key: str, people_catalogue: Catalogue) -> None:
    rule = Tag("order_count_365d", ">", 3)
    text = export_rule(rule, key, people_catalogue)
    assert import_rule(text, key, people_catalogue).hash == rule.hash


def test_an_unknown_format_is_named_with_the_nearest(people_catalogue: Catalogue) -> None:
    with pytest.raises(UnknownName, match="'json-logic'"):
        export_rule(Tag("recency_days", ">", 3), "jsonlogic", people_catalogue)


@pytest.mark.parametrize("key", [f.key for f in FORMATS])
def test_a_rule_that_does_not_fit_is_refused_before_it_is_written(
    key: str, people_catalogue: Catalogue
) -> None:
    with pytest.raises(UnknownName, match="Unknown tag or attribute 'recency'"):
        export_rule(Tag("recency", ">", 1), key, people_catalogue)
    with pytest.raises(SpecError, match="made of groups and conditions"):
        export_rule(None, key, people_catalogue)  # type: ignore[arg-type] that is the fault
