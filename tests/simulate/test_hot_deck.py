"""Donors: classes by average basket, days that keep their place, and everybody in a class alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa_lib.errors import NothingBuilt
from qa_lib.simulate.hot_deck import HotDeck, average_baskets, hot_deck, mapped_days
from qa_lib.simulate.teaching import campaign_facts, local_day, observed_campaigns, teaching_rows
from qa_lib.workspace import Snapshot, Workspace


@pytest.fixture(scope="module")
def snapshot_of_stage(stage: Workspace) -> Snapshot:
    return stage.snapshot()


@pytest.fixture(scope="module")
def past(snapshot_of_stage: Snapshot) -> pd.DataFrame:
    frame = observed_campaigns(snapshot_of_stage)
    return teaching_rows(frame, campaign_facts(frame, local_day(snapshot_of_stage)), "2018-01-01")


def deck_of(strata: list[int]) -> HotDeck:
    donors = pd.DataFrame({"stratum": strata})
    return HotDeck(donors, pd.DataFrame(), np.arange(1.0, 5.0), True)


@given(st.integers(1, 90), st.integers(1, 90), st.data())
def test_a_day_keeps_its_place_within_the_campaign(own: int, planned: int, data: st.DataObject) -> None:
    positions = sorted(data.draw(st.sets(st.integers(0, own - 1), min_size=1)))
    days = pd.DataFrame(
        {"donor": 0, "position": positions, "length": own, "coupon_count": 1, "paid_minor": 100}
    )
    moved = mapped_days(days, planned)
    assert moved["offset"].is_monotonic_increasing
    assert moved["offset"].between(0, planned - 1).all()
    assert moved["coupon_count"].sum() == len(positions)
    assert moved["paid_minor"].sum() == 100 * len(positions)
    if own == planned:
        assert moved["offset"].tolist() == positions


def test_donors_of_a_class_are_equally_likely_and_no_other_class_gives_any() -> None:
    deck = deck_of([0] * 3 + [1] * 5 + [4] * 2)
    chance = np.random.default_rng(0).random(40_000)
    for stratum, wanted in ((0, range(3)), (1, range(3, 8)), (4, range(8, 10)), (2, range(10))):
        found = deck.pick(np.full(len(chance), stratum), chance)
        counts = np.bincount(found, minlength=10)
        assert set(np.flatnonzero(counts)) == set(wanted)
        np.testing.assert_allclose(counts[list(wanted)] / len(chance), 1 / len(wanted), atol=0.01)
    assert deck.pick(np.array([0]), np.array([np.nextafter(1, 0)])) == 2


def test_every_redeemer_is_a_donor_in_a_fifth_by_average_basket(
    snapshot_of_stage: Snapshot, past: pd.DataFrame
) -> None:
    deck = hot_deck(snapshot_of_stage, past, "Type A")
    of_type = past[past["is_redeemer"] & (past["campaign_type"] == "Type A")]
    assert deck.is_of_type
    assert set(zip(deck.donors["campaign_id"], deck.donors["person_id"], strict=True)) == set(
        zip(of_type["campaign_id"], of_type["person_id"], strict=True)
    )
    # nobody bought less than nothing: the first two fifths are one class where a fifth had bought nothing
    assert deck.cuts[0] == 0
    np.testing.assert_allclose(
        np.bincount(deck.donors["stratum"])[1:] / len(of_type), [0.4, 0.2, 0.2, 0.2], atol=0.02
    )
    assert deck.donors.groupby("stratum")["basket_amount"].agg(["min", "max"]).stack().is_monotonic_increasing
    assert set(deck.days["donor"]) == set(deck.donors.index)
    assert deck.days["position"].between(0, deck.days["length"] - 1).all()
    assert (deck.days["paid_minor"] > 0).mean() > 0.4
    assert deck.days["coupon_count"].max() > 1


def test_few_donors_of_a_type_are_joined_by_all(snapshot_of_stage: Snapshot, past: pd.DataFrame) -> None:
    assert past.loc[past["is_redeemer"], "campaign_type"].eq("Type C").sum() >= 30
    few = past[(past["campaign_type"] != "Type C") | (past["person_id"].str.len() == 1)]
    deck = hot_deck(snapshot_of_stage, few, "Type C")
    assert not deck.is_of_type
    assert len(deck.donors) == few["is_redeemer"].sum()


def test_without_a_redeemer_nothing_says_what_one_buys(
    snapshot_of_stage: Snapshot, past: pd.DataFrame
) -> None:
    with pytest.raises(NothingBuilt, match="Nobody redeemed in the 5 campaigns"):
        hot_deck(snapshot_of_stage, past.assign(is_redeemer=False), "Type A")


def test_an_average_basket_does_not_depend_on_the_windows_scale() -> None:
    frame = pd.DataFrame({"spend_amount": [100.0, 0.0, 7.0], "order_count": [3.0, 0.0, 1.0]})
    scaled = frame * (84 / 61.37)
    np.testing.assert_array_equal(average_baskets(frame), average_baskets(scaled))
    assert average_baskets(frame)[1] == 0
