"""Sends, receipts and conversions by day and week against plain loops over the same rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from origin_oracle import NOTHING, WORLDS, ZONE, Company, Row, Rows, drawn, whole

from qa_lib.errors import SpecError, UnknownName
from qa_lib.measure import campaign_figures, conversions_over_time
from qa_lib.measure.figures import ORIGINS, Origin

COLUMNS = ("sent", "reached", "converters", "revenue", "converters_so_far", "revenue_so_far")


def days_of(
    rows: Rows, sends: list[Row], world: int, campaign: str
) -> dict[str, list[tuple[str, date, Any]]]:
    """Who did what on which local day: person, day and amount."""
    start = next(c["starts_on"] for c in rows.campaigns if c["campaign_id"] == campaign)
    here = [s for s in sends if s["world"] == world]
    tied = {s["person_id"] for s in here if rows.has_left(s) or rows.is_delivered(s)}
    done = [o for o in rows.known_outcomes(campaign) if o["world"] == world and o["person_id"] in tied]

    def local(moment: datetime | None) -> date:
        return start if moment is None else moment.astimezone(ZONE).date()

    return {
        "sent": [(s["person_id"], local(s["sent_at"]), 0) for s in here if rows.has_left(s)],
        "reached": [(s["person_id"], local(s["delivered_at"]), 0) for s in here if rows.is_delivered(s)],
        "converters": [(o["person_id"], o["occurred_on"], o["revenue_amount"]) for o in done],
    }


def expected(found: dict[str, list[tuple[str, date, Any]]], name: str, first: date, last: date) -> Any:
    """One column of the period from the first to the last day."""
    so_far = name.endswith("_so_far")
    which = "converters" if name.startswith(("revenue", "converters")) else name
    rows = [r for r in found[which] if (so_far or r[1] >= first) and r[1] <= last]
    if name.startswith("revenue"):
        return sum((amount for _, _, amount in rows), Decimal("0.00"))
    return len({person for person, _, _ in rows})


@pytest.mark.parametrize("by", ["day", "week"])
@pytest.mark.parametrize("origin", ORIGINS)
def test_every_day_and_week_equals_plain_loops(company: Company, origin: Origin, by: Any) -> None:
    rows, snapshot = whole(company, origin)
    today = rows.as_of.astimezone(ZONE).date()
    splits: dict[tuple[str, ...], Callable[[Row], Any]] = {
        (): lambda s: (),
        ("channel",): lambda s: (s["channel"] or NOTHING,),
        ("age_band",): lambda s: (rows.age(s),),
    }
    for campaign in ("own-1", "own-2"):
        fact = next(c for c in rows.campaigns if c["campaign_id"] == campaign)
        for split, key in splits.items():
            groups = rows.groups(key, [campaign])
            frame = conversions_over_time(
                snapshot, campaign=campaign, origin=origin, by=by, split=split, level=0.6
            )
            assert frame["starts_on"].min().date() <= fact["starts_on"]
            assert frame["starts_on"].max().date() >= fact["ends_on"] - timedelta(days=6)
            assert set(map(tuple, frame[list(split)].to_numpy())) == set(groups)
            last_day = max(
                fact["ends_on"],
                *(o["occurred_on"] for o in rows.known_outcomes(campaign)),
            )
            found = {
                name: [days_of(rows, sends, w, campaign) for w in WORLDS[origin]]
                for name, sends in groups.items()
            }
            for _, row in frame.iterrows():
                first = row["starts_on"].date()
                last = first + timedelta(days=0 if by == "day" else 6)
                worlds = found[tuple(row[list(split)])]
                assert row["is_complete"] == (origin == "simulated" or min(last, last_day) < today)
                for name in COLUMNS:
                    values = [expected(world, name, first, last) for world in worlds]
                    what = f"{campaign} {split} {first} {name}"
                    has_receipts = any(map(rows.is_delivered, groups[tuple(row[list(split)])]))
                    if name == "reached" and split == ("channel",) and not has_receipts:
                        assert pd.isna(row[name]), what  # this channel sends none back: not recorded
                        continue
                    if origin == "simulated":
                        floats = [float(v) for v in values]
                        assert row[name] == pytest.approx(np.mean(floats)), what
                        assert row[f"{name}_low"] == pytest.approx(np.quantile(floats, 0.2)), what
                        assert row[f"{name}_high"] == pytest.approx(np.quantile(floats, 0.8)), what
                        continue
                    begins = max(first, fact["starts_on"])
                    is_known = begins <= today if name in ("sent", "reached") else begins < today
                    assert pd.notna(row[name]) == is_known, what
                    if is_known:
                        assert row[name] == values[0], what
                        assert isinstance(row[name], Decimal) == name.startswith("revenue"), what


def test_the_last_complete_day_has_the_campaigns_figures(company: Company) -> None:
    _, snapshot = whole(company, "observed")
    frame = conversions_over_time(snapshot, campaign="own-1")
    total = campaign_figures(snapshot, campaigns=["own-1"])
    assert frame["converters_so_far"].iloc[-1] == total["converters"]
    assert frame["revenue_so_far"].iloc[-1] == total["revenue"]
    assert frame["revenue"].sum() == total["revenue"]


def test_nothing_is_said_of_days_after_the_moment(company: Company) -> None:
    _, snapshot = whole(company, "observed")
    frame = conversions_over_time(snapshot, campaign="own-2").set_index("starts_on")
    today = snapshot.as_of.astimezone(snapshot.zone).date()
    assert frame.loc[pd.Timestamp(today + timedelta(days=1)) :, list(COLUMNS)].isna().all(axis=None)
    assert not frame.loc[pd.Timestamp(today) :, "is_complete"].any()
    assert pd.isna(frame.loc[pd.Timestamp(today), "converters"])  # the day is not over
    assert pd.notna(frame.loc[pd.Timestamp(today), "sent"])
    assert frame.loc[: pd.Timestamp(today - timedelta(days=1)), "is_complete"].all()


def test_what_was_not_recorded_stays_missing_over_time(company: Company) -> None:
    rows, _ = whole(company, "observed")
    rows.campaigns[0]["goal"] = None
    for send in rows.sends:
        send["delivered_at"] = None
    snapshot = rows.write(company.workspace, company.snapshot)
    frame = conversions_over_time(snapshot, campaign="own-1")
    assert frame[["reached", "converters", "revenue", "revenue_so_far"]].isna().all(axis=None)
    assert frame["sent"].notna().all()


def test_a_late_evening_send_stands_on_its_local_day(company: Company) -> None:
    rows, _ = whole(company, "observed")
    start = rows.campaigns[0]["starts_on"]
    late = datetime.combine(start, time(23, 30), ZONE).astimezone(UTC)
    assert late.date() > start
    rows.sends = [
        s | {"status": "sent", "sent_at": late, "delivered_at": None} for s in rows.sends if s["step"] == "1"
    ]
    snapshot = rows.write(company.workspace, company.snapshot)
    frame = conversions_over_time(snapshot, campaign="own-1")
    people = {s["person_id"] for s in rows.sends if s["campaign_id"] == "own-1"}
    assert frame.set_index("starts_on").loc[pd.Timestamp(start), "sent"] == len(people)


def test_names_that_are_not_there_are_refused_over_time(company: Company) -> None:
    _, snapshot = drawn(company, 1, "observed")
    with pytest.raises(UnknownName, match="Did you mean 'own-"):
        conversions_over_time(snapshot, campaign="own-9")
    with pytest.raises(SpecError, match="'day' or 'week'"):
        conversions_over_time(snapshot, campaign="own-1", by="month")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="Cannot group by 'status'"):
        conversions_over_time(snapshot, campaign="own-1", split=("status",))
