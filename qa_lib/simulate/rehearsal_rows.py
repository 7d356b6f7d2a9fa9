"""A rehearsal as rows of the shared tables: the campaign, every world's sends, every world's conversions.

Rows are made as Arrow batches of one block of people, so memory does not grow with the number of worlds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from qa_lib.campaigns import Campaign, Plan, from_minor, gain_of, offer_cost, to_minor
from qa_lib.simulate.draws import Drawn, draw_people
from qa_lib.simulate.hot_deck import HotDeck, mapped_days
from qa_lib.tables import CAMPAIGNS, OUTCOMES, SENDS

ORIGIN = "simulated"
SOURCE = "rehearsal"
STEP = "1"
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Worlds:
    """Everything that a plan's simulated rows are a function of.

    Attributes
    ----------
    people : pandas.DataFrame
        One row per person who is sent to, in the plan's order: `person_id`, `probability`, `stratum`.
    effects : shape (n_worlds,)
        The first draws of `campaign_effects`; world w has the draw w − 1 of the simulation.
    """

    plan: Plan
    zone: ZoneInfo
    people: pd.DataFrame
    effects: NDArray[np.float64]
    delivery_rate: float | None
    random_state: int
    deck: HotDeck

    @property
    def key(self) -> dict[str, str]:
        """What picks this rehearsal's rows out of a shared table."""
        return {"campaign_id": self.plan.campaign.name, "origin": ORIGIN}

    def draw(self) -> Iterator[Drawn]:
        """The worlds' people, block by block; the same at every call."""
        return draw_people(
            self.people["probability"].to_numpy(dtype=float),
            self.effects,
            delivery_rate=self.delivery_rate,
            random_state=self.random_state,
        )

    @cached_property
    def sent(self) -> list[Mapping[str, Any]]:
        """The plan's rows that send."""
        return [row for row in self.plan.records if row["reason"] is None]

    @cached_property
    def send_days(self) -> NDArray[np.int64]:
        """The local day of each message, in days since 1970."""
        return np.array([_day_number(row["send_at"].astimezone(self.zone).date()) for row in self.sent])

    @cached_property
    def last_day(self) -> int:
        """The campaign's last local day, in days since 1970."""
        return _day_number(self.plan.campaign.days(self.zone)[1])


def campaign_batches(worlds: Worlds, goal: str | None) -> Iterator[pa.RecordBatch]:
    """The row of `campaigns`."""
    row = worlds.plan.campaign_row(worlds.zone, goal=goal, origin=ORIGIN, source=SOURCE)
    yield pa.RecordBatch.from_pylist([row], schema=CAMPAIGNS.arrow_schema())


def send_batches(worlds: Worlds) -> Iterator[pa.RecordBatch]:
    """One row of `sends` per targeted person and world, by block of people and in it by world."""
    kept_back = [row for row in worlds.plan.targeted if row["reason"] is not None]
    if kept_back:
        rows = _sends(worlds, kept_back)
        for world in range(1, len(worlds.effects) + 1):
            yield _with_world(rows, world)
    if worlds.delivery_rate is None:  # nothing that a world decides stands in a send
        rows = _sends(worlds, worlds.sent)
        for world in range(1, len(worlds.effects) + 1):
            yield _with_world(rows, world)
        return
    block, rows = None, pa.table({})
    for drawn in worlds.draw():
        if drawn.people != block:
            block, rows = drawn.people, _sends(worlds, worlds.sent[drawn.people])
        sent_at = rows.column("sent_at").combine_chunks().view(pa.int64()).to_numpy()
        assert drawn.reached is not None
        for world, reached in enumerate(drawn.reached, start=drawn.draws.start + 1):
            delivered_at = pa.array(sent_at, mask=~reached).view(pa.timestamp("us", tz="UTC"))
            index = rows.schema.get_field_index("delivered_at")
            yield _with_world(rows.set_column(index, rows.schema.field(index), delivered_at), world)


def outcome_batches(worlds: Worlds) -> Iterator[pa.RecordBatch]:
    """One row of `outcomes` per redeemer, day and world, by block of people and in it by world."""
    schema = OUTCOMES.arrow_schema()
    ids = pa.array(worlds.people["person_id"].tolist(), type=pa.string())
    strata = worlds.people["stratum"].to_numpy(dtype=np.int64)
    book = _DayBook.of(worlds)
    lengths = worlds.last_day - worlds.send_days + 1
    shift = np.searchsorted(book.lengths, lengths) * len(worlds.deck.donors)
    for drawn in worlds.draw():
        world, column = np.nonzero(drawn.redeems)
        person = column + drawn.people.start
        donor = worlds.deck.pick(strata[person], drawn.rng.random(len(person)))
        row, redeemer = book.rows_of(shift[person] + donor)
        count = len(row)
        if count == 0:
            continue
        values = {
            "campaign_id": pa.repeat(worlds.plan.campaign.name, count),
            "person_id": ids.take(pa.array(person[redeemer])),
            "outcome": pa.repeat("convert", count),
            "coupon_id": pa.nulls(count, pa.string()),
            "occurred_on": pa.array((worlds.send_days[person[redeemer]] + book.offset[row]).astype(np.int32)).view(
                pa.date32()
            ),
            "revenue_amount": _amounts(book.revenue[row]),
            "gain_amount": _amounts(book.gain[row]),
            "cost_amount": _amounts(book.cost[row]),
            "origin": pa.repeat(ORIGIN, count),
            "world": pa.array(world[redeemer] + drawn.draws.start + 1, type=pa.int64()),
            "source": pa.repeat(SOURCE, count),
        }  # fmt: skip
        yield pa.RecordBatch.from_arrays([values[name] for name in schema.names], schema=schema)


@dataclass(frozen=True, eq=False)
class _DayBook:
    """Every donor's days moved to every number of days that somebody's message leaves to the campaign's end.

    `lengths` holds those numbers, ascending; the rows of donor d at length number k are
    `starts[k × n_donors + d]` to the next start. Amounts are in hundredths.
    """

    lengths: NDArray[np.int64]
    starts: NDArray[np.int64]
    offset: NDArray[np.int64]
    revenue: NDArray[np.int64]
    gain: NDArray[np.int64]
    cost: NDArray[np.int64]

    @classmethod
    def of(cls, worlds: Worlds) -> _DayBook:
        campaign, deck = worlds.plan.campaign, worlds.deck
        price = _prices(campaign, worlds.plan.currency)
        lengths = np.unique(worlds.last_day - worlds.send_days + 1)
        within = campaign.goal.within_days if campaign.goal is not None else None
        counts, rows = [], []
        for length in lengths:
            days = mapped_days(deck.days, int(length))
            if within is not None:
                days = days[days["offset"] <= within]  # later it is no conversion by the goal's own words
            counts.append(np.bincount(days["donor"], minlength=len(deck.donors)))
            earlier = days.groupby("donor")["coupon_count"].cumsum() - days["coupon_count"]
            for one, before in zip(days.itertuples(), earlier, strict=True):
                rows.append((one.offset, *price(one.paid_minor, one.coupon_count, before)))
        starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64)
        return cls(lengths, starts, *np.array(rows, dtype=np.int64).reshape(-1, 4).T)

    def rows_of(self, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of these entries one after the other, and for each row the place of its entry."""
        sizes = self.starts[which + 1] - self.starts[which]
        entry = np.repeat(np.arange(len(which)), sizes)
        within = np.arange(len(entry)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.starts[which][entry] + within, entry


def _prices(campaign: Campaign, currency: str) -> Any:
    """A function from a day's amount, its coupons and those used before to revenue, gain and offer cost."""
    limit = 0 if campaign.offer is None else campaign.offer.per_person_limit

    @cache
    def gain(paid_minor: int) -> int:
        return to_minor(gain_of(campaign, from_minor(paid_minor), currency))

    @cache
    def cost(paid_minor: int, uses: int) -> int:
        return to_minor(offer_cost(campaign, from_minor(paid_minor), uses, currency))

    def price(paid_minor: int, coupons: int, used_before: int) -> tuple[int, int, int]:
        return paid_minor, gain(paid_minor), cost(paid_minor, min(coupons, limit - used_before))

    return price


def _sends(worlds: Worlds, rows: list[Mapping[str, Any]]) -> pa.Table:
    """These rows of the plan as rows of `sends`, without a world and with nothing delivered."""
    schema, count = SENDS.arrow_schema(), len(rows)
    is_sent = [row["reason"] is None for row in rows]
    cost = [row["message_cost_amount"] if sent else None for row, sent in zip(rows, is_sent, strict=True)]
    sent_at = [row["send_at"] if sent else None for row, sent in zip(rows, is_sent, strict=True)]
    values = {
        "campaign_id": pa.repeat(worlds.plan.campaign.name, count),
        "person_id": pa.array([row["person_id"] for row in rows], type=pa.string()),
        "step": pa.repeat(STEP, count),
        "channel": pa.array([row["channel"] for row in rows], type=pa.string()),
        "status": pa.array(["sent" if sent else "not_sent" for sent in is_sent], type=pa.string()),
        "reason": pa.array([row["reason"] for row in rows], type=pa.string()),
        "sent_at": pa.array(sent_at, type=pa.timestamp("us", tz="UTC")),
        "delivered_at": pa.nulls(count, pa.timestamp("us", tz="UTC")),
        "cost_amount": pa.array(cost, type=pa.decimal128(18, 2)),
        "origin": pa.repeat(ORIGIN, count),
        "world": pa.nulls(count, pa.int64()),
        "source": pa.repeat(SOURCE, count),
    }
    nullable = pa.schema([pa.field(f.name, f.type) for f in schema])
    return pa.Table.from_arrays([values[name] for name in schema.names], schema=nullable)


def _with_world(rows: pa.Table, world: int) -> pa.RecordBatch:
    index = rows.schema.get_field_index("world")
    numbered = rows.set_column(index, "world", pa.repeat(pa.scalar(world, pa.int64()), len(rows)))
    return numbered.to_batches()[0].cast(SENDS.arrow_schema())


def _amounts(hundredths: NDArray[np.int64]) -> pa.Array:
    """Exact decimals with two places from whole hundredths, without a Python object for each."""
    halves = np.empty((len(hundredths), 2), dtype="<i8")  # 128 bits in two's complement, the low half first
    halves[:, 0], halves[:, 1] = hundredths, hundredths >> 63
    return pa.Array.from_buffers(pa.decimal128(18, 2), len(hundredths), [None, pa.py_buffer(halves)])


def _day_number(day: date) -> int:
    return (day - _EPOCH).days
