"""Offers and money against tables worked out by hand, to the cent."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_lib.campaigns import (
    OFFER_KINDS,
    Basket,
    Coupon,
    DirectAmount,
    Line,
    PercentageDiscount,
    ThresholdDiscount,
    Tier,
    amount,
    from_minor,
    rounded,
    to_minor,
)
from qa_lib.campaigns.offers import _Offer
from qa_lib.errors import SpecError

TIERS = ThresholdDiscount(name="满减", tiers=(Tier("100", "10"), Tier("200", "30"), Tier("500", "100")))
OFFERS = [
    TIERS,
    PercentageDiscount(name="八折", off_rate="0.2"),
    PercentageDiscount(name="八折封顶", off_rate="0.2", cap_amount="15"),
    DirectAmount(name="立减", off_amount="5"),
    Coupon(name="券", face_amount="20", minimum_amount="99"),
]


@pytest.mark.parametrize(
    ("spent", "off"),
    [  # 满减, 八折, 八折封顶 15, 立减 5, 券 99 − 20
        ("0", ("0.00", "0.00", "0.00", "0.00", "0.00")),
        ("3.33", ("0.00", "0.67", "0.67", "3.33", "0.00")),
        ("98.99", ("0.00", "19.80", "15.00", "5.00", "0.00")),
        ("99.00", ("0.00", "19.80", "15.00", "5.00", "20.00")),
        ("99.99", ("0.00", "20.00", "15.00", "5.00", "20.00")),
        ("100.00", ("10.00", "20.00", "15.00", "5.00", "20.00")),
        ("199.99", ("10.00", "40.00", "15.00", "5.00", "20.00")),
        ("200.00", ("30.00", "40.00", "15.00", "5.00", "20.00")),
        ("1000.03", ("100.00", "200.01", "15.00", "5.00", "20.00")),
    ],
)
def test_discounts_are_those_of_the_table(spent: str, off: tuple[str, ...]) -> None:
    assert tuple(str(o.discount(Basket.of([spent]))) for o in OFFERS) == off


def test_scope_floor_rounding_and_margin() -> None:
    basket = Basket.of([Line(D("80"), "a", "food"), Line(D("30"), "b", "drink"), Line(D("5"), "c", "toys")])
    scoped = PercentageDiscount(name="p", off_rate="0.5", item_ids=("a",), categories=("drink",))
    assert scoped.in_scope(basket) == D("110")
    assert scoped.discount(basket) == D("55.00")
    floored = PercentageDiscount(name="p", off_rate="0.5", floor_amount="100")
    assert floored.discount(basket) == D("15.00")
    assert floored.discount(Basket.of(["60"])) == 0
    half = PercentageDiscount(name="p", off_rate="0.5")
    assert half.discount(Basket.of(["0.01"])) == D("0.01")  # halves go away from zero
    assert half.discount(Basket.of(["101"]), "JPY") == D("51.00")
    assert half.expected_cost(basket, D("0.1")) == D("5.75")
    assert half.margin(basket, D("0.3")) == D("34.5") - D("57.5")


def test_the_worst_case_is_bounded_by_people_stock_and_budget() -> None:
    assert [o.worst_case(10) for o in OFFERS] == [D(1000), None, D(150), D(50), D(200)]
    assert Coupon(name="c", face_amount="20", per_person_limit=3).worst_case(10) == 600
    assert Coupon(name="c", face_amount="20", per_person_limit=3, stock_count=7).worst_case(10) == 140
    assert Coupon(name="c", face_amount="20", stock_count=7, budget_amount="99.50").worst_case(10) == D(
        "99.50"
    )
    assert PercentageDiscount(name="p", off_rate="0.1", budget_amount="40").worst_case(10) == 40
    assert Coupon(name="c", face_amount="20").worst_case(0) == 0


@given(st.sampled_from(OFFERS), st.integers(0, 10_000_000))
def test_a_discount_is_exact_and_never_more_than_is_spent_or_can_be_lost(offer: Any, cents: int) -> None:
    spent = from_minor(cents)
    off = offer.discount(Basket.of([spent]))
    assert isinstance(off, D)
    assert off.as_tuple().exponent == -2
    assert 0 <= off <= spent
    assert offer.largest_off_amount is None or off <= offer.largest_off_amount
    assert from_minor(to_minor(off)) == off


@pytest.mark.parametrize("offer", OFFERS, ids=lambda o: o.name)
def test_the_table_of_kinds_knows_every_offer(offer: Any) -> None:
    kind = OFFER_KINDS[offer.kind]
    assert type(offer) is kind.spec
    assert all((*kind.label, *kind.description))
    assert kind.spec.from_json(offer.to_json()) == offer


@pytest.mark.parametrize("value", [1.5, True, "x", "1.005", "-1", "NaN", "Infinity", None, 10**20])
def test_what_is_no_exact_amount_is_refused(value: Any) -> None:
    with pytest.raises(SpecError):
        amount(value)
    if value is not None:
        with pytest.raises(SpecError):
            DirectAmount(name="d", off_amount=value)


def test_tiers_rise_and_take_no_more_than_is_spent() -> None:
    with pytest.raises(SpecError, match="rise"):
        ThresholdDiscount(name="t", tiers=(Tier("100", "10"), Tier("100", "20")))
    with pytest.raises(SpecError, match="no more off"):
        Tier("10", "11")
    with pytest.raises(SpecError, match="Round it first"):
        to_minor(D("1.005"))
    with pytest.raises(SpecError, match="3 digits"):
        rounded(D(1), "KWD")
    assert DirectAmount(name="d", off_amount="5").hash == DirectAmount(name="d", off_amount=D("5.00")).hash


def test_only_an_offer_of_a_kind_can_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        _Offer(name="o")
    with pytest.raises(TypeError, match="abstract"):
        _Offer.from_dict({"name": "o"})

    class HalfAnOffer(_Offer):
        def off(self, spent: D) -> D:
            return spent

    with pytest.raises(TypeError, match="largest_off_amount"):
        HalfAnOffer(name="o")
