"""Voila and JupyterLab as users start them: offline, behind a token, on their own port and Python."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from browser_helpers import chromium_path, open_in_voila, run_all_in_lab, write_notebook
from playwright.sync_api import Page, expect

from qa_lib.servers import Server, ServerFailed, lab_command, start_dashboards, start_lab, voila_command

SHOWS = [
    """
import os, sys
import altair as alt, ipywidgets, pandas as pd
from IPython.display import display
alt.JupyterChart.enable_offline()
slider = ipywidgets.IntSlider(value=3, description="people")
echo = ipywidgets.HTML("<p class='echo'>3</p>")
slider.observe(lambda change: setattr(echo, "value", f"<p class='echo'>{change['new']}</p>"), "value")
display(slider, echo)
""",
    """
people = pd.DataFrame({"人群": ["高潜", "睡眠卡"], "people": [3, 5]})
display(alt.JupyterChart(alt.Chart(people).mark_bar().encode(x="people", y="人群")))
""",
    """
names = ("QA_WORKSPACE", "QA_READ_ONLY", "JUPYTER_TOKEN")
print("environment", *(os.environ.get(name) for name in names[:2]), sys.executable)
""",
]


@pytest.fixture(scope="module", autouse=True)
def shows(notebooks_dir: Path) -> None:
    write_notebook(notebooks_dir / "它显示吗 shows.ipynb", *SHOWS, title="图表显示吗？ Does the chart show?")


def expect_live_widgets(page: Page) -> None:
    """The slider talks to Python and the chart is drawn."""
    chart = page.locator(".vega-embed svg, .vega-embed canvas").first
    expect(chart).to_be_visible(timeout=60_000)
    handle = page.locator(".noUi-handle").first
    expect(handle).to_be_visible(timeout=60_000)
    handle.focus()
    handle.press("ArrowRight")
    expect(page.locator(".echo").first).to_have_text("4")


def get(url: str) -> tuple[str, str]:
    """Where a request ends and what it finds there, without a browser's cookies."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return answer.geturl(), answer.read().decode()


def test_a_dashboard_shows_widgets_and_charts_offline(
    page: Page, voila: Server, browser_workspace: Path
) -> None:
    missing: list[str] = []
    page.on("response", lambda r: missing.append(r.url) if r.status >= 400 else None)
    open_in_voila(page, voila, "它显示吗 shows.ipynb")
    expect_live_widgets(page)
    expect(page.get_by_text(f"environment {browser_workspace} 1 {sys.executable}")).to_be_visible()
    assert page.locator("header.qa-header").inner_text().startswith("Quick Audience Workbench · 人群工作台")
    assert page.locator("#rendered_cells").evaluate("e => getComputedStyle(e).maxWidth") == "1400px"
    assert "Noto Sans CJK SC" in page.locator(".qa").evaluate("e => getComputedStyle(e).fontFamily")
    assert page.locator("html").get_attribute("lang") == "zh"
    assert "enable_offline" not in page.content()
    assert missing == []


def test_the_index_lists_dashboards_by_their_titles(page: Page, voila: Server) -> None:
    page.goto(voila.url)
    entry = page.get_by_role("link", name="图表显示吗？ Does the chart show?")
    expect(entry).to_be_visible()
    expect(page.get_by_role("banner")).to_contain_text("人群工作台")
    assert "/voila/render/" in str(entry.get_attribute("href"))
    page.get_by_role("link", name="All dashboards").click()
    expect(page).to_have_url(re.compile(r"/voila/tree$"))
    expect(entry).to_be_visible()


def test_a_notebook_runs_in_lab_offline(page: Page, lab: Server, browser_workspace: Path) -> None:
    run_all_in_lab(page, lab, "它显示吗 shows.ipynb")
    expect_live_widgets(page)
    expect(page.get_by_text(f"environment {browser_workspace} None {sys.executable}")).to_be_visible()
    assert page.locator(".Toastify__toast").count() == 0


def test_without_the_token_there_is_a_login_and_nothing_else(page: Page, voila: Server, lab: Server) -> None:
    for path in ("", "voila/tree", "voila/render/它显示吗 shows.ipynb"):
        page.goto(voila.base_url + path)
        assert "/login" in page.url
        assert "Does the chart show" not in page.content()
    with pytest.raises(urllib.error.HTTPError, match="403"):
        get(voila.base_url + "voila/api/contents")
    assert "/login" in get(lab.base_url + "lab")[0]


def test_tokens_are_made_long_and_stay_out_of_the_command(voila: Server, lab: Server) -> None:
    assert len(voila.token) >= 32
    assert voila.token != lab.token
    assert f"?token={voila.token}" in voila.url
    for server in (voila, lab):
        assert not any(server.token in str(part) for part in server.process.args)


def test_a_page_that_is_not_there_is_ours_too(page: Page, voila: Server) -> None:
    page.goto(voila.page("voila/tree/nowhere"))
    expect(page.get_by_role("banner")).to_contain_text("Quick Audience Workbench")
    assert "404" in page.content()


def test_a_taken_port_is_an_error_that_says_so(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        for start, command in ((start_dashboards, "dashboards"), (start_lab, "lab")):
            with pytest.raises(ServerFailed, match=rf"Port {port} on .*qa {command} --port {port + 1}"):
                start(tmp_path, port=port)


def test_a_folder_that_is_not_there_and_an_open_server_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="is no folder"):
        start_dashboards(tmp_path / "absent")
    with pytest.raises(ServerFailed, match="needs a token"):
        start_lab(tmp_path, ip="0.0.0.0", token="")


def test_a_server_that_stops_at_once_tells_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="exit code"):
        start_dashboards(tmp_path, port=0, log=tmp_path / "log", extra=["--Voila.port=no-number"])


def test_the_commands_hold_what_publishing_needs(tmp_path: Path) -> None:
    voila = voila_command(tmp_path, 8866)
    for setting in (
        "--Voila.port_retries=0",
        "--Voila.ip=127.0.0.1",
        "--Voila.auto_token=True",
        "--template=qa",
        "--strip_sources=True",
        "--VoilaConfiguration.show_tracebacks=False",
        "--MappingKernelManager.cull_idle_timeout=900",
        "--VoilaConfiguration.allow_template_override=NO",
    ):
        assert setting in voila
    assert "--ServerApp.port_retries=0" in lab_command(tmp_path, 8888)


def test_serving_ends_with_its_server_and_kernels_on_sigterm(
    tmp_path: Path, jupyter_home: dict[str, str]
) -> None:
    """`qa dashboards` under a supervisor: SIGTERM to it leaves no Voila and no kernel behind."""
    write_notebook(tmp_path / "a.ipynb", "import os; print('kernel', os.getpid())")
    code = (
        "from qa_lib.servers import serve_dashboards\n"
        f"serve_dashboards({str(tmp_path)!r}, port=0, log={str(tmp_path / 'log')!r}, "
        "say=lambda line: print(line, flush=True))"
    )
    serving = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, **jupyter_home}
    )
    with serving:
        assert serving.stdout is not None
        url = serving.stdout.readline().split()[-1]
        _, html = get(url.replace("/?", "/voila/render/a.ipynb?"))
        found = re.search(r"kernel (\d+)", html)
        assert found, "the dashboard did not run"
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(30) == 0
    end = time.monotonic() + 10
    while Path(f"/proc/{found[1]}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{found[1]}").exists()
    with pytest.raises(urllib.error.URLError):
        get(url)


def test_a_missing_chromium_fails_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QA_CHROMIUM", "/nowhere/chromium")
    with pytest.raises(RuntimeError, match=r"/nowhere/chromium.*apt-get install chromium"):
        chromium_path()
