"""Random rows of campaigns of every origin, and their figures by plain loops over those rows.

It shares no code with `qa_lib.measure`: a row is a dictionary, a group is a set of send rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from qa_lib.tables import CAMPAIGNS, OUTCOMES, SENDS
from qa_lib.workspace import Snapshot, Workspace

ZONE = ZoneInfo("America/New_York")
NOTHING = "未记录 not recorded"
WORLDS = {"observed": [0], "replayed": [0], "simulated": [1, 2, 3, 4, 5]}
OWN = ("own-1", "own-2", "own-3")
KEYS = (
    "targeted", "sent", "reached", "reach_rate", "converters", "conversion_rate", "revenue", "gain",
    "message_cost", "offer_cost", "fixed_cost", "cost", "roas", "roi",
)  # fmt: skip
Row = dict[str, Any]
Figure = Decimal | float | int | None


def cents(number: int) -> Decimal:
    return Decimal(int(number)).scaleb(-2)


@dataclass
class Rows:
    """The three tables of one origin as lists of dictionaries, with everybody's age."""

    campaigns: list[Row]
    sends: list[Row]
    outcomes: list[Row]
    ages: dict[str, str]
    as_of: datetime
    origin: str

    def write(self, workspace: Workspace, snapshot: Snapshot) -> Snapshot:
        """The snapshot beside tables in which these rows stand instead of the earlier ones of the test."""
        versions = {}
        where = {"source": "test", "origin": self.origin}
        for table, rows in ((CAMPAIGNS, self.campaigns), (SENDS, self.sends), (OUTCOMES, self.outcomes)):
            full = [row | where for row in rows]
            batches = pa.Table.from_pylist(full, schema=table.arrow_schema()).to_batches()
            versions[table.name] = workspace.replace(table, batches, where=where)
        return snapshot.with_tables(versions)

    def begun(self) -> list[str]:
        return [
            c["campaign_id"]
            for c in self.campaigns
            if self.origin == "simulated" or datetime.combine(c["starts_on"], time(), ZONE) < self.as_of
        ]

    def is_known(self, moment: datetime | None) -> bool:
        return self.origin == "simulated" or moment is None or moment < self.as_of

    def is_over(self, day: date) -> bool:
        end = datetime.combine(day + timedelta(days=1), time(), ZONE)
        return self.origin == "simulated" or end <= self.as_of

    def has_left(self, send: Row) -> bool:
        return send["status"] == "sent" and self.is_known(send["sent_at"])

    def is_delivered(self, send: Row) -> bool:
        return send["delivered_at"] is not None and self.is_known(send["delivered_at"])

    def known_outcomes(self, campaign: str) -> list[Row]:
        return [o for o in self.outcomes if o["campaign_id"] == campaign and self.is_over(o["occurred_on"])]

    def figures(
        self, sends: list[Row], world: int, chosen: Iterable[str], *, by_channel: bool
    ) -> dict[str, Figure]:
        """Every metric of a group, given its send rows of all worlds."""
        ids = set(chosen)
        facts = [c for c in self.campaigns if c["campaign_id"] in ids]
        channels = {s["channel"] for s in sends}
        lacks: set[str] = set()
        for fact in facts:
            mine = [s for s in self.sends if s["campaign_id"] == fact["campaign_id"]]
            if by_channel:
                mine = [s for s in mine if s["channel"] in channels]
            done = self.known_outcomes(fact["campaign_id"])
            lacks |= {"receipts"} if not any(map(self.is_delivered, mine)) else set()
            lacks |= (
                {"message"} if any(self.has_left(s) and s["cost_amount"] is None for s in mine) else set()
            )
            lacks |= {"goal"} if fact["goal"] is None else set()
            lacks |= {"fixed"} if fact["fixed_cost_amount"] is None else set()
            lacks |= {"gain"} if fact["gain"] is None else set()
            for column in ("revenue", "gain", "cost"):
                lacks |= {column} if any(o[f"{column}_amount"] is None for o in done) else set()
        if len({f["gain"] for f in facts} - {None}) > 1:
            lacks |= {"gain"}
        here = [s for s in sends if s["world"] == world]
        pairs = {(s["campaign_id"], s["person_id"]) for s in here}
        left = {(s["campaign_id"], s["person_id"]) for s in here if self.has_left(s)}
        got = {(s["campaign_id"], s["person_id"]) for s in here if self.is_delivered(s)}
        done = [
            o
            for c in ids
            for o in self.known_outcomes(c)
            if o["world"] == world and (o["campaign_id"], o["person_id"]) in left | got
        ]
        paid: dict[tuple[str, date], Decimal] = {}
        gained: dict[tuple[str, date], Decimal] = {}
        for o in done:
            day = (o["person_id"], o["occurred_on"])
            paid[day] = o["revenue_amount"] or Decimal(0)
            gained[day] = max(gained.get(day, Decimal(-(10**9))), o["gain_amount"] or Decimal(0))
        fixed = Decimal("0.00")
        for fact in facts:
            everybody = {
                s["person_id"]
                for s in self.sends
                if s["campaign_id"] == fact["campaign_id"] and s["world"] == world
            }
            mine = {p for c, p in pairs if c == fact["campaign_id"]}
            whole = (fact["fixed_cost_amount"] or Decimal(0)) * len(mine) / max(1, len(everybody))
            fixed += whole.quantize(Decimal("0.01"), ROUND_HALF_EVEN)

        def unless(lacking: str, value: Any) -> Any:
            return None if lacks & set(lacking.split()) else value

        def people(some: Iterable[tuple[str, str]]) -> int:
            return len({p for _, p in some})

        converted = {(o["campaign_id"], o["person_id"]) for o in done}
        found: dict[str, Figure] = {
            "targeted": people(pairs),
            "sent": people(left),
            "reached": unless("receipts", people(got)),
            "converters": unless("goal", people(converted)),
            "revenue": unless("goal revenue", sum(paid.values(), Decimal("0.00"))),
            "gain": unless("goal gain", sum(gained.values(), Decimal("0.00"))),
            "message_cost": unless(
                "message", sum((s["cost_amount"] or 0 for s in here if self.has_left(s)), Decimal("0.00"))
            ),
            "offer_cost": unless("goal cost", sum((o["cost_amount"] or 0 for o in done), Decimal("0.00"))),
            "fixed_cost": unless("fixed", fixed),
        }
        reached = found["reached"]
        both = people(converted & got)
        found["reach_rate"] = None if not pairs or reached is None else reached / people(pairs)
        found["conversion_rate"] = unless("goal", both / reached if reached else None)
        cost = None
        if None not in (costs := [found[f"{part}_cost"] for part in ("message", "offer", "fixed")]):
            cost = sum(costs)  # type: ignore[arg-type]
        found["cost"] = cost
        for key, above in (("roas", found["revenue"]), ("roi", found["gain"])):
            rest = above - cost if key == "roi" and above is not None and cost is not None else above  # type: ignore[operator]
            found[key] = float(rest / cost) if cost and rest is not None else None  # type: ignore[operator]
        return found

    def groups(
        self, key: Callable[[Row], Any], chosen: Iterable[str], only: Callable[[Row], bool] = lambda s: True
    ) -> dict[Any, list[Row]]:
        """The send rows of the chosen campaigns that have begun, by group."""
        ids = set(chosen) & set(self.begun())
        out: dict[Any, list[Row]] = {}
        for send in self.sends:
            if send["campaign_id"] in ids and only(send):
                out.setdefault(key(send), []).append(send)
        return out

    def age(self, send: Row) -> str:
        return self.ages[send["person_id"]]


def draw(seed: int, origin: str, ages: dict[str, str], as_of: datetime) -> Rows:
    """Three campaigns: one over, one open, one to come; two share people; each lacks something else by seed."""
    rng = np.random.default_rng([seed, len(origin)])
    today = as_of.astimezone(ZONE).date()
    campaigns, sends, outcomes = [], [], []
    spent = {}
    for number, (first, last) in enumerate(((-20, -8), (-9, 6), (3, 9)), start=1):
        name = f"own-{number}"
        lack = rng.choice(["", "", "goal", "receipts", "cost", "fixed", "gain", "revenue", "offer"])
        campaigns.append(
            {
                "campaign_id": name,
                "campaign_type": "promotion" if number < 3 else "reminder",
                "starts_on": today + timedelta(days=first),
                "ends_on": today + timedelta(days=last),
                "goal": None if lack == "goal" else "bought",
                "gain": None
                if lack == "gain"
                else "margin"
                if seed % 3
                else str(rng.choice(["margin", "revenue"])),
                "fixed_cost_amount": None if lack == "fixed" else cents(rng.integers(0, 20_000)),
                "plan_hash": f"plan-{number}",
            }
        )
        people = sorted(rng.choice(sorted(ages), size=25, replace=False))
        channels = ["sms", "email", None]
        for person in people:
            rows = []
            for step in ("1", "2"):
                for channel in rng.choice(
                    np.array(channels, dtype=object), size=rng.integers(0, 3), replace=False
                ):
                    rows.append((step, channel))
            for step, channel in rows or [("1", "sms")]:
                status = str(
                    rng.choice(["sent", "sent", "sent", "sent", "queued", "failed", "unknown", "not_sent"])
                )
                day = datetime.combine(today + timedelta(days=int(rng.integers(first, last))), time(), ZONE)
                at = day.astimezone(UTC) + timedelta(minutes=int(rng.integers(0, 1440)))
                for world in WORLDS[origin]:
                    gone = (
                        status == "sent" and lack != "receipts" and channel != "email" and rng.random() < 0.7
                    )
                    sends.append(
                        {
                            "campaign_id": name,
                            "person_id": str(person),
                            "step": step,
                            "channel": channel,
                            "status": status,
                            "reason": "no_consent" if status == "not_sent" else None,
                            "sent_at": at if status == "sent" and person[-1] != "7" else None,
                            "delivered_at": at + timedelta(hours=2) if gone else None,
                            "cost_amount": cents(5)
                            if status == "sent" and not (lack == "cost" and person == people[0])
                            else None,
                            "world": world,
                        }
                    )
        if lack == "goal":
            continue
        for world in WORLDS[origin]:
            for person in (
                rng.choice(sorted(ages), size=10, replace=False).tolist() + people[: rng.integers(0, 9)]
            ):
                for ago in sorted(set(rng.integers(first, last + 2, size=rng.integers(1, 3)).tolist())):
                    day_of = today + timedelta(days=int(ago))
                    key = (person, day_of, world)
                    spent.setdefault(key, cents(rng.integers(1, 9_999)))
                    row = {
                        "campaign_id": name,
                        "person_id": str(person),
                        "outcome": "convert",
                        "coupon_id": None,
                        "occurred_on": day_of,
                        "revenue_amount": spent[key],
                        "gain_amount": cents(int(spent[key] * 100) * 3 // 10),
                        "cost_amount": cents(rng.integers(0, 300)),
                        "world": world,
                    }
                    if lack in ("revenue", "offer") and rng.random() < 0.3:
                        row["revenue_amount" if lack == "revenue" else "cost_amount"] = None
                    same = [
                        o
                        for o in outcomes
                        if all(o[c] == row[c] for c in ("campaign_id", "person_id", "occurred_on", "world"))
                    ]
                    if not same:
                        outcomes.append(row)
    return Rows(campaigns, sends, outcomes, ages, as_of, origin)


class Company(NamedTuple):
    """A workspace to write rows into, its snapshot, and the ages of some of its people."""

    workspace: Workspace
    snapshot: Snapshot
    ages: dict[str, str]


def drawn(company: Company, seed: int, origin: str) -> tuple[Rows, Snapshot]:
    """Random rows, and the snapshot beside them."""
    rows = draw(seed, origin, company.ages, company.snapshot.as_of)
    return rows, rows.write(company.workspace, company.snapshot)


def whole(company: Company, origin: str) -> tuple[Rows, Snapshot]:
    """Rows in which the first two campaigns recorded everything."""
    for seed in range(100, 300):
        rows = draw(seed, origin, company.ages, company.snapshot.as_of)
        sends = rows.groups(lambda s: 0, OWN[:2])[0]
        found = rows.figures(sends, WORLDS[origin][0], OWN[:2], by_channel=False)
        if all(found[key] is not None for key in KEYS):
            return rows, rows.write(company.workspace, company.snapshot)
    raise AssertionError("no seed records everything")
