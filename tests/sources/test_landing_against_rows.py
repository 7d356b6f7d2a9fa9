"""Loads of a source by watermark against a dict of rows by key, and the writing of them against another.

The second implementation knows nothing of dlt, DuckDB or Delta: it goes over rows one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa_lib.sources import Source, load_source, loads
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.tables import EXTRAS, TABLES, Column, Table
from qa_lib.workspace import Workspace
from qa_lib.workspace.store import Store

START = datetime(2026, 5, 1, tzinfo=UTC)
LAG = timedelta(hours=1)


class Told(NamedTuple):
    """One line of the CRM's log: what it said of a member at a moment."""

    card: str
    age: str | None
    home: str | None
    at: datetime
    tier: str | None


def told() -> st.SearchStrategy[tuple[Any, ...]]:
    """Card, values that may be empty, minutes before or after the load's own hour, and a tier."""
    return st.tuples(
        st.sampled_from([f"C{n}" for n in range(6)]),
        st.sampled_from([None, "25-34", "35-44"]),
        st.sampled_from([None, "Renter"]),
        st.sampled_from([-150, -40, -20, 0, 0, 10, 30]),
        st.sampled_from([None, "gold"]),
    )


class Ledger:
    """What should stand after each load, row by row."""

    def __init__(self) -> None:
        self.log: list[Told] = []
        self.mark: datetime | None = None
        self.newest = datetime.min.replace(tzinfo=UTC)
        self.people: dict[str, tuple[str | None, str | None]] = {}
        self.seen: dict[str, datetime] = {}
        self.extras: set[tuple[str, str]] = set()

    def add(self, rows: list[tuple[Any, ...]], hour: int, has_tier: bool) -> list[Told]:
        """The lines that come now; of one moment a member has one, since their order is nobody's."""
        there = {(line.card, line.at) for line in self.log}
        new = []
        for card, age, home, minutes, tier in rows:
            at = START + timedelta(hours=hour, minutes=minutes)
            if (card, at) not in there:
                there.add((card, at))
                new.append(Told(card, age, home, at, tier if has_tier else None))
        self.log += new
        return new

    def load(self, has_tier: bool) -> dict[str, list[int]]:
        """Read from the mark less the lag; by feed: read, rejected, new, replaced, left, late."""
        since = self.mark - LAG if self.mark else None
        read = sorted((line for line in self.log if since is None or line.at >= since), key=lambda x: x.at)
        counts = {"demographics": [len(read), 0, 0, 0, 0, 0], "links": [len(read), 0, 0, 0, 0, 0]}
        last = {line.card: line for line in read}
        first = {line.card: line for line in reversed(read)}
        for good in counts.values():
            good[1] = len(read) - len(last)
        for card, line in last.items():
            value = (line.age, line.home)
            place = 2 if card not in self.people else 3 if self.people[card] != value else 4
            counts["demographics"][place] += 1
            self.people[card] = value
            if has_tier and line.tier:
                self.extras.add((card, line.tier))
        for card, line in first.items():
            counts["links"][2 if card not in self.seen else 4] += 1
            counts["links"][5] += line.at < self.newest
            self.seen.setdefault(card, line.at)
        self.newest = max(self.newest, *(line.at for line in first.values()))
        self.mark = max(line.at for line in read)
        return counts


def source(schema: str) -> Source:
    empty = dict.fromkeys(
        ("income_band", "marital_status", "household_size", "household_composition", "kids_count")
    )
    return Source.model_validate(
        {
            "name": "crm.log",
            "label_zh": "会员日志",
            "label_en": "Member log",
            "read": {
                "kind": "database",
                "url": {"env": "CRM_LOG_URL"},
                "table": "log",
                "schema": schema,
                "watermark": "updated_at",
                "lag_hours": LAG / timedelta(hours=1),
            },
            "into": [
                {
                    "table": "demographics",
                    "load": "merge",
                    "columns": {
                        **empty,
                        "person_id": {"code": "card_no"},
                        "age_band": {"text": "age_band"},
                        "home_ownership": {"text": "home"},
                    },
                },
                {
                    "table": "links",
                    "load": "add",
                    "key": ["left_value"],
                    "time": "observed_at",
                    "columns": {
                        "left_kind": {"value": "card"},
                        "left_value": {"code": "card_no"},
                        "right_kind": {"value": "union_id"},
                        "right_value": {"code": "card_no"},
                        "source": {"value": "crm"},
                        "observed_at": {"utc": "updated_at"},
                        "origin": {"value": "observed"},
                    },
                },
            ],
        }
    )


@pytest.fixture(scope="module")
def log(postgres: str) -> Iterator[psycopg.Connection[Any]]:
    """The CRM's log on a real Postgres, in a schema of its own."""
    with (
        psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as con,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("CRM_LOG_URL", postgres)
        con.execute("CREATE SCHEMA crm_log")
        con.execute("SET search_path TO crm_log")
        yield con
        con.execute("DROP SCHEMA crm_log CASCADE")


def none_for_empty(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    rows = frame.astype(object).where(frame.notna(), None)
    return list(rows.itertuples(index=False, name=None))


@given(st.lists(st.lists(told(), min_size=1, max_size=8), min_size=2, max_size=4), st.integers(1, 4))
@settings(deadline=None, max_examples=5)
def test_loads_by_watermark_leave_what_a_dict_of_rows_holds(
    log: psycopg.Connection[Any], steps: list[list[tuple[Any, ...]]], tier_from: int
) -> None:
    """Repeats within a load, late rows inside and beyond the lag, equal watermarks, empty values, a new column."""
    log.execute("DROP TABLE IF EXISTS log")
    log.execute("CREATE TABLE log (card_no text, age_band text, home text, updated_at timestamptz NOT NULL)")
    ledger, declared = Ledger(), source("crm_log")
    with TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "workspace", zone=ZONE, currency=CURRENCY)
        for hour, rows in enumerate(steps):
            has_tier = hour >= tier_from
            if hour == tier_from:
                log.execute("ALTER TABLE log ADD COLUMN tier text")
            for line in ledger.add(rows, hour, has_tier):
                values = line if has_tier else line[:4]
                log.execute(f"INSERT INTO log VALUES ({', '.join(['%s'] * len(values))})", values)
            before = len(loads(workspace))
            wanted = ledger.load(has_tier)
            assert load_source(workspace, declared).read_count == wanted["links"][0]
            for done in loads(workspace)[
                before:
            ]:  # none where the very rows of the last load were read again
                found = [done.read_count, done.reject_count, done.new_count, done.replaced_count]
                assert [*found, done.left_count, done.late_count] == wanted[done.table_name], done.feed
                assert done.new_columns == (("tier",) if has_tier else ())
            people = workspace.read(TABLES["demographics"])[["person_id", "age_band", "home_ownership"]]
            assert sorted(none_for_empty(people), key=str) == sorted(
                ((card, *value) for card, value in ledger.people.items()), key=str
            )
            links = workspace.read(TABLES["links"])
            assert dict(zip(links["left_value"], links["observed_at"], strict=True)) == ledger.seen
            assert len(links) == len(ledger.seen)
        if ledger.extras:
            kept = workspace.read(EXTRAS).query("feed == 'crm.log.demographics'")
            pairs = zip(kept["row_key"].map(json.loads), kept["extra_values"].map(json.loads), strict=True)
            assert {(key["person_id"], extra["tier"]) for key, extra in pairs} == ledger.extras
        workspace.state.engine.dispose()


THINGS = Table(
    "things",
    "A key that may be empty in part, and values that may be empty.",
    (
        Column("shop", "text", "where"),
        Column("code", "integer", "which", nullable=True),
        Column("name", "text", "what it is called", nullable=True),
        Column("paid_amount", "amount", "for how much", nullable=True),
    ),
    key=("shop", "code"),
)
Thing = tuple[str, int | None, str | None, float | None]
_thing = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, "", "x"]),
    st.sampled_from([None, 0.0, 1.25]),
)


@given(
    st.lists(st.lists(_thing, max_size=6, unique_by=lambda one: one[:2]), min_size=1, max_size=4),
    st.booleans(),
)
@settings(deadline=None, max_examples=15)
def test_an_upsert_leaves_what_a_dict_of_rows_holds(batches: list[list[Thing]], replaces: bool) -> None:
    held: dict[tuple[str, int | None], Thing] = {}
    with TemporaryDirectory() as folder, duckdb.connect() as con:
        store = Store(Path(folder))
        con.execute("CREATE TABLE given (shop VARCHAR, code BIGINT, name VARCHAR, paid_amount DECIMAL(18,2))")
        for batch in batches:
            con.execute("DELETE FROM given")
            if batch:
                con.executemany("INSERT INTO given VALUES (?, ?, ?, ?)", batch)
            new = replaced = 0
            for one in batch:
                before = held.get(one[:2])
                new += before is None
                if before is None or (replaces and before != one):
                    replaced += before is not None
                    held[one[:2]] = one
            done = store.upsert(THINGS, con, "SELECT * FROM given", THINGS.key, replaces=replaces)
            assert (done.new_count, done.replaced_count) == (new, replaced)
            assert done.left_count == len(batch) - new - replaced
            assert done.version == store.version(THINGS.name)
            found = con.execute(f"SELECT * FROM ({store.scan_sql(THINGS)})").fetchall()
            plain = [(a, b, c, None if d is None else float(d)) for a, b, c, d in found]
            assert sorted(plain, key=str) == sorted(held.values(), key=str)
