"""Two cards of one person, one card split off again, one merge undone: every tag equals pandas over the union."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from oracles.facts import read_facts
from oracles.tags import tags
from test_tags_against_pandas import disagreements

from qa_lib.campaigns import past_sends
from qa_lib.identity import Policy, former_ids, normalise_links, resolve, undo
from qa_lib.measure import campaign_metrics
from qa_lib.profiles import build, person_profile
from qa_lib.simulate import campaign_features
from qa_lib.sources import FEEDS, generate_interactions, land, write_company
from qa_lib.sources.journey import ZONE
from qa_lib.tables import LINKS, SENDS
from qa_lib.workspace import Snapshot, Workspace

#: People may hold several cards here.
SEVERAL = Policy(single_kinds={"card": False})
EARLY, FIRST, SECOND = "2017-02-01T05:00:00Z", "2017-06-01T04:00:00Z", "2017-09-01T04:00:00Z"
UNDONE, END = "2017-11-01T04:00:00Z", "2018-01-01T05:00:00Z"
#: When which cards were seen with one phone: a phone, a card, a day.
SEEN = [
    *[("a", "1", "2017-02-10"), ("a", "2", "2017-02-11")],
    *[("b", "3", "2017-02-10"), ("b", "4", "2017-02-11"), ("c", "4", "2017-02-12")],
    *[("d", "5", "2017-02-10"), ("e", "6", "2017-02-11"), ("d", "6", "2017-07-01")],
    *[("f", "8", "2017-02-10"), ("g", "7", "2017-02-11"), ("f", "7", "2017-07-01")],
    *[("h", "9", "2017-02-10")],
]
#: The line that is found to be wrong before the second resolution.
WRONG = ("b", "4", "2017-02-11")
#: Who is one person, by hand; everybody else has one card.
ONE_PERSON: dict[str, list[set[str]]] = {
    EARLY: [],
    FIRST: [{"1", "2"}, {"3", "4"}],
    SECOND: [{"1", "2"}, {"5", "6"}, {"7", "8"}],
    UNDONE: [{"1", "2"}, {"7", "8"}],
    END: [{"1", "2"}, {"7", "8"}],
}


def put_links(workspace: Workspace, seen: Iterable[tuple[str, str, str]]) -> None:
    """The table `links` holds these and no others."""
    rows = pd.DataFrame(
        [
            ("card", card, "phone", f"+1415555{ord(p):04d}", "till", f"{day}T12:00:00Z")
            for p, card, day in seen
        ],
        columns=["left_kind", "left_value", "right_kind", "right_value", "source", "observed_at"],
    )
    links, rejects = normalise_links(rows)
    assert rejects.empty
    workspace.replace(
        LINKS, pa.Table.from_pandas(links, schema=LINKS.arrow_schema(), preserve_index=False).to_batches()
    )


def landed(root: Path, files: Mapping[str, Path]) -> Workspace:
    made = Workspace.create(root, zone=ZONE)
    for name, path in files.items():
        if "promotions" not in name:
            land(made, FEEDS[name], path)
    generate_interactions(made)
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A company of 60, in which cards 1 and 2 told different things about themselves."""
    found = write_company(tmp_path_factory.mktemp("sixty"), people=60)
    path = found["journey.demographics"]
    told = pd.read_parquet(path)
    rows = told.iloc[:3].copy()
    rows["household_id"] = ["1", "2", "3"]
    told = pd.concat([told[~told["household_id"].isin(["1", "2", "3"])], rows], ignore_index=True)
    of = {card: told.index[told["household_id"] == card][0] for card in "12"}
    told.loc[of["1"], ["age", "income"]] = ["45-54", None]
    told.loc[of["2"], ["age", "income"]] = ["25-34", "50-74K"]
    told.to_parquet(path)
    sends = pd.read_parquet(found["journey.campaigns"])
    both = pd.DataFrame({"campaign_id": ["1", "1"], "household_id": ["1", "2"]})
    pd.concat([sends, both]).drop_duplicates().to_parquet(found["journey.campaigns"])
    redeemed = pd.read_parquet(found["journey.coupon_redemptions"])
    row = redeemed[redeemed["campaign_id"] == "1"].iloc[[0, 0]].assign(household_id=["1", "2"])
    row["coupon_upc"] = [row["coupon_upc"].iloc[0], "another"]
    pd.concat([redeemed, row]).drop_duplicates().to_parquet(found["journey.coupon_redemptions"])
    return found


@pytest.fixture(scope="module")
def told(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The whole story: resolved at two moments, a link taken back between them, a merge undone at a third."""
    made = landed(tmp_path_factory.mktemp("told") / "w", files)
    put_links(made, SEEN)
    resolve(made, FIRST, policy=SEVERAL)
    put_links(made, [s for s in SEEN if s != WRONG])
    found = resolve(made, SECOND, policy=SEVERAL)
    merge = found.changes[found.changes["moved_identifiers"].str.contains('"card", "6"')].iloc[-1]
    undo(made, merge["change_id"], UNDONE, policy=SEVERAL)
    resolve(made, END, policy=SEVERAL)
    return made


def oracle(
    workspace: Workspace, files: Mapping[str, Path], as_of: str, ids: Mapping[str, str]
) -> pd.DataFrame:
    """The tags by plain pandas, the rows of cards that are one person put together first."""
    interactions = pd.concat(map(pd.read_parquet, workspace.store.files("interactions")))
    facts = read_facts(files, interactions, pd.Timestamp(as_of).to_pydatetime(), ZONE)
    events = {
        name: rows.assign(person_id=rows["person_id"].map(lambda i: ids.get(i, i)))
        for name, rows in facts.events.items()
    }
    rows: dict[str, dict[str, object]] = {}
    # cards resolved at one moment go by the shorter, then the smaller number
    for row in sorted(facts.demographics.to_dict("records"), key=lambda r: int(r["person_id"])):
        kept = rows.setdefault(ids.get(row["person_id"], row["person_id"]), {})
        for name, value in row.items():
            if kept.get(name) is None:
                kept[name] = value
    demographics = pd.DataFrame([{**row, "person_id": who} for who, row in rows.items()])
    people = sorted({ids.get(i, i) for i in facts.people})
    return tags(dataclasses.replace(facts, events=events, demographics=demographics, people=people))


def ids_of(snapshot: Snapshot) -> dict[str, str]:
    keys = snapshot.frame("SELECT source_id, person_id FROM person_keys")
    return dict(zip(keys["source_id"], keys["person_id"], strict=True))


@pytest.mark.parametrize("as_of", [EARLY, FIRST, SECOND, UNDONE, END])
def test_every_tag_of_a_resolved_person_equals_pandas_over_the_union_of_their_rows(
    told: Workspace, files: dict[str, Path], as_of: str
) -> None:
    snapshot = build(told, as_of)
    ids = ids_of(snapshot)
    together: dict[str, set[str]] = {}
    for card in "123456789":
        together.setdefault(ids.get(card, card), set()).add(card)
    assert sorted(map(sorted, (c for c in together.values() if len(c) > 1))) == sorted(
        map(sorted, ONE_PERSON[as_of])
    )
    expected = oracle(told, files, as_of, ids)
    assert disagreements(snapshot, expected) == []
    assert snapshot.people_count == len(expected)
    assert snapshot.frame("SELECT count(*) AS n FROM profile")["n"].iloc[0] == snapshot.people_count


def test_before_the_first_resolution_everybody_is_the_sources_own_id(told: Workspace) -> None:
    snapshot = build(told, EARLY)
    assert ids_of(snapshot) == {}
    people = snapshot.frame("SELECT person_id FROM people")["person_id"]
    assert set(people) <= {str(n) for n in range(1, 61)}


def test_what_each_card_told_is_kept_column_by_column(told: Workspace) -> None:
    snapshot = build(told, END)
    of = person_profile(snapshot, "2").set_index("name")["value"]
    assert of.equals(person_profile(snapshot, snapshot.person_of("1")).set_index("name")["value"])
    assert (snapshot.person_of("1"), snapshot.person_of("nobody")) == (ids_of(snapshot)["2"], "nobody")
    assert (of["age_band"], of["income_band"]) == ("45-54", "50-74K")
    one = snapshot.frame("SELECT * FROM demographics")
    assert one["person_id"].is_unique


def test_tables_figures_features_and_caps_speak_of_the_same_people(told: Workspace) -> None:
    snapshot = build(told, END)
    person = ids_of(snapshot)["1"]
    known = set(snapshot.frame("SELECT person_id FROM people")["person_id"])
    for table in ("order_lines", "interactions", "sends", "outcomes", "demographics"):
        assert set(snapshot.frame(f"SELECT DISTINCT person_id FROM {table}")["person_id"]) <= known
    features = campaign_features(snapshot, campaigns=["1"])
    assert features["person_id"].is_unique
    assert set(features["person_id"]) <= known
    # two messages went to this person, on two cards: both count against a cap
    past = past_sends(snapshot)
    sends = snapshot.frame("SELECT person_id FROM sends WHERE campaign_id = '1'")["person_id"]
    assert (sends == person).sum() == 2
    assert (past["person_id"] == person).sum() >= 2
    row = campaign_metrics(snapshot, by=["campaign_id"]).set_index("campaign_id").loc["1"]
    assert row["targeted"] == sends.nunique()
    outcomes = snapshot.frame(
        "SELECT DISTINCT person_id, coupon_id, occurred_on FROM outcomes WHERE campaign_id = '1'"
    )
    assert row["redeemers"] == outcomes["person_id"].nunique()
    assert row["redemptions"] == len(outcomes)


def test_sends_under_an_id_that_was_merged_away_follow_it(told: Workspace, tmp_path: Path) -> None:
    """Also in a version of the table that came after the build."""
    shutil.copytree(told.root, tmp_path / "w")
    made = Workspace.open(tmp_path / "w")
    before, after = build(made, FIRST), build(made, END)
    alone, merged = ids_of(before)["7"], ids_of(before)["8"]
    assert ids_of(after)["7"] == ids_of(after)["8"] == ids_of(after)[alone] == merged
    assert merged not in ids_of(after)
    row = dict.fromkeys(SENDS.column_names, "ours") | {"sent_at": None, "delivered_at": None}
    row |= {"cost_amount": None, "world": 0}
    rows = pa.Table.from_pylist(
        [row | {"person_id": who} for who in (alone, merged)], schema=SENDS.arrow_schema()
    )
    version = made.append(SENDS, rows.to_batches(), once="ours")
    asked = "SELECT person_id FROM sends WHERE campaign_id = 'ours'"
    assert after.frame(asked).empty
    assert after.with_tables({"sends": version}).frame(asked)["person_id"].tolist() == [merged, merged]
    then = before.with_tables({"sends": version}).frame(asked)["person_id"]
    assert sorted(then) == sorted([alone, merged])


@pytest.mark.parametrize("as_of", [FIRST, SECOND])
def test_links_and_resolutions_that_came_later_change_nothing(
    files: dict[str, Path], tmp_path: Path, as_of: str
) -> None:
    cut = landed(tmp_path / "cut", files)
    put_links(cut, [s for s in SEEN if f"{s[2]}T12" < as_of])
    whole = landed(tmp_path / "whole", files)
    put_links(whole, SEEN)
    for moment in (FIRST, SECOND):
        if moment <= as_of:
            resolve(cut, moment, policy=SEVERAL)
        resolve(whole, moment, policy=SEVERAL)
    resolve(whole, END, policy=SEVERAL)
    one, other = build(cut, as_of), build(whole, as_of)
    assert ids_of(one)
    for table in ("person_keys", "people", "profile", "event_visit", "event_receive"):
        rows = [s.frame(f"SELECT t::VARCHAR AS t FROM {table} t ORDER BY ALL")["t"] for s in (one, other)]
        assert rows[0].tolist() == rows[1].tolist()


def test_a_new_resolution_gives_a_new_snapshot_and_the_same_one_the_same(
    files: dict[str, Path], tmp_path: Path
) -> None:
    made = landed(tmp_path / "w", files)
    put_links(made, SEEN)
    nobody = build(made, FIRST)
    resolve(made, FIRST, policy=SEVERAL)
    first = build(made, FIRST)
    file = made.root / "cache" / first.version / "snapshot.duckdb"
    written = file.stat().st_mtime_ns
    resolve(made, FIRST, policy=SEVERAL)
    assert build(made, FIRST).version == first.version != nobody.version
    assert file.stat().st_mtime_ns == written
    assert {"identities", "identity_changes"} <= set(first.table_versions)
    found = resolve(made, SECOND, policy=SEVERAL)
    assert build(made, FIRST).version != first.version
    assert former_ids(found)[ids_of(build(made, SECOND))["8"]]
