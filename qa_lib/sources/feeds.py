"""A feed: one declaration of how a file becomes rows of a shared table, and what it must hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property

from qa_lib.errors import SpecError, UnknownName, did_you_mean
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

    A landing replaces the whole table (where it has a column `source`, the feed's own rows), with `adds`
    appends to it, or with `merges` puts its rows in the place of those with the same key.

    Attributes
    ----------
    key
        Columns of the table that tell its rows apart, where the table has no key of its own. With a key,
        `adds` leaves out what is there already.
    only_with
        Columns of the file without which a row has nothing to say to this table: it is skipped, not rejected.
    leaves
        Columns of the file that are known and not wanted.
    time
        Column of the table that says when a row came to be: for lateness and freshness.
    fresh_hours
        How old the newest row may be; None where nothing was agreed.
    """

    name: str
    table_name: str
    description: str
    columns: dict[str, From | Constant]
    adds: bool = False
    merges: bool = False
    key: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    time: str = ""
    fresh_hours: float | None = None

    def __post_init__(self) -> None:
        if self.adds and self.merges:
            raise SpecError(f"Feed '{self.name}' adds and merges: choose one of them.")
        if self.merges and not self.row_key:
            raise SpecError(
                f"Feed '{self.name}' merges into '{self.table_name}', which has no key: name columns in `key`."
            )
        for named in (*self.key, *((self.time,) if self.time else ())):
            self.table.column(named)
        declared = set(self.table.column_names)
        for name in set(self.columns) ^ declared:
            raise UnknownName(
                f"Feed '{self.name}' and table '{self.table_name}' disagree on column {name!r}: the feed must "
                f"name each of {sorted(declared)} once."
            )

    @property
    def table(self) -> Table:
        return table(self.table_name)

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that tell rows apart; none where neither the feed nor its table names any."""
        return self.key or self.table.key

    @cached_property
    def sources(self) -> dict[str, From]:
        """The columns that are read from the file."""
        return {name: c for name, c in self.columns.items() if isinstance(c, From)}

    @cached_property
    def hash(self) -> str:
        """Hash of the declaration: another mapping lands the same file anew."""
        # what is not declared is left out: a release that knows more does not land everything anew
        said = {k: v for k, v in asdict(self).items() if v or k == "adds"}
        text = json.dumps(said, sort_keys=True)
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


def cents(source: str) -> From:
    """An exact amount that the source counts in hundredths (分, cents)."""
    return From(
        source,
        NUMBER,
        "CASE WHEN {0} >= 0 AND {0} = trunc({0}) THEN CAST(TRY_CAST({0} AS DECIMAL(18,0)) / 100 AS DECIMAL(18,2)) END",
        "a whole number of hundredths, 0 or more",
    )


def local(source: str, zone: str) -> From:
    """A moment on the clocks of a zone, as tills and spreadsheets write it.

    Parameters
    ----------
    zone
        IANA name; an hour that occurs twice in autumn is taken as the later one.
    """
    return From(
        source,
        MOMENT,
        f"timezone('{zone}', TRY_CAST({{0}} AS TIMESTAMP))",
        f"a moment such as 2026-01-31 10:00:00 on the clocks of {zone}",
    )


def phone(source: str, country: str = "86") -> From:
    """A phone number as +, country code and digits (E.164), the form that identities are held under.

    Parameters
    ----------
    country
        Calling code that a number without one is taken to have. In China (86) it must be a mobile number.
    """
    digits = "regexp_replace(CAST({0} AS VARCHAR), '[^0-9]', '', 'g')"
    has_code = "(CAST({0} AS VARCHAR) LIKE '+%' OR CAST({0} AS VARCHAR) LIKE '00%')"
    local = "^1[3-9][0-9]{{9}}$" if country == "86" else "^[1-9][0-9]{{5,11}}$"
    abroad = "^[1-9][0-9]{{6,14}}$"
    return From(
        source,
        CODE,
        f"CASE WHEN {has_code} THEN CASE WHEN regexp_matches(ltrim({digits}, '0'), '{abroad}') "
        f"THEN '+' || ltrim({digits}, '0') END WHEN regexp_matches({digits}, '{local}') "
        f"THEN '+{country}' || {digits} WHEN regexp_matches({digits}, '^{country}{local[1:]}') "
        f"THEN '+' || {digits} END",
        f"a phone number (+{country} where no country is given)",
    )


def email(source: str) -> From:
    """An e-mail address in small letters."""
    bare = "lower(trim(nfc_normalize({0})))"
    return From(
        source,
        TEXT,
        f"CASE WHEN regexp_matches({bare}, '^[^@\\s]+@[^@\\s]+$') AND length({bare}) <= 254 THEN {bare} END",
        "an address such as name@example.com",
    )


def prefixed(column: From, prefix: str) -> From:
    """A column whose values get a text in front, such as `open_id:` before the ids of a mini-program."""
    said = "'" + prefix.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"
    return replace(column, sql=f"{said} || ({column.sql})")


def one_of(source: str, values: dict[str, str]) -> From:
    """A code of the source's own, in words of ours; any other is rejected."""

    def said(text: str) -> str:
        return "'" + text.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'"

    cases = " ".join(f"WHEN {said(theirs)} THEN {said(ours)}" for theirs, ours in values.items())
    return From(
        source, CODE, f"CASE CAST({{0}} AS VARCHAR) {cases} END", f"one of {', '.join(sorted(values))}"
    )


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
