"""RFM by three methods, AIPL day by day, drift between snapshots: each against a slow second way."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from qa_lib.errors import SpecError, UnknownName
from qa_lib.profiles import build, tag_values
from qa_lib.profiles.aipl import STAGES, AiplPolicy, Sign, aipl_flow, aipl_stages
from qa_lib.profiles.drift import drift, stability_index
from qa_lib.profiles.rfm import CUBE, RfmPolicy, rfm, scored
from qa_lib.workspace import Snapshot, Workspace

HAND = pd.DataFrame(
    {"person_no": range(5), "recency_days": [1, 10, 40, 90, 90], "frequency": [9, 1, 5, 1, 2],
     "monetary_amount": [500.0, 20.0, 300.0, 20.0, 900.0]}
)  # fmt: skip


def test_scores_by_threshold_mean_and_quantile_are_those_counted_by_hand() -> None:
    by = scored(
        HAND,
        RfmPolicy(method="threshold", recency_days=(60, 10), frequency=(2, 5), monetary_amount=(100, 500)),
    )
    assert by["recency_score"].tolist() == [3, 3, 2, 1, 1]
    assert by["frequency_score"].tolist() == [3, 1, 3, 1, 2]
    assert by["monetary_score"].tolist() == [3, 1, 2, 1, 3]
    assert by["cell"].tolist() == ["HHH", "HLL", "HHH", "LLL", "LHH"]
    mean = scored(HAND, RfmPolicy(method="mean"))
    assert mean["cell"].tolist() == ["HHH", "HLL", "HHL", "LLL", "LLH"]
    fifths = scored(HAND, RfmPolicy())
    assert fifths["frequency_score"].tolist() == [5, 1, 4, 1, 3]
    assert fifths["recency_score"].tolist() == [5, 4, 3, 1, 1]
    assert set(mean["segment"]) <= set(CUBE.values())
    assert len(CUBE) == 8


def test_the_policys_fifths_and_the_tags_of_every_build_agree(snapshot: Snapshot) -> None:
    ours = rfm(snapshot, RfmPolicy(method="quantile")).set_index("person_no")
    tags = tag_values(snapshot, "rfm_recency_score", "rfm_frequency_score", "rfm_monetary_score").loc[
        ours.index
    ]
    assert (ours[["recency_score", "frequency_score", "monetary_score"]].to_numpy() == tags.to_numpy()).all()
    cell = rfm(snapshot, RfmPolicy(method="mean"))["cell"]
    assert (
        cell.to_numpy()
        == tag_values(snapshot, "rfm_segment")["rfm_segment"].loc[ours.index].str[:3].to_numpy()
    ).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "threshold", "frequency": (1,)}, "as many bounds"),
        (
            {"method": "threshold", "recency_days": (1, 9), "frequency": (1, 2), "monetary_amount": (1, 2)},
            "from the worst",
        ),
        ({"method": "mean", "frequency": (1,)}, "belong to method 'threshold'"),
    ],
)
def test_a_policy_that_cannot_be_says_why(given: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        RfmPolicy(**given)


def test_every_persons_stage_on_every_day_equals_a_count_by_hand(snapshot: Snapshot) -> None:
    policy = AiplPolicy(loyalty=(Sign("visit", 40, 3), Sign("redeem", 90)), purchase=(Sign("visit", 60),))
    days, stages = aipl_stages(snapshot, days=25, policy=policy)
    events = {
        e: snapshot.frame(f"SELECT person_no, occurred_at FROM event_{e}")
        for e in ("receive", "browse", "cart", "visit", "redeem", "expose", "click")
    }
    for i in (0, 7, 24):
        end = min(
            pd.Timestamp(days[i] + timedelta(days=1), tz=str(snapshot.zone)), pd.Timestamp(snapshot.as_of)
        )
        expected = np.zeros(snapshot.people_count, dtype=int)
        for place, (name, _) in enumerate(STAGES):
            for sign in getattr(policy, name, ()):
                rows = events[sign.event]
                inside = rows[
                    (rows["occurred_at"] >= end - pd.Timedelta(hours=24 * sign.days))
                    & (rows["occurred_at"] < end)
                ]
                n = inside.groupby("person_no").size()
                expected[n.index[n >= sign.at_least]] = place
        assert stages[:, i].tolist() == expected.tolist()
    assert len(set(stages.ravel().tolist())) == 5


def test_the_flow_of_each_day_adds_up_to_both_days_marks(snapshot: Snapshot) -> None:
    found = aipl_flow(snapshot, days=10)
    assert (found.counts.groupby("day")["people_count"].sum() == snapshot.people_count).all()
    arrived = found.flow.groupby(["day", "to_stage"])["people_count"].sum()
    counts = found.counts.set_index(["day", "stage"])["people_count"]
    assert (arrived.reindex(counts.index).fillna(0) == counts).all()
    left = found.flow.groupby(["day", "from_stage"])["people_count"].sum().unstack(fill_value=0)
    before = counts.unstack().iloc[:-1]
    assert (left.iloc[1:].reindex(columns=before.columns, fill_value=0).to_numpy() == before.to_numpy()).all()
    assert (found.flow["from_stage"] != found.flow["to_stage"]).any()
    with pytest.raises(SpecError, match="no event 'phone'"):
        aipl_stages(snapshot, policy=AiplPolicy(awareness=(Sign("phone", 5),)))


def test_drift_is_none_against_itself_and_found_where_half_a_year_passed(other_workspace: Workspace) -> None:
    now, before = build(other_workspace), build(other_workspace, "2017-06-15T04:00:00Z")
    same = drift(now, now)
    assert (same["psi"] == 0).all()
    assert set(same["verdict"]) == {"steady"}
    found = drift(before, now).set_index("name")
    assert found["psi"].is_monotonic_decreasing
    assert found.loc["tenure_days", "verdict"] == "moved"
    assert found.loc["tenure_days", "mean_now"] > found.loc["tenure_days", "mean_before"]
    value = tag_values(now, "average_order_value")["average_order_value"]
    assert found.loc["average_order_value", "coverage_now"] == pytest.approx(value.notna().mean())
    with pytest.raises(UnknownName, match="'tenure'"):
        drift(before, now, ["tenure"])


def test_the_index_of_a_hand_worked_table() -> None:
    # .5/.5 to .6/.4: .1 ln 1.2 - .1 ln .8
    assert stability_index(np.array([[0.5, 0.5], [0.6, 0.4]])) == pytest.approx(
        0.1 * np.log(1.2) - 0.1 * np.log(0.8)
    )
