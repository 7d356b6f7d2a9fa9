"""The benchmark's people and rules at a small size: every engine gives the same answers, and figures have their form."""

from __future__ import annotations

import pytest
from matcher_peers import PEERS
from matcher_timing import figure, result
from matcher_world import AS_OF, ZONE, facts_of, make_catalogue, make_people, make_rules

from qa_lib.rules.matcher import Matcher

RULES = make_rules(300, seed=5)
PEOPLE = make_people(12, seed=2)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(RULES, make_catalogue(), ZONE)


def test_the_peers_that_are_installed_answer_as_the_matcher(matcher: Matcher) -> None:
    """They come with `make bench`; `make test` holds the matcher against the engine and the oracle."""
    answers = [set(matcher.match(person, AS_OF).names) for person in PEOPLE]
    assert any(answers)
    for peer in filter(None, (made(RULES) for made in PEERS.values())):
        assert [set(peer(facts_of(person, RULES))) for person in PEOPLE] == answers


def test_the_batch_of_the_benchmark_answers_as_one_by_one(matcher: Matcher) -> None:
    found = matcher.match_many(PEOPLE, AS_OF)
    assert [names for _, names in found] == [matcher.match(p, AS_OF).names for p in PEOPLE]
    assert sum(found.counts.values()) > 0


def test_a_benchmark_prints_figures_with_their_bars() -> None:
    one = figure("p50.100", 1.5, "µs", bar=2.0, holds=True)
    assert set(one) == {"name", "value", "unit", "peer", "bar", "holds"}
    assert {"bench", "tier", "machine", "figures"} <= set(result("matcher", "S", [one]))
