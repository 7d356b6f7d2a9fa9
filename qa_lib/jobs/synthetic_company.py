"""Writing a synthetic company shard by shard, in several processes, and landing it through its sources."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow.parquet as pq

from qa_lib.errors import SpecError, WorkspaceUnusable
from qa_lib.identity.aliases import TRUTH
from qa_lib.jobs.synthetic import SYNTHETIC_CURRENCY, SYNTHETIC_ZONE
from qa_lib.sources import SourceLoad, load_source, read_sources, write_source
from qa_lib.sources.synthetic import shard_count
from qa_lib.sources.synthetic_company import RECIPE, company_campaigns, company_items, company_shard
from qa_lib.sources.synthetic_industries import industry
from qa_lib.sources.synthetic_sources import company_sources
from qa_lib.workspace import Workspace
from qa_lib.workspace.sql import text_literal

#: The file that says what a folder holds; it is written last.
NOTE = "company.json"
_EVENTS = ("orders", "visits", "activity", "advertising")


class Written(NamedTuple):
    """What was written: the folder, rows by table, people, events and seconds."""

    folder: Path
    rows: dict[str, int]
    people: int
    event_count: int
    seconds: float


def write_synthetic_company(
    folder: str | Path,
    *,
    people: int = 100_000,
    industry_name: str = "sale_618",
    random_state: int = 7,
    processes: int = 2,
    progress: Callable[[str], None] | None = None,
) -> Written:
    """Write a company as Parquet files, a file a shard: the same bytes however many processes write.

    Parameters
    ----------
    folder
        Made by the call; a company that is there with the same recipe is kept, another is refused.
    people
        How many; about five events each.
    industry_name
        One of `qa_lib.sources.synthetic_industries.INDUSTRIES`.

    Raises
    ------
    SpecError
        When `people` is below one, or the folder holds something else.
    UnknownName
        For an industry that is not there.
    WorkspaceUnusable
        When the folder cannot be written; nothing is left of it.
    """
    started, folder = time.monotonic(), Path(folder)
    check_company(people, industry_name, processes)
    recipe = {"recipe": RECIPE, "people": people, "industry": industry_name, "random_state": random_state}
    if folder.exists():
        return _there(folder, recipe, started)
    beside = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:8]}"
    say = progress or (lambda _: None)
    try:
        beside.mkdir(parents=True)
        rows: dict[str, int] = {}
        for name, table in (("items", company_items()), ("campaigns", company_campaigns(industry_name))):
            _write(beside, name, "all", table)
            rows[name] = len(table)
        jobs = [(beside, people, n, industry_name, random_state) for n in range(shard_count(people))]
        if processes == 1 or len(jobs) == 1:
            for n, job in enumerate(jobs):
                _count(rows, _shard(job))
                say(f"shard {n + 1} of {len(jobs)}")
        else:
            with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=get_context("spawn")) as pool:
                for n, made in enumerate(pool.map(_shard, jobs)):
                    _count(rows, made)
                    say(f"shard {n + 1} of {len(jobs)}")
        (beside / NOTE).write_text(json.dumps({**recipe, "rows": rows}, indent=2) + "\n", encoding="utf-8")
        beside.rename(folder)
    except OSError as error:
        raise WorkspaceUnusable(
            f"The company cannot be written to {folder}: {error.strerror or error}. Check the space left, or choose "
            "another folder."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Written(folder, rows, people, sum(rows[name] for name in _EVENTS), time.monotonic() - started)


def check_company(people: int, industry_name: str, processes: int = 1) -> None:
    """Refuse a size or an industry that there is not, as `write_synthetic_company` does, before anything is made."""
    industry(industry_name)
    if people < 1 or processes < 1:
        raise SpecError(f"people={people:,} and processes={processes:,}: both are at least 1.")


def company_workspace(folder: str | Path) -> Workspace:
    """A workspace for a synthetic company: made where it is not there yet, or the one that holds a company.

    Raises
    ------
    SpecError
        When a workspace that is there has other settings, or holds data of anything but a synthetic company.
    WorkspaceUnusable
        When the folder cannot be written.
    """
    workspace = Workspace.create(folder, zone=SYNTHETIC_ZONE, currency=SYNTHETIC_CURRENCY)
    others = sorted({x.feed for x in workspace.state.landings() if not x.feed.startswith("company.")})
    if others:
        raise SpecError(
            f"The workspace {workspace.root} holds landed data of '{others[0]}'; a synthetic company has one of its "
            "own. Name a folder that is not there yet."
        )
    return workspace


def land_company(
    workspace: Workspace, folder: str | Path, progress: Callable[[str], None] | None = None
) -> list[SourceLoad]:
    """Declare a company's sources in a workspace, load them, and keep the truth of identities beside them.

    Called again it lands what is missing.

    Raises
    ------
    NothingBuilt
        When a folder of the company is not there.
    SpecError
        When the workspace holds a company from another folder.
    WorkspaceUnusable
        When the truth cannot be read or kept; what had landed stays.
    """
    say = progress or (lambda _: None)
    known, done = read_sources(workspace), []
    for source in company_sources(folder):
        label = source.label.en
        if source.name in known and known[source.name].read != source.read:
            raise SpecError(
                f"The workspace {workspace.root} holds another company: its source '{source.name}' does not read "
                f"{Path(folder).absolute()}. Land each in a workspace of its own."
            )
        write_source(workspace, source)
        say(label)
        done.append(load_source(workspace, source, _said(say, label)))
    _keep_truth(Path(folder).absolute() / "truth" / "identity", workspace.root / TRUTH)
    return done


def _keep_truth(parts: Path, truth: Path) -> None:
    """Put whose each identifier is beside the workspace's tables, whole or not at all."""
    beside = Path(f"{truth}.part")
    listed = text_literal(str(parts / "*.parquet"))
    try:
        truth.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(duckdb.connect()) as con:
            con.execute(
                f"COPY (SELECT * FROM read_parquet({listed})) TO {text_literal(str(beside))} (FORMAT parquet)"
            )
        beside.replace(truth)
    except (OSError, duckdb.Error) as error:
        beside.unlink(missing_ok=True)
        raise WorkspaceUnusable(
            f"The truth of identities in {parts} cannot be kept in {truth}: {str(error).splitlines()[0]} Check the "
            "space left and land again; where it is gone, write the company anew into another folder."
        ) from None


def _said(say: Callable[[str], None], label: str) -> Callable[[str], None]:
    return lambda file: say(f"{label}: {file}")


def _there(folder: Path, recipe: dict[str, Any], started: float) -> Written:
    try:
        found = json.loads((folder / NOTE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise SpecError(
            f"The folder {folder} is there and holds no synthetic company. Choose another."
        ) from None
    rows = found.pop("rows")
    if found != recipe:
        raise SpecError(
            f"The folder {folder} holds another company: {found}, asked for {recipe}. Choose another."
        )
    count = sum(rows[name] for name in _EVENTS)
    return Written(folder, rows, recipe["people"], count, time.monotonic() - started)


def _shard(job: tuple[Path, int, int, str, int]) -> dict[str, int]:
    folder, people, number, industry_name, random_state = job
    tables = company_shard(people, number, industry_name=industry_name, random_state=random_state)
    for name, table in tables.items():
        _write(folder, name, f"{number:05d}", table)
    return {name: len(table) for name, table in tables.items()}


def _write(folder: Path, name: str, part: str, table: Any) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    path = folder / name / f"{part}.parquet"
    pq.write_table(table, path, compression="zstd", compression_level=1)
    os.chmod(path, 0o644)


def _count(rows: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        rows[name] = rows.get(name, 0) + count
