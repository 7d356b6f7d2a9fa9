"""Matches kept per person, dropped exactly when a profile, a rule or time changes them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from qa_lib.rules.matcher.matcher import Matcher, Matches
from qa_lib.rules.matcher.person import Person


@dataclass
class Kept:
    """How often kept matches answered, and how often something had changed."""

    answered: int = 0
    matched: int = 0


class MatchCache:
    """The last matches of each person, for repeated questions about the same people.

    Matching a person takes about as long as a look-up in most stores, so this serves what asks for the
    same people again and again; it may be used from several threads.

    Parameters
    ----------
    size
        How many people are kept; those asked for longest ago go first.
    """

    def __init__(self, matcher: Matcher, *, size: int = 100_000) -> None:
        self.counts = Kept()
        self._matcher = matcher
        self._size = size
        self._kept: OrderedDict[str, tuple[Person, Matches]] = OrderedDict()
        self._lock = threading.Lock()

    def match(self, person: Person, as_of: datetime) -> Matches:
        """What the matcher answers, from what is kept where nothing has changed.

        An answer that was kept carries the moment at which it was made as its `as_of`.
        """
        with self._lock:
            matcher = self._matcher
            kept = self._kept.get(person.person_id)
            if kept is not None and _still_holds(*kept, person, as_of):
                self._kept.move_to_end(person.person_id)
                self.counts.answered += 1
                return kept[1]
        found = matcher.match(person, as_of)
        with self._lock:
            self.counts.matched += 1
            if matcher is self._matcher:  # else the rules have changed since
                self._kept[person.person_id] = (person, found)
                self._kept.move_to_end(person.person_id)
                while len(self._kept) > self._size:
                    self._kept.popitem(last=False)
        return found

    def use(self, matcher: Matcher) -> None:
        """Match with other rules from now on; what is kept is dropped where the rules are not the same."""
        with self._lock:
            if matcher.hash != self._matcher.hash:
                self._kept.clear()
                self._matcher = matcher

    def __len__(self) -> int:
        return len(self._kept)


def _still_holds(then: Person, matches: Matches, now: Person, as_of: datetime) -> bool:
    if as_of < matches.as_of or (then is not now and then != now):
        return False
    return as_of == matches.as_of or matches.valid_until is None or as_of < matches.valid_until
