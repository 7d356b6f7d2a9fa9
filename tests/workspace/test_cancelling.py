"""Work is given up from another thread: its query stops at once, and what is over is left alone."""

from __future__ import annotations

import threading

import duckdb
import pytest

from qa_lib.errors import GivenUp
from qa_lib.workspace import Cancelling, Snapshot, go_on

ENDLESS = "SELECT count(*) FROM range(10_000_000) a, range(10_000_000) b WHERE a.range * b.range % 7 = 3"


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
