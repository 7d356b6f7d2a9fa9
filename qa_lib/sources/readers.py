"""Readers: a file of any accepted kind becomes the rows `raw`, each with its number, before any contract.

Parquet keeps its types. CSV, JSON lines and Excel are read as text: the contract says what a value means, not
a guess from the first rows. A line that is no JSON object is a broken row; a file that is no table is refused.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from qa_lib.errors import DataError, FileUnreadable
from qa_lib.workspace import file_literal, quoted

#: The kinds of file by the end of their names.
FILE_KINDS = (".csv", ".jsonl", ".ndjson", ".parquet", ".xlsx")
#: Keys of JSON objects are looked for in so many lines from the start; a column that comes later is found next time.
_SAMPLE = 10_000
_PARQUET = (
    "SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS qa_row "
    "FROM read_parquet({path}, file_row_number = true)"
)
_CSV = (
    "SELECT *, row_number() OVER () AS qa_row FROM read_csv({path}, header = true, all_varchar = true, "
    "delim = ',', quote = '\"', escape = '\"', auto_detect = false, null_padding = false, columns = {columns})"
)
#: A byte that no JSON text may hold parts nothing: each line is one value.
_LINES = (
    "SELECT line, row_number() OVER () AS qa_row FROM read_csv({path}, header = false, delim = '\x01', "
    "quote = '', escape = '', auto_detect = false, columns = {{'line': 'VARCHAR'}})"
)


@dataclass(frozen=True)
class Raw:
    """What a reader found.

    Attributes
    ----------
    types
        DuckDB's type of each column of the file.
    is_text
        Whether every value is text, to be read by the contract.
    has_broken
        Whether `raw` has the columns `qa_broken` (true where a row could not be read) and `qa_line`.
    """

    types: dict[str, str]
    is_text: bool
    has_broken: bool = False


def read_raw(
    con: duckdb.DuckDBPyConnection,
    name: str,
    path: Path,
    columns: Iterable[str],
    *,
    encoding: str = "utf-8",
    sheet: str | None = None,
) -> Raw:
    """Make `raw` from a file, with the row's number in `qa_row` (the first row of data is 1).

    Parameters
    ----------
    name
        The feed's, for messages.
    columns
        What the feed reads; in JSON lines, paths such as `user.open_id`.
    encoding
        Of a CSV file or JSON lines, by Python's names, such as gb18030.
    sheet
        Of an Excel file; the first when not given.

    Raises
    ------
    FileUnreadable
        When the file is truncated, of another kind, or in another encoding.
    """
    kind = path.suffix.lower()
    if kind not in FILE_KINDS:
        raise FileUnreadable(
            f"Feed '{name}': {path.name} ends in {path.suffix!r}; expected one of {list(FILE_KINDS)}."
        )
    try:
        if kind == ".parquet":
            return _described(
                con, f"CREATE TEMP VIEW raw AS {_PARQUET.format(path=file_literal(path))}", False
            )
        if kind == ".xlsx":
            from qa_lib.sources.excel import sheet_rows

            with tempfile.NamedTemporaryFile(suffix=".csv") as plain:
                with io.TextIOWrapper(open(plain.name, "wb"), "utf-8", newline="") as text:
                    csv.writer(text, lineterminator="\n").writerows(sheet_rows(path, sheet))
                return _read_csv(con, Path(plain.name))
        with _as_utf8(path, encoding) as plain_path:
            return _read_csv(con, plain_path) if kind == ".csv" else _read_lines(con, plain_path, columns)
    except _SameName as error:
        one, other = error.args
        raise FileUnreadable(
            f"Feed '{name}': {path} has the columns {one!r} and {other!r}, whose names differ by case only; expected "
            "names that differ by more, since a column is found whatever its case. Rename or leave out one of them "
            "where the file is made, and land it again. Nothing was landed."
        ) from None
    except (duckdb.Error, csv.Error, DataError) as error:
        said = str(error).splitlines()[0].rstrip(".")
        raise FileUnreadable(
            f"Feed '{name}': {path} is not readable as {path.suffix[1:]}: {said}. It may be truncated; "
            "fetch it again."
        ) from None
    except UnicodeError as error:
        raise FileUnreadable(
            f"Feed '{name}': {path} is not readable as {path.suffix[1:]} in {encoding}: {error}. "
            "Name its encoding, such as gb18030 or utf-16, or save it as UTF-8."
        ) from None


class _SameName(Exception):
    """Two columns of a header whose names differ by case only."""


class _as_utf8:
    """The file itself where it is UTF-8, else a copy in UTF-8 for as long as it is read."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.path, self.encoding = path, encoding
        self._copy: tempfile._TemporaryFileWrapper[bytes] | None = None

    def __enter__(self) -> Path:
        try:
            is_plain = self.encoding.lower().replace("_", "-") in ("utf-8", "utf8")
            with open(self.path, encoding="utf-8-sig" if is_plain else self.encoding, newline="") as file:
                if is_plain:
                    while file.read(1 << 20):  # every byte, so that a message can say which one is wrong
                        pass
                    return self.path
                self._copy = tempfile.NamedTemporaryFile(suffix=self.path.suffix)
                while part := file.read(1 << 20):
                    self._copy.write(part.encode("utf-8"))
                self._copy.flush()
                return Path(self._copy.name)
        except LookupError:
            raise DataError(f"{self.encoding!r} is no encoding that Python knows") from None

    def __exit__(self, *_: object) -> None:
        if self._copy is not None:
            self._copy.close()


def _described(con: duckdb.DuckDBPyConnection, make: str, is_text: bool, has_broken: bool = False) -> Raw:
    con.execute(make)
    told = con.execute("DESCRIBE raw").fetchall()
    return Raw({n: k for n, k, *_ in told if not n.startswith("qa_")}, is_text, has_broken)


def _read_csv(con: duckdb.DuckDBPyConnection, path: Path) -> Raw:
    """A CSV is read once, into a table, while its rows are still in order."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        names = next(csv.reader(file), [])
    if len(set(names)) < len(names) or not all(names):
        raise csv.Error(f"the header {names} has an empty or repeated name")
    first: dict[bytes, str] = {}
    for name in names:
        same = first.setdefault(name.encode().lower(), name)  # as DuckDB does: of ASCII letters only
        if same != name:
            raise _SameName(same, name)
    struct = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in names or ["(empty file)"])
    return _described(
        con,
        f"CREATE TEMP TABLE raw AS {_CSV.format(path=file_literal(path), columns=f'{{{struct}}}')}",
        True,
    )


def _read_lines(con: duckdb.DuckDBPyConnection, path: Path, columns: Iterable[str]) -> Raw:
    """JSON lines: the columns that the feed reads, as text, and every other key at the top."""
    if path.stat().st_size == 0:
        return _described(
            con, 'CREATE TEMP TABLE raw AS SELECT NULL::VARCHAR AS "(empty file)", 0 AS qa_row LIMIT 0', True
        )
    con.execute(f"CREATE TEMP TABLE lines AS {_LINES.format(path=file_literal(path))}")
    con.execute(
        "CREATE TEMP TABLE objects AS SELECT line, qa_row, coalesce(json_valid(line) AND "
        "json_type(CASE WHEN json_valid(line) THEN line END) = 'OBJECT', false) AS is_object "
        "FROM lines WHERE trim(line) <> ''"
    )
    sample = f"SELECT line FROM objects WHERE is_object ORDER BY qa_row LIMIT {_SAMPLE}"
    found = con.execute(f"SELECT DISTINCT unnest(json_keys(line)) FROM ({sample})").fetchall()
    keys = {key for (key,) in found}
    wanted = list(dict.fromkeys(columns))
    # a column that no line has is not there, as in a CSV without it
    there = [c for c in wanted if c in keys or _is_at(con, sample, c)]
    names = [*there, *sorted(keys - {c.split(".")[0] for c in there})]
    values = ", ".join(
        f"nullif(json_extract_string(CASE WHEN is_object THEN line END, {_literal(_path(n, keys))}), '') "
        f"AS {quoted(n)}"
        for n in names
    )
    broken = "NOT is_object AS qa_broken, CASE WHEN NOT is_object THEN left(line, 200) END AS qa_line"
    return _described(
        con,
        f"CREATE TEMP TABLE raw AS SELECT {values + ', ' if values else ''}qa_row, {broken} FROM objects",
        True,
        True,
    )


def _is_at(con: duckdb.DuckDBPyConnection, sample: str, name: str) -> bool:
    path = _literal(_path(name, set()))
    return bool(con.execute(f"SELECT bool_or(json_exists(line, {path})) FROM ({sample})").fetchall()[0][0])


def _path(name: str, keys: set[str]) -> str:
    """A JSON path: the key of that name where there is one, else each part between dots a level down."""
    parts = [name] if name in keys else name.split(".")
    return "$" + "".join('."' + part.replace('"', '\\"') + '"' for part in parts)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
