"""The size of an audience at past moments, held against snapshots that were built as of them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from qa_lib.audiences import Audience, members, membership_over_time
from qa_lib.errors import AsOfOutside
from qa_lib.profiles import build
from qa_lib.rules import (
    All,
    Any,
    Attribute,
    Duration,
    Event,
    InAudience,
    Last,
    Lifecycle,
    Not,
    RandomSplit,
    Rule,
    Sequence,
    Step,
    Sum,
    Tag,
)
from qa_lib.sources import FEEDS, generate_interactions, land_all
from qa_lib.workspace import Workspace

MOMENTS = ("2017-04-01T04:00:00Z", "2017-08-15T13:30:00Z")
DATED: dict[str, Rule] = {
    "everybody": All(),
    "a few orders, or none": Event("visit", window=Last(60, "day"), operator="<=", value=2),
    "spend and not a browse": All(
        Event("purchase", window=Last(90, "day"), measure=Sum("paid_amount"), operator=">", value=50),
        Not(Event("browse", window=Last(30, "day"))),
        RandomSplit("autumn", 0, 0.7),
    ),
    "browse, then no cart": Sequence(
        [Step("browse"), Step("cart", absent=True, within=Duration(1, "day"))], window=Last(60, "day")
    ),
    "stopped or regular": Any(
        Lifecycle("visit", "stopped", Last(30, "day")), Lifecycle("visit", "regularly", k=3, m=6, unit="week")
    ),
}


@pytest.fixture(scope="module")
def two_times(
    company_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Workspace]:
    """The same data with one snapshot at the end, and with snapshots as of the past moments too."""
    made = []
    for name in ("end", "every"):
        workspace = Workspace.create(tmp_path_factory.mktemp(name), zone="America/New_York", currency="USD")
        for _ in land_all(workspace, [(FEEDS[n], path) for n, path in company_files.items()]):
            pass
        generate_interactions(workspace)
        build(workspace)
        made.append(workspace)
    for moment in MOMENTS:
        build(made[1], moment)
    return made[0], made[1]


@pytest.mark.parametrize("name", DATED)
def test_events_tell_of_a_past_moment_what_a_snapshot_of_then_tells(
    two_times: tuple[Workspace, Workspace], name: str
) -> None:
    by_events, by_snapshots = (membership_over_time(w, DATED[name], MOMENTS) for w in two_times)
    assert list(by_events["source"]) == ["events"] * 2
    assert list(by_snapshots["source"]) == ["snapshot"] * 2
    same = ["as_of", "count", "universe", "share"]
    pd.testing.assert_frame_equal(by_events[same], by_snapshots[same])
    assert by_snapshots["universe"].is_monotonic_increasing
    assert by_snapshots["count"].iloc[1] == len(members(two_times[1], DATED[name], MOMENTS[1]))


def test_without_moments_every_snapshot_answers_tags_too(two_times: tuple[Workspace, Workspace]) -> None:
    frame = membership_over_time(two_times[1], Audience(name="x", rule=Tag("recency_days", "<", 30)))
    assert len(frame) == 3
    assert frame["as_of"].is_monotonic_increasing
    assert str(frame["as_of"].dtype).endswith("UTC]")
    assert set(frame["source"]) == {"snapshot"}
    assert frame["snapshot"].is_unique
    assert list(membership_over_time(two_times[1], All(), [])["count"]) == []


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (All(Event("visit"), Tag("recency_days", "<", 30)), r"tag 'recency_days' \(at 1 of the rule\)"),
        (Attribute("age_band", "is set"), r"attribute 'age_band' \(at the root of the rule\)"),
        (InAudience("vips", 2), "saved audience 'vips'"),
    ],
)
def test_what_was_not_kept_is_refused_with_the_way_on(
    two_times: tuple[Workspace, Workspace], rule: Rule, named: str
) -> None:
    with pytest.raises(AsOfOutside, match=rf"The {named}.*need a snapshot.*qa build --as-of 2017-04-01"):
        membership_over_time(two_times[0], rule, MOMENTS)


def test_the_future_is_refused(two_times: tuple[Workspace, Workspace]) -> None:
    with pytest.raises(AsOfOutside, match="lies after the current snapshot's 2018-01-01"):
        membership_over_time(two_times[0], All(), ["2018-02-01T00:00:00Z"])


def test_before_anybody_there_are_only_those_known_always(two_times: tuple[Workspace, Workspace]) -> None:
    frame = membership_over_time(two_times[0], Event("visit"), ["2016-01-01T00:00:00Z"])
    known = two_times[0].snapshot().frame("SELECT count(DISTINCT person_id) AS n FROM demographics")["n"]
    assert list(frame["count"]) == [0]
    assert list(frame["universe"]) == [known.iloc[0]]
    assert list(frame["share"]) == [0.0]
