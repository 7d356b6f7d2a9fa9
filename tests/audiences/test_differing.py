"""The tags that differ most, held against plain pandas and pairs counted by hand; chance is kept out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from qa_lib.audiences import engine_of, members, top_differing
from qa_lib.audiences.differing import LEAST_PEOPLE
from qa_lib.errors import SpecError
from qa_lib.rules import All, RandomSplit, Tag
from qa_lib.tables import NOT_RECORDED_GROUP
from qa_lib.workspace import Snapshot, Workspace

BUYERS = Tag("order_count_365d", ">", 15)
EVERY = 10_000


@pytest.fixture(scope="module")
def profile(snapshot: Snapshot) -> pd.DataFrame:
    return snapshot.frame(
        "SELECT person_id, profile.* FROM profile JOIN people USING (person_no) ORDER BY person_no"
    )


@pytest.fixture(scope="module")
def inside(workspace: Workspace, profile: pd.DataFrame) -> pd.Series:
    return profile["person_id"].isin(members(workspace, BUYERS)["person_id"])


def test_a_number_is_compared_by_its_mean_and_by_every_pair(
    snapshot: Snapshot, profile: pd.DataFrame, inside: pd.Series
) -> None:
    shown = top_differing(snapshot, BUYERS, EVERY)
    numbers = shown[shown["value"].isna() & (shown["type"] == "number")]
    assert len(numbers) > 20
    for row in numbers.itertuples():
        values = profile[row.field].astype(float)
        a, b = values[inside].dropna().to_numpy(), values[~inside].dropna().to_numpy()
        assert (row.audience_count, row.base_count) == (len(a), len(a) + len(b))
        assert row.audience_mean == pytest.approx(a.mean())
        assert row.base_mean == pytest.approx(values.mean())
        assert row.effect_size == pytest.approx((a.mean() - values.mean()) / values.std(ddof=0))
        pairs = np.sign(a[:, None] - b[None, :])
        assert row.superiority_rate == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())
        assert row.p_value == pytest.approx(mannwhitneyu(a, b).pvalue, rel=1e-6)


def test_a_value_is_compared_by_its_share_and_a_tag_stands_once(
    snapshot: Snapshot, profile: pd.DataFrame, inside: pd.Series
) -> None:
    shown = top_differing(snapshot, BUYERS, EVERY)
    assert shown["field"].is_unique
    assert "order_count_365d" not in set(shown["field"])
    texts = shown[shown["value"].notna() & shown["type"].isin(["text", "boolean"])]
    assert len(texts) > 3
    for row in texts.itertuples():
        values = profile[row.field]
        if row.value == NOT_RECORDED_GROUP:
            has = values.isna()
        else:
            has = values.astype(str).str.lower() == str(row.value).lower()
        base = has.mean()
        assert (row.audience_count, row.base_count) == (has[inside].sum(), has.sum())
        assert row.audience_mean == pytest.approx(has[inside].mean())
        assert row.effect_size == pytest.approx((has[inside].mean() - base) / np.sqrt(base * (1 - base)))
        assert row.tgi == pytest.approx(has[inside].mean() / base * 100)


def test_what_stands_comes_first_and_by_size_of_effect(snapshot: Snapshot) -> None:
    shown = top_differing(snapshot, BUYERS, 12)
    assert len(shown) == 12
    assert shown["is_different"].all()
    assert shown["effect_size"].abs().is_monotonic_decreasing
    assert (shown["q_value"] >= shown["p_value"]).all()
    own = top_differing(snapshot, BUYERS, 12, with_own=True)
    assert "order_count_365d" in set(own["field"])


def test_in_random_parts_of_everybody_hardly_anything_stands(snapshot: Snapshot) -> None:
    stands = [
        bool(top_differing(snapshot, RandomSplit(f"part {i}", 0, 0.4), EVERY)["is_different"].any())
        for i in range(12)
    ]
    assert sum(stands) <= 2
    frame = top_differing(snapshot, RandomSplit("part 0", 0, 0.4), EVERY)
    assert (frame["p_value"] < 0.05).any()  # without control, some would


def test_too_few_people_are_refused_with_the_way_on(snapshot: Snapshot) -> None:
    with pytest.raises(
        SpecError, match=r"has 0 of 500 people; to compare tags, at least 30 .*'least_people'"
    ):
        top_differing(snapshot, Tag("order_count_365d", "<", 0))
    with pytest.raises(SpecError, match="has 500 of 500 people"):
        top_differing(snapshot, All())
    part = RandomSplit("few", 0, 0.02)
    size = engine_of(snapshot).evaluate(part).count
    assert 2 <= size < LEAST_PEOPLE
    assert len(top_differing(snapshot, part, least_people=2))
