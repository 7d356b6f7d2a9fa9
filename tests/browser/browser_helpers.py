"""Hands for browser tests: notebooks to open, a real mouse drag, running all cells in JupyterLab."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import Locator, Page

from qa_lib.servers import Server

START_TIMEOUT_MS = 90_000  # a kernel with pandas, Altair and DuckDB on two busy cores
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


def write_notebook(path: Path, *sources: str, title: str = "Does it show?") -> Path:
    """A notebook of these code cells after a title."""
    cells = [new_markdown_cell(f"# {title}"), *map(new_code_cell, sources)]
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


def drag(page: Page, handle: Locator, target: Locator, at: float = 0.75) -> None:
    """Drag with a real mouse from the middle of `handle` to the height `at` (0 top, 1 bottom) of `target`."""
    handle.scroll_into_view_if_needed()
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
