"""What the controls of a screen ask for: beside the kernel's own thread, one after another, each cancelled whole."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from qa_lib.widgets.preview_work import Answer, Work


@dataclass(frozen=True)
class Wish:
    """What one control asks for.

    Attributes
    ----------
    do
        Carries it out.
    put_back
        Is called when it was given up, after it has ended.
    is_choice
        A newer choice of the same control takes the place of this one; a change is never begun twice.
    """

    do: Callable[[], None]
    put_back: Callable[[], None]
    is_choice: bool = True


class ScreenWork:
    """The wishes of a screen's controls, by the control's name; one is carried out at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Wish] = {}
        self._going: tuple[str, Wish] | None = None
        self._work: Work | None = None

    def begin(self, name: str, wish: Wish) -> None:
        """Carry it out as soon as its turn has come."""
        with self._lock:
            if self._work is None:
                self._start(name, wish)
            elif self._going is not None and self._going[0] == name and not wish.is_choice:
                return  # a second click on the button
            else:
                self._waiting.pop(name, None)
                self._waiting[name] = wish
                if self._going is not None and self._going[0] == name:
                    self._work.cancel()

    def cancel(self) -> bool:
        """Give up what is going on, and with it whatever waits; False when nothing is, or it is too late."""
        with self._lock:
            if self._work is None or not self._work.cancel():
                return False
            self._waiting.clear()
            return True

    def wait(self, seconds: float = 60) -> None:
        """Wait until nothing goes on; TimeoutError when it takes longer."""
        while (work := self._work) is not None:
            work.wait(seconds)

    def _start(self, name: str, wish: Wish) -> None:
        self._going = name, wish
        self._work = Work({name: partial(_done, wish)}, lambda *_: None, self._ended)
        self._work.start(pause=0)

    def _ended(self, is_given_up: bool) -> None:
        assert self._going is not None
        try:
            if is_given_up:
                self._going[1].put_back()
        finally:
            with self._lock:
                self._work = self._going = None
                if self._waiting:
                    name = next(iter(self._waiting))
                    self._start(name, self._waiting.pop(name))


def _done(wish: Wish) -> Answer:
    wish.do()
    return {}
