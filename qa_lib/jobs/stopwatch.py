"""A stopwatch for notebooks that show how long each answer took."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Stopwatch:
    """Asks, and remembers under a name how long the answer took."""

    def __init__(self) -> None:
        self.times_ms: dict[str, float] = {}

    def __call__(self, name: str, ask: Callable[[], T]) -> T:
        """The answer of `ask`; its wall time is kept under the name, in milliseconds."""
        started = perf_counter()
        answer = ask()
        self.times_ms[name] = (perf_counter() - started) * 1000
        return answer

    def frame(self) -> pd.DataFrame:
        """What was asked, in order, with `ms`."""
        import pandas as pd

        return pd.DataFrame({"ms": pd.Series(self.times_ms, dtype=float).round(3)})
