"""Figures of observed, replayed and simulated rows against plain loops over the same rows."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from origin_oracle import KEYS, NOTHING, OWN, WORLDS, Company, Figure, Row, Rows, drawn, whole

from qa_lib.errors import SpecError, UnknownName
from qa_lib.intervals import wilson_interval
from qa_lib.measure import (
    METRICS,
    NotRecorded,
    Undefined,
    campaign_figures,
    campaign_metrics,
    evidence,
    gain_kind,
)
from qa_lib.measure.figures import ORIGINS, Origin
from qa_lib.measure.worlds import band


def assert_figure(given: Any, expected: Figure, what: str) -> None:
    if expected is None:
        assert pd.isna(given), f"{what} is {given!r}, expected none"
    elif isinstance(expected, float):
        assert given == pytest.approx(expected, rel=1e-12, abs=1e-12), what
    else:
        assert isinstance(given, Decimal) == isinstance(expected, Decimal), f"{what} is {given!r}"
        assert given == expected, f"{what} is {given!r}, expected {expected!r}"


def assert_row(row: Any, rows: Rows, sends: list[Row], *, by_channel: bool, what: str) -> None:
    """One row equals the oracle's: exactly, or as the mean and band of the worlds."""
    chosen = {s["campaign_id"] for s in sends} or set(rows.begun())
    worlds = [rows.figures(sends, w, chosen, by_channel=by_channel) for w in WORLDS[rows.origin]]
    for key in KEYS:
        said = f"{what}: {key}"
        if rows.origin != "simulated":
            assert_figure(row[key], worlds[0][key], said)
            continue
        known = [float(world[key]) for world in worlds if world[key] is not None]
        assert_figure(row[key], float(np.mean(known)) if known else None, said)
        for end, share in (("low", 0.1), ("high", 0.9)):
            expected = float(np.quantile(known, share)) if known else None
            assert_figure(row[f"{key}_{end}"], expected, f"{said}_{end}")


CUTS: dict[tuple[str, ...], Callable[[Rows], Callable[[Row], Any]]] = {
    ("campaign_id",): lambda rows: lambda s: s["campaign_id"],
    ("campaign_type",): lambda rows: lambda s: "reminder" if s["campaign_id"] == "own-3" else "promotion",
    ("channel",): lambda rows: lambda s: s["channel"] or NOTHING,
    ("age_band",): lambda rows: rows.age,
    ("campaign_id", "channel"): lambda rows: lambda s: (s["campaign_id"], s["channel"] or NOTHING),
    ("channel", "age_band"): lambda rows: lambda s: (s["channel"] or NOTHING, rows.age(s)),
}


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("seed", range(4))
def test_every_metric_of_every_group_equals_plain_loops(company: Company, seed: int, origin: Origin) -> None:
    rows, snapshot = drawn(company, seed, origin)
    chosen = rows.begun()
    assert len(chosen) == (3 if origin == "simulated" else 2)
    for by, key in CUTS.items():
        frame = campaign_metrics(
            snapshot, by=by, campaigns=chosen, metrics=KEYS, origin=origin, level=0.8
        ).set_index(list(by))
        groups = rows.groups(key(rows), chosen)
        assert set(frame.index) == set(groups)
        for name, sends in groups.items():
            assert_row(frame.loc[name], rows, sends, by_channel="channel" in by, what=f"{by} {name}")
    filters: list[tuple[dict[str, Any], Callable[[Row], bool]]] = [
        ({}, lambda s: True),
        ({"channel": "sms"}, lambda s: s["channel"] == "sms"),
        ({"channel": None, "age_band": "45-54"}, lambda s: s["channel"] is None and rows.age(s) == "45-54"),
        ({"age_band": None}, lambda s: rows.age(s) == NOTHING),
    ]
    for segment, only in filters:
        row = campaign_metrics(
            snapshot, by=(), campaigns=chosen, segment=segment, metrics=KEYS, origin=origin, level=0.8
        ).iloc[0]
        sends = rows.groups(lambda s: 0, chosen, only).get(0, [])
        if sends:
            assert_row(row, rows, sends, by_channel="channel" in segment, what=str(segment))
        else:
            assert row["targeted"] == 0


@pytest.mark.parametrize("origin", ["observed", "replayed"])
def test_the_interval_of_the_conversion_rate_is_wilsons(company: Company, origin: Origin) -> None:
    rows, snapshot = whole(company, origin)
    row = campaign_metrics(snapshot, by=(), campaigns=["own-1"], metrics=KEYS, origin=origin).iloc[0]
    sends = rows.groups(lambda s: 0, ["own-1"])[0]
    found = rows.figures(sends, 0, ["own-1"], by_channel=False)
    reached = int(found["reached"] or 0)
    low, high = wilson_interval(round(float(found["conversion_rate"] or 0) * reached), reached)
    assert (row["conversion_rate_low"], row["conversion_rate_high"]) == (
        pytest.approx(low),
        pytest.approx(high),
    )


def test_what_one_campaign_did_not_record_is_said_by_its_name(company: Company) -> None:
    rows, _ = whole(company, "observed")
    rows.campaigns[1]["goal"] = None
    snapshot = rows.write(company.workspace, company.snapshot)
    found = campaign_figures(snapshot, campaigns=OWN[:2])
    for key in ("converters", "conversion_rate", "revenue", "gain", "offer_cost", "cost", "roas", "roi"):
        value = found[key]
        assert isinstance(value, NotRecorded), key
        assert "No goal was declared" in value.reason.en
        assert value.reason.en.endswith("(campaign own-2)")
    assert isinstance(found["message_cost"], Decimal)
    assert isinstance(campaign_figures(snapshot, campaigns=["own-1"])["roi"], float)
    redeemers = found["redeemers"]
    assert isinstance(redeemers, NotRecorded)  # our own campaigns have no coupons of the retailer's
    assert isinstance(campaign_figures(snapshot, campaigns=["1"])["redeemers"], int)
    all_campaigns = campaign_figures(snapshot)
    assert isinstance(all_campaigns["converters"], NotRecorded)
    assert isinstance(all_campaigns["targeted"], int)


def test_gain_of_two_kinds_is_not_added_and_the_label_says_the_kind(company: Company) -> None:
    rows, _ = whole(company, "observed")
    rows.campaigns[0]["gain"], rows.campaigns[1]["gain"] = "margin", "revenue"
    snapshot = rows.write(company.workspace, company.snapshot)
    both = campaign_figures(snapshot, campaigns=OWN[:2])["roi"]
    assert isinstance(both, Undefined)
    assert "count gain differently" in both.reason.en
    assert gain_kind(snapshot, campaigns=OWN[:2]) is None
    assert gain_kind(snapshot, campaigns=["own-2"]) == "revenue"
    assert METRICS["roi"].label_of("revenue") == ("ROI（收益为收入）", "ROI (gain is revenue)")
    frame = campaign_metrics(snapshot, campaigns=OWN[:2], metrics=("roi",))
    assert list(frame["gain_kind"]) == ["margin", "revenue"]
    assert frame["roi"].notna().all()


def test_a_cost_of_nought_leaves_no_ratio(company: Company) -> None:
    rows, _ = whole(company, "observed")
    rows.campaigns[0]["fixed_cost_amount"] = Decimal(0)
    for row in (*rows.sends, *rows.outcomes):
        row["cost_amount"] = Decimal(0)
    snapshot = rows.write(company.workspace, company.snapshot)
    found = campaign_figures(snapshot, campaigns=["own-1"])
    assert found["cost"] == 0
    for key in ("roas", "roi"):
        value = found[key]
        assert isinstance(value, Undefined)
        assert "cost is 0" in value.reason.en


def test_shares_of_the_fixed_cost_are_rounded_to_the_even_cent_and_the_total_is_whole(
    company: Company,
) -> None:
    rows, _ = whole(company, "observed")
    rows.campaigns[0]["fixed_cost_amount"] = Decimal("0.05")
    everybody = rows.groups(lambda s: s["person_id"], ["own-1"])
    pair = sorted(everybody)[:2]
    rows.sends = [s for s in rows.sends if s["campaign_id"] != "own-1"]
    for person, channel in zip(pair, ("sms", "email"), strict=True):
        rows.sends.append(everybody[person][0] | {"channel": channel})
    snapshot = rows.write(company.workspace, company.snapshot)
    chosen: dict[str, Any] = {"campaigns": ["own-1"], "metrics": ("fixed_cost",)}
    assert list(campaign_metrics(snapshot, by=("channel",), **chosen)["fixed_cost"]) == [Decimal("0.02")] * 2
    assert campaign_metrics(snapshot, by=(), **chosen)["fixed_cost"].iloc[0] == Decimal("0.05")


def test_somebody_reached_by_two_channels_counts_in_both_and_once_in_the_total(company: Company) -> None:
    rows, _ = whole(company, "observed")
    for send in rows.sends:
        if send["status"] == "sent" and send["delivered_at"] is None and send["sent_at"] is not None:
            send["delivered_at"] = send["sent_at"]
    snapshot = rows.write(company.workspace, company.snapshot)
    by_channel = campaign_metrics(snapshot, by=("channel",), campaigns=OWN[:2], metrics=KEYS)
    total = campaign_figures(snapshot, campaigns=OWN[:2])
    assert by_channel["reached"].sum() > total["reached"]
    assert by_channel["message_cost"].sum() == total["message_cost"]
    assert NOTHING in set(by_channel["channel"])


def test_a_person_who_is_paid_for_twice_on_a_day_counts_once(company: Company) -> None:
    rows, _ = whole(company, "observed")
    first = next(
        o for o in rows.known_outcomes("own-1")
        if any(s["person_id"] == o["person_id"] and s["campaign_id"] == "own-1" and rows.has_left(s) for s in rows.sends)
    )  # fmt: skip
    rows.outcomes = [first, first | {"campaign_id": "own-2"}]
    template = next(s for s in rows.sends if s["person_id"] == first["person_id"] and rows.has_left(s))
    rows.sends = [
        s for s in rows.sends if (s["campaign_id"], s["person_id"]) != ("own-2", first["person_id"])
    ]
    rows.sends.append(template | {"campaign_id": "own-2"})
    snapshot = rows.write(company.workspace, company.snapshot)
    found = campaign_figures(snapshot, campaigns=OWN[:2])
    assert found["converters"] == 1
    assert found["revenue"] == first["revenue_amount"]
    assert found["offer_cost"] == 2 * first["cost_amount"]
    each = campaign_metrics(snapshot, campaigns=OWN[:2], metrics=("revenue",))
    assert list(each["revenue"]) == [first["revenue_amount"]] * 2


def test_campaigns_with_other_numbers_of_worlds_are_added_over_those_they_share(company: Company) -> None:
    rows, _ = whole(company, "simulated")
    rows.sends = [s for s in rows.sends if (s["campaign_id"], s["world"]) != ("own-2", 5)]
    snapshot = rows.write(company.workspace, company.snapshot)
    chosen: dict[str, Any] = {"campaigns": OWN[:2], "metrics": ("revenue",), "origin": "simulated"}
    sends = rows.groups(lambda s: 0, OWN[:2])[0]
    values = [rows.figures(sends, w, OWN[:2], by_channel=False)["revenue"] for w in (1, 2, 3, 4)]
    total = campaign_metrics(snapshot, by=(), **chosen).iloc[0]
    assert total["revenue"] == pytest.approx(np.mean([float(v) for v in values if v is not None]))
    first = rows.groups(lambda s: 0, ["own-1"])[0]
    alone = [rows.figures(first, w, ["own-1"], by_channel=False)["revenue"] for w in (1, 2, 3, 4, 5)]
    each = campaign_metrics(snapshot, **chosen).set_index("campaign_id")
    assert each.loc["own-1", "revenue"] == pytest.approx(np.mean([float(v) for v in alone if v is not None]))


def test_outcomes_of_people_who_were_not_sent_to_are_said_and_not_counted(company: Company) -> None:
    rows, _ = whole(company, "observed")
    before = {s["person_id"] for s in rows.sends if s["campaign_id"] == "own-1"}
    stranger = next(person for person in company.ages if person not in before)
    rows.outcomes = [rows.known_outcomes("own-1")[0] | {"person_id": stranger}]
    snapshot = rows.write(company.workspace, company.snapshot)
    row = campaign_metrics(snapshot, campaigns=["own-1"], metrics=("converters", "revenue")).iloc[0]
    assert (row["converters"], row["revenue"]) == (0, Decimal(0))
    assert not row["is_complete"]
    assert row["notes_en"] == "1 people have outcomes without having been sent to; they are not counted"


def test_campaigns_and_rows_of_one_origin_never_enter_another(company: Company) -> None:
    before = campaign_metrics(company.snapshot)
    _, snapshot = drawn(company, 1, "simulated")
    pd.testing.assert_frame_equal(before, campaign_metrics(snapshot, campaigns=list(before["campaign_id"])))
    with pytest.raises(UnknownName, match="Unknown campaign '1' of origin 'simulated'"):
        campaign_metrics(snapshot, campaigns=["1"], origin="simulated")
    with pytest.raises(UnknownName, match="Unknown origin 'dreamt'"):
        campaign_metrics(snapshot, origin="dreamt")  # type: ignore[arg-type]


def test_people_who_were_not_sent_to_can_never_be_a_group(company: Company) -> None:
    for column in ("status", "reason", "step", "world"):
        with pytest.raises(UnknownName, match="Cannot group by"):
            campaign_metrics(company.snapshot, by=(column,))
    assert METRICS["incremental_redemptions"].kind == "absent"


def test_every_origin_says_what_its_figures_are_evidence_of() -> None:
    assert len({evidence(origin) for origin in ORIGINS}) == 3
    assert "nothing here says what a campaign caused" in evidence("observed").en
    for origin in ("replayed", "simulated"):
        assert "not an effect" in evidence(origin).en  # type: ignore[arg-type]
        assert "不是活动的效果" in evidence(origin).zh  # type: ignore[arg-type]
    with pytest.raises(UnknownName):
        evidence("dreamt")  # type: ignore[arg-type]


def test_bands_leave_out_undefined_worlds_as_numpy_does() -> None:
    values = np.array([[1.0, 2.0, 3.0, 10.0], [np.nan, 4.0, np.nan, 8.0], [np.nan] * 4])
    found = band(values, level=0.5)
    assert list(found.mean[:2]) == [4.0, 6.0]
    assert list(found.low[:2]) == [np.quantile([1, 2, 3, 10], 0.25), np.quantile([4, 8], 0.25)]
    assert list(found.high[:2]) == [np.quantile([1, 2, 3, 10], 0.75), np.quantile([4, 8], 0.75)]
    assert np.isnan([part[2] for part in found]).all()
    with pytest.raises(SpecError, match="strictly between 0 and 1"):
        band(values, level=1.0)
