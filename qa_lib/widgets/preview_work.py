"""Slow answers beside the screen: on another thread, the newest question only, and cancelled at any time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any as AnyValue

from qa_lib.errors import WorkbenchError
from qa_lib.tables import Label
from qa_lib.workspace import Cancelling

Answer = dict[str, AnyValue]
#: Seconds without another edit before anything but the count is computed.
PAUSE = 0.15


class Work:
    """A few questions that were asked together; the answer to each is told as soon as it is there.

    Parameters
    ----------
    tell
        Gets each answer.
    ended
        Is called on the work's thread when nothing of it goes on any more, with whether it was cancelled.
    """

    def __init__(
        self,
        questions: Mapping[str, Callable[[], Answer]],
        tell: Callable[[Work, str, Answer], None],
        ended: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._questions, self._tell, self._ended = dict(questions), tell, ended
        self._queries = Cancelling()
        self._cancelled = threading.Event()
        self._future: Future[None] | None = None

    def start(self, pause: float = PAUSE) -> None:
        """Answer on another thread, after a pause in which it may still be cancelled for nothing."""
        self._future = _threads().submit(self._run, pause)

    def cancel(self) -> bool:
        """Give up what is not answered yet; its queries are interrupted, and nothing more is told.

        False when it comes too late: what is being written is written whole, and told.
        """
        if not self._queries.cancel():
            return False
        self._cancelled.set()
        return True

    def wait(self, seconds: float) -> None:
        """Wait until all is answered or cancelled; TimeoutError when it takes longer."""
        if self._future is not None:
            self._future.result(seconds)

    def _run(self, pause: float) -> None:
        if not self._cancelled.wait(pause):
            with self._queries:
                for name, question in self._questions.items():
                    answer = answered(question)
                    if self._queries.is_cancelled:
                        break
                    self._tell(self, name, answer)
        self._ended(self._queries.is_cancelled)


def answered(question: Callable[[], Answer]) -> Answer:
    """The answer, or in place of it `error` in both languages: a screen never stays silent."""
    try:
        return question()
    except WorkbenchError as error:
        return {"error": Label(f"无法回答：{error}", str(error)).to_dict()}
    except Exception as error:  # noqa: BLE001 a fault of ours is shown too, and the other answers still come
        what = f"{type(error).__name__}: {error}"
        return {"error": Label(f"计算时出错：{what}", f"This could not be computed: {what}").to_dict()}


@cache
def _threads() -> ThreadPoolExecutor:
    # two: work that takes a moment to be cancelled does not hold up the next
    return ThreadPoolExecutor(2, thread_name_prefix="qa-preview")
