"""The rehearsal of a frozen plan: many simulated worlds of it, in the tables that real campaigns fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qa_lib.campaigns import Plan
from qa_lib.errors import NothingBuilt, ReadOnly, SpecError
from qa_lib.simulate.draws import campaign_effects
from qa_lib.simulate.features import PlannedCampaign, planned_features
from qa_lib.simulate.hot_deck import LEAST_DONORS, HotDeck, average_baskets, hot_deck
from qa_lib.simulate.montecarlo import EVIDENCE, Simulation, simulate_campaign
from qa_lib.simulate.rehearsal_rows import (
    Worlds,
    campaign_batches,
    outcome_batches,
    send_batches,
)
from qa_lib.simulate.teaching import (
    LEAST_HISTORY_DAYS,
    campaign_facts,
    learnt,
    local_day,
    observed_campaigns,
    teaching_rows,
)
from qa_lib.tables import CAMPAIGNS, OUTCOMES, SENDS, Label
from qa_lib.workspace import Snapshot, Workspace, see_through

#: Worlds where no number is given: as many of the first as keep people × worlds within the last, but at least
#: the second.
MOST_WORLDS, LEAST_WORLDS, MOST_ROWS = 200, 20, 20_000_000
_LEAST_DRAWS = 1_000


@dataclass(frozen=True, eq=False)
class Rehearsal:
    """The answer of `rehearse`; the worlds themselves are rows of `campaigns`, `sends` and `outcomes`.

    Attributes
    ----------
    plan_hash, campaign_id
        The plan, and under which id (the campaign's name) and the origin `simulated` its rows stand.
    world_count, random_state
        Worlds 1 to `world_count`, and the seed.
    simulation : Simulation
        At least 1,000 draws of reach and redeemers; world w is its draw w.
    learnt_from : tuple of str
        The past campaigns that taught, in order of their start.
    notes, evidence : Label
        What was learnt from, what is assumed and what is not in it; what kind of claim the figures are.
    made_from : mapping
        The snapshot's stamp.
    table_versions : mapping of str to int
        The versions of the shared tables with these rows, for `Snapshot.with_tables`.
    """

    plan_hash: str
    campaign_id: str
    world_count: int
    random_state: int
    simulation: Simulation
    learnt_from: tuple[str, ...]
    notes: Label
    evidence: Label
    made_from: Mapping[str, Any]
    table_versions: Mapping[str, int]


def rehearse(
    workspace: Workspace,
    plan: Plan,
    *,
    goal: str | None = None,
    world_count: int | None = None,
    random_state: int = 0,
    item_ids: Sequence[str] | None = None,
    coupon_count: int | None = None,
) -> Rehearsal:
    """Play a frozen plan through in many worlds, and write their sends and conversions.

    In each world the campaign has one effect on everybody; each person who is sent to is reached with the
    stated delivery rate and, if reached, redeems with their own probability; who redeems then does on which
    days and for how much what a past redeemer like them did. It is a prediction for recipients, learnt from
    recipients: what they would do without the campaign is not in it.

    Parameters
    ----------
    goal
        What a conversion is, in words, for the row of `campaigns`; None records no goal.
    world_count
        At least 1; by default as many of 200 as keep people × worlds within 20 million rows, at least 20.
    random_state
        Seed: the same plan, snapshot, numbers and seed give the same rows.
    item_ids
        The items that the offer is good for; everything the shop sells when None.
    coupon_count
        How many coupons each person gets; 1 when None.

    Returns
    -------
    Rehearsal
        Its rows replace those of an earlier rehearsal of the same campaign.

    Raises
    ------
    ReadOnly
        When the workspace is open read-only.
    SpecError
        When the plan sends to nobody, or a number cannot be.
    NothingBuilt
        When no past campaign may teach, or nobody redeemed in those that may.
    AsOfOutside
        When the plan's snapshot is not there.

    Notes
    -----
    Memory is that of the plan and of one block of people, whatever the number of worlds. The three tables
    are three commits, the row of `campaigns` last; after a crash between them, rehearse again.
    """
    _check(workspace, plan, world_count, coupon_count)
    snapshot = workspace.snapshot(plan.as_of)
    planned = _planned(snapshot, plan, item_ids, coupon_count)
    past = _past(snapshot, plan, planned)
    model = learnt(past)
    features = planned_features(snapshot, planned).set_index("person_id").loc[list(planned.person_ids)]
    features = features.reset_index()
    people = features[["person_id"]].assign(probability=model.predict_proba(features)[:, 1])
    deck = hot_deck(snapshot, past, planned.campaign_type)
    if world_count is None:
        world_count = default_world_count(len(plan.targeted))
    draw_count = max(world_count, _LEAST_DRAWS)
    stated = plan.campaign.assumptions.delivery_rate
    delivery_rate = None if stated is None else float(stated)
    simulation = simulate_campaign(
        people,
        model.campaign_effect_,
        draw_count=draw_count,
        random_state=random_state,
        delivery_rate=delivery_rate,
    )
    worlds = Worlds(
        plan,
        snapshot.zone,
        people.assign(stratum=deck.strata(average_baskets(features))),
        campaign_effects(model.campaign_effect_, draw_count, random_state)[:world_count],
        delivery_rate,
        random_state,
        deck,
    )
    see_through()  # cancelled so far: nothing is written; from here on all three tables are
    versions = {
        table.name: workspace.replace(table, batches, where=worlds.key)
        for table, batches in (
            (SENDS, send_batches(worlds)),
            (OUTCOMES, outcome_batches(worlds)),
            (CAMPAIGNS, campaign_batches(worlds, goal)),
        )
    }
    return Rehearsal(
        plan.hash,
        plan.campaign.name,
        world_count,
        random_state,
        simulation,
        tuple(past["campaign_id"].unique()),
        _notes(snapshot, plan, planned, past, deck, item_ids is None),
        EVIDENCE,
        snapshot.stamp(),
        versions,
    )


def default_world_count(people_count: int) -> int:
    """As many worlds of 200 as keep their rows of `sends` within 20 million, at least 20."""
    return max(LEAST_WORLDS, min(MOST_WORLDS, MOST_ROWS // max(people_count, 1)))


def _check(workspace: Workspace, plan: Plan, world_count: int | None, coupon_count: int | None) -> None:
    name = plan.campaign.name
    if workspace.read_only:
        raise ReadOnly(
            f"The plan {plan.hash[:12]} of {name!r} cannot be rehearsed: the workspace {workspace.root} is open "
            "read-only, and a rehearsal writes its worlds. Open it with Workspace.open(…, read_only=False)."
        )
    if plan.send_count == 0:
        raise SpecError(
            f"The plan {plan.hash[:12]} of {name!r} sends to none of {plan.audience_count:,} people, so there is "
            "nothing to rehearse. See plan.funnel() for the reasons."
        )
    for thing, value in (("world_count", world_count), ("coupon_count", coupon_count)):
        if value is not None and value < 1:
            raise SpecError(f"{thing} is {value!r} for {name!r}; it must be at least 1, or None.")


def _planned(
    snapshot: Snapshot, plan: Plan, item_ids: Sequence[str] | None, coupon_count: int | None
) -> PlannedCampaign:
    if item_ids is None:
        item_ids = snapshot.frame("SELECT item_id FROM items ORDER BY item_id")["item_id"].tolist()
    starts_on, ends_on = plan.campaign.days(snapshot.zone)
    return PlannedCampaign(
        plan.campaign.campaign_type,
        starts_on,
        ends_on,
        tuple(row["person_id"] for row in plan.records if row["reason"] is None),
        tuple(item_ids),
        1 if coupon_count is None else coupon_count,
        plan.campaign.name,
    )


def _past(snapshot: Snapshot, plan: Plan, planned: PlannedCampaign) -> pd.DataFrame:
    """The people of the campaigns that may teach, by the backtest's rule."""
    frame = observed_campaigns(snapshot)
    past = teaching_rows(frame, campaign_facts(frame, local_day(snapshot)), planned.starts_on)
    if past.empty:
        raise NothingBuilt(
            f"No campaign to learn from for {plan.campaign.name!r}, which starts on {planned.starts_on}: of the "
            f"{frame['campaign_id'].nunique()} that had begun by {snapshot.as_of.isoformat()}, none had at least "
            f"{LEAST_HISTORY_DAYS} days of orders before it and was over by then. Land a longer history, or plan "
            "a later start."
        )
    return past


def _notes(
    snapshot: Snapshot,
    plan: Plan,
    planned: PlannedCampaign,
    past: pd.DataFrame,
    deck: HotDeck,
    is_everything: bool,
) -> Label:
    types = past.groupby("campaign_id")["campaign_type"].first()
    own, kind = int((types == planned.campaign_type).sum()), planned.campaign_type
    donors = len(deck.donors)
    said = [
        Label(
            f"由 {len(types)} 个此前已结束的活动学得，其中 {own} 个与本活动同类型（{kind}）。",
            f"Learnt from {len(types)} campaigns that had ended before, {own} of them of this type ({kind}).",
        ),
        Label(
            "转化按过去收到者核销优惠券的情况预测；目标若是别的行为，也按此计。",
            "Conversions are predicted as redemptions of past recipients, also where the goal is something else.",
        ),
        Label(
            f"核销的日期、券数和金额取自 {donors} 条过去的核销记录"
            + ("。" if deck.is_of_type else f"，不限类型：同类型的不足 {LEAST_DONORS} 条。"),
            f"Days, coupons and amounts are those of {donors} past redeemers"
            + ("." if deck.is_of_type else f" of all types: fewer than {LEAST_DONORS} are of this type."),
        ),
    ]
    if own == 0:
        said.insert(
            1,
            Label(
                "没有同类型的活动可学，只能用所有类型的平均水平。",
                "None of this type could be learnt from: it has the average of all types.",
            ),
        )
    if plan.campaign.assumptions.delivery_rate is None:
        said.append(
            Label(
                "没有给出送达率：触达未记录，转化按发送的人都收到计算。",
                "No delivery rate was stated: reach is not recorded, and everybody sent to counts as reached.",
            )
        )
    if is_everything:
        said.append(
            Label(
                "没有指定优惠商品：按全部商品计。", "No items of the offer were named: all items are taken."
            )
        )
    offered, most = len(set(planned.item_ids)), int(past["offered_item_count"].max())
    if offered > most:
        said.append(
            Label(
                f"券适用 {offered:,} 种商品，过去的活动最多 {most:,} 种：超出了所见范围，预测可能偏高。",
                f"It offers {offered:,} items, past campaigns at most {most:,}: that is beyond what was seen, "
                "and the prediction may be too high.",
            )
        )
    if (ahead := (pd.Timestamp(planned.starts_on) - local_day(snapshot)).days) > 0:
        said.append(
            Label(
                f"活动在数据之后 {ahead} 天才开始，这些天按没有行为计。",
                f"It starts {ahead} days after the data end; those days count as without any behaviour.",
            )
        )
    if (goal := plan.campaign.goal) is not None and goal.within_days is not None:
        said.append(
            Label(
                f"目标只计发送后 {goal.within_days} 天内的转化，更晚的核销不写入。",
                f"The goal counts {goal.within_days} days after the message; later redemptions are left out.",
            )
        )
    return Label("".join(s.zh for s in said), " ".join(s.en for s in said))
