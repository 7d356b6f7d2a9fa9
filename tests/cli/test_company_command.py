"""`qa company` and `qa identity`: a company goes from its files to a snapshot, and is held against its truth."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from qa_lib.cli import main
from qa_lib.identity import read_resolution, read_truth
from qa_lib.tables import TABLES
from qa_lib.workspace import Workspace

PEOPLE = 2_000


def run_qa(*words: object) -> tuple[int, str, str]:
    """Run `qa` with these words: exit code, what it said, what it complained."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["qa", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stopped:
        return int(stopped.code or 0), out.getvalue(), err.getvalue()
    finally:
        sys.argv = before
    raise AssertionError("a command ends by saying how it went")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, object]]]:
    """A workspace with a company of `PEOPLE` that was landed and built by the commands."""
    folder = tmp_path_factory.mktemp("company")
    words = ["company", folder / "files", "--people", PEOPLE, "--land", "-w", folder / "workspace", "--json"]
    code, out, err = run_qa(*words)
    assert (code, err) == (0, err)
    code, _, err = run_qa("build", "-w", folder / "workspace")
    assert code == 0, err
    yield folder, json.loads(out)
    Workspace.open(folder / "workspace").state.engine.dispose()


def test_every_row_of_the_company_lands_and_is_built(made: tuple[Path, dict[str, object]]) -> None:
    folder, said = made
    workspace = Workspace.open(folder / "workspace")
    rows = said["rows"]
    assert isinstance(rows, dict)
    assert said["rejected"] == 0
    for table, name in (("order_lines", "orders"), ("sends", "sends"), ("ad_events", "advertising")):
        assert len(workspace.read(TABLES[table])) == rows[name]
    snapshot = workspace.snapshot()
    assert snapshot.people_count > PEOPLE
    bought = snapshot.frame("SELECT count(*) AS n FROM event_purchase")["n"].iat[0]
    assert bought == rows["orders"]
    code, out, _ = run_qa(
        "company", folder / "files", "--people", PEOPLE, "--land", "-w", workspace.root, "--json"
    )
    assert (code, json.loads(out)["landed"]) == (0, 0)


def test_the_quality_that_is_printed_is_that_of_a_plain_count(made: tuple[Path, dict[str, object]]) -> None:
    folder, _ = made
    code, out, _ = run_qa("identity", "quality", "-w", folder / "workspace", "--json")
    assert code == 0
    said, workspace = json.loads(out), Workspace.open(folder / "workspace")
    truth = read_truth(workspace)
    found = read_resolution(workspace).current
    who = {(k, v): p for k, v, p in found[["kind", "value", "person_id"]].itertuples(index=False)}
    true_sets: dict[str, set[tuple[str, str]]] = {}
    found_sets: dict[object, set[tuple[str, str]]] = {}
    for k, v, p in truth[["kind", "value", "person_id"]].itertuples(index=False):
        true_sets.setdefault(p, set()).add((k, v))
        found_sets.setdefault(who.get((k, v), (k, v)), set()).add((k, v))
    wholes = {frozenset(s) for s in true_sets.values()}
    right = sum(frozenset(s) in wholes for s in found_sets.values())
    people = said["people"]
    assert (people["right_count"], people["wrong_count"]) == (right, len(found_sets) - right)
    assert people["missed_count"] == len(true_sets) - right
    owner = {i: p for p, identifiers in true_sets.items() for i in identifiers}
    pairs = sum(owner[i] == owner[j] for s in found_sets.values() for i, j in combinations(s, 2))
    assert said["pairs"]["right_count"] == pairs
    assert said["pairs"]["precision_rate"] > 0.9
    assert sum(r["identifier_count"] for r in said["by_error"]) == len(truth)
    clean = [r for r in said["by_error"] if (r["error"], r["kind"]) == ("", "email")]
    wrong = [r for r in said["by_error"] if (r["error"], r["kind"]) == ("family", "card")]
    assert clean[0]["right_rate"] > wrong[0]["right_rate"]
    code, out, _ = run_qa("identity", "quality", "-w", folder / "workspace")
    assert "pairs   precision" in out


def test_two_identifiers_are_explained_and_a_merge_is_undone(made: tuple[Path, dict[str, object]]) -> None:
    folder, _ = made
    workspace = Workspace.open(folder / "workspace")
    merges = read_resolution(workspace).changes.query("change == 'merge'")
    one, other = (json.loads(merges.iloc[0][f"{side}_identifiers"])[0] for side in ("kept", "moved"))
    code, out, _ = run_qa(
        "identity", "explain", ":".join(one), ":".join(other), "-w", workspace.root, "--json"
    )
    assert code == 0
    assert json.loads(out)["is_one_person"]
    assert json.loads(out)["path"]
    people = len(set(read_resolution(workspace).current["person_id"]))
    code, out, err = run_qa("identity", "undo", merges.iloc[0]["change_id"], "-w", workspace.root, "--json")
    assert code == 0, err
    assert len(set(read_resolution(workspace).current["person_id"])) == people + 1
    assert run_qa("identity", "undo", "c99", "-w", workspace.root)[0] == 1
    assert run_qa("identity", "explain", "card", "card:C1", "-w", workspace.root)[0] == 2


def test_what_cannot_be_made_or_landed_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    assert run_qa("company", folder, "--people", 0)[0] == 1
    code, _, err = run_qa("company", folder, "--industry", "sale_168", "--land", "-w", tmp_path / "w")
    assert code == 1
    assert "Did you mean 'sale_618'" in err
    assert run_qa("company", folder, "--land")[0] == 2
    Workspace.create(tmp_path / "other", zone="UTC", currency="USD")
    code, _, err = run_qa("company", folder, "--land", "-w", tmp_path / "other")
    assert (code, "other settings" in err) == (1, True)
    assert [p.name for p in tmp_path.iterdir()] == ["other"]
    empty = Workspace.create(tmp_path / "empty")
    code, _, err = run_qa("identity", "quality", "-w", empty.root)
    assert (code, "There is no truth" in err) == (1, True)
    assert run_qa("identity", "undo", "c000000001", "-w", empty.root)[0] == 1
