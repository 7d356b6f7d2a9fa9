"""An audience's preview: counts, shares, masked people, and the breakdown against everybody."""

from __future__ import annotations

import pandas as pd
import pytest
from scipy.stats import chi2_contingency, fisher_exact
from scipy.stats.contingency import expected_freq

from qa_lib.audiences import Audience, breakdown, engine_of, masked, members, preview
from qa_lib.errors import AsOfOutside, SpecError, UnknownName
from qa_lib.rules import All, Attribute, Event, Last, Tag
from qa_lib.tables import NOT_RECORDED_GROUP as NOT_RECORDED
from qa_lib.workspace import Snapshot, Workspace

REGULARS = All(Tag("order_count_365d", ">", 10), Event("visit", window=Last(60, "day")))


@pytest.fixture(scope="module")
def profile(snapshot: Snapshot) -> pd.DataFrame:
    return snapshot.frame("SELECT person_id, profile.* FROM profile JOIN people USING (person_no)")


def test_count_members_and_stamp_agree(workspace: Workspace, snapshot: Snapshot) -> None:
    seen = preview(workspace, Audience(name="常客", rule=REGULARS))
    assert seen.count == len(members(workspace, REGULARS)) == seen.counts[()]
    assert seen.universe == snapshot.people_count
    assert seen.share == seen.count / seen.universe
    assert seen.stamp["snapshot"] == snapshot.version
    assert seen.stamp["rule_hash"] == seen.rule_hash == REGULARS.hash


def test_breakdown_agrees_with_pandas_and_scipy(
    workspace: Workspace, snapshot: Snapshot, profile: pd.DataFrame
) -> None:
    inside = profile["person_id"].isin(members(workspace, REGULARS)["person_id"])
    shown = preview(workspace, REGULARS, by=("age_band", "is_fuel_buyer")).breakdown.set_index(
        ["field", "value"]
    )
    ages = profile["age_band"].fillna(NOT_RECORDED)
    for value, base in ages.value_counts().items():
        row = shown.loc[("age_band", value)]
        mine = int((ages[inside] == value).sum())
        assert (row["audience_count"], row["base_count"]) == (mine, base)
        expected = mine / inside.sum() / (base / len(profile)) * 100
        assert row["tgi"] == pytest.approx(expected)
        assert (row["audience_size"], row["base_size"]) == (inside.sum(), len(profile))
        assert row["tgi_low"] < row["tgi"] < row["tgi_high"]
        table = pd.crosstab(inside, ages == value)
        if expected_freq(table).min() >= 5:
            assert row["p_value"] == pytest.approx(chi2_contingency(table, correction=False).pvalue)
            assert (row["tgi_low"] <= 100 <= row["tgi_high"]) == (row["p_value"] >= 0.05)
        else:
            assert row["p_value"] == pytest.approx(fisher_exact(table).pvalue)
    assert shown.loc["age_band"]["audience_count"].sum() == inside.sum()
    assert (shown["is_different"] == (shown["q_value"] <= 0.05)).all()
    assert (shown["q_value"] >= shown["p_value"]).all()
    assert set(shown.loc["is_fuel_buyer"].index) == {"true", "false"}


def test_a_list_field_counts_each_value_and_those_without(
    workspace: Workspace, snapshot: Snapshot, profile: pd.DataFrame
) -> None:
    bits = engine_of(snapshot).evaluate(REGULARS).members[()]
    shown = breakdown(snapshot, bits, by=("departments_90d",)).set_index("value")
    has_meat = profile["departments_90d"].map(lambda d: hasattr(d, "__iter__") and "MEAT" in list(d))
    assert shown.loc["MEAT", "base_count"] == has_meat.sum()
    assert shown.loc[NOT_RECORDED, "base_count"] == profile["departments_90d"].isna().sum()


def test_nobody_is_an_answer(workspace: Workspace) -> None:
    seen = preview(workspace, Tag("order_count_365d", "<", 0))
    assert seen.count == 0
    assert seen.sample.empty
    assert seen.breakdown["tgi"].isna().all()


def test_sample_is_masked_small_and_the_same_again(workspace: Workspace) -> None:
    one, two = (preview(workspace, REGULARS).sample for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert len(one) <= 8
    assert one["person"].str.contains("•").all()


def test_a_sample_shows_first_what_the_rule_names(workspace: Workspace) -> None:
    rule = All(Tag("recency_days", "<", 60), Tag("weekend_order_rate", ">", 0.2))
    shown = preview(workspace, rule).sample
    assert list(shown.columns[:4]) == ["person", "recency_days", "weekend_order_rate", "lifecycle_stage"]
    assert shown.columns.is_unique
    assert (shown["weekend_order_rate"] > 0.2).all()


@pytest.mark.parametrize(
    ("person_id", "shown"), [("7", "•"), ("42", "••"), ("123", "1•3"), ("+8613812345678", "+8••••••••••78")]
)
def test_masking_keeps_the_ends_at_most(person_id: str, shown: str) -> None:
    assert masked(person_id) == shown


def test_audience_round_trips_and_hashes(workspace: Workspace) -> None:
    audience = Audience(name="没买过券的人 <b>", rule=REGULARS, description="…")
    assert Audience.from_json(audience.to_json()) == audience
    assert Audience.from_json(audience.to_json()).hash == audience.hash


def test_a_number_cannot_be_broken_down_by(workspace: Workspace) -> None:
    with pytest.raises(SpecError, match="'order_count_365d' is number"):
        preview(workspace, REGULARS, by=("order_count_365d",))
    with pytest.raises(UnknownName, match="Did you mean 'age_band'"):
        preview(workspace, REGULARS, by=("age_bnd",))


def test_a_moment_without_a_snapshot_says_how_to_build_it(workspace: Workspace) -> None:
    with pytest.raises(AsOfOutside, match=r"qa build --as-of 2017-06-01T00:00:00\+00:00"):
        preview(workspace, REGULARS, as_of="2017-06-01T00:00:00Z")


def test_a_recorded_attribute_is_no_tag(workspace: Workspace) -> None:
    with pytest.raises(SpecError, match="'age_band' is of kind 'attribute'; the condition says 'tag'"):
        preview(workspace, All(Tag("age_band", "=", "65+"), Attribute("age_band", "is set")))
