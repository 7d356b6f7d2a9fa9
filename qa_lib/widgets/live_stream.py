"""The dashboard of a running stream: how fast, how far behind, whom it brings into audiences, what was refused."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import altair as alt
import ipywidgets as widgets
import pandas as pd
import traitlets

from qa_lib.charts import Live, entered_bars, is_static, rate_line, to_svg
from qa_lib.charts.exporting import Export, chart_export, page_export, table_export
from qa_lib.charts.html import Html, join, picture, tag
from qa_lib.charts.tiles import Tile, note, page, table, tiles
from qa_lib.charts.words import say
from qa_lib.errors import NothingBuilt, UnknownName, WorkbenchError, did_you_mean
from qa_lib.live.board import Board, BoardNow
from qa_lib.widgets.age_clock import AgeClock
from qa_lib.widgets.exports import LABELS, ExportMenu, Exports
from qa_lib.workspace import Workspace

_CHARTS_EVERY_S = 2.0
_NO_RATES = pd.DataFrame({"at": [], "rate": []})
_NOBODY = pd.DataFrame({"audience": [], "people": [], "entered": [], "left": []})


class LiveStreamBoard(widgets.VBox, Exports):
    """A running stream on a page that follows it by itself and says how old its figures are.

    It reads and never writes, and works without a browser: call `refresh` and read `now`.

    Parameters
    ----------
    every_s
        Seconds between two readings.

    Attributes
    ----------
    now : BoardNow or None
        What was read last; None where nothing was consumed yet.
    """

    language = traitlets.Unicode("zh")

    def __init__(self, workspace: Workspace, language: str = "zh", *, every_s: float = 0.5) -> None:
        self._workspace, self._every_s = workspace, every_s
        self._board: Board | None = None
        self.now: BoardNow | None = None
        self._fault: WorkbenchError | None = None
        self._ended = threading.Event()
        super().__init__(language=language)
        self.refresh()
        if not is_static():
            self._build()
            threading.Thread(target=self._follow, name="stream board", daemon=True).start()

    @traitlets.validate("language")
    def _valid_language(self, proposal: Any) -> str:
        value = str(proposal["value"])
        if value not in ("zh", "en"):
            raise UnknownName(f"Unknown language {value!r}.{did_you_mean(value, ('zh', 'en'))}")
        return value

    # -- state ---------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the stream now."""
        try:
            if self._board is None:
                self._board = Board(self._workspace)
            self.now, self._fault = self._board.read(), None
        except WorkbenchError as error:  # such as a disk that cannot be read: the page says so and goes on
            self._fault = error

    def stop(self) -> None:
        """Follow no longer."""
        self._ended.set()

    def say(self, key: str, **names: str) -> str:
        """Words in the chosen language."""
        return say(key, self.language, **names)

    # -- what is shown -------------------------------------------------------------------------

    def rate_chart(self) -> alt.Chart:
        """Events a second over the last two minutes."""
        return rate_line(_NO_RATES if self.now is None else self.now.rates, language=self.language)

    def audience_chart(self) -> alt.LayerChart:
        """People whom the stream brought into audiences."""
        return entered_bars(_NOBODY if self.now is None else self.now.audiences, language=self.language)

    def tiles_html(self) -> Html:
        """The figures, or why there are none."""
        now = self.now
        if now is None:
            return note(self._told(), "warning")
        age = (
            "—" if now.newest_age_s is None else self.say("seconds_before", count=f"{now.newest_age_s:,.1f}")
        )
        duplicates = self.say("stream_duplicates", count=f"{now.duplicate_count:,}")
        people = int(now.audiences["people"].sum()) if len(now.audiences) else 0
        shown = [
            Tile("event_rate", self.say("event_rate"), "—" if now.rate is None else f"{now.rate:,.0f}"),
            Tile("event_count", self.say("acknowledged_count"), f"{now.event_count:,}", duplicates),
            Tile("stream_lag", self.say("stream_lag"), "—" if now.lag is None else f"{now.lag:,}"),
            Tile("newest_age", self.say("newest_age"), age),
            Tile("people_in", self.say("people_in"), f"{people:,}"),
            Tile("dead_letter_count", self.say("dead_letter_count"), f"{now.dead_letter_count:,}"),
            Tile("members", self.say("members"), f"{now.members:,}"),
        ]
        words = self._told() or ("" if now.is_consumed else self.say("nobody_consumes"))
        return join(tiles(shown), note(words, "warning") if words else "")

    def _told(self) -> str:
        """Why nothing new was read, in the chosen language."""
        if isinstance(self._fault, NothingBuilt):
            return self.say("not_streamed")
        return str(self._fault or "")

    def letters_html(self) -> Html:
        """The newest dead letters with their reasons; nothing where there is none."""
        if self.now is None or not self.now.dead_letters:
            return join()
        rows = [(f"{partition} / {offset}", reason) for partition, offset, reason in self.now.dead_letters]
        heads = (self.say("partition_offset"), self.say("refused_because"))
        return table(heads, rows, words=(0, 1))

    def static_html(self) -> Html:
        """The page as it is now, without script."""
        pictures = (
            picture(to_svg(self.rate_chart()), self.say("title_rate")),
            picture(to_svg(self.audience_chart()), self.say("title_entered")),
        )
        head = tag("h2", self.say("title_stream"))
        return page(head, self.tiles_html(), tag("div", pictures, class_="qa-pictures"), self.letters_html())

    @property
    def exports(self) -> list[Export]:
        """Both charts with their figures as they were read last, dead letters, and the page."""
        charts = [
            chart_export("rates_chart", LABELS["rates"], self.rate_chart),
            chart_export("entered_chart", LABELS["entered"], self.audience_chart),
        ]
        found: list[Export] = []
        if (now := self.now) is not None:
            columns = ["partition", "offset", "reason"]
            frames = {
                "rates": now.rates,
                "entered": now.audiences,
                "letters": pd.DataFrame(now.dead_letters, columns=columns),
            }
            found = [
                table_export(key, LABELS[key], partial(pd.DataFrame, frame))
                for key, frame in frames.items()
                if len(frame)
            ]
        page_made = page_export(
            LABELS["page"], lambda: self.say("title_stream"), self.static_html, lambda: self.language
        )
        return [*charts, *found, page_made]

    @property
    def export_stem(self) -> str:
        """The screen, and the snapshot that the stream runs on from."""
        return "live-stream" if self.now is None else f"live-stream-{self.now.snapshot}"

    # -- following -----------------------------------------------------------------------------

    def _build(self) -> None:
        self._head, self._tiles, self._letters = (widgets.HTML() for _ in range(3))
        self._clock = AgeClock()
        self._menu = ExportMenu(self, language=self.language)
        self._rate, self._audiences = Live(self.rate_chart()), Live(self.audience_chart())
        languages = widgets.ToggleButtons(
            options=[("中文", "zh"), ("English", "en")], value=self.language, style={"button_width": "76px"}
        )
        traitlets.link((languages, "value"), (self, "language"))
        wrap = widgets.Layout(flex_flow="row wrap", align_items="flex-start")
        self.children = (
            self._head,
            widgets.HBox([languages, self._clock], layout=wrap),
            self._tiles,
            widgets.HBox([self._rate.widget, self._audiences.widget], layout=wrap),
            self._letters,
            self._menu,
        )
        self.add_class("qa-view")
        self._drawn_at = 0.0
        self._show()
        self.observe(lambda _: self._show(draw=True), "language")

    def _show(self, *, draw: bool = False) -> None:
        self._head.value = str(page(tag("h2", self.say("title_stream"))))
        self._tiles.value = str(page(self.tiles_html()))
        self._letters.value = str(page(self.letters_html()))
        self._menu.refresh(self.language)
        if self.now is not None:
            age = time.time() - self.now.measured_at
            self._clock.tell(
                age, self.say("age_of_figures", age="{age}"), self.say("age_stopped", age="{age}")
            )
        now = self.now  # an empty chart says nothing, and has nothing that could be read out
        for live, frame in (
            (self._rate, _NO_RATES if now is None else now.rates),
            (self._audiences, _NOBODY if now is None else now.audiences),
        ):
            live.widget.layout.display = None if len(frame) else "none"
        if draw or time.monotonic() - self._drawn_at > _CHARTS_EVERY_S:
            self._rate.update(self.rate_chart())
            self._audiences.update(self.audience_chart())
            self._drawn_at = time.monotonic()

    def _follow(self) -> None:
        while not self._ended.wait(self._every_s):
            self.refresh()
            self._show()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return super()._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        seen = "nothing consumed" if self.now is None else f"{self.now.event_count:,} events"
        return f"LiveStreamBoard({self._workspace.root.name}, {seen})"
