"""What the audience library shows, as JSON values: the shelf, one audience's versions, differences, combinations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any as AnyValue

import pandas as pd

from qa_lib.audiences import (
    ACTIVE,
    Audience,
    AudienceService,
    PeopleDiff,
    engine_of,
    sample,
    sample_fields,
)
from qa_lib.campaigns import planned_audiences
from qa_lib.errors import WorkbenchError
from qa_lib.rules import Bits
from qa_lib.tables import Label
from qa_lib.widgets.preview_parts import cell

#: Names, notes and tags are shown to this length; they are kept whole.
LONGEST = 400
#: Versions that are listed, newest first.
MOST_VERSIONS = 50
#: People of each side of a difference that are shown, with masked ids.
SAMPLE = 5
Row = dict[str, AnyValue]
#: Members of an audience's version that were counted, by name and number.
Sizes = Mapping[tuple[str, int], int]


def shelf_rows(service: AudienceService, sizes: Sizes) -> list[Row]:
    """Every saved audience, by folder and name.

    Parameters
    ----------
    sizes
        Counts at the service's snapshot that were not kept.

    Returns
    -------
    list of dict
        As `AudienceLibrary.list`, and `share` of everybody, `fresh` (`now`: counted at this snapshot; `older`;
        empty: not counted), `counted_as_of` where that is known, and `used_count`, how many other audiences
        and campaigns name it today.
    """
    used = _used_today(service)
    moments = {one.version: _iso(one.as_of) for one in service.workspace.snapshots()}
    here, people = service.snapshot, service.snapshot.people_count
    rows = []
    for row in service.library.list().to_dict("records"):
        name, active = row["name"], int(row["active"])
        count = None if pd.isna(row["count"]) else int(row["count"])
        kept_at = row["snapshot"] if count is not None else None
        if kept_at != here.version and (name, active) in sizes:
            count, kept_at = sizes[name, active], here.version
        fresh = "" if count is None else "now" if kept_at == here.version else "older"
        rows.append(
            {
                **{key: str(row[key])[:LONGEST] for key in ("author", "note", "folder", "saved_at")},
                "name": name,
                "newest": int(row["newest"]),
                "active": active,
                "tags": [tag[:LONGEST] for tag in row["tags"]],
                "count": count,
                "share": None if count is None or not people else count / people,
                "fresh": fresh,
                "counted_as_of": moments.get(kept_at or ""),
                "used_count": int(used.get(name, 0)),
            }
        )
    return rows


def opened_rows(service: AudienceService, name: str) -> Row:
    """One audience with its versions and where it is used.

    Returns
    -------
    dict
        `name`, `newest`, `active`, `description`, `versions` (newest first: `number`, `author`, `note`,
        `saved_at`, `restores`, `labels`, `sentence` in both languages), `more_versions` that are not listed,
        and `used_by`: `kind` (`audience` or `campaign`), `name`, `number` of the version that names it and
        `refers_to`.

    Raises
    ------
    UnknownName
        When no audience of that name is saved.
    """
    history = service.library.history(name)
    labels = service.library.labels(name)
    shown = []
    for row in history.head(MOST_VERSIONS).to_dict("records"):
        number = int(row["number"])
        shown.append(
            {
                "number": number,
                **{key: str(row[key])[:LONGEST] for key in ("author", "note")},
                "saved_at": _iso(row["saved_at"]),
                "restores": _whole(row["restores"]),
                "labels": list(row["labels"]),
                "sentence": sentence_of(service, service.library.get(name, number).audience),
            }
        )
    return {
        "name": name,
        "newest": int(history["number"].max()),
        "active": labels[ACTIVE],
        "description": service.library.get(name).audience.description[:LONGEST],
        "versions": shown,
        "more_versions": max(0, len(history) - MOST_VERSIONS),
        "used_by": _used_by(service, name),
    }


def newest_row(service: AudienceService, name: str) -> Row:
    """Who saved the newest version of an audience, when, and with which note."""
    found = service.library.get(name)
    row = {"name": found.name, "number": found.number, "author": found.author[:LONGEST]}
    return {**row, "note": found.note[:LONGEST], "saved_at": _iso(found.saved_at)}


def compared_rows(found: PeopleDiff) -> Row:
    """A difference in words and in people: counts, each change with whom it decided, and masked samples."""
    counts = found.to_dict()
    changes = [
        {
            "kind": row["kind"],
            "zh": row["label_zh"],
            "en": row["label_en"],
            "entering_count": row["entering_count"],
            "leaving_count": row["leaving_count"],
        }
        for row in found.by_change.to_dict("records")
    ]
    priority = found.diff.priority.to_dict() if found.diff.priority else None
    return {
        **{key: counts[key] for key in ("old_count", "new_count", "entering_count", "leaving_count")},
        "changes": changes,
        "priority": priority,
        "entering": _people(found, found.entering),
        "leaving": _people(found, found.leaving),
    }


def combination_rows(frame: pd.DataFrame) -> list[Row]:
    """The rows of `AudienceLibrary.upset`: the audiences of each exact combination, and how many people."""
    pairs = zip(frame["audiences"], frame["people_count"], strict=True)
    return [{"audiences": list(names), "people_count": int(people)} for names, people in pairs]


def sentence_of(service: AudienceService, audience: Audience) -> dict[str, str]:
    """What an audience says; where it names what is gone by now, that."""
    try:
        return service.sentence(audience).to_dict()
    except WorkbenchError as error:
        return Label(f"无法读出：{error}", str(error)).to_dict()


def _people(found: PeopleDiff, members: Bits) -> Row:
    fields = sample_fields(found.diff.new.rule)
    people = sample(found.snapshot, members, size=SAMPLE, fields=fields)
    known = engine_of(found.snapshot).catalogue
    heads = [Label("顾客", "Person"), *(known.field(name).label for name in people.columns[1:])]
    cells = [[cell(value).to_dict() for value in row] for row in people.itertuples(index=False)]
    return {"heads": [head.to_dict() for head in heads], "rows": cells}


def _used_today(service: AudienceService) -> Mapping[str, int]:
    named = service.library.uses()
    named = named[named["is_active"] | named["is_newest"]][["audience", "name"]]
    planned = planned_audiences(service.workspace)
    campaigns = planned[["audience", "campaign_name"]].set_axis(["audience", "name"], axis=1)
    both = pd.concat([named.assign(kind="audience"), campaigns.assign(kind="campaign")])
    return {str(name): int(n) for name, n in both.drop_duplicates().groupby("audience").size().items()}


def _used_by(service: AudienceService, name: str) -> list[Row]:
    named = service.library.used_by(name)
    named = named[named["is_active"] | named["is_newest"]]
    rows = [
        {
            "kind": "audience",
            "name": str(row["name"]),
            "number": int(row["number"]),
            "refers_to": _whole(row["refers_to"]),
        }
        for row in named.to_dict("records")
    ]
    planned = planned_audiences(service.workspace)
    for row in planned[planned["audience"] == name].to_dict("records"):
        used = {"kind": "campaign", "name": row["campaign_name"], "number": None}
        rows.append({**used, "refers_to": _whole(row["refers_to"])})
    return rows


def _iso(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _whole(value: AnyValue) -> int | None:
    return None if pd.isna(value) else int(value)
