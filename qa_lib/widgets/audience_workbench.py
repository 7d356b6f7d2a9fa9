"""The audience workbench: a rule is dragged together, and everything about its people follows."""

from __future__ import annotations

from typing import Any as AnyValue

import ipywidgets

from qa_lib.audiences import AudienceService
from qa_lib.charts import is_static
from qa_lib.charts.html import Html, join
from qa_lib.rules import Evaluation, Rule
from qa_lib.widgets.live_preview import LivePreview
from qa_lib.widgets.rule_builder import RuleBuilder
from qa_lib.workspace import Snapshot, Workspace


class AudienceWorkbench:
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
        beside = ipywidgets.Layout(flex_flow="row wrap", width="100%", align_items="flex-start", grid_gap="16px")
        self.view = ipywidgets.HBox([self.builder, self.preview], layout=beside)

    @property
    def evaluation(self) -> Evaluation | None:
        """Who the rule selects; None while it has a fault."""
        return self.builder.evaluation

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
