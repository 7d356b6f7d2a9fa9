"""Who enters and who leaves, and because of which change; against brute force, person by person."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from naive_sets import naive

from qa_lib.audiences import Audience, AudienceLibrary, diff_people
from qa_lib.rules import All, Any, Attribute, Event, Last, Not, Rule, Tag, to_numbers
from qa_lib.workspace import Snapshot

LEAVES: list[Rule] = [
    *(Tag("order_count_365d", ">", n) for n in (2, 5, 10, 20)),
    *(Tag("average_order_value", ">", n) for n in (10, 25, 40)),
    *(Event("visit", window=Last(n)) for n in (7, 30, 90)),
    Attribute("age_band", "in", ["45-54", "65+"]),
]


def rules() -> st.SearchStrategy[Rule]:
    def group(children: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
        return st.builds(
            lambda kind, of, negated: kind(of=tuple(of), negated=negated),
            st.sampled_from([All, Any]),
            st.lists(children, min_size=1, max_size=3),
            st.booleans(),
        )

    return st.recursive(st.sampled_from(LEAVES), group, max_leaves=6)


def test_people_are_told_with_the_condition_that_decided(snapshot: Snapshot) -> None:
    old = All(Tag("order_count_365d", ">", 10), Attribute("age_band", "=", "45-54"))
    new = All(Tag("order_count_365d", ">", 5), Event("visit", window=Last(30)))
    told = diff_people(snapshot, old, new)
    assert [c.kind for c in told.diff.changes] == ["changed", "added", "removed"]
    by = told.by_change.set_index("kind")
    assert by.loc["changed", "leaving_count"] == 0, "a lower bar lets nobody out"
    assert by.loc["added", "entering_count"] == 0, "one condition more lets nobody in"
    assert by.loc["removed", "leaving_count"] == 0
    shown = told.to_dict()
    assert shown["old_count"] + shown["entering_count"] - shown["leaving_count"] == shown["new_count"]
    entering = told.people("entering")
    assert len(entering) == shown["entering_count"] > 0
    assert entering["change"].value_counts().get(2, 0) == by.loc["removed", "entering_count"]
    assert told.sample("entering")["person"].str.contains("•").all()
    assert len(told.sample("entering")) <= 8


def test_attribution_agrees_with_brute_force_on_random_rules(snapshot: Snapshot) -> None:
    @given(old=rules(), new=rules())
    @settings(max_examples=150, deadline=None)
    def holds(old: Rule, new: Rule) -> None:
        told = diff_people(snapshot, old, new)
        steps = [naive(snapshot, step.rule) for step in told.diff.steps()]
        before, after = naive(snapshot, old), naive(snapshot, new)
        assert (steps[0], steps[-1]) == (before, after)
        assert len(steps) == len(told.diff.changes) + 1
        for person in range(snapshot.people_count):
            expected = -1
            if (person in before) != (person in after):
                expected = next(
                    k for k, step in enumerate(steps[1:]) if (person in step) == (person in after)
                )
            assert told.decided_by[person] == expected
        assert set(to_numbers(told.entering).tolist()) == after - before
        assert set(to_numbers(told.leaving).tolist()) == before - after
        assert told.by_change["entering_count"].sum() == len(after - before)
        assert told.by_change["leaving_count"].sum() == len(before - after)

    holds()


def test_nobody_moves_between_equal_rules(snapshot: Snapshot) -> None:
    rule = All(Tag("order_count_365d", ">", 3), Not(Event("visit", window=Last(30))))
    told = diff_people(snapshot, rule, rule)
    assert told.diff.is_empty
    assert told.by_change.empty
    assert (told.decided_by == -1).all()


def test_another_base_is_a_change_of_its_own(library: AudienceLibrary) -> None:
    snapshot = library.workspace.snapshot()
    rule = Tag("average_order_value", ">", 20)
    library.save(Audience(name="regulars", rule=Tag("order_count_365d", ">", 10)), "Li")
    library.save(Audience(name="spenders", rule=rule), "Li")
    library.save(Audience(name="spenders", rule=Not(rule), base="regulars"), "Li", based_on=1)
    diff = library.diff("spenders", 1, 2)
    assert [c.kind for c in diff.changes] == ["base", "negated"]
    assert "base: everybody → “regulars”" in diff.text("en")
    told = library.diff_people("spenders", 1, 2, snapshot)
    base = naive(snapshot, Tag("order_count_365d", ">", 10))
    everybody, spenders = set(range(snapshot.people_count)), naive(snapshot, rule)
    assert set(to_numbers(told.new_members).tolist()) == base - spenders
    assert told.by_change["leaving_count"].tolist() == [len(spenders - base), len(spenders & base)]
    assert told.by_change["entering_count"].tolist() == [0, len((everybody - spenders) & base)]
