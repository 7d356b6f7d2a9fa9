"""The browser side of the audience library: what it is shown, and its questions, each with a number."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any as AnyValue

import anywidget
import traitlets

from qa_lib.errors import ReadOnly, VersionConflict, WorkbenchError
from qa_lib.tables import Label
from qa_lib.widgets.builder_answers import Asked
from qa_lib.widgets.bundle import script, style
from qa_lib.widgets.preview_work import Work

Row = dict[str, AnyValue]
Answer = Callable[[Asked], Row]
_CANCEL = "cancel"


class LibraryPanel(anywidget.AnyWidget):
    """The list, the versions and the forms of the library; it decides nothing.

    Everything but `language` is written by Python only; what a browser sets is not taken. What may take long
    is answered on another thread, one question at a time, and can be cancelled from the browser.

    Parameters
    ----------
    answer
        Answers a question; WorkbenchError where it cannot.
    topics
        What may be asked.
    slow
        Those of the topics that may take over a second, and what is said when one is cancelled.
    given_up
        Is called with the topic once nothing of what was cancelled goes on any more.

    Attributes
    ----------
    shelf : list of dict
        From `shelf_rows`.
    opened : dict
        From `opened_rows`; empty while no audience is open.
    draft : dict
        What the builder holds: `name` and `version` that it was loaded from, `changed` since, `count`,
        `universe`, `sentence`, `rule_hash`, `has_fault`; empty without a builder.
    about : dict
        `author`, `snapshot`, `as_of`, `people_count`.
    answers : dict
        The last answer to each topic: `seq` as it was asked, `ok`, what to say in `zh` and `en`, and more.
    """

    _esm = script("audience_library")
    _css = style("audience_library")

    shelf: traitlets.List[AnyValue] = traitlets.List().tag(sync=True)
    opened = traitlets.Dict().tag(sync=True)
    draft = traitlets.Dict().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    answers = traitlets.Dict().tag(sync=True)
    read_only = traitlets.Bool(False).tag(sync=True)
    language = traitlets.Enum(("zh", "en"), default_value="zh").tag(sync=True)

    def __init__(
        self,
        answer: Callable[[Asked], Row],
        topics: Collection[str],
        *,
        slow: Mapping[str, Label],
        given_up: Callable[[str], None],
        language: str,
        read_only: bool,
        about: Row,
        shelf: list[Row],
    ) -> None:
        self._answer, self._topics, self._slow, self._given_up = answer, topics, slow, given_up
        self._lock = threading.RLock()
        self._work: Work | None = None
        self._waiting: Asked | None = None
        self._own: Row = {
            "shelf": shelf,
            "opened": {},
            "draft": {},
            "about": about,
            "answers": {},
            "read_only": read_only,
        }
        super().__init__(language=language, **self._own)
        self.on_msg(self._asked)

    def set_state(self, sync_data: Row) -> None:
        """Take the language from the browser, and nothing else that it sends."""
        super().set_state({name: value for name, value in sync_data.items() if name == "language"})

    def put(self, **traits: AnyValue) -> None:
        """Show other values; only Python does."""
        for name, value in traits.items():
            if self._own[name] != value:
                self._own[name] = value
                setattr(self, name, value)

    def _asked(self, _: AnyValue, content: AnyValue, __: AnyValue) -> None:
        asked = Asked.read(content, (*self._topics, _CANCEL))
        if asked is None:
            return
        if asked.topic == _CANCEL:
            self.cancel()
        elif asked.topic in self._slow:
            self.cancel()
            with self._lock:
                self._waiting = asked
                question = {asked.topic: partial(self._row, asked)}
                self._work = Work(question, partial(self._take, asked), partial(self._ended, asked.topic))
                self._work.start(pause=0)
        else:
            self._tell(asked, self._row(asked))

    def cancel(self) -> None:
        """Give up what is being computed; its question is answered so."""
        with self._lock:
            asked, self._waiting = self._waiting, None
            if self._work is not None and asked is not None:
                self._work.cancel()
                self._tell(asked, {"ok": False, **self._slow[asked.topic].to_dict()})

    def wait(self, seconds: float = 60) -> None:
        """Wait for what is being computed; TimeoutError when it takes longer."""
        if self._work is not None:
            self._work.wait(seconds)

    def _row(self, asked: Asked) -> Row:
        try:
            return {"ok": True, **self._answer(asked)}
        except WorkbenchError as error:
            return {"ok": False, **said(error).to_dict()}

    def _take(self, asked: Asked, _: Work, __: str, answer: Row) -> None:
        """An answer has come from the other thread; one that was cancelled meanwhile is dropped."""
        with self._lock:
            if self._waiting is not asked:
                return
            self._waiting = None
            fault = answer.get("error")
            self._tell(asked, {"ok": False, **fault} if fault else answer)

    def _ended(self, topic: str, is_given_up: bool) -> None:
        if is_given_up:
            self._given_up(topic)

    def _tell(self, asked: Asked, answer: Row) -> None:
        with self._lock:
            self.put(answers={**self._own["answers"], asked.topic: {**answer, "seq": asked.seq}})


def said(error: WorkbenchError) -> Label:
    """What went wrong, in both languages."""
    if isinstance(error, ReadOnly):
        return Label(
            "这里只能查看：不能保存、回滚或归档。可以下载草稿，在 JupyterLab 中保存。",
            "This is read-only: nothing can be saved, rolled back or filed here. "
            "Download the draft and save it in JupyterLab.",
        )
    if isinstance(error, VersionConflict):
        return Label(f"别人已保存了更新的版本，这次没有保存。{error}", f"Nothing was saved. {error}")
    return Label(f"没有做成：{error}", str(error))
