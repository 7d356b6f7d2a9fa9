"""Which ids a merge ended and whose they are now: at any remove, undone, split, as of the past."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from test_resolve import WIDE, Row, cookies, links_of, moment, random_rows

from qa_lib.identity import Policy, Resolution, former_ids, resolve_links, undo_change
from qa_lib.workspace import read_moment
from qa_lib.workspace.people import followed, held_at, person_keys


def test_ids_follow_through_two_merges_and_come_back_when_one_is_undone() -> None:
    links = links_of(cookies("ab", "cd", "ef", "bc", "de"), [0, 1, 2, 10, 20])
    one = resolve_links(links, moment(5))
    a, c, e = (one.person("cookie", v) for v in "ace")
    assert former_ids(one) == {}
    two = resolve_links(links, moment(15), before=one)
    assert former_ids(two) == {a: (c,)}
    three = resolve_links(links, moment(25), before=two)
    assert former_ids(three) == {a: (c, e)}
    assert former_ids(three.as_of(moment(15))) == {a: (c,)}
    merge = three.changes.loc[three.changes["other_person_id"] == c, "change_id"].iat[0]
    undone = undo_change(links, three, merge, moment(30))
    assert undone.person("cookie", "c") == c
    assert c not in {i for ids in former_ids(undone).values() for i in ids}
    assert former_ids(undone.as_of(moment(25))) == {a: (c, e)}


def test_an_id_that_was_merged_into_one_that_was_merged_away_belongs_to_the_last() -> None:
    links = links_of(cookies("ab", "cd", "ef", "de", "bc"), [0, 1, 2, 10, 20])
    found = Resolution.none()
    for minute in (5, 15, 25):
        found = resolve_links(links, moment(minute), before=found)
    a = found.person("cookie", "a")
    assert former_ids(found) == {a: ("p000000002", "p000000003")}
    last = found.changes.loc[found.changes["person_id"] == a, "change_id"].iat[-1]
    undone = undo_change(links, found, last, moment(30))
    assert former_ids(undone) == {"p000000002": ("p000000003",)}


def test_an_id_goes_with_its_identifiers_when_the_link_of_the_merge_was_wrong() -> None:
    links = links_of(cookies("ab", "ba", "cd", "bc"), [0, 1, 2, 10])
    one = resolve_links(links, moment(5))
    two = resolve_links(links, moment(15), before=one)
    split = resolve_links(links.drop(index=3), moment(25), before=two)
    back = split.person("cookie", "c")
    assert back not in (one.person("cookie", "c"), split.person("cookie", "a"))
    assert former_ids(split) == {back: (one.person("cookie", "c"),)}


def test_an_id_whose_split_was_undone_belongs_to_the_one_it_was_split_from() -> None:
    links = links_of(cookies("ab", "ba", "bc"), [0, 1, 2])
    whole = resolve_links(links, moment(5))
    split = resolve_links(pd.concat([links[:2], links_of(cookies("cc"), [3])]), moment(10), before=whole)
    new = split.person("cookie", "c")
    back = undo_change(links, split, split.changes["change_id"].iat[-1], moment(20))
    assert former_ids(split) == {}
    assert former_ids(back) == {whole.person("cookie", "a"): (new,)}


def test_an_id_stays_merged_when_nobody_holds_its_identifiers_any_more() -> None:
    links = links_of(cookies("ab", "cd", "bc"), [0, 1, 10])
    two = resolve_links(links, moment(15), before=resolve_links(links, moment(5)))
    fewer = resolve_links(links[:1], moment(25), before=two)
    assert former_ids(fewer) == {two.person("cookie", "a"): ("p000000002",)}


@given(random_rows(), st.lists(st.integers(1, 40), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40)
def test_while_links_only_grow_an_id_is_whosever_its_identifiers_are(
    rows: list[Row], cuts: list[int]
) -> None:
    links, found, held = links_of(rows), Resolution.none(), {}
    for cut in [*sorted(set(cuts)), 99]:
        found = resolve_links(links, moment(cut), before=found, policy=WIDE)
        now = found.current
        for kind, value, person in zip(now["kind"], now["value"], now["person_id"], strict=True):
            held.setdefault(person, []).append((kind, value))
    living = set(found.current["person_id"])
    assert followed(found.identities, found.changes) == {
        person: found.person(*identifiers[0]) for person, identifiers in held.items() if person not in living
    }


@given(random_rows(("card", "phone", "cookie")), st.integers(0, 30), st.integers(0, 60))
@settings(deadline=None, max_examples=40)
def test_what_was_resolved_later_never_changes_whose_an_id_was(rows: list[Row], cut: int, later: int) -> None:
    policy = Policy(single_kinds={"card": False}, size_cap=12)
    links = links_of(rows)
    seen = links[links["observed_at"] < pd.Timestamp(moment(cut))]
    then = resolve_links(seen, moment(cut), policy=policy)
    since = resolve_links(links, moment(cut), policy=policy)
    since = resolve_links(links, moment(cut + 1 + later), before=since, policy=policy)
    at = read_moment(moment(cut))
    one, other = (person_keys(*held_at(r.identities, r.changes, at)) for r in (then, since))
    pd.testing.assert_frame_equal(one, other, check_dtype=False)
    early = read_moment(moment(0)) - pd.Timedelta(minutes=1)
    assert person_keys(*held_at(since.identities, since.changes, early)).empty
    assert one["source_id"].is_unique
    held = then.current
    cards = held[held["kind"] == "card"]
    assert dict(zip(cards["value"], cards["person_id"], strict=True)) == dict(
        zip(one["source_id"], one["person_id"], strict=True)
    )
