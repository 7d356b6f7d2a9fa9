"""Options that several commands share, and how an answer is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

WorkspaceOption = Annotated[
    Path | None, typer.Option("--workspace", "-w", help="The workspace's folder; default data/workspace.")
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="A moment such as 2018-01-01T05:00:00Z at which all windows end."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def answer(values: dict[str, Any], text: str, as_json: bool) -> None:
    """Print an answer in words, or as one JSON object; exact amounts are texts in it."""
    typer.echo(json.dumps(values, ensure_ascii=False, default=str) if as_json else text)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON values, exact amounts as texts."""
    exact = frame.map(lambda v: str(v) if type(v).__name__ == "Decimal" else v)
    found: list[dict[str, Any]] = json.loads(
        exact.to_json(orient="records", force_ascii=False, date_format="iso")
    )
    return found


def read_audience(path: Path) -> Any:
    """The rule in a JSON or YAML file; in an audience's file its rule, or the audience where it has a base."""
    from qa_lib.audiences import Audience
    from qa_lib.rules.files import read_values, rule_of

    value = read_values(path, "rule file")
    has_base = isinstance(value, dict) and "kind" not in value and value.get("base") is not None
    return Audience.from_dict(value) if has_base else rule_of(value)
