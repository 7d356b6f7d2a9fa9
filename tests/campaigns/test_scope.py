"""What an offer is good for, against the landed files read with pandas."""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qa_lib.campaigns import (
    Basket,
    Coupon,
    DirectAmount,
    Line,
    PercentageDiscount,
    ThresholdDiscount,
    Tier,
    offer_items,
)
from qa_lib.errors import NothingBuilt, SpecError, UnknownName
from qa_lib.workspace import Snapshot, Workspace


def coupon(**changes: Any) -> Coupon:
    return Coupon(**{"name": "spring", "face_amount": "2", **changes})


@pytest.fixture(scope="session")
def products(company_files: dict[str, Path]) -> pd.DataFrame:
    return pd.read_parquet(company_files["journey.products"]).astype({"product_id": str})


@pytest.fixture(scope="session")
def printed(company_files: dict[str, Path]) -> pd.DataFrame:
    return pd.read_parquet(company_files["journey.coupons"]).astype({"coupon_upc": str, "product_id": str})


def test_an_offer_that_names_nothing_is_good_for_everything(snapshot: Snapshot) -> None:
    everything = [
        coupon(),
        DirectAmount(name="d", off_amount="1"),
        PercentageDiscount(name="p", off_rate="0.1"),
        ThresholdDiscount(name="t", tiers=(Tier("10", "1"),)),
    ]
    assert [offer_items(snapshot, offer) for offer in everything] == [None] * 4


def test_items_categories_and_coupons_add_up_as_in_the_files(
    snapshot: Snapshot, products: pd.DataFrame, printed: pd.DataFrame
) -> None:
    categories = sorted(products["product_category"].dropna().unique())[:2]
    codes = sorted(printed["coupon_upc"].unique())[1:5]
    of_categories = set(products.loc[products["product_category"].isin(categories), "product_id"])
    of_codes = set(printed.loc[printed["coupon_upc"].isin(codes), "product_id"])
    assert of_categories
    assert of_codes
    assert offer_items(snapshot, coupon(categories=categories)) == of_categories
    assert offer_items(snapshot, coupon(coupon_ids=codes)) == of_codes
    assert offer_items(snapshot, coupon(item_ids=["not in the master"])) == {"not in the master"}
    together = coupon(item_ids=["x"], categories=categories, coupon_ids=codes)
    assert offer_items(snapshot, together) == {"x"} | of_categories | of_codes
    scoped = PercentageDiscount(name="p", off_rate="0.1", item_ids=("x",), categories=tuple(categories))
    assert offer_items(snapshot, scoped) == {"x"} | of_categories


def test_every_coupon_of_the_real_year_is_good_for_what_its_rows_say(demo_workspace: Workspace) -> None:
    snapshot = demo_workspace.snapshot()
    rows = snapshot.frame("SELECT coupon_id, item_id FROM coupon_items")
    of_code = rows.groupby("coupon_id")["item_id"].agg(frozenset)
    for code in of_code.index[::200]:
        assert offer_items(snapshot, coupon(coupon_ids=[code])) == of_code[code]
    every = coupon(coupon_ids=list(of_code.index))
    assert offer_items(snapshot, every) == frozenset(rows["item_id"])


def test_a_code_or_category_that_is_not_there_is_named_with_the_nearest(
    snapshot: Snapshot, products: pd.DataFrame, printed: pd.DataFrame
) -> None:
    code, category = str(printed["coupon_upc"].iloc[0]), str(products["product_category"].dropna().iloc[0])
    with pytest.raises(UnknownName, match=f"coupon_id '{code}x' in offer 'spring'. Did you mean '{code}'"):
        offer_items(snapshot, coupon(coupon_ids=[code, f"{code}x"]))
    with pytest.raises(UnknownName, match=f"category '{category}x' in offer 'spring'. Did you mean"):
        offer_items(snapshot, coupon(categories=[f"{category}x"]))
    with pytest.raises(UnknownName, match="'no one' and 2 more"):
        offer_items(snapshot, coupon(coupon_ids=["no one", "no three", "no two"]))


def test_without_the_table_it_says_what_to_land(snapshot: Snapshot) -> None:
    class WithoutCoupons:
        version, table_versions = snapshot.version, {"items": 1}

    with pytest.raises(NothingBuilt, match=r"coupon_items.*Land its feed"):
        offer_items(WithoutCoupons(), coupon(coupon_ids=["1"]))  # type: ignore[arg-type]


def test_codes_are_sorted_each_once_and_bounded() -> None:
    assert coupon(coupon_ids=["b", "a", "b"]).coupon_ids == ("a", "b")
    assert coupon(coupon_ids=["b", "a"]).hash == coupon(coupon_ids=["a", "b"]).hash
    assert Coupon.from_json(coupon(coupon_ids=["b", "a"]).to_json()) == coupon(coupon_ids=["a", "b"])
    assert len(coupon(coupon_ids=[str(n) for n in range(5_000)]).coupon_ids) == 5_000
    for wrong in [[str(n) for n in range(5_001)], [""], ["x" * 101], [1]]:
        with pytest.raises(SpecError, match="coupon_ids"):
            coupon(coupon_ids=wrong)


def test_a_coupon_without_codes_keeps_the_hash_that_it_had_before_there_were_codes() -> None:
    old = Coupon(name="券", face_amount="20", minimum_amount="99")
    assert old.coupon_ids == ()
    assert old.hash == "500eb100b806d5b76f8cb9b587af0af22bdccd0e98a97ef96c6d2849af8682fa"
    assert "coupon_ids" not in old.to_dict()


def test_what_codes_take_off_a_basket_needs_their_items(snapshot: Snapshot, printed: pd.DataFrame) -> None:
    code = str(printed["coupon_upc"].iloc[0])
    offer = coupon(coupon_ids=[code], minimum_amount="5")
    item = str(printed.loc[printed["coupon_upc"] == code, "product_id"].iloc[0])
    basket = Basket.of([Line(D("6.50"), item), Line(D("3"), "another")])
    with pytest.raises(SpecError, match="offer_items"):
        offer.discount(basket)
    spent = offer.in_scope(basket, offer_items(snapshot, offer))
    assert spent == D("6.50")
    assert offer.discount_on(spent) == D("2.00")
    assert DirectAmount(name="d", off_amount="1").in_scope(basket, frozenset({"another"})) == 3
