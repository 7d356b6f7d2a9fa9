"""A synthetic company of any size as its channels would hand it over, with the truth beside it.

Grown from the people and events of `synthetic`: five channels (CRM, shop, tills, mini-program, advertising), each
knowing people by its own identifiers; orders; the campaigns of one industry with sends and conversions. `truth` says
whose each identifier is and what each person would have done with and without every campaign. Shards are made alone,
in any order, with the same bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qa_lib.sources.synthetic import AS_OF, ITEMS, draw_events, item_ids, shard_people, shard_streams
from qa_lib.sources.synthetic_identity import (
    Identifiers,
    card_ids,
    device_ids,
    draw_identifiers,
    emails,
    open_ids,
)
from qa_lib.sources.synthetic_industries import Answers, draw_answers, industry, midnight_us
from qa_lib.sources.synthetic_words import DEPARTMENTS, KEYWORDS

Values = npt.NDArray[Any]

#: Raised whenever the same seed gives other bytes than before.
RECIPE = 1
#: Events of the shop, the tills and the mini-program a person; with advertising five in all.
EVENT_RATE = 0.42
_EXPOSURES, _CLICK_RATE = 0.7, 0.12
_IN_STORE, _SECOND_CARD_USE, _IN_MINI_PROGRAM, _LOGGED_OUT = 0.4, 0.3, 0.4, 0.2
_SECOND = 400_000_000
_END = int(AS_OF.timestamp()) * 1_000_000
_DAY_US = 86_400_000_000
_AGES = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
_USE = 2

#: Every table of a shard, by the folder that it is written to.
TABLES = (
    *("members", "bindings", "orders", "visits", "activity", "advertising", "sends", "conversions"),
    *("truth/identity", "truth/answers"),
)


def company_shard(
    people: int, shard: int, *, industry_name: str = "sale_618", random_state: int = 7
) -> dict[str, pa.Table]:
    """One shard of the company, by the names of `TABLES`.

    Parameters
    ----------
    people
        In the whole company; only the last shard depends on it.
    shard
        From 0 to `qa_lib.sources.synthetic.shard_count(people)` − 1.
    industry_name
        One of `qa_lib.sources.synthetic_industries.INDUSTRIES`.

    Returns
    -------
    dict of pyarrow.Table
        `members` (CRM), `bindings` (identifiers seen together), `orders`, `visits` (browse, cart), `activity`
        (search, favourite, login, share), `advertising` (expose, click), `sends`, `conversions`; `truth/identity` (`kind, value, person_id, error`), `truth/answers`
        (`campaign_id, person_id, p0, p1, y0, y1, is_targeted, is_holdout, is_delivered`).
    """
    _, recipes = industry(industry_name)
    rng = shard_streams(shard, random_state, _USE)
    first, activity, registered_at = shard_people(people, shard, random_state=random_state)
    events = draw_events(rng(0), first, activity * EVENT_RATE, registered_at)
    known = draw_identifiers(rng(1), first, registered_at, _END)
    bought = events["purchase"]
    buyer = bought["person_no"].astype(np.int64) - first
    enrolment = rng(2).random(len(activity))
    answers = []
    for i, recipe in enumerate(recipes):
        before = bought["occurred_at"] < midnight_us(recipe.starts_on)
        last = np.zeros(len(activity), dtype=np.int64)
        last[buyer[before]] = bought["occurred_at"][before]  # in order of time: the latest stays
        answers.append(draw_answers(rng(10 + i), recipe, activity, registered_at, last, enrolment))
    identity = known.truth.drop_columns("person_no").add_column(
        2, "person_id", person_ids(known.truth["person_no"].to_numpy())
    )
    return {
        "members": _members(rng(3), known, registered_at),
        "bindings": known.bindings,
        "orders": _orders(rng(4), shard, known, bought, answers),
        "visits": _visits(rng(5), known, {name: events[name] for name in ("browse", "cart")}),
        "activity": _visits(
            rng(7), known, {name: events[name] for name in ("search", "favourite", "login", "share")}
        ),
        "advertising": _advertising(rng(6), known, activity, registered_at),
        "sends": _sends(known, answers),
        "conversions": _conversions(known, answers),
        "truth/identity": identity,
        "truth/answers": _answers(known, answers),
    }


def person_ids(numbers: Values) -> pa.Array:
    """Who somebody really is; nothing but the truth names people so."""
    return pc.binary_join_element_wise("P", pc.utf8_lpad(_text(numbers), 9, "0"), "")


def company_items() -> pa.Table:
    """The product master of every synthetic company."""
    ranks = np.arange(ITEMS)
    return pa.table(
        {
            "sku": item_ids(),
            "maker": _text(ranks % 97),
            "department": pa.array(list(DEPARTMENTS)).take(pa.array(ranks % len(DEPARTMENTS))),
            "brand": pa.array(["National", "Private"]).take(pa.array((ranks % 4 == 0).astype(int))),
            "category": pc.binary_join_element_wise("K", _text(ranks % 120), ""),
        }
    )


def company_campaigns(industry_name: str) -> pa.Table:
    """The campaigns of an industry."""
    label, recipes = industry(industry_name)
    return pa.table(
        {
            "campaign_id": [r.campaign_id for r in recipes],
            "campaign_type": [label.en for _ in recipes],
            "starts_on": pa.array([r.starts_on for r in recipes]),
            "ends_on": pa.array([r.ends_on for r in recipes]),
        }
    )


def _members(rng: np.random.Generator, known: Identifiers, registered_at: Values) -> pa.Table:
    n = len(known.numbers)
    age = rng.integers(0, len(_AGES), n)
    tells = rng.random((3, n))
    homes = pa.array(["Homeowner", "Renter"]).take(pa.array(rng.integers(0, 2, n)))
    updated = registered_at + ((_END - registered_at) * rng.random(n) * 0.9).astype(np.int64)
    return pa.table(
        {
            "card_no": card_ids(known.numbers),
            "mobile": known.crm_phone,
            "mail": pc.if_else(pa.array(known.has_email), emails(known.numbers), None),
            "age_band": pc.if_else(pa.array(tells[0] < 0.7), pa.array(_AGES).take(pa.array(age)), None),
            "home": pc.if_else(pa.array(tells[1] < 0.4), homes, None),
            "updated_at": _moment(updated),
        }
    )


def _orders(
    rng: np.random.Generator, shard: int, known: Identifiers, bought: Any, answers: list[Answers]
) -> pa.Table:
    """Purchases of every day, and those that campaigns lead to or would have seen anyway."""
    first = known.numbers[0] if len(known.numbers) else 0
    acts = [(a.who[a.acts], a.at_us[a.acts], a.paid_cents[a.acts]) for a in answers]
    who = np.concatenate([bought["person_no"].astype(np.int64) - first, *(w for w, _, _ in acts)])
    at = np.concatenate([bought["occurred_at"], *(t for _, t, _ in acts)])
    paid = np.concatenate([bought["paid_amount"], *(p for _, _, p in acts)])
    more = len(who) - len(bought["item_id"])
    item = np.concatenate([bought["item_id"].astype(np.int64), rng.integers(0, ITEMS, more)])
    quantity = np.concatenate([bought["quantity"].astype(np.int64), np.ones(more, dtype=np.int64)])
    order = np.argsort(at, kind="stable")
    who, at, paid, item, quantity = (values[order] for values in (who, at, paid, item, quantity))
    n, u = len(who), rng.random((2, len(who)))
    in_store = u[0] < _IN_STORE
    # who has a second card uses it at the till now and then; nobody else's number is that high
    holders = pc.is_in(card_ids(known.numbers + _SECOND), known.bindings["card"].combine_chunks())
    second = in_store & np.asarray(holders)[who] & (u[1] < _SECOND_CARD_USE)
    cards = pa.concat_arrays([card_ids(known.numbers), card_ids(known.numbers + _SECOND)])
    stores = pa.array(["web", *(f"N{i:02d}" for i in range(60))])
    return pa.table(
        {
            "order_no": pc.binary_join_element_wise("S", _text(shard * 100_000_000 + np.arange(n)), ""),
            "card_no": cards.take(pa.array(who + second * len(known.numbers))),
            "sku": pa.array(item_ids()).take(pa.array(item)),
            "store": stores.take(pa.array(np.where(in_store, 1 + rng.integers(0, 60, n), 0))),
            "quantity": quantity,
            "paid_cents": paid,
            "ordered_at": _moment(at),
        }
    )


def _visits(rng: np.random.Generator, known: Identifiers, events: dict[str, Any]) -> pa.Table:
    """What people did, each under the identifier by which its channel knew the visitor."""
    first, n = (known.numbers[0] if len(known.numbers) else 0), len(known.numbers)
    pool = pa.concat_arrays(
        [
            card_ids(known.numbers),
            pc.binary_join_element_wise("open_id:", open_ids(known.numbers), ""),
            pc.binary_join_element_wise("device:", device_ids(known.numbers), ""),
        ]
    )
    parts, items = [], pa.array(item_ids())
    for name, columns in events.items():
        who = columns["person_no"].astype(np.int64) - first
        u = rng.random((2, len(who)))
        mini = known.has_open_id[who] & (u[0] < _IN_MINI_PROGRAM)
        out = ~mini & known.has_device[who] & (u[1] < _LOGGED_OUT)
        kind = np.where(mini, 1, np.where(out, 2, 0))
        parts.append(
            pa.table(
                {
                    "visitor": pool.take(pa.array(kind * n + who)),
                    "event": pa.repeat(name, len(who)),
                    "sku": items.take(pa.array(columns["item_id"].astype(np.int64)))
                    if "item_id" in columns
                    else pa.nulls(len(who), pa.string()),
                    "keyword": pa.array(list(KEYWORDS)).take(pa.array(columns["keyword"].astype(np.int64)))
                    if "keyword" in columns
                    else pa.nulls(len(who), pa.string()),
                    "channel": pa.array(["shop", "mini_program", "shop"]).take(pa.array(kind)),
                    "at": _moment(columns["occurred_at"]),
                }
            )
        )
    return pa.concat_tables(parts)


def _advertising(
    rng: np.random.Generator, known: Identifiers, activity: Values, registered_at: Values
) -> pa.Table:
    """Exposures of devices, and the clicks on some of them a moment later."""
    counts = rng.poisson(activity * _EXPOSURES / np.maximum(known.has_device.mean(), 0.01)) * known.has_device
    who = np.repeat(np.arange(len(activity)), counts)
    start = np.maximum(registered_at, _END - 365 * _DAY_US)[who]
    at = start + (rng.random(len(who)) * (_END - start)).astype(np.int64)
    order = np.argsort(at, kind="stable")
    who, at = who[order], at[order]
    clicked = rng.random(len(who)) < _CLICK_RATE
    campaign = rng.integers(0, 40, len(who))
    devices = device_ids(known.numbers)

    def rows(event: str, chosen: Values, later: Values) -> pa.Table:
        return pa.table(
            {
                "device": devices.take(pa.array(who[chosen])),
                "event": pa.repeat(event, len(chosen)),
                "creative": pc.binary_join_element_wise("A", _text(campaign[chosen]), ""),
                "at": _moment(np.minimum(at[chosen] + later, _END - 1)),
            }
        )

    clicks = np.flatnonzero(clicked)
    return pa.concat_tables(
        [
            rows("expose", np.arange(len(who)), np.zeros(len(who), dtype=np.int64)),
            rows("click", clicks, rng.integers(500_000, 60_000_000, len(clicks))),
        ]
    )


def _sends(known: Identifiers, answers: list[Answers]) -> pa.Table:
    """A row for everybody who was targeted: sent, or held out."""
    parts = []
    for a in answers:
        chosen = np.flatnonzero(a.is_targeted)
        out = a.is_holdout[chosen]
        parts.append(
            pa.table(
                {
                    "campaign_id": pa.repeat(a.recipe.campaign_id, len(chosen)),
                    "card_no": card_ids(known.numbers[a.who[chosen]]),
                    "channel": pa.repeat(a.recipe.channel, len(chosen)),
                    "status": pa.array(["sent", "not_sent"]).take(pa.array(out.astype(int))),
                    "reason": pc.if_else(pa.array(out), "holdout", None),
                    "sent_at": pc.if_else(pa.array(~out), _moment(a.sent_us[chosen]), None),
                    "delivered_at": pc.if_else(
                        pa.array(a.is_delivered[chosen]), _moment(a.sent_us[chosen] + 4_000_000), None
                    ),
                    "cost_cents": np.where(out, 0, a.recipe.cost_cents),
                }
            )
        )
    return pa.concat_tables(parts)


def _conversions(known: Identifiers, answers: list[Answers]) -> pa.Table:
    """Who of the targeted acted within the campaign."""
    parts = []
    for a in answers:
        chosen = np.flatnonzero(a.is_targeted & a.acts)
        days = (a.at_us[chosen] + 8 * 3_600_000_000) // _DAY_US
        parts.append(
            pa.table(
                {
                    "campaign_id": pa.repeat(a.recipe.campaign_id, len(chosen)),
                    "card_no": card_ids(known.numbers[a.who[chosen]]),
                    "on": pa.array(days.astype(np.int32), pa.date32()),
                    "paid_cents": a.paid_cents[chosen],
                }
            )
        )
    return pa.concat_tables(parts)


def _answers(known: Identifiers, answers: list[Answers]) -> pa.Table:
    """The truth of every campaign and everybody who could have been sent to."""
    return pa.concat_tables(
        [
            pa.table(
                {
                    "campaign_id": pa.repeat(a.recipe.campaign_id, len(a.who)),
                    "person_id": person_ids(known.numbers[a.who]),
                    **{name: getattr(a, name).astype(np.float32) for name in ("p0", "p1")},
                    **{
                        name: pa.array(getattr(a, name))
                        for name in ("y0", "y1", "is_targeted", "is_holdout", "is_delivered")
                    },
                }
            )
            for a in answers
        ]
    )


def _moment(at_us: Values) -> pa.Array:
    return pa.array(at_us, pa.timestamp("us", "UTC"))


def _text(numbers: Values) -> pa.Array:
    return pa.array(numbers).cast(pa.string())
