"""People as rows of JSON values, as another rule engine would be handed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from oracles.rules import is_missing

from qa_lib.rules import Engine, Rule, to_numbers

Row = dict[str, Any]


def rows_of(engine: Engine) -> list[Row]:
    """One row a person, in the order of person numbers: only the fields that have a value, days as texts."""
    frame = engine.snapshot.frame("SELECT * FROM profile ORDER BY person_no")
    columns = {f.name: [plain(v, f.type) for v in frame[f.name].tolist()] for f in engine.catalogue.fields}
    return [
        {name: values[i] for name, values in columns.items() if values[i] is not None}
        for i in range(len(frame))
    ]


def plain(value: Any, type: str) -> Any:
    if isinstance(value, list | np.ndarray):
        return [str(v) for v in value]
    if value is pd.NA or is_missing(value):
        return None
    match type:
        case "number":
            number = float(value)
            return int(number) if number.is_integer() else number
        case "boolean":
            return bool(value)
        case "date":
            return str(value)[:10]
        case _:
            return str(value)


def selected(engine: Engine, rule: Rule) -> set[int]:
    """The numbers of the people whom the engine selects."""
    return set(to_numbers(engine.evaluate(rule).members[()]).tolist())


def where(rows: list[Row], holds: Callable[[Row], bool]) -> set[int]:
    return {i for i, row in enumerate(rows) if holds(row)}
