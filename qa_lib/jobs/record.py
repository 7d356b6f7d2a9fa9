"""What is kept of a run, and finding the latest one."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qa_lib.errors import NothingBuilt, did_you_mean

RECORD = "run.json"


@dataclass(frozen=True)
class Run:
    """One run of a notebook, as its folder under `data/runs/` tells it.

    Attributes
    ----------
    name
        What the run is called; the notebook's stem unless given.
    source
        The notebook that was run.
    folder
        `<runs_dir>/<UTC timestamp>-<name>`.
    notebook
        The executed notebook; the partial one when the run failed.
    html
        One file that opens offline; None when the run failed.
    status
        `completed`, `failed`, or `running` (also what a killed run leaves behind).
    started_at
        UTC.
    seconds
        Wall time, the HTML included.
    parameters
        As checked and converted; only those that were given.
    workspace_version
        The snapshot that the notebook says it read (the value under `qa_workspace_version` in an
        output's metadata), else the last one that it read; None when it read none.
    snapshots
        Every snapshot that was read: `snapshot` (its name), `as_of`, `table_versions` and
        `library_version` of each, in order. The executed notebook says the same in its metadata, under `qa_run`.
    library_version
        Of this library.
    error
        The failure in words, else None.
    """

    name: str
    source: Path
    folder: Path
    notebook: Path
    html: Path | None
    status: str
    started_at: dt.datetime
    seconds: float
    parameters: dict[str, Any] = field(default_factory=dict)
    workspace_version: str | None = None
    library_version: str | None = None
    error: str | None = None
    snapshots: tuple[Mapping[str, Any], ...] = ()

    def save(self) -> None:
        """Write `run.json` into the run's folder, in one step."""
        record = {
            "name": self.name,
            "source": str(self.source),
            "notebook": self.notebook.name,
            "html": self.html.name if self.html else None,
            "status": self.status,
            "started_at": self.started_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "parameters": self.parameters,
            "workspace_version": self.workspace_version,
            "library_version": self.library_version,
            "error": self.error,
            "snapshots": list(self.snapshots),
        }
        write_whole(self.folder / RECORD, json.dumps(record, ensure_ascii=False, indent=2) + "\n")

    @classmethod
    def load(cls, folder: str | Path) -> Run:
        """The run kept in `folder`.

        Raises
        ------
        NothingBuilt
            When the folder holds no readable `run.json`.
        """
        folder = Path(folder)
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            return cls(
                name=record["name"],
                source=Path(record["source"]),
                folder=folder,
                notebook=folder / record["notebook"],
                html=folder / record["html"] if record["html"] else None,
                status=record["status"],
                started_at=dt.datetime.fromisoformat(record["started_at"]),
                seconds=record["seconds"],
                parameters=record["parameters"],
                workspace_version=record.get("workspace_version"),
                library_version=record.get("library_version"),
                error=record.get("error"),
                snapshots=tuple(record.get("snapshots", ())),
            )
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise NothingBuilt(
                f"'{folder}' holds no run: {RECORD} is missing or unreadable ({problem}). "
                "Expected a folder written by `qa run`."
            ) from problem


def new_folder(runs_dir: Path, name: str, started_at: dt.datetime) -> Path:
    """A folder of its own for a run: two runs in the same millisecond get two folders."""
    while True:
        stamp = f"{started_at:%Y%m%dT%H%M%S}.{started_at.microsecond // 1000:03d}Z"
        folder = runs_dir / f"{stamp}-{name}"
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            started_at += dt.timedelta(milliseconds=1)


def safe_name(name: str) -> str:
    """`name` with everything but letters, digits, dot, dash and underscore made a dash."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"


def write_whole(path: Path, text: str) -> None:
    """Write beside and rename, so that a reader meets the old file or the new one, never a part."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def latest_run(name: str, runs_dir: str | Path = "data/runs", *, status: str | None = None) -> Run:
    """The run of this name that started last.

    Parameters
    ----------
    name
        The run's name: the notebook's stem unless the run was named.
    status
        Only runs of this status (`completed`, `failed`, `running`), when given.

    Raises
    ------
    NothingBuilt
        When `runs_dir` holds no such run.
    """
    runs = []
    for record in Path(runs_dir).glob(f"*/{RECORD}"):
        try:
            runs.append(Run.load(record.parent))
        except NothingBuilt:  # another tool's folder, or a broken disk: not a reason to hide the rest
            continue
    fitting = [run for run in runs if run.name == name and status in (None, run.status)]
    if not fitting:
        kind = f"{status} run" if status else "run"
        raise NothingBuilt(
            f"No {kind} of '{name}' in '{runs_dir}'.{did_you_mean(name, {run.name for run in runs})} "
            "Run it with: qa run NOTEBOOK"
        )
    return max(fitting, key=lambda run: (run.started_at, run.folder.name))
