"""The frames behind the screen of one person: tags, events, messages, identifiers, audiences and why."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from qa_lib.audiences import ACTIVE, AudienceService, Explanation
from qa_lib.errors import UnknownName, WorkbenchError
from qa_lib.identity import kind, normalise
from qa_lib.profiles import PersonLookup, catalogue
from qa_lib.rules import EventType
from qa_lib.tables import IDENTITIES, SENDS
from qa_lib.workspace import Snapshot, Workspace, quoted

#: How many of the newest events of one kind are read for the list.
NEWEST = 40
#: How many people are offered as examples.
EXAMPLES = 8


class PersonFigures:
    """What a workspace's current snapshot knows of one person; nothing is read before it is asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self.service = AudienceService(workspace)
        self.snapshot: Snapshot = self.service.snapshot
        self._live = workspace.live_snapshot()
        self._lookup = PersonLookup(self.snapshot)
        self._types = {e.name: e for e in catalogue(self.snapshot).events if self._is_there(e)}
        self._specs = [(e["spec"], e["group"]) for e in self.snapshot.meta["tags"]]
        if self.snapshot.people_count:
            self._lookup.values_at(
                0
            )  # the first reading finds every column's place: not part of a person's time

    def _is_there(self, event: EventType) -> bool:
        tables = self.snapshot.cursor().execute(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name = $name", {"name": event.table}
        )
        return bool(tables.fetchall()[0][0])

    @property
    def events_by_name(self) -> Mapping[str, EventType]:
        """The kinds of events that the snapshot has."""
        return self._types

    # -- who -----------------------------------------------------------------------------------

    def find(self, text: str) -> int:
        """The number of the person with an id, or with an identifier written as `kind:value`.

        Raises
        ------
        UnknownName
            When nobody has it at the snapshot's moment.
        """
        asked = text.strip()
        name, colon, value = asked.partition(":")
        if not colon or IDENTITIES.name not in self.snapshot.table_versions:
            return self._lookup.number(asked)
        found = self.snapshot.frame(
            "SELECT person_id FROM identities WHERE kind = $kind AND value = $value AND since_at <= $at "
            "AND (until_at IS NULL OR until_at > $at)",
            {"kind": kind(name).name, "value": normalise(name, value), "at": self.snapshot.as_of},
        )
        if found.empty:
            raise UnknownName(f"The {name} is nobody's as of {self.snapshot.as_of.isoformat()}.")
        return self._lookup.number(str(found["person_id"].iloc[0]))

    def person_id(self, number: int) -> str:
        """The id of a person number."""
        rows = self.snapshot.cursor().execute(
            "SELECT person_id FROM people WHERE person_no = $n", {"n": number}
        )
        return str(rows.fetchall()[0][0])

    def examples(self) -> list[int]:
        """A few people, spread evenly."""
        count = self.snapshot.people_count
        return (
            np.unique(np.linspace(0, count - 1, min(EXAMPLES, count)).astype(int)).tolist() if count else []
        )

    def first_seen_at(self, number: int) -> datetime | None:
        """When the person was first seen; None where only undated records know them."""
        rows = self.snapshot.cursor().execute(
            "SELECT first_seen_at FROM people WHERE person_no = $n", {"n": number}
        )
        found = rows.fetchall()[0][0]
        return found if found is None else pd.Timestamp(found).to_pydatetime()

    # -- tags ----------------------------------------------------------------------------------

    def profile(self, number: int) -> tuple[pd.DataFrame, float]:
        """Every tag of a person, and the milliseconds that reading took.

        Returns
        -------
        profile : pandas.DataFrame
            `name`, `label_zh`, `label_en`, `group_zh`, `group_en`, `value`, `unit`, `window`, in the
            catalogue's order.
        milliseconds
        """
        started = time.perf_counter()
        values = self._lookup.values_at(number)
        elapsed = (time.perf_counter() - started) * 1_000
        rows = [
            {
                "name": spec["name"],
                "label_zh": spec["label_zh"],
                "label_en": spec["label_en"],
                "group_zh": group[0],
                "group_en": group[1],
                "value": values[spec["name"]],
                "unit": spec.get("unit", ""),
                "window": spec.get("window", ""),
            }
            for spec, group in self._specs
        ]
        return pd.DataFrame(rows).astype({"value": object}), elapsed

    # -- what happened -------------------------------------------------------------------------

    def days(self, number: int) -> pd.DataFrame:
        """`event`, `label_zh`, `label_en`, `day` (in the workspace's zone), `times`, a row a kind and day."""
        parts = []
        for event in self._types.values():
            found = self.snapshot.frame(
                f"SELECT CAST(occurred_at AT TIME ZONE $zone AS DATE) AS day, count(*) AS times "
                f"FROM {quoted(event.table)} WHERE person_no = $n GROUP BY 1 ORDER BY 1",
                {"n": number, "zone": str(self.snapshot.zone)},
            )
            parts.append(found.assign(event=event.name, label_zh=event.label.zh, label_en=event.label.en))
        if not parts:
            return pd.DataFrame(columns=["event", "label_zh", "label_en", "day", "times"])
        frame = pd.concat(parts, ignore_index=True)
        return frame[["event", "label_zh", "label_en", "day", "times"]]

    def newest(self, number: int, event: str | None) -> pd.DataFrame:
        """The newest events of one kind, or of all: `event`, `occurred_at` (UTC), `properties` (a dict)."""
        chosen = [self._types[event]] if event else list(self._types.values())
        rows = []
        for one in chosen:
            found = self.snapshot.frame(
                f"SELECT * EXCLUDE (person_no) FROM {quoted(one.table)} WHERE person_no = $n "
                f"ORDER BY occurred_at DESC LIMIT {NEWEST}",
                {"n": number},
            )
            for row in found.to_dict("records"):
                at = row.pop("occurred_at")
                rows.append({"event": one.name, "occurred_at": at, "properties": row})
        frame = pd.DataFrame(rows, columns=["event", "occurred_at", "properties"])
        frame["occurred_at"] = pd.to_datetime(frame["occurred_at"], utc=True)
        return frame.sort_values("occurred_at", ascending=False, kind="stable", ignore_index=True).head(
            NEWEST
        )

    def sends(self, person: str) -> pd.DataFrame:
        """Messages to the person, newest first, those really sent and those of replays; none of rehearsals.

        Returns
        -------
        pandas.DataFrame
            `campaign_id`, `step`, `channel`, `status`, `reason`, `sent_at`, `origin`.
        """
        columns = ["campaign_id", "step", "channel", "status", "reason", "sent_at", "origin"]
        if SENDS.name not in self._live.table_versions:
            return pd.DataFrame(columns=columns)
        return self._live.frame(
            f"SELECT {', '.join(columns)} FROM sends WHERE person_id = $person AND origin <> 'simulated' "
            "ORDER BY sent_at DESC NULLS LAST, campaign_id DESC, step",
            {"person": person},
        )

    # -- identifiers and audiences -------------------------------------------------------------

    def identifiers(self, person: str) -> pd.DataFrame:
        """`kind`, `value`, `since_at` of the identifiers that were the person's at the snapshot's moment."""
        if IDENTITIES.name not in self.snapshot.table_versions:
            return pd.DataFrame(columns=["kind", "value", "since_at"])
        return self.snapshot.frame(
            "SELECT kind, value, since_at FROM identities WHERE person_id = $person AND since_at <= $at "
            "AND (until_at IS NULL OR until_at > $at) ORDER BY kind, value",
            {"person": person, "at": self.snapshot.as_of},
        )

    def audiences(self, number: int) -> pd.DataFrame:
        """Every saved audience at its active version: `name`, `version`, `is_in`, `problem`, those with the person first.

        `is_in` is none where the audience does not fit the snapshot; `problem` says why.
        """
        rows = []
        word, bit = divmod(number, 64)
        for row in self.service.library.list().to_dict("records"):
            name, is_in, problem = str(row["name"]), None, ""
            try:
                members = self.service.bits([name])[name]
                is_in = bool(int(members[word]) >> bit & 1)
            except WorkbenchError as error:
                problem = str(error)
            rows.append({"name": name, "version": int(row["active"]), "is_in": is_in, "problem": problem})
        frame = pd.DataFrame(rows, columns=["name", "version", "is_in", "problem"])
        order = frame["is_in"].map({True: 0, False: 1}).fillna(2)
        return (
            frame.assign(order=order).sort_values(["order", "name"], ignore_index=True).drop(columns="order")
        )

    def why(self, audience: str, person: str) -> Explanation:
        """See `qa_lib.audiences.AudienceService.explain`."""
        saved = self.service.library.get(audience, ACTIVE).audience
        return self.service.explain(saved, person)


def value_text(value: Any, language: str, unit: str = "") -> str:
    """A tag's or property's value as it is read: separators, two decimals at most, yes and no in words."""
    if value is None or (not isinstance(value, list | tuple | dict | np.ndarray) and pd.isna(value)):
        return "—"
    if isinstance(value, bool | np.bool_):
        return ("是" if value else "否") if language == "zh" else ("yes" if value else "no")
    if isinstance(value, list | tuple | np.ndarray):
        return "、".join(value_text(v, language) for v in value) or "—"
    if isinstance(value, Decimal | float | np.floating):
        text = f"{value:,.2f}"
        text = text if isinstance(value, Decimal) else text.rstrip("0").rstrip(".")
    elif isinstance(value, int | np.integer):
        text = f"{int(value):,}"
    elif isinstance(value, datetime):
        text = f"{value:%Y-%m-%d %H:%M}"
    else:
        text = str(value)
    return f"{text} {unit}" if unit else text
