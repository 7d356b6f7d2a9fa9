"""Churn warning and high potential: as-of correct, better than chance, calibrated where it can be known."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from qa_lib.errors import DataError
from qa_lib.profiles import build
from qa_lib.profiles.propensity import ACTIVE_DAYS, Target, propensity
from qa_lib.workspace import Snapshot, Workspace


@pytest.mark.parametrize("target", ["churn", "high_potential"])
def test_the_report_adds_up_and_the_scores_are_of_todays_people(snapshot: Snapshot, target: Target) -> None:
    found = propensity(snapshot, target, horizon_days=30)
    report = found.report
    assert report.learnt_at + timedelta(days=30) == report.examined_at == snapshot.as_of - timedelta(days=30)
    weights = report.bins["people_count"] / report.people
    assert (report.bins["observed"] * weights).sum() == pytest.approx(report.base_rate)
    assert report.brier <= report.base_rate * (1 - report.base_rate) * 1.05
    assert report.auc > 0.55
    assert report.bins["people_count"].sum() == report.people
    active = snapshot.frame(
        "SELECT DISTINCT person_no FROM event_visit WHERE occurred_at >= $at - to_days($n)",
        {"at": snapshot.as_of, "n": ACTIVE_DAYS},
    )["person_no"]
    assert set(found.scores["person_no"]) <= set(active)
    assert (target == "high_potential") != (set(found.scores["person_no"]) == set(active))
    assert found.scores["probability_rate"].between(0, 1).all()


def test_what_came_later_changes_neither_scores_nor_report(other_workspace: Workspace) -> None:
    """The earlier moment in a build of its own, and the scores against what then happened."""
    early = "2017-11-01T04:00:00Z"
    alone = propensity(build(other_workspace, early), "churn", horizon_days=45)
    later = build(other_workspace)
    moment = pd.Timestamp(early)
    rows = later.frame("SELECT person_no, occurred_at FROM event_visit")
    ids = [
        s.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
        for s in (other_workspace.snapshot(early), later)
    ]
    after = rows[(rows["occurred_at"] >= moment) & (rows["occurred_at"] < moment + pd.Timedelta(days=45))]
    came = set(ids[1].iloc[after["person_no"].unique()])
    left = ~ids[0].iloc[alone.scores["person_no"]].isin(came).to_numpy()
    assert roc_auc_score(left, alone.scores["probability_rate"]) > 0.6
    again = propensity(other_workspace.snapshot(early), "churn", horizon_days=45)
    np.testing.assert_array_equal(alone.scores["probability_rate"], again.scores["probability_rate"])
    examined = propensity(
        later, "churn", horizon_days=int((later.as_of - moment.to_pydatetime()).days)
    ).report
    assert examined.people > 0


def test_too_little_history_is_said(other_workspace: Workspace) -> None:
    with pytest.raises(DataError, match="at least 20 of either kind"):
        propensity(build(other_workspace, "2017-02-01T05:00:00Z"), "churn", horizon_days=60)
