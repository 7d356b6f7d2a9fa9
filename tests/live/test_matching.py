"""Who enters and leaves a rule by the stream, against people that are matched anew after every micro-batch."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from live_helpers import AS_OF, RULES, copied, drain, keyed, made_event, opened

from qa_lib.errors import UnknownName, WorkspaceUnusable
from qa_lib.identity import Policy, add_links
from qa_lib.jobs.build import resolve_and_build
from qa_lib.live import LiveProfiles
from qa_lib.live.view import adopt
from qa_lib.rules import All, Any, Attribute, Event, Last, Not
from qa_lib.rules.matcher import ActiveRule, read_person
from qa_lib.rules.matcher.person import moment_of
from qa_lib.workspace import Workspace

#: Without tags of the stream and baskets, which the slow way does not know.
PLAIN = [r for r in RULES if r.name not in ("live tag", "recent", "visits", "large basket", "logs in")]


#: For which no log is kept.
QUIET = ActiveRule("quiet", Event("purchase", window=Last(30), operator="=", value=0))
BROWSED = ActiveRule("browsed", Event("browse", window=Last(60), operator=">=", value=1))
COUNTS = [QUIET, BROWSED, *(r for r in RULES if r.name in ("browsed not bought", "spent much lately"))]


@pytest.mark.parametrize("rules", [PLAIN, COUNTS], ids=["any", "counts"])
def test_changes_are_those_of_people_matched_anew(
    workspace: Workspace, tmp_path: Path, rules: list[ActiveRule]
) -> None:
    draw = random.Random(4)
    own = copied(workspace, tmp_path / "own", tags=False)
    stream = opened(own, rules=rules, most=10_000)
    assert stream.matching._cold.is_possible == (rules is COUNTS)
    view = stream.matching.view
    items = own.snapshot().frame("SELECT item_id, department, category, brand FROM items")
    known = {
        row["item_id"]: row for row in items.astype(object).where(items.notna(), None).to_dict("records")
    }
    people, names = {}, {}
    wanted = []
    for part in range(8):
        events = [made_event(draw, part * 60 + n, late_days=5, ahead_days=2) for n in range(60)]
        stream.log.append(keyed(events))
        drain(stream, (part + 1) * 60)
        now_us = stream.state.rows("SELECT clock_us FROM seam")[0][0]
        assert now_us >= max(datetime.fromisoformat(e["occurred_at"]) for e in events).timestamp() * 1e6
        after = {}
        for told in events:
            who = told["person_id"]
            if who not in people:
                try:
                    people[who] = read_person(own.snapshot(), who)
                except UnknownName:
                    people[who] = view.batch([who])[0]
                names[who] = view.matcher.match(people[who], moment_of(now_us)).names
            given = dict(told["properties"])
            unknown = dict.fromkeys(("department", "category", "brand"))
            item = known.get(given["item_id"], unknown) if "item_id" in given else {}
            if told["event"] == "purchase":
                given = dict(
                    view.properties(
                        "purchase",
                        {
                            **given,
                            "paid_amount": _cents(given["paid_amount"]),
                            "coupon_match_amount": _cents(given["coupon_match_amount"]),
                        },
                    )
                )
            at = datetime.fromisoformat(told["occurred_at"])
            people[who] = people[who].with_event(told["event"], at, {**given, **item})
            after[who] = people[who]
        for who, person in after.items():
            now = view.matcher.match(person, moment_of(now_us)).names
            wanted += [(who, rule, "enter", now_us) for rule in set(now) - set(names[who])]
            wanted += [(who, rule, "leave", now_us) for rule in set(names[who]) - set(now)]
            names[who] = now
    found = stream.state.rows("SELECT person_id, rule, change, as_of_us FROM match_changes")
    assert sorted(found) == sorted(wanted)
    assert {change for _, _, change, _ in found} == {"enter", "leave"}
    entered = {(w, r) for w, r, change, _ in wanted if change == "enter"}
    still = {(w, r) for w, r in entered if r in names[w]}
    assert set(stream.state.rows("SELECT person_id, rule FROM matches")) == still
    stream.consumer.close()
    stream.close()


def test_time_alone_is_seen_with_the_next_event(workspace: Workspace, tmp_path: Path) -> None:
    stream = opened(copied(workspace, tmp_path / "own", tags=False), rules=[QUIET, BROWSED])
    line = {"item_id": "A", "order_id": "o", "paid_amount": 5, "store_id": "1"}
    for number, (days, kind, properties) in enumerate(
        [(1, "purchase", line), (32, "browse", {"item_id": "A"})]
    ):
        at = (AS_OF + timedelta(days=days)).isoformat()
        told = {"event_id": f"t{number}", "event": kind, "person_id": "somebody", "occurred_at": at}
        stream.log.append(keyed([{**told, "properties": properties}]))
        drain(stream, number + 1)
    found = stream.state.rows("SELECT rule, change, event_id FROM match_changes ORDER BY change_no")
    assert found[0] == ("quiet", "leave", "t0")
    assert sorted(found[1:]) == [("browsed", "enter", "t1"), ("quiet", "enter", "t1")]
    assert stream.matching.counts.loaded == 2  # the record was over when the purchase left its window
    stream.consumer.close()
    stream.close()


def test_events_that_concern_no_rule_change_nothing(workspace: Workspace, tmp_path: Path) -> None:
    own = copied(workspace, tmp_path / "own", tags=False)
    never = ActiveRule("never", All(BROWSED.rule, Not(BROWSED.rule)))  # has no term
    line = {"item_id": "A", "order_id": "o", "paid_amount": 5, "store_id": "1"}
    for number, rules in enumerate([[BROWSED], [never]]):
        stream = opened(own, rules=rules)
        for part, (kind, properties) in enumerate([("purchase", line), ("browse", {"item_id": "A"})]):
            told = {"event": kind, "person_id": "somebody", "occurred_at": AS_OF.isoformat()}
            stream.log.append(keyed([{**told, "event_id": f"n{number}{part}", "properties": properties}]))
            drain(stream, part + 1)
            changes = [change for (change,) in stream.state.rows("SELECT change FROM match_changes")]
            # the rule that is active no longer is left with the event that brings the person to mind
            assert changes == ["enter", "leave"][: number + part]
        assert stream.matching.counts.admitted == 1
        stream.consumer.close()
        stream.close()


def test_a_rule_that_is_active_no_longer_is_left_with_the_next_event(
    workspace: Workspace, tmp_path: Path
) -> None:
    own = copied(workspace, tmp_path / "own", tags=False)
    for number, rules in enumerate([[BROWSED, QUIET], [QUIET]]):
        stream = opened(own, rules=rules)
        at = (AS_OF + timedelta(days=1, hours=number)).isoformat()
        told = {"event_id": f"r{number}", "event": "purchase", "person_id": "somebody", "occurred_at": at}
        line = {"item_id": "A", "order_id": "o", "paid_amount": 5, "store_id": "1"}
        kind = {"event": "browse", "properties": {"item_id": "A"}} if number == 0 else {"properties": line}
        stream.log.append(keyed([{**told, **kind}]))
        drain(stream, 1)
        stream.consumer.close()
        found = stream.state.rows("SELECT rule, change, event_id FROM match_changes ORDER BY change_no")
        stream.close()
    assert found == [("browsed", "enter", "r0"), ("quiet", "leave", "r1"), ("browsed", "leave", "r1")]


@pytest.mark.parametrize("needs_logs", [False, True])
def test_a_batch_that_is_not_kept_leaves_nothing_in_memory(
    workspace: Workspace, tmp_path: Path, needs_logs: bool
) -> None:
    thrice = ActiveRule("thrice", Event("browse", window=Last(60), operator=">=", value=3))
    rules = [thrice, *(r for r in RULES if needs_logs and r.name == "cart then purchase")]
    stream = opened(copied(workspace, tmp_path / "own", tags=False), rules=rules, most=5_000)
    assert stream.matching._follower.needs_person == needs_logs
    sent = 0

    def send(count: int) -> None:
        nonlocal sent
        told = {"event": "browse", "occurred_at": AS_OF.isoformat()}
        events = []
        for number in range(count):
            who = "somebody" if number == 0 else f"other {number}"
            properties = {"item_id": "A" if number == 0 else "long " * 30}
            events.append({**told, "event_id": f"b{sent}", "person_id": who, "properties": properties})
            sent += 1
        stream.log.append(keyed(events))

    send(1)
    drain(stream, sent)
    (used,) = stream.state._con.execute("PRAGMA page_count").fetchone()
    stream.state._con.execute(f"PRAGMA max_page_count = {used + 8}").fetchall()
    send(600)
    with pytest.raises(WorkspaceUnusable, match="disk is full"):
        drain(stream, sent)
    stream.state._con.execute("PRAGMA max_page_count = 1000000").fetchall()
    drain(stream, sent)
    assert stream.state.rows("SELECT count(*) FROM match_changes") == [(0,)]  # twice by now, not thrice
    send(1)
    drain(stream, sent)
    assert stream.state.rows("SELECT person_id, rule, event_id FROM match_changes") == [
        ("somebody", "thrice", f"b{sent - 1}")
    ]
    stream.consumer.close()
    stream.close()


def _cents(value: float) -> object:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def test_admission_drops_what_no_rule_concerns_and_the_profile_has_it_all_the_same(
    workspace: Workspace, tmp_path: Path
) -> None:
    own = copied(workspace, tmp_path / "own", tags=False)
    only_a = ActiveRule(
        "browsed A", Event("browse", where=All(Attribute("item_id", "=", "A")), operator=">=", value=1)
    )
    stream = opened(own, rules=[only_a])
    draw = random.Random(1)
    events = [made_event(draw, n, late_days=1, ahead_days=1) for n in range(200)]
    stream.log.append(keyed(events))
    drain(stream, 200)
    concerned = sum(e["event"] == "browse" and e["properties"]["item_id"] == "A" for e in events)
    assert concerned <= stream.matching.counts.admitted < 200 / 2
    who = next(e["person_id"] for e in events if e["event"] == "cart")
    profiles = LiveProfiles(own, rules=[only_a])
    now = profiles.lookup(who, AS_OF + timedelta(days=2))
    assert now.event_counts["cart"] == sum(e["person_id"] == who and e["event"] == "cart" for e in events)
    profiles.close()
    stream.consumer.close()
    stream.close()


def test_a_restart_makes_no_change_that_there_was_not(workspace: Workspace, tmp_path: Path) -> None:
    """The same events give the same matches, however the consumer is stopped and people are forgotten."""
    draw = random.Random(9)
    batches = [
        [made_event(draw, part * 30 + n, late_days=1, ahead_days=1) for n in range(30)] for part in range(6)
    ]
    ever = [
        ActiveRule("thrice", Event("browse", operator=">=", value=3)),
        ActiveRule(
            "both", All(Event("cart", operator=">=", value=1), Event("purchase", operator=">=", value=2))
        ),
        ActiveRule(
            "either",
            Any(
                Event("cart", where=All(Attribute("item_id", "=", "B")), operator=">=", value=1),
                Event("purchase", operator="=", value=0),
            ),
        ),
    ]
    found = []
    for restarts in (False, True):
        own = copied(workspace, tmp_path / f"own-{restarts}", tags=False)
        stream = opened(own, rules=ever)
        for part, events in enumerate(batches):
            stream.log.append(keyed(events))
            drain(stream, 30 if restarts else 30 * (part + 1))
            if restarts:
                stream.consumer.close()
                stream.close()
                stream = opened(own, rules=ever)
        found.append(
            (
                sorted(stream.state.rows("SELECT person_id, rule FROM matches")),
                sorted(stream.state.rows("SELECT person_id, rule, change FROM match_changes")),
            )
        )
        stream.consumer.close()
        stream.close()
    assert found[0] == found[1]
    assert found[0][0]


def test_a_merge_brings_live_events_together(workspace: Workspace, tmp_path: Path) -> None:
    """Events under two cards are one person's once a newer snapshot says so."""
    own = copied(workspace, tmp_path / "own", tags=False)
    rule = ActiveRule(
        "five", Event("browse", where=All(Attribute("item_id", "=", "ZZ")), operator=">=", value=5)
    )
    stream = opened(own, rules=[rule])
    events = [
        {
            "event_id": f"m{n}",
            "event": "browse",
            "person_id": ("1", "2")[n % 2],
            "occurred_at": (AS_OF + timedelta(hours=n + 1)).isoformat(),
            "properties": {"item_id": "ZZ"},
        }
        for n in range(5)
    ]
    stream.log.append(keyed(events[:4]))
    drain(stream, 4)
    assert stream.state.rows("SELECT * FROM matches") == []
    _one_phone_for_both(own)
    resolve_and_build(own, policy=Policy(single_kinds={"card": False}))
    adopt(own, stream.state)
    stream.log.append(keyed(events[4:]))
    drain(stream, 5)
    people = {p for (p,) in stream.state.rows("SELECT DISTINCT person_id FROM events")}
    assert len(people) == 1
    assert stream.state.rows("SELECT person_id, rule FROM matches") == [(people.pop(), "five")]
    profiles = LiveProfiles(own, rules=[rule])
    as_of = AS_OF + timedelta(days=1)
    one, other = (profiles.lookup(card, as_of) for card in ("1", "2"))
    assert (one.person_id, one.matches, one.event_counts) == (
        other.person_id,
        other.matches,
        other.event_counts,
    )
    assert profiles.lookup("card:1", as_of).event_counts == {"browse": 5}
    with pytest.raises(UnknownName, match="nobody-here"):
        profiles.lookup("nobody-here", as_of)
    profiles.close()
    stream.consumer.close()
    stream.close()


def _one_phone_for_both(own: Workspace) -> None:
    rows = pd.DataFrame(
        {
            "left_kind": ["card", "card"],
            "left_value": ["1", "2"],
            "right_kind": ["phone", "phone"],
            "right_value": ["+8613800000000"] * 2,
            "source": "crm",
            "observed_at": AS_OF - timedelta(days=30),
            "origin": "observed",
        }
    )
    assert add_links(own, rows, once="both").empty
