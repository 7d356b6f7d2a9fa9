"""Loading a scheduled source: read on from where it was read, land under every contract, then move the mark."""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from qa_lib.errors import ContractBroken, DataError, FileUnreadable, NothingBuilt
from qa_lib.sources.land import land
from qa_lib.sources.loads import read_mark, write_mark
from qa_lib.sources.reading import Part, from_mark, read_parts
from qa_lib.sources.source import Files, Source
from qa_lib.workspace import Landing, Workspace

#: The folder of a workspace for what was read and is not landed yet; swept when a load begins.
SPOOL = "landing"
_UNFINISHED = (".part", ".tmp", ".crdownload", "~")


class SourceLoad(NamedTuple):
    """What a load of a source did: rows that were read, a landing for each file and table, and the new mark."""

    read_count: int
    landings: tuple[Landing, ...]
    mark: str | None


def load_source(
    workspace: Workspace, source: Source, progress: Callable[[str], None] | None = None
) -> SourceLoad:
    """Load what a source has that is new.

    Files that cannot be landed do not keep the others from landing: the first fault is raised at the end. Called
    again after being cut off anywhere, it lands what is missing, and nothing twice.

    Parameters
    ----------
    progress
        Called with a few words for every file or part.

    Raises
    ------
    SourceUnavailable, SpecError, ContractBroken, WorkspaceUnusable
        As `qa_lib.sources.reading.read_parts` says.
    FileUnreadable, ContractBroken
        As `qa_lib.sources.land.land` says.
    """
    say = progress or (lambda _: None)
    with _alone(workspace, source):
        if isinstance(source.read, Files):
            return _load_files(workspace, source, source.read, say)
        return _load_parts(workspace, source, say)


def _load_parts(workspace: Workspace, source: Source, say: Callable[[str], None]) -> SourceLoad:
    spool = workspace.root / SPOOL / source.name
    shutil.rmtree(spool, ignore_errors=True)  # of a load that was cut off
    mark, count, landings = read_mark(workspace, source.name), 0, []
    try:
        for part in read_parts(source, workspace.root, spool, mark):
            say(
                f"{part.row_count:,} rows up to {from_mark(part.mark)}"
                if part.mark
                else f"{part.row_count:,} rows"
            )
            if part.row_count:
                landings += _land_part(workspace, source, part)
            count += part.row_count
            if part.mark is not None and part.mark != mark:
                mark = part.mark
                write_mark(workspace, source.name, mark)
    finally:
        shutil.rmtree(spool, ignore_errors=True)
    if not count and not getattr(source.read, "watermark", None):
        _refuse_empty(workspace, source)
    return SourceLoad(count, tuple(landings), mark)


def _land_part(workspace: Workspace, source: Source, part: Part) -> list[Landing]:
    what = getattr(source.read, "table", None) or getattr(source.read, "path", "")
    name = f"{what} to {from_mark(part.mark)}" if part.mark else what
    return [land(workspace, feed, part.path, name=name, is_read_anew=True) for feed in source.feeds]


def _refuse_empty(workspace: Workspace, source: Source) -> None:
    """A source that had rows and has none is more likely broken than empty."""
    for feed in source.feeds:
        before = workspace.state.last_landing(feed.name)
        if before and before.row_count:
            raise ContractBroken(
                f"Source '{source.name}' gave no rows; the load before had {before.row_count:,} for "
                f"'{feed.table_name}', which stay. Look whether it is really empty."
            )


def _load_files(workspace: Workspace, source: Source, read: Files, say: Callable[[str], None]) -> SourceLoad:
    landings: list[Landing] = []
    faults: list[DataError] = []
    known = {(x.feed, x.content_hash) for x in workspace.state.landings()}
    count = 0
    for path in dropped_files(workspace, source, read):
        say(path.name)
        for feed in source.feeds:
            try:
                done = land(workspace, feed, path, encoding=read.encoding, sheet=read.sheet)
            except DataError as fault:
                faults.append(fault)
                break
            if (done.feed, done.content_hash) not in known:
                landings.append(done)
                count += done.row_count + done.reject_count
    if faults:
        more = f" ({len(faults) - 1} more files could not be landed.)" if len(faults) > 1 else ""
        raise type(faults[0])(f"{faults[0]}{more}")
    return SourceLoad(count, tuple(landings), None)


def dropped_files(workspace: Workspace, source: Source, read: Files) -> list[Path]:
    """The files of a folder that fit, in order of their names; those still being written are left alone.

    Raises
    ------
    NothingBuilt
        When the folder is not there.
    """
    folder = workspace.root / read.folder
    try:
        there = sorted(p for p in folder.iterdir() if p.is_file())
    except NotADirectoryError:
        raise FileUnreadable(
            f"Source '{source.name}': {folder} is a file; expected a folder of files."
        ) from None
    except OSError as error:
        raise NothingBuilt(
            f"Source '{source.name}': the folder {folder} cannot be read: {error.strerror}. Make it, or change "
            "`folder` (taken from the workspace's folder)."
        ) from None
    return [
        p
        for p in there
        if fnmatch.fnmatch(p.name, read.pattern)
        and not p.name.startswith((".", "~$"))
        and not p.name.endswith(_UNFINISHED)
    ]


@contextlib.contextmanager
def _alone(workspace: Workspace, source: Source) -> Iterator[None]:
    """One load of a source at a time on this machine; the lock goes with the process that holds it."""
    folder = workspace.root / SPOOL
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f".{source.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
