"""The audience workbench without a browser: the same figures live, static and in Python."""

from __future__ import annotations

import pytest

from qa_lib.audiences import preview
from qa_lib.errors import UnknownName
from qa_lib.rules import All, Tag
from qa_lib.widgets.audience_workbench import AudienceWorkbench
from qa_lib.workspace import Snapshot, Workspace

RULE = All(Tag("order_count_365d", ">", 10))


def test_everything_follows_an_edit(workspace: Workspace, snapshot: Snapshot) -> None:
    bench = AudienceWorkbench(snapshot, RULE)
    other = All(Tag("order_count_365d", "<=", 10))
    bench.builder.set_state({"value": other.to_dict(), "seq": 1})
    seen = preview(workspace, other, by=("lifecycle_stage",))
    assert bench.evaluation is not None
    assert bench.evaluation.count == seen.count
    assert bench.breakdown().equals(seen.breakdown)
    assert bench.sample().equals(seen.sample)
    assert "&lt;= 10" in bench._sql.value
    assert "order_count_365d" in bench._json.value


def test_a_fault_leaves_words_and_no_stale_figures(snapshot: Snapshot) -> None:
    bench = AudienceWorkbench(snapshot, RULE, language="en")
    bench.builder.set_state(
        {"value": {"kind": "tag", "field": "nope", "operator": "=", "value": 1}, "seq": 1}
    )
    assert bench.evaluation is None
    assert "not complete" in bench._people.value
    assert bench._sql.value == ""


def test_a_sample_shows_lists_and_days_as_people_read_them(snapshot: Snapshot) -> None:
    rule = All(Tag("departments_90d", "has all", ["DELI", "MEAT"]), Tag("first_order_on", "is set"))
    page = AudienceWorkbench(snapshot, rule)._people.value
    assert "DELI" in page
    assert "、MEAT" in page
    assert "['" not in page
    assert "00:00:00" not in page


def test_language_and_field_can_be_changed(snapshot: Snapshot) -> None:
    bench = AudienceWorkbench(snapshot, RULE)
    assert "样例" in bench._people.value
    bench.builder.language = "en"
    assert "Sample" in bench._people.value
    bench.by = "age_band"
    assert set(bench.breakdown()["field"]) == {"age_band"}
    assert bench._dropdown.value == "age_band"
    with pytest.raises(UnknownName, match="Did you mean 'age_band'"):
        bench.by = "age_bnd"


def test_the_static_page_has_the_figures_and_no_script(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    bench = AudienceWorkbench(snapshot, RULE)
    page = bench._repr_mimebundle_()["text/html"]
    assert bench.evaluation is not None
    assert f">{bench.evaluation.count:,}<" in page
    assert "<script" not in page
    assert "data:image/svg+xml;base64," in page
