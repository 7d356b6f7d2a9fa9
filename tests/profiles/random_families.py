"""Random events with many coincidences and random families over them, as columns and as Parquet tables.

Events lie on the edges of windows and of local days, together in time, with missing values; some people have
none, and one kind of event nobody has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from qa_lib.profiles.behaviour import (
    CALENDAR,
    BehaviourFamily,
    BehaviourTag,
    FamilyMeasure,
    MeasureKind,
    expand,
)
from qa_lib.profiles.kernels import EventRows, by_event, compute, microseconds
from qa_lib.rules import EventType, Field
from qa_lib.rules.catalogue import FieldType
from qa_lib.rules.windows import Ever, Last
from qa_lib.tables import Label
from qa_lib.workspace import STAMP, Column

PEOPLE = 40
#: Days on which clocks went forward and back, a leap day, the last day of a long month, and days before 1970.
MOMENTS = (
    (datetime(2017, 3, 12, 16, tzinfo=UTC), "America/New_York"),
    (datetime(2017, 11, 6, 5, tzinfo=UTC), "America/New_York"),
    (datetime(2016, 2, 29, 16, tzinfo=UTC), "Asia/Shanghai"),
    (datetime(2017, 3, 31, 12, 0, 0, 1, tzinfo=UTC), "Europe/Berlin"),
    (datetime(1970, 1, 9, 3, tzinfo=UTC), "Asia/Shanghai"),
)
WINDOWS: tuple[Last | Ever, ...] = (
    Last(7, "day"), Last(1, "day", calendar=True), Last(30, "day"), Last(1, "month"), Last(2, "week", calendar=True),
    Last(90, "minute"), Last(12, "hour"), Last(1, "month", calendar=True), Ever(),
)  # fmt: skip
ITEMS = ("a", "b", "a'b", "果蔬", "\\n", "%", "c", "")
SHOPS = ("north", "south", "tab\tand \x01", "x y")
NUMBERS = ("amount", "size")
KINDS: tuple[MeasureKind, ...] = ("did", "count", "sum", "avg", "min", "max", "distinct", "active_days", "days_since_last",
         "days_since_first", "share", "top")  # fmt: skip
PROPERTIES: tuple[tuple[str, FieldType], ...] = (
    ("item", "text"), ("shop", "text"), ("amount", "number"), ("size", "number"),
)  # fmt: skip
EVENTS = {
    name: EventType(
        name, Label(f"{name}行为", name), Label("行", "row"),
        tuple(
            Field(prop, "attribute", type, Label(f"{prop}字段", prop)) for prop, type in PROPERTIES
        ),
    )
    for name in ("buy", "never")
}  # fmt: skip


@dataclass(frozen=True)
class FamilyWorld:
    """Events and tags over them; `rows` by kind of event."""

    as_of: datetime
    zone: ZoneInfo
    tags: tuple[BehaviourTag, ...]
    frames: dict[str, pd.DataFrame]

    @property
    def version(self) -> str:
        return f"drawn-{self.as_of:%Y%m%d}"

    def expected(self) -> Iterator[tuple[BehaviourTag, list[Any]]]:
        """Every tag of every person by the workbench's own kernels."""
        for event, of_event in by_event(self.tags).items():
            rows = event_rows(event, self.frames[event])
            for tag, cells in compute(rows, of_event, PEOPLE, self.as_of, self.zone):
                empty: Any = False if tag.measure.kind == "did" else 0.0 if tag.spec.zero else None
                values: list[Any] = [empty] * PEOPLE
                for person, value in zip(cells.people.tolist(), cells.values.tolist(), strict=True):
                    values[person] = (
                        tag.values[value] if tag.measure.kind == "top"
                        else value if tag.measure.kind == "did" else value / 10**cells.scale
                    )  # fmt: skip
                yield tag, values

    def write(self, folder: Path) -> None:
        """The tables as `export_tables` writes them."""
        folder.mkdir(parents=True)
        people = pa.table({"person_no": pa.array(range(PEOPLE), pa.int64())})
        parquet.write_table(people, folder / "people.parquet")
        for event, frame in self.frames.items():
            parquet.write_table(arrow(frame), folder / f"event_{event}.parquet")
        stamp = {"version": self.version, "as_of": self.as_of, "zone": str(self.zone), "people_count": PEOPLE}
        parquet.write_table(pa.Table.from_pylist([stamp]), folder / f"{STAMP}.parquet")


def arrow(frame: pd.DataFrame) -> pa.Table:
    amounts = [None if v is None else Decimal(v).scaleb(-2) for v in frame["amount"]]
    return pa.table(
        {
            "person_no": pa.array(frame["person_no"], pa.int64()),
            "occurred_at": pa.array(frame["at"].tolist(), pa.timestamp("us", "UTC")),
            "item": pa.array(frame["item"].tolist(), pa.string()),
            "shop": pa.array(frame["shop"].tolist(), pa.string()),
            "amount": pa.array(amounts, pa.decimal128(18, 2)),
            "size": pa.array(frame["size"].tolist(), pa.int32()),
        }
    )


def event_rows(event: str, frame: pd.DataFrame) -> EventRows:
    """The rows as a snapshot's columns."""

    def column(name: str) -> Column:
        given = frame[name].tolist()
        known = np.array([v is not None for v in given], dtype=bool)
        if name in NUMBERS:
            values = np.array([0 if v is None else v for v in given], dtype=np.int64)
            return Column("number", values, known, 2 if name == "amount" else 0)
        texts = sorted({v for v in given if v is not None})
        codes = np.array([texts.index(v) if v is not None else len(texts) for v in given], dtype=np.uint8)
        return Column("text", codes, known, 0, json.dumps(texts).encode())

    at = np.array([microseconds(moment) for moment in frame["at"]], dtype=np.int64)
    return EventRows(event, frame["person_no"].to_numpy(dtype=np.int64), at, column)


def drawn_world(seed: int) -> FamilyWorld:
    draw = Random(seed)
    as_of, name = MOMENTS[seed % len(MOMENTS)]
    zone = ZoneInfo(name)
    windows = draw.sample(WINDOWS, 4)
    rows = [event for _ in range(300) if (event := _event(draw, as_of, zone, windows))["at"] < as_of]
    frame = pd.DataFrame(rows).astype(object).sort_values("at", kind="stable", ignore_index=True)
    frame = frame.where(frame.notna(), None)
    families = [*_families(draw, "buy", windows), *_families(draw, "never", windows[:1])]
    common = {(event, prop): texts for event in EVENTS for prop, texts in (("item", ITEMS), ("shop", SHOPS))}
    return FamilyWorld(as_of, zone, expand(families, EVENTS, common), {"buy": frame, "never": frame[:0]})


def _event(draw: Random, as_of: datetime, zone: ZoneInfo, windows: Iterable[Last | Ever]) -> dict[str, Any]:
    edges = [start for w in windows if (start := w.bounds(as_of, zone)[0]) is not None]
    day = (as_of - timedelta(days=draw.randint(0, 40))).astimezone(zone)
    edges.append(day.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC))
    near = draw.choice(edges) + timedelta(microseconds=draw.choice([-1, 0, 0, 1]))
    far = as_of - timedelta(minutes=draw.randint(1, 60 * 24 * 60))
    at = draw.choices([near, far, as_of - timedelta(microseconds=1)], [4, 4, 1])[0]
    return {
        "person_no": draw.choice([draw.randrange(PEOPLE - 5), draw.randrange(4)]),
        "at": at,
        "item": draw.choice([*ITEMS, *ITEMS[:2], None]),
        "shop": draw.choice([*SHOPS, None, None]),
        "amount": draw.choice([None, draw.randint(-500, 100_000), 0, 1999]),
        "size": draw.choice([None, draw.randint(-3, 9), 1]),
    }


def _families(draw: Random, event: str, windows: list[Last | Ever]) -> Iterator[BehaviourFamily]:
    for by in (None, "item", "shop", "weekday", "daypart"):
        kinds = [k for k in KINDS if by is not None or k not in ("share", "top")]
        measures = [_measure(draw, kind) for kind in draw.sample(kinds, 4)]
        values: tuple[str, ...] = ()
        if by in CALENDAR and draw.random() < 0.5:
            values = tuple(draw.sample(CALENDAR[by][1], 3))
        elif by == "item":
            values = (*draw.sample(ITEMS, 4), "nobody's")
        yield BehaviourFamily(
            name=f"by_{by or 'nothing'}", label_zh="一", label_en="one", event=event, by=by, values=values,
            windows=tuple(draw.sample(windows, min(len(windows), 2))), measures=tuple(measures),
        )  # fmt: skip


def _measure(draw: Random, kind: MeasureKind) -> FamilyMeasure:
    if kind == "distinct":
        return FamilyMeasure(kind, draw.choice(["item", "shop", "size", "amount"]))
    if kind in ("sum", "avg", "min", "max"):
        return FamilyMeasure(kind, draw.choice(NUMBERS))
    return FamilyMeasure(kind)
