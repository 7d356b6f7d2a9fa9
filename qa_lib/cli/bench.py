"""`qa bench`: one benchmark of `tests/benchmarks/`, its figures and whether its bars hold."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from qa_lib.cli.options import Json
from qa_lib.cli.options import answer as print_answer
from qa_lib.errors import NothingBuilt, UnknownName, did_you_mean

bench_app = typer.Typer()
_FOLDER = Path(__file__).parents[2] / "tests" / "benchmarks"
_PREFIX = "bench_"


@bench_app.command()
def bench(
    name: Annotated[str, typer.Argument(help="The benchmark, such as preview; with --report all.")] = "",
    tier: Annotated[
        Literal["S", "M", "L"], typer.Option(help="S 100,000 people, M a million, L ten million.")
    ] = "S",
    report: Annotated[
        bool, typer.Option("--report", help="Keep the results, and write the README's and the docs' tables.")
    ] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="With --report: run only what has no result at this tier.")
    ] = False,
    render: Annotated[
        bool, typer.Option("--render", help="With --report: run nothing, write the tables of what is kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure against the peers; exit code 3 when a bar falls short, 1 when an answer was wrong."""
    if report:
        _report(name, tier, missing=missing, render=render)
        return
    if not name:
        raise UnknownName(f"Which benchmark? Known: {', '.join(_known())}; or `qa bench --report` for all.")
    found = _load(name)
    measured: Any = importlib.import_module("measured")
    waited = measured.waited_ms()
    try:
        figures = found.run(tier, lambda line: typer.echo(line, err=True))
    except measured.WrongAnswer as error:
        typer.echo(f"qa: a wrong answer in {name}: {error}", err=True)
        raise typer.Exit(1) from None
    result = {
        "bench": name,
        "tier": tier,
        "machine": {**measured.machine(), "waited_ms": round(measured.waited_ms() - waited, 1)},
        "figures": [vars(figure) for figure in figures],
    }
    print_answer(result, _text(result), as_json)
    if any(figure.holds is False for figure in figures):
        raise typer.Exit(3)


def _report(name: str, tier: str, *, missing: bool, render: bool) -> None:
    """Run benchmarks in processes of their own, keep each result as it comes, and write the tables.

    A benchmark whose bar falls short is kept and shown as such; one with a wrong answer is not kept.
    """
    _load(name or _known()[0])
    written: Any = importlib.import_module("report")
    chosen = (
        [name] if name else [b for b in written.BENCHES if tier == "S" or b not in written.WITHOUT_PEOPLE]
    )
    code = 0
    for one in [] if render else chosen:
        if missing and written.path_of(one, tier).exists():
            continue
        typer.echo(f"{one} at tier {tier}", err=True)
        command = [sys.executable, "-m", "qa_lib.cli", "bench", one, "--tier", tier, "--json"]
        run = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if run.returncode not in (0, 3):
            typer.echo(f"qa: {one} at tier {tier} gave no result (exit code {run.returncode})", err=True)
            code = 1
            continue
        result = json.loads(run.stdout)
        written.keep({**result, "measured_on": datetime.now(UTC).date().isoformat()})
        code = code or run.returncode
    written.write(written.kept())
    if code:
        raise typer.Exit(code)


def _known() -> list[str]:
    return sorted(p.stem.removeprefix(_PREFIX) for p in _FOLDER.glob(f"{_PREFIX}*.py"))


def _load(name: str) -> Any:
    if not _FOLDER.is_dir():
        raise NothingBuilt(
            f"The benchmarks are not installed with the library: expected {_FOLDER}. Run `qa bench` from a checkout."
        )
    known = _known()
    if name not in known:
        raise UnknownName(f"Unknown benchmark {name!r}.{did_you_mean(name, known)}")
    if str(_FOLDER) not in sys.path:
        sys.path.insert(0, str(_FOLDER))
    return importlib.import_module(f"{_PREFIX}{name}")


def _text(report: dict[str, Any]) -> str:
    told = {None: "", True: "holds", False: "FALLS SHORT"}
    lines = [f"{report['bench']} at tier {report['tier']} on {report['machine']}"]
    lines += [
        f"{f['name']:<44} {f['value']:>12,.3f} {f['unit']:<10} {f['bar']:<10} {told[f['holds']]}"
        for f in report["figures"]
    ]
    return "\n".join(lines)
