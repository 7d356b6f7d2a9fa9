"""Groups that an engine keeps: an edit joins only what is above it, and nothing is answered from what has changed."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest

from qa_lib.rules import All, Any, Engine, InAudience, Not, Tag, bits, to_numbers
from qa_lib.rules.engine import SavedMembers
from qa_lib.rules.groups import Group, GroupCache

OFTEN = Tag("order_count_365d", ">=", 3)
FUEL = Tag("is_fuel_buyer", "=", True)
VALUABLE = Tag("average_order_value", ">", 26)


def test_groups_of_the_same_conditions_are_told_apart(engine: Engine) -> None:
    """And, or, their negations and their nesting over two conditions, each against plain sets."""
    often, fuel = (set(to_numbers(engine.evaluate(r).members[()]).tolist()) for r in (OFTEN, FUEL))
    everybody = set(range(engine.size))
    wanted = {
        All(OFTEN, FUEL): often & fuel,
        Any(OFTEN, FUEL): often | fuel,
        All(OFTEN, FUEL, negated=True): everybody - (often & fuel),
        Any(OFTEN, FUEL, negated=True): everybody - (often | fuel),
        All(OFTEN, Not(FUEL)): often - fuel,
        Any(All(OFTEN), All(OFTEN, FUEL)): often,
        All(): everybody,
        Not(All()): set(),
    }
    for _ in range(2):  # the second time from what is kept
        for rule, people in wanted.items():
            found = engine.evaluate(rule)
            assert set(to_numbers(found.members[()]).tolist()) == people
            assert found.counts[()] == len(people)


def test_an_edit_joins_only_the_groups_above_it(engine: Engine) -> None:
    left, right = All(OFTEN, FUEL), Any(VALUABLE, FUEL)
    before = engine.evaluate(All(left, right))
    after = engine.evaluate(All(left, Any(VALUABLE, OFTEN)))
    assert after.members[(0,)] is before.members[(0,)]
    assert after.members[()] is not before.members[()]


def test_a_group_over_a_saved_audience_is_never_kept(engine: Engine) -> None:
    """Which version is active may change between two questions."""
    members = [
        bits.from_numbers(np.array([1, 2]), engine.size),
        bits.from_numbers(np.array([3]), engine.size),
    ]
    versions = iter(enumerate(members, start=1))
    own = Engine(engine.snapshot, engine.catalogue, lambda name, version: SavedMembers(*next(versions)))
    rule = All(Any(InAudience("chosen")))
    assert [own.evaluate(rule).counts[()] for _ in members] == [2, 1]


def test_what_is_kept_is_bounded_and_can_be_forgotten(engine: Engine) -> None:
    cache = GroupCache()
    large = np.zeros(2**21, dtype=np.uint64)  # 16 MB each
    for n in range(6):
        cache.keep((True, str(n)), Group(large))
    assert [cache.get((True, str(n))) is not None for n in range(6)] == [False, False, True, True, True, True]
    cache.clear()
    assert cache.get((True, "5")) is None


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [0, 1, 63, 4_096, 65_000, 900_000])
def test_overlaps_count_as_python_sets_do_even_where_everybody_is_in(
    size: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across the edges of words, lanes, blocks and threads; full sets are where a lane would overflow first."""
    monkeypatch.setattr(bits, "_WORTH_A_THREAD", 1 if threads == 2 else 2**40)
    drawn = np.random.default_rng(3).random((3, size)) < np.array([[0.5], [0.01], [0.9]])
    flags = [*drawn, np.ones(size, dtype=bool), np.zeros(size, dtype=bool)]
    found = bits.overlaps([bits.from_flags(one) for one in flags])
    assert found.tolist() == [[int((a & b).sum()) for b in flags] for a in flags]


def test_a_forked_process_has_a_second_thread_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bits, "_WORTH_A_THREAD", 1)
    sets = [bits.from_flags(np.arange(1_000) % n == 0) for n in (2, 3)]
    assert bits.count(bits.intersection(sets)) == 167
    with warnings.catch_warnings():  # Python 3.12 and later warn of any fork beside threads
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(0 if bits.count(bits.intersection(sets)) == 167 else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [1, 64, 5_000, 300_000])
def test_sets_are_joined_and_turned_round_as_python_sets_are(
    size: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across the edges of words, blocks and threads; nobody beyond the universe comes in."""
    monkeypatch.setattr(bits, "_WORTH_A_THREAD", 1 if threads == 2 else 2**40)
    monkeypatch.setattr(bits, "_JOINED", 1_000)
    flags = np.random.default_rng(4).random((3, size)) < np.array([[0.5], [0.9], [0.7]])
    sets, everybody = [bits.from_flags(one) for one in flags], bits.everybody(size)
    for some in (sets, sets[:1]):
        inside = set(np.flatnonzero(flags[: len(some)].all(axis=0)))
        anywhere = set(np.flatnonzero(flags[: len(some)].any(axis=0)))
        assert set(to_numbers(bits.intersection(some))) == inside
        assert set(to_numbers(bits.union(some))) == anywhere
        assert bits.count(bits.union(some)) == len(anywhere)
        rooms = [np.empty_like(everybody) for _ in range(5)]
        counts = bits.fill(
            [
                bits.Join(rooms[0], some, of_all=True),
                bits.Join(rooms[1], some, of_all=False),
                bits.Join(rooms[2], some, of_all=True, outside_of=everybody),
                bits.Join(rooms[3], some, of_all=False, outside_of=everybody),
                bits.Join(
                    rooms[4], [rooms[0], rooms[3]], of_all=False
                ),  # of two that were filled just before
            ]
        )
        everyone = set(range(size))
        wanted = [inside, anywhere, everyone - inside, everyone - anywhere, inside | (everyone - anywhere)]
        assert [set(to_numbers(room)) for room in rooms] == wanted
        assert counts == [len(people) for people in wanted]
    assert bits.fill([]) == []
