"""The dashboard of the stream beside a real consumer: its count is the true one, and it is as old as it says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_helpers import open_in_voila, wait_until
from pictures import expect_picture
from playwright.sync_api import Page, expect
from screen_checks import expect_accessible

from qa_lib.audiences import Audience, AudienceLibrary
from qa_lib.live.playground import copy_workspace
from qa_lib.rules import Event, Last
from qa_lib.servers import Server, start_dashboards
from qa_lib.sources.stream import SqliteLog, StreamState
from qa_lib.workspace import Workspace

DASHBOARD = Path(__file__).parents[2] / "notebooks" / "dashboards" / "live_stream.ipynb"
_QA = [sys.executable, "-c", "from qa_lib.cli import main; main()", "stream"]
#: Both figures of one moment: the count on the page, and how old the page says that it is.
_READ = """() => {
  const count = document.querySelector('[data-figure=event_count]');
  const age = document.querySelector('.qa-age');
  return count && age && age.dataset.age
    ? [Number(count.textContent.replaceAll(',', '')), Number(age.dataset.age)] : null;
}"""
_NEW_ENOUGH_S = 2.0
#: Curves of the last minutes, and tiles as wide as their figures.
_OF_THIS_MOMENT = """
  .vega-embed { visibility: hidden }
  .qa-tile { flex: none !important; width: 118px; height: 60px; overflow: hidden }
"""


@pytest.fixture(scope="module")
def streamed(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The made-up company with an audience that browsing now brings people into."""
    own = copy_workspace(workspace, tmp_path_factory.mktemp("streamed") / "workspace")
    rule = Event("browse", window=Last(1), operator=">=", value=1)
    AudienceLibrary(own).save(Audience(name="browsing today", rule=rule), "tests")
    return own


@pytest.fixture(scope="module")
def stream_voila(
    streamed: Workspace, jupyter_home: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Voila over that workspace, read-only as always."""
    folder = tmp_path_factory.mktemp("boards")
    shutil.copy(DASHBOARD, folder)
    log = folder / "voila.log"
    with start_dashboards(folder, port=0, workspace=streamed.root, log=log, env=jupyter_home) as server:
        yield server


@pytest.fixture
def consumer(streamed: Workspace) -> Iterator[subprocess.Popen[str]]:
    """`qa stream run` in a process of its own, which has begun."""
    where = ["--workspace", str(streamed.root)]
    process = subprocess.Popen([*_QA, "run", *where], stderr=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stderr is not None
    assert "1 active audiences" in process.stderr.readline()
    yield process
    process.terminate()
    process.communicate(timeout=60)


def produced(workspace: Workspace, seconds: int) -> subprocess.Popen[str]:
    command = [
        *_QA,
        "produce",
        "--rate",
        "200",
        "--seconds",
        str(seconds),
        "--json",
        "-w",
        str(workspace.root),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})


def test_the_page_follows_the_stream_and_says_how_old_it_is(
    page: Page, streamed: Workspace, stream_voila: Server, consumer: subprocess.Popen[str]
) -> None:
    open_in_voila(page, stream_voila, DASHBOARD.name)
    expect(page.locator("[data-figure=event_count]")).to_have_text("0", timeout=60_000)
    log, state = SqliteLog(streamed.root), StreamState(streamed.root)
    log.append([("x", b"no event")])
    counts: list[tuple[float, int]] = []  # the truth: when, and how many events were acknowledged
    seen: list[tuple[int, float]] = []

    def look() -> Any:
        at = time.monotonic()
        counts.append((at, state.rows("SELECT coalesce(sum(event_count), 0) FROM counters")[0][0]))
        found = page.evaluate(_READ)
        if found is not None:
            count, age = found
            known = [one for when, one in counts if when <= at - age - 0.3]
            assert count >= (known[-1] if known else 0), "older than the page says"
            seen.append((count, age))
        return found

    producer = produced(streamed, 4)
    wait_until(page, lambda: bool(look()) and seen[-1][0] > 0 and seen[-1][1] < _NEW_ENOUGH_S, "it moves")
    while producer.poll() is None:
        look()
        page.wait_for_timeout(100)
    sent = json.loads(producer.communicate()[0])["count"]
    wait_until(
        page,
        lambda: bool(look()) and seen[-1][0] == sent and seen[-1][1] < _NEW_ENOUGH_S,
        f"{sent} events",
        seen=lambda: (seen[-5:], counts[-1], state.positions(), log.ends()),
    )
    assert len({count for count, _ in seen}) > 2  # it went along, and did not only end well
    expect(page.locator("[data-figure=stream_lag]")).to_have_text("0")
    expect(page.locator("[data-figure=dead_letter_count]")).to_have_text("1")
    expect(page.get_by_text("not JSON")).to_be_visible()
    inside = state.rows("SELECT count(*) FROM matches WHERE rule = 'browsing today'")[0][0]
    assert inside > 0
    expect(page.locator("[data-figure=people_in]")).to_have_text(f"{inside:,}")

    consumer.terminate()
    expect(page.get_by_text("没有进程在消费")).to_be_visible(timeout=20_000)
    page.get_by_text("English").click()
    expect(page.get_by_text("Nobody consumes")).to_be_visible()
    expect_accessible(page, ".qa-view")
    expect_picture(page.locator(".qa-view"), "live_stream-voila", style=_OF_THIS_MOMENT)
    state.close()
    log.close()
