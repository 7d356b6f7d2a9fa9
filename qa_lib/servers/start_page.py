"""What the dashboards' start page tells: which dashboards there are, and how fresh the data are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qa_lib.errors import FileUnreadable, NothingBuilt, WorkbenchError
from qa_lib.jobs.parameters import read_notebook
from qa_lib.jobs.record import RECORD, Run
from qa_lib.jobs.report import notebook_title
from qa_lib.tables import Label

if TYPE_CHECKING:
    import nbformat

    from qa_lib.workspace import Workspace

#: A night and a little: what is older than this has missed one.
STALE = timedelta(hours=26)
_JOBS = "jobs"  # the folder of the notebooks that run by night


@dataclass(frozen=True)
class Entry:
    """One dashboard: the question that its notebook asks, and what it shows."""

    title: str
    about: str


@dataclass(frozen=True)
class Fact:
    """One line about freshness.

    Attributes
    ----------
    state
        `good`, `old` (missed a night), `bad` (failed) or `none` (there is nothing yet).
    at
        The moment in the workspace's zone, to be read; empty where there is none.
    age
        How long ago that was.
    todo
        What to do about it; empty where there is nothing to do.
    """

    key: str
    label: Label
    state: str
    at: str = ""
    age: Label = Label("", "")
    detail: str = ""
    todo: Label = Label("", "")


def entries(folder: str | Path, under: str = "") -> dict[str, Entry]:
    """The dashboards of `folder`/`under`, by path below `folder`.

    A notebook without a heading, or that cannot be read, is left out: the index then shows its name.
    """
    root = Path(folder)
    found = {}
    for path in sorted((root / under).glob("*.ipynb")):
        try:
            notebook: nbformat.NotebookNode = read_notebook(path)
        except FileUnreadable:
            continue
        if title := notebook_title(notebook):
            found[path.relative_to(root).as_posix()] = Entry(title, _about(notebook))
    return found


def freshness(
    workspace: str | Path | None = None, runs_dir: str | Path = "data/runs", *, now: datetime | None = None
) -> list[Fact]:
    """How fresh the data are: the snapshot, its publication, the last landing, the last run of each job.

    Nothing is written, and what cannot be read is a fact with words, never an error.
    """
    from qa_lib.workspace import Workspace

    now = now or datetime.now(UTC)
    try:
        opened = Workspace.open(workspace, read_only=True)
    except NothingBuilt as error:
        todo = Label(
            "还没有工作区：运行 make demo，或 qa init。", "There is no workspace yet: make demo, or qa init."
        )
        return [Fact("workspace", Label("工作区", "Workspace"), "none", detail=str(error), todo=todo)]
    except WorkbenchError as error:
        return [Fact("workspace", Label("工作区", "Workspace"), "bad", detail=str(error))]
    try:
        return [*_snapshot(opened, now), _landing(opened, now), *_runs(Path(runs_dir), opened.zone, now)]
    finally:
        opened.state.engine.dispose()


def page_facts(
    folder: str | Path, under: str, workspace: str | Path | None, runs_dir: str | Path
) -> Mapping[str, Any]:
    """All of it as JSON values for the page's template."""
    facts = [
        {**asdict(f), "label": f.label.to_dict(), "age": f.age.to_dict(), "todo": f.todo.to_dict()}
        for f in freshness(workspace, runs_dir)
    ]
    return {"entries": {path: asdict(e) for path, e in entries(folder, under).items()}, "facts": facts}


def _snapshot(workspace: Workspace, now: datetime) -> list[Fact]:
    label = Label("数据截至", "Data as of")
    newest = workspace.current()
    if newest is None:
        todo = Label("还没有快照：运行 qa build。", "No snapshot is published yet: qa build.")
        return [Fact("snapshot", label, "none", todo=todo)]
    late = now - newest.published_at > STALE
    todo = Label(
        "超过一天没有发布新快照：查看下方的夜间运行，或运行 qa build。",
        "No snapshot was published for more than a day: see the nightly runs below, or qa build.",
    )
    return [
        Fact("snapshot", label, "good", _moment(newest.as_of, workspace.zone), detail=newest.version),
        Fact(
            "published",
            Label("快照发布于", "Published"),
            "old" if late else "good",
            _moment(newest.published_at, workspace.zone),
            age(now - newest.published_at),
            todo=todo if late else Label("", ""),
        ),
    ]


def _landing(workspace: Workspace, now: datetime) -> Fact:
    label = Label("最近落地", "Last landing")
    landings = workspace.state.landings()
    if not landings:
        todo = Label(
            "还没有数据落地：运行 qa land 或 qa sources load。",
            "Nothing has landed: qa land, or qa sources load.",
        )
        return Fact("landing", label, "none", todo=todo)
    last = max(landings, key=lambda one: one.landed_at)
    detail = f"{last.feed} · {last.file_name} · {last.row_count:,} 行 rows"
    if last.reject_count:
        detail += f" · {last.reject_count:,} 拒绝 rejected"
    at = _moment(last.landed_at, workspace.zone)
    return Fact("landing", label, "good", at, age(now - last.landed_at), detail)


def _runs(runs_dir: Path, zone: tzinfo, now: datetime) -> list[Fact]:
    latest: dict[str, Run] = {}
    for record in runs_dir.glob(f"*/{RECORD}"):
        try:
            run = Run.load(record.parent)
        except NothingBuilt:  # another tool's folder
            continue
        if run.source.parent.name == _JOBS and (
            run.name not in latest or run.started_at > latest[run.name].started_at
        ):
            latest[run.name] = run
    if not latest:
        todo = Label(
            "还没有夜间运行：qa run notebooks/jobs/build.ipynb。",
            "No job has run yet: qa run notebooks/jobs/build.ipynb.",
        )
        return [Fact("run", Label("夜间运行", "Nightly run"), "none", todo=todo)]
    return [_run(run, zone, now) for run in sorted(latest.values(), key=lambda run: run.started_at)]


def _run(run: Run, zone: tzinfo, now: datetime) -> Fact:
    state = "bad" if run.status == "failed" else "old" if now - run.started_at > STALE else "good"
    words = {
        "completed": f"完成，{run.seconds:,.0f} 秒 · completed in {run.seconds:,.0f} s",
        "failed": f"失败 · failed {run.error or ''}",
    }
    todo = Label(f"查看 {run.notebook.name}，然后重新运行。", f"See {run.notebook.name}, then run it again.")
    return Fact(
        f"run-{run.name}",
        Label(f"夜间运行 {run.name}", f"Nightly run {run.name}"),
        state,
        _moment(run.started_at, zone),
        age(now - run.started_at),
        words.get(run.status, "未结束 · has not ended"),
        todo if state == "bad" else Label("", ""),
    )


def age(passed: timedelta) -> Label:
    """How long ago, in the largest unit that fits: minutes, hours or days."""
    minutes = max(0, int(passed.total_seconds() // 60))
    if minutes < 1:
        return Label("刚刚", "just now")
    for size, zh, en in ((1440, "天", "day"), (60, "小时", "hour"), (1, "分钟", "minute")):
        if minutes >= size:
            n = minutes // size
            return Label(f"{n:,} {zh}前", f"{n:,} {en}{'s' if n > 1 else ''} ago")
    raise AssertionError(minutes)


def _moment(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M} ({zone})"


def _about(notebook: nbformat.NotebookNode) -> str:
    """The first paragraph below the title, as plain text."""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for paragraph in re.split(r"\n\s*\n", cell.source):
            text = " ".join(line for line in paragraph.splitlines() if not re.match(r"\s*#", line)).strip()
            if text:
                return re.sub(r"[*_`]|\[([^\]]*)\]\([^)]*\)", lambda m: m[1] or "", text)
    return ""
