"""The standard families: over a thousand tags from a few rows, each described whole."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from qa_lib.errors import UnknownName
from qa_lib.profiles import (
    PersonLookup,
    build,
    catalogue,
    standard_families,
    tag_values,
    tags,
    write_standard,
)
from qa_lib.profiles.behaviour import expand
from qa_lib.profiles.catalogue import CURRENCY
from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.workspace import Snapshot, Workspace

#: The company has neither searches nor advertising.
EVENTS = [s.type for s in EVENT_SOURCES if not {"activities", "ad_events"} & set(s.needs)]


@pytest.fixture(scope="module")
def described(other_workspace: Workspace) -> Snapshot:
    """The company with the standard families; they are taken away again."""
    paths = write_standard(other_workspace, EVENTS)
    made = build(other_workspace, "2017-10-02T04:00:00Z")
    for path in paths:
        path.unlink()
    return made


def test_over_a_thousand_tags_each_with_all_that_a_catalogue_says(described: Snapshot) -> None:
    listed = tags(described)
    assert len(listed) > 1_200
    assert (listed["kind"] == "attribute").sum() > 200
    assert listed["name"].is_unique
    for label in ("label_zh", "label_en", "window", "owner", "refresh", "version", "lineage"):
        assert (listed[label].astype(str) != "").sum() >= len(listed) - listed["form"].isin(
            ["attribute"]
        ).sum()
    assert listed["label_zh"].str.contains(r"[一-鿿]").all()
    assert listed["coverage_rate"].between(0, 1).all()
    of_families = listed[listed["family"].isin([f.name for f in standard_families(EVENTS)])]
    assert of_families["fresh_at"].notna().all()
    assert len(of_families) > 1_000
    assert not of_families["label_en"].duplicated().any()
    assert not of_families["label_zh"].duplicated().any()


def test_a_persons_profile_by_columns_is_that_of_every_tag_read_alone(described: Snapshot) -> None:
    lookup = PersonLookup(described)
    ids = described.frame("SELECT person_id FROM people ORDER BY person_no")["person_id"]
    known = catalogue(described)
    names = [n for n in lookup.names if known.field(n).type in ("number", "boolean", "text")][::9]
    values = tag_values(described, *names)
    for number in (0, 17, len(ids) - 1):
        found = lookup.values(ids[number])
        assert lookup.number(ids[number]) == number
        assert lookup.id_of(number) == ids[number]
        for name in names:
            one = values[name].iloc[number]
            if found[name] is None:
                assert pd.isna(one), name
            else:
                assert (found[name] == one) or float(found[name]) == pytest.approx(float(one)), name
    for nobody in ("", "0", "no such person", "9" * 40):
        with pytest.raises(UnknownName, match="Nobody has the id"):
            lookup.values(nobody)


def test_amounts_are_in_the_currency_of_the_workspace(described: Snapshot) -> None:
    class OfYuan:
        meta = {**described.meta, CURRENCY: "CNY"}
        people_count = described.people_count

    units = tags(OfYuan()).set_index("name")["unit"]  # type: ignore[arg-type]
    assert units["spend_amount_30d"] == units["purchase_paid_amount_sum_30d"] == "CNY"
    assert (units == "CNY").sum() == (tags(described)["unit"] == "USD").sum() > 100
    known = catalogue(OfYuan())  # type: ignore[arg-type]
    assert known.field("spend_amount_30d").unit == "CNY"
    assert known.event("visit").property("paid_amount").unit == "CNY"
    assert known.event("visit").property("item_count").unit == ""


def test_a_name_says_the_same_in_every_build() -> None:
    events = {e.name: e for e in EVENTS}
    common = {("purchase", "department"): ["GROCERY", "DELI"]}
    one = expand(standard_families(EVENTS), events, common)
    other = expand(
        standard_families(EVENTS), events, {("purchase", "department"): ["DELI", "MEAT", "GROCERY"]}
    )
    keys = [{t.name: t.key for t in found if t.measure.kind != "top"} for found in (one, other)]
    assert set(keys[0]) <= set(keys[1])
    assert all(keys[1][n] == k for n, k in keys[0].items())
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,62}", n) for n in keys[1])
