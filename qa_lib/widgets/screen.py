"""What the data screens share: a page declared as rows of parts, shown live or as one page without script."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import duckdb
import ipywidgets as widgets
import pandas as pd
import traitlets

from qa_lib.charts import is_static, to_svg
from qa_lib.charts.exporting import Export, chart_export, page_export, table_export
from qa_lib.charts.html import Html, join, picture, tag
from qa_lib.charts.showing import AnyChart, Picked
from qa_lib.charts.tiles import note, page
from qa_lib.charts.words import check_language, say
from qa_lib.errors import GivenUp, ReadOnly, SpecError, UnknownName, WorkbenchError, did_you_mean
from qa_lib.tables import Label
from qa_lib.widgets.exports import LABELS, Exports
from qa_lib.widgets.screen_parts import Action, Drawing, Part, Row, Words
from qa_lib.widgets.screen_work import ScreenWork, Wish
from qa_lib.workspace import Workspace

#: Answers that a screen keeps: a tag of everybody may take megabytes.
KEPT = 40


class Screen(widgets.VBox, Exports):
    """A screen: traits say what is chosen, rows of parts show it. It works without a browser.

    A subclass names the traits that it shows in `SHOWN`, answers `rows`, and computes through `once`, so
    that a figure is computed once however often it is drawn. `TITLE` is the key of its heading, `STEM` how its
    files are called, `tables` what can be taken away as CSV.

    Attributes
    ----------
    language : str
        `zh` or `en`.
    message : str
        What went wrong or was done last, in words; empty when there is nothing to say.
    """

    language = traitlets.Unicode("zh")
    message = traitlets.Unicode("")
    SHOWN: tuple[str, ...] = ()
    TITLE = ""
    STEM = ""

    def __init__(self, *, language: str = "zh", **chosen: Any) -> None:
        from qa_lib.widgets.screen_live import LiveScreen

        check_language(language)
        self._known: dict[Any, Any] = {}
        self._waiting: set[str] | None = set()  # nothing is drawn before everything is there
        self._live: LiveScreen | None = None
        self._work = ScreenWork()
        super().__init__(language=language, **chosen)
        self._waiting = None
        if not is_static():
            self._live = LiveScreen(self)
            self.children = self._live.children
            self.add_class("qa-view")
        self.observe(self._changed, [*self.SHOWN, "language", "message"])

    def rows(self) -> list[Row]:
        """The page from top to bottom."""
        raise NotImplementedError

    def tables(self) -> Mapping[str, Callable[[], pd.DataFrame]]:
        """The frames that can be taken away as things are chosen now, by key of `exports.LABELS`, masked."""
        return {}

    @property
    def moment(self) -> datetime | None:
        """The moment of the data; None where nothing is there yet."""
        return None

    # -- taken away ----------------------------------------------------------------------------

    @property
    def exports(self) -> list[Export]:
        """Every chart that is drawn, every table of `tables`, and the page."""
        drawn = [p for row in self.rows() for p in row if isinstance(p, Drawing) and self._is_drawn(p)]
        return [
            *(
                chart_export(f"{p.name}_chart", self._both(f"alt_{p.name}"), partial(self._drawn, p))
                for p in drawn
            ),
            *(table_export(key, LABELS[key], frame) for key, frame in self.tables().items()),
            page_export(
                LABELS["page"], lambda: self.say(self.TITLE), self.static_html, lambda: self.language
            ),
        ]

    @property
    def export_stem(self) -> str:
        """The screen, and the moment of its data."""
        return self.STEM if self.moment is None else f"{self.STEM}-{self.moment:%Y%m%d}"

    def _is_drawn(self, part: Drawing) -> bool:
        if self._live is not None:
            return part.name in self._live.drawn
        return not isinstance(self.chart_of(part), Html | None)

    def _drawn(self, part: Drawing) -> AnyChart:
        chart = part.draw()
        if chart is None or isinstance(chart, Html):
            raise SpecError(self.say("nothing_chosen"))
        return chart

    @staticmethod
    def _both(key: str) -> Label:
        return Label(say(key, "zh"), say(key, "en"))

    # -- state ---------------------------------------------------------------------------------

    def say(self, key: str, **fill: str) -> str:
        """Words in the chosen language."""
        return say(key, self.language, **fill)

    def once(self, key: Any, compute: Callable[[], Any]) -> Any:
        """The answer under this key, computed at most once while it is among the last `KEPT` that were asked."""
        found = self._known.pop(key) if key in self._known else compute()
        self._known[key] = found
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return found

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Several traits change; the page is drawn once, at the end."""
        if self._waiting is not None:
            yield
            return
        self._waiting = set()
        try:
            yield
        finally:
            changed, self._waiting = self._waiting, None
            if changed:
                self._draw(changed)

    def choose(self, trait: str, value: Any) -> None:
        """Choose here and now; what cannot be is said in `message` and changes nothing."""
        self.run(partial(self._change, trait, value))

    def run(self, do: Callable[[], str]) -> None:
        """Do something here and now for the person at the screen; a failure is said in `message`."""
        try:
            with self.together():
                self.message = ""
                said = do()
                self.message = said
        except (GivenUp, duckdb.InterruptException):
            raise
        except (WorkbenchError, traitlets.TraitError, OSError) as error:
            self.message = str(error)
        except Exception as error:  # a dashboard has no other place to say it
            self.log.exception("a screen could not answer")
            self.message = self.say("unexpected", error=f"{type(error).__name__}: {error}")

    def controlled(self, trait: str, value: Any) -> None:
        """As `choose`, for a control or a click: beside the kernel's thread, where it can be cancelled."""
        language = value if trait == "language" and value in ("zh", "en") else self.language
        self._begin(trait, partial(self._change, trait, value), language, is_choice=True)

    def pressed(self, action: Action) -> None:
        """What a button does, beside the kernel's thread: cancelled before it wrote, nothing was changed."""
        self._begin(action.name, action.do, self.language, is_choice=False)

    def cancel(self) -> bool:
        """Give up what a control began: the page stays as it was. False when it is too late, or nothing goes on."""
        return self._work.cancel()

    def wait(self, seconds: float = 60) -> None:
        """Wait for what controls began; TimeoutError when it takes longer."""
        self._work.wait(seconds)

    def _change(self, trait: str, value: Any) -> str:
        setattr(self, trait, value)
        return ""

    def _begin(self, name: str, do: Callable[[], str], language: str, *, is_choice: bool) -> None:
        live, before = self._live, dict[str, Any]()
        assert live is not None

        def carry_out() -> None:
            before.update(self._chosen_now())
            live.busy(language)
            try:
                self.run(do)
            finally:
                live.idle()

        self._work.begin(name, Wish(carry_out, lambda: self._put_back(before), is_choice))

    def _chosen_now(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*self.SHOWN, "language")}

    def _put_back(self, before: Mapping[str, Any]) -> None:
        """Choose again what was chosen; what is drawn was never changed, but controls were."""
        self._waiting = set()
        for _ in range(3):  # some traits set others
            for name, value in before.items():
                setattr(self, name, value)
        self._waiting = None
        self.message = self.say("given_up")
        if self._live is not None:
            self._live.fill_controls()

    def picks(self, trait: str, key: str) -> Callable[[Picked], None]:
        """What a click in a chart means: the newest chosen mark's `key`, or nothing chosen."""

        def callback(picked: Picked) -> None:
            values = [p.get(key) for p in picked]
            fresh = [v for v in values if v is not None and v != getattr(self, trait)]
            if fresh:
                self.controlled(trait, fresh[-1])
            elif not values and getattr(self, trait) is not None:
                self.controlled(trait, None)

        return callback

    def one_of(self, proposal: Any, what: str, known: Sequence[Any]) -> Any:
        """The proposed value of a trait, when it is None or one of those that are there.

        Raises
        ------
        UnknownName
            With the nearest names.
        """
        value = proposal["value"]
        if value is not None and value not in known:
            near = did_you_mean(str(value), [str(k) for k in known])
            raise UnknownName(f"Unknown {what} {value!r}.{near}")
        return value

    def check_writable(self, workspace: Workspace) -> None:
        """Refuse a change through a dashboard.

        Raises
        ------
        ReadOnly
            When the workspace is open read-only.
        """
        if workspace.read_only:
            raise ReadOnly(self.say("refused"))

    @traitlets.validate("language")
    def _valid_language(self, proposal: Any) -> Any:
        check_language(proposal["value"])
        return proposal["value"]

    @traitlets.observe("language")
    def _other_language(self, _: Any) -> None:
        self.message = ""  # it was said in the language before

    def _changed(self, change: Any) -> None:
        if self._waiting is not None:
            self._waiting.add(change["name"])
        else:
            self._draw({change["name"]})

    def _draw(self, changed: set[str]) -> None:
        if self._live is not None:
            self._live.fill(changed)

    # -- without script ------------------------------------------------------------------------

    def static_html(self) -> Html:
        """The whole screen as a page without script."""
        made = []
        for row in self.rows():
            shown = [html for part in row if (html := self._static(part))]
            if len(shown) > 1:
                shown = [tag("div", [tag("div", html) for html in shown], class_="qa-pictures")]
            made += shown
        return page(*made)

    def _static(self, part: Part) -> Html:
        if isinstance(part, Words):
            return self.words_of(part)
        if isinstance(part, Drawing):
            drawn = self.chart_of(part)
            if isinstance(drawn, Html):
                return drawn
            return join() if drawn is None else picture(to_svg(drawn), self.say(f"alt_{part.name}"))
        return join()

    def words_of(self, part: Words) -> Html:
        """What a part says; a failure in words."""
        html: Html = self._or_why_not(part.draw)
        return html

    def chart_of(self, part: Drawing) -> AnyChart | Html | None:
        """What a part draws; a failure in words."""
        drawn: AnyChart | Html | None = self._or_why_not(part.draw)
        return drawn

    @staticmethod
    def _or_why_not(draw: Callable[[], Any]) -> Any:
        try:
            return draw()
        except GivenUp:
            raise
        except WorkbenchError as error:
            return note(str(error), "warning")

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return super()._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        chosen = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.SHOWN)
        return f"{type(self).__name__}({chosen})"
