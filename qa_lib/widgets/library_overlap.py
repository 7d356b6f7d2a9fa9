"""The overlap of saved audiences as an UpSet chart whose columns can be clicked."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import pandas as pd

from qa_lib.charts import Live, is_static, upset_bars
from qa_lib.charts.showing import Picked


class OverlapChart(ipywidgets.VBox):
    """Empty until there is something to draw, so that a library that is only read sends no chart.

    Parameters
    ----------
    on_pick
        Gets the audiences of the combination that was clicked; without it nothing can be clicked.
    """

    def __init__(self, on_pick: Callable[[tuple[str, ...]], object] | None) -> None:
        self._on_pick = on_pick
        self._live: Live | None = None
        self.frame: pd.DataFrame | None = None
        super().__init__()

    @property
    def names(self) -> tuple[str, ...]:
        """The audiences whose overlap is drawn."""
        return () if self.frame is None else tuple(self.frame.columns[3:])

    def draw(self, frame: pd.DataFrame | None, language: str) -> None:
        """Draw what `AudienceLibrary.upset` found."""
        self.frame = frame
        if frame is None or is_static():
            return
        drawn = upset_bars(frame, language=language, can_pick=self._on_pick is not None)
        if self._live is None:
            listens = {"combination": self._picked} if self._on_pick is not None else None
            self._live = Live(drawn, listens)
            self.children = (self._live.widget,)
        else:
            self._live.update(drawn)

    def _picked(self, picked: Picked) -> None:
        if self.frame is None or self._on_pick is None or not picked:
            return
        number = picked[-1].get("number")
        if isinstance(number, int | float) and 0 <= int(number) < len(self.frame):
            self._on_pick(tuple(self.frame["audiences"].iloc[int(number)]))
