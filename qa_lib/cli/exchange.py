"""`qa rule export` and `qa rule import`: rules for other tools, and from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qa_lib.cli.options import AsOf, Json, WorkspaceOption, answer

exchange_app = typer.Typer()


@exchange_app.command("export")
def rule_export(
    rule: Annotated[Path, typer.Argument(help="A rule as JSON or YAML; an audience file does as well.")],
    to: Annotated[str, typer.Option("--to", help="json, yaml, react-querybuilder, json-logic or sql.")],
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The rule in another format; what the format has no words for is refused."""
    from qa_lib.profiles import catalogue
    from qa_lib.rules import compile_rule
    from qa_lib.rules.exchange import export_rule
    from qa_lib.rules.files import read_rule_file
    from qa_lib.workspace import Workspace

    read = read_rule_file(rule)
    snapshot = Workspace.open(workspace).snapshot(as_of)
    known = catalogue(snapshot)
    if to == "sql":
        text = compile_rule(read, known, snapshot.as_of, snapshot.zone).text()
    else:
        text = export_rule(read, to, known)
    answer({"format": to, "text": text, "rule_hash": read.hash, **snapshot.stamp()}, text.rstrip(), as_json)


@exchange_app.command("import")
def rule_import(
    file: Annotated[Path, typer.Argument(help="A file in the other format.")],
    from_: Annotated[str, typer.Option("--from", help="json, yaml, react-querybuilder or json-logic.")],
    workspace: WorkspaceOption = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """The rule of a file in another format, as JSON to keep."""
    from qa_lib.profiles import catalogue
    from qa_lib.rules import sentence
    from qa_lib.rules.exchange import import_rule
    from qa_lib.rules.files import read_text
    from qa_lib.workspace import Workspace

    snapshot = Workspace.open(workspace).snapshot(as_of)
    known = catalogue(snapshot)
    made = import_rule(read_text(file, "rule file"), from_, known)
    values = {
        "format": from_,
        "rule": made.to_dict(),
        "rule_hash": made.hash,
        "sentence": sentence(made, known).to_dict(),
        **snapshot.stamp(),
    }
    answer(values, made.to_json(indent=2), as_json)
