"""Faults that were found by hand, each held by the smallest case that showed it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from qa_lib.errors import RuleTooLarge, SpecError, WorkspaceUnusable
from qa_lib.profiles import build, tag_values
from qa_lib.rules import All, Engine, Tag, compile_rule
from qa_lib.sources import FEEDS, land
from qa_lib.tables import COUPON_ITEMS, ORDER_LINES
from qa_lib.workspace import Snapshot, Workspace
from qa_lib.workspace.settings import SETTINGS


def test_writers_of_one_table_wait_for_each_other(fresh_workspace: Workspace) -> None:
    rows = pa.table({"coupon_id": ["1"], "item_id": ["2"], "campaign_id": ["3"]})

    def replace(_: int) -> int:
        return fresh_workspace.replace(COUPON_ITEMS, rows.to_batches())

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(replace, range(8)))
    assert sorted(versions) == list(range(8))
    assert len(fresh_workspace.read(COUPON_ITEMS)) == 1


def test_the_same_snapshot_opens_twice_and_from_threads(workspace: Workspace) -> None:
    def people(_: int) -> int:
        return Workspace.open(workspace.root).snapshot().people_count

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(people, range(8)))) == 1


def test_moments_come_as_frames_without_a_warning(workspace: Workspace, snapshot: Snapshot) -> None:
    assert workspace.read(ORDER_LINES)["occurred_at"].dt.tz is not None
    assert len(snapshot.frame("SELECT first_seen_at FROM people")) == snapshot.people_count


def test_redeeming_a_campaign_that_was_not_received_is_no_share_of_it(
    fresh_workspace: Workspace, company_files: dict[str, Path], tmp_path: Path
) -> None:
    for feed in ("transactions", "products", "campaign_descriptions"):
        land(fresh_workspace, FEEDS[f"journey.{feed}"], company_files[f"journey.{feed}"])
    sends = pd.DataFrame({"campaign_id": ["1"], "household_id": ["1"]})
    redeemed = pd.DataFrame(
        {
            "household_id": ["1"] * 3,
            "coupon_upc": ["7"] * 3,
            "campaign_id": ["1", "2", "3"],
            "redemption_date": pd.to_datetime(["2017-03-01", "2017-04-01", "2017-06-01"]),
        }
    )
    for feed, frame in (("campaigns", sends), ("coupon_redemptions", redeemed)):
        frame.to_parquet(tmp_path / f"{feed}.parquet")
        land(fresh_workspace, FEEDS[f"journey.{feed}"], tmp_path / f"{feed}.parquet")
    rates = tag_values(build(fresh_workspace), "campaign_redeemed_rate")["campaign_redeemed_rate"].dropna()
    assert list(rates) == [1.0]


@pytest.mark.parametrize("settings", [[], {}, {"format": 1, "zone": "UTC"}, "x"])
def test_spoiled_settings_are_told_in_words(fresh_workspace: Workspace, settings: object) -> None:
    (fresh_workspace.root / SETTINGS).write_text(json.dumps(settings))
    with pytest.raises(WorkspaceUnusable, match="expected an object with format, zone and currency"):
        Workspace.open(fresh_workspace.root)


def test_an_unknown_zone_in_the_settings_is_told_in_words(fresh_workspace: Workspace) -> None:
    (fresh_workspace.root / SETTINGS).write_text('{"format": 1, "zone": "Mars/Base", "currency": "USD"}')
    with pytest.raises(SpecError, match="Unknown time zone 'Mars/Base'"):
        Workspace.open(fresh_workspace.root)


@pytest.mark.parametrize("name", ["[1]", "a?b", "50%20", "a#b"])
def test_a_folder_that_an_engine_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkspaceUnusable, match="Choose a folder without"):
        Workspace.create(tmp_path / name)


def test_a_rule_made_in_python_has_the_same_limits(engine: Engine, snapshot: Snapshot) -> None:
    rule = All(Tag("order_count_365d", ">", 1))
    for _ in range(300):
        rule = All(rule)
    with pytest.raises(RuleTooLarge, match="deeper than 40"):
        engine.evaluate(rule)
    with pytest.raises(RuleTooLarge, match="deeper than 40"):
        compile_rule(rule, engine.catalogue, snapshot.as_of, snapshot.zone)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        (Tag("order_count_365d", ">", 10**37), r"a number below 10\^18"),
        (Tag("first_order_on", "=", "2017-W52-7"), "a day such as 2017-03-01"),
        (Tag("rfm_segment", "is set", missing="include"), "takes no 'missing'"),
    ],
)
def test_a_value_that_no_engine_could_compare_is_refused(engine: Engine, tag: Tag, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        engine.evaluate(tag)


def test_a_long_text_is_not_echoed_whole() -> None:
    with pytest.raises(SpecError) as told:
        Tag("rfm_segment", "=", "x" * 100_000)
    assert len(str(told.value)) < 1_000


@pytest.mark.parametrize("label", ["客单价", "Average order value"])
def test_a_tag_called_by_its_label_is_answered_with_its_name(engine: Engine, label: str) -> None:
    with pytest.raises(SpecError, match=f"{label!r}. Did you mean 'average_order_value'"):
        engine.evaluate(Tag(label, ">", 1))
