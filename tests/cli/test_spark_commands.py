"""`qa export-tables` and `qa audience count --engine`: the recipe of docs/other_engines.md on a real server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet
from spark_server import free_port

from qa_lib.audiences import evaluate_on, spark_engine
from qa_lib.cli import main
from qa_lib.identity import group_links, read_links
from qa_lib.profiles import BehaviourFamily, FamilyMeasure, build
from qa_lib.profiles.behaviour import FOLDER, write_families
from qa_lib.rules import All, Event, Last, Not, Tag, read_rule, spark_session
from qa_lib.rules.windows import Ever
from qa_lib.sources import FEEDS, land_all
from qa_lib.sources.journey import CURRENCY, ZONE
from qa_lib.workspace import Snapshot, Workspace

RULE = All(Tag("average_order_value", ">", 20), Not(Event("visit", window=Last(30, "day"), value=5)))
FAMILIES = (
    BehaviourFamily(
        name="buys", label_zh="购买", label_en="Buys", event="purchase", by="department", top=3, whole=True,
        windows=(Last(90, "day"), Ever()),
        measures=(FamilyMeasure("sum", "paid_amount"), FamilyMeasure("avg", "paid_amount"), FamilyMeasure("top")),
    ),
    BehaviourFamily(
        name="times", label_zh="时段", label_en="Times", event="visit", by="daypart", windows=(Ever(),),
        measures=(FamilyMeasure("share"), FamilyMeasure("active_days")),
    ),
)  # fmt: skip
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def qa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run `qa` with these words: exit code, what it said, what it complained."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["qa", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def rule_file(tmp_path: Path) -> Path:
    file = tmp_path / "rule.json"
    file.write_text(RULE.to_json())
    return file


def test_the_count_of_another_engine_is_the_count(
    qa: Say, workspace: Workspace, snapshot: Snapshot, spark_address: str, rule_file: Path, tmp_path: Path
) -> None:
    tables = tmp_path / "tables"
    code, out, _ = qa("export-tables", tables, "-w", workspace.root, "--json")
    assert code == 0
    assert json.loads(out)["snapshot"] == snapshot.version
    here = json.loads(qa("audience", "count", rule_file, "-w", workspace.root, "--json")[1])
    asked = ["audience", "count", rule_file, "-w", workspace.root]
    code, out, _ = qa(*asked, "--engine", spark_address, "--tables", tables, "--json")
    there = json.loads(out)
    assert code == 0
    assert 0 < there["count"] == here["count"] < there["universe"]
    assert (there["rule_hash"], there["snapshot"]) == (here["rule_hash"], here["snapshot"])

    session = spark_session(spark_address)
    engine = spark_engine(snapshot, session, str(tables))
    assert evaluate_on(engine, read_rule(RULE.to_json())).count == here["count"]
    session.stop()


def test_the_tags_of_another_engine_are_the_tags_of_the_build(
    qa: Say, workspace: Workspace, company_files: dict[str, Path], spark_address: str, tmp_path: Path
) -> None:
    made = Workspace.create(tmp_path / "w", zone=ZONE, currency=CURRENCY)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    write_families(made.root / FOLDER, FAMILIES)
    built = build(made)
    tables, out = tmp_path / "tables", tmp_path / "out"
    assert qa("export-tables", tables, "-w", made.root)[0] == 0
    asked = ["tags", "build", "--engine", spark_address, "--tables", tables, "--out", out]
    code, _, err = qa(*asked, "-w", workspace.root)
    assert (code, "no family of tags" in err) == (1, True)
    asked += ["-w", made.root]
    code, text, _ = qa(*asked, "--json")
    told = json.loads(text)
    names = [e["spec"]["name"] for e in built.meta["tags"] if e.get("family") in ("buys", "times")]
    assert (code, told["tags"], told["snapshot"]) == (0, len(names), built.version)
    telling = 0
    for event in told["seconds"]:
        theirs = parquet.read_table(out / f"tags_{event}.parquet").sort_by("person_no").to_pandas()
        of_event = [name for name in names if name in theirs]
        ours = built.frame("SELECT * FROM profile ORDER BY person_no", packed=of_event)
        for name in of_event:
            if "_top_" in name:
                assert theirs[name].fillna("").tolist() == ours[name].fillna("").tolist(), name
                continue
            one, other = (frame[name].astype("float64") for frame in (theirs, ours))
            telling += one.nunique() > 1
            pd.testing.assert_series_equal(one, other, check_names=False, rtol=1e-12, obj=name)
    assert telling >= 0.7 * len(names)


def test_the_groups_of_another_engine_are_the_groups_of_the_links(
    qa: Say, workspace: Workspace, spark_address: str, tmp_path: Path
) -> None:
    tables, out = tmp_path / "tables", tmp_path / "out"
    code, _, err = qa("export-tables", tables, "-w", workspace.root, "--links")
    assert code == 0, err
    asked = ["identity", "groups", "--engine", spark_address, "--out", out]
    code, text, err = qa(*asked, "--links", tables / "links.parquet", "--json")
    assert code == 0, err
    told = json.loads(text)
    ours = group_links(read_links(workspace)).nodes
    groups = ours[ours["group"] >= 0].groupby("group")["value"].agg(frozenset)
    rows = parquet.read_table(out / "groups.parquet").to_pandas()
    theirs = rows[rows["group"] >= 0].groupby("group")["value"].agg(frozenset)
    assert set(theirs) == set(groups)
    assert (told["groups"], told["identifiers"]) == (len(groups), len(ours))
    assert told["groups"] > 100
    again = tmp_path / "again"
    code, text, err = qa(*asked[:-1], again, "--links", tables / "links.parquet")
    assert code == 0, err
    assert text.startswith(
        f"{len(groups):,} groups of {len(ours):,} identifiers in {told['rounds']} rounds: "
    )
    assert text.rstrip().endswith(f"in {again}")
    code, _, err = qa(*asked, "--links", tables / "none.parquet")
    assert (code, "could not be read" in err) == (1, True)
    code, _, err = qa("export-tables", tmp_path / "more", "-w", tmp_path / "nowhere", "--links")
    assert code == 1


def test_what_is_missing_is_said(
    qa: Say, workspace: Workspace, spark_address: str, rule_file: Path, tmp_path: Path
) -> None:
    asked = ["audience", "count", rule_file, "-w", workspace.root]
    code, _, err = qa(*asked, "--engine", spark_address)
    assert (code, "--tables" in err) == (1, True)
    code, _, err = qa(*asked, "--engine", f"sc://127.0.0.1:{free_port()}", "--tables", tmp_path)
    assert (code, "No Spark Connect server answers" in err) == (1, True)
    code, _, err = qa(*asked, "--engine", spark_address, "--tables", tmp_path / "nowhere")
    assert (code, "export_tables" in err) == (1, True)
