"""Sequences, lifecycles, splits and audiences: the matcher answers as brute force, at every moment it vouches for."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any as AnyValue

import pytest
from oracles.rules import select
from small_worlds import MOMENTS, happenings, lifecycle, profiles, sequence, small_engine, split

from qa_lib.errors import SpecError
from qa_lib.rules import Catalogue, Engine, InAudience, read_rule
from qa_lib.rules.matcher import ActiveRule, Matcher, read_people
from qa_lib.rules.matcher.person import microseconds

US = timedelta(microseconds=1)


def drawn(draw: Random, n: int) -> list[AnyValue]:
    return [draw.choice([sequence, sequence, lifecycle, split])(draw) for _ in range(n)]


@pytest.mark.parametrize("seed", range(12))
def test_random_journeys_match_whom_brute_force_selects(seed: int) -> None:
    draw = Random(seed)
    moment = draw.choice(MOMENTS)
    engine, world = small_engine(moment, happenings(draw, moment[0], far=seed % 2 == 0), profiles(draw))
    specs = drawn(draw, 30)
    made = [ActiveRule(f"rule {n}", read_rule(spec)) for n, spec in enumerate(specs)]
    as_of = engine.snapshot.as_of
    matcher = Matcher(made, engine.catalogue, engine.snapshot.zone)
    people = read_people(engine.snapshot)
    found = {person.person_id: set(matcher.match(person, as_of).names) for person in people}
    for rule, spec in zip(made, specs, strict=True):
        assert {p for p, names in found.items() if rule.name in names} == select(spec, world), spec
    batch = matcher.match_many(people, as_of)
    assert [set(names) for _, names in batch] == list(found.values())
    for person in people[:6]:
        now = matcher.literals(person, microseconds(as_of))
        until = matcher.match(person, as_of).valid_until
        ahead = [timedelta(minutes=1), timedelta(hours=3), timedelta(days=2), timedelta(days=33)]
        moments = [as_of + one for one in ahead] + ([until - US] if until is not None else [])
        for later in (m for m in moments if m > as_of and (until is None or m < until)):
            assert (matcher.literals(person, microseconds(later)) == now).all(), (later, until)
    engine.snapshot.con.close()  # type: ignore[attr-defined]


def test_members_of_saved_audiences_are_asked_for_once(people_catalogue: Catalogue, engine: Engine) -> None:
    asked: list[tuple[str, int | None]] = []

    def members(audience: str, version: int | None) -> list[str]:
        asked.append((audience, version))
        return ["1", "2"]

    made = [
        ActiveRule("in", InAudience("vip", 2)),
        ActiveRule("again", InAudience("vip", 2)),
        ActiveRule("out", InAudience("vip", member=False)),
    ]
    matcher = Matcher(made, people_catalogue, engine.snapshot.zone, audiences=members)
    assert asked == [("vip", 2), ("vip", None)] or asked == [("vip", None), ("vip", 2)]
    people = read_people(engine.snapshot, ["1", "4"])
    names = {p.person_id: set(matcher.match(p, engine.snapshot.as_of).names) for p in people}
    assert names == {"1": {"in", "again"}, "4": {"out"}}
    with pytest.raises(SpecError, match="saved audience 'vip', and the matcher was not told"):
        Matcher(made, people_catalogue, engine.snapshot.zone)
