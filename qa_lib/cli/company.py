"""`qa company`: a synthetic company's files, and with --land its data in a workspace of its own."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from qa_lib.cli.options import Json, WorkspaceOption
from qa_lib.cli.options import answer as print_answer

company_app = typer.Typer()


@company_app.command("company")
def company_command(
    folder: Annotated[Path, typer.Argument(help="Where its files are written; one company a folder.")],
    people: Annotated[
        int, typer.Option("--people", help="How many people; about five events each.")
    ] = 100_000,
    industry: Annotated[
        str, typer.Option("--industry", help="sale_618, bank_dormant or school_renewal.")
    ] = "sale_618",
    random_state: Annotated[
        int, typer.Option("--random-state", help="Seed: the same number gives the same bytes.")
    ] = 7,
    processes: Annotated[int, typer.Option("--processes", help="How many write at once.")] = 2,
    land: Annotated[
        bool, typer.Option("--land", help="Land it, through its contracts, into a workspace of its own.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """Write a synthetic company with its truth: five channels, identifiers with errors, campaigns, sends."""
    from rich.console import Console

    from qa_lib.jobs.synthetic_company import (
        check_company,
        company_workspace,
        land_company,
        write_synthetic_company,
    )

    target = workspace or os.environ.get("QA_WORKSPACE")
    if land and not target:
        raise typer.BadParameter(
            "name the workspace that it is landed into: --workspace FOLDER", param_hint="--land"
        )
    check_company(people, industry, processes)
    opened = company_workspace(target) if land and target else None
    with Console(stderr=True).status("synthetic company") as status:
        written = write_synthetic_company(
            folder,
            people=people,
            industry_name=industry,
            random_state=random_state,
            processes=processes,
            progress=status.update,
        )
        said = [
            f"{written.folder}: {written.people:,} people, {written.event_count:,} events, "
            f"{sum(written.rows.values()):,} rows in {written.seconds:,.1f} s"
        ]
        answer = {"folder": str(written.folder), "people": written.people, "rows": written.rows}
        if opened is not None:
            started = time.monotonic()
            loads = land_company(opened, written.folder, status.update)
            seconds = time.monotonic() - started
            landed, rejected = (
                sum(getattr(x, name) for load in loads for x in load.landings)
                for name in ("row_count", "reject_count")
            )
            answer |= {"workspace": str(opened.root), "landed": landed, "rejected": rejected}
            said.append(
                f"{opened.root}: {landed:,} rows landed, {rejected:,} rejected in {seconds:,.1f} s; next: qa build"
            )
    print_answer(answer, "\n".join(said), as_json)
