"""`qa demo`: a year of real customers, from files to executed notebooks, doing only what is not done yet."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import qa_lib
from qa_lib.errors import NothingBuilt
from qa_lib.jobs.record import Run, write_whole
from qa_lib.jobs.runner import run_notebook
from qa_lib.sources.journey import CURRENCY, ZONE, journey_files
from qa_lib.workspace import Workspace

INDEX = "demo.json"


_keeping = threading.Lock()


@dataclass(frozen=True)
class Step:
    """One notebook of the demo and its parameters."""

    notebook: str
    parameters: dict[str, Any] = field(default_factory=dict)


#: One after another: each needs what the one before it made.
FIRST: tuple[Step, ...] = (Step("jobs/land.ipynb"), Step("jobs/build.ipynb"))
#: Side by side: they only read.
THEN: tuple[Step, ...] = (
    Step("explore/01_meet_the_data.ipynb"),
    Step("explore/02_tags.ipynb"),
    Step("explore/03_rules_and_audiences.ipynb"),
    Step("jobs/campaign_report.ipynb"),
    Step("dashboards/audience_workbench.ipynb"),
    Step("dashboards/campaign_results.ipynb"),
)


def run_demo(workspace: Path, runs: Path, notebooks: Path, *, say: Callable[[str], None]) -> list[Run]:
    """Land, build and run the notebooks; those whose code, data and parameters have not changed are kept.

    Parameters
    ----------
    workspace, runs, notebooks
        Folders; the workspace is made where it is not there.
    say
        Gets each line for the user.

    Raises
    ------
    NothingBuilt
        When the demo data are not installed, or a notebook is not there.
    RunFailed
        When a notebook stops with an error.
    """
    started = time.monotonic()
    files = journey_files()
    for step in FIRST + THEN:
        if not (notebooks / step.notebook).is_file():
            raise NothingBuilt(
                f"The demo's notebook {notebooks / step.notebook} is not there. Run `qa demo` in the project's "
                "root, or name the folder with --notebooks."
            )
    say("一年真实顾客数据：The Complete Journey（2,469 户，2017 年）")
    say("A year of real customers: The Complete Journey (2,469 households, 2017)")
    opened = Workspace.create(workspace, zone=ZONE, currency=CURRENCY)
    base = _code_hash() + _files_hash(sorted(files.values()))
    kept = _load(runs)
    results = []
    for step in FIRST:
        results.append(_once(step, base, opened, runs, notebooks, kept, say, data=False))
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [
            pool.submit(_once, step, base, opened, runs, notebooks, kept, say, data=True) for step in THEN
        ]
        results += [future.result() for future in futures]
    say("")
    say("可离线打开的笔记本 · executed notebooks that open offline:")
    for run in results:
        say(f"  {run.html}")
    say("")
    say("打开看板 · open the dashboards:      .venv/bin/qa dashboards   (make dashboards)")
    say("打开 JupyterLab · open JupyterLab:  .venv/bin/qa lab          (make lab)")
    say(f"demo: {time.monotonic() - started:.1f} s of its own work")
    return results


def _once(
    step: Step,
    base: str,
    workspace: Workspace,
    runs: Path,
    notebooks: Path,
    kept: dict[str, dict[str, str]],
    say: Callable[[str], None],
    *,
    data: bool,
) -> Run:
    """Run a notebook unless a run of the same code, data and parameters is kept."""
    path = notebooks / step.notebook
    parts: Sequence[Any] = [base, path.read_text(encoding="utf-8"), step.parameters, str(workspace.root)]
    if data:
        parts = [*parts, workspace.snapshot().version]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    before = kept.get(step.notebook)
    snapshot_there = data or bool(workspace.snapshots())
    if before and before["key"] == key and snapshot_there and (run := _finished(Path(before["folder"]))):
        say(f"  ✓ {step.notebook}（未变 · unchanged）")
    else:
        say(f"  … {step.notebook}")
        run = run_notebook(path, step.parameters, runs_dir=runs, workspace=workspace.root)
        say(f"  ✓ {step.notebook}  {run.seconds:.1f} s")
    with _keeping:
        kept[step.notebook] = {"key": key, "folder": str(run.folder)}
        write_whole(runs / INDEX, json.dumps(kept, indent=2) + "\n")
    return run


def _finished(folder: Path) -> Run | None:
    try:
        run = Run.load(folder)
    except NothingBuilt:
        return None
    return run if run.status == "completed" and run.html and run.html.exists() else None


def _load(runs: Path) -> dict[str, dict[str, str]]:
    try:
        return dict(json.loads((runs / INDEX).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _code_hash() -> str:
    """Hash of the library's own sources: a changed library runs everything again."""
    digest = hashlib.sha256()
    for path in sorted(Path(qa_lib.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files_hash(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
