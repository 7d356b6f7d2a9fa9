"""Which saved audiences another one needs: versions pinned, in the order in which they are evaluated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from qa_lib.audiences.audience import Audience, Reference
from qa_lib.audiences.versions import ACTIVE, Directory, VersionTables
from qa_lib.errors import SpecError, UnknownName, did_you_mean
from qa_lib.workspace import library_version

#: An audience and one of its versions.
Place = tuple[str, int]


@dataclass(frozen=True)
class Pinned:
    """A saved audience at a version, with the versions that its own references mean at this moment.

    `key` is a hash of everything that decides its members but the data: rule, base, the same of all
    audiences that it needs, and the library's version.
    """

    name: str
    number: int
    audience: Audience
    needs: Mapping[Reference, int]
    key: str

    @property
    def versions(self) -> tuple[Place, ...]:
        """The audiences that it names, each at its version, by name."""
        return tuple(sorted({(name, number) for (name, _), number in self.needs.items()}))


class References:
    """Follows references through the saved versions, each of which is read once."""

    def __init__(self, tables: VersionTables) -> None:
        self.tables = tables
        self._read: dict[Place, Audience] = {}

    def directory(self) -> Directory:
        """Which audiences and labels there are at this moment."""
        return self.tables.directory()

    def audience(self, place: Place) -> Audience:
        """The audience at a version."""
        if place not in self._read:
            self._read[place] = self.tables.version(*place).audience
        return self._read[place]

    def in_order(
        self,
        start: Iterable[Place],
        directory: Directory,
        assumed: Mapping[Place, Audience] | None = None,
    ) -> list[Pinned]:
        """These audiences and all that they need, each after what it needs itself.

        Parameters
        ----------
        assumed
            Versions that are not saved yet.

        Raises
        ------
        UnknownName
            When one names an audience or a version that is not there.
        SpecError
            When they need each other in a circle; the message names it.
        """
        assumed = assumed or {}
        graph: dict[Place, set[Place]] = {}
        found: dict[Place, tuple[Audience, dict[Reference, int]]] = {}
        waiting = list(start)
        while waiting:
            place = waiting.pop()
            if place in graph:
                continue
            audience = assumed[place] if place in assumed else self.audience(place)
            needs = {
                r: resolve(r, directory, f" It is named by {shown(place)}.") for r in audience.refers_to()
            }
            found[place] = audience, needs
            graph[place] = {(name, needs[name, version]) for name, version in needs}
            waiting += sorted(graph[place])
        try:
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = " → ".join(shown(place) for place in reversed(error.args[1]))
            raise SpecError(
                f"These audiences need each other in a circle: {circle}. "
                "Take one of the conditions out, or name a version that does not need the others."
            ) from None
        keys: dict[Place, str] = {}
        for place in order:
            audience, needs = found[place]
            keys[place] = _key(audience, {r: keys[r[0], number] for r, number in needs.items()})
        return [Pinned(*place, *found[place], keys[place]) for place in order]


def resolve(reference: Reference, directory: Directory, context: str = "") -> int:
    """The number of the version that a reference means.

    Raises
    ------
    UnknownName
        For an audience or a version that is not there; the message ends with `context`.
    """
    name, version = reference
    if name not in directory.newest:
        raise UnknownName(
            f"No audience {name!r} is saved.{did_you_mean(name, directory.newest)}{context} "
            "`qa audience list` shows them."
        )
    number = directory.labels[name][ACTIVE] if version is None else version
    if number > directory.newest[name]:
        raise UnknownName(
            f"Audience {name!r} has no version {number}; its newest is {directory.newest[name]}.{context}"
        )
    return number


def shown(place: Place) -> str:
    """An audience and its version, in words."""
    return f"{place[0]!r} version {place[1]}"


def _key(audience: Audience, needs: Mapping[Reference, str]) -> str:
    base = [audience.base.audience, audience.base.version] if audience.base else None
    named = sorted([name, version or 0, key] for (name, version), key in needs.items())
    text = json.dumps([audience.rule.hash, base, named, library_version()], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
