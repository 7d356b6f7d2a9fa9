"""The review of one campaign: plan, rehearsal and result side by side, live or as a page without script."""

from __future__ import annotations

from typing import Any

import altair as alt
import ipywidgets as widgets
import pandas as pd
import traitlets

from qa_lib.campaigns import Plan, plans, read_plan
from qa_lib.charts import (
    campaign_calendar,
    is_static,
    plan_funnel,
    review_dots,
    review_lines,
    review_segments,
    to_svg,
)
from qa_lib.charts.exporting import Export, chart_export, page_export, table_export
from qa_lib.charts.html import Html, join, picture, tag
from qa_lib.charts.tiles import note, page
from qa_lib.charts.words import check_language, pick, say
from qa_lib.errors import NothingBuilt, UnknownName, did_you_mean
from qa_lib.measure import segment_columns
from qa_lib.tables import Label
from qa_lib.widgets.campaign_review_figures import OverTime, ReviewFigures
from qa_lib.widgets.campaign_review_live import LiveReview
from qa_lib.widgets.campaign_review_page import ReviewPage
from qa_lib.widgets.campaign_review_state import SHORT, Result, Standing, runs
from qa_lib.widgets.exports import LABELS, Exports
from qa_lib.workspace import Snapshot, Workspace


def review_campaign(
    workspace: Workspace,
    campaign: str | None = None,
    *,
    result: Result | None = None,
    language: str = "zh",
    segment_tag: str | None = None,
) -> CampaignReview:
    """The review of a campaign's newest kept plan beside the newest sends and outcomes.

    Parameters
    ----------
    campaign
        The campaign's name; the newest plan of all when None, and where none is kept a page that says so.
    result
        `observed` or `replayed`; what was observed where there is anything, else a replay, when None.

    Raises
    ------
    NothingBuilt
        When no plan of the named campaign is kept, or no snapshot is published.
    """
    kept = plans(workspace)
    fitting = kept if campaign is None else kept[kept["campaign_name"] == campaign]
    if campaign is not None and fitting.empty:
        raise NothingBuilt(
            f"No plan of the campaign {campaign!r} is kept in {workspace.root}."
            f"{did_you_mean(campaign, sorted(set(kept['campaign_name'])))} Make one with `qa plan CAMPAIGN`."
        )
    plan = None if fitting.empty else read_plan(workspace, str(fitting["plan_hash"].iloc[-1]))
    snapshot = workspace.live_snapshot()
    if result is None:
        found = runs(snapshot, plan.campaign.name) if plan is not None else {}
        result = "replayed" if "replayed" in found and "observed" not in found else "observed"
    return CampaignReview(snapshot, plan, result=result, language=language, segment_tag=segment_tag)


class CampaignReview(widgets.VBox, Exports):
    """What a plan would do, what its rehearsal let expect, and what came of it.

    The lists above the charts, or a click on a segment, filter figures, lines and tables; the plan stays
    whole. It works without a browser: set `segment_tag`, `segment` or `language`, and read `figures`,
    `over_time`, `segments` and `channels`. It never writes.

    Parameters
    ----------
    workspace
        The workspace (its current snapshot beside the newest campaigns, sends and outcomes), or a snapshot.
    plan
        The plan; None shows what to do to get one.
    result
        Whose sends and outcomes are the result: `observed` or `replayed`.
    language
        `zh` or `en`.
    segment_tag
        The tag by which people are compared; `rfm_segment` where there is one.
    learnt_from
        What the rehearsal learnt from, in words: `qa_lib.simulate.Rehearsal.notes`.

    Attributes
    ----------
    segment_tag : str
        The column of `profile` that parts the segments.
    segment : str or None
        The chosen value of that column; everybody when None.
    language : str
        `zh` or `en`.

    Raises
    ------
    UnknownName
        For another result or language, or a tag that people are not compared by.
    """

    segment_tag = traitlets.Unicode()
    segment = traitlets.Unicode(None, allow_none=True)
    language = traitlets.Unicode("zh")

    def __init__(
        self,
        workspace: Workspace | Snapshot,
        plan: Plan | None,
        *,
        result: Result = "observed",
        language: str = "zh",
        segment_tag: str | None = None,
        learnt_from: Label | None = None,
    ) -> None:
        if result not in ("observed", "replayed"):
            raise UnknownName(
                f"Unknown result {result!r} of a review.{did_you_mean(result, ('observed', 'replayed'))}"
            )
        check_language(language)
        self._snapshot = workspace.live_snapshot() if isinstance(workspace, Workspace) else workspace
        self.plan, self.result, self._learnt_from = plan, result, learnt_from
        self.standing = None if plan is None else Standing.of(self._snapshot, plan, result)
        self._columns = {c.name: c for c in segment_columns(self._snapshot)}
        self._figures = ReviewFigures(self._snapshot, self.standing)
        self._filling = True
        self._live: LiveReview | None = None
        first = "rfm_segment" if "rfm_segment" in self._columns else next(iter(self._columns), "")
        super().__init__(language=language, segment_tag=segment_tag or first)
        self._filling = False
        if not is_static():
            self._live = LiveReview(self)
            self.children = self._live.children
            self.add_class("qa-view")
        self.observe(self._changed, ["segment_tag", "segment", "language"])

    # -- figures -------------------------------------------------------------------------------

    @property
    def has_figures(self) -> bool:
        """Whether there is a rehearsal or a result to show."""
        return self._figures.are_there

    @property
    def figures(self) -> pd.DataFrame:
        """Rehearsed and result of what is chosen; see `qa_lib.measure.rehearsal_and_result`."""
        return self._figures.in_total(self._where)

    @property
    def channels(self) -> pd.DataFrame:
        """The same by channel."""
        return self._figures.by_channel(self._where)

    @property
    def segments(self) -> pd.DataFrame:
        """People reached and conversion rate by `segment_tag`, of everybody."""
        return self._figures.by_segment(self.segment_tag)

    @property
    def over_time(self) -> OverTime:
        """Conversions by day of what is chosen, rehearsed and as they came."""
        return self._figures.over_time(self._where)

    @property
    def _where(self) -> dict[str, str] | None:
        return None if self.segment is None else {self.segment_tag: self.segment}

    @property
    def segment_values(self) -> list[str]:
        """What `segment` may be, in the order of the chart."""
        return list(dict.fromkeys(self.segments[self.segment_tag])) if self.segment_tag else []

    @traitlets.validate("segment_tag")
    def _valid_tag(self, proposal: Any) -> Any:
        return self._one_of(proposal, "segment tag", [*self._columns, ""])

    @traitlets.validate("segment")
    def _valid_segment(self, proposal: Any) -> Any:
        return self._one_of(proposal, self.segment_tag, self.segment_values)

    @traitlets.validate("language")
    def _valid_language(self, proposal: Any) -> Any:
        return self._one_of(proposal, "language", ["zh", "en"])

    @staticmethod
    def _one_of(proposal: Any, what: str, known: list[str]) -> Any:
        value = proposal["value"]
        if value is not None and value not in known:
            raise UnknownName(f"Unknown {what} {value!r}.{did_you_mean(value, known)}")
        return value

    def _changed(self, change: Any) -> None:
        if self._filling:
            return
        name = change["name"]
        if name == "segment_tag" and self.segment is not None:
            self._filling = True
            self.segment = None
            self._filling = False
            name = "segment"
        if self._live is not None:
            self._live.fill(name)

    # -- what is shown -------------------------------------------------------------------------

    def say(self, key: str, **names: str) -> str:
        """Words in the chosen language."""
        return say(key, self.language, **names)

    def column_label(self, name: str) -> str:
        """What a tag is called in the chosen language."""
        return pick(self._columns[name].label, self.language) if name else ""

    @property
    def chosen(self) -> list[str]:
        """The active filter in words."""
        return [] if self.segment is None else [f"{self.column_label(self.segment_tag)}: {self.segment}"]

    @property
    def _currency(self) -> str:
        return self.plan.currency if self.plan is not None else "USD"

    def plan_chart(self) -> alt.LayerChart:
        """From everybody to who is sent to."""
        assert self.plan is not None
        return plan_funnel(self.plan.funnel(), language=self.language)

    def figures_chart(self) -> alt.VConcatChart:
        """Every metric on a scale of its own: band, mean and result."""
        return review_dots(self.figures, language=self.language, currency=self._currency)

    def lines_chart(self) -> alt.VConcatChart:
        """Converters so far above their revenue so far."""
        words = " · ".join(self.chosen)
        charts = [
            review_lines(
                *self.over_time, language=self.language, what=what, currency=self._currency, title=words
            )
            for what in ("converters", "revenue")
        ]
        return alt.vconcat(*charts, spacing=16).resolve_scale(color="independent")

    def segments_chart(self) -> alt.LayerChart:
        """Conversion rate of each segment."""
        return review_segments(
            self.segments,
            self.segment_tag,
            self.column_label(self.segment_tag),
            language=self.language,
            selected=self.segment,
        )

    @property
    def _page(self) -> ReviewPage:
        return ReviewPage(self.language, self._currency)

    def header_html(self) -> Html:
        """The campaign, its evidence, and what is missing."""
        if self.standing is None:
            return join(self._page.empty(self._snapshot), self._past())
        return self._page.header(self.standing, self._learnt_from)

    def plan_html(self) -> Html:
        """What the plan sends and costs."""
        return join() if self.plan is None else self._page.plan(self.plan)

    def tiles_html(self) -> Html:
        """Every metric: the result, and the rehearsal below it."""
        return self._page.figures(self.figures, self.chosen) if self.has_figures else join()

    def tables_html(self) -> Html:
        """Figures by channel, and every metric with its note."""
        if not self.has_figures:
            return join()
        return join(self._page.channels(self.channels), self._page.table(self.figures))

    def static_html(self) -> Html:
        """The whole review as a page without script: figures, charts as pictures, tables."""
        if self.plan is None:
            return page(self.header_html())
        shown = [(self.plan_chart(), "title_plan_funnel")]
        parts = [self.header_html(), self._beside(shown, self.plan_html()), self.tiles_html()]
        if self.has_figures:
            drawn = [
                (self.figures_chart(), "title_review_dots"),
                (self.lines_chart(), "title_review_converters"),
                *([(self.segments_chart(), "title_review_segments")] if self.segment_tag else []),
            ]
            parts.append(self._beside(drawn))
        return page(*parts, self.tables_html())

    def _beside(self, drawn: list[tuple[Any, str]], *parts: Html) -> Html:
        pictures = [picture(to_svg(chart), self.say(key, name="")) for chart, key in drawn]
        return tag("div", pictures, [tag("div", part) for part in parts], class_="qa-pictures")

    def _past(self) -> Html:
        """The calendar of the campaigns that are there, so that a page without a plan is not bare."""
        frame = self._figures.past_campaigns()
        if frame is None or frame.empty:
            return join()
        chart = campaign_calendar(frame, language=self.language)
        return join(note(self.say("tell_past")), picture(to_svg(chart), self.say("title_calendar")))

    @property
    def exports(self) -> list[Export]:
        """The plan, the figures and the page, as far as there are any."""
        found: list[Export] = []
        if self.plan is not None:
            found.append(chart_export("plan_chart", LABELS["plan"], self.plan_chart))
        if self.has_figures:
            found += [
                chart_export("figures_chart", LABELS["figures"], self.figures_chart),
                chart_export("over_time_chart", LABELS["over_time"], self.lines_chart),
                table_export("figures", LABELS["figures"], lambda: self.figures),
                table_export("channels", LABELS["channels"], lambda: self.channels),
            ]
            if self.segment_tag:
                found += [
                    chart_export("segments_chart", LABELS["segments"], self.segments_chart),
                    table_export("segments", LABELS["segments"], lambda: self.segments),
                ]
        page_made = page_export(
            LABELS["page"], lambda: self.say("review"), self.static_html, lambda: self.language
        )
        return [*found, page_made]

    @property
    def export_stem(self) -> str:
        """The view, and the plan or the moment of the data."""
        plan = f"{self._snapshot.as_of:%Y%m%d}" if self.plan is None else self.plan.hash[:SHORT]
        return f"campaign-review-{plan}"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return super()._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return f"CampaignReview({self.plan!r}, result={self.result!r}, segment={self.segment!r})"
