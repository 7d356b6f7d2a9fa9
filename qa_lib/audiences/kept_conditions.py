"""Conditions that were evaluated at one snapshot, taken over at the next where what they read is the same."""

from __future__ import annotations

import hashlib

from qa_lib.audiences.facts import facts_of_condition
from qa_lib.audiences.kept_members import FOLDER
from qa_lib.rules import Bits
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.model import Condition
from qa_lib.workspace import Snapshot, library_version
from qa_lib.workspace.leaves import LeafCache

#: The folder beside those of the snapshots, and how many bytes it may hold.
CONDITIONS = "conditions"
_LARGEST = 2**30


class KeptConditions:
    """Reads and keeps conditions by their facts: `audiences/conditions/HASH`, one bit a person.

    A condition whose people, columns, event tables and moment are those of an earlier snapshot selects the
    same people (`facts_of_condition`); `taken_over` counts how often that was so.

    Parameters
    ----------
    snapshot
        The one that is evaluated.
    """

    def __init__(self, snapshot: Snapshot, catalogue: Catalogue) -> None:
        self.snapshot = snapshot
        self.catalogue = catalogue
        self.taken_over = 0
        parent = snapshot.root / FOLDER
        parent.mkdir(exist_ok=True)
        self._files = LeafCache(parent / CONDITIONS, largest=_LARGEST)
        self._words = -(-snapshot.people_count // 64)

    def read(self, leaf: Condition) -> Bits | None:
        """Who it selected where it read the same."""
        found = self._files.read(self._key(leaf), self._words)
        self.taken_over += found is not None
        return found

    def keep(self, leaf: Condition, found: Bits) -> None:
        """Keep who it selects; a full disk harms nobody."""
        self._files.keep(self._key(leaf), found)

    def _key(self, leaf: Condition) -> str:
        facts = facts_of_condition(self.snapshot, leaf, self.catalogue)
        return hashlib.sha256(f"{leaf.hash}:{facts}:{library_version()}".encode()).hexdigest()
