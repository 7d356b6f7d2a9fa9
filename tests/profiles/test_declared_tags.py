"""Tags that an analyst declares in YAML equal what plain pandas measures over the same events."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
import yaml
from oracles.facts import read_facts
from oracles.rules import ZERO_FOR_NOBODY, measured, world_of

from qa_lib.errors import SpecError
from qa_lib.profiles import build, catalogue
from qa_lib.rules import Engine, Tag
from qa_lib.workspace import Workspace

DELI = {
    "kind": "all",
    "of": [{"kind": "attribute", "field": "department", "operator": "in", "value": ["DELI", "MEAT"]}],
}
CHEAP = {
    "kind": "any",
    "negated": True,
    "of": [{"kind": "attribute", "field": "paid_amount", "operator": ">", "value": 4.5}],
}
LAST_60 = {"kind": "last", "n": 60, "unit": "day"}
WEEKS = {"kind": "last", "n": 6, "unit": "week", "calendar": True}
DECLARED = [
    {"event": "purchase", "measure": {"kind": "count"}, "where": DELI, "window": LAST_60},
    {"event": "purchase", "measure": {"kind": "sum", "property": "paid_amount"}, "where": DELI},
    {"event": "purchase", "measure": {"kind": "avg", "property": "paid_amount"}, "where": CHEAP},
    {"event": "purchase", "measure": {"kind": "distinct", "property": "item_id"}, "window": WEEKS},
    {"event": "purchase", "measure": {"kind": "active_days"}, "where": CHEAP, "window": LAST_60},
    {"event": "visit", "measure": {"kind": "min", "property": "paid_amount"}, "window": WEEKS},
    {"event": "visit", "measure": {"kind": "max", "property": "item_count"}},
    {"event": "visit", "measure": {"kind": "days_since_last"}},
    {"event": "browse", "measure": {"kind": "days_since_first"}, "where": DELI, "window": LAST_60},
    {
        "event": "browse",
        "measure": {"kind": "count"},
        "window": {"kind": "ago", "near": 1, "far": 2, "unit": "month"},
    },
    {"event": "redeem", "measure": {"kind": "distinct", "property": "campaign_id"}},
]


def write(workspace: Workspace, name: str, **fields: object) -> Path:
    folder = workspace.root / "tags"
    folder.mkdir(exist_ok=True)
    value = {"name": name, "label_zh": "标签", "label_en": "tag", **fields}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")
    return path


def test_every_measure_as_a_declared_tag_equals_pandas(
    declaring_workspace: Workspace, company_files: dict[str, Path]
) -> None:
    for n, fields in enumerate(DECLARED):
        write(declaring_workspace, f"declared_{n}", **fields)
    snapshot = build(declaring_workspace, "2017-11-20T18:00:00Z")
    interactions = pd.concat(map(pd.read_parquet, declaring_workspace.store.files("interactions")))
    world = world_of(read_facts(company_files, interactions, snapshot.as_of, str(snapshot.zone)))
    found = snapshot.frame("SELECT person_id, pr.* FROM profile pr JOIN people USING (person_no)")
    found = found.set_index("person_id")
    for n, leaf in enumerate(DECLARED):
        expected = measured(leaf, world)
        nobody = 0 if leaf["measure"]["kind"] in ZERO_FOR_NOBODY else math.nan  # type: ignore[index]
        ours = pd.Series({p: float(expected.get(p, nobody)) for p in world.people})
        theirs = found[f"declared_{n}"].astype("float64").reindex(ours.index)
        pd.testing.assert_series_equal(theirs, ours, check_names=False, rtol=1e-12, obj=str(leaf))
        assert 0 < (ours.fillna(0) != 0).sum() < len(ours)


def test_a_declared_tag_is_a_tag_like_any_other_in_a_rule(declaring_workspace: Workspace) -> None:
    write(declaring_workspace, "visits_ever", event="visit")
    snapshot = build(declaring_workspace, "2017-11-20T18:00:00Z")
    engine = Engine(snapshot, catalogue(snapshot))
    assert 0 < engine.evaluate(Tag("visits_ever", ">=", 20)).share < 1
    assert engine.evaluate(Tag("visits_ever", "is not set")).count == 0


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("recency_days", {"event": "visit"}, "the name 'recency_days' is taken"),
        ("person_no", {"event": "visit"}, "the name 'person_no' is taken"),
        ("my_tag", {"event": "visits"}, "Unknown event 'visits'. Did you mean 'visit'"),
        ("my_tag", {"event": "visit", "measure": {"kind": "sum", "property": "store_id"}}, "'paid_amount'"),
        ("my_tag", {"event": "visit", "sql": "SELECT 1"}, "sql: Extra inputs are not permitted"),
        ("drop table", {"event": "visit"}, "name"),
    ],
)
def test_a_declared_tag_that_cannot_be_is_refused_with_its_file(
    declaring_workspace: Workspace, name: str, fields: dict[str, object], words: str
) -> None:
    path = write(declaring_workspace, name, **fields)
    with pytest.raises(SpecError) as told:
        build(declaring_workspace)
    assert str(path) in str(told.value)
    assert words in str(told.value)


def test_a_tag_file_that_is_no_yaml_is_named(declaring_workspace: Workspace) -> None:
    path = write(declaring_workspace, "my_tag", event="visit")
    path.write_text("name: [", encoding="utf-8")
    with pytest.raises(SpecError, match="this is not YAML"):
        build(declaring_workspace)
