"""Several viewers at once: a kernel each, warm ones in advance, and none that outlives its visitor."""

from __future__ import annotations

import re
import time
import urllib.request
from collections.abc import Callable, Iterator

import psutil
import pytest
from browser_helpers import PATIENCE, write_notebook

from qa_lib.servers import Server, start_dashboards

_SECONDS = 60 * PATIENCE
#: How long an idle kernel lives here. Longer than one takes to be warmed: Voila asks that of whoever sets it.
_IDLE = int(8 * PATIENCE)


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory, jupyter_home: dict[str, str]) -> Iterator[Server]:
    """`qa dashboards --preheat`, with the patience of seconds instead of a quarter of an hour."""
    folder = tmp_path_factory.mktemp("viewers")
    (folder / "notebooks").mkdir()
    write_notebook(folder / "notebooks" / "a.ipynb", "import os; print('kernel', os.getpid())")
    with start_dashboards(
        folder / "notebooks",
        port=0,
        preheat=True,
        cull_after_seconds=_IDLE,
        log=folder / "voila.log",
        env=jupyter_home,
    ) as server:
        yield server


def kernels(server: Server) -> set[int]:
    """The kernels that run: children of the server, by process id."""
    found = set()
    for child in psutil.Process(server.process.pid).children(recursive=True):
        try:
            if "ipykernel_launcher" in child.cmdline():
                found.add(child.pid)
        except psutil.NoSuchProcess:
            continue
    return found


def visit(server: Server) -> int:
    """Open the dashboard without a browser; the process id that its page shows."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(server.page("voila/render/a.ipynb"), timeout=_SECONDS) as answer:
        found = re.search(r"kernel (\d+)", answer.read().decode())
    assert found, "the dashboard did not run"
    return int(found[1])


def wait(server: Server, claim: Callable[[set[int]], object], what: str) -> set[int]:
    """Wait until the running kernels satisfy the claim."""
    end = time.monotonic() + _SECONDS
    while not claim(found := kernels(server)):
        assert time.monotonic() < end, f"after {_SECONDS} s still not: {what}; there are {found}"
        time.sleep(0.2)
    return found


def warm_visit(server: Server) -> int:
    """Visit until a page comes from a kernel that was there before: one whose process just began is not warm yet."""
    end = time.monotonic() + _SECONDS
    while True:
        before = wait(server, lambda found: found, "a kernel is there before anybody comes")
        if (shown := visit(server)) in before:
            return shown
        assert time.monotonic() < end, (
            f"after {_SECONDS} s still no page from a kernel that was there: {before}"
        )
        time.sleep(0.5)


def test_every_viewer_gets_a_warm_kernel_of_their_own_and_idle_ones_end(warm: Server) -> None:
    first = warm_visit(warm)
    wait(warm, lambda found: found - {first}, "another one is warmed for the next")
    second = warm_visit(warm)
    assert second != first
    wait(warm, lambda found: not found & {first, second}, "the kernels of visitors who left have ended")
    wait(warm, lambda found: len(found) == 1, "a warm one stays for the next, and one only")
    time.sleep(1.6 * _IDLE)  # longer than an idle kernel lives
    left = wait(warm, lambda found: len(found) == 1, "there is still a warm one, and one only")
    assert visit(warm) in left
