"""Components against a plain search; ids that stay; merges, splits, undo, the past, caps and conflicts."""

from __future__ import annotations

import json
from collections import deque

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.errors import AsOfOutside, ContractBroken, SpecError, UnknownName
from qa_lib.identity import (
    Policy,
    Resolution,
    explain,
    group_links,
    hash_identifier,
    resolve_links,
    undo_change,
)
from qa_lib.tables import LINKS

Row = tuple[str, str, str, str]
WIDE = Policy(size_cap=1000, degree_caps={"cookie": 1000, "device": 1000, "phone": 1000, "card": 1000})


def links_of(rows: list[Row], minutes: list[int] | None = None) -> pd.DataFrame:
    """Links a minute apart, or at the given minutes of 2017."""
    at = pd.Timestamp("2017-01-01T00:00:00Z") + pd.to_timedelta(minutes or range(len(rows)), unit="min")
    frame = pd.DataFrame(rows, columns=["left_kind", "left_value", "right_kind", "right_value"])
    return frame.assign(source="test", observed_at=at, origin="generated")


def cookies(*pairs: str) -> list[Row]:
    """`ab` is a link between the cookies a and b."""
    return [("cookie", p[0], "cookie", p[1]) for p in pairs]


def moment(minute: int) -> str:
    return (pd.Timestamp("2017-01-01T00:00:00Z") + pd.to_timedelta(minute, unit="min")).isoformat()


def people(resolution: Resolution) -> dict[tuple[str, str], str]:
    rows = resolution.current
    return dict(zip(zip(rows["kind"], rows["value"], strict=True), rows["person_id"], strict=True))


def by_search(rows: list[Row]) -> set[frozenset[tuple[str, str]]]:
    """The oracle: breadth-first search over the links."""
    near: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for a, b, c, d in rows:
        near.setdefault((a, b), set()).add((c, d))
        near.setdefault((c, d), set()).add((a, b))
    found, done = set(), set()
    for start in near:
        if start in done:
            continue
        group, waiting = {start}, deque([start])
        while waiting:
            for other in near[waiting.popleft()] - group:
                group.add(other)
                waiting.append(other)
        done |= group
        found.add(frozenset(group))
    return found


def groups(resolution: Resolution) -> set[frozenset[tuple[str, str]]]:
    rows: dict[str, set[tuple[str, str]]] = {}
    for identifier, person in people(resolution).items():
        rows.setdefault(person, set()).add(identifier)
    return {frozenset(g) for g in rows.values()}


@st.composite
def random_rows(draw: st.DrawFn, kinds: tuple[str, ...] = ("cookie", "device", "phone")) -> list[Row]:
    end = st.tuples(st.sampled_from(kinds), st.sampled_from("abcdefghij"))
    return [(*a, *b) for a, b in draw(st.lists(st.tuples(end, end), max_size=30))]


@given(random_rows())
@settings(deadline=None, max_examples=25)
def test_people_are_the_components_that_a_plain_search_finds(rows: list[Row]) -> None:
    assert groups(resolve_links(links_of(rows), moment(99), policy=WIDE)) == by_search(rows)


@given(random_rows(("cookie", "card", "device", "member")), st.randoms())
@settings(deadline=None, max_examples=25)
def test_the_order_of_rows_and_the_side_of_an_identifier_do_not_matter(rows: list[Row], rng: object) -> None:
    links = links_of(rows)
    order = list(range(len(links)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    other = links.iloc[order].reset_index(drop=True)
    flipped = other.rename(
        columns={"left_kind": "right_kind", "left_value": "right_value"}
        | {"right_kind": "left_kind", "right_value": "left_value"}
    )
    one = resolve_links(links, moment(99), policy=Policy(size_cap=12))
    two = resolve_links(flipped[list(LINKS.column_names)], moment(99), policy=Policy(size_cap=12))
    assert people(one) == people(two)
    assert one.changes.to_dict("list") == two.changes.to_dict("list")


@given(random_rows(("cookie", "card", "device")), st.integers(0, 30))
@settings(deadline=None, max_examples=25)
def test_more_links_change_an_id_only_by_a_recorded_merge_or_split(rows: list[Row], cut: int) -> None:
    links = links_of(rows)
    first = resolve_links(links, moment(cut))
    second = resolve_links(links, moment(99), before=first)
    rows_of = second.changes
    moved = {
        tuple(i)
        for c in rows_of.loc[rows_of["change"].isin(["merge", "split"]), "moved_identifiers"]
        for i in json.loads(c)
    }
    after = people(second)
    for identifier, person in people(first).items():
        assert after.get(identifier) == person or identifier in moved or identifier not in after
    again = resolve_links(links, moment(99), before=second)
    pd.testing.assert_frame_equal(again.identities, second.identities)
    pd.testing.assert_frame_equal(again.changes, second.changes)


@given(random_rows(("cookie", "card", "device")), st.integers(0, 30))
@settings(deadline=None, max_examples=25)
def test_the_past_stays_what_it_was(rows: list[Row], cut: int) -> None:
    links = links_of(rows)
    first = resolve_links(links, moment(cut))
    second = resolve_links(links, moment(99), before=first)
    past = second.as_of(moment(cut))
    assert people(past) == people(first)
    assert list(past.changes["change_id"]) == list(first.changes["change_id"])
    assert past.quarantined["moved_identifiers"].tolist() == first.quarantined["moved_identifiers"].tolist()


def test_links_at_the_moment_itself_are_not_seen() -> None:
    links = links_of(cookies("ab", "bc"))
    assert len(resolve_links(links, moment(1)).current) == 2
    assert len(resolve_links(links, moment(2)).current) == 3
    with pytest.raises(AsOfOutside, match="only grows forward"):
        resolve_links(links, moment(1), before=resolve_links(links, moment(2)))


def merged() -> tuple[pd.DataFrame, Resolution, Resolution]:
    links = links_of(cookies("ab", "cd", "bc"), [0, 1, 10])
    before = resolve_links(links, moment(5))
    return links, before, resolve_links(links, moment(20), before=before)


def test_a_merge_keeps_the_oldest_id_and_is_recorded() -> None:
    _, before, after = merged()
    a, c = before.person("cookie", "a"), before.person("cookie", "c")
    assert a != c
    assert set(people(after).values()) == {a}
    row = after.changes.iloc[0]
    assert (row["change"], row["person_id"], row["other_person_id"]) == ("merge", a, c)
    assert row["moved_identifiers"] == '[["cookie", "c"], ["cookie", "d"]]'
    assert people(after.as_of(moment(19))) == people(before)


def test_an_undone_merge_gives_both_ids_back_and_stays_undone() -> None:
    links, before, after = merged()
    undone = undo_change(links, after, "c000000001", moment(30))
    assert people(undone) == people(before)
    more = pd.concat([links, links_of(cookies("ad"), [40])], ignore_index=True)
    later = resolve_links(more, moment(50), before=undone)
    assert people(later) == people(before)
    assert set(later.quarantined["cause"]) == {"conflict"}
    with pytest.raises(SpecError, match="was undone at"):
        undo_change(links, undone, "c000000001", moment(31))
    undo_id = undone.changes.loc[undone.changes["change"] == "undo", "change_id"].iat[0]
    again = undo_change(more, later, undo_id, moment(60))
    assert people(again) == people(after)
    assert again.quarantined.empty


def test_a_split_leaves_the_id_with_most_links_and_can_be_undone() -> None:
    rows = cookies("ab", "bc", "ca", "cd", "de")
    links = links_of(rows)
    whole = resolve_links(links, moment(10))
    fewer = links.drop(index=3)
    split = resolve_links(fewer, moment(20), before=whole)
    kept = whole.person("cookie", "a")
    assert {split.person("cookie", v) for v in "abc"} == {kept}
    assert split.person("cookie", "d") == split.person("cookie", "e") != kept
    row = split.changes.iloc[-1]
    assert (row["change"], row["person_id"]) == ("split", kept)
    back = undo_change(fewer, split, row["change_id"], moment(30))
    assert people(back) == people(whole)
    assert people(resolve_links(fewer, moment(40), before=back)) == people(whole)
    told = explain(fewer, ("cookie", "a"), ("cookie", "e"), changes=back.changes)
    assert told.is_one_person
    assert "demanded" in set(told.path["status"])


def test_an_undo_of_what_cannot_be_undone_says_why() -> None:
    links, _, after = merged()
    with pytest.raises(UnknownName, match="c000000001"):
        undo_change(links, after, "c00000001", moment(30))
    shared = resolve_links(links, moment(20), policy=Policy(degree_caps={"cookie": 1}))
    with pytest.raises(SpecError, match="is a quarantine"):
        undo_change(links, shared, shared.changes["change_id"].iat[0], moment(30))


def test_a_phone_with_forty_accounts_links_nobody_and_is_reported() -> None:
    rows: list[Row] = [("card", f"c{n}", "phone", "+8613800138000") for n in range(40)]
    rows += [("card", "c0", "phone", "+8613800138001")]
    found = resolve_links(links_of(rows), moment(99))
    assert len(set(people(found).values())) == 40
    assert found.person("phone", "+8613800138000") is None
    assert found.person("phone", "+8613800138001") == found.person("card", "c0")
    row = found.quarantined.iloc[0]
    assert (row["cause"], row["moved_identifiers"]) == ("shared", '[["phone", "+8613800138000"]]')
    lifted = resolve_links(links_of(rows[:2]), moment(100), before=found)
    assert lifted.quarantined["cause"].tolist() == ["conflict"]


def test_a_group_over_the_cap_is_held_and_keeps_what_it_had() -> None:
    chain = [("cookie", f"k{n}", "cookie", f"k{n + 1}") for n in range(9)]
    links = links_of([*chain[:4], *chain[5:], chain[4]], [*range(8), 50])
    policy = Policy(size_cap=8)
    before = resolve_links(links, moment(20), policy=policy)
    after = resolve_links(links, moment(60), before=before, policy=policy)
    assert people(after) == people(before)
    assert len(set(people(after).values())) == 2
    assert after.quarantined["cause"].tolist() == ["large"]
    fresh = resolve_links(links, moment(60), policy=policy)
    assert fresh.current.empty
    wider = resolve_links(links, moment(70), before=after)
    assert len(set(people(wider).values())) == 1
    assert wider.quarantined.empty


def test_two_member_ids_never_become_one_person_and_the_weaker_link_gives_way() -> None:
    rows: list[Row] = [
        ("device", "d", "member", "m2"),
        ("member", "m1", "phone", "+8613800138000"),
        ("device", "d", "phone", "+8613800138000"),
        ("member", "m2", "phone", "+8613800138001"),
    ]
    found = resolve_links(links_of(rows), moment(9))
    assert found.person("member", "m1") != found.person("member", "m2")
    assert found.person("phone", "+8613800138000") == found.person("member", "m1")
    assert found.quarantined["cause"].tolist() == ["conflict"]
    told = explain(links_of(rows), ("member", "m1"), ("member", "m2"))
    assert not told.is_one_person
    assert "conflict" in told.answer.en


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_hashed_phone_joins_its_clear_form(algorithm: str) -> None:
    hashed = hash_identifier("phone", "+86 138-0013-8000", algorithm)
    rows: list[Row] = [("card", "c1", "phone", "+8613800138000"), ("open_id", "o1", *hashed)]
    found = resolve_links(links_of(rows), moment(9))
    assert len(set(people(found).values())) == 1
    assert len(found.current) == 4
    told = explain(links_of(rows), ("card", "c1"), ("open_id", "o1"))
    assert told.is_one_person
    assert told.path["source"].tolist() == ["test", "test"]
    told = explain(links_of(rows), ("card", "c1"), hashed)
    assert told.path["status"].tolist() == ["used", "same"]


def test_a_million_links_resolve() -> None:
    rng = np.random.default_rng(1)
    base = rng.integers(0, 250_000, 1_000_000) * 4
    ends = [np.array("k" + pd.Series(base + rng.integers(0, 4, len(base))).astype(str)) for _ in "ab"]
    at = pd.to_datetime(np.arange(len(base)), unit="s", utc=True)
    links = pd.DataFrame(
        {"left_kind": "cookie", "left_value": ends[0], "right_kind": "cookie", "right_value": ends[1]}
    ).assign(source="test", observed_at=at)
    found = group_links(links)
    assert found.nodes["group"].min() == 0
    assert found.nodes.groupby("group").size().max() <= 4


def test_no_links_are_nobody() -> None:
    assert resolve_links(links_of([]), moment(0)).current.empty


def test_an_unknown_kind_and_a_missing_column_are_named() -> None:
    with pytest.raises(UnknownName, match=r"'cookei'\. Did you mean 'cookie'"):
        resolve_links(links_of([("cookei", "a", "card", "b")]), moment(9))
    with pytest.raises(ContractBroken, match="no column 'source'"):
        resolve_links(links_of(cookies("ab")).drop(columns="source"), moment(9))
    with pytest.raises(ValueError, match="degree cap"):
        Policy(degree_caps={"cookie": 0})
