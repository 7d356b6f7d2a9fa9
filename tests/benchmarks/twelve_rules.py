"""The twelve rules of the benchmarks: ours, by hand as DuckDB SQL, and over frames."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any as AnyValue

from qa_lib.rules import All, Any, Attribute, Event, Last, Not, Rule, Sum, Tag
from qa_lib.rules.journeys import Duration, Sequence, Step
from qa_lib.sources.synthetic import AS_OF
from qa_lib.sources.synthetic_words import TAGS

ITEM = "I00020"
CITIES = ("上海", "北京", "广州")
#: Fourteen boolean tags, from rare to frequent and of every pattern.
FOURTEEN = tuple(TAGS[i][0] for i in range(3, 900, 66))
VIP_TAG = TAGS[40][0]
USED_TAGS = tuple(dict.fromkeys((*FOURTEEN, VIP_TAG)))


def did(event: str, days: int, *, at_least: int = 1, item: str | None = None) -> Event:
    where = All(Attribute("item_id", "=", item)) if item else None
    return Event(event, where=where, window=Last(days), operator=">=", value=at_least)


def never(event: str, days: int) -> Event:
    return Event(event, window=Last(days), operator="=", value=0)


def total(days: int, more_than: int) -> Event:
    return Event("purchase", window=Last(days), measure=Sum("paid_amount"), operator=">", value=more_than)


def has(name: str) -> Tag:
    return Tag(name, "=", True)


R2 = All(
    Attribute("age", "between", [25, 45]),
    Attribute("city", "in", CITIES),
    Attribute("income_amount", ">", 100_000),
)
R3 = Any(
    All(*map(has, FOURTEEN[:2]), Attribute("age", ">", 30)),
    All(has(FOURTEEN[2]), Any(has(FOURTEEN[3]), has(FOURTEEN[4])), Attribute("points_balance", ">", 50)),
    All(
        Not(has(FOURTEEN[5])),
        Any(*map(has, FOURTEEN[6:9]), Attribute("coupon_count", ">=", 2)),
        Any(has(FOURTEEN[9]), has(FOURTEEN[10]), Attribute("city", "in", CITIES)),
        Not(Any(has(FOURTEEN[11]), All(has(FOURTEEN[12]), has(FOURTEEN[13])))),
        Attribute("household_size", ">=", 3),
        Attribute("device_count", "<=", 3),
    ),
)
R6, R9 = total(90, 1000), All(did("cart", 7), never("purchase", 7))
R8 = All(never("purchase", 180), Attribute("registered_on", "before", "2025-12-03"))

RULES: dict[str, Rule] = {
    "R1": Attribute("age", ">", 30),
    "R2": R2,
    "R3": R3,
    "R4": did("browse", 30, item=ITEM),
    "R5": All(
        did("browse", 30, item=ITEM), never("purchase", 30), Attribute("average_order_value", ">", 500)
    ),
    "R6": R6,
    "R7": did("browse", 7, at_least=3),
    "R8": R8,
    "R9": R9,
    "R10": Sequence((Step("cart"), Step("purchase", within=Duration(7, "day"))), window=Last(90)),
    "R11": All(Any(R2, R9), Not(R6)),
    "R12": All(
        Attribute("is_vip", "=", True),
        has(VIP_TAG),
        Any(did("browse", 30, at_least=2), total(90, 500)),
        Not(R8),
    ),
}


def _since(days: int) -> str:
    return f"occurred_at >= TIMESTAMPTZ '{AS_OF - timedelta(days=days)}'"


def in_events(event: str, days: int, more: str = "", having: str = "") -> str:
    group = f" GROUP BY person_no HAVING {having}" if having else ""
    return f"person_no IN (SELECT person_no FROM event_{event} WHERE {_since(days)}{more}{group})"


_T = [f'"{name}"' for name in FOURTEEN]
_S2 = f"(age BETWEEN 25 AND 45 AND city IN {CITIES} AND income_amount > 100000)"
_S3 = f"""(({_T[0]} AND {_T[1]} AND age > 30)
 OR ({_T[2]} AND ({_T[3]} OR {_T[4]}) AND points_balance > 50)
 OR (NOT {_T[5]} AND ({_T[6]} OR {_T[7]} OR {_T[8]} OR coupon_count >= 2)
     AND ({_T[9]} OR {_T[10]} OR city IN {CITIES})
     AND NOT ({_T[11]} OR ({_T[12]} AND {_T[13]})) AND household_size >= 3 AND device_count <= 3))"""
_S6 = in_events("purchase", 90, having="sum(paid_amount) > 1000")
_S8 = f"(NOT {in_events('purchase', 180)} AND registered_on < DATE '2025-12-03')"
_S9 = f"({in_events('cart', 7)} AND NOT {in_events('purchase', 7)})"
_ITEM = f" AND item_id = '{ITEM}'"

_PEOPLE = {
    "R1": "age > 30",
    "R2": _S2,
    "R3": _S3,
    "R5": f"{in_events('browse', 30, _ITEM)} AND NOT {in_events('purchase', 30)} AND average_order_value > 500",
    "R8": _S8,
    "R9": _S9,
    "R11": f"({_S2} OR {_S9}) AND NOT {_S6}",
    "R12": f'is_vip AND "{VIP_TAG}" AND ({in_events("browse", 30, having="count(*) >= 2")} OR '
    f"{in_events('purchase', 90, having='sum(paid_amount) > 500')}) AND NOT {_S8}",
}


def _groups(event: str, days: int, having: str) -> str:
    return (
        f"SELECT count(*) FROM (SELECT person_no FROM event_{event} WHERE {_since(days)} "
        f"GROUP BY person_no HAVING {having})"
    )


#: Each rule as an analyst who knows DuckDB would write it, over `person` (one native column per field).
SQL: dict[str, str] = {
    **{name: f"SELECT count(*) FROM person WHERE {where}" for name, where in _PEOPLE.items()},
    "R4": f"SELECT count(DISTINCT person_no) FROM event_browse WHERE {_since(30)}{_ITEM}",
    "R6": _groups("purchase", 90, "sum(paid_amount) > 1000"),
    "R7": _groups("browse", 7, "count(*) >= 3"),
    # the last cart before each purchase is the nearest one
    "R10": f"""
        SELECT count(DISTINCT p.person_no)
        FROM (SELECT person_no, occurred_at AS bought_at FROM event_purchase WHERE {_since(90)}) p
        ASOF JOIN (SELECT person_no, occurred_at AS carted_at FROM event_cart WHERE {_since(90)}) c
        ON p.person_no = c.person_no AND p.bought_at > c.carted_at
        WHERE p.bought_at <= c.carted_at + INTERVAL 7 DAY""",
}


def over_frames(p: AnyValue) -> dict[str, AnyValue]:
    """Each rule but R10 as a function over a peer's frames: `p` gives masks and columns over people."""

    def r2() -> AnyValue:
        return p.between("age", 25, 45) & p.among("city", CITIES) & (p.field("income_amount") > 100_000)

    def r3() -> AnyValue:
        t = [p.field(name) for name in FOURTEEN]
        city = p.among("city", CITIES)
        return (
            (t[0] & t[1] & (p.field("age") > 30))
            | (t[2] & (t[3] | t[4]) & (p.field("points_balance") > 50))
            | (
                ~t[5]
                & (t[6] | t[7] | t[8] | (p.field("coupon_count") >= 2))
                & (t[9] | t[10] | city)
                & ~(t[11] | (t[12] & t[13]))
                & (p.field("household_size") >= 3)
                & (p.field("device_count") <= 3)
            )
        )

    def r8() -> AnyValue:
        return ~p.did("purchase", 180) & (p.field("registered_on") < p.day(date(2025, 12, 3)))

    def r9() -> AnyValue:
        return p.did("cart", 7) & ~p.did("purchase", 7)

    return {
        "R1": lambda: p.field("age") > 30,
        "R2": r2,
        "R3": r3,
        "R4": lambda: p.did("browse", 30, ITEM),
        "R5": lambda: (
            p.did("browse", 30, ITEM) & ~p.did("purchase", 30) & (p.field("average_order_value") > 500)
        ),
        "R6": lambda: p.total("purchase", 90) > 1000,
        "R7": lambda: p.count("browse", 7) >= 3,
        "R8": r8,
        "R9": r9,
        "R11": lambda: (r2() | r9()) & ~(p.total("purchase", 90) > 1000),
        "R12": lambda: (
            p.field("is_vip")
            & p.field(VIP_TAG)
            & ((p.count("browse", 30) >= 2) | (p.total("purchase", 90) > 500))
            & ~r8()
        ),
    }
