"""Finding the members of saved audiences for a rule that names them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property

from qa_lib.audiences.audience import Audience
from qa_lib.audiences.kept_members import MembersFiles
from qa_lib.audiences.references import Pinned, Place, References, resolve
from qa_lib.audiences.versions import VersionTables
from qa_lib.rules import Bits, Evaluation
from qa_lib.rules.engine import SavedMembers
from qa_lib.workspace import Snapshot, Workspace

_KEPT_AUDIENCES = 64


class SavedAudiences:
    """The engine's resolver: members at the stated version, or at the active one; it writes nothing.

    Members that were kept for this snapshot are read; others are evaluated, after those that they need.

    Parameters
    ----------
    evaluate
        Evaluates an audience over the same snapshot; it may ask this resolver for what the audience needs.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        evaluate: Callable[[Audience], Evaluation],
        workspace: Workspace | None = None,
    ) -> None:
        self.snapshot = snapshot
        self._evaluate = evaluate
        self._given = workspace
        self._cache: OrderedDict[str, Bits] = OrderedDict()
        self._lock = threading.Lock()
        self._local = threading.local()

    @cached_property
    def workspace(self) -> Workspace:
        """The snapshot's workspace, opened for reading when the first saved audience is named."""
        return self._given or Workspace.open(self.snapshot.root, read_only=True)

    @cached_property
    def files(self) -> MembersFiles:
        """The members that are kept."""
        return MembersFiles(VersionTables(self.workspace))

    @cached_property
    def references(self) -> References:
        """The saved versions."""
        return References(self.files.tables)

    def __call__(self, audience: str, version: int | None) -> SavedMembers:
        """Who is in a saved audience.

        Raises
        ------
        UnknownName
            For an audience or a version that is not there, here or further down.
        SpecError
            When audiences need each other in a circle.
        """
        pinned = self._pinned()
        if pinned is not None and (audience, version) in pinned:
            number = pinned[audience, version]
            return SavedMembers(number, self._in_hand()[audience, number])
        directory = self.references.directory()
        place = (audience, resolve((audience, version), directory))
        found: dict[Place, Bits] = {}
        for one in self.references.in_order([place], directory):
            found[one.name, one.number] = self.members(one, found)
        return SavedMembers(place[1], found[place])

    def members(self, pinned: Pinned, in_hand: dict[Place, Bits]) -> Bits:
        """Who is in a pinned audience, from the file where there is one.

        Parameters
        ----------
        in_hand
            The members of everything that it needs.
        """
        with self._lock:
            if pinned.key in self._cache:
                self._cache.move_to_end(pinned.key)
                return self._cache[pinned.key]
        found = self.files.read(pinned.key, self.snapshot)
        if found is None:
            found = self.evaluation(pinned, in_hand).members[()]
        self.put(pinned.key, found)
        return found

    def evaluation(self, pinned: Pinned, in_hand: dict[Place, Bits]) -> Evaluation:
        """A pinned audience evaluated on the members of those that it needs, at exactly these versions."""
        with self._holding(pinned, in_hand):
            return self._evaluate(pinned.audience)

    def put(self, key: str, found: Bits) -> None:
        """Remember members under their key."""
        with self._lock:
            self._cache[key] = found
            while len(self._cache) > _KEPT_AUDIENCES:
                self._cache.popitem(last=False)

    @contextmanager
    def _holding(self, pinned: Pinned, in_hand: dict[Place, Bits]) -> Iterator[None]:
        before = getattr(self._local, "held", None)
        self._local.held = (pinned.needs, in_hand)
        try:
            yield
        finally:
            self._local.held = before

    def _pinned(self) -> dict[tuple[str, int | None], int] | None:
        held = getattr(self._local, "held", None)
        return held[0] if held else None

    def _in_hand(self) -> dict[Place, Bits]:
        found: dict[Place, Bits] = self._local.held[1]
        return found
