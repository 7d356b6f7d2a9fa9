"""Campaigns: offers, messages, channel facts, and the plan that says what will happen to every person.

`plan` decides and changes nothing; `keep_plan` keeps what it decided; `resolve_conflicts` weighs several.
"""

from qa_lib.campaigns.addresses import ADDRESS_COLUMNS, addresses, read_addresses
from qa_lib.campaigns.campaign import Assumptions, Campaign, Costs, Goal, Schedule
from qa_lib.campaigns.channels import CHANNELS, MINI_PROGRAM_LIMITS, Channel, channel
from qa_lib.campaigns.conflicts import ONE_A_DAY, resolve_conflicts
from qa_lib.campaigns.graphemes import graphemes
from qa_lib.campaigns.inputs import past_sends
from qa_lib.campaigns.kept import keep_plan, plan_campaign, planned_audiences, plans, read_plan
from qa_lib.campaigns.messages import (
    EmailMessage,
    MiniProgramMessage,
    OutboxMessage,
    PushMessage,
    Rendered,
    SmsMessage,
)
from qa_lib.campaigns.money import Amount, Rate, amount, from_minor, rounded, to_minor
from qa_lib.campaigns.offers import (
    OFFER_KINDS,
    Basket,
    Coupon,
    DirectAmount,
    Line,
    OfferKind,
    PercentageDiscount,
    ThresholdDiscount,
    Tier,
)
from qa_lib.campaigns.outcomes import conversions, gain_of, offer_cost, record_conversions
from qa_lib.campaigns.plan import Plan, plan
from qa_lib.campaigns.reach import ANY_CHANNEL, reach
from qa_lib.campaigns.reasons import NOT_IN_AUDIENCE, REASONS, funnel
from qa_lib.campaigns.scope import offer_items
from qa_lib.campaigns.sms import cut_to_fit, encoding_of, forcing_characters, part_count, split_parts, units

__all__ = [
    "ADDRESS_COLUMNS",
    "ANY_CHANNEL",
    "CHANNELS",
    "MINI_PROGRAM_LIMITS",
    "NOT_IN_AUDIENCE",
    "OFFER_KINDS",
    "ONE_A_DAY",
    "REASONS",
    "Amount",
    "Assumptions",
    "Basket",
    "Campaign",
    "Channel",
    "Costs",
    "Coupon",
    "DirectAmount",
    "EmailMessage",
    "Goal",
    "Line",
    "MiniProgramMessage",
    "OfferKind",
    "OutboxMessage",
    "PercentageDiscount",
    "Plan",
    "PushMessage",
    "Rate",
    "Rendered",
    "Schedule",
    "SmsMessage",
    "ThresholdDiscount",
    "Tier",
    "addresses",
    "amount",
    "channel",
    "conversions",
    "cut_to_fit",
    "encoding_of",
    "forcing_characters",
    "from_minor",
    "funnel",
    "gain_of",
    "graphemes",
    "keep_plan",
    "offer_cost",
    "offer_items",
    "part_count",
    "past_sends",
    "plan",
    "plan_campaign",
    "planned_audiences",
    "plans",
    "reach",
    "read_addresses",
    "read_plan",
    "record_conversions",
    "resolve_conflicts",
    "rounded",
    "split_parts",
    "to_minor",
    "units",
]
