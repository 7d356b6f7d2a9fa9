"""The screen of data quality: every feed's freshness, what became of its rows, and why some were rejected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import altair as alt
import pandas as pd
import traitlets

from qa_lib.charts import column_moves, feed_strips, load_history, reject_bars
from qa_lib.charts.html import Html, join, tag
from qa_lib.charts.tiles import note
from qa_lib.widgets.data_quality_figures import QualityFigures
from qa_lib.widgets.data_quality_page import QualityPage
from qa_lib.widgets.screen import Screen
from qa_lib.widgets.screen_parts import Choice, Drawing, Options, Row, Words, names
from qa_lib.workspace import Workspace


class DataQuality(Screen):
    """Every feed of a workspace: last load, freshness against its contract, rows accepted and rejected.

    A click on a feed, or the lists, drill into its loads and into one load: its columns beside the load
    before, the reasons of its rejects and some rejected rows, masked. It never writes.

    Parameters
    ----------
    workspace
        Its `loads` and `rejects` are read once.
    language
        `zh` or `en`.
    as_of
        The moment for the age of rows; now when not given.

    Attributes
    ----------
    feed : str or None
        The chosen feed.
    load : int or None
        The number of the chosen load of the feed, the first is 1; the newest when None.
    feeds, every_load : pandas.DataFrame
        See `qa_lib.widgets.data_quality_figures.QualityFigures`.

    Raises
    ------
    UnknownName
        For a feed or load that is not there.
    """

    feed = traitlets.Unicode(None, allow_none=True)
    load = traitlets.Int(None, allow_none=True)
    SHOWN = ("feed", "load")
    TITLE, STEM = "quality", "data-quality"

    def __init__(
        self,
        workspace: Workspace,
        *,
        language: str = "zh",
        feed: str | None = None,
        as_of: datetime | None = None,
    ) -> None:
        self._zone = workspace.zone
        self.figures = QualityFigures(workspace, as_of or datetime.now(UTC))
        super().__init__(language=language, **({"feed": feed} if feed else {}))

    # -- figures -------------------------------------------------------------------------------

    @property
    def feeds(self) -> pd.DataFrame:
        return self.once("feeds", self.figures.feeds)

    @property
    def every_load(self) -> pd.DataFrame:
        return self.once("loads", self.figures.every_load)

    @property
    def history(self) -> pd.DataFrame:
        """All loads of the chosen feed."""
        return self.once(("history", self.feed), lambda: self.figures.history(str(self.feed)))

    @property
    def reasons(self) -> pd.DataFrame:
        """Why the chosen load rejected rows; of every feed's newest load when no feed is chosen."""
        if self._drilled is None:
            return self.once("reasons", self._newest_reasons)
        return self.once(("reasons", *self._drilled), lambda: self.figures.reasons(*self._chosen))

    @property
    def examples(self) -> pd.DataFrame:
        """Some rejected rows of the chosen load, masked."""
        return self.once(("examples", *self._chosen), lambda: self.figures.examples(*self._chosen))

    @property
    def columns(self) -> pd.DataFrame:
        """The columns of the chosen load beside the load before."""
        return self.once(("columns", *self._chosen), lambda: self.figures.columns(*self._chosen))

    def _newest_reasons(self) -> pd.DataFrame:
        loaded = self.feeds[self.feeds["load_count"] > 0]["feed"]
        parts = [frame for name in loaded if len(frame := self.figures.reasons(name, None))]
        if not parts:
            return pd.DataFrame(columns=["feed", "column", "reason", "reject_count", "example"])
        return pd.concat(parts, ignore_index=True).sort_values("reject_count", ascending=False, kind="stable")

    @property
    def _drilled(self) -> tuple[str, int] | None:
        """The chosen feed and the number of its load; None where there is none to show."""
        if self.feed is None or not (count := self.figures.count_of(self.feed)):
            return None
        return self.feed, self.load or count

    @property
    def _chosen(self) -> tuple[str, int]:
        assert self._drilled is not None
        return self._drilled

    @traitlets.validate("feed")
    def _valid_feed(self, proposal: Any) -> Any:
        return self.one_of(proposal, "feed", self.figures.names)

    @traitlets.validate("load")
    def _valid_load(self, proposal: Any) -> Any:
        count = self.figures.count_of(self.feed or "")
        return self.one_of(proposal, f"load of {self.feed!r}", range(1, count + 1))

    @traitlets.observe("feed")
    def _other_feed(self, _: Any) -> None:
        if self.load is not None:
            with self.together():
                self.load = None

    # -- what is shown -------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        feed, both = names("feed"), names("feed", "load")
        return [
            [Words("header", self._header, frozenset())],
            [Words("tiles", self._tiles, frozenset())],
            [Choice("feed", self._feed_options), Choice("load", self._load_options, feed)],
            [
                Drawing("strips", self._strips, feed, {"feed": self.picks("feed", "feed")}),
                Drawing("reasons", self._reasons, both),
            ],
            [Words("feeds", self._feeds_table, feed)],
            [Words("one", self._one_load, both)],
            [
                Drawing("history", self._history, both, {"load": self.picks("load", "load")}),
                Drawing("columns", self._columns, both),
            ],
            [Words("examples", self._examples, both)],
        ]

    def tables(self) -> Mapping[str, Callable[[], pd.DataFrame]]:
        if self._is_empty:
            return {}
        drilled = {"loads": lambda: self.history, "columns": lambda: self.columns}
        shown = {"rejects": lambda: self.examples} if self._drilled and len(self.reasons) else {}
        why = {"reasons": lambda: self.reasons} if len(self.reasons) else {}
        return {"feeds": lambda: self.feeds, **(drilled if self._drilled else {}), **why, **shown}

    @property
    def moment(self) -> datetime:
        return self.figures.at

    @property
    def _page(self) -> QualityPage:
        return QualityPage(self.language, self._zone)

    @property
    def _is_empty(self) -> bool:
        return not self.figures.names

    def _feed_options(self) -> Options:
        if self._is_empty:
            return []
        return [(self.say("everything"), None), *((name, name) for name in self.figures.names)]

    def _load_options(self) -> Options:
        if self._drilled is None:
            return []
        frame = self.history
        numbered = [
            (self._page.load_words(row["number"], row["loaded_at"], row["read_count"]), int(row["number"]))
            for row in frame[::-1].to_dict("records")
        ]
        return [(self.say("newest_load"), None), *numbered]

    def _header(self) -> Html:
        if self._is_empty:
            return join(tag("h2", self.say("quality")), note(self.say("quality_empty"), "warning"))
        return self._page.header(self.figures.at)

    def _tiles(self) -> Html:
        return join() if self._is_empty else self._page.tiles(self.feeds, self.every_load)

    def _feeds_table(self) -> Html:
        return join() if self._is_empty else self._page.feeds(self.feeds, self.feed)

    def _one_load(self) -> Html:
        if self._drilled is None:
            never = self.feed is not None
            return note(self.say("never"), "warning") if never else join()
        feed, number = self._drilled
        return self._page.load(feed, number, self.figures.load(feed, number))

    def _examples(self) -> Html:
        return join() if self._drilled is None else self._page.examples(self.examples, len(self.reasons))

    def _strips(self) -> alt.LayerChart | None:
        if self.every_load.empty:
            return None
        return feed_strips(self.every_load.tail(2_000), language=self.language, selected=self.feed)

    def _history(self) -> alt.LayerChart | None:
        if self._drilled is None:
            return None
        feed, number = self._drilled
        return load_history(self.history.tail(200), feed, language=self.language, selected=number)

    def _columns(self) -> alt.LayerChart | None:
        if self._drilled is None:
            return None
        return column_moves(self.columns, self._drilled[0], language=self.language)

    def _reasons(self) -> alt.LayerChart | None:
        return reject_bars(self.reasons, language=self.language) if len(self.reasons) else None
