"""The synthetic company: the same bytes however it is made, identifiers as wrong as said, effects as true as said."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qa_lib.errors import SpecError, UnknownName, WorkspaceUnusable
from qa_lib.identity import normalise
from qa_lib.jobs.synthetic_company import land_company, write_synthetic_company
from qa_lib.sources import synthetic_identity as identity
from qa_lib.sources.synthetic import SHARD
from qa_lib.sources.synthetic_company import company_shard
from qa_lib.sources.synthetic_industries import INDUSTRIES

PEOPLE = 200_000


def digest(tables: dict[str, pa.Table]) -> str:
    """A hash of every value of a shard."""
    total = hashlib.sha256()
    for name, table in sorted(tables.items()):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())
        total.update(name.encode() + sink.getvalue())
    return total.hexdigest()


@pytest.fixture(scope="module")
def shard() -> dict[str, pa.Table]:
    return company_shard(PEOPLE, 1)


@pytest.fixture(scope="module")
def people(shard: dict[str, pa.Table]) -> pd.DataFrame:
    return shard["truth/identity"].to_pandas()


def test_a_shard_alone_is_the_same_bytes(shard: dict[str, pa.Table]) -> None:
    company_shard(PEOPLE, 0)
    assert digest(company_shard(PEOPLE, 1)) == digest(shard)
    assert digest(company_shard(9_000_000, 1)) == digest(shard)
    assert digest(company_shard(PEOPLE, 1, random_state=8)) != digest(shard)


def test_one_process_and_three_write_the_same_files(tmp_path: Path) -> None:
    kept = []
    for processes in (1, 2):
        folder = tmp_path / f"by_{processes}"
        written = write_synthetic_company(folder, people=SHARD + 2_000, processes=processes)
        assert written.people == SHARD + 2_000
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        kept.append({p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in files})
    assert kept[0] == kept[1]
    assert len(kept[0]) == 2 * 10 + 3


def test_a_folder_is_written_whole_once_or_not_at_all(tmp_path: Path) -> None:
    first = write_synthetic_company(tmp_path / "c", people=500, processes=1)
    assert write_synthetic_company(tmp_path / "c", people=500).rows == first.rows
    with pytest.raises(SpecError, match="holds another company"):
        write_synthetic_company(tmp_path / "c", people=501)
    (tmp_path / "other").mkdir()
    with pytest.raises(SpecError, match="holds no synthetic company"):
        write_synthetic_company(tmp_path / "other", people=500)
    with pytest.raises(SpecError, match="at least 1"):
        write_synthetic_company(tmp_path / "d", people=0)
    with pytest.raises(UnknownName, match="Did you mean 'sale_618'"):
        write_synthetic_company(tmp_path / "d", industry_name="sale_168")
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceUnusable, match="cannot be written"):
        write_synthetic_company(tmp_path / "file" / "d", people=500)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c", "file", "other"]


# -- identifiers -----------------------------------------------------------------------------------


def test_identifiers_are_in_their_one_form_and_nobody_shares_a_true_one(people: pd.DataFrame) -> None:
    for kind, rows in people.groupby("kind"):
        for value in rows["value"].head(200):
            assert normalise(str(kind), value) == value
    real = people[people["error"].isin(["", "recycled"])]
    assert not real.duplicated(["kind", "value"]).any()


def test_two_shards_have_no_identifier_in_common(people: pd.DataFrame) -> None:
    other = company_shard(PEOPLE, 2)["truth/identity"].to_pandas()
    typed = other[other["error"] != "typo"]
    assert not set(zip(typed["kind"], typed["value"], strict=True)) & set(
        zip(people["kind"], people["value"], strict=True)
    )


def test_phone_numbers_are_one_to_one_over_all_numbers_in_use() -> None:
    rng = np.random.default_rng(0)
    numbers = np.unique(rng.integers(0, 900_000_000, 400_000))
    found = identity.phone_numbers(numbers)
    assert len(np.unique(found)) == len(numbers)
    assert (found.min() >= 13_000_000_000) & (found.max() < 13_900_000_000)
    assert np.gcd(618_033_989, 900_000_000) == 1


def test_errors_are_as_frequent_as_said(people: pd.DataFrame) -> None:
    cards = people[(people["kind"] == "card") & ~people.duplicated(["kind", "person_id"])]
    counted = cards["error"].value_counts()
    for error, rate in (("typo", identity.TYPO_RATE), ("family", identity.FAMILY_RATE)):
        sd = np.sqrt(SHARD * rate)
        assert abs(counted[error] - SHARD * rate) < 5 * sd + SHARD * rate * identity.TYPO_RATE
    assert counted["till"] == identity.TILL_CARDS
    devices = people[people["kind"] == "device"]
    sold = (devices["error"] == "recycled").sum()
    wanted = SHARD * identity.DEVICE * identity.RECYCLED_RATE
    assert abs(sold - wanted) < 5 * np.sqrt(wanted)
    assert (people["kind"] == "email").sum() == pytest.approx(SHARD * identity.EMAIL, rel=0.02)


def test_nothing_happens_before_somebody_is_known_or_after_the_end(shard: dict[str, pa.Table]) -> None:
    for name, column in (
        ("orders", "ordered_at"),
        ("visits", "at"),
        ("advertising", "at"),
        ("bindings", "seen_at"),
    ):
        moments = shard[name][column].to_pandas()
        assert moments.max() <= pd.Timestamp("2026-06-01T00:00:00Z")
    assert not shard["orders"].to_pandas()["order_no"].duplicated().any()


# -- campaigns and their truth ---------------------------------------------------------------------


@pytest.mark.parametrize("name", INDUSTRIES)
def test_the_holdout_gives_the_true_effect_and_the_plain_comparison_does_not(name: str) -> None:
    tables = [company_shard(5 * SHARD, n, industry_name=name) for n in range(2)]
    truth = pd.concat(t["truth/answers"].to_pandas() for t in tables)
    assert set(truth["campaign_id"]) == {r.campaign_id for r in INDUSTRIES[name][1]}
    assert not truth.duplicated(["campaign_id", "person_id"]).any()
    for _, one in truth.groupby("campaign_id"):
        acts = np.where(one["is_delivered"], one["y1"], one["y0"])
        sent, held = one["is_targeted"] & ~one["is_holdout"], one["is_holdout"].to_numpy()
        true = (one["y1"].astype(float) - one["y0"])[one["is_delivered"]].mean() * one["is_delivered"][
            sent
        ].mean()
        seen = acts[sent].mean() - acts[held].mean()
        error = np.sqrt(acts[sent].var() / sent.sum() + acts[held].var() / held.sum())
        assert true > 0
        assert abs(seen - true) < 4.5 * error
        naive = acts[sent].mean() - acts[~one["is_targeted"].to_numpy()].mean()
        assert naive > true  # the active were preferred
        assert (one["y0"].mean(), one["y1"].mean()) == pytest.approx(
            (one["p0"].mean(), one["p1"].mean()), rel=0.15
        )
        assert (one["y0"] & ~one["y1"]).any()  # it puts a few off


def test_what_was_recorded_is_the_truth_seen_through_the_campaign(shard: dict[str, pa.Table]) -> None:
    truth = shard["truth/answers"].to_pandas()
    card = "C" + truth["person_id"].str[1:]
    acts = np.where(truth["is_delivered"], truth["y1"], truth["y0"]) & truth["is_targeted"]
    wanted = set(zip(truth["campaign_id"][acts], card[acts], strict=True))
    found = shard["conversions"].to_pandas()
    assert set(zip(found["campaign_id"], found["card_no"], strict=True)) == wanted
    sends = shard["sends"].to_pandas()
    assert (sends["status"] == "sent").sum() == (truth["is_targeted"] & ~truth["is_holdout"]).sum()
    assert sends["delivered_at"].notna().sum() == truth["is_delivered"].sum()
    orders = shard["orders"].to_pandas()
    bought = set(zip(orders["card_no"].str[-8:], orders["paid_cents"], strict=True))
    assert set(zip(found["card_no"].str[-8:], found["paid_cents"], strict=True)) <= bought


def test_the_dormant_have_not_bought_for_half_a_year() -> None:
    tables = company_shard(SHARD, 0, industry_name="bank_dormant")
    sends = tables["sends"].to_pandas()
    first = sends[sends["campaign_id"] == "dormant_spring"]
    start = pd.Timestamp("2026-03-02T00:00:00+08:00")
    orders = tables["orders"].to_pandas()
    before = orders[(orders["ordered_at"] < start) & (orders["ordered_at"] >= start - pd.Timedelta(days=180))]
    assert not set(first["card_no"]) & set(before["card_no"])


# -- through the workbench -------------------------------------------------------------------------


def test_the_618_company_flows_through_its_sources_identities_and_tags(tmp_path: Path) -> None:
    from qa_lib.identity import pair_quality, read_resolution, read_truth
    from qa_lib.jobs.build import resolve_and_build
    from qa_lib.sources import loads
    from qa_lib.workspace import Workspace

    folder = tmp_path / "company"
    written = write_synthetic_company(folder, people=6_000, processes=1)
    workspace = Workspace.create(tmp_path / "workspace", zone="Asia/Shanghai", currency="CNY")
    land_company(workspace, folder)
    by_feed = {x.feed: x for x in loads(workspace)}
    assert sum(x.reject_count for x in by_feed.values()) == 0
    assert by_feed["company.orders.order_lines"].new_count == written.rows["orders"]
    assert by_feed["company.visits.interactions"].new_count == written.rows["visits"]
    versions = {
        n: workspace.store.version(n) for n in ("order_lines", "links", "interactions", "demographics")
    }
    land_company(workspace, folder)
    assert versions == {n: workspace.store.version(n) for n in versions}
    snapshot = resolve_and_build(workspace)
    quality = pair_quality(read_resolution(workspace).current, read_truth(workspace))
    assert quality.precision_rate > 0.9
    assert quality.recall_rate > 0.85
    assert 6_000 <= snapshot.people_count < 6_600
    seen = snapshot.frame("SELECT count(*) AS n, count(DISTINCT person_no) AS people FROM event_browse").iloc[
        0
    ]
    browses = pq.read_table(folder / "visits").to_pandas().query("event == 'browse'")
    assert seen["n"] == len(browses)
    by_card = browses["visitor"].nunique()
    assert seen["people"] < by_card  # open ids and devices found their people
    workspace.state.engine.dispose()
