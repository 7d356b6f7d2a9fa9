"""Figures: who was targeted, reached and converted, at what cost, and how that was rehearsed.

Every metric is one row of `METRICS`, computed alike over what was observed, replayed from history or
simulated; what was not recorded says so. None of it says what a campaign caused (`evidence`), and people
who were sent a campaign are never compared with others.
"""

from qa_lib.measure.campaigns import campaign_figures, campaign_metrics, gain_kind
from qa_lib.measure.figures import (
    EVIDENCE,
    GainKind,
    Metric,
    NoFigure,
    NotRecorded,
    Origin,
    Undefined,
    evidence,
)
from qa_lib.measure.metrics import METRICS, metric
from qa_lib.measure.orders import spend_over_time
from qa_lib.measure.over_time import conversions_over_time, redemptions_over_time
from qa_lib.measure.segments import SegmentColumn, segment_columns
from qa_lib.measure.side_by_side import rehearsal_and_result

__all__ = [
    "EVIDENCE",
    "METRICS",
    "GainKind",
    "Metric",
    "NoFigure",
    "NotRecorded",
    "Origin",
    "SegmentColumn",
    "Undefined",
    "campaign_figures",
    "campaign_metrics",
    "conversions_over_time",
    "evidence",
    "gain_kind",
    "metric",
    "redemptions_over_time",
    "rehearsal_and_result",
    "segment_columns",
    "spend_over_time",
]
