"""`qa bench`: one benchmark of `tests/benchmarks/`, its figures and whether its bars hold."""

from __future__ import annotations

import importlib
import sys
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
    name: Annotated[str, typer.Argument(help="The benchmark, such as preview.")],
    tier: Annotated[
        Literal["S", "M", "L"], typer.Option(help="S 100,000 people, M a million, L ten million.")
    ] = "S",
    as_json: Json = False,
) -> None:
    """Measure against the peers; exit code 3 when a bar falls short, 1 when an answer was wrong."""
    found = _load(name)
    measured: Any = importlib.import_module("measured")
    waited = measured.waited_ms()
    try:
        figures = found.run(tier, lambda line: typer.echo(line, err=True))
    except measured.WrongAnswer as error:
        typer.echo(f"qa: a wrong answer in {name}: {error}", err=True)
        raise typer.Exit(1) from None
    report = {
        "bench": name,
        "tier": tier,
        "machine": {**measured.machine(), "waited_ms": round(measured.waited_ms() - waited, 1)},
        "figures": [vars(figure) for figure in figures],
    }
    print_answer(report, _text(report), as_json)
    if any(figure.holds is False for figure in figures):
        raise typer.Exit(3)


def _load(name: str) -> Any:
    if not _FOLDER.is_dir():
        raise NothingBuilt(
            f"The benchmarks are not installed with the library: expected {_FOLDER}. Run `qa bench` from a checkout."
        )
    known = sorted(p.stem.removeprefix(_PREFIX) for p in _FOLDER.glob(f"{_PREFIX}*.py"))
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
