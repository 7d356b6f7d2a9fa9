"""The holdout is a pure function of salt and person: uniform, permanent, stricter after a merge."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from qa_lib.errors import SpecError
from qa_lib.guards import Holdout, bucket, buckets, held_out, held_out_for, held_out_together

IDS = [f"person-{i}" for i in range(20_000)]


@pytest.mark.parametrize("salt", ["global", "spring", "春季"])
def test_buckets_are_uniform(salt: str) -> None:
    found = buckets(salt, IDS)
    assert (found >= 0).all()
    assert (found < 1).all()
    assert stats.kstest(found, "uniform").pvalue > 0.001


def test_salts_are_independent() -> None:
    assert abs(np.corrcoef(buckets("one", IDS), buckets("two", IDS))[0, 1]) < 0.03


def test_buckets_are_those_of_the_first_day() -> None:
    """Frozen values: whoever changes the hash would contact people who were promised to be left alone."""
    assert bucket("global", "1") == 0.5335094542625791
    assert bucket("春季", "顾客七") == 0.7662297826185895
    digest = hashlib.sha256(b"6:global1").digest()
    assert bucket("global", "1") == (int.from_bytes(digest[:8], "big") >> 11) / 2**53


@given(st.text(min_size=1, max_size=20), st.lists(st.text(max_size=20), max_size=20))
def test_many_at_once_are_one_by_one(salt: str, ids: list[str]) -> None:
    assert buckets(salt, ids).tolist() == [bucket(salt, i) for i in ids]


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_keeps_everybody_who_was_held_out(one: float, other: float) -> None:
    small, large = sorted((one, other))
    few = held_out(Holdout(small, "s"), IDS[:300])
    many = held_out(Holdout(large, "s"), IDS[:300])
    assert not (few & ~many).any()


def test_shares_of_nobody_and_everybody() -> None:
    assert not held_out(None, IDS[:100]).any()
    assert not held_out(Holdout(0, "s"), IDS[:100]).any()
    assert held_out(Holdout(1, "s"), IDS[:100]).all()
    with pytest.raises(SpecError, match="share"):
        Holdout(1.5, "s")
    with pytest.raises(SpecError, match="salt"):
        Holdout(0.1, "")


@given(st.lists(st.lists(st.sampled_from(IDS[:50]), max_size=4), max_size=12))
def test_after_a_merge_the_stricter_side_wins(people: list[list[str]]) -> None:
    holdout = Holdout(0.3, "s")
    expected = [any(held_out(holdout, ids)) for ids in people]
    assert held_out_together(holdout, people).tolist() == expected


def test_global_comes_before_the_campaign() -> None:
    everywhere, here = Holdout(0.5, "global"), Holdout(0.5, "spring")
    both = held_out_for(everywhere, here, [[i] for i in IDS[:500]])
    for person, found in zip(IDS, both, strict=False):
        expected = (
            "global"
            if bucket("global", person) < 0.5
            else "campaign"
            if bucket("spring", person) < 0.5
            else None
        )
        assert found == expected
    assert set(both) == {"global", "campaign", None}
