"""The peers of `batch`: DuckDB with one count per rule in a single scan, and zen-engine person by person."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from typing import Any as AnyValue

import duckdb
import pyarrow as pa
from matcher_peers import zen
from matcher_world import AS_OF, conditions, facts_of, feature, flat_facts
from measured import equal

from qa_lib.rules import All, Any, Event, Rule
from qa_lib.rules.matcher import Matcher, People, Person

#: People whom a peer that goes person by person is asked for; its pairs a second do not depend on how many.
_ASKED = 6
#: Rules that DuckDB counts in one scan: more, and reading the query outgrows the scan.
_A_SCAN = 1_000


def sql(rule: Rule) -> str:
    """The rule over one column per fact."""
    if isinstance(rule, All | Any):
        joined = (" AND " if isinstance(rule, All) else " OR ").join(map(sql, rule.of))
        return f"NOT ({joined})" if rule.negated else f"({joined})"
    name = feature(rule) if isinstance(rule, Event) else rule.field  # type: ignore[union-attr]
    operator, value = rule.operator, rule.value  # type: ignore[union-attr]
    if value is True:
        return f'"{name}"'
    given = "(" + ", ".join(f"'{v}'" for v in value) + ")" if operator == "in" else repr(value)
    return f'"{name}" {operator} {given}'


def batch_peers(ours: Matcher, people: People, everybody: Sequence[Person]) -> dict[str, float]:
    """Pairs a second of every peer, over ready facts; each gives our answers first.

    DuckDB is asked once, for a thousand rules at most: reading the counts as SQL is a part of every scan.
    """
    rules = list(ours.rules)
    found = ours.match_many(people, AS_OF)
    every = {condition: None for rule in rules for condition in conditions(rule.rule)}
    flat = [flat_facts(person, every) for person in everybody[: len(people)]]
    columns: dict[str, list[AnyValue]] = {name: [facts[name] for facts in flat] for name in flat[0]}
    database = duckdb.connect()
    database.register("given", pa.table({name: pa.array(values) for name, values in columns.items()}))
    database.execute("CREATE TABLE facts AS SELECT * FROM given")
    asked = rules[:_A_SCAN]
    counts = ", ".join(f"count(*) FILTER ({sql(rule.rule)})" for rule in asked)
    started = time.perf_counter()
    answer = database.execute(f"SELECT {counts} FROM facts").fetchall()[0]
    took = time.perf_counter() - started
    equal("people by rule", {"ours": list(found.counts.values())[:_A_SCAN], "DuckDB": list(answer)})
    rates = {"DuckDB, one scan": len(asked) * len(people) / took}
    if importlib.util.find_spec("zen"):
        peer = zen(rules)
        assert peer is not None
        by_person = [facts_of(person, rules) for person in everybody[:_ASKED]]
        for number in range(_ASKED):
            equal(
                f"person {number}",
                {"ours": sorted(found.names(number)), "zen-engine": sorted(peer(by_person[number]))},
            )
        started = time.perf_counter()
        for facts in by_person:
            peer(facts)
        rates["zen-engine"] = len(rules) * _ASKED / (time.perf_counter() - started)
    return rates
