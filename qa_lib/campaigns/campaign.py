"""The campaign: to whom, what, by which way, when, and within which limits; one frozen spec."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, field_validator, model_validator
from pydantic import Field as Bounded

from qa_lib.audiences import Audience, Event
from qa_lib.campaigns.messages import Message
from qa_lib.campaigns.money import NO_RATE, ZERO, Amount, Rate
from qa_lib.campaigns.offers import Offer
from qa_lib.guards import Cap, Holdout, QuietHours, Spec


class Schedule(Spec):
    """When messages may go: from `starts_at` to just before `ends_at`.

    `zone` is for people whose own is not known; the workspace's where it is not given.
    """

    _positional = ("starts_at", "ends_at")

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    zone: str | None = None

    @field_validator("starts_at", "ends_at")
    @classmethod
    def _in_utc(cls, value: datetime) -> datetime:
        return value.astimezone(UTC)

    @field_validator("zone")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and not is_zone(value):
            raise ValueError("expected an IANA name such as 'Asia/Shanghai'")
        return value

    @model_validator(mode="after")
    def _forward(self) -> Schedule:
        if self.ends_at <= self.starts_at:
            raise ValueError(
                f"it ends at {self.ends_at.isoformat()}, not after its start {self.starts_at.isoformat()}"
            )
        return self


class Goal(Spec):
    """What counts as a conversion: the first event that a condition looks at, after the message.

    Parameters
    ----------
    condition
        A kind of event with its filters, as in a rule; its window is cut to the time that counts.
    within_days
        Days after the message was delivered (sent, where nothing was recorded of deliveries) in which it
        counts; up to the campaign's end when not given.
    """

    _positional = ("condition",)

    condition: Event
    within_days: int | None = Bounded(default=None, ge=1, le=365)


class Assumptions(Spec):
    """What the planner assumes of a person who is sent to; expected figures follow from it and say no more.

    Parameters
    ----------
    use_rate
        The share of people who use the offer, or buy because of the message.
    basket_amount, margin_rate
        What they then spend on goods in the offer's scope, and the share of it that is margin.
    delivery_rate
        The share of messages that arrive; not stated when None.
    """

    use_rate: Rate = NO_RATE
    basket_amount: Amount = ZERO
    margin_rate: Rate = NO_RATE
    delivery_rate: Rate | None = None


class Costs(Spec):
    """What contact costs: `unit_amount` for every SMS part or message, `fixed_amount` once."""

    unit_amount: Amount = ZERO
    fixed_amount: Amount = ZERO


class Campaign(Spec):
    """One campaign; a change is another spec, with another hash.

    Parameters
    ----------
    campaign_type, tags
        What caps may count together.
    is_marketing
        Whether consent is needed and the policy's holdout, caps and quiet hours hold.
    goal
        What counts as a conversion; conversions are not recorded without one.
    holdout, caps, quiet_hours
        The campaign's own, besides the workspace's policy.
    priority
        Higher goes first where two campaigns want the same person.
    budget_amount
        For messages, the fixed cost and the offer at its worst case.
    """

    name: str = Bounded(min_length=1, max_length=200)
    audience: Audience
    message: Message
    schedule: Schedule
    offer: Offer | None = None
    goal: Goal | None = None
    campaign_type: str = Bounded(default="promotion", min_length=1, max_length=100)
    tags: tuple[str, ...] = ()
    is_marketing: bool = True
    holdout: Holdout | None = None
    caps: tuple[Cap, ...] = ()
    quiet_hours: QuietHours | None = None
    priority: int = Bounded(default=0, ge=-1_000_000, le=1_000_000)
    costs: Costs = Costs()
    assumptions: Assumptions = Assumptions()
    budget_amount: Amount | None = None

    @field_validator("tags")
    @classmethod
    def _in_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _bounded(self) -> Campaign:
        offer = self.offer
        if offer is None or offer.largest_off_amount is not None:
            return self
        if self.budget_amount is not None or offer.budget_amount is not None:
            raise ValueError(
                f"the offer {offer.name!r} has no largest discount, so no budget can be kept; set its cap_amount"
            )
        return self

    @property
    def channel(self) -> str:
        """The channel of its message."""
        return self.message.channel

    @property
    def gain(self) -> str:
        """What its gain is: `margin` where a margin rate is assumed, else `revenue`."""
        return "margin" if self.assumptions.margin_rate > 0 else "revenue"

    def days(self, zone: ZoneInfo) -> tuple[date, date]:
        """First and last local day of its schedule, whose end is not part of it."""
        last_instant = self.schedule.ends_at - timedelta(microseconds=1)
        return self.schedule.starts_at.astimezone(zone).date(), last_instant.astimezone(zone).date()


def is_zone(name: object) -> bool:
    """Whether a value is the name of a zone that this machine knows."""
    if not isinstance(name, str) or not name:
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
