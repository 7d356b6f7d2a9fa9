"""A snapshot's tables as Parquet hold what the snapshot holds, and appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from qa_lib.errors import WorkspaceUnusable
from qa_lib.rules import Catalogue
from qa_lib.tables import LINKS, Table
from qa_lib.workspace import Snapshot, Workspace, export_rows, export_tables
from qa_lib.workspace import export as export_module


def test_every_table_that_rules_read_is_there_as_it_is(
    snapshot: Snapshot, people_catalogue: Catalogue, tmp_path: Path
) -> None:
    files = export_tables(snapshot, tmp_path / "tables")
    names = {"people", "profile", "snapshot", *(event.table for event in people_catalogue.events)}
    assert {file.stem for file in files} == names
    cursor = snapshot.cursor(packed=snapshot.columns.packed_only)
    for name in sorted(names - {"snapshot"}):
        kept = pq.read_table(tmp_path / "tables" / f"{name}.parquet")
        expected = cursor.execute(f'SELECT * FROM "{name}"').to_arrow_table()
        assert kept.column_names == expected.column_names
        assert kept.to_pylist() == expected.to_pylist()
    columns = pq.read_schema(tmp_path / "tables" / "profile.parquet").names
    assert {field.name for field in people_catalogue.fields} <= set(columns)
    stamp = pq.read_table(tmp_path / "tables" / "snapshot.parquet").to_pylist()
    assert [(s["version"], s["as_of"], s["people_count"]) for s in stamp] == [
        (snapshot.version, snapshot.as_of, snapshot.people_count)
    ]


def test_some_tables_alone_and_a_shared_table_beside_them(
    workspace: Workspace, snapshot: Snapshot, tmp_path: Path
) -> None:
    files = export_tables(snapshot, tmp_path / "some", only={"people", "event_visit"})
    assert {file.stem for file in files} == {"people", "event_visit", "snapshot"}
    file = export_rows(workspace, LINKS, tmp_path / "some")
    columns = list(LINKS.column_names)
    kept, there = (
        frame[columns].astype(str) for frame in (pq.read_table(file).to_pandas(), workspace.read(LINKS))
    )
    assert len(there) > 1000
    assert sorted(kept.itertuples(index=False)) == sorted(there.itertuples(index=False))
    with pytest.raises(WorkspaceUnusable, match="is there already"):
        export_rows(workspace, LINKS, tmp_path / "some")
    with pytest.raises(WorkspaceUnusable, match="was never written"):
        export_rows(workspace, Table("nothing", "Never written.", LINKS.columns), tmp_path / "some")
    assert not list(tmp_path.glob("some/.*"))


def test_numbers_without_a_sign_get_a_type_that_others_have() -> None:
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE t AS SELECT 1::UINTEGER a, 18446744073709551615::UBIGINT b, 2::HUGEINT c, 'x'::ENUM('x') d"
        )
        con.execute(f"CREATE TABLE u AS SELECT {export_module._columns(con, 't')} FROM t")
        types = [type for _, type, *_ in con.execute("DESCRIBE u").fetchall()]
        assert types == ["BIGINT", "DECIMAL(20,0)", "DECIMAL(38,0)", "VARCHAR"]
        assert con.execute("SELECT * FROM u").fetchall() == con.execute("SELECT * FROM t").fetchall()


def test_a_folder_that_is_there_is_left_alone(snapshot: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(WorkspaceUnusable, match="is there already"):
        export_tables(snapshot, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_an_export_that_fails_leaves_nothing(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = export_module._write

    def full(rows: object, file: Path) -> None:
        if file.stem == "profile":
            raise OSError(28, "No space left on device")
        write(rows, file)  # type: ignore[arg-type]

    monkeypatch.setattr(export_module, "_write", full)
    with pytest.raises(WorkspaceUnusable, match="No space left on device"):
        export_tables(snapshot, tmp_path / "tables")
    assert list(tmp_path.iterdir()) == []
