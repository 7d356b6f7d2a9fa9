"""Saved audiences come through the resolver, with their version; random parts are those of the holdout's hash."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.rules import World, select

from qa_lib.audiences import stamp
from qa_lib.errors import SpecError, UnknownName
from qa_lib.guards import Holdout, buckets, held_out
from qa_lib.rules import (
    All,
    Any,
    Engine,
    InAudience,
    Last,
    Lifecycle,
    Not,
    RandomSplit,
    SavedMembers,
    Tag,
    compile_rule,
    sentence,
    to_numbers,
)
from qa_lib.rules import bits as bit_sets
from qa_lib.rules.split import hex_bound


@pytest.fixture(scope="module")
def ids(engine: Engine) -> list[str]:
    return list(engine.snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"])


class Saved:
    """Two versions of one audience; the second is active until told otherwise."""

    def __init__(self, engine: Engine) -> None:
        self.versions = {
            1: engine.evaluate(Tag("recency_days", "<", 30)).members[()],
            2: engine.evaluate(Tag("recency_days", "<", 7)).members[()],
        }
        self.active = 2

    def __call__(self, audience: str, version: int | None) -> SavedMembers:
        if audience != "recent":
            raise UnknownName(f"Unknown audience {audience!r}. Did you mean 'recent'?")
        chosen = self.active if version is None else version
        return SavedMembers(chosen, self.versions[chosen])


@pytest.fixture
def saved(engine: Engine) -> Saved:
    return Saved(engine)


@pytest.fixture
def with_saved(engine: Engine, saved: Saved) -> Engine:
    return Engine(engine.snapshot, engine.catalogue, saved)


def test_members_of_a_saved_audience_are_those_of_its_version(
    with_saved: Engine, saved: Saved, company_world: World, ids: list[str]
) -> None:
    company_world.audiences["recent"] = {
        version: {ids[n] for n in to_numbers(members)} for version, members in saved.versions.items()
    }
    for rule in (
        InAudience("recent"),
        InAudience("recent", 1),
        InAudience("recent", member=False),
        All(InAudience("recent", 1), Not(InAudience("recent", 2)), RandomSplit("s", 0, 0.5)),
        Any(InAudience("recent", 2, member=False), Lifecycle("visit", "stopped", Last(30))),
    ):
        found = {ids[n] for n in to_numbers(with_saved.evaluate(rule).members[()])}
        assert found == select(rule.to_dict(), company_world)
        assert 0 < len(found) < len(ids)


def test_the_evaluation_says_which_versions_were_read(with_saved: Engine, saved: Saved) -> None:
    rule = All(InAudience("recent"), Any(InAudience("recent", 1), Tag("recency_days", ">", 3)))
    first = with_saved.evaluate(rule)
    assert first.audience_versions == {(0,): ("recent", 2), (1, 0): ("recent", 1)}
    assert stamp(with_saved.snapshot, first)["audience_versions"] == [
        {"audience": "recent", "version": 1},
        {"audience": "recent", "version": 2},
    ]
    saved.active = 1  # somebody activates another version: nothing old is remembered
    second = with_saved.evaluate(rule)
    assert second.audience_versions[(0,)] == ("recent", 1)
    assert second.counts[(0,)] > first.counts[(0,)]


def test_an_audience_that_nobody_can_find_is_told(engine: Engine, with_saved: Engine) -> None:
    with pytest.raises(SpecError, match=r"'recent'.*argument `audiences`") as told:
        engine.evaluate(All(Tag("recency_days", ">", 3), InAudience("recent")))
    assert told.value.path == (1,)
    with pytest.raises(UnknownName, match="'recnt'"):
        with_saved.evaluate(InAudience("recnt"))
    other = Engine(
        engine.snapshot, engine.catalogue, lambda name, version: SavedMembers(1, bit_sets.everybody(7))
    )
    with pytest.raises(SpecError, match="same snapshot"):
        other.evaluate(InAudience("recent"))


def test_the_sql_of_an_audience_reads_its_members_from_a_table(engine: Engine, with_saved: Engine) -> None:
    cursor = engine.snapshot.cursor()
    cursor.execute(
        "CREATE TEMP TABLE audience_members (audience VARCHAR, version INT, is_active BOOL, person_no INT)"
    )
    for version in (1, 2):
        numbers = to_numbers(with_saved.evaluate(InAudience("recent", version)).members[()])
        rows = [["recent", version, version == 2, int(n)] for n in numbers]
        cursor.executemany("INSERT INTO audience_members VALUES (?, ?, ?, ?)", rows)
    for rule in (InAudience("recent"), InAudience("recent", 1), InAudience("recent", member=False)):
        whole = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
        found = sorted(n for (n,) in cursor.execute(whole.sql(), whole.params).fetchall())
        assert found == to_numbers(with_saved.evaluate(rule).members[()]).tolist()


@pytest.mark.parametrize("salt", ["spring", "春", "it's; --", "%s"])
@pytest.mark.parametrize("share", [0.1, 1 / 3, 0.5, 1 - 2**-53])
def test_a_random_part_is_the_holdout_of_that_share(
    salt: str, share: float, engine: Engine, ids: list[str]
) -> None:
    low = engine.evaluate(RandomSplit(salt, 0, share))
    assert (
        to_numbers(low.members[()]).tolist() == np.flatnonzero(held_out(Holdout(share, salt), ids)).tolist()
    )
    high = engine.evaluate(RandomSplit(salt, share, 1))
    assert low.count + high.count == engine.size
    for rule in (low.rule, high.rule):
        whole = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
        rows = engine.snapshot.cursor().execute(whole.sql(), whole.params).fetchall()
        assert sorted(n for (n,) in rows) == to_numbers(engine.evaluate(rule).members[()]).tolist()


def test_a_bound_falls_on_the_very_bucket(engine: Engine, ids: list[str]) -> None:
    """A person's own bucket is inside as the low bound and outside as the high one."""
    for n, own in enumerate(buckets("edge", ids[:20])):
        for rule, inside in ((RandomSplit("edge", own, 1), True), (RandomSplit("edge", 0, own), False)):
            whole = compile_rule(rule, engine.catalogue, engine.snapshot.as_of, engine.snapshot.zone)
            rows = engine.snapshot.cursor().execute(whole.sql(), whole.params).fetchall()
            assert ((n,) in rows) is inside
            assert (n in to_numbers(engine.evaluate(rule).members[()])) is inside


def test_the_digits_of_a_bound() -> None:
    assert hex_bound(0.5) == "80000000000000"
    assert hex_bound(2**-53) == "00000000000008"
    assert len(hex_bound(1 - 2**-53)) == 14


def test_parts_and_audiences_read_as_sentences(engine: Engine) -> None:
    words = sentence(All(InAudience("VIP", 3, member=False), RandomSplit("s", 0.25, 0.5)), engine.catalogue)
    assert (
        words.en
        == "not in the audience “VIP” at version 3 and in the part [0.25, 0.5) of the random split “s”"
    )
    assert words.zh == "不属于人群“VIP”第 3 版，且 随机分组“s”中位于 [0.25, 0.5)"
