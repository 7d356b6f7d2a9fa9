"""Conversions by a campaign's goal, held against plain pandas over the landed files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest

from qa_lib.audiences import Audience
from qa_lib.campaigns import (
    Assumptions,
    Campaign,
    Coupon,
    Goal,
    OutboxMessage,
    Schedule,
    conversions,
    record_conversions,
)
from qa_lib.errors import SpecError
from qa_lib.rules import All, Attribute, Event
from qa_lib.sources.journey import ZONE
from qa_lib.tables import OUTCOMES, SENDS
from qa_lib.workspace import Snapshot, Workspace

REDEEM = Event("redeem", where=All(Attribute("campaign_id", "=", "5")))
VISIT = Event("visit", where=All(Attribute("paid_amount", ">", 20)))
START = pd.Timestamp("2017-10-02T04:00:00Z")
END = pd.Timestamp("2017-11-20T05:00:00Z")


def campaign(**changes: Any) -> Campaign:
    fields: dict[str, Any] = {
        "name": "autumn",
        "audience": Audience(name="all", rule=All()),
        "message": OutboxMessage(text="hello"),
        "schedule": Schedule(START.to_pydatetime(), END.to_pydatetime()),
        "goal": Goal(REDEEM),
        "offer": Coupon(name="five", face_amount=Decimal("2.50"), per_person_limit=2),
        "assumptions": Assumptions(margin_rate=Decimal("0.3")),
    }
    return Campaign(**{**fields, **changes})


def sends_to(people: list[str], *, receipts: bool) -> pd.DataFrame:
    """Half of the people's messages have a receipt, two days later, where there are receipts at all."""
    sent = START + timedelta(hours=9)
    return pd.DataFrame(
        {
            "person_id": people,
            "status": "sent",
            "sent_at": sent,
            "delivered_at": [
                sent + timedelta(days=2) if receipts and i % 2 == 0 else pd.NaT for i in range(len(people))
            ],
        }
    )


def _events(
    files: Mapping[str, Path], lines: pd.DataFrame, spec: Campaign
) -> list[tuple[str, Any, pd.Timestamp]]:
    assert spec.goal is not None
    if spec.goal.condition == VISIT:
        baskets = lines.groupby([lines["household_id"].astype(str), "basket_id"]).agg(
            cents=("cents", "sum"), at=("at", "min"), day=("day", "min")
        )
        big = baskets[baskets["cents"] > 2000].reset_index()
        return list(zip(big["household_id"], big["day"], big["at"], strict=True))
    redeemed = pd.read_parquet(files["journey.coupon_redemptions"])
    redeemed = redeemed[redeemed["campaign_id"].astype(str) == "5"]
    found = []
    for household, day in zip(
        redeemed["household_id"].astype(str), redeemed["redemption_date"].dt.date, strict=True
    ):
        # the day's last instant stands in for the moment
        midnight = pd.Timestamp(day + timedelta(days=1)).tz_localize(ZoneInfo(ZONE))
        found.append((household, day, midnight - pd.Timedelta(1, "us")))
    return found


def by_hand(
    files: Mapping[str, Path], sends: pd.DataFrame, spec: Campaign, *, has_receipts: bool
) -> dict[tuple[str, Any], tuple[int, Decimal, Decimal, Decimal]]:
    """(person, day) → uses, revenue, gain, cost, from the company's files and nothing of the library."""
    lines = pd.read_parquet(files["journey.transactions"])
    lines["at"] = pd.to_datetime(lines["transaction_timestamp"], utc=True)
    first = lines.groupby(["household_id", "basket_id"])["at"].transform("min")
    lines["day"] = first.dt.tz_convert(ZONE).dt.date
    lines["cents"] = (lines["sales_value"] * 100).round().astype("int64")
    paid = lines.groupby([lines["household_id"].astype(str), "day"])["cents"].sum().to_dict()
    since = dict(
        zip(sends["person_id"], sends["delivered_at"] if has_receipts else sends["sent_at"], strict=True)
    )
    found: dict[tuple[str, Any], int] = {}
    for household, day, at in _events(files, lines, spec):
        start = since.get(household)
        if start is None or pd.isna(start):
            continue
        last = END
        if spec.goal and spec.goal.within_days:
            last = start + timedelta(days=spec.goal.within_days)
        if start <= at < last:
            found[(household, day)] = found.get((household, day), 0) + 1
    answer, used = {}, {}
    for household, day in sorted(found):
        uses = found[(household, day)]
        billed = min(uses, 2 - used.get(household, 0))
        used[household] = used.get(household, 0) + billed
        revenue = Decimal(paid.get((household, day), 0)) / 100
        gain = (revenue * Decimal("0.3")).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
        cost = min(min(Decimal("2.50"), revenue) * billed, revenue)
        answer[(household, day)] = (uses, revenue, gain, cost)
    return answer


@pytest.mark.parametrize("receipts", [True, False])
@pytest.mark.parametrize("within_days", [None, 20])
@pytest.mark.parametrize("condition", [REDEEM, VISIT], ids=["redeem", "visit"])
def test_conversions_agree_with_pandas(
    snapshot: Snapshot,
    company_files: Mapping[str, Path],
    receipts: bool,
    within_days: int | None,
    condition: Event,
) -> None:
    people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
    sends = sends_to(people, receipts=receipts)
    spec = campaign(goal=Goal(condition, within_days=within_days))
    found = conversions(snapshot, spec, sends)
    wanted = by_hand(company_files, sends, spec, has_receipts=receipts)
    assert len(found) == len(wanted) > 5
    for row in found.itertuples():
        got = (row.use_count, row.revenue_amount, row.gain_amount, row.cost_amount)
        assert got == wanted[(row.person_id, row.occurred_on)]
        assert all(isinstance(amount, Decimal) for amount in got[1:])


def test_the_offer_costs_what_comes_off_goods_in_its_scope(snapshot: Snapshot) -> None:
    people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
    sends = sends_to(people, receipts=False)
    everything = conversions(snapshot, campaign(goal=Goal(VISIT)), sends)
    only_a = campaign(
        goal=Goal(VISIT),
        offer=Coupon(name="a", face_amount=Decimal("2.50"), per_person_limit=2, item_ids=("A",)),
    )
    scoped = conversions(snapshot, only_a, sends)
    assert list(scoped["revenue_amount"]) == list(everything["revenue_amount"])
    assert sum(everything["revenue_amount"]) > 1_000
    assert all(a <= b for a, b in zip(scoped["cost_amount"], everything["cost_amount"], strict=True))
    assert sum(scoped["cost_amount"]) < sum(everything["cost_amount"])
    assert set(conversions(snapshot, campaign(goal=Goal(VISIT), offer=None), sends)["cost_amount"]) == {
        Decimal("0.00")
    }


def test_recorded_conversions_replace_those_of_before_and_no_others(
    workspace: Workspace, tmp_path: Path
) -> None:
    shutil.copytree(workspace.root, tmp_path / "w")
    copied = Workspace.open(tmp_path / "w")
    snapshot = copied.snapshot()
    people = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"].tolist()
    fixed = {"campaign_id": "autumn", "step": "1", "origin": "replayed", "world": 0, "source": "ledger"}
    rows = [{**fixed, "person_id": p, "status": "sent", "sent_at": START.to_pydatetime()} for p in people]
    copied.replace(
        SENDS,
        pa.Table.from_pylist(rows, schema=SENDS.arrow_schema()).to_batches(),
        {"campaign_id": "autumn", "origin": "replayed"},
    )
    before = len(copied.read(OUTCOMES))
    first = record_conversions(copied, campaign(), origin="replayed")
    again = record_conversions(copied, campaign(), origin="replayed")
    pd.testing.assert_frame_equal(first, again)
    kept = copied.read(OUTCOMES)
    mine = kept[kept["campaign_id"] == "autumn"]
    assert len(kept) == before + len(first)
    assert set(mine["outcome"]) == {"convert"}
    assert set(mine["origin"]) == {"replayed"}


def test_a_campaign_without_a_goal_is_told_to_declare_one(snapshot: Snapshot) -> None:
    with pytest.raises(SpecError, match=r"'autumn' declares no goal.*goal=Goal"):
        conversions(snapshot, campaign(goal=None), sends_to(["1"], receipts=False))
