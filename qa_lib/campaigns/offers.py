"""Offers: what a campaign gives, and what that costs over a basket.

One table of kinds (`OFFER_KINDS`) serves the forms, the sentences and the docs. Every kind is a frozen
spec whose one own function says what it takes off an amount; what is common lives in the base.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple

from pydantic import Field as Bounded
from pydantic import field_validator, model_validator

from qa_lib.campaigns.money import ZERO, Amount, Rate, amount, rounded, total
from qa_lib.errors import SpecError
from qa_lib.guards import Spec
from qa_lib.tables import Label

CouponId = Annotated[str, Bounded(min_length=1, max_length=100)]


class Line(NamedTuple):
    """One line of a basket: what it costs before the offer, for all its units."""

    amount: Decimal
    item_id: str = ""
    category: str = ""


@dataclass(frozen=True)
class Basket:
    """What one person is about to pay for."""

    lines: tuple[Line, ...]

    @classmethod
    def of(cls, lines: Iterable[Line | Decimal | str | int]) -> Basket:
        """A basket of lines, or of bare amounts."""
        return cls(
            tuple(
                Line(amount(x.amount), x.item_id, x.category) if isinstance(x, Line) else Line(amount(x))
                for x in lines
            )
        )

    @property
    def amount(self) -> Decimal:
        return total(line.amount for line in self.lines)


class Tier(Spec):
    """Spend at least this, and so much comes off."""

    _positional = ("spend_amount", "off_amount")

    spend_amount: Amount
    off_amount: Amount

    @model_validator(mode="after")
    def _sound(self) -> Tier:
        if not 0 < self.off_amount <= self.spend_amount:
            raise ValueError(
                f"{self.off_amount} off {self.spend_amount}: expected more than 0, and no more off than spent"
            )
        return self


class _Offer(Spec, ABC):
    """What every offer has.

    Parameters
    ----------
    item_ids, categories
        What it is good for; everything where both are empty.
    floor_amount
        What the goods it is good for cost at least, after it.
    per_person_limit
        How often one person may use it; worst-case figures reserve that often.
    stock_count, budget_amount
        How many there are and what they may cost in all; None is no limit.
    """

    name: str = Bounded(min_length=1, max_length=200)
    item_ids: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    floor_amount: Amount = ZERO
    per_person_limit: int = Bounded(default=1, ge=1, le=1_000)
    stock_count: int | None = Bounded(default=None, ge=0)
    budget_amount: Amount | None = None

    @abstractmethod
    def off(self, spent: Decimal) -> Decimal:
        """What comes off goods of this amount, before rounding and the floor."""

    @property
    @abstractmethod
    def largest_off_amount(self) -> Decimal | None:
        """The most that one use can cost; None where nothing bounds it."""

    def in_scope(self, basket: Basket, items: frozenset[str] | None = None) -> Decimal:
        """What the goods that the offer is good for cost.

        Parameters
        ----------
        items
            The ids of these goods, as `offer_items` tells them; when not given, the offer's own items and
            categories say which they are.

        Raises
        ------
        SpecError
            For a coupon with printed codes, when `items` is not given.
        """
        if items is not None:
            return total(line.amount for line in basket.lines if line.item_id in items)
        if not self.item_ids and not self.categories:
            return basket.amount
        return total(
            line.amount
            for line in basket.lines
            if line.item_id in self.item_ids or line.category in self.categories
        )

    def discount(self, basket: Basket, currency: str = "USD") -> Decimal:
        """What one use takes off this basket: rounded, never below the floor, never more than is paid."""
        return self.discount_on(self.in_scope(basket), currency)

    def discount_on(self, spent: Decimal, currency: str = "USD") -> Decimal:
        """What one use takes off goods in scope of this amount."""
        wanted = rounded(self.off(spent), currency)
        return max(min(wanted, spent - self.floor_amount), ZERO)

    def expected_cost(self, basket: Basket, use_rate: Decimal, currency: str = "USD") -> Decimal:
        """The discount on this basket times the rate at which people use the offer, unrounded."""
        return self.discount(basket, currency) * use_rate

    def margin(self, basket: Basket, margin_rate: Decimal, currency: str = "USD") -> Decimal:
        """What is left of the basket's margin after one use; negative where the offer costs more, unrounded."""
        return basket.amount * margin_rate - self.discount(basket, currency)

    @property
    def worst_case_per_person(self) -> Decimal | None:
        """What one person can cost at most; None where nothing bounds it."""
        largest = self.largest_off_amount
        return None if largest is None else largest * self.per_person_limit

    def worst_case(self, people: int) -> Decimal | None:
        """What so many people can cost at most, by stock and budget as well; None where nothing bounds it."""
        bounds = []
        largest = self.largest_off_amount
        if largest is not None:
            uses = people * self.per_person_limit
            bounds.append(largest * (uses if self.stock_count is None else min(uses, self.stock_count)))
        if self.budget_amount is not None:
            bounds.append(self.budget_amount)
        return min(bounds) if bounds else None


class ThresholdDiscount(_Offer):
    """满减: spend X, get Y off; the highest tier that is reached counts, alone."""

    kind: Literal["threshold_discount"] = "threshold_discount"
    tiers: tuple[Tier, ...] = Bounded(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _rises(self) -> ThresholdDiscount:
        for lower, upper in zip(self.tiers, self.tiers[1:], strict=False):
            if upper.spend_amount <= lower.spend_amount or upper.off_amount <= lower.off_amount:
                raise ValueError(
                    f"tiers rise in both amounts; {upper.spend_amount} → {upper.off_amount} does not after "
                    f"{lower.spend_amount} → {lower.off_amount}"
                )
        return self

    def off(self, spent: Decimal) -> Decimal:
        return max((t.off_amount for t in self.tiers if spent >= t.spend_amount), default=ZERO)

    @property
    def largest_off_amount(self) -> Decimal:
        return self.tiers[-1].off_amount


class PercentageDiscount(_Offer):
    """折扣: a share of the price comes off (`off_rate` 0.2 is 八折), at most `cap_amount`."""

    kind: Literal["percentage_discount"] = "percentage_discount"
    off_rate: Rate
    cap_amount: Amount | None = None

    def off(self, spent: Decimal) -> Decimal:
        wanted = spent * self.off_rate
        return wanted if self.cap_amount is None else min(wanted, self.cap_amount)

    @property
    def largest_off_amount(self) -> Decimal | None:
        return ZERO if self.off_rate == 0 else self.cap_amount


class DirectAmount(_Offer):
    """立减: a fixed amount comes off, whatever is spent."""

    kind: Literal["direct_amount"] = "direct_amount"
    off_amount: Amount

    def off(self, spent: Decimal) -> Decimal:
        return min(self.off_amount, spent)

    @property
    def largest_off_amount(self) -> Decimal:
        return self.off_amount


class Coupon(_Offer):
    """优惠券: a face amount for who claims and redeems it, from `minimum_amount` of goods in scope.

    Parameters
    ----------
    coupon_ids
        The printed codes, each once and in order. What they are good for stands in the shared table
        `coupon_items` and adds to `item_ids` and `categories`; `offer_items` reads it.
    """

    kind: Literal["coupon"] = "coupon"
    face_amount: Amount
    minimum_amount: Amount = ZERO
    valid_days: int | None = Bounded(default=None, ge=1, le=3_650)
    # left out where there are none, so that a coupon from before there were codes keeps its hash
    coupon_ids: tuple[CouponId, ...] = Bounded(default=(), max_length=5_000, exclude_if=lambda ids: not ids)

    @field_validator("coupon_ids")
    @classmethod
    def _each_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(value)))

    def in_scope(self, basket: Basket, items: frozenset[str] | None = None) -> Decimal:
        if self.coupon_ids and items is None:
            raise SpecError(
                f"What the offer '{self.name}' is good for stands in the table coupon_items. Give "
                "`in_scope(basket, offer_items(snapshot, offer))`, and its answer to `discount_on`."
            )
        return super().in_scope(basket, items)

    def off(self, spent: Decimal) -> Decimal:
        return min(self.face_amount, spent) if spent >= self.minimum_amount else ZERO

    @property
    def largest_off_amount(self) -> Decimal:
        return self.face_amount


Offer = Annotated[
    ThresholdDiscount | PercentageDiscount | DirectAmount | Coupon, Bounded(discriminator="kind")
]


class OfferKind(NamedTuple):
    """One row of the table of kinds."""

    spec: type[_Offer]
    label: Label
    description: Label


OFFER_KINDS: dict[str, OfferKind] = {
    "threshold_discount": OfferKind(
        ThresholdDiscount,
        Label("满减", "Threshold discount"),
        Label("满一定金额减一定金额，可分档", "Spend so much, get so much off; in tiers"),
    ),
    "percentage_discount": OfferKind(
        PercentageDiscount,
        Label("折扣", "Percentage discount"),
        Label("按比例减价，可设上限", "A share of the price comes off, with a cap if wanted"),
    ),
    "direct_amount": OfferKind(
        DirectAmount,
        Label("立减", "Direct discount"),
        Label("直接减固定金额", "A fixed amount comes off"),
    ),
    "coupon": OfferKind(
        Coupon,
        Label("优惠券", "Coupon"),
        Label("领取后核销，可设门槛和有效天数", "Claimed, then redeemed; from a minimum, for some days"),
    ),
}
