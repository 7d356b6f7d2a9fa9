"""Rules as JSON-Logic and back: the same hash, and the same people as the evaluator over everybody's row."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any as AnyValue

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.rules import World
from person_rows import Row, rows_of, selected, where
from random_rules import seen_values

from qa_lib.errors import CannotExchange, SpecError, UnknownName
from qa_lib.rules import All, Any, Attribute, Catalogue, Engine, Event, Last, Not, Rule, Tag, read_rule
from qa_lib.rules.exchange import from_json_logic, to_json_logic, to_querybuilder
from qa_lib.rules.exchange.evaluate import holds

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
many = settings(max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)
CONTRACT = [
    Path(__file__).parents[1] / "contract" / f"{name}.rule.json"
    for name in ("audiences_and_splits", "journeys_and_lifecycles", "seed_rule")
]
Strategy = st.SearchStrategy[AnyValue]


@pytest.fixture(scope="session")
def rows(engine: Engine) -> list[Row]:
    return rows_of(engine)


def carried(how: Callable[[], AnyValue]) -> tuple[AnyValue, str]:
    """What comes out, or the words of the refusal."""
    try:
        return how(), ""
    except CannotExchange as error:
        return None, str(error)


@given(data=st.data())
@many
def test_a_random_rule_comes_back_with_the_same_hash_and_selects_the_same_people(
    data: st.DataObject, profile_rules: Strategy, engine: Engine, rows: list[Row]
) -> None:
    rule = read_rule(data.draw(profile_rules))
    logic, refusal = carried(lambda: to_json_logic(rule, engine.catalogue))
    if refusal:
        assert re.search("'matches'|'in last'|'anniversary|use 'is set'|takes a list there", refusal)
        return
    assert where(rows, lambda row: holds(logic, row)) == selected(engine, rule)
    with_nulls = [{f.name: None for f in engine.catalogue.fields} | row for row in rows]
    assert where(with_nulls, lambda row: holds(logic, row)) == selected(engine, rule)
    assert from_json_logic(logic, engine.catalogue).hash == rule.hash


# -- expressions that others wrote -----------------------------------------------------------------


def expressions(catalogue: Catalogue, world: World) -> Strategy:
    """JSON-Logic over the fields, with the values that occur, in every form that is read."""

    @st.composite
    def leaf(draw: st.DrawFn) -> AnyValue:
        field = draw(st.sampled_from(catalogue.fields))
        seen = seen_values(world, field) or [0]
        if field.type == "list":
            seen = sorted({x for v in seen for x in v})
        elif field.type == "date":
            seen = [str(v)[:10] for v in seen]
        value = draw(st.sampled_from(seen))
        other = draw(st.sampled_from(seen))
        var: AnyValue = {"var": field.name}
        if draw(st.integers(0, 4)) == 0 and field.type != "list":
            var = {"var": [field.name, draw(st.sampled_from([value, None, 0, "", 7, "2017-06-01"]))]}
        equal = draw(st.sampled_from(["==", "!=", "===", "!=="]))
        ordered = draw(st.sampled_from(["<", "<=", ">", ">="]))
        forms: list[AnyValue] = [
            {equal: [var, None]},
            {"missing": [field.name]},
            {"missing_some": [draw(st.integers(0, 3)), [field.name, "age_band", "recency_days"]]},
        ]
        if field.type == "list":
            forms += [{"in": [value, var]}, {"and": [{"in": [value, var]}, {"in": [other, var]}]}]
            inside = {"in": [{"var": ""}, [value, other]]}
            forms += [{op: [var, inside]} for op in ("some", "none", "all")]
            return draw(st.sampled_from(forms))
        forms += [{equal: [var, value]}, {equal: [value, var]}, var, {"!": var}, {"!!": [var]}]
        forms += [{"in": [var, [value, other]]}, {"!": {"in": [var, [other, None]]}}]
        if field.type in ("number", "date"):
            forms += [{ordered: [var, value]}, {ordered: [value, var]}]
            forms += [{op: [value, var, other]} for op in ("<", "<=")]
        if field.type == "number":
            forms += [{"<": [var, 18]}, {">": [var, -1]}, {"==": [var, str(value)]}, {"<=": [{"-": 3}, var]}]
        if field.type == "text":
            forms += [{"in": [str(value)[:2], var]}, {"==": [{"substr": [var, 0, 1]}, str(value)[:1]]}]
        return draw(st.sampled_from(forms))

    def joined(children: Strategy) -> Strategy:
        several = st.lists(children, min_size=1, max_size=3)
        return st.one_of(
            st.builds(lambda op, of: {op: of}, st.sampled_from(["and", "or"]), several),
            st.builds(lambda one: {"!": one}, children),
            st.builds(lambda one: {"!": [one]}, children),
            st.builds(lambda one: {"!!": [one]}, children),
            st.builds(lambda of: {"if": of}, st.lists(children, min_size=1, max_size=4)),
        )

    constants = st.sampled_from([True, False, {"<": [1, 2]}, {"and": []}, 0, "x"])
    return st.recursive(st.one_of(leaf(), leaf(), leaf(), leaf(), constants), joined, max_leaves=6)


@given(data=st.data())
@many
def test_an_imported_expression_selects_whom_the_evaluator_selects(
    data: st.DataObject, people_catalogue: Catalogue, company_world: World, engine: Engine, rows: list[Row]
) -> None:
    logic = data.draw(expressions(people_catalogue, company_world))
    rule, refusal = carried(lambda: from_json_logic(logic, people_catalogue))
    if refusal:
        assert "is a list; ask with" in refusal
        return
    assert selected(engine, rule) == where(rows, lambda row: holds(logic, row))


def test_null_counts_as_zero_in_json_logic_and_the_rule_says_so(
    people_catalogue: Catalogue, engine: Engine, rows: list[Row]
) -> None:
    """`null < 30` is true there: people who never bought count as having bought 0 days ago."""
    logic = {"<": [{"var": "recency_days"}, 30]}
    rule = from_json_logic(logic, people_catalogue)
    assert rule == Tag("recency_days", "<", 30, missing="include")
    assert selected(engine, rule) == where(rows, lambda row: holds(logic, row))
    assert from_json_logic({">": [{"var": "recency_days"}, 30]}, people_catalogue) == Tag(
        "recency_days", ">", 30
    )
    ours = Tag("recency_days", "<", 30)
    exported = to_json_logic(ours, people_catalogue)
    assert exported == {"and": [{"!=": [{"var": "recency_days"}, None]}, logic]}
    assert from_json_logic(exported, people_catalogue) == ours


@pytest.mark.parametrize(
    ("logic", "rule"),
    [
        ({"==": [{"var": "age_band"}, "25-34"]}, Attribute("age_band", "=", "25-34")),
        ({"==": ["25-34", {"var": ["age_band"]}]}, Attribute("age_band", "=", "25-34")),
        ({"<": [3, {"var": "order_count_365d"}]}, Tag("order_count_365d", ">", 3)),
        ({"==": [{"var": "order_count_365d"}, "3"]}, Tag("order_count_365d", "=", 3)),
        ({"<=": [1, {"var": "order_count_365d"}, 5]}, Tag("order_count_365d", "between", (1, 5))),
        ({"in": ["a", {"var": "age_band"}]}, Attribute("age_band", "contains", "a")),
        ({"!": {"in": [{"var": "age_band"}, ["25-34"]]}}, Attribute("age_band", "not in", ("25-34",))),
        ({"missing": "age_band"}, Any(Attribute("age_band", "=", "", missing="include"))),
        ({"and": []}, All(negated=True)),
        ({"<": [1, 2]}, All()),
        ({"or": [False, {"var": "recency_days"}]}, Any(Tag("recency_days", "!=", 0, missing="exclude"))),
        (
            {"if": [{"==": [{"var": "age_band"}, "25-34"]}, {">": [{"var": "order_count_365d"}, 3]}, True]},
            Any(
                All(Attribute("age_band", "=", "25-34"), Tag("order_count_365d", ">", 3)),
                All(Not(Attribute("age_band", "=", "25-34"))),
            ),
        ),
    ],
)
def test_what_an_expression_reads_as(logic: AnyValue, rule: Rule, people_catalogue: Catalogue) -> None:
    assert from_json_logic(logic, people_catalogue) == rule


@pytest.mark.parametrize("path", CONTRACT, ids=lambda p: p.stem)
def test_conditions_that_only_the_workbench_has_are_named(path: Path, people_catalogue: Catalogue) -> None:
    rule = read_rule(path.read_text(encoding="utf-8"))
    for export in (to_json_logic, to_querybuilder):
        with pytest.raises(CannotExchange, match=r"a condition of kind '.*' .* Save this part as a tag"):
            export(rule, people_catalogue)


@pytest.mark.parametrize(
    ("logic", "says"),
    [
        ({"==": [{"var": "age_band"}, 3]}, "'age_band' is a text field; it is compared for equality only"),
        ({"<": [{"var": "age_band"}, "3"]}, "'age_band' is a text field"),
        ({"==": [{"var": "age_band"}, {"var": "income_band"}]}, "compares one field with a value"),
        ({">": [{"+": [{"var": "recency_days"}, 1]}, 3]}, "Make a tag of the computed side"),
        ({"+": [{"var": "recency_days"}, 1]}, "cannot compute with '\\+'"),
        ({"in": [{"var": "age_band"}, "25-34 or 35-44"]}, "as a list"),
        ({"<": [{"var": "recency_days"}, None]}, "null is compared as 0"),
        ({"missing_some": [9, ["recency_days"] * 18]}, "more than 60 choices"),
        ({"in": ["x", {"var": "recency_days"}]}, "'recency_days' is a number field"),
    ],
)
def test_what_cannot_be_carried_is_named_with_the_way_on(
    logic: AnyValue, says: str, people_catalogue: Catalogue
) -> None:
    with pytest.raises(CannotExchange, match=says):
        from_json_logic(logic, people_catalogue)


def test_unknown_fields_and_operators_are_named_with_the_nearest(people_catalogue: Catalogue) -> None:
    with pytest.raises(UnknownName, match="'recency_days'"):
        from_json_logic({"<": [{"var": "recency_day"}, 3]}, people_catalogue)
    with pytest.raises(UnknownName, match="Unknown JSON-Logic operator"):
        from_json_logic({"and": [{"var": "recency_days"}, {"strats": [1]}]}, people_catalogue)
    with pytest.raises(SpecError, match="not JSON"):
        from_json_logic("{", people_catalogue)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (All(Event("purchase")), "kind 'event' \\(at 0\\).*Save this part as a tag"),
        (Attribute("age_band", "matches", "^2"), "no operator 'matches'"),
        (Tag("last_order_on", "in last", Last(30, "day")), "Write the days out"),
        (Attribute("age_band", "contains", ""), "use 'is set'"),
    ],
)
def test_what_json_logic_has_no_words_for_is_refused(
    rule: Rule, says: str, people_catalogue: Catalogue
) -> None:
    with pytest.raises(CannotExchange, match=says):
        to_json_logic(rule, people_catalogue)


def test_a_hostile_expression_costs_little(people_catalogue: Catalogue) -> None:
    deep: AnyValue = {"var": "recency_days"}
    for _ in range(5_000):
        deep = {"!": [deep]}
    with pytest.raises(SpecError, match="nested deeper"):
        from_json_logic(deep, people_catalogue)
    with pytest.raises(SpecError, match="nested"):
        from_json_logic("[" * 100_000, people_catalogue)
    with pytest.raises(SpecError, match="more than"):
        from_json_logic({"and": [{"var": "recency_days"}] * 100_000}, people_catalogue)
