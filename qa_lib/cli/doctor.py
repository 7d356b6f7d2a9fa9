"""`qa doctor`: what is there, what is stale, and who holds what."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qa_lib.sources import FEEDS
from qa_lib.tables import TABLES
from qa_lib.widgets import bundle_missing
from qa_lib.workspace import Workspace, library_version


@dataclass(frozen=True)
class Report:
    """What was found; `warnings` are what a person should act on."""

    workspace: str
    zone: str
    library_version: str
    tables: dict[str, dict[str, Any]]
    landings: list[dict[str, Any]]
    snapshots: list[dict[str, Any]]
    open_by: list[dict[str, Any]]
    free_bytes: int
    warnings: list[str]

    @property
    def is_healthy(self) -> bool:
        return not self.warnings

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "is_healthy": self.is_healthy}

    def text(self) -> str:
        """The report as lines to read."""
        lines = [
            f"workspace  {self.workspace}",
            f"zone       {self.zone}",
            f"library    {self.library_version}",
            f"free space {self.free_bytes / 1e9:,.1f} GB",
            "",
            "tables",
            *(
                f"  {name:<16} version {t['version']:>3}   in the current snapshot: {t['published']}"
                for name, t in self.tables.items()
            ),
            "snapshots",
            *(f"  {s['version']}  as of {s['as_of']}  published {s['published_at']}" for s in self.snapshots),
            "open by",
            *(f"  process {p['pid']}: {p['command']}" for p in self.open_by),
            "",
            *([f"! {w}" for w in self.warnings] or ["All is well."]),
        ]
        return "\n".join(lines)


def examine(path: str | Path | None = None) -> Report:
    """Look at a workspace without changing it.

    Raises
    ------
    NothingBuilt
        When there is no workspace.
    """
    workspace = Workspace.open(path)
    snapshots = workspace.snapshots()
    current = workspace.snapshot().published if snapshots else None
    warnings = []
    tables = {}
    to_build = workspace.build_versions()
    for name in TABLES:
        if workspace.store.exists(name):
            version = workspace.store.version(name)
            published = current.table_versions.get(name) if current else None
            tables[name] = {"version": version, "published": published}
            if current and name in to_build and published != to_build[name]:
                warnings.append(
                    f"Table '{name}' is at version {to_build[name]}, the current snapshot read {published}: run "
                    "`qa build`."
                )
    landings = [{**vars(x), "landed_at": x.landed_at.isoformat()} for x in workspace.state.landings()]
    for landing in landings:
        if landing["reject_count"]:
            warnings.append(
                f"{landing['reject_count']:,} rows of {landing['file_name']} ({landing['feed']}) were rejected; "
                "see the table 'rejects'."
            )
    if not current:
        warnings.append("No snapshot is published: run `qa build`.")
    elif current.library_version != library_version():
        warnings.append(
            f"The current snapshot was built by version {current.library_version}, this is {library_version()}: "
            "run `qa build`."
        )
    missing = [f.name for f in FEEDS.values() if f.table_name not in tables]
    if missing and tables:
        warnings.append(f"Never landed: {', '.join(missing)}.")
    left = [p.name for p in (workspace.root / "cache").glob(".building-*")]
    if left:
        warnings.append(f"Builds under way or left behind: {', '.join(left)}.")
    if fault := bundle_missing():
        warnings.append(fault)
    return Report(
        workspace=str(workspace.root),
        zone=str(workspace.zone),
        library_version=library_version(),
        tables=tables,
        landings=landings,
        snapshots=[
            {
                "version": s.version,
                "as_of": s.as_of.isoformat(),
                "published_at": s.published_at.isoformat(),
                "library_version": s.library_version,
            }
            for s in snapshots
        ],
        open_by=_holders(workspace.root),
        free_bytes=shutil.disk_usage(workspace.root).free,
        warnings=warnings,
    )


def _holders(root: Path) -> list[dict[str, Any]]:
    """Processes with a file of the workspace open, where the system shows them (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            opened = {os.readlink(fd) for fd in (process / "fd").iterdir()}
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if int(process.name) != os.getpid() and any(f.startswith(f"{root}/") for f in opened):
            found.append({"pid": int(process.name), "command": command[:120]})
    return found
