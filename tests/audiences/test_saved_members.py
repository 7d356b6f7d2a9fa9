"""Saved members: kept compactly, read back bit for bit, evaluated no more than new data concern."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_sets import naive
from pyroaring import BitMap

from qa_lib.audiences import (
    Audience,
    AudienceLibrary,
    breakdown,
    evaluate,
    explain_count,
    explain_person,
    from_roaring,
    members,
    membership_over_time,
    preview,
    to_roaring,
)
from qa_lib.audiences.facts import facts_of
from qa_lib.errors import AsOfOutside, UnknownName
from qa_lib.profiles import build
from qa_lib.rules import (
    All,
    Any,
    Attribute,
    Catalogue,
    Dates,
    Event,
    InAudience,
    Last,
    Measure,
    Not,
    RandomSplit,
    Rule,
    Tag,
    to_numbers,
)
from qa_lib.rules.bits import from_numbers
from qa_lib.workspace import Snapshot, Workspace

REGULARS = Tag("order_count_365d", ">", 5)
SPENDERS = Tag("average_order_value", ">", 25)
VISITORS = Event("visit", window=Last(30))


def people(snapshot: Snapshot) -> list[str]:
    return snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()


def numbers(snapshot: Snapshot, audience: Audience | Rule) -> set[int]:
    return set(to_numbers(evaluate(snapshot, audience).members[()]).tolist())


@given(inside=st.sets(st.integers(0, 999)), size=st.integers(1_000, 1_100))
@settings(deadline=None)
def test_members_come_back_bit_for_bit(inside: set[int], size: int) -> None:
    bits = from_numbers(np.array(sorted(inside), dtype=np.int64), size)
    content = to_roaring(bits)
    assert (from_roaring(content, size) == bits).all()
    assert BitMap.deserialize(content) == BitMap(inside)  # what another engine reads


def test_a_bitmap_beyond_the_universe_is_refused() -> None:
    with pytest.raises(ValueError, match="person number 70 in a universe of 64"):
        from_roaring(to_roaring(from_numbers(np.array([70]), 100)), 64)


def test_kept_members_carry_what_they_were_made_from(library: AudienceLibrary) -> None:
    library.save(Audience(name="a", rule=REGULARS), "Li")
    library.save(Audience(name="b", rule=All(InAudience("a"), SPENDERS)), "Li")
    kept = library.materialise("b")
    snapshot = kept.snapshot
    assert set(to_numbers(kept.bits).tolist()) == naive(snapshot, All(REGULARS, SPENDERS))
    assert (
        kept.person_ids.tolist() == members(library.workspace, All(REGULARS, SPENDERS))["person_id"].tolist()
    )
    assert kept.audience_versions == (("a", 1),)
    stamp = kept.stamp()
    assert (stamp["version"], stamp["snapshot"]) == (1, snapshot.version)
    assert stamp["spec_hash"] == library.get("b").hash
    assert stamp["audience_versions"] == [{"audience": "a", "version": 1}]
    again = AudienceLibrary(library.workspace).materialise("b")
    assert (again.bits == kept.bits).all()
    assert (again.count, again.universe) == (kept.count, snapshot.people_count)


def test_a_rule_names_saved_audiences_at_a_version_or_the_active_one(library: AudienceLibrary) -> None:
    snapshot = library.workspace.snapshot()
    library.save(Audience(name="a", rule=REGULARS), "Li")
    library.save(Audience(name="a", rule=SPENDERS), "Li", based_on=1)
    regulars, spenders = naive(snapshot, REGULARS), naive(snapshot, SPENDERS)
    everybody = set(range(snapshot.people_count))
    assert numbers(snapshot, InAudience("a")) == regulars
    assert numbers(snapshot, InAudience("a", 2)) == spenders
    assert numbers(snapshot, InAudience("a", member=False)) == everybody - regulars
    both = evaluate(snapshot, All(InAudience("a", 2), InAudience("a", 1, member=False)))
    assert set(to_numbers(both.members[()]).tolist()) == spenders - regulars
    assert both.audience_versions == {(0,): ("a", 2), (1,): ("a", 1)}
    seen = preview(library.workspace, both.rule)
    assert seen.stamp["audience_versions"] == [
        {"audience": "a", "version": 1},
        {"audience": "a", "version": 2},
    ]
    library.save(Audience(name="b", rule=Not(InAudience("a"))), "Li")
    assert numbers(snapshot, InAudience("b")) == everybody - regulars
    library.activate("a", 2)
    assert numbers(snapshot, InAudience("b")) == everybody - spenders, "b follows the active version of a"
    with pytest.raises(UnknownName, match="No audience 'regulars' is saved"):
        numbers(snapshot, InAudience("regulars"))


def test_a_base_is_the_universe_of_every_node(library: AudienceLibrary) -> None:
    snapshot = library.workspace.snapshot()
    library.save(Audience(name="regulars", rule=REGULARS), "Li")
    base = naive(snapshot, REGULARS)
    audience = Audience(name="x", rule=Not(All(SPENDERS, VISITORS)), base="regulars")
    found = evaluate(snapshot, audience)
    assert set(to_numbers(found.members[()]).tolist()) == naive(snapshot, audience.rule, base)
    assert found.universe == len(base)
    seen = preview(library.workspace, audience, by=("age_band",))
    assert (seen.count, seen.universe) == (found.count, len(base))
    assert seen.counts[()] == seen.count
    assert seen.sentence.en.startswith("among the audience “regulars”: not (")
    assert seen.sentence.zh.startswith("在人群“regulars”现行版本中：并非")
    assert seen.stamp["base"] == {"audience": "regulars", "version": 1}
    assert seen.breakdown["base_count"].sum() == len(base)
    assert len(members(library.workspace, audience)) == seen.count
    departments = breakdown(snapshot, found.members[()], by=("departments_90d",), universe=found.base_members)
    assert (departments["audience_count"] <= departments["base_count"]).all()


def test_bases_agree_with_a_smaller_universe_on_random_rules(library: AudienceLibrary) -> None:
    snapshot = library.workspace.snapshot()
    library.save(Audience(name="regulars", rule=REGULARS), "Li")
    base = naive(snapshot, REGULARS)
    leaves = [
        REGULARS,
        SPENDERS,
        VISITORS,
        Attribute("age_band", "=", "45-54"),
        RandomSplit("s", 0, 0.5),
    ]

    @given(
        rule=st.recursive(
            st.sampled_from(leaves),
            lambda children: st.builds(
                lambda kind, of, negated: kind(of=tuple(of), negated=negated),
                st.sampled_from([All, Any]),
                st.lists(children, min_size=1, max_size=3),
                st.booleans(),
            ),
            max_leaves=6,
        )
    )
    @settings(max_examples=60, deadline=None)
    def holds(rule: Rule) -> None:
        found = evaluate(snapshot, Audience(name="x", rule=rule, base="regulars"))
        assert set(to_numbers(found.members[()]).tolist()) == naive(snapshot, rule, base)

    holds()


def test_refresh_evaluates_a_shared_condition_once_and_nothing_twice(library: AudienceLibrary) -> None:
    for n in range(6):
        part = RandomSplit("part", n / 6, (n + 1) / 6)
        library.save(Audience(name=f"part {n}", rule=All(REGULARS, SPENDERS, VISITORS, part)), "Li")
    library.save(Audience(name="all", rule=Any(*(InAudience(f"part {n}") for n in range(6)))), "Li")
    first = library.refresh()
    assert first["name"].iloc[-1] == "all", "after those that it needs"
    assert first["conditions_run"].sum() == 3 + 6
    assert set(first["status"]) == {"evaluated"}
    whole = naive(library.workspace.snapshot(), All(REGULARS, SPENDERS, VISITORS))
    assert first["count"].iloc[-1] == len(whole) == first["count"].iloc[:-1].sum()
    again = library.refresh()
    assert set(again["status"]) == {"kept"}
    assert again["conditions_run"].sum() == 0
    assert again["count"].tolist() == first["count"].tolist()
    # a rollback to what is kept evaluates nothing
    library.save(Audience(name="part 0", rule=All()), "Li", based_on=1)
    library.rollback("part 0", 1, "Li")
    assert library.refresh(names=["part 0"])["conditions_run"].sum() == 0


def test_new_data_concern_only_those_who_read_them(library: AudienceLibrary) -> None:
    workspace = library.workspace
    library.save(Audience(name="ages", rule=Attribute("age_band", "=", "45-54")), "Li")
    library.save(Audience(name="visitors", rule=VISITORS), "Li")
    library.save(Audience(name="both", rule=All(InAudience("ages"), InAudience("visitors"))), "Li")
    library.save(Audience(name="old", rule=Not(InAudience("ages"))), "Li")
    now = workspace.snapshot()
    earlier = build(workspace, now.as_of - timedelta(minutes=1))
    assert people(earlier) == people(now), "nobody came in that minute"
    assert set(library.refresh(earlier)["status"]) == {"evaluated"}
    later = workspace.snapshot()
    assert later.version == now.version
    after = library.refresh(later).set_index("name")
    assert after["status"].to_dict() == {
        "ages": "same facts",
        "visitors": "evaluated",
        "both": "evaluated",
        "old": "same facts",
    }
    for name, rule in (("ages", Attribute("age_band", "=", "45-54")), ("visitors", VISITORS)):
        assert after.loc[name, "count"] == len(naive(later, rule))


def test_of_a_rule_only_the_conditions_that_a_new_day_concerns_are_run(library: AudienceLibrary) -> None:
    workspace = library.workspace
    last_spring = Event("visit", window=Dates("2017-03-01", "2017-05-31"), value=3)
    of_an_age = Attribute("age_band", "=", "45-54")
    library.save(Audience(name="some", rule=All(of_an_age, last_spring, Not(VISITORS))), "Li")
    library.save(Audience(name="others", rule=All(last_spring, Not(of_an_age))), "Li")
    now = workspace.snapshot()
    first = library.refresh(build(workspace, now.as_of - timedelta(minutes=1)))
    assert first["conditions_run"].tolist() == [3, 0]
    assert first["conditions_taken_over"].sum() == 0
    kept = workspace.root / "audiences" / "conditions"
    assert len(list(kept.iterdir())) == 3
    after = library.refresh(now).set_index("name")
    assert after["status"].to_dict() == {"some": "evaluated", "others": "same facts"}
    assert after.loc["some", ["conditions_run", "conditions_taken_over"]].tolist() == [1, 2]
    assert after.loc["some", "count"] == len(naive(now, All(of_an_age, last_spring, Not(VISITORS))))
    # what is damaged is run again
    for file in kept.iterdir():
        file.write_bytes(b"short")
    library.save(Audience(name="more", rule=Any(of_an_age, last_spring)), "Li")
    more = library.refresh(now, ["more"])
    assert more["conditions_taken_over"].sum() == 0
    assert more["count"].tolist() == [len(naive(now, Any(of_an_age, last_spring)))]


def test_a_damaged_or_missing_file_is_evaluated_again(library: AudienceLibrary) -> None:
    library.save(Audience(name="a", rule=REGULARS), "Li")
    kept = library.materialise("a")
    (file,) = Path(library.workspace.root / "audiences").rglob("*.roaring")
    for damage in (lambda: file.write_bytes(b"\x00nonsense"), file.unlink):
        damage()
        assert (library.materialise("a").bits == kept.bits).all()
        assert from_roaring(file.read_bytes(), kept.universe).any()


def test_files_of_snapshots_that_are_gone_are_dropped_and_their_counts_stay(
    library: AudienceLibrary, own_workspace: Workspace
) -> None:
    library.save(Audience(name="a", rule=REGULARS), "Li")
    gone = own_workspace.root / "audiences" / "20160101T000000Z-gone"
    gone.mkdir(parents=True)
    (gone / "x.roaring").write_bytes(b"")
    count = library.refresh()["count"].iloc[0]
    assert not gone.exists()
    assert library.list()["count"].iloc[0] == count


def test_explanations_and_history_of_an_audience_stay_inside_its_base(
    library: AudienceLibrary, own_workspace: Workspace
) -> None:
    snapshot = own_workspace.snapshot()
    base, rule = Tag("recency_days", "<", 60), Tag("order_count_365d", ">", 3)
    library.save(Audience(name="recent", rule=base), "ann")
    ids, recent = people(snapshot), numbers(snapshot, base)
    for inner in (rule, Not(rule), All(rule, Not(All(Tag("recency_days", "<", 5))))):
        audience = Audience(name="some of them", rule=inner, base="recent")
        inside = recent & numbers(snapshot, inner)
        assert 0 < len(inside) < len(recent)
        assert numbers(snapshot, audience) == inside
        for number in range(0, len(ids), 25):
            assert explain_person(snapshot, audience, ids[number]).is_in == (number in inside)
        assert explain_count(snapshot, audience)["remaining_count"].dropna().iloc[-1] == len(inside)
        (moment,) = membership_over_time(own_workspace, audience).to_dict("records")
        assert (moment["count"], moment["universe"]) == (len(inside), len(recent))
    outside = next(n for n in range(len(ids)) if n not in recent)
    assert "“recent”" in explain_person(snapshot, audience, ids[outside]).text("en")
    browsed = Audience(name="browsed", rule=Event("browse"), base="recent")
    with pytest.raises(AsOfOutside, match="saved audience 'recent'"):
        membership_over_time(own_workspace, browsed, ["2017-06-01T00:00:00Z"])


@pytest.mark.parametrize(
    ("rule", "depends"),
    [
        (Tag("first_order_on", "anniversary within", 7), True),
        (All(REGULARS, Not(Tag("first_order_on", "in last", Last(30)))), True),
        (VISITORS, True),
        (Event("visit"), True),
        (Event("visit", window=Dates("2017-01-01", "2017-02-01")), False),
        (Event("visit", window=Dates("2017-12-01", "2030-01-01")), True),
        (Event("visit", window=Dates("2017-01-01", "2017-02-01"), measure=Measure("days_since_last")), True),
        (Tag("first_order_on", "before", "2017-06-01"), False),
        (All(REGULARS, RandomSplit("a", 0, 0.5)), False),
    ],
)
def test_a_new_day_concerns_what_is_held_against_the_moment(
    snapshot: Snapshot, people_catalogue: Catalogue, rule: Rule, depends: bool
) -> None:
    next_day = copy.copy(snapshot)
    next_day.published = replace(snapshot.published, as_of=snapshot.as_of + timedelta(days=1))
    today, tomorrow = (facts_of(s, rule, people_catalogue) for s in (snapshot, next_day))
    assert (today != tomorrow) == depends
