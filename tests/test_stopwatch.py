"""A stopwatch gives the answer and keeps the time of each question in order."""

from __future__ import annotations

import time

from qa_lib.jobs.stopwatch import Stopwatch


def test_the_answer_comes_back_and_the_times_are_kept_in_order() -> None:
    timed = Stopwatch()
    assert timed("slow", lambda: time.sleep(0.02) or "answer") == "answer"
    timed("quick", lambda: None)
    frame = timed.frame()
    assert frame.index.tolist() == ["slow", "quick"]
    assert frame["ms"]["slow"] >= 20 > frame["ms"]["quick"] >= 0
