"""The parts of a live preview: each is one answer of `AudienceService` (or of `reach`), as JSON values.

A frame travels as `rows`, one object per row with the frame's columns; what is missing in it is null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any as AnyValue

import numpy as np
import pandas as pd

from qa_lib.audiences import AudienceService, masked, person_ids, sampled
from qa_lib.audiences.differing import LEAST_PEOPLE
from qa_lib.audiences.seen import value_words
from qa_lib.charts.format import format_value
from qa_lib.errors import AsOfOutside
from qa_lib.rules import Evaluation
from qa_lib.tables import ADDRESSES, Label

#: How many people the sample shows, and how many tags that differ.
SAMPLE_SIZE = 10
TAGS_SHOWN = 12
#: Past moments at which a rule of dated events alone is counted: so many, so many days apart.
MOMENTS, DAYS_APART = 12, 30


@dataclass(frozen=True)
class Asked:
    """What a part answers for: a rule with its people, the field to compare by, the person to explain.

    `row` is the person's place in the sample, when they were chosen there: then their id stays masked.
    """

    service: AudienceService
    found: Evaluation
    by: str
    person: str = ""
    row: int | None = None


def cuts(asked: Asked) -> dict[str, AnyValue]:
    """What each part of the rule does to the size; `AudienceService.explain_count`."""
    return {"rows": json_rows(asked.service.explain_count(asked.found.rule))}


def reached(asked: Asked) -> dict[str, AnyValue]:
    """How many can be reached by which channel; `qa_lib.campaigns.reach`.

    `has_addresses` says whether any address was ever landed.
    """
    # a screen does not wait for the libraries behind them before its first figure
    from qa_lib.campaigns import reach, read_addresses
    from qa_lib.identity import former_ids, read_resolution

    service = asked.service
    people = person_ids(service.snapshot, asked.found.members[()]).tolist()
    known = former_ids(read_resolution(service.workspace).as_of(service.snapshot.as_of))
    frame = reach(service.workspace, people, addresses=read_addresses(service.workspace), former_ids=known)
    return {"rows": json_rows(frame), "has_addresses": service.workspace.store.exists(ADDRESSES.name)}


def compared(asked: Asked) -> dict[str, AnyValue]:
    """The audience against everybody by one field; `AudienceService.breakdown`."""
    return {"by": asked.by, "rows": json_rows(asked.service.breakdown(asked.found.rule, [asked.by]))}


def differing(asked: Asked) -> dict[str, AnyValue]:
    """The tags that differ most; `AudienceService.top_differing`."""
    inside, outside = asked.found.count, asked.found.universe - asked.found.count
    if min(inside, outside) < LEAST_PEOPLE:
        words = Label(
            f"比较标签时，人群内外各至少要有 {LEAST_PEOPLE} 人：现在人群内 {inside:,} 人，人群外 {outside:,} 人。请放宽或收紧规则。",
            f"To compare tags, at least {LEAST_PEOPLE} people are needed both in the audience and outside it: there "
            f"are {inside:,} in it and {outside:,} outside. Widen or narrow the rule.",
        )
        return {"error": words.to_dict()}
    return {"rows": json_rows(asked.service.top_differing(asked.found.rule, TAGS_SHOWN))}


def over_time(asked: Asked) -> dict[str, AnyValue]:
    """The size at past moments; `AudienceService.over_time`.

    A rule of dated events is counted every 30 days too, one that names tags at the moments of snapshots only:
    `is_dated` says which.
    """
    service, rule = asked.service, asked.found.rule
    built = {p.as_of for p in service.workspace.snapshots()}
    try:
        frame = service.over_time(rule, sorted(built | set(_moments(service.snapshot.as_of))))
        return {"rows": json_rows(frame[frame["universe"] > 0]), "is_dated": True}
    except AsOfOutside:
        return {"rows": json_rows(service.over_time(rule)), "is_dated": False}


def sample(asked: Asked) -> dict[str, AnyValue]:
    """A few masked people; `AudienceService.sample`, each cell as it is read."""
    frame = asked.service.sample(asked.found.rule, SAMPLE_SIZE)
    known = asked.service.catalogue
    columns = [{"name": name, **known.field(name).label.to_dict()} for name in frame.columns[1:]]
    rows = [
        {"person": row[0], "cells": [cell(value).to_dict() for value in row[1:]]}
        for row in frame.itertuples(index=False)
    ]
    return {"columns": columns, "rows": rows}


def sample_ids(asked: Asked) -> list[str]:
    """The ids of the sample's people, in its order; they never travel to the browser."""
    snapshot = asked.service.snapshot
    numbers = [int(n) for n in sampled(asked.found.members[()], SAMPLE_SIZE)]
    frame = snapshot.frame(
        "SELECT person_id FROM people WHERE person_no IN (SELECT unnest($numbers)) ORDER BY person_no",
        {"numbers": numbers},
    )
    return [str(one) for one in frame["person_id"]]


def why(asked: Asked) -> dict[str, AnyValue]:
    """Why one person is in the audience or not, with the event rows; `AudienceService.explain`.

    Each event has its `properties` as a list: `label` in both languages and `words`, how the value reads.
    """
    service = asked.service
    person = service.snapshot.person_of(asked.person)
    told = service.explain(asked.found.rule, person).to_dict()
    for node in told["nodes"]:
        for event in node["events"]:
            kind = service.catalogue.event(event["event"])
            event["properties"] = [
                {
                    "name": name,
                    "label": kind.property(name).label.to_dict(),
                    "words": value_words(value).to_dict(),
                }
                for name, value in event["properties"].items()
                if value is not None
            ]
    shown = asked.person if asked.row is None else masked(person)
    return {**told, "person_id": shown, "row": asked.row, "zone": service.snapshot.zone.key}


#: What answers each part.
PARTS: Mapping[str, Callable[[Asked], dict[str, AnyValue]]] = MappingProxyType(
    {
        "cuts": cuts,
        "reach": reached,
        "breakdown": compared,
        "differing": differing,
        "over_time": over_time,
        "sample": sample,
        "why": why,
    }
)
#: What is on screen together: the parts of each tab.
TABS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cuts": ("cuts",),
        "reach": ("reach",),
        "breakdown": ("breakdown",),
        "differing": ("differing",),
        "over_time": ("over_time",),
        "people": ("sample", "why"),
    }
)


def json_rows(frame: pd.DataFrame) -> list[dict[str, AnyValue]]:
    """The rows of a frame as JSON values; moments in UTC, what is missing or not finite as None."""
    return [{str(name): json_value(value) for name, value in row.items()} for row in frame.to_dict("records")]


def json_value(value: AnyValue) -> AnyValue:
    """One value of a frame as JSON has it."""
    if isinstance(value, np.ndarray | list):
        return [json_value(one) for one in value]
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def cell(value: AnyValue) -> Label:
    """A value of a sample as people read it."""
    if isinstance(value, bool | np.bool_):
        return Label("是", "yes") if value else Label("否", "no")
    if isinstance(value, float):
        words = format_value(value, "count" if value.is_integer() else "number")
    elif isinstance(value, datetime) and value is not pd.NaT:
        words = f"{value:%Y-%m-%d}"
    elif isinstance(value, list | np.ndarray):
        return Label("、".join(map(str, value)), ", ".join(map(str, value)))
    else:
        words = "—" if value is None or value is pd.NA or value is pd.NaT else str(value)
    return Label(words, words)


def _moments(as_of: datetime) -> list[datetime]:
    return [as_of - timedelta(days=DAYS_APART * n) for n in range(MOMENTS)]
