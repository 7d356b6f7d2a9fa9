"""Work is given up from another thread: its query stops at once, and what is over is left alone."""

from __future__ import annotations

import threading

import duckdb
import pytest
from screens_world import ENDLESS

from qa_lib.errors import GivenUp
from qa_lib.workspace import Cancelling, Snapshot, go_on, see_through


def test_a_running_query_is_interrupted_and_no_further_one_begins(snapshot: Snapshot) -> None:
    work, began = Cancelling(), threading.Event()
    raised: list[Exception] = []

    def ask() -> None:
        with work:
            snapshot.frame("SELECT 1")
            began.set()
            for question in (
                lambda: snapshot.frame(ENDLESS),
                snapshot.cursor,
                lambda: snapshot.frame("SELECT 1"),
            ):
                try:
                    question()
                except (duckdb.InterruptException, GivenUp) as error:
                    raised.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    began.wait()
    while asking.is_alive():  # a query that has not begun yet is not there to be interrupted
        work.cancel()
        asking.join(0.02)
    assert len(raised) == 3
    assert all(isinstance(error, GivenUp) for error in raised[1:])


def test_other_threads_and_later_work_go_on(snapshot: Snapshot) -> None:
    work = Cancelling()
    with work:
        cursor = snapshot.cursor()
    work.cancel()  # it is over: its cursor may serve others by now
    assert cursor.execute("SELECT 42").fetchone() == (42,)
    with Cancelling():
        assert snapshot.frame("SELECT 42 AS n")["n"].tolist() == [42]
    with work, pytest.raises(GivenUp, match="Ask again"):
        snapshot.cursor()
    with work, pytest.raises(GivenUp):
        go_on()
    with Cancelling():
        go_on()
    go_on()
    assert snapshot.frame("SELECT 42 AS n")["n"].tolist() == [42]


def test_what_is_seen_through_is_not_cancelled_any_more(snapshot: Snapshot) -> None:
    work = Cancelling()
    with work:
        see_through()
        assert not work.cancel()
        go_on()
        assert snapshot.frame("SELECT 42 AS n")["n"].tolist() == [42]
    assert not work.is_cancelled
    cancelled = Cancelling()
    with cancelled:
        assert cancelled.cancel()
        with pytest.raises(GivenUp):
            see_through()
    see_through()  # where nothing can be cancelled there is nothing to wait for
