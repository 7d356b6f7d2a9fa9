"""Every tag equals what plain pandas says of the raw files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from oracles.facts import read_facts
from oracles.tags import tags

from qa_lib.profiles import FAMILIES, build
from qa_lib.sources import journey_files
from qa_lib.workspace import Snapshot, Workspace

ALL_TAGS = [tag for family in FAMILIES for tag in family.tags]
TOLERANCE = 1e-12  # rates are doubles whose operations may be done in another order


def disagreements(snapshot: Snapshot, expected: pd.DataFrame) -> list[str]:
    """What differs, a line per tag; empty when all is equal."""
    found = snapshot.frame(
        "SELECT person_id, pr.* FROM profile pr JOIN people USING (person_no) ORDER BY person_id"
    ).set_index("person_id")
    if list(found.index) != sorted(expected.index):
        return [f"people: {set(found.index) ^ set(expected.index)}"]
    lines = []
    for tag in ALL_TAGS:
        ours = expected[tag.name].reindex(found.index)
        theirs = found[tag.name]
        wrong = [
            (person, a, b)
            for person, a, b in zip(found.index, theirs, ours, strict=True)
            if not same(a, b, money=tag.unit == "USD")
        ]
        if wrong:
            lines.append(f"{tag.name}: {len(wrong)} differ, e.g. (person, library, pandas) {wrong[0]}")
    return lines


def same(library: Any, pandas: Any, *, money: bool) -> bool:
    """Whether both are missing, or the same value; money to the cent."""
    if isinstance(pandas, tuple):
        return not np.isscalar(library) and library is not None and tuple(library) == pandas
    missing = [
        v is None or v is pd.NaT or (not isinstance(v, str) and bool(pd.isna(v))) for v in (library, pandas)
    ]
    if any(missing):
        return all(missing)
    if isinstance(pandas, str | bool | np.bool_):
        return bool(library == pandas)
    if hasattr(pandas, "year"):
        return bool(pd.Timestamp(library).date() == pandas)
    if money:
        return round(float(library) * 100) == round(float(pandas))
    return abs(float(library) - float(pandas)) <= TOLERANCE * max(1.0, abs(float(pandas)))


def expected_tags(workspace: Workspace, files: Mapping[str, Path], as_of: datetime) -> pd.DataFrame:
    interactions = pd.concat(map(pd.read_parquet, workspace.store.files("interactions")))
    return tags(read_facts(files, interactions, as_of, str(workspace.zone)))


def test_the_pandas_oracle_computes_every_declared_tag_and_no_other(
    workspace: Workspace, snapshot: Snapshot, company_files: Mapping[str, Path]
) -> None:
    computed = expected_tags(workspace, company_files, snapshot.as_of)
    assert set(computed.columns) == {tag.name for tag in ALL_TAGS}


def test_every_tag_of_the_company_at_the_end_of_its_data_equals_pandas(
    workspace: Workspace, snapshot: Snapshot, company_files: Mapping[str, Path]
) -> None:
    assert disagreements(snapshot, expected_tags(workspace, company_files, snapshot.as_of)) == []


@pytest.mark.parametrize(
    "as_of",
    [
        "2017-08-15T17:31:07Z",  # in the middle of a day
        "2017-03-12T07:00:00Z",  # the instant at which New York's clocks go forward
        "2017-11-05T05:30:00.000001Z",  # in the hour that New York's clocks live twice
        "2017-01-01T20:00:00Z",  # the first day: almost nothing is known
    ],
)
def test_every_tag_of_the_company_at_an_earlier_moment_equals_pandas(
    other_workspace: Workspace, company_files: Mapping[str, Path], as_of: str
) -> None:
    snapshot = build(other_workspace, as_of)
    assert disagreements(snapshot, expected_tags(other_workspace, company_files, snapshot.as_of)) == []


@pytest.mark.demo
@pytest.mark.parametrize("as_of", [None, "2017-08-15T17:31:07Z"])
def test_every_tag_of_the_real_year_equals_pandas(demo_workspace: Workspace, as_of: str | None) -> None:
    snapshot = build(demo_workspace, as_of)
    assert disagreements(snapshot, expected_tags(demo_workspace, journey_files(), snapshot.as_of)) == []
