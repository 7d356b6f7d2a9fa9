"""The matcher over saved audiences answers what the batch engine counts, and forgets exactly when it must."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from qa_lib.audiences import Audience, AudienceLibrary, AudienceMatcher, Priority, audience_diff, person_ids
from qa_lib.errors import SpecError, UnknownName
from qa_lib.jobs.synthetic import publish_synthetic
from qa_lib.rules import All, Attribute, Event, InAudience, Last, Tag
from qa_lib.rules.matcher import read_people, read_person
from qa_lib.workspace import Workspace

ITEM = All(Attribute("department", "=", "GROCERY"))
QUIET = Audience(name="quiet", rule=Event("visit", window=Last(30, "day"), operator="=", value=0))
REGULARS = Audience(
    name="regulars", rule=Tag("order_count_365d", ">", 5), priority=Priority(weight=2, group="care")
)
GROCERS = Audience(
    name="grocers",
    rule=Event("purchase", where=ITEM, window=Last(90, "day")),
    priority=Priority(weight=5, group="care"),
)


def among() -> Audience:
    rule = All(Tag("average_order_value", "<", 30), negated=True)
    return Audience(name="dear-regulars", rule=rule, base="regulars")


@pytest.fixture
def saved(library: AudienceLibrary) -> AudienceLibrary:
    for one in (QUIET, REGULARS, GROCERS, among()):
        library.save(one, "Li")
    library.save(Audience(name="not-grocers", rule=InAudience("grocers", member=False)), "Li")
    return library


def test_everybody_matches_what_the_batch_engine_selects(saved: AudienceLibrary) -> None:
    snapshot = saved.workspace.snapshot()
    matcher = AudienceMatcher(saved.workspace, snapshot, measured=True)
    people = read_people(snapshot)
    found = matcher.match_many(people)
    expected = {
        name: set(person_ids(snapshot, bits)) for name, bits in saved.bits(list(saved.list()["name"])).items()
    }
    assert set(expected) == {"quiet", "regulars", "grocers", "dear-regulars", "not-grocers"}
    for name, ids in expected.items():
        assert 0 < len(ids) < len(people), name
    for n, person in enumerate(people):
        names = {name for name, ids in expected.items() if person.person_id in ids}
        assert set(found.names(n)) == names
        if n % 25 == 0:
            assert set(matcher.match(person.person_id).names) == names


def test_an_exclusive_group_has_one_winner_and_an_inclusive_one_keeps_all(saved: AudienceLibrary) -> None:
    snapshot = saved.workspace.snapshot()
    matcher = AudienceMatcher(saved.workspace, snapshot)
    both = set(person_ids(snapshot, np.bitwise_and(*saved.bits(["regulars", "grocers"]).values())))
    person = min(both)
    assert matcher.match(person).winners == {"care": ("grocers",)}
    for one in (REGULARS, GROCERS):
        assert one.priority is not None
        spec = one.model_copy(update={"priority": one.priority.model_copy(update={"keeps": "all"})})
        saved.save(spec, "Li", based_on=1)
        saved.activate(one.name, 2)
        expected = ("grocers",) if one is REGULARS else ("grocers", "regulars")
        assert matcher.match(person).winners == {"care": expected}  # inclusive only where all say so


def test_another_active_version_changes_the_answer_and_the_rest_is_kept(saved: AudienceLibrary) -> None:
    snapshot = saved.workspace.snapshot()
    matcher = AudienceMatcher(saved.workspace, snapshot)
    person = str(person_ids(snapshot, saved.bits(["regulars"])["regulars"]).iloc[0])
    first = matcher.match(person)
    assert matcher.match(person) is first
    assert (matcher.cache.counts.matched, matcher.cache.counts.answered) == (1, 1)
    never = REGULARS.model_copy(update={"rule": Tag("order_count_365d", ">", 10**6)})
    AudienceLibrary(saved.workspace).save(never, "Wang", based_on=1)
    assert matcher.match(person) is first  # saved, not active
    saved.activate("regulars", 2)
    assert "regulars" in first.names
    assert "regulars" not in matcher.match(person).names
    assert "dear-regulars" not in matcher.match(person).names  # the base is followed
    assert matcher.active.versions["regulars"] == 2


def test_an_event_that_just_came_and_time_change_the_answer(saved: AudienceLibrary) -> None:
    snapshot = saved.workspace.snapshot()
    matcher = AudienceMatcher(saved.workspace, snapshot)
    quiet = str(person_ids(snapshot, saved.bits(["quiet"])["quiet"]).iloc[0])
    person = read_person(snapshot, quiet)
    assert "quiet" in matcher.match(person).names
    now = snapshot.as_of + timedelta(minutes=5)
    came = person.with_event("visit", now - timedelta(minutes=1), {})
    assert "quiet" not in matcher.match(came, now).names
    assert "quiet" in matcher.match(came, now + timedelta(days=31)).names


def test_an_audience_that_no_longer_fits_is_left_out_with_the_reason(saved: AudienceLibrary) -> None:
    saved.save(Audience(name="old", rule=Tag("a_tag_that_is_gone", ">", 1)), "Li")
    matcher = AudienceMatcher(saved.workspace, saved.workspace.snapshot())
    assert set(matcher.active.left_out) == {"old"}
    assert "a_tag_that_is_gone" in matcher.active.left_out["old"]
    assert "old" not in matcher.matcher.names


def test_nobody_of_that_id_and_no_audience_at_all(library: AudienceLibrary) -> None:
    matcher = AudienceMatcher(library.workspace, library.workspace.snapshot())
    with pytest.raises(UnknownName, match="Nobody has the id 'no-such'"):
        matcher.match("no-such")
    person = str(library.workspace.snapshot().frame("SELECT person_id FROM people LIMIT 1")["person_id"][0])
    assert matcher.match(person).names == ()


def test_a_changed_priority_is_told_in_words_and_moves_nobody() -> None:
    changed = audience_diff(QUIET, QUIET.model_copy(update={"priority": Priority(weight=3, group="care")}))
    assert changed.is_empty
    assert changed.text() == "~ priority: weight 0 → weight 3, exclusive group “care”"
    assert "互斥组“care”" in changed.text("zh")
    with pytest.raises(SpecError):
        Priority(weight=float("nan"))


def test_tags_that_are_only_bitsets_are_matched_too(fresh_workspace: Workspace) -> None:
    snapshot = publish_synthetic(fresh_workspace, people=300)
    library = AudienceLibrary(fresh_workspace)
    tags = sorted(snapshot.columns.packed_only)[:40]
    for tag in tags:
        library.save(Audience(name=tag, rule=Tag(tag, "=", True)), "Li")
    matcher = AudienceMatcher(fresh_workspace, snapshot)
    people = read_people(snapshot)
    found = matcher.match_many(people)
    bits = library.bits(tags)
    for n, person in enumerate(people):
        names = {tag for tag in tags if int(bits[tag][n // 64]) >> (n % 64) & 1}
        assert set(found.names(n)) == names
        if n % 60 == 0:
            assert set(matcher.match(person.person_id).names) == names
    assert any(found.names(n) for n in range(len(people)))
