"""A feed: one declaration of how a file becomes rows of a shared table, and what it must hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import SQL_TYPES, Column, Table, table

#: DuckDB types that a source column may have, by what it means.
WHOLE = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
)
NUMBER = (*WHOLE, "FLOAT", "DOUBLE", "DECIMAL")
TEXT = ("VARCHAR",)
CODE = (*WHOLE, *TEXT)
MOMENT = (
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "DATE",
    *TEXT,
)


@dataclass(frozen=True)
class From:
    """Where one column comes from.

    `sql` is an expression over the quoted source column `{0}`; a value for which it gives NULL, though
    the source had one, is rejected with `reason`.
    """

    source: str
    accepts: tuple[str, ...]
    sql: str = "{0}"
    reason: str = ""


@dataclass(frozen=True)
class Constant:
    """A column that every row of the feed shares; None is *not recorded*."""

    value: str | None


@dataclass(frozen=True)
class Feed:
    """One kind of file: its target table, and for each column of it where it comes from.

    A landing replaces the whole table (where it has a column `source`, the feed's own rows), or with
    `adds` appends to it.
    """

    name: str
    table_name: str
    description: str
    columns: dict[str, From | Constant]
    adds: bool = False

    def __post_init__(self) -> None:
        declared = set(self.table.column_names)
        for name in set(self.columns) ^ declared:
            raise UnknownName(
                f"Feed '{self.name}' and table '{self.table_name}' disagree on column {name!r}: the feed must "
                f"name each of {sorted(declared)} once."
            )

    @property
    def table(self) -> Table:
        return table(self.table_name)

    @cached_property
    def sources(self) -> dict[str, From]:
        """The columns that are read from the file."""
        return {name: c for name, c in self.columns.items() if isinstance(c, From)}

    @cached_property
    def hash(self) -> str:
        """Hash of the declaration: another mapping lands the same file anew."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def code(source: str) -> From:
    """An identifier, kept as text whatever its type in the file."""
    return From(source, CODE, "CAST({0} AS VARCHAR)")


def text(source: str) -> From:
    """A text as it stands."""
    return From(source, TEXT)


def whole(source: str) -> From:
    """A whole number."""
    return From(
        source, NUMBER, "CASE WHEN {0} = trunc({0}) THEN TRY_CAST({0} AS BIGINT) END", "a whole number"
    )


def money(source: str) -> From:
    """An exact amount: at most two decimals, and not negative."""
    return From(
        source,
        NUMBER,
        "CASE WHEN {0} >= 0 AND abs({0} - round({0}, 2)) < 1e-6 THEN TRY_CAST(round({0}, 2) AS DECIMAL(18,2)) END",
        "an amount of 0 or more with at most two decimals",
    )


def utc(source: str) -> From:
    """A moment: taken as UTC where it carries no zone."""
    return From(
        source,
        MOMENT,
        "TRY_CAST({0} AS TIMESTAMPTZ)",  # the connection's zone is UTC
        "a moment such as 2017-01-31T10:00:00Z",
    )


def day(source: str) -> From:
    """A calendar day."""
    return From(source, MOMENT, "TRY_CAST({0} AS DATE)", "a day such as 2017-01-31")


def find_feed(name: str, feeds: dict[str, Feed]) -> Feed:
    """The feed of that name.

    Raises
    ------
    UnknownName
        With the nearest names.
    """
    try:
        return feeds[name]
    except KeyError:
        raise UnknownName(f"Unknown feed {name!r}.{did_you_mean(name, feeds)}") from None


def sql_type(column: Column) -> str:
    """DuckDB's type of a declared column."""
    return SQL_TYPES[column.type]
