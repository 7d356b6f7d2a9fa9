"""The one helper that quotes a name for SQL, and the settings of every DuckDB connection."""

from __future__ import annotations

import re
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    import pandas as pd

#: Enough for the demo many times over, and for several kernels beside each other on a small machine.
MEMORY_LIMIT = "4GB"


def quoted(name: str) -> str:
    """A name as a quoted SQL identifier; names with a NUL are refused by DuckDB itself."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """A text as a SQL literal, for the few statements that take no bound value (SET, read_parquet in a view)."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path | str) -> str:
    """A file's path as a SQL literal; `*`, `?` and `[` in its name are taken as they stand."""
    return text_literal(re.sub(r"([*?\[])", r"[\1]", str(path)))


_opening = threading.Lock()  # two threads that open one file get one instance: only one of them sets it up


def open_file(path: Path, allowed: Path) -> duckdb.DuckDBPyConnection:
    """A read-only DuckDB file, locked down for SQL that comes from a user's rule.

    Only files under `allowed` can be read; no extension is loaded, no Python variable is looked up,
    and none of this can be changed any more.
    """
    with _opening:
        return _open_locked(path, allowed)


def _open_locked(path: Path, allowed: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(path), read_only=True)
    if con.execute("SELECT current_setting('lock_configuration')").fetchall() == [(True,)]:
        return con  # this process has the file open already: DuckDB gives the same, locked instance
    temp = text_literal(str(allowed / "cache" / ".duckdb_tmp"))
    for setting in (
        "GLOBAL TimeZone = 'UTC'",
        f"GLOBAL memory_limit = '{MEMORY_LIMIT}'",
        f"GLOBAL temp_directory = {temp}",
        "GLOBAL max_temp_directory_size = '8GB'",
        f"GLOBAL allowed_directories = [{text_literal(str(allowed))}, {file_literal(allowed)}]",
        "GLOBAL autoinstall_known_extensions = false",
        "GLOBAL autoload_known_extensions = false",
        "GLOBAL python_enable_replacements = false",
        "GLOBAL enable_external_access = false",
        "GLOBAL lock_configuration = true",
    ):
        con.execute(f"SET {setting}")
    return con


def open_builder(path: Path) -> duckdb.DuckDBPyConnection:
    """A writable DuckDB file for the library's own SQL."""
    con = duckdb.connect(str(path))
    con.execute(
        "SET enable_progress_bar = false"
    )  # in a notebook it is a widget, and its own progress is ours
    con.execute("SET GLOBAL TimeZone = 'UTC'")
    con.execute(f"SET GLOBAL memory_limit = '{MEMORY_LIMIT}'")
    return con


def to_frame(answer: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """The rows of an executed query; DuckDB's own use of a pandas keyword that will go is not shown."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The inplace keyword in DataFrame.drop")
        return answer.df()
