"""The standard families: what a retailer asks of every kind of event, by its own properties and by time.

Attributes are what a person is known by: the first and the last, since when, how much in all. Tags are what
they do, in windows. They are declarations like an analyst's own; `write_standard` puts them into a workspace,
where a build finds them and analysts change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from qa_lib.errors import SpecError
from qa_lib.profiles.behaviour import CALENDAR, FOLDER, BehaviourFamily, FamilyMeasure, write_families
from qa_lib.profiles.scores import FOLDER as SCORE_FOLDER
from qa_lib.profiles.scores import standard_scores, write_scores
from qa_lib.rules import EventType
from qa_lib.rules.windows import Ever, Last
from qa_lib.workspace import Workspace

#: By these an event is split, the first that it has.
SPLITS = ("department", "channel", "keyword", "campaign_type")
#: The file of the standard families in a workspace.
FILE = "standard.yaml"
_DAYS = (7, 30, 90, 180, 365)
_LONG = (90, 365)
_AMOUNTS = ("paid_amount", "discount_amount", "quantity", "item_count")
#: Texts whose first, last and number of different values say something of a person; ids are only counted.
_TELLING = (
    "department",
    "category",
    "brand",
    "store_id",
    "campaign_id",
    "campaign_type",
    "channel",
    "keyword",
    "creative_id",
)
_COUNTED = ("item_id", *_TELLING)
_OWNER = "audience workbench"
_Kind = Literal["tag", "attribute"]


def standard_families(events: Iterable[EventType]) -> tuple[BehaviourFamily, ...]:
    """Families over these events.

    Attributes: since when, the first and the last, how much in all. Tags: how often, how much, how recent;
    which share, which first; at which times.
    """
    found: list[BehaviourFamily] = []
    for event in events:
        names = {p.name for p in event.properties}
        split = next((s for s in SPLITS if s in names), None)
        found.append(_family(event, "on record", "档案", None, None, _facts(names), kind="attribute"))
        if split:
            each = [FamilyMeasure(kind=k) for k in ("did", "count", "share", "first_on", "last_on")]
            each += [FamilyMeasure(kind="sum", property=p) for p in ("paid_amount",) if p in names]
            found.append(_family(event, "on record by", "分类档案", split, None, each, kind="attribute"))
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


def _facts(names: set[str]) -> list[FamilyMeasure]:
    kinds = ("count", "active_days", "days_since_first", "first_on", "last_on")
    found = [FamilyMeasure(kind=kind) for kind in kinds]
    found += [FamilyMeasure(kind="distinct", property=p) for p in _COUNTED if p in names]
    for prop in (p for p in _TELLING if p in names):
        found += [FamilyMeasure(kind="first", property=prop), FamilyMeasure(kind="last", property=prop)]
    for prop in (a for a in _AMOUNTS if a in names):
        found += [FamilyMeasure(kind=kind, property=prop) for kind in ("sum", "avg", "min", "max")]
    return found


def _family(
    event: EventType,
    en: str,
    zh: str,
    by: str | None,
    days: tuple[int, ...] | None,
    measures: list[FamilyMeasure],
    *,
    whole: bool = False,
    kind: _Kind = "tag",
) -> BehaviourFamily:
    return BehaviourFamily(
        name="_".join([event.name, *en.split()])[:40],
        label_zh=f"{event.label.zh}：{zh}",
        label_en=f"{event.label.en.capitalize()}: {en}" + (f" {by}" if kind == "attribute" and by else ""),
        event=event.name,
        by=by,
        top=12,
        whole=whole,
        windows=(Ever(),) if days is None else tuple(Last(n=n, unit="day") for n in days),
        measures=tuple(measures),
        kind=kind,
        owner=_OWNER,
    )


def write_standard(
    workspace: Workspace, events: Iterable[EventType], *, replace: bool = True
) -> tuple[Path, Path]:
    """Put the standard families and scores into a workspace; the next build computes them.

    Returns
    -------
    tuple of Path
        The file of the families and that of the scores.

    Raises
    ------
    SpecError
        When a file is there and is not to be replaced.
    """
    paths = workspace.root / FOLDER / FILE, workspace.root / SCORE_FOLDER / FILE
    for path in paths:
        if path.exists() and not replace:
            raise SpecError(
                f"{path} is there already. Change it there, or have it written anew with --replace; "
                "what was changed in it is lost then."
            )
    write_families(paths[0].parent, standard_families(events), file=FILE)
    write_scores(paths[1].parent, standard_scores(), file=FILE)
    return paths
