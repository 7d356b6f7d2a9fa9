"""Over many random days, what a refresh takes over and computes anew is what a build from nothing gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from qa_lib.profiles.behaviour import BehaviourFamily, BehaviourTag, FamilyMeasure, expand
from qa_lib.profiles.behaviour_columns import Refreshed
from qa_lib.profiles.events import EVENT_SOURCES
from qa_lib.profiles.local_time import local_days, microseconds
from qa_lib.profiles.refresh import Base, write_behaviour
from qa_lib.rules.windows import Ever, Last
from qa_lib.workspace import Column, Columns
from qa_lib.workspace.columns import ColumnsWriter

ZONE = ZoneInfo("America/New_York")
START = datetime(2017, 1, 1, 5, tzinfo=UTC)
DAY_US = 86_400_000_000
WINDOWS = (Last(3, "day"), Last(1, "month"), Last(2, "week", calendar=True), Ever())
KINDS = (
    *(("did", None), ("count", None), ("sum", "paid_amount"), ("avg", "paid_amount"), ("share", None)),
    *(("min", "paid_amount"), ("max", "quantity"), ("distinct", "item_id"), ("active_days", None)),
    *(("days_since_last", None), ("days_since_first", None), ("top", None), ("first_on", None)),
    *(("first", "brand"), ("last", "brand"), ("last", "department"), ("last_on", None)),
)
FAMILY = BehaviourFamily(
    name="buys", label_zh="购买", label_en="Buys", event="purchase", by="department",
    values=("DELI", "MEAT", "GONE"), whole=True, windows=WINDOWS,
    measures=tuple(FamilyMeasure(kind, prop) for kind, prop in KINDS),
)  # fmt: skip
TAGS = expand([FAMILY], {s.type.name: s.type for s in EVENT_SOURCES}, {})
TEXTS = {
    "item_id": [f"I{n}" for n in range(30)],
    "department": ["DELI", "MEAT", "FUEL"],
    "brand": ["a", "b", "c"],
}


def some_events(rng: np.random.Generator, n: int, low: int, high: int, people: list[str]) -> pd.DataFrame:
    """Events between two moments; a tenth without a department, and many at the same instants."""
    at = rng.integers(low // 3_600_000_000, high // 3_600_000_000, n) * 3_600_000_000
    rows = pd.DataFrame({"person": rng.choice(people, n), "at": at})
    for name, texts in TEXTS.items():
        rows[name] = rng.choice(texts, n)
    rows.loc[rng.random(n) < 0.1, "department"] = None
    rows["paid_amount"], rows["quantity"] = rng.integers(0, 5_000, n), rng.integers(1, 300, n)
    return rows


def as_columns(rows: pd.DataFrame, people: list[str], as_of: datetime, place: Path) -> Columns:
    """The events before a moment as a snapshot has them; texts are those that occur."""
    place.mkdir()
    writer, number = ColumnsWriter(place), {p: n for n, p in enumerate(people)}
    rows = rows[rows["at"] < microseconds(as_of)]
    rows = rows.assign(no=rows["person"].map(number)).sort_values(["at", "no"], kind="stable")
    writer.array("event_purchase.person_no", "number", [rows["no"].to_numpy(np.uint32)])
    writer.array("event_purchase.occurred_at", "moment", [rows["at"].to_numpy(np.int64)])
    for name in TEXTS:
        texts = sorted(rows[name].dropna().unique())
        codes = rows[name].map({t: i for i, t in enumerate(texts)}).fillna(len(texts)).to_numpy(np.uint8)
        known = rows[name].notna().to_numpy()
        parts = None if known.all() else [known]
        writer.array(f"event_purchase.{name}", "text", [codes], texts=texts, known=parts)
    writer.array("event_purchase.paid_amount", "number", [rows["paid_amount"].to_numpy(np.int16)], scale=2)
    writer.array("event_purchase.quantity", "number", [rows["quantity"].to_numpy(np.int16)])
    writer.close()
    return Columns(place)


def built(
    events: Columns, people: int, as_of: datetime, place: Path, base: Base | None
) -> tuple[Columns, Refreshed]:
    place.mkdir()
    writer = ColumnsWriter(place)
    names = [t.name for t in TAGS if t.measure.kind == "did"]
    flags = dict(zip(names, writer.bitsets(people, names), strict=True))
    done = write_behaviour(writer, flags, TAGS, events.array, people, as_of, ZONE, base=base)
    writer.close()
    return Columns(place), done


def hold_equal(one: Columns, two: Columns) -> None:
    assert sorted(one.array_names) == sorted(two.array_names)
    for name in two.array_names:
        mine, theirs = one.array(name), two.array(name)
        assert mine is not None
        assert theirs is not None
        assert (mine.kind, mine.scale, mine.texts) == (theirs.kind, theirs.scale, theirs.texts), name
        assert mine.values.dtype == theirs.values.dtype, name
        np.testing.assert_array_equal(mine.values, theirs.values, err_msg=name)
        np.testing.assert_array_equal(np.asarray(mine.known), np.asarray(theirs.known), err_msg=name)
    for name in two.bitset_names:
        np.testing.assert_array_equal(one.bitset(name), two.bitset(name), err_msg=name)


def who_slid(rows: pd.DataFrame, then: datetime, now: datetime) -> set[str]:
    """By hand: people with an event that one of the two moments has in a window and the other has not."""
    found: set[str] = set()
    for window in WINDOWS:
        inside = []
        for moment in (then, now):
            start = window.bounds(moment, ZONE)[0]
            after = rows["at"] >= (0 if start is None else microseconds(start))
            inside.append(after & (rows["at"] < microseconds(moment)))
        found |= set(rows.loc[inside[0] != inside[1], "person"])
    return found


def test_over_random_days_a_refresh_equals_a_build_from_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    people = [f"{n:03d}" for n in range(0, 120, 2)]
    low = microseconds(START)
    rows = some_events(rng, 500, low, low + 150 * DAY_US, people)
    as_of, base = START + timedelta(days=40), None
    before: list[str] = []
    slid, what = 0, ""
    for step in range(24):
        events = as_columns(rows, people, as_of, tmp_path / f"e{step}")
        whole, _ = built(events, len(people), as_of, tmp_path / f"w{step}", None)
        if base is not None:
            same = people == before
            place = {p: n for n, p in enumerate(before)}
            number = None if same else np.array([place.get(p, -1) for p in people])
            earlier = Base(
                base[0], base[1].array, base[2], {t.name: t.key for t in TAGS}, len(before), number
            )
            refreshed, done = built(events, len(people), as_of, tmp_path / f"r{step}", earlier)
            hold_equal(refreshed, whole)
            if what == "day":
                assert done.changed_people["purchase"] == len(who_slid(rows, base[2], as_of))
                slid += done.patched_tags == len(TAGS)
        base, before = (whole, events, as_of), people
        what = rng.choice(["day", "day", "hours", "late", "corrected", "gone", "person", "moved", "back"])
        whole_days = timedelta(days=int(rng.integers(1, 4)))
        as_of += {"hours": timedelta(hours=7, minutes=int(rng.integers(60))), "back": -whole_days}.get(
            what, whole_days
        )
        match what:
            case "late":
                rows = pd.concat(
                    [rows, some_events(rng, 5, low, microseconds(as_of), people)], ignore_index=True
                )
            case "corrected":
                rows.loc[rng.choice(len(rows), 4), "paid_amount"] += 1
            case "gone":
                rows = rows.drop(index=rng.choice(rows.index, 4)).reset_index(drop=True)
            case "person":
                people = sorted({*people, f"{int(rng.integers(120)):03d}"})
                rows = pd.concat(
                    [rows, some_events(rng, 20, low, microseconds(as_of), people)], ignore_index=True
                )
            case "moved":
                rows.loc[rng.choice(len(rows), 6), "person"] = rng.choice(people)
    assert slid >= 3


def test_the_first_and_the_last_of_each_person_equal_pandas(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    people = [f"{n:03d}" for n in range(50)]
    low, as_of = microseconds(START), START + timedelta(days=90)
    rows = some_events(rng, 400, low, low + 90 * DAY_US, people)
    found, _ = built(as_columns(rows, people, as_of, tmp_path / "e"), 50, as_of, tmp_path / "w", None)
    checked = 0
    for tag in TAGS:
        kind, prop = tag.measure.kind, tag.measure.property
        if kind not in ("first", "last", "first_on", "last_on"):
            continue
        start = tag.window.bounds(as_of, ZONE)[0]
        inside = rows if start is None else rows[rows["at"] >= microseconds(start)]
        inside = inside if tag.value is None else inside[inside["department"] == tag.value]
        inside = inside if prop is None else inside[inside[prop].notna()]
        expected: dict[int, Any] = {}
        for person, own in inside.groupby("person"):
            at = own["at"].min() if kind.startswith("first") else own["at"].max()
            day = int(local_days(np.array([at]), ZONE)[0])
            expected[int(str(person))] = day if prop is None else own.loc[own["at"] == at, prop].min()
        assert said(found.array(tag.name)) == expected, tag.name
        checked += len(expected)
    assert checked > 500


def said(column: Column | None) -> dict[int, Any]:
    """The values of those who have one, texts as texts."""
    assert column is not None
    who = range(len(column.values)) if column.known is None else np.flatnonzero(column.known).tolist()
    return {
        n: column.texts[column.values[n]] if column.kind == "text" else int(column.values[n]) for n in who
    }


def test_the_days_of_the_first_and_the_last_are_dates_of_the_catalogue() -> None:
    def of(kind: str) -> BehaviourTag:
        return next(t for t in TAGS if t.measure.kind == kind)

    assert (of("first_on").spec.type, of("first_on").spec.form) == ("date", "first_last")
    assert (of("last").spec.type, of("last").spec.form) == ("text", "first_last")
