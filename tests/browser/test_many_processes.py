"""Two kernels, a Voila page and a builder on one workspace for a minute: no error, and nothing torn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from browser_helpers import START_TIMEOUT_MS
from playwright.sync_api import Page

from qa_lib.profiles import build
from qa_lib.servers import start_dashboards
from qa_lib.sources import FEEDS, generate_interactions, land_all
from qa_lib.sources.journey import ZONE
from qa_lib.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
KERNEL = """
import json, os, time
from qa_lib import Workspace, preview
from qa_lib.rules import All, Event, Last, Tag
rule = All(Tag("order_count_365d", ">", 5), Event("visit", window=Last(30, "day")))
seen, until = {}, time.monotonic() + SECONDS
while time.monotonic() < until:
    found = preview(Workspace.open(), rule)
    seen.setdefault(found.stamp["snapshot"], []).append([found.count, found.universe, len(found.breakdown)])
print("SEEN", json.dumps(seen))
"""
BUILDER = """
import sys, time
from pathlib import Path
from qa_lib.profiles import build
from qa_lib.sources import FEEDS, land
from qa_lib.workspace import Workspace
root, until, n = Path(sys.argv[1]), time.monotonic() + float(sys.argv[2]), 0
(root / "tags").mkdir(exist_ok=True)
while time.monotonic() < until:
    n += 1
    (root / "tags" / "visits.yaml").write_text(
        "{name: visit_count_7d, label_zh: 到店, label_en: Visits, event: visit,"
        f" description_en: build {n}, window: {{kind: last, n: 7, unit: day}}}}"
    )
    moment = ("2017-09-01T04:00:00Z", "2017-11-01T04:00:00Z", None)[n % 3]
    build(Workspace.open(root), moment)
print("BUILT", n)
"""


@pytest.fixture
def shared(company_files: dict[str, Path], tmp_path: Path) -> Workspace:
    made = Workspace.create(tmp_path / "shared", zone=ZONE)
    for _ in land_all(made, [(FEEDS[name], path) for name, path in company_files.items()]):
        pass
    generate_interactions(made)
    build(made)
    return made


def test_kernels_a_page_and_a_builder_share_a_workspace(
    shared: Workspace, page: Page, jupyter_home: dict[str, str], tmp_path: Path
) -> None:
    from jupyter_client.manager import KernelManager

    environment = {**os.environ, **jupyter_home, "QA_WORKSPACE": str(shared.root)}
    kernels = [KernelManager(kernel_name="python3") for _ in range(2)]
    clients = []
    with start_dashboards(
        ROOT / "notebooks" / "dashboards",
        port=0,
        workspace=shared.root,
        log=tmp_path / "voila.log",
        env=jupyter_home,
    ) as voila:
        try:
            for kernel in kernels:
                kernel.start_kernel(env=environment)
                client = kernel.blocking_client()
                client.start_channels()
                client.wait_for_ready(timeout=60)
                clients.append(client)
            asked = [client.execute(KERNEL.replace("SECONDS", str(SECONDS))) for client in clients]
            builder = subprocess.Popen(
                [sys.executable, "-c", BUILDER, str(shared.root), str(SECONDS)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            shown = visits(page, voila.page("voila/render/audience_workbench.ipynb"))
            told, complaints = builder.communicate(timeout=120)
            assert builder.returncode == 0, complaints
            seen = [answer(client, request) for client, request in zip(clients, asked, strict=True)]
        finally:
            for client in clients:
                client.stop_channels()
            for kernel in kernels:
                kernel.shutdown_kernel(now=True)
    assert int(told.split()[-1]) >= 3, told
    assert shown >= 2
    assert len(set().union(*seen)) >= 3, "the kernels saw too few snapshots to prove anything"
    for snapshot in set().union(*seen):
        answers = {tuple(a) for one in seen for a in one.get(snapshot, [])}
        assert len(answers) == 1, f"snapshot {snapshot} was read in {len(answers)} ways: {answers}"


def visits(page: Page, url: str) -> int:
    """Open the dashboard again and again for the minute; how often its count stood there."""
    count, until = 0, time.monotonic() + SECONDS
    while time.monotonic() < until:
        page.goto(url, timeout=START_TIMEOUT_MS)
        shown = page.locator("[data-testid=qa-count] b")
        shown.wait_for(timeout=START_TIMEOUT_MS)
        assert shown.inner_text().replace(",", "").isdigit()
        count += 1
    return count


def answer(client: object, request: str) -> dict[str, list[list[int]]]:
    """What a kernel printed; an error in it fails the test with its traceback."""
    found: dict[str, list[list[int]]] = {}
    while True:
        message = client.get_iopub_msg(timeout=120)  # type: ignore[attr-defined]
        if message["parent_header"].get("msg_id") != request:
            continue
        kind, content = message["msg_type"], message["content"]
        assert kind != "error", "\n".join(content["traceback"])
        if kind == "stream" and "SEEN " in content["text"]:
            found = json.loads(content["text"].split("SEEN ", 1)[1])
        if kind == "status" and content["execution_state"] == "idle":
            return found
