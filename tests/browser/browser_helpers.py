"""Hands for browser tests: notebooks to open, a real mouse drag, running all cells in JupyterLab."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import Browser, Locator, Page, Route

from qa_lib.jobs import Run
from qa_lib.servers import Server

SHOTS = Path(__file__).parent / "shots"
_INSIDE = re.compile(r"(https?|wss?)://(127\.0\.0\.1|localhost|\[::1\])[:/]|data:|blob:|about:|file:")
#: How many times longer than usual to wait for anything, on a machine that others load too.
PATIENCE = float(os.environ.get("QA_BROWSER_PATIENCE", "1"))
START_TIMEOUT_MS = 90_000 * PATIENCE  # a kernel with pandas, Altair and DuckDB on two busy cores
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Run all by the menu races the kernel's start: the run is then dropped without a word.
_RUN_ALL = """async () => {
  const app = window.jupyterapp; await app.restored;
  for (let i = 0; !(app.shell.currentWidget && app.shell.currentWidget.sessionContext); i++) {
    if (i > 600) throw Error('no notebook was opened');
    await new Promise(done => setTimeout(done, 100));
  }
  const notebook = app.shell.currentWidget;
  await notebook.context.ready; await notebook.sessionContext.ready;
  await notebook.sessionContext.session.kernel.info;
  return await app.commands.execute('notebook:run-all-cells');
}"""

_THEME = "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: `JupyterLab ${name}`})"

# What a page could do without the form: a message of its own in a kernel's connection. The plain
# protocol, one JSON text a message, is asked for because it is the one that can be written in a line.
_CATCH_SOCKETS = """(() => {
  const Real = window.WebSocket;
  window.qaSockets = [];
  window.WebSocket = class extends Real {
    constructor(url) { super(url); if (url.includes('/channels')) window.qaSockets.push(this); }
  };
})()"""
_SEND = """([comm_id, text]) => {
  const data = JSON.parse(text);
  const socket = window.qaSockets.findLast(one => one.readyState === WebSocket.OPEN);
  const id = crypto.randomUUID();
  socket.send(JSON.stringify({
    channel: 'shell', parent_header: {}, metadata: {}, buffers: [], content: {comm_id, data},
    header: {msg_id: id, msg_type: 'comm_msg', username: '', session: id, version: '5.3', date: new Date().toISOString()},
  }));
}"""


def chromium_path() -> str:
    """The system's Chromium: `QA_CHROMIUM`, or the first usual name on the path.

    Raises
    ------
    RuntimeError
        When there is none. A browser test that is skipped proves nothing, so it fails instead.
    """
    named = os.environ.get("QA_CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)
    if not found:
        missing = f"'{named}' (from QA_CHROMIUM)" if named else " or ".join(_NAMES)
        raise RuntimeError(
            f"The browser tests need Chromium, and there is no {missing}. On Debian or Ubuntu: "
            "apt-get install chromium fonts-noto-cjk. Elsewhere set QA_CHROMIUM to the program's path."
        )
    return found


def write_notebook(
    path: Path, *sources: str, title: str = "Does it show?", source_hidden: bool = False
) -> Path:
    """A notebook of these code cells after a title; JupyterLab folds their source when it is hidden."""
    cells = [new_markdown_cell(f"# {title}"), *map(new_code_cell, sources)]
    for cell in cells[1:]:
        cell.metadata = {"jupyter": {"source_hidden": source_hidden}}
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), path)
    return path


def open_in_voila(page: Page, voila: Server, path: str) -> None:
    """Open a notebook of the served folder as a dashboard, and wait until all its cells have run."""
    page.goto(voila.page(f"voila/render/{path}"), timeout=START_TIMEOUT_MS)
    page.locator("#rendered_cells").wait_for(state="visible", timeout=START_TIMEOUT_MS)


def run_all_in_lab(page: Page, lab: Server, path: str) -> None:
    """Open a notebook of the served folder in JupyterLab in a fresh workspace, and run its cells."""
    page.goto(lab.page(f"lab/tree/{path}") + "&reset", timeout=START_TIMEOUT_MS)
    page.wait_for_function("() => window.jupyterapp", timeout=START_TIMEOUT_MS)
    assert page.evaluate(_RUN_ALL) is not False


def choose_theme(page: Page, name: str) -> None:
    """JupyterLab in "Light" or "Dark"."""
    page.evaluate(_THEME, name)
    light = str(name == "Light").lower()
    page.locator(f"body[data-jp-theme-light={light}]").wait_for(state="attached")


def stop_kernel_in_lab(page: Page) -> None:
    """End the kernel of the notebook that is open in JupyterLab, if one is."""
    page.evaluate("async () => window.jupyterapp?.shell.currentWidget?.sessionContext?.shutdown()")


def let_messages_be_forged(page: Page) -> None:
    """Call it before the page is opened, so that `forge` finds the connection to the kernel."""
    page.add_init_script(_CATCH_SOCKETS)


def forge(page: Page, model_id: str, state: dict[str, Any]) -> None:
    """Tell a widget's Python side that the browser had set these traits."""
    message = {"method": "update", "state": state, "buffer_paths": []}
    page.evaluate(_SEND, [model_id, json.dumps(message)])


def forge_question(page: Page, model_id: str, content: dict[str, Any]) -> None:
    """Send a widget's Python side a message of its own, as its form would, whatever the form offers."""
    page.evaluate(_SEND, [model_id, json.dumps({"method": "custom", "content": content})])


def wait_until(
    page: Page,
    claim: Callable[[], bool],
    what: str,
    seconds: float = 45,
    seen: Callable[[], object] | None = None,
) -> None:
    """Wait until the claim holds, letting the page live meanwhile; `seen` says what there is instead."""
    end = time.monotonic() + seconds * PATIENCE
    while not claim():
        instead = f", but {seen()}" if seen and time.monotonic() >= end else ""
        assert time.monotonic() < end, f"after {seconds} s still not: {what}{instead}"
        page.wait_for_timeout(40)


def figures_on(page: Page) -> dict[str, str]:
    """The figures that are shown, by key, as they read."""
    found: dict[str, str] = page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('.qa-figure')].map("
        "one => [one.dataset.figure, one.textContent]))"
    )
    return found


@contextmanager
def offline_page(browser: Browser, path: Path) -> Iterator[Page]:
    """An exported page, opened from its file without a network; at the end it has asked for nothing but itself."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def keep_failed_run(folder: Path, name: str, error: str) -> None:
    """A run that failed just now, kept in this folder as `qa run` keeps it."""
    folder.mkdir(parents=True)
    Run(
        name=name,
        source=Path("notebooks/jobs/build.ipynb"),
        folder=folder,
        notebook=folder / "build.ipynb",
        html=None,
        status="failed",
        started_at=datetime.now(UTC),
        seconds=1.0,
        error=error,
    ).save()


def drag(page: Page, handle: Locator, target: Locator, at: float = 0.75) -> None:
    """Drag with a real mouse from the middle of `handle` to the height `at` (0 top, 1 bottom) of `target`."""
    handle.scroll_into_view_if_needed()
    target.evaluate(
        "e => e.scrollIntoView({block: 'center'})"
    )  # near an edge the page scrolls under the pointer
    start, end = handle.bounding_box(), target.bounding_box()
    assert start, "the handle is not on the page"
    assert end, "the target is not on the page"
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2
    to_x, to_y = end["x"] + min(60, end["width"] / 2), end["y"] + end["height"] * at
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8, y - 6, steps=4)
    page.mouse.move(to_x, to_y, steps=12)
    page.wait_for_timeout(120)
    page.mouse.move(to_x + 1, to_y)  # without this nudge the place to drop is the one before
    page.wait_for_timeout(80)
    page.mouse.up()


#: anywidget says so of a widget that took longer than two seconds to load, as on a machine where two browsers run
#: side by side; a widget that then stands still fails by what it shows.
_SLOW = "[anywidget] Failed to initialize model."


@contextmanager
def gated_page(browser: Browser, name: str) -> Iterator[Page]:
    """A page that cannot leave this machine; it is an error if it tried to, or if a script failed."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    context.set_default_timeout(30_000 * PATIENCE)
    page = context.new_page()
    blocked: list[str] = []
    errors: list[str] = []

    def gate(route: Route) -> None:
        if _INSIDE.match(route.request.url):
            route.continue_()
        else:
            blocked.append(route.request.url)
            route.abort()

    context.route("**/*", gate)
    page.on("pageerror", lambda error: errors.append(str(error)) if str(error) != _SLOW else None)
    yield page
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{re.sub(r'[^a-zA-Z0-9_.-]+', '-', name)}.png")
    context.close()
    assert not blocked, f"requests that would have left the machine: {blocked}"
    assert not errors, f"errors in the page: {errors}"
