"""What a planned campaign may bring, before it is sent: who redeems, with bands, and how well that held before.

The model learns from campaigns that had ended; the Monte Carlo draws people and the whole campaign together;
the backtest asks both of every campaign whose outcome is known; a rehearsal plays a frozen plan through and
writes its worlds as rows. All of it predicts recipients: these data
have no holdout, so nothing here says what a campaign adds.
"""

from qa_lib.simulate.backtest import Backtest, backtest, calibration_bins, most_training_campaigns
from qa_lib.simulate.campaign_effect import CampaignEffect
from qa_lib.simulate.features import (
    FEATURES,
    Feature,
    PlannedCampaign,
    campaign_features,
    campaign_redeemers,
    planned_features,
)
from qa_lib.simulate.model import RedemptionModel
from qa_lib.simulate.montecarlo import EVIDENCE, Simulation, simulate_campaign
from qa_lib.simulate.rehearse import Rehearsal, rehearse

__all__ = [
    "EVIDENCE",
    "FEATURES",
    "Backtest",
    "CampaignEffect",
    "Feature",
    "PlannedCampaign",
    "RedemptionModel",
    "Rehearsal",
    "Simulation",
    "backtest",
    "calibration_bins",
    "campaign_features",
    "campaign_redeemers",
    "most_training_campaigns",
    "planned_features",
    "rehearse",
    "simulate_campaign",
]
