"""Sheets of an Excel file as rows of text, as a person reads them: ISO dates, merged cells filled down."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from qa_lib.errors import DataError, did_you_mean


def sheet_rows(path: Path, sheet: str | None = None) -> Iterator[list[str | None]]:
    """The rows of a sheet from its first row on, which is the header; empty rows are left out.

    A date is written as ISO text, a whole number without a point, a formula by the value that was stored. Cells
    merged down one column have one value for all their rows.

    Raises
    ------
    DataError
        For a file that is no Excel file, a sheet that is not there, cells merged over several columns, a cell
        with an error such as #N/A, or a formula whose value was not stored.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that it leaves out
            values = openpyxl.load_workbook(path, data_only=True)
            formulas = openpyxl.load_workbook(path, data_only=False)
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise DataError(f"no Excel workbook ({error})") from None
    if sheet is not None and sheet not in values.sheetnames:
        raise DataError(f"no sheet {sheet!r}.{did_you_mean(sheet, values.sheetnames)}")
    chosen = values[sheet or values.sheetnames[0]]
    of_formulas = formulas[chosen.title]
    filled: dict[tuple[int, int], Any] = {}
    for merged in chosen.merged_cells.ranges:
        if merged.max_col > merged.min_col:
            raise DataError(
                f"the cells {merged.coord} of sheet {chosen.title!r} are merged over several columns, so their "
                "value has no one column"
            )
        top = chosen.cell(merged.min_row, merged.min_col).value
        filled |= {(row, merged.min_col): top for row in range(merged.min_row, merged.max_row + 1)}
    header: list[str | None] | None = None
    for cells in chosen.iter_rows():
        row = [
            _text(
                filled.get((c.row, c.column), c.value), of_formulas.cell(c.row, c.column).value, c.coordinate
            )
            for c in cells
        ]
        if all(value is None for value in row):
            continue
        if header is None:
            header = row
            while header and header[-1] is None:  # formatted, never filled
                header.pop()
        elif any(value is not None for value in row[len(header) :]):
            raise DataError(f"row {cells[0].row} has a value beyond the last column of the header")
        yield row[: len(header)]


def _text(value: Any, formula: Any, place: str) -> str | None:
    """One cell as text; the dates of Excel carry no zone."""
    if value is None:
        if isinstance(formula, str) and formula.startswith("="):
            raise DataError(f"the formula in {place} has no stored value: open the file in Excel and save it")
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        at_midnight = value.time() == time()
        return value.date().isoformat() if at_midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, str) and value.startswith("#") and value.upper() in _FAULTS:
        raise DataError(f"the cell {place} holds the error {value}")
    return str(value).strip() or None


_FAULTS = {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"}
