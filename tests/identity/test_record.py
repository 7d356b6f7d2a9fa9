"""The workspace's record: what is written, what is not written twice, and how right the demo's aliases are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from qa_lib.errors import ContractBroken, DataError, NothingBuilt, UnknownName
from qa_lib.identity import (
    add_links,
    explain,
    generate_aliases,
    group_sizes,
    normalise_links,
    pair_quality,
    read_links,
    read_resolution,
    read_truth,
    resolve,
    undo,
)
from qa_lib.sources import FEEDS, land
from qa_lib.tables import IDENTITIES, LINKS, ORDER_LINES, SNAPSHOT_TABLES
from qa_lib.workspace import Workspace

MIDDLE, END = "2017-07-01T04:00:00Z", "2018-01-01T05:00:00Z"


@pytest.fixture
def company(company_files: dict[str, Path], fresh_workspace: Workspace) -> Workspace:
    """A workspace of the test's own with the made-up company's orders."""
    land(fresh_workspace, FEEDS["journey.transactions"], company_files["journey.transactions"])
    return fresh_workspace


def links(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["left_kind", "left_value", "right_kind", "right_value"])
    return frame.assign(source="crm", observed_at="2017-01-01T00:00:00Z")


def versions(workspace: Workspace) -> dict[str, int]:
    names = ("links", "identities", "identity_changes")
    return {n: workspace.store.version(n) for n in names}


def test_aliases_and_people_are_made_once(company: Workspace) -> None:
    truth = generate_aliases(company)
    first = [resolve(company, m) for m in (MIDDLE, END)]
    before = versions(company)
    pd.testing.assert_frame_equal(generate_aliases(company), truth)
    second = [resolve(company, m) for m in (MIDDLE, END)]
    assert versions(company) == before
    for one, two in zip(first, second, strict=True):
        assert sorted(map(tuple, one.current.to_numpy())) == sorted(map(tuple, two.current.to_numpy()))
    assert set(read_links(company)["origin"]) == {"generated"}
    pd.testing.assert_frame_equal(read_truth(company), truth)


def test_a_generated_card_is_the_sources_own_id(company: Workspace) -> None:
    with pytest.raises(NothingBuilt, match="generate_aliases"):
        read_truth(company)
    cards = generate_aliases(company).query("kind == 'card'")
    assert cards["value"].tolist() == cards["person_id"].tolist()
    assert set(cards["value"]) == set(company.read(ORDER_LINES)["person_id"])


def test_the_resolution_of_the_aliases_is_as_right_as_their_errors_allow(company: Workspace) -> None:
    truth = generate_aliases(company)
    found = pair_quality(resolve(company, END).current, truth)
    assert 0.90 < found.precision_rate < 1.0
    assert 0.85 < found.recall_rate < 1.0


def test_another_seed_replaces_the_generated_links_and_leaves_the_observed(company: Workspace) -> None:
    assert add_links(company, links(("card", "X", "email", "A@x.com")), once="crm").empty
    generate_aliases(company)
    count = len(read_links(company))
    generate_aliases(company, random_state=1)
    rows = read_links(company)
    assert abs(len(rows) - count) < 100
    assert rows.loc[rows["origin"] == "observed", "right_value"].tolist() == ["a@x.com"]
    assert not rows[rows["origin"] == "generated"].duplicated(list(LINKS.column_names)).any()


def test_an_undo_is_written_and_read_back(company: Workspace) -> None:
    generate_aliases(company)
    resolve(company, MIDDLE)
    found = resolve(company, END)
    merge = found.changes[found.changes["change"] == "merge"].iloc[0]
    after = undo(company, merge["change_id"], END)
    back = read_resolution(company)
    assert len(back.changes) == len(after.changes)
    people = {str(merge["person_id"]), str(merge["other_person_id"])}
    assert people <= set(back.current["person_id"])
    again = resolve(company, END)
    assert people <= set(again.current["person_id"])
    assert not company.read(IDENTITIES).duplicated(list(IDENTITIES.key)).any()


def test_a_pair_is_explained_by_its_evidence(company: Workspace) -> None:
    generate_aliases(company)
    rows = read_links(company)
    row = rows[rows["source"] == "card_binding"].iloc[0]
    told = explain(rows, (row["left_kind"], row["left_value"]), (row["right_kind"], row["right_value"]))
    assert told.path["source"].tolist() == ["card_binding"] or not told.is_one_person
    with pytest.raises(UnknownName, match="is in no link"):
        explain(rows, ("card", "nobody"), ("card", "1"))


def test_links_are_normalised_added_once_and_bad_ones_returned(fresh_workspace: Workspace) -> None:
    rows = links(
        ("card", " C1 ", "email", "Ann@X.com"),
        ("card", "C1", "phone", "13800138000"),
        ("kard", "C1", "device", "D"),
    )
    for _ in range(2):
        rejects = add_links(fresh_workspace, rows, once="file 1")
    kept = read_links(fresh_workspace)
    assert kept[["left_value", "right_value", "origin"]].to_numpy().tolist() == [
        ["C1", "ann@x.com", "observed"]
    ]
    assert rejects["reason"].str.contains(r"E\.164|'card'").all()
    assert len(normalise_links(rows.assign(observed_at=None))[1]) == 3
    with pytest.raises(NothingBuilt, match="add_links"):
        read_links(Workspace.create(fresh_workspace.root.parent / "other"))


def test_a_build_reads_identities_and_not_their_evidence() -> None:
    assert {"identities", "identity_changes"} <= set(SNAPSHOT_TABLES)
    assert "links" not in SNAPSHOT_TABLES


def person_frame(**people: str) -> pd.DataFrame:
    rows = [("card", value, who) for who, values in people.items() for value in values]
    return pd.DataFrame(rows, columns=["kind", "value", "person_id"])


def test_pairs_are_counted_by_hand() -> None:
    truth, found = person_frame(a="123", b="45"), person_frame(p="12", q="345")
    quality = pair_quality(found, truth)
    assert (quality.right_count, quality.wrong_count, quality.missed_count) == (2, 2, 2)
    assert quality.precision_rate == quality.recall_rate == quality.f1_rate == 0.5
    unseen = pair_quality(found.head(0), truth)
    assert (unseen.precision_rate, unseen.recall_rate) == (1.0, 0.0)
    assert group_sizes(found)["people_count"].tolist() == [1, 1]
    with pytest.raises(DataError, match="stands twice"):
        pair_quality(pd.concat([found, found]), truth)
    with pytest.raises(ContractBroken, match="person_id"):
        pair_quality(found.drop(columns="person_id"), truth)
