"""The audience workbench without a browser: builder and preview hold one rule, live and static alike."""

from __future__ import annotations

import pytest

from qa_lib.audiences import AudienceService
from qa_lib.rules import All, Tag
from qa_lib.widgets import AudienceWorkbench
from qa_lib.workspace import Snapshot, Workspace

RULE = All(Tag("order_count_365d", ">", 10))


def test_the_preview_follows_the_builder(workspace: Workspace) -> None:
    service = AudienceService(workspace)
    bench = AudienceWorkbench(service, RULE, language="en")
    other = All(Tag("order_count_365d", "<=", 10))
    bench.builder.set_state({"value": other.to_dict(), "seq": 1})
    assert bench.evaluation is not None
    assert bench.preview.evaluation is bench.evaluation  # counted once
    assert bench.preview.head["count"] == service.count(other)["count"]
    bench.builder.language = "zh"
    assert bench.preview.language == "zh"


def test_a_snapshot_will_do(snapshot: Snapshot) -> None:
    bench = AudienceWorkbench(snapshot, RULE)
    assert bench.service.snapshot is snapshot
    assert bench.service.workspace.read_only
    steps = [row for row in bench.preview.ask("cuts")["rows"] if row["step"] is not None]
    assert steps[-1]["remaining_count"] == bench.builder.result["count"]


def test_the_static_page_has_the_figures_and_no_script(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QA_RENDER", "static")
    bench = AudienceWorkbench(snapshot, RULE)
    page = bench._repr_mimebundle_()["text/html"]
    assert bench.evaluation is not None
    assert page.count(f">{bench.evaluation.count:,}<") >= 3  # builder, its whole node, preview
    assert "<script" not in page
    assert "data:image/svg+xml;base64," in page
