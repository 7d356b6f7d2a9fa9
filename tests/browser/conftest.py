"""Real servers on free ports, the system's Chromium, and a gate that lets nothing out.

Put notebooks into `notebooks_dir` (with `browser_helpers.write_notebook`, or by copying) and open them
with `browser_helpers.open_in_voila(page, voila, "name.ipynb")` or `run_all_in_lab(page, lab, ...)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browser_helpers import (
    PATIENCE,
    chromium_path,
    gated_page,
    open_in_voila,
    run_all_in_lab,
    stop_kernel_in_lab,
)
from playwright.sync_api import Browser, Page, expect, sync_playwright

from qa_lib.servers import Server, start_dashboards, start_lab
from qa_lib.workspace import Workspace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder as a browser test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def notebooks_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that both servers serve; notebooks put there later are served too."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def browser_workspace(workspace: Workspace) -> Path:
    """What the notebooks find under QA_WORKSPACE: the made-up company."""
    return workspace.root


@pytest.fixture(scope="session")
def jupyter_home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of their own, so that nobody's settings reach the test and the test reaches nobody's."""
    root = tmp_path_factory.mktemp("jupyter")
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    for name in names.values():
        (root / name).mkdir()
    return {variable: str(root / name) for variable, name in names.items()}


@pytest.fixture(scope="session")
def runs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the start page looks for kept runs."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def voila(
    notebooks_dir: Path,
    runs_dir: Path,
    browser_workspace: Path,
    jupyter_home: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Voila as `qa dashboards` starts it."""
    log = tmp_path_factory.mktemp("voila") / "voila.log"
    with start_dashboards(
        notebooks_dir, port=0, workspace=browser_workspace, runs=runs_dir, log=log, env=jupyter_home
    ) as server:
        yield server


@pytest.fixture(scope="session")
def lab(
    notebooks_dir: Path,
    browser_workspace: Path,
    jupyter_home: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """JupyterLab as `qa lab` starts it, with its app open to the test."""
    log = tmp_path_factory.mktemp("lab") / "lab.log"
    with start_lab(
        notebooks_dir,
        port=0,
        workspace=browser_workspace,
        log=log,
        env=jupyter_home,
        extra=["--LabApp.expose_app_in_browser=True"],
    ) as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium, asking for nothing by itself."""
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    expect.set_options(timeout=5_000 * PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the test's own; see `gated_page`."""
    with gated_page(browser, request.node.name) as page:
        yield page


@pytest.fixture(params=["voila", "lab"])
def show(request: pytest.FixtureRequest, page: Page) -> Iterator[Callable[[str], Page]]:
    """Opens a notebook of `notebooks_dir` and runs it: the test is run in Voila and in JupyterLab."""
    server: Server = request.getfixturevalue(request.param)
    page.set_viewport_size({"width": 1500, "height": 1400})  # what is dragged and where to: both in view

    def opened(path: str) -> Page:
        (open_in_voila if request.param == "voila" else run_all_in_lab)(page, server, path)
        return page

    yield opened
    if request.param == "lab":
        stop_kernel_in_lab(page)  # Voila ends it with the page, Lab would keep it
