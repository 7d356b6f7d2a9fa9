"""`qa sources`: the scheduled sources of a workspace, whether they hold, and their loads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from qa_lib.cli.options import Json, WorkspaceOption
from qa_lib.cli.options import answer as print_answer
from qa_lib.errors import SpecError, WorkbenchError

sources_app = typer.Typer(
    help="Scheduled sources: list, check and load them, and read the quality report.", no_args_is_help=True
)
Names = Annotated[list[str] | None, typer.Argument(help="Names of sources; all of them when not given.")]


@sources_app.command("list")
def sources_list(workspace: WorkspaceOption = None, as_json: Json = False) -> None:
    """The declared sources: where they read, into which tables, and when they were last loaded."""
    from qa_lib.sources import loads, read_sources
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    newest = {load.feed: load.loaded_at for load in loads(opened)}
    rows: list[dict[str, Any]] = []
    for source in read_sources(opened).values():
        done = [newest[f.name] for f in source.feeds if f.name in newest]
        rows.append(
            {
                "source": source.name,
                "label_zh": source.label_zh,
                "label_en": source.label_en,
                "reads": source.read.kind,
                "tables": list(dict.fromkeys(f.table_name for f in source.feeds)),
                "loaded_at": max(done).isoformat() if done else None,
            }
        )
    lines = [
        f"{r['source']}  {r['label_zh']} · {r['label_en']}  {r['reads']} → {', '.join(r['tables'])}  "
        f"{r['loaded_at'] or 'never loaded'}"
        for r in rows
    ]
    print_answer({"sources": rows}, "\n".join(lines) or "No source is declared.", as_json)


@sources_app.command("check")
def sources_check(names: Names = None, workspace: WorkspaceOption = None, as_json: Json = False) -> None:
    """Whether every declaration holds, its secret is there, and its newest rows are as new as was agreed."""
    from qa_lib.sources import load_report, loads
    from qa_lib.sources.secrets import reveal
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    chosen = _chosen(opened, names)
    report = load_report(opened, as_of=datetime.now(UTC)).set_index("feed")
    known = {load.feed for load in loads(opened)}
    problems: list[str] = []
    for source in chosen:
        for secret in (getattr(source.read, "url", None), getattr(source.read, "token", None)):
            try:
                if secret is not None:
                    reveal(secret, source.name, opened.root)
            except SpecError as error:
                problems.append(str(error))
        for feed in source.feeds:
            if feed.name not in known:
                problems.append(f"'{feed.name}' was never loaded.")
            elif report.loc[feed.name, "is_fresh"] is False:
                problems.append(
                    f"'{feed.name}' is stale: its newest row is {report.loc[feed.name, 'age_hours']:,.1f} hours old; "
                    f"at most {feed.fresh_hours:,g} were agreed."
                )
    text = "\n".join(problems) or f"{len(chosen)} sources hold."
    print_answer({"ok": not problems, "problems": problems}, text, as_json)
    if problems:
        raise typer.Exit(1)


@sources_app.command("load")
def sources_load(names: Names = None, workspace: WorkspaceOption = None, as_json: Json = False) -> None:
    """Load what is new; one source that fails does not keep the others from being loaded."""
    from qa_lib.sources import load_source
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    done: list[dict[str, Any]] = []
    lines: list[str] = []
    for source in _chosen(opened, names):
        try:
            load = load_source(opened, source)
        except WorkbenchError as error:
            done.append({"source": source.name, "error": str(error)})
            lines.append(f"✗ {source.name}: {error}")
            continue
        landed, rejected = (sum(getattr(x, n) for x in load.landings) for n in ("row_count", "reject_count"))
        done.append(
            {
                "source": source.name,
                "read_count": load.read_count,
                "row_count": landed,
                "reject_count": rejected,
            }
        )
        lines.append(
            f"✓ {source.name}: {load.read_count:,} rows read, {landed:,} landed, {rejected:,} rejected"
        )
    print_answer({"loads": done}, "\n".join(lines) or "No source is declared.", as_json)
    if any("error" in one for one in done):
        raise typer.Exit(1)


@sources_app.command("report")
def sources_report(
    feed: Annotated[str | None, typer.Argument(help="A feed: its columns beside the load before.")] = None,
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """The quality report: the newest load of every feed, or one feed's columns."""
    from qa_lib.sources import column_report, load_report
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    frame = column_report(opened, feed) if feed else load_report(opened, as_of=datetime.now(UTC))
    rows = json.loads(frame.to_json(orient="records", date_format="iso", force_ascii=False))
    shown = frame.drop(columns=["loaded_at", "seconds", "table", "file"], errors="ignore")
    print_answer({"rows": rows}, shown.to_string(index=False, na_rep=""), as_json)


def _chosen(opened: Any, names: list[str] | None) -> list[Any]:
    from qa_lib.sources import find_source, read_sources

    return [find_source(opened, name) for name in names] if names else list(read_sources(opened).values())
