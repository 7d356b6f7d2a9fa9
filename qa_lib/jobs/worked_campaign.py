"""The worked campaign: designed as of the eve of a campaign that history holds, and carried out against it.

Its messages go to a file and nobody is contacted. Who received it is who received the past campaign;
what they did is what history recorded of them.
"""

from __future__ import annotations

from datetime import time
from decimal import Decimal

from qa_lib.audiences import Audience
from qa_lib.campaigns import (
    Assumptions,
    Campaign,
    Costs,
    Coupon,
    Goal,
    Schedule,
    SmsMessage,
    amount,
)
from qa_lib.guards import (
    Cap,
    ContactPolicy,
    Holdout,
    QuietHours,
    RiskPolicy,
    RiskRule,
    keep_policy,
    keep_risk,
)
from qa_lib.jobs.history import PastCampaign
from qa_lib.rules import All, Attribute, Event, Last
from qa_lib.workspace import Workspace

#: The campaign's name, and so its id in `campaigns`, `sends` and `outcomes`.
NAME = "autumn-coupons"
#: What holds for every campaign of the demo.
POLICY = ContactPolicy(
    holdout=Holdout(share=0.05, salt="2017"),
    caps=(Cap(n=2, every=7, unit="day", scope="channel"),),
    quiet_hours=QuietHours(start=time(21), end=time(9)),
)
RISK = RiskPolicy(
    name="coupon abuse",
    owner="risk team",
    version=1,
    rules=(
        RiskRule(
            name="resale",
            rule=Event(event="redeem", window=Last(n=30, unit="day"), operator=">=", value=12),
            description="a dozen coupons in a month: suspected resale",
        ),
    ),
    max_age_hours=72,
)


def worked_campaign(past: PastCampaign) -> Campaign:
    """An SMS with coupons to those who received the campaign before and still come to the store."""
    received = Event(event="receive", where=All(of=(_is_campaign(past.earlier_id),)))
    coming = Event(event="visit", window=Last(n=30, unit="day"), operator=">=", value=2)
    return Campaign(
        name=NAME,
        audience=Audience(
            name="still-coming",
            rule=All(of=(received, coming)),
            description=f"received campaign {past.earlier_id}, two visits or more in the last 30 days",
        ),
        offer=Coupon(
            name=f"coupons of campaign {past.campaign_id}",
            coupon_ids=past.coupon_ids,
            face_amount=past.face_amount,
            per_person_limit=past.coupons_per_person,
        ),
        message=SmsMessage(
            signature="[Corner Store] ",
            text="Your autumn coupons are here, good until the end of the campaign. Show this text at the till.",
            link="https://store.example/autumn",
            opt_out="Reply STOP to end.",
            max_parts=1,
        ),
        goal=Goal(condition=Event(event="redeem", where=All(of=(_is_campaign(past.campaign_id),)))),
        schedule=Schedule(starts_at=past.starts_at, ends_at=past.ends_at),
        campaign_type=past.campaign_type,
        holdout=Holdout(share=0.1, salt=NAME),
        costs=Costs(unit_amount=amount("0.05"), fixed_amount=amount("100")),
        assumptions=Assumptions(
            use_rate=past.use_rate,
            basket_amount=past.basket_amount,
            margin_rate=Decimal("0.25"),
            delivery_rate=past.delivery_rate,
        ),
        budget_amount=amount("50000"),
    )


def _is_campaign(campaign_id: str) -> Attribute:
    return Attribute(field="campaign_id", operator="=", value=campaign_id)


def keep_guards(workspace: Workspace) -> None:
    """Keep the demo's contact policy and risk policy where none are kept yet."""
    from qa_lib.guards.files import CONTACT_POLICY
    from qa_lib.guards.files import RISK as RISK_FILE

    if not (workspace.root / CONTACT_POLICY).exists():
        keep_policy(workspace, POLICY)
    if not (workspace.root / RISK_FILE).exists():
        keep_risk(workspace, RISK)
