"""The live face of a campaign's review: controls and charts around one `CampaignReview`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import traitlets

from qa_lib.charts import Live
from qa_lib.charts.showing import Picked
from qa_lib.charts.tiles import note, page
from qa_lib.errors import WorkbenchError
from qa_lib.widgets.exports import ExportMenu

if TYPE_CHECKING:
    from qa_lib.widgets.campaign_review import CampaignReview


#: The charts that are drawn anew when a trait changed.
_FOLLOW = {
    "segment_tag": ("segments",),
    "segment": ("segments", "figures", "lines"),
    "language": ("segments", "figures", "lines", "plan"),
}


class LiveReview:
    """What is on screen while a kernel runs; whatever happens here only sets traits of the owner."""

    def __init__(self, owner: CampaignReview) -> None:
        self.owner = owner
        self._filling = False
        wide = {
            "layout": widgets.Layout(width="auto", margin="2px 18px 2px 2px"),
            "style": {"description_width": "initial"},
        }
        self._header, self._plan, self._tiles, self._tables, self._message = (
            widgets.HTML() for _ in range(5)
        )
        self._plan.layout = widgets.Layout(flex="1 1 420px", max_width="660px")
        self._controls = {
            "segment_tag": widgets.Dropdown(**wide),
            "segment": widgets.Dropdown(**wide),
            "language": widgets.ToggleButtons(
                options=[("中文", "zh"), ("English", "en")], style={"button_width": "76px"}
            ),
        }
        for name, control in self._controls.items():
            control.observe(self._controlled(name), "value")
        wrap = widgets.Layout(flex_flow="row wrap", align_items="flex-start")
        self._charts = self._made_charts()
        shown = {name: live.widget for name, (live, _) in self._charts.items()}
        controls = list(self._controls.values())
        if not (owner.has_figures and owner.segment_tag):  # nobody to compare
            controls = controls[-1:]
        self.children: tuple[widgets.Widget, ...] = (
            self._header,
            widgets.HBox(controls, layout=wrap),
            self._message,
        )
        if "plan" in shown:
            self.children += (widgets.HBox([shown["plan"], self._plan], layout=wrap),)
        if owner.has_figures:
            left = widgets.VBox([shown[name] for name in ("figures", "segments") if name in shown])
            self.children += (
                self._tiles,
                widgets.HBox([left, shown["lines"]], layout=wrap),
                self._tables,
            )
        self._menu = ExportMenu(owner, language=owner.language)
        self.children += (self._menu,)
        self._fill_words()

    def fill(self, changed: str) -> None:
        """Show what the owner's traits say, after one of them changed; what does not follow it stays."""
        for name in _FOLLOW[changed]:
            if name in self._charts:
                live, draw = self._charts[name]
                live.update(draw())
        self._fill_words()

    def _made_charts(self) -> dict[str, tuple[Live, Callable[[], Any]]]:
        owner = self.owner
        drawn: dict[str, Callable[[], Any]] = {}
        if owner.plan is not None:
            drawn["plan"] = owner.plan_chart
        if owner.has_figures:
            drawn |= {
                "figures": owner.figures_chart,
                "lines": owner.lines_chart,
            }
            if owner.segment_tag:
                drawn["segments"] = owner.segments_chart
        listens = {"segments": {"segment": self._picked}}
        return {name: (Live(draw(), listens.get(name)), draw) for name, draw in drawn.items()}

    def _fill_words(self) -> None:
        owner = self.owner
        self._header.value = str(page(owner.header_html()))
        self._plan.value = str(page(owner.plan_html()))
        self._tiles.value = str(page(owner.tiles_html(), note(owner.say("review_hint"))))
        self._tables.value = str(page(owner.tables_html()))
        self._message.value = ""
        self._menu.refresh(owner.language)
        self._filling = True  # new options move a list's value for a moment
        try:
            self._fill_controls()
        finally:
            self._filling = False

    def _fill_controls(self) -> None:
        owner, controls = self.owner, self._controls
        options: dict[str, list[tuple[str, str]]] = {
            "segment_tag": [(owner.column_label(name), name) for name in owner._columns],
            "segment": [(owner.say("all_people"), "")] + [(v, v) for v in owner.segment_values],
        }
        words = {"segment_tag": "segment_by", "segment": "show_segment"}
        for name, control in controls.items():
            if name in options and list(control.options) != options[name]:
                control.options = options[name]
            control.description = owner.say(words[name]) if name in words else ""
            control.value = getattr(owner, name) or ("" if options.get(name) else None)

    def _controlled(self, name: str) -> Callable[[Any], None]:
        def observer(change: Any) -> None:
            if not self._filling:
                self._set(name, change["new"] or None)

        return observer

    def _picked(self, picked: Picked) -> None:
        """What a click on a segment means: the newest chosen mark, or everybody when none is left."""
        values = [p.get("segment") for p in picked]
        fresh = [v for v in values if v is not None and v != self.owner.segment]
        if fresh:
            self._set("segment", fresh[-1])
        elif not values:
            self._set("segment", None)

    def _set(self, trait: str, value: Any) -> None:
        """What came from the browser: a name that is not there is said below the controls."""
        try:
            setattr(self.owner, trait, value)
        except (WorkbenchError, traitlets.TraitError) as error:
            self._message.value = str(page(note(str(error), "warning")))
