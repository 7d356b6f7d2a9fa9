"""Rules as queries of react-querybuilder and back, and the queries that its form makes."""

from __future__ import annotations

import re
from typing import Any as AnyValue

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qa_lib.errors import CannotExchange, SpecError, UnknownName
from qa_lib.rules import All, Any, Attribute, Catalogue, Event, Not, Rule, Tag, read_rule
from qa_lib.rules.exchange import from_querybuilder, to_querybuilder

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
many = settings(max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)
COUNT, AGE = "order_count_365d", "age_band"


@given(data=st.data())
@many
def test_a_random_rule_comes_back_with_the_same_hash(
    data: st.DataObject, profile_rules: st.SearchStrategy[AnyValue], people_catalogue: Catalogue
) -> None:
    rule = read_rule(data.draw(profile_rules))
    try:
        query = to_querybuilder(rule, people_catalogue)
    except CannotExchange as error:
        refusal = str(error)
    else:
        assert from_querybuilder(query, people_catalogue).hash == rule.hash
        return
    assert re.search("'matches'|'in last'|'anniversary|'has all'|takes a list there", refusal)


def query(*rules: AnyValue, **more: AnyValue) -> AnyValue:
    return {"combinator": "and", "rules": list(rules), **more}


def cond(field: str, operator: str, value: AnyValue, **more: AnyValue) -> AnyValue:
    return {"id": "r-1", "field": field, "operator": operator, "value": value, **more}


@pytest.mark.parametrize(
    ("given_query", "rule"),
    [
        (query(cond(COUNT, ">", "3", valueSource="value")), All(Tag(COUNT, ">", 3))),
        (query(cond(COUNT, "between", "1,5")), All(Tag(COUNT, "between", (1, 5)))),
        (query(cond(COUNT, "notBetween", ["1", 5])), All(Not(Tag(COUNT, "between", (1, 5))))),
        (query(cond(AGE, "in", "25-34, 35-44")), All(Attribute(AGE, "in", ("25-34", "35-44")))),
        (query(cond(AGE, "beginsWith", "2"), **{"not": True}), Not(All(Attribute(AGE, "starts with", "2")))),
        (query(cond(AGE, "doesNotContain", "2")), All(Not(Attribute(AGE, "contains", "2")))),
        (query(cond(AGE, "null", "")), All(Attribute(AGE, "is not set"))),
        (query(cond("last_order_on", "<", "2017-06-01")), All(Tag("last_order_on", "before", "2017-06-01"))),
        (
            query(cond("last_order_on", "<=", "2017-06-01")),
            All(Tag("last_order_on", "on or before", "2017-06-01")),
        ),
        (query(), All()),
        (
            {"rules": [cond(COUNT, ">", 1), "or", cond(COUNT, "<", 9), "and", cond(AGE, "notNull", None)]},
            Any(Tag(COUNT, ">", 1), All(Tag(COUNT, "<", 9), Attribute(AGE, "is set"))),
        ),
        (
            query({"combinator": "OR", "rules": [cond(COUNT, "=", 1), cond(COUNT, "=", 2)]}),
            All(Any(Tag(COUNT, "=", 1), Tag(COUNT, "=", 2))),
        ),
    ],
)
def test_what_the_form_makes_is_read(given_query: AnyValue, rule: Rule, people_catalogue: Catalogue) -> None:
    assert from_querybuilder(given_query, people_catalogue) == rule


@pytest.mark.parametrize(
    ("given_query", "says"),
    [
        (query(cond(COUNT, "=", "recency_days", valueSource="field")), "not with a field"),
        (query(cond("~", "=", "")), "not finished"),
        (query(cond(COUNT, "soundsLike", 1)), "'soundsLike' is none of"),
        (query(cond(COUNT, "=", 1, muted=True)), "unmute"),
        (query(cond(COUNT, "=", 1, lhs={"kind": "func"})), "'lhs'"),
        (query(cond(COUNT, "contains", "1")), "does not compare number fields"),
        ({"combinator": "xor", "rules": [cond(COUNT, "=", 1)]}, "'xor'"),
        ({"field": COUNT}, "a list of 'rules'"),
    ],
)
def test_what_cannot_be_carried_is_named_with_the_way_on(
    given_query: AnyValue, says: str, people_catalogue: Catalogue
) -> None:
    with pytest.raises(CannotExchange, match=says):
        from_querybuilder(given_query, people_catalogue)


def test_other_faults_are_the_workbenchs_own(people_catalogue: Catalogue) -> None:
    with pytest.raises(UnknownName, match="'recency_days'"):
        from_querybuilder(query(cond("recency_day", "=", 1)), people_catalogue)
    with pytest.raises(SpecError, match="takes a number"):
        from_querybuilder(query(cond(COUNT, "=", "many")), people_catalogue)
    with pytest.raises(CannotExchange, match="kind 'event'"):
        to_querybuilder(All(Event("purchase")), people_catalogue)
