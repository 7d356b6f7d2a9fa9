"""A disk that fills up while a source is read, or a company is written or landed: said in words, and mended by doing
it again."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qa_lib.errors import WorkspaceUnusable
from qa_lib.jobs.synthetic_company import company_workspace, land_company, write_synthetic_company
from qa_lib.sources import load_source, loads, read_source, write_source
from qa_lib.sources.loads import read_mark
from qa_lib.sources.source import Source
from qa_lib.tables import DEMOGRAPHICS
from qa_lib.workspace import Workspace

#: No file may grow beyond this many bytes: every larger write fails as on a full disk.
SCRIPT = """
import resource, signal, sys
from pathlib import Path
from qa_lib.errors import WorkbenchError
from qa_lib.jobs.synthetic_company import land_company, write_synthetic_company
from qa_lib.sources import load_source, read_source
from qa_lib.workspace import Workspace

def main():
    what, one, other, size = sys.argv[1:]
    workspace = Workspace.open(one) if what != "write" else None
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))
    try:
        if what == "load":
            load_source(workspace, read_source(Path(other)))
        elif what == "land":
            land_company(workspace, other)
        else:
            write_synthetic_company(one, people=70_000 if other == "2" else 3_000, processes=int(other))
    except WorkbenchError as error:
        print("told:", type(error).__name__, error)

if __name__ == "__main__":
    main()
"""
MEMBERS = 60_000


def within(tmp_path: Path, what: str, one: Path, other: object, size: int) -> str:
    script = tmp_path / "run.py"  # a file: processes of its own import it
    script.write_text(SCRIPT, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(script), what, str(one), str(other), str(size)],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "told: WorkspaceUnusable" in run.stdout, run.stdout + run.stderr
    return run.stdout


def members(read: dict[str, Any]) -> Source:
    told = ("home_ownership", "marital_status", "household_size", "household_composition", "kids_count")
    columns: dict[str, Any] = {
        **dict.fromkeys(("income_band", *told)), "person_id": {"code": "card"}, "age_band": {"text": "age"},
    }  # fmt: skip
    into = {"table": "demographics", "load": "merge", "columns": columns}
    return Source.model_validate(
        {"name": "crm.members", "label_zh": "会员", "label_en": "Members", "read": read, "into": [into]}
    )


def row(number: int) -> dict[str, Any]:
    return {"card": f"C{number * 7919 % 100_003:06d}{number}", "age": "35-44", "id": number}


def database(folder: Path) -> dict[str, Any]:
    file = folder / "crm.db"
    with sqlite3.connect(file) as con:
        con.execute("CREATE TABLE members (card TEXT, age TEXT, id INTEGER PRIMARY KEY)")
        con.executemany("INSERT INTO members VALUES (:card, :age, :id)", map(row, range(MEMBERS)))
    (folder / "url").write_text(f"sqlite:///{file}", encoding="utf-8")
    return {"kind": "database", "url": {"file": str(folder / "url")}, "table": "members", "watermark": "id"}


def test_a_part_of_a_database_that_finds_no_room_is_read_again(
    fresh_workspace: Workspace, tmp_path: Path
) -> None:
    source = members(database(tmp_path))
    path = write_source(fresh_workspace, source)
    assert loads(fresh_workspace) == []  # its tables are there: only the part finds no room
    said = within(tmp_path, "load", fresh_workspace.root, path, 250_000)
    assert "What was read cannot be written to" in said
    assert "Check the space left; nothing of this part was landed" in said
    assert not fresh_workspace.store.exists(DEMOGRAPHICS.name)
    assert read_mark(fresh_workspace, source.name) is None
    assert not list((fresh_workspace.root / "landing").rglob("*.parquet"))
    assert load_source(fresh_workspace, read_source(path)).read_count == MEMBERS
    assert fresh_workspace.read(DEMOGRAPHICS)["person_id"].nunique() == MEMBERS


def test_a_state_that_finds_no_room_is_told_and_read_again(
    fresh_workspace: Workspace, tmp_path: Path
) -> None:
    path = write_source(fresh_workspace, members(database(tmp_path)))
    said = within(tmp_path, "load", fresh_workspace.root, path, 40_000)
    assert "The workspace's state cannot be written to" in said
    assert load_source(fresh_workspace, read_source(path)).read_count == MEMBERS


def test_a_part_of_an_api_that_finds_no_room_is_read_again(
    fresh_workspace: Workspace, tmp_path: Path
) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    body = json.dumps([row(n) for n in range(MEMBERS)]).encode()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    assert loads(fresh_workspace) == []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        path = write_source(
            fresh_workspace,
            members({"kind": "rest", "base_url": url, "path": "members", "pages": {"kind": "one"}}),
        )
        said = within(tmp_path, "load", fresh_workspace.root, path, 250_000)
        assert "What was read cannot be written to" in said
        assert not fresh_workspace.store.exists(DEMOGRAPHICS.name)
        assert not list((fresh_workspace.root / "landing").rglob("*.jsonl"))
        assert load_source(fresh_workspace, read_source(path)).read_count == MEMBERS
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_company_that_finds_no_room_is_not_there(tmp_path: Path, processes: int) -> None:
    said = within(tmp_path, "write", tmp_path / "company", processes, 20_000)
    assert "The company cannot be written to" in said
    assert [p.name for p in tmp_path.iterdir()] == ["run.py"]


def test_a_truth_that_finds_no_room_is_kept_by_the_next_landing(tmp_path: Path) -> None:
    write_synthetic_company(tmp_path / "company", people=3_000, processes=1)
    workspace = company_workspace(tmp_path / "workspace")
    land_company(workspace, tmp_path / "company")
    kept = workspace.root / "truth" / "identity.parquet"
    size = kept.stat().st_size
    kept.unlink()
    said = within(tmp_path, "land", workspace.root, tmp_path / "company", size // 2)
    assert "truth" in said
    assert not list(kept.parent.iterdir())
    land_company(workspace, tmp_path / "company")
    assert kept.stat().st_size == size


def test_a_company_without_its_truth_says_so(tmp_path: Path) -> None:
    import shutil

    write_synthetic_company(tmp_path / "company", people=300, processes=1)
    shutil.rmtree(tmp_path / "company" / "truth")
    with pytest.raises(
        WorkspaceUnusable, match=r"truth of identities.*cannot be kept.*write the company anew"
    ):
        land_company(company_workspace(tmp_path / "workspace"), tmp_path / "company")
