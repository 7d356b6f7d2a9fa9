"""What the tests of the live stream share: a copy of the company, tags for the stream, rules, random events."""

from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from qa_lib.live import LiveStream
from qa_lib.rules import All, Attribute, Event, Last, Sequence, Step, Sum, Tag
from qa_lib.rules.matcher import ActiveRule
from qa_lib.sources.stream import SqliteLog
from qa_lib.workspace import Workspace

#: The end of the company's data, at which its snapshot is built.
AS_OF = datetime(2018, 1, 1, 5, tzinfo=UTC)
ITEMS = ["A", "B", "C", "I030", "not in the master"]

#: Kinds of which the company itself has no rows: every event of them comes by the stream.
NEWER = ["search", "favourite", "login", "share", "expose", "click"]

TAGS = """
- {name: browse_count_30d, event: browse, window: {kind: last, n: 30, unit: day}, measure: {kind: count}}
- {name: spent_90d, event: purchase, window: {kind: last, n: 90, unit: day}, measure: {kind: sum, property: paid_amount}}
- {name: days_since_purchase, event: purchase, window: {kind: ever}, measure: {kind: days_since_last}}
- {name: item_count, event: browse, window: {kind: ever}, measure: {kind: distinct, property: item_id}}
- {name: visit_count_60d, event: visit, window: {kind: last, n: 60, unit: day}, measure: {kind: count}}
- {name: grocery_days, event: purchase, window: {kind: ever}, measure: {kind: active_days},
   where: {kind: all, of: [{kind: attribute, field: department, operator: "=", value: GROCERY}]}}
- {name: search_count_30d, event: search, window: {kind: last, n: 30, unit: day}, measure: {kind: count}}
- {name: keyword_count, event: search, window: {kind: ever}, measure: {kind: distinct, property: keyword}}
- {name: favourite_count, event: favourite, window: {kind: ever}, measure: {kind: distinct, property: item_id}}
- {name: login_days_60d, event: login, window: {kind: last, n: 60, unit: day}, measure: {kind: active_days}}
- {name: days_since_share, event: share, window: {kind: ever}, measure: {kind: days_since_last}}
- {name: expose_count_30d, event: expose, window: {kind: last, n: 30, unit: day}, measure: {kind: count}}
- {name: clicked_count, event: click, window: {kind: ever}, measure: {kind: distinct, property: creative_id}}
"""
TAG_NAMES = [line.split("name: ")[1].split(",")[0] for line in TAGS.splitlines() if "name: " in line]

RULES = [
    ActiveRule(
        "browsed not bought",
        All(
            Event("browse", where=All(Attribute("item_id", "=", "A")), window=Last(30)),
            Event(
                "purchase", where=All(Attribute("item_id", "=", "A")), window=Last(30), operator="=", value=0
            ),
        ),
    ),
    ActiveRule(
        "spent much lately",
        Event("purchase", window=Last(14), measure=Sum("paid_amount"), operator=">", value=60),
    ),
    ActiveRule("visits", Event("visit", window=Last(10), operator=">=", value=2)),
    ActiveRule(
        "large basket",
        Event("visit", where=All(Attribute("item_count", ">=", 2)), window=Last(5), operator=">=", value=1),
    ),
    ActiveRule("live tag", All(Tag("browse_count_30d", ">=", 3), Attribute("age_band", "is set"))),
    ActiveRule("recent", Tag("days_since_purchase", "<", 3)),
    ActiveRule("cart then purchase", Sequence((Step("cart"), Step("purchase")), window=Last(20))),
    ActiveRule(
        "private label",
        Event(
            "browse", where=All(Attribute("brand", "=", "Private")), window=Last(30), operator=">=", value=2
        ),
    ),
    ActiveRule(
        "searched for tea", Event("search", where=All(Attribute("keyword", "=", "tea")), window=Last(20))
    ),
    ActiveRule("shared a favourite", Sequence((Step("favourite"), Step("share")), window=Last(30))),
    ActiveRule("logs in", All(Tag("login_days_60d", ">=", 2), Event("login", window=Last(7)))),
    ActiveRule(
        "shown, not clicked",
        All(Event("expose", window=Last(10)), Event("click", window=Last(10), operator="=", value=0)),
    ),
]


def copied(workspace: Workspace, folder: Path, *, tags: bool = True) -> Workspace:
    """A workspace of the test's own with the company in it, and tags that are marked for the stream."""
    import yaml

    shutil.copytree(workspace.root, folder, ignore=shutil.ignore_patterns("*.lock", "stream*.db*"))
    if tags:
        (folder / "tags").mkdir(exist_ok=True)
        for tag in yaml.safe_load(TAGS):
            told = {**tag, "label_zh": tag["name"], "label_en": tag["name"], "refresh": "stream"}
            (folder / "tags" / f"{tag['name']}.yaml").write_text(yaml.safe_dump(told))
    return Workspace.open(folder)


def made_event(draw: random.Random, number: int, *, late_days: float, ahead_days: float) -> dict[str, Any]:
    """An event around the end of the data; some of one order lie in one moment, some people are new."""
    at = AS_OF + timedelta(seconds=draw.randrange(int(-late_days * 86_400), int(ahead_days * 86_400)))
    who = draw.choice([str(draw.randint(1, 60)), str(draw.randint(1, 500)), f"new-{draw.randint(1, 15)}"])
    kind = draw.choice(["browse", "browse", "cart", "purchase", "purchase", *NEWER])
    item = {"item_id": draw.choice(ITEMS)}
    channel = {"channel": draw.choice(["shop", "mini_program"])} if draw.random() < 0.7 else {}
    creative = {"creative_id": f"ad{draw.randint(1, 3)}"}
    properties: dict[str, Any] = {
        "search": {"keyword": draw.choice(["tea", "milk tea", "coffee"]), **channel},
        "login": channel,
        "favourite": item | channel,
        "share": item | channel,
        "expose": creative,
        "click": creative,
    }.get(kind, item)
    if kind == "purchase":
        properties |= {"order_id": f"s{number}", "store_id": "305", "quantity": draw.randint(1, 3)}
        properties |= {
            "paid_amount": round(draw.uniform(0, 50), 2),
            "coupon_match_amount": draw.choice([0, 0.5]),
        }
    return {
        "event_id": f"e{number}",
        "event": kind,
        "person_id": who,
        "occurred_at": at.isoformat(),
        "properties": properties,
    }


def keyed(events: list[dict[str, Any]]) -> list[tuple[str, bytes]]:
    return [(e["person_id"], json.dumps(e).encode()) for e in events]


def opened(workspace: Workspace, **more: Any) -> LiveStream:
    """The stream of a workspace on its embedded log, for replays."""
    given = {"rules": RULES, "clock": "events", "most": 200, **more}
    return LiveStream(workspace, SqliteLog(workspace.root, partitions=3), **given)


def drain(stream: LiveStream, count: int) -> None:
    while stream.consumer.total.read < count:
        stream.consumer.step(0.05)
