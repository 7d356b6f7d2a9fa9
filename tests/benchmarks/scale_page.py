"""What outgrowing one machine costs: the table and the chart of docs/other_engines.md, from what was measured.

`docs/benchmarks/scale.json` holds measurements, each with its size; beyond the largest size of each a cost grows
in proportion. `python tests/benchmarks/scale_page.py` writes the table and the chart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "docs" / "benchmarks" / "scale.json"
PAGE = ROOT / "docs" / "other_engines.md"
CHART = ROOT / "docs" / "images" / "scale_growth.svg"
SIZES = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
_NAMES = ("1 M", "10 M", "100 M", "1 billion")
Row = dict[str, Any]


def measured() -> list[Row]:
    """Every measurement: `line, people, value, unit`."""
    rows: list[Row] = json.loads(KEPT.read_text(encoding="utf-8"))["measured"]
    return rows


def at_size(rows: list[Row], line: str, people: int) -> tuple[float, bool]:
    """The value of a line at a size, and whether it was measured there."""
    of_line = sorted((row for row in rows if row["line"] == line), key=lambda row: row["people"])
    for row in of_line:
        if row["people"] == people:
            return float(row["value"]), True
    largest = of_line[-1]
    return float(largest["value"]) * people / largest["people"], False


def said(value: float, unit: str) -> str:
    """A value in a unit that a reader has a feeling for."""
    if unit == "MB":
        for size, name in ((1e6, "TB"), (1e3, "GB")):
            if value >= size:
                return f"{value / size:,.3g} {name}"
        return f"{value:,.3g} MB"
    if value >= 3 * 3600:
        return f"{value / 3600:,.3g} h"
    return f"{value / 60:,.3g} min" if value >= 180 else f"{value:,.3g} s"


def lines(rows: list[Row]) -> dict[str, str]:
    """The unit of each line, in their order."""
    return {row["line"]: row["unit"] for row in rows}


def table(rows: list[Row]) -> str:
    """The page's table: what was measured in bold, the rest in proportion to the largest."""
    made = ["| | " + " | ".join(_NAMES) + " |", "|---" * (len(SIZES) + 1) + "|"]
    for line, unit in lines(rows).items():
        cells = []
        for people in SIZES:
            value, is_measured = at_size(rows, line, people)
            cells.append(f"**{said(value, unit)}**" if is_measured else said(value, unit))
        made.append(f"| {line} | " + " | ".join(cells) + " |")
    return "\n".join(made)


def chart_rows(rows: list[Row]) -> Iterator[Row]:
    """Processor seconds by people, measured and in proportion."""
    for line, unit in lines(rows).items():
        if unit != "s":
            continue
        sizes = sorted({row["people"] for row in rows if row["line"] == line} | set(SIZES))
        for people in sizes:
            value, is_measured = at_size(rows, line, people)
            how = "实测 measured" if is_measured else "按比例 in proportion"
            yield {"line": line, "people": people, "seconds": value, "how": how}


def chart(rows: list[Row]) -> str:
    """The same as SVG, on logarithmic scales."""
    import altair as alt
    import pandas as pd

    from qa_lib.charts import to_svg

    axis = alt.Axis(values=[100_000, *SIZES], labelExpr="replace(format(datum.value, '~s'), 'G', ' billion')")
    base = alt.Chart(pd.DataFrame(list(chart_rows(rows)))).encode(
        alt.X(
            "people:Q",
            scale=alt.Scale(type="log"),
            title="人数 people",
            axis=axis,
        ),
        alt.Y("seconds:Q", scale=alt.Scale(type="log"), title="处理器秒 processor seconds"),
        alt.Color("line:N", title=None, legend=alt.Legend(orient="right", labelLimit=420)),
    )
    points = base.mark_point(filled=True, size=55).encode(
        alt.Shape("how:N", title=None, scale=alt.Scale(range=["circle", "triangle-up"]))
    )
    return to_svg((base.mark_line() + points).properties(width=420, height=300))


def written(page: str, rows: list[Row]) -> str:
    """The page with this table."""
    return re.sub(
        r"(<!-- scale -->\n).*?(\n<!-- /scale -->)",
        lambda found: f"{found[1]}{table(rows)}{found[2]}",
        page,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), measured()), encoding="utf-8")
    CHART.write_text(chart(measured()), encoding="utf-8")
