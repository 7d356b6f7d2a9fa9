"""A plan whose audience is made of saved ones says at which versions they were read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from qa_lib.audiences import Audience, AudienceLibrary, members
from qa_lib.campaigns import Campaign, keep_plan, plan, planned_audiences, read_plan
from qa_lib.rules import All, InAudience, Not, Tag
from qa_lib.workspace import Workspace


def test_a_plan_names_the_versions_of_the_audiences_it_was_made_from(
    planning: Workspace, campaign_of: Callable[..., Campaign], book: object
) -> None:
    library = AudienceLibrary(planning)
    library.save(Audience(name="regulars", rule=Tag("order_count_365d", ">", 5)), "Li")
    library.save(Audience(name="spenders", rule=Tag("average_order_value", ">", 25)), "Li")
    audience = Audience(name="x", rule=All(Not(InAudience("spenders"))), base="regulars")
    made = plan(planning, campaign_of(audience=audience), addresses=book)
    assert made.made_from["audience_versions"] == [{"audience": "spenders", "version": 1}]
    assert made.made_from["base"] == {"audience": "regulars", "version": 1}
    assert made.audience_count == len(members(planning, audience)) > 0
    assert sum(made.reasons.values()) + made.send_count == made.audience_count
    assert read_plan(planning, keep_plan(planning, made)).made_from == dict(made.made_from)
    plain = plan(planning, campaign_of(), addresses=book)
    assert "audience_versions" not in plain.made_from
    library.save(Audience(name="spenders", rule=Tag("average_order_value", ">", 5)), "Li", based_on=1)
    library.activate("spenders", 2)
    later = plan(planning, campaign_of(audience=audience), addresses=book)
    assert later.made_from["audience_versions"] == [{"audience": "spenders", "version": 2}]
    assert later.hash != made.hash


def test_the_audiences_of_the_newest_plan_of_every_campaign_are_told(
    workspace: Workspace, tmp_path: Path, campaign_of: Callable[..., Campaign], book: object
) -> None:
    shutil.copytree(Path(workspace.root), tmp_path / "own")
    planning = Workspace.open(tmp_path / "own")  # without the plans that other tests kept
    assert planned_audiences(planning).empty
    library = AudienceLibrary(planning)
    for name in ("regulars", "spenders"):
        library.save(Audience(name=name, rule=Tag("order_count_365d", ">", 5)), "Li")
    for rule in (InAudience("regulars"), InAudience("spenders", version=1)):
        audience = Audience(name="x", rule=All(rule), base="regulars")
        keep_plan(planning, plan(planning, campaign_of(audience=audience), addresses=book))
    told = planned_audiences(planning)
    assert set(told["campaign_name"]) == {campaign_of().name}
    pairs = [
        (row["audience"], None if pd.isna(row["refers_to"]) else int(row["refers_to"]))
        for row in told.to_dict("records")
    ]
    assert pairs == [("x", None), ("regulars", None), ("spenders", 1)]
