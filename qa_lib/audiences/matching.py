"""Which active saved audiences a person is in at this moment: the real-time matcher over the library."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from qa_lib.audiences.audience import Priority
from qa_lib.audiences.evaluate import engine_of, person_ids
from qa_lib.audiences.references import References
from qa_lib.audiences.versions import ACTIVE, Directory, VersionTables
from qa_lib.errors import SpecError, UnknownName
from qa_lib.rules import Catalogue
from qa_lib.rules.check import require
from qa_lib.rules.matcher import (
    ActiveRule,
    Explanation,
    MatchCache,
    Matcher,
    Matches,
    Person,
    explain,
    measured_shares,
    read_person,
)
from qa_lib.rules.matcher.batch import BatchMatches
from qa_lib.workspace import Snapshot, Workspace


@dataclass(frozen=True)
class ActiveAudiences:
    """The active versions of all saved audiences as rules of the matcher.

    `versions` has the number of each; `left_out` says why an audience cannot be matched: it names what the
    snapshot lacks. `inclusive` are the groups that keep all of their audiences.
    """

    rules: tuple[ActiveRule, ...]
    versions: Mapping[str, int]
    left_out: Mapping[str, str]
    inclusive: frozenset[str]


def active_audiences(references: References, directory: Directory, catalogue: Catalogue) -> ActiveAudiences:
    """The saved audiences at the version that is active, as rules of the matcher."""
    rules, versions, left_out = [], {}, {}
    keeps: dict[str, set[str]] = {}
    for name in sorted(directory.newest):
        place = (name, directory.labels[name][ACTIVE])
        try:
            pinned = references.in_order([place], directory)[-1]
            rule = pinned.audience.whole
            require(rule, catalogue)
        except (SpecError, UnknownName) as error:
            left_out[name] = str(error)
            continue
        own = pinned.audience.priority or Priority()
        if own.group is not None:
            keeps.setdefault(own.group, set()).add(own.keeps)
        rules.append(
            ActiveRule(name=name, rule=rule, weight=own.weight, group=own.group, tie_key=own.tie_key)
        )
        versions[name] = pinned.number
    inclusive = frozenset(group for group, said in keeps.items() if said == {"all"})
    return ActiveAudiences(tuple(rules), versions, left_out, inclusive)


class AudienceMatcher:
    """Matches people against all active saved audiences of a workspace, as of a snapshot.

    The rules are compiled once and again only when another version is active or what a version needs has
    changed; a person's matches are kept until their profile, a rule or time changes them. It may be used
    from several threads.

    Parameters
    ----------
    measured
        Count every condition once, so that the rarest ones come first: slower to start, faster to match.
    """

    def __init__(self, workspace: Workspace, snapshot: Snapshot, *, measured: bool = False) -> None:
        self.workspace, self.snapshot = workspace, snapshot
        self._measured = measured
        self._lock = threading.Lock()
        self._references = References(VersionTables(workspace))
        self._numbers: dict[str, int] = {}
        self._kept: tuple[ActiveAudiences, Matcher, MatchCache] | None = None

    @property
    def active(self) -> ActiveAudiences:
        """The audiences that are matched now."""
        return self._now()[0]

    @property
    def matcher(self) -> Matcher:
        """All active rules, compiled together."""
        return self._now()[1]

    @property
    def cache(self) -> MatchCache:
        """The matches that are kept."""
        return self._now()[2]

    def match(self, person: Person | str, as_of: datetime | None = None) -> Matches:
        """Which active audiences a person is in.

        Parameters
        ----------
        person
            An id that the snapshot knows, or a `Person` such as one with an event that just came.
        as_of
            When, with a zone; the snapshot's moment when not given.

        Raises
        ------
        UnknownName
            When nobody has that id.
        """
        return self.cache.match(self.person(person), as_of or self.snapshot.as_of)

    def match_many(self, people: Sequence[Person], as_of: datetime | None = None) -> BatchMatches:
        """The same for a micro-batch, 64 people a word."""
        return self.matcher.match_many(people, as_of or self.snapshot.as_of)

    def explain(
        self, person: Person | str, as_of: datetime | None = None, names: Sequence[str] | None = None
    ) -> Explanation:
        """How the matcher came to its answer for one person; see `qa_lib.rules.matcher.explain`."""
        return explain(self.matcher, self.person(person), as_of or self.snapshot.as_of, names)

    def person(self, person: Person | str) -> Person:
        """A person of the snapshot by id."""
        return person if isinstance(person, Person) else read_person(self.snapshot, person)

    def _now(self) -> tuple[ActiveAudiences, Matcher, MatchCache]:
        with self._lock:
            directory = self._references.directory()
            numbers = {name: labels[ACTIVE] for name, labels in directory.labels.items()}
            if (
                self._kept is None or numbers != self._numbers
            ):  # a version never changes, only which is active
                active = active_audiences(self._references, directory, engine_of(self.snapshot).catalogue)
                matcher = self._compiled(active)
                self._kept, self._numbers = (active, matcher, MatchCache(matcher)), numbers
            return self._kept

    def _compiled(self, active: ActiveAudiences) -> Matcher:
        engine = engine_of(self.snapshot)

        def ids(name: str, version: int | None) -> Collection[str]:
            assert engine.audiences is not None
            return set(person_ids(self.snapshot, engine.audiences(name, version).members))

        return Matcher(
            active.rules,
            engine.catalogue,
            self.snapshot.zone,
            inclusive=active.inclusive,
            shares=measured_shares(engine, active.rules) if self._measured else None,
            audiences=ids,
        )
