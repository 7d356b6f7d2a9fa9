"""The groups of the rules that were asked last, so that an edit joins only the groups above it."""

from __future__ import annotations

import threading
from collections import OrderedDict

from qa_lib.rules import bits
from qa_lib.rules.bits import Bits

#: What a group is: whether all must hold, whether it is negated, and its children (a condition's hash, or a group).
GroupKey = tuple["bool | str | GroupKey", ...]

_KEPT_GROUPS = 1_024
_KEPT_BYTES = 64 * 2**20


class Group:
    """The people of a group; how many they are is counted when it is first asked, unless it is known."""

    __slots__ = ("_people", "members")

    def __init__(self, members: Bits, people: int | None = None) -> None:
        self.members = members
        self._people = people

    @property
    def people(self) -> int:
        if self._people is None:
            self._people = bits.count(self.members)
        return self._people


class GroupCache:
    """The groups asked for last, within a bound of number and of bytes; safe to use from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[GroupKey, Group] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: GroupKey) -> Group | None:
        """The group, where it is kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: GroupKey, group: Group) -> None:
        """Keep a group; those asked for longest ago go first."""
        most = min(_KEPT_GROUPS, max(1, _KEPT_BYTES // max(1, group.members.nbytes)))
        with self._lock:
            self._kept[key] = group
            while len(self._kept) > most:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
