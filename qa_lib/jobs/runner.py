"""Running a notebook through papermill, and keeping what it did."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib.metadata
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat

from qa_lib.errors import RunFailed, WorkspaceUnusable
from qa_lib.jobs.parameters import check_parameters, declared_parameters, read_notebook
from qa_lib.jobs.record import Run, new_folder, safe_name, write_whole
from qa_lib.jobs.report import to_html

Progress = Callable[[int, int], None]


def run_notebook(
    notebook: str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    runs_dir: str | Path = "data/runs",
    workspace: str | Path | None = None,
    name: str | None = None,
    progress: bool | Progress | None = None,
) -> Run:
    """Run a notebook with checked parameters and keep the executed copy, a record and an HTML page.

    The kernel is the running Python, in the current folder, with `QA_RENDER=static` (charts are drawn
    as SVG) and, when a workspace is given, `QA_WORKSPACE`. The environment of this process stays as
    it is, and nothing is read from or written to the home folder.

    Parameters
    ----------
    notebook
        An `.ipynb` file. Its source is not changed.
    parameters
        A value per declared name; texts are converted to the declared type.
    runs_dir
        Gets one folder `<UTC timestamp>-<name>` with `<name>.ipynb`, `<name>.html` and `run.json`.
    workspace
        Folder of the workspace, handed to the notebook by the environment.
    name
        What the run is called, the notebook's stem by default.
    progress
        True draws a bar on stderr; a callable gets `(cells done, cells to run)` before the first cell
        and after each one.

    Returns
    -------
    Run
        With status `completed`.

    Raises
    ------
    ParametersRefused
        Before anything runs: a name that is not declared or names a secret, a value of another type.
    FileUnreadable
        When there is no such notebook.
    WorkspaceUnusable
        When `runs_dir` cannot be written.
    RunFailed
        When a cell fails. The partial notebook is kept; `args[1]` of the exception is its `Run`.
    """
    notebook = Path(notebook)
    checked = check_parameters(notebook, declared_parameters(notebook), parameters or {})
    started_at, clock = dt.datetime.now(dt.UTC), time.perf_counter()
    name = safe_name(name or notebook.stem)
    try:
        folder = new_folder(Path(runs_dir), name, started_at)
    except OSError as problem:
        raise WorkspaceUnusable(
            f"The folder for runs '{runs_dir}' cannot be written: {problem.strerror or problem}. "
            "Give another one with runs_dir."
        ) from problem
    run = Run(
        name=name,
        source=notebook,
        folder=folder,
        notebook=folder / f"{name}.ipynb",
        html=None,
        status="running",
        started_at=started_at,
        seconds=0.0,
        parameters=checked,
        library_version=_library_version(),
    )
    run.save()
    partial = folder / f".{name}.partial.ipynb"
    environment = {"QA_RENDER": "static"}
    if workspace is not None:
        environment["QA_WORKSPACE"] = str(Path(workspace).absolute())
    outcome: dict[str, Any] = {"status": "failed", "error": "interrupted"}  # unless we get further
    reads: list[Mapping[str, Any]] = []
    try:
        with _reporting(progress, name) as told, _quiet_papermill():
            error, cause, reads = _execute(notebook, partial, checked, environment, told)
        executed = _keep(partial, run.notebook, _origin(run, reads))
        if error is None and executed is not None:
            html = folder / f"{name}.html"
            write_whole(html, to_html(executed, name=name))
            outcome = {
                "status": "completed",
                "html": html,
                "workspace_version": _workspace_version(executed, reads),
            }
        else:
            outcome["error"] = error
    finally:
        _keep(partial, run.notebook)  # after an interruption
        run = replace(run, snapshots=tuple(reads), seconds=round(time.perf_counter() - clock, 3), **outcome)
        run.save()
    if error is not None:
        raise RunFailed(
            f"Notebook '{notebook.name}' stopped {error} The partial copy is kept at {run.notebook}.", run
        ) from cause
    return run


def _execute(
    notebook: Path, partial: Path, parameters: dict[str, Any], environment: dict[str, str], told: Progress
) -> tuple[str | None, BaseException | None, list[Mapping[str, Any]]]:
    """Run into `partial`, which is rewritten after each cell.

    Returns
    -------
    tuple
        The failure in words, its cause, and the snapshots that were read.
    """
    import papermill  # two seconds to import, and only a run needs it
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from traitlets.config import Config

    from qa_lib.jobs.kernel import JobKernel
    from qa_lib.workspace.reads import READS, read_notes

    source = read_notebook(notebook)
    total = sum(c.cell_type == "code" and bool(c.source.strip()) for c in source.cells) + bool(parameters)
    done = 0

    def count(**_: Any) -> None:
        nonlocal done
        done += 1
        told(done, total)

    told(0, total)
    with tempfile.TemporaryDirectory(prefix="qa-run-", ignore_cleanup_errors=True) as private:
        reads = Path(private) / "reads"
        environment = {**environment, READS: str(reads)}
        try:
            papermill.execute_notebook(
                _literal(notebook),
                _literal(partial),
                parameters=parameters,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                kernel_manager_class=JobKernel,
                config=Config(JobKernel={"environment": environment, "folder": private}),
                on_cell_executed=count,
            )
        except papermill.PapermillExecutionError as problem:
            return _where(source, problem, bool(parameters)), problem, read_notes(reads)
        except (CellExecutionError, DeadKernelError, RuntimeError, TimeoutError) as problem:
            words = (
                "the kernel died (out of memory, or killed)"
                if isinstance(problem, DeadKernelError)
                else problem
            )
            return f"after {done} of {total} cells: {words}.", problem, read_notes(reads)
        return None, None, read_notes(reads)


def _where(source: nbformat.NotebookNode, problem: Any, injected: bool) -> str:
    """The failing cell by its number in the notebook as written, and the error in words."""
    number = problem.cell_index + 1
    tags = [cell.metadata.get("tags", []) for cell in source.cells]
    at = next((i for i, t in enumerate(tags) if "parameters" in t), None)
    if injected and at is not None and number > at + 1:  # papermill put a cell of its own after that one
        number -= 1
    lines = [line.strip() for line in problem.source.splitlines() if line.strip()]
    first = next((line for line in lines if not line.startswith("#")), "")
    said = f"{problem.ename}: {problem.evalue}" if problem.evalue else problem.ename
    return f"in cell {number} of {len(source.cells)} ({first[:60]}): {said.rstrip('.')}."


def _origin(run: Run, reads: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the kept notebook says of itself: parameters, data and versions."""
    return {
        "parameters": run.parameters,
        "snapshots": list(reads),
        "library_version": run.library_version,
        "started_at": run.started_at.isoformat(),
    }


def _keep(
    partial: Path, final: Path, origin: Mapping[str, Any] | None = None
) -> nbformat.NotebookNode | None:
    """Move what was executed to its own name in one step; None when nothing was."""
    if not partial.exists():
        return None
    executed = nbformat.read(partial, as_version=4)
    kept = executed.metadata.get("papermill", {})
    if "output_path" in kept:
        kept["output_path"] = str(final)
    if origin is not None:
        executed.metadata["qa_run"] = nbformat.from_dict(dict(origin))
    write_whole(final, nbformat.writes(executed) + "\n")
    partial.unlink()
    return executed


def _literal(path: Path) -> str:
    """A path as papermill reads it: it takes `{name}` in paths for a parameter."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _workspace_version(executed: nbformat.NotebookNode, reads: Sequence[Mapping[str, Any]]) -> str | None:
    """The snapshot that an output's metadata names under `qa_workspace_version`, else the last that was read."""
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            if found := output.get("metadata", {}).get("qa_workspace_version"):
                return str(found)
    return str(reads[-1]["snapshot"]) if reads else None


def _library_version() -> str | None:
    try:
        return importlib.metadata.version("quick-audience-workbench")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return None


@contextlib.contextmanager
def _quiet_papermill() -> Iterator[None]:
    """Papermill's reader does not know `name: str | None = None` and warns; ours has checked the names."""

    def known(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Passed unknown parameter")

    logger = logging.getLogger("papermill")
    logger.addFilter(known)
    try:
        yield
    finally:
        logger.removeFilter(known)


@contextlib.contextmanager
def _reporting(progress: bool | Progress | None, name: str) -> Iterator[Progress]:
    """The callback that is told after each cell."""
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda done, total: None
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(name, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
