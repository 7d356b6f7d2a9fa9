"""A rehearsal holds the truth of known worlds, looks at nothing later, and says what it cannot do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from company_changes import cut_files, landed
from worlds import make_campaigns

from qa_lib.campaigns import Plan, Schedule, keep_plan, read_plan
from qa_lib.errors import AsOfOutside, GivenUp, NothingBuilt, ReadOnly, SpecError
from qa_lib.profiles import build
from qa_lib.simulate import EVIDENCE, PlannedCampaign, planned_features, rehearse, simulate_campaign
from qa_lib.simulate.draws import campaign_effects, draw_people
from qa_lib.simulate.rehearse import default_world_count
from qa_lib.simulate.teaching import learnt
from qa_lib.sources.company import REDEMPTION_RATES
from qa_lib.tables import CAMPAIGNS, ITEMS, OUTCOMES, SENDS
from qa_lib.workspace import Cancelling, Snapshot, Workspace

Make = Callable[..., Plan]


def simulated(workspace: Workspace) -> list[Any]:
    """All simulated rows, without the plan's hash, which names the snapshot's version."""
    found: list[Any] = []
    with duckdb.connect() as con:
        for table in (CAMPAIGNS, SENDS, OUTCOMES):
            scan = workspace.store.scan_sql(table)
            names = ", ".join(c for c in table.column_names if c != "plan_hash")
            rows = con.execute(f"SELECT {names} FROM ({scan}) WHERE origin = 'simulated' ORDER BY ALL")
            found.extend(rows.to_arrow_table().to_pylist())
    return found


def test_the_worlds_band_holds_what_happens_when_the_message_is_sent() -> None:
    """100 seeded worlds: what each person would do if sent to is generated, the first ten campaigns are seen.

    The standard deviation of campaigns is drawn from the prior, so a 90 % band should hold nine in ten.
    """
    truth = np.random.default_rng(17)
    covered = []
    for seed in range(100):
        world = make_campaigns(11, 150, sd=abs(0.5 * truth.standard_normal()), seed=1_000 + seed)
        past, new = world[world["campaign_id"] != "10"], world[world["campaign_id"] == "10"]
        if_sent = new["is_redeemer"].sum()
        model = learnt(past)
        effects = campaign_effects(model.campaign_effect_, 1_000, seed)[:200]
        redeemers = np.zeros(200)
        probability = model.predict_proba(new)[:, 1]
        for part in draw_people(probability, effects, delivery_rate=None, random_state=seed):
            redeemers[part.draws] += part.redeems.sum(axis=1)
        low, high = np.quantile(redeemers, [0.05, 0.95])
        covered.append(low <= if_sent <= high)
    assert 0.85 <= np.mean(covered) <= 0.99


def test_worlds_are_the_first_draws_of_the_simulation() -> None:
    world = make_campaigns(6, 200, sd=0.3, seed=5)
    past, new = world[world["campaign_id"] != "5"], world[world["campaign_id"] == "5"]
    model = learnt(past)
    people = new[["person_id"]].assign(probability=model.predict_proba(new)[:, 1])
    draws = simulate_campaign(people, model.campaign_effect_, random_state=8, delivery_rate=0.8).draws
    effects = campaign_effects(model.campaign_effect_, len(draws), 8)[:37]
    p = people["probability"].to_numpy()
    (part,) = draw_people(p, effects, delivery_rate=0.8, random_state=8)
    assert part.redeems.sum(axis=1).tolist() == draws["redeemers"][:37].tolist()
    assert part.reached is not None
    assert part.reached.sum(axis=1).tolist() == draws["reached"][:37].tolist()
    assert not (part.redeems & ~part.reached).any()
    part.rng.random(10)  # what follows from the draws changes none of them
    (again,) = draw_people(p, effects, delivery_rate=0.8, random_state=8)
    assert (again.redeems == part.redeems).all()


@pytest.mark.parametrize("kind", ["Type A", "Type B", "Type C"])
def test_the_companys_true_rates_lie_in_the_band(stage: Workspace, plan_of: Make, kind: str) -> None:
    plan = plan_of(stage, kind, campaign_type=kind)
    found = rehearse(stage, plan, world_count=20, coupon_count=6)
    _, low, high = found.simulation.band("redeemers")
    assert low <= REDEMPTION_RATES[kind] * 0.9 * plan.send_count <= high
    assert found.learnt_from == ("1", "2", "3", "4", "5")
    assert found.evidence is EVIDENCE
    assert "None of this type" not in found.notes.en


def test_what_came_after_the_plans_moment_changes_nothing(
    busy_files: Mapping[str, Path], plan_of: Make, tmp_path: Path
) -> None:
    """A workspace with the whole year, read as of October, rehearses as one that ends there."""
    start = pd.Timestamp("2017-10-02")
    cut = cut_files(busy_files, start, tmp_path / "cut", with_campaigns=True)
    found = []
    for name, files in (("whole", busy_files), ("cut", cut)):
        made = landed(files, tmp_path / name)
        build(made, as_of="2017-10-02T04:00:00Z")
        rehearsal = rehearse(made, plan_of(made), goal="g", world_count=6, random_state=2)
        assert rehearsal.learnt_from == ("1", "2", "3", "4")
        found.append((simulated(made), rehearsal.simulation.draws))
        made.state.engine.dispose()
    assert found[0][0] == found[1][0]
    pd.testing.assert_frame_equal(found[0][1], found[1][1], check_exact=True)


def test_a_rehearsal_teaches_nothing_and_a_kept_plan_is_rehearsed_alike(
    busy_files: Mapping[str, Path], plan_of: Make, tmp_path: Path
) -> None:
    made = landed(busy_files, tmp_path / "workspace")
    build(made)
    plan = plan_of(made)
    keep_plan(made, plan)
    one = rehearse(made, plan, world_count=3)
    rows = simulated(made)
    before = made.snapshot().version
    assert build(made).version == before  # a rehearsal calls for no new build
    again = rehearse(made, read_plan(made, plan.hash), world_count=3)
    assert simulated(made) == rows
    assert again.learnt_from == one.learnt_from
    assert again.plan_hash == one.plan_hash
    made.state.engine.dispose()


def test_the_notes_say_what_was_learnt_and_what_is_assumed(stage: Workspace, plan_of: Make) -> None:
    start = stage.snapshot().as_of + timedelta(days=31)  # campaign 6, still running, is over by then
    plan = plan_of(stage, "new", campaign_type="Type Z", schedule=Schedule(start, start + timedelta(days=7)))
    found = rehearse(stage, plan, world_count=2)
    for zh, en in (
        (
            "由 5 个此前已结束的活动学得，其中 0 个",
            "Learnt from 5 campaigns that had ended before, 0 of them",
        ),
        ("没有同类型的活动可学", "None of this type could be learnt from"),
        ("不限类型", "of all types: fewer than 30"),
        ("按全部商品计", "all items are taken"),
        ("超出了所见范围", "beyond what was seen"),
        ("31 天才开始", "It starts 31 days after the data end"),
    ):
        assert zh in found.notes.zh
        assert en in found.notes.en
    assert found.learnt_from == ("1", "2", "3", "4", "5")
    named = rehearse(stage, plan, world_count=2, item_ids=["A", "B"])
    assert "all items are taken" not in named.notes.en
    assert "beyond what was seen" not in named.notes.en


def test_the_model_is_asked_of_those_who_are_sent_to_and_of_the_offers_items(
    stage: Workspace, plan_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[PlannedCampaign] = []
    module = sys.modules["qa_lib.simulate.rehearse"]

    def spied(snapshot: Snapshot, planned: PlannedCampaign) -> pd.DataFrame:
        asked.append(planned)
        return planned_features(snapshot, planned)

    monkeypatch.setattr(module, "planned_features", spied)
    plan = plan_of(stage)
    rehearse(stage, plan, world_count=2)
    rehearse(stage, plan, world_count=2, item_ids=["A", "B"], coupon_count=6)
    everything = set(stage.read(ITEMS)["item_id"])
    sent_to = tuple(r["person_id"] for r in plan.records if r["reason"] is None)
    for planned, items, coupons in zip(asked, (everything, {"A", "B"}), (1, 6), strict=True):
        assert (planned.campaign_type, planned.person_ids) == ("Type A", sent_to)
        assert (planned.starts_on, planned.ends_on) == (date(2018, 1, 1), date(2018, 1, 28))
        assert (set(planned.item_ids), planned.coupon_count) == (items, coupons)


def test_a_rehearsal_that_is_cancelled_writes_nothing(
    stage: Workspace, plan_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(stage)
    rehearse(stage, plan, world_count=2)
    rows = simulated(stage)
    module = sys.modules["qa_lib.simulate.rehearse"]
    for step in ("planned_features", "campaign_effects"):  # while it reads, and before it draws
        work = Cancelling()
        really = getattr(module, step)

        def cancels(*given: Any, _really: Any = really, _work: Cancelling = work, **more: Any) -> Any:
            _work.cancel()
            return _really(*given, **more)

        monkeypatch.setattr(module, step, cancels)
        with work, pytest.raises((GivenUp, duckdb.InterruptException)):
            rehearse(stage, plan, world_count=3)
        monkeypatch.setattr(module, step, really)
        assert simulated(stage) == rows


def test_a_rehearsal_that_is_being_written_is_written_whole(
    stage: Workspace, plan_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, work = sys.modules["qa_lib.simulate.rehearse"], Cancelling()
    really, in_time = module.send_batches, []

    def late(*given: Any) -> Any:
        in_time.append(work.cancel())
        return really(*given)

    monkeypatch.setattr(module, "send_batches", late)
    before = simulated(stage)
    with work:
        rehearse(stage, plan_of(stage), world_count=4)
    assert in_time == [False]
    assert simulated(stage) != before


def test_worlds_are_as_many_as_rows_allow() -> None:
    assert [default_world_count(n) for n in (1, 100_000, 200_000, 1_000_000, 5_000_000)] == [
        200,
        200,
        100,
        20,
        20,
    ]


def test_a_read_only_workspace_is_refused_before_anything_is_read(
    stage: Workspace, plan_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(stage)
    shown = Workspace.open(stage.root, read_only=True)
    monkeypatch.setattr(shown, "snapshot", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ReadOnly, match=r"'spring' cannot be rehearsed.*read_only=False"):
        rehearse(shown, plan)


def test_what_cannot_be_rehearsed_says_why_and_the_way_on(
    stage: Workspace, plan_of: Make, busy_files: Mapping[str, Path], tmp_path: Path
) -> None:
    plan = plan_of(stage)
    for wrong in ({"world_count": 0}, {"coupon_count": 0}):
        with pytest.raises(SpecError, match=r"is 0 for 'spring'; it must be at least 1"):
            rehearse(stage, plan, **wrong)
    nobody = replace(plan, records=tuple({**r, "reason": "risk"} for r in plan.records))
    with pytest.raises(SpecError, match=r"sends to none of \d+ people.*plan.funnel"):
        rehearse(stage, nobody)
    with pytest.raises(AsOfOutside):
        rehearse(stage, replace(plan, as_of=plan.as_of - timedelta(days=1)))
    early = landed(busy_files, tmp_path / "early")
    for as_of, begun in (("2017-02-01T05:00:00Z", 0), ("2017-03-01T05:00:00Z", 1)):
        build(early, as_of=as_of)
        with pytest.raises(NothingBuilt, match=rf"No campaign to learn from.*of the {begun} that had begun"):
            rehearse(early, plan_of(early))
    assert not early.store.exists("sends") or simulated(early) == []
    early.state.engine.dispose()
