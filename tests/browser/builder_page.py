"""A rule builder on a page, with what Python holds of it: for every browser test of the builder."""

from __future__ import annotations

import json
from typing import Any as AnyValue

from browser_helpers import wait_until
from playwright.sync_api import Locator, Page, expect

from qa_lib.errors import SpecError
from qa_lib.rules import Engine, Rule, read_rule, sentence

#: After so long without an edit a burst is over; PAUSE_MS of the browser's side, and some.
BURST_MS = 200

# Beside each builder stands what Python holds, as JSON.
BUILDERS = """
import json
import ipywidgets
from IPython.display import display
from qa_lib import Workspace
from qa_lib.charts.html import tag
from qa_lib.rules import read_rule
from qa_lib.widgets.rule_builder import RuleBuilder

def shown(builder, name):
    echo = ipywidgets.HTML()
    def tell(_):
        held = {"value": builder.value, "result": builder.result, "model": builder.model_id,
                "fields": len(builder.catalogue["fields"]), "read_only": builder.read_only}
        echo.value = tag("pre", json.dumps(held), class_=f"echo {name}")
    builder.observe(tell, names=["value", "result", "catalogue", "read_only"])
    tell(None)
    builder.add_class(name)
    echo.layout.height, echo.layout.overflow = "20px", "hidden"
    return ipywidgets.VBox([builder, echo])

snapshot = Workspace.open().snapshot()
"""


class Builder:
    """One rule builder on a page, with what Python says of it."""

    def __init__(self, page: Page, engine: Engine, name: str = "first") -> None:
        self.page, self.engine = page, engine
        self.root = page.locator(f".{name} .qa-rule-builder")
        self.echo = page.locator(f".echo.{name}")
        self.count = self.root.get_by_test_id("qa-count")
        expect(self.count.locator("b")).to_be_visible(timeout=60_000)

    def node(self, path: str) -> Locator:
        return self.root.locator(f'.qa-node[data-path="{path}"]')

    def handle(self, path: str) -> Locator:
        return self.node(path).locator(".qa-handle").first

    @property
    def held(self) -> dict[str, AnyValue]:
        """What Python holds: `value`, `result`, `model`."""
        held: dict[str, AnyValue] = json.loads(self.echo.text_content() or "{}")
        return held

    def holds(self, rule: Rule) -> bool:
        """Whether what Python holds is this rule."""
        try:
            return read_rule(self.held["value"]) == rule
        except SpecError:
            return False

    def expect(self, rule: Rule) -> None:
        """Python holds this rule, and every count on screen is the one that this test makes."""
        wait_until(
            self.page,
            lambda: self.holds(rule),
            f"Python holds {rule.to_json()}",
            seen=lambda: f"{self.held['value']}; on screen: {self.root.inner_text()}",
        )
        found = self.engine.evaluate(read_rule(self.held["value"]))
        counts = {".".join(map(str, path)): n for path, n in found.counts.items()}
        wait_until(self.page, lambda: self.held["result"]["nodes"] == counts, f"Python counts {counts}")
        assert self.held["result"]["count"] == found.count
        number = self.root.locator("[data-testid=qa-count]:not([data-stale]) b")
        expect(number).to_have_text(f"{found.count:,}")
        beside = self.root.get_by_test_id("qa-node-count")
        expect(beside).to_have_count(len(counts))
        for path, n in counts.items():
            expect(self.root.locator(f'[data-testid=qa-node-count][data-path="{path}"] b')).to_have_text(
                f"{n:,}"
            )
        expect(self.root.get_by_test_id("qa-sentence")).to_have_text(sentence(rule, self.engine.catalogue).zh)
        expect(self.root.get_by_test_id("qa-problems")).to_have_count(0)
        # a burst of edits is one step of undo: the next edit begins another
        self.page.evaluate(f"() => new Promise(over => setTimeout(over, {BURST_MS}))")


def notebook_in_lab(page: Page) -> AnyValue:
    """What a shortcut of the notebook would have changed; nothing in Voila."""
    return page.evaluate(
        """() => {
          const notebook = window.jupyterapp?.shell.currentWidget?.content;
          return notebook?.widgets && [notebook.widgets.map(cell => cell.model.id), notebook.mode,
            notebook.activeCellIndex, notebook.widgets.map(cell => cell.model.executionCount)];
        }"""
    )
