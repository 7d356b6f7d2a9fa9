"""The audience workbench: a rule is dragged together, and everything about its people follows."""

from __future__ import annotations

from typing import Any as AnyValue

import ipywidgets
import pandas as pd

from qa_lib.audiences import AudienceService
from qa_lib.charts import breakdown_dumbbells, is_static
from qa_lib.charts.exporting import Export, chart_export, page_export, spec_export, table_export
from qa_lib.charts.html import Html, join
from qa_lib.rules import Evaluation, Rule
from qa_lib.widgets.exports import LABELS, ExportMenu, Exports
from qa_lib.widgets.live_preview import LivePreview
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.workspace import Snapshot, Workspace


class AudienceWorkbench(Exports):
    """The rule builder with a live preview beside it, over the same snapshot and in the same language.

    Parameters
    ----------
    over
        The service that answers; or a snapshot, then one over that snapshot, which writes nothing.
    rule
        What to start with.
    language
        `zh` or `en`; the toggle in the builder changes all of it.

    Attributes
    ----------
    builder : RuleBuilder
        Holds the rule: `workbench.builder.rule`.
    preview : LivePreview
        Follows the builder.
    """

    def __init__(
        self, over: AudienceService | Snapshot, rule: Rule | None = None, *, language: str = "zh"
    ) -> None:
        if isinstance(over, Snapshot):
            over = AudienceService(Workspace.open(over.root, read_only=True), snapshot=over)
        self.service = over
        self.builder = RuleBuilder(over.snapshot, rule, language=language)
        self.preview = LivePreview(over, rule, language)
        self.preview.follow(self.builder)
        # side by side where there is room, else below each other
        self.builder.layout = ipywidgets.Layout(flex="3 1 720px", min_width="0")
        self.preview.layout = ipywidgets.Layout(flex="2 1 480px", min_width="0")
        beside = ipywidgets.Layout(
            flex_flow="row wrap", width="100%", align_items="flex-start", grid_gap="16px"
        )
        self._menu = ExportMenu(self, language=language)
        self.builder.observe(lambda change: self._menu.refresh(change["new"]), names="language")
        both = ipywidgets.HBox([self.builder, self.preview], layout=beside)
        self.view = ipywidgets.VBox([both, self._menu])
        self.view.add_class("qa-view")

    @property
    def evaluation(self) -> Evaluation | None:
        """Who the rule selects; None while it has a fault."""
        return self.builder.evaluation

    def breakdown(self) -> pd.DataFrame:
        """The audience against everybody by the preview's field; see `AudienceService.breakdown`."""
        return self.service.breakdown(self.builder.rule, [self.preview.by])

    def sample(self) -> pd.DataFrame:
        """A few masked members; see `AudienceService.sample`."""
        return self.service.sample(self.builder.rule)

    @property
    def exports(self) -> list[Export]:
        """The comparison, the sample, the page, and the rule to go on with elsewhere."""
        return [
            chart_export("breakdown_chart", LABELS["breakdown"], self._draw),
            table_export("breakdown", LABELS["breakdown"], self.breakdown),
            table_export("sample", LABELS["sample"], self.sample),
            spec_export("rule", LABELS["rule"], lambda: self.builder.rule.to_dict()),
            page_export(LABELS["page"], self._title, self.static_html, lambda: self.builder.language),
        ]

    @property
    def export_stem(self) -> str:
        """The view, and the moment of its data."""
        return f"audience-{self.service.snapshot.as_of:%Y%m%d}"

    def _draw(self) -> AnyValue:
        label = self.service.catalogue.field(self.preview.by).label
        name = label.zh if self.builder.language == "zh" else label.en
        return breakdown_dumbbells(self.breakdown(), name, language=self.builder.language)

    def _title(self) -> str:
        words = self.service.sentence(self.builder.rule)
        return words.zh if self.builder.language == "zh" else words.en

    def static_html(self) -> Html:
        """The same figures without script, for reports.

        Raises
        ------
        SpecError, UnknownName
            When the rule has a fault.
        """
        return join(self.builder.static_html(), self.preview.static_html())

    def _repr_mimebundle_(self, **options: AnyValue) -> AnyValue:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return self.view._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        count = self.evaluation.count if self.evaluation else None
        return f"AudienceWorkbench({count} of {self.service.snapshot.people_count} people)"
