"""`qa demo`: a year of real customers, from files to executed notebooks, doing only what is not done yet."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import qa_lib
from qa_lib.errors import NothingBuilt
from qa_lib.jobs.record import Run, write_whole
from qa_lib.jobs.runner import run_notebook
from qa_lib.profiles.behaviour import FOLDER as FAMILY_FOLDER
from qa_lib.profiles.declared import FOLDER as TAGS_FOLDER
from qa_lib.profiles.scores import FOLDER as SCORE_FOLDER
from qa_lib.sources.journey import CURRENCY, ZONE, journey_files
from qa_lib.tables import LINKS
from qa_lib.workspace import Workspace

INDEX = "demo.json"


@dataclass(frozen=True)
class Step:
    """One notebook of the demo, what it reads (what has to change for it to run again), its parameters.

    What reads `code` only makes its own data.

    `after` names a notebook that must be done before it starts.
    """

    notebook: str
    reads: Literal["files", "tables", "snapshot", "code"] = "snapshot"
    parameters: dict[str, Any] = field(default_factory=dict)
    after: str = ""


#: One after another: each needs what the one before it made.
FIRST: tuple[Step, ...] = (
    Step("jobs/land.ipynb", "files"),
    Step("jobs/build.ipynb", "tables"),
    Step("explore/06_worked_campaign.ipynb"),
)
#: Side by side: none writes what another reads, unless it waits for it.
THEN: tuple[Step, ...] = (
    Step("jobs/run_campaign.ipynb"),
    Step("explore/00_first_audience.ipynb", "code"),
    Step("explore/01_meet_the_data.ipynb"),
    Step("explore/02_tags.ipynb"),
    Step("explore/03_rules_and_audiences.ipynb"),
    Step("explore/04_identity.ipynb"),
    Step("explore/05_backtest.ipynb"),
    Step("explore/07_seed_rule.ipynb", "code", after="explore/00_first_audience.ipynb"),
    Step("explore/08_sources.ipynb"),
    Step("jobs/campaign_report.ipynb"),
    Step("dashboards/audience_workbench.ipynb"),
    Step("dashboards/campaign_results.ipynb"),
    Step("dashboards/campaign_review.ipynb", after="jobs/run_campaign.ipynb"),
)

#: Not in the demo, which keeps to two minutes of its own work: run by hand, or opened as dashboards.
BY_HAND = (
    "explore/09_tags_at_size.ipynb",
    "explore/10_stream.ipynb",
    "dashboards/audience_library.ipynb",
    "dashboards/data_health.ipynb",
    "dashboards/live_stream.ipynb",
    "dashboards/people_and_tags.ipynb",
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
    started, started_at = time.monotonic(), datetime.now(UTC)
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
    made = _Made(runs, opened, notebooks, base)
    results = []
    for step in FIRST:
        run = made.before(step)
        if run is None:
            say(f"  … {step.notebook}")
            run = run_notebook(notebooks / step.notebook, step.parameters, runs_dir=runs, workspace=workspace)
            made.keep(step, run)
        say(_line(step, run, started_at))
        results.append(run)
    # processes, not threads: each notebook's kernel client has an event loop of its own
    with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
        waiting: list[tuple[Step, Run | None, Future[Run] | None]] = []
        for step in THEN:
            for earlier, _, running in waiting:
                if earlier.notebook == step.after and running is not None:
                    running.result()
            run = made.before(step)
            path, root = notebooks / step.notebook, opened.root
            again = pool.submit(_run, path, step.parameters, runs, root) if run is None else None
            waiting.append((step, run, again))
        for step, run, again in waiting:
            if again is not None:
                run = again.result()
                made.keep(step, run)
            assert run is not None
            say(_line(step, run, started_at))
            results.append(run)
    say("")
    say("可离线打开的笔记本 · executed notebooks that open offline:")
    for run in results:
        say(f"  {run.html}")
    say("")
    say("还有 · more to open, not run here:   " + ", ".join(Path(name).stem for name in BY_HAND))
    say("打开看板 · open the dashboards:      .venv/bin/qa dashboards   (make dashboards)")
    say("打开 JupyterLab · open JupyterLab:  .venv/bin/qa lab          (make lab)")
    say(f"demo: {time.monotonic() - started:.1f} s of its own work")
    return results


def _run(notebook: Path, parameters: dict[str, Any], runs: Path, workspace: Path) -> Run:
    return run_notebook(notebook, parameters, runs_dir=runs, workspace=workspace)


def _line(step: Step, run: Run, demo_started_at: datetime) -> str:
    words = f"{run.seconds:.1f} s" if run.started_at >= demo_started_at else "（未变 · unchanged）"
    return f"  ✓ {step.notebook}  {words}"


class _Made:
    """The runs that earlier demos kept, each under a hash of its code, data and parameters."""

    def __init__(self, runs: Path, workspace: Workspace, notebooks: Path, base: str) -> None:
        self._index = runs / INDEX
        self._workspace = workspace
        self._notebooks = notebooks
        self._base = base
        try:
            self._kept: dict[str, dict[str, str]] = dict(json.loads(self._index.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            self._kept = {}

    def before(self, step: Step) -> Run | None:
        """The finished run of the same code, data and parameters, when there is one."""
        kept = self._kept.get(step.notebook)
        if not kept or kept["key"] != self._key(step) or not self._workspace.snapshots():
            return None
        return _finished(Path(kept["folder"]))

    def keep(self, step: Step, run: Run) -> None:
        """Remember a run."""
        self._kept[step.notebook] = {"key": self._key(step), "folder": str(run.folder)}
        write_whole(self._index, json.dumps(self._kept, indent=2) + "\n")

    def _key(self, step: Step) -> str:
        source = (self._notebooks / step.notebook).read_text(encoding="utf-8")
        parts = [self._base, source, step.parameters, str(self._workspace.root), self._read(step)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _read(self, step: Step) -> Any:
        """What the step reads, as JSON values that change when it does."""
        workspace = self._workspace
        if step.reads in ("files", "code"):
            return None  # they are in the hash that all steps share
        if step.reads == "snapshot":
            return workspace.snapshot().version
        tables = workspace.build_versions()
        if workspace.store.exists(LINKS.name):  # the build resolves them first
            tables[LINKS.name] = workspace.store.version(LINKS.name)
        declared = {
            f"{folder}/{p.name}": p.read_text(encoding="utf-8")
            for folder in (TAGS_FOLDER, FAMILY_FOLDER, SCORE_FOLDER)
            for p in (workspace.root / folder).glob("*.y*ml")
        }
        return [tables, declared]


def _finished(folder: Path) -> Run | None:
    try:
        run = Run.load(folder)
    except NothingBuilt:
        return None
    return run if run.status == "completed" and run.html and run.html.exists() else None


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
