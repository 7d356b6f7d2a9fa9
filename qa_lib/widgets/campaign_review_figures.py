"""The frames behind a review, each computed once: side by side, by channel, by segment, over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from qa_lib.measure import campaign_metrics, conversions_over_time, rehearsal_and_result
from qa_lib.tables import CAMPAIGNS
from qa_lib.widgets.campaign_review_state import Standing
from qa_lib.workspace import Snapshot

#: What is compared by channel and by segment.
_BY_CHANNEL = ("sent", "reached", "reach_rate", "converters", "conversion_rate", "cost")
_BY_SEGMENT = ("reached", "conversion_rate")
_COLUMNS = (
    *("metric", "label_zh", "label_en", "format", "rehearsed", "rehearsed_low", "rehearsed_high"),
    *("result", "note_zh", "note_en", "is_within"),
)
Where = Mapping[str, str] | None


class OverTime(NamedTuple):
    """Frames of `qa_lib.measure.conversions_over_time`; None where there is no rehearsal, or no result."""

    simulated: pd.DataFrame | None
    result: pd.DataFrame | None


class ReviewFigures:
    """Rehearsal and result of one plan; everything is empty where there is no plan, or neither of both.

    Parameters
    ----------
    standing
        How far the plan has come; None where there is no plan.
    """

    def __init__(self, snapshot: Snapshot, standing: Standing | None) -> None:
        self._snapshot = snapshot
        self._standing = standing
        self._known: dict[Any, Any] = {}

    @property
    def are_there(self) -> bool:
        """Whether there is a rehearsal or a result to show."""
        return self._standing is not None and (self._standing.has_rehearsal or self._standing.has_result)

    def in_total(self, where: Where) -> pd.DataFrame:
        """Every metric, of the people with these values; see `qa_lib.measure.rehearsal_and_result`."""
        return self._once("total", where, lambda: self._side_by_side(segment=where))

    def by_channel(self, where: Where) -> pd.DataFrame:
        """The metrics that can differ by channel."""
        return self._once(
            "channel",
            where,
            lambda: self._side_by_side(by=("channel",), metrics=_BY_CHANNEL, segment=where),
        )

    def by_segment(self, column: str) -> pd.DataFrame:
        """People reached and conversion rate of everybody, by a column of `profile`."""
        return self._once(
            column, None, lambda: self._side_by_side(by=(column,) if column else (), metrics=_BY_SEGMENT)
        )

    def over_time(self, where: Where) -> OverTime:
        """Conversions by day, rehearsed and as they came."""
        return self._once("time", where, lambda: self._lines(where))

    def past_campaigns(self) -> pd.DataFrame | None:
        """The campaigns that were observed; None where no feed of campaigns was landed."""
        if CAMPAIGNS.name not in self._snapshot.table_versions:
            return None
        return self._once("past", None, lambda: campaign_metrics(self._snapshot))

    def _side_by_side(self, **chosen: Any) -> pd.DataFrame:
        standing = self._standing
        if standing is None or not self.are_there:
            return pd.DataFrame(columns=[*chosen.get("by", ()), *_COLUMNS])
        return rehearsal_and_result(
            self._snapshot, standing.plan.campaign.name, result=standing.result, **chosen
        )

    def _lines(self, where: Where) -> OverTime:
        standing = self._standing
        if standing is None:
            return OverTime(None, None)

        def frame(origin: Any) -> pd.DataFrame:
            name = standing.plan.campaign.name
            return conversions_over_time(
                self._snapshot, campaign=name, origin=origin, by="day", segment=where
            )

        return OverTime(
            frame("simulated") if standing.has_rehearsal else None,
            frame(standing.result) if standing.has_result else None,
        )

    def _once(self, what: str, where: Where, compute: Callable[[], Any]) -> Any:
        key = (what, *(where or {}).items())
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]
