"""The live face of a screen: controls, charts and words, each drawn anew when what it follows has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from qa_lib.charts import Live, to_svg
from qa_lib.charts.html import Html, join, picture, tag
from qa_lib.charts.tiles import note, page
from qa_lib.charts.words import say
from qa_lib.widgets.exports import ExportMenu
from qa_lib.widgets.screen import Action, Choice, Drawing, Entry, Part, Words

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
        self._filling = False
        self._parts: dict[str, Part] = {}
        self._shown: dict[str, widgets.Widget] = {}
        self._charts: dict[str, Live] = {}
        self.drawn: set[str] = set()
        self._status = widgets.HTML()
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
        self.children: tuple[widgets.Widget, ...] = (rows[0], language, self._status, *rows[1:], self._menu)

    def widget(self, name: str) -> widgets.Widget:
        """What shows a part: a control by its trait, the others by name."""
        return self._shown[name]

    def html(self) -> str:
        """All words that are on screen."""
        return "".join(w.value for w in self._shown.values() if isinstance(w, widgets.HTML))

    def fill(self, changed: set[str]) -> None:
        """Draw anew what follows any of these traits."""
        self._filling = True
        self._language.value = self.owner.language
        self._filling = False
        if changed - {"message"}:
            for part in self._parts.values():
                follows = part.follows if not isinstance(part, Entry) else frozenset({part.trait})
                own = {part.trait} if isinstance(part, Choice) else set()
                if "language" in changed or changed & (follows | own):
                    self._fill(part)
            if self._menu is not None:
                self._menu.refresh(self.owner.language)
        self._say()

    def busy(self, language: str) -> None:
        """Say that something is being computed: the browser shows it while Python works."""
        self._status.value = self._status_html(note(say("working", language)))

    def idle(self) -> None:
        """Say what there is to say."""
        self._say()

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
            made.on_click(lambda _: self.owner.run(part.do))
        name = part.trait if isinstance(part, Choice | Entry) else part.name
        made.add_class(f"qa-part-{name.replace('_', '-')}")
        self._parts[name], self._shown[name] = part, made
        return made

    def _fill(self, part: Part) -> None:
        owner = self.owner
        if isinstance(part, Words):
            shown = self._shown[part.name]
            html = owner.words_of(part)
            shown.value = str(page(html)) if html else ""
            shown.layout.display = None if html else "none"
        elif isinstance(part, Drawing):
            self._fill_chart(part)
        elif isinstance(part, Action):
            button = self._shown[part.name]
            is_locked = bool(getattr(owner, "is_read_only", False))
            button.description = owner.say(part.name)
            button.tooltip = owner.say("locked") if is_locked else owner.say(part.name)
            button.disabled = is_locked or not part.is_open()
        else:
            self._fill_control(part)

    def _fill_chart(self, part: Drawing) -> None:
        drawn, box = self.owner.chart_of(part), self._shown[part.name]
        (self.drawn.discard if isinstance(drawn, Html | None) else self.drawn.add)(part.name)
        if drawn is not None and not isinstance(drawn, Html) and not (part.picked or part.is_live):
            drawn = picture(to_svg(drawn), self.owner.say(f"alt_{part.name}"))
        if drawn is None or isinstance(drawn, Html):
            box.children = [widgets.HTML(str(page(drawn)))] if drawn else []
        elif part.name in self._charts:
            self._charts[part.name].update(drawn)
            box.children = [self._charts[part.name].widget]
        else:
            self._charts[part.name] = live = Live(drawn, part.picked)
            box.children = [live.widget]

    def _fill_control(self, part: Choice | Entry) -> None:
        owner, control = self.owner, self._shown[part.trait]
        self._filling = True  # new options move a list's value for a moment
        try:
            control.description = owner.say(f"choose_{part.trait}")
            value = getattr(owner, part.trait)
            if isinstance(part, Entry):
                control.placeholder = owner.say(f"hint_{part.trait}")
                control.value = value or ""
                return
            # a list of ipywidgets cannot have None chosen: nothing is an empty text in it
            options = [(words, "" if v is None else v) for words, v in part.options()]
            value = "" if value is None else value
            if list(control.options) != options:
                control.options = options
            control.layout.display = None if options else "none"
            if any(v == value for _, v in options):
                control.value = value
        finally:
            self._filling = False

    def _control(self, trait: str, control: widgets.Widget) -> Any:
        def observer(change: Any) -> None:
            if not self._filling:
                new = change["new"]
                is_list = isinstance(control, widgets.Dropdown)
                self.owner.choose(trait, None if is_list and new == "" else new)

        return observer
