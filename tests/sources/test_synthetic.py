"""The synthetic company: seeded, in shards that can be made alone, and shaped as it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qa_lib.errors import SpecError
from qa_lib.jobs.synthetic import (
    SYNTHETIC_CURRENCY,
    SYNTHETIC_ZONE,
    practice_workspace,
    publish_synthetic,
    synthetic_workspace,
)
from qa_lib.profiles import catalogue, person_profile, tag_values
from qa_lib.rules import (
    All,
    Attribute,
    Engine,
    Event,
    Last,
    Not,
    Tag,
    compile_rule,
    run_sql,
    sentence,
    to_numbers,
)
from qa_lib.sources import FEEDS, land, synthetic
from qa_lib.sources.synthetic import SHARD, Shard, synthetic_shard
from qa_lib.sources.synthetic_words import ATTRIBUTES, EVENTS, TAGS, TEXT_TAGS
from qa_lib.workspace import Snapshot, Workspace


def content(shard: Shard) -> list[bytes]:
    """Every byte of a shard, in one order."""
    arrays = [
        *shard.attributes.values(),
        *shard.known.values(),
        shard.tags,
        shard.text_tags,
        shard.registered_at,
    ]
    arrays += [column for columns in shard.events.values() for column in columns.values()]
    return [array.tobytes() for array in arrays]


@pytest.fixture(scope="module")
def shard() -> Shard:
    return synthetic_shard(200_000, 1)


@pytest.fixture(scope="module")
def synthetic_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return publish_synthetic(Workspace.create(tmp_path_factory.mktemp("synthetic")), people=3_000)


def test_a_shard_alone_is_the_same_bytes(shard: Shard) -> None:
    synthetic_shard(200_000, 0)
    assert content(synthetic_shard(200_000, 1)) == content(shard)
    assert content(synthetic_shard(5_000_000, 1)) == content(shard)  # whole shards know nothing of the rest
    assert content(synthetic_shard(200_000, 1, random_state=8)) != content(shard)


def test_the_shards_together_are_everybody_once() -> None:
    shards = [synthetic_shard(70_000, n) for n in range(synthetic.shard_count(70_000))]
    assert [(s.first, s.count) for s in shards] == [(0, SHARD), (SHARD, 70_000 - SHARD)]
    assert shards[1].tags.shape == (900, -(-(70_000 - SHARD) // 64))
    assert np.bitwise_count(shards[1].tags).sum(axis=1).max() <= 70_000 - SHARD


def test_there_are_thirty_attributes_and_a_thousand_tags_with_labels_in_both_languages() -> None:
    assert (len(ATTRIBUTES), len(TAGS), len(TEXT_TAGS), len(EVENTS)) == (30, 900, 100, 7)
    names = [a.name for a in ATTRIBUTES] + [t[0] for t in (*TAGS, *TEXT_TAGS)]
    assert len(set(names)) == 1030
    labels = [a.label for a in ATTRIBUTES] + [t[1] for t in (*TAGS, *TEXT_TAGS, *EVENTS)]
    assert all(label.zh and label.en and label.zh != label.en for label in labels if label.zh != "VIP")


def test_tags_are_as_dense_as_they_aim_to_be(shard: Shard) -> None:
    dense = np.bitwise_count(shard.tags).sum(axis=1) / shard.count
    aimed = synthetic.tag_densities()
    assert aimed.min() >= 0.001
    assert aimed.max() <= 0.4
    independent = [i for i in range(900) if i % 5 > 2]
    assert np.abs(dense - aimed)[independent].max() < 0.01


def test_events_are_about_ten_a_person_skewed_and_in_order_of_time(shard: Shard) -> None:
    total = sum(len(columns["person_no"]) for columns in shard.events.values())
    assert 9 < total / shard.count < 11
    browse = shard.events["browse"]
    assert (np.diff(browse["occurred_at"]) >= 0).all()
    end = int(synthetic.AS_OF.timestamp()) * 1_000_000
    assert browse["occurred_at"].max() < end
    assert browse["occurred_at"].min() >= end - 365 * 86_400_000_000
    assert (browse["occurred_at"] >= shard.registered_at[browse["person_no"] - shard.first]).all()
    most = np.bincount(browse["item_id"]).argmax()
    assert most == 0  # Zipf's first
    counts = np.bincount(browse["person_no"] - shard.first, minlength=shard.count)
    assert counts.var() > 3 * counts.mean()  # log-normal activity, not everybody's the same


def test_the_order_attributes_are_those_of_the_persons_own_purchases(synthetic_snapshot: Snapshot) -> None:
    wrong = synthetic_snapshot.frame(
        """
        WITH own AS (
            SELECT person_no, count(*) AS orders, sum(paid_amount) AS spend FROM event_purchase GROUP BY 1
        )
        SELECT count(*) AS n FROM profile LEFT JOIN own USING (person_no)
        WHERE order_count_365d <> coalesce(orders, 0) OR spend_amount_365d <> coalesce(spend, 0)
           OR (average_order_value IS NULL) <> (orders IS NULL)
        """
    )
    assert wrong["n"][0] == 0


def test_the_snapshot_reads_like_any_other(synthetic_snapshot: Snapshot) -> None:
    known = catalogue(synthetic_snapshot)
    assert len(known.fields) == 1030
    rule = All(
        Tag("coffee_browsed_30d", "=", True),
        Attribute("city", "in", ["上海", "北京"]),
        Event("browse", where=All(Attribute("item_id", "=", "I00001")), window=Last(30)),
    )
    assert "近30天浏览过咖啡" in sentence(rule, known).zh
    assert "browsed coffee in 30 days" in sentence(rule, known).en
    assert Engine(synthetic_snapshot, known).evaluate(rule).universe == 3_000


def test_a_tag_that_is_a_bitset_only_reads_as_a_column_and_runs_as_sql(synthetic_snapshot: Snapshot) -> None:
    engine = Engine(synthetic_snapshot, catalogue(synthetic_snapshot))
    rule = All(
        Tag("coffee_bought_365d", "=", True),
        Not(Tag("tea_favourite", "=", True)),
        Tag("dogs_at_risk", "is set"),
    )
    compiled = compile_rule(rule, engine.catalogue, synthetic_snapshot.as_of, synthetic_snapshot.zone)
    assert '"coffee_bought_365d" = TRUE' in compiled.text()
    found = to_numbers(engine.evaluate(rule).members[()])
    assert len(found) > 0
    assert sorted(int(n) for n in run_sql(synthetic_snapshot, compiled)) == found.tolist()
    values = tag_values(synthetic_snapshot, "coffee_bought_365d", "city")
    assert int(values["coffee_bought_365d"].sum()) == engine.evaluate(rule).counts[(0,)]
    assert "coffee_bought_365d" not in synthetic_snapshot.frame("SELECT * FROM profile LIMIT 1").columns


def test_one_person_has_every_tag(synthetic_snapshot: Snapshot) -> None:
    profile = person_profile(synthetic_snapshot, "P0000000005").set_index("name")["value"]
    assert len(profile) == 1030
    bought = tag_values(synthetic_snapshot, "coffee_bought_365d")["coffee_bought_365d"]
    assert profile["coffee_bought_365d"] == bought[5]


def test_publishing_the_same_company_again_gives_the_same_snapshot(synthetic_snapshot: Snapshot) -> None:
    root = synthetic_snapshot.root
    assert publish_synthetic(Workspace.open(root), people=3_000).version == synthetic_snapshot.version


def test_a_company_of_nobody_is_refused(fresh_workspace: Workspace) -> None:
    with pytest.raises(SpecError, match="people=0"):
        publish_synthetic(fresh_workspace, people=0)


def test_a_size_that_is_none_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="people=0"):
        synthetic_workspace(tmp_path / "nobody", people=0)
    assert not (tmp_path / "nobody").exists()


def test_the_practice_company_is_made_once_beside_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_WORKSPACE", str(tmp_path / "workspace"))
    made = practice_workspace(people=64)
    assert made.root == tmp_path / "synthetic-64"
    assert not made.read_only
    again = practice_workspace(made.root, people=64)
    assert [one.version for one in again.snapshots()] == [made.snapshot().version]


def test_made_up_people_do_not_settle_beside_landed_data(
    company_files: dict[str, Path], tmp_path: Path
) -> None:
    workspace = Workspace.create(tmp_path / "landed", zone=SYNTHETIC_ZONE, currency=SYNTHETIC_CURRENCY)
    land(workspace, FEEDS["journey.transactions"], company_files["journey.transactions"])
    with pytest.raises(SpecError, match="holds landed data"):
        synthetic_workspace(tmp_path / "landed", people=100)
    assert workspace.state.snapshots() == []
