"""A folder that many processes use: it opens, refuses and publishes as promised."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from qa_lib.errors import AsOfOutside, NothingBuilt, ReadOnly, SpecError, WorkspaceUnusable
from qa_lib.profiles import build
from qa_lib.sources import FEEDS, generate_interactions, land
from qa_lib.tables import ITEMS
from qa_lib.workspace import Snapshot, Workspace

AS_OF = datetime(2017, 7, 1, tzinfo=UTC)


def fill(workspace: Workspace, value: int, recipe: str = "r", as_of: datetime = AS_OF) -> None:
    """Publish a snapshot whose one table holds one value."""
    with workspace.publish(as_of, recipe) as draft:
        if draft is not None:
            draft.connection.execute("CREATE TABLE people AS SELECT 0 AS person_no")
            draft.connection.execute(f"CREATE TABLE content AS SELECT {value} AS v")
            draft.meta["value"] = value


def content(snapshot: Snapshot) -> int:
    row = snapshot.cursor().execute("SELECT v FROM content").fetchone()
    assert row is not None
    return int(row[0])


def items(*names: str) -> list[pa.RecordBatch]:
    rows = [dict.fromkeys(ITEMS.column_names, name) for name in names]
    return pa.Table.from_pylist(rows, schema=ITEMS.arrow_schema()).to_batches()


def item_ids(workspace: Workspace) -> list[str]:
    return sorted(workspace.read(ITEMS)["item_id"])


# -- making and opening ----------------------------------------------------------------------------


def test_opening_where_there_is_none_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NothingBuilt, match=r"No workspace at .*nowhere.*qa init"):
        Workspace.open(tmp_path / "nowhere")


def test_making_the_same_workspace_again_opens_it(tmp_path: Path) -> None:
    first = Workspace.create(tmp_path / "w", zone="Asia/Shanghai", currency="CNY")
    first.replace(ITEMS, items("A"))
    again = Workspace.create(tmp_path / "w", zone="Asia/Shanghai", currency="CNY")
    assert item_ids(again) == ["A"]
    assert str(Workspace.open(tmp_path / "w").zone) == "Asia/Shanghai"


def test_making_it_again_with_another_zone_is_refused(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", zone="Asia/Shanghai")
    with pytest.raises(SpecError, match=r"other settings.*Asia/Shanghai.*UTC"):
        Workspace.create(tmp_path / "w", zone="UTC")


@pytest.mark.parametrize("zone", ["Mars/Phobos", "", "../../etc/passwd", "/etc/localtime"])
def test_an_unknown_zone_is_named_and_no_folder_is_made(tmp_path: Path, zone: str) -> None:
    with pytest.raises(SpecError, match="Unknown time zone"):
        Workspace.create(tmp_path / "w", zone=zone)
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("path", ["/proc/qa-workspace", "file/workspace"])
def test_a_folder_that_cannot_be_written_is_named_with_the_way_on(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    root = tmp_path / path
    with pytest.raises(WorkspaceUnusable) as error:
        Workspace.create(root)
    assert str(root) in str(error.value)
    assert "permissions" in str(error.value)


def test_settings_of_a_newer_library_are_refused(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w")
    settings = json.loads((tmp_path / "w" / "workspace.json").read_text())
    (tmp_path / "w" / "workspace.json").write_text(json.dumps(settings | {"format": 99}))
    with pytest.raises(WorkspaceUnusable, match=r"format 99.*Upgrade"):
        Workspace.open(tmp_path / "w")


def test_settings_that_are_no_json_are_named(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w")
    (tmp_path / "w" / "workspace.json").write_text("{")
    with pytest.raises(WorkspaceUnusable, match=r"workspace\.json cannot be read"):
        Workspace.open(tmp_path / "w")


@pytest.mark.parametrize("name", ["with blank", "张三的项目", "it's", "a*b"])
def test_a_workspace_works_in_a_folder_of_any_name(
    tmp_path: Path, company_files: dict[str, Path], name: str
) -> None:
    made = Workspace.create(tmp_path / name)
    for feed in ("journey.transactions", "journey.products", "journey.demographics"):
        land(made, FEEDS[feed], company_files[feed])
    generate_interactions(made)
    snapshot = build(made)
    assert snapshot.people_count == 500
    assert snapshot.frame("SELECT count(*) AS n FROM items")["n"].iloc[0] == 40


# -- reading only ----------------------------------------------------------------------------------


def test_a_workspace_opened_read_only_refuses_every_write_and_says_where_to_write(tmp_path: Path) -> None:
    writer = Workspace.create(tmp_path / "w")
    writer.replace(ITEMS, items("A"))
    reader = Workspace.open(tmp_path / "w", read_only=True)
    with pytest.raises(ReadOnly, match="read-only"):
        reader.replace(ITEMS, items("B"))
    with pytest.raises(ReadOnly, match="JupyterLab or on the command line"):
        reader.append(ITEMS, items("B"), once="b")
    with pytest.raises(ReadOnly), reader.publish(AS_OF, "r"):
        pass
    assert item_ids(reader) == ["A"]
    assert reader.snapshots() == []


def test_the_environment_opens_a_workspace_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Workspace.create(tmp_path / "w")
    monkeypatch.setenv("QA_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setenv("QA_READ_ONLY", "1")
    assert Workspace.open().read_only
    assert not Workspace.open(read_only=False).read_only


# -- tables ----------------------------------------------------------------------------------------


def test_an_append_under_the_same_name_happens_once(fresh_workspace: Workspace) -> None:
    first = fresh_workspace.append(ITEMS, items("A"), once="day 1")
    assert fresh_workspace.append(ITEMS, items("A"), once="day 1") == first
    fresh_workspace.append(ITEMS, items("B"), once="day 2")
    assert item_ids(fresh_workspace) == ["A", "B"]


def test_an_append_under_the_same_name_by_many_at_once_happens_once(fresh_workspace: Workspace) -> None:
    fresh_workspace.replace(ITEMS, items("A"))
    ready = threading.Barrier(6)

    def append(once: str) -> int:
        mine = Workspace.open(fresh_workspace.root)
        ready.wait()
        return mine.append(ITEMS, items("B"), once=once)

    for day in range(1, 5):
        with ThreadPoolExecutor(6) as pool:
            versions = set(pool.map(append, [f"day {day}"] * 6))
        assert versions == {day}
        assert item_ids(fresh_workspace) == ["A", *"B" * day]


def test_an_earlier_version_of_a_table_can_still_be_read(fresh_workspace: Workspace) -> None:
    first = fresh_workspace.replace(ITEMS, items("A", "B"))
    fresh_workspace.replace(ITEMS, items("C"))
    assert sorted(fresh_workspace.read(ITEMS, first)["item_id"]) == ["A", "B"]


def test_a_write_that_breaks_off_leaves_the_table_as_it_was(fresh_workspace: Workspace) -> None:
    fresh_workspace.replace(ITEMS, items("A"))

    def breaking() -> object:
        yield from items("B")
        raise RuntimeError("the source went away")

    with pytest.raises(Exception, match="the source went away"):
        fresh_workspace.replace(ITEMS, breaking())  # type: ignore[arg-type]
    assert item_ids(fresh_workspace) == ["A"]
    assert fresh_workspace.store.version("items") == 0


# -- snapshots -------------------------------------------------------------------------------------


def test_without_a_snapshot_the_way_to_one_is_told(fresh_workspace: Workspace) -> None:
    with pytest.raises(NothingBuilt, match="qa build"):
        fresh_workspace.snapshot()


def test_building_without_orders_says_what_to_land(fresh_workspace: Workspace) -> None:
    with pytest.raises(NothingBuilt, match=r"'order_lines'.*qa land"):
        build(fresh_workspace)


def test_a_snapshot_of_an_earlier_moment_does_not_become_the_current_one(fresh_workspace: Workspace) -> None:
    fill(fresh_workspace, 1)
    fill(fresh_workspace, 2, as_of=datetime(2017, 6, 1, tzinfo=UTC))
    assert content(fresh_workspace.snapshot()) == 1
    assert content(fresh_workspace.snapshot("2017-06-01T00:00:00Z")) == 2
    for day in range(1, 8):  # more than are kept
        fill(fresh_workspace, 10 + day, as_of=datetime(2017, 5, day, tzinfo=UTC))
    assert content(fresh_workspace.snapshot()) == 1


def test_a_builder_that_raises_leaves_nothing_and_the_old_snapshot_readable(
    fresh_workspace: Workspace,
) -> None:
    fill(fresh_workspace, 1)

    def break_off() -> None:
        with fresh_workspace.publish(AS_OF, "other") as draft:
            assert draft is not None
            draft.connection.execute("CREATE TABLE people AS SELECT 0 AS person_no")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert content(fresh_workspace.snapshot()) == 1
    assert len(fresh_workspace.snapshots()) == 1
    assert len(list((fresh_workspace.root / "cache").iterdir())) == 1


def test_a_build_sweeps_what_dead_builds_left_and_nothing_of_a_live_one(
    fresh_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = fresh_workspace.root / "cache"
    asked = {4_000_001: ProcessLookupError, 4_000_002: PermissionError, 4_000_003: None}
    for process in asked:
        (cache / f".building-{process}-0").mkdir()

    def kill(process: int, signal: int) -> None:
        assert signal == 0
        if error := asked[process]:
            raise error

    monkeypatch.setattr("os.kill", kill)
    fill(fresh_workspace, 1)
    left = sorted(p.name for p in cache.glob(".building-*"))
    assert left == [".building-4000002-0", ".building-4000003-0"]


def test_the_same_content_is_built_once_and_made_the_current_one(fresh_workspace: Workspace) -> None:
    fill(fresh_workspace, 1, "a")
    fill(fresh_workspace, 2, "b")
    with fresh_workspace.publish(AS_OF, "a") as draft:
        assert draft is None
    assert content(fresh_workspace.snapshot()) == 1


def test_an_open_reader_keeps_its_version_while_others_are_published(fresh_workspace: Workspace) -> None:
    fill(fresh_workspace, 0, "first")
    reader = Workspace.open(fresh_workspace.root, read_only=True).snapshot()
    cursor = reader.cursor()
    for value in range(1, 9):  # more than are kept
        fill(fresh_workspace, value, f"{value}")
        assert cursor.execute("SELECT v FROM content").fetchall() == [(0,)]
    assert content(reader) == 0
    assert reader.meta == {"value": 0}
    assert content(Workspace.open(fresh_workspace.root).snapshot()) == 8
    assert len(fresh_workspace.snapshots()) == 5


def test_a_snapshot_of_a_moment_is_found_and_another_moment_names_those_built(
    fresh_workspace: Workspace,
) -> None:
    fill(fresh_workspace, 1)
    fill(fresh_workspace, 2, as_of=datetime(2017, 8, 1, tzinfo=UTC))
    assert content(fresh_workspace.snapshot("2017-07-01T08:00:00+08:00")) == 1
    with pytest.raises(AsOfOutside, match=r"2017-07-02.*2017-07-01T00:00:00.*qa build --as-of"):
        fresh_workspace.snapshot("2017-07-02T00:00:00Z")


@pytest.mark.parametrize(
    "as_of", ["2016-12-31T00:00:00Z", "2018-01-01T05:00:00.000001Z", "2030-01-01T00:00:00Z"]
)
def test_a_moment_outside_the_data_is_refused_with_the_range(workspace: Workspace, as_of: str) -> None:
    with pytest.raises(
        AsOfOutside, match=r"outside the data.*after the first order \(2017-01-0.*2018-01-01T05"
    ):
        build(workspace, as_of)


@pytest.mark.parametrize("as_of", ["2017-07-01", "2017-07-01T00:00:00", "yesterday", ""])
def test_a_moment_without_a_zone_is_refused(workspace: Workspace, as_of: str) -> None:
    with pytest.raises(SpecError, match=r"(no zone|not a moment).*Z"):
        build(workspace, as_of)


# -- the locked-down connection --------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('https://example.invalid/x.parquet')",
        "ATTACH '/tmp/qa_attached.duckdb' AS other",
        "ATTACH ':memory:' AS other; COPY people TO '/tmp/qa_copied.csv'",
        "COPY people TO '/tmp/qa_copied.parquet'",
        "EXPORT DATABASE '/tmp/qa_exported'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET allowed_directories",
        "SET TimeZone = 'Asia/Shanghai'",
        "CREATE TABLE new_table AS SELECT 1",
        "DROP TABLE people",
        "UPDATE people SET person_id = 'x'",
        "SELECT * FROM statement",
    ],
)
def test_the_connection_of_a_rule_reads_the_snapshot_and_nothing_else(
    snapshot: Snapshot, statement: str
) -> None:
    with pytest.raises(duckdb.Error):
        snapshot.cursor().execute(statement).fetchall()
    assert snapshot.cursor().execute("SELECT count(*) FROM people").fetchone() == (500,)
