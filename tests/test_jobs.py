"""Notebooks as jobs: real runs through papermill of notebooks written on the spot."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from qa_lib.errors import FileUnreadable, NothingBuilt, ParametersRefused, RunFailed, WorkspaceUnusable
from qa_lib.jobs import (
    Run,
    check_parameters,
    declared_parameters,
    latest_run,
    notebook_title,
    run_notebook,
    secret_name,
    to_html,
)
from qa_lib.jobs.record import new_folder

PARAMETERS = """
as_of = "2026-06-01"  # the moment, UTC
n: int = 9
share = 0.5
is_dry = True
channels = ["sms", "app_push"]
caps = {"sms": 2}
store: str | None = None
top: int | None = None
"""


def write(path: Path, *sources: str, parameters: str | None = PARAMETERS) -> Path:
    """A notebook of these code cells after a title and the cell of parameters."""
    cells = [new_markdown_cell("# 谁浏览了没买？ Who browsed and did not buy?")]
    if parameters is not None:
        cells.append(new_code_cell(parameters.strip(), metadata={"tags": ["parameters"]}))
    cells += [new_code_cell(source) for source in sources]
    # the kernel's name is the usual one; its language server and path are the runner's business
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), path)
    return path


def streams(run: Run) -> str:
    """Everything that the run printed."""
    cells = nbformat.read(run.notebook, as_version=4).cells
    return "".join(o.text for c in cells for o in c.get("outputs", []) if o.output_type == "stream")


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return write(tmp_path / "weekly.ipynb", "n")


def test_declared_parameters_carry_type_default_and_help(notebook: Path) -> None:
    declared = declared_parameters(notebook)
    assert {name: p.type for name, p in declared.items()} == {
        "as_of": "str",
        "n": "int",
        "share": "float",
        "is_dry": "bool",
        "channels": "list",
        "caps": "dict",
        "store": "str",
        "top": "int",
    }
    assert declared["as_of"].help == "the moment, UTC"
    assert declared["n"].default == 9
    assert [p.name for p in declared.values() if p.optional] == ["store", "top"]


def test_a_default_that_is_no_literal_takes_any_value(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", parameters="hours = 7 * 24\nprint(hours)")
    declared = declared_parameters(path)
    assert declared["hours"].type == "any"
    assert check_parameters(path, declared, {"hours": 3}) == {"hours": 3}


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("n", "9", 9),
        ("n", 12, 12),
        ("share", "0.25", 0.25),
        ("share", 1, 1.0),
        ("is_dry", "false", False),
        ("is_dry", "True", True),
        ("channels", '["sms"]', ["sms"]),
        ("channels", ("sms",), ["sms"]),
        ("caps", '{"sms": 3}', {"sms": 3}),
        ("store", "S1", "S1"),
        ("store", None, None),
        ("top", "5", 5),
        ("top", None, None),
        ("as_of", Path("x"), "x"),
    ],
)
def test_texts_are_converted_to_the_declared_type(
    notebook: Path, name: str, given: object, expected: object
) -> None:
    checked = check_parameters(notebook, declared_parameters(notebook), {name: given})[name]
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("n", "abc"),
        ("n", 1.5),
        ("n", True),
        ("n", None),
        ("share", "much"),
        ("share", "nan"),
        ("is_dry", "yes"),
        ("is_dry", 1),
        ("channels", "sms"),
        ("channels", '{"sms": 1}'),
        ("channels", [object()]),
        ("caps", [1]),
        ("as_of", 20260601),
        ("store", 5),
        ("top", "many"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name_value_and_type(
    notebook: Path, name: str, given: object
) -> None:
    declared = declared_parameters(notebook)
    with pytest.raises(ParametersRefused) as refused:
        check_parameters(notebook, declared, {name: given})
    for part in (f"'{name}'", "weekly.ipynb", repr(given), declared[name].type):
        assert part in str(refused.value)


def test_an_undeclared_name_is_refused_with_the_nearest_and_nothing_runs(
    notebook: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ParametersRefused, match=r"'as_off' \(value '2026-07-01'\)\. Did you mean 'as_of'\?"
    ) as e:
        run_notebook(notebook, {"as_off": "2026-07-01"}, runs_dir=tmp_path / "runs")
    assert "Declared: as_of (str), n (int)" in str(e.value)
    assert not (tmp_path / "runs").exists()


def test_a_notebook_without_parameters_takes_none(tmp_path: Path) -> None:
    path = write(tmp_path / "bare.ipynb", parameters=None)
    assert declared_parameters(path) == {}
    with pytest.raises(ParametersRefused, match="no cell tagged 'parameters'"):
        run_notebook(path, {"n": 1}, runs_dir=tmp_path)


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "api_key", "apikey", "accessToken", "SMTP_SECRET", "tokens", "access_key_id"],
)
def test_a_name_that_looks_like_a_secret_is_refused_without_showing_it(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.ipynb", parameters=f'{name} = ""')
    with pytest.raises(ParametersRefused, match="environment variable") as refused:
        run_notebook(path, {name: "hunter2"}, runs_dir=tmp_path)
    assert "hunter2" not in str(refused.value)


def test_a_password_inside_a_url_is_refused_without_showing_it(notebook: Path) -> None:
    url = "postgresql://anna:hunter2@db/workspace"
    with pytest.raises(ParametersRefused, match="looks like a secret") as refused:
        check_parameters(notebook, declared_parameters(notebook), {"store": url})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["keyword", "author", "monkey", "passed_count", "item_key", "secretary"])
def test_ordinary_names_are_no_secrets(name: str) -> None:
    assert not secret_name(name)


def test_files_that_are_no_notebooks_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="absent"):
        run_notebook(tmp_path / "absent.ipynb", {}, runs_dir=tmp_path)
    (tmp_path / "odd.ipynb").write_text("{not json")
    with pytest.raises(FileUnreadable, match="no notebook"):
        declared_parameters(tmp_path / "odd.ipynb")
    with pytest.raises(FileUnreadable, match=r"line 1"):
        declared_parameters(write(tmp_path / "bad.ipynb", parameters="n = = 9"))


def test_a_run_keeps_the_notebook_its_record_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One run, looked at from all sides: values arrive, the home folder is neither needed nor used."""
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    for variable in [v for v in os.environ if v.startswith(("JUPYTER", "IPYTHON", "XDG_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(home))
    before = dict(os.environ)
    path = write(
        tmp_path / "weekly {x}.ipynb",
        "import os, sys, json\nimport pandas as pd\nfrom IPython.display import SVG, display",
        "print(json.dumps([as_of, n, share, is_dry, channels, caps, store, top]))",
        "print(sys.executable, os.environ['QA_RENDER'], os.environ['QA_WORKSPACE'])",
        'display(SVG(\'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="30">'
        '<rect width="60" height="20" fill="#4c78a8"/></svg>\'), metadata={"qa_workspace_version": "v7"})',
        "pd.DataFrame({'人群': ['高潜'], 'people': [3]})",
    )
    seen: list[tuple[int, int]] = []
    given = {"as_of": 'a "b" \\ 人群\n', "n": "7", "share": 1, "is_dry": "false", "store": None, "top": "3"}
    run = run_notebook(
        path,
        given,
        runs_dir=tmp_path / "runs {y}",
        workspace=tmp_path / "w$HOME",
        name="周报 weekly/1",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert dict(os.environ) == before
    assert list(home.iterdir()) == []

    assert run.status == "completed"
    assert run.error is None
    assert run.parameters == {**given, "n": 7, "share": 1.0, "is_dry": False, "top": 3}
    printed = streams(run)
    values, where = printed.strip().splitlines()
    assert json.loads(values) == [given["as_of"], 7, 1.0, False, ["sms", "app_push"], {"sms": 2}, None, 3]
    assert where == f"{sys.executable} static {tmp_path / 'w$HOME'}"
    assert seen == [(i, 7) for i in range(8)]

    assert re.fullmatch(r"\d{8}T\d{6}\.\d{3}Z-周报-weekly-1", run.folder.name)
    assert sorted(p.name for p in run.folder.iterdir()) == sorted(
        ["周报-weekly-1.html", "周报-weekly-1.ipynb", "run.json"]
    )
    assert run.workspace_version == "v7"
    assert Run.load(run.folder) == run == latest_run("周报-weekly-1", tmp_path / "runs {y}")
    executed = nbformat.read(run.notebook, as_version=4)
    assert executed.metadata.papermill.output_path == str(run.notebook)

    assert run.html is not None
    page = run.html.read_text(encoding="utf-8")
    assert "<title>谁浏览了没买？ Who browsed and did not buy?</title>" in page
    assert '<html lang="zh">' in page
    assert "data:image/svg+xml;base64" in page
    assert "高潜" in page
    assert "import pandas" not in page


def test_a_failing_notebook_keeps_its_partial_copy_and_names_the_cell(tmp_path: Path) -> None:
    path = write(tmp_path / "weekly.ipynb", "print('first')", "# the rate\nshare / (n - n)", "print('never')")
    with pytest.raises(
        RunFailed, match=r"'weekly.ipynb' stopped in cell 4 of 5 \(share / \(n - n\)\): ZeroDivisionError"
    ) as failed:
        run_notebook(path, {"n": 3}, runs_dir=tmp_path / "runs")
    run = failed.value.args[1]
    assert (run.status, run.html) == ("failed", None)
    assert streams(run) == "first\n"
    assert str(run.notebook) in str(failed.value)
    assert latest_run("weekly", tmp_path / "runs", status="failed") == run
    with pytest.raises(NothingBuilt, match="No completed run of 'weekly'"):
        latest_run("weekly", tmp_path / "runs", status="completed")


def test_a_kernel_that_dies_is_a_failed_run(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(RunFailed, match="the kernel died"):
        run_notebook(path, runs_dir=tmp_path / "runs")
    assert latest_run("a", tmp_path / "runs").status == "failed"


def test_runs_go_to_a_folder_that_can_be_written(notebook: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(WorkspaceUnusable, match="taken"):
        run_notebook(notebook, runs_dir=tmp_path / "taken")


def test_latest_run_of_an_unknown_name_says_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "run.json").write_text("{}")
    with pytest.raises(NothingBuilt, match="No run of 'weekly'"):
        latest_run("weekly", tmp_path)


def test_a_page_shows_a_note_where_a_live_widget_stood() -> None:
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "IntSlider(value=0)"}
    cell = new_code_cell("slider", outputs=[nbformat.v4.new_output("display_data", data=view)])
    page = to_html(new_notebook(cells=[cell]), name="plain")
    assert "An interactive control stands here" in page
    assert "<title>plain</title>" in page
    assert "IntSlider" not in page
    assert "IntSlider" in to_html(new_notebook(cells=[new_code_cell("IntSlider")]), show_code=True)


def test_the_title_is_the_first_heading_without_its_marks() -> None:
    cells = [new_markdown_cell("words\n\n## Who *browsed*? ##"), new_markdown_cell("# Later")]
    assert notebook_title(new_notebook(cells=cells)) == "Who browsed?"
    assert notebook_title(new_notebook(), otherwise="none") == "none"


def test_an_interrupted_run_says_so_and_leaves_no_kernel(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", "import os, time\nprint(os.getpid(), flush=True)", "time.sleep(60)")
    code = (
        "from qa_lib.jobs import run_notebook\n"
        f"run_notebook({str(path)!r}, runs_dir={str(tmp_path / 'runs')!r}, "
        "progress=lambda done, total: print(done, flush=True))"
    )
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # a shell in the background has its children ignore the interrupt, and Python leaves it at that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with running:
        assert running.stdout is not None
        while running.stdout.readline() not in ("2\n", ""):
            pass
        running.send_signal(signal.SIGINT)
        assert running.wait(50) != 0
    run = latest_run("a", tmp_path / "runs")
    assert (run.status, run.error) == ("failed", "interrupted")
    assert not Path(f"/proc/{streams(run).strip()}").exists()


def test_two_runs_of_one_moment_get_two_folders(tmp_path: Path) -> None:
    moment = dt.datetime(2026, 6, 1, 0, 0, 0, 999_900, tzinfo=dt.UTC)
    folders = [new_folder(tmp_path, "weekly", moment).name for _ in range(2)]
    assert folders == ["20260601T000000.999Z-weekly", "20260601T000001.000Z-weekly"]


def test_a_bar_shows_the_cells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_notebook(write(tmp_path / "weekly.ipynb", "1"), runs_dir=tmp_path / "runs", progress=True)
    said = capsys.readouterr()
    assert said.out == ""
    assert "weekly" in said.err
    assert "2/2" in said.err
