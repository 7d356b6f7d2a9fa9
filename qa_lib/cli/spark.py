"""What an engine beyond this machine does: the tables it reads, counts, tags of families, groups of identifiers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qa_lib.cli.identity import identity_app
from qa_lib.cli.options import AsOf, Json, WorkspaceOption
from qa_lib.cli.options import answer as print_answer
from qa_lib.cli.tags import tags_app
from qa_lib.errors import SpecError

if TYPE_CHECKING:
    from qa_lib.audiences import Audience
    from qa_lib.rules import Evaluation, Rule
    from qa_lib.workspace import Snapshot

export_app = typer.Typer()

SparkAddress = Annotated[
    str | None,
    typer.Option("--engine", help="A Spark Connect server that runs the conditions, sc://host:port."),
]
SparkTables = Annotated[
    str | None,
    typer.Option("--tables", help="What `qa export-tables` wrote, by the path that the server reads."),
]
Engine = Annotated[str, typer.Option("--engine", help="A Spark Connect server, sc://host:port.")]


@export_app.command("export-tables")
def export_tables_command(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet; it is written whole.")],
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    links: Annotated[
        bool, typer.Option("--links", help="Also the links between identifiers, as they stand.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the people, tags and events of a snapshot as Parquet, for other engines."""
    from qa_lib.tables import LINKS
    from qa_lib.workspace import Workspace, export_rows, export_tables

    opened = Workspace.open(workspace)
    snapshot = opened.snapshot(as_of)
    files = export_tables(snapshot, folder)
    if links:
        files.append(export_rows(opened, LINKS, folder))
    size = sum(file.stat().st_size for file in files)
    text = f"{len(files)} tables, {size / 1e6:,.1f} MB, of {snapshot.version} in {folder}"
    print_answer({"folder": str(folder), "bytes": size, **snapshot.stamp()}, text, as_json)


@tags_app.command("build")
def tags_build(
    engine: Engine,
    tables: Annotated[
        str,
        typer.Option("--tables", help="What `qa export-tables` wrote, by the path that the server reads."),
    ],
    out: Annotated[str, typer.Option("--out", help="A folder that is not there; the server writes it.")],
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Compute every tag of the workspace's families on a Spark Connect server, as Parquet tables."""
    from rich.console import Console

    from qa_lib.profiles.spark_families import build_tags_on, workspace_tags
    from qa_lib.rules import spark_session
    from qa_lib.workspace import Workspace

    opened = Workspace.open(workspace)
    snapshot = opened.snapshot(as_of)
    tags = workspace_tags(opened, snapshot)
    session = spark_session(engine)
    try:
        with Console(stderr=True).status("tags") as status:
            built = build_tags_on(
                session, tables, out, tags, version=snapshot.version, progress=status.update
            )
    finally:
        session.stop()
    seconds = {event: round(took, 3) for event, took in built.seconds.items()}
    text = f"{len(built.tags):,} tags of {snapshot.version} over {len(seconds)} kinds of events in {built.folder}"
    print_answer(
        {"tags": len(built.tags), "folder": built.folder, "seconds": seconds, **snapshot.stamp()},
        text,
        as_json,
    )


@identity_app.command("groups")
def identity_groups(
    engine: Engine,
    links: Annotated[
        str,
        typer.Option(
            "--links", help="The links as Parquet (`qa export-tables --links`), as the server reads them."
        ),
    ],
    out: Annotated[str, typer.Option("--out", help="A folder that is not there; the server writes it.")],
    size_cap: Annotated[int, typer.Option(help="Most identifiers of one person.")] = 50,
    as_json: Json = False,
) -> None:
    """Which identifiers belong together, found on a Spark Connect server, as a Parquet table."""
    from qa_lib.identity import Policy
    from qa_lib.identity.spark_groups import group_links_on
    from qa_lib.rules import spark_session

    if size_cap < 1:
        raise typer.BadParameter(f"{size_cap} is less than 1", param_hint="--size-cap")
    session = spark_session(engine)
    try:
        found = group_links_on(session, links, out, Policy(size_cap=size_cap))
    finally:
        session.stop()
    text = (
        f"{found.groups:,} groups of {found.identifiers:,} identifiers in {found.rounds} rounds: "
        f"{found.shared:,} shared, {found.held:,} held, {found.contested:,} groups taken here; in {found.folder}"
    )
    print_answer(vars(found), text, as_json)


def evaluate_on_spark(
    snapshot: Snapshot, audience: Audience | Rule, address: str | None, tables: str | None
) -> Evaluation:
    """Who the rule selects, by the server; both options are needed."""
    from qa_lib.audiences import evaluate_on, spark_engine
    from qa_lib.rules import spark_session

    if address is None or tables is None:
        raise SpecError("Another engine needs both --engine (its address) and --tables (what it reads).")
    session = spark_session(address)
    try:
        return evaluate_on(spark_engine(snapshot, session, tables), audience)
    finally:
        session.stop()
