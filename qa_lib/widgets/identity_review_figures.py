"""The frames behind the review of identities: sizes, one person's evidence, the queue, the history."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from qa_lib.errors import SpecError, UnknownName
from qa_lib.identity import (
    Cluster,
    Evidence,
    Explanation,
    Resolution,
    group_sizes,
    kind,
    normalise,
    quarantine_queue,
    read_links,
    read_resolution,
)
from qa_lib.tables import LINKS
from qa_lib.widgets.masking import masked_text
from qa_lib.workspace import Workspace

#: Most people of one size that a list holds.
LISTED = 200
Identifier = tuple[str, str]
_UNDOABLE = ("merge", "split", "accept", "apart")


class IdentityFigures:
    """The record of identities as it stands, read once; links are read when the first person is chosen."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.resolution: Resolution = read_resolution(workspace)
        self._sizes = self.resolution.current.groupby("person_id").size()
        self._evidence: Evidence | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was resolved."""
        return self.resolution.last_at is None

    def sizes(self) -> pd.DataFrame:
        """See `qa_lib.identity.group_sizes`."""
        return group_sizes(self.resolution.current)

    def people(self, size: int | None) -> list[str]:
        """People with so many identifiers, or those with the most; at most `LISTED`, by id within a size."""
        found = self._sizes if size is None else self._sizes[self._sizes == size]
        ordered = found.sort_index().sort_values(ascending=False, kind="stable")
        return [str(p) for p in ordered.index[:LISTED]]

    def find(self, text: str) -> str:
        """The person of an id, or of an identifier written as `kind:value`.

        Raises
        ------
        UnknownName
            When nobody has it.
        """
        asked = text.strip()
        if asked in self._sizes.index:
            return asked
        name, colon, value = asked.partition(":")
        if not colon:
            raise UnknownName(
                f"Nobody holds an identifier under the id {asked!r}. Write an id such as "
                f"{next(iter(self._sizes.index), 'p000000001')!r}, or an identifier as kind:value."
            )
        found = self.resolution.person(kind(name).name, normalise(name, value))
        if found is None:
            raise UnknownName(
                f"The {name} {masked_text(value)} is nobody's today: unknown, shared or held back."
            )
        return found

    @property
    def evidence(self) -> Evidence:
        """The links up to the record's last change."""
        if self._evidence is None:
            links = read_links(self._workspace)
            last = self.resolution.last_at
            seen = pd.to_datetime(links["observed_at"], utc=True) < (
                last or pd.Timestamp.max.tz_localize("UTC")
            )
            self._evidence = Evidence(links[seen], self.resolution)
        return self._evidence

    @property
    def has_links(self) -> bool:
        return self._workspace.store.exists(LINKS.name)

    def members(self, person: str) -> list[Identifier]:
        """A person's identifiers in the order in which they are shown."""
        return self.evidence.members(person)

    def cluster(self, person: str) -> Cluster:
        """See `qa_lib.identity.Evidence.cluster`."""
        return self.evidence.cluster(person)

    def why(self, one: Identifier, other: Identifier) -> Explanation:
        """See `qa_lib.identity.explain`."""
        return self.evidence.explain(one, other)

    def queue(self) -> pd.DataFrame:
        """See `qa_lib.identity.quarantine_queue`."""
        return quarantine_queue(self.resolution)

    def history(self) -> pd.DataFrame:
        """Merges, splits, decisions and undos, newest first, with `can_undo`."""
        changes = self.resolution.changes
        rows = changes[changes["change"] != "quarantine"]
        rows = rows.sort_values(["changed_at", "change_id"], ascending=False, ignore_index=True)
        return rows.assign(can_undo=rows["change"].isin(_UNDOABLE) & rows["undone_at"].isna())

    def counts(self) -> dict[str, int]:
        """People, identifiers, merges, splits, their undos, what is set aside and what of it was decided."""
        changes, queue = self.resolution.changes, self.queue()
        kinds = changes["change"].value_counts()
        undone = changes[changes["undone_at"].notna()]["change"].value_counts()
        return {
            "people_resolved": len(self._sizes),
            "identifiers": int(self._sizes.sum()),
            "merges": int(kinds.get("merge", 0)),
            "splits": int(kinds.get("split", 0)),
            "merges_undone": int(undone.get("merge", 0)),
            "splits_undone": int(undone.get("split", 0)),
            "waiting": int(queue["decision"].isna().sum()),
            "decided": int(queue["decision"].notna().sum()),
        }

    def clock(self) -> datetime:
        """The moment under which a decision of today is recorded: that of the data, so that a build sees it.

        Raises
        ------
        SpecError
            When nothing was resolved yet.
        """
        last = self.resolution.last_at
        if last is None:
            raise SpecError("Nothing was resolved yet, so there is nothing to decide. Run `qa build` first.")
        moments = [last.to_pydatetime(), *(p.as_of for p in self._workspace.snapshots())]
        return max(moments)
