"""The commands; each is a few lines around a function of the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from qa_lib.cli.asking import add_asking_commands
from qa_lib.cli.bench import bench_app
from qa_lib.cli.campaigns import campaigns_app
from qa_lib.cli.company import company_app
from qa_lib.cli.exchange import exchange_app
from qa_lib.cli.identity import identity_app
from qa_lib.cli.library import add_library_commands
from qa_lib.cli.options import AsOf, Json, WorkspaceOption, read_audience
from qa_lib.cli.options import answer as print_answer
from qa_lib.cli.sources import sources_app
from qa_lib.cli.spark import SparkAddress, SparkTables, evaluate_on_spark, export_app
from qa_lib.cli.stream import stream_app
from qa_lib.errors import SpecError

app = typer.Typer(
    name="qa",
    help="人群工作台 · Quick audience workbench",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
audience_app = typer.Typer(
    help="Count, preview and explain a rule file; save, compare and take back audiences.",
    no_args_is_help=True,
)
rule_app = typer.Typer(
    help="Check a rule file, print its SQL, compare two, or carry it to other tools.", no_args_is_help=True
)
app.add_typer(audience_app, name="audience")
app.add_typer(rule_app, name="rule")
app.add_typer(sources_app, name="sources")
rule_app.add_typer(exchange_app)
app.add_typer(stream_app, name="stream")
app.add_typer(campaigns_app)
app.add_typer(bench_app)
app.add_typer(export_app)
app.add_typer(company_app)
app.add_typer(identity_app, name="identity")
add_library_commands(audience_app, rule_app)
add_asking_commands(app, audience_app)

RuleFile = Annotated[Path, typer.Argument(help="A rule as JSON or YAML; an audience file does as well.")]
NotebooksFolder = Annotated[Path, typer.Option("--notebooks", help="The folder of notebooks.")]


@app.command()
def demo(
    workspace: Annotated[Path, typer.Option("--workspace", "-w")] = Path("data/workspace"),
    runs: Annotated[Path, typer.Option("--runs", help="Where executed notebooks are kept.")] = Path(
        "data/runs"
    ),
    notebooks: NotebooksFolder = Path("notebooks"),
) -> None:
    """Land a year of real customers, build, and run the notebooks."""
    from qa_lib.jobs.demo import run_demo

    run_demo(workspace, runs, notebooks, say=typer.echo)


@app.command()
def init(
    folder: Path,
    zone: Annotated[str, typer.Option(help="IANA zone in which days begin, such as Asia/Shanghai.")] = "UTC",
    currency: Annotated[str, typer.Option(help="ISO 4217 code of the account currency.")] = "USD",
    synthetic: Annotated[
        int | None, typer.Option("--synthetic", help="Fill it with a made-up company of so many people.")
    ] = None,
) -> None:
    """Make an empty workspace, or one with a synthetic company to try rules on."""
    from rich.console import Console

    from qa_lib.jobs.synthetic import synthetic_workspace
    from qa_lib.workspace import Workspace

    if synthetic is not None:
        with Console(stderr=True).status("synthetic company") as status:
            made = synthetic_workspace(folder, people=synthetic, progress=status.update)
        seen = made.snapshot()
        typer.echo(f"Workspace {made.root}: {seen.people_count:,} people as of {seen.as_of.isoformat()}.")
        return
    made = Workspace.create(folder, zone=zone, currency=currency)
    typer.echo(f"Workspace {made.root}, days begin in {made.zone}, amounts in {made.currency}.")


@app.command()
def land(
    feed: Annotated[str, typer.Argument(help="The feed, such as journey.transactions.")],
    files: list[Path],
    workspace: WorkspaceOption = None,
    as_json: Json = False,
) -> None:
    """Land files of a feed: rows into its table, broken rows into `rejects` with their reason."""
    from qa_lib.sources import FEEDS, find_feed
    from qa_lib.sources import land as land_file
    from qa_lib.workspace import Workspace

    declared = find_feed(feed, FEEDS)
    opened = Workspace.open(workspace)
    for file in files:
        landing = land_file(opened, declared, file)
        text = (
            f"{landing.file_name} → {landing.table_name}: {landing.row_count:,} rows landed, "
            f"{landing.reject_count:,} rejected (table version {landing.table_version})"
        )
        answer = {k: str(v) if k == "landed_at" else v for k, v in vars(landing).items()}
        print_answer(answer, text, as_json)


@app.command()
def build(workspace: WorkspaceOption = None, as_of: AsOf = None, as_json: Json = False) -> None:
    """Resolve who is who as of a moment, compute every tag and publish the snapshot."""
    from rich.console import Console

    from qa_lib.jobs.build import resolve_and_build
    from qa_lib.workspace import Workspace

    with Console(stderr=True).status("building") as status:
        snapshot = resolve_and_build(
            Workspace.open(workspace), as_of, progress=lambda step: status.update(f"building: {step}")
        )
    text = (
        f"Published {snapshot.version}: {snapshot.people_count:,} people as of {snapshot.as_of.isoformat()}"
    )
    print_answer({"people": snapshot.people_count, **snapshot.stamp()}, text, as_json)


@audience_app.command("count")
def audience_count(
    rule: RuleFile,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    engine: SparkAddress = None,
    tables: SparkTables = None,
    as_json: Json = False,
) -> None:
    """How many people the rule selects."""
    from qa_lib.audiences import evaluate, stamp
    from qa_lib.workspace import Workspace

    read = read_audience(rule)
    snapshot = Workspace.open(workspace).snapshot(as_of)
    if engine is None and tables is None:
        found = evaluate(snapshot, read)
    else:
        found = evaluate_on_spark(snapshot, read, engine, tables)
    answer = {
        "count": found.count,
        "universe": found.universe,
        "share": found.share,
        "elapsed_ms": round(found.elapsed_ms, 3),
        **stamp(snapshot, found),
    }
    print_answer(answer, f"{found.count:,} of {found.universe:,} people ({found.share:.1%})", as_json)


@audience_app.command("preview")
def audience_preview(
    rule: RuleFile, workspace: WorkspaceOption = None, as_of: AsOf = None, as_json: Json = False
) -> None:
    """Count, share, sentence, masked sample and breakdown against the base."""
    from qa_lib.audiences import preview
    from qa_lib.workspace import Workspace

    seen = preview(Workspace.open(workspace), read_audience(rule), as_of)
    answer = {
        "count": seen.count,
        "universe": seen.universe,
        "share": seen.share,
        "elapsed_ms": round(seen.elapsed_ms, 3),
        "sentence": seen.sentence.to_dict(),
        "sample": json.loads(seen.sample.to_json(orient="records", force_ascii=False)),
        "breakdown": json.loads(seen.breakdown.to_json(orient="records", force_ascii=False)),
        **seen.stamp,
    }
    shown = seen.breakdown[["label_en", "value", "audience_count", "base_count", "tgi"]].round(1)
    text = "\n".join(
        [
            seen.sentence.zh,
            seen.sentence.en,
            f"{seen.count:,} of {seen.universe:,} people ({seen.share:.1%})",
            "",
            seen.sample.to_string(index=False),
            "",
            shown.to_string(index=False),
        ]
    )
    print_answer(answer, text, as_json)


@audience_app.command("members")
def audience_members(
    rule: RuleFile,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The person ids, one a line."""
    from qa_lib.audiences import members
    from qa_lib.workspace import Workspace

    found = members(Workspace.open(workspace), read_audience(rule), as_of)["person_id"].tolist()
    print_answer({"count": len(found), "person_ids": found}, "\n".join(found), as_json)


@audience_app.command("explain")
def audience_explain(
    rule: RuleFile,
    person: Annotated[
        str | None, typer.Option("--person", help="A person_id: why this person is in it, or is not.")
    ] = None,
    language: Annotated[str, typer.Option(help="zh, en, or both.")] = "both",
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """What each condition does to the size; with --person, why that person is in the audience or not."""
    from qa_lib.audiences import explain_count, explain_person
    from qa_lib.workspace import Workspace

    if language not in ("zh", "en", "both"):
        raise typer.BadParameter(f"{language!r} is none of zh, en, both", param_hint="--language")
    languages = ("zh", "en") if language == "both" else (language,)
    read = read_audience(rule)
    snapshot = Workspace.open(workspace).snapshot(as_of)
    if person is not None:
        found = explain_person(snapshot, read, person)
        print_answer(found.to_dict(), "\n\n".join(found.text(one) for one in languages), as_json)
        return
    frame = explain_count(snapshot, read)
    answer = {
        "steps": json.loads(frame.dropna(subset=["step"]).to_json(orient="records", force_ascii=False)),
        "nodes": json.loads(frame[frame["step"].isna()].to_json(orient="records", force_ascii=False)),
        "rule_hash": getattr(read, "rule", read).hash,
        **snapshot.stamp(),
    }
    columns = [*(f"sentence_{one}" for one in languages), "remaining_count", "change_count", "change_rate"]
    shown = frame.dropna(subset=["step"])[[*columns, "only_out_count"]].set_index(f"sentence_{languages[0]}")
    shown["change_rate"] = shown["change_rate"].map("{:+.1%}".format, na_action="ignore")
    print_answer(answer, shown.reset_index().to_string(index=False, na_rep="", justify="left"), as_json)


@rule_app.command("check")
def rule_check(rule: RuleFile, workspace: WorkspaceOption = None, as_json: Json = False) -> None:
    """Whether the rule fits the workspace's catalogue: every fault with its place."""
    from qa_lib.profiles import catalogue
    from qa_lib.rules import check, sentence
    from qa_lib.workspace import Workspace

    read = _rule(rule)
    known = catalogue(Workspace.open(workspace).snapshot())
    problems = check(read, known)
    answer: dict[str, Any] = {"ok": not problems, "problems": [p.to_dict() for p in problems]}
    if problems:
        lines = [f"at {'.'.join(map(str, p.path)) or 'the root'}: {p.en}" for p in problems]
        print_answer(answer, "\n".join(lines), as_json)
        raise typer.Exit(1)
    words = sentence(read, known)
    answer |= {"sentence": words.to_dict(), "rule_hash": read.hash}
    print_answer(answer, f"{words.zh}\n{words.en}", as_json)


@rule_app.command("sql")
def rule_sql(
    rule: RuleFile,
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    dialect: Annotated[str, typer.Option(help="Any dialect that sqlglot prints.")] = "duckdb",
    as_json: Json = False,
) -> None:
    """The rule as one SQL query, to read."""
    from sqlglot.dialects.dialect import Dialect

    from qa_lib.profiles import catalogue
    from qa_lib.rules import compile_rule
    from qa_lib.workspace import Workspace

    try:
        Dialect.get_or_raise(dialect)
    except ValueError as error:
        raise SpecError(f"Unknown SQL dialect {dialect!r}: {error}") from None
    snapshot = Workspace.open(workspace).snapshot(as_of)
    text = compile_rule(_rule(rule), catalogue(snapshot), snapshot.as_of, snapshot.zone).text(dialect)
    print_answer({"sql": text, "dialect": dialect, **snapshot.stamp()}, text, as_json)


@app.command()
def run(
    notebook: Path,
    parameters: Annotated[
        list[str] | None, typer.Option("-p", help="name=value, as often as needed.")
    ] = None,
    workspace: WorkspaceOption = None,
    runs: Annotated[Path, typer.Option("--runs", help="Where executed notebooks are kept.")] = Path(
        "data/runs"
    ),
    as_json: Json = False,
) -> None:
    """Run a notebook with parameters, and keep the executed copy and a page that opens offline."""
    from qa_lib.jobs import run_notebook

    given = {}
    for pair in parameters or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} is not name=value", param_hint="-p")
        given[name] = value
    done = run_notebook(notebook, given, runs_dir=runs, workspace=workspace, progress=not as_json)
    answer = {
        "status": done.status,
        "notebook": str(done.notebook),
        "html": str(done.html),
        "seconds": done.seconds,
    }
    print_answer(answer, f"{done.notebook}\n{done.html}", as_json)


@app.command()
def lab(
    notebooks: NotebooksFolder = Path("notebooks"),
    port: int = 8888,
    workspace: WorkspaceOption = None,
    open_browser: Annotated[bool, typer.Option("--open/--no-open")] = False,
) -> None:
    """JupyterLab on the notebooks."""
    from qa_lib.servers import serve_lab

    raise typer.Exit(
        serve_lab(notebooks, port=port, workspace=workspace, open_browser=open_browser, say=typer.echo)
    )


@app.command()
def dashboards(
    notebooks: NotebooksFolder = Path("notebooks/dashboards"),
    port: int = 8866,
    workspace: WorkspaceOption = None,
    open_browser: Annotated[bool, typer.Option("--open/--no-open")] = False,
    preheat: Annotated[bool, typer.Option(help="Keep a warm kernel for each dashboard.")] = False,
) -> None:
    """Voila on the dashboards: a token, read-only, idle kernels stopped."""
    from qa_lib.servers import serve_dashboards

    raise typer.Exit(
        serve_dashboards(
            notebooks,
            port=port,
            workspace=workspace,
            preheat=preheat,
            open_browser=open_browser,
            say=typer.echo,
        )
    )


@app.command()
def doctor(workspace: WorkspaceOption = None, as_json: Json = False) -> None:
    """What the workspace holds, what is stale, and who has it open."""
    from qa_lib.cli.doctor import examine

    report = examine(workspace)
    print_answer(report.to_dict(), report.text(), as_json)
    if not report.is_healthy:
        raise typer.Exit(1)


def _rule(path: Path) -> Any:
    """The rule in a JSON or YAML file; in an audience's file, its rule."""
    from qa_lib.rules.files import read_rule_file

    return read_rule_file(path)
