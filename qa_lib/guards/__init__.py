"""Guards: who may not be contacted now, and why: consent, risk, holdout, caps, quiet hours.

Each is a spec or a state with one question, asked of arrays of people; none knows of campaigns.
"""

from qa_lib.guards.caps import CANDIDATE_COLUMNS, PAST_COLUMNS, Cap, admit, blocked, counts, window_start
from qa_lib.guards.consent import EVERY_CHANNEL, GuardState, Verdict
from qa_lib.guards.files import keep_policy, keep_risk, read_policy, read_risk
from qa_lib.guards.holdout import (
    Holdout,
    held_out,
    held_out_for,
    held_out_together,
)
from qa_lib.guards.order import first_order, in_first_order
from qa_lib.guards.policy import ContactPolicy
from qa_lib.guards.quiet_hours import QuietHours, is_quiet, next_allowed, place_send
from qa_lib.guards.risk import RISK_REASONS, LocalRisk, RiskAnswer, RiskCheck, RiskPolicy, RiskRule
from qa_lib.guards.risk_service import RiskService
from qa_lib.rules.spec import Spec
from qa_lib.rules.split import bucket, buckets, stable_hash, stable_hashes

__all__ = [
    "CANDIDATE_COLUMNS",
    "EVERY_CHANNEL",
    "PAST_COLUMNS",
    "RISK_REASONS",
    "Cap",
    "ContactPolicy",
    "GuardState",
    "Holdout",
    "LocalRisk",
    "QuietHours",
    "RiskAnswer",
    "RiskCheck",
    "RiskPolicy",
    "RiskRule",
    "RiskService",
    "Spec",
    "Verdict",
    "admit",
    "blocked",
    "bucket",
    "buckets",
    "counts",
    "first_order",
    "held_out",
    "held_out_for",
    "held_out_together",
    "in_first_order",
    "is_quiet",
    "keep_policy",
    "keep_risk",
    "next_allowed",
    "place_send",
    "read_policy",
    "read_risk",
    "stable_hash",
    "stable_hashes",
    "window_start",
]
