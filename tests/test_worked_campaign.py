"""The worked campaign on the real year: its figures are those of the README, and independent sums agree."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from qa_lib.identity import generate_aliases
from qa_lib.jobs.build import resolve_and_build
from qa_lib.jobs.campaign import plan_campaign, rehearse_plan, replay_plan
from qa_lib.jobs.generated_contacts import generate_contacts
from qa_lib.jobs.history import past_campaign
from qa_lib.jobs.worked_campaign import NAME, keep_guards, worked_campaign
from qa_lib.measure import rehearsal_and_result
from qa_lib.sources import journey_files
from qa_lib.sources.journey import ZONE
from qa_lib.tables import PLAN_ROWS, SENDS
from qa_lib.workspace import Workspace

README = Path(__file__).resolve().parents[1] / "README.md"
_ROWS = {
    "reached": "reached",
    "converted (redeemed a coupon)": "converters",
    "conversion rate": "conversion_rate",
    "what they paid on those days": "revenue",
    "cost of messages and coupons": "cost",
}


@pytest.mark.demo
def test_the_worked_campaign_reads_as_the_readme_says(demo_workspace: Workspace, tmp_path: Path) -> None:
    shutil.copytree(demo_workspace.root, tmp_path / "workspace")
    workspace = Workspace.open(tmp_path / "workspace")
    generate_aliases(workspace)
    resolve_and_build(workspace)
    generate_contacts(workspace, workspace.snapshot())
    keep_guards(workspace)
    past = past_campaign(workspace.snapshot())
    eve = resolve_and_build(workspace, past.starts_at)
    made = plan_campaign(workspace, worked_campaign(past), eve.as_of)
    rehearse_plan(workspace, made)
    assert replay_plan(workspace, made, past).handed_over == made.send_count
    figures = rehearsal_and_result(workspace.live_snapshot(), NAME, result="replayed").set_index("metric")

    text = README.read_text(encoding="utf-8")
    assert (
        f"campaign {past.campaign_id}'s eve, {made.send_count} of {made.audience_count} people planned"
        in text
    )
    for words, metric in _ROWS.items():
        row = re.search(rf"^\| {re.escape(words)} \| (.*) \| (.*) – (.*) \| (.*) \|$", text, re.MULTILINE)
        assert row, f"the README's table has no row {words!r}"
        scale = 100 if metric == "conversion_rate" else 1
        told = [float(re.sub(r"[$,%\s]", "", cell)) for cell in row.groups()]
        found = figures.loc[metric, ["rehearsed", "rehearsed_low", "rehearsed_high", "result"]]
        for shown, exact in zip(told, found, strict=True):
            assert shown == pytest.approx(float(exact) * scale, abs=0.06 if scale == 100 else 0.51)

    _agrees_with_the_files(workspace, past.campaign_id, figures)


def _agrees_with_the_files(workspace: Workspace, campaign_id: str, figures: pd.DataFrame) -> None:
    """Reached, converted, paid: from the package's files and the plan's people, with nothing of `measure`."""
    sends = workspace.live_snapshot().frame(
        "SELECT person_id FROM sends WHERE campaign_id = $c AND origin = 'replayed' AND status = 'sent'",
        {"c": NAME},
    )
    keys = workspace.snapshot().frame("SELECT source_id, person_id FROM person_keys")
    cards = keys[~keys["source_id"].str.startswith("p")]  # the others are ids that were merged away
    household = dict(zip(cards["person_id"], cards["source_id"], strict=True))
    ours = {household.get(p, p) for p in sends["person_id"]}
    files = journey_files()
    mailed = pd.read_parquet(files["journey.campaigns"])
    mailed = mailed[mailed["campaign_id"].astype(str) == campaign_id]
    reached = ours & set(mailed["household_id"].astype(str))
    assert figures.loc["reached", "result"] == len(reached)
    redeemed = pd.read_parquet(files["journey.coupon_redemptions"])
    redeemed = redeemed[redeemed["campaign_id"].astype(str) == campaign_id]
    mine = redeemed[redeemed["household_id"].astype(str).isin(reached)]
    assert figures.loc["converters", "result"] == mine["household_id"].nunique()
    lines = pd.read_parquet(
        files["journey.transactions"],
        columns=["household_id", "basket_id", "sales_value", "transaction_timestamp"],
    )
    at = lines["transaction_timestamp"].dt.tz_localize("UTC").groupby(lines["basket_id"]).transform("min")
    lines["day"] = at.dt.tz_convert(ZONE).dt.date
    days = set(zip(mine["household_id"], mine["redemption_date"].dt.date, strict=True))
    pairs = pd.Series(list(zip(lines["household_id"], lines["day"], strict=True)), index=lines.index)
    cents = (lines.loc[pairs.isin(days), "sales_value"] * 100).round().astype("int64").sum()
    assert figures.loc["revenue", "result"] == Decimal(int(cents)) / 100
    planned = workspace.read(PLAN_ROWS)
    assert figures.loc["sent", "result"] == planned["reason"].isna().sum() == len(ours)
    assert workspace.read(SENDS)["origin"].isin(["observed", "replayed", "simulated"]).all()
