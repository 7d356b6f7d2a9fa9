"""Three industries over the synthetic people: their campaigns, who is sent to, and what each person would do.

Every person has two potential answers to a campaign, with it (`y1`) and without it (`y0`), drawn from one uniform
number, so that a campaign changes the answers of those it changes and nobody else's. Four kinds of people: those
whom it persuades, those who act anyway, those who never do, and a few whom it puts off.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from qa_lib.errors import UnknownName, did_you_mean
from qa_lib.tables import Label

Values = npt.NDArray[Any]
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class CampaignRecipe:
    """One campaign and its truth.

    Attributes
    ----------
    who
        Who may be sent to: everybody, `dormant` (no purchase in the 180 days before), or `enrolled` (three in ten).
    base, slope
        Log-odds of acting without it: `base + slope * log(activity)`.
    effect, spread
        Mean and standard deviation over people of what it adds to these log-odds.
    targeted_share
        Share of those who may be sent to who are; the active are preferred by `preference` (in log-odds per unit of
        log activity), so that a plain comparison of sent and not sent is wrong.
    holdout_share
        Share of the targeted, by chance, who are held out: there the comparison is right.
    """

    campaign_id: str
    label: Label
    starts_on: date
    ends_on: date
    who: Literal["everybody", "dormant", "enrolled"]
    channel: str
    base: float
    slope: float
    effect: float
    spread: float
    targeted_share: float
    preference: float
    cents: float
    cost_cents: int
    holdout_share: float = 0.1
    delivery_rate: float = 0.95


#: The industries by name: what each calls itself, and its campaigns.
INDUSTRIES: dict[str, tuple[Label, tuple[CampaignRecipe, ...]]] = {
    "sale_618": (
        Label("618 大促（零售）", "618 sale (retail)"),
        (
            CampaignRecipe("618_warm_up", Label("618 预热", "618 warm-up"), date(2025, 6, 5), date(2025, 6, 12), "everybody", "app_push", -3.2, 0.7, 0.35, 0.4, 0.5, 0.8, 9.2, 2),
            CampaignRecipe("618_day", Label("618 当日", "618 day"), date(2025, 6, 16), date(2025, 6, 18), "everybody", "sms", -2.4, 0.8, 0.5, 0.5, 0.4, 0.8, 9.6, 5),
            CampaignRecipe("double_11", Label("双十一", "Double 11"), date(2025, 11, 8), date(2025, 11, 11), "everybody", "sms", -2.3, 0.8, 0.4, 0.5, 0.4, 0.8, 9.7, 5),
        ),
    ),
    "bank_dormant": (
        Label("睡眠卡激活（银行）", "Dormant cards (bank)"),
        (
            CampaignRecipe("dormant_spring", Label("睡眠卡唤醒 春", "Dormant cards, spring"), date(2026, 3, 2), date(2026, 3, 31), "dormant", "sms", -4.2, 0.4, 0.9, 0.6, 0.6, 0.4, 10.3, 5),
            CampaignRecipe("dormant_call", Label("睡眠卡外呼", "Dormant cards, call"), date(2026, 4, 13), date(2026, 5, 12), "dormant", "call", -4.0, 0.4, 1.2, 0.8, 0.2, 0.4, 10.5, 200),
        ),
    ),
    "school_renewal": (
        Label("续费（在线学校）", "Renewals (online school)"),
        (
            CampaignRecipe("renewal_autumn", Label("秋季续费", "Autumn renewal"), date(2025, 8, 18), date(2025, 9, 14), "enrolled", "wechat", -1.0, 0.5, 0.4, 0.5, 0.8, 0.3, 12.2, 1),
            CampaignRecipe("renewal_spring", Label("春季续费", "Spring renewal"), date(2026, 2, 9), date(2026, 3, 8), "enrolled", "wechat", -0.9, 0.5, 0.3, 0.6, 0.8, 0.3, 12.2, 1),
        ),
    ),
}  # fmt: skip


def industry(name: str) -> tuple[Label, tuple[CampaignRecipe, ...]]:
    """An industry's label and campaigns.

    Raises
    ------
    UnknownName
        With the nearest names.
    """
    try:
        return INDUSTRIES[name]
    except KeyError:
        raise UnknownName(f"Unknown industry {name!r}.{did_you_mean(name, INDUSTRIES)}") from None


@dataclass(frozen=True)
class Answers:
    """A campaign among the people of a shard; every array has shape (n_eligible,).

    Attributes
    ----------
    who
        Places in the shard.
    p0, p1
        Chance to act without and with the campaign.
    y0, y1
        Whether they act without and with it.
    is_targeted, is_holdout, is_delivered
        Holdout is a part of the targeted; delivered of the targeted outside it.
    at_us, paid_cents
        When and how much, for those who act; drawn for all.
    sent_us
        When the message leaves.
    """

    recipe: CampaignRecipe
    who: Values
    p0: Values
    p1: Values
    y0: Values
    y1: Values
    is_targeted: Values
    is_holdout: Values
    is_delivered: Values
    sent_us: Values
    at_us: Values
    paid_cents: Values

    @property
    def acts(self) -> Values:
        """What is seen: `y1` where the message arrived, else `y0`."""
        return np.where(self.is_delivered, self.y1, self.y0)


def draw_answers(
    rng: np.random.Generator,
    recipe: CampaignRecipe,
    activity: Values,
    registered_at: Values,
    last_order_at: Values,
    enrolment: Values,
) -> Answers:
    """Who takes part in a campaign and what each would do.

    Parameters
    ----------
    last_order_at : shape (n,)
        Last order before the campaign, µs since 1970; 0 where there is none.
    enrolment : shape (n,)
        A number in [0, 1) that stays with a person.
    """
    start, end = midnight_us(recipe.starts_on), midnight_us(recipe.ends_on) + _DAY_US
    may = registered_at < start
    if recipe.who == "dormant":
        may &= last_order_at < start - 180 * _DAY_US
    elif recipe.who == "enrolled":
        may &= enrolment < 0.3
    u = rng.random((6, len(activity)))
    z = rng.standard_normal((2, len(activity)))
    who = np.flatnonzero(may)
    u, z = u[:, who], z[:, who]
    liking = np.log(activity[who])
    odds = recipe.base + recipe.slope * liking
    p0, p1 = _share(odds), _share(odds + recipe.effect + recipe.spread * z[0])
    wish = recipe.preference * liking
    cut = np.log(recipe.targeted_share / (1 - recipe.targeted_share))
    is_targeted = u[1] < _share(cut + wish - wish.mean() if len(who) else wish)
    is_holdout = is_targeted & (u[2] < recipe.holdout_share)
    is_delivered = is_targeted & ~is_holdout & (u[3] < recipe.delivery_rate)
    sent = start + (9 * 3600 * 1_000_000 + u[4] * 3600 * 4 * 1_000_000).astype(np.int64)
    at = sent + (u[5] ** 2 * (end - sent - 1)).astype(np.int64)
    paid = np.maximum(1, np.exp(recipe.cents + 0.7 * z[1])).astype(np.int64)
    return Answers(
        *(recipe, who, p0, p1, u[0] < p0, u[0] < p1, is_targeted, is_holdout, is_delivered),
        *(sent, at, paid),
    )


def midnight_us(day: date) -> int:
    """The start of a day in Shanghai, µs since 1970 (UTC)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() - 8 * 3600) * 1_000_000


def _share(odds: Values) -> Values:
    return 1 / (1 + np.exp(-odds))
