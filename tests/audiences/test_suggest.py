"""Suggested values against pandas: what occurs, how often, in which order."""

from __future__ import annotations

import pandas as pd
import pytest

from qa_lib.audiences import suggest_values
from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import Catalogue
from qa_lib.workspace import Snapshot


def counted(values: pd.Series) -> list[tuple[object, int]]:
    counts = values.dropna().value_counts()
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))  # type: ignore[index, return-value]


def test_every_field_counts_as_pandas_does(snapshot: Snapshot, people_catalogue: Catalogue) -> None:
    profile = snapshot.frame("SELECT * FROM profile")
    for field in people_catalogue.fields:
        values = profile[field.name]
        if field.type == "list":
            values = values.explode()
        found = suggest_values(snapshot, field.name, limit=50)
        assert list(found.itertuples(index=False, name=None)) == counted(values)[:50], field.name


def test_a_property_of_events_counts_events(snapshot: Snapshot) -> None:
    rows = snapshot.frame("SELECT department FROM event_purchase")
    found = suggest_values(snapshot, "department", event="purchase")
    assert list(found.itertuples(index=False, name=None)) == counted(rows["department"])[:20]


def test_the_search_looks_inside_the_value_whatever_its_case(snapshot: Snapshot) -> None:
    everything = suggest_values(snapshot, "department", event="purchase", limit=1_000)
    found = suggest_values(snapshot, "department", "groc", event="purchase", limit=1_000)
    wanted = everything[everything["value"].str.lower().str.contains("groc")].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, wanted)
    assert len(found) >= 1
    assert suggest_values(snapshot, "department", "%", event="purchase").empty


def test_what_is_not_there_is_named(snapshot: Snapshot) -> None:
    with pytest.raises(UnknownName, match="'age_band'"):
        suggest_values(snapshot, "age_bend")
    with pytest.raises(UnknownName, match="'purchase'"):
        suggest_values(snapshot, "department", event="purchases")
    with pytest.raises(UnknownName, match="'department'"):
        suggest_values(snapshot, "departmen", event="purchase")
    with pytest.raises(SpecError, match="1 to 10,000"):
        suggest_values(snapshot, "age_band", limit=0)
