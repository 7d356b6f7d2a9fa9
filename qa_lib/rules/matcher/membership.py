"""Membership of saved audiences and random parts of everybody, for one person."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from functools import cached_property
from zoneinfo import ZoneInfo

from qa_lib.errors import SpecError
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.matcher.moments import NEVER
from qa_lib.rules.matcher.person import Person
from qa_lib.rules.matcher.sections import Plug
from qa_lib.rules.membership import InAudience, RandomSplit
from qa_lib.rules.split import bucket

#: The ids of the people in a saved audience at a version, or at the active one where it is None.
MemberIds = Callable[[str, int | None], Collection[str]]


class AudienceLeaf:
    """Whether a person was in a saved audience when the rules were compiled."""

    event_names: tuple[str, ...] = ()

    def __init__(self, condition: InAudience, ids: Collection[str]) -> None:
        self._condition = condition
        self._ids, self._member = frozenset(ids), condition.member

    @cached_property
    def hash(self) -> str:
        """A hash of the condition and of who was in the audience."""
        digest = hashlib.sha256(self._condition.hash.encode())
        for person_id in sorted(self._ids):
            digest.update(f"{len(person_id)}:{person_id}".encode())
        return digest.hexdigest()

    def holds(self, person: Person, as_of: int) -> bool:
        return (person.person_id in self._ids) == self._member

    def changes(self, person: Person, as_of: int) -> int:
        return NEVER


class SplitLeaf:
    """Whether a person falls into a random part: the same for ever."""

    event_names: tuple[str, ...] = ()

    def __init__(self, condition: RandomSplit, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self._part = condition

    def holds(self, person: Person, as_of: int) -> bool:
        return self._part.low <= bucket(self._part.salt, person.person_id) < self._part.high

    def changes(self, person: Person, as_of: int) -> int:
        return NEVER


def audience_plug(members: MemberIds | None) -> Plug:
    """What answers conditions on saved audiences; without `members` they are refused."""

    def plug(condition: InAudience, catalogue: Catalogue, zone: ZoneInfo) -> AudienceLeaf:
        if members is None:
            raise SpecError(
                f"A rule asks for the saved audience {condition.audience!r}, and the matcher was not told who is "
                "in it. Pass `audiences`, a function from its name and version to the ids of its members."
            )
        return AudienceLeaf(condition, members(condition.audience, condition.version))

    return plug
