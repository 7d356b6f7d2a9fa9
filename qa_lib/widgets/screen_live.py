"""The live face of a screen: controls, charts and words, each drawn anew when what it follows has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from qa_lib.charts import Live, to_svg
from qa_lib.charts.html import Html, join, picture, tag
from qa_lib.charts.tiles import note, page
from qa_lib.charts.words import say
from qa_lib.widgets.exports import ExportMenu
from qa_lib.widgets.screen_parts import Action, Choice, Drawing, Entry, Part, Words
from qa_lib.workspace import go_on, see_through

if TYPE_CHECKING:
    from qa_lib.widgets.screen import Screen

_STYLE = {"description_width": "initial"}


class LiveScreen:
    """What is on screen while a kernel runs; whatever happens here only sets traits of the owner.

    Attributes
    ----------
    drawn : set of str
        The drawings in which there is a chart now.
    """

    def __init__(self, owner: Screen) -> None:
        self.owner = owner
        self._filling = 0  # the thread that fills controls, whose changes are nobody's choice
        self._lock = threading.RLock()
        self._parts: dict[str, Part] = {}
        self._shown: dict[str, widgets.Widget] = {}
        self._charts: dict[str, Live] = {}
        self.drawn: set[str] = set()
        self._status = widgets.HTML()
        self._cancel = widgets.Button(layout=widgets.Layout(display="none", width="auto"))
        self._cancel.add_class("qa-cancel")
        self._cancel.on_click(lambda _: self._cancelled())
        language = widgets.ToggleButtons(
            options=[("中文", "zh"), ("English", "en")], style={"button_width": "76px"}
        )
        language.observe(self._control("language", language), "value")
        self._language = language
        rows = []
        for row in owner.rows():
            made = [self._made(part) for part in row]
            rows.append(
                widgets.HBox(made, layout=widgets.Layout(flex_flow="row wrap", align_items="flex-start"))
            )
        self._menu: ExportMenu | None = None
        self.fill({"language"})
        self._menu = ExportMenu(owner, language=owner.language)
        status = widgets.HBox([self._status, self._cancel], layout=widgets.Layout(align_items="center"))
        self.children: tuple[widgets.Widget, ...] = (rows[0], language, status, *rows[1:], self._menu)

    def widget(self, name: str) -> widgets.Widget:
        """What shows a part: a control by its trait, the others by name."""
        return self._shown[name]

    def html(self) -> str:
        """All words that are on screen."""
        return "".join(w.value for w in self._shown.values() if isinstance(w, widgets.HTML))

    def fill(self, changed: set[str]) -> None:
        """Draw anew what follows any of these traits: all of it is computed first, then all is shown."""
        ready = []
        for part in self._parts.values():
            follows = part.follows if not isinstance(part, Entry) else frozenset({part.trait})
            own = {part.trait} if isinstance(part, Choice) else set()
            if "language" in changed or changed & (follows | own):
                go_on()
                ready.append(self._ready(part))
        see_through()  # what is cancelled before has changed nothing on the page
        with self._lock:
            self._put(ready)
            if changed - {"message"} and self._menu is not None:
                self._menu.refresh(self.owner.language)
            self._say()

    def fill_controls(self) -> None:
        """Show in lists and lines of text what is chosen."""
        ready = [self._ready(part) for part in self._parts.values() if isinstance(part, Choice | Entry)]
        with self._lock:
            self._put(ready)

    def busy(self, language: str) -> None:
        """Say that something is being computed; after a second the browser shows how long, and how to cancel."""
        seconds = tag(
            "span", class_="qa-seconds", data_unit=say("seconds_unit", language), aria_hidden="true"
        )
        bar = tag("progress", aria_label=say("working", language))
        words = tag("span", say("working", language), tag("span", bar, seconds, class_="qa-after-a-second"))
        with self._lock:
            self._status.value = self._status_html(note(words))
            self._cancel.description = say("cancel", language)
            self._cancel.disabled = False
            self._cancel.layout.display = None

    def idle(self) -> None:
        """Say what there is to say."""
        with self._lock:
            self._cancel.layout.display = "none"
            self._say()

    def _cancelled(self) -> None:
        key = "cancelling" if self.owner.cancel() else "too_late"
        with self._lock:
            if self._cancel.layout.display is None:  # it still goes on
                self._cancel.disabled = True
                self._status.value = self._status_html(note(self.owner.say(key)))

    def _put(self, ready: list[Callable[[], None]]) -> None:
        self._filling = threading.get_ident()  # new options move a list's value for a moment
        try:
            self._language.value = self.owner.language
            for put in ready:
                put()
        finally:
            self._filling = 0

    def _say(self) -> None:
        words = self.owner.message
        self._status.value = self._status_html(note(words, "warning") if words else join())

    @staticmethod
    def _status_html(words: Html) -> str:
        return str(page(tag("div", words, role="status", aria_live="polite")))

    # -- parts ---------------------------------------------------------------------------------

    def _made(self, part: Part) -> widgets.Widget:
        made: widgets.Widget
        wide = {"layout": widgets.Layout(width="auto", max_width="100%", margin="2px 18px 2px 2px")}
        if isinstance(part, Words):
            made = widgets.HTML(layout=widgets.Layout(flex="1 1 420px", min_width="0", overflow="visible"))
        elif isinstance(part, Drawing):
            made = widgets.VBox(layout=widgets.Layout(max_width="100%", overflow="visible"))
        elif isinstance(part, Choice):
            made = widgets.Dropdown(style=_STYLE, **wide)
            made.observe(self._control(part.trait, made), "value")
        elif isinstance(part, Entry):
            made = widgets.Text(continuous_update=False, style=_STYLE, **wide)
            made.observe(self._control(part.trait, made), "value")
        else:
            made = widgets.Button(**wide)
            made.on_click(lambda _: self.owner.pressed(part))
        name = part.trait if isinstance(part, Choice | Entry) else part.name
        made.add_class(f"qa-part-{name.replace('_', '-')}")
        self._parts[name], self._shown[name] = part, made
        return made

    def _ready(self, part: Part) -> Callable[[], None]:
        """Compute what a part shows; the answer shows it."""
        owner = self.owner
        if isinstance(part, Words):
            html = owner.words_of(part)
            return lambda: self._put_words(part, html)
        if isinstance(part, Drawing):
            return self._ready_chart(part)
        if isinstance(part, Action):
            is_locked = bool(getattr(owner, "is_read_only", False))
            is_open = not is_locked and part.is_open()
            return lambda: self._put_button(part, is_locked, is_open)
        return self._ready_control(part)

    def _put_words(self, part: Words, html: Html) -> None:
        shown = self._shown[part.name]
        shown.value = str(page(html)) if html else ""
        shown.layout.display = None if html else "none"

    def _put_button(self, part: Action, is_locked: bool, is_open: bool) -> None:
        button, words = self._shown[part.name], self.owner.say(part.name)
        button.description = words
        button.tooltip = self.owner.say("locked") if is_locked else words
        button.disabled = not is_open

    def _ready_chart(self, part: Drawing) -> Callable[[], None]:
        drawn = self.owner.chart_of(part)
        is_chart = drawn is not None and not isinstance(drawn, Html)
        if drawn is not None and not isinstance(drawn, Html) and not (part.picked or part.is_live):
            drawn = picture(to_svg(drawn), self.owner.say(f"alt_{part.name}"))

        def put() -> None:
            box = self._shown[part.name]
            (self.drawn.add if is_chart else self.drawn.discard)(part.name)
            if drawn is None or isinstance(drawn, Html):
                box.children = [widgets.HTML(str(page(drawn)))] if drawn else []
            elif part.name in self._charts:
                self._charts[part.name].update(drawn)
                box.children = [self._charts[part.name].widget]
            else:
                self._charts[part.name] = live = Live(drawn, part.picked)
                box.children = [live.widget]

        return put

    def _ready_control(self, part: Choice | Entry) -> Callable[[], None]:
        owner, control = self.owner, self._shown[part.trait]
        value, words = getattr(owner, part.trait), owner.say(f"choose_{part.trait}")
        # a list of ipywidgets cannot have None chosen: nothing is an empty text in it
        options = [] if isinstance(part, Entry) else [(w, "" if v is None else v) for w, v in part.options()]

        def put() -> None:
            control.description = words
            if isinstance(part, Entry):
                control.placeholder = owner.say(f"hint_{part.trait}")
                control.value = value or ""
                return
            if list(control.options) != options:
                control.options = options
            control.layout.display = None if options else "none"
            chosen = "" if value is None else value
            if any(v == chosen for _, v in options):
                control.value = chosen

        return put

    def _control(self, trait: str, control: widgets.Widget) -> Any:
        def observer(change: Any) -> None:
            if self._filling != threading.get_ident():
                new = change["new"]
                is_list = isinstance(control, widgets.Dropdown)
                self.owner.controlled(trait, None if is_list and new == "" else new)

        return observer
