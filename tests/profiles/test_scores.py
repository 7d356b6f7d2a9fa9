"""Scores as tags of a build: the functions' own values, as of the build's moment, with their reports."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from qa_lib.errors import SpecError, UnknownName
from qa_lib.profiles import build, catalogue, model_calibration, model_reports, tag_values, tags
from qa_lib.profiles.aipl import STAGES, aipl_stages
from qa_lib.profiles.lifetime import lifetime_values
from qa_lib.profiles.propensity import Target, propensity
from qa_lib.profiles.rfm import rfm
from qa_lib.profiles.scores import (
    FOLDER,
    TIERS,
    PropensityScore,
    RfmScore,
    read_scores,
    standard_scores,
    write_scores,
)
from qa_lib.rules import All, Engine, Tag
from qa_lib.workspace import Snapshot, Workspace

#: The company has three more months of orders than this.
MOMENT = "2017-10-01T04:00:00Z"


@pytest.fixture(scope="module")
def scored(other_workspace: Workspace) -> Iterator[Snapshot]:
    """The company with the standard scores, horizons of a month, at a moment before its end."""
    scores = [
        s.model_copy(update={"horizon_days": 30}) if hasattr(s, "random_state") else s
        for s in standard_scores()
    ]
    write_scores(other_workspace.root / FOLDER, scores)
    yield build(other_workspace, MOMENT)
    shutil.rmtree(other_workspace.root / FOLDER, ignore_errors=True)


def column(snapshot: Snapshot, name: str) -> pd.Series:
    return tag_values(snapshot, name)[name]


def test_the_tags_of_a_build_are_what_the_functions_say_of_its_moment(scored: Snapshot) -> None:
    _, stages = aipl_stages(scored)
    places = column(scored, "aipl_stage").str[0].astype(int)
    assert places.tolist() == stages[:, 0].tolist()
    assert {0, len(STAGES) - 1} < set(places)
    by_hand = rfm(scored).set_index("person_no")
    for name in ("recency_score", "frequency_score", "monetary_score"):
        ours = column(scored, f"rfm_policy_{name}").dropna()
        assert ours.astype(int).tolist() == by_hand[name].tolist()
    assert column(scored, "rfm_policy_segment").dropna().str[:3].tolist() == by_hand["cell"].tolist()
    values = lifetime_values(scored).set_index("person_no")
    ours = column(scored, "lifetime_value_amount").dropna()
    np.testing.assert_allclose(ours, values["lifetime_value_amount"], rtol=1e-9)
    assert ours.index.tolist() == values.index.tolist()
    kinds: tuple[Target, ...] = ("churn", "high_potential")
    for kind in kinds:
        alone = propensity(scored, kind, horizon_days=30)
        chance = column(scored, f"{kind}_probability_rate").dropna()
        np.testing.assert_allclose(chance, alone.scores["probability_rate"], rtol=1e-12)
        assert chance.index.tolist() == alone.scores["person_no"].tolist()
        tier = column(scored, f"{kind}_tier").dropna()
        assert chance[tier == TIERS[0]].min() >= chance[tier == TIERS[1]].max()
        assert chance[tier == TIERS[1]].min() >= chance[tier == TIERS[2]].max()
        assert (tier == TIERS[0]).sum() == -(-len(tier) // 10)


def test_a_report_says_how_well_people_it_had_not_seen_were_foretold(scored: Snapshot) -> None:
    found = model_reports(scored).set_index("kind")
    assert found.index.tolist() == ["churn", "high_potential"]
    for kind, row in found.iterrows():
        assert 0.5 < row["auc_low"] < row["auc"] < row["auc_high"] < 1
        assert row["learnt_at"] < row["examined_at"] < scored.as_of.isoformat()
        assert row["scored"] == column(scored, f"{kind}_probability_rate").notna().sum()
        bins = model_calibration(scored, str(kind))
        assert bins["people_count"].sum() == row["people"]
        rate = (bins["observed_rate"] * bins["people_count"]).sum() / row["people"]
        assert rate == pytest.approx(row["base_rate"])
    with pytest.raises(UnknownName, match="no examined model 'chrun'; it has churn, high_potential"):
        model_calibration(scored, "chrun")


def test_scores_are_in_the_catalogue_and_in_rules_at_once(scored: Snapshot) -> None:
    listed = tags(scored).set_index("name")
    mine = listed[listed["family"] == "scores"]
    assert len(mine) == 12
    for label in ("label_zh", "label_en", "window", "owner", "lineage", "description_zh", "description_en"):
        assert (mine[label] != "").all()
    assert (mine["refresh"] == "batch").all()
    assert mine["fresh_at"].notna().all()
    assert mine.loc["lifetime_value_amount", "unit"] == "USD"
    rule = All(Tag("aipl_stage", "=", "4 忠诚 loyalty"), Tag("churn_tier", "=", TIERS[0]))
    both = (column(scored, "aipl_stage") == "4 忠诚 loyalty") & (column(scored, "churn_tier") == TIERS[0])
    assert Engine(scored, catalogue(scored)).evaluate(rule).count == both.sum() > 0


def test_too_little_history_leaves_no_values_and_says_why(other_workspace: Workspace) -> None:
    write_scores(other_workspace.root / FOLDER, [PropensityScore(kind="churn")])
    early = build(other_workspace, "2017-02-01T05:00:00Z")
    shutil.rmtree(other_workspace.root / FOLDER)
    assert column(early, "churn_probability_rate").isna().all()
    assert column(early, "churn_tier").isna().all()
    assert "at least 20 of either kind" in model_reports(early)["not_computed"].iloc[0]
    with pytest.raises(UnknownName, match="it has none"):
        model_calibration(early, "churn")


def test_scores_that_cannot_be_are_refused(other_workspace: Workspace) -> None:
    folder = other_workspace.root / FOLDER
    for text, said in (
        ("kind: churn\nhorizon_days: 2", "horizon_days"),
        ("kind: chrun", "chrun"),
        ("[{kind: churn}, {kind: churn}]", "is declared already"),
        ("{kind: rfm, prefix: rfm}", "which is there already"),
        ("a: [", "not YAML"),
    ):
        folder.mkdir(exist_ok=True)
        (folder / "mine.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(SpecError) as error:
            build(other_workspace, "2017-03-01T05:00:00Z")
        assert said in str(error.value), text
        shutil.rmtree(folder)
    assert read_scores(folder) == ()
    write_scores(folder, standard_scores())
    assert read_scores(folder) == standard_scores()
    shutil.rmtree(folder)
    assert not any(p.as_of.isoformat().startswith("2017-03-01") for p in other_workspace.snapshots())


def test_an_rfm_of_ones_own_has_names_of_its_own() -> None:
    names = [t.name for t in RfmScore(prefix="rfm_90d").tags()]
    assert names[0] == "rfm_90d_recency_score"
    assert names[-1] == "rfm_90d_segment"
