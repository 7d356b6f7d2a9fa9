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
