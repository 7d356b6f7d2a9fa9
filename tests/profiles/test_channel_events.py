"""Searches, favourites, log-ins, shares, exposures and clicks: from a company's files to rules, tags and the stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qa_lib.identity import read_resolution
from qa_lib.jobs.build import resolve_and_build
from qa_lib.jobs.synthetic_company import company_workspace, land_company, write_synthetic_company
from qa_lib.profiles import AsProfiled, PersonLookup, catalogue, events_of, tag_values, tags, write_standard
from qa_lib.rules import (
    All,
    Attribute,
    Count,
    Distinct,
    Engine,
    Event,
    Last,
    Rule,
    Sequence,
    Step,
    to_numbers,
)
from qa_lib.rules.journeys import Duration
from qa_lib.rules.matcher import ActiveRule, Matcher, Records
from qa_lib.sources import loads
from qa_lib.sources.stream import SHOP_CONTRACTS, Contracts
from qa_lib.sources.synthetic import AS_OF
from qa_lib.tables import ACTIVITIES, AD_EVENTS, STREAM_EVENTS
from qa_lib.workspace import Snapshot, Workspace

PEOPLE = 1_500
ACTIVITY, ADVERTISING = ("search", "favourite", "login", "share"), ("expose", "click")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Workspace]:
    """A company that is landed, resolved and built, with the standard families."""
    folder = tmp_path_factory.mktemp("channels")
    write_synthetic_company(folder / "files", people=PEOPLE, processes=1)
    workspace = company_workspace(folder / "workspace")
    land_company(workspace, folder / "files")
    write_standard(workspace, events_of(workspace))
    resolve_and_build(workspace)
    return folder / "files", workspace


@pytest.fixture(scope="module")
def happened(company: tuple[Path, Workspace]) -> pd.DataFrame:
    """The oracle: the company's own files, each row with the person whom the record of identities names."""
    files, workspace = company
    known = read_resolution(workspace).current
    who = {f"{k}:{v}": p for k, v, p in known[["kind", "value", "person_id"]].itertuples(index=False)}
    acted = pq.read_table(files / "activity").to_pandas()
    shown = pq.read_table(files / "advertising").to_pandas()
    shown["visitor"] = "device:" + shown["device"]
    rows = pd.concat([acted, shown.rename(columns={"creative": "creative_id"})], ignore_index=True)
    told = rows["visitor"].where(rows["visitor"].str.contains(":"), "card:" + rows["visitor"])
    rows["person_id"] = [who.get(one, source) for one, source in zip(told, rows["visitor"], strict=True)]
    master = pq.read_table(files / "items").to_pandas().set_index("sku")
    rows["department"] = rows["sku"].map(master["department"])
    return rows[rows["at"] < pd.Timestamp(snapshot_of(workspace).as_of)]


def snapshot_of(workspace: Workspace) -> Snapshot:
    return workspace.snapshot()


def members(snapshot: Snapshot, rule: Rule) -> set[str]:
    ids = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
    found = Engine(snapshot, catalogue(snapshot)).evaluate(rule).members[()]
    return set(ids.iloc[to_numbers(found)])


def test_every_row_of_the_company_is_landed_under_its_contract(company: tuple[Path, Workspace]) -> None:
    files, workspace = company
    rows = json.loads((files / "company.json").read_text())["rows"]
    by_feed = {load.feed: load for load in loads(workspace)}
    for feed, name in (
        ("company.activity.activities", "activity"),
        ("company.advertising.ad_events", "advertising"),
    ):
        assert (by_feed[feed].new_count, by_feed[feed].reject_count) == (rows[name], 0)
        assert by_feed[feed].unmapped == ()
        assert by_feed[feed].newest_at is not None
    assert len(workspace.read(ACTIVITIES)) == rows["activity"]
    assert len(workspace.read(AD_EVENTS)) == rows["advertising"]


def test_events_of_a_snapshot_are_those_of_the_files(
    company: tuple[Path, Workspace], happened: pd.DataFrame
) -> None:
    snapshot = snapshot_of(company[1])
    for event in (*ACTIVITY, *ADVERTISING):
        wanted = happened[happened["event"] == event]
        names = [p.name for p in catalogue(snapshot).event(event).properties]
        found = snapshot.frame(
            f"SELECT person_id, occurred_at, e.* EXCLUDE (person_no, occurred_at) FROM event_{event} e "
            "JOIN people USING (person_no)"
        )
        columns = {"item_id": "sku"} | {n: n for n in ("keyword", "channel", "department", "creative_id")}
        kept = [n for n in names if n in columns]
        assert len(kept) >= 1
        one = [
            (p, pd.Timestamp(t).tz_convert(UTC), *rest)
            for p, t, *rest in found[["person_id", "occurred_at", *kept]].itertuples(index=False)
        ]
        other = wanted[["person_id", "at", *(columns[n] for n in kept)]].itertuples(index=False)
        assert sorted(one) == sorted((p, t.tz_convert(UTC), *rest) for p, t, *rest in other)


def test_a_rule_over_them_selects_whom_the_files_say(
    company: tuple[Path, Workspace], happened: pd.DataFrame
) -> None:
    snapshot = snapshot_of(company[1])
    end = pd.Timestamp(snapshot.as_of)
    ids = set(snapshot.frame("SELECT person_id FROM people")["person_id"])
    month = happened[happened["at"] >= end - timedelta(days=30)]
    shown = month[month["event"] == "expose"].groupby("person_id").size()
    assert members(snapshot, Event("expose", window=Last(30), operator=">=", value=2)) == set(
        shown[shown >= 2].index
    )
    clicked = set(happened.loc[happened["event"] == "click", "person_id"])
    assert members(snapshot, Event("click", operator="=", value=0)) == ids - clicked
    word = month.loc[month["event"] == "search", "keyword"].mode()[0]
    searched = month[(month["event"] == "search") & (month["keyword"] == word)]
    assert len(searched)
    rule = Event("search", where=All(Attribute("keyword", "=", word)), window=Last(30), measure=Count())
    assert members(snapshot, rule) == set(searched["person_id"])
    kinds = happened[happened["event"] == "share"].groupby("person_id")["department"].nunique()
    rule = Event("share", measure=Distinct("department"), operator=">=", value=2)
    assert members(snapshot, rule) == set(kinds[kinds >= 2].index)
    logged = happened[happened["event"] == "login"]
    mini = set(logged.loc[logged["channel"] == "mini_program", "person_id"])
    rule = Event("login", where=All(Attribute("channel", "=", "mini_program")))
    assert members(snapshot, rule) == mini
    soon = pd.merge(
        *(happened.loc[happened["event"] == e, ["person_id", "creative_id", "at"]] for e in ADVERTISING),
        on=["person_id", "creative_id"],
    )
    waited = soon["at_y"] - soon["at_x"]
    soon = soon[(waited > timedelta(0)) & (waited <= timedelta(minutes=1))]
    rule = Sequence(
        (Step("expose"), Step("click", within=Duration(n=1, unit="minute"))), same=("creative_id",)
    )
    assert members(snapshot, rule) == set(soon["person_id"])


def test_families_measure_them(company: tuple[Path, Workspace], happened: pd.DataFrame) -> None:
    snapshot = snapshot_of(company[1])
    listed = tags(snapshot).set_index("name")
    ids = snapshot.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
    for event in (*ACTIVITY, *ADVERTISING):
        assert f"event_{event}.occurred_at" in listed.loc[f"{event}_count_30d", "lineage"]
        rows = happened[happened["event"] == event]
        recent = rows[rows["at"] >= pd.Timestamp(snapshot.as_of) - timedelta(days=30)]
        counted = recent.groupby("person_id").size().reindex(ids, fill_value=0)
        assert tag_values(snapshot, f"{event}_count_30d").iloc[:, 0].tolist() == counted.tolist()
        assert counted.sum() > 0
    newest = (
        happened[happened["event"] == "expose"].sort_values("at").groupby("person_id")["creative_id"].last()
    )
    found = tag_values(snapshot, "expose_creative_id_last_ever").iloc[:, 0]
    assert (
        found.astype(object).where(found.notna(), None).tolist()
        == newest.reindex(ids).astype(object).where(lambda s: s.notna(), None).tolist()
    )
    person = newest.index[0]
    assert PersonLookup(snapshot).values(person)["expose_creative_id_last_ever"] == newest[person]


def test_who_was_only_shown_an_advertisement_is_in_the_universe(
    company: tuple[Path, Workspace], happened: pd.DataFrame
) -> None:
    snapshot = snapshot_of(company[1])
    ids = set(snapshot.frame("SELECT person_id FROM people")["person_id"])
    assert set(happened["person_id"]) <= ids
    assert snapshot.frame("SELECT max(first_seen_at) AS t FROM people")["t"].iat[0] < pd.Timestamp(AS_OF)


def test_by_the_stream_they_are_what_a_landed_row_is(company: tuple[Path, Workspace], tmp_path: Path) -> None:
    """An event that keeps its contract has the same properties live, in a build, and for the matcher."""
    import shutil

    own = Workspace.open(Path(shutil.copytree(company[1].root, tmp_path / "own")))
    before = own.snapshot()
    (item,) = before.frame("SELECT min(item_id) AS i FROM event_share")["i"]
    given = {
        "search": {"keyword": "咖啡", "channel": "shop"},
        "favourite": {"item_id": item, "channel": "shop"},
        "login": {},
        "share": {"item_id": item, "channel": "mini_program"},
        "expose": {"creative_id": "A7"},
        "click": {"creative_id": "A7"},
    }
    at = before.as_of - timedelta(days=2)
    contracts, profiled = Contracts(SHOP_CONTRACTS), AsProfiled(before)
    rows, live = [], {}
    for n, (event, properties) in enumerate(given.items()):
        sent = {
            "event_id": f"e{n}", "event": event, "identifiers": {"card": f"newcomer {n}"},
            "occurred_at": at.isoformat(), "properties": properties,
        }  # fmt: skip
        read = contracts.read(json.dumps(sent).encode(), "p0", n, int(datetime.now(UTC).timestamp() * 1e6))
        live[event] = profiled.properties(event, read.properties)
        rows.append(
            {
                "event_id": read.event_id, "event": event, "person_id": f"newcomer {n}", "occurred_at": at,
                "properties": json.dumps(read.properties), "log_partition": "p0", "log_offset": n, "arrived_at": at,
            }
        )  # fmt: skip
    table = pa.Table.from_pylist(rows, schema=STREAM_EVENTS.arrow_schema())
    own.append(STREAM_EVENTS, table.to_batches(), once="these")
    after = resolve_and_build(own)
    matched = []
    for n, event in enumerate(given):
        built = after.frame(
            f"SELECT e.* EXCLUDE (person_no, occurred_at) FROM event_{event} e JOIN people USING (person_no) "
            f"WHERE person_id = 'newcomer {n}'"
        )
        (row,) = built.astype(object).where(built.notna(), None).to_dict("records")
        assert row == live[event]
        rule = Event(event, window=Last(30))
        matcher = Matcher([ActiveRule(event, rule)], catalogue(after), after.zone)
        person = Records(after, matcher, events={event}).people([f"newcomer {n}"])[0]
        matched.append(matcher.match(person, after.as_of))
        assert f"newcomer {n}" in members(after, rule)
    assert [list(found.names) for found in matched] == [[event] for event in given]
