"""A CRM in a real Postgres is read by watermark: changes once, late commits, changed columns, kills, secrets."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

from qa_lib.errors import ContractBroken, SourceUnavailable, SpecError
from qa_lib.sources import Source, load_source, loads, rejects, write_source
from qa_lib.tables import EXTRAS, TABLES
from qa_lib.workspace import Workspace

PASSWORD = "pa55/w@rd"
MEMBERS = """
CREATE TABLE members (
  card_no text PRIMARY KEY, mobile text, mail text, age_band text, home text, points numeric(12,2),
  updated_at timestamptz NOT NULL)
"""


class Crm:
    """The CRM's database in a schema of its own."""

    def __init__(self, server: str) -> None:
        self.schema = f"crm_{uuid.uuid4().hex}"
        plain = server.replace("+psycopg", "")
        self.con = psycopg.connect(plain, autocommit=True)
        self.con.execute(f"CREATE SCHEMA {self.schema}")
        self.con.execute(f"SET search_path TO {self.schema}")
        self.con.execute("SET timezone TO 'UTC'")
        self.con.execute(MEMBERS)
        # the server trusts everybody: a password is taken and not looked at
        host = server.split("@")[1]
        self.url = f"postgresql+psycopg://qa:{PASSWORD.replace('/', '%2F').replace('@', '%40')}@{host}"

    def add(self, first: int, count: int, at: str, *, age: str = "25-34") -> None:
        self.con.execute(
            "INSERT INTO members SELECT 'C' || n, '138' || lpad(n::text, 8, '0'), 'M' || n || '@Example.com', %s, "
            "CASE WHEN n %% 3 = 0 THEN 'Renter' END, n / 2.0, %s::timestamptz + n * interval '1 second' "
            "FROM generate_series(%s::int, %s::int) n",
            (age, at, first, first + count - 1),
        )


@pytest.fixture
def crm(postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crm]:
    made = Crm(postgres)
    monkeypatch.setenv("CRM_URL", made.url)
    yield made
    made.con.execute(f"DROP SCHEMA {made.schema} CASCADE")
    made.con.close()


def source(crm: Crm, **read: Any) -> Source:
    people = dict.fromkeys(
        ("income_band", "marital_status", "household_size", "household_composition", "kids_count")
    )
    link = {
        "left_kind": {"value": "card"},
        "left_value": {"code": "card_no"},
        "source": {"value": "crm"},
        "observed_at": {"utc": "updated_at"},
        "origin": {"value": "observed"},
    }
    key = ["left_kind", "left_value", "right_kind", "right_value", "source"]
    return Source.model_validate(
        {
            "name": "crm.members",
            "label_zh": "会员",
            "label_en": "Members",
            "read": {
                "kind": "database",
                "url": {"env": "CRM_URL"},
                "table": "members",
                "schema": crm.schema,
                "watermark": "updated_at",
                **read,
            },
            "into": [
                {
                    "table": "demographics",
                    "load": "merge",
                    "leaves": ["points"],
                    "columns": {
                        **people,
                        "person_id": {"code": "card_no"},
                        "age_band": {"text": "age_band"},
                        "home_ownership": {"text": "home"},
                    },
                },
                {
                    "table": "links",
                    "load": "add",
                    "key": key,
                    "only_with": ["mobile"],
                    "columns": {**link, "right_kind": {"value": "phone"}, "right_value": {"phone": "mobile"}},
                },
                {
                    "table": "links",
                    "load": "add",
                    "key": key,
                    "only_with": ["mail"],
                    "columns": {**link, "right_kind": {"value": "email"}, "right_value": {"email": "mail"}},
                },
            ],
        }
    )


def table(workspace: Workspace, name: str) -> pd.DataFrame:
    return workspace.read(TABLES[name])


def test_members_land_in_every_table_they_speak_to(fresh_workspace: Workspace, crm: Crm) -> None:
    crm.add(1, 120, "2026-05-01T00:00:00Z")
    crm.con.execute("UPDATE members SET mobile = NULL WHERE card_no = 'C1'")
    crm.con.execute("UPDATE members SET mobile = '12345' WHERE card_no = 'C2'")
    assert load_source(fresh_workspace, source(crm, rows_per_load=50)).read_count == 120
    people = table(fresh_workspace, "demographics").set_index("person_id")
    assert len(people) == 120
    assert people.loc["C3", "home_ownership"] == "Renter"
    links = table(fresh_workspace, "links")
    phones = links[links["right_kind"] == "phone"].set_index("left_value")["right_value"]
    assert len(phones) == 118
    assert phones["C7"] == "+8613800000007"
    assert "m7@example.com" in set(links["right_value"])
    assert list(rejects(fresh_workspace)["value"]) == ["12345"]
    first = next(x for x in loads(fresh_workspace) if x.feed == "crm.members.links.mobile")
    assert (first.read_count, first.skipped_count, first.reject_count, first.new_count) == (50, 1, 1, 48)


def test_only_what_changed_is_read_again(fresh_workspace: Workspace, crm: Crm) -> None:
    crm.add(1, 100, "2026-05-01T00:00:00Z")
    load_source(fresh_workspace, source(crm))
    assert load_source(fresh_workspace, source(crm)).read_count == 1  # the row at the watermark itself
    crm.con.execute(
        "UPDATE members SET age_band = '35-44', updated_at = '2026-05-02T00:00:00Z' WHERE card_no IN ('C4', 'C5')"
    )
    crm.add(101, 10, "2026-05-03T00:00:00Z")
    assert load_source(fresh_workspace, source(crm)).read_count == 13
    people = table(fresh_workspace, "demographics").set_index("person_id")
    assert len(people) == 110
    assert list(people.loc[["C4", "C5", "C6"], "age_band"]) == ["35-44", "35-44", "25-34"]
    last = [x for x in loads(fresh_workspace) if x.feed == "crm.members.demographics"][-1]
    assert (last.new_count, last.replaced_count, last.left_count) == (10, 2, 1)
    assert len(table(fresh_workspace, "links")) == 220


def test_rows_that_were_committed_late_are_found_within_the_lag(fresh_workspace: Workspace, crm: Crm) -> None:
    crm.add(1, 10, "2026-05-01T12:00:00Z")
    load_source(fresh_workspace, source(crm, lag_hours=2))
    crm.add(11, 5, "2026-05-01T11:00:00Z")
    crm.add(21, 5, "2026-05-01T09:00:00Z")
    assert load_source(fresh_workspace, source(crm, lag_hours=2)).read_count == 15
    assert len(table(fresh_workspace, "demographics")) == 15


def test_a_new_column_is_kept_and_a_changed_type_refused(fresh_workspace: Workspace, crm: Crm) -> None:
    crm.add(1, 20, "2026-05-01T00:00:00Z")
    load_source(fresh_workspace, source(crm))
    crm.con.execute("ALTER TABLE members ADD COLUMN tier text DEFAULT '金卡'")
    crm.add(21, 2, "2026-05-02T00:00:00Z")
    load_source(fresh_workspace, source(crm))
    last = [x for x in loads(fresh_workspace) if x.feed == "crm.members.demographics"][-1]
    assert last.new_columns == ("tier",)
    kept = table(fresh_workspace, "extras").query("feed == 'crm.members.demographics'")
    assert set(kept["extra_values"]) == {'{"tier":"金卡"}'}
    assert '{"person_id":"C22"}' in set(kept["row_key"])
    before = table(fresh_workspace, "demographics")
    crm.con.execute("ALTER TABLE members ALTER COLUMN age_band TYPE integer USING 30")
    crm.con.execute("UPDATE members SET updated_at = '2026-05-03T00:00:00Z'")
    with pytest.raises(ContractBroken, match=r"'age_band'.*has the type BIGINT|INTEGER.*Nothing was landed"):
        load_source(fresh_workspace, source(crm))
    pd.testing.assert_frame_equal(table(fresh_workspace, "demographics"), before)
    crm.con.execute("ALTER TABLE members ALTER COLUMN age_band TYPE text USING '45-54'")
    assert load_source(fresh_workspace, source(crm)).read_count == 22
    assert set(table(fresh_workspace, "demographics")["age_band"]) == {"45-54"}


def test_an_empty_table_takes_nothing_away(fresh_workspace: Workspace, crm: Crm) -> None:
    crm.add(1, 20, "2026-05-01T00:00:00Z")
    load_source(fresh_workspace, source(crm, watermark=None))
    crm.con.execute("DELETE FROM members")
    with pytest.raises(ContractBroken, match=r"gave no rows; the load before had 20"):
        load_source(fresh_workspace, source(crm, watermark=None))
    assert len(table(fresh_workspace, "demographics")) == 20


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"table": "member"}, ContractBroken, "no table 'member'. Did you mean 'members'"),
        ({"watermark": "updated"}, ContractBroken, "no column 'updated'.*Did you mean 'updated_at'"),
        ({"url": {"env": "NO_SUCH_URL"}}, SpecError, "NO_SUCH_URL, which is not set"),
        ({"url": {"env": "ODD_URL"}}, SpecError, "no SQLAlchemy URL"),
        ({"url": {"env": "CLOSED_URL"}}, SourceUnavailable, "cannot be reached"),
    ],
)
def test_what_is_wrong_is_named_and_no_secret_is(
    fresh_workspace: Workspace,
    crm: Crm,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    crm.add(1, 3, "2026-05-01T00:00:00Z")
    monkeypatch.setenv("ODD_URL", f"no url but {PASSWORD}")
    monkeypatch.setenv(
        "CLOSED_URL",
        f"postgresql+psycopg://qa:{PASSWORD.replace('/', '%2F').replace('@', '%40')}@127.0.0.1:1/crm_db",
    )
    with pytest.raises(error, match=words) as raised:
        load_source(fresh_workspace, source(crm, **changed))
    assert "pa55" not in str(raised.value)
    assert "crm_db" not in str(raised.value)
    assert not fresh_workspace.store.exists("demographics")


def test_the_password_is_nowhere_in_the_workspace(fresh_workspace: Workspace, crm: Crm) -> None:
    crm.add(1, 30, "2026-05-01T00:00:00Z")
    write_source(fresh_workspace, source(crm))
    load_source(fresh_workspace, source(crm))
    kept = [p for p in fresh_workspace.root.rglob("*") if p.is_file()]
    assert len(kept) > 5
    assert not [p for p in kept if b"pa55" in p.read_bytes()]


def test_a_server_that_goes_away_in_the_middle_leaves_what_had_landed(
    fresh_workspace: Workspace, crm: Crm
) -> None:
    crm.add(1, 3_000, "2026-05-01T00:00:00Z")
    parts = 0

    def cut(_: str) -> None:
        nonlocal parts
        parts += 1
        if parts == 2:
            with psycopg.connect(crm.url.replace("+psycopg", ""), autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                    "AND pid NOT IN (pg_backend_pid(), %s)",
                    (crm.con.info.backend_pid,),
                )

    with pytest.raises(SourceUnavailable, match=r"stopped answering after 1,000 rows.*load again") as raised:
        load_source(fresh_workspace, source(crm, rows_per_load=500), cut)
    assert "pa55" not in str(raised.value)
    assert len(table(fresh_workspace, "demographics")) == 1_000
    assert load_source(fresh_workspace, source(crm, rows_per_load=500)).read_count == 2_001
    assert set(table(fresh_workspace, "demographics")["person_id"]) == {f"C{n}" for n in range(1, 3_001)}
    assert not table(fresh_workspace, "demographics").duplicated("person_id").any()


def test_killed_at_any_instant_nothing_is_lost_and_nothing_there_twice(
    fresh_workspace: Workspace, crm: Crm
) -> None:
    """Kill -9 while parts are read and landed, time and again, with rows added and changed between."""
    rng = random.Random(618)
    path = write_source(fresh_workspace, source(crm, rows_per_load=600))
    crm.add(1, 1_500, "2026-05-01T00:00:00Z")
    script = Path(__file__).with_name("crm_loader.py")
    for turn in range(5):
        crm.add(2_000 + turn * 500, 500, f"2026-05-{turn + 2:02d}T00:00:00Z")
        crm.con.execute(
            "UPDATE members SET age_band = %s, updated_at = %s::timestamptz + interval '1 hour' "
            "WHERE card_no LIKE %s",
            (f"{turn}", f"2026-05-{turn + 2:02d}T00:00:00Z", f"%{turn}"),
        )
        loader = subprocess.Popen(
            [sys.executable, script, fresh_workspace.root, path], stdout=subprocess.PIPE, text=True
        )
        assert loader.stdout is not None
        for _ in range(1 + turn % 2):
            loader.stdout.readline()
        time.sleep(rng.uniform(0, 0.5))  # the kill may fall anywhere in the landing of a part
        os.kill(loader.pid, signal.SIGKILL)
        loader.wait(timeout=10)
        loader.stdout.close()
    load_source(fresh_workspace, source(crm))
    rows = crm.con.execute("SELECT card_no, age_band, home FROM members ORDER BY 1").fetchall()
    landed = table(fresh_workspace, "demographics")[["person_id", "age_band", "home_ownership"]]
    found = sorted((a, b, None if pd.isna(c) else c) for a, b, c in landed.itertuples(index=False, name=None))
    assert found == sorted(rows)
    links = table(fresh_workspace, "links")
    assert len(links) == 2 * len(rows)
    assert not links.duplicated(["left_value", "right_value"]).any()
    assert not [p for p in (fresh_workspace.root / "landing").rglob("*") if p.suffix == ".parquet"]


def test_what_is_kept_of_a_source_reads_back_the_same(fresh_workspace: Workspace, crm: Crm) -> None:
    from qa_lib.sources import read_source

    declared = source(crm)
    path = write_source(fresh_workspace, declared)
    assert read_source(path) == declared
    assert EXTRAS.in_snapshots is False
