"""Figures: what was targeted, what was redeemed, and by whom; what was not recorded says so.

Every metric is one row of `METRICS`. These data have no holdout, so every figure is a description:
none says what a campaign caused, and people who were sent a campaign are never compared with others.
"""

from qa_lib.measure.campaigns import campaign_figures, campaign_metrics, redemptions_over_time
from qa_lib.measure.metrics import EVIDENCE, METRICS, Metric, NoFigure, NotRecorded, Undefined, metric
from qa_lib.measure.orders import spend_over_time
from qa_lib.measure.segments import SegmentColumn, segment_columns

__all__ = [
    "EVIDENCE",
    "METRICS",
    "Metric",
    "NoFigure",
    "NotRecorded",
    "SegmentColumn",
    "Undefined",
    "campaign_figures",
    "campaign_metrics",
    "metric",
    "redemptions_over_time",
    "segment_columns",
    "spend_over_time",
]
