"""The dashboard of campaigns: figures, linked charts and a table, live or as a page without script."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import altair as alt
import ipywidgets as widgets
import pandas as pd
import traitlets

from qa_lib.charts import campaign_bars, is_static, redemption_lines, segment_bars, to_svg
from qa_lib.charts.exporting import Export, chart_export, page_export, table_export
from qa_lib.charts.html import Html, join, picture, tag
from qa_lib.charts.tiles import page
from qa_lib.charts.words import pick, say
from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.measure import (
    NoFigure,
    campaign_figures,
    campaign_metrics,
    gain_kind,
    redemptions_over_time,
    segment_columns,
)
from qa_lib.widgets.campaign_results_live import LiveResults
from qa_lib.widgets.campaign_results_page import ResultsPage
from qa_lib.widgets.exports import LABELS, Exports
from qa_lib.workspace import Snapshot


class CampaignResults(widgets.VBox, Exports):
    """Who was sent which campaign, who redeemed, when, and in which segments.

    A click on a campaign or a segment, or the lists above the charts, filters everything else; a filter
    holds for targeted people and redeemers alike. It works without a browser: set `campaign`,
    `segment_tag`, `segment` or `language`, and read `figures`.

    Parameters
    ----------
    snapshot
        The published snapshot whose figures are shown.
    language
        `zh` or `en`.
    segment_tag
        The tag by which people are compared; `rfm_segment` where there is one.
    currency
        ISO 4217 code of the workspace's currency.

    Attributes
    ----------
    campaign : str or None
        The chosen campaign; all when None.
    segment_tag : str
        The column of `profile` that parts the segments.
    segment : str or None
        The chosen value of that column; everybody when None.
    """

    campaign = traitlets.Unicode(None, allow_none=True)
    segment_tag = traitlets.Unicode()
    segment = traitlets.Unicode(None, allow_none=True)
    language = traitlets.Unicode("zh")

    def __init__(
        self,
        snapshot: Snapshot,
        language: str = "zh",
        *,
        segment_tag: str | None = None,
        currency: str = "USD",
    ) -> None:
        self._snapshot = snapshot
        self._currency = currency
        self._columns = {c.name: c for c in segment_columns(snapshot)}
        self._known: dict[Any, Any] = {}
        self._filling = True
        self._live: LiveResults | None = None
        first = "rfm_segment" if "rfm_segment" in self._columns else next(iter(self._columns), "")
        super().__init__(language=language, segment_tag=segment_tag or first)
        self._filling = False
        if not is_static():
            self._live = LiveResults(self)
            self.children = self._live.children
            self.add_class("qa-view")
        self.observe(self._changed, ["campaign", "segment_tag", "segment", "language"])

    # -- state ---------------------------------------------------------------------------------

    @property
    def figures(self) -> dict[str, Decimal | float | int | NoFigure]:
        """The figures of what is chosen, by key of `METRICS`; a `NoFigure` says why there is none."""
        return self._once(
            ("figures", self.campaign, self._where_key),
            lambda: campaign_figures(self._snapshot, campaigns=self._only, segment=self._where),
        )

    @property
    def campaigns(self) -> pd.DataFrame:
        """The campaigns' figures for the chosen segment; see `qa_lib.measure.campaign_metrics`."""
        return self._once(
            ("campaigns", self._where_key), lambda: campaign_metrics(self._snapshot, segment=self._where)
        )

    @property
    def segments(self) -> pd.DataFrame:
        """The segments' figures for the chosen campaign; see `qa_lib.measure.campaign_metrics`."""
        return self._once(
            ("segments", self.segment_tag, self.campaign),
            lambda: campaign_metrics(self._snapshot, by=(self.segment_tag,), campaigns=self._only),
        )

    @property
    def over_time(self) -> pd.DataFrame:
        """Redemptions per week of what is chosen; see `qa_lib.measure.redemptions_over_time`."""
        return self._once(
            ("time", self.campaign, self._where_key),
            lambda: redemptions_over_time(
                self._snapshot, campaigns=self._only, segment=self._where, split=("campaign_type",)
            ),
        )

    @property
    def _only(self) -> list[str] | None:
        return None if self.campaign is None else [self.campaign]

    @property
    def _where(self) -> dict[str, str] | None:
        return None if self.segment is None else {self.segment_tag: self.segment}

    @property
    def _where_key(self) -> tuple[str, str] | None:
        return None if self.segment is None else (self.segment_tag, self.segment)

    @property
    def _all(self) -> pd.DataFrame:
        return self._once(("campaigns", None), lambda: campaign_metrics(self._snapshot))

    def _once(self, key: Any, compute: Callable[[], Any]) -> Any:
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]

    def _segment_values(self, name: str) -> list[str]:
        frame = self._once(("segments", name, None), lambda: campaign_metrics(self._snapshot, by=(name,)))
        return list(frame[name])

    @traitlets.validate("campaign")
    def _valid_campaign(self, proposal: Any) -> Any:
        return self._one_of(proposal, "campaign", list(self._all["campaign_id"]))

    @traitlets.validate("segment_tag")
    def _valid_tag(self, proposal: Any) -> Any:
        return self._one_of(proposal, "segment tag", list(self._columns))

    @traitlets.validate("segment")
    def _valid_segment(self, proposal: Any) -> Any:
        return self._one_of(proposal, self.segment_tag, self._segment_values(self.segment_tag))

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
        if change["name"] == "segment_tag" and self.segment is not None:
            self._filling = True
            self.segment = None
            self._filling = False
        if self._live is not None:
            self._live.fill()

    # -- what is shown -------------------------------------------------------------------------

    def say(self, key: str, **names: str) -> str:
        """Words in the chosen language."""
        return say(key, self.language, **names)

    def column_label(self, name: str) -> str:
        """What a tag is called in the chosen language."""
        return pick(self._columns[name].label, self.language)

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """The active filters: the trait that holds each, and the words for it."""
        found = []
        if self.campaign is not None:
            found.append(("campaign", f"{self.say('campaign')}: {self.campaign}"))
        if self.segment is not None:
            found.append(("segment", f"{self.column_label(self.segment_tag)}: {self.segment}"))
        return found

    def campaigns_chart(self) -> alt.LayerChart:
        """Redemption rate of each campaign, the chosen one marked."""
        return campaign_bars(
            self.campaigns, language=self.language, selected=self.campaign, types=self._types
        )

    def detail_chart(self) -> alt.VConcatChart:
        """Redemptions per week above the segments' rates."""
        words = " · ".join(text for _, text in self.chosen)
        lines = redemption_lines(self.over_time, language=self.language, title=words, types=self._types)
        bars = segment_bars(
            self.segments,
            self.segment_tag,
            self.column_label(self.segment_tag),
            language=self.language,
            selected=self.segment,
            title=f"{self.say('campaign')} {self.campaign}" if self.campaign is not None else "",
        )
        return alt.vconcat(lines, bars, spacing=22).resolve_scale(color="independent")

    @property
    def _types(self) -> list[str]:
        return sorted(self._all["campaign_type"].unique())

    @property
    def _page(self) -> ResultsPage:
        return ResultsPage(self.language, self._currency)

    def header_html(self) -> Html:
        """Title, what the figures are evidence of, and where they come from."""
        return self._page.header(self._snapshot, self._all)

    def filters_html(self) -> Html:
        """The active filters in words."""
        return self._page.filters([words for _, words in self.chosen])

    def tiles_html(self) -> Html:
        """The figures of what is chosen, and why they are not complete where they are not."""
        gain = self._once(("gain", self.campaign), lambda: gain_kind(self._snapshot, campaigns=self._only))
        shown = self._page.tiles(self.figures, gain)
        if self.campaign is None:
            return shown
        words = self._all.set_index("campaign_id").loc[self.campaign, f"notes_{self.language}"]
        return join(shown, self._page.warning(self.campaign, str(words))) if words else shown

    def table_html(self) -> Html:
        """The campaigns as a table, the chosen one marked."""
        return self._page.table(self.campaigns, self.campaign)

    def static_html(self) -> Html:
        """The whole dashboard as a page without script: tiles, charts as pictures, table."""
        pictures = (
            picture(to_svg(self.campaigns_chart()), self.say("title_campaigns")),
            picture(to_svg(self.detail_chart()), self.say("title_over_time_week")),
        )
        return page(
            self.header_html(),
            self.filters_html(),
            self.tiles_html(),
            tag("div", pictures, class_="qa-pictures"),
            self.table_html(),
        )

    @property
    def exports(self) -> list[Export]:
        """The charts, the figures by campaign, segment and week, and the page, of what is chosen."""
        return [
            chart_export("campaigns_chart", LABELS["campaigns"], self.campaigns_chart),
            chart_export("details_chart", LABELS["over_time"], self.detail_chart),
            table_export("campaigns", LABELS["campaigns"], lambda: self.campaigns),
            table_export("segments", LABELS["segments"], lambda: self.segments),
            table_export("over_time", LABELS["over_time"], lambda: self.over_time),
            page_export(
                LABELS["page"], lambda: self.say("dashboard"), self.static_html, lambda: self.language
            ),
        ]

    @property
    def export_stem(self) -> str:
        """The view, and the moment of its data."""
        return f"campaign-results-{self._snapshot.as_of:%Y%m%d}"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if is_static():
            return {"text/html": str(self.static_html()), "text/plain": repr(self)}
        return super()._repr_mimebundle_(**options)

    def __repr__(self) -> str:
        return (
            f"CampaignResults({self._snapshot.version}, campaign={self.campaign!r}, "
            f"segment_tag={self.segment_tag!r}, segment={self.segment!r})"
        )
