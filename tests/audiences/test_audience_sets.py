"""Audiences as sets: overlaps, exact combinations and new audiences, against Python's own sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.audiences import (
    Audience,
    AudienceLibrary,
    difference,
    evaluate,
    intersection,
    overlap_counts,
    union,
    upset_counts,
)
from qa_lib.errors import SpecError
from qa_lib.rules import InAudience, Tag, to_numbers
from qa_lib.rules.bits import Bits, from_numbers

SIZE = 600_000  # more than one block of words

some_sets = st.lists(
    st.one_of(st.sets(st.integers(0, SIZE - 1), max_size=20), st.just(set(range(0, SIZE, 97)))), max_size=6
)


def as_bits(sets: list[set[int]]) -> dict[str, Bits]:
    return {f"s{i}": from_numbers(np.array(sorted(s), dtype=np.int64), SIZE) for i, s in enumerate(sets)}


@given(sets=some_sets)
@settings(max_examples=60, deadline=None)
def test_overlaps_agree_with_python_sets(sets: list[set[int]]) -> None:
    found = overlap_counts(as_bits(sets))
    assert found.to_numpy().tolist() == [[len(a & b) for b in sets] for a in sets]


@given(sets=some_sets)
@settings(max_examples=60, deadline=None)
def test_exact_combinations_agree_with_python_sets(sets: list[set[int]]) -> None:
    found = upset_counts(as_bits(sets))
    everybody = set().union(*sets)
    expected: dict[tuple[str, ...], int] = {}
    for person in everybody:
        inside = tuple(f"s{i}" for i, s in enumerate(sets) if person in s)
        expected[inside] = expected.get(inside, 0) + 1
    assert dict(zip(found["audiences"], found["people_count"], strict=True)) == expected
    assert found["people_count"].sum() == len(everybody)
    assert found["people_count"].is_monotonic_decreasing
    assert (found["degree"] == found["audiences"].map(len)).all()
    for i, s in enumerate(sets):
        assert found.loc[found[f"s{i}"], "people_count"].sum() == len(s)


def test_too_many_sets_and_taken_names_are_refused() -> None:
    empty = from_numbers(np.array([], dtype=np.int64), 10)
    with pytest.raises(SpecError, match="33 audiences are too many to combine; at most 32"):
        upset_counts({str(n): empty for n in range(33)})
    with pytest.raises(SpecError, match="cannot be called 'degree'"):
        upset_counts({"degree": empty})
    with pytest.raises(SpecError, match="'x' is made of no other"):
        union("x")


@pytest.fixture
def three(library: AudienceLibrary) -> AudienceLibrary:
    for name, rule in (
        ("a", Tag("order_count_365d", ">", 5)),
        ("b", Tag("average_order_value", ">", 25)),
        ("c", Tag("order_count_365d", ">", 15)),
    ):
        library.save(Audience(name=name, rule=rule), "Li")
    return library


def test_union_intersection_and_difference_are_audiences(three: AudienceLibrary) -> None:
    snapshot = three.workspace.snapshot()
    a, b, c = (set(to_numbers(bits).tolist()) for bits in three.bits(["a", "b", "c"]).values())
    for audience, expected in (
        (union("u", "a", "b", "c"), a | b | c),
        (intersection("i", "a", "b"), a & b),
        (difference("d", "a", "b", "c"), a - b - c),
        (difference("pinned", ("a", 1), InAudience("c", member=False)), a & c),
    ):
        assert set(to_numbers(evaluate(snapshot, audience).members[()]).tolist()) == expected
        three.save(audience, "Li")
        assert three.materialise(audience.name).count == len(expected)
    assert three.get("pinned").audience.refers_to() == [("a", 1), ("c", None)]


def test_the_library_counts_overlaps_and_combinations(three: AudienceLibrary) -> None:
    matrix = three.overlap()
    assert matrix.index.tolist() == ["a", "b", "c"]
    assert matrix.loc["a", "c"] == matrix.loc["c", "c"] == three.materialise("c").count
    assert (matrix.to_numpy() == matrix.to_numpy().T).all()
    upset = three.upset("a", "c")
    assert ("c",) not in set(upset["audiences"]), "all of c are in a"
    assert upset["people_count"].sum() == matrix.loc["a", "a"]
