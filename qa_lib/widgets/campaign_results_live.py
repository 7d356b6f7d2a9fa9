"""The live face of the campaign dashboard: controls, chips and two charts around one `CampaignResults`."""

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
    from qa_lib.widgets.campaign_results import CampaignResults


class LiveResults:
    """What is on screen while a kernel runs; whatever happens here only sets traits of the owner."""

    def __init__(self, owner: CampaignResults) -> None:
        self.owner = owner
        self._filling = False
        wide = {
            "layout": widgets.Layout(width="auto", margin="2px 18px 2px 2px"),
            "style": {"description_width": "initial"},
        }
        self._header, self._tiles, self._table, self._message = (widgets.HTML() for _ in range(4))
        self._controls = {
            "campaign": widgets.Dropdown(**wide),
            "segment_tag": widgets.Dropdown(**wide),
            "segment": widgets.Dropdown(**wide),
            "language": widgets.ToggleButtons(
                options=[("中文", "zh"), ("English", "en")], style={"button_width": "76px"}
            ),
        }
        for name, control in self._controls.items():
            control.observe(self._controlled(name), "value")
        self._chips = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap", align_items="center"))
        self._campaigns = Live(owner.campaigns_chart(), {"campaign": self._picked("campaign", "campaign_id")})
        self._detail = Live(owner.detail_chart(), {"segment": self._picked("segment", "segment")})
        self._menu = ExportMenu(owner, language=owner.language)
        wrap = widgets.Layout(flex_flow="row wrap", align_items="flex-start")
        self.children = (
            self._header,
            widgets.HBox(list(self._controls.values()), layout=wrap),
            self._chips,
            self._message,
            self._tiles,
            widgets.HBox([self._campaigns.widget, self._detail.widget], layout=wrap),
            self._table,
            self._menu,
        )
        self._fill_words()

    def fill(self) -> None:
        """Show what the owner's traits say."""
        self._campaigns.update(self.owner.campaigns_chart())
        self._detail.update(self.owner.detail_chart())
        self._fill_words()

    def _fill_words(self) -> None:
        owner = self.owner
        self._header.value = str(page(owner.header_html()))
        self._tiles.value = str(page(owner.tiles_html(), note(owner.say("hint"))))
        self._table.value = str(page(owner.table_html()))
        self._message.value = ""
        self._menu.refresh(owner.language)
        self._chips.children = self._made_chips()
        self._filling = True  # new options move a list's value for a moment
        try:
            self._fill_controls()
        finally:
            self._filling = False

    def _fill_controls(self) -> None:
        owner, controls = self.owner, self._controls
        options: dict[str, list[tuple[str, str]]] = {
            "campaign": [(owner.say("all_campaigns"), "")]
            + [
                (f"{r.campaign_id} · {r.campaign_type} · {r.starts_on:%Y-%m-%d}", str(r.campaign_id))
                for r in owner._all.itertuples()
            ],
            "segment_tag": [(owner.column_label(name), name) for name in owner._columns],
            "segment": [(owner.say("all_people"), "")]
            + [(v, v) for v in owner._segment_values(owner.segment_tag)],
        }
        words = {
            "campaign": "campaign",
            "segment_tag": "segment_by",
            "segment": "segment",
        }
        for name, control in controls.items():
            if name in options and list(control.options) != options[name]:
                control.options = options[name]
            control.description = owner.say(words[name]) if name in words else ""
            control.value = getattr(owner, name) or ""

    def _made_chips(self) -> list[widgets.Widget]:
        owner = self.owner
        if not owner.chosen:
            return [widgets.HTML(str(page(owner.filters_html())))]
        made: list[widgets.Widget] = [widgets.HTML(str(page(note(owner.say("filters")))))]
        for trait, words in owner.chosen:
            chip = widgets.Button(
                description=f"{words}  ×",
                tooltip=owner.say("clear"),
                layout=widgets.Layout(width="auto"),
            )
            chip.add_class(f"qa-clear-{trait}")
            chip.on_click(lambda _, trait=trait: setattr(owner, trait, None))
            made.append(chip)
        made.append(widgets.HTML(str(page(note(owner.say("filter_note"))))))
        return made

    def _controlled(self, name: str) -> Callable[[Any], None]:
        def observer(change: Any) -> None:
            if not self._filling:
                self._set(name, change["new"] or None)

        return observer

    def _picked(self, trait: str, field: str) -> Callable[[Picked], None]:
        """What a click in a chart means: the newest of the chosen marks, or nobody when none is left."""

        def callback(picked: Picked) -> None:
            values = [p.get(field) for p in picked]
            current = getattr(self.owner, trait)
            fresh = [v for v in values if v is not None and v != current]
            if fresh:
                self._set(trait, fresh[-1])
            elif not values:
                self._set(trait, None)

        return callback

    def _set(self, trait: str, value: Any) -> None:
        """What came from the browser: a name that is not there is said below the controls."""
        try:
            setattr(self.owner, trait, value)
        except (WorkbenchError, traitlets.TraitError) as error:
            self._message.value = str(page(note(str(error), "warning")))
