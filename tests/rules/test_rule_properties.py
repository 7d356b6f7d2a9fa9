"""What holds for every rule: one meaning in bits, SQL and pandas, the algebra of sets, and lossless JSON."""

from __future__ import annotations

import copy
import json
from typing import Any as AnyValue

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from oracles.rules import World, select
from random_rules import rules

from qa_lib.errors import SpecError
from qa_lib.rules import (
    All,
    Any,
    Catalogue,
    Engine,
    Not,
    check,
    compile_rule,
    read_rule,
    rule_schema,
    sentences,
    to_numbers,
)

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
few = settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=SLOW)
many = settings(few, max_examples=120)

Strategy = st.SearchStrategy[dict[str, AnyValue]]


@pytest.fixture(scope="session")
def any_rule(people_catalogue: Catalogue, company_world: World) -> Strategy:
    return rules(people_catalogue, company_world)


@pytest.fixture(scope="session")
def person_ids(engine: Engine) -> list[str]:
    return list(engine.snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"])


def numbers(engine: Engine, rule: AnyValue) -> set[int]:
    return set(to_numbers(engine.evaluate(rule).members[()]).tolist())


@given(data=st.data())
@many
def test_a_random_rule_selects_whom_pandas_selects(
    data: st.DataObject, any_rule: Strategy, engine: Engine, company_world: World, person_ids: list[str]
) -> None:
    spec = data.draw(any_rule)
    found = {person_ids[n] for n in numbers(engine, read_rule(spec))}
    assert found == select(spec, company_world)


@given(data=st.data())
@few
def test_a_random_rule_as_one_statement_selects_whom_the_bits_select(
    data: st.DataObject, any_rule: Strategy, engine: Engine
) -> None:
    rule = read_rule(data.draw(any_rule))
    whole = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
    cursor = engine.snapshot.cursor()
    found = [n for (n,) in cursor.execute(whole.sql(), whole.params).fetchall()]
    assert len(found) == len(set(found))
    assert set(found) == numbers(engine, rule)
    assert {n for (n,) in cursor.execute(whole.text()).fetchall()} == set(found)


@given(data=st.data())
@few
def test_the_algebra_of_sets_holds_for_random_rules(
    data: st.DataObject, any_rule: Strategy, engine: Engine
) -> None:
    a, b = read_rule(data.draw(any_rule)), read_rule(data.draw(any_rule))
    everybody = set(range(engine.size))
    in_a, in_b = numbers(engine, a), numbers(engine, b)
    assert numbers(engine, Not(a)) == everybody - in_a
    assert numbers(engine, Not(Not(a))) == in_a
    assert numbers(engine, All(a, b)) == in_a & in_b
    assert numbers(engine, Any(a, b)) == in_a | in_b
    assert numbers(engine, Not(All(a, b))) == numbers(engine, Any(Not(a), Not(b)))
    assert numbers(engine, Not(Any(a, b))) == numbers(engine, All(Not(a), Not(b)))
    assert engine.evaluate(a).count + engine.evaluate(Not(a)).count == engine.size


@given(data=st.data())
@few
def test_every_node_is_counted_as_if_it_were_the_rule(
    data: st.DataObject, any_rule: Strategy, engine: Engine
) -> None:
    rule = read_rule(data.draw(any_rule))
    counts = engine.evaluate(rule).counts

    def follow(path: tuple[int, ...]) -> AnyValue:
        node: AnyValue = rule
        for i in path:
            node = node.of[i]
        return node

    assert counts == {path: engine.evaluate(follow(path)).count for path in counts}


def shuffled(value: AnyValue) -> AnyValue:
    """The same JSON with the keys of every object in reverse."""
    if isinstance(value, dict):
        return {k: shuffled(v) for k, v in reversed(value.items())}
    return [shuffled(v) for v in value] if isinstance(value, list) else value


@given(data=st.data())
@many
def test_a_rule_survives_json_and_its_hash_is_of_its_content(data: st.DataObject, any_rule: Strategy) -> None:
    rule = read_rule(data.draw(any_rule))
    again = read_rule(rule.to_json())
    assert again == rule
    assert again.hash == rule.hash
    assert hash(again) == hash(rule)
    assert read_rule(json.dumps(shuffled(rule.to_dict()))).hash == rule.hash
    assert Not(rule).hash != rule.hash
    assert json.loads(rule.to_json(indent=2)) == rule.to_dict()


@given(data=st.data())
@many
def test_every_rule_passes_the_check_and_reads_as_a_sentence_in_both_languages(
    data: st.DataObject, any_rule: Strategy, people_catalogue: Catalogue
) -> None:
    rule = read_rule(data.draw(any_rule))
    assert check(rule, people_catalogue) == []
    for words in sentences(rule, people_catalogue).values():
        assert words.zh.strip()
        assert words.en.strip()


# -- the published schema, held against a peer -----------------------------------------------------


VALIDATOR = Draft202012Validator(rule_schema())


def test_the_published_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(rule_schema())


@given(data=st.data())
@many
def test_the_schema_accepts_every_rule(data: st.DataObject, any_rule: Strategy) -> None:
    spec = data.draw(any_rule)
    VALIDATOR.validate(spec)
    VALIDATOR.validate(read_rule(spec).to_dict())


def nodes(spec: AnyValue) -> list[dict[str, AnyValue]]:
    """Every group and condition of the tree, inside `where` too."""
    found = [spec]
    for child in [*spec.get("of", []), *([spec["where"]] if "where" in spec else [])]:
        found += nodes(child)
    return found


def spoil(node: dict[str, AnyValue], how: int) -> None:
    """Make a node that is no node."""
    leaf = node["kind"] not in ("all", "any")
    match how:
        case 0:
            node["kind"] = "every"
        case 1:
            node["sql"] = "1 = 1"
        case 2:
            del node["kind"]
        case 3:
            node["operator" if leaf else "of"] = 7
        case 4:
            node["value" if leaf else "negated"] = {"kind": "last", "n": 0, "unit": "year"}
        case 5:
            node["missing" if leaf else "of"] = "perhaps"
        case _:
            name = "field" if "field" in node else "event" if leaf else "negated"
            node[name] = None


@given(data=st.data())
@many
def test_the_schema_and_the_reader_both_refuse_a_spoiled_rule(
    data: st.DataObject, any_rule: Strategy
) -> None:
    spec = copy.deepcopy(data.draw(any_rule))
    spoil(data.draw(st.sampled_from(nodes(spec))), data.draw(st.integers(0, 6)))
    assert not VALIDATOR.is_valid(spec)
    with pytest.raises(SpecError, match="Rule is not valid"):
        read_rule(spec)


#: The JSON types of a rule's own numbers and truths, each with a value of another type.
OF_ANOTHER_TYPE = [
    {"kind": "all", "negated": "yes"},
    {"kind": "all", "negated": 1},
    {"kind": "event", "event": "browse", "window": {"kind": "last", "n": "7"}},
    {"kind": "event", "event": "browse", "window": {"kind": "last", "n": True}},
    {"kind": "event", "event": "browse", "window": {"kind": "last", "n": 7, "calendar": "true"}},
    {"kind": "event", "event": "browse", "window": {"kind": "ago", "near": "1", "far": 2}},
    {"kind": "event", "event": "browse", "window": {"kind": "dates", "first": 0, "last": 86_400}},
    {"kind": "sequence", "steps": [{"event": "browse"}, {"event": "cart", "absent": 1}]},
    {"kind": "sequence", "steps": [{"event": "browse"}, {"event": "cart"}], "within": {"n": "3"}},
    {"kind": "lifecycle", "event": "browse", "pattern": "regularly", "k": "1", "m": 2, "unit": "day"},
    {"kind": "audience", "audience": "vip", "version": "1"},
    {"kind": "audience", "audience": "vip", "member": "no"},
    {"kind": "split", "salt": "a", "low": "0", "high": 0.5},
    {"kind": "split", "salt": "a", "low": False, "high": 0.5},
    {"kind": "tag", "field": "a", "operator": "in", "value": [None]},
    {"kind": "tag", "field": "a", "operator": "in", "value": [[1]]},
    {"kind": "tag", "field": "a", "operator": "=", "value": {"n": "x"}},
]


@pytest.mark.parametrize("spec", OF_ANOTHER_TYPE, ids=json.dumps)
def test_the_schema_and_the_reader_both_refuse_another_type(spec: dict[str, AnyValue]) -> None:
    assert not VALIDATOR.is_valid(spec)
    with pytest.raises(SpecError, match="Rule is not valid"):
        read_rule(spec)
