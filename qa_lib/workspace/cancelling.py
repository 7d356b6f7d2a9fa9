"""Work that can be given up from another thread: its queries are interrupted, and no further one begins."""

from __future__ import annotations

import threading
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Self
from weakref import WeakSet

from qa_lib.errors import GivenUp

if TYPE_CHECKING:
    import duckdb

_now: ContextVar[Cancelling | None] = ContextVar("qa_lib_cancelling", default=None)


class Cancelling:
    """A stretch of work on one thread, entered with `with`, that any other thread may cancel.

    Every query of a snapshot that is asked in it is interrupted by `cancel`; what is asked afterwards raises
    `GivenUp`. A query that is interrupted raises `duckdb.InterruptException`. What writes calls `see_through`
    first: a cancel before that leaves nothing behind, one after it comes too late.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cursors: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
        self._is_over = self._is_seen_through = False
        self._before: Token[Cancelling | None] | None = None
        self.is_cancelled = False

    def __enter__(self) -> Self:
        self._before = _now.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:  # a cursor that serves later work is not interrupted for this one
            self._is_over = True
        assert self._before is not None
        _now.reset(self._before)

    def cancel(self) -> bool:
        """Give the work up; False when it comes too late. Nothing happens to work that is over."""
        with self._lock:
            if self._is_seen_through:
                return False
            self.is_cancelled = True
            for cursor in [] if self._is_over else list(self._cursors):
                cursor.interrupt()
            return True

    def _holds(self, cursor: duckdb.DuckDBPyConnection | None = None, *, to_the_end: bool = False) -> None:
        with self._lock:
            if self.is_cancelled:
                raise GivenUp("This work was cancelled before it was done. Ask again.")
            if cursor is not None:
                self._cursors.add(cursor)
            self._is_seen_through |= to_the_end


def cancellable(cursor: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """The same cursor, which the work going on in this thread now answers for.

    Raises
    ------
    GivenUp
        When that work was cancelled.
    """
    work = _now.get()
    if work is not None:
        work._holds(cursor)
    return cursor


def go_on() -> None:
    """For long loops outside DuckDB: `GivenUp` when the work going on in this thread was cancelled."""
    work = _now.get()
    if work is not None:
        work._holds()


def see_through() -> None:
    """Before something is written: `GivenUp` when the work was cancelled; else nothing cancels it any more."""
    work = _now.get()
    if work is not None:
        work._holds(to_the_end=True)
