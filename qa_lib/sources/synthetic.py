"""A synthetic company of any size for benchmarks: seeded, in shards that can be made alone and in any order.

A person has 30 typed attributes, 900 boolean tags that 0.1 to 40 % have, and 100 text tags of few values.
About ten events a person over 365 days: activity is log-normal, items follow Zipf's law, and the attributes
that speak of orders are those of the person's own purchases. Of the boolean tags 40 % go with activity,
20 % lie in runs of person numbers and 40 % are independent, the worst case for compressed sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from qa_lib.sources.synthetic_words import (
    ATTRIBUTES,
    CHANNELS,
    DEPARTMENTS,
    EVENTS,
    KEYWORDS,
    TAGS,
    TEXT_TAGS,
)

#: People per shard: whole words of a bitset and whole runs of the clustered tags.
SHARD = 65_536
DAYS = 365
EVENTS_PER_PERSON = 10.0
ITEMS = 20_000
#: The moment that every synthetic company ends at.
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
#: Raised whenever the same seed gives other bytes than before.
RECIPE = 1

_RUN = 512
_TODAY = (date(2026, 6, 1) - date(1970, 1, 1)).days
_DAY_US = 86_400_000_000
_SIGMA = 1.2
_MISSING = {"income_amount": 0.08, "birthday": 0.2, "income_band": 0.08, "email_open_rate": 0.3}

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Shard:
    """People from number `first` on, and all that is known of them.

    Parameters
    ----------
    attributes
        By name, shape (n,): whole numbers, doubles, flags, days since 1970-01-01, or the place of a text
        among its values; amounts are in cents.
    known
        By name, shape (n,) of bool, for the attributes that not everybody has.
    tags : shape (900, words)
        Bitsets of the shard's people, in the order of `TAGS`.
    text_tags : shape (100, n)
        Places among the values, in the order of `TEXT_TAGS`.
    events
        By type: `person_no`, `occurred_at` (microseconds since 1970) and the properties, in order of time;
        texts as places, `item_id` as the item's rank from 0.
    registered_at : shape (n,)
        Microseconds since 1970.
    """

    first: int
    count: int
    attributes: Mapping[str, Values]
    known: Mapping[str, npt.NDArray[np.bool_]]
    tags: npt.NDArray[np.uint64]
    text_tags: npt.NDArray[np.uint8]
    events: Mapping[str, Mapping[str, Values]]
    registered_at: npt.NDArray[np.int64]


def item_ids() -> list[str]:
    """The items from the best known on."""
    return [f"I{rank:05d}" for rank in range(1, ITEMS + 1)]


def tag_densities(random_state: int = 7) -> npt.NDArray[np.float64]:
    """The share of people that each boolean tag aims at: log-uniform from 0.1 to 40 %; shape (900,)."""
    rng = np.random.default_rng(np.random.SeedSequence(random_state, spawn_key=(0,)))
    return np.exp(rng.uniform(np.log(0.001), np.log(0.4), len(TAGS)))


def shard_count(people: int) -> int:
    """How many shards so many people are."""
    return -(-people // SHARD)


def synthetic_shard(people: int, shard: int, *, random_state: int = 7) -> Shard:
    """One shard of the company; the same bytes whether other shards are made or not.

    Parameters
    ----------
    people
        In the whole company; only the last shard depends on it.
    shard
        From 0 to `shard_count(people)` − 1.
    """
    rng = shard_streams(shard, random_state)
    first, activity, registered_at = shard_people(people, shard, random_state=random_state)
    count = len(activity)
    events = draw_events(rng(1), first, activity, registered_at)
    attributes, known = _attributes(rng(2), first, activity, registered_at, events["purchase"])
    tags = _tags(rng(3), tag_densities(random_state), activity, count)
    draw = rng(4)
    text_tags = np.empty((len(TEXT_TAGS), count), dtype=np.uint8)
    for i, (_, _, values) in enumerate(TEXT_TAGS):
        text_tags[i] = (draw.random(count, dtype=np.float32) ** 1.5 * len(values)).astype(np.uint8)
    return Shard(first, count, attributes, known, tags, text_tags, events, registered_at)


def shard_streams(shard: int, random_state: int, use: int = 1) -> Callable[[int], np.random.Generator]:
    """Streams of chance that only this shard has, by number.

    Parameters
    ----------
    use
        1 for this module's own; another number for another recipe over the same people.
    """

    def rng(part: int) -> np.random.Generator:
        seed = np.random.SeedSequence(random_state, spawn_key=(use, shard, part))
        return np.random.Generator(np.random.SFC64(seed))

    return rng


def shard_people(people: int, shard: int, *, random_state: int = 7) -> tuple[int, Values, Values]:
    """A shard's first person number, how active each is (mean 1), and when each registered (µs since 1970)."""
    first = shard * SHARD
    count = min(SHARD, people - first)
    draw = shard_streams(shard, random_state)(0)
    activity = draw.lognormal(-(_SIGMA**2) / 2, _SIGMA, SHARD)[:count]
    since = (draw.random(SHARD)[:count] ** 2 * 1500).astype(np.int64)  # days since they registered
    since_us = since * _DAY_US + draw.integers(0, _DAY_US, SHARD)[:count]
    return first, activity, _us(AS_OF) - since_us


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def _zipf(rng: np.random.Generator, n: int) -> npt.NDArray[np.uint16]:
    """Ranks from 0 by Zipf's law with exponent 1, through the inverse of its cumulated shares."""
    return np.searchsorted(_CUMULATED, rng.random(n)).astype(np.uint16)


_CUMULATED = np.cumsum(1 / np.arange(1, ITEMS + 1)) / np.sum(1 / np.arange(1, ITEMS + 1))


def draw_events(
    rng: np.random.Generator, first: int, activity: Values, registered_at: Values
) -> dict[str, dict[str, Values]]:
    """Events of every type; none before the person registered."""
    found: dict[str, dict[str, Values]] = {}
    end = _us(AS_OF)
    for name, _, share, properties in EVENTS:
        counts = rng.poisson(activity * EVENTS_PER_PERSON * share)
        who = np.repeat(np.arange(len(activity), dtype=np.uint32), counts)
        start = np.maximum(registered_at, end - DAYS * _DAY_US)[who]
        at = start + (rng.random(len(who)) * (end - start)).astype(np.int64)
        order = np.argsort(at, kind="stable")
        columns: dict[str, Values] = {"person_no": who[order] + np.uint32(first), "occurred_at": at[order]}
        for key in properties:
            columns[key] = _property(rng, key, len(who), columns)
        found[name] = columns
    return found


def _property(rng: np.random.Generator, key: str, n: int, columns: Mapping[str, Values]) -> Values:
    match key:
        case "item_id":
            return _zipf(rng, n)
        case "department":  # of the item
            return (columns["item_id"] % len(DEPARTMENTS)).astype(np.uint8)
        case "paid_amount":  # cents
            return np.maximum(1, rng.lognormal(9.6, 1.0, n)).astype(np.int64)
        case "quantity":
            return (1 + rng.geometric(0.6, n).clip(1, 9)).astype(np.int32)
        case "keyword":
            return rng.integers(0, len(KEYWORDS), n, dtype=np.uint8)
        case _:
            return rng.integers(0, len(CHANNELS), n, dtype=np.uint8)


def _attributes(
    rng: np.random.Generator,
    first: int,
    activity: Values,
    registered_at: Values,
    purchases: Mapping[str, Values],
) -> tuple[dict[str, Values], dict[str, npt.NDArray[np.bool_]]]:
    n = len(activity)
    who = purchases["person_no"] - np.uint32(first)
    orders = np.bincount(who, minlength=n)
    spend = np.bincount(who, weights=purchases["paid_amount"], minlength=n).astype(np.int64)
    last = np.zeros(n, dtype=np.int64)
    last[who] = purchases["occurred_at"]  # in order of time: the latest stays
    bought = orders > 0
    age = rng.normal(40, 14, n).clip(18, 90).astype(np.int32)
    income = rng.lognormal(16.2, 0.6, n).astype(np.int64)
    recency = (_us(AS_OF) - last) // _DAY_US
    found: dict[str, Values] = {
        "age": age,
        "household_size": rng.integers(1, 7, n, dtype=np.int32),
        "income_amount": income,
        "average_order_value": spend // np.maximum(orders, 1),
        "order_count_365d": orders.astype(np.int32),
        "spend_amount_365d": spend,
        "recency_days": np.where(bought, recency, 0).astype(np.int32),
        "points_balance": (spend // 100 * rng.random(n)).astype(np.int32),
        "coupon_count": rng.poisson(activity.clip(0, 20)).astype(np.int32),
        "device_count": rng.integers(1, 5, n, dtype=np.int32),
        "complaint_count": rng.poisson(0.05, n).astype(np.int32),
        "email_open_rate": np.round(rng.beta(1.2, 4, n), 4),
        "discount_rate_365d": np.round(rng.beta(2, 8, n), 4),
        "age_band": np.digitize(age, [25, 35, 45, 55, 65]).astype(np.uint8),
        "income_band": np.digitize(income, np.exp(16.2 + 0.6 * np.array([-1, -0.4, 0.4, 1]))).astype(
            np.uint8
        ),
        "lifecycle_stage": np.where(bought, 1 + np.digitize(recency, [30, 90, 180]), 0).astype(np.uint8),
        "registered_on": (registered_at // _DAY_US).astype(np.int32),
        "birthday": (_TODAY - age * 365 - rng.integers(0, 365, n)).astype(np.int32),
        "last_order_on": (last // _DAY_US).astype(np.int32),
        "is_vip": activity * rng.random(n) > 1.5,
        "has_app": rng.random(n) < 0.62,
        "has_children": rng.random(n) < 0.35,
    }
    for one in ATTRIBUTES:
        if one.name not in found:  # the remaining texts, the first values more common
            found[one.name] = (rng.random(n) ** 1.6 * len(one.texts)).astype(np.uint8)
    known = dict.fromkeys(("average_order_value", "recency_days", "last_order_on", "rfm_segment"), bought)
    known["discount_rate_365d"] = bought
    known |= {name: rng.random(n) >= share for name, share in _MISSING.items()}
    return found, known


def _tags(
    rng: np.random.Generator, densities: Values, activity: Values, count: int
) -> npt.NDArray[np.uint64]:
    """Bitsets by comparing 16 random bits a person with the tag's density."""
    words = -(-count // 64)
    found = np.zeros((len(densities), words), dtype=np.uint64)
    weight = activity / activity.mean() if count else activity
    of_runs = rng.random((len(densities), -(-SHARD // _RUN)))
    for i, density in enumerate(densities):
        bits = rng.bit_generator.random_raw(words * 16).view(np.uint16)[:count]
        match i % 5:
            case 0 | 1:
                flags = bits < np.minimum(density * weight, 0.95) * 65_536
            case 2:  # half of the people of runs that cover twice the density
                runs = np.repeat(of_runs[i] < 2 * density, _RUN)[:count]
                flags = runs & (bits < 32_768)
            case _:
                flags = bits < round(density * 65_536)
        packed = np.packbits(flags, bitorder="little")
        found.view(np.uint8)[i, : len(packed)] = packed
    return found
