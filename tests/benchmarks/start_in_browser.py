"""The browser's part of `bench_start`: Voila as `qa dashboards` starts it, and the system's Chromium."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from measured import Figure, at_most
from playwright.sync_api import Browser, Page, sync_playwright

from qa_lib.servers import Server, start_dashboards

sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
from browser_helpers import chromium_path, open_in_voila, write_notebook

EDITS = 40
VISITS = 5
EDIT_BAR = 150.0
#: A dashboard may take so many times an empty notebook's milliseconds, and so many more.
TIMES, MORE = 1.5, 1_000.0

_BUILDER = """
from qa_lib import Workspace
from qa_lib.rules import All, Attribute, Event, Last
from qa_lib.widgets.rule_builder import RuleBuilder
bought = Event("purchase", window=Last(30), operator=">=", value=1)
RuleBuilder(Workspace.open().snapshot(), All(Attribute("age", ">", 30), bought))
"""
_COUNT = "[data-testid=qa-count]:not([data-stale]) b"
# The page's own clock: from the input event to the first frame with another count that is not stale.
_WATCH = """selector => {
  window.qaTook = [];
  let since = null, before = null;
  const read = () => document.querySelector(selector)?.textContent ?? null;
  document.addEventListener('input', () => { since = performance.now(); before = window.qaShown; }, true);
  window.qaShown = read();
  new MutationObserver(() => {
    const now = read();
    if (now === null || now === window.qaShown) return;
    window.qaShown = now;
    if (since === null) return;
    const start = since; since = null;
    requestAnimationFrame(() => window.qaTook.push(performance.now() - start));
  }).observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
}"""


def chromium() -> str:
    """Where Chromium is; RuntimeError where there is none."""
    return chromium_path()


def measure(workspace: Path, executable: str, say: Callable[[str], None]) -> list[Figure]:
    """An edit's way to its count on screen, and a dashboard's way to its first figure."""
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        folder = Path(made)
        write_notebook(folder / "empty.ipynb", "pass")
        write_notebook(folder / "builder.ipynb", _BUILDER)
        home = {
            name: str(folder / "home" / name)
            for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        for path in home.values():
            Path(path).mkdir(parents=True)
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
        with start_dashboards(
            folder, port=0, workspace=workspace.absolute(), log=folder / "voila.log", env=home
        ) as voila:
            browser = playwright.chromium.launch(executable_path=executable, args=arguments)
            try:
                return _visits(browser, voila, say) + _edits(browser, voila, say)
            finally:
                browser.close()


def _opened(browser: Browser, voila: Server, notebook: str, ready: Callable[[Page], None]) -> float:
    """Milliseconds from the address to what a visitor waits for, in a context that keeps nothing."""
    context = browser.new_context()
    page = context.new_page()
    started = time.perf_counter()
    open_in_voila(page, voila, notebook)
    ready(page)
    took = (time.perf_counter() - started) * 1000
    context.close()
    return took


def _visits(browser: Browser, voila: Server, say: Callable[[str], None]) -> list[Figure]:
    def figure(page: Page) -> None:
        page.locator(_COUNT).wait_for(timeout=90_000)

    empty, ours = [], []
    for number in range(VISITS + 1):  # the first visits fill the server's caches
        pair = (
            _opened(browser, voila, "empty.ipynb", lambda page: None),
            _opened(browser, voila, "builder.ipynb", figure),
        )
        if number:
            empty.append(pair[0])
            ours.append(pair[1])
    say(
        f"empty dashboard ms: {[round(ms) for ms in empty]}; to the first figure ms: {[round(ms) for ms in ours]}"
    )
    base, middle = statistics.median(empty), statistics.median(ours)
    return [
        Figure("an empty notebook in Voila", base, "ms", "Voila"),
        at_most("a dashboard to its first figure", middle, "ms", "Voila", round(TIMES * base + MORE)),
    ]


def _edits(browser: Browser, voila: Server, say: Callable[[str], None]) -> list[Figure]:
    page = browser.new_context().new_page()
    open_in_voila(page, voila, "builder.ipynb")
    page.locator(_COUNT).wait_for(timeout=90_000)
    page.evaluate(_WATCH, _COUNT)
    age = page.locator('.qa-node[data-path="0"] .qa-number input')
    for number in range(EDITS + 2):
        age.fill(str(20 + number))
        page.wait_for_function("count => window.qaTook.length > count", arg=number, timeout=30_000)
        page.wait_for_timeout(250)  # the burst of edits is over
    took = sorted(page.evaluate("window.qaTook.slice(2)"))
    say(f"edit to count on screen ms: {[round(ms) for ms in took]}")
    return [
        Figure("an edit in the browser to its count on screen, p50", statistics.median(took), "ms"),
        at_most(
            "an edit in the browser to its count on screen, p95",
            took[int(0.95 * len(took))],
            "ms",
            "",
            EDIT_BAR,
        ),
    ]
