"""Reading scheduled sources with dlt: a database in Arrow batches by watermark, an API page by page with retries.

dlt reads and nothing else: what was read is written to a file of the workspace and landed under its contract, and
only then is the watermark moved. So a load that is cut off anywhere is repeated from where it was, and the
contract's key leaves out what had landed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from qa_lib.errors import ContractBroken, SourceUnavailable, SpecError, WorkspaceUnusable, did_you_mean
from qa_lib.sources.secrets import reveal, without
from qa_lib.sources.source import Database, Rest, Source

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows that a database sends at a time.
_CHUNK = 50_000


class Part(NamedTuple):
    """Rows that were read and wait to be landed: a file, how many, and how far they reach."""

    path: Path
    row_count: int
    mark: str | None


def read_parts(source: Source, root: Path, spool: Path, mark: str | None) -> Iterator[Part]:
    """Read a database or an API from a mark on, a file at a time, oldest first.

    Parameters
    ----------
    root
        The workspace's folder, from which a secret's file is found.
    spool
        A folder for the files; each is the reader's own until the next is asked for.
    mark
        How far the source was read, as the last part said.

    Raises
    ------
    SourceUnavailable
        When the source cannot be read; earlier parts stand.
    SpecError
        When a secret is missing, or the declaration does not fit the source.
    ContractBroken
        When an API's answers are not what was declared.
    WorkspaceUnusable
        When the file cannot be written.
    """
    read = source.read
    if isinstance(read, Database):
        yield from _read_database(source, read, reveal(read.url, source.name, root), spool, mark)
    elif isinstance(read, Rest):
        token = reveal(read.token, source.name, root) if read.token else ""
        yield from _read_api(source, read, token, spool, mark)


def _read_database(source: Source, read: Database, url: str, spool: Path, mark: str | None) -> Iterator[Part]:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    import sqlalchemy as sa
    from dlt.common.exceptions import DltException

    engine = _engine(source, read, url)
    path, number = spool / "part.parquet", 0
    batches = _batches(source, read, engine, mark, url)
    try:
        at_hand = next(batches, None)
        while at_hand is not None:
            count, high = 0, None
            with _writing(path), pq.ParquetWriter(path, at_hand.schema) as writer:
                while at_hand is not None and count < read.rows_per_load:
                    writer.write_table(at_hand.cast(writer.schema))
                    count += at_hand.num_rows
                    if read.watermark:
                        top = pc.max(at_hand[read.watermark]).as_py()
                        high = top if high is None or (top is not None and top > high) else high
                    at_hand = next(batches, None)
            number += count
            yield Part(path, count, to_mark(high) if high is not None else mark)
    except (sa.exc.SQLAlchemyError, DltException, ConnectionError) as error:
        raise SourceUnavailable(
            f"Source '{source.name}': the database of {read.url.words} stopped answering after {number:,} rows: "
            f"{without(_brief(error), url)} What had landed stays; load again to go on."
        ) from None
    finally:
        batches.close()  # gives its connection back
        engine.dispose()


def _engine(source: Source, read: Database, url: str) -> Any:
    import sqlalchemy as sa

    try:
        made = sa.make_url(url)
        waits = {"connect_timeout": 15} if made.get_backend_name() in ("postgresql", "mysql") else {}
        return sa.create_engine(made, connect_args=waits)
    except (sa.exc.ArgumentError, ImportError) as error:
        said = without(str(error), url) if isinstance(error, ImportError) else "it is no SQLAlchemy URL"
        raise SpecError(
            f"Source '{source.name}': the URL in {read.url.words} cannot be used: {said}. Expected one such as "
            "postgresql+psycopg://user:password@host/database, and its driver installed (the extra `postgres`)."
        ) from None


def _batches(
    source: Source, read: Database, engine: Any, mark: str | None, url: str
) -> Generator[pa.Table, None, None]:
    """Rows at or after the mark, in its order; the first is asked for while the table is looked at."""
    import sqlalchemy as sa
    from dlt.sources import incremental
    from dlt.sources.sql_database import sql_table

    by = None
    if read.watermark:
        start = from_mark(mark)
        if start is not None and read.lag_hours:
            if not isinstance(start, date):
                raise SpecError(
                    f"Source '{source.name}' has lag_hours, but its watermark {read.watermark!r} is no moment."
                )
            start -= timedelta(hours=read.lag_hours)
        by = incremental[Any](
            read.watermark,
            initial_value=start,
            row_order="asc",
            on_cursor_value_missing="include",
            primary_key=(),
        )
    try:
        there = sa.inspect(engine)
        columns = [c["name"] for c in there.get_columns(read.table, schema=read.schema_name)]
    except sa.exc.NoSuchTableError:
        names = there.get_table_names(schema=read.schema_name)
        raise ContractBroken(
            f"Source '{source.name}': the database of {read.url.words} has no table {read.table!r}."
            f"{did_you_mean(read.table, names)}"
        ) from None
    except sa.exc.SQLAlchemyError as error:
        raise SourceUnavailable(
            f"Source '{source.name}': the database of {read.url.words} cannot be reached: "
            f"{without(_brief(error), url)} Nothing was landed; try again later."
        ) from None
    if read.watermark and read.watermark not in columns:
        raise ContractBroken(
            f"Source '{source.name}': table {read.table!r} has no column {read.watermark!r}, its watermark."
            f"{did_you_mean(read.watermark, columns)}"
        )
    yield from sql_table(
        engine,
        table=read.table,
        schema=read.schema_name,
        incremental=by,
        chunk_size=min(_CHUNK, read.rows_per_load),
        backend="pyarrow",
        reflection_level="full_with_precision",
    )


def _read_api(source: Source, read: Rest, token: str, spool: Path, mark: str | None) -> Iterator[Part]:
    import requests
    from dlt.common.configuration.specs.runtime_configuration import RuntimeConfiguration
    from dlt.sources.helpers.requests import Client
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
    from dlt.sources.helpers.rest_client.client import RESTClient

    session = Client(
        request_timeout=read.timeout_seconds,
        raise_for_status=False,
        request_max_attempts=read.attempts,
        request_backoff_factor=min(1.0, read.longest_wait_seconds),
        request_max_retry_delay=read.longest_wait_seconds,
    ).session
    session.trust_env = False  # no proxy and no .netrc of the machine
    client = RESTClient(
        base_url=read.base_url,
        auth=BearerTokenAuth(token=token) if token else None,
        session=session,
        config=RuntimeConfiguration(),
    )
    params: dict[str, Any] = dict(read.params)
    start = from_mark(mark)
    if read.since_param and start is not None:
        params[read.since_param] = start
    path, count, high = spool / "part.jsonl", 0, None
    seen: set[str] = set()
    try:
        with _writing(path), open(path, "w", encoding="ascii") as lines:
            pages = client.paginate(
                read.path, params=params, paginator=_paginator(read), data_selector=read.records or "$"
            )
            for page in pages:
                following = str(page.request.url) if page.paginator.has_next_page else None
                _check_page(source, read, page.response, seen, following)
                for record in page:
                    lines.write(json.dumps(record) + "\n")
                    value = (
                        record.get(read.watermark) if read.watermark and isinstance(record, dict) else None
                    )
                    if value is not None and (high is None or _later(value, high)):
                        high = value
                    count += 1
    except (requests.RequestException, RecursionError) as error:
        said = without(_brief(error), token) if token else _brief(error)
        raise SourceUnavailable(
            f"Source '{source.name}': {read.base_url} stopped answering after {count:,} records and "
            f"{read.attempts} attempts: {said} Nothing of this load was landed; load again later."
        ) from None
    finally:
        session.close()
    yield Part(path, count, to_mark(high) if high is not None else mark)


def _paginator(read: Rest) -> Any:
    from dlt.sources.helpers.rest_client import paginators

    pages = read.pages
    match pages.kind:
        case "page":
            return paginators.PageNumberPaginator(
                base_page=pages.first, page_param=pages.param or "page", total_path=None
            )
        case "offset":
            return paginators.OffsetPaginator(
                limit=pages.size, offset_param=pages.param or "offset", total_path=None
            )
        case "cursor":
            return paginators.JSONResponseCursorPaginator(pages.at, cursor_param=pages.param or "cursor")
        case "link":
            return paginators.JSONLinkPaginator(pages.at)
        case _:
            return paginators.SinglePagePaginator()


def _check_page(source: Source, read: Rest, response: Any, seen: set[str], following: str | None) -> None:
    """The records are where they were said to be; the next page is of the same host and was not asked for yet."""
    body = response.json()
    for name in read.records.split(".") if read.records else ():
        if not isinstance(body, dict) or name not in body:
            raise ContractBroken(
                f"Source '{source.name}': an answer of {read.base_url} has no list of records at {read.records!r}."
                f"{did_you_mean(name, body) if isinstance(body, dict) else ''}"
            )
        body = body[name]
    if not isinstance(body, list):
        raise ContractBroken(
            f"Source '{source.name}': an answer of {read.base_url} holds {type(body).__name__} at "
            f"{read.records or 'its top'!r}; expected a list of records. Name their place in `records`."
        )
    asked = response.request.url
    if asked in seen:
        raise ContractBroken(
            f"Source '{source.name}': {read.base_url} goes round in circles: it gave the same page twice. "
            "Check `pages`."
        )
    seen.add(asked)
    if following and urlsplit(following).netloc != urlsplit(read.base_url).netloc:
        raise ContractBroken(
            f"Source '{source.name}': {read.base_url} names a next page on another host, "
            f"{urlsplit(following).hostname}. It was not followed: the token is for one host."
        )


def _later(value: Any, than: Any) -> bool:
    if isinstance(value, int | float) and isinstance(than, int | float):
        return value > than
    return str(value) > str(than)


class _writing:
    """What the disk says while a part is written, in words."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.errno is not None:
            raise WorkspaceUnusable(
                f"What was read cannot be written to {self.path.parent}: {error.strerror or error}. Check the space "
                "left; nothing of this part was landed."
            ) from None


def to_mark(value: Any) -> str:
    """A watermark's value as text that keeps its type."""
    if isinstance(value, datetime):
        return json.dumps({"moment": value.isoformat()})
    if isinstance(value, date):
        return json.dumps({"day": value.isoformat()})
    if isinstance(value, Decimal):
        return json.dumps({"decimal": str(value)})
    return json.dumps(value)


def from_mark(mark: str | None) -> Any:
    """The value of a watermark; None where nothing was read yet."""
    value = json.loads(mark) if mark is not None else None
    if isinstance(value, dict):
        ((kind, text),) = value.items()
        reads: dict[str, Callable[[str], Any]] = {
            "moment": datetime.fromisoformat,
            "day": date.fromisoformat,
            "decimal": Decimal,
        }
        return reads[kind](text)
    return value


def _brief(error: BaseException) -> str:
    """The first line of an error without SQL and addresses of memory."""
    cause = error
    while (
        deeper := getattr(cause, "orig", None) or cause.__cause__
    ):  # dlt and SQLAlchemy wrap what a driver says
        cause = deeper
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".") + "."
