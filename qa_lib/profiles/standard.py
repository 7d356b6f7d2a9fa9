"""The standard families: what a retailer asks of every kind of event, by its own properties and by time.

They are declarations like an analyst's own; `write_standard` puts them into a workspace, where a build
finds them and analysts change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qa_lib.profiles.behaviour import CALENDAR, FOLDER, BehaviourFamily, FamilyMeasure, write_families
from qa_lib.rules import EventType
from qa_lib.rules.windows import Last
from qa_lib.workspace import Workspace

#: By these an event is split, the first that it has.
SPLITS = ("department", "channel", "keyword", "campaign_type")
_DAYS = (7, 30, 90, 180, 365)
_LONG = (90, 365)
_AMOUNTS = ("paid_amount", "discount_amount", "quantity", "item_count")
_OWNER = "audience workbench"


def standard_families(events: Iterable[EventType]) -> tuple[BehaviourFamily, ...]:
    """Families over these events: how often, how much, how recent; which share, which first; at which times."""
    found: list[BehaviourFamily] = []
    for event in events:
        names = {p.name for p in event.properties}
        split = next((s for s in SPLITS if s in names), None)
        measures = [
            FamilyMeasure(kind="count"),
            FamilyMeasure(kind="active_days"),
            FamilyMeasure(kind="days_since_last"),
        ]
        measures += [FamilyMeasure(kind="distinct", property="item_id")] if "item_id" in names else []
        for prop in (a for a in _AMOUNTS if a in names):
            measures += [FamilyMeasure(kind="sum", property=prop), FamilyMeasure(kind="avg", property=prop)]
        found.append(_family(event, "how much", "多少", split, _DAYS, measures, whole=True))
        shares = [FamilyMeasure(kind="share"), FamilyMeasure(kind="top")]
        if split:
            found.append(_family(event, "preference", "偏好", split, _LONG, shares))
        for name, (label, _) in CALENDAR.items():
            found.append(_family(event, f"by {label.en}", f"按{label.zh}", name, _LONG, shares))
    return tuple(found)


def _family(
    event: EventType,
    en: str,
    zh: str,
    by: str | None,
    days: tuple[int, ...],
    measures: list[FamilyMeasure],
    *,
    whole: bool = False,
) -> BehaviourFamily:
    return BehaviourFamily(
        name="_".join([event.name, *en.split()])[:40],
        label_zh=f"{event.label.zh}：{zh}",
        label_en=f"{event.label.en.capitalize()}: {en}",
        event=event.name,
        by=by,
        top=12,
        whole=whole,
        windows=tuple(Last(n=n, unit="day") for n in days),
        measures=tuple(measures),
        owner=_OWNER,
    )


def write_standard(workspace: Workspace, events: Iterable[EventType]) -> Path:
    """Put the standard families into a workspace; the next build computes them."""
    return write_families(workspace.root / FOLDER, standard_families(events))
