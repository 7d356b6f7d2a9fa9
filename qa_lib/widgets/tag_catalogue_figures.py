"""The frames behind the catalogue of tags: search, values of one tag, drift, where it is used."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from qa_lib.audiences import ACTIVE, AudienceLibrary
from qa_lib.errors import UnknownName, WorkbenchError, did_you_mean
from qa_lib.profiles import catalogue, tag_values, tags
from qa_lib.profiles.drift import drift
from qa_lib.rules import All, Attribute, Field, Tag, sentence
from qa_lib.rules.model import walk
from qa_lib.tables import Label
from qa_lib.workspace import Snapshot, Workspace

#: Most tags that are compared with an earlier snapshot at once.
COMPARED = 60
_COMPARABLE = ("number", "text", "boolean")


class TagFigures:
    """What a snapshot's tags are, and what they are used for.

    Parameters
    ----------
    workspace
        Where saved audiences and other snapshots are.
    """

    def __init__(self, workspace: Workspace, snapshot: Snapshot) -> None:
        self._workspace = workspace
        self.snapshot = snapshot
        self.tags = tags(snapshot)
        groups = {e["spec"]["name"]: Label(*e["group"]) for e in snapshot.meta["tags"]}
        self.tags["family_zh"] = [groups[n].zh for n in self.tags["name"]]
        self.tags["family_en"] = [groups[n].en for n in self.tags["name"]]
        self._fields = {f.name: f for f in catalogue(snapshot).fields}

    @property
    def names(self) -> list[str]:
        """Every tag, in the catalogue's order."""
        return list(self.tags["name"])

    def tag(self, name: str) -> dict[str, Any]:
        """The row of one tag.

        Raises
        ------
        UnknownName
            For a tag that the snapshot does not have.
        """
        rows = self.tags[self.tags["name"] == name]
        if rows.empty:
            raise UnknownName(f"Unknown tag {name!r}.{did_you_mean(name, self.names)}")
        return {str(k): v for k, v in rows.iloc[0].to_dict().items()}

    def found(self, search: str, family: str | None, type_: str | None, owner: str | None) -> pd.DataFrame:
        """The tags whose name, labels or description hold every word of `search`, and that pass the filters."""
        frame = self.tags
        for column, value in (("family", family), ("type", type_), ("owner", owner)):
            if value is not None:
                frame = frame[frame[column] == value]
        if words := search.casefold().split():
            columns = (
                "name",
                "label_zh",
                "label_en",
                "family_zh",
                "family_en",
                "description_zh",
                "description_en",
            )
            text = frame[list(columns)].agg(" ".join, axis=1).str.casefold()
            frame = frame[[all(word in one for word in words) for one in text]]
        return frame.reset_index(drop=True)

    def values(self, name: str) -> pd.Series:
        """The tag of everybody, in the order of person numbers."""
        return tag_values(self.snapshot, name)[name]

    def counts(self, name: str, language: str) -> pd.DataFrame:
        """`value` (text) and `people_count`, the commonest first; a person counts under each value of a list."""
        known = self.values(name).dropna()
        if self.tag(name)["type"] == "list":
            known = known.explode().dropna()
        if self.tag(name)["type"] == "boolean":
            words = ("是", "否") if language == "zh" else ("yes", "no")
            known = known.map({True: words[0], False: words[1]})
        found = known.astype(str).value_counts(sort=True)
        return found.rename_axis("value").reset_index(name="people_count")

    def summary(self, name: str) -> dict[str, float | int | date]:
        """`distinct_values`, and of numbers `median`, `mean`, `smallest`, `largest`; of days the last two."""
        known, kind = self.values(name).dropna(), self.tag(name)["type"]
        if kind == "list":
            known = known.explode().dropna()
        made: dict[str, float | int | date] = {"distinct_values": int(known.astype(str).nunique())}
        if kind == "number" and len(known):
            numbers = known.astype("float64")
            made |= {
                "median": float(numbers.median()),
                "mean": float(numbers.mean()),
                "smallest": float(numbers.min()),
                "largest": float(numbers.max()),
            }
        if kind == "date" and len(known):
            days = pd.to_datetime(known)
            made |= {"smallest": days.min().date(), "largest": days.max().date()}
        return made

    def others(self) -> dict[str, Snapshot]:
        """Earlier snapshots by what they are called: their moment's day in the workspace's zone."""
        found = {}
        for published in self._workspace.snapshots():
            if published.as_of < self.snapshot.as_of:
                name = f"{published.as_of.astimezone(self.snapshot.zone):%Y-%m-%d %H:%M}"
                found[name] = self._workspace.snapshot(published.as_of)
        return dict(sorted(found.items(), reverse=True))

    def drift(self, before: Snapshot, names: list[str]) -> pd.DataFrame:
        """See `qa_lib.profiles.drift.drift`; tags that cannot be compared are left out, at most `COMPARED`."""
        there = {e["spec"]["name"]: e["spec"]["type"] for e in before.meta["tags"]}
        types = dict(zip(self.tags["name"], self.tags["type"], strict=True))
        chosen = [n for n in names if types[n] in _COMPARABLE and there.get(n) == types[n]][:COMPARED]
        if not chosen:
            return pd.DataFrame(columns=["name", "label_zh", "label_en", "psi", "verdict"])
        return drift(before, self.snapshot, chosen)

    def used(self) -> dict[str, list[str]]:
        """By tag, the saved audiences whose active version names it."""
        library = AudienceLibrary(self._workspace)
        found: dict[str, list[str]] = {}
        for name in library.list()["name"]:
            try:
                rule = library.get(name, ACTIVE).audience.rule
            except WorkbenchError:  # saved by another version of the library: it names no tag of this one
                continue
            for field in sorted({n.field for _, n in walk(rule) if isinstance(n, Attribute | Tag)}):
                found.setdefault(field, []).append(str(name))
        return found

    def condition(self, name: str) -> Tag | Attribute:
        """A condition on the tag to start from: at least the median, the commonest value, yes, the last day."""
        field: Field = self._fields[name]

        def made(operator: str, value: Any = None) -> Tag | Attribute:
            kind = Attribute if field.kind == "attribute" else Tag
            return kind(field=name, operator=operator, value=value)

        known = self.values(name).dropna()
        if known.empty:
            return made("is set")
        if field.type == "number":
            median = float(known.astype("float64").median())
            return made(">=", int(median) if median.is_integer() else round(median, 2))
        if field.type == "boolean":
            return made("=", True)
        if field.type == "date":
            return made("on or before", pd.to_datetime(known).max().date().isoformat())
        if field.type == "list":
            return made("has any", [str(known.explode().dropna().value_counts().index[0])])
        return made("in", [str(known.value_counts().index[0])])

    def sentence(self, condition: Tag | Attribute) -> Label:
        """What the condition says."""
        return sentence(All(of=(condition,)), catalogue(self.snapshot))
