"""The real-time matcher: which of all active rules a person matches, exactly as the batch engine answers."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any as AnyValue
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from qa_lib.errors import SpecError, UnknownName, did_you_mean
from qa_lib.rules.catalogue import Catalogue
from qa_lib.rules.check import require
from qa_lib.rules.matcher.active import ActiveRule, by_priority, winners
from qa_lib.rules.matcher.admission import Admission
from qa_lib.rules.matcher.batch import BatchMatches, match_batch
from qa_lib.rules.matcher.membership import AudienceLeaf, MemberIds, audience_plug
from qa_lib.rules.matcher.misfits import require_fitting
from qa_lib.rules.matcher.moments import NEVER
from qa_lib.rules.matcher.people import People
from qa_lib.rules.matcher.person import Person, microseconds, moment_of
from qa_lib.rules.matcher.plugs import PLUGS
from qa_lib.rules.matcher.predicates import Predicates
from qa_lib.rules.matcher.sections import Plug
from qa_lib.rules.matcher.terms import Terms, holds_for, node_of
from qa_lib.rules.model import All, Any, Event, walk

_OPPOSITE = bytes.maketrans(b"\0\1", b"\1\0")
_ALL_EIGHT = np.uint64(0x0101010101010101)  # the literals of a term, `WIDTH` bytes that are all 1
#: Of how many people a predicate is expected to hold where nothing was counted.
_SHARE = {"=": 0.1, "in": 0.2, "is not set": 0.2, "matches": 0.2, "contains": 0.2, "between": 0.2}


@dataclass(frozen=True)
class Steps:
    """How far each step narrowed the rules down for one person.

    `rules` are active; `candidates` are those with a term whose rarest predicate holds; `graphs` of them were
    held against their whole shape; `matched` matched. `predicates` are distinct over all rules, of
    `conditions` written down.
    """

    rules: int
    conditions: int
    predicates: int
    candidates: int
    graphs: int
    matched: int


class Matches:
    """What a person matches as of a moment.

    Attributes
    ----------
    names
        The matched rules, highest priority first.
    winners
        By group: the one winner of an exclusive group, all of an inclusive one, best first.
    """

    def __init__(
        self, matcher: Matcher, person: Person, as_of: int, numbers: list[int], steps: Steps
    ) -> None:
        self._matcher, self._person, self._as_of = matcher, person, as_of
        self._numbers = numbers
        self.steps = steps
        names = matcher.names
        self.names: tuple[str, ...] = tuple([names[n] for n in numbers])

    @cached_property
    def winners(self) -> Mapping[str, tuple[str, ...]]:
        matcher = self._matcher
        return winners(self._numbers, matcher.groups, matcher.names, matcher.inclusive)

    @property
    def as_of(self) -> datetime:
        """The moment at which all windows end, in UTC."""
        return moment_of(self._as_of)

    @cached_property
    def valid_until(self) -> datetime | None:
        """The first moment at which time alone may change the answer; None where it never does.

        Until then the same person matches the same rules. At that moment at least one predicate of the rules
        changes, but for those that are followed for 64 changes of what they look at without one of their own
        (windows of calendar months, days since an event): then it comes earlier than the change.
        """
        found = self._matcher.predicates.next_change(self._person, self._as_of)
        return None if found >= NEVER else moment_of(found)

    def __repr__(self) -> str:
        return f"Matches({len(self.names)} of {self.steps.rules:,} rules as of {self.as_of.isoformat()})"


class Matcher:
    """All active rules, compiled together.

    Parameters
    ----------
    rules
        Each with a name of its own.
    catalogue, zone
        What the rules may speak of, and where days begin: those of the batch engine.
    inclusive
        The groups of which all matched rules are kept; every other group is exclusive.
    shares
        Of how many people a condition holds, between 0 and 1, by the condition's hash (see
        `measured_shares`); where it is not given, it is guessed from the operator. It makes matching
        faster and never changes an answer.
    audiences
        Finds the ids of the members of a saved audience; read once per condition, as the rules are compiled.
    plugs
        How further kinds of conditions are answered, by kind.

    Raises
    ------
    SpecError, UnknownName
        When two rules have one name, an inclusive group holds no rule, or a rule does not fit the catalogue; the
        message names the rule.
    """

    def __init__(
        self,
        rules: Sequence[ActiveRule],
        catalogue: Catalogue,
        zone: ZoneInfo,
        *,
        inclusive: Collection[str] = (),
        shares: Mapping[str, float] | None = None,
        audiences: MemberIds | None = None,
        plugs: Mapping[str, Plug] | None = None,
    ) -> None:
        self.rules = by_priority(rules)
        self.catalogue, self.zone, self.inclusive = catalogue, zone, frozenset(inclusive)
        self.names = [rule.name for rule in self.rules]
        self.groups = [rule.group for rule in self.rules]
        plug = audience_plug(audiences)
        self.predicates = Predicates(catalogue, zone, {**PLUGS, "audience": plug, **(plugs or {})})
        self._require_names()
        for group in sorted(self.inclusive - {group for group in self.groups if group is not None}):
            raise UnknownName(
                f"The inclusive group {group!r} holds no rule.{did_you_mean(group, filter(None, self.groups))}"
            )
        conditions: dict[AnyValue, None] = {}
        self.condition_count = 0
        for active in self.rules:
            _require(active, catalogue)
            for _, node in walk(active.rule):
                if not isinstance(node, All | Any):
                    self.condition_count += 1
                    conditions[node] = None
        for condition in conditions:
            self.predicates.add(condition)
        self.predicates.lay_out()
        size = self.predicates.size
        nodes = [node_of(rule.rule, self.predicates.slot, size) for rule in self.rules]
        self.terms = Terms.of(nodes, self._expected(conditions, shares or {}), size)
        self._graphs = np.zeros(len(self.rules), dtype=bool)
        self._graphs[list(self.terms.graphs)] = True

    @cached_property
    def hash(self) -> str:
        """A hash of all active rules and of what else decides an answer: who is in a saved audience as well."""
        parts = [rule.hash for rule in self.rules]
        parts += [leaf.hash for leaf in self.predicates.leaves if isinstance(leaf, AudienceLeaf)]
        text = "\n".join([str(self.zone), *sorted(self.inclusive), "", *sorted(parts)])
        return hashlib.sha256(text.encode()).hexdigest()

    def match(self, person: Person, as_of: datetime) -> Matches:
        """Which rules the person matches as of a moment with a zone.

        Raises
        ------
        SpecError
            For a moment without a zone, or a value of the person that cannot be compared as its field is.
        """
        moment = microseconds(as_of)
        return self.match_literals(person, moment, self.literals(person, moment))

    def match_many(self, people: Sequence[Person] | People, as_of: datetime) -> BatchMatches:
        """Which rules each of many people matches: the same answers, 64 people a word.

        Parameters
        ----------
        people
            A micro-batch; `lay_out` gives its columns once for several moments.
        """
        laid_out = people if isinstance(people, People) else self.lay_out(people)
        try:
            return match_batch(self, laid_out, microseconds(as_of))
        except TypeError:
            require_fitting(laid_out.people, self.catalogue)
            raise

    def lay_out(self, people: Sequence[Person]) -> People:
        """A micro-batch by column: what these rules read of each person."""
        try:
            return People(people, self.predicates)
        except TypeError:
            require_fitting(people, self.catalogue)
            raise

    def admission(
        self, *, identifiers: Collection[str] | None = None, always: Collection[str] = ()
    ) -> Admission:
        """The filter in front of the matcher; see `Admission`."""
        return Admission(self.predicates, identifiers=identifiers, always=always)

    def literals(self, person: Person, as_of: int) -> npt.NDArray[np.uint8]:
        """The truth of every predicate and of every negation; shape (2 * size,)."""
        try:
            truths = self.predicates.truths(person, as_of)
        except TypeError:
            require_fitting((person,), self.catalogue)
            raise
        return np.frombuffer(truths + truths.translate(_OPPOSITE), dtype=np.uint8)

    def match_literals(self, person: Person, as_of: int, literals: npt.NDArray[np.uint8]) -> Matches:
        """The matches by the truth of the predicates."""
        numbers, candidates, graphs = self.matched(literals)
        steps = Steps(
            len(self.rules),
            self.condition_count,
            self.predicates.size - 1,
            candidates,
            graphs,
            len(numbers),
        )
        return Matches(self, person, as_of, list(numbers), steps)

    def matched(self, literals: npt.NDArray[np.uint8]) -> tuple[tuple[int, ...], int, int]:
        """The numbers of the matched rules, ascending; how many candidates and graphs were looked at."""
        terms = self.terms
        candidates = literals.take(terms.by_column[0]).view(np.bool_).nonzero()[0]
        admitted = np.zeros(len(self.rules), dtype=bool)
        admitted[terms.rule_of.take(candidates)] = True
        eight = literals.take(terms.literals.take(candidates, axis=0)).view(np.uint64).ravel()
        hold = (eight == _ALL_EIGHT).nonzero()[0]
        matched = np.zeros(len(self.rules), dtype=bool)
        matched[terms.rule_of.take(candidates.take(hold))] = True
        graphs = 0
        if terms.graphs:
            known: dict[AnyValue, bool] = {}
            for rule in (matched & self._graphs).nonzero()[0].tolist():
                graphs += 1
                matched[rule] = holds_for(terms.graphs[rule], literals, known)
        return tuple(matched.nonzero()[0].tolist()), int(np.count_nonzero(admitted)), graphs

    def _require_names(self) -> None:
        seen: set[str] = set()
        for name in self.names:
            if name in seen:
                raise SpecError(f"Two active rules are called {name!r}. Give each a name of its own.")
            seen.add(name)

    def _expected(
        self, conditions: Mapping[AnyValue, None], shares: Mapping[str, float]
    ) -> npt.NDArray[np.float64]:
        """Of how many people each literal is expected to hold; shape (2 * size,)."""
        size = self.predicates.size
        expected = np.full(2 * size, 0.5)
        expected[0], expected[size] = 1.0, 0.0
        for condition in conditions:
            slot = self.predicates.slot(condition)
            share = shares.get(condition.hash)
            if share is None:
                share = _guess(condition, bool(self.predicates.template[slot]))
            expected[slot], expected[slot + size] = share, 1 - share
        return expected


def _guess(condition: AnyValue, of_nobody: bool) -> float:
    if of_nobody:
        return 0.9
    if isinstance(condition, Event):
        return 0.05 if condition.where is not None else 0.3
    return _SHARE.get(getattr(condition, "operator", ""), 0.5)


def _require(active: ActiveRule, catalogue: Catalogue) -> None:
    try:
        require(active.rule, catalogue)
    except SpecError as error:
        raise type(error)(f"Rule {active.name!r}: {error}", error.path) from error
