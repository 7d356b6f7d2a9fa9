"""The audience library under Voila: a reader builds and downloads a draft, and Python refuses the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any as AnyValue

from browser_helpers import (
    forge,
    forge_question,
    let_messages_be_forged,
    open_in_voila,
    wait_until,
    write_notebook,
)
from playwright.sync_api import Page, expect

from qa_lib.audiences import Audience, AudienceService
from qa_lib.rules import All, Tag
from qa_lib.servers import Server
from qa_lib.workspace import Workspace

RULE = All(Tag("order_count_365d", ">=", 3))

# Beside the library stands what Python holds, as JSON.
SOURCE = f"""
import json
import ipywidgets
from qa_lib import Workspace, read_rule
from qa_lib.audiences import AudienceService
from qa_lib.charts.html import tag
from qa_lib.widgets import AudienceLibrary, RuleBuilder

service = AudienceService(Workspace.open())
builder = RuleBuilder(service.snapshot, read_rule({RULE.to_json()!r}))
library = AudienceLibrary(service, builder)
echo = ipywidgets.HTML()
def tell(_):
    held = {{"answers": library.panel.answers, "shelf": library.panel.shelf, "model": library.panel.model_id,
             "read_only": library.panel.read_only}}
    echo.value = tag("pre", json.dumps(held), class_="echo")
library.panel.observe(tell)
tell(None)
ipywidgets.VBox([builder, library, echo])
"""


def test_a_reader_downloads_a_draft_and_forged_saves_are_refused(
    page: Page, voila: Server, notebooks_dir: Path, browser_workspace: Path, tmp_path: Path
) -> None:
    path = write_notebook(notebooks_dir / "library_for_readers.ipynb", SOURCE)
    let_messages_be_forged(page)
    open_in_voila(page, voila, path.name)
    library = page.locator(".qa-library")
    expect(library.get_by_test_id("qa-draft-count")).to_be_visible(timeout=90_000)
    for name in ("qa-save", "qa-note"):
        expect(library.get_by_test_id(name)).to_have_count(0)

    def held() -> dict[str, AnyValue]:
        found: dict[str, AnyValue] = json.loads(page.locator("pre.echo").text_content() or "{}")
        return found

    library.get_by_test_id("qa-name").fill("常客")
    with page.expect_download() as downloading:
        library.get_by_test_id("qa-download").click()
    draft = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(draft)
    assert Audience.from_json(draft.read_text(encoding="utf-8")) == Audience(name="常客", rule=RULE)

    model = held()["model"]
    forge(page, model, {"read_only": False, "shelf": [{"name": "made up"}], "answers": {}})
    for seq, (topic, more) in enumerate(
        {
            "save": {"name": "常客"},
            "rollback": {"name": "常客", "version": "1"},
            "activate": {"name": "常客", "version": "1"},
            "file": {"name": "常客", "folder": "x"},
        }.items(),
        start=1,
    ):
        forge_question(page, model, {"ask": topic, "seq": seq, **more})
        wait_until(page, lambda topic=topic: topic in held()["answers"], f"an answer to {topic}")
        refused = held()["answers"][topic]
        assert not refused["ok"]
        assert "只能查看" in refused["zh"]
    assert held()["read_only"]
    assert held()["shelf"] == []
    assert AudienceService(Workspace.open(browser_workspace)).library.list().empty
